//! Every trap of StatBank that the connector is built for: what plan refuses, and what decode does with an answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow::datatypes::DataType;
use arrow_schema::SchemaRef;
use klimalade_connect::{Connector, Fault, Kind, Part, Protocol, Result};
use klimalade_statbank::Statbank;
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use serde_json::{Value, json};

const AREAL: &str = include_str!("fixtures/tableinfo_areal.json");
const SKOV: &str = include_str!("fixtures/tableinfo_skov.json");
const ENHED: &str = include_str!("fixtures/tableinfo_areal_enhed.json");
const CODES: &str = include_str!("fixtures/data_areal_kode.csv");
const TEXTS: &str = include_str!("fixtures/data_areal_tekst.csv");
const NOW: &str = "2026-11-23T02:00:00Z";

fn info(body: &str) -> Answer {
    bench::answer(200, "text/json; charset=utf-8", body.as_bytes().to_vec())
}

fn refusal(code: &str, message: &str) -> Answer {
    let body = format!("{{\"errorTypeCode\":\"{code}\",\"message\":\"{message}\"}}");
    bench::answer(400, "text/json; charset=utf-8", body.into_bytes())
}

/// Settings for the table `X` whose area variable is selected whole.
fn open(base_url: &str, extra: Value) -> Result<Statbank> {
    let mut settings = json!({ "base_url": base_url, "table": "X", "select": { "OMRÅDE": ["*"] } });
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    Statbank::open(serde_json::from_value(settings).unwrap())
}

async fn plan(tableinfo: &'static str, extra: Value) -> Result<Vec<Part>> {
    let server = Server::start(move |_| info(tableinfo)).await;
    open(&server.base, extra)?.plan(&bench::context(NOW, &[])).await
}

fn columns() -> SchemaRef {
    bench::columns(&[("area", "OMRÅDE", DataType::Utf8), ("value", "INDHOLD", DataType::Utf8)])
}

/// The rows of `text` as the only page of a part with all of ARE207's three years.
async fn read(text: &str, extra: Value) -> Result<Vec<Vec<String>>> {
    read_as(text, extra, &columns()).await
}

async fn read_as(text: &str, mut extra: Value, columns: &SchemaRef) -> Result<Vec<Vec<String>>> {
    extra["split"] = json!("all");
    let part = plan(AREAL, extra.clone()).await?.remove(0);
    let page = bench::page(text.as_bytes());
    bench::rows(&open("https://api.statbank.dk/v1", extra)?, &part, &page, columns)
}

#[tokio::test]
async fn parts_are_calendar_years_with_exact_rows_and_no_persons() {
    let parts = plan(AREAL, json!({"expect_unit": "Km2", "min_updated": "2026-01-01"}))
        .await
        .unwrap();
    let planned: Vec<_> = parts.iter().map(|part| (part.key.as_str(), part.promised)).collect();
    assert_eq!(planned, [("2022", Some(5)), ("2023", Some(5)), ("2024", Some(5))]);
    assert_eq!(
        parts[0].detail["variables"][0]["codes"],
        json!(["000", "081", "101", "751", "825"])
    );
    assert_eq!(
        parts[0].detail["variables"][1],
        json!({"code": "Tid", "codes": ["2022"]})
    );
    assert!(
        !parts[0].detail.to_string().contains("Ærlig"),
        "contact persons are dropped"
    );
}

#[tokio::test]
async fn updated_is_danish_time_summer_and_winter() {
    let mut details = Vec::new();
    for (local, utc) in [
        ("2025-03-25T08:00:00", "2025-03-25T07:00:00Z"),
        ("2025-08-11T08:00:00", "2025-08-11T06:00:00Z"),
        ("2025-03-30T03:00:00", "2025-03-30T01:00:00Z"),
    ] {
        let tableinfo: &'static str = AREAL.replace("2026-02-27T08:00:00", local).leak();
        let parts = plan(tableinfo, json!({})).await.unwrap();
        assert_eq!(parts[0].change_mark.as_deref(), Some(utc));
        details.push(parts[0].detail.clone());
    }
    assert!(
        details.windows(2).all(|pair| pair[0] == pair[1]),
        "an update moves the mark, not what the part is"
    );
}

