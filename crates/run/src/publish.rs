use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use klimalade_engine::Spooled;
use klimalade_lake::{
    CommitPlan, Committed, OwnerLock, OwnerState, PartState, PartitionState, Replacement, StagedFile,
};
use klimalade_model::{Fault, Part, Result, SourceColumn, Table};
use klimalade_pipeline::{Owner, PartsFill};

use crate::{
    freshness::TooOld,
    house::House,
    mapper::{PartRows, PathValues},
    provenance::Provenances,
    revisions::{Origins, Revised},
    runner_table::write_sorted,
};

/// What became of a part before publishing.
#[derive(Debug)]
pub(crate) struct PartResult {
    pub(crate) part: Part,
    /// As it will stand in the state; for a failed part as it stood before, if it did.
    pub(crate) state: Option<PartState>,
    /// Its rows, where it was mapped tonight.
    pub(crate) rows: Option<PartRows>,
    /// Content, mapping or existence is another than in the state.
    pub(crate) changed: bool,
    /// Why it is not good.
    pub(crate) fault: Option<Fault>,
    /// Number of its rows' provenance.
    pub(crate) number: i32,
}

/// What publishing did.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// Keys of core that were replaced or removed.
    pub(crate) replaced: Vec<String>,
    /// Rows in replaced files, by part.
    pub(crate) written: BTreeMap<String, u64>,
    /// Partitions that stay as they were, and why; with the parts that fill them.
    pub(crate) held: Vec<(String, Vec<String>, Fault)>,
    /// Cells that were revised.
    pub(crate) revisions: u64,
    /// What is published is older than it may be; a fault, where that stops.
    pub(crate) too_old: Option<TooOld>,
    /// The state after the commit.
    pub(crate) state: Option<OwnerState>,
}

/// Publishes one owner's night.
pub(crate) struct Publisher<'a> {
    pub(crate) house: &'a House,
    pub(crate) owner: &'a Owner,
    pub(crate) lock: &'a OwnerLock,
    pub(crate) old: &'a OwnerState,
    pub(crate) run_id: &'a str,
    pub(crate) table: &'a Table,
    /// What is known of the source's columns.
    pub(crate) columns: Vec<SourceColumn>,
}

pub(crate) struct Built {
    pub(crate) key: String,
    pub(crate) values: PathValues,
    /// Parts that fill it, each with its rows in it.
    pub(crate) parts: BTreeMap<String, u64>,
    pub(crate) staged: StagedFile,
    pub(crate) verdicts: Option<Arc<Spooled>>,
    pub(crate) revised: Option<Revised>,
    pub(crate) equal: bool,
}

