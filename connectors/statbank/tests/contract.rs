//! The contract suite of testkit against the simulated StatBank, and against a small table with Danish letters in its
//! codes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::DataType;
use klimalade_connect::{Connector, Kind, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_statbank::{Settings, Statbank};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T02:00:00Z";

fn open(settings: Value) -> Arc<Statbank> {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    Arc::new(Statbank::open(settings).unwrap())
}

async fn keeps_the_contract(settings: Value, cells: Vec<(String, String)>) {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(settings);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let empty = bench::page("\u{feff}OMRÅDE;TID;INDHOLD\r\n".as_bytes());
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(
            &bench::columns(&[
                ("area", "OMRÅDE", DataType::Utf8),
                ("year", "TID", DataType::Utf8),
                ("km2", "INDHOLD", DataType::Float64),
            ]),
            &["area", "year"],
        ),
        // Country, five regions, 98 municipalities and Christiansø in each of the years 2007 to 2026.
        expected: Expected {
            rows: Rows::PerPart(
                (2007..=2026)
                    .map(|year| (year.to_string(), 105))
                    .collect::<BTreeMap<_, _>>(),
            ),
            cells,
        },
        empty: Some((part, empty)),
        declared: &[] as &[Unsupported],
    })
    .await;
}

#[tokio::test]
async fn codes_in_csv_keep_the_contract() {
    let settings = json!({ "table": "ARE207", "select": { "OMRÅDE": ["*"] }, "expect_unit": "Km2", "max_cells": 120 });
    keeps_the_contract(
        settings,
        vec![
            ("area".to_owned(), "101".to_owned()),
            ("year".to_owned(), "2024".to_owned()),
        ],
    )
    .await;
}

#[tokio::test]
async fn texts_keep_the_contract_as_codes() {
    let settings = json!({ "table": "are207", "select": { "område": ["*"] }, "value_presentation": "default" });
    keeps_the_contract(settings, vec![("area".to_owned(), "825".to_owned())]).await;
}

/// Crops and years in hundredths of a tonne; the last is of the total.
const CROPS: [(&str, [i64; 2]); 4] = [
    ("HØST", [150, 0]),
    ("ÆBLE", [0, 4_309_831]),
    ("ÅKER", [225, 5]),
    ("TOT", [375, 4_309_836]),
];
const YEARS: [&str; 2] = ["2023", "2024"];

/// A table of three crops and their total. BULK leaves out zeros, and all rows behind the first `bulk_rows`.
fn crops(asked: &Asked, bulk_rows: usize) -> Answer {
    if asked.path.ends_with("/tableinfo") {
        let values = |ids: Vec<&str>| -> Vec<Value> {
            ids.iter()
                .map(|id| json!({ "id": id, "text": format!("Tekst om {id}") }))
                .collect()
        };
        let table = json!({ "id": "HØST9", "unit": "ton", "updated": "2026-02-27T08:00:00", "active": true,
            "suppressedDataValue": "0", "variables": [
                { "id": "AFGRØDE", "elimination": false, "values": values(CROPS.map(|(id, _)| id).to_vec()) },
                { "id": "Tid", "time": true, "values": values(YEARS.to_vec()) }] });
        return bench::json(table.to_string());
    }
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let of = |variable: usize| body["variables"][variable]["values"].as_array().unwrap();
    let is_bulk = body["format"] == "BULK";
    let mut text = if is_bulk { "" } else { "\u{feff}" }.to_owned() + "AFGRØDE;TID;INDHOLD\r\n";
    let mut rows = Vec::new();
    for crop in of(0) {
        for year in of(1) {
            let (_, figures) = CROPS.iter().find(|(id, _)| crop == id).unwrap();
            let figure = figures[YEARS.iter().position(|id| year == id).unwrap()];
            if !(is_bulk && figure == 0) {
                let (crop, year) = (crop.as_str().unwrap(), year.as_str().unwrap());
                rows.push(format!("{crop};{year};{},{:02}\r\n", figure / 100, figure % 100));
            }
        }
    }
    rows.truncate(if is_bulk { bulk_rows } else { usize::MAX });
    text.extend(rows);
    bench::answer(200, "text/csv; charset=utf-8", text)
}

fn crop_settings(base: &str, format: Value) -> Value {
    let mut settings = json!({ "base_url": base, "table": "HØST9", "expect_map": "none", "expect_unit": "ton",
        "select": { "AFGRØDE": ["HØST", "ÆBLE", "ÅKER"] } });
    settings
        .as_object_mut()
        .unwrap()
        .extend(format.as_object().unwrap().clone());
    settings
}

fn bulk(split: &str) -> Value {
    json!({ "format": "bulk", "zero_fill": true, "bulk_control": { "AFGRØDE": "TOT" }, "split": split })
}

#[tokio::test]
async fn danish_letters_and_the_decimal_comma_keep_the_contract_in_csv_and_bulk() {
    let server = Server::start(|asked| crops(asked, usize::MAX)).await;
    for (format, declared) in [
        (json!({}), &[] as &[Unsupported]),
        // What is missing in BULK is zero, and an empty answer is zeros alone. What a cut body lacks is zero too when it is
        // decoded: it must not get so far, see the next test.
        (bulk("year"), &[Unsupported::EmptyAnswer, Unsupported::CutBody]),
    ] {
        let context = bench::context(NOW, &[]);
        let connector = open(crop_settings(&server.base, format));
        let part = connector.plan(&context).await.unwrap().remove(0);
        let empty = bench::page("\u{feff}AFGRØDE;TID;INDHOLD\r\n".as_bytes());
        contract::run(Case {
            connector,
            context,
            columns: bench::identified(
                &bench::columns(&[
                    ("crop", "AFGRØDE", DataType::Utf8),
                    ("year", "TID", DataType::Utf8),
                    ("tonne", "INDHOLD", DataType::Float64),
                ]),
                &["crop", "year"],
            ),
            expected: Expected::per_part([("2023", 3), ("2024", 3)])
                .cell("crop", "HØST")
                .cell("crop", "ÆBLE")
                .cell("crop", "ÅKER")
                .cell("tonne", "43098.31")
                .cell("tonne", "0.05")
                .cell("tonne", "0.0"),
            empty: declared.is_empty().then_some((part, empty)),
            declared,
        })
        .await;
    }
}

#[tokio::test]
async fn a_bulk_answer_cut_between_any_two_rows_is_found_by_its_totals() {
    // Rows of BULK are never zero, so each that is lost is missing in a sum.
    let whole = 4;
    for rows in 0..=whole {
        let server = Server::start(move |asked| crops(asked, rows)).await;
        let context = bench::context(NOW, &[]);
        let connector = open(crop_settings(&server.base, bulk("all")));
        let part = connector.plan(&context).await.unwrap().remove(0);
        let fetched = bench::fetch(&*connector, &part, &context).await;
        if rows == whole {
            assert_eq!(fetched.unwrap().len(), 2, "the data and the totals beside it");
            continue;
        }
        let fault = fetched.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.what()),
            (Kind::Source, "the sum of the BULK answer is not the agency's total"),
            "after {rows} rows"
        );
    }
}
