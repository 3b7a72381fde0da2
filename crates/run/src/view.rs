use std::{collections::BTreeSet, path::Path, time::Instant};

use arrow::{array::AsArray, compute::cast, datatypes::DataType};
use klimalade_lake::{Lake, OwnerLock, OwnerState, PartState};
use klimalade_model::{Fault, Manifest, PageEntry, Part, Result, Table};
use klimalade_pipeline::Owner;
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReaderBuilder};

use crate::{
    freshness::TooOld,
    harvest::{Night, fail},
    house::{House, rfc3339},
    inputs::{InputColumns, Inputs},
    ledger::{PartLedger, write_ledger, write_rejects},
    mapper::Mapper,
    provenance::{Provenance, Provenances, damaged},
    publish::{PartResult, Publisher},
    refused::take_rejects,
    report::{OwnerReport, Status},
};

/// The one part of a view.
const PART: &str = "view";

/// A view's night: rebuilt when an input file or its SQL changed. Never an error: what failed stands in the report.
pub(crate) async fn build_view(house: &House, owner: &Owner, night: &Night) -> OwnerReport {
    let started = Instant::now();
    let mut report = OwnerReport::new(owner, Status::Unchanged);
    let mut row = PartLedger {
        pipeline: owner.name.clone(),
        part: PART.to_owned(),
        started_at: house.now_text(),
        ..PartLedger::default()
    };
    if let Err(fault) = run_view(house, owner, night, &mut report, &mut row).await {
        if row.status != "held" {
            row.status = "failed".to_owned();
        }
        row.error_kind = Some(fault.kind().to_string());
        row.error_text = Some(fault.line());
        fail(
            &mut report,
            house,
            owner,
            &fault,
            night.states.newest_confirmation(&owner.name).as_deref(),
        );
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
    report.warnings.extend(night.states.clashes(owner, &house.schemas)?);
    let table = house.schemas.table(&owner.definition.table)?;
    if table.by_runner {
        return Err(Fault::settings("no view may fill this table").found(table.name.clone()));
    }
    check_reads(house, owner, &house.lake.states().await?)?;
    // A view never reads its own rows.
    let reads = |other: &str| other != owner.name && reads_owner(owner, other);
    let inputs = Inputs::of(house, &owner.sql, InputColumns::Own, reads).await?;
    let old = house
        .lake
        .state(&owner.name)
        .await?
        .unwrap_or_else(|| OwnerState::new(&owner.name, &table.name, &night.run_id));
    let mapping_hash = owner.mapping_hash(&house.schemas)?;
    let now = rfc3339(house.clock.now());
    let manifest = manifest(&inputs, &owner.name, &now);
    let snapshot = Lake::snapshot(&manifest)?;
    let known = old.parts.get(PART).filter(|_| old.retired_at.is_none());
    let same = known.is_some_and(|known| {
        !night.replay
            && !night.repair
            && known.snapshot.content_sha256 == snapshot.content_sha256
            && known.mapping_hash == mapping_hash
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
            licence_code: licence(&inputs, house, owner, table)?,
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
        row.control = counts.control;
        row.skipped = counts.skipped.values().sum();
        row.skipped_by_reason.clone_from(&counts.skipped);
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
        columns: Vec::new(),
    };
    let mut results = vec![result];
    publisher.refuse(&mut results);
    let rejects = take_rejects(&mut results);
    write_rejects(&house.lake, &night.run_id, &owner.name, &rejects).await?;
    let refused = results.iter_mut().find_map(|result| {
        let fault = result.fault.clone()?;
        Some((owner.name.clone(), fault))
    });
    let published = publisher.publish(vec![Part::new(PART)], results, provenances).await?;
    published.state.iter().for_each(|state| night.states.keep(state));
    row.written = published.written.get(PART).copied().unwrap_or_default();
    report.revisions = published.revisions;
    if !published.replaced.is_empty() {
        report.status = Status::Published;
    }
    report.replaced = published.replaced;
    let too_old = match published.too_old {
        Some(TooOld::Warning(text)) => {
            report.look_at(text);
            None
        }
        Some(TooOld::Refusal(fault)) => Some((owner.name.clone(), fault)),
        None => None,
    };
    let held = published.held.into_iter().map(|(key, _, fault)| (key, fault));
    let Some((place, fault)) = refused.into_iter().chain(held).chain(too_old).next() else {
        return Ok(());
    };
    // The file stays as it was, so what is said of it is what stands in the state.
    row.status = "held".to_owned();
    row.published = known.map_or(0, |known| known.counts.published);
    row.confirmed_at = known.map(|known| known.confirmed_at.clone());
    Err(fault.at(place))
}

/// True when a view reads rows of this owner: one that it names, an instance of a pipeline that it names, or any.
pub(crate) fn reads_owner(view: &Owner, owner: &str) -> bool {
    let reads = &view.definition.reads;
    let pipeline = owner.split('.').next().unwrap_or_default();
    reads.is_empty() || reads.iter().any(|name| name == owner || name == pipeline)
}

/// Errors: Settings, when a view reads a pipeline that there is not and never was.
fn check_reads(house: &House, owner: &Owner, states: &[OwnerState]) -> Result<()> {
    let names: Vec<&String> = house
        .catalogue
        .pipelines
        .iter()
        .flat_map(|(name, pipeline)| pipeline.owners.iter().map(|owner| &owner.name).chain([name]))
        .collect();
    let reads = owner.definition.reads.iter();
    let mut unknown = reads.filter(|name| !names.contains(name) && !states.iter().any(|state| state.owner == **name));
    match unknown.next() {
        Some(unknown) => Err(Fault::settings("a view reads a pipeline that is not there")
            .at(format!("{}: reads", owner.name))
            .found(unknown.clone())
            .hint("klimalade check lists them")),
        None => Ok(()),
    }
}

fn manifest(inputs: &Inputs, owner: &str, now: &str) -> Manifest {
    let pages = inputs.entries.iter().map(|entry| PageEntry {
        retrieved_at: now.to_owned(),
        ..entry.clone()
    });
    Manifest {
        owner: owner.to_owned(),
        part: Part::new(PART),
        pages: pages.collect(),
    }
}

/// The strictest licence of the inputs. Rows of out carry none.
fn licence(inputs: &Inputs, house: &House, owner: &Owner, table: &Table) -> Result<String> {
    if let Some(licence) = &owner.definition.licence_code {
        return Ok(licence.clone());
    }
    let mut licences = BTreeSet::new();
    if !table.is_out() {
        for file in inputs.core_files() {
            licences_of(file, &mut licences)?;
        }
    }
    let list = house.schemas.code_list("licences")?;
    let strictness = |code: &str| {
        list.get(code, "strictness")
            .and_then(|rank| rank.parse().ok())
            .unwrap_or(i64::MAX)
    };
    let strictest = licences.iter().max_by_key(|code| strictness(code));
    Ok(strictest.cloned().unwrap_or_else(|| "not_stated".to_owned()))
}

const LICENCE: &str = "licence_code";

/// Adds the licences of a file's rows: from the row groups' statistics where those name one, else from the rows.
fn licences_of(file: &Path, licences: &mut BTreeSet<String>) -> Result<()> {
    let unreadable = |error: String| {
        damaged("a published file cannot be read")
            .at(file.display().to_string())
            .found(error)
    };
    let opened = std::fs::File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| unreadable(error.to_string()))?;
    let schema = builder.parquet_schema();
    let Some(at) = (0..schema.num_columns()).find(|&at| schema.column(at).name() == LICENCE) else {
        return Err(unreadable("no column licence_code".to_owned()));
    };
    let mut mixed = Vec::new();
    for (number, group) in builder.metadata().row_groups().iter().enumerate() {
        match klimalade_lake::constant_text(group, LICENCE) {
            Some(code) => {
                licences.insert(code.to_owned());
            }
            None => mixed.push(number),
        }
    }
    if mixed.is_empty() {
        return Ok(());
    }
    let mask = ProjectionMask::leaves(schema, [at]);
    let reader = builder.with_projection(mask).with_row_groups(mixed).build();
    for batch in reader.map_err(|error| unreadable(error.to_string()))? {
        let batch = batch.map_err(|error| unreadable(error.to_string()))?;
        let codes = cast(batch.column(0), &DataType::Utf8).map_err(|error| unreadable(error.to_string()))?;
        licences.extend(codes.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(())
}
