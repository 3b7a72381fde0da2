use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{Array, AsArray},
    util::display::array_value_to_string,
};
use klimalade_connect::Connector;
use klimalade_engine::{Engine, ScalarValue, Spooled};
use klimalade_lake::Counts;
use klimalade_model::{Fault, FieldType, Page, Part, Result, Schemas};
use klimalade_pipeline::Owner;

use crate::mapper::Mapper;

/// Mapped rows as text, for `klimalade test` and the project's own tests.
#[derive(Clone, Debug, Default)]
pub struct MappedRows {
    /// Published rows: column to text; null is left out.
    pub rows: Vec<BTreeMap<String, String>>,
    /// Controls, with what_code.
    pub controls: Vec<BTreeMap<String, String>>,
    /// Rows by fate.
    pub counts: Counts,
    /// Rejects in words.
    pub rejects: Vec<String>,
}

/// Decodes and maps the pages of a part as the night does, and gives the rows. Errors: as the night's.
pub async fn map_pages(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    owner: &Owner,
    connector: Arc<dyn Connector>,
    part: &Part,
    pages: Vec<Page>,
) -> Result<MappedRows> {
    let rows = Mapper::new(engine, schemas, owner)?
        .map(owner, connector, part, pages, 0)
        .await?;
    let mut mapped = MappedRows {
        counts: rows.counts.clone(),
        ..MappedRows::default()
    };
    for spool in rows.partitions.values() {
        collect(spool, &rows.constants, &mut mapped.rows)?;
    }
    if let Some(spool) = &rows.controls {
        collect(spool, &rows.constants, &mut mapped.controls)?;
    }
    mapped.rejects = rows
        .rejects
        .iter()
        .map(|reject| {
            format!(
                "{} {}: found {}, expected {}: {}",
                reject.reason_code, reject.column, reject.found, reject.expected, reject.row
            )
        })
        .collect();
    Ok(mapped)
}

fn collect(
    spool: &Spooled,
    constants: &[(String, ScalarValue)],
    rows: &mut Vec<BTreeMap<String, String>>,
) -> Result<()> {
    for batch in spool.read()? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let mut cells: BTreeMap<String, String> = constants
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| {
                    Ok((
                        name.clone(),
                        array_value_to_string(&value.to_array().map_err(|error| Fault::bug(error.to_string()))?, 0)
                            .unwrap_or_default(),
                    ))
                })
                .collect::<Result<_>>()?;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if field.name() != klimalade_engine::PART_COLUMN && !column.is_null(row) {
                    cells.insert(
                        field.name().clone(),
                        array_value_to_string(column, row).unwrap_or_default(),
                    );
                }
            }
            rows.push(cells);
        }
    }
    Ok(())
}

/// Rows of a view over tables given as CSV text with a header (columns left out are null). Errors: as the night's;
/// Settings, when a text does not fit its table.
pub async fn view_rows(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    owner: &Owner,
    inputs: &[(String, String)],
    scratch: &std::path::Path,
) -> Result<MappedRows> {
    let mut tables = Vec::new();
    for name in klimalade_engine::tables_read(&owner.sql)? {
        let table = schemas.table(&name.name)?;
        let mut files = Vec::new();
        for (_, text) in inputs.iter().filter(|(input, _)| *input == table.name) {
            let is_partitioned = !table.partition_by.is_empty();
            let by_owner = if is_partitioned {
                by_pipeline(text)?
            } else {
                [(String::new(), text.clone())].into()
            };
            for (pipeline, rows) in by_owner {
                let path = scratch.join(format!("{}-{}-{pipeline}.parquet", owner.name, table.name));
                csv_to_parquet(table, &rows, &path)?;
                let mut values = Vec::new();
                if is_partitioned {
                    values.push(("pipeline".to_owned(), pipeline));
                    // Years and months of the path are those of the rows; a test's rows are of one file.
                    let deeper = table.deeper_levels().iter();
                    values.extend(deeper.map(|level| (level.clone(), "0".to_owned())));
                }
                files.push(klimalade_engine::LakeFile {
                    path,
                    values,
                    keep: Arc::new(()),
                });
            }
        }
        tables.push(klimalade_engine::LakeTable::of_files(table, table.schema(), files));
    }
    let mapping = engine.view(&owner.sql, &tables).await?;
    let rows = Mapper::new(engine, schemas, owner)?.map_view(mapping, 0).await?;
    let mut mapped = MappedRows {
        counts: rows.counts.clone(),
        ..MappedRows::default()
    };
    for spool in rows.partitions.values() {
        collect(spool, &rows.constants, &mut mapped.rows)?;
    }
    mapped.rejects = rows
        .rejects
        .iter()
        .map(|reject| {
            format!(
                "{} {}: found {}, expected {}",
                reject.reason_code, reject.column, reject.found, reject.expected
            )
        })
        .collect();
    Ok(mapped)
}

