use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use klimalade_model::{Fault, Result, sha256_hex};
use tempfile::NamedTempFile;

use super::{Backend, Body, Condition, FailPoint, Fingerprint, Listed, Put, blocking, disk_fault};
use crate::hash::{copy, hash_open_file};

/// Temporary files are hidden and never end in what a reader's glob asks for.
const TEMPORARY: &str = ".tmp";

/// A folder. Every write goes to a temporary file beside its target, is synced, renamed, and the folder synced, so
/// that a name stands for a whole old or a whole new file also after a power cut. The mark of a version is its hash.
///
/// Conditions are looked at before the rename, not with it: what keeps two writers apart is the owner's file lock.
/// `Absent` alone is kept by the file system too. (object_store 0.13's LocalFileSystem has no conditional update and
/// does not sync; hence this one.)
#[derive(Clone, Debug)]
pub(crate) struct Local {
    root: PathBuf,
    fail: FailPoint,
}

impl Local {
    pub(crate) fn new(root: PathBuf, fail: FailPoint) -> Self {
        Self { root, fail }
    }
    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Moves the finished temporary file into place. The fail point stands where a crash would leave it behind.
    fn settle(&self, file: NamedTempFile, key: &str, path: &Path, absent: bool) -> Result<bool> {
        let fault = |source| disk_fault("a file of the lake cannot be written", key, source);
        file.as_file().sync_all().map_err(fault)?;
        if let Err(stopped) = self.fail.step() {
            let _ = file.keep();
            return Err(stopped);
        }
        if absent {
            match file.persist_noclobber(path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                Err(error) => return Err(fault(error.error)),
            }
        } else {
            file.persist(path).map_err(|error| fault(error.error))?;
        }
        sync_folder(path).map_err(fault)?;
        Ok(true)
    }

    fn temporary(&self, key: &str, path: &Path) -> Result<NamedTempFile> {
        let fault = |source| disk_fault("a file of the lake cannot be written", key, source);
        let folder = path.parent().unwrap_or(&self.root);
        make_folder(folder).map_err(fault)?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut builder = tempfile::Builder::new();
        let prefix = format!(".{name}.");
        builder.prefix(&prefix).suffix(TEMPORARY);
        // A temporary file is private by default, and keeps that when it is renamed: analysts with accounts of their
        // own could then not read the lake. The umask still applies.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        builder.tempfile_in(folder).map_err(fault)
    }

    /// Removes the folders above `key` that hold nothing any more, up to the layer's own: an empty `pipeline=x` in a
    /// listing looks like an owner.
    fn prune(&self, key: &str) {
        let (path, layer) = (self.path(key), self.path(key.split('/').next().unwrap_or_default()));
        let mut folder = path.parent();
        while let Some(empty) = folder.filter(|folder| *folder != layer && folder.starts_with(&layer)) {
            if fs::remove_dir(empty).is_err() {
                break;
            }
            folder = empty.parent();
        }
    }

    fn holds(&self, key: &str, path: &Path, condition: &Condition) -> Result<bool> {
        match condition {
            Condition::Any => Ok(true),
            Condition::Absent => Ok(!path.exists()),
            Condition::Matches(etag) => Ok(hash_if_there(key, path)?.is_some_and(|(sha256, _)| &sha256 == etag)),
        }
    }
}

#[async_trait]
impl Backend for Local {
    async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>> {
        let (key, path) = (key.to_owned(), self.path(key));
        blocking(move || match fs::read(&path) {
            Ok(bytes) => {
                let etag = sha256_hex(&bytes);
                Ok(Some((Bytes::from(bytes), etag)))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(disk_fault("a file of the lake cannot be read", key, error)),
        })
        .await
    }

    async fn get_to(&self, key: &str, file: &Path) -> Result<Option<Fingerprint>> {
        let (key, path, file) = (key.to_owned(), self.path(key), file.to_owned());
        blocking(move || {
            let fault = |source| disk_fault("a file of the lake cannot be copied", &key, source);
            let mut from = match File::open(&path) {
                Ok(from) => from,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(fault(error)),
            };
            let mut to = crate::hash::Hashing::new(File::create(&file).map_err(fault)?);
            copy(&mut from, &mut to).map_err(fault)?;
            let (_, sha256, bytes) = to.finish();
            Ok(Some(Fingerprint {
                etag: sha256.clone(),
                sha256,
                bytes,
            }))
        })
        .await
    }

    async fn fingerprint(&self, key: &str) -> Result<Option<Fingerprint>> {
        let (key, path) = (key.to_owned(), self.path(key));
        blocking(move || {
            let found = hash_if_there(&key, &path)?;
            Ok(found.map(|(sha256, bytes)| Fingerprint {
                etag: sha256.clone(),
                sha256,
                bytes,
            }))
        })
        .await
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        let path = self.path(key);
        blocking(move || Ok(path.is_file())).await
    }

    async fn etag(&self, key: &str) -> Result<Option<String>> {
        Ok(self.fingerprint(key).await?.map(|found| found.etag))
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Put> {
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || {
            let path = store.path(&key);
            if !store.holds(&key, &path, &condition)? {
                return Ok(Put::Refused);
            }
            let mut file = store.temporary(&key, &path)?;
            file.write_all(&bytes)
                .map_err(|source| disk_fault("a file of the lake cannot be written", &key, source))?;
            let etag = sha256_hex(&bytes);
            let done = store.settle(file, &key, &path, condition == Condition::Absent)?;
            Ok(if done { Put::Done(etag) } else { Put::Refused })
        })
        .await
    }

    async fn put_body(&self, key: &str, body: Body) -> Result<()> {
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || {
            let path = store.path(&key);
            let mut writer = BufWriter::with_capacity(256 << 10, store.temporary(&key, &path)?);
            body(&mut writer)?;
            let file = writer
                .into_inner()
                .map_err(|error| disk_fault("a file of the lake cannot be written", &key, error.into_error()))?;
            store.settle(file, &key, &path, false)?;
            Ok(())
        })
        .await
    }

