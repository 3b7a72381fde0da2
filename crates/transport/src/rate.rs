//! When the next request may go out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// When the last request for a dataset was answered; holding the lock is the right to ask.
pub(crate) type DatasetTurn = Arc<tokio::sync::Mutex<Option<Timestamp>>>;

/// Rate limits that every clone of a client shares.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    hosts: Mutex<HashMap<String, Timestamp>>,
    datasets: Mutex<HashMap<(String, String), DatasetTurn>>,
}

impl Rates {
    /// Takes the next free moment of `host` and says how far off it is.
    pub(crate) fn reserve(&self, host: &str, interval: Duration, now: Timestamp) -> Duration {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let due = hosts.get(host).map_or(now, |last| later(*last, interval).max(now));
        hosts.insert(host.to_owned(), due);
        between(now, due)
    }

    /// The turn of one dataset at one host.
    pub(crate) fn turn(&self, host: &str, dataset: &str) -> DatasetTurn {
        let mut datasets = self.datasets.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(datasets.entry((host.to_owned(), dataset.to_owned())).or_default())
    }
}

/// `at` and `interval` after it.
pub(crate) fn later(at: Timestamp, interval: Duration) -> Timestamp {
    let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
    at.checked_add(interval).unwrap_or(Timestamp::MAX)
}

/// From `now` to `due`; nothing when that is past.
pub(crate) fn between(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or(Duration::ZERO)
}
