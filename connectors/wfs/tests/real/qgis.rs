//! QGIS Server 3.22.16 over the same 23 areas.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use klimalade_connect::{Connector, Kind, Part};
use klimalade_testkit::{
    bench::{self, Asked},
    contract::decode_all,
};
use serde_json::json;

use crate::{
    decoder, folder,
    mapserver::{assert_alike, columns, decoded, input},
    measure::between,
    page, read, walk, xml,
};

#[test]
fn gml_3_1_1_in_a_default_namespace_has_the_same_areas() {
    let Some(folder) = folder() else { return };
    let expected = input(&folder);
    let mut seen = Vec::new();
    for file in ["getfeature110_p1.gml", "getfeature110_startindex20.gml"] {
        let page = page(&folder, &format!("server-qgis/{file}"));
        let found = decoded(&decoder("gml"), &Part::new("all"), &[page], &columns("", "geometry"));
        let of: BTreeMap<i64, _> = found.keys().map(|id| (*id, expected[id].clone())).collect();
        assert_alike(&found, &of);
        seen.extend(found.into_keys());
    }
    assert_eq!(seen, [1_000_000, 1_000_001, 1_000_020, 1_000_021, 1_000_022]);
}

#[test]
fn nil_is_null_and_true_is_true() {
    let Some(folder) = folder() else { return };
    let text = String::from_utf8(read(&folder, "server-qgis/getfeature110_p1.gml")).unwrap();
    assert!(text.contains("nil=\"true\""), "the trap is there");
    let columns = bench::columns(&[
        ("planid", "planid", DataType::Int64),
        ("adopted", "datovedt", DataType::Int64),
        ("link", "doklink", DataType::Utf8),
        ("active", "aktiv", DataType::Boolean),
    ]);
    let page = page(&folder, "server-qgis/getfeature110_p1.gml");
    let rows = bench::rows(&decoder("gml"), &Part::new("all"), &page, &columns).unwrap();
    assert_eq!(rows[0], ["1000000", "null", "null", "false"]);
    assert_eq!((rows[1][1].as_str(), rows[1][3].as_str()), ("20200202", "true"));
}

#[tokio::test]
async fn wfs_1_0_where_2_0_was_asked_for_is_refused_with_the_version_to_type() {
    let Some(folder) = folder() else { return };
    let body = read(&folder, "server-qgis/asked_200_got_100_count_ignored.gml");
    let answer = move |_: &Asked| xml(200, body.clone());
    let fault = walk(answer, json!({"page_limit": 2, "describe": false}))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert!(fault.hint_text().unwrap().contains("version = \"1.1.0\""), "{fault}");
}

#[tokio::test]
async fn its_error_report_has_another_root_for_every_version() {
    let Some(folder) = folder() else { return };
    let body = read(&folder, "server-qgis/error_400_serviceexceptionreport.xml");
    let answer = move |_: &Asked| xml(400, body.clone());
    let fault = walk(answer, json!({})).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert!(
        fault.to_string().contains("TypeName 'nosuch' could not be found"),
        "{fault}"
    );
}

#[test]
fn its_geojson_is_in_degrees_and_refused() {
    let Some(folder) = folder() else { return };
    let page = page(&folder, "server-qgis/getfeature110.geojson");
    let fault = decode_all(
        &decoder("json"),
        &Part::new("all"),
        &page,
        &columns("properties.", "geometry"),
    )
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract, "{fault}");
    assert!(fault.to_string().contains("outside Denmark"), "{fault}");
    assert_eq!(fault.hint_text(), Some("output = \"gml\""));
}

#[test]
fn capabilities_are_no_features_and_the_description_names_every_element() {
    let Some(folder) = folder() else { return };
    let capabilities = page(&folder, "server-qgis/capabilities110.xml");
    let fault = decode_all(
        &decoder("gml"),
        &Part::new("all"),
        &capabilities,
        &columns("", "geometry"),
    )
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    let file = read(&folder, "server-qgis/describefeaturetype110.xsd");
    let found = klimalade_format::gml::properties(Box::new(file.as_slice())).unwrap();
    let text = String::from_utf8(file.clone()).unwrap();
    let names = between(&text, "<element name=\"", "\"").split_off(1);
    assert_eq!(
        found.iter().map(|property| property.name.as_str()).collect::<Vec<_>>(),
        names
    );
    assert_eq!(found[0].kind, "MultiSurfacePropertyType");
    let mut part = Part::new("all");
    part.detail = json!({ "properties": found });
    let columns = decoder("gml")
        .columns(&part, &page(&folder, "server-qgis/getfeature110_p1.gml"))
        .unwrap();
    assert_eq!(columns.len(), names.len() + 1, "and @id");
}
