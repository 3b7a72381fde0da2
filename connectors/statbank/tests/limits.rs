//! Limits of cells, and BULK, against the simulated StatBank.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use arrow_schema::SchemaRef;
use klimalade_connect::{Connector, Context, Kind, Part, Protocol, Result};
use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use klimalade_statbank::Statbank;
use klimalade_testkit::bench::{self};
use serde_json::{Value, json};

const HOST: &str = "api.statbank.dk";
const NOW: &str = "2026-11-23T02:00:00Z";
const PROPELLANTS: [&str; 11] = [
    "20205", "20210", "20215", "20220", "20225", "20230", "20231", "20256", "20258", "20232", "20235",
];

fn open(settings: Value) -> Statbank {
    Statbank::open(serde_json::from_value(settings).unwrap()).unwrap()
}

fn areas() -> Value {
    json!({ "table": "ARE207", "select": { "OMRÅDE": ["*"] }, "split": "all" })
}

fn area_columns() -> SchemaRef {
    bench::columns(&[
        ("area", "OMRÅDE", DataType::Utf8),
        ("tid", "TID", DataType::Utf8),
        ("km2", "INDHOLD", DataType::Float64),
    ])
}

fn vehicle_columns() -> SchemaRef {
    bench::columns(&[
        ("area", "OMRÅDE", DataType::Utf8),
        ("propellant", "DRIV", DataType::Utf8),
        ("month", "TID", DataType::Utf8),
        ("number", "INDHOLD", DataType::Utf8),
    ])
}

async fn rows(
    connector: &Statbank,
    part: &Part,
    cx: &Context,
    columns: &SchemaRef,
) -> Result<(usize, Vec<Vec<String>>)> {
    let pages = bench::fetch(connector, part, cx).await?;
    let mut rows = Vec::new();
    for page in &pages {
        rows.extend(bench::rows(connector, part, page, columns)?);
    }
    rows.sort();
    Ok((pages.len(), rows))
}

#[tokio::test]
async fn a_part_over_max_cells_is_more_pages_of_the_same_part() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let mut found = Vec::new();
    // 105 areas x 20 years x 3 columns = 6,300 cells.
    for (max_cells, pages) in [(6_300, 1), (6_299, 2), (1_000, 7), (315, 20), (314, 40)] {
        let mut settings = areas();
        settings["max_cells"] = json!(max_cells);
        let connector = open(settings);
        let parts = connector.plan(&cx).await.unwrap();
        assert_eq!(
            (parts.len(), parts[0].key.as_str(), parts[0].promised),
            (1, "all", Some(2_100))
        );
        let (came, rows) = rows(&connector, &parts[0], &cx, &area_columns()).await.unwrap();
        assert_eq!((came, rows.len()), (pages, 2_100), "at {max_cells}");
        found.push(rows);
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_lower_limit_of_the_server_halves_pages_and_never_moves_the_part() {
    let agencies = Agencies::start(Script::default().cell_limit(1_000)).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let connector = open(areas());
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(
        (parts.len(), parts[0].key.as_str(), &parts[0].detail["pages"]),
        (1, "all", &json!([[[0, 105], [0, 20]]]))
    );
    let (pages, rows) = rows(&connector, &parts[0], &cx, &area_columns()).await.unwrap();
    // Twenty years of 315 cells: 20, 10, 5, then 2 and 3 years.
    assert_eq!((pages, rows.len()), (8, 2_100));
    let keys: BTreeSet<_> = rows.iter().map(|row| (&row[0], &row[1])).collect();
    assert_eq!(keys.len(), 2_100);
    let asked = agencies
        .requests()
        .iter()
        .filter(|seen| seen.path.ends_with("/data"))
        .count();
    assert_eq!(asked, 15, "seven refusals and eight pages");
}

#[tokio::test]
async fn a_limit_below_one_row_is_told_as_it_is() {
    let agencies = Agencies::start(Script::default().cell_limit(2)).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let connector = open(json!({ "table": "ARE207", "select": { "OMRÅDE": ["101"], "Tid": ["2024"] } }));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert!(fault.to_string().contains("REQUEST-LIMIT"), "{fault}");
}

#[tokio::test]
async fn a_page_short_of_a_row_is_an_error() {
    let script = Script::default().fault(ScriptedFault::new(HOST, FaultKind::PageShort).path("/data"));
    let agencies = Agencies::start(script).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let connector = open(areas());
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = rows(&connector, &part, &cx, &area_columns()).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Source, Some("2099 rows")));
}

fn vehicles(format: &str, extra: Value) -> Value {
    let mut settings = json!({
        "table": "BIL54", "format": format,
        "select": { "OMRÅDE": ["*"], "BILTYPE": ["4000101002"], "BRUG": ["1000"], "DRIV": PROPELLANTS, "Tid": ["2026M0*"] },
        "split": "half_year",
    });
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

#[tokio::test]
async fn bulk_with_zeros_filled_in_is_what_csv_says() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    for presentation in ["code", "default"] {
        let csv = open(vehicles("csv", json!({"value_presentation": presentation})));
        let control = json!({"zero_fill": true, "bulk_control": {"DRIV": "20200"}, "value_presentation": presentation});
        let bulk = open(vehicles("bulk", control));
        let (csv_parts, bulk_parts) = (csv.plan(&cx).await.unwrap(), bulk.plan(&cx).await.unwrap());
        let keys = |parts: &[Part]| {
            parts
                .iter()
                .map(|part| (part.key.clone(), part.promised))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(&csv_parts), keys(&bulk_parts));
        assert_eq!(
            bulk_parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
            ["2026-H1", "2026-H2"]
        );
        for (from_csv, from_bulk) in csv_parts.iter().zip(&bulk_parts) {
            let (_, expected) = rows(&csv, from_csv, &cx, &vehicle_columns()).await.unwrap();
            let (pages, found) = rows(&bulk, from_bulk, &cx, &vehicle_columns()).await.unwrap();
            assert_eq!(pages, 2, "the data and the totals beside it");
            assert_eq!(found, expected);
            assert_eq!(found.len() as u64, from_bulk.promised.unwrap());
            let of = |mark: &str| found.iter().filter(|row| row[3] == mark).count();
            assert!(of("0") > 100 && of("..") > 0, "zeros were left out, dots were not");
        }
    }
}

#[tokio::test]
async fn a_cut_bulk_answer_is_found_by_its_totals() {
    let cut = ScriptedFault::new(HOST, FaultKind::PageShort).path("/data").times(1);
    let agencies = Agencies::start(Script::default().fault(cut)).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let connector = open(vehicles(
        "bulk",
        json!({"zero_fill": true, "bulk_control": {"DRIV": "20200"}}),
    ));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Source, "the sum of the BULK answer is not the agency's total")
    );
}

#[tokio::test]
async fn a_total_that_is_selected_too_is_no_control() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let cx = bench::redirected(NOW, agencies.hosts());
    let connector = open(vehicles(
        "bulk",
        json!({"zero_fill": true, "bulk_control": {"OMRÅDE": "000"}}),
    ));
    assert_eq!(connector.plan(&cx).await.unwrap_err().kind(), Kind::Settings);
}
