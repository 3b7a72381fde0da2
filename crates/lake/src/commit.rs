use std::path::PathBuf;

use bytes::Bytes;
use klimalade_model::{Fault, Result, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Lake, OwnerLock, OwnerState, PartitionState,
    hash::{Hashing, copy},
    key::check_key,
    lake::{parse_state, state_key},
    store::{Condition, Put, disk_fault},
};

/// What one owner's night publishes.
#[derive(Clone, Debug, Default)]
pub struct CommitPlan {
    /// The whole new state; `None` removes the state file, which only an owner without files may.
    pub state: Option<OwnerState>,
    /// Files to put in place. Each stands in `state` too, with the same sha256.
    pub replace: Vec<Replacement>,
    /// Keys to remove. None of them stands in `state` any more.
    pub remove: Vec<String>,
}

/// One file to put in place.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Key within the lake.
    pub key: String,
    /// The file on local disk, as [`crate::PartitionWriter`] left it. It is copied and stays.
    pub file: PathBuf,
    /// Of the file.
    pub sha256: String,
    /// Rows in it.
    pub rows: u64,
    /// (sha256, ETag) of what it replaces, as the state said when this night read it; `None` for a new file.
    pub old: Option<(String, String)>,
}

/// What a commit did.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The state as it stands now, ETags filled in.
    pub state: Option<OwnerState>,
    /// Keys replaced. A file whose bytes did not change is none.
    pub replaced: Vec<String>,
    /// Keys removed.
    pub removed: Vec<String>,
}