#[tokio::test]
async fn an_inactive_table_and_the_old_division_are_refused() {
    let fault = plan(SKOV, json!({"eliminate": ["BEVOKSNING"]})).await.unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Contract, "the table is inactive"));
    for expect_map in ["Denmark_municipality_07", "Denmark_municipality", "none"] {
        let extra = json!({"eliminate": ["BEVOKSNING"], "allow_inactive": true, "expect_map": expect_map});
        let fault = plan(SKOV, extra).await.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.found_text()),
            (Kind::Contract, Some("Denmark_municipality")),
            "{expect_map}"
        );
    }
}

#[tokio::test]
async fn the_map_is_compared_in_any_case_and_must_be_there() {
    let select = json!({"OMRÅDE": ["*"], "ENHED": ["0120"]});
    let extra = |more: Value| {
        let mut extra = json!({"select": select, "eliminate": ["ARE1"], "unit_in_variable": "ENHED"});
        extra.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        extra
    };
    assert!(
        plan(ENHED, extra(json!({}))).await.is_ok(),
        "denmark_municipality_07 is the same map"
    );
    assert!(plan(ENHED, extra(json!({"area_variable": "område"}))).await.is_ok());
    let fault = plan(ENHED, extra(json!({"area_variable": "ENHED"}))).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Contract, Some("no variable with a map"))
    );
    let fault = plan(ENHED, extra(json!({"expect_map": "Denmark_region_07"})))
        .await
        .unwrap_err();
    assert_eq!(fault.found_text(), Some("OMRÅDE: denmark_municipality_07"));
    let without: &'static str = AREAL.replace("\"map\"", "\"kort\"").leak();
    assert_eq!(plan(without, json!({})).await.unwrap_err().kind(), Kind::Contract);
    assert!(plan(without, json!({"expect_map": "none"})).await.is_ok());
}

#[tokio::test]
async fn a_table_without_a_unit_names_the_variable_that_has_it() {
    let select = json!({"OMRÅDE": ["*"], "ENHED": ["*"]});
    let fault = plan(ENHED, json!({"select": select, "eliminate": ["ARE1"]}))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Settings, "the table has no unit of its own")
    );
    let fault = plan(
        ENHED,
        json!({"eliminate": ["ARE1", "ENHED"], "unit_in_variable": "ENHED"}),
    )
    .await
    .unwrap_err();
    assert_eq!(fault.what(), "the variable that holds the unit is eliminated");
    let fault = plan(AREAL, json!({"expect_unit": "ha"})).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Contract, Some("Km2")));
}

#[tokio::test]
async fn every_variable_is_chosen_or_eliminated_by_name() {
    let unit = json!("ENHED");
    let fault = plan(ENHED, json!({"unit_in_variable": unit})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Settings, "a variable is neither selected nor eliminated")
    );
    assert!(fault.found_text().unwrap().starts_with("ARE1 with the codes TOT, A, B"));
    let fault = plan(AREAL, json!({"select": {"OMRADE": ["*"]}})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text(), fault.expected_text()),
        (Kind::Settings, Some("OMRADE"), Some("OMRÅDE, Tid"))
    );
    let fault = plan(AREAL, json!({"select": {"OMRÅDE": ["101", "752"]}}))
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Settings, Some("752")));
    assert!(fault.expected_text().unwrap().starts_with("751 (Aarhus)"));
    let fixed: &'static str = ENHED.replace("\"0120\"", "\"0121\"").leak();
    let fault = plan(
        fixed,
        json!({"select": {"OMRÅDE": ["*"], "ARE1": ["TOT"]}, "eliminate": ["ENHED"], "unit_in_variable": "ARE1"}),
    )
    .await;
    assert_eq!(fault.unwrap_err().what(), "the variable cannot be eliminated");
}

#[tokio::test]
async fn an_error_is_short_whatever_the_answer_holds() {
    let page = format!("<!DOCTYPE html><p>{}\n", "x".repeat(20_000));
    let code = format!("OMRÅDE;TID;INDHOLD\r\n{};2022;1\r\n", "1".repeat(20_000));
    for (text, what) in [
        (page, "the header is not the one asked for"),
        (code, "the answer has a code that was not asked for"),
    ] {
        let fault = read(&text, json!({})).await.unwrap_err();
        assert_eq!((fault.kind(), fault.what()), (Kind::Contract, what));
        assert!(fault.to_string().len() < 2_000, "{} bytes", fault.to_string().len());
    }
}

