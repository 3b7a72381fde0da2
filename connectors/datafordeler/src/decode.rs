use std::{io::Read, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions, RecordBatchReader, UInt32Array},
    compute::take,
};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use klimalade_connect::{Fault, Page, Result, SourceColumn, fits_wildcard, source_name};
use klimalade_format::{
    csv,
    json::{self, JsonOptions},
    zip,
};

use crate::settings::{Checked, Form};

/// The name of the time at which the file was fetched.
const FETCHED_AT: &str = "file.fetched_at";

fn member(settings: &Checked, page: &Page) -> Result<Box<dyn Read + Send>> {
    let pattern = settings.member.to_lowercase();
    let fits = |name: &str| fits_wildcard(&pattern, &name.to_lowercase());
    zip::member(page.path(), fits, &settings.member, settings.most_unpacked_bytes)
        .map_err(|fault| fault.at(page.entry.address.clone()))
}

pub(crate) fn decode<'a>(
    settings: &Checked,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let input = member(settings, page)?;
    let (fetched, served): (Vec<_>, Vec<_>) = columns
        .fields()
        .iter()
        .cloned()
        .partition(|field| source_name(field) == FETCHED_AT);
    let served = Arc::new(Schema::new(served));
    let rows = match &settings.form {
        Form::Json(options) => json::reader(input, &served, options)?,
        Form::Csv(options) => csv::reader(input, &served, options)?,
    };
    if fetched.is_empty() {
        return Ok(rows);
    }
    // As one row of JSON: the time is then read as those of every row.
    let said = Box::new(std::io::Cursor::new(fetched_json(page)?));
    let mut said = json::reader(said, &Arc::new(Schema::new(fetched)), &JsonOptions::default())?;
    let said = said
        .next()
        .transpose()
        .map_err(|source| Fault::contract("the time of fetching is not of the declared type").because(source))?
        .ok_or_else(|| Fault::bug("the time of fetching has no row"))?;
    Ok(Box::new(Dated {
        rows,
        said,
        schema: Arc::clone(columns),
    }))
}

pub(crate) fn columns(settings: &Checked, page: &Page) -> Result<Vec<SourceColumn>> {
    let input = member(settings, page)?;
    let mut found = match &settings.form {
        Form::Json(options) => json::columns(input, options),
        Form::Csv(options) => csv::columns(input, options),
    }?;
    let said = Box::new(std::io::Cursor::new(fetched_json(page)?));
    found.extend(json::columns(said, &JsonOptions::default())?);
    Ok(found)
}

fn fetched_json(page: &Page) -> Result<Vec<u8>> {
    serde_json::to_vec(&serde_json::json!([{ FETCHED_AT: page.entry.retrieved_at }]))
        .map_err(|source| Fault::bug("a time cannot be written").because(source))
}

/// The rows of the file with the time at which it was fetched, columns in the declared order.
struct Dated<'a> {
    rows: Box<dyn RecordBatchReader + Send + 'a>,
    /// One row.
    said: RecordBatch,
    schema: SchemaRef,
}

impl Dated<'_> {
    fn attach(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let first = UInt32Array::from(vec![0_u32; batch.num_rows()]);
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for field in self.schema.fields() {
            match batch.column_by_name(field.name()) {
                Some(column) => columns.push(Arc::clone(column)),
                None => {
                    let said = self.said.column_by_name(field.name());
                    let said = said.ok_or_else(|| ArrowError::SchemaError(format!("no column {}", field.name())))?;
                    columns.push(take(said.as_ref(), &first, None)?);
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

impl Iterator for Dated<'_> {
    type Item = Result<RecordBatch, ArrowError>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.attach(&batch)))
    }
}

impl RecordBatchReader for Dated<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
