use std::{collections::BTreeMap, time::Instant};

use klimalade_engine::{LakeFile, LakeTable, tables_read};
use klimalade_lake::{Lake, OwnerLock, OwnerState, PartState};
use klimalade_model::{Fault, Manifest, PageEntry, Part, Result};
use klimalade_pipeline::Owner;

use crate::{
    harvest::{Night, fail},
    house::{House, rfc3339},
    ledger::{PartLedger, write_ledger},
    mapper::Mapper,
    provenance::{Provenance, Provenances},
    publish::{PartResult, Publisher},
    report::{OwnerReport, Status},
};

/// The one part of a view.
const PART: &str = "view";

/// A view's night: rebuilt when an input file or its SQL changed. Never an error: what failed stands in the report.
pub(crate) async fn build_view(house: &House, owner: &Owner, night: &Night) -> OwnerReport {
    let started = Instant::now();
    let mut report = OwnerReport {
        owner: owner.name.clone(),
        table: owner.definition.table.clone(),
        status: Status::Unchanged,
        kind: None,
        parts: Vec::new(),
        replaced: Vec::new(),
        revisions: 0,
        faults: Vec::new(),
        warnings: Vec::new(),
        seconds: 0.0,
    };
    let mut row = PartLedger {
        pipeline: owner.name.clone(),
        part: PART.to_owned(),
        started_at: house.now_text(),
        ..PartLedger::default()
    };
    if let Err(fault) = run_view(house, owner, night, &mut report, &mut row).await {
        row.status = "failed".to_owned();
        row.error_kind = Some(fault.kind().to_string());
        row.error_text = Some(fault.line());
        fail(&mut report, house, owner, &fault, night.states.newest_confirmation(&owner.name).as_deref());
    }
    report.seconds = started.elapsed().as_secs_f64();
    row.seconds = report.seconds;
    report.parts.push(row);
    if report.status != Status::Locked
        && let Err(fault) = write_ledger(&house.lake, &night.run_id, &owner.name, &report.parts).await
    {
        fail(&mut report, house, owner, &fault, None);
    }
    house.progress.owner_done(&owner.name, report.status.word());
    report
}

async fn run_view(
    house: &House,
    owner: &Owner,
    night: &Night,
    report: &mut OwnerReport,
    row: &mut PartLedger,
) -> Result<()> {
    let Some(lock) = house.lake.lock(&owner.name, &night.run_id).await? else {
        report.status = Status::Locked;
        report
            .warnings
            .push(house.lake.locked_by_another(&owner.name).await.line());
        return Ok(());
    };
    let outcome = run_locked(house, owner, night, &lock, report, row).await;
    lock.release().await?;
    outcome
}

async fn run_locked(
    house: &House,
    owner: &Owner,
    night: &Night,
    lock: &OwnerLock,
    report: &mut OwnerReport,
    row: &mut PartLedger,
) -> Result<()> {
    house.lake.recover(lock).await?;
    report.warnings.extend(night.states.clashes(owner)?);
    let table = house.schemas.table(&owner.definition.table)?;
    if table.layer != "core" || table.by_runner {
        return Err(Fault::settings("no view may fill this table").found(table.name.clone()));
    }
    let inputs = Inputs::find(house, owner).await?;
    let old = house
        .lake
        .state(&owner.name)
        .await?
        .unwrap_or_else(|| OwnerState::new(&owner.name, &table.name, &night.run_id));
    let mapping_hash = owner.mapping_hash(&house.schemas)?;
    let now = rfc3339(house.clock.now());
    let manifest = inputs.manifest(&owner.name, &now);
    let snapshot = Lake::snapshot(&manifest)?;
    let known = old.parts.get(PART).filter(|_| old.retired_at.is_none());
    let same = known.is_some_and(|known| {
        !night.replay
            && !night.repair
            && known.snapshot.content_sha256 == snapshot.content_sha256 && known.mapping_hash == mapping_hash
    });
    let mut provenances = Provenances::default();
    let result = if let (true, Some(known)) = (same, known) {
        row.status = "confirmed".to_owned();
        let state = PartState {
            confirmed_at: now,
            ..known.clone()
        };
        PartResult {
            part: state.part.clone(),
            state: Some(state),
            rows: None,
            changed: false,
            fault: None,
            number: 0,
        }
    } else {
        row.status = "built".to_owned();
        house.lake.put_manifest(&manifest).await?;
        let number = provenances.number(Provenance {
            source_id: house.source_id(owner),
            retrieved_at: house.clock.now().as_microsecond(),
            snapshot_sha256: snapshot.manifest_sha256.clone(),
            source_version: None,
            licence_code: inputs.licence(house, owner)?,
        });
        let mapping = house.engine.view(&owner.sql, &inputs.tables).await?;
        let rows = Mapper::new(&house.engine, &house.schemas, owner)?
            .map_view(mapping, number)
            .await?;
        let state = PartState {
            part: Part::new(PART),
            snapshot,
            mapping_hash,
            first_seen_at: now.clone(),
            confirmed_at: now,
            counts: rows.counts.clone(),
            partitions: Vec::new(),
            extra: serde_json::Value::Null,
        };
        PartResult {
            part: Part::new(PART),
            state: Some(state),
            rows: Some(rows),
            changed: true,
            fault: None,
            number,
        }
    };
    let counts = result
        .rows
        .as_ref()
        .map(|rows| rows.counts.clone())
        .or_else(|| known.map(|known| known.counts.clone()));
    if let Some(counts) = counts {
        row.mapped = counts.mapped;
        row.published = counts.published;
        row.rejected = counts.rejected;
    }
    row.manifest_sha256 = result
        .state
        .as_ref()
        .map(|state| state.snapshot.manifest_sha256.clone());
    row.confirmed_at = result.state.as_ref().map(|state| state.confirmed_at.clone());
    let publisher = Publisher {
        house,
        owner,
        lock,
        old: &old,
        run_id: &night.run_id,
        table,
    };
    let published = publisher
        .publish(vec![Part::new(PART)], vec![result], provenances)
        .await?;
    published.state.iter().for_each(|state| night.states.keep(state));
    row.written = published.written.get(PART).copied().unwrap_or_default();
    report.revisions = published.revisions;
    if !published.replaced.is_empty() {
        report.status = Status::Published;
    }
    report.replaced = published.replaced;
    if let Some((key, _, fault)) = published.held.into_iter().next() {
        return Err(fault.at(key));
    }
    Ok(())
}

