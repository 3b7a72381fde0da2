use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray},
    datatypes::{Float64Type, Int64Type},
    util::display::array_value_to_string,
};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use klimalade_model::{Fault, Kind, Result, Schemas, Table};

use crate::{
    checks::register,
    error::{arrow_fault, sql_fault},
    partition::PartitionSpool,
    session::Engine,
};

/// How controls of one what_code are compared.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// Only rows greater than zero are summed.
    pub positive_only: bool,
    /// Absolute tolerance; `None`: half the published resolution times the parts.
    pub tolerance: Option<f64>,
    /// Relative tolerance.
    pub tolerance_ratio: Option<f64>,
    /// Differences that are known.
    pub known: Vec<Known>,
}

/// A difference that is known.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Key columns with values; columns left out match anything.
    pub key: BTreeMap<String, String>,
    /// Our sum less the agency's; `None` is any.
    pub difference: Option<f64>,
    /// Why it is so.
    pub reason: String,
}

/// By what_code; a what_code that is not named has the default rule.
#[derive(Clone, Debug, Default)]
pub struct ControlRules(pub BTreeMap<String, Rule>);

/// What came of comparing.
#[derive(Clone, Debug, Default)]
pub struct ControlSummary {
    /// Verdict agrees.
    pub agrees: u64,
    /// Verdict known.
    pub known: u64,
    /// Verdict fails, of totals quoted from a report: only a warning.
    pub warned: u64,
    /// Verdict fails: stops the partition.
    pub failed: u64,
    /// The first failures in words.
    pub examples: Vec<String>,
}

const DIMENSIONS: [&str; 6] = [
    "sector_code",
    "carrier_code",
    "category_code",
    "detail_code",
    "gas_code",
    "scope_code",
];
const SAME: [&str; 5] = [
    "indicator_code",
    "scenario_code",
    "period_start",
    "frequency_code",
    "method_code",
];

/// Compares an owner's controls with its published rows. `published`: the staged file. `controls`: a Parquet file
/// with all columns of the table, `what_code` and the part. Verdicts go to `verdicts` (columns of control_total).
/// A control is compared with the sum of the rows that are equal in every key column where the control is not `_T`;
/// a higher area means its members, the country also those outside. One that nothing matches fails.
pub async fn compare_controls(
    engine: &Engine,
    published: &Path,
    controls: &Path,
    rules: &ControlRules,
    schemas: &Schemas,
    verdicts: &mut PartitionSpool,
) -> Result<ControlSummary> {
    let target = schemas.table("control_total")?;
    let session = engine.session([])?;
    register(&session, "published", published).await?;
    register(&session, "controls", controls).await?;
    let mut summary = ControlSummary::default();
    for pattern in patterns(&session).await? {
        let rule = rules.0.get(&pattern.what).cloned().unwrap_or_default();
        let wrong = |error| sql_fault("controls cannot be compared", Kind::Bug, error);
        let frame = session.sql(&pattern.sql(&rule)?).await.map_err(wrong)?;
        let mut rows = frame.execute_stream().await.map_err(wrong)?;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(wrong)?;
            judge(&batch, &pattern, &rule, schemas, target, verdicts, &mut summary)?;
        }
    }
    Ok(summary)
}

/// Controls that are alike in where they are totals.
struct Pattern {
    what: String,
    level: String,
    totals: Vec<bool>,
}

async fn patterns(session: &SessionContext) -> Result<Vec<Pattern>> {
    let flags = DIMENSIONS
        .iter()
        .map(|name| format!("{name} = '_T'"))
        .collect::<Vec<_>>()
        .join(", ");
    let sql = format!("SELECT DISTINCT what_code, area_level, {flags} FROM controls");
    let wrong = |error| sql_fault("controls cannot be read", Kind::Bug, error);
    let batches = session.sql(&sql).await.map_err(wrong)?.collect().await.map_err(wrong)?;
    let mut patterns = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            patterns.push(Pattern {
                what: array_value_to_string(batch.column(0), row).map_err(arrow_fault)?,
                level: array_value_to_string(batch.column(1), row).map_err(arrow_fault)?,
                totals: (0..DIMENSIONS.len())
                    .map(|at| batch.column(at + 2).as_boolean().value(row))
                    .collect(),
            });
        }
    }
    patterns.sort_by(|a, b| (&a.what, &a.level, &a.totals).cmp(&(&b.what, &b.level, &b.totals)));
    Ok(patterns)
}

