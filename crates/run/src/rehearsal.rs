use std::collections::{BTreeMap, BTreeSet};

use klimalade_engine::compare_files;
use klimalade_lake::{Lake, OwnerState};
use klimalade_model::{Fault, Result};
use klimalade_pipeline::Owner;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use crate::{
    explain::{Cells, cells_of},
    house::{House, NightOptions, limits},
    night::run_night,
    report::{NightReport, OwnerReport},
};

/// Changed cells and rejected rows of an owner that are shown as examples.
const EXAMPLES: usize = 5;

/// What a night would do: it was run whole, over a lake laid above the one that stands.
#[derive(Debug, Serialize)]
pub struct Rehearsal {
    /// The night as it ended there.
    #[serde(skip)]
    pub night: NightReport,
    /// In the order in which they ran.
    pub owners: Vec<OwnerRehearsal>,
}

/// What a night would do to one owner.
#[derive(Debug, Serialize)]
pub struct OwnerRehearsal {
    /// The owner.
    pub owner: String,
    /// Its table.
    pub table: String,
    /// As the night's summary would say it: `published`, `unchanged`, `failed`, ...
    pub status: &'static str,
    /// What the agency was asked, and what that costs under the limits.
    pub requests: Requests,
    /// Rows by fate, over all parts; of a part that was not asked as the last night counted them.
    pub rows: Rows,
    /// The first rejected rows.
    pub rejects: Vec<Cells>,
    /// Files of the table.
    pub files: Vec<File>,
    /// The first changed cells.
    pub changes: Vec<Changed>,
    /// Why something would be refused or held.
    pub faults: Vec<String>,
    /// Things worth saying.
    pub warnings: Vec<String>,
}

/// Requests of one owner.
#[derive(Debug, Default, Serialize)]
pub struct Requests {
    /// To plan, and to plan again at the end.
    pub plan: u64,
    /// For parts.
    pub parts: u64,
    /// Parts that were asked for, of all.
    pub parts_asked: usize,
    /// Parts that the agency offers.
    pub parts_offered: usize,
    /// Milliseconds between two requests: the longer of the host's and the dataset's interval.
    pub interval_millis: u64,
    /// Seconds of waiting that follow from both: an estimate, since owners may wait for one host together, and servers
    /// may ask for more.
    pub waiting_seconds: f64,
}

/// Rows of one owner.
#[derive(Debug, Default, Serialize)]
pub struct Rows {
    /// Raw rows.
    pub received: u64,
    /// Rows that map.sql gave.
    pub mapped: u64,
    /// To publish.
    pub published: u64,
    /// The agency's own totals.
    pub control: u64,
    /// Skipped, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rejected.
    pub rejected: u64,
}

/// One file of an owner.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its key.
    pub key: String,
    /// `new`, `replaced`, `unchanged` or `removed`.
    pub what: &'static str,
    /// Rows in it afterwards.
    pub rows: u64,
    /// Rows that are not published today.
    pub added: u64,
    /// Rows with another content.
    pub changed: u64,
    /// Published rows that would be gone.
    pub vanished: u64,
}

/// One changed cell.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// The table.
    pub table: String,
    /// `indicator_code=...|area_code=...`.
    pub row_key: String,
    /// Column.
    pub column: String,
    /// As published; `None` is null.
    pub old: Option<String>,
    /// As it would be; `None` is null, or gone.
    pub new: Option<String>,
}

/// Runs a night over `house.lake`, which must be a [`Lake::rehearsal`], and compares what came of it with the lake
/// that stands; `standing` is that one, opened for reading, where it has any state. Errors: as [`run_night`].
pub async fn rehearse(house: &House, standing: Option<&Lake>, options: &NightOptions) -> Result<Rehearsal> {
    let night = run_night(house, options).await?;
    let mut owners = Vec::with_capacity(night.owners.len());
    for report in &night.owners {
        owners.push(compared(house, standing, &night, report).await?);
    }
    Ok(Rehearsal { night, owners })
}

async fn compared(
    house: &House,
    standing: Option<&Lake>,
    night: &NightReport,
    report: &OwnerReport,
) -> Result<OwnerRehearsal> {
    let owner = house
        .catalogue
        .owners()
        .into_iter()
        .find(|owner| owner.name == report.owner);
    // A state that cannot be read is the night's own finding.
    let before = match standing {
        Some(lake) => lake.state(&report.owner).await.unwrap_or_default(),
        None => None,
    };
    let after = house.lake.state(&report.owner).await.unwrap_or_default();
    let mut rehearsed = OwnerRehearsal {
        owner: report.owner.clone(),
        table: report.table.clone(),
        status: report.status.word(),
        requests: requests(owner, report),
        rows: rows(report),
        rejects: rejects(house, &night.run_id, &report.owner).await?,
        files: Vec::new(),
        changes: Vec::new(),
        faults: report.faults.clone(),
        warnings: report.warnings.clone(),
    };
    let table = house.schemas.table(&report.table).ok();
    let keys: BTreeSet<&String> = [&before, &after]
        .into_iter()
        .flatten()
        .flat_map(|state| state.partitions.keys())
        .filter(|key| table.is_some_and(|table| table.has_file(key)))
        .collect();
    for key in keys {
        let sides = (of(&before, key), of(&after, key));
        let file = file(house, standing, report, key, sides, &mut rehearsed.changes).await?;
        rehearsed.files.push(file);
    }
    Ok(rehearsed)
}

