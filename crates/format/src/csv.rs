//! Delimited text, read by the names in its header, never by position.

mod quotes;
mod sniff;

use std::{
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Field, SchemaRef};
use csv::{ErrorKind, ReaderBuilder, StringRecord};
use klimalade_model::{Fault, Result, SourceColumn, is_optional};

pub use crate::text::Encoding;
use crate::{
    BATCH_BYTES,
    column::{Column, Writing, source_name},
    error::{Error, from_io, shortened, travelling},
    infer::{Candidates, LOOK_ROWS},
    text::Decoded,
};
use quotes::Quotes;
pub use sniff::{Sniffed, sniff};

/// Columns of one page at most.
const MOST_COLUMNS: usize = 10_000;

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

/// Rows in the declared columns. Columns are found by name: exactly, else without regard to case if only one fits;
/// one column of the source may feed two declared ones.
///
/// Errors, here: Contract for a missing or ambiguous column (with the header that was found), Source for a page without
/// a header, Settings for a declared type that text cannot fill. Errors, from the reader: Contract for a row of another
/// length than the header and for a cell that cannot be read as declared (neither null nor 0 is put in its place);
/// Source for bytes that are not of the declared encoding and for a quote that does not close.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &CsvOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let (names, text) = open(input, options)?;
    let mut filled = Vec::with_capacity(columns.fields().len());
    for field in columns.fields() {
        filled.push((position(&names, field)?, Column::new(field, false)?));
    }
    Ok(Box::new(Rows {
        text,
        schema: Arc::clone(columns),
        columns: filled,
        width: names.len(),
        null_marks: options.null_marks.clone(),
        writing: Writing {
            decimal_comma: options.decimal_comma,
            ..Writing::default()
        },
        batch_rows: options.batch_rows.max(1),
        record: StringRecord::new(),
        row: 0,
        done: false,
    }))
}

/// The column names that the text has, without white space around them. Errors: Source for a page without a header.
pub fn header(input: Box<dyn Read + Send + '_>, options: &CsvOptions) -> Result<Vec<String>> {
    open(input, options).map(|(names, _)| names)
}

/// Every column of the header with what its first rows (1,000) could be declared as; the rest is not read. Errors: as
/// [`reader`] for those rows, but for what a declaration breaks.
pub fn columns(input: Box<dyn Read + Send + '_>, options: &CsvOptions) -> Result<Vec<SourceColumn>> {
    let (names, mut text) = open(input, options)?;
    let writing = Writing {
        decimal_comma: options.decimal_comma,
        ..Writing::default()
    };
    let mut found = names
        .iter()
        .map(|name| Candidates::new(name, false))
        .collect::<Result<Vec<_>>>()?;
    let mut record = StringRecord::new();
    for row in 1..=LOOK_ROWS as u64 {
        if !text.read_record(&mut record).map_err(from_csv)? {
            break;
        }
        if record.len() != names.len() {
            return Err(row_length(row, names.len(), &record));
        }
        for (candidates, cell) in found.iter_mut().zip(&record) {
            if !options.null_marks.iter().any(|mark| mark == cell) {
                candidates.see_text(cell, writing);
            }
        }
    }
    Ok(found.into_iter().map(Candidates::column).collect())
}

fn row_length(row: u64, expected: usize, record: &StringRecord) -> Fault {
    let fault = Fault::from(Error::RowLength {
        row,
        expected,
        found: record.len(),
    });
    at_line(fault, record)
}

fn at_line(fault: Fault, record: &StringRecord) -> Fault {
    match record.position() {
        Some(position) => fault.at(format!("line {}", position.line())),
        None => fault,
    }
}

type Text<'a> = csv::Reader<Quotes<BufReader<Decoded<Box<dyn Read + Send + 'a>>>>>;

