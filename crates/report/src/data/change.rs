//! A figure that an agency gave anew, as `core/revision` tells it.

use std::collections::BTreeMap;

use super::Frame;

/// A change of the value of one row of `observation`.
pub(super) struct Change<'a> {
    /// The row's key as text: columns and values.
    pub(super) row_key: &'a str,
    /// `None` where the agency gave no number.
    pub(super) old: Option<f64>,
    /// `None` where the agency gives no number, or no such row any more.
    pub(super) new: Option<f64>,
    /// When it was first seen, ISO.
    pub(super) seen: &'a str,
    pub(super) run: &'a str,
}

impl<'a> Change<'a> {
    /// The row's key, column by column.
    pub(super) fn key(&self) -> BTreeMap<&'a str, &'a str> {
        let parts = self.row_key.split('|');
        parts.filter_map(|part| part.split_once('=')).collect()
    }
}

/// The year of a figure, by its key.
pub(super) fn year(key: &BTreeMap<&str, &str>) -> Option<i16> {
    key.get("period_start")?.get(..4)?.parse().ok()
}

/// The changed figures of `observation`, in the order of the file.
pub(super) fn of_figures(revisions: &Frame) -> impl Iterator<Item = Change<'_>> {
    let is_meant = |row: &usize| {
        let text = |column| revisions.text(*row, column);
        text("table_name") == "observation" && text("column_name") == "value"
    };
    revisions.rows().filter(is_meant).map(|row| {
        let text = |column| revisions.text(row, column);
        let number = |column| text(column).parse::<f64>().ok();
        Change {
            row_key: text("row_key"),
            old: number("old_value"),
            new: number("new_value"),
            seen: text("first_seen_at"),
            run: text("run_id"),
        }
    })
}
