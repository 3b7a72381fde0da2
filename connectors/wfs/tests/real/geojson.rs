//! GeoJSON of Plandata and Miljøportal. What QGIS saved is in degrees: this connector refuses its geometry, `format`
//! reads it.

use std::{collections::BTreeMap, path::Path};

use arrow::array::{Array, AsArray};
use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Kind, Part};
use klimalade_format::{
    geometry::Crs,
    json::{self, JsonOptions},
};
use klimalade_testkit::{
    bench::{self, Asked},
    contract::decode_all,
};
use serde_json::{Value, json};

use crate::{
    decoder, folder,
    measure::{Measure, of_geojson, of_wkb},
    page, parsed, read, walk,
};

/// Metres of a degree of longitude and of latitude about Vallensbæk (55.63 N) on GRS80, by the usual series, times the
/// scale of UTM zone 32 there (12.37 E): good to one in a thousand.
const SQUARE_METRES_OF_A_SQUARE_DEGREE: f64 = 62_983.0 * 111_335.0 * 1.0003;

fn measures(folder: &Path, file: &str) -> Vec<Measure> {
    let columns: SchemaRef = bench::columns(&[("geometry", "geometry", DataType::Binary)]);
    let options = JsonOptions {
        rows: "features".to_owned(),
        crs: Crs::Crs84,
        ..JsonOptions::default()
    };
    let body = read(folder, file);
    let mut found = Vec::new();
    for batch in json::reader(Box::new(body.as_slice()), &columns, &options).unwrap() {
        let batch = batch.unwrap();
        let shape = batch.column(0).as_binary::<i32>();
        assert_eq!(shape.null_count(), 0);
        found.extend((0..batch.num_rows()).map(|row| of_wkb(shape.value(row))));
    }
    found
}

const FILES: [(&str, usize); 5] = [
    ("plandata/vallensbaek_kloakopland_IngenKloakering.geojson", 13),
    ("plandata/vallensbaek_kloakopland_Spildevandskloakering.geojson", 0),
    ("plandata/vallensbaek_kloakopland_VedtagetSeperatkloakering.geojson", 0),
    ("miljoeportal/vallensbaek_Frededeomrder.geojson", 0),
    ("miljoeportal/vallensbaek_Jordforureningvidenniveau1V1.geojson", 0),
];

#[test]
fn geometry_in_degrees_is_refused_here_and_read_by_format() {
    let Some(folder) = folder() else { return };
    let columns = bench::columns(&[("geometry", "geometry", DataType::Binary)]);
    for (file, features) in FILES {
        let fault = decode_all(&decoder("json"), &Part::new("all"), &page(&folder, file), &columns).unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract, "{file}: {fault}");
        assert!(fault.to_string().contains("CRS84"), "{file}: {fault}");
        let raw = parsed(&folder, file);
        let raw: Vec<Measure> = raw["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|feature| of_geojson(&feature["geometry"]))
            .collect();
        let found = measures(&folder, file);
        assert_eq!(found.len(), raw.len(), "{file}");
        assert!(features == 0 || features == raw.len(), "{file}");
        for (found, raw) in found.iter().zip(&raw) {
            assert_eq!(
                (found.members, found.lists, found.positions),
                (raw.members, raw.lists, raw.positions),
                "{file}"
            );
            let expected = raw.area * SQUARE_METRES_OF_A_SQUARE_DEGREE;
            assert!(
                (found.area - expected).abs() <= 3e-3 * expected,
                "{file}: {} and {expected}",
                found.area
            );
        }
    }
}

#[test]
fn a_multipolygon_without_parts_stays_one() {
    let Some(folder) = folder() else { return };
    let found = measures(&folder, FILES[0].0);
    let empty = found.iter().filter(|measure| measure.members == 0);
    assert_eq!(empty.map(|measure| measure.kind).collect::<Vec<_>>(), [6; 11]);
}

