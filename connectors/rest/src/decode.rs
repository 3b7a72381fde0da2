use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, StringArray, new_null_array},
    compute::{CastOptions, cast_with_options},
};
use arrow_schema::{ArrowError, FieldRef, Schema, SchemaRef};
use klimalade_connect::{Fault, Page, Part, Result, SourceColumn, SourceType, open_page, source_name};
use klimalade_format::{
    json::{self, JsonOptions},
    text_column,
};
use klimalade_model::FROM_KEY;

use crate::{
    Error,
    details::{DETAILS, as_list},
    matrix::Detail,
    settings::Checked,
};

/// In front of an axis' name in a declared column.
const MATRIX: &str = "matrix.";

pub(crate) fn decode<'a>(
    settings: &Checked,
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let detail = Detail::of(part)?;
    let about = settings.details.as_ref().and_then(|details| details.id_of(page));
    let mut from_rows: Vec<FieldRef> = Vec::new();
    let mut sources = Vec::new();
    for field in columns.fields() {
        let name = source_name(field);
        let key = settings.details.as_ref().and_then(|_| name.strip_prefix(DETAILS));
        match (&about, key) {
            // The list knows nothing of what is asked for afterwards.
            (None, Some(_)) => {
                sources.push(Column::Axis(new_null_array(field.data_type(), 1)));
                continue;
            }
            (Some(_), Some(key)) => {
                sources.push(Column::Row(from_rows.len()));
                let mut metadata = field.metadata().clone();
                metadata.insert(FROM_KEY.to_owned(), key.to_owned());
                from_rows.push(Arc::new(field.as_ref().clone().with_metadata(metadata)));
                continue;
            }
            (Some(id), None) if settings.details.as_ref().is_some_and(|details| details.id == name) => {
                sources.push(Column::Axis(Arc::new(StringArray::from(vec![id.as_str()]))));
                continue;
            }
            (Some(_), None) if !name.starts_with(MATRIX) => {
                sources.push(Column::Axis(new_null_array(field.data_type(), 1)));
                continue;
            }
            _ => {}
        }
        let Some(axis_name) = name.strip_prefix(MATRIX) else {
            sources.push(Column::Row(from_rows.len()));
            from_rows.push(Arc::clone(field));
            continue;
        };
        let axis = detail
            .matrix
            .iter()
            .find(|axis| axis.name == axis_name)
            .ok_or_else(|| Error::NoSuchAxis {
                column: source_name(field).to_owned(),
                axes: detail
                    .matrix
                    .iter()
                    .map(|axis| format!("{MATRIX}{}", axis.name))
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        let value = detail.value_at(axis, &page.entry.address).ok_or_else(|| {
            let found = crate::matrix::query_of(&page.entry.address)
                .into_iter()
                .find(|(name, _)| *name == axis.name);
            Fault::from(Error::AxisUnknown {
                axis: axis.name.clone(),
                found: found.map(|(_, value)| value),
            })
            .at(page.entry.address.clone())
        })?;
        let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let value = cast_with_options(&text, field.data_type(), &strict).map_err(|source| {
            Fault::contract("the value of an axis is not of the declared type")
                .at(format!("column {}", field.name()))
                .expected(field.data_type().to_string())
                .found(value)
                .because(source)
        })?;
        sources.push(Column::Axis(value));
    }
    let from_rows = Arc::new(Schema::new(from_rows));
    let rows = match about {
        None => json::reader(open_page(page)?, &from_rows, &options(settings))?,
        Some(_) => json::reader(as_list(page)?, &from_rows, &JsonOptions::default())?,
    };
    Ok(Box::new(WithAxes {
        rows,
        sources,
        schema: Arc::clone(columns),
    }))
}

/// The page's own columns, and behind them each axis with all the values that are asked for in the part.
pub(crate) fn columns(settings: &Checked, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
    if settings
        .details
        .as_ref()
        .is_some_and(|details| details.id_of(page).is_some())
    {
        let mut found = json::columns(as_list(page)?, &JsonOptions::default())?;
        for column in &mut found {
            column.name.insert_str(0, DETAILS);
        }
        return Ok(found);
    }
    let mut found = json::columns(open_page(page)?, &options(settings))?;
    for axis in Detail::of(part)?.matrix {
        let values = axis.values.iter().map(String::as_str);
        let mut column = text_column(&format!("{MATRIX}{}", axis.name), values)?;
        // Axes are cast by Arrow, whose spellings of days are others than ours.
        column
            .fits
            .retain(|kind| matches!(kind, SourceType::Text | SourceType::Int | SourceType::Float));
        found.push(match column.fits.contains(&column.kind) {
            true => column,
            false => column.as_text(),
        });
    }
    Ok(found)
}

pub(crate) fn options(settings: &Checked) -> JsonOptions {
    JsonOptions {
        rows: settings.rows.clone(),
        ..JsonOptions::default()
    }
}

/// Where a declared column comes from.
#[derive(Debug)]
enum Column {
    /// From the row, by its place among the columns that the JSON reader gives.
    Row(usize),
    /// From the matrix: an array of one.
    Axis(ArrayRef),
}

/// The rows of a page with the values of the axes attached, columns in the declared order.
struct WithAxes<R> {
    rows: R,
    sources: Vec<Column>,
    schema: SchemaRef,
}

impl<R: RecordBatchReader> WithAxes<R> {
    fn attach(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .sources
            .iter()
            .map(|source| match source {
                Column::Row(at) => Ok(Arc::clone(batch.column(*at))),
                Column::Axis(value) => repeat(value, batch.num_rows()),
            })
            .collect::<Result<Vec<_>, ArrowError>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// The one value of `value`, `rows` times.
fn repeat(value: &ArrayRef, rows: usize) -> Result<ArrayRef, ArrowError> {
    let zeros = arrow::array::UInt32Array::from(vec![0_u32; rows]);
    arrow::compute::take(value.as_ref(), &zeros, None)
}

impl<R: RecordBatchReader> Iterator for WithAxes<R> {
    type Item = Result<RecordBatch, ArrowError>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| self.attach(&batch)))
    }
}

impl<R: RecordBatchReader> RecordBatchReader for WithAxes<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
