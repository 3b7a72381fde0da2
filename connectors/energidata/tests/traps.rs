//! Every trap of Energi Data Service that the connector is built for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, time::Duration};

use arrow::datatypes::DataType;
use arrow_schema::SchemaRef;
use klimalade_connect::{Connector, Kind, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_energidata::Energidata;
use klimalade_testkit::bench::{self, Answer, Server};
use serde_json::{Value, json};

const META: &str = include_str!("fixtures/meta_production.json");
const MAY: &str = include_str!("fixtures/production_2024-05.json");

fn ok(body: &str) -> Answer {
    bench::answer(200, "application/json; charset=utf-8", body.as_bytes().to_vec())
}

fn open(base_url: &str, extra: Value) -> Energidata {
    let mut settings = json!({
        "base_url": base_url, "dataset": "ProductionMunicipalityHour", "time_column": "HourUTC", "start": "2024-05", "end": "2024-06",
        "sort": ["HourUTC", "MunicipalityNo"],
    });
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    Energidata::open(serde_json::from_value(settings).unwrap()).unwrap()
}

fn columns() -> SchemaRef {
    bench::identified(
        &bench::columns(&[
            ("hour", "HourUTC", DataType::Utf8),
            ("municipality", "MunicipalityNo", DataType::Utf8),
            ("thermal_mwh", "ThermalPowerMWh", DataType::Float64),
        ]),
        &["hour", "municipality"],
    )
}

#[tokio::test]
async fn a_civil_month_comes_in_one_answer_and_null_stays_null() {
    let server = Server::start(|asked| ok(if asked.at == 0 { META } else { MAY })).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({}));
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["2024-05"]
    );
    assert_eq!((parts[0].change_mark.as_deref(), parts[0].promised), (None, None));
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(
        (pages.len(), pages[0].entry.server_count),
        (1, None),
        "`total` says 3 where 6 rows come: it is not read"
    );
    let rows = bench::rows(&connector, &parts[0], &pages[0], &columns()).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0], ["2024-04-30T22:00:00", "101", "45.061111"]);
    assert_eq!(rows[1][2], "null");
    let asked = server.requests();
    assert_eq!(
        (asked[0].path.as_str(), asked[1].path.as_str()),
        (
            "/meta/dataset/ProductionMunicipalityHour",
            "/dataset/ProductionMunicipalityHour"
        )
    );
    assert_eq!(
        asked[1].raw_query,
        "start=2024-05-01&end=2024-06-01&sort=HourUTC%2CMunicipalityNo&limit=0"
    );
}

#[tokio::test]
async fn a_429_with_status_200_is_waited_for_as_long_as_it_says() {
    let pause = r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 210 seconds." }"#;
    let server = Server::start(move |asked| ok([META, pause, MAY][asked.at.min(2)])).await;
    let (cx, clock) = bench::clocked("2026-11-23T02:00:00Z", &[], None);
    let connector = open(&server.base, json!({}));
    let parts = connector.plan(&cx).await.unwrap();
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(
        bench::rows(&connector, &parts[0], &pages[0], &columns()).unwrap().len(),
        6
    );
    assert_eq!(server.requests().len(), 3);
    assert!(
        clock.slept().iter().any(|pause| *pause >= Duration::from_secs(210)),
        "{:?}",
        clock.slept()
    );
}

#[tokio::test]
async fn an_answer_without_records_is_no_page() {
    let server = Server::start(|asked| {
        ok(if asked.at == 0 {
            META
        } else {
            r#"{"total":0,"dataset":"X"}"#
        })
    })
    .await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({}));
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(
        bench::fetch(&connector, &parts[0], &cx).await.unwrap_err().kind(),
        Kind::Source
    );
}

#[tokio::test]
async fn a_column_lost_from_the_metadata_stops_the_plan() {
    let server = Server::start(|_| ok(&META.replace("HourUTC", "TimeUTC"))).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let fault = open(&server.base, json!({})).plan(&cx).await.unwrap_err();
    assert_eq!((fault.kind(), fault.expected_text()), (Kind::Contract, Some("HourUTC")));
    assert!(fault.found_text().unwrap().contains("TimeUTC"));
    let fault = open(
        &server.base,
        json!({"time_column": "TimeUTC", "sort": ["TimeUTC"], "columns": ["TimeUTC", "WaveMWh"]}),
    )
    .plan(&cx)
    .await;
    assert_eq!(fault.unwrap_err().expected_text(), Some("WaveMWh"));
}

#[tokio::test]
async fn a_column_lost_from_the_records_is_an_error_and_never_null() {
    let server = Server::start(|_| ok(META)).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({}));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    for name in ["HourUTC", "MunicipalityNo", "ThermalPowerMWh"] {
        let page = bench::page(MAY.replace(&format!("\"{name}\":"), "\"Andet\":").as_bytes());
        assert_eq!(
            bench::rows(&connector, &part, &page, &columns()).unwrap_err().kind(),
            Kind::Contract,
            "{name}"
        );
    }
    let page = bench::page(MAY.replace("\"HourDK\":", "\"Ny kolonne æøå\":").as_bytes());
    assert_eq!(
        bench::rows(&connector, &part, &page, &columns()).unwrap().len(),
        6,
        "an added column is tolerated"
    );
}

