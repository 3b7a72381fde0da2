use klimalade_demo::{AccountFigure, Agencies, FaultKind, Script, ScriptedFault};
use serde_json::Value;

use crate::client::{Reply, ask};

fn call(agencies: &Agencies, municipality: &str, year: i16, kind: &str, key: &[(&str, &str)]) -> Reply {
    let address =
        format!("klimaregnskabet.dk/api/municipality-data?municipality={municipality}&year={year}&type={kind}");
    ask(agencies, "GET", &address, key, "").unwrap()
}

fn rows(agencies: &Agencies, municipality: &str, year: i16, kind: &str) -> Vec<Value> {
    let reply = call(agencies, municipality, year, kind, &[("x-api-key", "hemmelig")]);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["data"].as_array().unwrap().clone()
}

fn emissions(rows: &[Value], sector: &str) -> Vec<f64> {
    let kept = rows
        .iter()
        .filter(|row| row["type"] == "Samlet CO2-udledning" && row["enhed"] == "Ton CO2e" && row["sektor"] == sector);
    kept.map(|row| row["værdi"].as_f64().unwrap()).collect()
}

const SECTORS: [&str; 6] = [
    "Energi",
    "Transport",
    "Landbrug",
    "Affaldsdeponi",
    "Spildevand",
    "Kemiske processer",
];

fn sectors(rows: &[Value]) -> Vec<f64> {
    SECTORS.iter().flat_map(|sector| emissions(rows, sector)).collect()
}

const CODES: [&str; 40] = [
    "101", "147", "151", "153", "155", "157", "159", "161", "163", "165", "167", "169", "173", "175", "183", "185",
    "187", "190", "201", "210", "217", "219", "223", "230", "240", "250", "253", "259", "260", "265", "269", "270",
    "306", "316", "320", "326", "329", "330", "336", "340",
];

#[test]
fn a_call_has_58_rows_and_the_total_twice() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let mut differing = 0;
    for code in CODES {
        let rows = rows(&agencies, code, 2023, "Nøgletal");
        assert_eq!(rows.len(), 58);
        let (totals, sectors) = (emissions(&rows, "Samlet"), sectors(&rows));
        assert_eq!((totals.len(), sectors.len()), (2, 6));
        assert!(
            (totals[0] - sectors.iter().sum::<f64>()).abs() < 1e-6,
            "the first is net"
        );
        let positive: f64 = sectors.iter().filter(|tonne| **tonne > 0.0).sum();
        assert!((totals[1] - positive).abs() < 1e-6, "the second is gross");
        differing += usize::from(totals[0] < totals[1]);
        assert_eq!(totals[0] < totals[1], sectors[2] < 0.0, "{code}");
    }
    assert!(
        (1..20).contains(&differing),
        "agriculture is negative in some municipalities, not in all: {differing}"
    );
}

#[test]
fn a_unit_of_percent_holds_a_fraction() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let rows = rows(&agencies, "101", 2022, "Nøgletal");
    let share: Vec<&Value> = rows.iter().filter(|row| row["enhed"] == "%").collect();
    assert_eq!(share.len(), 1);
    assert!((0.0..4.0).contains(&share[0]["værdi"].as_f64().unwrap()));
    assert!(
        rows.iter().any(|row| row["værdi"].is_null()),
        "a sector that uses no energy has null"
    );
}

#[test]
fn without_a_key_or_with_a_wrong_one_the_answer_is_401() {
    let agencies = Agencies::start(Script::default()).unwrap();
    assert_eq!(call(&agencies, "101", 2023, "Nøgletal", &[]).status, 401);
    assert_eq!(
        call(&agencies, "101", 2023, "Nøgletal", &[("x-api-key", "forkert")]).status,
        401
    );
}

#[test]
fn an_unknown_year_or_municipality_has_no_rows() {
    let agencies = Agencies::start(Script::default()).unwrap();
    for (municipality, year) in [("101", 2017), ("101", 2024), ("999", 2023), ("411", 2023)] {
        assert_eq!(
            rows(&agencies, municipality, year, "Nøgletal").len(),
            0,
            "{municipality} {year}"
        );
    }
    assert_eq!(
        rows(&agencies, "0101", 2018, "Nøgletal").len(),
        58,
        "four digits do as well"
    );
}

#[test]
fn figures_that_a_test_brings_take_the_place_of_invented_ones() {
    let figure = |sector: &str, year: i16, tonne: f64| AccountFigure {
        municipality_code: "0101".to_owned(),
        year,
        sector: sector.to_owned(),
        tonne,
    };
    let figures = vec![
        figure("Landbrug", 2023, -12.5),
        figure("Energi", 2023, 1000.25),
        figure("Energi", 2024, 7.0),
    ];
    let agencies = Agencies::start(Script::default().account_figures(figures)).unwrap();
    let rows_2023 = rows(&agencies, "101", 2023, "Nøgletal");
    assert_eq!(
        (emissions(&rows_2023, "Landbrug"), emissions(&rows_2023, "Energi")),
        (vec![-12.5], vec![1000.25])
    );
    let totals = emissions(&rows_2023, "Samlet");
    assert!((totals[1] - totals[0] - 12.5).abs() < 1e-6);
    assert_eq!(emissions(&rows(&agencies, "101", 2024, "Nøgletal"), "Energi"), [7.0]);
    assert!(!emissions(&rows(&agencies, "147", 2023, "Nøgletal"), "Energi").contains(&1000.25));
}

#[test]
fn results_by_carrier_add_up_to_the_sector_energy() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let parts = rows(&agencies, "101", 2021, "Resultat - udledning");
    assert_eq!(
        parts.len(),
        41,
        "4 categories of 10 carriers, and one of them in two rows"
    );
    let sum: f64 = parts.iter().filter_map(|row| row["værdi"].as_f64()).sum();
    let sector = emissions(&rows(&agencies, "101", 2021, "Nøgletal"), "Energi")[0];
    assert!((sum - sector).abs() < sector * 1e-9, "{sum} {sector}");
    let energy = rows(&agencies, "101", 2021, "Resultat - energi");
    assert!(
        energy
            .iter()
            .all(|row| row["enhed"] == "TJ" && row["kategori"].is_string() && row["undertype_3"].is_string())
    );
    let of = |carrier: &str, category: &str| -> Vec<&Value> {
        let same = energy
            .iter()
            .filter(|row| row["undertype_3"] == carrier && row["kategori"] == category);
        same.map(|row| &row["værdi"]).collect()
    };
    assert_eq!(
        of("El til andet", "Husholdninger").len(),
        2,
        "one category and carrier in two rows"
    );
    assert_eq!(of("Kul", "Offentlig service"), [&Value::Null]);
}

#[test]
fn a_short_answer_has_57_rows() {
    let fault = ScriptedFault::new("klimaregnskabet.dk", FaultKind::PageShort).path("municipality=147");
    let agencies = Agencies::start(Script::default().fault(fault)).unwrap();
    assert_eq!(rows(&agencies, "147", 2023, "Nøgletal").len(), 57);
    assert_eq!(rows(&agencies, "101", 2023, "Nøgletal").len(), 58);
}
