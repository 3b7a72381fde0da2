//! What a lake says of its nights, owners, rejects and controls.

use std::{collections::BTreeMap, path::Path};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use futures::{StreamExt, stream};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use klimalade_lake::{Lake, OwnerState};
use klimalade_model::{Fault, Result, Schemas};
use serde_json::Value;

use super::{
    findings::{names, read_controls, read_rejects},
    newest::newest_end,
};
use crate::data::{Frame, NIGHT, night_json, nights};

/// Nights that are looked at.
const NIGHTS: usize = 14;
/// Files of the ledger that are read beside each other.
const BESIDE: usize = 16;
/// Tables whose rows have a period that ends.
const WITH_PERIODS: [&str; 3] = ["observation", "observation_within_year", "observation_hourly"];

/// Names of codes: list and code, then Danish and English.
pub(super) type Names = BTreeMap<(&'static str, String), (String, String)>;

/// A lake at a time: what its operations page says.
#[derive(Debug)]
pub struct LakeStatus {
    /// Figures are simulated.
    pub(super) simulated: bool,
    pub(super) now: Timestamp,
    /// Newest first.
    pub(super) nights: Vec<Night>,
    /// By name.
    pub(super) owners: Vec<Owner>,
    /// By owner, then reason.
    pub(super) rejects: Vec<Rejected>,
    /// Those that fail first.
    pub(super) controls: Vec<Control>,
    /// Files that cannot be read, as faults say it.
    pub(super) damage: Vec<String>,
    /// Names of verdicts, units and kinds of control: list and code, then Danish and English.
    pub(super) names: Names,
}

/// Sums over the parts of an owner in a night, or over its owners.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) received: u64,
    pub(super) published: u64,
    pub(super) control: u64,
    pub(super) skipped: u64,
    pub(super) rejected: u64,
    pub(super) requests: u64,
    pub(super) waited_seconds: f64,
}

/// A night.
#[derive(Debug, Default)]
pub(super) struct Night {
    pub(super) run_id: String,
    /// Empty where the night did not end.
    pub(super) started_at: String,
    pub(super) finished_at: String,
    pub(super) outcomes: Vec<Outcome>,
    /// By owner.
    pub(super) tallies: BTreeMap<String, Tally>,
}

/// How an owner's night ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) owner: String,
    pub(super) status: String,
    pub(super) kind: String,
    pub(super) faults: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// An owner: what it declares, what it has, how its newest night ended.
#[derive(Debug, Default)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) title_da: String,
    pub(super) title_en: String,
    pub(super) table: String,
    pub(super) is_off: bool,
    pub(super) stale_after_days: i64,
    pub(super) every_months: Option<i32>,
    pub(super) lag_days: i32,
    /// Run and outcome of the newest night that it was in.
    pub(super) outcome: Option<(String, Outcome)>,
    /// The newest sums that the ledger has.
    pub(super) tally: Option<Tally>,
    pub(super) has_state: bool,
    pub(super) is_retired: bool,
    /// Rows that stand in the lake.
    pub(super) rows: u64,
    pub(super) confirmed_at: Option<String>,
    pub(super) oldest_confirmed_at: Option<String>,
    /// The day after its newest period.
    pub(super) newest_end: Option<Date>,
}

/// Rejected rows of an owner with one reason.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) owner: String,
    pub(super) run_id: String,
    pub(super) reason: String,
    pub(super) count: u64,
    /// Column, found, expected of the first.
    pub(super) first: [String; 3],
}

