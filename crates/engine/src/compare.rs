use std::{fs::File, path::Path};

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    compute::cast,
    datatypes::DataType,
    row::{OwnedRow, RowConverter, SortField},
    util::display::array_value_to_string,
};
use klimalade_model::{Fault, Result, Table, sha256_hex};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};

use crate::error::arrow_fault;

/// One changed or vanished cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `indicator_code=...|area_code=...`.
    pub row_key: String,
    /// Column; `*` for a row that vanished from a table without a value column.
    pub column: String,
    /// Before; `None` is null.
    pub old: Option<String>,
    /// After; `None` is null or gone.
    pub new: Option<String>,
    /// The new row's snapshot_sha256, where the comparison was asked for it; a vanished row has none.
    pub snapshot: Option<String>,
}

/// What a new file does to an old one.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Rows only in the new file.
    pub added: u64,
    /// Rows only in the old file.
    pub vanished: u64,
    /// Rows in both with another content.
    pub changed: u64,
    /// The old file lacks a column of the table, or has one more: readers of both would meet two schemas.
    pub columns_differ: bool,
}

impl Comparison {
    /// True when the two say the same.
    pub fn is_equal(&self) -> bool {
        self.added + self.vanished + self.changed == 0 && !self.columns_differ
    }
}

/// Compares two files of a table in one ordered walk over both; the common columns are not looked at. Every changed or
/// vanished cell goes to `sink`, in the order of the key; with `snapshots` each says which snapshot its new row is of.
/// Blocking. Errors: Contract, when a file cannot be read; Bug, when one is not in the order of the table's key.
pub fn compare_files(
    table: &Table,
    old: &Path,
    new: &Path,
    snapshots: bool,
    sink: &mut dyn FnMut(Change) -> Result<()>,
) -> Result<Comparison> {
    let mut left = Walk::open(table, old, false)?;
    let mut right = Walk::open(table, new, snapshots)?;
    let mut comparison = Comparison {
        columns_differ: left.columns != right.columns,
        ..Comparison::default()
    };
    loop {
        let order = match (left.key(), right.key()) {
            (None, None) => return Ok(comparison),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        match order {
            std::cmp::Ordering::Less => {
                comparison.vanished += 1;
                sink(left.vanished(table))?;
                left.step()?;
            }
            std::cmp::Ordering::Greater => {
                comparison.added += 1;
                right.step()?;
            }
            std::cmp::Ordering::Equal => {
                let mut changed = false;
                for column in table
                    .columns
                    .iter()
                    .filter(|column| !table.unique_key.contains(&column.field.name))
                {
                    let (old, new) = (left.cell(&column.field.name), right.cell(&column.field.name));
                    if old != new {
                        changed = true;
                        sink(Change {
                            row_key: left.key_text(table),
                            column: column.field.name.clone(),
                            old,
                            new,
                            snapshot: right.cell(SNAPSHOT),
                        })?;
                    }
                }
                comparison.changed += u64::from(changed);
                left.step()?;
                right.step()?;
            }
        }
    }
}

/// The column that says which snapshot a row came from.
const SNAPSHOT: &str = "snapshot_sha256";

/// A file that the lake wrote and that is no longer what it wrote: no agency's fault.
fn damaged(what: &str, place: &str) -> Fault {
    Fault::contract(what).at(place.to_owned()).hint("klimalade verify")
}

/// A file read row by row in the order of its key.
struct Walk {
    reader: ParquetRecordBatchReader,
    converter: RowConverter,
    keys: Vec<String>,
    columns: Vec<String>,
    batch: Option<RecordBatch>,
    rows: Vec<OwnedRow>,
    at: usize,
    place: String,
}

impl Walk {
    fn open(table: &Table, path: &Path, snapshots: bool) -> Result<Self> {
        let place = path.display().to_string();
        let unreadable = |error: String| damaged("a published file cannot be read", &place).found(error);
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(error.to_string()))?;
        let columns = builder
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let names = table
            .columns
            .iter()
            .map(|column| column.field.name.as_str())
            .chain(snapshots.then_some(SNAPSHOT));
        let mask = ProjectionMask::columns(builder.parquet_schema(), names);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(4096)
            .build()
            .map_err(|error| unreadable(error.to_string()))?;
        let fields = table
            .unique_key
            .iter()
            .filter_map(|key| table.column(key))
            .map(|column| SortField::new(column.field.kind.arrow()))
            .collect();
        let converter = RowConverter::new(fields).map_err(arrow_fault)?;
        let mut walk = Self {
            reader,
            converter,
            keys: table.unique_key.clone(),
            columns,
            batch: None,
            rows: Vec::new(),
            at: 0,
            place,
        };
        walk.load()?;
        Ok(walk)
    }
    fn load(&mut self) -> Result<()> {
        self.at = 0;
        self.rows.clear();
        self.batch = self
            .reader
            .next()
            .transpose()
            .map_err(|error| damaged("a published file cannot be read", &self.place).found(error.to_string()))?;
        let Some(batch) = &self.batch else { return Ok(()) };
        let mut columns: Vec<ArrayRef> = Vec::new();
        for key in &self.keys {
            let column = batch.column_by_name(key).ok_or_else(|| {
                Fault::contract("a published file lacks a key column")
                    .at(self.place.clone())
                    .expected(key.clone())
                    .hint("klimalade retire <pipeline>, then run it: the table has another key than before")
            })?;
            columns.push(plain(column)?);
        }
        self.rows = self
            .converter
            .convert_columns(&columns)
            .map_err(arrow_fault)?
            .iter()
            .map(|row| row.owned())
            .collect();
        Ok(())
    }
    fn key(&self) -> Option<&OwnedRow> {
        self.rows.get(self.at)
    }
    fn step(&mut self) -> Result<()> {
        let last = self.rows.get(self.at).cloned();
        self.at += 1;
        if self.at >= self.rows.len() && self.batch.is_some() {
            self.load()?;
        }
        if let (Some(last), Some(next)) = (last, self.key())
            && *next <= last
        {
            return Err(Fault::bug("a published file is not in the order of its key").at(self.place.clone()));
        }
        Ok(())
    }
    /// The row as gone.
    fn vanished(&self, table: &Table) -> Change {
        let column = if table.column("value").is_some() { "value" } else { "*" };
        Change {
            row_key: self.key_text(table),
            column: column.to_owned(),
            old: match column {
                "*" => Some("present".to_owned()),
                value => self.cell(value),
            },
            new: None,
            snapshot: None,
        }
    }
    fn cell(&self, column: &str) -> Option<String> {
        let column = self.batch.as_ref()?.column_by_name(column)?;
        if column.is_null(self.at) {
            return None;
        }
        if matches!(column.data_type(), DataType::Binary | DataType::LargeBinary) {
            use arrow::array::AsArray;
            return column
                .as_binary_opt::<i32>()
                .map(|bytes| format!("sha256:{}", sha256_hex(bytes.value(self.at))));
        }
        array_value_to_string(column, self.at).ok()
    }
    fn key_text(&self, table: &Table) -> String {
        let cells = table
            .unique_key
            .iter()
            .map(|key| format!("{key}={}", self.cell(key).unwrap_or_default()));
        cells.collect::<Vec<_>>().join("|")
    }
}

/// A file may give text in another of Arrow's encodings and instants in another resolution.
fn plain(column: &ArrayRef) -> Result<ArrayRef> {
    let wanted = match column.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..) => DataType::Utf8,
        DataType::Timestamp(..) => klimalade_model::FieldType::TimestampUtc.arrow(),
        _ => return Ok(column.clone()),
    };
    cast(column, &wanted).map_err(arrow_fault)
}
