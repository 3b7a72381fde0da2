use std::{collections::HashMap, sync::Arc};

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use klimalade_connect::{Fault, Kind, Page, Result, SourceColumn, SourceType, open_page, source_name};
use klimalade_format::{
    EPOCH_KEY,
    json::{self, JsonOptions},
};
use serde_json::Value;

use crate::{geometry::esri_to_wkb, settings::Checked};

pub(crate) const FEATURES: &str = "features";
pub(crate) const EXCEEDED: &str = "exceededTransferLimit";
const GEOMETRY: &str = "geometry";
const REFERENCE: &str = "spatialReference";
const UTM32: u64 = 25832;

/// Rows of one batch where geometry is read: its text stands in memory beside its WKB.
const GEOMETRY_ROWS: usize = 1024;

pub(crate) fn decode<'a>(
    settings: &Checked,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let is_geometry = |field: &Field| *field.data_type() == DataType::Binary;
    let shapes: Vec<usize> = (0..columns.fields().len())
        .filter(|at| columns.fields().get(*at).is_some_and(|field| is_geometry(field)))
        .collect();
    if let Some(field) = columns.fields().iter().find(|field| source_name(field) == GEOMETRY) {
        if !settings.geometry {
            return Err(
                Fault::settings("geometry is declared as a column, but geometry = false asks for none")
                    .at("[source] geometry")
                    .found(format!("column {}", field.name()))
                    .hint("geometry = true, or remove the column"),
            );
        }
        check_reference(page)?;
    }
    // Esri's JSON is no GeoJSON: the reader gives it as text, and it becomes WKB here.
    let read = columns.fields().iter().map(|field| match is_geometry(field) {
        true => field.as_ref().clone().with_data_type(DataType::Utf8),
        false => field.as_ref().clone(),
    });
    let read: SchemaRef = Arc::new(Schema::new(read.collect::<Vec<_>>()));
    let mut options = options();
    if !shapes.is_empty() {
        options.batch_rows = GEOMETRY_ROWS;
    }
    Ok(Box::new(Features {
        rows: json::reader(open_page(page)?, &read, &options)?,
        schema: Arc::clone(columns),
        shapes,
        row: 0,
    }))
}

fn options() -> JsonOptions {
    JsonOptions {
        rows: FEATURES.to_owned(),
        ..JsonOptions::default()
    }
}

/// The answer's own system must be the one asked for. Servers leave it out of a page without features; a coordinate
/// outside Denmark is refused in any case.
fn check_reference(page: &Page) -> Result<()> {
    let look = json::look(open_page(page)?, FEATURES, &[REFERENCE])?;
    let Some(reference @ Value::Object(_)) = look.scalars.get(REFERENCE) else {
        return Ok(());
    };
    let named = |key: &str| reference.get(key).and_then(Value::as_u64);
    let names = [named("latestWkid"), named("wkid")];
    if names.contains(&Some(UTM32)) || (names == [None, None] && look.rows == 0) {
        return Ok(());
    }
    Err(
        Fault::contract("the features are in another coordinate reference system than asked for")
            .at(page.entry.address.clone())
            .expected("spatialReference with wkid 25832")
            .found(reference.to_string().chars().take(200).collect::<String>())
            .hint("geometry = false in [source], if only the attributes are read"),
    )
}

/// A page's columns under their paths; a geometry is one, not its rings and points.
pub(crate) fn columns(settings: &Checked, page: &Page) -> Result<Vec<SourceColumn>> {
    let mut found = Vec::new();
    let mut shape: Option<(usize, SourceColumn)> = None;
    for column in json::columns(open_page(page)?, &options())? {
        let Some(below) = column
            .name
            .strip_prefix(GEOMETRY)
            .filter(|below| below.is_empty() || below.starts_with('.'))
        else {
            found.push(column);
            continue;
        };
        let (_, shape) = shape.get_or_insert_with(|| {
            let kinds = vec![SourceType::Text, SourceType::Geometry];
            let column = SourceColumn {
                name: GEOMETRY.to_owned(),
                kind: SourceType::Text,
                fits: kinds,
                filled: 0,
            };
            (found.len(), column)
        });
        shape.filled = shape.filled.max(column.filled);
        if matches!(below, ".curveRings" | ".curvePaths") && column.filled > 0 {
            shape.fits = vec![SourceType::Text];
        }
    }
    if let Some((at, mut shape)) = shape.filter(|_| settings.geometry) {
        if shape.filled > 0 && shape.fits.contains(&SourceType::Geometry) {
            shape.kind = SourceType::Geometry;
        }
        found.insert(at, shape);
    }
    Ok(found)
}

/// The features of a page in the declared columns.
struct Features<R> {
    rows: R,
    schema: SchemaRef,
    /// Columns that are Esri JSON and become WKB.
    shapes: Vec<usize>,
    /// Rows given so far.
    row: u64,
}

impl<R: RecordBatchReader> Features<R> {
    fn declared(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        for at in &self.shapes {
            let name = self.schema.fields().get(*at).map_or("", |field| field.name());
            if let Some(column) = columns.get_mut(*at) {
                *column = wkb(column, name, self.row)?;
            }
        }
        self.row += batch.num_rows() as u64;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|source| Fault::bug("features do not fit the declared columns").because(source))
    }

    /// A layer's own types are no promise: koop declares a field by its first feature (2026-11-23).
    fn hinted(&self, fault: Fault) -> Fault {
        if fault.kind() != Kind::Contract || fault.hint_text().is_some() {
            return fault;
        }
        let named: HashMap<&str, &Field> = self
            .schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.as_ref()))
            .collect();
        let Some(field) = fault.what().split('`').nth(1).and_then(|name| named.get(name)) else {
            return fault;
        };
        let is_number = fault
            .found_text()
            .is_some_and(|found| found.trim_matches('`').parse::<i64>().is_ok());
        let (name, from) = (field.name(), source_name(field));
        let kind = match field.data_type() {
            DataType::Timestamp(..) if is_number && !field.metadata().contains_key(EPOCH_KEY) => {
                "type = \"timestamp\", epoch = \"ms\""
            }
            _ => "type = \"text\"",
        };
        fault.hint(format!(
            "{name} = {{ from = \"{from}\", {kind} }} under [columns]; the layer's own types are no promise"
        ))
    }
}

fn wkb(column: &ArrayRef, name: &str, before: u64) -> Result<ArrayRef> {
    let texts = column
        .as_string_opt::<i32>()
        .ok_or_else(|| Fault::bug("a geometry was not read as text"))?;
    let mut builder = BinaryBuilder::with_capacity(texts.len(), 0);
    for (at, text) in texts.iter().enumerate() {
        match text {
            None => builder.append_null(),
            Some(text) => {
                let shape = esri_to_wkb(text)
                    .map_err(|fault| fault.at(format!("row {}, column `{name}`", before + at as u64 + 1)))?;
                builder.append_option(shape);
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

impl<R: RecordBatchReader> Iterator for Features<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        let travelling = |fault: Fault| ArrowError::ExternalError(Box::new(fault));
        Some(match batch {
            Ok(batch) => self.declared(&batch).map_err(travelling),
            Err(ArrowError::ExternalError(inner)) => Err(match inner.downcast::<Fault>() {
                Ok(fault) => travelling(self.hinted(*fault)),
                Err(other) => ArrowError::ExternalError(other),
            }),
            Err(other) => Err(other),
        })
    }
}

impl<R: RecordBatchReader> RecordBatchReader for Features<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