#[tokio::test]
async fn a_table_older_than_it_must_be_is_refused() {
    let fault = plan(AREAL, json!({"min_updated": "2026-02-28"})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Source, Some("2026-02-27T08:00:00"))
    );
    assert!(plan(AREAL, json!({"min_updated": "2026-02-27"})).await.is_ok());
}

#[tokio::test]
async fn a_split_that_a_period_does_not_know_is_refused() {
    let fault = plan(AREAL, json!({"split": "half_year"})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Settings, Some("period 2022, split = \"half_year\""))
    );
}

#[tokio::test]
async fn bom_crlf_decimal_comma_and_dots_are_read() {
    let rows = read(CODES, json!({})).await.unwrap();
    assert_eq!(rows.len(), 15);
    assert_eq!(
        (&rows[0], &rows[14]),
        (
            &vec!["000".to_owned(), "43098,31".to_owned()],
            &vec!["825".to_owned(), "..".to_owned()]
        )
    );
    let floats = bench::columns(&[("value", "INDHOLD", DataType::Float64)]);
    let rows = read_as(&CODES.replace("..", "118,65"), json!({}), &floats)
        .await
        .unwrap();
    assert_eq!((rows[0][0].as_str(), rows[14][0].as_str()), ("43098.31", "118.65"));
    let fault = read_as(CODES, json!({}), &floats).await.unwrap_err();
    assert_eq!(
        fault.kind(),
        Kind::Contract,
        "`..` is neither null nor 0 where a number is declared"
    );
}

#[tokio::test]
async fn columns_are_found_by_name_in_any_order() {
    let turned: String = CODES
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.split(';').rev().collect::<Vec<_>>().join(";") + "\r\n")
        .collect();
    assert!(turned.starts_with("INDHOLD;TID;OMRÅDE"));
    assert_eq!(
        read(&turned, json!({})).await.unwrap(),
        read(CODES, json!({})).await.unwrap()
    );
}

#[tokio::test]
async fn a_header_that_is_not_the_requests_is_refused() {
    for (from, to) in [
        ("OMRÅDE;TID;INDHOLD", "OMRÅDE;INDHOLD;INDHOLD"),
        ("OMRÅDE;TID;INDHOLD", "område;tid;indhold;KØN"),
        ("OMRÅDE", "KOMK"),
    ] {
        let fault = read(&CODES.replacen(from, to, 1), json!({})).await.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.expected_text()),
            (Kind::Contract, Some("INDHOLD;OMRÅDE;TID")),
            "{to}"
        );
    }
    let columns = bench::columns(&[("sex", "KØN", DataType::Utf8)]);
    assert_eq!(
        read_as(CODES, json!({}), &columns).await.unwrap_err().kind(),
        Kind::Settings
    );
}

#[tokio::test]
async fn a_code_that_was_not_asked_for_is_refused() {
    let fault = read(CODES, json!({"select": {"OMRÅDE": ["101", "751", "825"]}}))
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Contract, Some("000")));
    let fault = read(&CODES.replace("751;2024", "751;2025"), json!({}))
        .await
        .unwrap_err();
    assert_eq!(fault.found_text(), Some("2025"));
    let fault = read(TEXTS, json!({})).await.unwrap_err();
    assert_eq!(
        fault.found_text(),
        Some("Hele landet"),
        "texts where codes were asked for"
    );
}

#[tokio::test]
async fn a_page_that_lost_rows_or_half_a_row_is_an_error() {
    let lost = CODES.replace("751;2023;468,06\r\n", "");
    let fault = read(&lost, json!({})).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Source, Some("14 rows")));
    let twice = CODES.replace("751;2023;468,06\r\n", "751;2023;468,06\r\n751;2023;468,06\r\n");
    assert_eq!(read(&twice, json!({})).await.unwrap_err().kind(), Kind::Source);
    // Cut within the last number: without the check, 118,65 would become 118,6.
    let whole = CODES.replace("825;2024;..", "825;2024;118,65");
    let fault = read(whole.trim_end_matches("5\r\n"), json!({})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Source, "the answer is cut in its last line")
    );
    assert_eq!(read("", json!({})).await.unwrap_err().kind(), Kind::Source);
}

