//! What the agencies restated after a line: each figure once, as it was and as it is.

use std::collections::BTreeMap;

use super::{Frame, Line};

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
    let mut changes: Vec<usize> = revisions
        .rows()
        .filter(|row| {
            let text = |column| revisions.text(*row, column);
            text("table_name") == "observation"
                && text("column_name") == "value"
                && line.is_before(text("first_seen_at"), text("run_id"))
        })
        .collect();
    changes.sort_by_key(|row| revisions.text(*row, "first_seen_at"));
    let number = |row: usize, column| revisions.text(row, column).parse::<f64>().ok();
    let mut all: BTreeMap<&str, Restated> = BTreeMap::new();
    for row in changes {
        let key = revisions.text(row, "row_key");
        let restated = all.entry(key).or_insert_with(|| {
            let parts = key.split('|').filter_map(|part| part.split_once('='));
            let key: BTreeMap<String, String> =
                parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let year = key.get("period_start").and_then(|day| day.get(..4)?.parse().ok());
            Restated {
                key,
                year: year.unwrap_or_default(),
                old: number(row, "old_value"),
                new: None,
                seen: String::new(),
            }
        });
        restated.new = number(row, "new_value");
        restated.seen = revisions.text(row, "first_seen_at").to_owned();
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
