//! ARE207, the land area of the municipalities 2007-2026: an answer in texts (asked for without `valuePresentation`).

use std::{collections::BTreeMap, path::Path};

use klimalade_connect::{Kind, Secrets};
use klimalade_run::Status;
use klimalade_testkit::serve::RecordedAnswer;
use klimalade_tests::real_folder;
use tokio::sync::OnceCell;

use crate::ground::{
    Ground, Harvest, Row, agency, area_of, assert_close, bytes, csv_answer, csv_rows, danish, json, number, sums,
};

/// Area code (ours), year, figure: the raw text with its area texts made codes by tableinfo.
type Cell = (String, i16, Option<f64>);

fn cells(folder: &Path) -> Vec<Cell> {
    let tableinfo = json(&folder.join("tableinfo_ARE207_da.json"));
    let areas: BTreeMap<&str, &str> = tableinfo["variables"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (value["text"].as_str().unwrap(), value["id"].as_str().unwrap()))
        .collect();
    csv_rows(&bytes(&folder.join("data_ARE207_csv_da.csv")))
        .iter()
        .map(|row| {
            (
                area_of(areas[row["OMRÅDE"].as_str()]),
                row["TID"].parse().unwrap(),
                danish(&row["INDHOLD"]),
            )
        })
        .collect()
}

fn is_control(area: &str) -> bool {
    area == "DK" || area.starts_with("10")
}

/// The whole night: plan, fetch, raw, decode, map, check, commit.
async fn night(folder: &Path, data: Vec<u8>) -> Harvest {
    let mut ground = Ground::new();
    let source = ground.owner("dst_area").definition.source.as_mut().unwrap();
    source.insert("value_presentation".to_owned(), "default".into());
    let tableinfo = RecordedAnswer::ok(
        "text/json; charset=utf-8",
        bytes(&folder.join("tableinfo_ARE207_da.json")),
    );
    // The plan is made again after the last fetch.
    let (server, hosts) = agency(vec![tableinfo.clone(), csv_answer(data), tableinfo]).await;
    let report = ground.night("dst_area", hosts, Secrets::default(), false).await;
    assert_eq!((server.left(), server.unanswered()), (0, 0));
    ground.harvest(report)
}

static HARVEST: OnceCell<Harvest> = OnceCell::const_new();

async fn harvest(folder: &Path) -> &'static Harvest {
    HARVEST
        .get_or_init(|| async { night(folder, bytes(&folder.join("data_ARE207_csv_da.csv"))).await })
        .await
}

#[tokio::test]
async fn every_cell_of_are207_arrives_under_its_code() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("statbank/recorded");
    let cells = cells(&folder);
    assert_eq!(cells.len(), 2100);
    let Harvest { report, rows, .. } = harvest(&folder).await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    let [part] = report.parts.as_slice() else {
        panic!("one part, not {:?}", report.parts)
    };
    let controls = cells.iter().filter(|(area, ..)| is_control(area)).count() as u64;
    assert_eq!(
        (part.promised, part.received, part.distinct),
        (Some(2100), Some(2100), Some(2100))
    );
    assert_eq!(
        (part.mapped, part.control, part.skipped, part.rejected),
        (2100, controls, 0, 0)
    );
    assert_eq!(part.published, 2100 - controls);

    let key = |row: &Row| (row["area_code"].clone(), row["year"].parse::<i16>().unwrap());
    let found: BTreeMap<(String, i16), Option<f64>> = rows.iter().map(|row| (key(row), number(row, "value"))).collect();
    let expected: BTreeMap<(String, i16), Option<f64>> = cells
        .iter()
        .filter(|(area, ..)| !is_control(area))
        .map(|(area, year, value)| ((area.clone(), *year), *value))
        .collect();
    assert_eq!(rows.len(), 99 * 20);
    assert_eq!(found, expected);
    for row in rows {
        let day = format!("{}-01-01", row["year"]);
        let status = if row.contains_key("value") { "A" } else { "O" };
        assert_eq!((&row["period_start"], row["value_status"].as_str()), (&day, status));
        assert_eq!(
            (row["unit_code"].as_str(), row["source_id"].as_str()),
            ("km2", "dst_are207")
        );
    }
    let per_year = |cells: &BTreeMap<(String, i16), Option<f64>>| {
        sums(
            cells
                .iter()
                .map(|((_, year), value)| (*year, value.unwrap_or_default())),
        )
    };
    assert_close(&per_year(&found), &per_year(&expected), 1e-6);
}

