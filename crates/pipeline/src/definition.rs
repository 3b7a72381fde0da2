use std::{collections::BTreeMap, collections::HashMap, sync::Arc, time::Duration};

use arrow_schema::{Field, Schema, SchemaRef};
use klimalade_model::{Fault, OPTIONAL_KEY, Result, SourceType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::AreaScope;

/// `pipeline.toml`: one dataset of one agency, mapped to one table of the common schema.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Version of this file's form; 1.
    pub version: u32,
    /// `harvest` asks an agency; `view` is SQL over tables of the lake.
    #[serde(default)]
    pub kind: Task,
    /// What it is, in English.
    pub title_en: String,
    /// What it is, in Danish.
    pub title_da: String,
    /// A dataset of an agency, from the code list `sources`. A demo run puts `sim_` in front.
    pub source_id: String,
    /// Table of the common schema that it fills.
    pub table: String,
    /// Licence of the figures, from the code list `licences`. A view leaves it out and gets its strictest input's.
    #[serde(default)]
    pub licence_code: Option<String>,
    /// Of a view: the pipelines whose rows it reads (`["dst_area"]`); the others of the tables in its SQL are left out,
    /// and it is neither rebuilt for them nor built before them. Left out: every owner of the tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Name of another pipeline whose parts and pages this one maps as well; it then has no `[source]` and asks nobody.
    #[serde(default)]
    pub raw_of: Option<String>,
    /// The connector's name in `connector` and its settings: `klimalade connectors <name>` prints them.
    #[serde(default)]
    pub source: Option<serde_json::Map<String, serde_json::Value>>,
    /// The raw columns that map.sql reads, by the name it reads them under.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnDefinition>,
    /// Rows that map.sql gives for each raw row, or "aggregate" where it groups (then it gives `raw_rows`).
    #[serde(default)]
    pub rows_per_row: RowsPerRow,
    /// When the agency is asked, and what its counts are worth.
    #[serde(default)]
    pub harvest: Harvest,
    /// Pauses and caps.
    #[serde(default)]
    pub limits: LimitSettings,
    /// What this pipeline alone may publish.
    #[serde(default)]
    pub publishes: Publishes,
    /// What must hold before anything is published.
    #[serde(default)]
    pub checks: Checks,
    /// The same pipeline for more municipalities or addresses: `name` and one line for each setting that differs,
    /// written as a quoted dotted key (`"source.address" = "..."`).
    #[serde(default)]
    pub instance: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// What kind of pipeline it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Asks an agency through a connector.
    #[default]
    Harvest,
    /// SQL over tables of the lake, after the harvests.
    View,
}

/// One declared raw column.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnDefinition {
    /// Type that the source gives; a cell of another type is an error, never a null.
    #[serde(rename = "type")]
    pub kind: SourceType,
    /// The source's own name (CSV header, JSON key, dotted path) where it differs.
    #[serde(default)]
    pub from: Option<String>,
    /// The column is (a part of) the row's identity: distinct ids are counted over all columns marked so.
    #[serde(default)]
    pub id: bool,
    /// A page may lack it, as older editions and other sheets do: its cells are null then. Without this a column that is
    /// missing stops its part. One that is (a part of) the identity is always there, and so are a StatBank table's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// For timestamps given as a number: "ms" since 1970.
    #[serde(default)]
    pub epoch: Option<String>,
    /// What it means, in Danish: the explanation in the workbook that somebody fills in (`klimalade template`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
    /// The code list whose Danish names (of `areas` the codes) stand in it: the choices of that workbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<String>,
}

/// Rows of map.sql per raw row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RowsPerRow {
    /// So many, whatever the row.
    Number(u64),
    /// map.sql groups by fate too and gives `raw_rows`.
    Aggregate(AggregateWord),
}

/// The word `aggregate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AggregateWord {
    /// See [`RowsPerRow::Aggregate`].
    Aggregate,
}

impl Default for RowsPerRow {
    fn default() -> Self {
        Self::Number(1)
    }
}

