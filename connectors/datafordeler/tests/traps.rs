//! Each way in which the file download was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use arrow_schema::DataType;
use klimalade_connect::{Connector, Fault, Kind, Part, Protocol};
use klimalade_datafordeler::{Datafordeler, Settings};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

const NOW: &str = "2026-11-23T20:00:00Z";
const KEY: &str = "min/hemmelige nøgle";

fn settings(base: &str, more: Value) -> Value {
    let mut settings = json!({"base_url": base, "register": "BBR", "entity": "Bygning", "format": {"type": "json"},
        "auth": {"strategy": "query", "name": "apikey", "secret": "datafordeler_api_key"}});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    settings
}

fn open(settings: Value) -> Result<Datafordeler, Fault> {
    Datafordeler::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn offered(name: &str, generation: Value, more: Value) -> Value {
    let mut offered = json!({"fileName": name, "register": "BBR", "entityName": "Bygning", "typeOfDownload": "TotalDownload",
        "typeOfData": "Current", "version": "3", "generationNumber": generation, "generationTime": "2026-11-21T03:41:12",
        "containedFileFormat": "json", "municipalityCode": null});
    offered
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    offered
}

fn archived(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A service with this listing on one page, that gives this body for any file.
async fn service(listing: Vec<Value>, body: impl Into<Vec<u8>>) -> Server {
    let body = body.into();
    Server::start(move |asked: &Asked| -> Answer {
        if asked.query.get("apikey").map(String::as_str) != Some(KEY) {
            return bench::status(
                401,
                format!("{{\"message\":\"apikey {:?} is unknown\"}}", asked.query.get("apikey")),
            );
        }
        match asked.path.as_str() {
            "/v2.0/GetAvailableFileDownloads" => bench::json(
                json!({"paginationMetadata": {"totalPages": 1}, "availableFileDownloads": listing}).to_string(),
            ),
            _ => bench::answer(200, "application/zip", body.clone()),
        }
    })
    .await
}

async fn plan(server: &Server, more: Value) -> Result<Vec<Part>, Fault> {
    let cx = bench::context(NOW, &[("datafordeler_api_key", KEY)]);
    open(settings(&server.base, more))?.plan(&cx).await
}

#[tokio::test]
async fn the_key_is_sent_and_stands_in_no_address_part_or_error() {
    let zip = archived(&[(
        "BBR_Bygning.json",
        r#"[{"id_lokalId":"a","note":"min/hemmelige nøgle"}]"#,
    )]);
    let server = service(vec![offered("BBR_12.zip", json!(12), json!({}))], zip).await;
    let cx = bench::context(NOW, &[("datafordeler_api_key", KEY)]);
    let connector = open(settings(&server.base, json!({}))).unwrap();
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    assert_eq!(
        page.entry.address,
        format!("{}/v1.0/GetFile?Filename=BBR_12.zip", server.base)
    );
    assert!(server.requests().iter().all(|asked| asked.query["apikey"] == KEY));
    for text in [serde_json::to_string(&part).unwrap(), format!("{:?}", page.entry)] {
        assert!(!text.contains("hemmelig"), "{text}");
    }
    let fault = open(settings(&server.base, json!({})))
        .unwrap()
        .plan(&bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert_eq!(
        fault.hint_text(),
        Some("set KLIMALADE_SECRET_DATAFORDELER_API_KEY or [secrets] in klimalade.toml")
    );
    let wrong = bench::context(NOW, &[("datafordeler_api_key", "en anden hemmelighed")]);
    let fault = open(settings(&server.base, json!({})))
        .unwrap()
        .plan(&wrong)
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(!format!("{fault} {fault:?}").contains("hemmelighed"), "{fault}");
    assert!(fault.hint_text().unwrap().contains("datafordeler_api_key"), "{fault}");
}

#[tokio::test]
async fn the_newest_total_of_the_newest_model_is_taken_whatever_stands_beside_it() {
    let listing = vec![
        offered("gammel_model_99.zip", json!(99), json!({"version": "2"})),
        offered("BBR_9.zip", json!("9"), json!({})),
        offered("BBR_12.zip", json!(12), json!({})),
        offered("delta_13.zip", json!(13), json!({"typeOfDownload": "DeltaDownload"})),
        offered("bitemporal_14.zip", json!(14), json!({"typeOfData": "Bitemporal"})),
        offered("csv_15.zip", json!(15), json!({"containedFileFormat": "csv"})),
        offered("enhed_16.zip", json!(16), json!({"entityName": "Enhed"})),
        offered("kommune_17.zip", json!(17), json!({"municipalityCode": "0751"})),
    ];
    let server = service(listing, "").await;
    let parts = plan(&server, json!({})).await.unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(
        (parts[0].key.as_str(), parts[0].change_mark.as_deref()),
        ("all", Some("BBR_12.zip"))
    );
    assert_eq!(parts[0].detail["source_version"], "2026-11-21");
    let parts = plan(&server, json!({"by_municipality": true})).await.unwrap();
    assert_eq!(
        (parts[0].key.as_str(), parts[0].change_mark.as_deref()),
        ("0751", Some("kommune_17.zip"))
    );
    let fault = plan(&server, json!({"entity": "Grund"})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.expected_text()),
        (Kind::Source, Some("Grund TotalDownload Current json"))
    );
    assert!(
        fault.found_text().unwrap().contains("Enhed TotalDownload Current json"),
        "{fault}"
    );
}

#[tokio::test]
async fn every_page_of_the_listing_is_read() {
    let server = Server::start(|asked: &Asked| {
        let number = asked.number("PageNumber").unwrap();
        let offered = offered(&format!("BBR_{number}.zip"), json!(number), json!({}));
        bench::json(json!({"paginationMetadata": {"totalPages": 3}, "availableFileDownloads": [offered]}).to_string())
    })
    .await;
    let parts = plan(&server, json!({})).await.unwrap();
    assert_eq!(parts[0].change_mark.as_deref(), Some("BBR_3.zip"));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn an_edition_of_the_month_stays_the_same_until_the_month_is_over() {
    let zip = archived(&[("a.json", "[]")]);
    let mut marks = Vec::new();
    for day in ["2026-11-21", "2026-11-28", "2026-12-05"] {
        let made = json!({"generationTime": format!("{day}T03:41:12")});
        let server = service(vec![offered(&format!("BBR_{day}.zip"), json!(1), made)], zip.clone()).await;
        let part = plan(&server, json!({"edition": "month"})).await.unwrap().remove(0);
        assert_eq!(
            part.detail.get("file_name"),
            None,
            "another file of the month is no other part"
        );
        marks.push((part.change_mark.clone().unwrap(), part.detail.clone()));
        let cx = bench::context(NOW, &[("datafordeler_api_key", KEY)]);
        let connector = open(settings(&server.base, json!({"edition": "month"}))).unwrap();
        let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
        assert!(
            page.entry.address.ends_with(&format!("Filename=BBR_{day}.zip")),
            "the newest is looked up"
        );
    }
    assert_eq!(marks[0], marks[1]);
    assert_ne!(marks[1], marks[2]);
    assert_eq!(marks[2].0, "2026-12");
    // Files of DAR were listed without a time.
    let server = service(
        vec![offered("DAR_1.zip", json!(1), json!({"generationTime": null}))],
        zip,
    )
    .await;
    assert_eq!(
        plan(&server, json!({})).await.unwrap()[0].detail["source_version"],
        "DAR_1.zip"
    );
    let fault = plan(&server, json!({"edition": "year"})).await.unwrap_err();
    assert_eq!(fault.hint_text(), Some("edition = \"each\""));
}

#[tokio::test]
async fn what_is_no_archive_or_has_no_one_file_is_an_error() {
    let cx = bench::context(NOW, &[("datafordeler_api_key", KEY)]);
    let columns = bench::columns(&[("id", "id_lokalId", DataType::Utf8)]);
    let rows = |text: &'static str| archived(&[("BBR_Bygning.json", text), ("laesmig.txt", "x")]);
    let two = archived(&[("a.json", "[]"), ("b.json", "[]")]);
    let mut cut = rows(r#"[{"id_lokalId":"a"}]"#);
    cut.truncate(60);
    let cases: [(Vec<u8>, Value, Result<usize, &str>); 6] = [
        (
            b"{\"message\":\"Serveren er lukket\"}".to_vec(),
            json!({}),
            Err("the file is no ZIP archive"),
        ),
        (
            cut,
            json!({}),
            Err(
                "the body is not whole or not well formed: a ZIP archive that is not whole (invalid Zip archive: Could not find EOCD)",
            ),
        ),
        (
            two.clone(),
            json!({}),
            Err("more than one member of the archive has that name"),
        ),
        (two, json!({"member": "b*"}), Ok(0)),
        (
            rows(r#"[{"id_lokalId":"a"},{"id_lokalId":"b"}]"#),
            json!({"most_bytes": 20}),
            Err("the archive is larger than it may be when unpacked"),
        ),
        (rows(r#"[{"id_lokalId":"a"},{"id_lokalId":"b"}]"#), json!({}), Ok(2)),
    ];
    for (body, more, expected) in cases {
        let server = service(vec![offered("BBR_1.zip", json!(1), json!({}))], body).await;
        let connector = open(settings(&server.base, more)).unwrap();
        let part = connector.plan(&cx).await.unwrap().remove(0);
        let outcome = match bench::fetch(&connector, &part, &cx).await {
            Ok(pages) => bench::rows(&connector, &part, &pages[0], &columns).map(|rows| rows.len()),
            Err(fault) => Err(fault),
        };
        assert_eq!(outcome.as_ref().map_err(Fault::what).copied(), expected);
    }
}

#[tokio::test]
async fn csv_is_read_and_the_time_of_fetching_is_a_column() {
    let body = archived(&[("BBR_Bygning.csv", "id_lokalId;byg026Opførelsesår\na;1931\n")]);
    let server = service(
        vec![offered("BBR_1.zip", json!(1), json!({"containedFileFormat": "csv"}))],
        body,
    )
    .await;
    let cx = bench::context(NOW, &[("datafordeler_api_key", KEY)]);
    let connector = open(settings(
        &server.base,
        json!({"format": {"type": "csv", "delimiter": ";"}}),
    ))
    .unwrap();
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    let columns = bench::columns(&[
        ("fetched", "file.fetched_at", DataType::Utf8),
        ("built", "byg026Opførelsesår", DataType::Int64),
    ]);
    assert_eq!(
        bench::rows(&connector, &part, &page, &columns).unwrap(),
        [[page.entry.retrieved_at.clone(), "1931".to_owned()]]
    );
    let found: Vec<String> = connector
        .columns(&part, &page)
        .unwrap()
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(found, ["id_lokalId", "byg026Opførelsesår", "file.fetched_at"]);
}

#[test]
fn settings_that_cannot_work_are_refused_with_what_can_be_typed() {
    let base = "https://api.datafordeler.dk/FileDownloads";
    for (more, place) in [
        (json!({"base_url": "ftp://a"}), "[source] base_url"),
        (json!({"register": ""}), "[source] register"),
        (json!({"entity": " "}), "[source] entity"),
        (json!({"auth": {"strategy": "none"}}), "[source] auth"),
        (
            json!({"format": {"type": "csv", "delimiter": "æ"}}),
            "[source.format] delimiter",
        ),
    ] {
        let fault = open(settings(base, more)).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.places()),
            (Kind::Settings, [place.to_owned()].as_slice())
        );
        assert!(fault.hint_text().is_some());
    }
}
