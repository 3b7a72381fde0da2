//! Pages that are cut or damaged: rows or a fault that says what and where, never a panic, and never fewer rows in silence.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../src/testing.rs"]
#[allow(dead_code)]
mod testing;

use std::{collections::HashMap, io::Read, sync::Arc};

use arrow::array::RecordBatchReader;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_format::{
    csv::{self, CsvOptions},
    gml::{self, GmlOptions},
    json::{self, JsonOptions},
};
use klimalade_model::{FROM_KEY, Fault, Result};
use testing::{Dribble, damaged, drained, printed};

const SEEDS: u64 = 1_500;

type Open = fn(Box<dyn Read + Send + '_>, &SchemaRef) -> Result<Vec<arrow::array::RecordBatch>>;

/// A page of three rows in one form, and how it is read.
struct Form {
    name: &'static str,
    page: String,
    columns: SchemaRef,
    open: Open,
    /// A page that is cut at the end of a row is a page of fewer rows.
    ends_with_any_row: bool,
}

fn columns(from: [&str; 4]) -> SchemaRef {
    let [name, number, day, shape] = from;
    let field = |name: &str, from: &str, kind| {
        Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), from.to_owned())]))
    };
    let mut fields = vec![
        field("name", name, DataType::Utf8),
        field("number", number, DataType::Float64),
        field("day", day, DataType::Date32),
    ];
    if !shape.is_empty() {
        fields.push(field("shape", shape, DataType::Binary));
    }
    Arc::new(Schema::new(fields))
}

fn read<'a>(reader: Result<Box<dyn RecordBatchReader + Send + 'a>>) -> Result<Vec<arrow::array::RecordBatch>> {
    drained(reader)
}

fn forms() -> [Form; 4] {
    let ring = "560000 6200000 560100 6200000 560100 6200100 560000 6200000";
    let member = |at: usize| {
        format!(
            r#"<wfs:member><pdk:o gml:id="o.{at}"><pdk:navn>Ærø &amp; Læsø</pdk:navn><pdk:areal>{at}.5</pdk:areal><pdk:dato>2024-02-29</pdk:dato><pdk:geometri><gml:Polygon srsName="urn:ogc:def:crs:EPSG::25832"><gml:exterior><gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></pdk:geometri></pdk:o></wfs:member>"#
        )
    };
    let feature = |at: usize| {
        format!(
            r#"{{"type":"Feature","properties":{{"navn":"Ær\u00f8 \"{at}\"","areal":{at}.5e1,"dato":"2024-02-29"}},"geometry":{{"type":"Polygon","coordinates":[[[10.1,56.1],[10.2,56.1],[10.2,56.2],[10.1,56.1]]]}}}}"#
        )
    };
    [
        Form {
            name: "gml",
            page: format!(
                r#"<?xml version="1.0"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:pdk="http://pdk.example" numberReturned="3">{}{}{}</wfs:FeatureCollection>"#,
                member(1),
                member(2),
                member(3)
            ),
            columns: columns(["navn", "areal", "dato", "geometri"]),
            open: |input, columns| read(gml::reader(input, columns, &GmlOptions::default())),
            ends_with_any_row: false,
        },
        Form {
            name: "geojson",
            page: format!(
                r#"{{"type":"FeatureCollection","features":[{},{},{}]}}"#,
                feature(1),
                feature(2),
                feature(3)
            ),
            columns: columns(["properties.navn", "properties.areal", "properties.dato", "geometry"]),
            open: |input, columns| {
                let options = JsonOptions {
                    rows: "features".to_owned(),
                    ..JsonOptions::default()
                };
                read(json::reader(input, columns, &options))
            },
            ends_with_any_row: false,
        },
        Form {
            name: "json",
            page: format!("[{0},{0},{0}]", r#"{"navn":"Ærø","areal":-0.25,"dato":"20240229"}"#),
            columns: columns(["navn", "areal", "dato", ""]),
            open: |input, columns| read(json::reader(input, columns, &JsonOptions::default())),
            ends_with_any_row: false,
        },
        Form {
            name: "csv",
            page: "navn;areal;dato\n\"Ærø; \"\"x\"\"\";1.5;2024-02-29\nLæsø;2.5;2024-02-29\n\"a\nb\";3.5;2024-02-29\n"
                .to_owned(),
            columns: columns(["navn", "areal", "dato", ""]),
            open: |input, columns| read(csv::reader(input, columns, &CsvOptions::default())),
            ends_with_any_row: true,
        },
    ]
}

/// What was read, as text, or the fault.
fn outcome(form: &Form, bytes: &[u8], dribble: Option<usize>) -> Result<String> {
    let input: Box<dyn Read + Send + '_> = match dribble {
        Some(few) => Box::new(Dribble(bytes, few)),
        None => Box::new(bytes),
    };
    (form.open)(input, &form.columns).map(|batches| printed(&batches))
}

