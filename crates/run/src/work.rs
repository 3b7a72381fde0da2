use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use futures::StreamExt;
use jiff::Timestamp;
use klimalade_connect::{Connector, Context};
use klimalade_lake::{ManifestRef, OwnerState, PartState};
use klimalade_model::{Fault, Kind, Manifest, Page, Part, Result};
use klimalade_pipeline::Owner;

use crate::{
    cadence::{Ask, decide},
    harvest::Night,
    house::{House, rfc3339},
    ledger::PartLedger,
    mapper::{Mapper, PartRows},
    provenance::{Provenance, Provenances},
    publish::PartResult,
};

/// A walk whose counts disagree is walked again, so many times in all.
const WALKS: usize = 3;
/// Rounds of planning again because a mark moved meanwhile.
const ROUNDS: usize = 3;

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
    pub(crate) provenances: Provenances,
    pub(crate) resumed: BTreeMap<String, ManifestRef>,
    pub(crate) ledger: BTreeMap<String, PartLedger>,
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

    /// Manifests of a broken night, newest of each part.
    pub(crate) async fn find_resumed(&mut self) -> Result<()> {
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
    pub(crate) async fn fetch_all(&mut self) -> Result<(Vec<Part>, Vec<PartResult>)> {
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
    pub(crate) async fn map_unchanged(&mut self, affected: &BTreeSet<String>, results: &mut [PartResult]) {
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
