use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{AsArray, BooleanArray, Int16Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::Int16Type,
};
use klimalade_engine::{Change, PartitionSpool, Spooled, compare_files};
use klimalade_lake::{CommitPlan, OwnerState, PartitionState};
use klimalade_model::{Fault, Result, Table};

use crate::{
    provenance::{Provenance, Provenances},
    publish::{Built, Publisher, partition_key, replacement},
    runner_table::{kept_rows, nullable, write_sorted},
};

/// The tables that the runner writes beside an owner's own: control_total and revision, in the same commit.
impl Publisher<'_> {
    pub(crate) async fn control_totals(
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

    pub(crate) async fn revisions(
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
}
