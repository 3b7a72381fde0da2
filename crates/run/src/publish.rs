use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, BooleanArray, Int16Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    compute::filter_record_batch,
    datatypes::{DataType, Date32Type, Int16Type},
};
use klimalade_engine::{
    Change, ControlFile, ControlRules, PartitionSpool, Rule, ScalarValue, Spooled, compare_controls, compare_files,
    indicator_sums, missing_areas,
};
use klimalade_lake::{
    Areas, CommitPlan, Committed, OwnerLock, OwnerState, PartState, PartitionState, Publishes, Replacement, StagedFile,
};
use klimalade_model::{Fault, Part, Result, Table};
use klimalade_pipeline::{Formula, Owner, PartsFill};

use crate::{
    house::House,
    mapper::{PartRows, PathValues},
    provenance::{Provenance, Provenances},
    runner_table::{kept_rows, nullable, write_sorted},
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
    /// Things worth saying that stop nothing.
    pub(crate) warnings: Vec<String>,
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
}

struct Built {
    key: String,
    values: PathValues,
    parts: Vec<String>,
    staged: StagedFile,
    verdicts: Option<Arc<Spooled>>,
    changes: Vec<Change>,
    equal: bool,
}

impl Publisher<'_> {
    /// Key of the file with these values of the path.
    pub(crate) fn key(&self, values: &PathValues) -> String {
        partition_key(&self.table.name, &self.owner.name, values)
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
        let own = self.owner.definition.harvest.parts_fill == PartsFill::OwnPartition;
        let held_back = results
            .iter()
            .find(|result| result.fault.is_some() && result.state.is_none() && !own)
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
            match self.build(key, &filling, &provenances).await {
                Ok(Some(one)) => built.push(one),
                Ok(None) => removed.push(key.clone()),
                Err(fault) if fault.kind() == klimalade_model::Kind::Bug => return Err(fault),
                Err(fault) => published.held.push((key.clone(), parts, fault)),
            }
        }
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
        let mut changes: Vec<(String, Change)> = Vec::new();
        for one in &mut built {
            self.place(one, &mut state, &mut commit, &mut published);
            let old = self
                .old
                .partitions
                .get(&one.key)
                .map(|old| old.sha256.clone())
                .unwrap_or_default();
            changes.extend(
                std::mem::take(&mut one.changes)
                    .into_iter()
                    .map(|change| (old.clone(), change)),
            );
        }
        for key in &removed {
            if let Some(old) = self.old.partitions.get(key) {
                changes.extend(
                    self.vanished(key)
                        .await?
                        .into_iter()
                        .map(|change| (old.sha256.clone(), change)),
                );
            }
        }
        published.revisions = changes.len() as u64;
        self.control_totals(&built, &removed, &mut provenances, &mut state, &mut commit)
            .await?;
        self.revisions(changes, &mut provenances, &mut state, &mut commit)
            .await?;
        state.publishes = self.publishes();
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
        let mut changes = Vec::new();
        let revisions = format!("core/revision/pipeline={}/", self.owner.name);
        let data = format!("core/{}/", self.table.name);
        for (key, old) in &self.old.partitions {
            if key.starts_with(&revisions) {
                state.partitions.insert(key.clone(), old.clone());
                continue;
            }
            if key.starts_with(&data) {
                changes.extend(
                    self.vanished(key)
                        .await?
                        .into_iter()
                        .map(|change| (old.sha256.clone(), change)),
                );
            }
            commit.remove.push(key.clone());
        }
        published.revisions = changes.len() as u64;
        self.revisions(changes, &mut provenances, &mut state, &mut commit)
            .await?;
        published.replaced.clone_from(&commit.remove);
        commit.state = Some(state);
        published.state = self.house.lake.commit(self.lock, commit).await?.state;
        Ok(published)
    }

    fn publishes(&self) -> Publishes {
        let publishes = &self.owner.definition.publishes;
        let areas = publishes
            .areas
            .codes()
            .map_or(Areas::All, |codes| Areas::Only(codes.to_vec()));
        Publishes {
            indicators: publishes.indicators.clone(),
            areas,
        }
    }

    fn fills(&self, result: &PartResult, key: &str) -> bool {
        match &result.rows {
            Some(rows) => rows.partitions.keys().any(|values| self.key(values) == key),
            None => result
                .state
                .as_ref()
                .is_some_and(|state| state.partitions.iter().any(|known| known == key)),
        }
    }

    /// One partition as a staged file; `None` when no rows are left.
    async fn build(&self, key: &str, filling: &[&PartResult], provenances: &Provenances) -> Result<Option<Built>> {
        let checks = &self.owner.definition.checks;
        let mut spools: Vec<Arc<Spooled>> = Vec::new();
        let mut values: PathValues = Vec::new();
        let mut constants: Vec<(String, ScalarValue)> = Vec::new();
        for result in filling {
            let Some(rows) = &result.rows else {
                return Err(
                    Fault::bug("a part of a partition to be built was not mapped").found(result.part.key.clone())
                );
            };
            let allowed = checks.max_rejected.as_ref().map_or(0, |max| max.rows);
            if rows.counts.rejected > allowed {
                return Err(rejected_fault(rows, &result.part, allowed));
            }
            for (at, spool) in rows.partitions.iter().filter(|(values, _)| self.key(values) == key) {
                values.clone_from(at);
                spools.push(spool.clone());
            }
            constants.clone_from(&rows.constants);
        }
        if spools.is_empty() {
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
        if staged.rows < checks.min_rows {
            return Err(Fault::contract("a partition has fewer rows than [checks] min_rows")
                .at(key.to_owned())
                .expected(format!("at least {}", checks.min_rows))
                .found(staged.rows.to_string()));
        }
        self.check_areas(key, &staged).await?;
        let verdicts = self.check_controls(key, &values, filling, &constants, &staged).await?;
        let (mut changes, mut equal) = (Vec::new(), false);
        if let Some(file) = self.published_file(key).await? {
            self.check_change(key, &staged, file.path()).await?;
            let (table, old, new) = (self.table.clone(), file.path().to_owned(), staged.path.clone());
            let comparison = tokio::task::spawn_blocking(move || compare_files(&table, &old, &new))
                .await
                .map_err(|error| Fault::bug("comparing stopped").found(error.to_string()))??;
            equal = comparison.is_equal();
            changes = comparison.changes;
        }
        let parts = filling.iter().map(|result| result.part.key.clone()).collect();
        Ok(Some(Built {
            key: key.to_owned(),
            values,
            parts,
            staged,
            verdicts,
            changes,
            equal,
        }))
    }

    async fn published_file(&self, key: &str) -> Result<Option<klimalade_lake::LocalFile>> {
        if !self.old.partitions.contains_key(key) {
            return Ok(None);
        }
        self.house.lake.local_copy(key, &self.house.scratch).await
    }

    async fn check_areas(&self, key: &str, staged: &StagedFile) -> Result<()> {
        let Some(expected) = &self.owner.definition.checks.expected_areas else {
            return Ok(());
        };
        let areas = self.house.schemas.code_list("areas")?;
        let per: Vec<String> = expected
            .per
            .iter()
            .filter(|column| self.table.column(column).is_some())
            .cloned()
            .collect();
        let findings = missing_areas(
            &self.house.engine,
            &staged.path,
            areas,
            expected.level.as_deref(),
            &expected.also,
            &expected.may,
            &per,
        )
        .await?;
        let Some(first) = findings.first() else { return Ok(()) };
        Err(Fault::contract("the areas of a partition are not the expected ones")
            .at(key.to_owned())
            .expected(
                format!(
                    "every {} {}",
                    expected.level.as_deref().unwrap_or("area"),
                    expected.also.join(" ")
                )
                .trim_end()
                .to_owned(),
            )
            .found(format!(
                "{} of its groups differ; in {}: missing [{}], unexpected [{}]",
                findings.len(),
                first.group,
                first.missing.join(" "),
                first.unexpected.join(" "),
            ))
            .hint("[checks] expected_areas: also = [...] for areas that must be there, may = [...] for those that can"))
    }

    async fn check_change(&self, key: &str, staged: &StagedFile, old: &std::path::Path) -> Result<()> {
        let Some(largest) = &self.owner.definition.checks.largest_change else {
            return Ok(());
        };
        let before = indicator_sums(&self.house.engine, old).await?;
        let after = indicator_sums(&self.house.engine, &staged.path).await?;
        for (indicator, before) in before {
            let now = after.get(&indicator).copied().unwrap_or_default();
            if (now - before).abs() > largest.ratio * before.abs() {
                return Err(
                    Fault::contract("an indicator's sum changed more than [checks] largest_change")
                        .at(format!("{key}: {indicator}"))
                        .expected(format!("{before} within {} %", largest.ratio * 100.0))
                        .found(now.to_string())
                        .hint(
                            "look at the agency's notes; raise largest_change for one night when the change is right",
                        ),
                );
            }
        }
        Ok(())
    }

    async fn check_controls(
        &self,
        key: &str,
        values: &PathValues,
        filling: &[&PartResult],
        constants: &[(String, ScalarValue)],
        staged: &StagedFile,
    ) -> Result<Option<Arc<Spooled>>> {
        let spools: Vec<(&Arc<Spooled>, i32)> = filling
            .iter()
            .filter_map(|result| Some((result.rows.as_ref()?.controls.as_ref()?, result.number)))
            .collect();
        if spools.is_empty() {
            return Ok(None);
        }
        let engine = &self.house.engine;
        let mut file = ControlFile::create(engine, self.table, constants)?;
        for (spool, number) in spools {
            for batch in spool.read()? {
                let batch = of_year(&batch?, values)?;
                if batch.num_rows() > 0 {
                    file.append(&batch, number)?;
                }
            }
        }
        if file.rows == 0 {
            return Ok(None);
        }
        let target = self.house.schemas.table("control_total")?;
        let mut verdicts = PartitionSpool::create(engine, &nullable(&target.schema()))?;
        let rules = ControlRules(
            self.owner
                .definition
                .checks
                .control
                .iter()
                .map(|(what, rule)| {
                    let rule = Rule {
                        positive_only: rule.formula == Formula::SumOfPositive,
                        tolerance: rule.tolerance,
                        tolerance_ratio: rule.tolerance_ratio,
                        known: rule
                            .known
                            .iter()
                            .map(|known| (known.key.clone(), known.reason.clone()))
                            .collect(),
                    };
                    (what.clone(), rule)
                })
                .collect(),
        );
        let path = file.finish()?.to_owned();
        let summary = compare_controls(engine, &staged.path, &path, &rules, &self.house.schemas, &mut verdicts).await?;
        if summary.failed > 0 {
            return Err(Fault::contract("the agency's own totals are not the sums of its rows")
                .at(key.to_owned())
                .expected(format!(
                    "{} controls to agree",
                    summary.agrees + summary.known + summary.failed
                ))
                .found(format!(
                    "{} that do not; {}",
                    summary.failed,
                    summary.examples.join("; ")
                ))
                .hint("a difference that is right goes to [[checks.control.<what_code>.known]] with its reason"));
        }
        Ok(Some(Arc::new(verdicts.finish()?)))
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
                    parts: one.parts.clone(),
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
                parts: one.parts.clone(),
                values: one.values.iter().cloned().collect(),
            },
        );
        for part in &one.parts {
            let rows = state.parts.get(part).map_or(0, |part| part.counts.published);
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
        state.info = serde_json::json!({ "source_id": self.house.source_id(self.owner), "indicators": self.owner.definition.publishes.indicators });
        state.plan = plan;
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

    async fn vanished(&self, key: &str) -> Result<Vec<Change>> {
        let Some(file) = self.published_file(key).await? else {
            return Ok(Vec::new());
        };
        crate::retire::all_vanished(self.table, file.path())
    }

    async fn control_totals(
        &self,
        built: &[Built],
        removed: &[String],
        provenances: &mut Provenances,
        state: &mut OwnerState,
        commit: &mut CommitPlan,
    ) -> Result<()> {
        let target = self.house.schemas.table("control_total")?;
        let key = partition_key(&target.name, &self.owner.name, &Vec::new());
        let mut spools: Vec<Arc<Spooled>> = built.iter().filter_map(|one| one.verdicts.clone()).collect();
        let old = self.published_file(&key).await?;
        if built.is_empty() && removed.is_empty() || (old.is_none() && spools.is_empty()) {
            return Ok(());
        }
        let years = |values: &str| values.parse::<i16>().ok();
        let mut rebuilt: BTreeSet<i16> = built
            .iter()
            .flat_map(|one| &one.values)
            .filter(|(name, _)| name == "year")
            .filter_map(|(_, value)| years(value))
            .collect();
        let gone = removed
            .iter()
            .filter_map(|key| self.old.partitions.get(key)?.values.get("year"));
        rebuilt.extend(gone.filter_map(|value| years(value)));
        let whole = self.table.partition_by.len() == 1;
        if let Some(file) = &old
            && !whole
        {
            let keep = |rows: &RecordBatch| -> BooleanArray {
                let years = rows
                    .column_by_name("year")
                    .map(|years| years.as_primitive::<Int16Type>().clone())
                    .unwrap_or_else(|| Int16Array::from(Vec::<i16>::new()));
                years
                    .iter()
                    .map(|year| Some(year.is_none_or(|year| !rebuilt.contains(&year))))
                    .collect()
            };
            spools.extend(kept_rows(&self.house.engine, target, file.path(), provenances, keep)?);
        }
        self.replace_runner_file(target, &key, spools, provenances, state, commit)
            .await
    }

    async fn revisions(
        &self,
        changes: Vec<(String, Change)>,
        provenances: &mut Provenances,
        state: &mut OwnerState,
        commit: &mut CommitPlan,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let target = self.house.schemas.table("revision")?;
        let now = self.house.clock.now();
        let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
        let values = vec![("year".to_owned(), format!("{year:04}"))];
        let key = partition_key(&target.name, &self.owner.name, &values);
        let old = self.published_file(&key).await?;
        let number = provenances.number(Provenance {
            source_id: self.house.source_id(self.owner),
            retrieved_at: now.as_microsecond(),
            snapshot_sha256: klimalade_model::sha256_hex(self.run_id.as_bytes()),
            source_version: None,
            licence_code: self
                .owner
                .definition
                .licence_code
                .clone()
                .unwrap_or_else(|| "not_stated".to_owned()),
        });
        let mut spool = PartitionSpool::create(&self.house.engine, &nullable(&target.schema()))?;
        for chunk in changes.chunks(8192) {
            spool.append(&self.revision_rows(target, chunk, now)?, number)?;
        }
        let fresh = Arc::new(spool.finish()?);
        let mut spools = vec![fresh.clone()];
        if let Some(file) = &old {
            // A repeat adds nothing: the old row gives way to the same row.
            let known: BTreeSet<String> = changes
                .iter()
                .map(|(old, change)| format!("{old}|{}|{}", change.column, change.row_key))
                .collect();
            let keep = |rows: &RecordBatch| -> BooleanArray {
                let text = |name: &str| {
                    rows.column_by_name(name)
                        .map(|column| column.as_string::<i32>().clone())
                };
                let (Some(files), Some(columns), Some(keys)) =
                    (text("old_file_sha256"), text("column_name"), text("row_key"))
                else {
                    return BooleanArray::from(vec![true; rows.num_rows()]);
                };
                (0..rows.num_rows())
                    .map(|row| {
                        Some(!known.contains(&format!(
                            "{}|{}|{}",
                            files.value(row),
                            columns.value(row),
                            keys.value(row)
                        )))
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

    fn revision_rows(&self, target: &Table, changes: &[(String, Change)], now: jiff::Timestamp) -> Result<RecordBatch> {
        let rows = changes.len();
        let columns = target
            .columns
            .iter()
            .map(|column| -> Result<arrow::array::ArrayRef> {
                let text = |cell: &dyn Fn(&(String, Change)) -> Option<String>| {
                    Arc::new(changes.iter().map(cell).collect::<StringArray>()) as arrow::array::ArrayRef
                };
                Ok(match column.field.name.as_str() {
                    "table_name" => text(&|_| Some(self.table.name.clone())),
                    "row_key" => text(&|(_, change)| Some(change.row_key.clone())),
                    "column_name" => text(&|(_, change)| Some(change.column.clone())),
                    "old_value" => text(&|(_, change)| change.old.clone()),
                    "new_value" => text(&|(_, change)| change.new.clone()),
                    "old_file_sha256" => text(&|(old, _)| Some(old.clone())),
                    "run_id" => text(&|_| Some(self.run_id.to_owned())),
                    "first_seen_at" => {
                        Arc::new(TimestampMicrosecondArray::from(vec![now.as_microsecond(); rows]).with_timezone("UTC"))
                    }
                    other => {
                        return Err(
                            Fault::bug("revision has a column that the runner does not fill").found(other.to_owned())
                        );
                    }
                })
            })
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(nullable(&target.schema()), columns)
            .map_err(|source| Fault::bug("revision rows do not fit").because(source))
    }

    async fn replace_runner_file(
        &self,
        target: &Table,
        key: &str,
        spools: Vec<Arc<Spooled>>,
        provenances: &Provenances,
        state: &mut OwnerState,
        commit: &mut CommitPlan,
    ) -> Result<()> {
        let old = self.old.partitions.get(key);
        if spools.is_empty() {
            if old.is_some() {
                state.partitions.remove(key);
                commit.remove.push(key.to_owned());
            }
            return Ok(());
        }
        let path = self.scratch_file(key);
        let staged = write_sorted(
            &self.house.engine,
            target,
            &self.owner.name,
            spools,
            &[],
            provenances,
            &path,
        )
        .await?;
        if let (Some(file), Some(_)) = (self.published_file(key).await?, old) {
            let (table, before, after) = (target.clone(), file.path().to_owned(), staged.path.clone());
            let same = tokio::task::spawn_blocking(move || compare_files(&table, &before, &after))
                .await
                .map_err(|error| Fault::bug("comparing stopped").found(error.to_string()))??;
            if same.is_equal() {
                return Ok(());
            }
        }
        state.partitions.insert(
            key.to_owned(),
            PartitionState {
                sha256: staged.sha256.clone(),
                etag: String::new(),
                rows: staged.rows,
                bytes: staged.bytes,
                parts: Vec::new(),
                values: BTreeMap::new(),
            },
        );
        commit.replace.push(replacement(key, &staged, old));
        Ok(())
    }

    fn scratch_file(&self, key: &str) -> PathBuf {
        self.house.scratch.join(format!(
            "{}.parquet",
            klimalade_model::sha256_hex(format!("{}{key}", self.run_id).as_bytes())
        ))
    }
}

/// `core/<table>/pipeline=<owner>/[year=.../]data.parquet`.
pub(crate) fn partition_key(table: &str, owner: &str, values: &PathValues) -> String {
    let mut key = format!("core/{table}/pipeline={owner}/");
    for (name, value) in values {
        key.push_str(&format!("{name}={value}/"));
    }
    key.push_str("data.parquet");
    key
}

fn replacement(key: &str, staged: &StagedFile, old: Option<&PartitionState>) -> Replacement {
    Replacement {
        key: key.to_owned(),
        file: staged.path.clone(),
        sha256: staged.sha256.clone(),
        rows: staged.rows,
        old: old.map(|old| (old.sha256.clone(), old.etag.clone())),
    }
}

fn rejected_fault(rows: &PartRows, part: &Part, allowed: u64) -> Fault {
    let mut fault = Fault::contract("rows broke the table's contract")
        .at(format!("part {}", part.key))
        .expected(format!(
            "at most {allowed} rejected of {} mapped rows",
            rows.counts.mapped
        ));
    if let Some(first) = rows.rejects.first() {
        fault = fault.found(format!(
            "{}; the first: {} {} found {} expected {}",
            rows.counts.rejected, first.reason_code, first.column, first.found, first.expected
        ));
    }
    fault.hint("mend map.sql or the code list; rows that are right to lose: [checks] max_rejected = { rows = N, reason = \"...\" }")
}

/// Rows of a control batch that belong to a partition's year.
fn of_year(batch: &RecordBatch, values: &PathValues) -> Result<RecordBatch> {
    let year = values
        .iter()
        .find(|(name, _)| name == "year")
        .and_then(|(_, value)| value.parse::<i16>().ok());
    let (Some(year), Some(days)) = (year, batch.column_by_name("period_start")) else {
        return Ok(batch.clone());
    };
    if *days.data_type() != DataType::Date32 {
        return Ok(batch.clone());
    }
    use jiff::ToSpan;
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    let mask: BooleanArray = days
        .as_primitive::<Date32Type>()
        .iter()
        .map(|day| Some(day.is_some_and(|day| epoch.saturating_add(day.days()).year() == year)))
        .collect();
    filter_record_batch(batch, &mask).map_err(|source| Fault::bug("controls cannot be split").because(source))
}
