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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use object_store::memory::InMemory;

    use super::*;
    use crate::store::{FailPoint, Object};

    /// An overlay over an object store that holds `core/a` and `core/b`; the store itself, and the folder above.
    async fn laid() -> (Overlay, Arc<dyn Backend>, tempfile::TempDir) {
        let folder = tempfile::TempDir::new().unwrap();
        let none = || FailPoint::after(None);
        let store = Object::new(
            Arc::new(InMemory::new()),
            "lake",
            folder.path().join("spool"),
            "mem".to_owned(),
            none(),
        );
        for key in ["core/a", "core/b"] {
            store.put(key, Bytes::from(key), Condition::Any).await.unwrap();
        }
        let beneath: Arc<dyn Backend> = Arc::new(store);
        let above = Local::new(folder.path().join("above"), none());
        (Overlay::new(beneath.clone(), above), beneath, folder)
    }

    async fn text(store: &dyn Backend, key: &str) -> Option<String> {
        let found = store.get(key).await.unwrap();
        found.map(|(bytes, _)| String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn keys(store: &dyn Backend) -> Vec<String> {
        store
            .list("core")
            .await
            .unwrap()
            .into_iter()
            .map(|listed| listed.key)
            .collect()
    }

    #[tokio::test]
    async fn what_is_put_replaced_and_removed_is_so_above_alone() {
        let (overlay, beneath, _folder) = laid().await;
        overlay
            .put("core/c", Bytes::from("new"), Condition::Absent)
            .await
            .unwrap();
        overlay
            .put("staging/a", Bytes::from("other"), Condition::Any)
            .await
            .unwrap();
        let mark = overlay.etag("core/a").await.unwrap().unwrap();
        assert_eq!(
            mark,
            beneath.etag("core/a").await.unwrap().unwrap(),
            "the mark is the store's own"
        );
        let put = overlay
            .replace("staging/a", "core/a", Condition::Matches(mark.clone()))
            .await
            .unwrap();
        assert!(matches!(put, Put::Done(_)));
        overlay.delete("core/b").await.unwrap();

        assert_eq!(keys(&overlay).await, ["core/a", "core/c"]);
        assert_eq!(text(&overlay, "core/a").await.as_deref(), Some("other"));
        assert_eq!(text(&overlay, "core/b").await, None);
        assert!(!overlay.exists("staging/a").await.unwrap());
        assert_eq!(keys(beneath.as_ref()).await, ["core/a", "core/b"]);
        assert_eq!(text(beneath.as_ref(), "core/a").await.as_deref(), Some("core/a"));
        assert_eq!(text(beneath.as_ref(), "core/b").await.as_deref(), Some("core/b"));

        // The conditions are those of what is seen, not of what lies beneath.
        let late = overlay
            .put("core/a", Bytes::from("x"), Condition::Matches(mark))
            .await
            .unwrap();
        assert_eq!(late, Put::Refused);
        let twice = overlay
            .put("core/c", Bytes::from("x"), Condition::Absent)
            .await
            .unwrap();
        assert_eq!(twice, Put::Refused);
        let again = overlay
            .put("core/b", Bytes::from("back"), Condition::Absent)
            .await
            .unwrap();
        assert!(matches!(again, Put::Done(_)), "what is gone is absent");
        assert_eq!(text(&overlay, "core/b").await.as_deref(), Some("back"));
    }

    #[tokio::test]
    async fn a_file_is_local_where_it_stands_above_and_a_lock_always() {
        let (overlay, _, folder) = laid().await;
        assert_eq!(overlay.local_path("core/a"), None, "it is copied out of the store");
        overlay.put("core/a", Bytes::from("x"), Condition::Any).await.unwrap();
        let above = folder.path().join("above");
        assert_eq!(overlay.local_path("core/a"), Some(above.join("core/a")));
        assert_eq!(overlay.local_path("state/x.lock"), Some(above.join("state/x.lock")));
    }

    #[tokio::test]
    async fn what_a_dead_run_staged_beneath_is_put_in_place_above() {
        let (overlay, beneath, _folder) = laid().await;
        beneath
            .put("staging/b", Bytes::from("staged"), Condition::Any)
            .await
            .unwrap();
        overlay.replace("staging/b", "core/b", Condition::Any).await.unwrap();
        assert_eq!(text(&overlay, "core/b").await.as_deref(), Some("staged"));
        assert!(!overlay.exists("staging/b").await.unwrap());
        assert_eq!(text(beneath.as_ref(), "staging/b").await.as_deref(), Some("staged"));
    }
}
