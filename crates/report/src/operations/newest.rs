//! The newest period that a file of core has a figure of.

use std::{fs::File, path::Path};

use arrow::{
    array::{Array, AsArray},
    compute::cast,
    datatypes::{DataType, Date32Type},
};
use jiff::{ToSpan, civil::Date};
use klimalade_lake::{Lake, PartitionState};
use klimalade_model::{Fault, Result};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

/// Columns that say of which period a row is and whether it is a measured figure.
const COLUMNS: [&str; 3] = ["period_end", "scenario_code", "value"];

/// The day after the newest period of a file; by its partition where that is a month or a year. Errors: Source, where the file
/// is not whole; of the store.
pub(super) async fn newest_end(lake: &Lake, key: &str, state: &PartitionState, spool: &Path) -> Result<Option<Date>> {
    let number = |name: &str| state.values.get(name).and_then(|value| value.parse::<i16>().ok());
    if let Some(year) = number("year") {
        let month = number("month").and_then(|month| i8::try_from(month).ok());
        let (first, length) = match month {
            Some(month) => (Date::new(year, month, 1), 1.months()),
            None => (Date::new(year, 1, 1), 1.years()),
        };
        return Ok(first.ok().map(|first| first.saturating_add(length)));
    }
    let Some(file) = lake.local_copy(key, spool).await? else {
        return Ok(None);
    };
    in_file(file.path()).map_err(|why| {
        Fault::source("a table of the lake cannot be read")
            .at(key)
            .hint("klimalade verify says whether the lake is whole")
            .because(why)
    })
}

fn in_file(path: &Path) -> std::result::Result<Option<Date>, Box<dyn std::error::Error + Send + Sync>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), COLUMNS);
    let mut newest: Option<i32> = None;
    for batch in reader.with_projection(mask).build()? {
        let batch = batch?;
        let Some(ends) = batch.column_by_name("period_end") else {
            return Ok(None);
        };
        let ends = cast(ends, &DataType::Date32)?;
        let ends = ends.as_primitive::<Date32Type>();
        let scenarios = batch
            .column_by_name("scenario_code")
            .map(|column| cast(column, &DataType::Utf8))
            .transpose()?;
        let scenarios = scenarios.as_ref().map(|column| column.as_string::<i32>());
        let values = batch.column_by_name("value");
        for row in 0..batch.num_rows() {
            let measured = scenarios.is_none_or(|codes| codes.is_valid(row) && codes.value(row) == "actual");
            let given = values.is_none_or(|values| values.is_valid(row));
            if measured && given && ends.is_valid(row) {
                newest = newest.max(Some(ends.value(row)));
            }
        }
    }
    Ok(newest.map(|days| Date::constant(1970, 1, 1).saturating_add(days.days())))
}
