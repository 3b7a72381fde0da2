//! Each way in which a file was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod linked;
mod marked;
mod packed;
mod sheets;
mod workbooks;

use std::path::Path;

use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Kind, Protocol};
use klimalade_file::{Files, Settings};
use klimalade_testkit::bench::{self, Answer, Server};
use klimalade_testkit::contract::decode_all;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const PULS: &[u8] = include_bytes!("fixtures/puls_2023.csv");

fn open(settings: Value) -> Result<Files, klimalade_connect::Fault> {
    Files::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn danish_csv() -> Value {
    json!({"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ",", "null_marks": ["", ".."]})
}

fn puls_columns() -> SchemaRef {
    bench::columns(&[
        ("municipality", "Kommunenr", DataType::Utf8),
        ("plant", "Renseanlæg", DataType::Utf8),
        ("load", "Organisk belastning (PE)", DataType::Float64),
        ("note", "Bemærkning", DataType::Utf8),
    ])
}

fn csv_answer() -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type", "text/csv".to_owned()), ("etag", "\"v1\"".to_owned())],
        body: PULS.to_vec(),
    }
}

fn in_folder(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

#[tokio::test]
async fn danish_letters_and_the_decimal_comma_survive_windows_1252() {
    let server = Server::start(|_| csv_answer()).await;
    let connector = open(json!({"address": format!("{}/puls.csv", server.base), "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(), ["all"]);
    assert_eq!(parts[0].change_mark, None);
    assert!(server.requests().is_empty(), "the plan of an address asks nobody");
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!(pages[0].read().unwrap(), PULS, "stored as served");
    assert_eq!(pages[0].entry.etag.as_deref(), Some("\"v1\""));
    let batches = decode_all(&connector, &parts[0], &pages[0], &puls_columns()).unwrap();
    assert_eq!(bench::texts(&batches, "plant")[1].as_deref(), Some("Ærøskøbing"));
    assert_eq!(bench::texts(&batches, "municipality")[0].as_deref(), Some("0101"));
    assert_eq!(
        bench::texts(&batches, "load"),
        [Some("750000.5".to_owned()), Some("2100.25".to_owned()), None]
    );
    let notes = bench::texts(&batches, "note");
    assert_eq!(
        notes,
        [
            None,
            Some("delvist \"skøn\"; efter målefejl".to_owned()),
            Some("ikke målt – se note".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_key_is_sent_over_http_and_stored_in_no_address() {
    let server = Server::start(|asked| match asked.query.get("key").map(String::as_str) {
        Some("nøgle-til-fil") => csv_answer(),
        _ => bench::status(401, "{}"),
    })
    .await;
    let auth = json!({"strategy": "query", "name": "key", "secret": "fil"});
    let address = format!("{}/puls.csv", server.base);
    let connector = open(json!({"address": address, "format": danish_csv(), "auth": auth})).unwrap();
    let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
    assert_eq!(
        fault.hint_text(),
        Some("set KLIMALADE_SECRET_FIL or [secrets] in klimalade.toml")
    );
    let cx = bench::context(NOW, &[("fil", "nøgle-til-fil")]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    assert_eq!(page.entry.address, address);
    for elsewhere in [
        "drop/puls/*.csv",
        "drop/puls.csv",
        "s3://drop/puls.csv",
        "file:///drop/puls.csv",
    ] {
        let fault = open(json!({"address": elsewhere, "format": danish_csv(), "auth": auth})).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.places()),
            (Kind::Settings, ["[source.auth]".to_owned()].as_slice())
        );
    }
}

#[tokio::test]
async fn json_in_place_of_a_csv_is_an_error() {
    let server = Server::start(|_| bench::json(r#"{"error":"Filen findes ikke"}"#)).await;
    let connector = open(json!({"address": format!("{}/puls.csv", server.base), "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!((fault.kind(), fault.expected_text()), (Kind::Source, Some("CSV")));
}

#[tokio::test]
async fn an_unchanged_file_is_asked_for_conditionally() {
    let server = Server::start(|asked| match asked.headers.get("if-none-match").map(String::as_str) {
        Some("\"v1\"") => Answer {
            status: 304,
            headers: vec![("etag", "\"v1\"".to_owned())],
            body: Vec::new(),
        },
        _ => csv_answer(),
    })
    .await;
    let connector = open(json!({"address": format!("{}/puls.csv", server.base), "format": danish_csv()})).unwrap();
    let mut cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let first = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    cx.client = cx.client.with_previous(first.clone());
    let second = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(second[0].entry, first[0].entry);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn html_for_csv_is_an_error() {
    let server = Server::start(|_| Answer {
        status: 200,
        headers: vec![("content-type", "text/html".to_owned())],
        body: b"<!DOCTYPE html><html><body>Siden er flyttet</body></html>".to_vec(),
    })
    .await;
    for format in [danish_csv(), json!({"type": "json"})] {
        let connector = open(json!({"address": server.base, "format": format})).unwrap();
        let cx = bench::context(NOW, &[]);
        let parts = connector.plan(&cx).await.unwrap();
        let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{fault}");
    }
}

#[tokio::test]
async fn several_addresses_are_parts_by_their_keys() {
    let server = Server::start(|asked| Answer {
        body: format!("sti\n{}\n", asked.path).into_bytes(),
        ..csv_answer()
    })
    .await;
    let settings = json!({"addresses": {"2024": format!("{}/b.csv", server.base), "2023": format!("{}/a.csv", server.base)},
        "format": {"type": "csv"}});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["2023", "2024"]
    );
    let page = bench::fetch(&connector, &parts[1], &cx).await.unwrap().remove(0);
    let batches = decode_all(
        &connector,
        &parts[1],
        &page,
        &bench::columns(&[("path", "sti", DataType::Utf8)]),
    )
    .unwrap();
    assert_eq!(bench::texts(&batches, "path"), [Some("/b.csv".to_owned())]);
}

#[tokio::test]
async fn a_part_that_the_settings_no_longer_name_is_refused() {
    let connector = open(json!({"addresses": {"2023": "https://a.dk/a.csv"}, "format": {"type": "csv"}})).unwrap();
    let fault = bench::fetch(
        &connector,
        &klimalade_connect::Part::new("2022"),
        &bench::context(NOW, &[]),
    )
    .await
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
}

#[tokio::test]
async fn a_file_on_disk_is_a_part_that_changes_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let address = in_folder(folder.path(), "Rensåanlæg 2023.csv");
    std::fs::write(&address, PULS).unwrap();
    let connector = open(json!({"address": address, "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts, connector.plan(&cx).await.unwrap());
    assert_eq!(parts[0].key, "all");
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(pages[0].read().unwrap(), PULS);
    assert_ne!(
        pages[0].path(),
        Path::new(&address),
        "the page is a copy: the file may change"
    );
    std::fs::write(&address, b"Kommunenr\r\n0101\r\n").unwrap();
    let changed = connector.plan(&cx).await.unwrap();
    assert!(changed[0].change_mark.is_some());
    assert_ne!(changed[0].change_mark, parts[0].change_mark);
}

#[tokio::test]
async fn every_file_of_a_drop_folder_is_a_part() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "Ærø 2023.csv",
        "Lynetten-2022.csv",
        ".skjult.csv",
        "~$Lynetten-2022.csv",
        "læsmig.txt",
    ] {
        std::fs::write(folder.path().join(name), PULS).unwrap();
    }
    std::fs::create_dir(folder.path().join("gammelt")).unwrap();
    std::fs::write(folder.path().join("gammelt").join("2020.csv"), PULS).unwrap();
    let connector = open(json!({"address": in_folder(folder.path(), "*.csv"), "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["Aeroe-2023", "Lynetten-2022"]
    );
    assert!(parts.iter().all(|part| part.change_mark.is_some()));
    assert_eq!(parts[0].detail["file_name"], "Ærø 2023.csv");
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    let batches = decode_all(&connector, &parts[0], &pages[0], &puls_columns()).unwrap();
    assert_eq!(bench::texts(&batches, "plant")[2].as_deref(), Some("Læsø"));
    std::fs::write(folder.path().join("Lynetten-2022.csv"), b"Kommunenr\r\n").unwrap();
    let changed = connector.plan(&cx).await.unwrap();
    assert_eq!(changed[0], parts[0]);
    assert_ne!(changed[1].change_mark, parts[1].change_mark);
}

#[tokio::test]
async fn a_folder_address_without_a_name_means_every_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), PULS).unwrap();
    std::fs::write(folder.path().join("b.txt"), PULS).unwrap();
    let connector = open(json!({"address": in_folder(folder.path(), ""), "format": danish_csv()})).unwrap();
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[tokio::test]
async fn two_files_of_one_key_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["2023.csv", "2023.txt"] {
        std::fs::write(folder.path().join(name), PULS).unwrap();
    }
    let connector = open(json!({"address": in_folder(folder.path(), "*"), "format": danish_csv()})).unwrap();
    let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.found_text().unwrap().contains("2023.csv and 2023.txt"), "{fault}");
}

#[tokio::test]
async fn a_missing_drop_says_what_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tom")).unwrap();
    for (address, hint) in [
        ("findes-ikke/*.csv", "mkdir -p"),
        ("tom/*.csv", "mkdir -p"),
        ("2023.csv", "cp <file>"),
    ] {
        let connector = open(json!({"address": in_folder(folder.path(), address), "format": danish_csv()})).unwrap();
        let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings, "{fault}");
        assert_eq!(fault.what(), "no file has been dropped yet");
        assert!(fault.hint_text().unwrap().starts_with(hint), "{fault}");
    }
}

#[tokio::test]
async fn a_file_that_goes_between_plan_and_fetch_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), PULS).unwrap();
    let connector = open(json!({"address": in_folder(folder.path(), "*.csv"), "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    std::fs::remove_file(folder.path().join("a.csv")).unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[tokio::test]
async fn a_title_before_the_header_is_skipped_and_a_byte_order_mark_wins() {
    let folder = tempfile::tempdir().unwrap();
    let address = in_folder(folder.path(), "cykelstier.csv");
    std::fs::write(&address, include_bytes!("fixtures/cykelstier.csv")).unwrap();
    let settings =
        json!({"address": address, "format": {"type": "csv", "delimiter": ",", "encoding": "latin1", "skip_lines": 2}});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    let columns = bench::columns(&[("km", "km", DataType::Float64), ("kommune", "kommune", DataType::Utf8)]);
    let batches = decode_all(&connector, &part, &page, &columns).unwrap();
    assert_eq!(
        bench::texts(&batches, "km"),
        [Some("512.75".to_owned()), Some("88.0".to_owned())]
    );
    assert_eq!(bench::texts(&batches, "kommune")[0].as_deref(), Some("0461"));
}

#[tokio::test]
async fn a_file_without_a_header_has_the_names_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let address = in_folder(folder.path(), "a.csv");
    std::fs::write(&address, "0461\t1,5\n0482\t2\n").unwrap();
    let settings = json!({"address": address,
        "format": {"type": "csv", "delimiter": "\t", "decimal": ",", "column_names": ["kommune", "længde"]}});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    let batches = decode_all(
        &connector,
        &part,
        &page,
        &bench::columns(&[("km", "længde", DataType::Float64)]),
    )
    .unwrap();
    assert_eq!(
        bench::texts(&batches, "km"),
        [Some("1.5".to_owned()), Some("2.0".to_owned())]
    );
}

#[tokio::test]
async fn json_rows_are_found_by_their_path() {
    let server = Server::start(|_| bench::json(include_str!("fixtures/anlaeg.json"))).await;
    let connector = open(json!({"address": server.base, "format": {"type": "json", "rows": "anlæg"}})).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("name", "navn", DataType::Utf8),
        ("municipality", "sted.kommunekode", DataType::Utf8),
        ("capacity_mw", "effekt_mw", DataType::Float64),
    ]);
    let batches = decode_all(&connector, &part, &page, &columns).unwrap();
    assert_eq!(
        bench::texts(&batches, "name"),
        [Some("Blåbjerg Biogas".to_owned()), Some("Læsø Biogas".to_owned())]
    );
    assert_eq!(bench::texts(&batches, "municipality")[1].as_deref(), Some("0825"));
    assert_eq!(bench::texts(&batches, "capacity_mw"), [Some("7.5".to_owned()), None]);
}

#[tokio::test]
async fn a_run_that_is_ended_has_not_fetched_the_file() {
    let server = Server::start(|_| csv_answer()).await;
    let connector = open(json!({"address": server.base, "format": danish_csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    cx.cancel.cancel();
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Transient);
}

#[test]
fn settings_say_what_can_be_typed() {
    let csv = json!({"type": "csv"});
    for (settings, hint) in [
        (json!({"format": csv}), "address = "),
        (
            json!({"address": "a.csv", "addresses": {"a": "b.csv"}, "format": csv}),
            "address = ",
        ),
        (
            json!({"address": "ftp://a.dk/a.csv", "format": csv}),
            "address = \"https://",
        ),
        (
            json!({"address": "https://a.dk/*.csv", "format": csv}),
            "[source.addresses]",
        ),
        (
            json!({"address": "drop/*/a*.csv", "format": csv}),
            "drop/renseanlaeg/*.csv",
        ),
        (json!({"addresses": {"år 2023": "a.csv"}, "format": csv}), "aar-2023 = "),
        (
            json!({"address": "https://user:kode@a.dk/a.csv", "format": csv}),
            "without user and password",
        ),
        (
            json!({"address": "a.csv", "format": {"type": "csv", "delimiter": "||"}}),
            "delimiter = ",
        ),
        (
            json!({"address": "a.csv", "format": {"type": "csv", "delimiter": ",", "decimal": ","}}),
            "delimiter = ",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
}

#[test]
fn unknown_settings_are_refused_at_every_depth() {
    for wrong in [
        json!({"address": "a.csv", "format": {"type": "csv"}, "url": "x"}),
        json!({"address": "a.csv", "format": {"type": "csv", "decimal_comma": true}}),
        json!({"address": "a.csv", "format": {"type": "json", "delimiter": ";"}}),
        json!({"address": "a.csv", "format": {"type": "xlsx"}}),
        json!({"address": "a.csv", "format": {"type": "csv", "encoding": "utf8"}}),
    ] {
        assert!(serde_json::from_value::<Settings>(wrong.clone()).is_err(), "{wrong}");
    }
}
