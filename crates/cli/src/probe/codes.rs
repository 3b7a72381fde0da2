//! Values of a column beside the code lists of the common schema.

use std::collections::BTreeMap;

use klimalade_model::{BREAKDOWNS, CodeList, Schemas, nearest};
use serde::Serialize;

/// Distinct values of a column at most: one with more is no breakdown.
pub(super) const MOST_VALUES: usize = 60;
/// Letters of a name at least that may be meant by another: every number begins with some code of one digit.
const LEAST_NEAR: usize = 4;

/// How a column's values match a code list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CodeMatch {
    /// The list that knows most of them; none knows any where there is no match.
    pub(super) list: String,
    /// The table's column that takes its codes.
    pub(super) dimension: String,
    /// The list's column that the values stand in: `code`, `name_da` or `name_en`.
    pub(super) by: String,
    /// Value and code.
    pub(super) matched: BTreeMap<String, String>,
    /// Values without a match, with the nearest name and its code.
    pub(super) unknown: Vec<(String, Option<(String, String)>)>,
}

/// The list that knows most of these values; where none knows any, the one that is nearest. `None` where none is near.
pub(super) fn best(schemas: &Schemas, distinct: &[&str]) -> Option<CodeMatch> {
    let lists = BREAKDOWNS
        .iter()
        .filter_map(|(dimension, list)| Some((*dimension, schemas.codes.get(*list)?)));
    // The first of equals: lists stand in the order in which a figure is broken down.
    let matches: Vec<CodeMatch> = lists
        .flat_map(|(dimension, list)| ["code", "name_da", "name_en"].map(|by| matched(dimension, list, by, distinct)))
        .collect();
    matches
        .into_iter()
        .rev()
        .filter(|found| !found.matched.is_empty() || found.unknown.iter().any(|(_, near)| near.is_some()))
        .max_by_key(|found| {
            let near = found.unknown.iter().filter(|(_, near)| near.is_some()).count();
            (found.matched.len(), near)
        })
}

fn matched(dimension: &str, list: &CodeList, by: &str, distinct: &[&str]) -> CodeMatch {
    // Special codes (`_T`, `_Z`) are no values of an agency's.
    let names: BTreeMap<&str, &str> = list
        .codes()
        .filter(|code| !code.starts_with('_'))
        .filter_map(|code| Some((list.get(code, by)?, code)))
        .collect();
    let mut found = CodeMatch {
        list: list.name.clone(),
        dimension: dimension.to_owned(),
        by: by.to_owned(),
        matched: BTreeMap::new(),
        unknown: Vec::new(),
    };
    for value in distinct {
        match names.get(value) {
            Some(code) => {
                found.matched.insert((*value).to_owned(), (*code).to_owned());
            }
            None => {
                let near = nearest(
                    value,
                    names.keys().copied().filter(|name| name.chars().count() >= LEAST_NEAR),
                );
                let near = near.and_then(|name| Some((name.to_owned(), (*names.get(name)?).to_owned())));
                found.unknown.push(((*value).to_owned(), near));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_list_that_knows_most_values_is_named_with_what_is_nearest_for_the_rest() {
        let schemas = Schemas::embedded().unwrap();
        let found = best(&schemas, &["Husholdninger", "Handel, service og offentlig"]).unwrap();
        assert_eq!((found.list.as_str(), found.by.as_str()), ("sectors", "name_da"));
        assert_eq!(found.matched["Husholdninger"], "energy_residential");
        let (value, near) = &found.unknown[0];
        assert_eq!(value, "Handel, service og offentlig");
        assert_eq!(near.as_ref().unwrap().1, "energy_commercial_public");
    }

    #[test]
    fn words_that_no_list_knows_match_nothing() {
        let schemas = Schemas::embedded().unwrap();
        assert_eq!(best(&schemas, &["qqqq", "xxxxx"]), None);
    }
}
