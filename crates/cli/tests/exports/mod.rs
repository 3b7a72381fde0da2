//! `export`: the files as they are written, from a demo lake of the pipelines that they are made from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::common::{Place, Said, snapshot};

/// A demo lake of the municipal accounts, CDP's answers and the national inventory.
fn lake(place: &Place) -> PathBuf {
    let lake = place.lake("lake");
    let night = [
        "run",
        "ens_climate_account",
        "cdp_targets",
        "cdp_actions",
        "cdp_plans",
        "kefm_inventory",
        "--demo",
        "--demo-factor",
        "0.1",
    ];
    let said = place.say_on(&lake, &night);
    assert_eq!(said.code, Some(0), "{}", said.err);
    lake
}

fn export(place: &Place, lake: &Path, arguments: &[&str]) -> Said {
    let mut all = vec!["export", "--demo"];
    all.extend(arguments);
    place.say_on(lake, &all)
}

#[track_caller]
fn exported(place: &Place, lake: &Path, arguments: &[&str]) -> String {
    let said = export(place, lake, arguments);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("SIMULATED figures: lake "), "{}", said.err);
    said.out
}

/// What stands above the rows, and the rows by the names of their columns.
fn rows(text: &str) -> (BTreeMap<String, String>, Vec<BTreeMap<String, String>>) {
    let (header, body): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("# "));
    let header = header.iter().filter_map(|line| line[2..].split_once(": "));
    let body = body.join("\n");
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    (
        header
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        reader.deserialize().map(Result::unwrap).collect(),
    )
}

#[track_caller]
fn row<'a>(rows: &'a [BTreeMap<String, String>], place: &str) -> &'a BTreeMap<String, String> {
    rows.iter()
        .find(|row| row["ref"] == place)
        .unwrap_or_else(|| panic!("no {place}"))
}

#[test]
fn the_gpc_table_of_a_municipality_says_what_it_is_and_its_total_is_the_accounts() {
    let place = Place::new();
    let lake = lake(&place);
    let text = exported(&place, &lake, &["gpc", "--area", "0751", "--year", "2022"]);
    let (header, rows) = rows(&text);
    assert_eq!(header["area"], "0751 Aarhus");
    assert_eq!(header["licence"], "not_stated");
    assert_eq!(header["simulated"], "yes: every figure is invented");
    assert!(
        header["source"].starts_with("sim_ens_klimaregnskab: Kilde: Energi- og CO₂-regnskabet"),
        "{header:?}"
    );
    assert!(header["edition"].contains("first seen 20"), "{header:?}");
    let said = place.say_on(
        &lake,
        &[
            "query",
            "SELECT sum(value) AS tonnes FROM core.observation \
             WHERE indicator_code = 'ghg_emissions' AND area_code = '0751' AND year = 2022",
            "--format",
            "csv",
        ],
    );
    let account: f64 = said.out.lines().nth(1).unwrap().parse().unwrap();
    let total: f64 = row(&rows, "TOTAL")["tonne_co2e"].parse().unwrap();
    assert!((account - total).abs() < 0.001, "{account} {total}");
    let line = row(&rows, "I.1.1");
    assert_eq!(
        (
            line["tonne_co2e"].as_str(),
            line["notation_key"].as_str(),
            line["included_in"].as_str()
        ),
        ("", "IE", "I")
    );
    assert_eq!(row(&rows, "I.4.4")["notation_key"], "NE");
    assert_eq!(row(&rows, "I")["gas_key"], "IE", "not split by gas");
    assert!(!text.contains(",0.000,"), "no zero is invented");
}

#[test]
fn the_crf_table_of_a_municipality_joins_what_its_account_does_not_split_and_denmarks_has_gases() {
    let place = Place::new();
    let lake = lake(&place);
    let (_, of_area) = rows(&exported(&place, &lake, &["crf", "--area", "0751", "--year", "2022"]));
    assert_eq!(row(&of_area, "3+4")["kind"], "joint");
    assert_eq!(row(&of_area, "3.A")["included_in"], "3+4");
    let (header, national) = rows(&exported(&place, &lake, &["crf", "--area", "DK", "--year", "2022"]));
    assert_eq!(header["gwp"], "ar5");
    let number = |place: &str, column: &str| row(&national, place)[column].parse::<f64>().unwrap_or_default();
    assert!(number("3.A", "ch4_tonne_co2e") > 0.0);
    let gases = ["co2", "co2_indirect", "ch4", "n2o", "hfc", "pfc", "sf6", "nf3"];
    let split: f64 = gases
        .iter()
        .map(|gas| number("TOTAL", &format!("{gas}_tonne_co2e")))
        .sum();
    assert!((split - number("TOTAL", "tonne_co2e")).abs() < 0.01, "{split}");
    assert_eq!(row(&national, "3.C")["notation_key"], "NO");
}

