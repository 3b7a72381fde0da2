use klimalade_model::Kind;
use klimalade_pipeline::Owner;
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
    /// Something failed that may wait: what is published is fresh enough. Or nothing failed and somebody should look:
    /// the newest period is old, the source has other columns.
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
    /// Requests that planning took, retries included.
    pub plan_requests: u64,
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
    /// The pipelines were named, so one that is off is an error.
    #[serde(skip)]
    pub named: bool,
    /// By owner, in the order they ran.
    pub owners: Vec<OwnerReport>,
}

impl OwnerReport {
    /// Of an owner that has done nothing yet.
    pub(crate) fn new(owner: &Owner, status: Status) -> Self {
        Self {
            owner: owner.name.clone(),
            table: owner.definition.table.clone(),
            status,
            kind: None,
            parts: Vec::new(),
            plan_requests: 0,
            replaced: Vec::new(),
            revisions: 0,
            faults: Vec::new(),
            warnings: Vec::new(),
            seconds: 0.0,
        }
    }
}

impl OwnerReport {
    /// Something that somebody should look at, though nothing failed.
    pub(crate) fn look_at(&mut self, text: String) {
        if matches!(self.status, Status::Published | Status::Unchanged) {
            self.status = Status::Warning;
        }
        self.warnings.push(text);
    }
}

impl NightReport {
    /// 0: all good or warnings; 1: refused, stale or never published; 2: off, though it was named; 3: ours. With
    /// `strict` every warning is 1.
    pub fn exit_code(&self, strict: bool) -> u8 {
        let code = |owner: &OwnerReport| match (owner.status, owner.kind) {
            (_, Some(Kind::Bug)) => 3,
            (Status::Off, _) if self.named => 2,
            (Status::Failed, _) => 1,
            // One that its own pipeline.toml sets off lacks nothing that somebody could configure, and has no warning.
            (Status::Off, _) if owner.warnings.is_empty() => 0,
            (Status::Warning | Status::Locked | Status::Off, _) if strict => 1,
            _ => 0,
        };
        self.owners.iter().map(code).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use klimalade_pipeline::Catalogue;

    use super::*;

    fn owners() -> Catalogue {
        Catalogue::load(std::path::Path::new("/nonexistent")).unwrap()
    }
    fn night(named: bool, outcomes: &[(Status, Option<Kind>)]) -> NightReport {
        let catalogue = owners();
        let owner = catalogue.owners()[0];
        let report = |&(status, kind): &(Status, Option<Kind>)| OwnerReport {
            kind,
            warnings: match status {
                Status::Off => vec!["its secret is not configured".to_owned()],
                _ => Vec::new(),
            },
            ..OwnerReport::new(owner, status)
        };
        NightReport {
            run_id: String::new(),
            simulated: true,
            named,
            owners: outcomes.iter().map(report).collect(),
        }
    }

    /// What ended how; whether it was named; owners; the code, and the strict one.
    type Row<'a> = (&'a str, bool, &'a [(Status, Option<Kind>)], u8, u8);

    /// The README's table of exit codes: what ended how, then the code without and with `--strict`.
    #[test]
    fn every_row_of_the_table_of_exit_codes_holds() {
        use Status as S;
        let rows: [Row<'_>; 16] = [
            ("nobody", false, &[], 0, 0),
            (
                "published and unchanged",
                false,
                &[(S::Published, None), (S::Unchanged, None)],
                0,
                0,
            ),
            ("left out of the demo", true, &[(S::LeftOut, None)], 0, 0),
            (
                "a source failed, still fresh",
                false,
                &[(S::Warning, Some(Kind::Source))],
                0,
                1,
            ),
            ("the same, named", true, &[(S::Warning, Some(Kind::Transient))], 0, 1),
            ("locked", false, &[(S::Locked, None)], 0, 1),
            ("locked, named", true, &[(S::Locked, None)], 0, 1),
            ("off", false, &[(S::Off, None), (S::Published, None)], 0, 1),
            ("off, named", true, &[(S::Off, None)], 2, 2),
            (
                "stale or never published",
                false,
                &[(S::Failed, Some(Kind::Transient))],
                1,
                1,
            ),
            (
                "refused",
                false,
                &[(S::Failed, Some(Kind::Contract)), (S::Published, None)],
                1,
                1,
            ),
            (
                "its settings, others run",
                false,
                &[(S::Published, None), (S::Failed, Some(Kind::Settings))],
                1,
                1,
            ),
            (
                "off beside a refused one, named",
                true,
                &[(S::Off, None), (S::Failed, Some(Kind::Contract))],
                2,
                2,
            ),
            ("a bug", false, &[(S::Failed, Some(Kind::Bug))], 3, 3),
            ("a bug that may wait", false, &[(S::Warning, Some(Kind::Bug))], 3, 3),
            (
                "a bug beside an off one, named",
                true,
                &[(S::Off, None), (S::Failed, Some(Kind::Bug))],
                3,
                3,
            ),
        ];
        for (what, named, outcomes, code, strict) in rows {
            let night = night(named, outcomes);
            assert_eq!(
                (night.exit_code(false), night.exit_code(true)),
                (code, strict),
                "{what}"
            );
        }
    }
}
