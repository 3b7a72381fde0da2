use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use klimalade_model::{Fault, Page, Result};

use crate::{
    Accept, Clock, Random, Request, Secrets, classify::without_bom, exchange::Exchange, rate::Rates, redact::Redactor,
    spool::read_small, tape::Tape,
};

/// Shorter secrets are refused: a value of one to three characters would be found all over a body, and the redaction
/// would spoil the data.
pub(crate) const SHORTEST_SECRET_BYTES: usize = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const USER_AGENT: &str = concat!(
    "klimalade/",
    env!("CARGO_PKG_VERSION"),
    " (+https://github.com/klimalade/klimalade)"
);

/// Caps and pauses of one pipeline.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Whole answer, from sending to the last byte. Until the first byte it is the only limit: agencies think for
    /// minutes.
    pub timeout: Duration,
    /// Longest silence between two pieces of an answer that has begun.
    pub idle: Duration,
    /// Tries of one request, the first included.
    pub attempts: usize,
    /// Least time between two requests to one host.
    pub host_interval: Duration,
    /// Least time between two requests for one dataset, from the answer's first byte to the next sending, so that the
    /// agency never sees them closer either.
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
            idle: Duration::from_secs(180),
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
    /// Folder for spool files; made when it is missing.
    pub spool: PathBuf,
    /// `--demo`: every request to one of these hosts goes to a loopback address instead; the path gets the host in
    /// front (`/api.statbank.dk/v1/data`) and stored addresses leave out scheme, host and port. A host that is not
    /// named is refused (Settings). Links and redirects of a simulated agency name the real host, never the loopback.
    pub redirect: Option<BTreeMap<String, SocketAddr>>,
    /// `--demo`: local files below a folder (absolute) are read below another one instead. Addresses, stored ones too, name
    /// the folder that was asked for, so that what somebody really dropped there never meets simulated figures.
    pub redirect_folders: BTreeMap<PathBuf, PathBuf>,
    /// Upper bound of every pause that limits ask for, our own delays before a retry included (demo and tests), not of
    /// a wait that a server asks for.
    pub longest_pause: Option<Duration>,
}

/// The client of one owner; clones share connections, rate limits and counters.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Arc<Counters>,
    /// By redacted address; `None` where two pages share an address and 304 would not say which is meant.
    pub(crate) previous: Arc<HashMap<String, Option<Page>>>,
    pub(crate) tape: Option<Tape>,
}

/// What all clients of a run have in common.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) http: reqwest::Client,
    pub(crate) rates: Rates,
    pub(crate) redactor: Redactor,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) waited_nanos: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.shared.options)
            .field("limits", &self.limits)
            .field("counters", &self.counters)
            .field("previous", &self.previous.len())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// One client for the whole run, with [`Limits::default`]. Errors: Bug, when TLS cannot be set up; Settings, when a
    /// secret is so short that its redaction would spoil bodies.
    pub fn new(options: Options) -> Result<Self> {
        for (name, value) in options.secrets.iter() {
            let length = value.expose().len();
            if length > 0 && length < SHORTEST_SECRET_BYTES {
                return Err(
                    Fault::settings(format!("secret `{name}` is too short to be kept out of stored bodies"))
                        .expected(format!("at least {SHORTEST_SECRET_BYTES} bytes"))
                        .found(format!("{length}")),
                );
            }
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        if options.redirect.is_some() {
            // The demo stays on this machine whatever proxy the environment names.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            Fault::bug("the HTTP client cannot be set up").found(crate::error::chain(&error.without_url()))
        })?;
        let redactor = Redactor::new(options.secrets.values())?;
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                http,
                rates: Rates::default(),
                redactor,
            }),
            limits: Arc::new(Limits::default()),
            counters: Arc::default(),
            previous: Arc::default(),
            tape: None,
        })
    }

    /// The same connections and rate limits under another pipeline's limits, with fresh counters.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self {
            limits: Arc::new(limits),
            counters: Arc::default(),
            ..self.clone()
        }
    }

    /// The same, asking conditionally for what `pages` hold already: on 304 the stored page is the answer. Pages that
    /// share a redacted address (a cursor that looks like a token) are asked for unconditionally; so is every POST.
    #[must_use]
    pub fn with_previous(&self, pages: Vec<Page>) -> Self {
        let mut previous: HashMap<String, Option<Page>> = HashMap::new();
        for page in pages {
            let address = page.entry.address.clone();
            previous
                .entry(address)
                .and_modify(|known| *known = None)
                .or_insert(Some(page));
        }
        Self {
            previous: Arc::new(previous),
            ..self.clone()
        }
    }

    /// The same, with every answer kept on `tape` as well; its spool file stays as long as the tape.
    #[must_use]
    pub fn with_tape(&self, tape: Tape) -> Self {
        Self {
            tape: Some(tape),
            ..self.clone()
        }
    }

    pub(crate) fn kept(&self, page: Page) -> Page {
        if let Some(tape) = &self.tape {
            tape.push(page.clone());
        }
        page
    }

    /// One answer, spooled to disk. Retries Transient faults, with growing delays or after the wait that the server
    /// asks for. Errors: Transient, when all tries failed or the server asks for a longer wait than allowed; Source,
    /// when the answer is another than asked for; Settings, when a credential is refused or a host is not simulated.
    pub async fn fetch(&self, request: &Request) -> Result<Page> {
        let page = Exchange::new(self, request)?.run().await?;
        Ok(self.kept(page))
    }

    /// One small answer, parsed; a byte order mark in front is no matter. Errors: as [`Client::fetch`]; Source when it
    /// is no JSON.
    pub async fn json(&self, request: &Request) -> Result<serde_json::Value> {
        let request = Request {
            accept: Accept::Json,
            ..request.clone()
        };
        let page = self.fetch(&request).await?;
        let body = read_small(&page)?;
        serde_json::from_slice(without_bom(&body)).map_err(|error| {
            Fault::source("the answer is no JSON")
                .at(page.entry.address.clone())
                .found(error.to_string())
        })
    }

    /// Requests sent so far (retries and redirects included) and time waited for limits and servers, by this client
    /// since `with_limits`.
    pub fn counters(&self) -> (u64, Duration) {
        let waited = Duration::from_nanos(self.counters.waited_nanos.load(Ordering::Relaxed));
        (self.counters.requests.load(Ordering::Relaxed), waited)
    }

    /// Bytes received so far after content-decoding, answers that were refused included, by this client since
    /// `with_limits`.
    pub fn bytes_received(&self) -> u64 {
        self.counters.bytes.load(Ordering::Relaxed)
    }

    /// Sleeps and counts it.
    pub(crate) async fn wait(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        self.shared.options.clock.sleep(duration).await;
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.counters.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// A pause of our own making under the demo's bound.
    pub(crate) fn bounded(&self, pause: Duration) -> Duration {
        self.shared
            .options
            .longest_pause
            .map_or(pause, |longest| pause.min(longest))
    }

    /// Waits until `host` may be asked again.
    pub(crate) async fn wait_for_host(&self, host: &str) {
        let interval = self.bounded(self.limits.host_interval);
        let pause = self
            .shared
            .rates
            .reserve(host, interval, self.shared.options.clock.now());
        self.wait(self.bounded(pause)).await;
    }

    pub(crate) fn count_request(&self) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.counters.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The page held for this address, where its file is still there.
    pub(crate) fn held(&self, address: &str) -> Option<&Page> {
        self.previous.get(address)?.as_ref().filter(|page| page.path().exists())
    }

    pub(crate) fn retrieved_now(&self) -> String {
        format!("{:.3}", self.shared.options.clock.now())
    }
}