/// `state/<owner>.next.json`: a commit that is decided and not yet finished.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    version: u32,
    owner: String,
    run_id: String,
    /// SHA-256 of the state file on which the commit stands; `None` when there was none.
    before: Option<String>,
    replace: Vec<NextReplace>,
    remove: Vec<NextRemove>,
    state: Option<OwnerState>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextReplace {
    key: String,
    staged: String,
    old: Option<Version>,
    new_sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextRemove {
    key: String,
    old: Version,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    sha256: String,
    etag: String,
}

impl Version {
    fn of(partition: &PartitionState) -> Self {
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

impl Lake {
    /// Publishes: stages the files, decides (`<owner>.next.json`), puts each in place, writes the state, clears up.
    /// A process that dies before the decision has changed nothing; one that dies after it is finished by
    /// [`Lake::recover`]. Runs also with nothing to replace.
    ///
    /// Errors: Contract, when a file is not the one that the state names (a late writer, a hand in the lake): then
    /// nothing was decided; Bug, when the plan contradicts itself; Transient, when the lock was lost; else the
    /// store's.
    pub async fn commit(&self, lock: &OwnerLock, plan: CommitPlan) -> Result<Committed> {
        let owner = lock.owner();
        if self.store.exists(&next_key(owner)).await? {
            return Err(Fault::bug("a commit was begun before an unfinished one was finished").at(next_key(owner)));
        }
        let state_key = state_key(owner)?;
        let before = self.store.get(&state_key).await?;
        let standing = before
            .as_ref()
            .map(|(bytes, _)| parse_state(&state_key, bytes))
            .transpose()?;
        let mut plan = plan;
        carry_marks(&mut plan, standing.as_ref());
        check_plan(owner, &plan, standing.as_ref())?;
        plan.replace.retain(|replacement| {
            replacement
                .old
                .as_ref()
                .is_none_or(|(sha256, _)| sha256 != &replacement.sha256)
        });
        let next = next_of(
            lock,
            plan.state,
            &plan.replace,
            &plan.remove,
            standing.as_ref(),
            before.as_ref().map(|(bytes, _)| bytes),
        );
        self.check_standing(owner, &next).await?;

        for (replacement, staged) in plan.replace.iter().zip(&next.replace) {
            self.stage(replacement, &staged.staged).await?;
        }
        lock.check().await?;
        let decided = Bytes::from(to_json(&next)?);
        if self
            .store
            .put(&next_key(owner), decided.clone(), Condition::Absent)
            .await?
            == Put::Refused
            && self
                .store
                .get(&next_key(owner))
                .await?
                .is_none_or(|(bytes, _)| bytes != decided)
        {
            return Err(Fault::bug("another commit of this owner was begun meanwhile").at(next_key(owner)));
        }
        self.finish(lock, next).await
    }

    /// Finishes a commit that a dead run had decided (true), or clears away what one had staged and not decided
    /// (false). To be called after [`Lake::lock`], before anything is read. Errors: Contract, when a file is neither
    /// the old nor the new one; else the store's.
    pub async fn recover(&self, lock: &OwnerLock) -> Result<bool> {
        lock.check().await?;
        let key = next_key(lock.owner());
        let Some((bytes, _)) = self.store.get(&key).await? else {
            self.clear_staging(lock.owner()).await?;
            return Ok(false);
        };
        let next: Next = serde_json::from_slice(&bytes).map_err(|source| {
            Fault::contract("an unfinished commit cannot be read")
                .at(key.clone())
                .hint("run the version of klimalade that wrote it")
                .because(source)
        })?;
        if next.owner != lock.owner() {
            return Err(Fault::contract("an unfinished commit of another owner")
                .at(key)
                .expected(lock.owner())
                .found(next.owner));
        }
        tracing::warn!(
            owner = lock.owner(),
            run_id = next.run_id,
            "finishing the commit of a run that died"
        );
        self.finish(lock, next).await?;
        Ok(true)
    }

    async fn stage(&self, replacement: &Replacement, staged: &str) -> Result<()> {
        let replacement = replacement.clone();
        let body = move |to: &mut dyn std::io::Write| {
            let fault = |source| disk_fault("a staged file cannot be read", replacement.file.display(), source);
            let mut from = Hashing::new(std::fs::File::open(&replacement.file).map_err(fault)?);
            copy(&mut from, to).map_err(fault)?;
            let (_, sha256, _) = from.finish();
            if sha256 != replacement.sha256 {
                return Err(Fault::bug("a staged file changed after it was written")
                    .at(replacement.key.clone())
                    .expected(replacement.sha256.clone())
                    .found(sha256));
            }
            Ok(())
        };
        self.store.put_body(staged, Box::new(body)).await
    }

    /// Before anything is decided: what the plan replaces or removes is what the state names. A commit that would
    /// fail halfway through leaves a decision that nobody can finish.
    async fn check_standing(&self, owner: &str, next: &Next) -> Result<()> {
        let replaced = next
            .replace
            .iter()
            .map(|replace| (&replace.key, replace.old.as_ref(), Some(&replace.new_sha256)));
        let removed = next.remove.iter().map(|remove| (&remove.key, Some(&remove.old), None));
        for (key, old, new) in replaced.chain(removed) {
            let found = self.store.etag(key).await?;
            // A file that was lost harms nothing: a whole one comes in its place.
            let Some(found) = found else { continue };
            if old.is_some_and(|old| old.etag == found) {
                continue;
            }
            // The mark differs where a lake was copied from another bucket; the bytes decide.
            let Some(found) = self.store.fingerprint(key).await? else {
                continue;
            };
            if old.is_some_and(|old| old.sha256 == found.sha256) || new == Some(&found.sha256) {
                continue;
            }
            return Err(self.foreign(owner, key, old, &found.sha256));
        }
        Ok(())
    }

    async fn finish(&self, lock: &OwnerLock, mut next: Next) -> Result<Committed> {
        let owner = lock.owner();
        let state_key = state_key(owner)?;
        // A late decision, on a state that is no longer, must not touch a file.
        let standing = self.store.get(&state_key).await?;
        self.check_before(owner, &next, standing.as_ref())?;

        let mut replaced = Vec::with_capacity(next.replace.len());
        for replace in &next.replace {
            lock.check().await?;
            let etag = self.put_in_place(owner, replace).await?;
            if let Some(partition) = next
                .state
                .as_mut()
                .and_then(|state| state.partitions.get_mut(&replace.key))
            {
                partition.etag = etag;
            }
            replaced.push(replace.key.clone());
        }
        let mut removed = Vec::with_capacity(next.remove.len());
        for remove in &next.remove {
            lock.check().await?;
            self.remove(owner, remove).await?;
            removed.push(remove.key.clone());
        }

        lock.check().await?;
        match &next.state {
            None => self.store.delete(&state_key).await?,
            Some(state) => {
                let condition = match &standing {
                    Some((_, etag)) => Condition::Matches(etag.clone()),
                    None => Condition::Absent,
                };
                let text = Bytes::from(to_json(state)?);
                if self.store.put(&state_key, text.clone(), condition).await? == Put::Refused {
                    // The answer to our own put was lost and the store's client put again, or we came too late.
                    let standing = self.store.get(&state_key).await?;
                    if standing.as_ref().map(|(bytes, _)| bytes) != Some(&text) {
                        return Err(self.late(owner, &next, standing.as_ref()));
                    }
                }
            }
        }
        self.store.delete(&next_key(owner)).await?;
        self.clear_staging(owner).await?;
        Ok(Committed {
            state: next.state,
            replaced,
            removed,
        })
    }

    /// The state file is the one on which the commit stands, or already the one that it writes.
    fn check_before(&self, owner: &str, next: &Next, standing: Option<&(Bytes, String)>) -> Result<()> {
        let key = state_key(owner)?;
        let found = standing.map(|(bytes, _)| sha256_hex(bytes));
        if found == next.before || (found.is_none() && next.state.is_none()) {
            return Ok(());
        }
        if let (Some((bytes, _)), Some(new)) = (standing, &next.state)
            && same_but_for_marks(&parse_state(&key, bytes)?, new)
        {
            return Ok(());
        }
        Err(self.late(owner, next, standing))
    }

    fn late(&self, owner: &str, next: &Next, standing: Option<&(Bytes, String)>) -> Fault {
        let text = |sha256: Option<String>| sha256.map_or("no state".to_owned(), |sha256| format!("sha256 {sha256}"));
        Error::ForeignFile {
            key: format!("state/{owner}.json"),
            expected: text(next.before.clone()),
            found: text(standing.map(|(bytes, _)| sha256_hex(bytes))),
            hint: format!(
                "where the state is the good one: remove {}/{}",
                self.address(),
                next_key(owner)
            ),
        }
        .into()
    }

    /// Puts one staged file in place, once: what has its bytes already is done. Gives the new mark.
    async fn put_in_place(&self, owner: &str, replace: &NextReplace) -> Result<String> {
        let mut condition = replace
            .old
            .as_ref()
            .map_or(Condition::Absent, |old| Condition::Matches(old.etag.clone()));
        // The second time with the mark that stands there, when the bytes are still the old ones.
        for _ in 0..2 {
            if self.store.exists(&replace.staged).await?
                && let Put::Done(etag) = self.store.replace(&replace.staged, &replace.key, condition).await?
            {
                return Ok(etag);
            }
            condition = match self.store.fingerprint(&replace.key).await? {
                Some(found) if found.sha256 == replace.new_sha256 => return Ok(found.etag),
                Some(found) if replace.old.as_ref().is_some_and(|old| old.sha256 == found.sha256) => {
                    Condition::Matches(found.etag)
                }
                Some(found) => return Err(self.foreign(owner, &replace.key, replace.old.as_ref(), &found.sha256)),
                None => Condition::Absent,
            };
        }
        Err(
            Fault::contract("a staged file could not be put in place, though what stands there is the old one")
                .at(replace.key.clone())
                .expected(format!("{}/{}", self.address(), replace.staged))
                .hint("klimalade verify"),
        )
    }

    async fn remove(&self, owner: &str, remove: &NextRemove) -> Result<()> {
        let Some(found) = self.store.etag(&remove.key).await? else {
            return Ok(());
        };
        if found != remove.old.etag {
            let Some(found) = self.store.fingerprint(&remove.key).await? else {
                return Ok(());
            };
            if found.sha256 != remove.old.sha256 {
                return Err(self.foreign(owner, &remove.key, Some(&remove.old), &found.sha256));
            }
        }
        self.store.delete(&remove.key).await
    }

    async fn clear_staging(&self, owner: &str) -> Result<()> {
        for staged in self.store.list(&format!("staging/{owner}")).await? {
            self.store.delete(&staged.key).await?;
        }
        Ok(())
    }

    fn foreign(&self, owner: &str, key: &str, old: Option<&Version>, found: &str) -> Fault {
        Error::ForeignFile {
            key: key.to_owned(),
            expected: old.map_or("no file".to_owned(), |old| format!("sha256 {}", old.sha256)),
            found: format!("sha256 {found}"),
            hint: format!(
                "move {}/{key} out of the lake, then klimalade run {owner}",
                self.address()
            ),
        }
        .into()
    }
}

pub(crate) fn next_key(owner: &str) -> String {
    format!("state/{owner}.next.json")
}

/// The marks of files that stay come from the standing state, whatever the plan carries.
fn carry_marks(plan: &mut CommitPlan, standing: Option<&OwnerState>) {
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
fn check_plan(owner: &str, plan: &CommitPlan, standing: Option<&OwnerState>) -> Result<()> {
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

fn next_of(
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

fn same_but_for_marks(left: &OwnerState, right: &OwnerState) -> bool {
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

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|source| Fault::bug("a state cannot be written as JSON").because(source))
}
