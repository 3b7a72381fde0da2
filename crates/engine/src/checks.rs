use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use arrow::{array::Array, util::display::array_value_to_string};
use datafusion::{
    arrow::array::{AsArray, RecordBatch},
    execution::options::ParquetReadOptions,
    prelude::SessionContext,
};
use klimalade_model::{CodeList, Fault, Kind, Result};

use crate::{error::sql_fault, session::Engine};

/// A group of rows whose areas are not those that were declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaFinding {
    /// Indicator, scenario and the columns of `per`, as text.
    pub group: String,
    /// Declared and not there.
    pub missing: Vec<String>,
    /// There and not declared.
    pub unexpected: Vec<String>,
}

/// Groups of a staged file in which an expected area is missing or another one stands. `level`: every code of this
/// level that is valid in the group's period.
pub async fn missing_areas(
    engine: &Engine,
    file: &Path,
    areas: &CodeList,
    level: Option<&str>,
    also: &[String],
    may: &[String],
    per: &[String],
) -> Result<Vec<AreaFinding>> {
    let columns: Vec<String> = ["indicator_code", "scenario_code"]
        .iter()
        .map(|name| (*name).to_owned())
        .chain(per.iter().cloned())
        .collect();
    let list = columns
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!("SELECT {list}, area_code FROM staged GROUP BY {list}, area_code");
    let mut groups: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for batch in select(engine, file, &sql).await? {
        for row in 0..batch.num_rows() {
            let group = (0..columns.len())
                .map(|at| array_value_to_string(batch.column(at), row).unwrap_or_default())
                .collect();
            let area = array_value_to_string(batch.column(columns.len()), row).unwrap_or_default();
            groups.entry(group).or_default().insert(area);
        }
    }
    let day = columns
        .iter()
        .position(|name| name == "period_start" || name == "civil_date");
    let mut findings = Vec::new();
    for (group, found) in groups {
        let on = day.map(|at| group[at].as_str());
        let mut expected: BTreeSet<String> = also.iter().cloned().collect();
        if let Some(level) = level {
            let valid = |code: &str| {
                on.is_none_or(|on| {
                    areas.get(code, "valid_from").is_none_or(|from| from <= on)
                        && areas.get(code, "valid_to").is_none_or(|to| on < to)
                })
            };
            expected.extend(
                areas
                    .codes()
                    .filter(|code| areas.get(code, "area_level") == Some(level) && valid(code))
                    .map(str::to_owned),
            );
        }
        let missing: Vec<String> = expected.difference(&found).cloned().collect();
        let unexpected: Vec<String> = found
            .difference(&expected)
            .filter(|code| !may.contains(code))
            .cloned()
            .collect();
        if !missing.is_empty() || !unexpected.is_empty() {
            findings.push(AreaFinding {
                group: group.join(", "),
                missing,
                unexpected,
            });
        }
    }
    Ok(findings)
}

/// Sum of `value` by indicator in a file.
pub async fn indicator_sums(engine: &Engine, file: &Path) -> Result<BTreeMap<String, f64>> {
    let sql = "SELECT indicator_code, coalesce(sum(value), 0.0) AS s FROM staged GROUP BY indicator_code";
    let mut sums = BTreeMap::new();
    for batch in select(engine, file, sql).await? {
        let values = batch.column(1).as_primitive::<arrow::datatypes::Float64Type>();
        for row in 0..batch.num_rows() {
            sums.insert(
                array_value_to_string(batch.column(0), row).unwrap_or_default(),
                if values.is_null(row) { 0.0 } else { values.value(row) },
            );
        }
    }
    Ok(sums)
}

async fn select(engine: &Engine, file: &Path, sql: &str) -> Result<Vec<RecordBatch>> {
    let session = engine.session([])?;
    register(&session, "staged", file).await?;
    let wrong = |error| sql_fault("a staged file cannot be checked", Kind::Bug, error);
    session.sql(sql).await.map_err(wrong)?.collect().await.map_err(wrong)
}

/// Registers one Parquet file under a name.
pub(crate) async fn register(session: &SessionContext, name: &str, file: &Path) -> Result<()> {
    let path = file
        .to_str()
        .ok_or_else(|| Fault::settings("a scratch path is not UTF-8").found(file.display().to_string()))?;
    let extension = file
        .extension()
        .and_then(|ending| ending.to_str())
        .map(|ending| format!(".{ending}"))
        .unwrap_or_default();
    let options = ParquetReadOptions::default().file_extension(&extension);
    session
        .register_parquet(name, path, options)
        .await
        .map_err(|error| sql_fault("a staged file cannot be opened", Kind::Bug, error))
}
