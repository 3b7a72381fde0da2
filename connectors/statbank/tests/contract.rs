//! The contract suite of testkit against the simulated StatBank.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::DataType;
use klimalade_connect::{Connector, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_statbank::{Settings, Statbank};
use klimalade_testkit::bench::{self};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

async fn keeps_the_contract(settings: Value, cells: Vec<(String, String)>) {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected("2026-11-23T02:00:00Z", agencies.hosts());
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let connector = Arc::new(Statbank::open(settings).unwrap());
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
