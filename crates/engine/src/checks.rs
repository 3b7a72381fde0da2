use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use arrow::{array::Array, util::display::array_value_to_string};
use datafusion::{
    arrow::array::{AsArray, RecordBatch},
    execution::options::ParquetReadOptions,
    prelude::SessionContext,
};
use klimalade_model::{CodeList, Fault, Kind, Result, Table};

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

/// Which areas must be there.
#[derive(Clone, Debug, Default)]
pub struct AreaRule {
    /// Every code of this level that is valid in the group's period.
    pub level: Option<String>,
    /// But for these of them.
    pub except: Vec<String>,
    /// These besides.
    pub also: Vec<String>,
    /// These may be there.
    pub may: Vec<String>,
    /// Columns within which the areas must be complete, besides indicator and scenario.
    pub per: Vec<String>,
    /// Indicators that must be there in every scenario and period that any of them has.
    pub indicators: Vec<String>,
}

/// Areas that are missing and those that are unexpected.
type Verdict = (Vec<String>, Vec<String>);

/// Columns of [`AreaRule::per`] that are times: an indicator that is missing altogether is missed in each of them.
const TIMES: [&str; 4] = ["period_start", "civil_date", "hour_start_at", "year"];

/// Groups of a staged file in which an expected area is missing or another one stands, absent indicators included.
/// `constants`: columns that are one value in the whole file.
pub async fn missing_areas(
    engine: &Engine,
    file: &Path,
    table: &Table,
    areas: &CodeList,
    rule: &AreaRule,
    constants: &BTreeMap<String, String>,
) -> Result<Vec<AreaFinding>> {
    if table.column("area_code").is_none() {
        return Err(Fault::settings("the table has no areas that could be expected")
            .found(table.name.clone())
            .hint("leave [checks] expected_areas out"));
    }
    let columns: Vec<&str> = ["indicator_code", "scenario_code"]
        .into_iter()
        .chain(rule.per.iter().map(String::as_str))
        .filter(|name| table.column(name).is_some())
        .collect();
    let groups = areas_by_group(engine, file, &columns, constants).await?;
    let day = columns
        .iter()
        .position(|name| *name == "period_start" || *name == "civil_date");
    let mut findings = Vec::new();
    let absent = absent_indicators(&groups, &columns, &rule.indicators);
    // Hour after hour has the same areas: each set is held against what is expected once a day of the code list.
    let mut verdicts: HashMap<(String, Option<String>), Verdict> = HashMap::new();
    for (group, found) in groups.into_iter().chain(absent) {
        let on = day.and_then(|at| group.get(at)).cloned();
        let (missing, unexpected) = verdicts.entry((found, on)).or_insert_with_key(|(found, on)| {
            let found: BTreeSet<&str> = found.split(' ').filter(|code| !code.is_empty()).collect();
            let expected = expected_areas(areas, rule, on.as_deref());
            (
                expected.difference(&found).map(|code| (*code).to_owned()).collect(),
                found
                    .difference(&expected)
                    .filter(|code| !rule.may.iter().any(|may| may == *code))
                    .map(|code| (*code).to_owned())
                    .collect(),
            )
        });
        if !missing.is_empty() || !unexpected.is_empty() {
            findings.push(AreaFinding {
                group: group
                    .into_iter()
                    .filter(|cell| !cell.is_empty())
                    .collect::<Vec<_>>()
                    .join(", "),
                missing: missing.clone(),
                unexpected: unexpected.clone(),
            });
        }
    }
    Ok(findings)
}

