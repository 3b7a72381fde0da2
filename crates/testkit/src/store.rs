//! An object store in memory that fails by script, for everything that must survive a failing store.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart, memory::InMemory,
    path::Path,
};

/// What is asked of a store, as scripts count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A put of a whole object, conditional or not.
    Put,
    /// One part of a multipart upload.
    PutPart,
    /// The end of a multipart upload, which makes the object.
    Complete,
    /// A get or head, of the whole or of ranges.
    Get,
    /// A delete of one object.
    Delete,
    /// A listing.
    List,
    /// A copy.
    Copy,
    /// A rename.
    Rename,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was done, and the caller hears of an error (a lost request, a process killed before it).
    Before,
    /// It was done, and the caller hears of an error (a lost answer, a process killed after it).
    After,
    /// Nothing was done: 412, the condition does not hold.
    Precondition,
}

/// One line of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// Only operations of this kind count; `None`: all.
    pub operation: Option<Operation>,
    /// Only operations on a path that contains this count; empty: all.
    pub path_contains: String,
    /// Which of the operations that count fails: 1 is the first.
    pub nth: usize,
    /// From the `nth` on every one fails: the store is gone, as the process is after a kill.
    pub for_good: bool,
    /// How.
    pub failure: Failure,
}

impl Scripted {
    /// The `nth` operation of this kind fails, once.
    pub fn nth(operation: Operation, nth: usize, failure: Failure) -> Self {
        Self {
            operation: Some(operation),
            path_contains: String::new(),
            nth,
            for_good: false,
            failure,
        }
    }
    /// The store is gone from the `nth` writing operation on, of whatever kind, which itself fails as said: what a
    /// process killed there leaves behind. Reading fails from then on too.
    pub fn killed_at(nth: usize, failure: Failure) -> Self {
        Self {
            operation: None,
            path_contains: String::new(),
            nth,
            for_good: true,
            failure,
        }
    }
    /// Only operations on paths that contain `text` count.
    #[must_use]
    pub fn on(mut self, text: impl Into<String>) -> Self {
        self.path_contains = text.into();
        self
    }
}

#[derive(Debug, Default)]
struct Script {
    lines: Vec<(Scripted, usize)>,
    counts: BTreeMap<Operation, usize>,
    log: Vec<(Operation, String)>,
    failed: usize,
}

/// An in-memory store with conditional create and replace that fails by script. Clones share content and script.
#[derive(Clone, Debug)]
pub struct FaultyStore {
    inner: Arc<InMemory>,
    script: Arc<Mutex<Script>>,
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore(InMemory)")
    }
}

/// What the script says of one operation.
enum Verdict {
    Go,
    Fail(Failure),
}

impl FaultyStore {
    /// An empty store that does not fail yet.
    pub fn new() -> Self {
        Self {
            inner: Arc::new(InMemory::new()),
            script: Arc::default(),
        }
    }
    /// Replaces the script, and counts from here.
    pub fn script(&self, lines: impl IntoIterator<Item = Scripted>) {
        let mut script = self.lock();
        *script = Script {
            lines: lines.into_iter().map(|line| (line, 0)).collect(),
            ..Script::default()
        };
    }
    /// The content without its faults: what stands there after the process is gone.
    pub fn content(&self) -> Arc<InMemory> {
        Arc::clone(&self.inner)
    }
    /// Operations of one kind since the script was set, failed ones included.
    pub fn count(&self, operation: Operation) -> usize {
        self.lock().counts.get(&operation).copied().unwrap_or_default()
    }
    /// Operations that change the store since the script was set: the number of places at which to kill.
    pub fn writes(&self) -> usize {
        self.lock()
            .log
            .iter()
            .filter(|(operation, _)| is_write(*operation))
            .count()
    }
    /// Every operation since the script was set, in order, with its path.
    pub fn log(&self) -> Vec<(Operation, String)> {
        self.lock().log.clone()
    }
    /// Operations that failed by script.
    pub fn failed(&self) -> usize {
        self.lock().failed
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self, operation: Operation, path: &str) -> Verdict {
        let mut script = self.lock();
        *script.counts.entry(operation).or_default() += 1;
        script.log.push((operation, path.to_owned()));
        let mut verdict = Verdict::Go;
        for (line, seen) in &mut script.lines {
            let counts = match line.operation {
                Some(wanted) => wanted == operation,
                None => is_write(operation),
            } && path.contains(&line.path_contains);
            *seen += usize::from(counts);
            if counts && *seen == line.nth {
                verdict = Verdict::Fail(line.failure);
            } else if line.for_good && *seen >= line.nth && (counts || line.operation.is_none()) {
                verdict = Verdict::Fail(Failure::Before);
            }
        }
        if matches!(verdict, Verdict::Fail(_)) {
            script.failed += 1;
        }
        verdict
    }

