//! XML of any kind: rows are the elements at a declared path, columns are paths within them. Streamed: no more than one
//! record is held.
//!
//! Names are local names, whatever the prefix, joined by points. `record = "Indberetning.Kommuner.Kommune"` is the path
//! from the root. Within a record `Navn` is an element, `Adresse.Postnr` one inside another, `@kode` and `Adresse.@kode`
//! are attributes, and [`TEXT`] is the record's own text. With a slash in front a path begins at the root:
//! `/Indberetning.@år`, `/Indberetning.Opgjort` are of the elements around a record and before it.

mod encoding;
mod read;
mod records;

use std::io::Read;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_model::{Result, SourceColumn};

use crate::column::Writing;

/// Name of the column that is a record's own text, where it has no elements.
pub const TEXT: &str = "(text)";

/// How records are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlOptions {
    /// Path of the records from the root.
    pub record: String,
    /// Numbers have a decimal comma.
    pub decimal_comma: bool,
    /// Text that is null, compared exactly, without white space around it. Empty text always is.
    pub null_marks: Vec<String>,
    /// Rows of one record batch.
    pub batch_rows: usize,
}

impl Default for XmlOptions {
    fn default() -> Self {
        Self {
            record: String::new(),
            decimal_comma: false,
            null_marks: Vec::new(),
            batch_rows: 8192,
        }
    }
}

impl XmlOptions {
    fn writing(&self) -> Writing {
        Writing {
            decimal_comma: self.decimal_comma,
            ..Writing::default()
        }
    }

    /// The text that a cell has, `None` for null.
    fn cell<'t>(&self, text: &'t str) -> Option<&'t str> {
        let text = text.trim();
        let is_null = text.is_empty() || self.null_marks.iter().any(|mark| mark == text);
        (!is_null).then_some(text)
    }
}

/// Rows in the declared columns. An element or attribute that is not there, is empty or has `xsi:nil` is null.
///
/// Errors, here: Settings for a declared type that cannot be filled. Errors, from the reader: Source for a body that is
/// cut or no XML, for a document type declaration and any entity but the five of XML, for elements more than 64 deep, a
/// tag, text or cell of more than 4 MiB, and where there is no element that holds records; Contract for a cell that cannot be
/// read as declared, for an element that stands twice in a record and, at the end, for a missing column.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &XmlOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    Ok(Box::new(read::Rows::open(input, columns, options)?))
}

/// Every column of the first records (1,000), in the order of its first appearance; the rest is not read. Errors: as
/// [`reader`] for those, but for what a declaration breaks.
pub fn columns(input: Box<dyn Read + Send + '_>, options: &XmlOptions) -> Result<Vec<SourceColumn>> {
    read::columns(input, options)
}

#[cfg(test)]
mod tests;
