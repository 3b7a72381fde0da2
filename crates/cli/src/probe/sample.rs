//! A page before anybody declared its columns: names, types and cells.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::AsArray,
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};
use klimalade_connect::{Connector, FROM_KEY, Page, Part, SourceColumn, SourceType};
use klimalade_model::{Fault, Result};

use super::names::column_names;

/// Cells that are looked at.
const MOST_CELLS: usize = 1_500_000;

/// The rows of one page.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) columns: Vec<Seen>,
    pub(super) rows: usize,
    /// Whether the page has no more rows than were looked at.
    pub(super) is_whole: bool,
    /// Columns that cannot be declared, and why.
    pub(super) left_out: Vec<String>,
}

/// One column.
#[derive(Debug)]
pub(super) struct Seen {
    /// Proposed name.
    pub(super) name: String,
    /// Name at the source.
    pub(super) source: String,
    /// The type under which the whole page decodes.
    pub(super) kind: SourceType,
    /// Why it is not the one that the first rows have.
    pub(super) remark: Option<String>,
    /// One a row.
    pub(super) cells: Vec<Option<String>>,
}

impl Seen {
    /// Distinct cells in the order of their first appearance, at most so many; what is beyond is not told.
    pub(super) fn distinct(&self, most: usize) -> Vec<&str> {
        let mut seen = std::collections::HashSet::new();
        let cells = self.cells.iter().flatten().map(String::as_str);
        cells.filter(|cell| seen.insert(*cell)).take(most).collect()
    }

    /// Cells without a value.
    pub(super) fn empty(&self) -> usize {
        self.cells.iter().filter(|cell| cell.is_none()).count()
    }
}

/// Reads a page. Errors: as columns() and decode.
pub(super) fn read(connector: &dyn Connector, part: &Part, page: &Page) -> Result<Sample> {
    let mut left_out = Vec::new();
    let mut found: Vec<SourceColumn> = Vec::new();
    for column in connector.columns(part, page)? {
        if column.name.is_empty() {
            left_out.push("a column without a name: the header has a delimiter too many".to_owned());
        } else if found.iter().any(|known| known.name == column.name) {
            left_out.push(format!("`{}`: the name stands twice in the header", column.name));
        } else {
            found.push(column);
        }
    }
    let names = column_names(found.iter().map(|column| column.name.as_str()));
    let texts: Vec<(&str, SourceType)> = found
        .iter()
        .map(|column| (column.name.as_str(), SourceType::Text))
        .collect();
    let mut cells: Vec<Vec<Option<String>>> = vec![Vec::new(); found.len()];
    let (mut rows, mut is_whole) = (0, true);
    for batch in connector.decode(part, page, &schema(&texts))? {
        let batch = batch.map_err(fault_of)?;
        if rows * found.len() >= MOST_CELLS {
            is_whole = false;
            break;
        }
        rows += batch.num_rows();
        for (cells, column) in cells.iter_mut().zip(batch.columns()) {
            cells.extend(column.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)));
        }
    }
    let mut columns = Vec::new();
    for ((column, name), cells) in found.iter().zip(names).zip(cells) {
        let mut seen = Seen {
            name,
            source: column.name.clone(),
            kind: column.kind,
            remark: None,
            cells,
        };
        // The type is that of the first rows; what comes behind them may be another.
        if seen.kind != SourceType::Text
            && let Err(fault) = decodes(connector, part, page, &seen)
        {
            seen.remark = Some(format!("{} in the first rows, but {}", seen.kind, fault.line()));
            seen.kind = SourceType::Text;
        }
        columns.push(seen);
    }
    Ok(Sample {
        columns,
        rows,
        is_whole,
        left_out,
    })
}

/// Whether a page has rows that belong to its part: one may hold its neighbours' only. Errors: as [`read`].
pub(super) fn has_rows(connector: &dyn Connector, part: &Part, page: &Page) -> Result<bool> {
    let columns = connector.columns(part, page)?;
    let Some(first) = columns.iter().find(|column| column.filled > 0) else {
        return Ok(false);
    };
    for batch in connector.decode(part, page, &schema(&[(&first.name, SourceType::Text)]))? {
        if batch.map_err(fault_of)?.num_rows() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn decodes(connector: &dyn Connector, part: &Part, page: &Page, column: &Seen) -> Result<()> {
    for batch in connector.decode(part, page, &schema(&[(&column.source, column.kind)]))? {
        batch.map_err(fault_of)?;
    }
    Ok(())
}

fn schema(columns: &[(&str, SourceType)]) -> Arc<Schema> {
    let field = |(name, kind): &(&str, SourceType)| {
        let kind: DataType = kind.arrow();
        Field::new(*name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), (*name).to_owned())]))
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn fault_of(error: ArrowError) -> Fault {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(other) => Fault::bug("an error in the reader is no fault").because(other),
        },
        other => Fault::bug("an error in the reader is no fault").because(other),
    }
}
