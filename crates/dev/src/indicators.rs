//! docs/indicators.md: which pipelines fill the transition indicators, and which the tables that have no indicators.

use std::collections::BTreeSet;

use klimalade_catalog::{table_head, table_row};
use klimalade_model::Schemas;
use klimalade_pipeline::Catalogue;

/// One of the partnership's transition indicators, or of the three of adaptation.
struct Asked {
    /// As `transition_indicator` of the code list `indicators` numbers it.
    number: &'static str,
    what: &'static str,
    /// Whether public sources know it of each municipality, and what there is to say.
    by_municipality: &'static str,
    /// Words in the names of pipelines whose rows are projects or plants, and no indicator's.
    named: &'static [&'static str],
}

const fn asked(number: &'static str, what: &'static str, by_municipality: &'static str) -> Asked {
    Asked {
        number,
        what,
        by_municipality,
        named: &[],
    }
}

const ASKED: [Asked; 19] = [
    asked("1", "Floor area of buildings, share built after 2010", "yes"),
    asked("2", "Heating sources", "yes"),
    asked("3", "Wind and solar: capacity and production", "yes"),
    asked("4", "Biogas production", "by plant"),
    asked("5", "Use of coal, oil and natural gas", "yes"),
    Asked {
        named: &["ccs", "ptx"],
        ..asked("6", "CCS and Power-to-X projects", "by project")
    },
    asked("7", "Road traffic work", "yes"),
    asked(
        "8",
        "Modal split",
        "no: not public by municipality. No pipeline fills it, and no other figure stands in for it",
    ),
    asked("9", "Vehicles by propellant", "yes"),
    asked(
        "10",
        "Charging points and cycle paths",
        "partly: where a municipality reports them",
    ),
    asked("11", "Livestock", "yes"),
    Asked {
        named: &["mars"],
        ..asked("12", "Organic soils taken out", "yes, by overlay of the projects")
    },
    asked("13", "Forest and afforestation", "yes"),
    asked("14", "Landfill and waste by treatment", "yes"),
    asked("15", "Wastewater", "yes"),
    asked("16", "Greenhouse gas emissions by sector", "yes"),
    asked("A1", "Areas designated for flooding, erosion and low-lying land", "yes"),
    asked("A2", "Separately sewered share of the catchment area", "yes"),
    asked("A3", "Extreme rain", "yes"),
];

/// Tables whose rows are figures of indicators, or are written by the runner.
const WITH_INDICATORS: [&str; 5] = [
    "observation",
    "observation_within_year",
    "observation_hourly",
    "control_total",
    "revision",
];

/// The whole page.
pub(crate) fn text(catalogue: &Catalogue, schemas: &Schemas) -> String {
    let mut out = String::from(
        "# The transition indicators and the pipelines that fill them\n\n\
         Generated from `schemas/codes/indicators.csv` (`transition_indicator`), the `[publishes]` of the pipelines and\n\
         `crates/dev/src/indicators.rs` by `cargo dev generate --mode write`; edit those. 1 to 16 are the partnership's transition\n\
         indicators, A1 to A3 those of adaptation.\n\n",
    );
    table_head(
        &mut out,
        &[
            "",
            "what is asked",
            "of each municipality?",
            "filled by",
            "nobody fills yet",
        ],
    );
    for asked in &ASKED {
        let (filled, open) = filled(catalogue, schemas, asked);
        table_row(
            &mut out,
            &[
                asked.number,
                asked.what,
                asked.by_municipality,
                &filled.join("<br>"),
                &open.join(", "),
            ],
        );
    }
    out.push_str("\n## Tables without indicators\n\n");
    table_head(&mut out, &["table", "filled by"]);
    for table in schemas.tables.values().filter(|table| table.layer == "core") {
        if !WITH_INDICATORS.contains(&table.name.as_str()) {
            let names = publishers(catalogue, |owned, _| owned == table.name);
            table_row(&mut out, &[&format!("`{}`", table.name), &links(&names)]);
        }
    }
    out
}

