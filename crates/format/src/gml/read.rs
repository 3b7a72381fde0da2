//! The record batch reader over one page, and its columns.

use std::{io::Read, sync::Arc};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use klimalade_model::{Fault, Result, SourceColumn};

use super::{
    GmlOptions, ID,
    feature::{Collection, Sink, missing},
};
use crate::{
    BATCH_BYTES,
    by_path::{Seen, Table},
    column::{Column, Writing},
    error::travelling,
    infer::LOOK_ROWS,
};

/// The columns of features.
struct Features {
    table: Table,
    stable_ids: bool,
}

impl Sink for Features {
    fn wants(&self, path: &str) -> bool {
        self.table.by_path.contains_key(path)
    }

    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        if path == ID
            && self.stable_ids
            && let Some(id) = text.filter(|id| super::is_passing(id))
        {
            return Err(super::passing_ids(id).at(format!("row {}", self.table.row)));
        }
        match text {
            Some(text) => self
                .table
                .each(path, |column, row| column.push_text(text, row, Writing::default())),
            None => self.table.each(path, Column::push_null),
        }
    }

    fn shape(&mut self, path: &str, wkb: &[u8]) -> Result<()> {
        self.table.each(path, |column, row| column.push_wkb(wkb, row))
    }

    fn place(&self, path: &str) -> String {
        format!("row {}, `{path}`", self.table.row)
    }
}

pub(super) struct Rows<'a> {
    collection: Collection<'a>,
    sink: Features,
    schema: SchemaRef,
    options: GmlOptions,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn open(input: Box<dyn Read + Send + 'a>, schema: &SchemaRef, options: &GmlOptions) -> Result<Self> {
        Ok(Self {
            sink: Features {
                table: Table::new(schema, true)?,
                stable_ids: options.stable_ids,
            },
            collection: Collection::open(input)?,
            schema: Arc::clone(schema),
            options: options.clone(),
            done: false,
        })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let begin = self.collection.pull.position();
        while rows < self.options.batch_rows.max(1) && self.collection.pull.position() - begin < BATCH_BYTES {
            if !self.collection.enter_feature()? {
                self.done = true;
                self.check_columns()?;
                break;
            }
            self.sink.table.row += 1;
            self.collection.read(&mut self.sink)?;
            self.sink.table.end_row()?;
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

    /// Errors: Contract, for a column that the server does not describe or, where nothing is described, that no feature
    /// had. A page without rows says nothing of the latter.
    fn check_columns(&self) -> Result<()> {
        let known = &self.options.known;
        let table = &self.sink.table;
        for (at, path) in table.source_names.iter().enumerate() {
            let first = path.split('.').next().unwrap_or(path);
            let is_known = known.iter().any(|name| name == first) && !path.contains('.');
            let column = &table.columns[at];
            if table.seen[at] || is_known || column.optional || table.row == 0 {
                continue;
            }
            let mut others: Vec<String> = known.clone();
            if others.is_empty() {
                others.push("features without it".to_owned());
            }
            return Err(missing(&column.name, path, &others));
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

impl Sink for Seen {
    fn wants(&self, _: &str) -> bool {
        true
    }

    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        let candidates = self.candidates(path)?;
        if let Some(text) = text {
            candidates.see_text(text, Writing::default());
        }
        Ok(())
    }

    fn shape(&mut self, path: &str, wkb: &[u8]) -> Result<()> {
        self.candidates(path)?.see_wkb(wkb);
        Ok(())
    }

    fn place(&self, path: &str) -> String {
        format!("row {}, `{path}`", self.row)
    }
}

pub(super) fn columns(input: Box<dyn Read + Send + '_>) -> Result<Vec<SourceColumn>> {
    let mut collection = Collection::open(input)?;
    let mut seen = Seen::new(true);
    while seen.row < LOOK_ROWS as u64 && collection.enter_feature()? {
        seen.row += 1;
        collection.read(&mut seen)?;
    }
    Ok(seen.columns())
}
