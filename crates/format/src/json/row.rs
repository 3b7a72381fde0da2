//! One row object, parsed straight into the builders of its columns.

use std::fmt;

use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result};
use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

use crate::{
    column::{Column, Writing, source_name},
    error::Error,
};

/// Keys of one object whose order is remembered: objects with endless other keys must not grow it without end.
const LONGEST_ORDER: usize = 256;

/// The declared columns as a tree of keys, and their builders.
pub(super) struct Table {
    root: Node,
    sink: Sink,
}

struct Sink {
    columns: Vec<Filled>,
    writing: Writing,
    /// Number of the row being read, from 1.
    row: u64,
    /// What made the visitor stop: serde's own error type has no room for it.
    fault: Option<Fault>,
}

struct Filled {
    column: Column,
    source_name: String,
    /// The row that filled it last; 0 is none.
    row: u64,
    /// The key, or an object or null on the way to it, was there at least once in this page.
    seen: bool,
}

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

    fn mark_seen(&self, sink: &mut Sink) {
        for entry in &self.entries {
            for column in &entry.columns {
                if let Some(filled) = sink.columns.get_mut(*column) {
                    filled.seen = true;
                }
            }
            if let Some(below) = &entry.below {
                below.mark_seen(sink);
            }
        }
    }
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
                row: 0,
                seen: false,
            });
        }
        Ok(Self {
            root,
            sink: Sink {
                columns,
                writing,
                row: 0,
                fault: None,
            },
        })
    }

    /// Rows taken so far.
    pub(super) fn rows(&self) -> u64 {
        self.sink.row
    }

    /// Takes one row object. Errors: Source, where it is not JSON or no object; Contract, for a cell.
    #[inline]
    pub(super) fn take(&mut self, row: &[u8]) -> Result<()> {
        self.sink.row += 1;
        let number = self.sink.row;
        let malformed = |found: String| Fault::from(Error::Malformed { found }).at(format!("row {number}"));
        let text =
            std::str::from_utf8(row).map_err(|error| malformed(format!("bytes that are not UTF-8 ({error})")))?;
        let mut deserializer = Deserializer::from_str(text);
        let result = deserializer
            .deserialize_map(Object {
                node: &mut self.root,
                sink: &mut self.sink,
            })
            .and_then(|()| deserializer.end());
        if let Err(error) = result {
            return Err(self.sink.fault.take().unwrap_or_else(|| malformed(error.to_string())));
        }
        for filled in &mut self.sink.columns {
            if filled.row != number {
                filled.column.push_null(number)?;
            }
        }
        Ok(())
    }

    /// The arrays of the rows since the last call.
    pub(super) fn finish(&mut self) -> Vec<arrow::array::ArrayRef> {
        self.sink
            .columns
            .iter_mut()
            .map(|filled| filled.column.finish())
            .collect()
    }

    /// Errors: Contract, for a column that no row had. A page without rows says nothing.
    pub(super) fn check_columns(&self) -> Result<()> {
        let missing = self.sink.columns.iter().find(|filled| !filled.seen);
        match missing {
            Some(filled) if self.sink.row > 0 => {
                let keys: Vec<&str> = self.root.order.iter().map(|(key, _)| &**key).collect();
                Err(Error::MissingColumn {
                    column: filled.column.name.clone(),
                    source_name: filled.source_name.clone(),
                    found: format!("in the last row the keys {}", crate::error::shortened(&keys.join(", "))),
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}

impl Sink {
    #[inline]
    fn put(&mut self, columns: &[usize], raw: &str) -> std::result::Result<(), ()> {
        for at in columns {
            let Some(filled) = self.columns.get_mut(*at) else {
                continue;
            };
            if filled.row == self.row {
                let found = format!("the key `{}` stands twice in one row", filled.source_name);
                self.fault = Some(Fault::from(Error::Malformed { found }).at(format!("row {}", self.row)));
                return Err(());
            }
            filled.row = self.row;
            filled.seen = true;
            if let Err(fault) = filled.column.push_json(raw, self.row, self.writing) {
                self.fault = Some(fault);
                return Err(());
            }
        }
        Ok(())
    }
}

/// Visits one object of the row: the row itself or one on the way to a column.
struct Object<'a> {
    node: &'a mut Node,
    sink: &'a mut Sink,
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Null on the way to a column: the column is null in this row, not missing from the page.
    fn visit_unit<E: serde::de::Error>(self) -> std::result::Result<(), E> {
        self.node.mark_seen(self.sink);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let Self { node, sink } = self;
        let mut position = 0;
        while let Some(found) = map.next_key_seed(Key { node, position })? {
            position += 1;
            let Some(entry) = found.and_then(|at| node.entries.get_mut(at)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            match &mut entry.below {
                None => {
                    let raw: &RawValue = map.next_value()?;
                    sink.put(&entry.columns, raw.get())
                        .map_err(|()| A::Error::custom("see the fault"))?;
                }
                Some(below) if entry.columns.is_empty() => map.next_value_seed(Object { node: below, sink })?,
                Some(below) => {
                    let raw: &RawValue = map.next_value()?;
                    sink.put(&entry.columns, raw.get())
                        .map_err(|()| A::Error::custom("see the fault"))?;
                    Deserializer::from_str(raw.get())
                        .deserialize_any(Object { node: below, sink })
                        .map_err(A::Error::custom)?;
                }
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
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