/// Codes with the pipelines that publish them, and the codes that none publishes.
fn filled(catalogue: &Catalogue, schemas: &Schemas, asked: &Asked) -> (Vec<String>, Vec<String>) {
    let (mut filled, mut open) = (Vec::new(), Vec::new());
    let list = schemas.codes.get("indicators");
    for code in list.iter().flat_map(|list| list.codes()) {
        let numbers = list.and_then(|list| list.get(code, "transition_indicator"));
        if !numbers.is_some_and(|numbers| numbers.split(' ').any(|number| number == asked.number)) {
            continue;
        }
        let names = publishers(catalogue, |_, published| published.iter().any(|one| one == code));
        match names.is_empty() {
            true => open.push(format!("`{code}`")),
            false => filled.push(format!("`{code}`: {}", links(&names))),
        }
    }
    for word in asked.named {
        let names = catalogue
            .pipelines
            .keys()
            .filter(|name| name.split('_').any(|part| part == *word));
        filled.extend(names.map(|name| links(&[name.as_str()].into())));
    }
    filled.dedup();
    (filled, open)
}

/// Pipelines of which an owner fits, by its table and its indicators.
fn publishers(catalogue: &Catalogue, fits: impl Fn(&str, &[String]) -> bool) -> BTreeSet<&str> {
    let owners = |name: &str| {
        let owners = catalogue.pipelines.get(name).map(|pipeline| &pipeline.owners);
        owners.into_iter().flatten().any(|owner| {
            let definition = &owner.definition;
            fits(&definition.table, &definition.publishes.indicators)
        })
    };
    let names = catalogue.pipelines.keys().map(String::as_str);
    names.filter(|name| owners(name)).collect()
}

fn links(names: &BTreeSet<&str>) -> String {
    let links: Vec<String> = names
        .iter()
        .map(|name| format!("[{name}](../pipelines/{name})"))
        .collect();
    links.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> (Catalogue, Schemas) {
        let nowhere = tempfile::tempdir().unwrap();
        (Catalogue::load(nowhere.path()).unwrap(), Schemas::embedded().unwrap())
    }

    #[test]
    fn every_number_of_the_code_list_stands_on_the_page() {
        let (_, schemas) = embedded();
        let list = &schemas.codes["indicators"];
        for code in list.codes() {
            for number in list.get(code, "transition_indicator").unwrap_or("ref").split(' ') {
                let known = number == "ref" || ASKED.iter().any(|asked| asked.number == number);
                assert!(known, "{code}: {number}");
            }
        }
    }

    #[test]
    fn the_modal_split_alone_has_no_figure_and_says_why() {
        let (catalogue, schemas) = embedded();
        let eighth = ASKED.iter().find(|asked| asked.number == "8").unwrap();
        let (filled, open) = filled(&catalogue, &schemas, eighth);
        assert!(filled.is_empty() && open.is_empty() && eighth.by_municipality.starts_with("no: "));
    }

    #[test]
    fn the_code_list_calls_filled_what_a_pipeline_publishes_and_planned_what_none_does() {
        let (catalogue, schemas) = embedded();
        let list = &schemas.codes["indicators"];
        for code in list.codes() {
            let published = !publishers(&catalogue, |_, published| published.iter().any(|one| one == code)).is_empty();
            let status = if published { "filled" } else { "planned" };
            assert_eq!(list.get(code, "status"), Some(status), "{code}");
        }
    }

    #[test]
    fn the_tables_of_the_climate_action_plans_are_filled() {
        let (catalogue, schemas) = embedded();
        let text = text(&catalogue, &schemas);
        for table in ["plan", "plan_assessment", "target", "action", "survey_answer"] {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("| `{table}` |")))
                .unwrap();
            assert!(line.contains("../pipelines/klimaalliancen_"), "{line}");
        }
    }
}