#[tokio::test]
async fn texts_become_codes_and_a_text_of_two_codes_is_refused() {
    let rows = read(TEXTS, json!({"value_presentation": "default"})).await.unwrap();
    assert_eq!(rows, read(CODES, json!({})).await.unwrap());
    let extra = |are1: Value| json!({"select": {"OMRÅDE": ["*"], "ENHED": ["*"], "ARE1": are1}, "unit_in_variable": "ENHED", "value_presentation": "default"});
    let fault = plan(ENHED, extra(json!(["*"]))).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Settings, Some("Øvrige")));
    assert!(
        plan(ENHED, extra(json!(["B"]))).await.is_err(),
        "B alone is as doubtful"
    );
    assert!(plan(ENHED, extra(json!(["TOT", "A"]))).await.is_ok());
}

#[tokio::test]
async fn an_unknown_table_is_a_settings_error_in_the_agencys_words() {
    let server = Server::start(|_| refusal("EXTRACT-NOTFOUND", "Tabel findes ikke: ÆBLER1")).await;
    let fault = open(&server.base, json!({}))
        .unwrap()
        .plan(&bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.to_string().contains("Tabel findes ikke: ÆBLER1"), "{fault}");
    assert_eq!(server.requests().len(), 1, "nothing is gained by asking again");
}

#[tokio::test]
async fn a_value_withdrawn_after_the_plan_is_the_sources_matter() {
    let answers = |asked: &Asked| match asked.at {
        0 => info(AREAL),
        _ => refusal("EXTRACT-NOTFOUND", "Kan ikke finde værdien: 825 (OMRÅDE)"),
    };
    let server = Server::start(answers).await;
    let cx = bench::context(NOW, &[]);
    let connector = open(&server.base, json!({})).unwrap();
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault: Fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Source, "the table changed since it was planned")
    );
}

#[tokio::test]
async fn the_request_says_how_values_are_named_at_its_top() {
    let data = CODES
        .lines()
        .filter(|line| !line.contains(";2022;") && !line.contains(";2023;"))
        .map(|line| format!("{line}\r\n"))
        .collect::<String>();
    let server = Server::start(move |asked| match asked.at {
        0 => info(AREAL),
        _ => bench::answer(200, "text/csv; charset=utf-8", data.clone().into_bytes()),
    })
    .await;
    let cx = bench::context(NOW, &[]);
    let connector = open(&server.base, json!({"select": {"OMRÅDE": ["*"], "Tid": [">=2024"]}})).unwrap();
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts.len(), 1);
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(
        bench::rows(&connector, &parts[0], &pages[0], &columns()).unwrap().len(),
        5
    );
    let asked = server.requests();
    assert_eq!(
        (asked[0].path.as_str(), asked[1].path.as_str()),
        ("/tableinfo", "/data")
    );
    let body: Value = serde_json::from_str(&asked[1].body).unwrap();
    let expected = json!({
        "table": "ARE207", "format": "CSV", "lang": "da", "valuePresentation": "Code", "delimiter": "Semicolon", "timeOrder": "Ascending",
        "variables": [{"code": "OMRÅDE", "values": ["000", "081", "101", "751", "825"]}, {"code": "Tid", "values": ["2024"]}],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_ended_night_stops_a_fetch_with_an_error() {
    let server = Server::start(|_| info(AREAL)).await;
    let cx = bench::context(NOW, &[]);
    let connector = open(&server.base, json!({})).unwrap();
    let part = connector.plan(&cx).await.unwrap().remove(0);
    cx.cancel.cancel();
    assert_eq!(
        bench::fetch(&connector, &part, &cx).await.unwrap_err().kind(),
        Kind::Transient,
        "half a part is no part"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for wrong in [
        json!({"max_cells": 0}),
        json!({"eliminate": ["OMRÅDE"]}),
        json!({"select": {"OMRÅDE": ["*"], "område": ["101"]}}),
        json!({"eliminate": ["TID"]}),
        json!({"format": "bulk"}),
        json!({"format": "bulk", "zero_fill": true}),
        json!({"zero_fill": true}),
        json!({"min_updated": "i går"}),
        json!({"base_url": "ingen adresse"}),
        json!({"base_url": "https://anna:hemmelig@a.dk"}),
    ] {
        assert_eq!(
            open("https://api.statbank.dk/v1", wrong.clone()).unwrap_err().kind(),
            Kind::Settings,
            "{wrong}"
        );
    }
}
