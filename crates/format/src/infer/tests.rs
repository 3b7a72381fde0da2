#![allow(clippy::unwrap_used, clippy::expect_used)]
use klimalade_model::{Kind, SourceColumn, SourceType::*};

use crate::{
    csv::{self, CsvOptions, Encoding},
    json::{self, JsonOptions},
    text_column,
};

fn kind_of(cells: &[&str]) -> klimalade_model::SourceType {
    text_column("x", cells.iter().copied()).unwrap().kind
}

fn names(columns: &[SourceColumn]) -> Vec<(&str, klimalade_model::SourceType)> {
    columns
        .iter()
        .map(|column| (column.name.as_str(), column.kind))
        .collect()
}

#[test]
fn the_narrowest_type_is_named() {
    for (cells, kind) in [
        (&["1", "-2"][..], Int),
        (&["1", "2.0"], Float),
        (&["1e3"], Float),
        (&["0101", "0147"], Text),
        (&["0", "0.5"], Float),
        (&["1", ".."], Text),
        (&["1,5"], Text),
        (&["true", "False"], Bool),
        (&["1", "0"], Int),
        (&["2024-05-01", "2024-06-01"], Date),
        (&["20240501"], Date),
        (&["20240501", "10000000"], Int),
        (&["2024-05-01T00:00:00", "2024-06-01T00:00:00"], Date),
        (&["2024-05-01T00:00:00+02:00"], Timestamp),
        (&["2024-05-01T13:00"], Timestamp),
        (&["2024-05-01T13:00", "2024-05-01"], Date),
        (&["01-05-2024"], Text),
        (&["Århus"], Text),
        (&[], Text),
    ] {
        assert_eq!(kind_of(cells), kind, "{cells:?}");
    }
}

#[test]
fn whatever_fits_is_said_besides() {
    let column = text_column("x", ["101", "147"]).unwrap();
    assert_eq!(column.fits, [Text, Int, Float]);
    assert!(column.reads_as(Float) && !column.reads_as(Date));
    let empty = text_column("x", []).unwrap();
    assert!(
        empty.filled == 0 && empty.reads_as(Date),
        "no cell speaks against a type"
    );
}

#[test]
fn columns_of_delimited_text_are_those_of_its_header_under_its_settings() {
    let bytes = b"OMR\xC5DE;kode;v\xE6rdi;m\xE6rke;tom\n\xC5rhus;0751;1,5;..;\nL\xE6s\xF8;0825;2;3;\n";
    let options = CsvOptions {
        encoding: Encoding::Windows1252,
        decimal_comma: true,
        ..CsvOptions::default()
    };
    let found = csv::columns(Box::new(&bytes[..]), &options).unwrap();
    assert_eq!(
        names(&found),
        [
            ("OMRÅDE", Text),
            ("kode", Text),
            ("værdi", Float),
            ("mærke", Text),
            ("tom", Text)
        ]
    );
    assert_eq!(found[4].filled, 0);
    let null_marks = vec![String::new(), "..".to_owned()];
    let found = csv::columns(
        Box::new(&bytes[..]),
        &CsvOptions {
            null_marks,
            ..options.clone()
        },
    )
    .unwrap();
    assert_eq!((found[3].kind, found[3].filled), (Int, 1), "a null mark is no cell");
}

#[test]
fn a_row_of_another_length_is_said_with_its_line() {
    let fault = csv::columns(Box::new(&b"a;b\n1;2\n1\n"[..]), &CsvOptions::default()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert_eq!(fault.places(), ["line 3"]);
}

#[test]
fn rows_behind_the_first_thousand_are_not_read() {
    let text = "a\n".to_owned() + &"1\n".repeat(super::LOOK_ROWS) + "x;y\n";
    let found = csv::columns(Box::new(text.as_bytes()), &CsvOptions::default()).unwrap();
    assert_eq!((found[0].kind, found[0].filled), (Int, super::LOOK_ROWS as u64));
    let text = format!("[{}{{]", r#"{"a":1},"#.repeat(super::LOOK_ROWS));
    let found = json::columns(Box::new(text.as_bytes()), &JsonOptions::default()).unwrap();
    assert_eq!(found[0].filled, super::LOOK_ROWS as u64);
}

#[test]
fn columns_of_json_are_the_leaves_of_its_rows_in_order() {
    let text = r#"{"features":[
        {"id":"a","geometry":null,"properties":null},
        {"id":"b","geometry":{"type":"Point","coordinates":[10.2,56.15]},
         "properties":{"navn":"Århus","kode":"0751","areal":{"km2":12.0},"mærker":["x"],"tom":null,"ny":true}},
        {"id":"c","geometry":{"type":"Point","coordinates":[10.2,56.15]},
         "properties":{"navn":"Læsø","kode":"0825","areal":{"km2":7},"a.b":1}}],"more":1}"#;
    let options = JsonOptions {
        rows: "features".to_owned(),
        ..JsonOptions::default()
    };
    let found = json::columns(Box::new(text.as_bytes()), &options).unwrap();
    assert_eq!(
        names(&found),
        [
            ("id", Text),
            ("geometry", Geometry),
            ("properties.navn", Text),
            ("properties.kode", Text),
            ("properties.areal.km2", Float),
            ("properties.mærker", Text),
            ("properties.tom", Text),
            ("properties.ny", Bool),
        ],
        "a key with a dot below the top cannot be declared, so it is none"
    );
}

#[test]
fn json_text_of_digits_is_text_that_could_be_read_as_a_number() {
    let found = json::columns(Box::new(&br#"[{"a":"101"},{"a":"147"}]"#[..]), &JsonOptions::default()).unwrap();
    assert_eq!(found[0].kind, Text);
    assert!(found[0].reads_as(Int));
}

#[test]
fn rows_that_are_not_there_or_no_objects_are_source_faults() {
    for text in [r#"{"a":1}"#, "[1]", r#"[{"a":1"#, "[{\"a\":\"\\uD800\"}]"] {
        let fault = json::columns(Box::new(text.as_bytes()), &JsonOptions::default());
        if let Err(fault) = fault {
            assert_eq!(fault.kind(), Kind::Source, "{text}");
        } else {
            assert!(text.contains("uD800"), "{text} is no page of rows");
        }
    }
}
