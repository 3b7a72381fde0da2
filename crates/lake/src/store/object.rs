use std::{
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use klimalade_model::{Fault, Kind, Result};
use object_store::{
    Error as StoreError, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutPayload, PutResult, UpdateVersion,
    WriteMultipart, path::Path,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Backend, Body, Condition, FailPoint, Fingerprint, Listed, Put, blocking, disk_fault};

/// From this size on a body without a condition goes up in pieces, so that memory does not grow with it.
const MULTIPART_BYTES: u64 = 16 << 20;
const PIECE_BYTES: usize = 8 << 20;

/// Between an ETag and a version in a mark. Google's store wants the version (generation) in a condition, the others
/// the ETag.
const VERSION: &str = ";version=";

/// A prefix of an object store. Conditions are kept by the store itself.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    spool: PathBuf,
    address: String,
    fail: FailPoint,
}

impl Object {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        spool: PathBuf,
        address: String,
        fail: FailPoint,
    ) -> Self {
        Self {
            store,
            prefix: prefix.trim_matches('/').to_owned(),
            spool,
            address,
            fail,
        }
    }

    fn path(&self, key: &str) -> Result<Path> {
        let whole = if self.prefix.is_empty() {
            key.to_owned()
        } else {
            format!("{}/{key}", self.prefix)
        };
        Path::parse(&whole).map_err(|source| {
            Fault::settings("not a path of an object store")
                .found(whole)
                .because(source)
        })
    }

    async fn open(&self, key: &str) -> Result<Option<GetResult>> {
        match self.store.get(&self.path(key)?).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(store_fault("an object of the lake cannot be read", key, &error)),
        }
    }

    async fn put_upload(&self, key: &str, file: &FilePath) -> Result<()> {
        let disk = |source| disk_fault("a spool file cannot be read", file.display(), source);
        let fault = |error| store_fault("an object of the lake cannot be written", key, &error);
        let upload = self.store.put_multipart(&self.path(key)?).await.map_err(fault)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
        let mut from = tokio::fs::File::open(file).await.map_err(disk)?;
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let read = (&mut from)
                .take(PIECE_BYTES as u64)
                .read_to_end(&mut piece)
                .await
                .map_err(disk)?;
            if read == 0 {
                break;
            }
            if let Err(error) = upload.wait_for_capacity(1).await {
                let fault = fault(error);
                let _ = upload.abort().await;
                return Err(fault);
            }
            upload.put(Bytes::from(piece));
        }
        upload.finish().await.map_err(fault)?;
        Ok(())
    }
}

#[async_trait]
impl Backend for Object {
    async fn get(&self, key: &str) -> Result<Option<(Bytes, String)>> {
        let Some(found) = self.open(key).await? else {
            return Ok(None);
        };
        let etag = mark(found.meta.e_tag.as_deref(), found.meta.version.as_deref());
        let bytes = found
            .bytes()
            .await
            .map_err(|error| store_fault("an object of the lake cannot be read", key, &error))?;
        Ok(Some((bytes, etag)))
    }

