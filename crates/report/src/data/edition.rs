//! Which edition of the lake a report is made from, as `report.json` says it, and the earlier one that it is compared with.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result, Schemas, sha256_hex};
use serde_json::{Value, json};

use super::nights::{NIGHT, night_json, nights};

/// The file at a report's root.
pub(crate) const FILE: &str = "report.json";
const VERSION: u64 = 1;

/// A night that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Night {
    pub(crate) run_id: String,
    pub(crate) finished_at: String,
}

/// What the lake held when it was read.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    pub(crate) simulated: bool,
    /// The first night that ended.
    pub(crate) first: Option<Night>,
    /// The newest one.
    pub(crate) newest: Option<Night>,
    /// Hash of all code lists.
    pub(crate) codes_sha256: String,
    runs: BTreeSet<String>,
    lake: String,
}

/// From when on restated figures are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// No earlier report was named: all that was seen since the lake's first night.
    FirstNight,
    /// An earlier report was named.
    Report {
        year: i64,
        night: Night,
        /// Code lists have changed since, and so may have what figures are added to.
        other_codes: bool,
    },
    /// The day of an earlier report was named.
    Day(Date),
}

impl Line {
    /// True for what was seen after it.
    pub(crate) fn is_before(&self, seen_at: &str, run_id: &str) -> bool {
        let seen = || seen_at.parse::<Timestamp>().ok();
        match self {
            Self::FirstNight => true,
            // The end of a night is told in whole seconds: what it restated itself may be a moment later.
            Self::Report { night, .. } => {
                let ended = night.finished_at.parse::<Timestamp>().ok();
                run_id != night.run_id && seen() > ended
            }
            Self::Day(day) => seen().map(|seen| seen.to_zoned(TimeZone::UTC).date()) > Some(*day),
        }
    }
}

async fn ended(lake: &Lake, run: &str) -> Result<Night> {
    let told = night_json(lake, run).await?;
    Ok(Night {
        run_id: run.to_owned(),
        finished_at: told["finished_at"].as_str().unwrap_or_default().to_owned(),
    })
}

impl Edition {
    /// Reads it from the ledger. Errors: of the store; Source, where a night cannot be read.
    pub(crate) async fn read(lake: &Lake, schemas: &Schemas) -> Result<Self> {
        let all = nights(lake).await?;
        let over: Vec<&String> = all
            .iter()
            .filter(|(_, files)| files.contains(NIGHT))
            .map(|(run, _)| run)
            .collect();
        let night = async |run: Option<&&String>| match run {
            Some(run) => ended(lake, run).await.map(Some),
            None => Ok(None),
        };
        let mut codes = String::new();
        for list in schemas.codes.values() {
            codes.push_str(&format!("{}{:?}{:?}", list.name, list.header, list.rows));
        }
        Ok(Self {
            simulated: lake.simulated(),
            first: night(over.first()).await?,
            newest: night(over.last()).await?,
            codes_sha256: sha256_hex(codes.as_bytes()),
            runs: over.into_iter().cloned().collect(),
            lake: lake.address(),
        })
    }

    /// What stands in `report.json`. It has no time of its making, so that the same lake gives the same bytes.
    pub(crate) fn told(&self, year: i16, newest_retrieval: &str) -> String {
        let night = self
            .newest
            .as_ref()
            .map(|night| json!({"run_id": night.run_id, "finished_at": night.finished_at}));
        let told = json!({
            "version": VERSION,
            "year": year,
            "simulated": self.simulated,
            "night": night,
            "newest_retrieval": newest_retrieval,
            "codes_sha256": self.codes_sha256,
            "klimalade": env!("CARGO_PKG_VERSION"),
        });
        format!("{told:#}\n")
    }

    /// The line that was named: a day, or an earlier report by its folder or its `report.json`. Errors: Settings, where there is none,
    /// it is of another lake, or later than this one.
    pub(crate) fn line(&self, named: Option<&str>) -> Result<Line> {
        let Some(named) = named else {
            return Ok(Line::FirstNight);
        };
        if let Ok(day) = named.parse::<Date>() {
            return self.day(day);
        }
        let file = file_of(Path::new(named))?;
        let place = file.display().to_string();
        let told = read(&file)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let night = Night {
            run_id: text(&told["night"]["run_id"]),
            finished_at: text(&told["night"]["finished_at"]),
        };
        if night.run_id.is_empty() {
            let fault = Fault::settings("the earlier report names no night of its lake").at(place);
            return Err(fault.hint(BY_DAY));
        }
        let other = |found: String| {
            Fault::settings("the earlier report is of another lake")
                .at(&place)
                .expected(format!("a night of {}", self.lake))
                .found(found)
                .hint(format!("--lake names the lake it was made from; else {BY_DAY}"))
        };
        if told["simulated"] != self.simulated {
            let kind = |simulated| if simulated { "simulated" } else { "real" };
            let found = format!(
                "{} figures, and the lake has {} ones",
                kind(!self.simulated),
                kind(self.simulated)
            );
            return Err(other(found));
        }
        if let Some(newest) = self
            .newest
            .as_ref()
            .filter(|newest| newest.finished_at < night.finished_at)
        {
            return Err(later(
                &place,
                newest,
                &format!("a night that ended at {}", night.finished_at),
            ));
        }
        if !self.runs.contains(&night.run_id) {
            return Err(other(format!("the night {}", night.run_id)));
        }
        Ok(Line::Report {
            year: told["year"].as_i64().unwrap_or_default(),
            night,
            other_codes: told["codes_sha256"] != self.codes_sha256,
        })
    }

    fn day(&self, day: Date) -> Result<Line> {
        if let Some(newest) = &self.newest {
            let end = newest.finished_at.parse::<Timestamp>().ok();
            if end.is_some_and(|end| end.to_zoned(TimeZone::UTC).date() < day) {
                return Err(later("--since", newest, &day.to_string()));
            }
        }
        Ok(Line::Day(day))
    }
}

const BY_DAY: &str = "name the day on which it was made, as --since 2025-04-01";

fn later(place: &str, newest: &Night, found: &str) -> Fault {
    Fault::settings("the earlier report is later than the lake")
        .at(place)
        .expected(format!(
            "by {}, when the newest night of the lake ended",
            newest.finished_at
        ))
        .found(found)
        .hint("klimalade run harvests what is newer; --lake names another lake")
}

/// `report.json` of what was named.
fn file_of(named: &Path) -> Result<PathBuf> {
    let file = if named.is_dir() {
        named.join(FILE)
    } else {
        named.to_owned()
    };
    if file.is_file() {
        return Ok(file);
    }
    let what = if named.is_dir() {
        "the folder has no report.json"
    } else {
        "there is no earlier report"
    };
    Err(Fault::settings(what)
        .at(file.display().to_string())
        .expected("the folder of an earlier report, its report.json, or a day")
        .hint(BY_DAY))
}

fn read(file: &Path) -> Result<Value> {
    let fault = |what: &str| Fault::settings(what).at(file.display().to_string()).hint(BY_DAY);
    let bytes = fs::read(file).map_err(|why| fault("the earlier report cannot be read").because(why))?;
    let told: Value =
        serde_json::from_slice(&bytes).map_err(|why| fault("the earlier report cannot be read").because(why))?;
    if told["version"] != VERSION {
        return Err(fault("the file is no report.json that this klimalade knows").expected("version 1"));
    }
    Ok(told)
}
