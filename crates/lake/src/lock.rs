use std::{
    fs::{File, OpenOptions as FileOptions, TryLockError},
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use klimalade_model::{Fault, Result, sha256_hex};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{
    Error, Lake,
    key::{check_key, check_owner},
    options::Now,
    store::{Condition, Put, Store, blocking, disk_fault},
};

/// How long a lock on an object store stands without being renewed: the longest that a dead run blocks its owner.
pub const LOCK_LASTS: SignedDuration = SignedDuration::from_mins(15);

/// A running owner renews three times in that time, so that two renewals may fail.
const RENEW_EVERY: Duration = Duration::from_secs(5 * 60);

/// Within a commit the lock is renewed before a step when it was last renewed longer ago than this.
const FRESH: SignedDuration = SignedDuration::from_mins(1);

/// Who holds an owner, as the lock says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Host and process.
    pub holder: String,
    /// Its run.
    pub run_id: String,
    /// When the lock may be taken over; on local disk the lock ends with the process and this is when it was taken.
    pub expires_at: Timestamp,
    /// Tells two locks of one process apart.
    token: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, run {}", self.holder, self.run_id)
    }
}

/// The right to write one owner. On local disk a file lock that ends with the process; on an object store an object
/// with an expiry, renewed by a background task until [`OwnerLock::release`] or drop.
#[derive(Debug)]
pub struct OwnerLock {
    owner: String,
    run_id: String,
    held: Held,
}

#[derive(Debug)]
enum Held {
    /// Dropping the file ends the lock.
    File {
        _file: File,
    },
    Lease {
        lease: Arc<Lease>,
        renewer: JoinHandle<()>,
    },
}

/// A lock on an object store.
struct Lease {
    store: Store,
    now: Now,
    key: String,
    owner: String,
    holder: Mutex<LeaseState>,
    released: AtomicBool,
}

struct LeaseState {
    etag: String,
    holder: Holder,
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Lake {
    /// Locks an owner for this run; `None` when another run holds it ([`Lake::lock_holder`] says who,
    /// [`Lake::locked_by_another`] is the fault for it). What a dead run left half written is cleared away; its
    /// unfinished commit is for [`Lake::recover`]. Errors: the store's.
    pub async fn lock(&self, owner: &str, run_id: &str) -> Result<Option<OwnerLock>> {
        let key = lock_key(owner)?;
        check_key(run_id)?;
        let held = match self.store.local_path(&key)? {
            Some(path) => self.lock_file(&key, &path, run_id).await?,
            None => self.lock_object(owner, &key, run_id).await?,
        };
        let Some(held) = held else { return Ok(None) };
        self.store.sweep("state", &format!("{owner}.json.")).await?;
        self.store.sweep("state", &format!("{owner}.next.json.")).await?;
        for folder in ["raw", "staging"] {
            self.store.sweep(&format!("{folder}/{owner}"), "").await?;
        }
        Ok(Some(OwnerLock {
            owner: owner.to_owned(),
            run_id: run_id.to_owned(),
            held,
        }))
    }

    /// Who holds an owner, or held it last on local disk; `None` when nobody is known.
    pub async fn lock_holder(&self, owner: &str) -> Result<Option<Holder>> {
        let Some((bytes, _)) = self.store.get(&lock_key(owner)?).await? else {
            return Ok(None);
        };
        Ok(serde_json::from_slice(&bytes).ok())
    }

    /// The fault that says by whom an owner is locked: Transient, and [`crate::is_locked`] knows it.
    pub async fn locked_by_another(&self, owner: &str) -> Fault {
        let holder = match self.lock_holder(owner).await {
            Ok(Some(holder)) => holder.to_string(),
            _ => "nobody who gave a name".to_owned(),
        };
        Error::Locked {
            owner: owner.to_owned(),
            holder,
        }
        .into()
    }

    fn new_holder(&self, run_id: &str, expires_at: Timestamp) -> Holder {
        static LOCKS: AtomicU64 = AtomicU64::new(0);
        let number = LOCKS.fetch_add(1, Ordering::Relaxed);
        let token = sha256_hex(
            format!(
                "{} {run_id} {} {number} {}",
                self.holder,
                std::process::id(),
                expires_at.as_nanosecond()
            )
            .as_bytes(),
        );
        Holder {
            holder: self.holder.clone(),
            run_id: run_id.to_owned(),
            expires_at,
            token,
        }
    }

    async fn lock_file(&self, key: &str, path: &Path, run_id: &str) -> Result<Option<Held>> {
        // A step of the fail point, and the check that the lake may be written.
        self.store.sweep("state", "probe").await?;
        let text = to_json(&self.new_holder(run_id, (self.now)()))?;
        let (key, path) = (key.to_owned(), path.to_owned());
        blocking(move || {
            let fault = |source| disk_fault("an owner cannot be locked", &key, source);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(fault)?;
            }
            // Not truncated before it is ours: whoever holds it has written a name into it. Never removed: a lock on
            // a removed file locks nothing.
            let mut file = FileOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
                .map_err(fault)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(fault(source)),
            }
            file.set_len(0).map_err(fault)?;
            file.write_all(&text).map_err(fault)?;
            Ok(Some(Held::File { _file: file }))
        })
        .await
    }

    async fn lock_object(&self, owner: &str, key: &str, run_id: &str) -> Result<Option<Held>> {
        // Again when the lock that stood there went between the put and the look at it.
        for _ in 0..3 {
            let holder = self.new_holder(run_id, (self.now)() + LOCK_LASTS);
            let body = Bytes::from(to_json(&holder)?);
            if let Put::Done(etag) = self.store.put(key, body.clone(), Condition::Absent).await? {
                return Ok(Some(self.lease(owner, key, etag, holder)));
            }
            let Some((standing, etag)) = self.store.get(key).await? else {
                continue;
            };
            let standing: Holder = serde_json::from_slice(&standing).map_err(|source| {
                Fault::contract("a lock cannot be read")
                    .at(key.to_owned())
                    .hint(format!("remove {}/{key} when no run is at work", self.address()))
                    .because(source)
            })?;
            // The answer to our own put was lost, and the store's client put again.
            if standing.token == holder.token {
                return Ok(Some(self.lease(owner, key, etag, holder)));
            }
            if standing.expires_at > (self.now)() {
                return Ok(None);
            }
            tracing::warn!(owner, holder = %standing, "a lock that expired is taken over");
            if let Put::Done(etag) = self.store.put(key, body, Condition::Matches(etag)).await? {
                return Ok(Some(self.lease(owner, key, etag, holder)));
            }
        }
        Ok(None)
    }

    fn lease(&self, owner: &str, key: &str, etag: String, holder: Holder) -> Held {
        let lease = Arc::new(Lease {
            store: self.store.clone(),
            now: self.now.clone(),
            key: key.to_owned(),
            owner: owner.to_owned(),
            holder: Mutex::new(LeaseState { etag, holder }),
            released: AtomicBool::new(false),
        });
        let renewed = lease.clone();
        let renewer = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                match renewed.renew().await {
                    Ok(()) => {}
                    Err(fault) if crate::is_locked(&fault) => break,
                    Err(fault) => {
                        tracing::warn!(owner = renewed.owner, "a lock could not be renewed: {}", fault.line())
                    }
                }
            }
        });
        Held::Lease { lease, renewer }
    }
}