/// Controls of an owner that disagree, of one indicator and kind.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) owner: String,
    pub(super) verdict: String,
    pub(super) indicator: String,
    pub(super) what: String,
    pub(super) reason: String,
    pub(super) unit: String,
    pub(super) count: u64,
    pub(super) years: (String, String),
    /// The largest difference, its area and year.
    pub(super) largest: (f64, String, String),
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.published += other.published;
        self.control += other.control;
        self.skipped += other.skipped;
        self.rejected += other.rejected;
        self.requests += other.requests;
        self.waited_seconds += other.waited_seconds;
    }

    fn of(ledger: &Frame) -> Self {
        let sum = |column| ledger.rows().map(|row| ledger.count(row, column)).sum();
        Self {
            received: sum("received"),
            published: sum("published"),
            control: sum("control"),
            skipped: sum("skipped"),
            rejected: sum("rejected"),
            requests: sum("requests"),
            waited_seconds: ledger
                .rows()
                .filter_map(|row| ledger.number(row, "waited_seconds"))
                .sum(),
        }
    }
}

impl Owner {
    /// `published`, `failed` and so on, of its newest night; empty where none of them had it.
    pub(super) fn status(&self) -> &str {
        self.outcome.as_ref().map_or("", |(_, outcome)| outcome.status.as_str())
    }

    /// True where nobody expects figures of it.
    pub(super) fn is_idle(&self) -> bool {
        self.is_off || self.is_retired || matches!(self.status(), "off" | "retired" | "left_out")
    }

    /// Whole days since the agency last confirmed it.
    pub(super) fn age_days(&self, now: Timestamp) -> Option<i64> {
        let then: Timestamp = self.confirmed_at.as_ref()?.parse().ok()?;
        Some(now.duration_since(then).as_secs().max(0) / 86_400)
    }

    /// True where what is published is older than it may be.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        !self.is_idle() && self.age_days(now).is_some_and(|days| days > self.stale_after_days)
    }

    /// The day by which the next period is expected, by its rhythm.
    pub(super) fn due(&self) -> Option<Date> {
        let (newest, months) = (self.newest_end?, self.every_months?);
        Some(
            newest
                .saturating_add(months.months())
                .saturating_add(self.lag_days.days()),
        )
    }
}

/// What is there of a file; what is wrong with it stands on the page.
pub(super) fn kept<T>(outcome: Result<T>, damage: &mut Vec<String>) -> Option<T> {
    outcome.map_err(|fault| damage.push(fault.to_string())).ok()
}

impl LakeStatus {
    /// Reads it all. A file that cannot be read is said on the page. Errors: of the store, when it cannot list.
    pub async fn read(lake: &Lake, schemas: &Schemas, pipelines: &RecordBatch, now: Timestamp) -> Result<Self> {
        let spool = tempfile::tempdir().map_err(|why| Fault::settings("no folder for temporary files").because(why))?;
        let (spool, mut damage) = (spool.path(), Vec::new());
        let nights = read_nights(lake, spool, &mut damage).await?;
        let mut owners = declared(pipelines);
        for (owner, state) in lake.each_state().await? {
            let Some(state) = kept(state, &mut damage) else {
                continue;
            };
            let known = owners.entry(owner.clone()).or_insert_with(|| Owner {
                name: owner.clone(),
                title_da: owner.clone(),
                title_en: owner,
                ..Owner::default()
            });
            stand(known, &state);
            if known.every_months.is_some() && WITH_PERIODS.contains(&state.table.as_str()) {
                for (key, partition) in state
                    .partitions
                    .iter()
                    .filter(|(key, _)| key.starts_with(&format!("core/{}/", state.table)))
                {
                    let newest = kept(newest_end(lake, key, partition, spool).await, &mut damage);
                    known.newest_end = known.newest_end.max(newest.flatten());
                }
            }
        }
        for owner in owners.values_mut() {
            let name = owner.name.clone();
            let outcome = |night: &Night| {
                night
                    .outcomes
                    .iter()
                    .find(|outcome| outcome.owner == name)
                    .map(|outcome| (night.run_id.clone(), outcome.clone()))
            };
            owner.outcome = nights.iter().find_map(outcome);
            owner.tally = nights.iter().find_map(|night| night.tallies.get(&name).copied());
        }
        let rejects = read_rejects(lake, &nights, &owners, spool, &mut damage).await?;
        let controls = read_controls(lake, spool, &mut damage).await?;
        damage.sort();
        damage.dedup();
        Ok(Self {
            simulated: lake.simulated(),
            now,
            nights,
            owners: owners.into_values().collect(),
            rejects,
            names: names(schemas, &controls)?,
            controls,
            damage,
        })
    }

