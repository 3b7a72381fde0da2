//! The contract suite of testkit, against files whose content is known and against the simulated file server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod workbooks;

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::DataType;
use klimalade_connect::{Connector, Page, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_file::{Files, Settings};
use klimalade_testkit::bench::{self, Server};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const PULS: &[u8] = include_bytes!("fixtures/puls_2023.csv");

fn open(settings: Value) -> Arc<dyn Connector> {
    Arc::new(Files::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap())
}

/// The header line alone.
fn empty_of(bytes: &[u8]) -> Page {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    Page::from_bytes("/empty.csv", &bytes[..end]).unwrap()
}

fn cell(column: &str, text: &str) -> (String, String) {
    (column.to_owned(), text.to_owned())
}

#[tokio::test]
async fn the_contract_holds_for_a_drop_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("2023.csv"), PULS).unwrap();
    let lines: Vec<&[u8]> = PULS.split_inclusive(|byte| *byte == b'\n').collect();
    std::fs::write(
        folder.path().join("2024.csv"),
        [lines[0], b"0751;Marselisborg;2024;220000,75;\r\n"].concat(),
    )
    .unwrap();
    let connector = open(json!({"address": folder.path().join("*.csv").display().to_string(),
        "format": {"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ",", "null_marks": ["", ".."]}}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("municipality", "Kommunenr", DataType::Utf8),
        ("plant", "Renseanlæg", DataType::Utf8),
        ("year", "År", DataType::Int16),
        ("load", "Organisk belastning (PE)", DataType::Float64),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["municipality", "year"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("2023".to_owned(), 3), ("2024".to_owned(), 1)])),
            cells: vec![
                cell("plant", "Ærøskøbing"),
                cell("load", "2100.25"),
                cell("load", "220000.75"),
                cell("municipality", "0101"),
            ],
        },
        empty: Some((part, empty_of(PULS))),
        declared: &[Unsupported::PromisedCount, Unsupported::CutBody],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_against_the_simulated_file_server() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(json!({"address": "https://data.example-kommune.dk/ladestandere.csv",
        "format": {"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ","}}));
    let part = connector.plan(&context).await.unwrap().remove(0);
    let page = bench::fetch(&*connector, &part, &context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("municipality", "Kommunekode", DataType::Utf8),
        ("name", "Kommune", DataType::Utf8),
        ("year", "År", DataType::Int16),
        ("charging_points", "Antal ladestandere", DataType::Int64),
        ("kw", "Effekt i kW", DataType::Float64),
        ("note", "Bemærkning", DataType::Utf8),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["municipality", "year"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("all".to_owned(), 98 * 4)])),
            cells: vec![cell("name", "Læsø"), cell("note", "foreløbig opgørelse; \"på vej\"")],
        },
        empty: Some((part, empty_of(&page.read().unwrap()))),
        declared: &[Unsupported::PromisedCount, Unsupported::CutBody],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_for_json() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let context = bench::redirected(NOW, agencies.hosts());
    let connector = open(
        json!({"address": "https://data.example-kommune.dk/anlaeg.json", "format": {"type": "json", "rows": "anlæg"}}),
    );
    let part = connector.plan(&context).await.unwrap().remove(0);
    let page = bench::fetch(&*connector, &part, &context).await.unwrap().remove(0);
    let served: Value = serde_json::from_slice(&page.read().unwrap()).unwrap();
    let columns = bench::columns(&[
        ("plant_id", "id", DataType::Utf8),
        ("kind", "type", DataType::Utf8),
        ("mw", "effekt_mw", DataType::Float64),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["plant_id"]),
        expected: Expected {
            rows: Rows::Total(served["anlæg"].as_array().unwrap().len() as u64),
            cells: vec![cell("kind", "biogasanlæg")],
        },
        empty: Some((
            part,
            Page::from_bytes("/empty.json", "{\"anlæg\":[]}".as_bytes()).unwrap(),
        )),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_for_workbooks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("2023.xlsx"), workbooks::plants(0..2)).unwrap();
    std::fs::write(folder.path().join("2024.xlsx"), workbooks::plants(2..3)).unwrap();
    let connector = open(json!({"address": folder.path().join("*.xlsx").display().to_string(),
        "format": workbooks::plants_format()}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("municipality", "Kommunenr", DataType::Utf8),
        ("plant", "Renseanlæg", DataType::Utf8),
        ("load", "Belastning (PE)", DataType::Float64),
        ("since", "I drift", DataType::Date32),
        ("sheet", "(sheet)", DataType::Utf8),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["plant", "load"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("2023".to_owned(), 2), ("2024".to_owned(), 1)])),
            cells: vec![
                cell("plant", "Ærøskøbing"),
                cell("load", "2100.25"),
                cell("since", "1998-05-01"),
                cell("sheet", "Anlæg"),
            ],
        },
        empty: Some((part, Page::from_bytes("/empty.xlsx", &workbooks::plants(0..0)).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

fn cycle_paths() -> [(&'static str, &'static str, DataType); 2] {
    [
        ("municipality", "kommune", DataType::Utf8),
        ("km", "km", DataType::Float64),
    ]
}

#[tokio::test]
async fn the_contract_holds_for_archives() {
    let folder = tempfile::tempdir().unwrap();
    let member = |rows: &str| workbooks::archive(&[("cykelstier.csv", format!("kommune;km\n{rows}").as_bytes())]);
    std::fs::write(folder.path().join("2023.zip"), member("Læsø;12,5\nÆrø;40\n")).unwrap();
    std::fs::write(folder.path().join("2024.zip"), member("Fanø;31\n")).unwrap();
    let connector = open(json!({"address": folder.path().join("*.zip").display().to_string(),
        "unpack": {"member": "*.csv"}, "format": {"type": "csv", "decimal": ","}}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&bench::columns(&cycle_paths()), &["municipality"]),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([("2023".to_owned(), 2), ("2024".to_owned(), 1)])),
            cells: vec![cell("municipality", "Læsø"), cell("km", "12.5")],
        },
        empty: Some((part, Page::from_bytes("/empty.zip", &member("")).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}

#[tokio::test]
async fn the_contract_holds_for_xml_behind_a_link() {
    let xml = |rows: &str| format!("<?xml version=\"1.0\"?><Stier år=\"2024\">{rows}</Stier>");
    let rows = "<Sti kommune=\"Læsø\"><km>12,5</km></Sti><Sti kommune=\"Ærø\"><km/></Sti>";
    let body = xml(rows);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/media/7/stier.xml" => bench::answer(200, "application/xml", body.clone()),
        _ => bench::answer(200, "text/html", "<a href='media/7/stier.xml'>Cykelstier</a>"),
    })
    .await;
    let connector = open(
        json!({"discover": {"page": format!("{}/", server.base), "text": "Cykel*"},
        "format": {"type": "xml", "record": "Stier.Sti", "decimal": ","}}),
    );
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("municipality", "@kommune", DataType::Utf8),
        ("km", "km", DataType::Float64),
        ("year", "/Stier.@år", DataType::Int16),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["municipality"]),
        expected: Expected {
            rows: Rows::Total(2),
            cells: vec![cell("municipality", "Læsø"), cell("km", "12.5"), cell("year", "2024")],
        },
        empty: Some((part, Page::from_bytes("/empty.xml", xml("").as_bytes()).unwrap())),
        declared: &[Unsupported::PromisedCount],
    })
    .await;
}