/// `[harvest]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Harvest {
    /// A part without a change mark is asked again when its last confirmation is older than this.
    #[serde(default)]
    pub every: Every,
    /// So many of the newest parts are asked again each night, mark or no mark.
    #[serde(default)]
    pub recheck_parts: usize,
    /// So many of the older parts are asked again each night in turn, the longest unconfirmed first.
    #[serde(default)]
    pub rotate_parts: usize,
    /// `own_partition`: no two parts share a partition, so a part that failed holds back its own partition only.
    #[serde(default)]
    pub parts_fill: PartsFill,
    /// `any`: parts may leave the plan whichever they are, as where files are taken out of a drop folder on purpose.
    #[serde(default)]
    pub parts_leave: PartsLeave,
    /// What coverage calls late.
    #[serde(default)]
    pub rhythm: Option<Rhythm>,
    /// What a column does that the source has and that is neither declared nor was there at an earlier harvest: `warn`
    /// says it once, with what to type; `stop` publishes nothing of its part until it is declared.
    #[serde(default)]
    pub unknown_column: OnFinding,
    /// `off`: known, but not harvested.
    #[serde(default)]
    pub off: bool,
}

/// How often a part without a change mark is asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// Each night.
    #[default]
    Day,
    /// After seven days.
    Week,
    /// After thirty days.
    Month,
}

impl Every {
    /// The age at which a confirmation no longer counts, a little less than the word says so that a night that
    /// starts some minutes earlier than the last one still asks.
    pub fn age(self) -> Duration {
        const HOUR: u64 = 3600;
        Duration::from_secs(match self {
            Self::Day => 12 * HOUR,
            Self::Week => (7 * 24 - 12) * HOUR,
            Self::Month => (30 * 24 - 12) * HOUR,
        })
    }
}

/// Which partitions a part fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartsFill {
    /// Parts may share partitions.
    #[default]
    Shared,
    /// Each part has its own; checked.
    OwnPartition,
}

/// Which published parts may leave the plan, and take their figures with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartsLeave {
    /// The oldest, as agencies do, and those that another `[source]` does not ask for; a newer one that is missing is
    /// a hiccup and holds its partition.
    #[default]
    Oldest,
    /// Each.
    Any,
}

/// What a finding does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFinding {
    /// It is said, and what is good is published.
    #[default]
    Warn,
    /// It is said, and what is published stays as it was.
    Stop,
}

/// How often the agency publishes and how late that may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rhythm {
    /// Months between two publications.
    pub every_months: u32,
    /// Days after the end of a period until its figures are out.
    pub lag_days: u32,
}

/// `[limits]`: what is left out has transport's default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Seconds for one whole answer (300).
    pub timeout_secs: Option<u64>,
    /// Tries of one request (5).
    pub attempts: Option<usize>,
    /// Milliseconds between two requests to one host (250).
    pub host_interval_millis: Option<u64>,
    /// Milliseconds between two requests for one dataset (0).
    pub dataset_interval_millis: Option<u64>,
    /// Longest wait that the server may ask for, in seconds (600).
    pub longest_wait_secs: Option<u64>,
    /// Largest body in bytes.
    pub page_bytes: Option<u64>,
    /// Largest sum of bodies of one part in bytes.
    pub walk_bytes: Option<u64>,
    /// Most pages of one part (10,000).
    pub walk_pages: Option<usize>,
}

/// `[publishes]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Publishes {
    /// Indicators that nobody else publishes in this table for these areas. Empty for tables without indicators.
    #[serde(default)]
    pub indicators: Vec<String>,
    /// "all", or the areas.
    #[serde(default)]
    pub areas: AreaScope,
}

/// `[checks]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Fewest published rows of a partition.
    #[serde(default)]
    pub min_rows: u64,
    /// Rejected rows that do not stop a partition, with the reason why that is right.
    #[serde(default)]
    pub max_rejected: Option<MaxRejected>,
    /// Largest change of an indicator's sum against what is published.
    #[serde(default)]
    pub largest_change: Option<LargestChange>,
    /// Areas that must be there for every indicator of `[publishes]` in every period that any of them has.
    #[serde(default)]
    pub expected_areas: Option<ExpectedAreas>,
    /// Range of values by indicator, narrower than the code list's.
    #[serde(default)]
    pub range: BTreeMap<String, Range>,
    /// How an agency's own totals are compared, by what_code.
    #[serde(default)]
    pub control: BTreeMap<String, ControlRule>,
    /// How old the newest published period may be. Left out: it is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// Days after which an unconfirmed part is no longer a warning but an error (30).
    #[serde(default)]
    pub stale_after_days: Option<u32>,
}

/// How old the newest published period may be: the end of the last period that has a figure (scenario `actual`, where
/// the table has scenarios).
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// Days since the newest period ended. Left out: `[harvest] rhythm` says when the next one should be out.
    #[serde(default)]
    pub newest_period_within_days: Option<u32>,
    /// What an older dataset does: `warn` publishes all the same and ends the owner's night with a warning; `stop` keeps
    /// what is published as it is and fails.
    #[serde(default)]
    pub too_old: OnFinding,
}

