//! What tells two rows of the sample apart.

use std::collections::HashSet;

/// Most columns of a proposed key.
const MOST_COLUMNS: usize = 3;
/// Columns that are tried; a table with more has its key among the first.
const MOST_TRIED: usize = 16;

/// The smallest set of at most three columns whose cells, taken together, never repeat. Each column is its cells, one a
/// row; those that come first are preferred. `None` where there is no such set, or fewer than two rows to tell apart.
pub(super) fn smallest_key(columns: &[&[Option<String>]]) -> Option<Vec<usize>> {
    let rows = columns.first().map_or(0, |cells| cells.len());
    if rows < 2 {
        return None;
    }
    let tried: Vec<usize> = (0..columns.len().min(MOST_TRIED))
        .filter(|at| columns[*at].iter().all(Option::is_some))
        .collect();
    (1..=MOST_COLUMNS).find_map(|size| {
        sets(&tried, size)
            .into_iter()
            .find(|set| is_distinct(columns, set, rows))
    })
}

/// Every choice of `size` of `among`, in order.
fn sets(among: &[usize], size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for (at, first) in among.iter().enumerate() {
        for rest in sets(&among[at + 1..], size - 1) {
            let mut set = vec![*first];
            set.extend(rest);
            found.push(set);
        }
    }
    found
}

fn is_distinct(columns: &[&[Option<String>]], set: &[usize], rows: usize) -> bool {
    let mut seen = HashSet::new();
    (0..rows).all(|row| {
        let key: Vec<&str> = set.iter().filter_map(|at| columns[*at][row].as_deref()).collect();
        seen.insert(key)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(cells: &[&str]) -> Vec<Option<String>> {
        cells
            .iter()
            .map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned()))
            .collect()
    }

    fn key(columns: &[Vec<Option<String>>]) -> Option<Vec<usize>> {
        let columns: Vec<&[Option<String>]> = columns.iter().map(Vec::as_slice).collect();
        smallest_key(&columns)
    }

    #[test]
    fn the_smallest_set_that_never_repeats_is_the_key() {
        let town = column(&["Århus", "Århus", "Læsø", "Læsø"]);
        let year = column(&["2022", "2023", "2022", "2023"]);
        let id = column(&["1", "2", "3", "4"]);
        assert_eq!(key(&[town.clone(), year.clone()]), Some(vec![0, 1]));
        assert_eq!(key(&[town.clone(), year, id.clone()]), Some(vec![2]));
        assert_eq!(key(std::slice::from_ref(&town)), None);
        let holed = column(&["1", "2", "3", ""]);
        assert_eq!(key(&[town, holed]), None, "a column with holes is no key");
        assert_eq!(key(&[column(&["1"])]), None, "one row tells nothing apart");
    }
}
