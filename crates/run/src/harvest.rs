use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use klimalade_connect::Context;
use klimalade_lake::{OwnerLock, OwnerState};
use klimalade_model::{Fault, Kind, Result};
use klimalade_pipeline::Owner;

use crate::{
    cadence::days_since,
    freshness::TooOld,
    house::{House, limits},
    ledger::{PartLedger, write_ledger, write_rejects},
    mapper::Mapper,
    provenance::Provenances,
    publish::{PartResult, Publisher},
    refused::take_rejects,
    report::{OwnerReport, Status},
    states::{States, newest_confirmation},
    work::Work,
};

/// What an owner's night knows of the run around it.
#[derive(Clone, Debug)]
pub(crate) struct Night {
    pub(crate) run_id: String,
    pub(crate) replay: bool,
    pub(crate) repair: bool,
    pub(crate) states: States,
}

/// An owner's night, from lock to ledger. Never an error: what failed stands in the report.
pub(crate) async fn harvest_owner(house: &House, owner: &Owner, night: &Night) -> OwnerReport {
    let started = Instant::now();
    let mut report = OwnerReport::new(owner, Status::Unchanged);
    // A replay asks nobody, so it needs no secret.
    let missing = if night.replay {
        Vec::new()
    } else {
        house.missing_secrets(owner)
    };
    if owner.definition.harvest.off || !missing.is_empty() {
        report.status = Status::Off;
        report.warnings.extend(missing.iter().map(|name| {
            format!(
                "its secret is not configured: set KLIMALADE_SECRET_{} or [secrets] {name} in klimalade.toml",
                name.to_uppercase()
            )
        }));
        return report;
    }
    let outcome = run_owner(house, owner, night, &mut report).await;
    let confirmed = night.states.newest_confirmation(&owner.name);
    let outcome = outcome.map_err(|fault| match confirmed {
        // What was harvested before and is there no more is no source that nobody has set up yet.
        Some(_) if fault.is_off() => fault.with_kind(Kind::Source),
        _ => fault,
    });
    if let Err(fault) = &outcome
        && fault.is_off()
    {
        report.status = Status::Off;
        let hint = fault.hint_text().map(|hint| format!("; hint: {hint}"));
        report.warnings.push(fault.line() + &hint.unwrap_or_default());
    } else if let Err(fault) = outcome {
        fail(&mut report, house, owner, &fault, confirmed.as_deref());
        report.parts.push(PartLedger {
            pipeline: owner.name.clone(),
            part: "*".to_owned(),
            started_at: house.now_text(),
            status: "failed".to_owned(),
            error_kind: Some(fault.kind().to_string()),
            error_text: Some(fault.line()),
            confirmed_at: confirmed,
            ..PartLedger::default()
        });
    }
    report.seconds = started.elapsed().as_secs_f64();
    if report.status != Status::Locked
        && let Err(fault) = write_ledger(&house.lake, &night.run_id, &owner.name, &report.parts).await
    {
        fail(&mut report, house, owner, &fault, None);
    }
    house.progress.owner_done(&owner.name, report.status.word());
    report
}

/// Books a fault: a warning while the last confirmation is fresh and the fault may pass, else a failure.
pub(crate) fn fail(report: &mut OwnerReport, house: &House, owner: &Owner, fault: &Fault, confirmed_at: Option<&str>) {
    fail_part(report, house, owner, "*", fault, confirmed_at);
}

/// As [`fail`], for one part.
fn fail_part(
    report: &mut OwnerReport,
    house: &House,
    owner: &Owner,
    part: &str,
    fault: &Fault,
    confirmed_at: Option<&str>,
) {
    let stale = i64::from(owner.definition.stale_after_days());
    let fresh = confirmed_at
        .and_then(|at| days_since(at, house.clock.now()))
        .is_some_and(|days| days <= stale);
    let waits = matches!(fault.kind(), Kind::Transient | Kind::Source) && fresh;
    let status = if waits { Status::Warning } else { Status::Failed };
    if report.status != Status::Failed {
        report.status = status;
    }
    let grave = |kind: Kind| match kind {
        Kind::Bug => 4,
        Kind::Settings => 3,
        Kind::Contract => 2,
        Kind::Source => 1,
        Kind::Transient => 0,
    };
    if report.kind.is_none_or(|known| grave(fault.kind()) > grave(known)) {
        report.kind = Some(fault.kind());
    }
    let mut text = fault.to_string();
    if matches!(fault.kind(), Kind::Transient | Kind::Source) && !fresh {
        text.push_str(match confirmed_at {
            Some(_) => "\n  stale    the last confirmation is older than [checks] stale_after_days",
            None => "\n  stale    never published",
        });
    }
    if !report.faults.contains(&text) {
        house.progress.failed(&owner.name, part, fault, waits);
        report.faults.push(text);
    }
}

