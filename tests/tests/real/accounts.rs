//! The municipal accounts. What is known of their figures is a derived table (98 municipalities, 2018-2023, five
//! sectors), not an answer of the agency: it says which figures are to be expected. A simulated agency is seeded with
//! them, and the lake must give them back. That proves the arithmetic of the mapping (sectors published once, both
//! `Samlet` rows taken as controls, no unit mistaken, nothing lost on the way to Parquet), not the agency's form.

use std::{collections::BTreeMap, path::Path};

use jiff::civil::date;
use klimalade_connect::Secrets;
use klimalade_demo::{AccountFigure, Agencies, Script};
use klimalade_run::Status;
use klimalade_tests::real_folder;
use klimalade_transport::Secret;
use serde_json::Value as Json;
use tokio::sync::OnceCell;

use crate::ground::{Ground, Harvest, Row, assert_close, json, number, sums};

const OWNER: &str = "ens_climate_account";
const SECRET: &str = "klimaregnskabet_api_key";

/// The table's name of a sector and ours. Its `affald` is the sum of the agency's `Affaldsdeponi` and `Spildevand`.
const SECTORS: [(&str, &str); 5] = [
    ("energi", "energy"),
    ("transport", "transport"),
    ("landbrug", "agriculture_land"),
    ("affald", "waste"),
    ("industri", "industrial_processes"),
];

/// Municipality, year, the table's sector.
type Key = (String, String, &'static str);

fn table(real: &Path) -> Json {
    json(&real.join("energistyrelsen/klimaregnskab_by_kommune_2018_2023.json"))
}

/// Tonnes by municipality, year and sector.
fn expected(table: &Json) -> BTreeMap<Key, f64> {
    let mut figures = BTreeMap::new();
    for town in table["kommuner"].as_array().unwrap() {
        let code = town["kommuneKode"].as_str().unwrap();
        for (at, year) in town["years"].as_array().unwrap().iter().enumerate() {
            for (sector, _) in SECTORS {
                figures.insert(
                    (code.to_owned(), year.to_string(), sector),
                    town["sektorer"][sector][at].as_f64().unwrap(),
                );
            }
        }
    }
    figures
}

/// The figures as the agency's six sectors. The table does not say how `affald` falls on landfill and wastewater: three
/// quarters and one quarter here, which is arbitrary, and no test looks at the two apart.
fn seeded(figures: &BTreeMap<Key, f64>) -> Vec<AccountFigure> {
    let figure = |code: &str, year: &str, sector: &str, tonne| AccountFigure {
        municipality_code: code.to_owned(),
        year: year.parse().unwrap(),
        sector: sector.to_owned(),
        tonne,
    };
    let mut seeded = Vec::new();
    for ((code, year, sector), tonne) in figures {
        match *sector {
            "energi" => seeded.push(figure(code, year, "Energi", *tonne)),
            "transport" => seeded.push(figure(code, year, "Transport", *tonne)),
            "landbrug" => seeded.push(figure(code, year, "Landbrug", *tonne)),
            "industri" => seeded.push(figure(code, year, "Kemiske processer", *tonne)),
            "affald" => {
                seeded.push(figure(code, year, "Affaldsdeponi", tonne * 0.75));
                seeded.push(figure(code, year, "Spildevand", tonne * 0.25));
            }
            other => panic!("{other} is no sector of the table"),
        }
    }
    seeded
}

async fn night(figures: &BTreeMap<Key, f64>) -> Harvest {
    let script = Script {
        today: date(2026, 11, 23),
        account_figures: Some(seeded(figures)),
        ..Script::default()
    };
    let agencies = Agencies::start(script).unwrap();
    let mut secrets = Secrets::default();
    secrets.insert(SECRET.to_owned(), Secret::new("simulated-key"));
    let ground = Ground::new();
    let report = ground.night(OWNER, agencies.hosts(), secrets, true).await;
    ground.harvest(report)
}

static HARVEST: OnceCell<Harvest> = OnceCell::const_new();

async fn harvest(figures: &BTreeMap<Key, f64>) -> &'static Harvest {
    HARVEST.get_or_init(|| night(figures)).await
}

