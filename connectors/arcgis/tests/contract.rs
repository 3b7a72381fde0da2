//! The contract suite of testkit, against a layer whose content is known, on each of the three ways through it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::{DataType, SchemaRef};
use klimalade_arcgis::{ArcGis, Settings};
use klimalade_connect::{Page, Part, Protocol};
use klimalade_testkit::{
    bench::{self, Answer, Asked, Server},
    contract::{self, Case, Expected},
};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const TOWNS: [&str; 4] = ["Aarhus", "Læsø", "Hillerød", "Guldborgsund på Ærø"];

/// Twenty-three features; ids with gaps, geometry a square each.
fn all() -> Vec<(i64, Value)> {
    let feature = |at: i64| {
        let id = at * 3 + 7;
        let (x, y) = (560_000 + at * 1000, 6_200_000);
        let ring = json!([[x, y], [x, y + 100], [x + 100, y + 100], [x + 100, y], [x, y]]);
        let feature = json!({
            "attributes": {"OBJECTID": id, "KOMNR": 101 + at, "navn": TOWNS[at as usize % 4], "areal": at as f64 + 0.5,
                "oprettet": 1_763_900_000_000_i64 + at},
            "geometry": {"rings": [ring]},
        });
        (id, feature)
    };
    (0..23).map(feature).collect()
}

/// A layer in Esri's manner, at most five features a page.
fn layer(asked: &Asked) -> Answer {
    let query = |name: &str| asked.query.get(name).map(String::as_str);
    if asked.path.ends_with("/0") {
        return bench::json(
            json!({"id": 0, "name": "Stier", "type": "Feature Layer", "maxRecordCount": 5, "objectIdField": "OBJECTID",
                "capabilities": "Query", "editingInfo": {"lastEditDate": 1_763_900_000_000_i64},
                "fields": [{"name": "OBJECTID", "type": "esriFieldTypeOID"}],
                "advancedQueryCapabilities": {"supportsPagination": true}})
            .to_string(),
        );
    }
    let mut found = all();
    if let Some((_, range)) = query("where").unwrap_or_default().split_once("OBJECTID >= ") {
        let (from, to) = range.split_once(" AND OBJECTID <= ").unwrap();
        let (from, to): (i64, i64) = (from.parse().unwrap(), to.parse().unwrap());
        found.retain(|(id, _)| (from..=to).contains(id));
    }
    if let Some(ids) = query("objectIds") {
        let ids: Vec<i64> = ids.split(',').map(|id| id.parse().unwrap()).collect();
        found.retain(|(id, _)| ids.contains(id));
    }
    if query("returnCountOnly").is_some() {
        return bench::json(json!({"count": found.len()}).to_string());
    }
    if query("returnIdsOnly").is_some() {
        let mut ids: Vec<i64> = found.iter().map(|(id, _)| *id).collect();
        ids.reverse();
        return bench::json(json!({"objectIdFieldName": "OBJECTID", "objectIds": ids}).to_string());
    }
    if query("outStatistics").is_some() {
        let (first, last) = (found[0].0, found[found.len() - 1].0);
        let attributes = json!({"FIRST_ID": first, "LAST_ID": last as f64});
        return bench::json(json!({"features": [{"attributes": attributes}]}).to_string());
    }
    assert_eq!(query("outSR"), Some("25832"));
    let offset = asked.number("resultOffset").unwrap_or(0) as usize;
    let limit = asked.number("resultRecordCount").unwrap_or(5).min(5) as usize;
    let page: Vec<Value> = found
        .iter()
        .skip(offset)
        .take(limit)
        .map(|(_, feature)| feature.clone())
        .collect();
    let exceeded = found.len() > offset + limit;
    bench::json(
        json!({"objectIdFieldName": "OBJECTID", "spatialReference": {"wkid": 25832, "latestWkid": 25832},
            "exceededTransferLimit": exceeded, "features": page})
        .to_string(),
    )
}

fn columns() -> SchemaRef {
    let columns = bench::columns(&[
        ("object_id", "attributes.OBJECTID", DataType::Int64),
        ("municipality", "attributes.KOMNR", DataType::Utf8),
        ("name", "attributes.navn", DataType::Utf8),
        ("area", "attributes.areal", DataType::Float64),
        ("geometry", "geometry", DataType::Binary),
    ]);
    bench::identified(&columns, &["object_id"])
}

async fn run(paging: &str) {
    let server = Server::start(layer).await;
    let address = format!("{}/arcgis/rest/services/Klima/Stier/FeatureServer/0", server.base);
    let settings = json!({"base_url": address, "paging": paging});
    let connector = ArcGis::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap();
    let empty = br#"{"objectIdFieldName":"OBJECTID","features":[]}"#;
    contract::run(Case {
        connector: Arc::new(connector),
        context: bench::context(NOW, &[]),
        columns: columns(),
        expected: Expected::per_part(BTreeMap::from([("all", 23)]))
            .cell("name", "Guldborgsund på Ærø")
            .cell("name", "Læsø")
            .cell("municipality", "101")
            .cell("area", "22.5"),
        empty: Some((Part::new("all"), Page::from_bytes("/empty", empty).unwrap())),
        declared: &[],
    })
    .await;
    let pages = server
        .requests()
        .iter()
        .filter(|asked| asked.query.contains_key("outFields"))
        .count();
    // 23 ids spread over 7 to 73: in ranges of five, fourteen.
    let expected = if paging == "object_id_ranges" { 14 } else { 5 };
    assert_eq!(pages, expected, "{paging}");
}

#[tokio::test]
async fn the_contract_holds_by_offset() {
    run("offset").await;
}

#[tokio::test]
async fn the_contract_holds_by_ids() {
    run("ids").await;
}

#[tokio::test]
async fn the_contract_holds_by_ranges_of_ids() {
    run("object_id_ranges").await;
}
