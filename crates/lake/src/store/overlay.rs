use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use klimalade_model::Result;

use super::{Backend, Body, Condition, Fingerprint, Listed, Local, Put};

/// A store laid over another that is only read: what is written goes to a folder, what is removed is remembered as
/// gone. A rehearsal of a night runs over it, commit and all, and the lake beneath stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Overlay {
    /// Never written: of it only `get`, `get_to`, `fingerprint`, `exists`, `etag`, `list`, `local_path` are called.
    beneath: Arc<dyn Backend>,
    above: Local,
    gone: Arc<Mutex<BTreeSet<String>>>,
}

impl Overlay {
    pub(crate) fn new(beneath: Arc<dyn Backend>, above: Local) -> Self {
        Self {
            beneath,
            above,
            gone: Arc::default(),
        }
    }
    fn gone(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn is_gone(&self, key: &str) -> bool {
        self.gone().contains(key)
    }
    fn stands_above(&self, key: &str) -> bool {
        self.above.local_path(key).is_some_and(|path| path.is_file())
    }
    /// The store that answers for a key; `None` when what stood there is gone.
    fn of(&self, key: &str) -> Option<&dyn Backend> {
        if self.stands_above(key) {
            return Some(&self.above);
        }
        (!self.is_gone(key)).then_some(self.beneath.as_ref())
    }
    async fn holds(&self, key: &str, condition: &Condition) -> Result<bool> {
        Ok(match condition {
            Condition::Any => true,
            Condition::Absent => !self.exists(key).await?,
            Condition::Matches(etag) => self.etag(key).await?.as_ref() == Some(etag),
        })
    }
}

#[async_trait]
impl Backend for Overlay {
    async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>> {
        match self.of(key) {
            Some(store) => store.get(key).await,
            None => Ok(None),
        }
    }
    async fn get_to(&self, key: &str, file: &Path) -> Result<Option<Fingerprint>> {
        match self.of(key) {
            Some(store) => store.get_to(key, file).await,
            None => Ok(None),
        }
    }
    async fn fingerprint(&self, key: &str) -> Result<Option<Fingerprint>> {
        match self.of(key) {
            Some(store) => store.fingerprint(key).await,
            None => Ok(None),
        }
    }
    async fn exists(&self, key: &str) -> Result<bool> {
        match self.of(key) {
            Some(store) => store.exists(key).await,
            None => Ok(false),
        }
    }
    async fn etag(&self, key: &str) -> Result<Option<String>> {
        match self.of(key) {
            Some(store) => store.etag(key).await,
            None => Ok(None),
        }
    }
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Put> {
        if !self.holds(key, &condition).await? {
            return Ok(Put::Refused);
        }
        self.above.put(key, bytes, Condition::Any).await
    }
    async fn put_body(&self, key: &str, body: Body) -> Result<()> {
        self.above.put_body(key, body).await
    }
    async fn replace(&self, staged: &str, key: &str, condition: Condition) -> Result<Put> {
        if !self.holds(key, &condition).await? {
            return Ok(Put::Refused);
        }
        // What a dead run had staged stands beneath.
        if !self.stands_above(staged)
            && let Some((bytes, _)) = self.get(staged).await?
        {
            self.above.put(staged, bytes, Condition::Any).await?;
        }
        let put = self.above.replace(staged, key, Condition::Any).await?;
        self.gone().insert(staged.to_owned());
        Ok(put)
    }
    async fn delete(&self, key: &str) -> Result<()> {
        self.gone().insert(key.to_owned());
        self.above.delete(key).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let mut found: BTreeMap<String, Listed> = BTreeMap::new();
        let beneath = self.beneath.list(prefix).await?;
        let beneath = beneath.into_iter().filter(|listed| !self.is_gone(&listed.key));
        for listed in beneath.chain(self.above.list(prefix).await?) {
            found.insert(listed.key.clone(), listed);
        }
        Ok(found.into_values().collect())
    }
    async fn sweep(&self, prefix: &str, name: &str) -> Result<()> {
        self.above.sweep(prefix, name).await
    }
    fn local_path(&self, key: &str) -> Option<PathBuf> {
        // A lock is taken above: nothing beneath may be opened for writing.
        if key.ends_with(".lock") || self.stands_above(key) {
            return self.above.local_path(key);
        }
        if self.is_gone(key) {
            return None;
        }
        self.beneath.local_path(key)
    }
    fn address(&self) -> String {
        self.beneath.address()
    }
}