/// The areas of each group, in one text with spaces between them.
async fn areas_by_group(
    engine: &Engine,
    file: &Path,
    columns: &[&str],
    constants: &BTreeMap<String, String>,
) -> Result<BTreeMap<Vec<String>, String>> {
    let varying: Vec<&str> = columns
        .iter()
        .copied()
        .filter(|name| !constants.contains_key(*name))
        .collect();
    let list: String = varying.iter().map(|name| format!("\"{name}\", ")).collect();
    let by = if varying.is_empty() {
        String::new()
    } else {
        format!("GROUP BY {}", list.trim_end_matches(", "))
    };
    let sql = format!(
        "SELECT {list}string_agg(area_code, ' ') FROM (SELECT DISTINCT {list}area_code FROM staged) AS each {by} \
         HAVING count(*) > 0"
    );
    let mut groups = BTreeMap::new();
    for batch in select(engine, file, &sql).await? {
        for row in 0..batch.num_rows() {
            let cell = |at: usize| array_value_to_string(batch.column(at), row).unwrap_or_default();
            let group = columns
                .iter()
                .map(|name| match varying.iter().position(|known| known == name) {
                    Some(at) => cell(at),
                    None => constants.get(*name).cloned().unwrap_or_default(),
                })
                .collect();
            groups.insert(group, cell(varying.len()));
        }
    }
    Ok(groups)
}

/// Codes that must be there on a day; without a day those of every time.
fn expected_areas<'a>(areas: &'a CodeList, rule: &'a AreaRule, on: Option<&str>) -> BTreeSet<&'a str> {
    let mut expected: BTreeSet<&str> = rule.also.iter().map(String::as_str).collect();
    if let Some(level) = rule.level.as_deref() {
        let valid = |code: &str| on.is_none_or(|on| areas.is_valid_on(code, on));
        expected.extend(
            areas
                .codes()
                .filter(|code| areas.get(code, "area_level") == Some(level) && valid(code))
                .filter(|code| !rule.except.iter().any(|except| except == code)),
        );
    }
    expected
}

/// Groups without any row: each declared indicator in each scenario and time that another one has. Columns that are no
/// times (`per` may name a breakdown, and each indicator has its own codes) are left empty.
fn absent_indicators(
    groups: &BTreeMap<Vec<String>, String>,
    columns: &[&str],
    indicators: &[String],
) -> Vec<(Vec<String>, String)> {
    let Some(at) = columns.iter().position(|name| *name == "indicator_code") else {
        return Vec::new();
    };
    let moment = |group: &[String]| -> Vec<String> {
        let cells = columns.iter().zip(group);
        cells
            .map(|(name, cell)| {
                if *name == "scenario_code" || TIMES.contains(name) {
                    cell.clone()
                } else {
                    String::new()
                }
            })
            .collect()
    };
    let moments: BTreeSet<Vec<String>> = groups.keys().map(|group| moment(group)).collect();
    let there: BTreeSet<(&String, Vec<String>)> = groups.keys().map(|group| (&group[at], moment(group))).collect();
    let mut absent = Vec::new();
    for indicator in indicators {
        for moment in &moments {
            if !there.contains(&(indicator, moment.clone())) {
                let mut group = moment.clone();
                group[at].clone_from(indicator);
                absent.push((group, String::new()));
            }
        }
    }
    absent
}

/// Sums of `value` in a file by indicator and period; in a table whose file is a period (hours of a month) by indicator
/// alone. A group without a figure has none.
pub async fn indicator_sums(
    engine: &Engine,
    file: &Path,
    table: &Table,
) -> Result<BTreeMap<(String, String), Option<f64>>> {
    let period = ["period_start", "year"]
        .into_iter()
        .find(|name| table.column(name).is_some());
    let group = period.map_or_else(|| "indicator_code".to_owned(), |name| format!("indicator_code, {name}"));
    let sql = format!("SELECT sum(value), {group} FROM staged GROUP BY {group}");
    let mut sums = BTreeMap::new();
    for batch in select(engine, file, &sql).await? {
        let values = batch.column(0).as_primitive::<arrow::datatypes::Float64Type>();
        for row in 0..batch.num_rows() {
            let cell = |at: usize| {
                let column = batch.columns().get(at)?;
                array_value_to_string(column, row).ok()
            };
            sums.insert(
                (cell(1).unwrap_or_default(), cell(2).unwrap_or_default()),
                (!values.is_null(row)).then(|| values.value(row)),
            );
        }
    }
    Ok(sums)
}

pub(crate) async fn select(engine: &Engine, file: &Path, sql: &str) -> Result<Vec<RecordBatch>> {
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