impl OwnerLock {
    /// The owner.
    pub fn owner(&self) -> &str {
        &self.owner
    }
    /// The run that holds it.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }
    /// Moves the expiry on. Errors: Transient, [`Error::LockLost`] when another run took it over.
    pub async fn renew(&self) -> Result<()> {
        match &self.held {
            Held::File { .. } => Ok(()),
            Held::Lease { lease, .. } => lease.renew().await,
        }
    }
    /// Gives the owner free.
    pub async fn release(self) -> Result<()> {
        match &self.held {
            Held::File { .. } => Ok(()),
            Held::Lease { lease, renewer } => {
                renewer.abort();
                lease.release().await
            }
        }
    }
    /// Before each step of a commit: the lock is ours for long enough that the step ends within it.
    pub(crate) async fn check(&self) -> Result<()> {
        let Held::Lease { lease, .. } = &self.held else {
            return Ok(());
        };
        let left = lease
            .holder
            .lock()
            .await
            .holder
            .expires_at
            .duration_since((lease.now)());
        if left > LOCK_LASTS - FRESH {
            Ok(())
        } else {
            lease.renew().await
        }
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        let Held::Lease { lease, renewer } = &self.held else {
            return;
        };
        renewer.abort();
        // A run that leaves early by an error still gives the owner free, as long as the runtime lives; what does not
        // get that far expires.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let lease = lease.clone();
            runtime.spawn(async move { lease.release().await });
        }
    }
}

impl Lease {
    async fn renew(&self) -> Result<()> {
        let mut state = self.holder.lock().await;
        let holder = Holder {
            expires_at: (self.now)() + LOCK_LASTS,
            ..state.holder.clone()
        };
        let body = Bytes::from(to_json(&holder)?);
        if let Put::Done(etag) = self
            .store
            .put(&self.key, body, Condition::Matches(state.etag.clone()))
            .await?
        {
            *state = LeaseState { etag, holder };
            return Ok(());
        }
        let standing = self.store.get(&self.key).await?;
        let standing = standing.and_then(|(bytes, etag)| Some((serde_json::from_slice::<Holder>(&bytes).ok()?, etag)));
        match standing {
            // The answer to our own put was lost, and the store's client put again.
            Some((standing, etag)) if standing.token == holder.token => {
                *state = LeaseState { etag, holder: standing };
                Ok(())
            }
            Some((standing, _)) => Err(Error::LockLost {
                owner: self.owner.clone(),
                holder: standing.to_string(),
            }
            .into()),
            None => Err(Error::LockLost {
                owner: self.owner.clone(),
                holder: "nobody".to_owned(),
            }
            .into()),
        }
    }

    async fn release(&self) -> Result<()> {
        if self.released.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        // Renewed first: no store deletes on condition, and a lock that is ours for another quarter of an hour is
        // taken over by nobody before the delete arrives.
        match self.renew().await {
            Ok(()) => self.store.delete(&self.key).await,
            Err(fault) if crate::is_locked(&fault) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

fn lock_key(owner: &str) -> Result<String> {
    check_owner(owner)?;
    Ok(format!("state/{owner}.lock"))
}

fn to_json(holder: &Holder) -> Result<Vec<u8>> {
    serde_json::to_vec(holder).map_err(|source| Fault::bug("a lock cannot be written as JSON").because(source))
}
