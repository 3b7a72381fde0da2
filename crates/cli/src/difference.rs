//! What came out of a recorded answer beside what was expected, row by row of the table's key.

use std::collections::BTreeMap;

/// Rows shown of a difference.
const SHOWN: usize = 20;

/// Cells of a row, in the order of the header.
pub(crate) type Cells = Vec<String>;

/// Two sets of rows under one header.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// Expected and not there, by key in words.
    missing: Vec<String>,
    /// There and not expected.
    extra: Vec<String>,
    /// Key in words, and `column: expected -> found` for each column that differs.
    changed: Vec<(String, Vec<String>)>,
}

impl Difference {
    /// Compares rows; `key` are the columns that tell them apart, of which the header may lack some.
    pub(crate) fn of(header: &[String], key: &[String], expected: &[Cells], found: &[Cells]) -> Self {
        let places: Vec<usize> = key
            .iter()
            .filter_map(|name| header.iter().position(|known| known == name))
            .collect();
        // What is the same in every row tells none apart.
        let telling: Vec<usize> = places
            .iter()
            .copied()
            .filter(|at| {
                let mut values = expected.iter().chain(found).map(|row| &row[*at]);
                let first = values.next();
                values.any(|value| Some(value) != first)
            })
            .collect();
        let telling = if telling.is_empty() { places.clone() } else { telling };
        let named = |row: &Cells| -> String {
            let cells: Vec<String> = telling
                .iter()
                .map(|at| format!("{}={}", header[*at], row[*at]))
                .collect();
            cells.join(" ")
        };
        let by_key = |rows: &[Cells]| {
            let mut map: BTreeMap<Vec<String>, Vec<Cells>> = BTreeMap::new();
            for row in rows {
                let key = places.iter().map(|at| row[*at].clone()).collect();
                map.entry(key).or_default().push(row.clone());
            }
            map
        };
        let (mut wanted, found) = (by_key(expected), by_key(found));
        let mut difference = Self::default();
        for (key, mut rows) in found {
            let mut old = wanted.remove(&key).unwrap_or_default();
            // A key twice on both sides: the rows that are equal go first.
            old.retain(|row| match rows.iter().position(|known| known == row) {
                Some(at) => {
                    rows.remove(at);
                    false
                }
                None => true,
            });
            let pairs = old.len().min(rows.len());
            for (old, new) in old.iter().zip(&rows) {
                let columns = header
                    .iter()
                    .zip(old.iter().zip(new))
                    .filter(|(_, (old, new))| old != new);
                let columns = columns.map(|(name, (old, new))| format!("{name}: {} -> {}", cell(old), cell(new)));
                difference.changed.push((named(new), columns.collect()));
            }
            difference.missing.extend(old[pairs..].iter().map(named));
            difference.extra.extend(rows[pairs..].iter().map(named));
        }
        difference.missing.extend(wanted.values().flatten().map(named));
        difference
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.changed.is_empty()
    }
    /// `2 rows added, 1 changed, 0 gone`.
    pub(crate) fn counts(&self) -> String {
        format!(
            "{} added, {} changed, {} gone",
            self.extra.len(),
            self.changed.len(),
            self.missing.len()
        )
    }
    /// Lines for a person: `~` a row of which columns differ, `-` expected and not there, `+` there and not expected.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, columns) in &self.changed {
            lines.push(format!("~ {key}  {}", columns.join(", ")));
        }
        lines.extend(self.missing.iter().map(|key| format!("- {key}")));
        lines.extend(self.extra.iter().map(|key| format!("+ {key}")));
        let rest = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        if rest > 0 {
            lines.push(format!("... and {rest} more"));
        }
        lines
    }
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let changed: Vec<_> = self
            .changed
            .iter()
            .map(|(key, columns)| serde_json::json!({ "key": key, "columns": columns }))
            .collect();
        serde_json::json!({ "missing": self.missing, "extra": self.extra, "changed": changed })
    }
}

/// An empty cell of expected.csv is null.
fn cell(text: &str) -> &str {
    if text.is_empty() { "null" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Cells> {
        let rows = text.split_whitespace();
        rows.map(|row| row.split(',').map(str::to_owned).collect()).collect()
    }

    fn compare(expected: &str, found: &str) -> Difference {
        let header = ["area", "year", "value", "status"].map(str::to_owned);
        let key = ["area", "year", "scenario"].map(str::to_owned);
        Difference::of(&header, &key, &rows(expected), &rows(found))
    }

    #[test]
    fn a_row_that_differs_says_which_column_and_from_what_to_what() {
        let difference = compare("0101,2024,1,A 0751,2024,2,A", "0101,2024,1,A 0751,2024,,O");
        assert_eq!(difference.lines(), ["~ area=0751  value: 2 -> null, status: A -> O"]);
        assert_eq!(difference.counts(), "0 added, 1 changed, 0 gone");
    }

    #[test]
    fn missing_and_extra_rows_are_told_by_what_tells_rows_apart() {
        let difference = compare("0101,2024,1,A 0751,2023,2,A", "0101,2024,1,A 0751,2024,2,A");
        assert_eq!(difference.lines(), ["- area=0751 year=2023", "+ area=0751 year=2024"]);
    }

    #[test]
    fn equal_rows_differ_in_nothing_also_where_a_key_stands_twice() {
        assert!(compare("0101,2024,1,A 0101,2024,2,A", "0101,2024,2,A 0101,2024,1,A").is_empty());
        let difference = compare("0101,2024,1,A", "0101,2024,1,A 0101,2024,1,A");
        assert_eq!(difference.lines(), ["+ area=0101 year=2024"]);
    }

    #[test]
    fn a_long_difference_is_capped_with_the_number_of_the_rest() {
        let many: Vec<String> = (1000..1025).map(|year| format!("0101,{year},1,A")).collect();
        let lines = compare("", &many.join(" ")).lines();
        assert_eq!((lines.len(), lines[20].as_str()), (21, "... and 5 more"));
    }
}
