use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use klimalade_engine::{Change, Comparison, Engine, PartitionSpool, Spooled, compare_files};
use klimalade_lake::{CommitPlan, OwnerState};
use klimalade_model::{Fault, Result, Table};

use crate::{
    provenance::{Provenance, Provenances},
    publish::{PartResult, Publisher},
    retire::all_vanished,
    runner_table::{kept_rows, nullable},
};

/// Changes that wait for a batch.
const BATCH: usize = 4096;

/// The revisions of one replaced file, on scratch disk.
#[derive(Clone, Debug)]
pub(crate) struct Revised {
    /// Hash of the file that was replaced or removed.
    pub(crate) old_file: String,
    pub(crate) rows: Arc<Spooled>,
}

/// Takes the changes of one file and keeps no more of them than a batch.
struct RevisionSpool {
    engine: Engine,
    target: Table,
    table: String,
    old_file: String,
    run_id: String,
    first_seen_at: i64,
    waiting: Vec<Change>,
    number: i32,
    spool: Option<PartitionSpool>,
}

impl RevisionSpool {
    fn add(&mut self, change: Change, number: i32) -> Result<()> {
        if number != self.number || self.waiting.len() == BATCH {
            self.flush()?;
        }
        self.number = number;
        self.waiting.push(change);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batch = self.rows()?;
        self.waiting.clear();
        let spool = match &mut self.spool {
            Some(spool) => spool,
            None => self
                .spool
                .insert(PartitionSpool::create(&self.engine, &nullable(&self.target.schema()))?),
        };
        spool.append(&batch, self.number)
    }

    fn finish(mut self) -> Result<Option<Revised>> {
        self.flush()?;
        let Some(spool) = self.spool else { return Ok(None) };
        Ok(Some(Revised {
            old_file: self.old_file,
            rows: Arc::new(spool.finish()?),
        }))
    }

    fn rows(&self) -> Result<RecordBatch> {
        let changes = &self.waiting;
        let columns = self
            .target
            .columns
            .iter()
            .map(|column| -> Result<ArrayRef> {
                let text = |cell: &dyn Fn(&Change) -> Option<String>| {
                    Arc::new(changes.iter().map(cell).collect::<StringArray>()) as ArrayRef
                };
                Ok(match column.field.name.as_str() {
                    "table_name" => text(&|_| Some(self.table.clone())),
                    "row_key" => text(&|change| Some(change.row_key.clone())),
                    "column_name" => text(&|change| Some(change.column.clone())),
                    "old_value" => text(&|change| change.old.clone()),
                    "new_value" => text(&|change| change.new.clone()),
                    "old_file_sha256" => text(&|_| Some(self.old_file.clone())),
                    "run_id" => text(&|_| Some(self.run_id.clone())),
                    "first_seen_at" => Arc::new(
                        TimestampMicrosecondArray::from(vec![self.first_seen_at; changes.len()]).with_timezone("UTC"),
                    ),
                    other => {
                        return Err(
                            Fault::bug("revision has a column that the runner does not fill").found(other.to_owned())
                        );
                    }
                })
            })
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(nullable(&self.target.schema()), columns)
            .map_err(|source| Fault::bug("revision rows do not fit").because(source))
    }
}

/// Where the changes of a partition come from.
pub(crate) struct Origins {
    /// By snapshot_sha256; empty where one part alone changed.
    by_snapshot: BTreeMap<String, i32>,
    /// Of all other changes.
    otherwise: i32,
}

impl Origins {
    /// One changed part brought every change; of several the new row tells which, and what vanished is the run's.
    pub(crate) fn of(filling: &[&PartResult], provenances: &Provenances, run: i32) -> Self {
        let changed: Vec<i32> = filling
            .iter()
            .filter(|result| result.changed)
            .map(|result| result.number)
            .collect();
        if let [one] = changed[..] {
            return Self {
                by_snapshot: BTreeMap::new(),
                otherwise: one,
            };
        }
        let numbers = filling.iter().map(|result| result.number);
        Self {
            by_snapshot: numbers
                .filter_map(|number| Some((provenances.get(number)?.snapshot_sha256.clone(), number)))
                .collect(),
            otherwise: run,
        }
    }
    fn number(&self, change: &Change) -> i32 {
        let snapshot = change.snapshot.as_ref();
        let known = snapshot.and_then(|snapshot| self.by_snapshot.get(snapshot));
        known.copied().unwrap_or(self.otherwise)
    }
}