fn open<'a>(input: Box<dyn Read + Send + 'a>, options: &CsvOptions) -> Result<(Vec<String>, Text<'a>)> {
    let mut lines = BufReader::with_capacity(64 * 1024, Decoded::new(input, options.encoding));
    for _ in 0..options.skip_lines {
        skip_line(&mut lines)?;
    }
    let mut text = ReaderBuilder::new()
        .delimiter(options.delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(Quotes::new(lines, options.delimiter, options.skip_lines as u64 + 1));
    let names = match &options.header {
        Header::None(names) => names.clone(),
        Header::Line => {
            let mut record = StringRecord::new();
            if !text.read_record(&mut record).map_err(from_csv)? {
                return Err(Error::Malformed {
                    found: "no header line".to_owned(),
                }
                .into());
            }
            if record.len() > MOST_COLUMNS {
                let found = format!("{} columns, more than {MOST_COLUMNS}", record.len());
                return Err(at_line(Error::Malformed { found }.into(), &record));
            }
            record.iter().map(|name| name.trim().to_owned()).collect()
        }
    };
    Ok((names, text))
}

/// Reads past the next line end without keeping the line: what stands there may be anything.
fn skip_line(lines: &mut impl BufRead) -> Result<()> {
    loop {
        let ready = lines.fill_buf().map_err(from_io)?;
        if ready.is_empty() {
            return Ok(());
        }
        match ready.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                lines.consume(end + 1);
                return Ok(());
            }
            None => {
                let length = ready.len();
                lines.consume(length);
            }
        }
    }
}

/// Where a column stands; `None` where it is not there and may be missing.
pub(crate) fn position(names: &[String], field: &Field) -> Result<Option<usize>> {
    let (column, wanted) = (field.name(), source_name(field));
    let only = |fits: Vec<usize>| match fits.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        many => {
            let found: Vec<&str> = many
                .iter()
                .filter_map(|at| names.get(*at))
                .map(String::as_str)
                .collect();
            Err(Fault::from(Error::AmbiguousColumn {
                column: column.clone(),
                found: shortened(&found.join(", ")),
            }))
        }
    };
    let fitting = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names
            .iter()
            .enumerate()
            .filter(|(_, name)| fits(name))
            .map(|(at, _)| at)
            .collect()
    };
    if let Some(at) = only(fitting(&|name| name == wanted))? {
        return Ok(Some(at));
    }
    let folded = wanted.to_lowercase();
    let found = only(fitting(&|name| name.to_lowercase() == folded))?;
    if found.is_none() && !is_optional(field) {
        return Err(Error::MissingColumn {
            column: column.clone(),
            source_name: wanted.to_owned(),
            found: format!("the header {}", shortened(&names.join(", "))),
        }
        .into());
    }
    Ok(found)
}

fn from_csv(error: csv::Error) -> Fault {
    let text = error.to_string();
    match error.into_kind() {
        ErrorKind::Io(error) => from_io(error),
        _ => Error::Malformed { found: text }.into(),
    }
}

struct Rows<'a> {
    text: Text<'a>,
    schema: SchemaRef,
    /// Position in the header (none where it is missing and may be) and builder, in declared order.
    columns: Vec<(Option<usize>, Column)>,
    width: usize,
    null_marks: Vec<String>,
    writing: Writing,
    batch_rows: usize,
    record: StringRecord,
    /// Data rows read so far.
    row: u64,
    done: bool,
}

impl Rows<'_> {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let begin = self.text.position().byte();
        while rows < self.batch_rows && self.text.position().byte() - begin < BATCH_BYTES {
            if !self.text.read_record(&mut self.record).map_err(from_csv)? {
                self.done = true;
                break;
            }
            self.row += 1;
            rows += 1;
            self.take_row()?;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(|(_, column)| column.finish()).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map(Some)
            .map_err(|error| Fault::bug("a batch that does not fit its own schema").because(error))
    }

    fn take_row(&mut self) -> Result<()> {
        if self.record.len() != self.width {
            return Err(row_length(self.row, self.width, &self.record));
        }
        for (at, column) in &mut self.columns {
            let cell = at.map(|at| self.record.get(at).unwrap_or_default());
            let taken = match cell.filter(|cell| !self.null_marks.iter().any(|mark| mark == cell)) {
                None => column.push_null(self.row),
                Some(cell) => column.push_text(cell, self.row, self.writing),
            };
            taken.map_err(|fault| at_line(fault, &self.record))?;
        }
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.done = true;
        }
        batch.map_err(travelling).transpose()
    }
}

impl RecordBatchReader for Rows<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests;
