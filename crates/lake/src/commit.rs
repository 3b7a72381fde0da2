use std::path::PathBuf;

use bytes::Bytes;
use klimalade_model::{Fault, Result, sha256_hex};
use serde::Serialize;

use crate::{
    Error, Lake, OwnerLock, OwnerState,
    hash::{Hashing, copy},
    lake::{parse_state, state_key},
    next::{Next, NextRemove, NextReplace, Version, carry_marks, check_plan, next_of, same_but_for_marks},
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
        // The same bytes are put again only where they were lost.
        let mut replace = Vec::with_capacity(plan.replace.len());
        for replacement in std::mem::take(&mut plan.replace) {
            let is_same = replacement
                .old
                .as_ref()
                .is_some_and(|(sha256, _)| sha256 == &replacement.sha256);
            if !is_same || !self.store.exists(&replacement.key).await? {
                replace.push(replacement);
            }
        }
        plan.replace = replace;
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
                "move {}/{key} out of the lake, then klimalade replay {owner}",
                self.address()
            ),
        }
        .into()
    }
}

pub(crate) fn next_key(owner: &str) -> String {
    format!("state/{owner}.next.json")
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|source| Fault::bug("a state cannot be written as JSON").because(source))
}
