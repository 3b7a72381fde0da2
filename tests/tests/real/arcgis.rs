//! Answers of real ArcGIS servers: a whole layer of koop as served on 2026-11-23, and pyesridump's fixtures of four
//! counties, which are to be refused with the right reason.

use std::{collections::BTreeMap, path::Path};

use arrow::{
    array::{Array, AsArray},
    datatypes::DataType,
};

use klimalade_arcgis::{ArcGis, Settings};
use klimalade_connect::{Connector, Fault, Page, Part, Protocol};
use klimalade_testkit::{
    bench::{self, Answer, Asked, Server},
    contract::decode_all,
};
use klimalade_tests::real_folder;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";

fn read(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap()
}

fn parsed(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&read(folder, file)).unwrap()
}

/// The layer that `answer` plays, walked.
async fn walk(
    answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static,
    more: Value,
) -> Result<(ArcGis, Part, Vec<Page>), Fault> {
    let server = Server::start(move |asked: &Asked| -> Answer { bench::json(answer(asked)) }).await;
    let mut settings = json!({"base_url": format!("{}/rest/services/varme/FeatureServer/0", server.base)});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let connector = ArcGis::open(serde_json::from_value::<Settings>(settings).unwrap())?;
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await?.remove(0);
    let pages = bench::fetch(&connector, &part, &cx).await?;
    Ok((connector, part, pages))
}

/// Twice the area that rings enclose, by the way they turn, from the first point on.
fn doubled(ring: &[(f64, f64)]) -> f64 {
    let (x, y) = ring[0];
    let pairs = ring.iter().zip(&ring[1..]);
    pairs.map(|(a, b)| (a.0 - x) * (b.1 - y) - (b.0 - x) * (a.1 - y)).sum()
}

/// Area of a polygon or multipolygon in little-endian WKB, and its numbers of polygons and rings.
fn measured(wkb: &[u8]) -> (f64, u32, u32) {
    let whole = |at: usize| u32::from_le_bytes(wkb[at..at + 4].try_into().unwrap());
    let number = |at: usize| f64::from_le_bytes(wkb[at..at + 8].try_into().unwrap());
    let (mut at, polygons) = match whole(1) {
        3 => (0, 1),
        6 => (9, whole(5)),
        other => panic!("WKB of kind {other}"),
    };
    let (mut area, mut rings) = (0.0, 0);
    for _ in 0..polygons {
        assert_eq!(whole(at + 1), 3);
        let count = whole(at + 5);
        at += 9;
        for _ in 0..count {
            let points = whole(at) as usize;
            let ring: Vec<(f64, f64)> = (0..points)
                .map(|point| (number(at + 4 + point * 16), number(at + 12 + point * 16)))
                .collect();
            area += doubled(&ring) / 2.0;
            at += 4 + points * 16;
        }
        rings += count;
    }
    assert_eq!(at, wkb.len());
    (area, polygons, rings)
}

/// What a feature of koop is, by its planid: name, date of making, area, shells, rings.
type Plan = (String, i64, f64, u32, u32);

fn raw_plan(feature: &Value) -> (i64, Plan) {
    let attributes = &feature["attributes"];
    let rings: Vec<Vec<(f64, f64)>> = serde_json::from_value(feature["geometry"]["rings"].clone()).unwrap();
    // Esri's shells are clockwise, below 0.
    let area: f64 = rings.iter().map(|ring| -doubled(ring) / 2.0).sum();
    let shells = rings.iter().filter(|ring| doubled(ring) < 0.0).count();
    let name = attributes["plannavn"].as_str().unwrap().to_owned();
    let made = attributes["datooprt"].as_i64().unwrap();
    (
        attributes["planid"].as_i64().unwrap(),
        (name, made, area, shells as u32, rings.len() as u32),
    )
}

