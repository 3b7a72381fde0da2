//! TILSKUD2 and FOND19, whole country: answers in texts, through the whole night of their pipelines.

use std::{collections::BTreeMap, path::Path};

use klimalade_connect::Secrets;
use klimalade_run::Status;
use klimalade_testkit::serve::RecordedAnswer;
use klimalade_tests::real_folder;

use crate::ground::{Ground, Harvest, agency, bytes, csv_answer, csv_rows, danish, number};

/// Plan, fetch, decode, map, check and commit of one pipeline over the recorded answer of its table.
async fn night(real: &Path, pipeline: &str, table: &str) -> Harvest {
    let folder = real.join("statbank/recorded");
    let mut ground = Ground::new();
    let source = ground.owner(pipeline).definition.source.as_mut().unwrap();
    source.insert("value_presentation".to_owned(), "default".into());
    let info = bytes(&folder.join(format!("tableinfo_{table}_da.json")));
    let info = RecordedAnswer::ok("text/json; charset=utf-8", info);
    let data = csv_answer(bytes(&folder.join(format!("data_{table}_csv_da.csv"))));
    // The plan is made again after the last fetch.
    let (server, hosts) = agency(vec![info.clone(), data, info]).await;
    let report = ground.night(pipeline, hosts, Secrets::default(), false).await;
    assert_eq!((server.left(), server.unanswered()), (0, 0));
    ground.harvest(report)
}

/// Texts of the raw answer whose figures are sums of others.
const SUMS: [&str; 5] = [
    "TILSKUD I ALT",
    "Direkte støtte i alt (1+2+3)",
    "2 Bio-ordninger i alt",
    "3 Anden direkte støtte i alt",
    "4 Andre ordninger i alt",
];

#[tokio::test]
async fn the_parts_of_tilskud2_are_published_once_in_kroner_and_its_total_controls_them() {
    let Some(real) = real_folder() else { return };
    let Harvest { report, rows, controls } = night(&real, "dst_farm_subsidy", "TILSKUD2").await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    let raw = csv_rows(&bytes(&real.join("statbank/recorded/data_TILSKUD2_csv_da.csv")));
    assert_eq!((raw.len(), rows.len(), controls.len()), (23 * 4, 18 * 4, 4));
    // Millions by year, computed from the raw text; `..` counts as nothing.
    let mut expected: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for row in raw.iter().filter(|row| !SUMS.contains(&row["TILSKUDSART"].trim())) {
        let (sum, missing) = expected.entry(row["TID"].clone()).or_default();
        match danish(&row["INDHOLD"]) {
            Some(value) => *sum += value,
            None => *missing += 1,
        }
    }
    let mut found: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for row in &rows {
        let (sum, missing) = found.entry(row["year"].clone()).or_default();
        match number(row, "value") {
            Some(value) => *sum += value / 1e6,
            None => *missing += 1,
        }
        assert_eq!((row["area_code"].as_str(), row["unit_code"].as_str()), ("DK", "dkk"));
        // The newest two years are provisional.
        let status = match (row.contains_key("value"), row["year"].as_str()) {
            (false, _) => "O",
            (true, "2023" | "2024") => "P",
            (true, _) => "A",
        };
        assert_eq!(row["value_status"], status, "{row:?}");
    }
    assert_eq!(found.len(), 4);
    for (year, (sum, missing)) in &expected {
        let (own, gaps) = found[year];
        assert!((own - sum).abs() < 1e-6, "{year}: {own} instead of {sum}");
        assert_eq!(gaps, *missing, "{year}");
    }
    // The agency rounds: its total of 2021 is two million less than its parts.
    assert_eq!((expected["2021"].0, expected["2021"].1), (6873.0, 7));
    assert!(
        controls.iter().all(|row| row["verdict_code"] == "agrees"),
        "{controls:?}"
    );
}

#[tokio::test]
async fn both_kinds_of_foundation_in_fond19_are_published_and_all_of_them_control_each_purpose() {
    let Some(real) = real_folder() else { return };
    let Harvest { report, rows, controls } = night(&real, "dst_foundation_grants", "FOND19").await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    let raw = csv_rows(&bytes(&real.join("statbank/recorded/data_FOND19_csv_da.csv")));
    assert_eq!((raw.len(), rows.len(), controls.len()), (3 * 7 * 3, 2 * 7 * 3, 7 * 3));
    let nature = rows
        .iter()
        .find(|row| {
            row["category_code"] == "grants_nature"
                && row["detail_code"] == "industrial_foundation"
                && row["year"] == "2023"
        })
        .unwrap();
    let cell = raw
        .iter()
        .find(|row| {
            row["FONDSTYPE"] == "Erhvervsdrivende fonde" && row["HOMR"] == "Naturbeskyttelse" && row["TID"] == "2023"
        })
        .unwrap();
    assert_eq!(
        (cell["INDHOLD"].as_str(), number(nature, "value")),
        ("1127", Some(1.127e9))
    );
    // Climate adaptation of 2022 is 107 million, its two kinds are 106: rounded, within the tolerance.
    let adaptation = controls
        .iter()
        .find(|row| row["category_code"] == "grants_adaptation" && row["year"] == "2022")
        .unwrap();
    assert_eq!(
        (number(adaptation, "difference"), adaptation["verdict_code"].as_str()),
        (Some(-1e6), "agrees")
    );
}
