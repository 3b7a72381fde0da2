//! The few things that the lake asks of a store, on local disk and on object stores alike.

mod local;
mod object;
mod overlay;

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use klimalade_model::{Fault, Result};

use crate::{Error, key::check_key};

pub(crate) use local::Local;
pub(crate) use object::{Object, store_fault};
pub(crate) use overlay::Overlay;

/// When a put may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Always.
    Any,
    /// Nothing stands there.
    Absent,
    /// What stands there carries this mark.
    Matches(String),
}

/// What came of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// Done; the new mark.
    Done(String),
    /// The condition did not hold; nothing was written.
    Refused,
}

/// What stands at a key, by content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) sha256: String,
    pub(crate) etag: String,
    pub(crate) bytes: u64,
}

/// One file of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Key within the lake.
    pub key: String,
    /// Size.
    pub bytes: u64,
    /// When it was last written, by the store's clock.
    pub modified_at: Timestamp,
}

/// Writes the body of an object into a stream; runs on a blocking thread.
pub(crate) type Body = Box<dyn FnOnce(&mut dyn Write) -> Result<()> + Send>;

#[async_trait]
pub(crate) trait Backend: fmt::Debug + Send + Sync {
    async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>>;
    /// Copies the object to a local file, which is made or replaced. Not synced.
    async fn get_to(&self, key: &str, file: &Path) -> Result<Option<Fingerprint>>;
    async fn fingerprint(&self, key: &str) -> Result<Option<Fingerprint>>;
    async fn exists(&self, key: &str) -> Result<bool>;
    /// The mark of what stands there; a hash of the file on local disk, one small request on an object store.
    async fn etag(&self, key: &str) -> Result<Option<String>>;
    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Put>;
    async fn put_body(&self, key: &str, body: Body) -> Result<()>;
    /// Puts the staged object in the place of another. On local disk the staged file is gone afterwards.
    async fn replace(&self, staged: &str, key: &str, condition: Condition) -> Result<Put>;
    /// Deleting what is not there is no error.
    async fn delete(&self, key: &str) -> Result<()>;
    /// All files below the folder `prefix`, by key; temporary files are not listed.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>>;
    /// Removes temporary files that a dead process left in `prefix` and whose names begin with `name`, and folders that
    /// are empty.
    async fn sweep(&self, prefix: &str, name: &str) -> Result<()>;
    /// The file itself, where the store is a folder.
    fn local_path(&self, key: &str) -> Option<PathBuf>;
    /// For messages.
    fn address(&self) -> String;
}

/// Stops the store after a number of steps, for crash tests.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailPoint(Option<Arc<AtomicUsize>>);

impl FailPoint {
    pub(crate) fn after(steps: Option<usize>) -> Self {
        Self(steps.map(|steps| Arc::new(AtomicUsize::new(steps))))
    }
    /// One step. Errors: [`Error::FailPoint`] when there is none left, and ever after.
    pub(crate) fn step(&self) -> Result<()> {
        let Some(left) = &self.0 else { return Ok(()) };
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .map(|_| ())
            .map_err(|_| Fault::from(Error::FailPoint))
    }
}

/// A backend with its guards: keys are checked, a lake opened for reading is not written, the fail point counts.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    backend: Arc<dyn Backend>,
    fail: FailPoint,
    read_only: bool,
}

impl Store {
    pub(crate) fn new(backend: Arc<dyn Backend>, fail: FailPoint, read_only: bool) -> Self {
        Self {
            backend,
            fail,
            read_only,
        }
    }
    fn reading(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.fail.step()
    }
    fn writing(&self, key: &str) -> Result<()> {
        if self.read_only {
            return Err(Error::ReadOnly { key: key.to_owned() }.into());
        }
        self.reading(key)
    }
    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>> {
        self.reading(key)?;
        self.backend.get(key).await
    }
    pub(crate) async fn get_to(&self, key: &str, file: &Path) -> Result<Option<Fingerprint>> {
        self.reading(key)?;
        self.backend.get_to(key, file).await
    }
    pub(crate) async fn fingerprint(&self, key: &str) -> Result<Option<Fingerprint>> {
        self.reading(key)?;
        self.backend.fingerprint(key).await
    }
    pub(crate) async fn exists(&self, key: &str) -> Result<bool> {
        self.reading(key)?;
        self.backend.exists(key).await
    }
    pub(crate) async fn etag(&self, key: &str) -> Result<Option<String>> {
        self.reading(key)?;
        self.backend.etag(key).await
    }
    pub(crate) async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Put> {
        self.writing(key)?;
        self.backend.put(key, bytes, condition).await
    }
    pub(crate) async fn put_body(&self, key: &str, body: Body) -> Result<()> {
        self.writing(key)?;
        self.backend.put_body(key, body).await
    }
    pub(crate) async fn replace(&self, staged: &str, key: &str, condition: Condition) -> Result<Put> {
        self.writing(key)?;
        self.backend.replace(staged, key, condition).await
    }
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        self.writing(key)?;
        self.backend.delete(key).await
    }
    pub(crate) async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        self.reading(prefix)?;
        self.backend.list(prefix).await
    }
    pub(crate) async fn sweep(&self, prefix: &str, name: &str) -> Result<()> {
        self.writing(prefix)?;
        self.backend.sweep(prefix, name).await
    }
    pub(crate) fn local_path(&self, key: &str) -> Result<Option<PathBuf>> {
        check_key(key)?;
        Ok(self.backend.local_path(key))
    }
    pub(crate) fn address(&self) -> String {
        self.backend.address()
    }
}

/// Runs blocking work on the runtime's blocking threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| Fault::bug("a blocking task of the lake did not end").because(source))?
}

/// What a failure of the local disk means. A full disk and a missing right want a person, the rest may pass.
pub(crate) fn disk_fault(what: &str, place: impl fmt::Display, source: std::io::Error) -> Fault {
    use std::io::ErrorKind;
    let fault = match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Fault::settings(what).hint("df -h"),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Fault::settings(what).hint("ls -la"),
        _ => Fault::transient(what),
    };
    fault.at(place.to_string()).because(source)
}
