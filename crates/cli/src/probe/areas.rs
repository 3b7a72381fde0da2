//! Which column names the municipality, and how its codes match ours.

use std::collections::BTreeMap;

use klimalade_model::{Result, Schemas, nearest};
use serde::Serialize;

/// Levels of a place that a figure may be of beside a municipality.
const TOTALS: [&str; 3] = ["country", "region", "landsdel"];
/// The share of a column's values that must be known areas before it is taken for the area's.
const LEAST_SHARE: f64 = 0.6;

/// How the column's codes are joined with `codes.areas`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Join {
    /// `0751`
    Code,
    /// `751`
    StatbankCode,
    /// `Aarhus`, or an alias.
    Name,
    /// `Aarhus Kommune`, or an alias with that word.
    NameWithWord,
}

const JOINS: [Join; 4] = [Join::Code, Join::StatbankCode, Join::Name, Join::NameWithWord];

/// A value that no area has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unknown {
    /// As it stands there.
    pub(super) value: String,
    /// Name and code of the area that it most likely means.
    pub(super) nearest: Option<(String, String)>,
}

/// How a column's values match the areas.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct AreaMatch {
    /// How they are joined.
    pub(super) join: Join,
    /// Distinct municipalities among them, by code.
    pub(super) municipalities: Vec<String>,
    /// Distinct areas of other levels, by code.
    pub(super) others: Vec<String>,
    /// Values that are an alias, and the area's name.
    pub(super) aliases: Vec<(String, String)>,
    /// What no area has.
    pub(super) unknown: Vec<Unknown>,
    /// Whether sums over municipalities stand among them.
    pub(super) has_totals: bool,
}

/// Names by which areas are found.
pub(super) struct Areas {
    by_join: BTreeMap<u8, BTreeMap<String, String>>,
    aliases: BTreeMap<String, String>,
    levels: BTreeMap<String, String>,
    names: BTreeMap<String, String>,
}

impl Areas {
    pub(super) fn of(schemas: &Schemas) -> Result<Self> {
        let areas = schemas.code_list("areas")?;
        let aliases = schemas.code_list("area_aliases")?;
        let mut found = Self {
            by_join: BTreeMap::new(),
            aliases: BTreeMap::new(),
            levels: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for code in areas.codes() {
            let cell = |column: &str| areas.get(code, column).map(str::to_owned);
            let level = cell("area_level").unwrap_or_default();
            let mut put = |join: Join, key: Option<String>| {
                if let Some(key) = key {
                    found
                        .by_join
                        .entry(join as u8)
                        .or_default()
                        .entry(key)
                        .or_insert_with(|| code.to_owned());
                }
            };
            put(Join::Code, Some(code.to_owned()));
            put(Join::StatbankCode, cell("statbank_code"));
            if is_place(&level) {
                put(Join::Name, cell("name_da"));
                found.names.insert(cell("name_da").unwrap_or_default(), code.to_owned());
            }
            found.levels.insert(code.to_owned(), level);
        }
        for alias in aliases.codes() {
            if let Some(code) = aliases.get(alias, "area_code") {
                found.aliases.insert(alias.to_owned(), code.to_owned());
            }
        }
        Ok(found)
    }

    fn code(&self, join: Join, value: &str) -> Option<&str> {
        let key = match join {
            Join::NameWithWord => without_word(value)?,
            _ => value,
        };
        let of_names = if join == Join::NameWithWord { Join::Name } else { join };
        let known = self.by_join.get(&(of_names as u8)).and_then(|codes| codes.get(key));
        let alias = || match of_names {
            Join::Name => self.aliases.get(key),
            _ => None,
        };
        known.or_else(alias).map(String::as_str)
    }

    /// How these values match by the join that knows most of them. `None` where they are no areas.
    pub(super) fn best(&self, distinct: &[&str]) -> Option<AreaMatch> {
        // The first of equals: a code says more than a name.
        let mut best: Option<AreaMatch> = None;
        for join in JOINS {
            let found = self.matched(join, distinct);
            let score = |found: &AreaMatch| found.municipalities.len() + found.others.len();
            if best.as_ref().is_none_or(|best| score(&found) > score(best)) {
                best = Some(found);
            }
        }
        best.filter(|best| {
            let known = (distinct.len() - best.unknown.len()) as f64;
            !best.municipalities.is_empty() && known >= LEAST_SHARE * distinct.len() as f64
        })
    }

    fn matched(&self, join: Join, distinct: &[&str]) -> AreaMatch {
        let mut found = AreaMatch {
            join,
            municipalities: Vec::new(),
            others: Vec::new(),
            aliases: Vec::new(),
            unknown: Vec::new(),
            has_totals: false,
        };
        for value in distinct {
            let Some(code) = self.code(join, value) else {
                found.unknown.push(Unknown {
                    value: (*value).to_owned(),
                    nearest: self.nearest(value),
                });
                continue;
            };
            let level = self.levels.get(code).map_or("", String::as_str);
            found.has_totals |= TOTALS.contains(&level);
            let list = match level {
                "municipality" => &mut found.municipalities,
                _ => &mut found.others,
            };
            if !list.iter().any(|known| known == code) {
                list.push(code.to_owned());
            }
            let name = self
                .names
                .iter()
                .find(|(_, known)| *known == code)
                .map(|(name, _)| name.as_str());
            if let Some(name) = name
                && matches!(join, Join::Name | Join::NameWithWord)
                && without_word(value).unwrap_or(value) != name
            {
                found.aliases.push(((*value).to_owned(), name.to_owned()));
            }
        }
        found
    }

    fn nearest(&self, value: &str) -> Option<(String, String)> {
        let known = self.names.keys().chain(self.aliases.keys()).map(String::as_str);
        let name = nearest(without_word(value).unwrap_or(value), known)?;
        let code = self.names.get(name).or_else(|| self.aliases.get(name))?;
        Some((name.to_owned(), code.clone()))
    }
}

fn is_place(level: &str) -> bool {
    matches!(level, "municipality" | "outside")
}

/// A name without the word that says that it is a municipality.
fn without_word(value: &str) -> Option<&str> {
    value
        .strip_suffix(" Kommune")
        .or_else(|| value.strip_suffix(" kommune"))
}

impl Join {
    /// What is joined, of the column `name` of `r`.
    fn key(self, name: &str) -> String {
        match self {
            Self::NameWithWord => format!("regexp_replace(r.{name}, ' [Kk]ommune$', '')"),
            _ => format!("r.{name}"),
        }
    }

