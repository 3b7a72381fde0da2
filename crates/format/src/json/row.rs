//! One row object, parsed straight into the builders of its columns.

use std::fmt;

use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result};
use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

use crate::{
    column::{Column, Writing, source_name},
    error::{Error, shortened},
};

/// Keys of one object whose order is remembered: objects with endless other keys must not grow it without end.
const LONGEST_ORDER: usize = 256;

/// The declared columns as a tree of keys, and their builders.
pub(super) struct Table {
    root: Node,
    columns: Vec<Filled>,
    writing: Writing,
    /// Number of the row taken last, from 1.
    row: u64,
}

struct Filled {
    column: Column,
    source_name: String,
    /// The key, or null on the way to it, was there at least once in this page.
    seen: bool,
}

/// The values of one row as written, by column.
type Cells<'t> = Vec<Option<&'t str>>;

/// The keys of one object.
#[derive(Default)]
struct Node {
    entries: Vec<Entry>,
    /// The keys of the object before this one, in order: nearly every row repeats them, so that a key is known by one
    /// comparison. `None`: a key that nobody declared.
    order: Vec<(Box<str>, Option<usize>)>,
}

struct Entry {
    key: Box<str>,
    /// Columns that take this value.
    columns: Vec<usize>,
    /// Columns that take something inside it.
    below: Option<Box<Node>>,
}

impl Node {
    fn entry(&mut self, key: &str) -> &mut Entry {
        let at = match self.entries.iter().position(|entry| &*entry.key == key) {
            Some(at) => at,
            None => {
                self.entries.push(Entry {
                    key: key.into(),
                    columns: Vec::new(),
                    below: None,
                });
                self.entries.len() - 1
            }
        };
        &mut self.entries[at]
    }

    /// Adds a column under its path. A key that itself holds dots is found too, whole, at the row's top.
    fn add(&mut self, path: &str, column: usize) {
        self.entry(path).columns.push(column);
        if let Some((first, rest)) = path.split_once('.') {
            self.entry(first).below.get_or_insert_default().add_below(rest, column);
        }
    }

    fn add_below(&mut self, path: &str, column: usize) {
        match path.split_once('.') {
            Some((first, rest)) => self.entry(first).below.get_or_insert_default().add_below(rest, column),
            None => self.entry(path).columns.push(column),
        }
    }

    #[inline]
    fn find(&mut self, position: usize, key: &str) -> Option<usize> {
        if let Some((expected, entry)) = self.order.get(position)
            && **expected == *key
        {
            return *entry;
        }
        self.learn(position, key)
    }

    #[cold]
    fn learn(&mut self, position: usize, key: &str) -> Option<usize> {
        let entry = self.entries.iter().position(|entry| &*entry.key == key);
        if let Some(slot) = self.order.get_mut(position) {
            *slot = (key.into(), entry);
        } else if self.order.len() < LONGEST_ORDER {
            self.order.push((key.into(), entry));
        }
        entry
    }

    /// Marks every column below: null on the way to a column is a null, not a missing column.
    fn put_null(&self, cells: &mut [Option<&str>]) {
        for entry in &self.entries {
            for column in &entry.columns {
                if let Some(cell) = cells.get_mut(*column) {
                    cell.get_or_insert("null");
                }
            }
            if let Some(below) = &entry.below {
                below.put_null(cells);
            }
        }
    }
}

