use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::array::{
    ArrayRef, DictionaryArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::{ArrowSchemaConverter, ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, GeometryType, LogicalType, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::{SchemaDescriptor, Type},
};

use crate::{hash::Hashing, store::disk_fault};

/// Who wrote the file, in the form that parquet-java reads: without "version" it mistrusts the statistics of text
/// columns. Fixed, so that the same rows give the same bytes under every release of ours.
const CREATED_BY: &str = "klimalade version 1.0.0";

/// A column with one value in the whole file; never held as so many copies of it.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Name, type and nullability in the file.
    pub field: Field,
    /// The value; `None` is null in every row.
    pub value: Option<ConstantValue>,
}

/// The value of a [`Constant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstantValue {
    /// For a text field.
    Text(String),
    /// For an integer field of 16, 32 or 64 bits.
    Int(i64),
    /// Microseconds since 1970 in UTC, for a timestamp field.
    TimestampMicros(i64),
}

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
    /// Columns of WKB that get the logical type GEOMETRY, with their CRS (`EPSG:25832`).
    pub geometry: Vec<(String, String)>,
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
/// same batches give the same bytes.
pub struct PartitionWriter {
    path: PathBuf,
    writer: ArrowWriter<BufWriter<Hashing<File>>>,
    sources: Vec<Source>,
    constants: Vec<Constant>,
    schema: SchemaRef,
    incoming: SchemaRef,
    rows: u64,
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
                    check_constant(constant).map_err(|what| wrong(what, name))?;
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
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(parquet_fault)?))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(Some(options.row_group_rows))
            .set_max_row_group_bytes(Some(options.row_group_bytes))
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
        // Without Arrow's own schema in the metadata a reader sees what Parquet says, and that is plain types.
        let writer_options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true)
            .with_parquet_schema(descriptor);
        let file =
            File::create(path).map_err(|source| disk_fault("a partition cannot be written", path.display(), source))?;
        let sink = BufWriter::with_capacity(256 << 10, Hashing::new(file));
        let writer =
            ArrowWriter::try_new_with_options(sink, file_schema.clone(), writer_options).map_err(parquet_fault)?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            sources,
            constants,
            schema: file_schema,
            incoming: schema,
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
        let wrong = |what: &str, found: String| Fault::bug(what).at(self.path.display().to_string()).found(found);
        if batch.num_columns() != self.incoming.fields().len() {
            return Err(wrong(
                "a batch has not the columns that were announced",
                format!("{:?}", batch.schema()),
            ));
        }
        let rows = batch.num_rows();
        let columns = self
            .sources
            .iter()
            .zip(self.schema.fields())
            .map(|(source, field)| {
                let column = match *source {
                    Source::Constant(index) => constant_array(&self.constants[index], rows)
                        .ok_or_else(|| wrong("a constant does not fit its column", field.name().clone()))?,
                    Source::Batch(index) => {
                        let (announced, found) = (self.incoming.field(index), batch.schema_ref().field(index));
                        if announced.name() != found.name() || plain(found.data_type()) != field.data_type() {
                            return Err(wrong(
                                "a batch has not the columns that were announced",
                                format!("{found:?}"),
                            ));
                        }
                        batch.column(index).clone()
                    }
                };
                if !field.is_nullable() && column.logical_null_count() > 0 {
                    return Err(wrong("a null in a column that has none", field.name().clone()));
                }
                Ok(column)
            })
            .collect::<Result<Vec<_>>>()?;
        let fields: Vec<Field> = self
            .schema
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), field.is_nullable()))
            .collect();
        let whole = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|source| Fault::bug("a batch cannot be put together").because(source))?;
        self.writer
            .write(&whole)
            .map_err(|source| parquet_fault(&self.path, source))?;
        self.rows += rows as u64;
        Ok(())
    }

    /// Adds an entry to the file's metadata (GeoParquet's `geo`), before [`PartitionWriter::finish`].
    pub fn metadata(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.writer
            .append_key_value_metadata(KeyValue::new(key.into(), value.into()));
    }

    /// Bytes that the writer holds in memory now.
    pub fn memory_bytes(&self) -> usize {
        self.writer.memory_size()
    }

    /// Closes and syncs the file. A file without rows is whole too, and has its columns.
    pub fn finish(self) -> Result<StagedFile> {
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

fn check_constant(constant: &Constant) -> Result<(), &'static str> {
    if constant.value.is_none() && !constant.field.is_nullable() {
        return Err("a constant is null in a column that has no nulls");
    }
    constant_array(constant, 1)
        .map(|_| ())
        .ok_or("a constant does not fit its column")
}

fn constant_array(constant: &Constant, rows: usize) -> Option<ArrayRef> {
    let data_type = constant.field.data_type();
    let Some(value) = &constant.value else {
        return Some(new_null_array(data_type, rows));
    };
    Some(match (value, data_type) {
        (ConstantValue::Text(text), DataType::Utf8) => {
            let keys = Int32Array::from(vec![0; rows]);
            Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec![text.as_str()]))).ok()?)
        }
        (ConstantValue::Int(value), DataType::Int16) => {
            Arc::new(Int16Array::from(vec![i16::try_from(*value).ok()?; rows]))
        }
        (ConstantValue::Int(value), DataType::Int32) => {
            Arc::new(Int32Array::from(vec![i32::try_from(*value).ok()?; rows]))
        }
        (ConstantValue::Int(value), DataType::Int64) => Arc::new(Int64Array::from(vec![*value; rows])),
        (ConstantValue::TimestampMicros(value), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*value; rows]).with_timezone_opt(zone.clone()))
        }
        _ => return None,
    })
}

/// The same schema with GEOMETRY for the named columns: Parquet's own type, besides what GeoParquet says in `geo`.
fn with_geometry(
    descriptor: SchemaDescriptor,
    geometry: &[(String, String)],
) -> Result<SchemaDescriptor, ParquetError> {
    if geometry.is_empty() {
        return Ok(descriptor);
    }
    let root = descriptor.root_schema();
    let fields = root
        .get_fields()
        .iter()
        .map(|field| {
            let Some((_, crs)) = geometry.iter().find(|(name, _)| name == field.name()) else {
                return Ok(field.clone());
            };
            let typed = Type::primitive_type_builder(field.name(), field.get_physical_type())
                .with_repetition(field.get_basic_info().repetition())
                .with_logical_type(Some(LogicalType::Geometry(GeometryType { crs: Some(crs.clone()) })))
                .build()?;
            Ok(Arc::new(typed))
        })
        .collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(SchemaDescriptor::new(Arc::new(
        Type::group_type_builder(root.name()).with_fields(fields).build()?,
    )))
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
