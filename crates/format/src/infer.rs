//! What a column could be declared as: each cell is offered to a builder of every type, and those that refuse one are
//! out. So a type that is left is one as which decode reads the same cells, by construction.

use arrow_schema::Field;
use klimalade_model::{Result, SourceColumn, SourceType};

use crate::column::{Column, Writing};

/// Rows of a page that are looked at.
pub(crate) const LOOK_ROWS: usize = 1_000;

/// One column of the source while its cells are looked at.
pub(crate) struct Candidates {
    name: String,
    left: Vec<(SourceType, Column)>,
    filled: u64,
    /// A cell begins with a zero that a number would lose.
    zero_led: bool,
    /// A cell is a number with a fraction or exponent, were it one of zeros.
    fraction: bool,
    /// A cell is JSON text, so the source does not mean a number.
    quoted: bool,
    /// All cells are words (`true`, `false`); `1` and `0` are numbers.
    words: bool,
    /// All cells are instants at midnight without an offset: a day.
    midnights: bool,
    /// All cells are eight digits of the years 1900 to 2099.
    compact_days: bool,
}

impl Candidates {
    pub(crate) fn new(name: &str, geometry: bool) -> Result<Self> {
        let mut left = Vec::new();
        for kind in SourceType::ALL {
            if kind == SourceType::Geometry && !geometry {
                continue;
            }
            let field = Field::new(name, kind.arrow(), true);
            left.push((kind, Column::new(&field, geometry)?));
        }
        Ok(Self {
            name: name.to_owned(),
            left,
            filled: 0,
            zero_led: false,
            fraction: false,
            quoted: false,
            words: true,
            midnights: true,
            compact_days: true,
        })
    }

    /// A cell that is not null, from delimited text.
    pub(crate) fn see_text(&mut self, cell: &str, writing: Writing) {
        self.see(cell, writing.decimal_comma);
        self.left
            .retain_mut(|(_, column)| column.push_text(cell, 0, writing).is_ok());
    }

    /// A JSON value as written, not null.
    pub(crate) fn see_json(&mut self, raw: &str, writing: Writing) {
        let quoted = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        self.quoted |= quoted.is_some();
        self.see(quoted.unwrap_or(raw), false);
        self.left
            .retain_mut(|(_, column)| column.push_json(raw, 0, writing).is_ok());
    }

    /// A geometry, read already.
    pub(crate) fn see_wkb(&mut self, wkb: &[u8]) {
        self.filled += 1;
        self.left.retain_mut(|(_, column)| column.push_wkb(wkb, 0).is_ok());
    }

    fn see(&mut self, cell: &str, decimal_comma: bool) {
        self.filled += 1;
        let cell = cell.trim();
        let digits = cell.trim_start_matches(['+', '-']).as_bytes();
        self.zero_led |= matches!(digits, [b'0', next, ..] if next.is_ascii_digit());
        let mark = if decimal_comma { ',' } else { '.' };
        self.fraction |= cell.contains([mark, 'e', 'E']);
        self.words &= cell.starts_with(['t', 'T', 'f', 'F']);
        self.midnights &= cell.get(10..).is_some_and(|time| {
            time.get(1..)
                .is_some_and(|time| time.chars().all(|letter| "0:.,".contains(letter)))
        });
        self.compact_days &= digits.len() == 8 && (digits.starts_with(b"19") || digits.starts_with(b"20"));
    }

    /// What was seen.
    pub(crate) fn column(self) -> SourceColumn {
        let fits: Vec<SourceType> = self.left.iter().map(|(kind, _)| *kind).collect();
        SourceColumn {
            kind: self.narrowest(&fits),
            name: self.name,
            fits,
            filled: self.filled,
        }
    }

    fn narrowest(&self, fits: &[SourceType]) -> SourceType {
        let can = |kind: SourceType| fits.contains(&kind);
        if self.filled == 0 {
            return SourceType::Text;
        }
        if can(SourceType::Geometry) {
            return SourceType::Geometry;
        }
        if can(SourceType::Bool) && self.words && !self.quoted {
            return SourceType::Bool;
        }
        if can(SourceType::Date) && (!can(SourceType::Int) || self.compact_days) {
            let is_instant = can(SourceType::Timestamp) && !self.midnights;
            return if is_instant {
                SourceType::Timestamp
            } else {
                SourceType::Date
            };
        }
        if self.zero_led || self.quoted {
            return SourceType::Text;
        }
        if can(SourceType::Int) && !self.fraction {
            return SourceType::Int;
        }
        if can(SourceType::Float) {
            return SourceType::Float;
        }
        SourceType::Text
    }
}

/// The column that these cells make, none of them null, written with a decimal point: for what a connector adds to the
/// page's own columns.
pub fn text_column<'a>(name: &str, cells: impl IntoIterator<Item = &'a str>) -> Result<SourceColumn> {
    let mut candidates = Candidates::new(name, false)?;
    for cell in cells {
        candidates.see_text(cell, Writing::default());
    }
    Ok(candidates.column())
}

#[cfg(test)]
mod tests;
