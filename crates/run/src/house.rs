use std::{fmt, path::PathBuf, sync::Arc};

use klimalade_connect::{CancellationToken, Clock, Registry, Secrets};
use klimalade_engine::Engine;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Schemas};
use klimalade_pipeline::{Catalogue, LimitSettings, Owner};
use klimalade_transport::{Client, Limits};

/// What a night is told while it goes on; all calls are cheap and may come from many tasks.
pub trait Progress: fmt::Debug + Send + Sync {
    /// An owner begins, with so many parts to ask for.
    fn parts(&self, owner: &str, count: usize);
    /// One of them is done.
    fn part_done(&self, owner: &str, part: &str, rows: u64);
    /// An owner ended.
    fn owner_done(&self, owner: &str, status: &str);
    /// Something of it failed (part `*`: the owner as a whole); only a warning while what is published is fresh.
    fn failed(&self, _owner: &str, _part: &str, _fault: &Fault, _is_warning: bool) {}
}

/// No progress shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;
impl Progress for Quiet {
    fn parts(&self, _: &str, _: usize) {}
    fn part_done(&self, _: &str, _: &str, _: u64) {}
    fn owner_done(&self, _: &str, _: &str) {}
}

/// All that a night works with; nothing global.
#[derive(Clone, Debug)]
pub struct House {
    /// The common schema.
    pub schemas: Arc<Schemas>,
    /// The pipelines.
    pub catalogue: Arc<Catalogue>,
    /// The connectors.
    pub registry: Arc<Registry>,
    /// The lake.
    pub lake: Lake,
    /// SQL.
    pub engine: Engine,
    /// HTTP and object stores.
    pub client: Client,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// By name.
    pub secrets: Secrets,
    /// Ends the night.
    pub cancel: CancellationToken,
    /// Scratch folder of this run.
    pub scratch: PathBuf,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
}

/// What a night is to do.
#[derive(Clone, Debug)]
pub struct NightOptions {
    /// Pipelines or owners by name; empty is all.
    pub names: Vec<String>,
    /// Owners that run beside each other.
    pub concurrency: usize,
    /// Map again from raw what is there; plan nothing, ask nobody.
    pub replay: bool,
    /// Look at everything that stands in raw/ and ask again for what is gone or damaged.
    pub repair: bool,
    /// Owners that no simulated agency serves: left out and named in the summary.
    pub left_out: Vec<String>,
}

impl House {
    /// UTC, RFC 3339, whole seconds.
    pub fn now_text(&self) -> String {
        rfc3339(self.clock.now())
    }
    /// The source_id of an owner's rows: simulated ones have the prefix `sim_`.
    pub fn source_id(&self, owner: &Owner) -> String {
        let id = &owner.definition.source_id;
        if self.lake.simulated() {
            format!("sim_{id}")
        } else {
            id.clone()
        }
    }
    /// The secrets that the owner asks for and that are not configured.
    pub fn missing_secrets(&self, owner: &Owner) -> Vec<String> {
        owner
            .definition
            .secrets()
            .into_iter()
            .filter(|name| self.secrets.get(name).is_none())
            .collect()
    }
}

pub(crate) fn rfc3339(instant: jiff::Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new()
        .precision(Some(0))
        .timestamp_to_string(&instant)
}

/// Transport's limits with the pipeline's settings in place.
pub fn limits(settings: &LimitSettings) -> Limits {
    use std::time::Duration;
    let base = Limits::default();
    Limits {
        timeout: settings.timeout_secs.map_or(base.timeout, Duration::from_secs),
        idle: base.idle,
        attempts: settings.attempts.unwrap_or(base.attempts),
        host_interval: settings
            .host_interval_millis
            .map_or(base.host_interval, Duration::from_millis),
        dataset_interval: settings
            .dataset_interval_millis
            .map_or(base.dataset_interval, Duration::from_millis),
        longest_wait: settings
            .longest_wait_secs
            .map_or(base.longest_wait, Duration::from_secs),
        page_bytes: settings.page_bytes.unwrap_or(base.page_bytes),
        walk_bytes: settings.walk_bytes.unwrap_or(base.walk_bytes),
        walk_pages: settings.walk_pages.unwrap_or(base.walk_pages),
    }
}