    async fn get_to(&self, key: &str, file: &FilePath) -> Result<Option<Fingerprint>> {
        let disk = |source| disk_fault("a copy of an object cannot be written", file.display(), source);
        let Some(found) = self.open(key).await? else {
            return Ok(None);
        };
        let etag = mark(found.meta.e_tag.as_deref(), found.meta.version.as_deref());
        let mut to = tokio::fs::File::create(file).await.map_err(disk)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut stream = found.into_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| store_fault("an object of the lake cannot be read", key, &error))?;
            hash.update(&piece);
            bytes += piece.len() as u64;
            to.write_all(&piece).await.map_err(disk)?;
        }
        to.flush().await.map_err(disk)?;
        Ok(Some(Fingerprint {
            sha256: format!("{:x}", hash.finalize()),
            etag,
            bytes,
        }))
    }

    async fn fingerprint(&self, key: &str) -> Result<Option<Fingerprint>> {
        let Some(found) = self.open(key).await? else {
            return Ok(None);
        };
        let etag = mark(found.meta.e_tag.as_deref(), found.meta.version.as_deref());
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut stream = found.into_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| store_fault("an object of the lake cannot be read", key, &error))?;
            hash.update(&piece);
            bytes += piece.len() as u64;
        }
        Ok(Some(Fingerprint {
            sha256: format!("{:x}", hash.finalize()),
            etag,
            bytes,
        }))
    }

    async fn exists(&self, key: &str) -> Result<bool> {
        Ok(self.etag(key).await?.is_some())
    }

    async fn etag(&self, key: &str) -> Result<Option<String>> {
        match self.store.head(&self.path(key)?).await {
            Ok(meta) => Ok(Some(mark(meta.e_tag.as_deref(), meta.version.as_deref()))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(store_fault("an object of the lake cannot be looked at", key, &error)),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, condition: Condition) -> Result<Put> {
        self.fail.step()?;
        let mode = match condition {
            Condition::Any => PutMode::Overwrite,
            Condition::Absent => PutMode::Create,
            Condition::Matches(etag) => PutMode::Update(version_of(&etag)),
        };
        let conditional = mode != PutMode::Overwrite;
        match self
            .store
            .put_opts(&self.path(key)?, PutPayload::from_bytes(bytes), mode.into())
            .await
        {
            Ok(PutResult { e_tag, version, .. }) => Ok(Put::Done(mark(e_tag.as_deref(), version.as_deref()))),
            // S3 answers 404 to If-Match on an object that is gone.
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotFound { .. })
                if conditional =>
            {
                Ok(Put::Refused)
            }
            Err(error) => Err(store_fault("an object of the lake cannot be written", key, &error)),
        }
    }

    async fn put_body(&self, key: &str, body: Body) -> Result<()> {
        let spool = self.spool.clone();
        let (file, bytes) = blocking(move || {
            let disk = |source| disk_fault("a spool file cannot be written", spool.display(), source);
            let mut writer =
                std::io::BufWriter::with_capacity(256 << 10, tempfile::NamedTempFile::new_in(&spool).map_err(disk)?);
            body(&mut writer)?;
            let file = writer.into_inner().map_err(|error| disk(error.into_error()))?;
            let bytes = file.as_file().metadata().map_err(disk)?.len();
            Ok((file.into_temp_path(), bytes))
        })
        .await?;
        if bytes >= MULTIPART_BYTES {
            self.fail.step()?;
            return self.put_upload(key, &file).await;
        }
        let whole = tokio::fs::read(&file)
            .await
            .map_err(|source| disk_fault("a spool file cannot be read", key, source))?;
        self.put(key, Bytes::from(whole), Condition::Any).await?;
        Ok(())
    }

    async fn replace(&self, staged: &str, key: &str, condition: Condition) -> Result<Put> {
        // No store replaces by a server-side copy on condition, so the bytes come down and go up again, whole: a
        // put with a condition is one request. A partition is some ten megabytes at most.
        let Some((bytes, _)) = self.get(staged).await? else {
            return Err(Fault::contract("a staged file is gone before it was put in place")
                .at(staged.to_owned())
                .hint("klimalade verify"));
        };
        let put = self.put(key, bytes, condition).await?;
        self.fail.step()?;
        Ok(put)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.fail.step()?;
        match self.store.delete(&self.path(key)?).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(store_fault("an object of the lake cannot be removed", key, &error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let below = self.path(prefix)?;
        let mut found: Vec<Listed> = self
            .store
            .list(Some(&below))
            .map_err(|error| store_fault("objects of the lake cannot be listed", prefix, &error))
            .try_filter_map(async |meta| {
                let whole = meta.location.to_string();
                let key = if self.prefix.is_empty() {
                    Some(whole.as_str())
                } else {
                    whole.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('/'))
                };
                let modified_at =
                    Timestamp::from_second(meta.last_modified.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH);
                Ok(key.map(|key| Listed {
                    key: key.to_owned(),
                    bytes: meta.size,
                    modified_at,
                }))
            })
            .try_collect()
            .await?;
        found.sort_by(|left, right| left.key.cmp(&right.key));
        Ok(found)
    }

    async fn sweep(&self, _prefix: &str, _name: &str) -> Result<()> {
        Ok(())
    }

    fn local_path(&self, _key: &str) -> Option<PathBuf> {
        None
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

fn mark(e_tag: Option<&str>, version: Option<&str>) -> String {
    let e_tag = e_tag.unwrap_or_default();
    version.map_or_else(|| e_tag.to_owned(), |version| format!("{e_tag}{VERSION}{version}"))
}

fn version_of(mark: &str) -> UpdateVersion {
    let (e_tag, version) = match mark.split_once(VERSION) {
        Some((e_tag, version)) => (e_tag, Some(version.to_owned())),
        None => (mark, None),
    };
    UpdateVersion {
        e_tag: (!e_tag.is_empty()).then(|| e_tag.to_owned()),
        version,
    }
}

/// What a failure of the store means. The text of the store is kept without what follows a question mark: a signed
/// address carries its key there.
pub(crate) fn store_fault(what: &str, place: &str, error: &StoreError) -> Fault {
    let kind = match error {
        StoreError::PermissionDenied { .. }
        | StoreError::Unauthenticated { .. }
        | StoreError::NotSupported { .. }
        | StoreError::NotImplemented { .. }
        | StoreError::UnknownConfigurationKey { .. } => Kind::Settings,
        StoreError::InvalidPath { .. } => Kind::Bug,
        _ => Kind::Transient,
    };
    let fault = Fault::new(kind, what)
        .at(place.to_owned())
        .because(without_queries(&error.to_string()));
    if kind == Kind::Settings {
        return fault.hint("env | grep -o '^\\(AWS\\|AZURE\\|GOOGLE\\)_[A-Z_]*'");
    }
    fault
}

fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside && (letter.is_whitespace() || "\"')>".contains(letter)) {
            inside = false;
        }
        if !inside {
            kept.push(letter);
        }
        if letter == '?' && !inside {
            kept.push_str("REDACTED");
            inside = true;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_loses_its_signature() {
        let text = "error sending request for url (https://x.blob.core.windows.net/lade?sig=abc%3D&se=1) after 3 tries";
        assert_eq!(
            without_queries(text),
            "error sending request for url (https://x.blob.core.windows.net/lade?REDACTED) after 3 tries"
        );
    }

    #[test]
    fn a_mark_keeps_etag_and_version() {
        for (e_tag, version) in [(Some("\"a\""), None), (Some("\"a\""), Some("17")), (None, Some("17"))] {
            let back = version_of(&mark(e_tag, version));
            assert_eq!((back.e_tag.as_deref(), back.version.as_deref()), (e_tag, version));
        }
    }
}
