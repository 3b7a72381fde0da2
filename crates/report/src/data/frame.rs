//! A Parquet table in memory, read by row number and column name: texts (also dates and moments, as ISO), numbers, flags.

use std::{collections::BTreeMap, fs::File, path::Path};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array},
    compute::{cast, concat_batches, take_record_batch},
    datatypes::DataType,
};
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

enum Cells {
    Text(StringArray),
    Number(Float64Array),
    Flag(BooleanArray),
}

/// One table, or the files of one table put together.
#[derive(Default)]
pub(crate) struct Frame {
    columns: BTreeMap<String, Cells>,
    batch: Option<RecordBatch>,
    rows: usize,
}

fn unreadable(place: &str, why: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::source("a table of the lake cannot be read")
        .at(place)
        .hint("klimalade verify says whether the lake is whole")
        .because(why)
}

fn cells(array: &ArrayRef, place: &str) -> Result<Option<Cells>> {
    use DataType::{
        Binary, BinaryView, Boolean, Date32, Dictionary, LargeBinary, LargeUtf8, Timestamp, Utf8, Utf8View,
    };
    let to = match array.data_type() {
        Boolean => DataType::Boolean,
        Utf8 | LargeUtf8 | Utf8View | Dictionary(..) | Date32 | Timestamp(..) => Utf8,
        kind if kind.is_numeric() => DataType::Float64,
        // Geometry: the pages draw none of it.
        Binary | BinaryView | LargeBinary => return Ok(None),
        _ => return Ok(None),
    };
    let array = cast(array, &to).map_err(|why| unreadable(place, why))?;
    let any = array.as_any();
    Ok(match to {
        DataType::Boolean => any.downcast_ref().cloned().map(Cells::Flag),
        Utf8 => any.downcast_ref().cloned().map(Cells::Text),
        _ => any.downcast_ref().cloned().map(Cells::Number),
    })
}

fn batches(path: &Path, place: &str, wanted: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
    let file = File::open(path).map_err(|why| unreadable(place, why))?;
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|why| unreadable(place, why))?;
    if let Some(wanted) = wanted {
        let mask = ProjectionMask::columns(reader.parquet_schema(), wanted.iter().copied());
        reader = reader.with_projection(mask);
    }
    let reader = reader.build().map_err(|why| unreadable(place, why))?;
    reader
        .collect::<std::result::Result<_, _>>()
        .map_err(|why| unreadable(place, why))
}

/// The rows of a batch whose column has one of these values.
fn rows_with(batch: &RecordBatch, (column, values): (&str, &[&str]), place: &str) -> Result<RecordBatch> {
    let cells = batch
        .column_by_name(column)
        .map(|array| cells(array, place))
        .transpose()?;
    let Some(Some(Cells::Text(texts))) = cells else {
        return Err(Fault::bug("rows are chosen by a column that is not read as text").at(column));
    };
    let is_wanted = |at: &u32| texts.is_valid(*at as usize) && values.contains(&texts.value(*at as usize));
    let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    let rows: UInt32Array = (0..count).filter(is_wanted).collect();
    take_record_batch(batch, &rows).map_err(|why| unreadable(place, why))
}

/// Columns of a file, and of these the rows that are asked for; `None` where it is gone since it was listed.
async fn wanted_batches(
    lake: &Lake,
    key: &str,
    wanted: &[&str],
    only: Option<(&str, &[&str])>,
    spool: &Path,
) -> Result<Option<Vec<RecordBatch>>> {
    let Some(file) = lake.local_copy(key, spool).await? else {
        return Ok(None);
    };
    let mut all = Vec::new();
    for batch in batches(file.path(), key, Some(wanted))? {
        let places = wanted.iter().map(|name| batch.schema().index_of(name));
        // A file that has not been rewritten since a column was added lacks it; to leave it out would take figures away.
        let places = places.collect::<std::result::Result<Vec<_>, _>>().map_err(|why| {
            let fault = Fault::source("a file of the lake lacks a column of its table").at(key);
            fault.hint("klimalade replay writes it anew").because(why)
        })?;
        let batch = batch.project(&places).map_err(|why| unreadable(key, why))?;
        all.push(match only {
            Some(only) => rows_with(&batch, only, key)?,
            None => batch,
        });
    }
    Ok(Some(all))
}

impl Frame {
    /// Reads one file of the lake. Errors: Settings where it is not there, Source where it is not whole.
    pub(crate) async fn file(lake: &Lake, key: &str, spool: &Path) -> Result<Self> {
        let Some(file) = lake.local_copy(key, spool).await? else {
            return Err(Fault::settings("the lake has no table that the report is made of")
                .at(key)
                .hint("klimalade run makes the tables of out/ at the end of a night"));
        };
        Self::of(batches(file.path(), key, None)?, key)
    }

    /// The files of a core table, in the order of their keys.
    pub(crate) async fn files(lake: &Lake, table: &str) -> Result<Vec<String>> {
        let listed = lake.list(&format!("core/{table}")).await?;
        let keys = listed.into_iter().map(|listed| listed.key);
        let mut keys: Vec<String> = keys.filter(|key| key.ends_with(".parquet")).collect();
        keys.sort();
        Ok(keys)
    }

