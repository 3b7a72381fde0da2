//! Workbooks (XLSX, ODS): tables in sheets, found by layouts that say how an edition looks.
//!
//! Agencies move sheets, titles and headings from one edition to the next. A layout names what must be there to be
//! recognised; a workbook that fits none is a fault that shows what it has instead.

mod cell;
mod footnote;
mod layout;
mod parts;
mod span;
mod workbook;

use std::{io::Read, sync::Arc};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use klimalade_model::{Fault, Result, SourceColumn};

use crate::{
    column::{Column, Writing},
    csv::position,
    error::{shortened, travelling},
    infer::{Candidates, LOOK_ROWS},
};
use cell::Cell;
use layout::Table;

/// The name by which a column takes the name of its sheet: `from = "(sheet)"`.
pub const SHEET_COLUMN: &str = "(sheet)";

/// How a workbook is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetOptions {
    /// How its editions look; the first that fits is taken.
    pub layouts: Vec<Layout>,
    /// Numbers that were typed as text have a decimal comma. Cells that are numbers need no mark.
    pub decimal_comma: bool,
    /// Cells that are null, compared exactly, without white space around them. An empty cell always is.
    pub null_marks: Vec<String>,
    /// Marks of footnotes are taken off headings and text: `Aarhus 1)`, `Aarhus¹`.
    pub footnotes: bool,
    /// A workbook that is larger when unpacked is refused.
    pub most_bytes: u64,
    /// Rows of one record batch.
    pub batch_rows: usize,
}

impl Default for SheetOptions {
    fn default() -> Self {
        Self {
            layouts: Vec::new(),
            decimal_comma: false,
            null_marks: vec![String::new()],
            footnotes: false,
            most_bytes: 100_000_000,
            batch_rows: 8192,
        }
    }
}

/// How one edition looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Names of sheets. Without `*` a sheet of that name must be there and fit; with `*` every sheet that fits is
    /// read, and at least one must.
    pub sheets: Vec<String>,
    /// Rows of the header, from 1; the headings of several are joined by ` | `.
    pub header_rows: Vec<u32>,
    /// Headings that must be there.
    pub columns: Vec<String>,
    /// Headings of this edition, and the names by which columns know them.
    pub rename: Vec<(String, String)>,
    /// Rows after the header that are no data: units, column numbers.
    pub skip_rows: u32,
    /// A row whose first cell begins so ends the table; an empty text stands for an empty first cell. `None`: an empty
    /// first cell ends the table, and a row of nothing but its first cell behind a blank one does; more of the table
    /// behind its end is a fault.
    pub until: Option<Vec<String>>,
}

/// Rows in the declared columns, of all sheets that the layout names, in the workbook's order.
///
/// Errors, here: Source for what is no whole workbook or is larger than it may be; Contract for a workbook that fits no
/// layout (with the headings found in each sheet), for a missing or ambiguous column and for rows behind the end of a
/// table; Settings for a declared type that cells cannot fill. Errors, from the reader: Contract for a cell that cannot
/// be read as declared.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &SheetOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let mut tables = Vec::new();
    for table in tables_of(input, options)? {
        let mut positions = Vec::with_capacity(columns.fields().len());
        for field in columns.fields() {
            let place = |fault: Fault| fault.at(place(&table.sheet));
            positions.push(position(&table.names, field).map_err(place)?);
        }
        tables.push((table, positions));
    }
    let columns_filled = columns
        .fields()
        .iter()
        .map(|field| Column::new(field, false))
        .collect::<Result<Vec<_>>>()?;
    Ok(Box::new(Rows {
        tables,
        schema: Arc::clone(columns),
        columns: columns_filled,
        null_marks: options.null_marks.clone(),
        decimal_comma: options.decimal_comma,
        batch_rows: options.batch_rows.max(1),
        table: 0,
        row: 0,
        read: 0,
        failed: false,
    }))
}

