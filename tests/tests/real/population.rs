//! FOLK1A by codes: six municipalities, the five regions and the country, both sexes, 100 ages, 1 January 2008-2020.
//! The recorded answer has lost its BOM and CRLF on the way through git; the codes and figures are the agency's.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use klimalade_connect::{Kind, Secrets};
use klimalade_pipeline::{ControlRule, ExpectedAreas, KnownDifference};
use klimalade_run::Status;
use klimalade_testkit::serve::RecordedAnswer;
use klimalade_tests::real_folder;
use tokio::sync::OnceCell;

use crate::ground::{
    Ground, Harvest, Row, agency, area_of, assert_close, bytes, csv_answer, csv_rows, danish, json, number, sums,
    trimmed,
};

const MUNICIPALITIES: [&str; 6] = ["0147", "0400", "0461", "0561", "0751", "0851"];

fn raw(real: &Path) -> Vec<Row> {
    csv_rows(&bytes(&real.join("statbank/recorded/data_FOLK1A_codes_csv_da.csv")))
}

fn is_control(row: &Row) -> bool {
    row["OMRÅDE"].starts_with('0')
}

/// A night over the recorded answer. tableinfo is that of the whole table, cut down to the codes of the answer.
async fn night(real: &Path, expected_areas: Option<ExpectedAreas>) -> Harvest {
    let mut ground = Ground::new();
    let definition = &mut ground.owner("dst_population").definition;
    // The recorded answer is one request for all years.
    definition
        .source
        .as_mut()
        .unwrap()
        .insert("split".to_owned(), "all".into());
    definition.checks.min_rows = 6 * 2 * 100 * 13;
    if let Some(areas) = expected_areas {
        definition.checks.expected_areas = Some(areas);
    }
    // Six municipalities are not the country: the agency's regions cannot agree.
    for what in ["region", "country"] {
        let known = KnownDifference {
            difference: None,
            key: BTreeMap::new(),
            reason: "The recorded answer has six municipalities".to_owned(),
        };
        definition.checks.control.insert(
            what.to_owned(),
            ControlRule {
                known: vec![known],
                ..ControlRule::default()
            },
        );
    }
    let tableinfo = trimmed(json(&real.join("statbank/extra/tableinfo_FOLK1A_da.json")), &raw(real)).to_string();
    let tableinfo = RecordedAnswer::ok("text/json; charset=utf-8", tableinfo);
    let data = csv_answer(bytes(&real.join("statbank/recorded/data_FOLK1A_codes_csv_da.csv")));
    let (server, hosts) = agency(vec![tableinfo.clone(), data, tableinfo]).await;
    let report = ground.night("dst_population", hosts, Secrets::default(), false).await;
    assert_eq!((server.left(), server.unanswered()), (0, 0));
    ground.harvest(report)
}

static HARVEST: OnceCell<Harvest> = OnceCell::const_new();

async fn harvest(real: &Path) -> &'static Harvest {
    HARVEST
        .get_or_init(|| async { night(real, Some(six_municipalities())).await })
        .await
}

fn six_municipalities() -> ExpectedAreas {
    ExpectedAreas {
        level: None,
        except: Vec::new(),
        also: MUNICIPALITIES.map(str::to_owned).to_vec(),
        may: Vec::new(),
        per: vec!["period_start".to_owned()],
    }
}

#[tokio::test]
async fn every_cell_of_folk1a_arrives_under_its_codes() {
    let Some(real) = real_folder() else { return };
    let raw = raw(&real);
    assert_eq!(raw.len(), 31_200);
    let Harvest { report, rows, .. } = harvest(&real).await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    let [part] = report.parts.as_slice() else {
        panic!("one part, not {:?}", report.parts)
    };
    let controls = raw.iter().filter(|row| is_control(row)).count() as u64;
    assert_eq!(
        (part.promised, part.received, part.distinct),
        (Some(31_200), Some(31_200), Some(31_200))
    );
    assert_eq!(
        (part.published, part.control, part.skipped, part.rejected),
        (31_200 - controls, controls, 0, 0)
    );

    let expected: BTreeMap<[String; 4], f64> = raw
        .iter()
        .filter(|row| !is_control(row))
        .map(|row| {
            let sex = if row["KØN"] == "1" { "male" } else { "female" };
            let age = format!("age_{:03}", row["ALDER"].parse::<u32>().unwrap());
            let day = format!("{}-01-01", row["TID"].strip_suffix("K1").unwrap());
            (
                [area_of(&row["OMRÅDE"]), sex.to_owned(), age, day],
                danish(&row["INDHOLD"]).unwrap(),
            )
        })
        .collect();
    let found: BTreeMap<[String; 4], f64> = rows
        .iter()
        .map(|row| {
            let key = ["area_code", "category_code", "detail_code", "period_start"].map(|column| row[column].clone());
            (key, number(row, "value").unwrap())
        })
        .collect();
    assert_eq!(rows.len(), 15_600);
    assert!(found == expected, "cells differ");
    let areas: BTreeSet<&str> = rows.iter().map(|row| row["area_code"].as_str()).collect();
    assert_eq!(areas, BTreeSet::from(MUNICIPALITIES));
    // A stock stands on the day it is counted.
    assert!(
        rows.iter()
            .all(|row| row["period_end"] == row["period_start"].replace("-01-01", "-01-02"))
    );
}

