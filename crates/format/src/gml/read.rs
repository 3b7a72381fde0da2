//! The record batch reader over one page, and its columns.

use std::{collections::HashMap, io::Read, sync::Arc};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use klimalade_model::{Fault, Result, SourceColumn};

use super::{
    GmlOptions, ID,
    feature::{Collection, Sink, missing},
};
use crate::{
    BATCH_BYTES,
    column::{Column, Writing, source_name},
    error::{shortened, travelling},
    infer::{Candidates, LOOK_ROWS},
};

/// Columns of one page at most.
const MOST_COLUMNS: usize = 2_000;

struct Table {
    columns: Vec<Column>,
    source_names: Vec<String>,
    /// Columns by their path; a path that only leads to one has none.
    by_path: HashMap<String, Vec<usize>>,
    /// The row in which a column got its last value.
    filled: Vec<u64>,
    /// A feature had the element, were it empty.
    seen: Vec<bool>,
    row: u64,
    stable_ids: bool,
}

impl Table {
    fn new(schema: &SchemaRef, stable_ids: bool) -> Result<Self> {
        let (mut columns, mut source_names) = (Vec::new(), Vec::new());
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, field) in schema.fields().iter().enumerate() {
            columns.push(Column::new(field, true)?);
            let path = source_name(field);
            source_names.push(path.to_owned());
            for (end, _) in path.match_indices('.') {
                by_path.entry(path[..end].to_owned()).or_default();
            }
            by_path.entry(path.to_owned()).or_default().push(at);
        }
        Ok(Self {
            filled: vec![0; columns.len()],
            seen: vec![false; columns.len()],
            columns,
            source_names,
            by_path,
            row: 0,
            stable_ids,
        })
    }

    fn each(&mut self, path: &str, put: impl Fn(&mut Column, u64) -> Result<()>) -> Result<()> {
        let row = self.row;
        for at in self.by_path.get(path).into_iter().flatten() {
            if std::mem::replace(&mut self.filled[*at], row) == row {
                return Err(Fault::contract("an element stands more than once in a feature")
                    .at(format!("row {row}"))
                    .expected(format!("one {path}"))
                    .hint("remove the column: of several values none is the feature's own"));
            }
            self.seen[*at] = true;
            put(&mut self.columns[*at], row)?;
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        for (column, filled) in self.columns.iter_mut().zip(&self.filled) {
            if *filled != self.row {
                column.push_null(self.row)?;
            }
        }
        Ok(())
    }
}

impl Sink for Table {
    fn wants(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        if path == ID
            && self.stable_ids
            && let Some(id) = text.filter(|id| id.contains("fid-"))
        {
            return Err(Fault::contract("the features have no ids that last")
                .at(format!("row {}", self.row))
                .found(shortened(id))
                .hint("identify rows by other columns: GeoServer makes fid- ids anew for every request"));
        }
        match text {
            Some(text) => self.each(path, |column, row| column.push_text(text, row, Writing::default())),
            None => self.each(path, Column::push_null),
        }
    }

    fn shape(&mut self, path: &str, wkb: &[u8]) -> Result<()> {
        self.each(path, |column, row| column.push_wkb(wkb, row))
    }

    fn place(&self, path: &str) -> String {
        format!("row {}, `{path}`", self.row)
    }
}

pub(super) struct Rows<'a> {
    collection: Collection<'a>,
    table: Table,
    schema: SchemaRef,
    options: GmlOptions,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn open(input: Box<dyn Read + Send + 'a>, schema: &SchemaRef, options: &GmlOptions) -> Result<Self> {
        Ok(Self {
            table: Table::new(schema, options.stable_ids)?,
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
            self.table.row += 1;
            self.collection.read(&mut self.table)?;
            self.table.end_row()?;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.table.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map(Some)
            .map_err(|error| Fault::bug("a batch that does not fit its own schema").because(error))
    }

    /// Errors: Contract, for a column that the server does not describe or, where nothing is described, that no feature
    /// had. A page without rows says nothing of the latter.
    fn check_columns(&self) -> Result<()> {
        let known = &self.options.known;
        for (at, path) in self.table.source_names.iter().enumerate() {
            let first = path.split('.').next().unwrap_or(path);
            let is_known = known.iter().any(|name| name == first) && !path.contains('.');
            let name = &self.table.columns[at].name;
            if self.table.seen[at] || is_known || self.table.row == 0 {
                continue;
            }
            let mut others: Vec<String> = known.clone();
            if others.is_empty() {
                others.push("features without it".to_owned());
            }
            return Err(missing(name, path, &others));
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

#[derive(Default)]
struct Seen {
    order: Vec<String>,
    by_path: HashMap<String, Candidates>,
    row: u64,
}

impl Seen {
    fn candidates(&mut self, path: &str) -> Result<&mut Candidates> {
        if !self.by_path.contains_key(path) {
            if self.order.len() == MOST_COLUMNS {
                return Err(Fault::contract("the features have no end of elements")
                    .expected(format!("at most {MOST_COLUMNS} names")));
            }
            self.order.push(path.to_owned());
            self.by_path.insert(path.to_owned(), Candidates::new(path, true)?);
        }
        self.by_path
            .get_mut(path)
            .ok_or_else(|| Fault::bug("a column that was just added is gone"))
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
    let mut seen = Seen::default();
    while seen.row < LOOK_ROWS as u64 && collection.enter_feature()? {
        seen.row += 1;
        collection.read(&mut seen)?;
    }
    let Seen { order, mut by_path, .. } = seen;
    Ok(order
        .iter()
        .filter_map(|path| by_path.remove(path))
        .map(Candidates::column)
        .collect())
}
