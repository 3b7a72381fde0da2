use std::{io::Cursor, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions, RecordBatchReader, UInt32Array},
    compute::take,
};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use klimalade_connect::{Fault, Page, Part, Result, SourceColumn, open_page, source_name};
use klimalade_format::{
    csv,
    json::{self, JsonOptions},
};

use crate::{
    fetch::RECORDS,
    plan::Detail,
    settings::{Checked, Form},
};

/// In front of what the portal says of a part.
const FACTS: [&str; 2] = ["package.", "resource."];

pub(crate) fn decode<'a>(
    settings: &Checked,
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let detail = Detail::of(part)?;
    let (mut from_rows, mut sources) = (Vec::new(), Vec::new());
    let mut from_portal = Vec::new();
    for field in columns.fields() {
        if FACTS.iter().any(|prefix| source_name(field).starts_with(prefix)) {
            sources.push(Column::Fact(from_portal.len()));
            from_portal.push(Arc::clone(field));
        } else {
            sources.push(Column::Row(from_rows.len()));
            from_rows.push(Arc::clone(field));
        }
    }
    // As one row of JSON: its times and nulls are then read as those of every row.
    let facts: Vec<RecordBatch> = if from_portal.is_empty() {
        Vec::new()
    } else {
        let input = Box::new(Cursor::new(detail.facts_json()?));
        let reader = json::reader(input, &Arc::new(Schema::new(from_portal)), &JsonOptions::default())?;
        reader.collect::<Result<_, ArrowError>>().map_err(own)?
    };
    Ok(Box::new(WithFacts {
        rows: rows(settings, page, &Arc::new(Schema::new(from_rows)))?,
        facts: facts.into_iter().next(),
        sources,
        schema: Arc::clone(columns),
    }))
}

fn rows<'a>(settings: &Checked, page: &'a Page, columns: &SchemaRef) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let input = open_page(page)?;
    match &settings.form {
        Form::Datastore => json::reader(input, columns, &records()),
        Form::Csv(options) => csv::reader(input, columns, options),
        Form::Json(options) => json::reader(input, columns, options),
    }
}

/// The page's own columns, and behind them what the portal says of the part.
pub(crate) fn columns(settings: &Checked, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
    let input = open_page(page)?;
    let mut found = match &settings.form {
        Form::Datastore => json::columns(input, &records()),
        Form::Csv(options) => csv::columns(input, options),
        Form::Json(options) => json::columns(input, options),
    }?;
    let facts = Detail::of(part)?.facts_json()?;
    found.extend(json::columns(Box::new(Cursor::new(facts)), &JsonOptions::default())?);
    Ok(found)
}

/// The error of a reader that is one of ours.
fn own(error: ArrowError) -> Fault {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(other) => Fault::bug("what the portal says cannot be read").because(other),
        },
        other => Fault::bug("what the portal says cannot be read").because(other),
    }
}

fn records() -> JsonOptions {
    JsonOptions {
        rows: RECORDS.to_owned(),
        ..JsonOptions::default()
    }
}

/// Where a declared column comes from.
enum Column {
    /// From the row, by its place among the columns that are read.
    Row(usize),
    /// From the portal, by its place in the one row of facts.
    Fact(usize),
}

/// The rows of a page with what the portal says of them, columns in the declared order.
struct WithFacts<'a> {
    rows: Box<dyn RecordBatchReader + Send + 'a>,
    /// One row.
    facts: Option<RecordBatch>,
    sources: Vec<Column>,
    schema: SchemaRef,
}

impl WithFacts<'_> {
    fn attach(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let first = UInt32Array::from(vec![0_u32; batch.num_rows()]);
        let column = |source: &Column| match source {
            Column::Row(at) => Ok(Arc::clone(batch.column(*at))),
            Column::Fact(at) => match &self.facts {
                Some(facts) => take(facts.column(*at).as_ref(), &first, None),
                None => Err(ArrowError::InvalidArgumentError("a column without facts".to_owned())),
            },
        };
        let columns = self
            .sources
            .iter()
            .map(column)
            .collect::<Result<Vec<_>, ArrowError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

impl Iterator for WithFacts<'_> {
    type Item = Result<RecordBatch, ArrowError>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.attach(&batch)))
    }
}

impl RecordBatchReader for WithFacts<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
