use std::{
    fs::File,
    io::{BufReader, BufWriter},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int32Array, RecordBatch},
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::{reader::StreamReader, writer::StreamWriter},
    row::{OwnedRow, RowConverter, SortField},
    util::display::array_value_to_string,
};
use datafusion::{
    catalog::streaming::StreamingTable, execution::SendableRecordBatchStream, logical_expr::SortExpr, prelude::col,
};
use futures::StreamExt;
use klimalade_model::{Fault, Kind, Result};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    error::{arrow_fault, disk_fault, sql_fault},
    raw::Once,
    session::Engine,
};

/// Column of a spool that says which part a row came from: the runner's number of the part.
pub const PART_COLUMN: &str = "__part";

/// The published rows of one partition, on scratch disk in the order they came.
pub struct PartitionSpool {
    schema: SchemaRef,
    file: NamedTempFile,
    writer: StreamWriter<BufWriter<File>>,
    rows: u64,
}

impl std::fmt::Debug for PartitionSpool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionSpool")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl PartitionSpool {
    /// An empty spool for rows of these columns. Errors: Transient, when scratch is full.
    pub fn create(engine: &Engine, varying: &SchemaRef) -> Result<Self> {
        let mut fields: Vec<Field> = varying.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.push(Field::new(PART_COLUMN, DataType::Int32, false));
        let schema = Arc::new(Schema::new(fields));
        let file = NamedTempFile::new_in(&engine.scratch).map_err(disk_fault)?;
        let sink = BufWriter::with_capacity(64 << 10, file.reopen().map_err(disk_fault)?);
        let writer = StreamWriter::try_new(sink, &schema).map_err(arrow_fault)?;
        Ok(Self {
            schema,
            file,
            writer,
            rows: 0,
        })
    }
    /// Adds the rows of a part.
    pub fn append(&mut self, batch: &RecordBatch, part: i32) -> Result<()> {
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Int32Array::from_value(part, batch.num_rows())) as ArrayRef);
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow_fault)?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(&batch).map_err(arrow_fault)
    }
    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
    /// Columns, [`PART_COLUMN`] last.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    /// Ends it: no file stays open until it is read.
    pub fn finish(mut self) -> Result<Spooled> {
        self.writer.finish().map_err(arrow_fault)?;
        drop(self.writer);
        Ok(Spooled {
            schema: self.schema,
            path: self.file.into_temp_path(),
            rows: self.rows,
        })
    }
}

/// A finished spool; its file goes with it.
#[derive(Debug)]
pub struct Spooled {
    schema: SchemaRef,
    path: TempPath,
    /// Rows in it.
    pub rows: u64,
}

impl Spooled {
    /// Columns, [`PART_COLUMN`] last.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    /// Its batches, in the order they came.
    pub fn read(&self) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let file = File::open(&self.path).map_err(disk_fault)?;
        let reader = StreamReader::try_new(BufReader::with_capacity(256 << 10, file), None).map_err(arrow_fault)?;
        Ok(reader.map(|batch| batch.map_err(arrow_fault)))
    }
}

/// Rows of one partition in the order of the table's unique key, checked for uniqueness on the way.
pub struct SortedRows {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    keys: Vec<usize>,
    converter: RowConverter,
    last: Option<OwnedRow>,
}

impl std::fmt::Debug for SortedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SortedRows")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Sorts spools of one partition by `keys` (those that are constant are left out by the caller), spilling where
    /// memory ends.
    pub async fn sorted(&self, spools: Vec<Arc<Spooled>>, keys: &[String]) -> Result<SortedRows> {
        let schema = spools
            .first()
            .map(|spool| spool.schema.clone())
            .ok_or_else(|| Fault::bug("a partition without spools"))?;
        let session = self.session([])?;
        let (sender, once) = Once::channel(schema.clone());
        let table = StreamingTable::try_new(schema.clone(), vec![once])
            .map_err(|error| sql_fault("a spool is no table", Kind::Bug, error))?;
        tokio::task::spawn_blocking(move || {
            for spool in spools {
                let batches = match spool.read() {
                    Ok(batches) => batches,
                    Err(fault) => {
                        sender.send(Err(fault));
                        return;
                    }
                };
                for batch in batches {
                    if !sender.send(batch) {
                        return;
                    }
                }
            }
        });
        let order: Vec<SortExpr> = keys
            .iter()
            .map(|key| col(format!("\"{key}\"")).sort(true, false))
            .collect();
        let wrong = |error| sql_fault("a partition cannot be sorted", Kind::Bug, error);
        let mut frame = session.read_table(Arc::new(table)).map_err(wrong)?;
        if !order.is_empty() {
            frame = frame.sort(order).map_err(wrong)?;
        }
        let stream = frame.execute_stream().await.map_err(wrong)?;
        let keys = keys
            .iter()
            .map(|key| schema.index_of(key))
            .collect::<Result<Vec<_>, _>>()
            .map_err(arrow_fault)?;
        let fields = keys
            .iter()
            .map(|&at| SortField::new(schema.field(at).data_type().clone()))
            .collect();
        let converter = RowConverter::new(fields).map_err(arrow_fault)?;
        Ok(SortedRows {
            schema,
            stream,
            keys,
            converter,
            last: None,
        })
    }
}

impl SortedRows {
    /// Columns, [`PART_COLUMN`] last.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    /// The next batch. Errors: Contract, when a key stands twice.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.stream.next().await else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| sql_fault("a partition cannot be sorted", Kind::Bug, error))?;
        if batch.num_rows() == 0 {
            return Ok(Some(batch));
        }
        if self.keys.is_empty() {
            return self.only_one(batch).map(Some);
        }
        let columns: Vec<ArrayRef> = self.keys.iter().map(|&at| batch.column(at).clone()).collect();
        let rows = self.converter.convert_columns(&columns).map_err(arrow_fault)?;
        let mut twice = self
            .last
            .as_ref()
            .is_some_and(|last| last.row() == rows.row(0))
            .then_some(0);
        for at in 1..rows.num_rows() {
            if rows.row(at) == rows.row(at - 1) {
                twice = twice.or(Some(at));
                break;
            }
        }
        if let Some(at) = twice {
            let key: Vec<String> = self
                .keys
                .iter()
                .map(|&column| {
                    let value = array_value_to_string(batch.column(column), at).unwrap_or_default();
                    format!("{}={value}", self.schema.field(column).name())
                })
                .collect();
            return Err(Fault::contract("two rows have one key")
                .expected("each key once within the table")
                .found(key.join(", "))
                .hint("let map.sql keep the column that tells them apart, or pick one of the two by a declared rule"));
        }
        self.last = Some(rows.row(rows.num_rows() - 1).owned());
        Ok(Some(batch))
    }
    fn only_one(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let first = self.last.is_none();
        let empty = RowConverter::new(vec![SortField::new(DataType::Int32)]).map_err(arrow_fault)?;
        let rows = empty
            .convert_columns(&[Arc::new(Int32Array::from(vec![0])) as ArrayRef])
            .map_err(arrow_fault)?;
        self.last = Some(rows.row(0).owned());
        if !first || batch.num_rows() > 1 {
            return Err(Fault::contract("two rows have one key")
                .expected("key columns that differ")
                .found("constants only"));
        }
        Ok(batch)
    }
}
