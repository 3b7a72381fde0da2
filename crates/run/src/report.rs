use klimalade_model::Kind;
use serde::Serialize;

use crate::ledger::PartLedger;

/// How an owner's night ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All good, something new published.
    Published,
    /// All good, nothing changed.
    Unchanged,
    /// Something failed that may wait: what is published is fresh enough.
    Warning,
    /// Another run holds the owner.
    Locked,
    /// Its secret or drop folder is not configured, or it is set off.
    Off,
    /// It was taken out of the lake and comes back when it is named.
    Retired,
    /// Refused, stale, or never published.
    Failed,
    /// No simulated agency serves it.
    LeftOut,
}

impl Status {
    /// As the summary prints it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Unchanged => "unchanged",
            Self::Warning => "warning",
            Self::Locked => "locked",
            Self::Off => "off",
            Self::Retired => "retired",
            Self::Failed => "failed",
            Self::LeftOut => "left out",
        }
    }
}

/// One owner's night.
#[derive(Clone, Debug, Serialize)]
pub struct OwnerReport {
    /// The owner.
    pub owner: String,
    /// Its table.
    pub table: String,
    /// How it ended.
    pub status: Status,
    /// Who has to act, where something failed: the gravest.
    pub kind: Option<Kind>,
    /// A row for each part.
    pub parts: Vec<PartLedger>,
    /// Files of core replaced or removed.
    pub replaced: Vec<String>,
    /// Cells revised.
    pub revisions: u64,
    /// What failed, in full, and where.
    pub faults: Vec<String>,
    /// Things worth saying.
    pub warnings: Vec<String>,
    /// Wall seconds.
    pub seconds: f64,
}

/// The whole night.
#[derive(Clone, Debug, Serialize)]
pub struct NightReport {
    /// Its id: the folder in ledger/.
    pub run_id: String,
    /// Figures are simulated.
    pub simulated: bool,
    /// By owner, in the order they ran.
    pub owners: Vec<OwnerReport>,
}

impl NightReport {
    /// 0: all good or warnings; 1: refused, stale or never published; 3: ours. With `strict` every warning is 1.
    pub fn exit_code(&self, strict: bool) -> u8 {
        let code = |owner: &OwnerReport| match (owner.status, owner.kind) {
            (_, Some(Kind::Bug)) => 3,
            (Status::Failed, _) => 1,
            (Status::Warning | Status::Locked | Status::Off, _) if strict => 1,
            _ => 0,
        };
        self.owners.iter().map(code).max().unwrap_or_default()
    }
}
