use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{AsArray, BooleanArray, Int16Array, RecordBatch},
    datatypes::Int16Type,
};
use klimalade_engine::{Spooled, compare_files};
use klimalade_lake::{CommitPlan, OwnerState, PartitionState};
use klimalade_model::{Fault, Result, Table};

use crate::{
    provenance::Provenances,
    publish::{Built, Publisher, replacement},
    runner_table::{kept_rows, write_sorted},
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
        let key = target.file_key(&self.owner.name, &[]);
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
        let whole = self.table.deeper_levels().is_empty();
        if let Some(file) = &old
            && !whole
        {
            let keep = |rows: &RecordBatch| -> Result<BooleanArray> {
                let years = rows
                    .column_by_name("year")
                    .map(|years| years.as_primitive::<Int16Type>().clone())
                    .unwrap_or_else(|| Int16Array::from(Vec::<i16>::new()));
                Ok(years
                    .iter()
                    .map(|year| Some(year.is_none_or(|year| !rebuilt.contains(&year))))
                    .collect())
            };
            spools.extend(kept_rows(&self.house.engine, target, file.path(), provenances, keep)?);
        }
        self.replace_runner_file(target, &key, spools, provenances, state, commit)
            .await
    }

    pub(crate) async fn replace_runner_file(
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
            let same =
                tokio::task::spawn_blocking(move || compare_files(&table, &before, &after, false, &mut |_| Ok(())))
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
