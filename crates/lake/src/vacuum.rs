use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use klimalade_model::Result;
use serde::Serialize;

use crate::{
    Lake, OwnerLock, SnapshotRef,
    raw::{kept_pages, manifest_key, owner_folder, page_key},
};

/// What a vacuum took away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vacuumed {
    /// Manifests removed.
    pub manifests: u64,
    /// Pages removed.
    pub pages: u64,
    /// Their size as stored.
    pub bytes: u64,
    /// Manifests that stay.
    pub kept_manifests: u64,
}

impl Lake {
    /// Removes what raw/ holds of an owner and nothing needs: every snapshot that neither a part of any state nor the
    /// newest manifest of a part of the newest plan is, and that was put before `older_than` (a night's finished
    /// parts are its checkpoint and stand in no state yet); then the pages that no manifest names any more. With
    /// `dry_run` it only counts.
    ///
    /// Errors: Contract, when a state or a manifest that stays cannot be read: its pages are unknown, so nothing is removed;
    /// else the store's.
    pub async fn vacuum(&self, lock: &OwnerLock, older_than: Timestamp, dry_run: bool) -> Result<Vacuumed> {
        let owner = lock.owner();
        let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
        let mut planned: BTreeSet<String> = BTreeSet::new();
        // Of every owner: who maps another's pages (`raw_of`) may stand on an older snapshot than that one does.
        for state in self.states().await? {
            for SnapshotRef {
                owner: raw_owner,
                part_key,
                manifest_sha256,
                ..
            } in state.parts.values().map(|part| &part.snapshot)
            {
                let raw_owner = if raw_owner.is_empty() { &state.owner } else { raw_owner };
                if raw_owner == owner {
                    wanted.insert((part_key.clone(), manifest_sha256.clone()));
                }
            }
            if state.owner == owner {
                planned.extend(state.plan.into_iter().map(|part| part.key));
            }
        }
        let manifests = self.list_manifests(owner).await?;
        let mut newest: BTreeMap<&str, &str> = BTreeMap::new();
        for manifest in &manifests {
            // Oldest first within a part: the last one stays.
            newest.insert(&manifest.part_key, &manifest.manifest_sha256);
        }
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for manifest in &manifests {
            let is_newest = planned.contains(&manifest.part_key)
                && newest.get(manifest.part_key.as_str()) == Some(&manifest.manifest_sha256.as_str());
            let named = wanted.contains(&(manifest.part_key.clone(), manifest.manifest_sha256.clone()));
            let stays = named || is_newest || manifest.put_at >= older_than;
            if stays {
                kept.push(manifest)
            } else {
                dropped.push(manifest)
            }
        }
        // All read before anything goes.
        let mut pages = BTreeSet::new();
        for manifest in &kept {
            let whole = self
                .manifest(owner, &manifest.part_key, &manifest.manifest_sha256)
                .await?;
            for page in kept_pages(&whole) {
                pages.insert(page_key(owner, &manifest.part_key, &page.sha256)?);
            }
        }
        let listed = self.list(&owner_folder(owner)?).await?;
        let mut done = Vacuumed {
            kept_manifests: kept.len() as u64,
            ..Vacuumed::default()
        };
        let size: BTreeMap<&str, u64> = listed
            .iter()
            .map(|listed| (listed.key.as_str(), listed.bytes))
            .collect();
        // Manifests first: one that names a page which is gone would call a part finished that is not.
        for manifest in dropped {
            let key = manifest_key(owner, &manifest.part_key, &manifest.manifest_sha256)?;
            done.manifests += 1;
            done.bytes += size.get(key.as_str()).copied().unwrap_or_default();
            if !dry_run {
                lock.check().await?;
                self.store.delete(&key).await?;
            }
        }
        for page in listed.iter().filter(|listed| listed.key.ends_with(".zst")) {
            if pages.contains(&page.key) || page.modified_at >= older_than {
                continue;
            }
            done.pages += 1;
            done.bytes += page.bytes;
            if !dry_run {
                lock.check().await?;
                self.store.delete(&page.key).await?;
            }
        }
        Ok(done)
    }
}
