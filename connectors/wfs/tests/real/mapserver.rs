//! MapServer 8.0.0 over its 23 invented areas (`INPUT_made_here_25832.geojson`).

use std::{collections::BTreeMap, path::Path};

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, Int64Type, SchemaRef},
};
use klimalade_connect::{Connector, Kind, Page, Part};
use klimalade_testkit::{
    bench::{self, Asked},
    contract::decode_all,
};
use klimalade_wfs::Wfs;
use serde_json::{Value, json};

use crate::{
    decoder, folder,
    measure::{Measure, of_geojson, of_wkb},
    page, parsed, read, walk, xml,
};

/// One area: komnr, kommunenavn, plannavn, datovedt, areal_m2, polygons, rings, positions, area.
type Plan = (i64, String, String, Option<i64>, f64, u32, u32, usize, f64);

fn plan_of(measure: Measure, values: (i64, String, String, Option<i64>, f64)) -> Plan {
    let (komnr, town, name, adopted, area) = values;
    let Measure {
        members,
        lists,
        positions,
        area: enclosed,
        ..
    } = measure;
    (komnr, town, name, adopted, area, members, lists, positions, enclosed)
}

/// The areas by their planid as the input has them.
pub(crate) fn input(folder: &Path) -> BTreeMap<i64, Plan> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let input = parsed(folder, "server-mapserver/INPUT_made_here_25832.geojson");
    let features = input["features"].as_array().unwrap().iter();
    let found: BTreeMap<i64, Plan> = features
        .map(|feature| {
            let properties = &feature["properties"];
            let values = (
                properties["komnr"].as_i64().unwrap(),
                text(&properties["kommunenavn"]),
                text(&properties["plannavn"]),
                properties["datovedt"].as_i64(),
                properties["areal_m2"].as_f64().unwrap(),
            );
            let measure = of_geojson(&feature["geometry"]);
            (properties["planid"].as_i64().unwrap(), plan_of(measure, values))
        })
        .collect();
    assert_eq!(found.len(), 23);
    found
}

/// Columns of the areas; `inside` is put before each name, `geometry` names the geometry.
pub(crate) fn columns(inside: &str, geometry: &str) -> SchemaRef {
    let path = |name: &str| format!("{inside}{name}");
    bench::columns(&[
        ("planid", &path("planid"), DataType::Int64),
        ("komnr", &path("komnr"), DataType::Int64),
        ("town", &path("kommunenavn"), DataType::Utf8),
        ("name", &path("plannavn"), DataType::Utf8),
        ("adopted", &path("datovedt"), DataType::Int64),
        ("area", &path("areal_m2"), DataType::Float64),
        ("link", &path("doklink"), DataType::Utf8),
        ("active", &path("aktiv"), DataType::Boolean),
        ("geometry", geometry, DataType::Binary),
    ])
}

/// The areas of these pages; each once.
pub(crate) fn decoded(connector: &Wfs, part: &Part, pages: &[Page], columns: &SchemaRef) -> BTreeMap<i64, Plan> {
    let mut found = BTreeMap::new();
    for page in pages {
        for batch in decode_all(connector, part, page, columns).unwrap() {
            let whole = |at: usize| batch.column(at).as_primitive::<Int64Type>();
            let text = |at: usize| batch.column(at).as_string::<i32>();
            let area = batch.column(5).as_primitive::<arrow::datatypes::Float64Type>();
            let shape = batch.column(8).as_binary::<i32>();
            for row in 0..batch.num_rows() {
                let values = (
                    whole(1).value(row),
                    text(2).value(row).to_owned(),
                    text(3).value(row).to_owned(),
                    whole(4).is_valid(row).then(|| whole(4).value(row)),
                    area.value(row),
                );
                let plan = plan_of(of_wkb(shape.value(row)), values);
                assert!(found.insert(whole(0).value(row), plan).is_none(), "an area came twice");
            }
        }
    }
    found
}

/// Both alike, areas within a millionth.
pub(crate) fn assert_alike(found: &BTreeMap<i64, Plan>, expected: &BTreeMap<i64, Plan>) {
    assert_eq!(found.len(), expected.len());
    for (id, plan) in found {
        let mut rounded = plan.clone();
        let of = &expected[id];
        assert!((plan.8 - of.8).abs() <= 1e-6 * of.8, "{id}: {} and {}", plan.8, of.8);
        rounded.8 = of.8;
        assert_eq!(&rounded, of, "{id}");
    }
}

