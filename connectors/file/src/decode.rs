use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_connect::{Page, Result, SourceColumn, open_page};
use klimalade_format::{csv, json, sheet};

use crate::settings::{Checked, Form};

pub(crate) fn decode<'a>(
    settings: &Checked,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let input = open_page(page)?;
    match &settings.form {
        Form::Csv(options) => csv::reader(input, columns, options),
        Form::Json(options) => json::reader(input, columns, options),
        Form::Sheet(options) => sheet::reader(input, columns, options),
    }
}

pub(crate) fn columns(settings: &Checked, page: &Page) -> Result<Vec<SourceColumn>> {
    let input = open_page(page)?;
    match &settings.form {
        Form::Csv(options) => csv::columns(input, options),
        Form::Json(options) => json::columns(input, options),
        Form::Sheet(options) => sheet::columns(input, options),
    }
}
