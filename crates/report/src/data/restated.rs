//! What the agencies restated after a line: each figure once, as it was and as it is.

use std::collections::BTreeMap;

use super::{
    Frame, Line,
    change::{self, Change},
};

/// A figure that is another than before.
#[derive(Clone, Debug)]
pub(crate) struct Restated {
    /// Its key, column by column.
    key: BTreeMap<String, String>,
    pub(crate) year: i16,
    /// As the earlier report had it; `None` where the agency gave no number.
    pub(crate) old: Option<f64>,
    /// As it is; `None` where the agency gives no number, or no such row any more.
    pub(crate) new: Option<f64>,
    /// When the last change was seen, ISO.
    pub(crate) seen: String,
}

impl Restated {
    /// A column of its key.
    pub(crate) fn of(&self, column: &str) -> &str {
        self.key.get(column).map_or("", String::as_str)
    }

    /// Its change by what it was; `None` where that was nothing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let old = self.old.filter(|old| *old != 0.0)?;
        Some(self.new.unwrap_or_default() / old - 1.0)
    }

    /// How far it moved; no number counts as nothing.
    pub(crate) fn moved(&self) -> f64 {
        self.new.unwrap_or_default() - self.old.unwrap_or_default()
    }
}

/// Measured figures up to a year that were restated after the line, the largest changes first. What was changed and changed back is not
/// among them.
pub(super) fn read(revisions: &Frame, line: &Line, until: i16) -> Vec<Restated> {
    let mut changes: Vec<Change<'_>> = change::of_figures(revisions)
        .filter(|change| line.is_before(change.seen, change.run))
        .collect();
    changes.sort_by_key(|change| change.seen);
    let mut all: BTreeMap<&str, Restated> = BTreeMap::new();
    for change in changes {
        let restated = all.entry(change.row_key).or_insert_with(|| {
            let key = change.key();
            Restated {
                year: change::year(&key).unwrap_or_default(),
                key: key
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                old: change.old,
                new: None,
                seen: String::new(),
            }
        });
        restated.new = change.new;
        restated.seen = change.seen.to_owned();
    }
    let is_shown = |restated: &Restated| {
        restated.old != restated.new && restated.year <= until && matches!(restated.of("scenario_code"), "actual" | "")
    };
    let mut all: Vec<Restated> = all.into_values().filter(is_shown).collect();
    let size = |restated: &Restated| restated.ratio().map_or(-1.0, f64::abs);
    all.sort_by(|a, b| {
        size(b)
            .total_cmp(&size(a))
            .then_with(|| b.moved().abs().total_cmp(&a.moved().abs()))
            .then_with(|| a.key.cmp(&b.key))
    });
    all
}