#[tokio::test]
async fn a_layer_is_walked_whole_and_equals_its_input() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let files = folder.join("server-mapserver");
    let answer = move |asked: &Asked| {
        let file = match (asked.query["request"].as_str(), asked.number("startIndex")) {
            ("DescribeFeatureType", _) => "dft200.xml",
            ("GetFeature", None) => "hits.xml",
            ("GetFeature", Some(0)) => "page1.gml",
            ("GetFeature", Some(10)) => "page2.gml",
            ("GetFeature", Some(20)) => "page3.gml",
            other => panic!("{other:?}"),
        };
        xml(200, read(&files, file))
    };
    let settings = json!({"page_limit": 10, "trust_hits": true, "query": {"map": "pdk"}});
    let (connector, part, pages, asked) = walk(answer, settings).await.unwrap();
    assert_eq!((part.promised, pages.len()), (Some(23), 3));
    assert!(asked.iter().all(|asked| asked.query["map"] == "pdk"));
    let found = decoded(&connector, &part, &pages, &columns("", "geometri"));
    assert_alike(&found, &expected);
    let total: f64 = expected.values().map(|plan| plan.8).sum();
    assert!((found.values().map(|plan| plan.8).sum::<f64>() - total).abs() < 1e-6 * total);
}

#[test]
fn an_empty_element_is_null_and_a_time_has_the_z_that_mapserver_adds() {
    let Some(folder) = folder() else { return };
    let page = page(&folder, "server-mapserver/page1.gml");
    let columns = bench::columns(&[
        ("planid", "planid", DataType::Int64),
        ("link", "doklink", DataType::Utf8),
        ("made", "datooprt", DataType::Utf8),
        ("active", "aktiv", DataType::Boolean),
        ("id", "@id", DataType::Utf8),
    ]);
    let rows = bench::rows(&decoder("gml"), &Part::new("all"), &page, &columns).unwrap();
    let id = "theme_pdk_forsyningomraade_vedtaget_v.1000000";
    assert_eq!(rows[0], ["1000000", "null", "2010-03-01T10:51:22Z", "false", id]);
    assert_eq!(rows.len(), 10);
}

#[tokio::test]
async fn a_page_of_five_where_ten_were_asked_for_is_not_the_last() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let files = folder.join("server-mapserver");
    let answer = move |asked: &Asked| match asked.number("startIndex") {
        Some(0) => xml(200, read(&files, "server_cap5_asked10.gml")),
        Some(5) => xml(200, read(&files, "past_end.gml")),
        other => panic!("{other:?}"),
    };
    let settings = json!({"page_limit": 10, "describe": false});
    let (connector, part, pages, _) = walk(answer, settings).await.unwrap();
    let found = decoded(&connector, &part, &pages, &columns("", "geometri"));
    assert_eq!((pages.len(), found.len()), (2, 5));
    assert_alike(&found, &expected.into_iter().take(5).collect());
}

#[tokio::test]
async fn a_page_past_the_end_ends_a_walk_whose_last_page_was_full() {
    let Some(folder) = folder() else { return };
    let files = folder.join("server-mapserver");
    let answer = move |asked: &Asked| match asked.number("startIndex") {
        Some(0) => xml(200, read(&files, "page1.gml")),
        Some(10) => xml(200, read(&files, "past_end.gml")),
        other => panic!("{other:?}"),
    };
    let settings = json!({"page_limit": 10, "describe": false});
    let (connector, part, pages, _) = walk(answer, settings).await.unwrap();
    let rows: Vec<usize> = pages
        .iter()
        .map(|page| {
            let batches = decode_all(&connector, &part, page, &columns("", "geometri")).unwrap();
            batches.iter().map(|batch| batch.num_rows()).sum()
        })
        .collect();
    assert_eq!(rows, [10, 0]);
}