#[test]
fn rows_for_cdp_have_the_questionnaires_columns_and_leave_open_what_is_not_known() {
    let place = Place::new();
    let lake = lake(&place);
    let (header, answers) = rows(&exported(&place, &lake, &["cdp", "--area", "0751"]));
    assert!(header["not known"].contains("numbers of columns"), "{header:?}");
    let of = |question: &str, column: &str| -> Vec<&BTreeMap<String, String>> {
        let is_it =
            |row: &&BTreeMap<String, String>| row["question_number"] == question && row["column_name"] == column;
        answers.iter().filter(is_it).collect()
    };
    let percents = of("5.0a", "Percentage reduction target");
    assert_eq!(percents.len(), 2);
    assert_eq!(
        (
            percents[0]["account_number"].as_str(),
            percents[0]["row_number"].as_str(),
            percents[0]["response_answer"].as_str()
        ),
        ("50540", "1", "70")
    );
    assert!(
        of("5.4", "Action title")
            .iter()
            .any(|row| row["response_answer"].contains("på tværs"))
    );
    assert!(
        of("5.4", "Mitigation action")
            .iter()
            .all(|row| row["wording"] == "klimalade")
    );
    assert_eq!(of("5.5", "").len(), 1);
    let figures = of("", "Emissions (metric tonnes CO2e)");
    let keys = of("", "Notation key");
    assert!(
        figures.iter().any(|row| row["row_name"].starts_with("II ")),
        "{figures:?}"
    );
    assert!(
        keys.iter()
            .any(|row| row["row_name"].starts_with("I.4.4 ") && row["response_answer"] == "NE")
    );
    assert!(
        answers
            .iter()
            .all(|row| row["column_number"].is_empty() && row["organization"] == "Aarhus Kommune")
    );
}

#[test]
fn sdmx_has_every_row_of_the_indicator_once_and_a_structure_that_names_its_columns() {
    let place = Place::new();
    let lake = lake(&place);
    let folder = place.lake("sdmx");
    let name = folder.display().to_string();
    let asked = ["sdmx", "--indicator", "ghg_emissions", "--out", &name];
    assert_eq!(exported(&place, &lake, &asked), "");
    let mut reader = csv::Reader::from_path(folder.join("observation.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    assert_eq!(
        header.iter().take(3).collect::<Vec<_>>(),
        ["STRUCTURE", "STRUCTURE_ID", "ACTION"]
    );
    let written: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let said = place.say_on(
        &lake,
        &[
            "query",
            "SELECT count(*) AS n FROM core.observation WHERE indicator_code = 'ghg_emissions'",
            "--format",
            "csv",
        ],
    );
    assert_eq!(written.len().to_string(), said.out.lines().nth(1).unwrap());
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    assert!(at("TIME_PERIOD") < at("OBS_VALUE"));
    let mut keys: Vec<String> = written
        .iter()
        .map(|row| {
            row.iter()
                .skip(3)
                .take(at("OBS_VALUE") - 3)
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), written.len(), "a key twice");
    assert!(
        written
            .iter()
            .all(|row| &row[1] == "KLIMALADE:OBSERVATION(1.0.0)" && &row[at("UNIT_MEASURE")] == "tonne_co2e")
    );
    let structure = std::fs::read_to_string(folder.join("structure.xml")).unwrap();
    for column in header.iter().skip(3) {
        assert!(
            structure.contains(&format!("<str:Concept id=\"{column}\">")),
            "{column}"
        );
    }
    assert!(structure.contains("<mes:Test>true</mes:Test>"), "simulated");
    assert!(
        structure.contains("Århus") || structure.contains("Ærø"),
        "Danish letters"
    );
    let again = export(&place, &lake, &asked);
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert!(again.err.contains("--force writes over it"), "{}", again.err);
}

#[test]
fn an_export_of_what_is_not_there_is_refused_with_what_to_type() {
    let place = Place::new();
    let lake = lake(&place);
    let mut text = String::new();
    for arguments in [
        &["gpc", "--area", "Århus", "--year", "2022"][..],
        &["gpc", "--area", "0751", "--year", "1990"],
        &["gpc", "--area", "DK", "--year", "2022"],
        &["crf", "--area", "1084", "--year", "2022"],
        &["gpc", "--area", "0751"],
        &[
            "gpc",
            "--area",
            "0751",
            "--year",
            "2022",
            "--indicator",
            "ghg_emissions",
        ],
        &["cdp", "--area", "DK"],
        &["sdmx", "--indicator", "ghg_emission", "--out", "sdmx"],
        &["sdmx"],
        &["sdmx", "--area", "0751", "--out", "sdmx"],
        &["csv"],
    ] {
        let said = export(&place, &lake, arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}{}", said.out, said.err);
        text.push_str(&format!(
            "$ klimalade export {}\n{}\n",
            arguments.join(" "),
            said.whole(&place)
        ));
    }
    snapshot("errors-export.txt", &text);
}
