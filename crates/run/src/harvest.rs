use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use futures::StreamExt;
use jiff::Timestamp;
use klimalade_connect::{Connector, Context};
use klimalade_lake::{ManifestRef, OwnerLock, OwnerState, PartState};
use klimalade_model::{Fault, Kind, Manifest, Page, Part, Result};
use klimalade_pipeline::Owner;

use crate::{
    cadence::{Ask, days_since, decide},
    house::{House, limits, rfc3339},
    ledger::{PartLedger, write_ledger, write_rejects},
    mapper::{Mapper, PartRows},
    provenance::{Provenance, Provenances},
    publish::{PartResult, Publisher},
    report::{OwnerReport, Status},
    retire::clashes_with_states,
};

/// A walk whose counts disagree is walked again, so many times in all.
const WALKS: usize = 3;
/// Rounds of planning again because a mark moved meanwhile.
const ROUNDS: usize = 3;

/// What an owner's night knows of the run around it.
#[derive(Clone, Debug)]
pub(crate) struct Night {
    pub(crate) run_id: String,
    /// Start of a broken night whose manifests count as fetched.
    pub(crate) resume_since: Option<Timestamp>,
    pub(crate) replay: bool,
}

/// An owner's night, from lock to ledger. Never an error: what failed stands in the report.
pub(crate) async fn harvest_owner(house: &House, owner: &Owner, night: &Night) -> OwnerReport {
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
    let missing = house.missing_secrets(owner);
    if owner.definition.harvest.off || !missing.is_empty() {
        report.status = Status::Off;
        report.warnings.extend(missing.iter().map(|name| {
            format!(
                "its secret is not configured: set KLIMALADE_SECRET_{} or [secrets] {name} in klimalade.toml",
                name.to_uppercase()
            )
        }));
        if owner.definition.harvest.off {
            report.warnings.push("[harvest] off = true".to_owned());
        }
        return report;
    }
    let outcome = run_owner(house, owner, night, &mut report).await;
    if let Err(fault) = &outcome
        && fault.is_off()
    {
        report.status = Status::Off;
        report.warnings.push(fault.line());
    } else if let Err(fault) = outcome {
        let confirmed = house
            .lake
            .state(&owner.name)
            .await
            .ok()
            .flatten()
            .and_then(|state| oldest_confirmation(&state));
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

fn oldest_confirmation(state: &OwnerState) -> Option<String> {
    state.parts.values().map(|part| part.confirmed_at.clone()).min()
}

/// Books a fault: a warning while the last confirmation is fresh and the fault may pass, else a failure.
pub(crate) fn fail(report: &mut OwnerReport, house: &House, owner: &Owner, fault: &Fault, confirmed_at: Option<&str>) {
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
    clashes_with_states(&house.lake, owner).await?;
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
    let mapping_hash = owner.mapping_hash(schemas)?;
    let raw_owner = house.raw_owner(owner)?;
    let (name, settings) = raw_owner.definition.connector()?;
    let connector = house.registry.open(&name, settings)?;
    let client = house.client.with_limits(limits(&owner.definition.limits));
    let context = Context {
        client,
        clock: house.clock.clone(),
        secrets: house.secrets.clone(),
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
        provenances: Provenances::default(),
        resumed: BTreeMap::new(),
        ledger: BTreeMap::new(),
    };
    work.find_resumed().await?;
    let (plan, mut results) = work.fetch_all().await?;
    let publisher = Publisher {
        house,
        owner,
        lock,
        old: &old,
        run_id: &night.run_id,
        table,
    };
    let affected = publisher.affected(&results);
    work.map_unchanged(&affected, &mut results).await;
    let rejects: Vec<_> = results
        .iter()
        .filter_map(|result| Some((result.part.key.clone(), result.rows.as_ref()?)))
        .flat_map(|(key, rows)| rows.rejects.iter().map(move |reject| (key.clone(), reject.clone())))
        .collect();
    write_rejects(&house.lake, &night.run_id, &owner.name, &rejects).await?;
    let mut faults: Vec<(String, Fault, Option<String>)> = Vec::new();
    for result in &results {
        if let Some(fault) = &result.fault {
            let confirmed = old.parts.get(&result.part.key).map(|state| state.confirmed_at.clone());
            faults.push((result.part.key.clone(), retell(fault), confirmed));
        }
    }
    let counted: BTreeMap<String, PartCounts> = results
        .iter()
        .map(|result| (result.part.key.clone(), PartCounts::of(result)))
        .collect();
    let provenances = std::mem::take(&mut work.provenances);
    let published = publisher.publish(plan, results, provenances).await?;
    for (key, fault, confirmed) in &faults {
        fail(
            report,
            house,
            owner,
            &retell(fault).at(format!("{} part {key}", owner.name)),
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
            &retell(fault).at(format!("{} {key}", owner.name)),
            None,
        );
    }
    if report.status == Status::Unchanged && !published.replaced.is_empty() {
        report.status = Status::Published;
    }
    report.replaced.clone_from(&published.replaced);
    report.revisions = published.revisions;
    report.warnings.extend(published.warnings.iter().cloned());
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

/// A fault told again: the same words, for a second reader.
fn retell(fault: &Fault) -> Fault {
    let mut copy = Fault::new(fault.kind(), fault.what());
    for place in fault.places() {
        copy = copy.at(place.clone());
    }
    if let Some(text) = fault.expected_text() {
        copy = copy.expected(text);
    }
    if let Some(text) = fault.found_text() {
        copy = copy.found(text);
    }
    if let Some(text) = fault.hint_text() {
        copy = copy.hint(text);
    }
    match std::error::Error::source(fault) {
        Some(source) => copy.because(source.to_string()),
        None => copy,
    }
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
        row.rejected = counts.rejected;
    }
}

struct Work<'a> {
    house: &'a House,
    owner: &'a Owner,
    night: &'a Night,
    old: &'a OwnerState,
    mapper: Mapper,
    connector: Arc<dyn Connector>,
    context: Context,
    mapping_hash: String,
    raw_name: String,
    provenances: Provenances,
    resumed: BTreeMap<String, ManifestRef>,
    ledger: BTreeMap<String, PartLedger>,
}

impl Work<'_> {
    fn row(&self, key: &str) -> PartLedger {
        PartLedger {
            pipeline: self.owner.name.clone(),
            part: key.to_owned(),
            started_at: self.house.now_text(),
            status: "not_asked".to_owned(),
            ..PartLedger::default()
        }
    }

    /// Manifests of a broken night, newest of each part.
    async fn find_resumed(&mut self) -> Result<()> {
        let Some(since) = self.night.resume_since.filter(|_| !self.night.replay) else {
            return Ok(());
        };
        for found in self.house.lake.list_manifests(&self.raw_name).await? {
            if found.put_at >= since {
                self.resumed.insert(found.part_key.clone(), found);
            }
        }
        Ok(())
    }

    async fn plan(&self) -> Result<Vec<Part>> {
        let asks = self.owner.definition.raw_of.is_none() && !self.night.replay;
        if !asks {
            let state = if self.raw_name == self.owner.name {
                Some(self.old.clone())
            } else {
                self.house.lake.state(&self.raw_name).await?
            };
            return Ok(state.map(|state| state.plan).unwrap_or_default());
        }
        let plan = self
            .connector
            .plan(&self.context)
            .await
            .map_err(|fault| fault.at(format!("{}: plan", self.owner.name)))?;
        for (at, part) in plan.iter().enumerate() {
            let valid = !part.key.is_empty()
                && part
                    .key
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._=-".contains(c));
            if !valid || plan[..at].iter().any(|other| other.key == part.key) {
                return Err(Fault::bug("a connector planned a part with a wrong or double key").found(part.key.clone()));
            }
        }
        Ok(plan)
    }

    /// Plans, fetches and maps what is to be asked for; plans again until no mark moved meanwhile.
    async fn fetch_all(&mut self) -> Result<(Vec<Part>, Vec<PartResult>)> {
        let mut plan = self.plan().await?;
        let mut results: BTreeMap<String, PartResult> = BTreeMap::new();
        let quiet = self.owner.definition.raw_of.is_some() || self.night.replay;
        for round in 0..ROUNDS {
            let now = self.house.clock.now();
            let asks = if quiet {
                vec![Ask::NotYet; plan.len()]
            } else {
                decide(&plan, &self.old.parts, &self.owner.definition.harvest, now)
            };
            self.house.progress.parts(&self.owner.name, plan.len());
            let mut asked = 0;
            for (part, ask) in plan.clone().into_iter().zip(asks) {
                if self.house.cancel.is_cancelled() {
                    return Err(Fault::transient("the night was ended from outside")
                        .hint("run it again: finished parts are not fetched again"));
                }
                let done = results.get(&part.key).is_some_and(|result| {
                    round > 0 && result.part.change_mark == part.change_mark && result.part.detail == part.detail
                });
                if done {
                    continue;
                }
                let key = part.key.clone();
                let started = Instant::now();
                let (requests, waited) = self.context.client.counters();
                let mut row = self.row(&key);
                let result = self.part(part, ask, &mut row).await;
                let (requests_now, waited_now) = self.context.client.counters();
                row.requests = requests_now - requests;
                row.waited_seconds = waited_now.saturating_sub(waited).as_secs_f64();
                row.seconds = started.elapsed().as_secs_f64();
                asked += usize::from(row.requests > 0);
                let rows = result.rows.as_ref().map_or(0, |rows| rows.counts.mapped);
                self.house.progress.part_done(&self.owner.name, &key, rows);
                self.ledger.insert(key.clone(), row);
                results.insert(key, result);
            }
            if quiet || asked == 0 || round + 1 == ROUNDS {
                break;
            }
            let again = self.plan().await?;
            let moved = again.iter().any(|part| match results.get(&part.key) {
                Some(known) => known.part.change_mark != part.change_mark,
                None => true,
            });
            plan = again;
            if !moved {
                break;
            }
        }
        let ordered = plan.iter().filter_map(|part| results.remove(&part.key)).collect();
        Ok((plan, ordered))
    }

    /// One part: fetched, resumed, confirmed or left alone; mapped when it changed.
    async fn part(&mut self, part: Part, ask: Ask, row: &mut PartLedger) -> PartResult {
        let known = self.old.parts.get(&part.key).cloned();
        let now = rfc3339(self.house.clock.now());
        let unchanged = |state: PartState| PartResult {
            part: part.clone(),
            number: 0,
            state: Some(state),
            rows: None,
            changed: false,
            fault: None,
        };
        let stored = match ask {
            Ask::Yes => None,
            Ask::Confirmed | Ask::NotYet => known.clone(),
        };
        if let Some(mut state) = stored {
            row.status = if ask == Ask::Confirmed {
                "confirmed"
            } else {
                "not_asked"
            }
            .to_owned();
            if ask == Ask::Confirmed {
                state.confirmed_at = now;
            }
            if state.mapping_hash == self.mapping_hash {
                return unchanged(state);
            }
            return self.map_stored(part.clone(), state, true).await;
        }
        if self.owner.definition.raw_of.is_some() {
            return self.part_of_other(part, row).await;
        }
        if self.night.replay {
            let fault = Fault::settings("nothing of this part stands in raw/")
                .hint(format!("klimalade run {}", self.owner.name));
            return PartResult {
                part,
                state: None,
                rows: None,
                changed: false,
                fault: Some(fault),
                number: 0,
            };
        }
        let mut last = None;
        for walk in 0..WALKS {
            let fetched = match self.resumed.get(&part.key).cloned().filter(|_| walk == 0) {
                Some(found) => self.resume(&part, &found).await,
                None => Ok(None),
            };
            let fetched = match fetched {
                Ok(Some(fetched)) => {
                    row.status = "resumed".to_owned();
                    Ok(fetched)
                }
                _ => {
                    row.status = "fetched".to_owned();
                    self.fetch(&part, known.as_ref()).await
                }
            };
            let (manifest, pages) = match fetched {
                Ok(fetched) => fetched,
                Err(fault) => {
                    last = Some(fault);
                    break;
                }
            };
            match self.map_fetched(&part, known.as_ref(), manifest, pages).await {
                Ok(result) => return result,
                Err(fault) if fault.kind() == Kind::Source && walk + 1 < WALKS => {
                    tracing::warn!(owner = %self.owner.name, part = %part.key, "the walk is walked again: {}", fault.line());
                    last = Some(fault);
                }
                Err(fault) => {
                    last = Some(fault);
                    break;
                }
            }
        }
        PartResult {
            part,
            state: known,
            rows: None,
            changed: false,
            fault: last,
            number: 0,
        }
    }

    /// Pages of a broken night, when they answer the same request.
    async fn resume(&self, part: &Part, found: &ManifestRef) -> Result<Option<(Manifest, Vec<Page>)>> {
        let manifest = self
            .house
            .lake
            .manifest(&self.raw_name, &found.part_key, &found.manifest_sha256)
            .await?;
        if manifest.part != *part {
            return Ok(None);
        }
        let pages = self.pages(&manifest).await?;
        Ok(Some((manifest, pages)))
    }

    async fn pages(&self, manifest: &Manifest) -> Result<Vec<Page>> {
        let mut pages = Vec::with_capacity(manifest.pages.len());
        for entry in &manifest.pages {
            pages.push(
                self.house
                    .lake
                    .page(&self.raw_name, &manifest.part.key, entry, &self.house.scratch)
                    .await?,
            );
        }
        Ok(pages)
    }

    /// Fetches the part's pages and lands them, the manifest last.
    async fn fetch(&self, part: &Part, known: Option<&PartState>) -> Result<(Manifest, Vec<Page>)> {
        let mut context = self.context.clone();
        if let Some(state) = known {
            let manifest = self
                .house
                .lake
                .manifest(&self.raw_name, &part.key, &state.snapshot.manifest_sha256)
                .await?;
            if manifest
                .pages
                .iter()
                .any(|page| page.etag.is_some() || page.last_modified.is_some())
            {
                context.client = context.client.with_previous(self.pages(&manifest).await?);
            }
        }
        let mut pages = Vec::new();
        let mut walk = self.connector.fetch(part, &context);
        while let Some(page) = walk.next().await {
            let page = page.map_err(|fault| {
                fault.at(format!(
                    "{} part {} page {}",
                    self.owner.name,
                    part.key,
                    pages.len() + 1
                ))
            })?;
            self.house.lake.put_page(&self.raw_name, &part.key, &page).await?;
            pages.push(page);
        }
        drop(walk);
        let manifest = Manifest {
            owner: self.raw_name.clone(),
            part: part.clone(),
            pages: pages.iter().map(|page| page.entry.clone()).collect(),
        };
        self.house.lake.put_manifest(&manifest).await?;
        Ok((manifest, pages))
    }

    async fn map_fetched(
        &mut self,
        part: &Part,
        known: Option<&PartState>,
        manifest: Manifest,
        pages: Vec<Page>,
    ) -> Result<PartResult> {
        let snapshot = klimalade_lake::Lake::snapshot(&manifest)?;
        let now = rfc3339(self.house.clock.now());
        if let Some(state) = known
            && state.snapshot.content_sha256 == snapshot.content_sha256
            && state.part.detail == part.detail
        {
            // The same content: what is known of it stays, first seen and snapshot included.
            let state = PartState {
                part: part.clone(),
                confirmed_at: now,
                ..state.clone()
            };
            if state.mapping_hash == self.mapping_hash && state.part.promised == part.promised {
                return Ok(PartResult {
                    part: part.clone(),
                    state: Some(state),
                    rows: None,
                    changed: false,
                    fault: None,
                    number: 0,
                });
            }
            return self.map_pages(part.clone(), state, pages, true).await;
        }
        let had = known.and_then(|known| known.counts.received).unwrap_or_default();
        let state = PartState {
            part: part.clone(),
            snapshot,
            mapping_hash: self.mapping_hash.clone(),
            first_seen_at: now.clone(),
            confirmed_at: now,
            counts: Default::default(),
            partitions: Vec::new(),
            extra: serde_json::Value::Null,
        };
        let result = self.map_pages(part.clone(), state, pages, true).await?;
        let has = result
            .state
            .as_ref()
            .and_then(|state| state.counts.received)
            .unwrap_or_default();
        if had > 0 && has == 0 {
            // A well-formed empty answer would take every figure of the part away.
            return Err(Fault::source("a part that had rows came back empty")
                .at(format!("{} part {}", self.owner.name, part.key))
                .expected(format!("about {had} rows, as before"))
                .found("0 rows")
                .hint(format!(
                    "if the agency has withdrawn them: klimalade retire {}",
                    self.owner.name
                )));
        }
        Ok(result)
    }

    async fn map_pages(
        &mut self,
        part: Part,
        mut state: PartState,
        pages: Vec<Page>,
        changed: bool,
    ) -> Result<PartResult> {
        let number = self.provenances.number(self.provenance(&state)?);
        let rows: PartRows = self
            .mapper
            .map(self.owner, self.connector.clone(), &part, pages, number)
            .await
            .map_err(|fault| fault.at(format!("{} part {}", self.owner.name, part.key)))?;
        state.mapping_hash.clone_from(&self.mapping_hash);
        state.counts = rows.counts.clone();
        Ok(PartResult {
            part,
            state: Some(state),
            rows: Some(rows),
            changed,
            fault: None,
            number,
        })
    }

    fn provenance(&self, state: &PartState) -> Result<Provenance> {
        let seen: Timestamp = state
            .first_seen_at
            .parse()
            .map_err(|source| Fault::bug("a state holds no time").because(source))?;
        let from_part = |name: &str| {
            state
                .part
                .detail
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let licence = from_part("licence_code").or_else(|| self.owner.definition.licence_code.clone());
        let licence = licence.ok_or_else(|| {
            Fault::settings("the pipeline names no licence")
                .at(self.owner.name.clone())
                .hint("licence_code = \"cc_by_4_0\"")
        })?;
        if !self.house.schemas.code_list("licences")?.contains(&licence) {
            return Err(Fault::settings("the licence is not in the code list")
                .found(licence)
                .hint("klimalade schema licences"));
        }
        Ok(Provenance {
            source_id: self.house.source_id(self.owner),
            retrieved_at: seen.as_microsecond(),
            snapshot_sha256: state.snapshot.manifest_sha256.clone(),
            source_version: from_part("source_version").or_else(|| state.part.change_mark.clone()),
            licence_code: licence,
        })
    }

    /// Maps a part again from raw.
    async fn map_stored(&mut self, part: Part, state: PartState, changed: bool) -> PartResult {
        let outcome = async {
            let manifest = self
                .house
                .lake
                .manifest(&self.raw_name, &part.key, &state.snapshot.manifest_sha256)
                .await?;
            let pages = self.pages(&manifest).await?;
            let stored = manifest.part.clone();
            let mut result = self.map_pages(stored, state.clone(), pages, changed).await?;
            result.part.clone_from(&part);
            Ok::<_, Fault>(result)
        }
        .await;
        outcome.unwrap_or_else(|fault| PartResult {
            part,
            state: Some(state),
            rows: None,
            changed: false,
            fault: Some(fault),
            number: 0,
        })
    }

    /// A part of another owner's harvest.
    async fn part_of_other(&mut self, part: Part, row: &mut PartLedger) -> PartResult {
        row.status = "shared".to_owned();
        let outcome = async {
            let base = self.house.lake.state(&self.raw_name).await?;
            let theirs = base
                .and_then(|state| state.parts.get(&part.key).cloned())
                .ok_or_else(|| {
                    Fault::source("the pipeline whose pages these are has not harvested the part")
                        .found(self.raw_name.clone())
                })?;
            Ok::<_, Fault>(theirs)
        }
        .await;
        match outcome {
            Err(fault) => PartResult {
                state: self.old.parts.get(&part.key).cloned(),
                part,
                rows: None,
                changed: false,
                fault: Some(fault),
                number: 0,
            },
            Ok(theirs) => {
                let known = self.old.parts.get(&part.key);
                let same = known.is_some_and(|known| {
                    known.snapshot.content_sha256 == theirs.snapshot.content_sha256
                        && known.mapping_hash == self.mapping_hash
                });
                if let (true, Some(known)) = (same, known) {
                    let state = PartState {
                        confirmed_at: theirs.confirmed_at,
                        ..known.clone()
                    };
                    return PartResult {
                        part,
                        state: Some(state),
                        rows: None,
                        changed: false,
                        fault: None,
                        number: 0,
                    };
                }
                self.map_stored(part, theirs, true).await
            }
        }
    }

    /// Parts that did not change but share a partition with one that did.
    async fn map_unchanged(&mut self, affected: &BTreeSet<String>, results: &mut [PartResult]) {
        for result in results.iter_mut() {
            if result.rows.is_some() || result.fault.is_some() {
                continue;
            }
            let Some(state) = result.state.clone() else { continue };
            if !state.partitions.iter().any(|key| affected.contains(key)) {
                continue;
            }
            *result = self.map_stored(result.part.clone(), state, false).await;
        }
    }
}