#[tokio::test]
async fn a_server_that_gives_page_one_for_every_start_is_noticed() {
    let Some(folder) = folder() else { return };
    let files = folder.join("server-mapserver");
    let answer = move |_: &Asked| xml(200, read(&files, "page1.gml"));
    let fault = walk(answer, json!({"page_limit": 10, "describe": false}))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[tokio::test]
async fn hits_that_count_to_the_cap_only_contradict_the_walk() {
    let Some(folder) = folder() else { return };
    let files = folder.join("server-mapserver");
    let answer = move |asked: &Asked| match asked.number("startIndex") {
        // What the capping server says (2026-11-23): 5 of 23.
        None => {
            let hits = String::from_utf8(read(&files, "hits.xml")).unwrap();
            xml(200, hits.replace("numberMatched=\"23\"", "numberMatched=\"5\"").into())
        }
        Some(start) => xml(
            200,
            read(&files, ["page1.gml", "page2.gml", "page3.gml"][start as usize / 10]),
        ),
    };
    let settings = json!({"page_limit": 10, "describe": false, "trust_hits": true});
    let fault = walk(answer, settings).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert!(fault.hint_text().unwrap().contains("trust_hits = false"), "{fault}");
}

#[test]
fn wfs_1_1_and_a_filter_and_two_properties_are_read() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let (connector, part) = (decoder("gml"), Part::new("all"));
    for (file, rows) in [("p110.gml", 2), ("filt.gml", 1)] {
        let page = page(&folder, &format!("server-mapserver/{file}"));
        let found = decoded(&connector, &part, &[page], &columns("", "geometri"));
        assert_eq!(found.len(), rows, "{file}");
        let of: BTreeMap<i64, Plan> = found.keys().map(|id| (*id, expected[id].clone())).collect();
        assert_alike(&found, &of);
    }
    // Asked with propertyName and sortBy: what was left out is a missing column, unless the type is described.
    let sorted = page(&folder, "server-mapserver/sort.gml");
    let two = bench::columns(&[
        ("komnr", "komnr", DataType::Int64),
        ("name", "plannavn", DataType::Utf8),
        ("town", "kommunenavn", DataType::Utf8),
    ]);
    let fault = decode_all(&connector, &part, &sorted, &two).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract, "{fault}");
    let mut described = Part::new("all");
    described.detail = json!({"properties": [{"name": "kommunenavn", "kind": "string"}]});
    let rows = bench::rows(&connector, &described, &sorted, &two).unwrap();
    assert_eq!(
        rows,
        [
            ["860", "Varmeplan Hjørring & omegn", "null"],
            ["851", "Varmeplan Aalborg & omegn", "null"]
        ]
    );
}

#[tokio::test]
async fn wfs_1_1_where_2_0_was_asked_for_is_walked() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let files = folder.join("server-mapserver");
    let answer = move |asked: &Asked| {
        assert_eq!(asked.query["version"], "2.0.0");
        xml(200, read(&files, "p110.gml"))
    };
    let (connector, part, pages, _) = walk(answer, json!({"describe": false})).await.unwrap();
    let found = decoded(&connector, &part, &pages, &columns("", "geometri"));
    assert_alike(&found, &expected.into_iter().take(2).collect());
}

#[test]
fn another_system_and_wfs_1_0_are_refused_with_what_to_type() {
    let Some(folder) = folder() else { return };
    let (connector, part, columns) = (decoder("gml"), Part::new("all"), columns("", "geometri"));
    let fault = decode_all(
        &connector,
        &part,
        &page(&folder, "server-mapserver/s4326urn.gml"),
        &columns,
    )
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract, "{fault}");
    assert!(fault.to_string().contains("EPSG::4326"), "{fault}");
    let fault = decode_all(&connector, &part, &page(&folder, "server-mapserver/p100.gml"), &columns).unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert!(fault.hint_text().unwrap().contains("version = \"1.1.0\""), "{fault}");
}

#[tokio::test]
async fn error_reports_of_three_versions_are_refused_whatever_their_status() {
    let Some(folder) = folder() else { return };
    for (file, status, words) in [
        ("badsrs.xml", 400, "Invalid SRS"),
        ("exc100.xml", 200, "TYPENAME 'nosuch' doesn't exist"),
        ("exc110.xml", 200, "TYPENAME 'nosuch' doesn't exist"),
        ("exc200.xml", 400, "TYPENAME 'nosuch' doesn't exist"),
        ("excop.xml", 400, "Invalid WFS request"),
        ("filtbad.xml", 400, "Unsupported FILTER"),
    ] {
        let body = read(&folder.join("server-mapserver"), file);
        let answer = move |_: &Asked| xml(status, body.clone());
        let fault = walk(answer, json!({"describe": false})).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings, "{file}: {fault}");
        assert!(fault.to_string().contains(words), "{file}: {fault}");
        assert!(fault.to_string().contains("InvalidParameterValue"), "{file}: {fault}");
    }
}