impl Pattern {
    fn sql(&self, rule: &Rule) -> Result<String> {
        let area = match self.level.as_str() {
            "municipality" | "outside" => Some("p.area_code"),
            // Members on the day; a row of the higher area itself is its own.
            "region" | "landsdel" => Some("coalesce(m.within_code, p.area_code)"),
            "price_area" => Some("a.price_area_code"),
            "country" => None,
            other => return Err(Fault::bug("a control of an unknown area level").found(other.to_owned())),
        };
        let mut keys: Vec<&str> = SAME.to_vec();
        keys.extend(
            DIMENSIONS
                .iter()
                .zip(&self.totals)
                .filter(|(_, total)| !**total)
                .map(|(name, _)| *name),
        );
        let mut select: Vec<String> = keys.iter().map(|key| format!("p.{key}")).collect();
        let mut group = select.clone();
        let mut on: Vec<String> = keys.iter().map(|key| format!("c.{key} = s.{key}")).collect();
        if let Some(area) = area {
            select.push(format!("{area} AS control_area"));
            group.push(area.to_owned());
            on.push("c.area_code = s.control_area".to_owned());
        }
        // Regions change their members (2027-01-01), so what counts is who belonged on the period's first day.
        let members = match self.level.as_str() {
            level @ ("region" | "landsdel") => format!(
                "LEFT JOIN (SELECT l.area_code, l.within_code, CAST(l.valid_from AS DATE) AS valid_from, \
                 CAST(l.valid_to AS DATE) AS valid_to FROM codes.area_members l \
                 JOIN codes.areas w ON l.within_code = w.code WHERE w.area_level = '{level}') m \
                 ON p.area_code = m.area_code AND (m.valid_from IS NULL OR m.valid_from <= p.period_start) \
                 AND (m.valid_to IS NULL OR p.period_start < m.valid_to)"
            ),
            _ => String::new(),
        };
        let positive = if rule.positive_only { "WHERE p.value > 0" } else { "" };
        let flags = DIMENSIONS
            .iter()
            .zip(&self.totals)
            .map(|(name, total)| format!("{name} {} '_T'", if *total { "=" } else { "<>" }))
            .collect::<Vec<_>>()
            .join(" AND ");
        Ok(format!(
            "SELECT c.*, s.computed_value, s.parts FROM \
             (SELECT * FROM controls WHERE what_code = '{what}' AND area_level = '{level}' AND {flags}) c LEFT JOIN \
             (SELECT {select}, sum(p.value) AS computed_value, count(*) AS parts FROM published p \
              LEFT JOIN codes.areas a ON p.area_code = a.code {members} {positive} GROUP BY {group}) s ON {on}",
            what = self.what.replace('\'', "''"),
            level = self.level,
            select = select.join(", "),
            group = group.join(", "),
            on = on.join(" AND "),
        ))
    }
}

