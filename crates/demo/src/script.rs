use std::time::Duration;

use jiff::civil::{Date, date};

/// What the simulated agencies serve, and where they fail. Same script, same answers to the byte; only the request
/// ids, the moment at which a rate limit opens again, and GeoServer's `timeStamp` and passing ids come from the running
/// server.
#[derive(Clone, Debug)]
pub struct Script {
    /// Every invented figure follows from it.
    pub seed: u64,
    /// Size: below 1.0 the older years fall away, down to two; above 1.0 they stay as they are. Hourly production and
    /// the municipal accounts are whole whatever the size: who asks for a period takes one that is not for broken.
    pub factor: f64,
    /// Which night it is, counted from finished nights by the caller: 0 is the first; from 1 on some figures are
    /// restated.
    pub night: u32,
    /// The Danish civil day on which the agencies believe to be; it ends the periods that they offer.
    pub today: Date,
    /// Faults, tried in this order; the first that matches a request answers it.
    pub faults: Vec<ScriptedFault>,
    /// Figures that take the place of the invented ones in the municipal accounts.
    pub account_figures: Option<Vec<AccountFigure>>,
    /// StatBank's limit of rows x columns in the formats that do not stream; 1,000,000 in 2026-11, and it has been
    /// 100,000, 1,000, 160,000 and 500,000.
    pub cell_limit: u64,
    /// Least time between two requests for one dataset of Energi Data Service before it answers 429; at most one
    /// second is ever asked for. Zero turns the limit off.
    pub dataset_interval: Duration,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            seed: 1,
            factor: 1.0,
            night: 0,
            today: date(2026, 11, 23),
            faults: Vec::new(),
            account_figures: None,
            cell_limit: 1_000_000,
            dataset_interval: Duration::from_secs(1),
        }
    }
}

impl Script {
    /// Sets the seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
    /// Sets the size.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }
    /// Sets the night, 0 first.
    #[must_use]
    pub fn night(mut self, night: u32) -> Self {
        self.night = night;
        self
    }
    /// Sets the day.
    #[must_use]
    pub fn today(mut self, today: Date) -> Self {
        self.today = today;
        self
    }
    /// Adds one fault behind those that there are.
    #[must_use]
    pub fn fault(mut self, fault: ScriptedFault) -> Self {
        self.faults.push(fault);
        self
    }
    /// Sets figures of the municipal accounts.
    #[must_use]
    pub fn account_figures(mut self, figures: Vec<AccountFigure>) -> Self {
        self.account_figures = Some(figures);
        self
    }
    /// Sets StatBank's limit of rows x columns.
    #[must_use]
    pub fn cell_limit(mut self, cells: u64) -> Self {
        self.cell_limit = cells;
        self
    }
    /// Sets the rate limit of Energi Data Service; zero turns it off.
    #[must_use]
    pub fn dataset_interval(mut self, interval: Duration) -> Self {
        self.dataset_interval = interval;
        self
    }

    /// The first year that a yearly or monthly dataset offers, given its true first year.
    pub(crate) fn first_year(&self, earliest: i16) -> i16 {
        let last = self.today.year() - 1;
        if self.factor >= 1.0 || last <= earliest {
            return earliest;
        }
        let years = f64::from(last - earliest + 1) * self.factor.max(0.0);
        let years = (years.ceil() as i16).max(2);
        (last - years + 1).max(earliest)
    }
}

/// A figure of the municipal accounts that a test wants served: net emission of one sector.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountFigure {
    /// Four digits, `0101`.
    pub municipality_code: String,
    /// Civil year; a year outside 2018..=2023 is then offered too.
    pub year: i16,
    /// The agency's own name of the sector: `Energi`, `Transport`, `Landbrug`, `Affaldsdeponi`, `Spildevand`,
    /// `Kemiske processer`.
    pub sector: String,
    /// Tonne CO2e; negative is removal.
    pub tonne: f64,
}

/// A fault that an agency is told to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptedFault {
    /// Original host, `api.statbank.dk`.
    pub host: String,
    /// Only requests whose path and query, percent-decoded, contain this.
    pub path_contains: Option<String>,
    /// What happens.
    pub kind: FaultKind,
    /// How many requests it strikes; `None` is all.
    pub times: Option<u32>,
}

impl ScriptedFault {
    /// A fault of every request to `host`.
    pub fn new(host: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            host: host.into(),
            path_contains: None,
            kind,
            times: None,
        }
    }
    /// Only requests whose path and query contain this.
    #[must_use]
    pub fn path(mut self, contains: impl Into<String>) -> Self {
        self.path_contains = Some(contains.into());
        self
    }
    /// Only so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// How a server fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection is closed without a byte of an answer.
    Down,
    /// This status with a short plain text.
    Status(u16),
    /// HTTP 200 with an HTML page where data were asked for.
    Html,
    /// HTTP 429 with Retry-After.
    TooManyRequests {
        /// Seconds in Retry-After; nights in the demo ask for at most one.
        retry_after_secs: u64,
    },
    /// One row fewer than there is, in an answer that is otherwise well formed and whole.
    PageShort,
    /// Paging never ends: the server ignores the offset, so every page is the first one, with a link to a next.
    /// An agency that does not page answers as always.
    EndlessNext,
    /// Headers promise the whole body; the connection closes in the middle of it.
    Cut,
    /// HTTP 404.
    NotFound,
}