#[tokio::test]
async fn what_is_no_collection_of_features_is_refused() {
    let Some(folder) = folder() else { return };
    let html = read(&folder, "server-mapserver/error_200_text_html.html");
    let answer = move |_: &Asked| bench::answer(200, "text/html", html.clone());
    let fault = walk(answer, json!({})).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert!(fault.to_string().contains("web page"), "{fault}");
    assert!(fault.to_string().contains("MapServer Message"), "{fault}");
    let (connector, part, columns) = (decoder("gml"), Part::new("all"), columns("", "geometri"));
    for (file, found) in [("cap200.xml", "WFS_Capabilities"), ("p.csv", "no XML")] {
        let page = page(&folder, &format!("server-mapserver/{file}"));
        let fault = decode_all(&connector, &part, &page, &columns).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{file}: {fault}");
        assert!(fault.to_string().contains(found), "{file}: {fault}");
    }
}

#[test]
fn its_geojson_has_the_same_areas_and_writes_null_as_empty_text() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let (connector, part) = (decoder("json"), Part::new("all"));
    let whole = page(&folder, "server-mapserver/INPUT_made_here_25832.geojson");
    let all = decoded(&connector, &part, &[whole], &columns("properties.", "geometry"));
    assert_alike(&all, &expected);
    // MapServer leaves datovedt out where it is null, and writes a null text as "".
    let columns = bench::columns(&[
        ("planid", "properties.planid", DataType::Int64),
        ("adopted", "properties.datovedt", DataType::Int64),
        ("link", "properties.doklink", DataType::Utf8),
        ("active", "properties.aktiv", DataType::Boolean),
        ("geometry", "geometry", DataType::Binary),
    ]);
    let page = page(&folder, "server-mapserver/p.geojson");
    let rows = decode_all(&connector, &part, &page, &columns).unwrap();
    let text = |column: &str| bench::texts(&rows, column);
    let raw = parsed(&folder, "server-mapserver/p.geojson");
    let raw = raw["features"].as_array().unwrap();
    assert_eq!(rows[0].num_rows(), raw.len());
    let shape = rows[0].column(4).as_binary::<i32>();
    for (row, feature) in raw.iter().enumerate() {
        let link = feature["properties"]["doklink"].as_str().unwrap();
        assert_eq!(text("link")[row].as_deref(), Some(link).filter(|link| !link.is_empty()));
        let adopted = feature["properties"]["datovedt"].as_i64().map(|day| day.to_string());
        assert_eq!(text("adopted")[row], adopted);
        let id = feature["properties"]["planid"].as_i64().unwrap();
        assert!((of_wkb(shape.value(row)).area - expected[&id].8).abs() < 1.0);
    }
    assert_eq!(text("link")[0], None);
}

#[test]
fn the_description_of_a_type_names_every_element() {
    let Some(folder) = folder() else { return };
    let file = read(&folder, "server-mapserver/dft200.xml");
    let found = klimalade_format::gml::properties(Box::new(file.as_slice())).unwrap();
    let raw = String::from_utf8(file.clone()).unwrap();
    // The first is the feature itself.
    let names: Vec<&str> = crate::measure::between(&raw, "<element name=\"", "\"").split_off(1);
    assert_eq!(
        found.iter().map(|property| property.name.as_str()).collect::<Vec<_>>(),
        names
    );
    let kind = |name: &str| &found.iter().find(|property| property.name == name).unwrap().kind;
    assert_eq!(kind("geometri"), "MultiSurfacePropertyType");
    assert_eq!(kind("datooprt"), "TimeInstantType");
    assert_eq!(kind("areal_m2"), "double");
    // `columns` of a page adds what the page lacks.
    let mut part = Part::new("all");
    part.detail = json!({ "properties": found });
    let columns = decoder("gml")
        .columns(&part, &page(&folder, "server-mapserver/sort.gml"))
        .unwrap();
    assert_eq!(columns.len(), names.len() + 1, "and @id");
}
