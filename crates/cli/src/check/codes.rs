use klimalade_model::{Fault, Table, nearest};
use klimalade_pipeline::Task;
use klimalade_run::check_freshness_declared;

use super::{About, Step};

/// Table, source, licence, indicators and areas against the common schema.
pub(super) fn step(about: &About<'_>) -> Step {
    let mut step = Step::new("codes", "source, licence, indicators and areas stand in the code lists");
    let definition = &about.owner.definition;
    let table = match about.schemas.table(&definition.table) {
        Ok(table) => {
            if table.by_runner {
                step.errors.push(
                    Fault::settings("no pipeline may fill this table")
                        .at(about.at(&["table"]))
                        .found(table.name.clone()),
                );
            }
            Some(table)
        }
        Err(fault) => {
            step.errors.push(fault.at(about.at(&["table"])));
            None
        }
    };
    if let Some(table) = table {
        let declared = check_freshness_declared(definition, table);
        step.errors
            .extend(declared.err().map(|fault| fault.at(about.at(&["checks", "freshness"]))));
    }
    let mut known = |list: &str, code: &str, path: &[&str]| {
        step.errors.extend(unknown(about, list, code, path));
    };
    known("sources", &definition.source_id, &["source_id"]);
    if let Some(licence) = &definition.licence_code {
        known("licences", licence, &["licence_code"]);
    }
    for (at, indicator) in definition.publishes.indicators.iter().enumerate() {
        known("indicators", indicator, &["publishes", "indicators", &at.to_string()]);
    }
    for indicator in definition.checks.range.keys() {
        known("indicators", indicator, &["checks", "range", indicator]);
    }
    for (at, area) in definition
        .publishes
        .areas
        .codes()
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        known("areas", area, &["publishes", "areas", &at.to_string()]);
    }
    if let Some(expected) = &definition.checks.expected_areas {
        for (name, areas) in [
            ("also", &expected.also),
            ("may", &expected.may),
            ("except", &expected.except),
        ] {
            for (at, area) in areas.iter().enumerate() {
                known("areas", area, &["checks", "expected_areas", name, &at.to_string()]);
            }
        }
        if let Some(level) = &expected.level {
            known("area_levels", level, &["checks", "expected_areas", "level"]);
        }
        let columns = table.map(|table| table.columns.as_slice()).unwrap_or_default();
        for name in expected.per.iter().filter(|_| !columns.is_empty()) {
            if !columns.iter().any(|column| column.field.name == *name) {
                let names = columns.iter().map(|column| column.field.name.as_str());
                step.errors.push(
                    Fault::settings("the table has no such column")
                        .at(about.at(&["checks", "expected_areas", "per"]))
                        .found(name.clone())
                        .hint(meant(name, names, &format!("klimalade schema {}", definition.table))),
                );
            }
        }
    }
    if definition.kind == Task::Harvest && definition.raw_of.is_none() && definition.licence_code.is_none() {
        step.errors.push(
            Fault::settings("the pipeline names no licence")
                .at(about.at(&[]))
                .expected("licence_code, from the code list licences")
                .hint("licence_code = \"cc_by_4_0\"; klimalade schema licences"),
        );
    }
    // What out shows of an indicator is another owner's.
    let holds_figures =
        |table: &Table| !table.is_out() && table.column("indicator_code").is_some() && table.column("value").is_some();
    if table.is_some_and(holds_figures) && definition.publishes.indicators.is_empty() {
        step.errors.push(
            Fault::settings("the pipeline declares no indicator")
                .at(about.at(&["publishes"]))
                .hint("[publishes] indicators = [\"...\"]; klimalade schema indicators"),
        );
    }
    step
}

fn unknown(about: &About<'_>, list: &str, code: &str, path: &[&str]) -> Option<Fault> {
    let codes = match about.schemas.code_list(list) {
        Ok(codes) => codes,
        Err(fault) => return Some(fault),
    };
    if codes.contains(code) {
        return None;
    }
    let columns: Vec<&str> = codes.own_columns().collect();
    let own = format!(
        "klimalade schema {list}; a row of your own goes to schemas/codes/{list}.csv under --home, below the line {}",
        columns.join(",")
    );
    let fault = Fault::settings(format!("not in the code list {list}"))
        .at(about.at(path))
        .found(code.to_owned());
    Some(match codes.likely(code) {
        Some(meant) => fault.hint(format!("did you mean {meant}; {own}")),
        None => fault.hint(own),
    })
}

/// `did you mean ...`, or else this.
pub(super) fn meant<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    match nearest(wrong, candidates) {
        Some(name) => format!("did you mean {name}"),
        None => otherwise.to_owned(),
    }
}