    /// Columns of one file of a core table; `None` where it is gone since it was listed.
    pub(crate) async fn of_file(lake: &Lake, key: &str, wanted: &[&str], spool: &Path) -> Result<Option<Self>> {
        let batches = wanted_batches(lake, key, wanted, None, spool).await?;
        batches.map(|batches| Self::of(batches, key)).transpose()
    }

    /// Columns of all files of a core table, in the order of their keys; an empty frame where it has none.
    pub(crate) async fn table(lake: &Lake, table: &str, wanted: &[&str], spool: &Path) -> Result<Self> {
        Self::read(lake, table, wanted, None, spool).await
    }

    /// Of a core table the rows whose column has one of these values: the others are let go file by file.
    pub(crate) async fn chosen(
        lake: &Lake,
        table: &str,
        wanted: &[&str],
        only: (&str, &[&str]),
        spool: &Path,
    ) -> Result<Self> {
        Self::read(lake, table, wanted, Some(only), spool).await
    }

    async fn read(
        lake: &Lake,
        table: &str,
        wanted: &[&str],
        only: Option<(&str, &[&str])>,
        spool: &Path,
    ) -> Result<Self> {
        let mut all = Vec::new();
        for key in Self::files(lake, table).await? {
            all.extend(
                wanted_batches(lake, &key, wanted, only, spool)
                    .await?
                    .unwrap_or_default(),
            );
        }
        Self::of(all, table)
    }

    fn of(batches: Vec<RecordBatch>, place: &str) -> Result<Self> {
        // Constant columns are dictionaries in one file and plain in another: columns are put together as texts and numbers.
        let Some(first) = batches.first() else {
            return Ok(Self::default());
        };
        let mut columns = BTreeMap::new();
        for (at, field) in first.schema().fields().iter().enumerate() {
            let parts: Vec<Cells> = batches
                .iter()
                .map(|batch| cells(batch.column(at), place))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .flatten()
                .collect();
            if let Some(whole) = joined(&parts, place)? {
                columns.insert(field.name().clone(), whole);
            }
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let batch = concat_batches(&first.schema(), &batches).ok();
        Ok(Self { columns, batch, rows })
    }

    /// Row numbers, first to last.
    pub(crate) fn rows(&self) -> std::ops::Range<usize> {
        0..self.rows
    }

    /// The rows of these numbers, as the file has them.
    pub(crate) fn part(&self, rows: &[usize]) -> Result<Option<RecordBatch>> {
        let Some(batch) = &self.batch else { return Ok(None) };
        let rows: UInt32Array = rows.iter().filter_map(|row| u32::try_from(*row).ok()).collect();
        take_record_batch(batch, &rows)
            .map(Some)
            .map_err(|why| Fault::bug("rows of a table cannot be taken").because(why))
    }

    /// All rows, as the file has them.
    pub(crate) fn whole(&self) -> Option<&RecordBatch> {
        self.batch.as_ref()
    }

    /// A text, a date or a moment; empty where it is null or no such column is there.
    pub(crate) fn text(&self, row: usize, column: &str) -> &str {
        self.maybe_text(row, column).unwrap_or_default()
    }

    /// A text, a date or a moment.
    pub(crate) fn maybe_text(&self, row: usize, column: &str) -> Option<&str> {
        match self.columns.get(column) {
            Some(Cells::Text(cells)) if cells.is_valid(row) => Some(cells.value(row)),
            _ => None,
        }
    }

    /// A number; `None` where it is null.
    pub(crate) fn number(&self, row: usize, column: &str) -> Option<f64> {
        match self.columns.get(column) {
            Some(Cells::Number(cells)) if cells.is_valid(row) => Some(cells.value(row)),
            _ => None,
        }
    }

    /// A count, 0 where it is null.
    pub(crate) fn count(&self, row: usize, column: &str) -> u64 {
        self.number(row, column).map_or(0, |value| value as u64)
    }

    /// A year.
    pub(crate) fn year(&self, row: usize, column: &str) -> i16 {
        self.number(row, column).map_or(0, |value| value as i16)
    }

    /// Yes or no; `None` where it is null.
    pub(crate) fn flag(&self, row: usize, column: &str) -> Option<bool> {
        match self.columns.get(column) {
            Some(Cells::Flag(cells)) if cells.is_valid(row) => Some(cells.value(row)),
            _ => None,
        }
    }
}

fn joined(parts: &[Cells], place: &str) -> Result<Option<Cells>> {
    let arrays: Vec<&dyn Array> = parts
        .iter()
        .map(|part| match part {
            Cells::Text(cells) => cells as &dyn Array,
            Cells::Number(cells) => cells as &dyn Array,
            Cells::Flag(cells) => cells as &dyn Array,
        })
        .collect();
    if arrays.is_empty() {
        return Ok(None);
    }
    let whole = arrow::compute::concat(&arrays).map_err(|why| unreadable(place, why))?;
    cells(&whole, place)
}
