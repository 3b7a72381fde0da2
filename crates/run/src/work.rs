use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use futures::StreamExt;
use klimalade_connect::{Connector, Context};
use klimalade_lake::{ManifestRef, OwnerState, PartState, SnapshotRef};
use klimalade_model::{Fault, Kind, Manifest, Page, Part, Result, SourceColumn};
use klimalade_pipeline::Owner;

use crate::{
    cadence::{Ask, decide},
    harvest::Night,
    house::{House, limits, rfc3339},
    landed::Landing,
    ledger::PartLedger,
    mapper::Mapper,
    provenance::Provenances,
    publish::PartResult,
};

/// A walk that gave a bad page or counts that disagree is walked again, so many times in all.
const WALKS: usize = 3;
/// Rounds of planning again because a mark moved meanwhile.
const ROUNDS: usize = 3;

impl PartResult {
    pub(crate) fn unchanged(part: Part, state: PartState) -> Self {
        Self {
            part,
            state: Some(state),
            rows: None,
            changed: false,
            fault: None,
            number: 0,
        }
    }
    /// `state`: as it stood before, if it did.
    pub(crate) fn failed(part: Part, state: Option<PartState>, fault: Fault) -> Self {
        Self {
            part,
            state,
            rows: None,
            changed: false,
            fault: Some(fault),
            number: 0,
        }
    }
}

/// One owner's parts on their way: planned, fetched, landed, decoded, mapped.
pub(crate) struct Work<'a> {
    pub(crate) house: &'a House,
    pub(crate) owner: &'a Owner,
    pub(crate) night: &'a Night,
    pub(crate) old: &'a OwnerState,
    pub(crate) mapper: Mapper,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) context: Context,
    pub(crate) mapping_hash: String,
    pub(crate) raw_name: String,
    /// The state of the owner whose pages these are, for `raw_of`.
    pub(crate) base: Option<OwnerState>,
    pub(crate) provenances: Provenances,
    /// Manifests in raw/ when the night began, by part, oldest first.
    pub(crate) landed: BTreeMap<String, Vec<ManifestRef>>,
    /// Manifests put tonight whose pages are those of the snapshot that stays.
    pub(crate) superfluous: Vec<SnapshotRef>,
    pub(crate) warnings: Vec<String>,
    pub(crate) ledger: BTreeMap<String, PartLedger>,
    /// Requests that planning took.
    pub(crate) plan_requests: u64,
    /// What is known of the source's columns, tonight's included.
    pub(crate) columns: Vec<SourceColumn>,
    /// What is to be looked at though nothing failed.
    pub(crate) findings: BTreeSet<String>,
}

