use std::collections::BTreeSet;

use klimalade_lake::PartState;
use klimalade_model::{Fault, Kind, Part};

use crate::{ledger::PartLedger, publish::PartResult, work::Work};

/// Parts that are mapped from what stands in raw/.
impl Work<'_> {
    /// Maps a part again from raw. `None`: its snapshot was lost, and the agency can be asked for it.
    pub(crate) async fn map_stored(&mut self, part: Part, state: PartState, changed: bool) -> Option<PartResult> {
        let known = self.old.parts.get(&part.key).cloned();
        let can_ask = !self.night.replay && !self.is_based();
        let pages = match self.stored(&state.snapshot).await {
            Ok((_, pages)) => pages,
            Err(fault) if can_ask && fault.kind() == Kind::Contract => {
                tracing::warn!(owner = %self.owner.name, part = %part.key, "fetched again: {}", fault.line());
                return None;
            }
            Err(fault) => return Some(PartResult::failed(part, known, fault)),
        };
        // As it was when these pages came; what decode needs besides stands in it.
        let mapped = self.map_pages(state.part.clone(), state, pages, changed).await;
        Some(match mapped {
            Ok(result) => PartResult { part, ..result },
            Err(fault) => PartResult::failed(part, known, fault),
        })
    }

    /// A part again, from the newest snapshot of what was planned last, published or not.
    pub(crate) async fn replayed(&mut self, part: Part) -> PartResult {
        let known = self.old.parts.get(&part.key).cloned();
        if let Some(landing) = self.newest_landing(&part).await {
            let mapped = self.map_landed(&part, known.as_ref(), landing).await;
            return mapped.unwrap_or_else(|fault| PartResult::failed(part, known, fault));
        }
        let nothing = || {
            Fault::settings("nothing of this part stands in raw/").hint(format!("klimalade run {}", self.owner.name))
        };
        let Some(state) = known else {
            let fault = nothing();
            return PartResult::failed(part, None, fault);
        };
        match self.map_stored(part.clone(), state.clone(), true).await {
            Some(result) => result,
            None => PartResult::failed(part, Some(state), nothing()),
        }
    }

    /// A part of another owner's harvest.
    pub(crate) async fn part_of_other(&mut self, part: Part, row: &mut PartLedger) -> PartResult {
        row.status = "shared".to_owned();
        let known = self.old.parts.get(&part.key).cloned();
        let theirs = self.base.as_ref().and_then(|base| base.parts.get(&part.key).cloned());
        let Some(theirs) = theirs else {
            let fault = Fault::source("the pipeline whose pages these are has not harvested the part")
                .found(self.raw_name.clone())
                .hint(format!("klimalade run {}", self.raw_name));
            return PartResult::failed(part, known, fault);
        };
        let mut state = PartState {
            partitions: Vec::new(),
            ..theirs
        };
        if let Some(known) = known.filter(|known| known.snapshot.content_sha256 == state.snapshot.content_sha256) {
            let same = known.mapping_hash == self.mapping_hash && known.part.detail == state.part.detail;
            state = PartState {
                part: state.part,
                snapshot: state.snapshot,
                confirmed_at: state.confirmed_at,
                ..known
            };
            if same && !self.night.replay {
                return PartResult::unchanged(part, state);
            }
        }
        match self.map_stored(part.clone(), state, true).await {
            Some(result) => result,
            None => PartResult::failed(part, None, Fault::bug("pages of another owner were to be fetched")),
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
            let part = result.part.clone();
            *result = match self.map_stored(part.clone(), state.clone(), false).await {
                Some(mapped) => mapped,
                None => {
                    let mut row = self.row(&part.key);
                    let fetched = self.walk(part.clone(), Some(state), true, &mut row).await;
                    self.ledger.insert(part.key.clone(), row);
                    fetched
                }
            };
        }
    }
}