    /// Today.
    pub(super) fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::UTC).date()
    }
}

fn declared(pipelines: &RecordBatch) -> BTreeMap<String, Owner> {
    let text = |row: usize, name: &str| {
        let cells = pipelines
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        cells
            .filter(|cells| cells.is_valid(row))
            .map(|cells| cells.value(row).to_owned())
            .unwrap_or_default()
    };
    let number = |row: usize, name: &str| {
        let cells = pipelines
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Int32Type>());
        cells.filter(|cells| cells.is_valid(row)).map(|cells| cells.value(row))
    };
    let is_off = |row: usize| {
        let cells = pipelines
            .column_by_name("is_off")
            .and_then(|column| column.as_boolean_opt());
        cells.is_some_and(|cells| cells.is_valid(row) && cells.value(row))
    };
    let owner = |row| Owner {
        name: text(row, "pipeline"),
        folder: text(row, "folder"),
        title_da: text(row, "title_da"),
        title_en: text(row, "title_en"),
        table: text(row, "table_name"),
        is_off: is_off(row),
        stale_after_days: number(row, "stale_after_days").map_or(i64::MAX, i64::from),
        every_months: number(row, "rhythm_every_months"),
        lag_days: number(row, "rhythm_lag_days").unwrap_or_default(),
        ..Owner::default()
    };
    (0..pipelines.num_rows())
        .map(owner)
        .map(|owner| (owner.name.clone(), owner))
        .collect()
}

fn stand(owner: &mut Owner, state: &OwnerState) {
    owner.has_state = true;
    owner.is_retired = state.retired_at.is_some();
    owner.table.clone_from(&state.table);
    let mine = |key: &&String| key.starts_with(&format!("core/{}/", state.table)) || key.starts_with("out/");
    owner.rows = state
        .partitions
        .iter()
        .filter(|(key, _)| mine(key))
        .map(|(_, partition)| partition.rows)
        .sum();
    owner.confirmed_at = state.parts.values().map(|part| part.confirmed_at.clone()).max();
    owner.oldest_confirmed_at = state.parts.values().map(|part| part.confirmed_at.clone()).min();
}

async fn read_nights(lake: &Lake, spool: &Path, damage: &mut Vec<String>) -> Result<Vec<Night>> {
    let files = nights(lake).await?;
    let mut read = Vec::new();
    for (run_id, files) in files.into_iter().rev().take(NIGHTS) {
        let mut night = Night {
            run_id,
            ..Night::default()
        };
        let key = |file: &str| format!("ledger/{}/{file}", night.run_id);
        let keys: Vec<(String, String)> = files
            .iter()
            .filter_map(|file| Some((file.strip_suffix(".parquet")?.to_owned(), key(file))))
            .collect();
        let told = if files.contains(NIGHT) {
            kept(night_json(lake, &night.run_id).await, damage)
        } else {
            None
        };
        let ledgers =
            stream::iter(keys).map(|(owner, key)| async move { (owner, Frame::file(lake, &key, spool).await) });
        for (owner, ledger) in ledgers.buffered(BESIDE).collect::<Vec<_>>().await {
            if let Some(ledger) = kept(ledger, damage) {
                night.tallies.insert(owner, Tally::of(&ledger));
            }
        }
        if let Some(told) = told {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
            night.started_at = text(&told["started_at"]);
            night.finished_at = text(&told["finished_at"]);
            let outcomes = told["owners"].as_array().into_iter().flatten();
            night.outcomes = outcomes
                .map(|owner| Outcome {
                    owner: text(&owner["owner"]),
                    status: text(&owner["status"]),
                    kind: text(&owner["kind"]).to_lowercase(),
                    faults: texts(&owner["faults"]),
                    warnings: texts(&owner["warnings"]),
                })
                .collect();
        }
        read.push(night);
    }
    Ok(read)
}