impl Publisher<'_> {
    /// What the run itself says, where no part is known that brought a change.
    pub(crate) fn run_provenance(&self) -> Provenance {
        let licence = &self.owner.definition.licence_code;
        Provenance {
            source_id: self.house.source_id(self.owner),
            retrieved_at: self.house.clock.now().as_microsecond(),
            snapshot_sha256: klimalade_model::sha256_hex(self.run_id.as_bytes()),
            source_version: None,
            licence_code: licence.clone().unwrap_or_else(|| "not_stated".to_owned()),
        }
    }

    fn revision_spool(&self, old_file: &str) -> Result<RevisionSpool> {
        Ok(RevisionSpool {
            engine: self.house.engine.clone(),
            target: self.house.schemas.table("revision")?.clone(),
            table: self.table.name.clone(),
            old_file: old_file.to_owned(),
            run_id: self.run_id.to_owned(),
            first_seen_at: self.house.clock.now().as_microsecond(),
            waiting: Vec::new(),
            number: 0,
            spool: None,
        })
    }

    /// Compares the published file of a partition with the staged one.
    pub(crate) async fn compare(
        &self,
        old_file: &str,
        old: &Path,
        new: &Path,
        origins: Origins,
    ) -> Result<(Comparison, Option<Revised>)> {
        let mut spool = self.revision_spool(old_file)?;
        let (table, old, new) = (self.table.clone(), old.to_owned(), new.to_owned());
        tokio::task::spawn_blocking(move || {
            let several = !origins.by_snapshot.is_empty();
            let comparison = compare_files(&table, &old, &new, several, &mut |change| {
                // What is made from core has its history there.
                if table.is_out() {
                    return Ok(());
                }
                let number = origins.number(&change);
                spool.add(change, number)
            })?;
            Ok((comparison, spool.finish()?))
        })
        .await
        .map_err(|error| Fault::bug("comparing stopped").found(error.to_string()))?
    }

    /// Every row of a partition as vanished.
    pub(crate) async fn vanished(&self, key: &str, provenances: &mut Provenances) -> Result<Option<Revised>> {
        if self.table.is_out() {
            return Ok(None);
        }
        let (Some(old), Some(file)) = (self.old.partitions.get(key), self.published_file(key).await?) else {
            return Ok(None);
        };
        let mut spool = self.revision_spool(&old.sha256)?;
        all_vanished(self.table, file.path(), provenances, &mut |change, number| {
            spool.add(change, number)
        })?;
        spool.finish()
    }

    /// Puts revisions into this year's file beside those that it has.
    pub(crate) async fn revisions(
        &self,
        revised: Vec<Revised>,
        provenances: &mut Provenances,
        state: &mut OwnerState,
        commit: &mut CommitPlan,
    ) -> Result<()> {
        if revised.is_empty() {
            return Ok(());
        }
        let target = self.house.schemas.table("revision")?;
        let year = self.house.clock.now().to_zoned(jiff::tz::TimeZone::UTC).year();
        let values = vec![("year".to_owned(), format!("{year:04}"))];
        let key = target.file_key(&self.owner.name, &values);
        let mut spools: Vec<Arc<Spooled>> = revised.iter().map(|one| one.rows.clone()).collect();
        if let Some(file) = &self.published_file(&key).await? {
            // A repeat adds nothing: the old row gives way to the same row. A repeat needs the same file to be replaced
            // twice, so the keys are read only where the old rows name such a file.
            let files: BTreeSet<&str> = revised.iter().map(|one| one.old_file.as_str()).collect();
            let hashes: OnceCell<Vec<u64>> = OnceCell::new();
            let keep = |rows: &RecordBatch| -> Result<BooleanArray> {
                let cells = RevisionKeys::of(rows)?;
                (0..rows.num_rows())
                    .map(|row| {
                        if !files.contains(cells.0.value(row)) {
                            return Ok(Some(true));
                        }
                        if hashes.get().is_none() {
                            let _ = hashes.set(key_hashes(&revised)?);
                        }
                        let known = hashes.get().map(Vec::as_slice).unwrap_or_default();
                        Ok(Some(known.binary_search(&cells.hash(row)).is_err()))
                    })
                    .collect()
            };
            spools.extend(kept_rows(&self.house.engine, target, file.path(), provenances, keep)?);
        }
        self.replace_runner_file(target, &key, spools, provenances, state, commit)
            .await?;
        if let Some(entry) = state.partitions.get_mut(&key) {
            entry.values = values.into_iter().collect();
        }
        Ok(())
    }
}

/// Old file, column and row key of revision rows.
struct RevisionKeys<'a>(&'a StringArray, &'a StringArray, &'a StringArray);

impl<'a> RevisionKeys<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self> {
        let text = |name: &str| {
            rows.column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>())
                .ok_or_else(|| Fault::bug("revision lacks a column").expected(name.to_owned()))
        };
        Ok(Self(text("old_file_sha256")?, text("column_name")?, text("row_key")?))
    }
    fn hash(&self, row: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.0.value(row), self.1.value(row), self.2.value(row)).hash(&mut hasher);
        hasher.finish()
    }
}

/// Hashes of tonight's keys in order: 8 bytes a row instead of the keys.
fn key_hashes(revised: &[Revised]) -> Result<Vec<u64>> {
    let mut hashes = Vec::new();
    for one in revised {
        for batch in one.rows.read()? {
            let batch = batch?;
            let keys = RevisionKeys::of(&batch)?;
            hashes.extend((0..batch.num_rows()).map(|row| keys.hash(row)));
        }
    }
    hashes.sort_unstable();
    Ok(hashes)
}
