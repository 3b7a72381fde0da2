//! Columns that are found by a path within a row: of GML and of XML.

use std::collections::HashMap;

use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result, SourceColumn};

use crate::{
    column::{Column, source_name},
    infer::Candidates,
};

/// Columns of one page at most.
const MOST_COLUMNS: usize = 2_000;

/// The declared columns of one batch, filled by their paths.
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    /// Paths of the columns, in order.
    pub(crate) source_names: Vec<String>,
    /// Columns by their path; a path that only leads to one has none.
    pub(crate) by_path: HashMap<String, Vec<usize>>,
    /// The row in which a column got its last value.
    filled: Vec<u64>,
    /// A row had the element, were it empty.
    pub(crate) seen: Vec<bool>,
    pub(crate) row: u64,
}

impl Table {
    pub(crate) fn new(schema: &SchemaRef, geometry: bool) -> Result<Self> {
        let (mut columns, mut source_names) = (Vec::new(), Vec::new());
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, field) in schema.fields().iter().enumerate() {
            columns.push(Column::new(field, geometry)?);
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
        })
    }

    /// Puts a value into every column of that path. Errors: Contract, for a second one of the same row.
    pub(crate) fn each(&mut self, path: &str, put: impl Fn(&mut Column, u64) -> Result<()>) -> Result<()> {
        let row = self.row;
        for at in self.by_path.get(path).into_iter().flatten() {
            if std::mem::replace(&mut self.filled[*at], row) == row {
                return Err(Fault::contract("an element stands more than once in a row")
                    .at(format!("row {row}"))
                    .expected(format!("one {path}"))
                    .hint("remove the column: of several values none is the row's own"));
            }
            self.seen[*at] = true;
            put(&mut self.columns[*at], row)?;
        }
        Ok(())
    }

    /// What the row did not have is null.
    pub(crate) fn end_row(&mut self) -> Result<()> {
        for (column, filled) in self.columns.iter_mut().zip(&self.filled) {
            if *filled != self.row {
                column.push_null(self.row)?;
            }
        }
        Ok(())
    }
}

/// Every path of the rows that were looked at, with what it could be declared as.
#[derive(Default)]
pub(crate) struct Seen {
    order: Vec<String>,
    by_path: HashMap<String, Candidates>,
    pub(crate) row: u64,
    geometry: bool,
}

impl Seen {
    /// `geometry`: the form has some.
    pub(crate) fn new(geometry: bool) -> Self {
        Self {
            geometry,
            ..Self::default()
        }
    }

    /// Errors: Contract, for more paths than any page has.
    pub(crate) fn candidates(&mut self, path: &str) -> Result<&mut Candidates> {
        if !self.by_path.contains_key(path) {
            if self.order.len() == MOST_COLUMNS {
                return Err(Fault::contract("the rows have no end of elements")
                    .expected(format!("at most {MOST_COLUMNS} names")));
            }
            self.order.push(path.to_owned());
            self.by_path
                .insert(path.to_owned(), Candidates::new(path, self.geometry)?);
        }
        self.by_path
            .get_mut(path)
            .ok_or_else(|| Fault::bug("a column that was just added is gone"))
    }

    /// In the order of their first appearance.
    pub(crate) fn columns(self) -> Vec<SourceColumn> {
        let Self { order, mut by_path, .. } = self;
        order
            .iter()
            .filter_map(|path| by_path.remove(path))
            .map(Candidates::column)
            .collect()
    }
}
