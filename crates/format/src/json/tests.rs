#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::{collections::HashMap, sync::Arc};

use arrow::array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use klimalade_model::Kind;
use serde_json::json;

use super::*;
use crate::{
    EPOCH_KEY, FROM_KEY, testing,
    testing::{Dribble, damaged, drained},
};

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn from(name: &str, source: &str, kind: DataType) -> Field {
    Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), source.to_owned())]))
}

fn one(kind: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("x", kind, true)]))
}

fn energidata() -> SchemaRef {
    Arc::new(Schema::new(vec![
        from("hour", "HourUTC", utc()),
        from("area", "MunicipalityNo", DataType::Utf8),
        from("solar", "SolarMWh", DataType::Float64),
    ]))
}

const ENERGIDATA: &str = r#"{"total":3,"sort":"HourUTC","dataset":"ProductionMunicipalityHour","records":[
 {"HourUTC":"2023-05-29T21:00:00","HourDK":"2023-05-29T23:00:00","MunicipalityNo":"101","SolarMWh":0.39,"Note":"Å \"[{"},
 {"HourUTC":"2023-05-29T21:00:00","MunicipalityNo":"147","SolarMWh":null},
 {"SolarMWh":12,"MunicipalityNo":"0151","HourUTC":"2023-05-29T22:00:00Z","Extra":{"a":[1,{"b":"]}"}]}}
],"links":[{"rel":"self"},{"rel":"next"}]}"#;

fn at(rows: &str) -> JsonOptions {
    JsonOptions {
        rows: rows.to_owned(),
        ..JsonOptions::default()
    }
}

fn read(text: &str, columns: &SchemaRef, rows: &str) -> Result<Vec<RecordBatch>> {
    drained(reader(Box::new(text.as_bytes()), columns, &at(rows)))
}

fn printed(text: &str, columns: &SchemaRef, rows: &str) -> String {
    testing::printed(&read(text, columns, rows).unwrap())
}

fn fault(text: &str, columns: &SchemaRef, rows: &str) -> Fault {
    read(text, columns, rows).unwrap_err()
}

#[test]
fn an_energi_data_service_answer_is_read_whatever_the_order_of_keys() {
    assert_eq!(
        printed(ENERGIDATA, &energidata(), "records"),
        "2023-05-29T21:00:00Z|101|0.39\n2023-05-29T21:00:00Z|147|\n2023-05-29T22:00:00Z|0151|12.0"
    );
}

#[test]
fn a_top_level_array_and_a_deeper_one_are_read() {
    assert_eq!(printed(r#" [{"x":1},{"x":2}] "#, &one(DataType::Int64), ""), "1\n2");
    let ckan = r#"{"success":true,"result":{"fields":[{"records":0}],"records":[{"x":1}],"total":1},"records":[]}"#;
    assert_eq!(printed(ckan, &one(DataType::Int64), "result.records"), "1");
}

#[test]
fn text_columns_keep_numbers_booleans_and_lists_as_written() {
    let text = r#"[{"x":1.50},{"x":true},{"x":[1, "Å"]},{"x":{"a": 1}},{"x":"Ærø \u00e6\n\"q\""},{"x":12345678901234567890123},{"x":null}]"#;
    let batches = read(text, &one(DataType::Utf8), "").unwrap();
    let cells = arrow::array::AsArray::as_string::<i32>(batches[0].column(0));
    let found: Vec<_> = cells.iter().collect();
    let expected = [
        Some("1.50"),
        Some("true"),
        Some("[1, \"Å\"]"),
        Some("{\"a\": 1}"),
        Some("Ærø æ\n\"q\""),
        Some("12345678901234567890123"),
        None,
    ];
    assert_eq!(found, expected);
}

#[test]
fn dotted_paths_reach_into_objects_and_keys_with_dots_are_found_whole() {
    let columns = Arc::new(Schema::new(vec![
        from("value", "properties.value", DataType::Float64),
        from("name", "properties.station.name", DataType::Utf8),
        from("at", "geometry.coordinates", DataType::Utf8),
        from("whole", "properties", DataType::Utf8),
        from("dotted", "a.b", DataType::Int64),
    ]));
    let text = r#"{"features":[
      {"properties":{"station":{"name":"Ødis"},"value":1.5},"geometry":{"coordinates":[10,56]},"a.b":1},
      {"properties":null,"geometry":{"coordinates":null},"a":{"b":2}}]}"#;
    assert_eq!(
        printed(text, &columns, "features"),
        "1.5|Ødis|[10,56]|{\"station\":{\"name\":\"Ødis\"},\"value\":1.5}|1\n||||2"
    );
}