#[tokio::test]
async fn sums_and_named_cells_of_folk1a_are_those_of_the_raw_text() {
    let Some(real) = real_folder() else { return };
    let text = String::from_utf8(bytes(&real.join("statbank/recorded/data_FOLK1A_codes_csv_da.csv"))).unwrap();
    let rows = &harvest(&real).await.rows;
    // Once more without a CSV reader: figures have no decimals and fields no quotes.
    let by_area_and_year = text
        .lines()
        .skip(1)
        .map(|line| line.split(';').collect::<Vec<_>>())
        .filter(|cells| !cells[0].starts_with('0'));
    let expected = sums(by_area_and_year.map(|cells| {
        (
            (format!("0{}", cells[0]), cells[3][..4].to_owned()),
            cells[4].parse().unwrap(),
        )
    }));
    let found = sums(rows.iter().map(|row| {
        (
            (row["area_code"].clone(), row["year"].clone()),
            number(row, "value").unwrap(),
        )
    }));
    assert_eq!(expected.len(), 6 * 13);
    assert_close(&found, &expected, 0.5);
    for (line, area, sex, age, value) in [
        ("851;2;42;2020K1;1217", "0851", "female", "age_042", 1217.0),
        ("147;1;0;2008K1;738", "0147", "male", "age_000", 738.0),
        ("400;2;100;2015K1;1", "0400", "female", "age_100", 1.0),
        ("751;1;25;2019K1;4664", "0751", "male", "age_025", 4664.0),
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is no line of the answer"
        );
        let year = &line.split(';').nth(3).unwrap()[..4];
        let key = [
            ("area_code", area),
            ("category_code", sex),
            ("detail_code", age),
            ("year", year),
        ];
        let row = rows
            .iter()
            .find(|row| key.iter().all(|(column, code)| row[*column] == *code))
            .unwrap();
        assert_eq!(number(row, "value"), Some(value), "{line}");
    }
}

#[tokio::test]
async fn regions_of_folk1a_are_controls_compared_with_their_municipalities() {
    let Some(real) = real_folder() else { return };
    let raw = raw(&real);
    let controls = &harvest(&real).await.controls;
    assert_eq!(controls.len(), raw.iter().filter(|row| is_control(row)).count());
    // What the agency said: its figure stands beside what we computed.
    let stated = sums(raw.iter().filter(|row| is_control(row)).map(|row| {
        (
            (area_of(&row["OMRÅDE"]), row["TID"][..4].to_owned()),
            danish(&row["INDHOLD"]).unwrap(),
        )
    }));
    let kept = sums(controls.iter().map(|row| {
        (
            (row["area_code"].clone(), row["year"].clone()),
            number(row, "value").unwrap(),
        )
    }));
    assert_close(&kept, &stated, 0.5);
    // Odense and Esbjerg are those of Region Syddanmark in the answer; none is in Region Sjælland.
    let southern = |row: &&Row| ["461", "561"].contains(&row["OMRÅDE"].as_str());
    let expected = sums(
        raw.iter()
            .filter(southern)
            .map(|row| (row["TID"][..4].to_owned(), danish(&row["INDHOLD"]).unwrap())),
    );
    let computed = controls.iter().filter(|row| row["area_code"] == "1083");
    let computed = sums(computed.map(|row| (row["year"].clone(), number(row, "computed_value").unwrap())));
    assert_close(&computed, &expected, 0.5);
}

#[tokio::test]
async fn under_the_pipelines_own_expected_areas_six_municipalities_are_refused() {
    let Some(real) = real_folder() else { return };
    let Harvest { report, rows, .. } = night(&real, None).await;
    assert_eq!(
        (report.status, report.kind),
        (Status::Failed, Some(Kind::Contract)),
        "{:?}",
        report.faults
    );
    assert!(
        report.faults.iter().any(|fault| fault.contains("areas")),
        "{:?}",
        report.faults
    );
    assert!(rows.is_empty());
}
