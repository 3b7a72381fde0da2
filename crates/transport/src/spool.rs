//! A page on its way to disk: redacted, hashed and counted while it streams.

use std::{path::Path, sync::Arc};

use klimalade_model::{Fault, Page, PageEntry};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::{fs::File, io::AsyncWriteExt};

use crate::{
    Error,
    redact::{Redaction, Redactor},
};

/// So much of a body is shown to classification.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// An unfinished page. Dropped, it leaves no file.
pub(crate) struct Spool<'r> {
    folder: &'r Path,
    file: File,
    path: TempPath,
    redaction: Redaction<'r>,
    hash: Sha256,
    head: Vec<u8>,
    stored: u64,
    ready: Vec<u8>,
}

/// What is known of a page besides its bytes.
pub(crate) struct Origin {
    pub(crate) address: String,
    pub(crate) retrieved_at: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl<'r> Spool<'r> {
    /// Opens a temporary file in `folder`, which is made when it is missing.
    pub(crate) async fn create(folder: &'r Path, redactor: &'r Redactor) -> Result<Self, Error> {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|error| refused(folder, &error))?;
        let file = tempfile::Builder::new()
            .prefix("klimalade-page-")
            .tempfile_in(folder)
            .map_err(|error| refused(folder, &error))?;
        let (file, path) = file.into_parts();
        Ok(Self {
            folder,
            file: File::from_std(file),
            path,
            redaction: redactor.stream(),
            hash: Sha256::new(),
            head: Vec::new(),
            stored: 0,
            ready: Vec::new(),
        })
    }

    /// The first bytes as stored.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether the head will not grow any more.
    pub(crate) fn head_is_full(&self) -> bool {
        self.head.len() >= HEAD_BYTES
    }

    /// Takes one chunk of the body.
    pub(crate) async fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.redaction.push(chunk, &mut self.ready);
        self.put_ready().await
    }

    /// The body has ended: what was held back for a secret over a border goes out.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        self.redaction.finish(&mut self.ready);
        self.put_ready().await?;
        self.file.flush().await.map_err(|error| refused(self.folder, &error))
    }

    /// The page. Only after [`Spool::end`].
    pub(crate) fn page(self, origin: Origin) -> Page {
        let sha256 = self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let entry = PageEntry {
            address: origin.address,
            retrieved_at: origin.retrieved_at,
            bytes: self.stored,
            sha256,
            server_count: None,
            redactions: self.redaction.count(),
            etag: origin.etag,
            last_modified: origin.last_modified,
        };
        Page::spooled(self.path.to_path_buf(), entry, Arc::new(self.path))
    }

    async fn put_ready(&mut self) -> Result<(), Error> {
        if self.ready.is_empty() {
            return Ok(());
        }
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(self.ready.len());
        self.head.extend_from_slice(&self.ready[..wanted]);
        self.hash.update(&self.ready);
        self.stored += self.ready.len() as u64;
        let written = self.file.write_all(&self.ready).await;
        self.ready.clear();
        written.map_err(|error| refused(self.folder, &error))
    }
}

fn refused(folder: &Path, error: &std::io::Error) -> Error {
    Error::Spool {
        folder: folder.display().to_string(),
        found: error.to_string(),
    }
}

/// Reads a spooled page back; for small answers only.
pub(crate) fn read_small(page: &Page) -> Result<Vec<u8>, Fault> {
    page.read().map_err(|error| {
        let folder = page.path().parent().unwrap_or(Path::new(".")).display().to_string();
        Error::Spool {
            folder,
            found: error.to_string(),
        }
        .into()
    })
}
