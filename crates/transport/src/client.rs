use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use klimalade_model::{Fault, Page, Result};

use crate::{Clock, Random, Request, Secrets};

/// Caps and pauses of one pipeline.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whole answer, from sending to the last byte.
    pub timeout: Duration,
    /// Tries of one request, the first included.
    pub attempts: usize,
    /// Least time between two requests to one host.
    pub host_interval: Duration,
    /// Least time between two requests for one dataset.
    pub dataset_interval: Duration,
    /// Longest wait that a server may ask for.
    pub longest_wait: Duration,
    /// Largest body after content-decoding.
    pub page_bytes: u64,
    /// Largest sum of bodies in one walk.
    pub walk_bytes: u64,
    /// Most pages of one walk.
    pub walk_pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            attempts: 5,
            host_interval: Duration::from_millis(250),
            dataset_interval: Duration::ZERO,
            longest_wait: Duration::from_secs(600),
            page_bytes: 2 << 30,
            walk_bytes: 8 << 30,
            walk_pages: 10_000,
        }
    }
}

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// Redacted in addresses and in stored bodies.
    pub secrets: Secrets,
    /// Folder for spool files.
    pub spool: PathBuf,
    /// `--demo`: every request to one of these hosts goes to a loopback address instead; the path gets the host in
    /// front (`/api.statbank.dk/v1/data`) and stored addresses leave out scheme, host and port. A host that is not
    /// named is refused (Settings).
    pub redirect: Option<BTreeMap<String, SocketAddr>>,
    /// Upper bound of every pause that limits ask for (demo and tests), not of a wait that a server asks for.
    pub longest_pause: Option<Duration>,
}

/// The client of one owner; clones share connections, rate limits and counters.
#[derive(Clone, Debug)]
pub struct Client {
    _options: Arc<Options>,
}

impl Client {
    /// One client for the whole run. Errors: Bug, when TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self> {
        Ok(Self { _options: Arc::new(options) })
    }
    /// The same connections and rate limits under another pipeline's limits, with fresh counters.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let _ = limits;
        self.clone()
    }
    /// The same, asking conditionally for what `pages` hold already: on 304 the stored page is the answer.
    #[must_use]
    pub fn with_previous(&self, pages: Vec<Page>) -> Self {
        let _ = pages;
        self.clone()
    }
    /// One answer, spooled to disk. Retries Transient faults.
    pub async fn fetch(&self, request: &Request) -> Result<Page> {
        let _ = request;
        Err(Fault::bug("not built yet"))
    }
    /// One small answer, parsed. Errors: as [`Client::fetch`]; Source when it is no JSON.
    pub async fn json(&self, request: &Request) -> Result<serde_json::Value> {
        let page = self.fetch(request).await?;
        let _ = page;
        Err(Fault::bug("not built yet"))
    }
    /// Requests sent so far (retries included) and time waited for limits and servers, by this client since
    /// `with_limits`.
    pub fn counters(&self) -> (u64, Duration) {
        (0, Duration::ZERO)
    }
}
