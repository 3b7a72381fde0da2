use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::SchemaDescriptor,
};

use crate::{
    constant::Constant,
    geo::{GeoColumn, metadata, with_geometry},
    hash::Hashing,
    store::disk_fault,
};

/// Who wrote the file, in the form that parquet-java reads: without "version" it mistrusts the statistics of text
/// columns. Fixed, so that the same rows give the same bytes under every release of ours.
const CREATED_BY: &str = "klimalade version 1.0.0";

/// Limits and metadata of a file.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Table of the common schema, for the file's metadata.
    pub table: String,
    /// Owner, for the file's metadata.
    pub owner: String,
    /// Rows of a row group at most.
    pub row_group_rows: usize,
    /// Encoded bytes of a row group at most: what the writer holds in memory.
    pub row_group_bytes: usize,
    /// Columns of WKB in EPSG:25832: they get the logical type GEOMETRY and are described in the key `geo`, the first as
    /// the primary one.
    pub geometry: Vec<String>,
}

impl WriterOptions {
    /// The house's limits: row groups of 1 Mi rows or 16 MB. Four million rows of seven columns, three of them
    /// constant, held 8.9 MB at most while they were written (2026-11-23).
    pub fn new(table: impl Into<String>, owner: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            owner: owner.into(),
            row_group_rows: 1 << 20,
            row_group_bytes: 16 << 20,
            geometry: Vec::new(),
        }
    }
}

/// A finished file on local disk.
#[derive(Clone, Debug)]
pub struct StagedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Of its bytes.
    pub sha256: String,
}

/// Writes one partition: zstd, page index, statistics of all columns, `sorting_columns`, plain types. Blocking.
///
/// The rows must come in the order of `sort_columns`: the file says so and readers lean on it. The same rows in the
/// same batches give the same bytes. A batch is not divided: it stands whole in one row group.
pub struct PartitionWriter {
    path: PathBuf,
    writer: SerializedFileWriter<BufWriter<Hashing<File>>>,
    factory: ArrowRowGroupWriterFactory,
    group: Option<Group>,
    most_rows: usize,
    most_bytes: usize,
    level: ZstdLevel,
    sources: Vec<Source>,
    constants: Vec<Constant>,
    leaves: SchemaDescriptor,
    schema: SchemaRef,
    incoming: SchemaRef,
    geometry: Vec<GeoColumn>,
    rows: u64,
}

/// The row group that is being filled.
struct Group {
    /// One writer a column of the file; those of constants stay empty.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl Group {
    fn memory_bytes(&self) -> usize {
        self.columns.iter().map(ArrowColumnWriter::memory_size).sum()
    }
}

impl std::fmt::Debug for PartitionWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartitionWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Where a column of the file comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    Batch(usize),
    Constant(usize),
}