    /// Runs one operation as the script says.
    async fn run<T>(&self, operation: Operation, path: &Path, work: impl Future<Output = Result<T>>) -> Result<T> {
        match self.verdict(operation, path.as_ref()) {
            Verdict::Go => work.await,
            Verdict::Fail(Failure::After) => {
                work.await?;
                Err(error(operation, path, Failure::After))
            }
            Verdict::Fail(failure) => Err(error(operation, path, failure)),
        }
    }
}

fn is_write(operation: Operation) -> bool {
    !matches!(operation, Operation::Get | Operation::List)
}

fn error(operation: Operation, path: &Path, failure: Failure) -> Error {
    let source = format!("scripted: {operation:?} of {path} fails {failure:?}").into();
    match failure {
        Failure::Precondition => Error::Precondition {
            path: path.to_string(),
            source,
        },
        Failure::Before | Failure::After => Error::Generic {
            store: "FaultyStore",
            source,
        },
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.run(Operation::Put, location, self.inner.put_opts(location, payload, opts))
            .await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(FaultyUpload {
            store: self.clone(),
            location: location.clone(),
            upload,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.run(Operation::Get, location, self.inner.get_opts(location, options))
            .await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.run(Operation::Get, location, self.inner.get_ranges(location, ranges))
            .await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .and_then(move |location| {
                let store = store.clone();
                async move {
                    let one = futures::stream::once({
                        let location = location.clone();
                        async move { Ok(location) }
                    });
                    let work = store.inner.delete_stream(one.boxed()).try_collect::<Vec<Path>>();
                    store.run(Operation::Delete, &location, work).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let path = prefix.cloned().unwrap_or_default();
        match self.verdict(Operation::List, path.as_ref()) {
            Verdict::Go => self.inner.list(prefix),
            Verdict::Fail(failure) => {
                let failed = error(Operation::List, &path, failure);
                futures::stream::once(async move { Err(failed) }).boxed()
            }
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let path = prefix.cloned().unwrap_or_default();
        self.run(Operation::List, &path, self.inner.list_with_delimiter(prefix))
            .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.run(Operation::Copy, to, self.inner.copy_opts(from, to, options))
            .await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.run(Operation::Rename, to, self.inner.rename_opts(from, to, options))
            .await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    store: FaultyStore,
    location: Path,
    upload: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.upload.put_part(data);
        let (store, location) = (self.store.clone(), self.location.clone());
        Box::pin(async move { store.run(Operation::PutPart, &location, part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let store = self.store.clone();
        let location = self.location.clone();
        store.run(Operation::Complete, &location, self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use object_store::{ObjectStoreExt, PutMode, UpdateVersion};

    use super::*;

    fn path(text: &str) -> Path {
        Path::from(text)
    }

    #[tokio::test]
    async fn a_put_that_fails_before_leaves_nothing() {
        let store = FaultyStore::new();
        store.script([Scripted::nth(Operation::Put, 2, Failure::Before)]);
        store.put(&path("a"), "1".into()).await.unwrap();
        store.put(&path("b"), "2".into()).await.unwrap_err();
        store.put(&path("c"), "3".into()).await.unwrap();
        assert!(store.content().head(&path("b")).await.is_err());
        assert_eq!((store.count(Operation::Put), store.failed()), (3, 1));
    }

    #[tokio::test]
    async fn a_put_that_fails_after_is_done() {
        let store = FaultyStore::new();
        store.script([Scripted::nth(Operation::Put, 1, Failure::After).on("state/")]);
        store.put(&path("core/x"), "0".into()).await.unwrap();
        store.put(&path("state/b.json"), "2".into()).await.unwrap_err();
        assert_eq!(
            store.get(&path("state/b.json")).await.unwrap().bytes().await.unwrap(),
            "2"
        );
    }

    #[tokio::test]
    async fn a_scripted_412_is_a_precondition_error_and_changes_nothing() {
        let store = FaultyStore::new();
        store.script([Scripted::nth(Operation::Put, 1, Failure::Precondition)]);
        let error = store.put(&path("a"), "1".into()).await.unwrap_err();
        assert!(matches!(error, Error::Precondition { .. }), "{error}");
        assert!(store.content().head(&path("a")).await.is_err());
    }

    #[tokio::test]
    async fn conditions_hold_without_a_script() {
        let store = FaultyStore::new();
        let first = store
            .put_opts(&path("a"), "1".into(), PutMode::Create.into())
            .await
            .unwrap();
        let again = store
            .put_opts(&path("a"), "2".into(), PutMode::Create.into())
            .await
            .unwrap_err();
        assert!(matches!(again, Error::AlreadyExists { .. }));
        store.put(&path("a"), "3".into()).await.unwrap();
        let late = PutMode::Update(UpdateVersion {
            e_tag: first.e_tag,
            version: first.version,
        });
        assert!(matches!(
            store.put_opts(&path("a"), "4".into(), late.into()).await.unwrap_err(),
            Error::Precondition { .. }
        ));
    }

    #[tokio::test]
    async fn a_killed_process_writes_and_reads_no_more() {
        let store = FaultyStore::new();
        store.script([Scripted::killed_at(2, Failure::After)]);
        store.put(&path("a"), "1".into()).await.unwrap();
        store.get(&path("a")).await.unwrap();
        store.put(&path("b"), "2".into()).await.unwrap_err();
        store.put(&path("c"), "3".into()).await.unwrap_err();
        store.delete(&path("a")).await.unwrap_err();
        store.get(&path("a")).await.unwrap_err();
        assert!(store.list(None).next().await.unwrap().is_err());
        let left: Vec<_> = store
            .content()
            .list(None)
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(left, ["a", "b"]);
        store.script([]);
        store.get(&path("b")).await.unwrap();
    }

    #[tokio::test]
    async fn deletes_and_copies_fail_by_script_too() {
        let store = FaultyStore::new();
        store.put(&path("a"), "1".into()).await.unwrap();
        store.script([
            Scripted::nth(Operation::Delete, 1, Failure::After),
            Scripted::nth(Operation::Copy, 1, Failure::Before),
            Scripted::nth(Operation::Get, 2, Failure::Before),
        ]);
        store.copy(&path("a"), &path("b")).await.unwrap_err();
        store.get(&path("a")).await.unwrap();
        store.get(&path("a")).await.unwrap_err();
        store.delete(&path("a")).await.unwrap_err();
        assert!(store.content().head(&path("a")).await.is_err());
        assert_eq!(store.writes(), 2);
    }

    #[tokio::test]
    async fn a_multipart_upload_fails_at_its_end_by_script() {
        let store = FaultyStore::new();
        store.script([Scripted::nth(Operation::Complete, 1, Failure::Before)]);
        let mut upload = store.put_multipart(&path("big")).await.unwrap();
        upload.put_part("12345".into()).await.unwrap();
        upload.complete().await.unwrap_err();
        assert!(store.content().head(&path("big")).await.is_err());
    }
}
