//! The contract suite of testkit, against a server whose content is known and against the simulated Klimaregnskabet.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Page, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_rest::{Rest, Settings};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const KEY: (&str, &str) = ("klimaregnskabet_api_key", "noegle-til-proeve");
const ADDRESS: &str = "/api/municipality-data?municipality=101&year=2022&type=N%C3%B8gletal";

fn open(settings: Value) -> Arc<dyn Connector> {
    Arc::new(Rest::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap())
}

fn columns() -> SchemaRef {
    bench::columns(&[
        ("municipality", "matrix.municipality", DataType::Utf8),
        ("year", "matrix.year", DataType::Int16),
        ("row_type", "type", DataType::Utf8),
        ("sector", "sektor", DataType::Utf8),
        ("unit", "enhed", DataType::Utf8),
        ("value", "værdi", DataType::Float64),
    ])
}

fn settings(base: &str, municipalities: &[&str]) -> Value {
    json!({
        "base_url": base, "path": "api/municipality-data", "rows": "data", "query": {"type": "Nøgletal"},
        "auth": {"strategy": "header", "name": "x-api-key", "secret": KEY.0},
        "matrix": [{"name": "municipality", "values": municipalities}, {"name": "year", "values": {"from": 2022, "to": 2023}}],
        "part_axis": "year",
    })
}

/// Three rows for each municipality and year, four in 2023.
fn figures(asked: &Asked) -> Answer {
    assert_eq!(asked.headers["x-api-key"], KEY.1);
    let (year, municipality) = (asked.number("year").unwrap(), asked.number("municipality").unwrap());
    let sectors = ["Affaldsdeponi", "Kemiske processer på Ærø", "Spildevand", "Transport"];
    let rows: Vec<Value> = sectors[..if year == 2023 { 4 } else { 3 }]
        .iter()
        .map(|sector| json!({"type": "Samlet CO2-udledning", "sektor": sector, "enhed": "Ton CO2e/km²", "værdi": municipality as f64 + 0.25}))
        .collect();
    bench::json(json!({"data": rows}).to_string())
}

#[tokio::test]
async fn the_contract_holds_against_a_known_server() {
    let server = Server::start(figures).await;
    let connector = open(settings(&server.base, &["101", "147", "825"]));
    let context = bench::context(NOW, &[KEY]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns(), &["municipality", "year", "row_type", "sector", "unit"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("2022".to_owned(), 9), ("2023".to_owned(), 12)])),
            cells: vec![
                ("sector".to_owned(), "Kemiske processer på Ærø".to_owned()),
                ("unit".to_owned(), "Ton CO2e/km²".to_owned()),
                ("value".to_owned(), "825.25".to_owned()),
                ("municipality".to_owned(), "147".to_owned()),
                ("year".to_owned(), "2023".to_owned()),
            ],
        },
        empty: Some((part, Page::from_bytes(ADDRESS, b"{\"data\":[]}").unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_against_the_simulated_accounts() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let connector = open(settings("https://klimaregnskabet.dk", &["101", "825"]));
    let context = bench::clocked(NOW, &[KEY], Some(agencies.hosts())).0;
    let part = connector.plan(&context).await.unwrap().remove(0);
    contract::run(Case {
        connector,
        context,
        columns: columns(),
        expected: Expected {
            // A call for `Nøgletal` has 58 rows, two of them with the same type, sector and unit.
            rows: Rows::PerPart(BTreeMap::from([("2022".to_owned(), 116), ("2023".to_owned(), 116)])),
            cells: vec![
                ("unit".to_owned(), "Ton CO2e/km²".to_owned()),
                ("municipality".to_owned(), "825".to_owned()),
            ],
        },
        empty: Some((part, Page::from_bytes(ADDRESS, b"{\"data\":[]}").unwrap())),
        declared: &[Unsupported::PromisedCount, Unsupported::RowIdentity],
    })
    .await;
}
