use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use klimalade_model::{Fault, Result};
use object_store::{ObjectStore, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder};
use serde::{Deserialize, Serialize};
use tempfile::TempPath;

use crate::{
    Error, OpenOptions, OwnerState,
    key::check_owner,
    options::Now,
    state::STATE_VERSION,
    store::{Backend, Condition, FailPoint, Listed, Local, Object, Overlay, Put, Store, disk_fault, store_fault},
};

const MARKER: &str = "lake.toml";

/// `lake.toml` at the root of the lake.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    version: u32,
    simulated: bool,
}

/// The lake: a local folder or a prefix of an object store. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    pub(crate) store: Store,
    pub(crate) now: Now,
    pub(crate) spool: PathBuf,
    pub(crate) holder: String,
    simulated: bool,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lake")
            .field("address", &self.address())
            .field("simulated", &self.simulated)
            .finish_non_exhaustive()
    }
}

/// A file of the lake on local disk: itself, or a copy that goes with the last clone of this.
#[derive(Clone, Debug)]
pub struct LocalFile {
    path: PathBuf,
    _keep: Option<Arc<TempPath>>,
}

impl LocalFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Lake {
    /// Opens a lake by its address: a folder (plain or `file://`), `s3://bucket/prefix`, `az://container/prefix`,
    /// `gs://bucket/prefix`. Keys of object stores come from the environment (`AWS_*`, `AZURE_*`, `GOOGLE_*`;
    /// `AWS_ENDPOINT` with `AWS_ALLOW_HTTP=true` for a store without TLS).
    ///
    /// Errors: Settings, for an unknown address, a lake of the other kind, a store without conditional put, a
    /// missing lake where only reading is asked for; else the store's.
    pub async fn open(address: &str, options: OpenOptions) -> Result<Self> {
        let fail = FailPoint::after(options.fail_after);
        let (backend, is_object_store) = backend_of(address, &options, &fail)?;
        if !is_object_store && !options.read_only {
            let folder = PathBuf::from(backend.address());
            std::fs::create_dir_all(&folder).map_err(|source| {
                let fault = disk_fault("the folder of the lake cannot be made", folder.display(), source);
                match fault.hint_text() {
                    Some(_) => fault,
                    None => fault.hint("--lake <a folder that can be made>"),
                }
            })?;
        }
        let store = Store::new(backend, fail, options.read_only);
        Self::from_backend(store, is_object_store, options).await
    }

    /// A lake to rehearse on: what stands at `address`, or nothing yet, while everything that is written or removed is
    /// so in `folder` only. Nothing is locked, made or probed at `address`. Errors: as [`Lake::open`].
    pub async fn rehearsal(address: &str, folder: &Path, options: OpenOptions) -> Result<Self> {
        let fail = FailPoint::after(options.fail_after);
        let (beneath, _) = backend_of(address, &options, &fail)?;
        let overlay = Overlay::new(beneath, Local::new(folder.to_owned(), fail.clone()));
        Self::from_backend(Store::new(Arc::new(overlay), fail, false), false, options).await
    }

    /// A lake below `prefix` of a store that is open already. Errors: as [`Lake::open`].
    pub async fn from_store(store: Arc<dyn ObjectStore>, prefix: &str, options: OpenOptions) -> Result<Self> {
        let fail = FailPoint::after(options.fail_after);
        let address = format!("{store}/{prefix}");
        let backend = Object::new(store, prefix, options.spool.clone(), address, fail.clone());
        Self::from_backend(Store::new(Arc::new(backend), fail, options.read_only), true, options).await
    }

    async fn from_backend(store: Store, probe: bool, options: OpenOptions) -> Result<Self> {
        if probe && !options.read_only {
            probe_conditions(&store, &options).await?;
        }
        let simulated = read_or_make_marker(&store, &options).await?;
        Ok(Self {
            store,
            now: options.now,
            spool: options.spool,
            holder: options.holder,
            simulated,
        })
    }

    /// True when the lake is a demo, by its lake.toml.
    pub fn simulated(&self) -> bool {
        self.simulated
    }

    /// The lake's address for messages; no secrets.
    pub fn address(&self) -> String {
        self.store.address()
    }

    /// The file of this key where the lake is a folder, there or not. Errors: Bug, when it is no key.
    pub fn local_path(&self, key: &str) -> Result<Option<PathBuf>> {
        self.store.local_path(key)
    }