/// Files of the tables that a view reads.
struct Inputs {
    tables: Vec<LakeTable>,
    entries: Vec<PageEntry>,
    owners: Vec<String>,
}

impl Inputs {
    async fn find(house: &House, owner: &Owner) -> Result<Self> {
        let mut inputs = Self {
            tables: Vec::new(),
            entries: Vec::new(),
            owners: Vec::new(),
        };
        let states = house.lake.states().await?;
        for name in tables_read(&owner.sql)? {
            let table = house.schemas.table(&name)?;
            let prefix = format!("core/{name}/");
            let mut files = Vec::new();
            // A view never reads its own rows.
            for state in states.iter().filter(|state| state.owner != owner.name) {
                for (key, partition) in state.partitions.iter().filter(|(key, _)| key.starts_with(&prefix)) {
                    let copy = house.lake.local_copy(key, &house.scratch).await?;
                    let copy = copy.ok_or_else(|| {
                        Fault::source("a file that a state names is gone")
                            .at(key.clone())
                            .hint("klimalade verify")
                    })?;
                    let mut values = vec![("pipeline".to_owned(), state.owner.clone())];
                    let order = |name: &str| table.partition_by.iter().position(|level| level == name);
                    let mut deeper: Vec<(String, String)> = partition.values.clone().into_iter().collect();
                    deeper.sort_by_key(|(name, _)| order(name));
                    values.extend(deeper);
                    files.push(LakeFile {
                        path: copy.path().to_owned(),
                        values,
                        keep: std::sync::Arc::new(copy),
                    });
                    inputs.entries.push(PageEntry {
                        address: format!("{}{key}", klimalade_lake::INPUT_SCHEME),
                        retrieved_at: String::new(),
                        bytes: partition.bytes,
                        sha256: partition.sha256.clone(),
                        server_count: None,
                        redactions: 0,
                        etag: None,
                        last_modified: None,
                    });
                    if !inputs.owners.contains(&state.owner) {
                        inputs.owners.push(state.owner.clone());
                    }
                }
            }
            inputs.tables.push(LakeTable {
                name,
                schema: table.schema(),
                files,
            });
        }
        Ok(inputs)
    }

    fn manifest(&self, owner: &str, now: &str) -> Manifest {
        let pages = self
            .entries
            .iter()
            .map(|entry| PageEntry {
                retrieved_at: now.to_owned(),
                ..entry.clone()
            })
            .collect();
        Manifest {
            owner: owner.to_owned(),
            part: Part::new(PART),
            pages,
        }
    }

    /// The strictest licence of the inputs.
    fn licence(&self, house: &House, owner: &Owner) -> Result<String> {
        if let Some(licence) = &owner.definition.licence_code {
            return Ok(licence.clone());
        }
        let list = house.schemas.code_list("licences")?;
        let owners = house.catalogue.owners();
        let mut ranked: BTreeMap<i64, String> = BTreeMap::new();
        for licence in owners
            .iter()
            .filter(|known| self.owners.contains(&known.name))
            .filter_map(|known| known.definition.licence_code.clone())
        {
            let rank = list
                .get(&licence, "strictness")
                .and_then(|rank| rank.parse().ok())
                .unwrap_or(i64::MAX);
            ranked.insert(rank, licence);
        }
        Ok(ranked
            .into_values()
            .next_back()
            .unwrap_or_else(|| "not_stated".to_owned()))
    }
}