fn assert_says(form: &Form, fault: &Fault) {
    let said = fault.to_string();
    assert!(!fault.what().is_empty() && said.len() < 2_000, "{}: {said}", form.name);
    // A page without a header, or without the array of rows, has no place but itself.
    let placed = ["byte ", "row ", "line "].iter().any(|word| said.contains(word));
    let is_whole = [
        "no header",
        "no array of rows",
        "is missing",
        "not unique",
        "no collection",
        "no element",
    ];
    let is_whole = is_whole.iter().any(|word| said.contains(word)) || said.contains("features");
    assert!(placed || is_whole, "{}: no place in: {said}", form.name);
}

#[test]
fn a_page_that_is_cut_anywhere_is_an_error_with_its_place() {
    for form in forms() {
        let whole = form.page.as_bytes();
        let rows = outcome(&form, whole, None).unwrap();
        assert!(rows.lines().count() >= 3, "{}: {rows}", form.name);
        for length in 0..whole.len() {
            match outcome(&form, &whole[..length], None) {
                Err(fault) => assert_says(&form, &fault),
                // A last cell that is shortened and still a date cannot be told; there is none here.
                Ok(some) if form.ends_with_any_row => assert!(rows.starts_with(&some), "{length}: {some}"),
                Ok(some) => panic!("{} cut after {length} of {} bytes gives {some}", form.name, whole.len()),
            }
        }
    }
}

#[test]
fn a_damaged_page_is_rows_or_an_error_with_its_place() {
    for form in forms() {
        let mut refused = 0;
        for seed in 0..SEEDS {
            let bytes = damaged(form.page.as_bytes(), seed);
            let whole = outcome(&form, &bytes, None);
            let dribbled = outcome(&form, &bytes, Some(1 + seed as usize % 13));
            match (&whole, &dribbled) {
                (Ok(whole), Ok(dribbled)) => assert_eq!(whole, dribbled, "{}, seed {seed}", form.name),
                // Of two things that are wrong, the one that is seen first depends on what is read at once.
                (Err(fault), Err(_)) => {
                    assert_says(&form, fault);
                    refused += 1;
                }
                _ => panic!("{}, seed {seed}: {whole:?}, in small pieces {dribbled:?}", form.name),
            }
        }
        assert!(refused > SEEDS / 4, "{}: only {refused} of {SEEDS} refused", form.name);
    }
}

/// Found by fuzzing (2026-11-26): in small pieces the second mark was taken for the end, and no row came.
#[test]
fn a_byte_order_mark_that_stands_twice_ends_no_page() {
    let schema = Arc::new(Schema::new(vec![Field::new("navn", DataType::Utf8, true)]));
    for few in 1..12 {
        let page = "\u{feff}\u{feff}navn\nÆrø\n";
        let rows = drained(csv::reader(
            Box::new(Dribble(page.as_bytes(), few)),
            &schema,
            &CsvOptions::default(),
        ));
        assert_eq!(printed(&rows.unwrap()), "Ærø", "{few} bytes at a time");
    }
}
