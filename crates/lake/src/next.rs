use bytes::Bytes;
use klimalade_model::{Fault, Result, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::{CommitPlan, Error, OwnerLock, OwnerState, PartitionState, Replacement, key::check_key};

/// `state/<owner>.next.json`: a commit that is decided and not yet finished.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Next {
    pub(crate) version: u32,
    pub(crate) owner: String,
    pub(crate) run_id: String,
    /// SHA-256 of the state file on which the commit stands; `None` when there was none.
    pub(crate) before: Option<String>,
    pub(crate) replace: Vec<NextReplace>,
    pub(crate) remove: Vec<NextRemove>,
    pub(crate) state: Option<OwnerState>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextReplace {
    pub(crate) key: String,
    pub(crate) staged: String,
    pub(crate) old: Option<Version>,
    pub(crate) new_sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NextRemove {
    pub(crate) key: String,
    pub(crate) old: Version,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    pub(crate) sha256: String,
    pub(crate) etag: String,
}

impl Version {
    pub(crate) fn of(partition: &PartitionState) -> Self {
        // A state whose mark is unknown (written by hand, restored) falls back on the hash, which is the mark on disk.
        let etag = if partition.etag.is_empty() {
            &partition.sha256
        } else {
            &partition.etag
        };
        Self {
            sha256: partition.sha256.clone(),
            etag: etag.clone(),
        }
    }
}

/// The marks of files that stay come from the standing state, whatever the plan carries.
pub(crate) fn carry_marks(plan: &mut CommitPlan, standing: Option<&OwnerState>) {
    let (Some(state), Some(standing)) = (plan.state.as_mut(), standing) else {
        return;
    };
    for (key, partition) in &mut state.partitions {
        if let Some(known) = standing
            .partitions
            .get(key)
            .filter(|known| known.sha256 == partition.sha256)
        {
            partition.etag.clone_from(&known.etag);
        }
    }
}

/// Nothing orphaned, nothing owned twice: every file of the standing state stays, is replaced or is removed; every
/// file of the new one stood before or is put now.
pub(crate) fn check_plan(owner: &str, plan: &CommitPlan, standing: Option<&OwnerState>) -> Result<()> {
    let wrong = |what: &str, key: &str| Fault::bug(format!("a commit contradicts itself: {what}")).at(key.to_owned());
    if let Some(state) = plan.state.as_ref().filter(|state| state.owner != owner) {
        return Err(wrong("the state is another owner's", &state.owner));
    }
    let new = |key: &str| plan.state.as_ref().and_then(|state| state.partitions.get(key));
    let old = |key: &str| standing.and_then(|state| state.partitions.get(key));
    for (at, replacement) in plan.replace.iter().enumerate() {
        let key = &replacement.key;
        check_key(key)?;
        if plan.replace[..at].iter().any(|other| &other.key == key) || plan.remove.contains(key) {
            return Err(wrong("a key stands in it twice", key));
        }
        if key.starts_with("core/") && !key.split('/').any(|folder| folder == format!("pipeline={owner}")) {
            return Err(wrong("the key is not the owner's", key));
        }
        if !key.starts_with("core/") && !key.starts_with("out/") {
            return Err(wrong("only core/ and out/ are published", key));
        }
        let named = new(key).ok_or_else(|| wrong("a file is put that the state does not name", key))?;
        if named.sha256 != replacement.sha256 || named.rows != replacement.rows {
            return Err(wrong("the state names another file than is put", key));
        }
        if old(key).map(|old| &old.sha256) != replacement.old.as_ref().map(|(sha256, _)| sha256) {
            let text =
                |sha256: Option<&String>| sha256.map_or("no file".to_owned(), |sha256| format!("sha256 {sha256}"));
            return Err(Error::ForeignFile {
                key: key.clone(),
                expected: text(replacement.old.as_ref().map(|(sha256, _)| sha256)),
                found: text(old(key).map(|old| &old.sha256)),
                hint: format!("klimalade run {owner}"),
            }
            .into());
        }
    }
    for key in &plan.remove {
        if old(key).is_none() {
            return Err(wrong("a file is removed that the state does not name", key));
        }
        if new(key).is_some() {
            return Err(wrong("a file is removed that the new state names", key));
        }
    }
    for (key, partition) in plan.state.iter().flat_map(|state| &state.partitions) {
        let put = plan.replace.iter().any(|replacement| &replacement.key == key);
        if !put && old(key).is_none_or(|old| old.sha256 != partition.sha256) {
            return Err(wrong(
                "the state names a file that is not put and did not stand before",
                key,
            ));
        }
    }
    for key in standing.iter().flat_map(|state| state.partitions.keys()) {
        if new(key).is_none() && !plan.remove.contains(key) {
            return Err(wrong("a file would be left that no state names", key));
        }
    }
    Ok(())
}

pub(crate) fn next_of(
    lock: &OwnerLock,
    state: Option<OwnerState>,
    replace: &[Replacement],
    remove: &[String],
    standing: Option<&OwnerState>,
    before: Option<&Bytes>,
) -> Next {
    let old = |key: &str| standing.and_then(|state| state.partitions.get(key)).map(Version::of);
    let folder = format!("staging/{}/{}", lock.owner(), lock.run_id());
    Next {
        version: 1,
        owner: lock.owner().to_owned(),
        run_id: lock.run_id().to_owned(),
        before: before.map(|bytes| sha256_hex(bytes)),
        replace: replace
            .iter()
            .enumerate()
            .map(|(number, replacement)| NextReplace {
                key: replacement.key.clone(),
                // Not named .parquet: a glob over the whole lake must not find it.
                staged: format!("{folder}/{number:05}.staged"),
                old: old(&replacement.key),
                new_sha256: replacement.sha256.clone(),
            })
            .collect(),
        remove: remove
            .iter()
            .filter_map(|key| {
                Some(NextRemove {
                    key: key.clone(),
                    old: old(key)?,
                })
            })
            .collect(),
        state,
    }
}

pub(crate) fn same_but_for_marks(left: &OwnerState, right: &OwnerState) -> bool {
    let bare = |state: &OwnerState| {
        let mut state = state.clone();
        state
            .partitions
            .values_mut()
            .for_each(|partition| partition.etag.clear());
        state
    };
    bare(left) == bare(right)
}
