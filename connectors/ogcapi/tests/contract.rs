//! The contract suite of testkit, against a server whose content is known and against the simulated DMI.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Page, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_ogcapi::{OgcApi, Settings};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::decode_all;
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const TOWNS: [(&str, &str); 4] = [
    ("0751", "Aarhus"),
    ("0825", "Læsø"),
    ("0219", "Hillerød"),
    ("0376", "Guldborgsund på Ærø"),
];

fn open(settings: Value) -> Arc<dyn Connector> {
    Arc::new(OgcApi::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap())
}

fn columns() -> SchemaRef {
    let columns = bench::columns(&[
        ("feature_id", "id", DataType::Utf8),
        ("municipality_name", "properties.municipalityName", DataType::Utf8),
        ("value", "properties.value", DataType::Float64),
        ("from", "properties.from", DataType::Utf8),
        ("geometry", "geometry", DataType::Binary),
    ]);
    bench::identified(&columns, &["feature_id"])
}

/// Months of 2025 and 2026, four towns each, in DMI's manner: closed intervals, so that a month touches its neighbour.
fn months(asked: &Asked) -> Answer {
    if !asked.path.ends_with("/items") {
        return bench::json(r#"{"id":"maaned","crs":["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]}"#);
    }
    let (start, end) = asked.query["datetime"].split_once('/').unwrap();
    let (start, end): (jiff::Timestamp, jiff::Timestamp) = (start.parse().unwrap(), end.parse().unwrap());
    let zone = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    let mut found = Vec::new();
    let mut month = jiff::civil::date(2025, 1, 1);
    while month < jiff::civil::date(2026, 11, 1) {
        let next = month.checked_add(jiff::Span::new().months(1)).unwrap();
        let (from, to) = (
            month.to_zoned(zone.clone()).unwrap(),
            next.to_zoned(zone.clone()).unwrap(),
        );
        if to.timestamp() >= start && from.timestamp() <= end {
            for (at, (code, name)) in TOWNS.iter().enumerate() {
                found.push(json!({
                    "type": "Feature", "id": format!("{code}-{month}"),
                    "geometry": {"type": "Point", "coordinates": [10.5 + at as f64 / 10.0, 56.25]},
                    "properties": {"municipalityId": code, "municipalityName": name, "value": 0.5 + at as f64,
                        "from": from.strftime("%Y-%m-%dT%H:%M:%S.001000%:z").to_string(),
                        "to": to.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()},
                }));
            }
        }
        month = next;
    }
    let (offset, limit) = (
        asked.number("offset").unwrap_or(0) as usize,
        asked.number("limit").unwrap() as usize,
    );
    let page: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
    let next = format!(
        "http://{}{}?offset={}",
        asked.headers["host"],
        asked.path,
        offset + limit
    );
    bench::json(
        json!({"type": "FeatureCollection", "numberReturned": page.len(), "features": page,
            "timeStamp": format!("2026-11-23T20:00:{:02}Z", offset % 60), "links": [{"rel": "next", "href": next}]})
        .to_string(),
    )
}

#[tokio::test]
async fn the_contract_holds_against_a_known_server() {
    let server = Server::start(months).await;
    let connector = open(json!({"base_url": server.base, "collection": "maaned", "page_limit": 7,
        "window": {"start": "2025-01-01", "part": "year", "from_property": "properties.from"}}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let address = "/collections/maaned/items?datetime=2025-01-01T00%3A00%3A00Z%2F..&offset=0&limit=7";
    let empty = Page::from_bytes(
        address,
        br#"{"type":"FeatureCollection","features":[],"numberReturned":0,"links":[]}"#,
    )
    .unwrap();
    contract::run(Case {
        connector,
        context,
        columns: columns(),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("2025".to_owned(), 48), ("2026".to_owned(), 40)])),
            cells: vec![
                ("municipality_name".to_owned(), "Guldborgsund på Ærø".to_owned()),
                ("municipality_name".to_owned(), "Hillerød".to_owned()),
                ("value".to_owned(), "3.5".to_owned()),
                ("from".to_owned(), "2025-01-01T00:00:00.001000+01:00".to_owned()),
            ],
        },
        empty: Some((part, empty)),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

fn dmi(part: &str) -> Value {
    json!({"base_url": "https://opendataapi.dmi.dk/v2/climateData", "collection": "municipalityValue", "page_limit": 100,
        "query": {"parameterId": "acc_heating_degree_days_17", "timeResolution": "year"},
        "window": {"start": "2011-01-01", "part": part, "from_property": "properties.from"}, "max_offset": 500_000})
}

async fn ids(connector: &dyn Connector, cx: &klimalade_connect::Context) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for part in connector.plan(cx).await.unwrap() {
        for page in bench::fetch(connector, &part, cx).await.unwrap() {
            let batches = decode_all(connector, &part, &page, &columns()).unwrap();
            found.extend(bench::texts(&batches, "feature_id"));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn the_contract_holds_against_the_simulated_dmi() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(dmi("year"));
    let total = ids(&*open(dmi("all")), &context).await.len() as u64;
    // 98 municipalities from 2011 to 2025, and a few values that were published twice.
    assert!((98 * 15..98 * 16).contains(&total), "{total}");
    let parts = connector.plan(&context).await.unwrap();
    let running = parts.last().unwrap().clone();
    let page = bench::fetch(&*connector, &running, &context).await.unwrap().remove(0);
    contract::run(Case {
        connector,
        context,
        columns: columns(),
        expected: Expected {
            rows: Rows::Total(total),
            cells: vec![
                ("municipality_name".to_owned(), "Brønderslev".to_owned()),
                ("municipality_name".to_owned(), "Læsø".to_owned()),
            ],
        },
        empty: Some((running, page)),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn windows_bring_every_feature_once() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let by_year = ids(&*open(dmi("year")), &context).await;
    let at_once = ids(&*open(dmi("all")), &context).await;
    assert_eq!(by_year, at_once);
    let mut once = by_year.clone();
    once.dedup();
    assert_eq!(once, by_year, "no feature stands in two parts");
}
