use std::{collections::BTreeMap, sync::Mutex};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use klimalade_model::Fault;
use klimalade_run::Progress;

use crate::output::logged;

/// A bar an owner, on a terminal.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    all: MultiProgress,
    owners: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    fn bar(&self, owner: &str) -> Option<ProgressBar> {
        let mut owners = self.owners.lock().ok()?;
        if !owners.contains_key(owner) {
            let style = ProgressStyle::with_template("{prefix:40} {bar:24} {pos}/{len} parts {msg}").ok()?;
            let bar = self
                .all
                .add(ProgressBar::new(0))
                .with_style(style)
                .with_prefix(owner.to_owned());
            owners.insert(owner.to_owned(), bar);
        }
        owners.get(owner).cloned()
    }
}

impl Progress for Bars {
    fn parts(&self, owner: &str, count: usize) {
        if let Some(bar) = self.bar(owner) {
            bar.set_position(0);
            bar.set_length(count as u64);
        }
    }
    fn part_done(&self, owner: &str, part: &str, _rows: u64) {
        if let Some(bar) = self.bar(owner) {
            bar.inc(1);
            bar.set_message(part.to_owned());
        }
    }
    fn owner_done(&self, owner: &str, status: &str) {
        if let Some(bar) = self.bar(owner) {
            bar.finish_with_message(status.to_owned());
        }
    }
}

/// Each step as a log line: for `--log-format json` and for files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Logged;

impl Progress for Logged {
    fn parts(&self, owner: &str, count: usize) {
        tracing::info!(target: "klimalade", owner, parts = count, "planned");
    }
    fn part_done(&self, owner: &str, part: &str, rows: u64) {
        tracing::info!(target: "klimalade", owner, part, rows, "part done");
    }
    fn owner_done(&self, owner: &str, status: &str) {
        tracing::info!(target: "klimalade", owner, status, "owner done");
    }
    fn failed(&self, owner: &str, part: &str, fault: &Fault, is_warning: bool) {
        logged(fault, Some((owner, part)), is_warning);
    }
}
