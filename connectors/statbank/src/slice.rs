use klimalade_connect::{Fault, Result};
use serde::{Deserialize, Serialize};

/// What one page asks for: for each variable of the part, in order, where in its codes it begins and how many it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Slice(pub(crate) Vec<(usize, usize)>);

impl Slice {
    /// All codes of every variable.
    pub(crate) fn whole(lengths: impl Iterator<Item = usize>) -> Self {
        Self(lengths.map(|length| (0, length)).collect())
    }
    /// Rows that CSV gives: exactly the product (105x20, 293x17x2, 23x4 and 3x7x3 checked on real tables, 2026-11-23).
    pub(crate) fn rows(&self) -> u64 {
        self.0
            .iter()
            .fold(1_u64, |rows, (_, length)| rows.saturating_mul(*length as u64))
    }
    /// Cells as StatBank's limit counts them: rows x (variables + INDHOLD). Fits three recorded refusals.
    pub(crate) fn cells(&self) -> u64 {
        self.rows().saturating_mul(self.0.len() as u64 + 1)
    }
    /// Slices of at most `max_cells` that together are this one, by periods first, then by the variable with most
    /// values. Errors: Settings, where not even one row fits.
    pub(crate) fn split(self, time: usize, max_cells: u64) -> Result<Vec<Self>> {
        if self.cells() <= max_cells {
            return Ok(vec![self]);
        }
        let Some(by) = self.splittable(time) else {
            return Err(Fault::settings("max_cells does not hold one row")
                .expected(format!("at least {}", self.cells()))
                .found(max_cells.to_string())
                .hint("max_cells = 1000000"));
        };
        let (start, length) = self.0[by];
        let cells_each = self.cells() / length as u64;
        let take = usize::try_from(max_cells / cells_each.max(1))
            .unwrap_or(usize::MAX)
            .clamp(1, length);
        let mut slices = Vec::new();
        let mut at = start;
        while at < start + length {
            let mut slice = self.clone();
            slice.0[by] = (at, take.min(start + length - at));
            at += slice.0[by].1;
            slices.extend(slice.split(time, max_cells)?);
        }
        Ok(slices)
    }
    /// Two halves, for a server whose limit is lower than the settings say; `None` for a single row.
    pub(crate) fn halve(&self, time: usize) -> Option<(Self, Self)> {
        let by = self.splittable(time)?;
        let (start, length) = self.0[by];
        let (mut first, mut second) = (self.clone(), self.clone());
        first.0[by] = (start, length / 2);
        second.0[by] = (start + length / 2, length - length / 2);
        Some((first, second))
    }
    fn splittable(&self, time: usize) -> Option<usize> {
        if self.0.get(time).is_some_and(|(_, length)| *length > 1) {
            return Some(time);
        }
        let largest = (0..self.0.len()).max_by_key(|at| (self.0[*at].1, usize::MAX - at))?;
        (self.0[largest].1 > 1).then_some(largest)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeSet;

    use super::*;

    fn cells_of(slice: &Slice) -> BTreeSet<Vec<usize>> {
        let mut all = vec![Vec::new()];
        for (start, length) in &slice.0 {
            all = all
                .into_iter()
                .flat_map(|row: Vec<usize>| (*start..start + length).map(move |at| [row.clone(), vec![at]].concat()))
                .collect();
        }
        all.into_iter().collect()
    }

    #[test]
    fn recorded_refusals_fit_the_formula() {
        for (lengths, cells) in [
            (vec![105, 3, 127, 5, 4], 4_800_600),
            (vec![105, 3, 127, 5, 71], 85_210_650),
            (vec![105, 3, 127, 71], 14_201_775),
        ] {
            assert_eq!(Slice::whole(lengths.into_iter()).cells(), cells);
        }
    }

    #[test]
    fn slices_are_disjoint_and_together_the_whole() {
        let whole = Slice::whole([7, 5, 3, 4].into_iter());
        for max_cells in [5, 6, 17, 60, 99, 300, 2_099, 2_100, 10_000] {
            let slices = whole.clone().split(3, max_cells).unwrap();
            assert!(slices.iter().all(|slice| slice.cells() <= max_cells));
            assert_eq!(slices.iter().map(Slice::rows).sum::<u64>(), whole.rows());
            let union: BTreeSet<_> = slices.iter().flat_map(cells_of).collect();
            assert_eq!(union, cells_of(&whole), "at {max_cells}");
        }
    }

    #[test]
    fn periods_are_split_before_the_largest_variable() {
        let slices = Slice::whole([117, 2].into_iter()).split(1, 351).unwrap();
        assert_eq!(slices, [Slice(vec![(0, 117), (0, 1)]), Slice(vec![(0, 117), (1, 1)])]);
        let slices = Slice::whole([117, 1].into_iter()).split(1, 300).unwrap();
        assert_eq!(slices, [Slice(vec![(0, 100), (0, 1)]), Slice(vec![(100, 17), (0, 1)])]);
    }

    #[test]
    fn halves_are_the_whole_and_a_single_row_has_none() {
        let (first, second) = Slice(vec![(3, 5), (0, 1)]).halve(1).unwrap();
        assert_eq!(
            (first, second),
            (Slice(vec![(3, 2), (0, 1)]), Slice(vec![(5, 3), (0, 1)]))
        );
        assert_eq!(Slice(vec![(0, 1), (4, 1)]).halve(1), None);
        assert!(Slice(vec![(0, 1), (4, 1)]).split(1, 2).is_err());
    }
}