async fn run_owner(house: &House, owner: &Owner, night: &Night, report: &mut OwnerReport) -> Result<()> {
    let Some(lock) = house.lake.lock(&owner.name, &night.run_id).await? else {
        let fault = house.lake.locked_by_another(&owner.name).await;
        report.status = Status::Locked;
        report.warnings.push(fault.line());
        return Ok(());
    };
    let outcome = run_locked(house, owner, night, &lock, report).await;
    lock.release().await?;
    outcome
}

async fn run_locked(
    house: &House,
    owner: &Owner,
    night: &Night,
    lock: &OwnerLock,
    report: &mut OwnerReport,
) -> Result<()> {
    if house.lake.recover(lock).await? {
        report
            .warnings
            .push("an unfinished commit of an earlier night was finished".to_owned());
    }
    report.warnings.extend(night.states.clashes(owner, &house.schemas)?);
    let schemas = &house.schemas;
    let table = schemas.table(&owner.definition.table)?;
    if table.layer != "core" || table.by_runner {
        return Err(Fault::settings("no pipeline may fill this table")
            .at(owner.name.clone())
            .found(table.name.clone()));
    }
    let standing = house
        .lake
        .state(&owner.name)
        .await?
        .filter(|state| state.retired_at.is_none());
    let old = match standing {
        Some(state) if state.table != table.name => {
            return Err(Fault::settings("the pipeline filled another table before")
                .at(owner.name.clone())
                .expected(state.table)
                .found(table.name.clone())
                .hint(format!("klimalade retire {}", owner.name)));
        }
        Some(state) => state,
        None => house
            .lake
            .state(&owner.name)
            .await?
            .unwrap_or_else(|| OwnerState::new(&owner.name, &table.name, &night.run_id)),
    };
    if night.replay && old.plan.is_empty() && owner.definition.raw_of.is_none() {
        report
            .warnings
            .push(format!("nothing of it was harvested yet: klimalade run {}", owner.name));
        return Ok(());
    }
    let mapping_hash = house.catalogue.mapping_hash(owner, schemas)?;
    let raw_owner = house.catalogue.raw_owner(owner)?;
    let base = match owner.definition.raw_of {
        None => None,
        Some(_) => Some(base_state(house, &raw_owner.name).await?),
    };
    let (name, settings) = raw_owner.definition.connector()?;
    let connector = house.registry.open(&name, settings)?;
    let client = house.client.with_limits(limits(&owner.definition.limits));
    let context = Context {
        client,
        clock: house.clock.clone(),
        secrets: house.secrets.clone(),
        schemas: schemas.clone(),
        cancel: house.cancel.clone(),
    };
    let mut work = Work {
        house,
        owner,
        night,
        old: &old,
        mapper: Mapper::new(&house.engine, schemas, owner)?,
        connector,
        context,
        mapping_hash,
        raw_name: raw_owner.name.clone(),
        base,
        provenances: Provenances::default(),
        landed: BTreeMap::new(),
        superfluous: Vec::new(),
        warnings: Vec::new(),
        ledger: BTreeMap::new(),
        plan_requests: 0,
        columns: old.columns.clone(),
        findings: BTreeSet::new(),
    };
    let fetched = work.fetch_all().await;
    report.plan_requests = work.plan_requests;
    let (mut plan, mut results) = fetched?;
    let publisher = Publisher {
        house,
        owner,
        lock,
        old: &old,
        run_id: &night.run_id,
        table,
        columns: std::mem::take(&mut work.columns),
    };
    publisher.keep_missing(&mut plan, &mut results)?;
    let affected = publisher.affected(&results);
    work.map_unchanged(&affected, &mut results).await;
    publisher.refuse(&mut results);
    let rejects = take_rejects(&mut results);
    write_rejects(&house.lake, &night.run_id, &owner.name, &rejects).await?;
    let mut faults: Vec<(String, Fault, Option<String>)> = Vec::new();
    for result in &results {
        if let Some(fault) = &result.fault {
            // A part that is new to an owner which is fresh is no owner that was never published.
            let confirmed = old.parts.get(&result.part.key).map(|state| state.confirmed_at.clone());
            let confirmed = confirmed.or_else(|| newest_confirmation(&old));
            faults.push((result.part.key.clone(), fault.clone(), confirmed));
        }
    }
    let counted: BTreeMap<String, PartCounts> = results
        .iter()
        .map(|result| (result.part.key.clone(), PartCounts::of(result)))
        .collect();
    let provenances = std::mem::take(&mut work.provenances);
    let published = publisher.publish(plan, results, provenances).await?;
    published.state.iter().for_each(|state| night.states.keep(state));
    work.drop_superfluous(published.state.as_ref()).await;
    report.warnings.append(&mut work.warnings);
    for (key, fault, confirmed) in &faults {
        fail_part(
            report,
            house,
            owner,
            key,
            &fault.clone().at(format!("{} part {key}", owner.name)),
            confirmed.as_deref(),
        );
    }
    for (key, parts, fault) in &published.held {
        // A partition held for a failed part says nothing new.
        if faults.iter().any(|(failed, ..)| parts.contains(failed))
            || fault.kind() == Kind::Source && !faults.is_empty()
        {
            continue;
        }
        fail(
            report,
            house,
            owner,
            &fault.clone().at(format!("{} {key}", owner.name)),
            parts
                .iter()
                .filter_map(|part| old.parts.get(part))
                .map(|part| part.confirmed_at.as_str())
                .min(),
        );
    }
    if report.status == Status::Unchanged && !published.replaced.is_empty() {
        report.status = Status::Published;
    }
    report.replaced.clone_from(&published.replaced);
    report.revisions = published.revisions;
    std::mem::take(&mut work.findings)
        .into_iter()
        .for_each(|finding| report.look_at(finding));
    match &published.too_old {
        Some(TooOld::Warning(text)) => report.look_at(text.clone()),
        Some(TooOld::Refusal(fault)) => fail(report, house, owner, fault, None),
        None => {}
    }
    let mut ledger = std::mem::take(&mut work.ledger);
    for (key, counts) in counted {
        let row = ledger.entry(key.clone()).or_insert_with(|| work.row(&key));
        counts.fill(row);
        let standing = published.state.as_ref().and_then(|state| state.parts.get(&key));
        row.confirmed_at = standing.map(|part| part.confirmed_at.clone());
        row.written = published.written.get(&key).copied().unwrap_or_default();
        if let Some((_, _, fault)) = published.held.iter().find(|(_, parts, _)| parts.contains(&key)) {
            row.status = "held".to_owned();
            row.published = standing.map_or(0, |part| part.counts.published);
            row.error_kind.get_or_insert(fault.kind().to_string());
            row.error_text.get_or_insert(fault.line());
        }
        if let Some((_, fault, _)) = faults.iter().find(|(failed, ..)| *failed == key) {
            row.status = "failed".to_owned();
            row.published = standing.map_or(0, |part| part.counts.published);
            row.error_kind = Some(fault.kind().to_string());
            row.error_text = Some(fault.line());
        }
    }
    report.parts = ledger.into_values().collect();
    Ok(())
}

