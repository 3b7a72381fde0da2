//! The record batch reader over one page, and its columns.

use std::{collections::BTreeMap, io::Read, sync::Arc};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use klimalade_model::{Fault, Result, SourceColumn};

use super::{
    TEXT, XmlOptions,
    records::{Records, Sink, missing},
};
use crate::{
    by_path::{Seen, Table},
    column::Column,
    error::travelling,
    infer::LOOK_ROWS,
};

/// Bytes of text after which a batch ends, were it short of rows.
const BATCH_BYTES: usize = 64 << 20;

/// Paths around the records that are looked at.
const MOST_OUTER: usize = 100;

/// The values around the records and before them, by their path from the root.
#[derive(Default)]
struct Outer(BTreeMap<String, String>);

impl Outer {
    fn forget(&mut self, path: &str) {
        self.0
            .retain(|known, _| !known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
    }

    fn put(&mut self, path: &str, text: &str) -> Result<()> {
        match self.0.insert(path.to_owned(), text.to_owned()) {
            None => Ok(()),
            Some(_) => Err(Fault::contract("an element around the records stands more than once")
                .expected(format!("one /{path}"))
                .hint("remove the column: of several values none is the records' own")),
        }
    }
}

struct Declared {
    table: Table,
    options: Arc<XmlOptions>,
    outer: Outer,
    /// Paths of the first record, for the fault of a missing column.
    first: Vec<String>,
    bytes: usize,
}

impl Declared {
    fn put(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        let writing = self.options.writing();
        self.bytes += text.map_or(0, str::len);
        match text {
            Some(text) => self
                .table
                .each(path, |column, row| column.push_text(text, row, writing)),
            None => self.table.each(path, Column::push_null),
        }
    }

    /// The outer values stand in each row.
    fn end_row(&mut self) -> Result<()> {
        let options = Arc::clone(&self.options);
        for (path, text) in std::mem::take(&mut self.outer.0) {
            self.put(&format!("/{path}"), options.cell(&text))?;
            self.outer.0.insert(path, text);
        }
        self.table.end_row()
    }
}

impl Sink for Declared {
    fn wants(&self, path: &str) -> bool {
        self.table.row == 1 || self.table.by_path.contains_key(path)
    }

    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        if self.table.row == 1 && path != TEXT {
            self.first.push(path.to_owned());
        }
        let options = Arc::clone(&self.options);
        self.put(path, text.and_then(|text| options.cell(text)))
    }

    fn wants_outer(&self, path: &str) -> bool {
        self.table.by_path.contains_key(&format!("/{path}"))
    }

    fn outer(&mut self, path: &str, text: &str) -> Result<()> {
        self.outer.put(path, text)
    }

    fn forget(&mut self, path: &str) {
        self.outer.forget(path);
    }
}

pub(super) struct Rows<'a> {
    records: Records<'a>,
    sink: Declared,
    schema: SchemaRef,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn open(input: Box<dyn Read + Send + 'a>, schema: &SchemaRef, options: &XmlOptions) -> Result<Self> {
        Ok(Self {
            sink: Declared {
                table: Table::new(schema, false)?,
                options: Arc::new(options.clone()),
                outer: Outer::default(),
                first: Vec::new(),
                bytes: 0,
            },
            records: Records::open(input, &options.record)?,
            schema: Arc::clone(schema),
            done: false,
        })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        self.sink.bytes = 0;
        while rows < self.sink.options.batch_rows.max(1) && self.sink.bytes < BATCH_BYTES {
            if !self.records.enter(&mut self.sink)? {
                self.done = true;
                self.check_columns()?;
                break;
            }
            self.sink.table.row += 1;
            self.records.read(&mut self.sink)?;
            self.sink.end_row()?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.sink.table.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map(Some)
            .map_err(|error| Fault::bug("a batch that does not fit its own schema").because(error))
    }

    /// Errors: Contract, for a column that no record had. A page without rows says nothing of it.
    fn check_columns(&self) -> Result<()> {
        let table = &self.sink.table;
        let unseen = (0..table.seen.len()).find(|at| !table.seen[*at] && !table.columns[*at].optional);
        match unseen {
            Some(at) if table.row > 0 => Err(missing(
                &table.columns[at].name,
                &table.source_names[at],
                &self.sink.first,
            )),
            _ => Ok(()),
        }
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

struct Looked<'o> {
    seen: Seen,
    options: &'o XmlOptions,
    outer: Outer,
}

impl Sink for Looked<'_> {
    fn wants(&self, _: &str) -> bool {
        true
    }

    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        let cell = text.and_then(|text| self.options.cell(text));
        if path == TEXT && cell.is_none() {
            return Ok(());
        }
        let candidates = self.seen.candidates(path)?;
        if let Some(cell) = cell {
            candidates.see_text(cell, self.options.writing());
        }
        Ok(())
    }

    fn wants_outer(&self, path: &str) -> bool {
        self.outer.0.len() < MOST_OUTER && !path.ends_with("chemaLocation")
    }

    fn outer(&mut self, path: &str, text: &str) -> Result<()> {
        // Which of several is meant nobody has said yet.
        self.outer.0.insert(path.to_owned(), text.to_owned());
        Ok(())
    }

    fn forget(&mut self, path: &str) {
        self.outer.forget(path);
    }
}

pub(super) fn columns(input: Box<dyn Read + Send + '_>, options: &XmlOptions) -> Result<Vec<SourceColumn>> {
    let mut records = Records::open(input, &options.record)?;
    let mut looked = Looked {
        seen: Seen::new(false),
        options,
        outer: Outer::default(),
    };
    while looked.seen.row < LOOK_ROWS as u64 && records.enter(&mut looked)? {
        looked.seen.row += 1;
        records.read(&mut looked)?;
        for (path, text) in std::mem::take(&mut looked.outer.0) {
            looked.text(&format!("/{path}"), Some(&text))?;
            looked.outer.0.insert(path, text);
        }
    }
    Ok(looked.seen.columns())
}
