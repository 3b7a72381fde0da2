//! JSON arrays of objects, streamed: a page is never held as a whole.
//!
//! serde_json parses the rows that stand whole in a buffer of 256 KiB one after the other (`row`), each value as
//! written and from there straight into an Arrow builder. Only for the row at the buffer's end does a scanner that knows
//! strings and brackets (`scan`) look how far it goes; the same scanner steps over all that is no row.

mod leaves;
mod read;
mod row;
mod scan;

use std::{collections::BTreeMap, io::Read};

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result, SourceColumn};
use serde_json::Value;

use crate::{error::Error, geometry::Crs};
use scan::Input;

/// Where the rows are and how they are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonOptions {
    /// Dotted path to the array of objects; empty: the top level is the array.
    pub rows: String,
    /// Rows of one record batch.
    pub batch_rows: usize,
    /// Coordinates of geometry columns as the answer gives them; WKB is always EPSG:25832.
    pub crs: Crs,
    /// `""` is a null, whatever the column: MapServer writes one so, for a number too.
    pub empty_is_null: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            rows: String::new(),
            batch_rows: 8192,
            crs: Crs::Crs84,
            empty_is_null: false,
        }
    }
}

/// Rows in the declared columns. A column's source name is a key of the row, or a dotted path of keys
/// (`properties.value`); an object or array in a text column is its JSON as written, numbers and booleans keep their
/// spelling. A key that a row lacks is null there; a column that no row of the page has is a fault. An empty array
/// gives no batch.
///
/// Errors, here: Source where there is no array at the path (with the keys that were found) or the body is cut before
/// it, Settings for a declared type that JSON cannot fill. Errors, from the reader: Source for a body that is cut or not
/// JSON and for an element that is no object; Contract for a cell that cannot be read as declared and, at the end, for a
/// missing column.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &JsonOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    Ok(Box::new(read::Rows::open(input, columns, options)?))
}

/// Every leaf of the first rows (1,000), by its dotted path and in the order of its first appearance, with what it
/// could be declared as; the rest is not read. A GeoJSON geometry and an array are leaves. Errors: as [`reader`] for those
/// rows, but for what a declaration breaks.
pub fn columns(input: Box<dyn Read + Send + '_>, options: &JsonOptions) -> Result<Vec<SourceColumn>> {
    leaves::columns(input, options)
}

/// What a look at a page found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Elements of the rows array.
    pub rows: u64,
    /// The members asked for that are there, by the dotted path they were asked for with; null members included.
    pub scalars: BTreeMap<String, Value>,
    /// Elements of the top-level member `links`, where it is an array.
    pub links: Vec<Value>,
}

/// Counts the rows of a page and picks members (dotted paths: `total`, `result.total`) without building rows. Reads to
/// the end, so that a cut body is noticed. Errors: Source for a body that is cut or not JSON, and where there is no
/// array at `rows`.
pub fn look(input: Box<dyn Read + Send + '_>, rows: &str, scalars: &[&str]) -> Result<Look> {
    let mut input = Input::new(input);
    let mut look = Look::default();
    let wanted = Wanted { rows, scalars };
    let mut found = None;
    match input.peek()? {
        Some(b'[') if rows.is_empty() => {
            look.rows = input.count_elements()?;
            found = Some(());
        }
        Some(b'{') => wanted.object(&mut input, "", &mut look, &mut found)?,
        _ => {}
    }
    if found.is_none() {
        return Err(input.no_rows(rows)?);
    }
    input.end()?;
    Ok(look)
}

/// The bytes of the rows array behind its first `most` elements, comma in front included, without its closing bracket:
/// a body without them is whole JSON of fewer rows. `None` where there are no more elements. Errors: as [`look`].
pub fn beyond(input: Box<dyn Read + Send + '_>, rows: &str, most: usize) -> Result<Option<std::ops::Range<u64>>> {
    let (mut input, _) = read::enter_rows(input, rows)?;
    let mut end = input.position();
    let mut count = 0;
    while input.has_element()? {
        input.skip_value()?;
        count += 1;
        if count <= most {
            end = input.position();
        }
    }
    let range = end..input.position() - 1;
    Ok((count > most).then_some(range))
}

struct Wanted<'a> {
    rows: &'a str,
    scalars: &'a [&'a str],
}

impl Wanted<'_> {
    /// Walks one object; goes deeper only along a wanted path, so that depth is bounded by the settings.
    fn object(&self, input: &mut Input<'_>, prefix: &str, look: &mut Look, rows: &mut Option<()>) -> Result<()> {
        input.enter()?;
        while let Some(key) = input.next_key()? {
            let path = if prefix.is_empty() {
                key
            } else {
                format!("{prefix}.{key}")
            };
            if prefix.is_empty() {
                input.note_key(&path);
            }
            let kind = input.peek()?;
            if path == self.rows && kind == Some(b'[') {
                if rows.replace(()).is_some() {
                    return Err(twice(self.rows));
                }
                look.rows = input.count_elements()?;
            } else if self.scalars.contains(&path.as_str()) {
                look.scalars.insert(path, input.parsed()?);
            } else if path == "links" && kind == Some(b'[') {
                if let Value::Array(links) = input.parsed()? {
                    look.links = links;
                }
            } else if kind == Some(b'{') && self.is_on_the_way(&path) {
                self.object(input, &path, look, rows)?;
            } else {
                input.skip_value()?;
            }
        }
        Ok(())
    }

    fn is_on_the_way(&self, path: &str) -> bool {
        let below = |wanted: &str| wanted.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        below(self.rows) || self.scalars.iter().any(|wanted| below(wanted))
    }
}

fn twice(path: &str) -> Fault {
    Error::Malformed {
        found: format!("the array `{path}` stands twice"),
    }
    .into()
}

#[cfg(test)]
mod tests;