#[tokio::test]
async fn named_cells_of_are207_are_those_of_the_raw_lines() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("statbank/recorded");
    let text = String::from_utf8(bytes(&folder.join("data_ARE207_csv_da.csv"))).unwrap();
    let rows = &harvest(&folder).await.rows;
    for (line, area, value) in [
        ("København;2007;88,25", "0101", Some(88.25)),
        ("København;2026;90,90", "0101", Some(90.9)),
        ("Aarhus;2026;468,20", "0751", Some(468.2)),
        ("Ringkøbing-Skjern;2020;1470,70", "0760", Some(1470.7)),
        ("Høje-Taastrup;2015;78,34", "0169", Some(78.34)),
        ("Læsø;2024;122,10", "0825", Some(122.1)),
        ("Christiansø;2010;0,40", "0411", Some(0.4)),
        ("Christiansø;2014;..", "0411", None),
        ("Christiansø;2015;0,00", "0411", Some(0.0)),
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is no line of the answer"
        );
        let year = line.split(';').nth(1).unwrap();
        let row = rows
            .iter()
            .find(|row| row["area_code"] == area && row["year"] == year)
            .unwrap();
        assert_eq!(number(row, "value"), value, "{line}");
    }
}

#[tokio::test]
async fn regions_and_country_of_are207_agree_with_the_municipalities_but_for_2013() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("statbank/recorded");
    // Membership from DAWA, not from the code list that the run reads.
    let regions: BTreeMap<String, String> = json(&real.join("dawa/kommuner.json"))
        .as_array()
        .unwrap()
        .iter()
        .map(|area| {
            (
                area["kode"].as_str().unwrap().to_owned(),
                area["regionskode"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let cells = cells(&folder);
    let municipal = || cells.iter().filter(|(area, ..)| !is_control(area));
    let mut expected =
        sums(municipal().map(|(area, year, value)| ((regions[area].clone(), *year), value.unwrap_or_default())));
    expected.extend(sums(
        municipal().map(|(_, year, value)| (("DK".to_owned(), *year), value.unwrap_or_default())),
    ));
    let controls = &harvest(&folder).await.controls;
    assert_eq!(controls.len(), 6 * 20);
    let computed = controls.iter().map(|row| {
        (
            (row["area_code"].clone(), row["year"].parse().unwrap()),
            number(row, "computed_value").unwrap(),
        )
    });
    assert_close(&computed.collect(), &expected, 1e-6);
    let known: Vec<&Row> = controls.iter().filter(|row| row["verdict_code"] != "agrees").collect();
    let [row] = known.as_slice() else {
        panic!("one known difference, not {known:?}")
    };
    assert_eq!(
        (
            row["verdict_code"].as_str(),
            row["area_code"].as_str(),
            row["year"].as_str()
        ),
        ("known", "DK", "2013")
    );
    let stated = cells
        .iter()
        .find(|(area, year, _)| area == "DK" && *year == 2013)
        .unwrap()
        .2
        .unwrap();
    // Our sum less the agency's: her regions come to less than her country.
    let difference = expected[&("DK".to_owned(), 2013)] - stated;
    assert!((difference + 3.6).abs() < 0.05, "{difference}");
    assert!(
        (number(row, "difference").unwrap() - difference).abs() < 1e-6,
        "{row:?}"
    );
    assert!(row["reason"].contains("42915.7"), "{row:?}");
}

/// No variable of the recorded tables has a text twice, so the trap is set here: Frederiksberg is called København.
#[tokio::test]
async fn a_text_that_two_areas_share_is_refused_and_codes_are_not() {
    let Some(real) = real_folder() else { return };
    let mut tableinfo = json(&real.join("statbank/recorded/tableinfo_ARE207_da.json"));
    let values = tableinfo["variables"][0]["values"].as_array_mut().unwrap();
    let other = values.iter_mut().find(|value| value["id"] == "147").unwrap();
    other["text"] = "København".into();
    let ground = Ground::new();
    for (presentation, is_refused) in [("default", true), ("code", false)] {
        let settings = serde_json::json!({
            "table": "ARE207", "select": {"OMRÅDE": ["*"]}, "split": "all", "value_presentation": presentation,
        });
        let (_server, hosts) = agency(vec![RecordedAnswer::json(tableinfo.to_string())]).await;
        let planned = ground
            .open("statbank", settings)
            .plan(&ground.context(hosts, Secrets::default()))
            .await;
        if !is_refused {
            assert_eq!(planned.unwrap()[0].promised, Some(2100));
            continue;
        }
        let fault = planned.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.found_text()),
            (Kind::Settings, Some("København")),
            "{fault}"
        );
        assert_eq!(fault.what(), "a text stands for two codes");
        assert!(fault.places().iter().any(|place| place == "OMRÅDE"), "{fault}");
    }
}

/// The texts of another language, or of another day, are not guessed at.
#[tokio::test]
async fn a_text_that_tableinfo_does_not_have_is_refused() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("statbank/recorded");
    let text = String::from_utf8(bytes(&folder.join("data_ARE207_csv_da.csv"))).unwrap();
    assert!(text.contains("\nAarhus;"));
    let Harvest { report, rows, .. } = night(&folder, text.replace("\nAarhus;", "\nÅrhus;").into_bytes()).await;
    assert_eq!(
        (report.status, report.kind),
        (Status::Failed, Some(Kind::Contract)),
        "{:?}",
        report.faults
    );
    assert!(report.faults[0].contains("Århus"), "{:?}", report.faults);
    assert!(rows.is_empty());
}