#[tokio::test]
async fn a_layer_of_koop_is_walked_whole_and_its_areas_are_its_rings() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("arcgis/server-koop");
    let pages = ["query_offset0.json", "query_offset10.json", "query_offset20.json"].map(|file| read(&folder, file));
    let mut expected: BTreeMap<i64, Plan> = BTreeMap::new();
    for page in &pages {
        let page: Value = serde_json::from_slice(page).unwrap();
        expected.extend(page["features"].as_array().unwrap().iter().map(raw_plan));
    }
    assert_eq!(expected.len(), 23);
    let (layer, count) = (read(&folder, "layer0.json"), read(&folder, "count.json"));
    let answer = move |asked: &Asked| match asked.number("resultOffset") {
        Some(offset) => pages[offset as usize / 10].clone(),
        None if asked.query.contains_key("returnCountOnly") => count.clone(),
        None => layer.clone(),
    };
    let (connector, part, walked) = walk(answer, json!({"page_limit": 10})).await.unwrap();
    assert_eq!((part.promised, walked.len()), (Some(23), 3));
    let columns = bench::columns(&[
        ("planid", "attributes.planid", DataType::Int64),
        ("name", "attributes.plannavn", DataType::Utf8),
        ("made", "attributes.datooprt", DataType::Int64),
        ("geometry", "geometry", DataType::Binary),
    ]);
    let mut found: BTreeMap<i64, Plan> = BTreeMap::new();
    for page in &walked {
        for batch in decode_all(&connector, &part, page, &columns).unwrap() {
            let id = batch.column(0).as_primitive::<arrow::datatypes::Int64Type>();
            let name = batch.column(1).as_string::<i32>();
            let made = batch.column(2).as_primitive::<arrow::datatypes::Int64Type>();
            let shape = batch.column(3).as_binary::<i32>();
            for row in 0..batch.num_rows() {
                let (area, polygons, rings) = measured(shape.value(row));
                found.insert(
                    id.value(row),
                    (name.value(row).to_owned(), made.value(row), area, polygons, rings),
                );
            }
        }
    }
    assert_eq!(found.len(), expected.len());
    for (id, (name, made, area, shells, rings)) in &expected {
        let is = &found[id];
        assert_eq!((&is.0, is.1, is.3, is.4), (name, *made, *shells, *rings), "{id}");
        assert!((is.2 / area - 1.0).abs() < 1e-6, "{id}: {} instead of {area} m2", is.2);
    }
}

#[tokio::test]
async fn the_errors_that_koop_sends_with_http_200_are_errors() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("arcgis/server-koop");
    for (file, words) in [
        ("error_http200_code400_where.json", "komnr=="),
        ("error_http200_code404.json", "nosuch.json"),
    ] {
        let body = read(&folder, file);
        let fault = walk(move |_| body.clone(), json!({})).await.err().unwrap();
        assert!(fault.what().contains(words), "{fault}");
    }
}

/// A county as its fixtures are.
async fn county(name: &'static str, metadata: &str, more: Value) -> Option<Fault> {
    let folder = real_folder()?.join("arcgis/pyesridump-fixtures");
    let metadata = read(&folder, &format!("{metadata}-metadata.json"));
    let answer = move |asked: &Asked| {
        if !asked.path.ends_with("/query") {
            metadata.clone()
        } else if asked.query.contains_key("returnCountOnly") {
            read(&folder, &format!("{name}-count-only.json"))
        } else if asked.query.contains_key("returnIdsOnly") {
            read(&folder, &format!("{name}-ids-only.json"))
        } else {
            assert!(asked.query.contains_key("outStatistics"), "{asked:?}");
            read(&folder, &format!("{name}-statistics.json"))
        }
    };
    walk(answer, more).await.err()
}

#[tokio::test]
async fn lists_of_ids_that_are_shorter_than_the_count_are_refused() {
    for (name, counted, listed) in [
        ("us-ms-madison", "124 features", "1 features"),
        ("us-ca-carson", "30551 features", "100 features"),
    ] {
        let Some(fault) = county(name, name, json!({})).await else {
            return;
        };
        assert_eq!(
            (fault.expected_text(), fault.found_text()),
            (Some(counted), Some(listed)),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn statistics_that_a_server_refuses_name_another_way() {
    // Kent's own description was not recorded.
    let Some(fault) = county("us-mi-kent", "us-ms-madison", json!({"paging": "object_id_ranges"})).await else {
        return;
    };
    assert!(fault.what().contains("Unable to complete operation"), "{fault}");
    assert!(fault.hint_text().unwrap().contains("paging = \"ids\""), "{fault}");
}

#[test]
fn a_page_in_degrees_is_refused_and_its_attributes_are_read() {
    let Some(real) = real_folder() else { return };
    let folder = real.join("arcgis/pyesridump-fixtures");
    for file in ["us-il-cook-page-partial.json", "us-ca-carson-0.json"] {
        let rows = parsed(&folder, file)["features"].as_array().unwrap().len();
        let page = bench::page(&read(&folder, file));
        let address = "https://gis.example.dk/rest/services/a/MapServer/1";
        let connector = ArcGis::open(serde_json::from_value(json!({"base_url": address})).unwrap()).unwrap();
        let shape = bench::columns(&[("geometry", "geometry", DataType::Binary)]);
        let fault = decode_all(&connector, &Part::new("all"), &page, &shape).unwrap_err();
        assert!(fault.found_text().unwrap().contains("4326"), "{fault}");
        let ids = bench::columns(&[("object_id", "attributes.OBJECTID", DataType::Int64)]);
        let batches = decode_all(&connector, &Part::new("all"), &page, &ids).unwrap();
        assert_eq!(
            batches
                .iter()
                .map(arrow::record_batch::RecordBatch::num_rows)
                .sum::<usize>(),
            rows
        );
        assert!(batches.iter().all(|batch| batch.column(0).null_count() == 0));
    }
}
