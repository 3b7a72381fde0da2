use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_connect::{Fault, Page, Result};
use klimalade_format::{csv, json};

use crate::settings::{Checked, Form};

pub(crate) fn decode<'a>(
    settings: &Checked,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let input = page.open().map_err(|source| {
        Fault::bug("a stored page cannot be read")
            .at(page.entry.address.clone())
            .because(source)
    })?;
    match &settings.form {
        Form::Csv(options) => csv::reader(input, columns, options),
        Form::Json(options) => json::reader(input, columns, options),
    }
}
