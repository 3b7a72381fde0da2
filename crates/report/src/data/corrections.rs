//! How much the agency restated the emissions of an area: what can be seen of the uncertainty of the account.

use std::collections::BTreeMap;

use super::{Frame, change};

/// By how many tonnes an area's year was restated, by area, year and the run that saw it.
pub(crate) type Corrections = BTreeMap<(String, i16, String), f64>;

/// The restatements of the emissions, all parts of a year added. A part that came or went is none: it may be a new
/// sector or year.
pub(super) fn read(revisions: &Frame) -> Corrections {
    let mut all = Corrections::new();
    for change in change::of_figures(revisions) {
        let key = change.key();
        let cell = |name| key.get(name).copied().unwrap_or_default();
        if cell("indicator_code") != "ghg_emissions" || cell("scenario_code") != "actual" {
            continue;
        }
        if let (Some(old), Some(new), Some(year)) = (change.old, change.new, change::year(&key)) {
            let of = (cell("area_code").to_owned(), year, change.run.to_owned());
            *all.entry(of).or_default() += new - old;
        }
    }
    all
}

/// What the restatements of an area amount to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    /// Mean and largest, as ratios of the year's emissions as they are now.
    pub(crate) mean: f64,
    pub(crate) largest: f64,
}

/// The restatements of all members together; `None` where none was seen.
pub(crate) fn spread(corrections: &Corrections, members: &[&str], now: impl Fn(i16) -> Option<f64>) -> Option<Spread> {
    let mut changes: BTreeMap<(i16, &str), f64> = BTreeMap::new();
    for ((area, year, run), change) in corrections {
        if members.contains(&area.as_str()) {
            *changes.entry((*year, run)).or_default() += change;
        }
    }
    let sizes: Vec<f64> = changes
        .iter()
        .filter_map(|((year, _), change)| {
            let now = now(*year).filter(|now| *now != 0.0)?;
            Some((change / now).abs())
        })
        .collect();
    (!sizes.is_empty()).then(|| Spread {
        count: sizes.len(),
        mean: sizes.iter().sum::<f64>() / sizes.len() as f64,
        largest: sizes.iter().copied().fold(0.0, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restatements_are_added_up_by_year_and_run_and_held_against_the_year() {
        let of = |area: &str, year: i16, run: &str| (area.to_owned(), year, run.to_owned());
        let corrections = Corrections::from([
            (of("0101", 2020, "a"), 10.0),
            (of("0751", 2020, "a"), -30.0),
            (of("0751", 2021, "a"), 5.0),
            (of("0851", 2021, "a"), 900.0),
        ]);
        let now = |year: i16| (year < 2022).then_some(100.0);
        let seen = spread(&corrections, &["0101", "0751"], now).unwrap();
        // In 2020 the two make −20 of 100.
        assert_eq!(seen.count, 2);
        assert!(
            (seen.largest - 0.2).abs() < 1e-9 && (seen.mean - 0.125).abs() < 1e-9,
            "{seen:?}"
        );
        assert_eq!(spread(&corrections, &["0665"], now), None);
    }
}