impl Work<'_> {
    pub(crate) fn row(&self, key: &str) -> PartLedger {
        PartLedger {
            pipeline: self.owner.name.clone(),
            part: key.to_owned(),
            started_at: self.house.now_text(),
            status: "not_asked".to_owned(),
            ..PartLedger::default()
        }
    }

    pub(crate) fn is_based(&self) -> bool {
        self.owner.definition.raw_of.is_some()
    }

    async fn plan(&mut self) -> Result<Vec<Part>> {
        let (before, _) = self.context.client.counters();
        let planned = self.planned().await;
        self.plan_requests += self.context.client.counters().0 - before;
        planned
    }

    async fn planned(&self) -> Result<Vec<Part>> {
        if let Some(base) = &self.base {
            return Ok(base.plan.clone());
        }
        if self.night.replay {
            return Ok(self.old.plan.clone());
        }
        let planned = self
            .house
            .cancel
            .run_until_cancelled(self.connector.plan(&self.context));
        let plan = planned
            .await
            .unwrap_or_else(|| Err(ended()))
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
    pub(crate) async fn fetch_all(&mut self) -> Result<(Vec<Part>, Vec<PartResult>)> {
        let mut plan = self.plan().await?;
        let mut results: BTreeMap<String, PartResult> = BTreeMap::new();
        let quiet = self.is_based() || self.night.replay;
        for round in 0..ROUNDS {
            let now = self.house.clock.now();
            let harvest = &self.owner.definition.harvest;
            let asks = if quiet {
                vec![Ask::NotYet; plan.len()]
            } else {
                decide(&plan, &self.old.parts, harvest, now)
            };
            if round == 0 && !self.is_based() && (self.night.replay || asks.contains(&Ask::Yes)) {
                self.find_landed().await?;
            }
            let newest_from = plan.len().saturating_sub(harvest.recheck_parts);
            self.house.progress.parts(&self.owner.name, plan.len());
            let mut asked = 0;
            for (at, (part, ask)) in plan.clone().into_iter().zip(asks).enumerate() {
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
                let result = if self.is_based() {
                    self.part_of_other(part, &mut row).await
                } else if self.night.replay {
                    self.replayed(part).await
                } else {
                    self.part(part, ask, at >= newest_from, &mut row).await
                };
                if self.house.cancel.is_cancelled() {
                    return Err(ended());
                }
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
            if self.house.cancel.is_cancelled() {
                return Err(ended());
            }
            if quiet || asked == 0 || round + 1 == ROUNDS {
                break;
            }
            let again = match self.plan().await {
                Ok(again) => again,
                // What was fetched is whole: whether a mark moved meanwhile is seen the next night.
                Err(fault) if matches!(fault.kind(), Kind::Transient | Kind::Source) || fault.is_off() => {
                    let text = format!("planning again failed, the first plan holds: {}", fault.line());
                    self.warnings.push(text);
                    break;
                }
                Err(fault) => return Err(fault),
            };
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
    async fn part(&mut self, part: Part, ask: Ask, is_newest: bool, row: &mut PartLedger) -> PartResult {
        let known = self.old.parts.get(&part.key).cloned();
        if let Some(mut state) = known.clone().filter(|_| ask != Ask::Yes)
            && !(self.night.repair && self.is_lost(&state).await)
        {
            row.status = "not_asked".to_owned();
            if ask == Ask::Confirmed {
                row.status = "confirmed".to_owned();
                state.confirmed_at = rfc3339(self.house.clock.now());
            }
            if state.mapping_hash == self.mapping_hash {
                return PartResult::unchanged(part, state);
            }
            if let Some(result) = self.map_stored(part.clone(), state, true).await {
                return result;
            }
        }
        self.walk(part, known, is_newest, row).await
    }

    /// True when the snapshot does not stand whole in raw/.
    async fn is_lost(&self, state: &PartState) -> bool {
        let stored = self.stored(&state.snapshot).await;
        stored.is_err_and(|fault| fault.kind() == Kind::Contract)
    }

    /// Takes a part from where it landed, or asks for it; then maps it. A bad page is walked again from page one.
    pub(crate) async fn walk(
        &mut self,
        part: Part,
        known: Option<PartState>,
        is_newest: bool,
        row: &mut PartLedger,
    ) -> PartResult {
        let mut walk = 0;
        let fault = loop {
            walk += 1;
            let landed = if walk == 1 {
                self.landing(&part, is_newest).await
            } else {
                None
            };
            let landing = match landed {
                Some(landing) => {
                    row.status = "resumed".to_owned();
                    Ok(landing)
                }
                None => {
                    row.status = "fetched".to_owned();
                    self.fetch(&part, known.as_ref()).await
                }
            };
            let (again, fault) = match landing {
                Err(fault) => (fault.is_worth_another_walk(), fault),
                Ok(landing) => match self.map_landed(&part, known.as_ref(), landing).await {
                    Ok(result) => return result,
                    Err(fault) => (true, fault),
                },
            };
            if !again || fault.kind() != Kind::Source || walk == WALKS {
                break fault;
            }
            tracing::warn!(owner = %self.owner.name, part = %part.key, "the walk is walked again: {}", fault.line());
        };
        PartResult::failed(part, known, fault)
    }

    /// A snapshot of raw/, whole. Errors: Contract, when it is gone or damaged.
    pub(crate) async fn stored(&self, snapshot: &SnapshotRef) -> Result<(Manifest, Vec<Page>)> {
        let (lake, name) = (&self.house.lake, &self.raw_name);
        let manifest = lake
            .manifest(name, &snapshot.part_key, &snapshot.manifest_sha256)
            .await?;
        let pages = self.pages(&manifest).await?;
        Ok((manifest, pages))
    }

    pub(crate) async fn pages(&self, manifest: &Manifest) -> Result<Vec<Page>> {
        let mut pages = Vec::with_capacity(manifest.pages.len());
        for entry in &manifest.pages {
            let (lake, scratch) = (&self.house.lake, &self.house.scratch);
            pages.push(lake.page(&self.raw_name, &manifest.part.key, entry, scratch).await?);
        }
        Ok(pages)
    }

    /// The pages of the standing snapshot, where the server can be asked whether they hold. One that was lost is no
    /// failure: then it is asked for them.
    async fn previous(&self, state: &PartState) -> Result<Vec<Page>> {
        let (lake, snapshot) = (&self.house.lake, &state.snapshot);
        let read = async {
            let manifest = lake
                .manifest(&self.raw_name, &snapshot.part_key, &snapshot.manifest_sha256)
                .await?;
            let marked = |page: &klimalade_model::PageEntry| page.etag.is_some() || page.last_modified.is_some();
            if manifest.pages.iter().any(marked) {
                return self.pages(&manifest).await;
            }
            Ok(Vec::new())
        };
        match read.await {
            Err(fault) if fault.kind() == Kind::Contract => {
                tracing::warn!(owner = %self.owner.name, "fetched again: {}", fault.line());
                Ok(Vec::new())
            }
            read => read,
        }
    }

    /// Fetches the part's pages and lands them, the manifest last.
    async fn fetch(&self, part: &Part, known: Option<&PartState>) -> Result<Landing> {
        let mut context = self.context.clone();
        if let Some(state) = known {
            context.client = context.client.with_previous(self.previous(state).await?);
        }
        let caps = limits(&self.owner.definition.limits);
        let place = |page: usize| format!("{} part {} page {page}", self.owner.name, part.key);
        let (mut pages, mut bytes) = (Vec::new(), 0_u64);
        let mut walk = self.connector.fetch(part, &context);
        // Here and not in each connector: whatever a walk waits for, the night's end does not.
        while let Some(page) = self
            .house
            .cancel
            .run_until_cancelled(walk.next())
            .await
            .ok_or_else(ended)?
        {
            let page: Page = page.map_err(|fault| fault.at(place(pages.len() + 1)))?;
            bytes = bytes.saturating_add(page.entry.bytes);
            let much = |cap: String, found: String| {
                Err(Fault::source("more came than the cap allows")
                    .at(place(pages.len() + 1))
                    .expected(cap)
                    .found(found)
                    .hint("raise it under [limits] in pipeline.toml, where so much is right"))
            };
            if pages.len() >= caps.walk_pages {
                return much(
                    format!("walk_pages of at most {}", caps.walk_pages),
                    "one page more".to_owned(),
                );
            }
            if bytes > caps.walk_bytes {
                return much(
                    format!("walk_bytes of at most {}", caps.walk_bytes),
                    format!("{bytes} bytes"),
                );
            }
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
        let now = rfc3339(self.house.clock.now());
        Ok(Landing {
            manifest,
            pages,
            seen_at: now.clone(),
            confirmed_at: now,
        })
    }

    /// Maps what landed, unless its content and its mapping are those of the state. Errors: Source, when what came
    /// cannot be all there is.
    pub(crate) async fn map_landed(
        &mut self,
        part: &Part,
        known: Option<&PartState>,
        landing: Landing,
    ) -> Result<PartResult> {
        let snapshot = klimalade_lake::Lake::snapshot(&landing.manifest)?;
        if let Some(old) = known
            && old.snapshot.content_sha256 == snapshot.content_sha256
        {
            // The same content: what is known of it stays, first seen and snapshot included.
            let mut state = PartState {
                part: part.clone(),
                confirmed_at: landing.confirmed_at.max(old.confirmed_at.clone()),
                ..old.clone()
            };
            let standing = &old.snapshot;
            let manifest = self
                .house
                .lake
                .manifest(&self.raw_name, &standing.part_key, &standing.manifest_sha256);
            if manifest.await.is_err() {
                state.snapshot = snapshot;
            } else if snapshot.manifest_sha256 != standing.manifest_sha256
                && self.is_newest_content(part, &snapshot, standing).await
            {
                self.superfluous.push(snapshot);
            }
            let same = state.mapping_hash == self.mapping_hash
                && old.part.detail == part.detail
                && old.part.promised == part.promised;
            if same && !self.night.replay {
                return Ok(PartResult::unchanged(part.clone(), state));
            }
            return self.map_pages(part.clone(), state, landing.pages, true).await;
        }
        let had = known.and_then(|known| known.counts.received).unwrap_or_default();
        let state = PartState {
            part: part.clone(),
            snapshot,
            mapping_hash: self.mapping_hash.clone(),
            first_seen_at: landing.seen_at,
            confirmed_at: landing.confirmed_at,
            counts: Default::default(),
            partitions: Vec::new(),
            extra: serde_json::Value::Null,
        };
        let result = self.map_pages(part.clone(), state, landing.pages, true).await?;
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
}

/// Ended from outside, in the middle of something.
fn ended() -> Fault {
    Fault::transient("the night was ended from outside").hint("run it again: finished parts are not fetched again")
}
