//! Where figures come from: source, method, licence, and for each year when it was retrieved and in which snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use klimalade_lake::Lake;
use klimalade_model::Result;

use super::Frame;

/// One source of an indicator or table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// With `sim_` in front where it is simulated.
    pub(crate) source: String,
    /// The pipeline, with its instance.
    pub(crate) owner: String,
    pub(crate) licence: String,
    pub(crate) method: String,
    /// Oldest years first; of a table without years there is one.
    pub(crate) retrievals: Vec<Retrieval>,
}

/// Years that come from the same snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retrieval {
    /// First and last; 0 where the table has no years.
    pub(crate) years: (i16, i16),
    /// When the oldest and the newest of their snapshots were retrieved, ISO.
    pub(crate) retrieved: (String, String),
    /// Their hashes.
    pub(crate) snapshots: BTreeSet<String>,
}

impl Origin {
    /// The folder of its pipeline: what stands before an instance's name.
    pub(crate) fn folder(&self) -> &str {
        self.owner.split_once('.').map_or(&self.owner, |(folder, _)| folder)
    }

    /// Its newest retrieval, ISO.
    pub(crate) fn newest(&self) -> &str {
        let all = self.retrievals.iter().map(|retrieval| retrieval.retrieved.1.as_str());
        all.max().unwrap_or_default()
    }
}

/// What tells the retrievals of a figure apart: indicator (empty for a whole table), source, owner, method, licence, year, snapshot.
type Key = (String, String, String, String, String, i16, String);

/// The sources of the measured figures of each indicator, up to a year.
pub(super) async fn of_indicators(lake: &Lake, until: i16, spool: &Path) -> Result<BTreeMap<String, Vec<Origin>>> {
    let columns = ["indicator_code", "scenario_code", "method_code", "year"];
    let is_meant = |frame: &Frame, row: usize| {
        frame.year(row, "year") <= until && matches!(frame.text(row, "scenario_code"), "actual" | "")
    };
    read(lake, "observation", &columns, &is_meant, spool).await
}

/// The sources of a whole table.
pub(super) async fn of_table(lake: &Lake, table: &str, spool: &Path) -> Result<Vec<Origin>> {
    let found = read(lake, table, &[], &|_, _| true, spool).await?;
    Ok(found.into_values().flatten().collect())
}

async fn read(
    lake: &Lake,
    table: &str,
    columns: &[&'static str],
    is_meant: &dyn Fn(&Frame, usize) -> bool,
    spool: &Path,
) -> Result<BTreeMap<String, Vec<Origin>>> {
    let wanted = super::with_source(columns);
    // Of each key the oldest and the newest retrieval. One file at a time: the table may be large.
    let mut found: BTreeMap<Key, (String, String)> = BTreeMap::new();
    for key in Frame::files(lake, table).await? {
        let Some(frame) = Frame::of_file(lake, &key, &wanted, spool).await? else {
            continue;
        };
        let owner = key.split('/').find_map(|part| part.strip_prefix("pipeline="));
        let mut inside: BTreeMap<([&str; 5], i16), (&str, &str)> = BTreeMap::new();
        for row in frame.rows().filter(|row| is_meant(&frame, *row)) {
            let names = [
                "indicator_code",
                "source_id",
                "method_code",
                "licence_code",
                "snapshot_sha256",
            ];
            let key = (names.map(|name| frame.text(row, name)), frame.year(row, "year"));
            let retrieved = frame.text(row, "retrieved_at");
            let known = inside.entry(key).or_insert((retrieved, retrieved));
            *known = (known.0.min(retrieved), known.1.max(retrieved));
        }
        for (([value, source, method, licence, snapshot], year), (oldest, newest)) in inside {
            let [value, source, method, licence, snapshot] =
                [value, source, method, licence, snapshot].map(str::to_owned);
            let key = (
                value,
                source,
                owner.unwrap_or_default().to_owned(),
                method,
                licence,
                year,
                snapshot,
            );
            found.insert(key, (oldest.to_owned(), newest.to_owned()));
        }
    }
    Ok(grouped(found))
}

/// Years beside each other that come from the same snapshots are one.
fn grouped(found: BTreeMap<Key, (String, String)>) -> BTreeMap<String, Vec<Origin>> {
    let mut origins: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
    // In the order of the key: snapshots of a year follow each other, and years of an origin.
    for ((value, source, owner, method, licence, year, snapshot), retrieved) in found {
        let all = origins.entry(value).or_default();
        let is_same = all.last().is_some_and(|origin| {
            (&origin.source, &origin.owner, &origin.method, &origin.licence) == (&source, &owner, &method, &licence)
        });
        if !is_same {
            all.push(Origin {
                source,
                owner,
                licence,
                method,
                retrievals: Vec::new(),
            });
        }
        let Some(origin) = all.last_mut() else { continue };
        match origin.retrievals.last_mut() {
            Some(last) if last.years.0 == year => {
                last.retrieved.0 = last.retrieved.0.clone().min(retrieved.0);
                last.retrieved.1 = last.retrieved.1.clone().max(retrieved.1);
                last.snapshots.insert(snapshot);
            }
            _ => origin.retrievals.push(Retrieval {
                years: (year, year),
                retrieved,
                snapshots: BTreeSet::from([snapshot]),
            }),
        }
    }
    for origin in origins.values_mut().flatten() {
        let mut joined: Vec<Retrieval> = Vec::new();
        for retrieval in std::mem::take(&mut origin.retrievals) {
            match joined.last_mut() {
                Some(last) if last.snapshots == retrieval.snapshots && last.years.1 + 1 == retrieval.years.0 => {
                    last.years.1 = retrieval.years.1;
                }
                _ => joined.push(retrieval),
            }
        }
        origin.retrievals = joined;
    }
    origins
}