/// Hash and rows of a file.
fn of<'a>(state: &'a Option<OwnerState>, key: &str) -> Option<(&'a str, u64)> {
    let partition = state.as_ref()?.partitions.get(key)?;
    Some((&partition.sha256, partition.rows))
}

type Side<'a> = Option<(&'a str, u64)>;

async fn file(
    house: &House,
    standing: Option<&Lake>,
    report: &OwnerReport,
    key: &str,
    (before, after): (Side<'_>, Side<'_>),
    changes: &mut Vec<Changed>,
) -> Result<File> {
    let mut file = File {
        key: key.to_owned(),
        what: "unchanged",
        rows: after.map_or(0, |(_, rows)| rows),
        added: 0,
        changed: 0,
        vanished: 0,
    };
    match (before, after) {
        (None, _) => {
            file.what = "new";
            file.added = file.rows;
        }
        (Some((_, rows)), None) => {
            file.what = "removed";
            file.vanished = rows;
        }
        (Some((old, _)), Some((new, _))) if old == new => {}
        (Some(_), Some(_)) => {
            file.what = "replaced";
            let gone = || {
                Fault::contract("a file that a state names is gone")
                    .at(key.to_owned())
                    .hint("klimalade verify")
            };
            let standing = standing.ok_or_else(|| Fault::bug("a published file without a lake"))?;
            let old = standing.local_copy(key, &house.scratch).await?.ok_or_else(gone)?;
            let new = house.lake.local_copy(key, &house.scratch).await?.ok_or_else(gone)?;
            let table = house.schemas.table(&report.table)?.clone();
            let room = EXAMPLES.saturating_sub(changes.len());
            let (comparison, examples) = tokio::task::spawn_blocking(move || {
                let mut examples = Vec::new();
                let comparison = compare_files(&table, old.path(), new.path(), false, &mut |change| {
                    if examples.len() < room {
                        examples.push(Changed {
                            table: table.name.clone(),
                            row_key: change.row_key,
                            column: change.column,
                            old: change.old,
                            new: change.new,
                        });
                    }
                    Ok(())
                })?;
                Ok::<_, Fault>((comparison, examples))
            })
            .await
            .map_err(|error| Fault::bug("comparing stopped").found(error.to_string()))??;
            (file.added, file.changed, file.vanished) = (comparison.added, comparison.changed, comparison.vanished);
            changes.extend(examples);
        }
    }
    Ok(file)
}

fn requests(owner: Option<&Owner>, report: &OwnerReport) -> Requests {
    let parts: u64 = report.parts.iter().map(|part| part.requests).sum();
    let limits = owner.map(|owner| limits(&owner.definition.limits)).unwrap_or_default();
    let interval = limits.host_interval.max(limits.dataset_interval);
    let waits = u32::try_from((report.plan_requests + parts).saturating_sub(1)).unwrap_or(u32::MAX);
    Requests {
        plan: report.plan_requests,
        parts,
        parts_asked: report.parts.iter().filter(|part| part.requests > 0).count(),
        parts_offered: report.parts.iter().filter(|part| part.part != "*").count(),
        interval_millis: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        waiting_seconds: interval.saturating_mul(waits).as_secs_f64(),
    }
}

fn rows(report: &OwnerReport) -> Rows {
    let mut rows = Rows::default();
    for part in &report.parts {
        rows.received += part.received.unwrap_or_default();
        rows.mapped += part.mapped;
        rows.published += part.published;
        rows.control += part.control;
        rows.rejected += part.rejected;
        for (reason, number) in &part.skipped_by_reason {
            *rows.skipped.entry(reason.clone()).or_default() += number;
        }
    }
    rows
}

/// The first rejected rows, as the night wrote them down.
async fn rejects(house: &House, run_id: &str, owner: &str) -> Result<Vec<Cells>> {
    let Some(bytes) = house.lake.get(&format!("reject/{run_id}/{owner}.parquet")).await? else {
        return Ok(Vec::new());
    };
    let unreadable = |error: String| Fault::bug("the rejects of a rehearsal cannot be read").found(error);
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|builder| builder.with_batch_size(EXAMPLES).build())
        .map_err(|error| unreadable(error.to_string()))?;
    let first = reader
        .next()
        .transpose()
        .map_err(|error| unreadable(error.to_string()))?;
    Ok(cells_of(first.as_slice()))
}