#[tokio::test]
async fn rows_of_another_month_are_refused() {
    let server = Server::start(|_| ok(META)).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({}));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    // What a server gives that reads start and end as UTC: two hours of civil June, two of April missing.
    for (inside, outside) in [
        ("2024-05-31T21:00:00", "2024-05-31T22:00:00"),
        ("2024-04-30T22:00:00", "2024-04-30T21:00:00"),
    ] {
        let page = bench::page(MAY.replace(inside, outside).as_bytes());
        let fault = bench::rows(&connector, &part, &page, &columns()).unwrap_err();
        assert_eq!((fault.kind(), fault.found_text()), (Kind::Source, Some(outside)));
    }
}

#[tokio::test]
async fn a_filter_that_the_service_ignored_is_noticed() {
    let server = Server::start(|asked| ok(if asked.at == 0 { META } else { MAY })).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({"filter": {"MunicipalityNo": ["101", "147"]}}));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
    let fault = bench::rows(&connector, &part, &page, &columns()).unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Source, Some("411")));
    assert_eq!(
        server.requests()[1].query["filter"],
        r#"{"MunicipalityNo":["101","147"]}"#
    );
}

#[tokio::test]
async fn a_cut_body_is_an_error() {
    let server = Server::start(|_| ok(META)).await;
    let cx = bench::context("2026-11-23T02:00:00Z", &[]);
    let connector = open(&server.base, json!({}));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    for length in [MAY.len() - 2, MAY.len() / 2, 60] {
        let page = bench::page(&MAY.as_bytes()[..length]);
        assert_eq!(
            bench::rows(&connector, &part, &page, &columns()).unwrap_err().kind(),
            Kind::Source,
            "cut at {length}"
        );
    }
}

#[tokio::test]
async fn october_has_an_hour_more_and_the_running_month_promises_nothing() {
    let agencies = Agencies::start(Script::default().factor(0.3).dataset_interval(Duration::ZERO)).unwrap();
    let cx = bench::redirected("2026-11-23T02:00:00Z", agencies.hosts());
    let extra = json!({"start": "now-P1M", "end": null, "expected_rows": {"areas": 99, "per": "hour"}});
    let connector = open("https://api.energidataservice.dk", extra);
    let parts = connector.plan(&cx).await.unwrap();
    let planned: Vec<_> = parts.iter().map(|part| (part.key.as_str(), part.promised)).collect();
    assert_eq!(planned, [("2026-10", Some(99 * 745)), ("2026-11", None)]);
    let mut rows = Vec::new();
    for page in bench::fetch(&connector, &parts[0], &cx).await.unwrap() {
        rows.extend(bench::rows(&connector, &parts[0], &page, &columns()).unwrap());
    }
    assert_eq!(rows.len(), 99 * 745);
    let keys: BTreeSet<_> = rows.iter().map(|row| (&row[0], &row[1])).collect();
    assert_eq!(keys.len(), rows.len(), "HourUTC is unique in the repeated hour");
}

#[tokio::test]
async fn pages_hold_what_one_answer_holds() {
    let agencies = Agencies::start(Script::default().dataset_interval(Duration::ZERO)).unwrap();
    let cx = bench::redirected("2026-11-23T02:00:00Z", agencies.hosts());
    let columns = bench::columns(&[
        ("month", "Month", DataType::Utf8),
        ("municipality", "MunicipalityNo", DataType::Utf8),
    ]);
    let mut found = Vec::new();
    for (page_limit, expected_pages) in [(0, 1), (98, 13), (100, 12)] {
        let connector = open(
            "https://api.energidataservice.dk",
            json!({"dataset": "CapacityPerMunicipality", "time_column": "Month", "start": "2025", "end": "2026", "part": "year",
                "sort": ["Month", "MunicipalityNo"], "columns": ["Month", "MunicipalityNo"], "page_limit": page_limit}),
        );
        let part = connector.plan(&cx).await.unwrap().remove(0);
        let pages = bench::fetch(&connector, &part, &cx).await.unwrap();
        assert_eq!(pages.len(), expected_pages, "at {page_limit}");
        let rows: Vec<_> = pages
            .iter()
            .flat_map(|page| bench::rows(&connector, &part, page, &columns).unwrap())
            .collect();
        found.push(rows);
    }
    assert_eq!(found[0].len(), 98 * 12);
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let open = |extra: Value| {
        let mut settings = json!({"dataset": "X", "time_column": "HourUTC", "start": "2024-05", "sort": ["HourUTC"]});
        for (name, value) in extra.as_object().unwrap() {
            settings[name] = value.clone();
        }
        Energidata::open(serde_json::from_value(settings).unwrap())
    };
    assert!(open(json!({})).is_ok());
    for wrong in [
        json!({"start": "sidste år"}),
        json!({"end": "now-PT5H"}),
        json!({"sort": []}),
        json!({"sort": ["HourUTC desc"]}),
        json!({"columns": ["SolarMWh"]}),
        json!({"filter": {"MunicipalityNo": []}}),
        json!({"dataset": "../meta"}),
        json!({"base_url": "ingen adresse"}),
        json!({"base_url": "https://anna:hemmelig@a.dk"}),
    ] {
        assert_eq!(open(wrong.clone()).unwrap_err().kind(), Kind::Settings, "{wrong}");
    }
}