/// Rejected rows that are tolerated.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxRejected {
    /// Rows per part.
    pub rows: u64,
    /// Why that is right.
    pub reason: String,
}

/// Bound on the change of an indicator's sum per partition.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LargestChange {
    /// Relative to the published sum: 0.2 is 20 %.
    pub ratio: f64,
}

/// Areas that must be there.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedAreas {
    /// Every code of this level that is valid in the period (municipality: exactly 98).
    #[serde(default)]
    pub level: Option<String>,
    /// But for these of them: `level = "municipality", except = ["0825"]` is every municipality but Læsø. One that is there
    /// all the same is as unexpected as any other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// These besides, always.
    #[serde(default)]
    pub also: Vec<String>,
    /// These may be there.
    #[serde(default)]
    pub may: Vec<String>,
    /// Columns within which the areas must be complete, besides indicator and scenario.
    #[serde(default = "by_period")]
    pub per: Vec<String>,
}

fn by_period() -> Vec<String> {
    vec!["period_start".to_owned()]
}

/// A closed range; either end may be open.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Least value.
    pub min: Option<f64>,
    /// Greatest value.
    pub max: Option<f64>,
}

/// How controls of one what_code are compared.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlRule {
    /// What is computed from the published rows.
    #[serde(default)]
    pub formula: Formula,
    /// Absolute tolerance in the indicator's unit; left out: half the published resolution times the parts.
    #[serde(default)]
    pub tolerance: Option<f64>,
    /// Relative tolerance, for agencies that round.
    #[serde(default)]
    pub tolerance_ratio: Option<f64>,
    /// Differences that are known, each with its reason.
    #[serde(default)]
    pub known: Vec<KnownDifference>,
}

/// Named formulas of controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// Sum of the rows that agree with the control wherever it is not `_T`.
    #[default]
    Sum,
    /// The same over rows greater than zero only.
    SumOfPositive,
}

/// A difference that is known.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    /// Key columns and their values; columns left out match anything.
    pub key: BTreeMap<String, String>,
    /// Our sum less the agency's, in the indicator's unit: another difference at the same place still fails. Left
    /// out: any difference.
    #[serde(default)]
    pub difference: Option<f64>,
    /// Why it is so, with its source.
    pub reason: String,
}

impl Definition {
    /// The declared raw columns as an Arrow schema, source names and ids in the fields' metadata.
    pub fn raw_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|(name, column)| {
                let mut metadata = HashMap::new();
                if let Some(from) = &column.from {
                    metadata.insert("klimalade:from".to_owned(), from.clone());
                }
                if column.id {
                    metadata.insert("klimalade:id".to_owned(), "true".to_owned());
                }
                if column.optional {
                    metadata.insert(OPTIONAL_KEY.to_owned(), "true".to_owned());
                }
                if let Some(epoch) = &column.epoch {
                    metadata.insert("klimalade:epoch".to_owned(), epoch.clone());
                }
                Field::new(name, column.kind.arrow(), true).with_metadata(metadata)
            })
            .collect();
        Arc::new(Schema::new(fields))
    }
    /// Days without confirmation after which a failure is no longer a warning.
    pub fn stale_after_days(&self) -> u32 {
        self.checks.stale_after_days.unwrap_or(30)
    }
    /// The connector's name and settings. Errors: Settings, when a harvest has no `[source]`.
    pub fn connector(&self) -> Result<(String, serde_json::Value)> {
        let mut settings = self.source.clone().ok_or_else(|| {
            Fault::settings("a harvest needs [source], or raw_of")
                .hint("add [source] with connector = \"...\"; klimalade connectors")
        })?;
        match settings.remove("connector") {
            Some(serde_json::Value::String(name)) => Ok((name, serde_json::Value::Object(settings))),
            _ => Err(Fault::settings("[source] names no connector").hint("klimalade connectors")),
        }
    }
    /// Names of the secrets that `[source]` asks for: every key `secret` in it.
    pub fn secrets(&self) -> Vec<String> {
        fn look(value: &serde_json::Value, found: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(map) => {
                    for (key, value) in map {
                        match (key.as_str(), value) {
                            ("secret", serde_json::Value::String(name)) => found.push(name.clone()),
                            _ => look(value, found),
                        }
                    }
                }
                serde_json::Value::Array(values) => values.iter().for_each(|value| look(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        if let Some(source) = &self.source {
            look(&serde_json::Value::Object(source.clone()), &mut found);
        }
        found
    }
}