impl Publisher<'_> {
    /// Key of the file with these values of the path.
    pub(crate) fn key(&self, values: &PathValues) -> String {
        self.table.file_key(&self.owner.name, values)
    }

    /// Keys of the table's partitions that a part changed tonight touches, before and after.
    pub(crate) fn affected(&self, results: &[PartResult]) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for result in results.iter().filter(|result| result.changed && result.fault.is_none()) {
            if let Some(rows) = &result.rows {
                keys.extend(rows.partitions.keys().map(|values| self.key(values)));
            }
            if let Some(before) = self.old.parts.get(&result.part.key) {
                keys.extend(before.partitions.iter().cloned());
            }
        }
        let planned: BTreeSet<&str> = results.iter().map(|result| result.part.key.as_str()).collect();
        for (key, gone) in &self.old.parts {
            if !planned.contains(key.as_str()) {
                keys.extend(gone.partitions.iter().cloned());
            }
        }
        keys
    }

    /// Stages, checks and commits. Every part that fills an affected partition has its rows.
    pub(crate) async fn publish(
        &self,
        plan: Vec<Part>,
        mut results: Vec<PartResult>,
        mut provenances: Provenances,
    ) -> Result<Published> {
        let mut published = Published::default();
        let run = provenances.number(self.run_provenance());
        let own = self.owner.definition.harvest.parts_fill == PartsFill::OwnPartition;
        // Of a part that was mapped and refused its rows say which partitions it would fill.
        let unknown = |result: &PartResult| {
            result.state.is_none() && result.rows.as_ref().is_none_or(|rows| rows.partitions.is_empty())
        };
        let held_back = results
            .iter()
            .find(|result| result.fault.is_some() && unknown(result) && !own)
            .map(|result| result.part.key.clone());
        let affected = self.affected(&results);
        let mut built: Vec<Built> = Vec::new();
        let mut removed: Vec<String> = Vec::new();
        for key in &affected {
            let filling: Vec<&PartResult> = results.iter().filter(|result| self.fills(result, key)).collect();
            let parts: Vec<String> = filling.iter().map(|result| result.part.key.clone()).collect();
            if let Some(part) = &held_back {
                let fault =
                    Fault::source("a part that was never harvested failed, so nothing of its owner is published")
                        .found(part.clone());
                published.held.push((key.clone(), parts, fault));
                continue;
            }
            if own && filling.len() > 1 {
                let fault =
                    Fault::contract("two parts fill one partition though [harvest] parts_fill = \"own_partition\"")
                        .at(key.clone())
                        .found(parts.join(", "))
                        .hint("leave parts_fill out");
                published.held.push((key.clone(), parts, fault));
                continue;
            }
            if let Some(failed) = filling.iter().find(|result| result.fault.is_some()) {
                let fault = Fault::source("a part of the partition failed").found(failed.part.key.clone());
                published.held.push((key.clone(), parts, fault));
                continue;
            }
            match self.build(key, &filling, &results, &provenances, run).await {
                Ok(Some(one)) => built.push(one),
                Ok(None) => removed.push(key.clone()),
                Err(fault) if fault.kind() == klimalade_model::Kind::Bug => return Err(fault),
                Err(fault) => published.held.push((key.clone(), parts, fault)),
            }
        }
        self.check_freshness(&mut built, &mut removed, &mut published).await?;
        let mut state = self.next_state(plan, &results, &built, &published);
        for key in &removed {
            state.partitions.remove(key);
        }
        let mut commit = CommitPlan {
            state: None,
            replace: Vec::new(),
            remove: removed
                .iter()
                .filter(|key| self.old.partitions.contains_key(*key))
                .cloned()
                .collect(),
        };
        let mut revised: Vec<Revised> = Vec::new();
        for one in &mut built {
            self.place(one, &mut state, &mut commit, &mut published);
            revised.extend(one.revised.take());
        }
        for key in &removed {
            revised.extend(self.vanished(key, &mut provenances).await?);
        }
        published.revisions = revised.iter().map(|one| one.rows.rows).sum();
        self.control_totals(&built, &removed, &mut provenances, &mut state, &mut commit)
            .await?;
        self.revisions(revised, &mut provenances, &mut state, &mut commit)
            .await?;
        let settled = published.held.is_empty() && results.iter().all(|result| result.fault.is_none());
        state.publishes = self.publishes(settled);
        published.replaced = commit
            .replace
            .iter()
            .map(|one| one.key.clone())
            .chain(commit.remove.iter().cloned())
            .collect();
        commit.state = Some(state);
        let Committed { state, .. } = self.house.lake.commit(self.lock, commit).await?;
        published.state = state;
        results.clear();
        Ok(published)
    }

    /// Removes every partition of the owner's table; the revisions stay.
    pub(crate) async fn retire(&self, mut provenances: Provenances) -> Result<Published> {
        let mut published = Published::default();
        let mut state = OwnerState::new(&self.owner.name, &self.table.name, self.run_id);
        state.retired_at = Some(self.house.now_text());
        let mut commit = CommitPlan::default();
        let mut revised = Vec::new();
        let revisions = format!("core/revision/pipeline={}/", self.owner.name);
        for (key, old) in &self.old.partitions {
            if key.starts_with(&revisions) {
                state.partitions.insert(key.clone(), old.clone());
                continue;
            }
            if self.table.has_file(key) {
                revised.extend(self.vanished(key, &mut provenances).await?);
            }
            commit.remove.push(key.clone());
        }
        published.revisions = revised.iter().map(|one| one.rows.rows).sum();
        self.revisions(revised, &mut provenances, &mut state, &mut commit)
            .await?;
        published.replaced.clone_from(&commit.remove);
        commit.state = Some(state);
        published.state = self.house.lake.commit(self.lock, commit).await?.state;
        Ok(published)
    }

    /// True when the part has rows in the file; a failed one where it had or would have.
    fn fills(&self, result: &PartResult, key: &str) -> bool {
        let new = result.rows.as_ref().map(|rows| &rows.partitions);
        let old = result
            .state
            .as_ref()
            .filter(|_| new.is_none() || result.fault.is_some());
        new.is_some_and(|new| new.keys().any(|values| self.key(values) == key))
            || old.is_some_and(|state| state.partitions.iter().any(|known| known == key))
    }

    /// One partition as a staged file; `None` when no rows are left.
    async fn build(
        &self,
        key: &str,
        filling: &[&PartResult],
        results: &[PartResult],
        provenances: &Provenances,
        run: i32,
    ) -> Result<Option<Built>> {
        let mut parts = BTreeMap::new();
        let mut spools: Vec<Arc<Spooled>> = Vec::new();
        let (mut values, mut constants) = (PathValues::new(), Vec::new());
        for result in filling {
            let Some(rows) = &result.rows else {
                return Err(
                    Fault::bug("a part of a partition to be built was not mapped").found(result.part.key.clone())
                );
            };
            for (at, spool) in rows.partitions.iter().filter(|(values, _)| self.key(values) == key) {
                values.clone_from(at);
                *parts.entry(result.part.key.clone()).or_default() += spool.rows;
                spools.push(spool.clone());
            }
            constants.clone_from(&rows.constants);
        }
        if spools.is_empty() {
            self.check_removal(key, results)?;
            return Ok(None);
        }
        let path = self.scratch_file(key);
        let engine = &self.house.engine;
        let staged = write_sorted(
            engine,
            self.table,
            &self.owner.name,
            spools,
            &constants,
            provenances,
            &path,
        )
        .await
        .map_err(|fault| fault.at(key.to_owned()))?;
        self.check_file(key, &staged, &constants).await?;
        let verdicts = self.check_controls(key, &values, filling, &constants, &staged).await?;
        let (mut revised, mut equal) = (None, false);
        if let (Some(file), Some(old)) = (self.published_file(key).await?, self.old.partitions.get(key)) {
            let left = old.parts.iter().any(|part| !planned(results, part));
            self.check_change(key, &staged, file.path(), left).await?;
            let origins = Origins::of(filling, provenances, run);
            let (comparison, found) = self.compare(&old.sha256, file.path(), &staged.path, origins).await?;
            equal = comparison.is_equal();
            revised = found;
        }
        Ok(Some(Built {
            key: key.to_owned(),
            values,
            parts,
            staged,
            verdicts,
            revised,
            equal,
        }))
    }

    pub(crate) async fn published_file(&self, key: &str) -> Result<Option<klimalade_lake::LocalFile>> {
        if !self.old.partitions.contains_key(key) {
            return Ok(None);
        }
        self.house.lake.local_copy(key, &self.house.scratch).await
    }

    /// The state's entry and the commit's replacement of one built partition.
    fn place(&self, one: &Built, state: &mut OwnerState, commit: &mut CommitPlan, published: &mut Published) {
        let old = self.old.partitions.get(&one.key);
        if one.equal
            && let Some(old) = old
        {
            state.partitions.insert(
                one.key.clone(),
                PartitionState {
                    parts: one.parts.keys().cloned().collect(),
                    ..old.clone()
                },
            );
            return;
        }
        state.partitions.insert(
            one.key.clone(),
            PartitionState {
                sha256: one.staged.sha256.clone(),
                etag: String::new(),
                rows: one.staged.rows,
                bytes: one.staged.bytes,
                parts: one.parts.keys().cloned().collect(),
                values: one.values.iter().cloned().collect(),
            },
        );
        for (part, rows) in &one.parts {
            *published.written.entry(part.clone()).or_default() += rows;
        }
        commit.replace.push(replacement(&one.key, &one.staged, old));
    }

    fn next_state(
        &self,
        plan: Vec<Part>,
        results: &[PartResult],
        built: &[Built],
        published: &Published,
    ) -> OwnerState {
        let mut state = OwnerState::new(&self.owner.name, &self.table.name, self.run_id);
        state.partitions.clone_from(&self.old.partitions);
        state.info = self.info();
        state.columns.clone_from(&self.columns);
        state.plan = plan;
        state.committed_at = Some(format!("{:.3}", self.house.clock.now()));
        let held: BTreeSet<&String> = published.held.iter().flat_map(|(_, parts, _)| parts).collect();
        for result in results {
            let key = &result.part.key;
            // A part whose partition stays as it was stays as it was: the next night tries again.
            let keep_old = result.fault.is_some() || (held.contains(key) && result.changed);
            let entry = if keep_old {
                self.old.parts.get(key).cloned()
            } else {
                result.state.clone()
            };
            if let Some(mut entry) = entry {
                if !keep_old && let Some(rows) = &result.rows {
                    entry.partitions = rows.partitions.keys().map(|values| self.key(values)).collect();
                }
                state.parts.insert(key.clone(), entry);
            }
        }
        // Parts that left the plan but still stand in a partition that was held.
        for (key, gone) in &self.old.parts {
            let stands = gone.partitions.iter().any(|partition| {
                published.held.iter().any(|(held, ..)| held == partition)
                    && !built.iter().any(|one| one.key == *partition)
            });
            if stands && !state.parts.contains_key(key) {
                state.parts.insert(key.clone(), gone.clone());
            }
        }
        state
    }

    pub(crate) fn scratch_file(&self, key: &str) -> PathBuf {
        self.house.scratch.join(format!(
            "{}.parquet",
            klimalade_model::sha256_hex(format!("{}{key}", self.run_id).as_bytes())
        ))
    }
}

pub(crate) fn replacement(key: &str, staged: &StagedFile, old: Option<&PartitionState>) -> Replacement {
    Replacement {
        key: key.to_owned(),
        file: staged.path.clone(),
        sha256: staged.sha256.clone(),
        rows: staged.rows,
        old: old.map(|old| (old.sha256.clone(), old.etag.clone())),
    }
}

/// True when the part is one of tonight's plan.
pub(crate) fn planned(results: &[PartResult], part: &str) -> bool {
    results.iter().any(|result| result.part.key == part)
}