#[test]
fn one_key_may_feed_two_columns() {
    let columns = Arc::new(Schema::new(vec![
        from("a", "x", DataType::Int64),
        from("b", "x", DataType::Utf8),
    ]));
    assert_eq!(printed(r#"[{"x":7}]"#, &columns, ""), "7|7");
}

#[test]
fn every_declared_type_is_read() {
    for (kind, cell, expected) in [
        (DataType::Int64, "-9223372036854775808", "-9223372036854775808"),
        (DataType::Int64, "\"12\"", "12"),
        (DataType::Int32, "12.0", "12"),
        (DataType::Int16, "2023", "2023"),
        (DataType::Float64, "49147.417969", "49147.417969"),
        (DataType::Float64, "\"1.5\"", "1.5"),
        (DataType::Boolean, "true", "true"),
        (DataType::Boolean, "0", "false"),
        (DataType::Boolean, "\"false\"", "false"),
        (DataType::Date32, "20230529", "2023-05-29"),
        (DataType::Date32, "\"2023-06-02T00:00:00.001000+02:00\"", "2023-06-02"),
        (
            utc(),
            "\"2023-06-02T00:00:00.001000+02:00\"",
            "2023-06-01T22:00:00.001Z",
        ),
        (utc(), "\"2023-06-02T00:00\"", "2023-06-02T00:00:00Z"),
    ] {
        assert_eq!(
            printed(&format!("[{{\"x\":{cell}}}]"), &one(kind), ""),
            expected,
            "{cell}"
        );
    }
}

#[test]
fn epoch_milliseconds_are_read_only_where_they_are_declared() {
    let text = r#"[{"x":1685394000123}]"#;
    assert_eq!(fault(text, &one(utc()), "").kind(), Kind::Contract);
    let field = Field::new("x", utc(), true).with_metadata(HashMap::from([(EPOCH_KEY.to_owned(), "ms".to_owned())]));
    assert_eq!(
        printed(text, &Arc::new(Schema::new(vec![field])), ""),
        "2023-05-29T21:00:00.123Z"
    );
}

#[test]
fn a_cell_that_cannot_be_read_is_a_contract_fault_with_row_and_column() {
    for (kind, cell) in [
        (DataType::Int16, "40000"),
        (DataType::Int64, "9223372036854775808"),
        (DataType::Int64, "1.5"),
        (DataType::Int64, "true"),
        (DataType::Int64, "\"\""),
        (DataType::Float64, "1e999"),
        (DataType::Float64, "\"NaN\""),
        (DataType::Float64, "\"1,5\""),
        (DataType::Float64, "[1]"),
        (DataType::Boolean, "2"),
        (DataType::Boolean, "\"ja\""),
        (DataType::Date32, "\"2023-02-29\""),
        (DataType::Date32, "20231301"),
        (utc(), "\"2023-05-29\""),
        (utc(), "{}"),
    ] {
        let fault = fault(&format!("[{{\"x\":null}},{{\"x\":{cell}}}]"), &one(kind), "");
        assert_eq!(fault.kind(), Kind::Contract, "{cell}");
        assert!(
            fault.what().contains("row 2") && fault.what().contains("`x`"),
            "{fault}"
        );
    }
}

#[test]
fn a_geometry_becomes_wkb_and_a_wrong_one_a_contract_fault() {
    let text = r#"{"features":[{"x":{"type":"Point","coordinates":[10.0,56.0]}},{"x":null}]}"#;
    let batches = read(text, &one(DataType::Binary), "features").unwrap();
    let cells = arrow::array::AsArray::as_binary::<i32>(batches[0].column(0));
    let expected =
        crate::geometry::geojson_to_wkb(&json!({"type": "Point", "coordinates": [10.0, 56.0]}), Crs::Crs84).unwrap();
    assert_eq!(cells.iter().collect::<Vec<_>>(), [Some(expected.as_slice()), None]);
    let swapped = fault(
        r#"[{"x":{"type":"Point","coordinates":[56.0,10.0]}}]"#,
        &one(DataType::Binary),
        "",
    );
    assert_eq!(
        (swapped.kind(), swapped.places()[0].as_str()),
        (Kind::Contract, "row 1, column `x`")
    );
    assert_eq!(
        fault(r#"[{"x":"POINT(1 2)"}]"#, &one(DataType::Binary), "").kind(),
        Kind::Contract
    );
}

#[test]
fn a_key_missing_from_one_row_is_null_and_from_all_rows_a_contract_fault() {
    assert_eq!(printed(r#"[{"y":1},{"x":2}]"#, &one(DataType::Int64), ""), "\n2");
    let fault = fault(r#"[{"y":1},{"y":2,"Å":3}]"#, &one(DataType::Int64), "");
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.found_text().unwrap().contains("y, Å"), "{fault}");
}

#[test]
fn an_empty_array_has_the_declared_columns_and_no_rows() {
    let reader = reader(Box::new(r#"{"records":[]}"#.as_bytes()), &energidata(), &at("records")).unwrap();
    assert_eq!(reader.schema(), energidata());
    assert_eq!(reader.count(), 0);
}

#[test]
fn a_number_that_straddles_the_buffer_is_read_whole() {
    let row = r#"{"x":-12.5e-3},"#;
    for pad in 0..row.len() {
        let many = row.repeat(2 * 256 * 1024 / row.len());
        let body = format!("{}[{}{{\"x\":1}}]", " ".repeat(pad), many);
        let reader = reader(Box::new(body.as_bytes()), &one(DataType::Float64), &at("")).unwrap();
        let rows: usize = reader.map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, many.len() / row.len() + 1, "pad {pad}");
    }
}

#[test]
fn a_body_cut_anywhere_is_a_source_fault() {
    for length in 0..ENERGIDATA.len() {
        let cut = &ENERGIDATA.as_bytes()[..length];
        let fault = drained(reader(Box::new(cut), &energidata(), &at("records"))).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{length}: {fault}");
        assert_eq!(
            look(Box::new(cut), "records", &[]).unwrap_err().kind(),
            Kind::Source,
            "{length}"
        );
    }
}

#[test]
fn rows_that_are_not_there_are_a_source_fault_with_the_keys_found() {
    for text in [
        r#"{"statusCode":429,"message":"wait"}"#,
        r#"{"statusCode":429,"message":"wait","records":{}}"#,
    ] {
        let fault = fault(text, &energidata(), "records");
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.found_text().unwrap().contains("statusCode, message"), "{fault}");
        let looked = look(Box::new(text.as_bytes()), "records", &[]).unwrap_err();
        assert!(looked.found_text().unwrap().contains("statusCode, message"), "{looked}");
    }
    for text in ["", "null", "<html>", r#"{"a":1}"#, "3"] {
        assert_eq!(fault(text, &energidata(), "").kind(), Kind::Source, "{text}");
        assert_eq!(
            look(Box::new(text.as_bytes()), "", &[]).unwrap_err().kind(),
            Kind::Source,
            "{text}"
        );
    }
}

#[test]
fn what_is_no_json_is_a_source_fault() {
    for text in [
        r#"[{"x":1}{"x":2}]"#,
        r#"[{"x":1},]"#,
        r#"[,{"x":1}]"#,
        r#"[{"x":01}]"#,
        r#"[{"x":NaN}]"#,
        r#"[{"x":1}] trailing"#,
        r#"[{"x":1,"x":2}]"#,
        r#"[1]"#,
        r#"[null]"#,
        r#"[{"x":"\ud800"}]"#,
        r#"[{'x':1}]"#,
        r#"[{"x":1]}"#,
    ] {
        assert_eq!(fault(text, &one(DataType::Utf8), "").kind(), Kind::Source, "{text}");
    }
    let invalid = drained(reader(
        Box::new(&b"[{\"x\":\"\xC5rhus\"}]"[..]),
        &one(DataType::Utf8),
        &at(""),
    ))
    .unwrap_err();
    assert_eq!(invalid.kind(), Kind::Source);
    assert_eq!(fault(r#"{"r":[],"r":[]}"#, &energidata(), "r").kind(), Kind::Source);
}

#[test]
fn a_byte_order_mark_is_tolerated() {
    assert_eq!(printed("\u{feff}[{\"x\":1}]", &one(DataType::Int64), ""), "1");
    assert_eq!(
        look(Box::new("\u{feff}[{\"x\":1}]".as_bytes()), "", &[]).unwrap().rows,
        1
    );
}

#[test]
fn a_look_counts_rows_and_picks_members() {
    let found = look(Box::new(ENERGIDATA.as_bytes()), "records", &["total", "absent"]).unwrap();
    assert_eq!(found.rows, 3);
    assert_eq!(found.scalars, BTreeMap::from([("total".to_owned(), json!(3))]));
    assert_eq!(found.links, [json!({"rel": "self"}), json!({"rel": "next"})]);
    let ckan = r#"{"result":{"total":2,"records":[{},{}],"next":null}}"#;
    let found = look(
        Box::new(ckan.as_bytes()),
        "result.records",
        &["result.total", "result.next"],
    )
    .unwrap();
    assert_eq!((found.rows, found.scalars.len()), (2, 2));
    assert_eq!(found.scalars["result.next"], json!(null));
}

#[test]
fn chunks_do_not_matter_and_batches_hold_no_more_rows_than_asked_for() {
    let options = JsonOptions {
        batch_rows: 2,
        ..at("records")
    };
    let whole = drained(reader(Box::new(ENERGIDATA.as_bytes()), &energidata(), &options)).unwrap();
    assert_eq!(whole.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
    for size in [1, 2, 3, 7] {
        let input = Dribble(ENERGIDATA.as_bytes(), size);
        assert_eq!(
            drained(reader(Box::new(input), &energidata(), &options)).unwrap(),
            whole,
            "{size}"
        );
        let looked = look(Box::new(Dribble(ENERGIDATA.as_bytes(), size)), "records", &["total"]).unwrap();
        assert_eq!((looked.rows, looked.links.len()), (3, 2));
    }
}

#[test]
fn a_row_larger_than_a_chunk_is_read() {
    let long = "å\\\"".repeat(400_000);
    let text = format!("[{{\"x\":\"{long}\"}},{{\"x\":\"b\"}}]");
    let batches = read(&text, &one(DataType::Utf8), "").unwrap();
    let cells = arrow::array::AsArray::as_string::<i32>(batches[0].column(0));
    assert_eq!((cells.value(0).len(), cells.value(1)), (3 * 400_000, "b"));
}

#[test]
fn null_in_a_column_without_nulls_is_a_contract_fault() {
    let columns: SchemaRef = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, false)]));
    for text in [r#"[{"x":1},{"x":null}]"#, r#"[{"x":1},{}]"#] {
        assert_eq!(fault(text, &columns, "").kind(), Kind::Contract);
    }
}

#[test]
fn damaged_bytes_give_rows_or_a_fault_and_never_a_panic() {
    let features = r#"{"type":"FeatureCollection","features":[
      {"geometry":{"type":"Polygon","coordinates":[[[10.0,56.0],[10.1,56.0],[10.1,56.1],[10.0,56.0]]]},"properties":{"value":1.5,"navn":"Ærø \u00e6"}},
      {"geometry":null,"properties":{"value":-2e3,"navn":null}}],"numberMatched":2,"links":[]}"#;
    let columns: SchemaRef = Arc::new(Schema::new(vec![
        from("g", "geometry", DataType::Binary),
        from("v", "properties.value", DataType::Float64),
        from("n", "properties.navn", DataType::Utf8),
    ]));
    let mut faults = 0;
    for seed in 0..10_000 {
        for (text, columns, rows) in [(ENERGIDATA, &energidata(), "records"), (features, &columns, "features")] {
            let bytes = damaged(text.as_bytes(), seed);
            let options = JsonOptions {
                batch_rows: 2,
                ..at(rows)
            };
            faults += usize::from(drained(reader(Box::new(&bytes[..]), columns, &options)).is_err());
            drop(look(Box::new(&bytes[..]), rows, &["total", "numberMatched"]));
        }
    }
    assert!((10_000..20_000).contains(&faults), "{faults}");
}

#[test]
fn a_body_without_the_bytes_beyond_is_json_of_so_many_rows() {
    let text = "\u{feff}{ \"a\": [1], \"rows\": [ {\"x\": \"æ]\"} , {\"x\": 1.50}, {\"x\": 3} ], \"b\": 2 }";
    let range = beyond(Box::new(text.as_bytes()), "rows", 2).unwrap().unwrap();
    let (from, to) = (range.start as usize, range.end as usize);
    let kept = format!("{}{}", &text[..from], &text[to..]);
    assert_eq!(
        kept,
        "\u{feff}{ \"a\": [1], \"rows\": [ {\"x\": \"æ]\"} , {\"x\": 1.50}], \"b\": 2 }"
    );
    assert_eq!(beyond(Box::new(text.as_bytes()), "rows", 3).unwrap(), None);
}
