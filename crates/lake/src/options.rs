use std::{fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;

/// Where the time comes from: lock expiry reads it and nothing else does.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a lake is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The run is a demo. Written to lake.toml at the first night; a lake of the other kind is refused. Not looked
    /// at when `read_only`: [`crate::Lake::simulated`] says what the lake is.
    pub simulated: bool,
    /// Nothing is written; no lake.toml is made, no probe is sent.
    pub read_only: bool,
    /// The clock of lock expiry.
    pub now: Now,
    /// Folder for temporary files (pages being packed for an object store, copies of partitions).
    pub spool: PathBuf,
    /// Who this process is, for the lock: printed to whoever finds the owner locked.
    pub holder: String,
    /// Fail point for crash tests: after so many steps in the store every further one fails, as if the process had
    /// died there. `None` outside tests.
    pub fail_after: Option<usize>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned());
        Self {
            simulated: false,
            read_only: false,
            now: Arc::new(Timestamp::now),
            spool: std::env::temp_dir(),
            holder: format!("{host}, process {}", std::process::id()),
            fail_after: None,
        }
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("simulated", &self.simulated)
            .field("read_only", &self.read_only)
            .field("spool", &self.spool)
            .field("holder", &self.holder)
            .field("fail_after", &self.fail_after)
            .finish_non_exhaustive()
    }
}