/// Rows of an input by their column `pipeline`, which stands in the path of a real file; without one they are of
/// `test_input`.
fn by_pipeline(text: &str) -> Result<BTreeMap<String, String>> {
    let wrong = |error: String| Fault::settings("a test's input cannot be read").found(error);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let at = header.iter().position(|name| name == "pipeline");
    let without = |row: &csv::StringRecord| -> csv::StringRecord {
        row.iter()
            .enumerate()
            .filter(|(column, _)| Some(*column) != at)
            .map(|(_, cell)| cell)
            .collect()
    };
    let mut writers: BTreeMap<String, csv::Writer<Vec<u8>>> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let pipeline = at.and_then(|at| row.get(at)).unwrap_or("test_input").to_owned();
        if !writers.contains_key(&pipeline) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer
                .write_record(&without(&header))
                .map_err(|error| wrong(error.to_string()))?;
            writers.insert(pipeline.clone(), writer);
        }
        if let Some(writer) = writers.get_mut(&pipeline) {
            writer
                .write_record(&without(&row))
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    writers
        .into_iter()
        .map(|(pipeline, writer)| {
            let bytes = writer.into_inner().map_err(|error| wrong(error.to_string()))?;
            Ok((pipeline, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

fn csv_to_parquet(table: &klimalade_model::Table, text: &str, path: &std::path::Path) -> Result<()> {
    let place = format!("input-{}.csv", table.name);
    let wrong = |error: String| {
        Fault::settings("a test's input does not fit its table")
            .at(place.clone())
            .found(error)
    };
    let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
    let fields = header
        .iter()
        .map(|name| {
            let column = table.column(name).ok_or_else(|| wrong(format!("no column {name}")))?;
            let kind = match column.field.kind {
                // Geometry stands there as WKT.
                FieldType::Wkb => arrow_schema::DataType::Utf8,
                kind => kind.arrow(),
            };
            Ok(arrow_schema::Field::new(*name, kind, true))
        })
        .collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    let reader = arrow::csv::ReaderBuilder::new(schema)
        .with_header(true)
        .build(text.as_bytes())
        .map_err(|error| wrong(error.to_string()))?;
    let whole = crate::runner_table::nullable(&table.schema());
    let file = std::fs::File::create(path).map_err(|error| wrong(error.to_string()))?;
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file, whole.clone(), None).map_err(|error| wrong(error.to_string()))?;
    for batch in reader {
        let batch = batch.map_err(|error| wrong(error.to_string()))?;
        let columns = whole
            .fields()
            .iter()
            .map(|field| match batch.column_by_name(field.name()) {
                Some(column) if *field.data_type() == arrow_schema::DataType::Binary => {
                    let cells = column.as_string::<i32>().iter();
                    let geometry = cells.map(|cell| cell.map(klimalade_engine::wkt_to_wkb).transpose());
                    let geometry = geometry.collect::<Result<arrow::array::BinaryArray>>()?;
                    Ok(Arc::new(geometry) as arrow::array::ArrayRef)
                }
                Some(column) => Ok(column.clone()),
                None => Ok(arrow::array::new_null_array(field.data_type(), batch.num_rows())),
            })
            .collect::<Result<_>>()?;
        let batch =
            arrow::array::RecordBatch::try_new(whole.clone(), columns).map_err(|error| wrong(error.to_string()))?;
        writer.write(&batch).map_err(|error| wrong(error.to_string()))?;
    }
    writer.close().map_err(|error| wrong(error.to_string()))?;
    Ok(())
}
