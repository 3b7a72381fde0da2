use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use klimalade_lake::{ManifestRef, OwnerState, SnapshotRef};
use klimalade_model::{Manifest, Page, Part, Result};

use crate::{cadence::is_older, house::rfc3339, work::Work};

/// What a night that did not come to its commit has fetched within so many hours is not fetched again.
const RESUME_HOURS: i64 = 20;

/// A snapshot that stands in raw/, and since when.
pub(crate) struct Landing {
    pub(crate) manifest: Manifest,
    pub(crate) pages: Vec<Page>,
    /// When its bytes came.
    pub(crate) seen_at: String,
    /// When the agency last said that they hold.
    pub(crate) confirmed_at: String,
}

/// When the newest page of a snapshot came; `None` where it has no page.
pub(crate) fn fetched_at(manifest: &Manifest) -> Option<Timestamp> {
    manifest
        .pages
        .iter()
        .filter_map(|page| page.retrieved_at.parse::<Timestamp>().ok())
        .max()
}

/// What landed in raw/ and was not published: of a night that died, or of one whose figures were held back.
impl Work<'_> {
    pub(crate) async fn find_landed(&mut self) -> Result<()> {
        for found in self.house.lake.list_manifests(&self.raw_name).await? {
            self.landed.entry(found.part_key.clone()).or_default().push(found);
        }
        Ok(())
    }

    /// The newest snapshot that answers the same request, when it is younger than the one in the state.
    pub(crate) async fn newest_landing(&self, part: &Part) -> Option<Landing> {
        let known = self.old.parts.get(&part.key);
        let is_known =
            |found: &ManifestRef| known.is_some_and(|known| known.snapshot.manifest_sha256 == found.manifest_sha256);
        let listed = self.landed.get(&part.key)?;
        for found in listed.iter().rev().take_while(|found| !is_known(found)) {
            let lake = &self.house.lake;
            // One that cannot be read is none.
            let Ok(manifest) = lake.manifest(&self.raw_name, &part.key, &found.manifest_sha256).await else {
                continue;
            };
            if manifest.part != *part {
                continue;
            }
            let Ok(pages) = self.pages(&manifest).await else {
                continue;
            };
            let seen_at = rfc3339(fetched_at(&manifest).unwrap_or_else(|| self.house.clock.now()));
            return Some(Landing {
                manifest,
                pages,
                confirmed_at: seen_at.clone(),
                seen_at,
            });
        }
        None
    }

    /// The snapshot that spares asking: of tonight's broken run; or the agency's mark says that nothing is newer; or,
    /// where it gives none, it is not yet old enough to be asked for again. `is_newest`: marks are not trusted.
    pub(crate) async fn landing(&self, part: &Part, is_newest: bool) -> Option<Landing> {
        let mut landing = self.newest_landing(part).await?;
        let now = self.house.clock.now();
        let fetched = fetched_at(&landing.manifest);
        let committed = self
            .old
            .committed_at
            .as_ref()
            .and_then(|at| at.parse::<Timestamp>().ok());
        let oldest = now.checked_sub(RESUME_HOURS.hours()).unwrap_or(now);
        let is_broken_off = fetched.is_some_and(|at| at >= oldest && committed.is_none_or(|committed| at > committed));
        if is_broken_off {
            return Some(landing);
        }
        if is_newest {
            return None;
        }
        if part.change_mark.is_some() {
            landing.confirmed_at = rfc3339(now);
            return Some(landing);
        }
        let age = self.owner.definition.harvest.every.age();
        (!is_older(&landing.confirmed_at, age, now)).then_some(landing)
    }

    /// Takes back what was put tonight and says nothing new, once the commit names what stays.
    pub(crate) async fn drop_superfluous(&mut self, state: Option<&OwnerState>) {
        let Some(state) = state else { return };
        let named: BTreeSet<&str> = state
            .parts
            .values()
            .map(|part| part.snapshot.manifest_sha256.as_str())
            .collect();
        for snapshot in std::mem::take(&mut self.superfluous) {
            if named.contains(snapshot.manifest_sha256.as_str()) {
                continue;
            }
            // What stays behind is taken by the next vacuum.
            if let Err(fault) = self.house.lake.drop_manifest(&snapshot).await {
                tracing::warn!(owner = %self.owner.name, part = %snapshot.part_key, "{}", fault.line());
            }
        }
    }

    /// True when nothing else than the standing snapshot's content stands newest in raw/ but what landed now: then the
    /// latter says nothing new. Another content, held back, must not be taken for the newest once this one is gone.
    pub(crate) async fn is_newest_content(&self, part: &Part, landed: &SnapshotRef, standing: &SnapshotRef) -> bool {
        let before = self.landed.get(&part.key).into_iter().flatten().rev();
        let mut before = before.filter(|found| found.manifest_sha256 != landed.manifest_sha256);
        let Some(newest) = before.next() else { return true };
        if newest.manifest_sha256 == standing.manifest_sha256 {
            return true;
        }
        let manifest = self
            .house
            .lake
            .manifest(&self.raw_name, &part.key, &newest.manifest_sha256)
            .await;
        manifest.is_ok_and(|manifest| manifest.content_sha256() == standing.content_sha256)
    }
}
