//! Answers of real servers (MapServer, QGIS Server, Datafordeler, GeoServer of Plandata and Miljøportal) as served or
//! saved up to 2026-11-23, decoded in full or refused with the right reason. What a test compares with is counted and
//! summed in the test from the raw text, never by the code under test.
//!
//! They lie outside the project: `KLIMALADE_REAL` names their folder, else `../shared/real` beside the workspace is
//! taken. Where there is none, each test says on stderr that it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod geojson;
mod gml;
mod mapserver;
mod measure;
mod qgis;

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
};

use klimalade_connect::{Fault, Page, Part, Protocol};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_wfs::{Settings, Wfs};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";

/// The folder of WFS answers.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("KLIMALADE_REAL").map(PathBuf::from);
    if let Some(named) = &named {
        assert!(
            named.is_dir(),
            "KLIMALADE_REAL names {}, which is no folder",
            named.display()
        );
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real");
    let found = named.unwrap_or(beside).join("wfs");
    if found.is_dir() {
        return Some(found);
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Straight to the file descriptor: the harness captures print macros only.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: no real answers here");
    None
}

fn read(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn page(folder: &Path, file: &str) -> Page {
    Page::from_bytes(&format!("/{file}"), &read(folder, file)).unwrap()
}

fn parsed(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&read(folder, file)).unwrap()
}

/// The connector as a pipeline would set it, `more` on top.
fn open(base: &str, more: Value) -> Wfs {
    let mut settings = json!({"base_url": base, "type_names": "pdk:theme_pdk_forsyningomraade_vedtaget_v"});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Wfs::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

/// A connector that asks nobody, for decode.
fn decoder(output: &str) -> Wfs {
    open("http://127.0.0.1:9", json!({"output": output}))
}

/// The layer that `answer` plays, planned and walked.
async fn walk(
    answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    more: Value,
) -> Result<(Wfs, Part, Vec<Page>, Vec<Asked>), Fault> {
    use klimalade_connect::Connector;
    let server = Server::start(answer).await;
    let connector = open(&server.base, more);
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await?.remove(0);
    let pages = bench::fetch(&connector, &part, &cx).await?;
    Ok((connector, part, pages, server.requests()))
}

/// An answer of XML with this status.
fn xml(status: u16, body: Vec<u8>) -> Answer {
    bench::answer(status, "text/xml; subtype=\"gml/3.2.1\"; charset=UTF-8", body)
}

/// Every file that a test here reads, so that none is overlooked.
const READ: [&str; 41] = [
    "gml-samples/datafordeler_dhm_hoejdekurver_gml32.gml",
    "gml-samples/datafordeler_geodanmark_wfs20_empty_result.xml",
    "gml-samples/geodanmark_plads_fme_gml32_surface_patch_3d.gml",
    "gml-samples/ogr_gml32_all_types_25832.gml",
    "gml-samples/ogr_gml32_points_4258_latlon.gml",
    "miljoeportal/vallensbaek_Frededeomrder.geojson",
    "miljoeportal/vallensbaek_Jordforureningvidenniveau1V1.geojson",
    "plandata/lokalplandelomraade_med_historik_count2.json",
    "plandata/vallensbaek_kloakopland_IngenKloakering.geojson",
    "plandata/vallensbaek_kloakopland_Spildevandskloakering.geojson",
    "plandata/vallensbaek_kloakopland_VedtagetSeperatkloakering.geojson",
    "server-mapserver/INPUT_made_here_25832.geojson",
    "server-mapserver/badsrs.xml",
    "server-mapserver/cap200.xml",
    "server-mapserver/dft200.xml",
    "server-mapserver/error_200_text_html.html",
    "server-mapserver/exc100.xml",
    "server-mapserver/exc110.xml",
    "server-mapserver/exc200.xml",
    "server-mapserver/excop.xml",
    "server-mapserver/filt.gml",
    "server-mapserver/filtbad.xml",
    "server-mapserver/hits.xml",
    "server-mapserver/p.csv",
    "server-mapserver/p.geojson",
    "server-mapserver/p100.gml",
    "server-mapserver/p110.gml",
    "server-mapserver/page1.gml",
    "server-mapserver/page2.gml",
    "server-mapserver/page3.gml",
    "server-mapserver/past_end.gml",
    "server-mapserver/s4326urn.gml",
    "server-mapserver/server_cap5_asked10.gml",
    "server-mapserver/sort.gml",
    "server-qgis/asked_200_got_100_count_ignored.gml",
    "server-qgis/capabilities110.xml",
    "server-qgis/describefeaturetype110.xsd",
    "server-qgis/error_400_serviceexceptionreport.xml",
    "server-qgis/getfeature110.geojson",
    "server-qgis/getfeature110_p1.gml",
    "server-qgis/getfeature110_startindex20.gml",
];

#[test]
fn no_real_answer_is_overlooked() {
    let Some(folder) = folder() else { return };
    let mut found = BTreeSet::new();
    for inner in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()) {
        if !inner.file_type().unwrap().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(inner.path()).unwrap().map(|entry| entry.unwrap()) {
            found.insert(format!(
                "{}/{}",
                inner.file_name().to_string_lossy(),
                file.file_name().to_string_lossy()
            ));
        }
    }
    let read: BTreeSet<String> = READ.iter().map(|file| (*file).to_owned()).collect();
    assert_eq!(found, read, "a file without a test, or a test without its file");
}