fn judge(
    batch: &RecordBatch,
    pattern: &Pattern,
    rule: &Rule,
    schemas: &Schemas,
    target: &Table,
    verdicts: &mut PartitionSpool,
    summary: &mut ControlSummary,
) -> Result<()> {
    let rows = batch.num_rows();
    let column = |name: &str| {
        batch
            .column_by_name(name)
            .ok_or_else(|| Fault::bug("a control lacks a column").expected(name.to_owned()))
    };
    let given = column("value")?.as_primitive::<Float64Type>();
    let computed = column("computed_value")?.as_primitive::<Float64Type>();
    let parts = column("parts")?.as_primitive::<Int64Type>();
    let indicators = column("indicator_code")?.as_string::<i32>();
    let resolution = |code: &str| {
        let cell = schemas
            .codes
            .get("indicators")
            .and_then(|list| list.get(code, "resolution"));
        cell.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let mut tolerances = Vec::with_capacity(rows);
    let mut differences = Vec::with_capacity(rows);
    let mut words: Vec<(&str, Option<String>)> = Vec::with_capacity(rows);
    for row in 0..rows {
        let own = (!given.is_null(row)).then(|| given.value(row));
        let ours = (!computed.is_null(row)).then(|| computed.value(row));
        let count = if parts.is_null(row) { 0 } else { parts.value(row) };
        let tolerance = rule.tolerance.unwrap_or_else(|| {
            // Sums of binary fractions differ in the last places whatever the resolution.
            resolution(indicators.value(row)) / 2.0 * (count + 1) as f64 + own.unwrap_or_default().abs() * 1e-12
        });
        let tolerance = tolerance.max(rule.tolerance_ratio.unwrap_or_default() * own.unwrap_or_default().abs());
        let difference = own.zip(ours).map(|(own, ours)| ours - own);
        let matches = |key: &BTreeMap<String, String>| {
            key.iter().all(|(name, wanted)| {
                batch
                    .column_by_name(name)
                    .and_then(|cells| array_value_to_string(cells, row).ok())
                    .as_deref()
                    == Some(wanted)
            })
        };
        let known = rule
            .known
            .iter()
            .filter(|known| matches(&known.key))
            .find(|known| {
                let expected = known.difference.zip(difference);
                expected.is_none_or(|(expected, found)| (found - expected).abs() <= tolerance)
            })
            .map(|known| known.reason.clone());
        let verdict = match (own, difference) {
            (None, _) => ("known", Some("the agency gives no figure".to_owned())),
            (Some(_), Some(difference)) if difference.abs() <= tolerance => ("agrees", None),
            _ if known.is_some() => ("known", known),
            (Some(_), Some(_)) => ("fails", None),
            (Some(_), None) => ("fails", Some("nothing published matches".to_owned())),
        };
        match verdict.0 {
            "agrees" => summary.agrees += 1,
            "known" => summary.known += 1,
            _ if pattern.what == "published" => summary.warned += 1,
            _ => {
                summary.failed += 1;
                if summary.examples.len() < 5 {
                    let key = target
                        .unique_key
                        .iter()
                        .filter_map(|name| Some((name, array_value_to_string(batch.column_by_name(name)?, row).ok()?)))
                        .filter(|(_, value)| value != "_Z" && value != "_T")
                        .map(|(name, value)| format!("{name}={value}"));
                    let sum = ours.map_or_else(|| "nothing that matches".to_owned(), |ours| ours.to_string());
                    summary.examples.push(format!(
                        "{}: agency {}, published rows {sum}, tolerance {tolerance}",
                        key.collect::<Vec<_>>().join(" "),
                        own.unwrap_or_default(),
                    ));
                }
            }
        }
        tolerances.push(tolerance);
        differences.push(difference);
        words.push(verdict);
    }
    let columns = verdicts
        .schema()
        .fields()
        .iter()
        .filter(|field| field.name() != crate::PART_COLUMN)
        .map(|field| -> Result<ArrayRef> {
            Ok(match field.name().as_str() {
                "tolerance" => Arc::new(Float64Array::from(tolerances.clone())),
                "difference" => Arc::new(Float64Array::from(differences.clone())),
                "verdict_code" => Arc::new(StringArray::from(
                    words.iter().map(|(word, _)| *word).collect::<Vec<_>>(),
                )),
                "reason" => Arc::new(StringArray::from(
                    words.iter().map(|(_, reason)| reason.as_deref()).collect::<Vec<_>>(),
                )),
                "edition" => arrow::array::new_null_array(field.data_type(), rows),
                other => column(other)?.clone(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let fields: Vec<_> = verdicts
        .schema()
        .fields()
        .iter()
        .filter(|field| field.name() != crate::PART_COLUMN)
        .cloned()
        .collect();
    let batch_out =
        RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns).map_err(arrow_fault)?;
    // Rows of one part at a time: the spool attaches the part's number.
    let numbers = column(crate::PART_COLUMN)?.as_primitive::<arrow::datatypes::Int32Type>();
    let mut start = 0;
    while start < rows {
        let mut end = start + 1;
        while end < rows && numbers.value(end) == numbers.value(start) {
            end += 1;
        }
        verdicts.append(&batch_out.slice(start, end - start), numbers.value(start))?;
        start = end;
    }
    Ok(())
}

/// Controls of one owner on scratch disk, with every column of the table.
pub struct ControlFile {
    path: PathBuf,
    _file: tempfile::TempPath,
    writer: Option<parquet::arrow::ArrowWriter<std::fs::File>>,
    constants: Vec<(String, datafusion::common::ScalarValue)>,
    schema: arrow::datatypes::SchemaRef,
    /// Rows so far.
    pub rows: u64,
}

impl std::fmt::Debug for ControlFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlFile")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl ControlFile {
    /// An empty file for controls of `table`. Errors: Settings, for a table that has no civil period.
    pub fn create(
        engine: &Engine,
        table: &Table,
        constants: &[(String, datafusion::common::ScalarValue)],
    ) -> Result<Self> {
        use arrow::datatypes::{DataType, Field, Schema};
        if table.column("period_start").is_none() {
            return Err(Fault::settings("this table takes no controls")
                .found(table.name.clone())
                .hint("give such rows the fate 'skip:agency_total'"));
        }
        let mut fields: Vec<Field> = table
            .columns
            .iter()
            .map(|column| Field::new(&column.field.name, column.field.kind.arrow(), true))
            .collect();
        if table.column("year").is_none() {
            fields.push(Field::new("year", DataType::Int16, true));
        }
        fields.push(Field::new("what_code", DataType::Utf8, true));
        fields.push(Field::new(crate::PART_COLUMN, DataType::Int32, false));
        let schema = Arc::new(Schema::new(fields));
        let file = tempfile::Builder::new()
            .suffix(".parquet")
            .tempfile_in(&engine.scratch)
            .map_err(crate::error::disk_fault)?;
        let (handle, path) = file.into_parts();
        let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(true);
        let writer = parquet::arrow::ArrowWriter::try_new_with_options(handle, schema.clone(), options)
            .map_err(|error| Fault::bug("controls cannot be kept").because(error))?;
        Ok(Self {
            path: path.to_path_buf(),
            _file: path,
            writer: Some(writer),
            constants: constants.to_vec(),
            schema,
            rows: 0,
        })
    }
    /// Adds a batch of controls of one part.
    pub fn append(&mut self, batch: &RecordBatch, part: i32) -> Result<()> {
        let rows = batch.num_rows();
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| -> Result<ArrayRef> {
                let name = field.name().as_str();
                if name == crate::PART_COLUMN {
                    return Ok(Arc::new(arrow::array::Int32Array::from_value(part, rows)));
                }
                if let Some(column) = batch.column_by_name(name) {
                    return Ok(column.clone());
                }
                if let Some((_, value)) = self.constants.iter().find(|(known, _)| known == name) {
                    return value
                        .to_array_of_size(rows)
                        .map_err(|error| Fault::bug(error.to_string()));
                }
                let days = batch
                    .column_by_name("period_start")
                    .map(|days| days.as_primitive::<arrow::datatypes::Date32Type>().clone());
                let days = days.ok_or_else(|| Fault::bug("a control without a period"))?;
                let years = days
                    .iter()
                    .map(|day| day.and_then(crate::complete::date_of).map(|date| date.year()));
                Ok(Arc::new(years.collect::<arrow::array::Int16Array>()))
            })
            .collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(arrow_fault)?;
        self.rows += rows as u64;
        let writer = self
            .writer
            .as_mut()
            .ok_or_else(|| Fault::bug("controls after the end"))?;
        writer
            .write(&batch)
            .map_err(|error| Fault::bug("controls cannot be kept").because(error))
    }
    /// Ends the file; its path then goes to [`compare_controls`].
    pub fn finish(&mut self) -> Result<&Path> {
        if let Some(writer) = self.writer.take() {
            writer
                .close()
                .map_err(|error| Fault::bug("controls cannot be kept").because(error))?;
        }
        Ok(&self.path)
    }
}