    async fn replace(&self, staged: &str, key: &str, condition: Condition) -> Result<Put> {
        let (store, from, key) = (self.clone(), staged.to_owned(), key.to_owned());
        blocking(move || {
            let (staged, path) = (store.path(&from), store.path(&key));
            if !store.holds(&key, &path, &condition)? {
                return Ok(Put::Refused);
            }
            let fault = |source| disk_fault("a staged file cannot be put in place", &key, source);
            let (sha256, _) = hash_open_file(&staged).map_err(fault)?;
            make_folder(path.parent().unwrap_or(&store.root)).map_err(fault)?;
            store.fail.step()?;
            fs::rename(&staged, &path).map_err(fault)?;
            store.fail.step()?;
            sync_folder(&path).map_err(fault)?;
            store.prune(&from);
            Ok(Put::Done(sha256))
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let (store, key) = (self.clone(), key.to_owned());
        blocking(move || {
            let fault = |source| disk_fault("a file of the lake cannot be removed", &key, source);
            let path = store.path(&key);
            match fs::remove_file(&path) {
                Ok(()) => sync_folder(&path).map_err(fault)?,
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(fault(error)),
            }
            store.prune(&key);
            Ok(())
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let (store, prefix) = (self.clone(), prefix.to_owned());
        blocking(move || {
            let mut found = Vec::new();
            walk(&store.path(&prefix), &prefix, &mut found)
                .map_err(|source| disk_fault("a folder of the lake cannot be listed", &prefix, source))?;
            found.sort_by(|left: &Listed, right| left.key.cmp(&right.key));
            Ok(found)
        })
        .await
    }

    async fn sweep(&self, prefix: &str, name: &str) -> Result<()> {
        let (store, prefix, name) = (self.clone(), prefix.to_owned(), format!(".{name}"));
        blocking(move || {
            sweep_folder(&store.path(&prefix), &name)
                .map_err(|source| disk_fault("temporary files of the lake cannot be removed", &prefix, source))?;
            // `<layer>/<owner>` may be empty now; the layer's own folder stays, other owners are at work in it.
            store.prune(&format!("{prefix}/x"));
            Ok(())
        })
        .await
    }

    fn local_path(&self, key: &str) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn address(&self) -> String {
        self.root.display().to_string()
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn hash_if_there(key: &str, path: &Path) -> Result<Option<(String, u64)>> {
    match hash_open_file(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Fault::transient("a file of the lake cannot be read")
            .at(key)
            .because(error)),
    }
}

/// Makes the folder and syncs each parent that gained a name.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.is_dir()).collect();
    fs::create_dir_all(folder)?;
    for made in missing {
        sync_folder(made)?;
    }
    Ok(())
}

/// Syncs the folder in which `path` stands: a rename is lasting only then.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<Listed>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let key = format!("{prefix}/{name}");
        // A file may go between the listing and the look at it: another owner's run is at work.
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            walk(&entry.path(), &key, found)?;
        } else if !is_temporary(&name) {
            let modified_at = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
            found.push(Listed {
                key,
                bytes: metadata.len(),
                modified_at,
            });
        }
    }
    Ok(())
}

fn sweep_folder(folder: &Path, name: &str) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let found = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            sweep_folder(&entry.path(), name)?;
            // Fails where something is left, and that is meant: the folder of a dead run goes, all else stays.
            let _ = fs::remove_dir(entry.path());
        } else if is_temporary(&found) && found.starts_with(name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
