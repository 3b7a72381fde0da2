use std::{
    cmp::Ordering,
    collections::BTreeSet,
    fs::File,
    io::{BufReader, BufWriter},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int32Array, RecordBatch},
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::{reader::StreamReader, writer::StreamWriter},
    util::display::array_value_to_string,
};
use datafusion::{
    catalog::streaming::StreamingTable,
    execution::SendableRecordBatchStream,
    logical_expr::SortExpr,
    physical_plan::streaming::PartitionStream,
    prelude::{SessionContext, col},
};
use futures::StreamExt;
use klimalade_model::{Fault, Kind, Result};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    error::{arrow_fault, disk_fault, sql_fault},
    order::{Key, KeyOrder, compare},
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
    parts: BTreeSet<i32>,
    /// While all rows came in the order of the key.
    order: Option<KeyOrder>,
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
            parts: BTreeSet::new(),
            order: None,
        })
    }
    /// Watches whether the rows come in the order of these columns, each key once: then [`Engine::sorted`] by the same
    /// columns has nothing to sort. Agencies asked for a sort order mostly give the table's.
    pub fn watching(mut self, keys: &[String]) -> Result<Self> {
        self.order = Some(KeyOrder::new(&self.schema, keys)?);
        Ok(self)
    }
    /// Adds the rows of a part.
    pub fn append(&mut self, batch: &RecordBatch, part: i32) -> Result<()> {
        if let Some(order) = &mut self.order
            && order.follow(batch)?.is_some()
        {
            self.order = None;
        }
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(Int32Array::from_value(part, batch.num_rows())) as ArrayRef);
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow_fault)?;
        self.rows += batch.num_rows() as u64;
        self.parts.insert(part);
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
            parts: self.parts,
            in_order: self.order.and_then(InOrder::of),
        })
    }
}

/// Rows that stand in the strict order of a key.
#[derive(Debug)]
struct InOrder {
    columns: Vec<usize>,
    first: Key,
    last: Key,
}

impl InOrder {
    fn of(order: KeyOrder) -> Option<Self> {
        let columns = order.columns().to_vec();
        let (first, last) = order.into_bounds()?;
        Some(Self { columns, first, last })
    }
}

/// A finished spool; its file goes with it.
#[derive(Debug)]
pub struct Spooled {
    schema: SchemaRef,
    path: TempPath,
    /// Rows in it.
    pub rows: u64,
    /// The parts that they came from.
    pub parts: BTreeSet<i32>,
    in_order: Option<InOrder>,
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

/// Spools in an order in which their rows, one spool after the other, stand in the strict order of the key; `None`
/// where they do not.
fn in_order(spools: &[Arc<Spooled>], keys: &[usize]) -> Result<Option<Vec<Arc<Spooled>>>> {
    let mut known: Vec<(&InOrder, &Arc<Spooled>)> = Vec::with_capacity(spools.len());
    for spool in spools.iter().filter(|spool| spool.rows > 0) {
        let Some(order) = spool.in_order.as_ref().filter(|order| order.columns == keys) else {
            return Ok(None);
        };
        let mut at = 0;
        while at < known.len() && compare(&known[at].0.first, 0, &order.first, 0)?.is_le() {
            at += 1;
        }
        known.insert(at, (order, spool));
    }
    for pair in known.windows(2) {
        if compare(&pair[0].0.last, 0, &pair[1].0.first, 0)?.is_ge() {
            return Ok(None);
        }
    }
    Ok(Some(known.into_iter().map(|(_, spool)| spool.clone()).collect()))
}

/// Rows of one partition in the order of the table's unique key, checked for uniqueness on the way.
pub struct SortedRows {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
    /// `None` where the spools are known to be in order already.
    order: Option<KeyOrder>,
}

impl std::fmt::Debug for SortedRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SortedRows")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Rows of the spools of one partition by `keys` (those that are constant are left out by the caller). Spools that
    /// are in order already are read one after the other, others are sorted, spilling where memory ends.
    pub async fn sorted(&self, spools: Vec<Arc<Spooled>>, keys: &[String]) -> Result<SortedRows> {
        let schema = spools
            .first()
            .map(|spool| spool.schema.clone())
            .ok_or_else(|| Fault::bug("a partition without spools"))?;
        let order = KeyOrder::new(&schema, keys)?;
        let session = self.session([])?;
        if let Some(spools) = in_order(&spools, order.columns())? {
            return Ok(SortedRows {
                stream: reading(&schema, spools).execute(session.task_ctx()),
                schema,
                order: None,
            });
        }
        let stream = sort(&session, &schema, spools, keys).await?;
        Ok(SortedRows {
            schema,
            stream,
            order: Some(order),
        })
    }
}

/// A table of the spools' rows, in the order they came.
fn reading(schema: &SchemaRef, spools: Vec<Arc<Spooled>>) -> Arc<Once> {
    let (sender, once) = Once::channel(schema.clone());
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
    once
}

async fn sort(
    session: &SessionContext,
    schema: &SchemaRef,
    spools: Vec<Arc<Spooled>>,
    keys: &[String],
) -> Result<SendableRecordBatchStream> {
    let table = StreamingTable::try_new(schema.clone(), vec![reading(schema, spools)])
        .map_err(|error| sql_fault("a spool is no table", Kind::Bug, error))?;
    let order: Vec<SortExpr> = keys
        .iter()
        .map(|key| col(format!("\"{key}\"")).sort(true, false))
        .collect();
    let wrong = |error| sql_fault("a partition cannot be sorted", Kind::Bug, error);
    let mut frame = session.read_table(Arc::new(table)).map_err(wrong)?;
    if !order.is_empty() {
        frame = frame.sort(order).map_err(wrong)?;
    }
    frame.execute_stream().await.map_err(wrong)
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
        let Some(order) = &mut self.order else {
            return Ok(Some(batch));
        };
        match order.follow(&batch)? {
            None => Ok(Some(batch)),
            Some((row, Ordering::Equal)) => Err(twice(&batch, row, order.columns())),
            Some((row, _)) => Err(Fault::bug("sorted rows are not in order").found(format!("row {}", row + 1))),
        }
    }
}

fn twice(batch: &RecordBatch, row: usize, columns: &[usize]) -> Fault {
    let key: Vec<String> = columns
        .iter()
        .map(|&column| {
            let value = array_value_to_string(batch.column(column), row).unwrap_or_default();
            format!("{}={value}", batch.schema_ref().field(column).name())
        })
        .collect();
    let found = if key.is_empty() {
        "every column of the key is one value in all rows".to_owned()
    } else {
        key.join(", ")
    };
    Fault::contract("two rows have one key")
        .expected("each key once within the table")
        .found(found)
        .hint("let map.sql keep the column that tells them apart, or pick one of the two by a declared rule")
}
