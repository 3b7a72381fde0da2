use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{Fault, Result};

/// A piece of a harvest that is fetched, retried and resumed on its own. Stored beside its pages, so that decode
/// needs neither the plan nor the agency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Stable name from the calendar or the source (`2024-H1`, `2024-05`, `all`), never from counting. Only
    /// `[A-Za-z0-9._=-]`: it becomes a folder in raw/.
    pub key: String,
    /// The source's own mark that something changed (ETag, `updated`); `None` is unknown.
    pub change_mark: Option<String>,
    /// Rows that the source promises, where its count is to be trusted.
    pub promised: Option<u64>,
    /// What decode needs besides the bytes: codes, header, counts. No secrets: it is stored and printed.
    pub detail: serde_json::Value,
}

impl Part {
    /// A part of which only the name is known.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            change_mark: None,
            promised: None,
            detail: serde_json::Value::Null,
        }
    }

    /// The detail in the connector's own form. Errors: Bug, when another connector, or another version of it, wrote it.
    pub fn detail_as<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.detail.clone()).map_err(|source| {
            Fault::bug("the stored part is not one of this connector")
                .at(format!("part {}", self.key))
                .because(source)
        })
    }
}

/// What the manifest keeps of one page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageEntry {
    /// Redacted address: no key, no password, no signed query.
    pub address: String,
    /// UTC, RFC 3339.
    pub retrieved_at: String,
    /// Size of the body after content-decoding.
    pub bytes: u64,
    /// Of the stored body.
    pub sha256: String,
    /// The server's own count for the whole walk, where the answer carried one; trusted or not is decode's matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_count: Option<u64>,
    /// Times that a configured secret was replaced by `REDACTED` in the body.
    #[serde(default)]
    pub redactions: u64,
    /// Validators for a conditional request next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// See `etag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// One answer of the server as served: a local spool file and what is known of it. Cheap to clone; the file goes
/// when the last clone of a temporary page goes.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the manifest keeps.
    pub entry: PageEntry,
    path: PathBuf,
    _keep: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

impl Page {
    /// A page in a file that somebody else owns (raw layer on disk, a fixture).
    pub fn stored(path: PathBuf, entry: PageEntry) -> Self {
        Self {
            entry,
            path,
            _keep: None,
        }
    }
    /// A page in a temporary file; `keep` owns the file.
    pub fn spooled(path: PathBuf, entry: PageEntry, keep: Arc<dyn std::any::Any + Send + Sync>) -> Self {
        Self {
            entry,
            path,
            _keep: Some(keep),
        }
    }
    /// Writes `bytes` as a page, for tests and fixtures.
    pub fn from_bytes(address: &str, bytes: &[u8]) -> io::Result<Self> {
        // Numbered, so that two pages of the same bytes are two files.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("klimalade-page-{}-{number}", std::process::id()));
        std::fs::write(&file, bytes)?;
        let entry = PageEntry {
            address: address.to_owned(),
            retrieved_at: "1970-01-01T00:00:00Z".to_owned(),
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
            server_count: None,
            redactions: 0,
            etag: None,
            last_modified: None,
        };
        Ok(Self {
            entry,
            path: file.clone(),
            _keep: Some(Arc::new(RemoveOnDrop(file))),
        })
    }
    /// A fresh reader from the first byte.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.path)?))
    }
    /// The spool file.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
    /// The whole body; for small answers (metadata, errors).
    pub fn read(&self) -> io::Result<Vec<u8>> {
        std::fs::read(&self.path)
    }
}

struct RemoveOnDrop(PathBuf);
impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A snapshot: the part and its pages in order. Put last, so a part with a manifest is a finished part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The pipeline's owner name.
    pub owner: String,
    /// The part as planned.
    pub part: Part,
    /// Pages in order.
    pub pages: Vec<PageEntry>,
}

impl Manifest {
    /// Hash of the pages' hashes in order: what "unchanged" means. Addresses and times are left out.
    pub fn content_sha256(&self) -> String {
        let mut hash = Sha256::new();
        for page in &self.pages {
            hash.update(page.sha256.as_bytes());
            hash.update(b"\n");
        }
        hex(&hash.finalize())
    }
}

/// Lower-case hexadecimal SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