/// Every heading that all read sheets have, and the name of the sheet, with what the first 1,000 rows could be declared
/// as. Errors: as [`reader`] for those rows, but for what a declaration breaks.
pub fn columns(input: Box<dyn Read + Send + '_>, options: &SheetOptions) -> Result<Vec<SourceColumn>> {
    let tables = tables_of(input, options)?;
    let Some(first) = tables.first() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for name in &first.names {
        let positions: Vec<usize> = tables
            .iter()
            .filter_map(|table| table.names.iter().position(|other| other == name))
            .collect();
        if positions.len() < tables.len() {
            continue;
        }
        let mut candidates = Candidates::new(name, false)?;
        let rows = tables.iter().zip(positions).flat_map(|(table, at)| {
            table
                .rows
                .iter()
                .map(move |row| row.cells.get(at).and_then(Option::as_ref))
        });
        for cell in rows.take(LOOK_ROWS).flatten() {
            if !is_null(cell, &options.null_marks) {
                candidates.see_text(cell.text(false), writing(cell, options.decimal_comma));
            }
        }
        found.push(candidates.column());
    }
    Ok(found)
}

/// What looks like a table of a sheet: for a first layout that somebody then corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTable {
    /// The sheet.
    pub sheet: String,
    /// Row of its headings, from 1.
    pub header_row: u32,
    /// Them, white space as single blanks.
    pub headings: Vec<String>,
    /// Rows behind them with more than one cell.
    pub rows: usize,
}

/// What looks like a table, of each sheet that has one, in order. Errors: Source, as [`reader`].
pub fn look(input: Box<dyn Read + Send + '_>, most_bytes: u64) -> Result<Vec<SeenTable>> {
    layout::seen(&mut workbook::open(input, most_bytes)?)
}

fn tables_of(input: Box<dyn Read + Send + '_>, options: &SheetOptions) -> Result<Vec<Table>> {
    let mut workbook = workbook::open(input, options.most_bytes)?;
    layout::tables(&mut workbook, options)
}

/// The name of a sheet in an error; a file may give it any length.
fn place(sheet: &str) -> String {
    format!("sheet `{}`", shortened(sheet))
}

fn is_null(cell: &Cell, null_marks: &[String]) -> bool {
    let text = cell.text(true);
    null_marks.iter().any(|mark| mark == text)
}

/// The mark of the settings is for text that somebody typed; a number has none.
fn writing(cell: &Cell, decimal_comma: bool) -> Writing {
    Writing {
        decimal_comma: decimal_comma && matches!(cell, Cell::Text(_)),
        ..Writing::default()
    }
}

struct Rows {
    /// Each with the position of every declared column; none where a sheet lacks one that it may lack.
    tables: Vec<(Table, Vec<Option<usize>>)>,
    schema: SchemaRef,
    columns: Vec<Column>,
    null_marks: Vec<String>,
    decimal_comma: bool,
    batch_rows: usize,
    /// The next table and the next row of it.
    table: usize,
    row: usize,
    /// Rows read so far.
    read: u64,
    failed: bool,
}

impl Rows {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        while rows < self.batch_rows {
            let Some((table, positions)) = self.tables.get(self.table) else {
                break;
            };
            let Some(row) = table.rows.get(self.row) else {
                self.table += 1;
                self.row = 0;
                continue;
            };
            self.row += 1;
            self.read += 1;
            rows += 1;
            for (column, at) in self.columns.iter_mut().zip(positions) {
                let cell = at.and_then(|at| row.cells.get(at)?.as_ref());
                let taken = match cell.filter(|cell| !is_null(cell, &self.null_marks)) {
                    None => column.push_null(self.read),
                    Some(cell) => {
                        let text = cell.text(column.is_text());
                        column.push_text(text, self.read, writing(cell, self.decimal_comma))
                    }
                };
                taken.map_err(|fault| fault.at(format!("{}, row {} of it", place(&table.sheet), row.number)))?;
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map(Some)
            .map_err(|error| Fault::bug("a batch that does not fit its own schema").because(error))
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch();
        self.failed = batch.is_err();
        batch.map_err(travelling).transpose()
    }
}

impl RecordBatchReader for Rows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

#[cfg(test)]
mod tests;
