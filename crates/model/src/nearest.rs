/// The candidate that a wrong name most likely means, or none where nothing is near. Case does not count, and Danish
/// letters are read as they are written without them: `Århus` and `aarhus` are one word.
///
/// ```
/// use klimalade_model::nearest;
/// assert_eq!(nearest("licence", ["licence_code", "source_id"]), Some("licence_code"));
/// assert_eq!(nearest("ÅRHUS", ["Odense", "Aarhus"]), Some("Aarhus"));
/// assert_eq!(nearest("postnummer", ["licence_code", "source_id"]), None);
/// ```
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = folded(wrong);
    candidates
        .into_iter()
        .map(|candidate| (likeness(&wrong, &folded(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Below it two words have little more in common than chance.
const NEAR: f64 = 0.6;

/// From 0 to 1. A word that begins with the other whole is near, however much longer it is.
fn likeness(wrong: &str, candidate: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(wrong, candidate);
    if wrong.chars().count() >= 4 && (candidate.starts_with(wrong) || wrong.starts_with(candidate)) {
        return edits.max(NEAR + 0.1);
    }
    edits
}

fn folded(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for letter in word.trim().to_lowercase().chars() {
        match letter {
            'æ' => out.push_str("ae"),
            'ø' => out.push_str("oe"),
            'å' => out.push_str("aa"),
            _ => out.push(letter),
        }
    }
    out
}
