use std::collections::{BTreeMap, BTreeSet};

use klimalade_model::{Fault, Result};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde::Serialize;

use crate::{
    Lake, OwnerState, PartitionState, SnapshotRef,
    hash::hash_file,
    raw::{described, kept_pages, page_key, repair_hint},
    store::blocking,
};

/// Something in the lake that is not as a state says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One sentence.
    pub what: String,
    /// Key within the lake.
    pub place: String,
    /// As the state or the manifest says.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What can be typed.
    pub hint: String,
}

impl Finding {
    fn new(
        what: &str,
        place: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            what: what.to_owned(),
            place: place.to_owned(),
            expected: expected.into(),
            found: found.into(),
            hint: hint.into(),
        }
    }
    /// What a look-up failed with.
    fn of(fault: &Fault, place: &str, hint: &str) -> Self {
        Self::new(
            fault.what(),
            place,
            fault.expected_text().unwrap_or("a file that can be read"),
            fault.found_text().map_or_else(|| fault.line(), str::to_owned),
            fault.hint_text().unwrap_or(hint),
        )
    }
}

impl Lake {
    /// Reads the whole lake and says what is not as it should be: files of partitions (there, hash, rows), files
    /// that no state names, manifests and pages that a state refers to (there, hash), commits that were not
    /// finished. An empty answer is a sound lake. Errors: the store's.
    ///
    /// A night at work is seen as unfinished commits and files not yet named: verify between nights.
    pub async fn verify(&self) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut owner_of_file: BTreeMap<String, String> = BTreeMap::new();
        for listed in self.list("state").await? {
            if let Some(owner) = listed
                .key
                .strip_prefix("state/")
                .and_then(|name| name.strip_suffix(".next.json"))
            {
                let hint = format!("klimalade run {owner}, which finishes it");
                findings.push(Finding::new(
                    "a commit is not finished",
                    &listed.key,
                    "no such file",
                    "a file",
                    hint,
                ));
            }
        }
        for owner in self.owners_with_state().await? {
            let state = match self.state(&owner).await {
                Ok(Some(state)) => state,
                Ok(None) => continue,
                Err(fault) => {
                    findings.push(Finding::of(&fault, &format!("state/{owner}.json"), "klimalade status"));
                    continue;
                }
            };
            if state.owner != owner {
                let place = format!("state/{owner}.json");
                findings.push(Finding::new(
                    "a state is another owner's",
                    &place,
                    &owner,
                    &state.owner,
                    "restore it from a backup",
                ));
            }
            for (key, partition) in &state.partitions {
                if let Some(other) = owner_of_file.insert(key.clone(), owner.clone()) {
                    let hint = format!("klimalade retire {other}");
                    findings.push(Finding::new(
                        "a file has two owners",
                        key,
                        &other,
                        format!("{other} and {owner}"),
                        hint,
                    ));
                }
                self.verify_partition(&owner, key, partition, &mut findings).await?;
            }
            self.verify_snapshots(&owner, &state, &mut findings).await?;
        }
        let mut all = self.list("core").await?;
        // Code lists are the catalogue's, and made anew each night.
        let out = self.list("out").await?;
        all.extend(out.into_iter().filter(|listed| !listed.key.starts_with("out/codes/")));
        for listed in all {
            if !owner_of_file.contains_key(&listed.key) {
                let hint = format!("move {}/{} out of the lake", self.address(), listed.key);
                findings.push(Finding::new(
                    "a published file that no state names",
                    &listed.key,
                    "no file",
                    format!("{} bytes", listed.bytes),
                    hint,
                ));
            }
        }
        Ok(findings)
    }

    async fn verify_partition(
        &self,
        owner: &str,
        key: &str,
        partition: &PartitionState,
        findings: &mut Vec<Finding>,
    ) -> Result<()> {
        // Only the agency's figures can be made again: what was revised when is written down nowhere else.
        let (gone, changed) = if key.starts_with("core/revision/") {
            let backup = "restore it from a backup".to_owned();
            (backup.clone(), backup)
        } else {
            let moved = format!(
                "move {}/{key} out of the lake, then klimalade replay {owner}",
                self.address()
            );
            (format!("klimalade replay {owner}"), moved)
        };
        let Some(copy) = self.local_copy(key, &self.spool).await? else {
            findings.push(Finding::new(
                "a published file is gone",
                key,
                format!("sha256 {}", partition.sha256),
                "no file",
                gone,
            ));
            return Ok(());
        };
        let (sha256, rows) = blocking(move || Ok((hash_file(copy.path())?.0, rows_in(&copy)))).await?;
        if sha256 != partition.sha256 {
            findings.push(Finding::new(
                "a published file was changed",
                key,
                format!("sha256 {}", partition.sha256),
                format!("sha256 {sha256}"),
                changed.clone(),
            ));
        }
        let found = match rows {
            Ok(rows) if rows == partition.rows => return Ok(()),
            Ok(rows) => format!("{rows} rows"),
            Err(text) => text,
        };
        findings.push(Finding::new(
            "a published file has not its rows",
            key,
            format!("{} rows", partition.rows),
            found,
            changed,
        ));
        Ok(())
    }

    /// Manifests of all parts of the state, and the pages that they name.
    async fn verify_snapshots(&self, owner: &str, state: &OwnerState, findings: &mut Vec<Finding>) -> Result<()> {
        let hint = repair_hint(owner);
        let mut seen = BTreeSet::new();
        for part in state.parts.values() {
            let SnapshotRef {
                owner: raw_owner,
                part_key,
                manifest_sha256,
                content_sha256,
                ..
            } = &part.snapshot;
            let owner = if raw_owner.is_empty() { owner } else { raw_owner };
            let place = crate::raw::manifest_key(owner, part_key, manifest_sha256)?;
            let manifest = match self.manifest(owner, part_key, manifest_sha256).await {
                Ok(manifest) => manifest,
                Err(fault) if fault.kind() == klimalade_model::Kind::Contract => {
                    findings.push(Finding::of(&fault, &place, &hint));
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            if manifest.content_sha256() != *content_sha256 {
                let found = manifest.content_sha256();
                findings.push(Finding::new(
                    "a state names other contents than its manifest",
                    &place,
                    content_sha256,
                    found,
                    &hint,
                ));
            }
            for page in kept_pages(&manifest) {
                let key = page_key(owner, part_key, &page.sha256)?;
                if !seen.insert(key.clone()) {
                    continue;
                }
                let expected = described(page.bytes, &page.sha256);
                let Some(found) = self.unpacked(&key).await? else {
                    findings.push(Finding::new(
                        "a page is gone from raw/",
                        &key,
                        expected,
                        "no file",
                        &hint,
                    ));
                    continue;
                };
                if found != expected {
                    findings.push(Finding::new(
                        "a page in raw/ is not the one that was fetched",
                        &key,
                        expected,
                        found,
                        &hint,
                    ));
                }
            }
        }
        Ok(())
    }
}

fn rows_in(copy: &crate::LocalFile) -> Result<u64, String> {
    let file = std::fs::File::open(copy.path()).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    u64::try_from(reader.metadata().file_metadata().num_rows()).map_err(|error| error.to_string())
}