    /// `area_code`, whose unknown values become rejects that show the agency's own.
    pub(super) fn area_code(self, name: &str) -> String {
        match self {
            Self::Code | Self::StatbankCode => format!("coalesce(a.code, concat('?', r.{name}))"),
            Self::Name | Self::NameWithWord => format!("coalesce(a.code, n.area_code, concat('?', r.{name}))"),
        }
    }

    /// The joins behind FROM.
    pub(super) fn joins(self, name: &str) -> Vec<String> {
        let key = self.key(name);
        match self {
            Self::Code => vec![format!("LEFT JOIN codes.areas a ON a.code = {key}")],
            Self::StatbankCode => vec![format!("LEFT JOIN codes.areas a ON a.statbank_code = {key}")],
            Self::Name | Self::NameWithWord => vec![
                format!(
                    "LEFT JOIN codes.areas a\n    ON a.name_da = {key} AND a.area_level IN ('municipality', 'outside')"
                ),
                format!("LEFT JOIN codes.area_aliases n ON n.code = {key}"),
            ],
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Code => "code (`0751`)",
            Self::StatbankCode => "StatBank's code (`751`)",
            Self::Name => "name or alias (`Aarhus`)",
            Self::NameWithWord => "name or alias with the word Kommune",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn best(values: &[&str]) -> Option<AreaMatch> {
        Areas::of(&Schemas::embedded().unwrap()).unwrap().best(values)
    }

    #[test]
    fn names_match_by_themselves_and_by_alias_and_the_rest_has_a_suggestion() {
        let found = best(&["Aarhus", "Læsø", "Ærø", "Høje Taastrup", "Gentoffte"]).unwrap();
        assert_eq!(found.join, Join::Name);
        assert_eq!(found.municipalities.len(), 4);
        assert_eq!(
            found.aliases,
            [("Høje Taastrup".to_owned(), "Høje-Taastrup".to_owned())]
        );
        assert_eq!(
            found.unknown,
            [Unknown {
                value: "Gentoffte".to_owned(),
                nearest: Some(("Gentofte".to_owned(), "0157".to_owned()))
            }]
        );
    }

    #[test]
    fn codes_match_with_and_without_their_zero() {
        assert_eq!(best(&["0751", "0825"]).unwrap().join, Join::Code);
        let found = best(&["751", "825", "000", "084"]).unwrap();
        assert_eq!((found.join, found.has_totals), (Join::StatbankCode, true));
        assert_eq!(found.others, ["DK", "1084"]);
    }

    #[test]
    fn the_word_kommune_behind_a_name_is_taken_away() {
        let found = best(&["Aarhus Kommune", "Københavns Kommune", "Ærø Kommune"]).unwrap();
        assert_eq!((found.join, found.municipalities.len()), (Join::NameWithWord, 3));
        assert!(found.unknown.is_empty());
    }

    #[test]
    fn numbers_and_other_names_are_no_areas() {
        assert_eq!(best(&["1", "2", "101"]), None);
        assert_eq!(best(&["grus", "asfalt"]), None);
        assert_eq!(best(&[]), None);
    }
}