#[tokio::test]
async fn a_simulated_agency_seeded_with_the_known_figures_gives_them_back_from_the_lake() {
    let Some(real) = real_folder() else { return };
    let table = table(&real);
    let expected = expected(&table);
    assert_eq!(expected.len(), 98 * 6 * 5);
    let Harvest { report, rows, .. } = harvest(&expected).await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    let years: Vec<&str> = report.parts.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(years, ["2018", "2019", "2020", "2021", "2022", "2023"]);

    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row["indicator_code"] == "ghg_emissions")
        .collect();
    assert_eq!(rows.len(), 98 * 6 * 6);
    // Nobody may take these for the agency's own.
    assert!(rows.iter().all(|row| row["source_id"] == "sim_ens_klimaregnskab"));
    let one = |row: &Row, column: &str| row[column].clone();
    assert!(rows.iter().all(|row| one(row, "unit_code") == "tonne_co2e"
        && one(row, "gas_code") == "co2e"
        && one(row, "area_level") == "municipality"));

    // Sector sums per municipality.
    let theirs = |ours: &str| match ours {
        "waste_landfill" | "wastewater" => "affald",
        other => {
            SECTORS
                .iter()
                .find(|(_, code)| *code == other)
                .unwrap_or_else(|| panic!("{other} is no sector"))
                .0
        }
    };
    let found = sums(rows.iter().map(|row| {
        (
            (one(row, "area_code"), one(row, "year"), theirs(&row["sector_code"])),
            number(row, "value").unwrap(),
        )
    }));
    assert_close(&found, &expected, 1e-6);

    // Municipal sums: the table's own totals are rounded to 0.1 t, as each of its five sectors is.
    let totals = sums(
        rows.iter()
            .map(|row| ((one(row, "area_code"), one(row, "year")), number(row, "value").unwrap())),
    );
    let mut stated = BTreeMap::new();
    for town in table["kommuner"].as_array().unwrap() {
        for (at, year) in town["years"].as_array().unwrap().iter().enumerate() {
            let key = (town["kommuneKode"].as_str().unwrap().to_owned(), year.to_string());
            stated.insert(key, town["samletUdledning"][at].as_f64().unwrap());
        }
    }
    assert_close(&totals, &stated, 0.31);
    assert!(totals.values().any(|tonne| *tonne < 0.0), "Læsø's account is negative");

    // A naive sum over the year, in Mt with three decimals, as they were read off the edition of 2026-05-18.
    let national = sums(rows.iter().map(|row| (one(row, "year"), number(row, "value").unwrap())));
    for (year, megatonne) in [("2018", "45.529"), ("2022", "36.695"), ("2023", "34.039")] {
        assert_eq!(format!("{:.3}", national[year] / 1e6), megatonne, "{year}");
    }
    let said = table["nationalTotal"]["samletUdledningTon"].as_f64().unwrap();
    assert!(
        (national["2023"] - said).abs() < 98.0 * 0.3,
        "{} and {said}",
        national["2023"]
    );
}

#[tokio::test]
async fn both_totals_of_the_accounts_are_controls_that_agree() {
    let Some(real) = real_folder() else { return };
    let expected = expected(&table(&real));
    let controls = &harvest(&expected).await.controls;
    assert_eq!(controls.len(), 2 * 98 * 6);
    assert!(
        controls.iter().all(|row| row["verdict_code"] == "agrees"),
        "{:?}",
        controls.iter().find(|row| row["verdict_code"] != "agrees")
    );
    for (what, counts) in [
        ("total", (|_| true) as fn(f64) -> bool),
        ("second_aggregation", |tonne| tonne > 0.0),
    ] {
        let stated = controls.iter().filter(|row| row["what_code"] == what);
        let stated = sums(stated.map(|row| {
            (
                (row["area_code"].clone(), row["year"].clone()),
                number(row, "value").unwrap(),
            )
        }));
        let summed =
            sums(expected.iter().map(|((code, year, _), tonne)| {
                ((code.clone(), year.clone()), if counts(*tonne) { *tonne } else { 0.0 })
            }));
        assert_close(&stated, &summed, 1e-6);
    }
}
