use std::io::Read;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_connect::{Fault, Page, Result, SourceColumn, open_page};
use klimalade_format::{archive, csv, json, sheet, xml};

use crate::{
    settings::{Checked, Form},
    unpack,
};

pub(crate) fn decode<'a>(
    settings: &'a Checked,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    match &settings.unpack {
        Some(options) => unpack::reader(&settings.form, options, page, columns),
        None => {
            refuse_packed(&settings.form, page)?;
            form_reader(&settings.form, open_page(page)?, columns)
        }
    }
}

pub(crate) fn columns(settings: &Checked, page: &Page) -> Result<Vec<SourceColumn>> {
    match &settings.unpack {
        Some(options) => unpack::columns(&settings.form, options, page),
        None => {
            refuse_packed(&settings.form, page)?;
            form_columns(&settings.form, open_page(page)?)
        }
    }
}

pub(crate) fn form_reader<'a>(
    form: &Form,
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    match form {
        Form::Csv(options) => csv::reader(input, columns, options),
        Form::Json(options) => json::reader(input, columns, options),
        Form::Sheet(options) => sheet::reader(input, columns, options),
        Form::Xml(options) => xml::reader(input, columns, options),
    }
}

pub(crate) fn form_columns(form: &Form, input: Box<dyn Read + Send + '_>) -> Result<Vec<SourceColumn>> {
    match form {
        Form::Csv(options) => csv::columns(input, options),
        Form::Json(options) => json::columns(input, options),
        Form::Sheet(options) => sheet::columns(input, options),
        Form::Xml(options) => xml::columns(input, options),
    }
}

/// An archive where text is declared would be read as a header of nonsense.
fn refuse_packed(form: &Form, page: &Page) -> Result<()> {
    if matches!(form, Form::Sheet(_)) {
        return Ok(());
    }
    let mut head = Vec::new();
    let read = open_page(page)?.take(4).read_to_end(&mut head);
    read.map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
    match archive::is_archive(&head) {
        true => Err(Fault::settings("the file is an archive, or a workbook")
            .at("[source]")
            .hint("[source.unpack] with member = \"*.csv\"; for a workbook format = { type = \"sheet\", ... }")),
        false => Ok(()),
    }
}