#[test]
fn a_protected_area_has_the_agencys_own_area() {
    let Some(folder) = folder() else { return };
    let file = "miljoeportal/vallensbaek_Frededeomrder.geojson";
    let raw = parsed(&folder, file);
    let said: Vec<f64> = raw["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| feature["properties"]["Shape_area"].as_f64().unwrap())
        .collect();
    // Whoever saved it cut what lies outside Vallensbæk: smaller, never larger.
    let found = measures(&folder, file);
    let whole = found
        .iter()
        .zip(&said)
        .filter(|(found, said)| (found.area / *said - 1.0).abs() < 1e-4);
    assert!(whole.count() >= 1, "{found:?} and {said:?}");
    for (found, said) in found.iter().zip(&said) {
        assert!(found.area < said * 1.0001, "{} and {said}", found.area);
    }
}

#[test]
fn a_number_that_a_round_trip_made_text_or_fraction_is_the_same_number() {
    let Some(folder) = folder() else { return };
    let columns = bench::columns(&[
        ("theme", "properties.temakode", DataType::Int64),
        ("object", "properties.objekt_id", DataType::Int64),
        ("kind", "properties.type1201a", DataType::Int64),
        ("adopted", "properties.datovedt", DataType::Int64),
        ("made", "properties.oprettet", DataType::Utf8),
    ]);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (file, _) in &FILES[..3] {
        let rows = bench::rows(&decoder("json"), &Part::new("all"), &page(&folder, file), &columns).unwrap();
        for row in &rows {
            *kinds.entry(row[2].clone()).or_default() += 1;
        }
        let themes = rows.iter().filter(|row| row[0] == "1201").count();
        let raw = parsed(&folder, file);
        let raw = raw["features"].as_array().unwrap();
        // `IngenKloakering` holds one row of a municipality, an overlay's leftover.
        let of_theme = raw
            .iter()
            .filter(|feature| !feature["properties"]["temakode"].is_null());
        assert_eq!(themes, of_theme.count(), "{file}");
        for feature in raw {
            let kind = match &feature["properties"]["type1201a"] {
                Value::Null => "null".to_owned(),
                Value::String(text) => text.clone(),
                number => (number.as_f64().unwrap() as i64).to_string(),
            };
            *expected.entry(kind).or_default() += 1;
        }
    }
    assert_eq!(kinds, expected);
    assert!(kinds.contains_key("2") && kinds.contains_key("3"), "{kinds:?}");
}

#[tokio::test]
async fn a_page_that_says_two_and_holds_one_ends_the_walk() {
    let Some(folder) = folder() else { return };
    let file = "plandata/lokalplandelomraade_med_historik_count2.json";
    let columns = bench::columns(&[
        ("id", "id", DataType::Utf8),
        ("plan", "properties.lokplan_id", DataType::Int64),
        ("use", "properties.anvendelsegenerel", DataType::Utf8),
        ("height", "properties.maxbygnhjd", DataType::Float64),
        ("changed", "properties.datoopdt", DataType::Utf8),
        ("geometry", "geometry", DataType::Binary),
    ]);
    // No geometry was asked for: `crs` is null.
    let batches = decode_all(&decoder("json"), &Part::new("all"), &page(&folder, file), &columns).unwrap();
    let text = |column: &str| bench::texts(&batches, column).remove(0);
    assert_eq!(
        text("id").as_deref(),
        Some("theme_pdk_lokalplandelomraade_med_historik.922012")
    );
    assert_eq!(text("plan").as_deref(), Some("1049410"));
    assert_eq!(text("use").as_deref(), Some("Boligområde"));
    assert_eq!(
        (text("height"), text("changed").as_deref()),
        (None, Some("2021-12-16T10:51:22.266Z"))
    );
    assert!(batches[0].column(5).is_null(0));
    let columns = decoder("json")
        .columns(&Part::new("all"), &page(&folder, file))
        .unwrap();
    assert!(columns.iter().any(|column| column.name == "properties.komnr"));
    let body = read(&folder, file);
    let answer = move |_: &Asked| bench::json(body.clone());
    let settings = json!({"output": "json", "page_limit": 2});
    let fault = walk(answer, settings).await.unwrap_err();
    assert!(fault.is_worth_another_walk(), "{fault}");
    assert!(fault.to_string().contains("2 features"), "{fault}");
}
