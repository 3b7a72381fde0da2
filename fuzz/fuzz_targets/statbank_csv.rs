//! An answer of StatBank, as CSV and as BULK, named by codes and by texts, against the request that the part remembers.
#![no_main]

use std::sync::LazyLock;

use arrow_schema::DataType;
use klimalade_connect::{Connector, Page, Part, Protocol};
use klimalade_fuzz::{checked, columns, drained};
use klimalade_statbank::Statbank;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static TABLE: LazyLock<Statbank> = LazyLock::new(|| {
    let settings = json!({ "table": "ARE207", "select": { "OMRÅDE": ["*"] }, "split": "all" });
    match serde_json::from_value(settings).map(Statbank::open) {
        Ok(Ok(table)) => table,
        other => panic!("{other:?}"),
    }
});

/// The request behind the answer: three areas in two years.
fn part(format: &str, by_text: bool) -> Part {
    let mut areas = json!({ "code": "OMRÅDE", "codes": ["000", "101", "0411"] });
    if by_text {
        areas["texts"] = json!(["Hele landet", "København", "Christiansø"]);
    }
    let mut part = Part::new("all");
    part.detail = json!({
        "table": "ARE207", "lang": "da", "format": format, "presentation": if by_text { "default" } else { "code" },
        "variables": [areas, { "code": "Tid", "codes": ["2023", "2024"] }],
        "pages": [[[0, 3], [0, 2]]],
    });
    if format == "bulk" {
        let total = json!({ "OMRÅDE": { "code": "000" } });
        part.detail["bulk"] = json!({ "suppressed": "0", "totals": total, "tolerance": 1.0, "pages": [[[0, 1], [0, 2]]] });
    }
    part
}

static PARTS: LazyLock<[Part; 4]> = LazyLock::new(|| {
    [part("csv", false), part("csv", true), part("bulk", false), part("bulk", true)]
});

fuzz_target!(|data: &[u8]| {
    let Some((how, text)) = data.split_first() else { return };
    let part = &PARTS[usize::from(how & 3)];
    let schema = columns(&[
        ("area", "OMRÅDE", DataType::Utf8),
        ("year", "TID", DataType::Utf8),
        ("km2", "INDHOLD", DataType::Float64),
    ]);
    let Ok(page) = Page::from_bytes("/v1/data", text) else { return };
    let rows = drained(TABLE.decode(part, &page, &schema), &schema);
    // BULK fills up what StatBank leaves out: all of the request, whatever came.
    if let Ok(rows) = rows
        && how & 2 == 2
    {
        assert!(rows.is_empty() || rows.len() == 6, "{} rows of 6", rows.len());
    }
    let _ = checked(TABLE.columns(part, &page));
});
