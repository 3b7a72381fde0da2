use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, AsArray, RecordBatch, RecordBatchReader, StringArray},
    error::ArrowError,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_connect::{FROM_KEY, Fault, Page, Part, Result, SourceColumn, open_page};
use klimalade_format::json::{self, JsonOptions};

use crate::{Error, plan::Detail};

/// Rows of one page in the declared columns.
pub(crate) fn decode<'a>(
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let detail = Detail::of(part)?;
    let checked: Vec<&String> = [&detail.time_column].into_iter().chain(detail.filter.keys()).collect();
    let mut fields: Vec<Field> = columns.fields().iter().map(|field| field.as_ref().clone()).collect();
    // Once more as text, for the comparison with the request.
    for (at, name) in checked.iter().enumerate() {
        let metadata = HashMap::from([(FROM_KEY.to_owned(), (*name).clone())]);
        fields.push(Field::new(format!("klimalade check {at}"), DataType::Utf8, true).with_metadata(metadata));
    }
    let inner = json::reader(open_page(page)?, &Arc::new(Schema::new(fields)), &options())?;
    Ok(Box::new(Checked {
        inner,
        columns: columns.clone(),
        detail,
        rows: 0,
        done: false,
    }))
}

/// The records' members.
pub(crate) fn columns(page: &Page) -> Result<Vec<SourceColumn>> {
    json::columns(open_page(page)?, &options())
}

fn options() -> JsonOptions {
    JsonOptions {
        rows: "records".to_owned(),
        ..JsonOptions::default()
    }
}

/// Rows compared with the request while they are read.
struct Checked<'a> {
    inner: Box<dyn RecordBatchReader + Send + 'a>,
    columns: SchemaRef,
    detail: Detail,
    rows: u64,
    done: bool,
}

impl Checked<'_> {
    fn check(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let declared = self.columns.fields().len();
        let times = batch.column(declared).as_string::<i32>();
        for row in 0..batch.num_rows() {
            if times.is_null(row) {
                let (dataset, column) = (self.detail.dataset.clone(), self.detail.time_column.clone());
                let fault = Fault::from(Error::MissingColumn {
                    dataset,
                    column,
                    known: "a record without it".to_owned(),
                });
                return Err(fault.at(format!("record {}", self.rows + row as u64 + 1)));
            }
            let time = times.value(row);
            if !is_within(time, &self.detail.first_time, &self.detail.end_time) {
                let expected = format!(
                    "{} from {} to before {}",
                    self.detail.time_column, self.detail.first_time, self.detail.end_time
                );
                let fault = Fault::from(Error::OtherTime {
                    expected,
                    found: time.to_owned(),
                });
                return Err(fault.at(format!("record {}", self.rows + row as u64 + 1)));
            }
        }
        for (at, (column, values)) in self.detail.filter.iter().enumerate() {
            let found = batch.column(declared + 1 + at).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let found = text(found, row);
                if !values.iter().any(|value| value == found) {
                    let (column, expected, found) = (column.clone(), values.join(", "), found.to_owned());
                    let fault = Fault::from(Error::OtherRow {
                        column,
                        expected,
                        found,
                    });
                    return Err(fault.at(format!("record {}", self.rows + row as u64 + 1)));
                }
            }
        }
        self.rows += batch.num_rows() as u64;
        let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.columns.clone(), batch.columns()[..declared].to_vec(), &options)
            .map_err(|source| Fault::bug("the declared columns do not fit the records").because(source))
    }
}

fn text(values: &StringArray, row: usize) -> &str {
    if values.is_valid(row) { values.value(row) } else { "" }
}

/// Times are naive text of one form, so they sort as text; `2026-08-01` (CapacityPerMunicipality has been quoted so)
/// means its midnight.
fn is_within(time: &str, first: &str, end: &str) -> bool {
    let midnight;
    let time = if time.len() == 10 {
        midnight = format!("{time}T00:00:00");
        &midnight
    } else {
        time
    };
    first <= time && time < end
}

impl Iterator for Checked<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.inner.next()?.and_then(|batch| {
            self.check(&batch)
                .map_err(|fault| ArrowError::ExternalError(Box::new(fault)))
        });
        self.done = next.is_err();
        Some(next)
    }
}

impl RecordBatchReader for Checked<'_> {
    fn schema(&self) -> SchemaRef {
        self.columns.clone()
    }
}
