//! Delimited text.
use std::io::Read;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result};

use crate::text::Encoding;

/// Where the column names come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// The first line (after `skip_lines`).
    #[default]
    Line,
    /// The file has none; these are the names, in order.
    None(Vec<String>),
}

/// How the text is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between cells.
    pub delimiter: u8,
    /// Of the bytes; a BOM is always tolerated and removed, and wins over this.
    pub encoding: Encoding,
    /// `1,5` is one and a half; thousands separators are never read.
    pub decimal_comma: bool,
    /// Cells that are null, compared exactly.
    pub null_marks: Vec<String>,
    /// Where the column names come from.
    pub header: Header,
    /// Lines before the header (or the first row) that are no data.
    pub skip_lines: usize,
    /// Rows of one record batch.
    pub batch_rows: usize,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b';',
            encoding: Encoding::Utf8,
            decimal_comma: false,
            null_marks: vec![String::new()],
            header: Header::Line,
            skip_lines: 0,
            batch_rows: 8192,
        }
    }
}

/// Rows in the declared columns.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &CsvOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let _ = (input, columns, options);
    Err(Fault::bug("not built yet"))
}

/// The column names that the text has.
pub fn header(input: Box<dyn Read + Send + '_>, options: &CsvOptions) -> Result<Vec<String>> {
    let _ = (input, options);
    Err(Fault::bug("not built yet"))
}
