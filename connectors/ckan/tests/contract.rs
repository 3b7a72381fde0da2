//! The contract suite of testkit, against a portal whose content is known.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::{DataType, TimeUnit};
use klimalade_ckan::{Ckan, Settings};
use klimalade_connect::{Connector, Page, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const TOWNS: [&str; 7] = ["Læsø", "Ærø", "Aarhus", "Fanø", "Samsø", "Tønder", "Rødovre"];

fn open(settings: Value) -> Arc<dyn Connector> {
    Arc::new(Ckan::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap())
}

fn package(base: &str, name: &str, year: u16) -> Value {
    json!({"id": format!("id-{name}"), "name": name, "title": "Cykelstier på Læsø", "state": "active",
        "license_id": "CC-BY-4.0", "license_title": "Creative Commons Attribution 4.0",
        "metadata_modified": "2026-10-01T08:00:00.123456",
        "organization": {"name": "city-of-laesoe", "title": "Læsø Kommune"},
        "resources": [
            {"id": format!("table-{year}"), "name": "Tabel", "format": "CSV", "created": format!("{year}-01-01T00:00:00"),
                "last_modified": "2026-10-01T07:59:00", "datastore_active": true, "url_type": "datastore",
                "url": format!("{base}/datastore/dump/table-{year}")},
            {"id": format!("file-{year}"), "name": "Fil", "format": "GeoJSON", "created": format!("{year}-01-01T00:00:00"),
                "last_modified": "2026-10-01T07:59:00", "url_type": "upload",
                "url": format!("{base}/dataset/x/resource/file-{year}/download/stier.geojson")}]})
}

/// A portal in CKAN's manner: a limit of three rows, and a next page behind every page.
fn portal(asked: &Asked) -> Answer {
    let base = format!("http://{}", asked.headers["host"]);
    let envelope = |result: Value| bench::json(json!({"help": "", "success": true, "result": result}).to_string());
    match asked.path.as_str() {
        "/api/3/action/package_search" => {
            let all = [package(&base, "stier-2024", 2024), package(&base, "stier-2023", 2023)];
            let (from, most) = (
                asked.number("start").unwrap() as usize,
                asked.number("rows").unwrap() as usize,
            );
            let results: Vec<_> = all.iter().skip(from).take(most.min(1)).collect();
            envelope(json!({"count": all.len(), "results": results}))
        }
        "/api/3/action/datastore_search" => {
            let (offset, limit) = (asked.number("offset").unwrap(), asked.number("limit").unwrap().min(3));
            let id = &asked.query["resource_id"];
            let rows = TOWNS.iter().enumerate().skip(offset as usize).take(limit as usize);
            let records: Vec<_> = rows
                .map(|(at, town)| json!({"_id": at + 1, "By": town, "PM2.5": at as f64 + 0.5, "år": &id[6..], "kwh": "24000,5"}))
                .collect();
            envelope(
                json!({"resource_id": id, "limit": limit, "offset": offset, "total": TOWNS.len(), "records": records,
                "total_was_estimated": false, "_links": {"next": format!("/api/3/action/datastore_search?offset={}", offset + limit)}}),
            )
        }
        path if path.ends_with("/download/stier.geojson") => Answer {
            status: 302,
            headers: vec![(
                "location",
                format!("/store/{}?Signature=abc%2Bdef&Expires=1", &path[20..29]),
            )],
            body: Vec::new(),
        },
        path if path.starts_with("/store/") => {
            let features = TOWNS.iter().enumerate().map(|(at, town)| {
                json!({"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[11.0, 57.25], [11.01, 57.25]]},
                    "properties": {"nr": at, "by": town, "km": at as f64 + 0.25}})
            });
            bench::json(json!({"type": "FeatureCollection", "features": features.collect::<Vec<_>>()}).to_string())
        }
        other => bench::status(
            404,
            format!("{{\"success\":false,\"error\":{{\"message\":\"{other}\"}}}}"),
        ),
    }
}

fn cell(column: &str, text: &str) -> (String, String) {
    (column.to_owned(), text.to_owned())
}

#[tokio::test]
async fn the_contract_holds_for_tables() {
    let server = Server::start(portal).await;
    let connector = open(json!({"base_url": server.base, "search": {"words": "cykelsti"},
        "resource": {"name": "Tab*"}, "read": {"type": "datastore"}}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("row", "_id", DataType::Int64),
        ("year", "år", DataType::Utf8),
        ("town", "By", DataType::Utf8),
        ("dust", "PM2.5", DataType::Float64),
        ("kwh", "kwh", DataType::Utf8),
        ("publisher", "package.organization_title", DataType::Utf8),
        (
            "modified",
            "resource.modified",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ]);
    let empty = r#"{"success":true,"result":{"records":[],"total":0,"offset":0,"limit":3}}"#;
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["row", "year"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([
                ("stier-2023".to_owned(), 7),
                ("stier-2024".to_owned(), 7),
            ])),
            cells: vec![
                cell("town", "Ærø"),
                cell("dust", "2.5"),
                cell("kwh", "24000,5"),
                cell("publisher", "Læsø Kommune"),
            ],
        },
        empty: Some((part, Page::from_bytes("/empty", empty.as_bytes()).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_for_files() {
    let server = Server::start(portal).await;
    let connector = open(json!({"base_url": server.base, "search": {"words": "cykelsti"},
        "resource": {"format": "geojson", "every": true}, "read": {"type": "geojson"}}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("file", "resource.id", DataType::Utf8),
        ("number", "properties.nr", DataType::Int64),
        ("town", "properties.by", DataType::Utf8),
        ("km", "properties.km", DataType::Float64),
        ("geometry", "geometry", DataType::Binary),
    ]);
    let empty = r#"{"type":"FeatureCollection","features":[]}"#;
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["file", "number"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([
                ("file-2023".to_owned(), 7),
                ("file-2024".to_owned(), 7),
            ])),
            cells: vec![cell("town", "Samsø"), cell("km", "1.25")],
        },
        empty: Some((part, Page::from_bytes("/empty", empty.as_bytes()).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_against_the_simulated_portal() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(
        json!({"base_url": "https://admin.opendata.dk", "package": "energiforbrug-kommunale-bygninger",
        "resource": {"format": "CSV"}, "read": {"type": "datastore"}}),
    );
    let part = connector.plan(&context).await.unwrap().remove(0);
    let pages = bench::fetch(&*connector, &part, &context).await.unwrap();
    assert!(pages.len() > 1);
    let total: Value = serde_json::from_slice(&pages[0].read().unwrap()).unwrap();
    let total = total["result"]["total"].as_u64().unwrap();
    let columns = bench::columns(&[
        ("row", "_id", DataType::Int64),
        ("place", "ejendom", DataType::Utf8),
        ("kwh", "kWh", DataType::Utf8),
        ("publisher", "package.organization", DataType::Utf8),
    ]);
    let empty = r#"{"success":true,"result":{"records":[],"total":0,"offset":0,"limit":500}}"#;
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["row"]),
        expected: Expected {
            rows: Rows::Total(total),
            cells: vec![
                cell("place", "Børnehave 2"),
                cell("publisher", "city-of-aarhus"),
                cell("kwh", "-"),
            ],
        },
        empty: Some((part, Page::from_bytes("/empty", empty.as_bytes()).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_for_a_signed_download_of_the_simulated_portal() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(
        json!({"base_url": "https://admin.opendata.dk", "search": {"words": "skybrud"},
        "resource": {"format": "GeoJSON"}, "read": {"type": "geojson"}}),
    );
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("package", "package.name", DataType::Utf8),
        ("number", "properties.projekt_nr", DataType::Utf8),
        ("title", "properties.projekt_navn", DataType::Utf8),
        ("m2", "properties.areal_m2", DataType::Float64),
        ("geometry", "geometry", DataType::Binary),
    ]);
    let empty = r#"{"type":"FeatureCollection","features":[]}"#;
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["package", "number"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([
                ("skybrudsprojekter".to_owned(), 120),
                ("skybrudsprojekter-paa-frederiksberg".to_owned(), 35),
            ])),
            cells: vec![cell("number", "SK035")],
        },
        empty: Some((part, Page::from_bytes("/empty", empty.as_bytes()).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
    assert!(
        agencies
            .requests()
            .iter()
            .any(|seen| seen.host.contains("amazonaws") && seen.query.contains("Signature="))
    );
}