    /// The bytes at a key; `None` when nothing stands there.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.store.get(key).await?.map(|(bytes, _)| bytes))
    }

    /// Puts bytes at datapackage.json or a key of ledger/, reject/, catalog/ or out/codes/, in one piece. What a commit publishes goes through
    /// [`Lake::commit`].
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<()> {
        self.store.put(key, bytes.into(), Condition::Any).await?;
        Ok(())
    }

    /// Puts a local file at a key, as [`Lake::put`], without holding it in memory.
    pub async fn put_file(&self, key: &str, file: &Path) -> Result<()> {
        let (file, place) = (file.to_owned(), key.to_owned());
        let body = move |to: &mut dyn std::io::Write| {
            let fault = |source| disk_fault("a file cannot be put into the lake", &place, source);
            crate::hash::copy(&mut std::fs::File::open(&file).map_err(fault)?, to).map_err(fault)?;
            Ok(())
        };
        self.store.put_body(key, Box::new(body)).await
    }

    /// Removes what stands at a key of ledger/, reject/, catalog/ or out/codes/; nothing there is no error.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.store.delete(key).await
    }

    /// All files below a folder of the lake (`ledger/2026-11-23`), by key.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        self.store.list(prefix).await
    }

    /// The file of a key on local disk: itself where the lake is a folder, a copy in `spool` otherwise.
    pub async fn local_copy(&self, key: &str, spool: &Path) -> Result<Option<LocalFile>> {
        if let Some(path) = self.store.local_path(key)? {
            let there = self.store.exists(key).await?;
            return Ok(there.then_some(LocalFile { path, _keep: None }));
        }
        let ending = Path::new(key)
            .extension()
            .map(|ending| format!(".{}", ending.to_string_lossy()))
            .unwrap_or_default();
        let copy = tempfile::Builder::new()
            .prefix("copy-")
            .suffix(&ending)
            .tempfile_in(spool)
            .map_err(|source| disk_fault("a copy of an object cannot be made", spool.display(), source))?
            .into_temp_path();
        let found = self.store.get_to(key, &copy).await?;
        Ok(found.map(|_| LocalFile {
            path: copy.to_path_buf(),
            _keep: Some(Arc::new(copy)),
        }))
    }

    /// The state of one owner; `None` before its first commit. A commit that a dead run left unfinished is not in
    /// it: [`Lake::recover`] first, where the owner is locked. Errors: Contract, when it cannot be read.
    pub async fn state(&self, owner: &str) -> Result<Option<OwnerState>> {
        let key = state_key(owner)?;
        self.store
            .get(&key)
            .await?
            .map(|(bytes, _)| parse_state(&key, &bytes))
            .transpose()
    }

    /// The states of all owners, by owner. Errors: Contract, when one of them cannot be read; else the store's.
    pub async fn states(&self) -> Result<Vec<OwnerState>> {
        let each = self.each_state().await?;
        each.into_iter().map(|(_, state)| state).collect()
    }

    /// The states of all owners, each by itself: one that cannot be read (Contract) hides no other. Errors: the store's.
    pub async fn each_state(&self) -> Result<Vec<(String, Result<OwnerState>)>> {
        let mut states = Vec::new();
        for owner in self.owners_with_state().await? {
            match self.state(&owner).await {
                Ok(Some(state)) => states.push((owner, Ok(state))),
                // Retired between the listing and the look at it.
                Ok(None) => {}
                Err(fault) if fault.kind() == klimalade_model::Kind::Contract => states.push((owner, Err(fault))),
                Err(fault) => return Err(fault),
            }
        }
        Ok(states)
    }

    pub(crate) async fn owners_with_state(&self) -> Result<Vec<String>> {
        let listed = self.store.list("state").await?;
        Ok(listed
            .iter()
            .filter_map(|listed| listed.key.strip_prefix("state/")?.strip_suffix(".json"))
            .filter(|name| !name.ends_with(".next") && !name.contains('/'))
            .map(str::to_owned)
            .collect())
    }
}

pub(crate) fn state_key(owner: &str) -> Result<String> {
    check_owner(owner)?;
    Ok(format!("state/{owner}.json"))
}

pub(crate) fn parse_state(key: &str, bytes: &[u8]) -> Result<OwnerState> {
    let state: OwnerState = serde_json::from_slice(bytes).map_err(|source| {
        Fault::contract("a state cannot be read")
            .at(key.to_owned())
            .hint("run the version of klimalade that wrote it, or restore the file from a backup")
            .because(source)
    })?;
    if state.version != STATE_VERSION {
        return Err(Fault::contract("a state of another version")
            .at(key.to_owned())
            .expected(STATE_VERSION.to_string())
            .found(state.version.to_string())
            .hint("run the version of klimalade that wrote it"));
    }
    Ok(state)
}

async fn read_or_make_marker(store: &Store, options: &OpenOptions) -> Result<bool> {
    // Twice: another process may make it between the look and the put.
    for _ in 0..2 {
        if let Some((bytes, _)) = store.get(MARKER).await? {
            let marker: Marker = std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| toml::from_str(text).ok())
                .ok_or_else(|| {
                    Fault::settings("lake.toml cannot be read")
                        .at(format!("{}/{MARKER}", store.address()))
                        .expected("version = 1 and simulated = true | false")
                        .hint("--lake with another folder")
                })?;
            if marker.version != 1 {
                return Err(Fault::settings("a lake of another version")
                    .at(format!("{}/{MARKER}", store.address()))
                    .expected("version = 1")
                    .found(format!("version = {}", marker.version))
                    .hint("run the version of klimalade that wrote it"));
            }
            if marker.simulated != options.simulated && !options.read_only {
                return Err(Error::OtherKind {
                    lake: store.address(),
                    simulated: marker.simulated,
                }
                .into());
            }
            return Ok(marker.simulated);
        }
        if options.read_only {
            return Err(Fault::settings("there is no lake here")
                .at(store.address())
                .expected("lake.toml, which the first night writes")
                .hint("klimalade run"));
        }
        let text = format!(
            "# Real and simulated figures never meet: a run of the other kind refuses this lake.\nversion = 1\nsimulated = {}\n",
            options.simulated
        );
        store.put(MARKER, Bytes::from(text), Condition::Absent).await?;
    }
    Err(Fault::transient("lake.toml came and went").at(store.address()))
}

