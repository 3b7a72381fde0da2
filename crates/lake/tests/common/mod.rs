#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs, unreachable_pub)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use klimalade_lake::{CommitPlan, Lake, OpenOptions, OwnerState, PartitionState, Replacement};
use klimalade_model::sha256_hex;
use object_store::{ObjectStore, memory::InMemory};
use tempfile::TempDir;

pub const OWNER: &str = "dst_area";

/// Where a lake under test lives; opened anew as often as a test asks.
pub enum Place {
    Disk(TempDir),
    Memory(Arc<InMemory>),
}

pub struct World {
    pub place: Place,
    pub spool: TempDir,
    pub seconds: Arc<AtomicI64>,
}

impl World {
    pub fn disk() -> Self {
        Self::new(Place::Disk(TempDir::new().unwrap()))
    }
    pub fn memory() -> Self {
        Self::new(Place::Memory(Arc::new(InMemory::new())))
    }
    fn new(place: Place) -> Self {
        Self {
            place,
            spool: TempDir::new().unwrap(),
            seconds: Arc::new(AtomicI64::new(1_795_000_000)),
        }
    }
    pub fn options(&self) -> OpenOptions {
        let seconds = self.seconds.clone();
        OpenOptions {
            spool: self.spool.path().to_owned(),
            now: Arc::new(move || Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap()),
            ..OpenOptions::default()
        }
    }
    pub async fn open_with(&self, options: OpenOptions) -> klimalade_model::Result<Lake> {
        match &self.place {
            Place::Disk(folder) => Lake::open(folder.path().to_str().unwrap(), options).await,
            Place::Memory(store) => {
                Lake::from_store(store.clone() as Arc<dyn ObjectStore>, "klima/lade", options).await
            }
        }
    }
    pub async fn open(&self) -> Lake {
        self.open_with(self.options()).await.unwrap()
    }
    pub async fn open_failing(&self, fail_after: usize) -> klimalade_model::Result<Lake> {
        self.open_with(OpenOptions {
            fail_after: Some(fail_after),
            ..self.options()
        })
        .await
    }
    /// Time passes until every lock of a dead run has expired.
    pub fn wait_for_locks(&self) {
        self.seconds.fetch_add(16 * 60, Ordering::SeqCst);
    }
}

pub fn key(name: &str) -> String {
    format!("core/{name}/pipeline={OWNER}/data.parquet")
}

/// A staged file with this text.
pub fn staged(folder: &Path, text: &str) -> (PathBuf, String) {
    let sha256 = sha256_hex(text.as_bytes());
    let path = folder.join(format!("{sha256}.parquet"));
    std::fs::write(&path, text).unwrap();
    (path, sha256)
}

/// The commit that makes the files of `texts` (by table) all that the owner has, coming from `before`.
pub fn plan(folder: &Path, run_id: &str, before: Option<&OwnerState>, texts: &[(&str, &str)]) -> CommitPlan {
    let mut state = OwnerState::new(OWNER, "observation", run_id);
    let mut replace = Vec::new();
    for (table, text) in texts {
        let (file, sha256) = staged(folder, text);
        let old = before.and_then(|state| state.partitions.get(&key(table)));
        let partition = PartitionState {
            sha256: sha256.clone(),
            etag: String::new(),
            rows: 1,
            bytes: text.len() as u64,
            parts: vec!["all".to_owned()],
            values: BTreeMap::new(),
        };
        state.partitions.insert(key(table), partition);
        if old.is_none_or(|old| old.sha256 != sha256) {
            let old = old.map(|old| (old.sha256.clone(), old.etag.clone()));
            replace.push(Replacement {
                key: key(table),
                file,
                sha256,
                rows: 1,
                old,
            });
        }
    }
    let remove = before
        .iter()
        .flat_map(|state| state.partitions.keys())
        .filter(|key| !state.partitions.contains_key(*key))
        .cloned()
        .collect();
    CommitPlan {
        state: Some(state),
        replace,
        remove,
    }
}

pub const FIRST: &[(&str, &str)] = &[
    ("action", "gammel handling"),
    ("plan", "gammel plan"),
    ("project", "står ved magt"),
    ("target", "skal væk"),
];
/// Two files replaced, a new one, one that stays, one removed.
pub const SECOND: &[(&str, &str)] = &[
    ("action", "ny handling"),
    ("facility", "nyt anlæg"),
    ("plan", "ny plan, æøå"),
    ("project", "står ved magt"),
];

/// What the lake shows in core, by key.
pub async fn shown(lake: &Lake) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for listed in lake.list("core").await.unwrap() {
        let bytes = lake.get(&listed.key).await.unwrap().unwrap();
        shown.insert(listed.key, String::from_utf8(bytes.to_vec()).unwrap());
    }
    shown
}

pub fn texts(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(table, text)| (key(table), (*text).to_owned()))
        .collect()
}

/// The state without what differs between two stores.
pub fn bare(mut state: OwnerState) -> OwnerState {
    state
        .partitions
        .values_mut()
        .for_each(|partition| partition.etag.clear());
    state
}

pub async fn commit(world: &World, lake: &Lake, run_id: &str, texts: &[(&str, &str)]) -> klimalade_model::Result<()> {
    let lock = lake.lock(OWNER, run_id).await?.expect("nobody else holds the lock");
    lake.recover(&lock).await?;
    let before = lake.state(OWNER).await?;
    lake.commit(&lock, plan(world.spool.path(), run_id, before.as_ref(), texts))
        .await?;
    lock.release().await
}
