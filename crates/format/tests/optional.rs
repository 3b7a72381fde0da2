//! A column that a page may lack: null where it is missing, in every form; refused where it is not declared so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::HashMap, io::Read, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatchReader},
    datatypes::Float64Type,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use klimalade_format::{
    csv::{self, CsvOptions},
    gml::{self, GmlOptions},
    json::{self, JsonOptions},
    xml::{self, XmlOptions},
};
use klimalade_model::{Fault, Kind, OPTIONAL_KEY, Result};

const GML: &str = r#"<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"
    xmlns:x="urn:x" numberMatched="1" numberReturned="1"><wfs:member><x:sted gml:id="sted.1"><x:navn>Ærø</x:navn></x:sted></wfs:member></wfs:FeatureCollection>"#;
const XML: &str = "<svar><sted><navn>Ærø</navn></sted></svar>";

type Batches = Result<Box<dyn RecordBatchReader + Send>>;
type Open = fn(Box<dyn Read + Send>, &SchemaRef) -> Batches;

/// The same row without a figure, in each form.
fn forms() -> [(&'static str, &'static str, Open); 4] {
    [
        ("csv", "navn\nÆrø\n", |input, columns| {
            csv::reader(input, columns, &CsvOptions::default())
        }),
        ("json", "[{\"navn\":\"Ærø\"}]", |input, columns| {
            json::reader(input, columns, &JsonOptions::default())
        }),
        ("xml", XML, |input, columns| {
            let options = XmlOptions {
                record: "svar.sted".to_owned(),
                ..XmlOptions::default()
            };
            xml::reader(input, columns, &options)
        }),
        ("gml", GML, |input, columns| {
            gml::reader(input, columns, &GmlOptions::default())
        }),
    ]
}

fn columns(optional: bool) -> SchemaRef {
    let metadata = HashMap::from([(OPTIONAL_KEY.to_owned(), optional.to_string())]);
    Arc::new(Schema::new(vec![
        Field::new("navn", DataType::Utf8, true),
        Field::new("km", DataType::Float64, true).with_metadata(metadata),
    ]))
}

fn read(open: Open, body: &'static str, columns: &SchemaRef) -> Result<Vec<(String, Option<f64>)>> {
    let mut rows = Vec::new();
    for batch in open(Box::new(body.as_bytes()), columns)? {
        let batch = batch.map_err(|error| match error {
            ArrowError::ExternalError(fault) => *fault.downcast::<Fault>().unwrap(),
            other => panic!("{other}"),
        })?;
        let names = batch.column(0).as_string::<i32>().iter();
        let numbers = batch.column(1).as_primitive::<Float64Type>().iter();
        rows.extend(names.map(|name| name.unwrap().to_owned()).zip(numbers));
    }
    Ok(rows)
}

#[test]
fn a_missing_column_that_is_declared_optional_is_null() {
    for (name, body, open) in forms() {
        let rows = read(open, body, &columns(true)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(rows, [("Ærø".to_owned(), None)], "{name}");
    }
}

#[test]
fn a_missing_column_that_is_not_declared_optional_is_refused_by_its_name() {
    for (name, body, open) in forms() {
        let fault = read(open, body, &columns(false)).expect_err(name);
        assert_eq!(
            (fault.kind(), fault.what()),
            (Kind::Contract, "column `km` is missing"),
            "{name}"
        );
    }
}

#[test]
fn an_optional_column_that_is_there_is_read_and_must_read_as_declared() {
    for (name, body, open) in forms() {
        let with = |figure: &str| -> &'static str {
            let body = match name {
                "csv" => format!("navn;km\nÆrø;{figure}\n"),
                "json" => format!("[{{\"navn\":\"Ærø\",\"km\":\"{figure}\"}}]"),
                _ => body
                    .replace("Ærø</navn>", &format!("Ærø</navn><km>{figure}</km>"))
                    .replace("Ærø</x:navn>", &format!("Ærø</x:navn><x:km>{figure}</x:km>")),
            };
            body.leak()
        };
        assert_eq!(
            read(open, with("2.5"), &columns(true)).unwrap(),
            [("Ærø".to_owned(), Some(2.5))],
            "{name}"
        );
        assert_eq!(
            read(open, with("lang"), &columns(true)).expect_err(name).kind(),
            Kind::Contract,
            "{name}"
        );
    }
}