/// Asks the store for what the commit leans on: a second create and an update on a wrong mark must fail.
async fn probe_conditions(store: &Store, options: &OpenOptions) -> Result<()> {
    let refused = |found: &str| {
        Fault::from(Error::NoConditionalPut {
            lake: store.address(),
            found: found.to_owned(),
        })
    };
    let key = format!(
        "state/probe-{}-{}.txt",
        std::process::id(),
        (options.now)().as_nanosecond()
    );
    let body = || Bytes::from_static(b"Does this store put on condition?\n");
    let seen = async {
        let Put::Done(first) = store.put(&key, body(), Condition::Absent).await? else {
            return Ok(Some("a conditional create of a new object failed"));
        };
        if first.is_empty() {
            return Ok(Some("no ETag"));
        }
        if store.put(&key, body(), Condition::Absent).await? != Put::Refused {
            return Ok(Some("a second conditional create overwrote the first"));
        }
        let Put::Done(_) = store
            .put(&key, Bytes::from_static(b"Yes.\n"), Condition::Matches(first.clone()))
            .await?
        else {
            return Ok(Some("an update on the right ETag failed"));
        };
        if store.put(&key, body(), Condition::Matches(first)).await? != Put::Refused {
            return Ok(Some("an update on an old ETag went through"));
        }
        Ok::<_, Fault>(None)
    }
    .await;
    let _ = store.delete(&key).await;
    match seen {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(refused(found)),
        // The store itself says that it cannot (object_store's NotImplemented, an HTTP 501).
        Err(fault)
            if fault.kind() == klimalade_model::Kind::Settings && fault.to_string().contains("not yet implemented") =>
        {
            Err(refused("the store says that it is not implemented"))
        }
        Err(fault) => Err(fault),
    }
}

/// The store at an address, and whether it is an object store. Nothing is asked of it.
fn backend_of(address: &str, options: &OpenOptions, fail: &FailPoint) -> Result<(Arc<dyn Backend>, bool)> {
    let folder = match address.split_once("://").map(|(scheme, _)| scheme) {
        None => PathBuf::from(address),
        Some("file") => url::Url::parse(address)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .ok_or_else(|| {
                Fault::settings("not a file address")
                    .found(address.to_owned())
                    .hint("--lake ./lake")
            })?,
        Some(_) => {
            let (store, prefix, shown) = object_store_of(address)?;
            let backend = Object::new(store, &prefix, options.spool.clone(), shown, fail.clone());
            return Ok((Arc::new(backend), true));
        }
    };
    let folder = std::path::absolute(&folder).map_err(|source| {
        Fault::settings("not a folder")
            .found(address.to_owned())
            .because(source)
    })?;
    Ok((Arc::new(Local::new(folder, fail.clone())), false))
}

fn object_store_of(address: &str) -> Result<(Arc<dyn ObjectStore>, String, String)> {
    let wrong = |why: &str| {
        Fault::settings("not an address of a lake")
            .found(why.to_owned())
            .expected("a folder, s3://bucket/prefix, az://container/prefix or gs://bucket/prefix")
            .hint("--lake ./lake")
    };
    let url = url::Url::parse(address).map_err(|source| wrong(&source.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err(wrong(
            "an address with a user, a password or a query: keys come from the environment",
        ));
    }
    let Some(bucket) = url.host_str() else {
        return Err(wrong("no bucket"));
    };
    let shown = url.as_str().trim_end_matches('/').to_owned();
    let fault = |error| store_fault("the store of the lake cannot be opened", &shown, &error);
    // One request carries a whole partition: half a minute, object_store's own, is short on a slow line.
    let timeout = ("timeout", "300 seconds");
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            Arc::new(
                builder
                    .with_config(key_of(timeout.0).map_err(fault)?, timeout.1)
                    .build()
                    .map_err(fault)?,
            )
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            Arc::new(
                builder
                    .with_config(key_of(timeout.0).map_err(fault)?, timeout.1)
                    .build()
                    .map_err(fault)?,
            )
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            Arc::new(
                builder
                    .with_config(key_of(timeout.0).map_err(fault)?, timeout.1)
                    .build()
                    .map_err(fault)?,
            )
        }
        other => return Err(wrong(other)),
    };
    Ok((store, url.path().trim_matches('/').to_owned(), shown))
}

fn key_of<K: std::str::FromStr<Err = object_store::Error>>(name: &str) -> object_store::Result<K> {
    name.parse()
}
