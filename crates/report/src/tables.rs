//! Tables to download: the tables of `out`, and beside each chart the rows that it is drawn from. CSV and Parquet.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Float64Type},
    error::ArrowError,
};
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};

use crate::{data::Facts, site::Folder};

fn unwritten(path: &str, why: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::bug("a table of the report cannot be written")
        .at(path)
        .because(why)
}

/// What stands in the code lists, and what follows from the other figures: the files of a part leave it out.
const LEFT_OUT: [&str; 11] = [
    "indicator_name_da",
    "indicator_name_en",
    "concept_code",
    "is_preferred",
    "area_level",
    "area_name_da",
    "area_name_en",
    "value_per_km2",
    "base_year",
    "change_value",
    "change_ratio",
];

fn put_part(folder: &mut Folder, path: &str, batch: &RecordBatch, besides: &[&str]) -> Result<()> {
    let schema = batch.schema();
    let fields = schema.fields().iter().enumerate();
    let kept: Vec<usize> = fields
        .filter(|(_, field)| ![&LEFT_OUT[..], besides].concat().contains(&field.name().as_str()))
        .map(|(at, _)| at)
        .collect();
    let batch = batch.project(&kept).map_err(|why| unwritten(path, why))?;
    put(folder, path, &batch)
}

/// Numbers with twelve digits: the rest is what adding in binary leaves behind, 261240.74799999996. Parquet has the table's own.
fn legible(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let digits = |value: f64| format!("{value:.11e}").parse().unwrap_or(value);
    let columns = batch
        .columns()
        .iter()
        .map(|column| match column.as_primitive_opt::<Float64Type>() {
            Some(numbers) => Arc::new(numbers.unary::<_, Float64Type>(digits)) as ArrayRef,
            None => column.clone(),
        });
    RecordBatch::try_new(batch.schema(), columns.collect())
}

fn put(folder: &mut Folder, path: &str, batch: &RecordBatch) -> Result<()> {
    let mut csv = Vec::new();
    arrow::csv::Writer::new(&mut csv)
        .write(&legible(batch).map_err(|why| unwritten(path, why))?)
        .map_err(|why| unwritten(path, why))?;
    folder.put(&format!("data/{path}.csv"), &csv)?;
    let level = ZstdLevel::try_new(15).map_err(|why| unwritten(path, why))?;
    // Numbers that hardly repeat: their bytes side by side are smaller than a dictionary of them.
    let schema = batch.schema();
    let numbers = schema
        .fields()
        .iter()
        .filter(|field| field.data_type() == &DataType::Float64);
    // The version of the writer would be the only thing that differs between two builds of one commit's lock file.
    let mut properties = WriterProperties::builder()
        .set_created_by("klimalade".to_owned())
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_compression(Compression::ZSTD(level));
    for number in numbers {
        let column = ColumnPath::from(number.name().as_str());
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::BYTE_STREAM_SPLIT);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options).map_err(|why| unwritten(path, why))?;
    writer.write(batch).map_err(|why| unwritten(path, why))?;
    writer.close().map_err(|why| unwritten(path, why))?;
    folder.put(&format!("data/{path}.parquet"), &bytes)
}

/// Writes them all below data/.
pub(crate) fn write(facts: &Facts, folder: &mut Folder) -> Result<()> {
    let whole = [
        ("municipality_year", &facts.municipality_year),
        ("region_year", &facts.region_year),
        ("emission_trajectory", &facts.emission_trajectory),
        ("plan_status", &facts.plans),
        ("action_progress", &facts.progress),
        ("adaptation_year", &facts.adaptation),
    ];
    for (name, frame) in whole {
        if let Some(batch) = frame.whole() {
            put(folder, name, batch)?;
        }
    }
    let mut by_area: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for indicator in &facts.indicators {
        let all: Vec<usize> = indicator.rows.values().flatten().copied().collect();
        if let Some(batch) = facts.indicator_year.part(&all)? {
            put_part(folder, &format!("indicator/{}", indicator.code), &batch, &[])?;
        }
        for (area, rows) in &indicator.rows {
            by_area.entry(area).or_default().extend(rows);
        }
    }
    for (area, rows) in by_area {
        if let Some(batch) = facts.indicator_year.part(&rows)? {
            // Per inhabitant is what maps and rankings compare, which are drawn by indicator.
            put_part(folder, &format!("area/{area}"), &batch, &["value_per_person"])?;
        }
    }
    Ok(())
}
