//! Which indicators a dataset may be about, by the words that its names have in common with theirs.

use klimalade_model::Schemas;
use serde::Serialize;

use super::names::ascii;

/// Letters that two words must begin with alike: `cykelstier` and `cykelstiers` are one.
const STEM: usize = 9;
/// Letters of a word at least that is looked for within another.
const LEAST_PART: usize = 5;
/// Candidates that are named.
const MOST: usize = 4;

/// An indicator that the words speak for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) unit_code: String,
    /// The pipeline that publishes it already.
    pub(super) owner: Option<String>,
    /// Words in common.
    #[serde(skip)]
    score: usize,
}

/// The likeliest indicators for these words (names of pipeline, columns, collection). `owner` says who publishes one.
pub(super) fn candidates(
    schemas: &Schemas,
    words: &[String],
    owner: impl Fn(&str) -> Option<String>,
) -> Vec<Candidate> {
    let Some(list) = schemas.codes.get("indicators") else {
        return Vec::new();
    };
    let wanted = stems(&words.join(" "));
    // `laengde_km`, `Længde (km)`: what is measured so is likelier than what is counted.
    let is_measured = |unit: &str| words.iter().any(|word| ascii(word).ends_with(&format!("_{unit}")));
    let mut found: Vec<Candidate> = list
        .codes()
        .filter_map(|code| {
            let cell = |column: &str| list.get(code, column).unwrap_or_default().to_owned();
            let own = stems(&format!("{code} {} {}", cell("name_da"), cell("name_en")));
            let alike: usize = wanted.iter().map(|word| likeness(word, &own)).sum();
            let measured = if is_measured(&cell("unit_code")) { 2 } else { 1 };
            let score = alike * measured * 100 / (own.len() + 2);
            (score > 0).then(|| Candidate {
                code: code.to_owned(),
                name: cell("name_da"),
                unit_code: cell("unit_code"),
                owner: owner(code),
                score,
            })
        })
        .collect();
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.score));
    found.truncate(MOST);
    found
}

/// 2 where the word is among `own`, 1 where it is a part of one of them (`areal` of `landareal`).
fn likeness(word: &str, own: &[String]) -> usize {
    if own.iter().any(|own| own == word) {
        return 2;
    }
    usize::from(word.len() >= LEAST_PART && own.iter().any(|own| own.contains(word)))
}

/// The beginnings of the words of four letters and more, each once.
fn stems(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in ascii(text)
        .split('_')
        .filter(|word| word.len() >= 4 && !COMMON.contains(word))
    {
        let stem: String = word.chars().take(STEM).collect();
        if !found.contains(&stem) {
            found.push(stem);
        }
    }
    found
}

/// Words of many names, which say nothing.
const COMMON: [&str; 19] = [
    "kommune",
    "kommuner",
    "kommunes",
    "kommunens",
    "kommunernes",
    "kommunale",
    "municipal",
    "municipality",
    "antal",
    "year",
    "code",
    "name",
    "efter",
    "value",
    "type",
    "feature",
    "geometry",
    "properties",
    "data",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn words_in_common_name_the_indicator() {
        let schemas = Schemas::embedded().unwrap();
        let words = [
            "vejdir_cykelstier".to_owned(),
            "Længde (km)".to_owned(),
            "Kommune".to_owned(),
        ];
        let found = candidates(&schemas, &words, |code| {
            (code == "cycle_path_length").then(|| "x".to_owned())
        });
        assert_eq!(found[0].code, "cycle_path_length");
        assert_eq!(
            (found[0].unit_code.as_str(), found[0].owner.as_deref()),
            ("km", Some("x"))
        );
        assert_eq!(candidates(&schemas, &["qqqqqq".to_owned()], |_| None), []);
        let layer = ["opendata_stier", "type", "properties.laengde_km"].map(str::to_owned);
        let found = candidates(&schemas, &layer, |_| None);
        assert!(found[0].code.starts_with("cycle_path_length"), "{found:?}");
    }
}
