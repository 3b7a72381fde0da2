//! The simulated Plandata of the demo, walked as its pipelines walk it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow::array::{Array, AsArray};
use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Fault, Kind, Page, Part, Protocol};
use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use klimalade_testkit::{bench, contract::decode_all};
use klimalade_wfs::{Settings, Wfs};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const HOST: &str = "geoserver.plandata.dk";

/// Layers with what they are sorted by: those without a primary key want to be.
const LAYERS: [(&str, Option<&str>); 8] = [
    ("theme_pdk_forsyningomraade_vedtaget_v", Some("objekt_id")),
    ("theme_pdk_tilslutningspligtomraade_vedtaget_v", Some("objekt_id")),
    ("theme_pdk_forsyningsforbudomraade_vedtaget_v", Some("objekt_id")),
    ("theme_pdk_varmeplansomraade_vedtaget_v", Some("planid,delnavn")),
    ("theme_pdk_kloakopland_vedtaget_v", Some("objekt_id")),
    ("theme_pdk_kloakopland_vedtaget", None),
    ("theme_pdk_oversvoemerosion_vedtaget", None),
    ("theme_pdk_lavbundsareal_vedtaget", None),
];

async fn walk(agencies: &Agencies, layer: &str, more: Value) -> Result<(Wfs, Part, Vec<Page>), Fault> {
    let mut settings = json!({
        "base_url": format!("https://{HOST}/geoserver/wfs"),
        "type_names": format!("pdk:{layer}"),
        "page_limit": 1000,
        "trust_hits": true,
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let connector = Wfs::open(serde_json::from_value::<Settings>(settings).unwrap())?;
    let cx = bench::redirected(NOW, agencies.hosts());
    let part = connector.plan(&cx).await?.remove(0);
    let pages = bench::fetch(&connector, &part, &cx).await?;
    Ok((connector, part, pages))
}

fn columns(inside: &str, geometry: &str) -> SchemaRef {
    bench::columns(&[
        ("document", &format!("{inside}doklink"), DataType::Utf8),
        ("geometry", geometry, DataType::Binary),
    ])
}

fn rows(connector: &Wfs, part: &Part, pages: &[Page], columns: &SchemaRef) -> (usize, Vec<Vec<u8>>) {
    let (mut nulls, mut shapes) = (0, Vec::new());
    for page in pages {
        for batch in decode_all(connector, part, page, columns).unwrap() {
            nulls += batch.column(0).null_count();
            let shape = batch.column(1).as_binary::<i32>();
            shapes.extend((0..batch.num_rows()).map(|row| shape.value(row).to_vec()));
        }
    }
    (nulls, shapes)
}

#[tokio::test]
async fn every_layer_is_walked_to_the_number_that_the_server_counts() {
    let agencies = Agencies::start(Script::default()).unwrap();
    for (layer, sort_by) in LAYERS {
        let more = sort_by.map_or(json!({}), |by| json!({ "sort_by": by }));
        let (connector, part, pages) = walk(&agencies, layer, more).await.unwrap();
        let (nulls, shapes) = rows(&connector, &part, &pages, &columns("", "geometri"));
        assert_eq!(part.promised, Some(shapes.len() as u64), "{layer}");
        assert!(shapes.iter().all(|shape| shape[1] == 6), "multipolygons");
        assert!((1..shapes.len()).contains(&nulls), "{layer}: {nulls}");
    }
}

#[tokio::test]
async fn json_and_gml_give_the_same_shapes() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let layer = "theme_pdk_oversvoemerosion_vedtaget";
    let (connector, part, pages) = walk(&agencies, layer, json!({})).await.unwrap();
    let gml = rows(&connector, &part, &pages, &columns("", "geometri"));
    let (connector, part, pages) = walk(&agencies, layer, json!({"output": "json"})).await.unwrap();
    let json = rows(&connector, &part, &pages, &columns("properties.", "geometry"));
    assert!(gml == json && !gml.1.is_empty());
}

#[tokio::test]
async fn what_goes_wrong_there_is_noticed() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let unsorted = walk(&agencies, LAYERS[0].0, json!({})).await.unwrap_err();
    assert_eq!(unsorted.kind(), Kind::Settings, "{unsorted}");
    assert!(unsorted.hint_text().unwrap().contains("sort_by"), "{unsorted}");
    let unknown = walk(&agencies, "theme_pdk_nosuch", json!({})).await.unwrap_err();
    assert_eq!(unknown.kind(), Kind::Settings, "{unknown}");
    let sewers = "theme_pdk_kloakopland_vedtaget";
    for (fault, output) in [
        (FaultKind::PageShort, "gml"),
        (FaultKind::EndlessNext, "gml"),
        (FaultKind::PageShort, "json"),
        (FaultKind::EndlessNext, "json"),
        (FaultKind::Html, "gml"),
    ] {
        let scripted = ScriptedFault::new(HOST, fault.clone()).path("startIndex");
        let agencies = Agencies::start(Script::default().fault(scripted)).unwrap();
        let found = walk(&agencies, sewers, json!({ "output": output })).await.unwrap_err();
        assert_eq!(found.kind(), Kind::Source, "{fault:?} {output}: {found}");
    }
}