impl PartitionWriter {
    /// Makes the file. `schema`: the columns that come in batches, dictionary typed where it suits; `order`: every
    /// column of the file, batch columns and constants, in the file's order. Errors: Bug, when the two do not fit
    /// together; else the disk's.
    pub fn create(
        path: &Path,
        schema: SchemaRef,
        constants: Vec<Constant>,
        order: &[String],
        sort_columns: &[String],
        options: &WriterOptions,
    ) -> Result<Self> {
        let wrong = |what: &str, found: &str| Fault::bug(what).at(path.display().to_string()).found(found.to_owned());
        if order.len() != schema.fields().len() + constants.len() {
            return Err(wrong(
                "the order of a file's columns is not that of its columns",
                &order.join(", "),
            ));
        }
        let mut sources = Vec::with_capacity(order.len());
        let mut fields = Vec::with_capacity(order.len());
        for (at, name) in order.iter().enumerate() {
            if order[..at].contains(name) {
                return Err(wrong("a column stands twice in the order of a file", name));
            }
            let batch = schema.index_of(name).ok();
            let constant = constants.iter().position(|constant| constant.field.name() == name);
            match (batch, constant) {
                (Some(index), None) => {
                    let field = schema.field(index);
                    fields.push(Field::new(name, plain(field.data_type()).clone(), field.is_nullable()));
                    sources.push(Source::Batch(index));
                }
                (None, Some(index)) => {
                    let constant = &constants[index];
                    constant.check().map_err(|what| wrong(what, name))?;
                    fields.push(Field::new(
                        name,
                        constant.field.data_type().clone(),
                        constant.field.is_nullable(),
                    ));
                    sources.push(Source::Constant(index));
                }
                _ => {
                    return Err(wrong(
                        "a column of a file is neither in the batches nor constant, or both",
                        name,
                    ));
                }
            }
        }
        let file_schema = Arc::new(Schema::new(fields));
        let sorting = sort_columns
            .iter()
            .map(|name| {
                let index = order.iter().position(|column| column == name);
                let column_idx = index.and_then(|index| i32::try_from(index).ok());
                let column_idx = column_idx.ok_or_else(|| wrong("a sort column is no column of the file", name))?;
                Ok(SortingColumn {
                    column_idx,
                    descending: false,
                    nulls_first: false,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let parquet_fault = |source: ParquetError| parquet_fault(path, source);
        let level = ZstdLevel::try_new(3).map_err(parquet_fault)?;
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
            .set_key_value_metadata(Some(vec![
                KeyValue::new("klimalade.table".to_owned(), options.table.clone()),
                KeyValue::new("klimalade.pipeline".to_owned(), options.owner.clone()),
            ]))
            .build();
        let descriptor = with_geometry(
            ArrowSchemaConverter::new()
                .convert(&file_schema)
                .map_err(parquet_fault)?,
            &options.geometry,
        )
        .map_err(parquet_fault)?;
        let file =
            File::create(path).map_err(|source| disk_fault("a partition cannot be written", path.display(), source))?;
        let sink = BufWriter::with_capacity(256 << 10, Hashing::new(file));
        // Without Arrow's own schema in the metadata a reader sees what Parquet says, and that is plain types.
        let writer = SerializedFileWriter::new(sink, descriptor.root_schema_ptr(), Arc::new(properties))
            .map_err(parquet_fault)?;
        Ok(Self {
            path: path.to_owned(),
            factory: ArrowRowGroupWriterFactory::new(&writer, file_schema.clone()),
            writer,
            group: None,
            most_rows: options.row_group_rows,
            most_bytes: options.row_group_bytes,
            level,
            sources,
            constants,
            leaves: descriptor,
            schema: file_schema,
            incoming: schema,
            geometry: options.geometry.iter().map(|name| GeoColumn::new(name)).collect(),
            rows: 0,
        })
    }

    /// The columns of the file, in its order and with its types.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Appends rows. Errors: Bug, when the batch has other columns than were announced, or a null where the file has
    /// none; else the disk's.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let place = self.path.display().to_string();
        let wrong = |what: &str, found: String| Fault::bug(what).at(place.clone()).found(found);
        if batch.num_columns() != self.incoming.fields().len() {
            return Err(wrong(
                "a batch has not the columns that were announced",
                format!("{:?}", batch.schema()),
            ));
        }
        let rows = batch.num_rows();
        let full = |group: &Group| {
            group.rows > 0 && (group.rows + rows > self.most_rows || group.memory_bytes() >= self.most_bytes)
        };
        if self.group.as_ref().is_some_and(full) {
            self.end_group().map_err(|source| parquet_fault(&self.path, source))?;
        }
        if self.group.is_none() {
            let columns = self
                .factory
                .create_column_writers(self.writer.flushed_row_groups().len())
                .map_err(|source| parquet_fault(&self.path, source))?;
            self.group = Some(Group { columns, rows: 0 });
        }
        let Some(group) = &mut self.group else { return Ok(()) };
        for ((source, field), writer) in self.sources.iter().zip(self.schema.fields()).zip(&mut group.columns) {
            let Source::Batch(index) = *source else { continue };
            let (announced, found) = (self.incoming.field(index), batch.schema_ref().field(index));
            if announced.name() != found.name() || plain(found.data_type()) != field.data_type() {
                return Err(wrong(
                    "a batch has not the columns that were announced",
                    format!("{found:?}"),
                ));
            }
            let column = batch.column(index);
            if !field.is_nullable() && column.logical_null_count() > 0 {
                return Err(wrong("a null in a column that has none", field.name().clone()));
            }
            let typed = Field::new(field.name(), column.data_type().clone(), field.is_nullable());
            compute_leaves(&typed, column)
                .and_then(|leaves| leaves.iter().try_for_each(|leaf| writer.write(leaf)))
                .map_err(|source| parquet_fault(&self.path, source))?;
        }
        group.rows += rows;
        self.rows += rows as u64;
        self.geometry.iter_mut().try_for_each(|column| column.see(batch))
    }

    fn end_group(&mut self) -> Result<(), ParquetError> {
        let Some(group) = self.group.take().filter(|group| group.rows > 0) else {
            return Ok(());
        };
        let mut writer = self.writer.next_row_group()?;
        for (at, (source, column)) in self.sources.iter().zip(group.columns).enumerate() {
            match *source {
                Source::Batch(_) => column.close()?.append_to_row_group(&mut writer)?,
                Source::Constant(index) => {
                    let (bytes, close) =
                        self.constants[index].chunk(&self.leaves.column(at), group.rows as u64, self.level)?;
                    writer.append_column(&bytes, close)?;
                }
            }
        }
        writer.close().map(|_| ())
    }

    /// Bytes that the writer holds in memory now.
    pub fn memory_bytes(&self) -> usize {
        self.group.as_ref().map_or(0, Group::memory_bytes)
    }

    /// Closes and syncs the file. A file without rows is whole too, and has its columns.
    pub fn finish(mut self) -> Result<StagedFile> {
        self.end_group().map_err(|source| parquet_fault(&self.path, source))?;
        if !self.geometry.is_empty() {
            let geo = KeyValue::new("geo".to_owned(), metadata(&self.geometry)?);
            self.writer.append_key_value_metadata(geo);
        }
        let Self { path, writer, rows, .. } = self;
        let fault = |source| disk_fault("a partition cannot be written", path.display(), source);
        let mut sink = writer.into_inner().map_err(|source| parquet_fault(&path, source))?;
        sink.flush().map_err(fault)?;
        let (file, sha256, bytes) = sink.into_inner().map_err(|error| fault(error.into_error()))?.finish();
        file.sync_all().map_err(fault)?;
        Ok(StagedFile {
            path,
            rows,
            bytes,
            sha256,
        })
    }
}

fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => value,
        other => other,
    }
}

fn parquet_fault(path: &Path, source: ParquetError) -> Fault {
    // A full disk comes wrapped.
    if let ParquetError::External(inner) = source {
        return match inner.downcast::<std::io::Error>() {
            Ok(error) => disk_fault("a partition cannot be written", path.display(), *error),
            Err(inner) => Fault::bug("a partition cannot be written")
                .at(path.display().to_string())
                .because(inner),
        };
    }
    Fault::bug("a partition cannot be written")
        .at(path.display().to_string())
        .because(source)
}