/// What a run over buffered text took.
pub(super) struct Run {
    pub(super) rows: usize,
    /// Length of the rows and what is between them.
    pub(super) bytes: usize,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef, writing: Writing) -> Result<Self> {
        let mut root = Node::default();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            let source_name = source_name(field).to_owned();
            root.add(&source_name, at);
            columns.push(Filled {
                column: Column::new(field, true)?,
                source_name,
                seen: false,
            });
        }
        Ok(Self {
            root,
            columns,
            writing,
            row: 0,
        })
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> u64 {
        self.row
    }

    fn malformed(&self, found: String) -> Fault {
        Fault::from(Error::Malformed { found }).at(format!("row {}", self.row + 1))
    }

    /// Takes the rows, at most `most`, that stand whole at the beginning of `text`, with the commas between them. What
    /// is not whole there is left: no row is looked at twice but the last. Errors: as [`Table::take`].
    pub(super) fn take_run(&mut self, text: &str, most: usize) -> Result<Run> {
        let mut cells: Cells<'_> = vec![None; self.columns.len()];
        let mut run = Run { rows: 0, bytes: 0 };
        let mut begin = 0;
        while run.rows < most {
            let Some(ahead) = text.get(begin..).filter(|ahead| ahead.starts_with('{')) else {
                break;
            };
            let mut deserializer = Deserializer::from_str(ahead);
            match deserializer.deserialize_map(Object {
                node: &mut self.root,
                cells: &mut cells,
            }) {
                Ok(()) => {}
                Err(error) if error.is_eof() || is_at_end(&error, ahead) => break,
                Err(error) => return Err(self.malformed(error.to_string())),
            }
            self.put(&mut cells)?;
            run.rows += 1;
            run.bytes = begin + deserializer.into_iter::<IgnoredAny>().byte_offset();
            match next_row(text.as_bytes(), run.bytes) {
                Some(next) => begin = next,
                None => break,
            }
        }
        Ok(run)
    }

    /// Takes one row object. Errors: Source, where it is not JSON or no object; Contract, for a cell.
    pub(super) fn take(&mut self, row: &[u8]) -> Result<()> {
        let text =
            std::str::from_utf8(row).map_err(|error| self.malformed(format!("bytes that are not UTF-8 ({error})")))?;
        let mut cells: Cells<'_> = vec![None; self.columns.len()];
        let mut deserializer = Deserializer::from_str(text);
        deserializer
            .deserialize_map(Object {
                node: &mut self.root,
                cells: &mut cells,
            })
            .and_then(|()| deserializer.end())
            .map_err(|error| self.malformed(error.to_string()))?;
        self.put(&mut cells)
    }

    /// Writes a row's cells into the builders and empties them.
    #[inline]
    fn put(&mut self, cells: &mut [Option<&str>]) -> Result<()> {
        self.row += 1;
        for (filled, cell) in self.columns.iter_mut().zip(cells) {
            match cell.take() {
                Some(raw) => {
                    filled.seen = true;
                    filled.column.push_json(raw, self.row, self.writing)?;
                }
                None => filled.column.push_null(self.row)?,
            }
        }
        Ok(())
    }

    /// The arrays of the rows since the last call.
    pub(super) fn finish(&mut self) -> Vec<arrow::array::ArrayRef> {
        self.columns.iter_mut().map(|filled| filled.column.finish()).collect()
    }

    /// Errors: Contract, for a column that no row had. A page without rows says nothing.
    pub(super) fn check_columns(&self) -> Result<()> {
        let missing = self
            .columns
            .iter()
            .find(|filled| !filled.seen && !filled.column.optional);
        match missing {
            Some(filled) if self.row > 0 => {
                let keys: Vec<&str> = self.root.order.iter().map(|(key, _)| &**key).collect();
                Err(Error::MissingColumn {
                    column: filled.column.name.clone(),
                    source_name: filled.source_name.clone(),
                    found: format!("in the last row the keys {}", shortened(&keys.join(", "))),
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}

/// Where the next row begins, if only white space and one comma stand between.
#[inline]
fn next_row(text: &[u8], mut at: usize) -> Option<usize> {
    let mut comma = false;
    loop {
        match text.get(at)? {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b',' if !comma => comma = true,
            b'{' if comma => return Some(at),
            _ => return None,
        }
        at += 1;
    }
}

/// Visits one object of the row: the row itself or one on the way to a column.
struct Object<'n, 'c, 't> {
    node: &'n mut Node,
    cells: &'c mut [Option<&'t str>],
}

impl<'t> Object<'_, '_, 't> {
    /// Keeps a value for its columns. False: one of them has a value already.
    #[inline]
    fn put(columns: &[usize], cells: &mut [Option<&'t str>], raw: &'t str) -> bool {
        columns.iter().all(|at| match cells.get_mut(*at) {
            Some(cell @ None) => {
                *cell = Some(raw);
                true
            }
            Some(Some(_)) | None => false,
        })
    }
}

impl<'t> Visitor<'t> for Object<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<(), E> {
        self.node.put_null(self.cells);
        Ok(())
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let Self { node, cells } = self;
        let mut position = 0;
        while let Some(found) = map.next_key_seed(Key { node, position })? {
            position += 1;
            let Some(entry) = found.and_then(|at| node.entries.get_mut(at)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(below) = &mut entry.below
                && entry.columns.is_empty()
            {
                map.next_value_seed(Object { node: below, cells })?;
                continue;
            }
            let raw: &'t RawValue = map.next_value()?;
            if !Self::put(&entry.columns, cells, raw.get()) {
                return Err(A::Error::custom(format!(
                    "the key `{}` stands twice in one row",
                    entry.key
                )));
            }
            if let Some(below) = &mut entry.below {
                Deserializer::from_str(raw.get())
                    .deserialize_any(Object { node: below, cells })
                    .map_err(A::Error::custom)?;
            }
        }
        Ok(())
    }
}

impl<'t> DeserializeSeed<'t> for Object<'_, '_, 't> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'t>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Looks a key up; gives its entry, or `None` for a key that nobody declared.
struct Key<'a> {
    node: &'a mut Node,
    position: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    #[inline]
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_str<E: serde::de::Error>(self, key: &str) -> std::result::Result<Self::Value, E> {
        Ok(self.node.find(self.position, key))
    }
}

/// True where an error stands at the last byte: a number cut behind its sign, point or exponent is an "invalid
/// number" to serde_json, not an end of input, though the rest of it is only not in the buffer yet.
fn is_at_end(error: &serde_json::Error, text: &str) -> bool {
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    before + error.column() >= text.len()
}
