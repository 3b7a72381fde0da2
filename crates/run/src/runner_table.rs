use std::{collections::BTreeSet, fs::File, path::Path, sync::Arc};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    compute::{cast, filter_record_batch},
    datatypes::{Int32Type, Schema, SchemaRef},
};
use arrow_schema::Field;
use klimalade_engine::{Engine, PART_COLUMN, PartitionSpool, ScalarValue, Spooled};
use klimalade_lake::{Constant, PartitionWriter, StagedFile, WriterOptions};
use klimalade_model::{Fault, FieldType, Result, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    mapper::sort_keys,
    provenance::{COMMON, Provenances, constant, damaged},
};

/// Sorts spools of one file by the table's key and writes them with their common columns. Errors: Contract, when a
/// key stands twice.
pub(crate) async fn write_sorted(
    engine: &Engine,
    table: &Table,
    owner: &str,
    spools: Vec<Arc<Spooled>>,
    constants: &[(String, ScalarValue)],
    provenances: &Provenances,
    path: &Path,
) -> Result<StagedFile> {
    let schema = spools
        .first()
        .map(|spool| spool.schema().clone())
        .ok_or_else(|| Fault::bug("a file without rows"))?;
    let keys = sort_keys(table, &schema);
    let mut fixed: Vec<Constant> = Vec::new();
    let mut spread: Vec<(Field, ScalarValue)> = Vec::new();
    let mut fields = Vec::new();
    for column in &table.columns {
        let field = Field::new(&column.field.name, column.field.kind.arrow(), !column.required);
        if schema.index_of(&column.field.name).is_ok() {
            fields.push(field);
            continue;
        }
        let value = constants
            .iter()
            .find(|(name, _)| *name == column.field.name)
            .map(|(_, value)| value.clone());
        let value = value.ok_or_else(|| Fault::bug("a column without a source").found(column.field.name.clone()))?;
        match constant(field.clone(), &value) {
            Some(constant) => fixed.push(constant),
            None => spread.push((field, value)),
        }
    }
    fields.extend(spread.iter().map(|(field, _)| field.clone()));
    // Rows of one part have one provenance.
    let parts: BTreeSet<i32> = spools.iter().flat_map(|spool| spool.parts.iter().copied()).collect();
    let common = match parts.first() {
        // Tables of out carry none.
        _ if table.is_out() => Some(Vec::new()),
        Some(&part) if parts.len() == 1 => provenances.constants(part),
        _ => None,
    };
    let is_of_one_part = common.is_some();
    match common {
        Some(constants) => fixed.extend(constants),
        None => fields.extend(Provenances::fields()),
    }
    let incoming: SchemaRef = Arc::new(Schema::new(fields));
    let order: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.field.name.clone())
        .chain(COMMON.iter().filter(|_| !table.is_out()).map(|name| (*name).to_owned()))
        .collect();
    let mut options = WriterOptions::new(&table.name, owner);
    options.geometry = table
        .columns
        .iter()
        .filter(|column| column.field.kind == FieldType::Wkb)
        .map(|column| column.field.name.clone())
        .collect();
    let mut writer = PartitionWriter::create(path, incoming.clone(), fixed, &order, &table.sort_by, &options)?;
    let mut rows = engine.sorted(spools, &keys).await?;
    while let Some(batch) = rows.next().await? {
        let mut columns = Vec::with_capacity(incoming.fields().len());
        for field in incoming.fields() {
            if let Some(column) = batch.column_by_name(field.name()) {
                columns.push(column.clone());
            } else if let Some((_, value)) = spread.iter().find(|(known, _)| known.name() == field.name()) {
                columns.push(
                    value
                        .to_array_of_size(batch.num_rows())
                        .map_err(|error| Fault::bug(error.to_string()))?,
                );
            }
        }
        if !is_of_one_part {
            let numbers = batch
                .column_by_name(PART_COLUMN)
                .ok_or_else(|| Fault::bug("rows without a part"))?
                .as_primitive::<Int32Type>();
            columns.extend(provenances.columns(numbers)?);
        }
        let batch = RecordBatch::try_new(incoming.clone(), columns)
            .map_err(|source| Fault::bug("a file's columns do not fit").because(source))?;
        writer.write(&batch)?;
    }
    writer.finish()
}

/// The rows of a file that the runner wrote which `keep` lets stay, as a spool; their common columns get numbers of
/// their own. Blocking.
pub(crate) fn kept_rows(
    engine: &Engine,
    table: &Table,
    file: &Path,
    provenances: &mut Provenances,
    keep: impl Fn(&RecordBatch) -> Result<BooleanArray>,
) -> Result<Option<Arc<Spooled>>> {
    let unreadable = |error: String| {
        damaged("a published file cannot be read")
            .at(file.display().to_string())
            .found(error)
    };
    let opened = File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .and_then(|builder| builder.with_batch_size(8192).build())
        .map_err(|error| unreadable(error.to_string()))?;
    let schema = table.schema();
    let mut spool = PartitionSpool::create(engine, &nullable(&schema))?;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(error.to_string()))?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| {
                let column = batch
                    .column_by_name(field.name())
                    .ok_or_else(|| unreadable(format!("no column {}", field.name())))?;
                cast(column, field.data_type()).map_err(|error| unreadable(error.to_string()))
            })
            .collect::<Result<Vec<_>>>()?;
        let numbers = provenances.numbers_of(&batch)?;
        let rows = RecordBatch::try_new(nullable(&schema), columns).map_err(|error| unreadable(error.to_string()))?;
        let stays = keep(&rows)?;
        let mut start = 0;
        while start < rows.num_rows() {
            let mut end = start + 1;
            while end < rows.num_rows() && numbers[end] == numbers[start] {
                end += 1;
            }
            let taken = filter_record_batch(&rows.slice(start, end - start), &stays.slice(start, end - start))
                .map_err(|error| unreadable(error.to_string()))?;
            if taken.num_rows() > 0 {
                spool.append(&taken, numbers[start])?;
            }
            start = end;
        }
    }
    let spooled = spool.finish()?;
    Ok((spooled.rows > 0).then(|| Arc::new(spooled)))
}

/// The same columns, all nullable: what a spool carries.
pub(crate) fn nullable(schema: &SchemaRef) -> SchemaRef {
    Arc::new(Schema::new(
        schema
            .fields()
            .iter()
            .map(|field| Field::new(field.name(), field.data_type().clone(), true))
            .collect::<Vec<_>>(),
    ))
}