/// The state of the owner whose pages another maps. Errors: Source, when it has none.
async fn base_state(house: &House, name: &str) -> Result<OwnerState> {
    let state = house.lake.state(name).await?;
    state
        .filter(|state| state.retired_at.is_none() && !state.plan.is_empty())
        .ok_or_else(|| {
            Fault::source("the pipeline whose pages these are has harvested nothing")
                .found(name.to_owned())
                .hint(format!("klimalade run {name}"))
        })
}

struct PartCounts(Option<klimalade_lake::Counts>, u64, Option<String>);
impl PartCounts {
    fn of(result: &PartResult) -> Self {
        let counts = result
            .rows
            .as_ref()
            .map(|rows| rows.counts.clone())
            .or_else(|| result.state.as_ref().map(|state| state.counts.clone()));
        let snapshot = result.state.as_ref().map(|state| &state.snapshot);
        Self(
            counts,
            snapshot.map_or(0, |snapshot| snapshot.bytes),
            snapshot.map(|snapshot| snapshot.manifest_sha256.clone()),
        )
    }
    fn fill(&self, row: &mut PartLedger) {
        row.bytes = self.1;
        row.manifest_sha256.clone_from(&self.2);
        let Some(counts) = &self.0 else { return };
        row.promised = counts.promised;
        row.received = counts.received;
        row.distinct = counts.distinct;
        row.mapped = counts.mapped;
        row.published = counts.published;
        row.control = counts.control;
        row.skipped = counts.skipped.values().sum();
        row.skipped_by_reason.clone_from(&counts.skipped);
        row.rejected = counts.rejected;
    }
}
