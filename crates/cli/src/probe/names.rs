//! Names for columns that an agency named its own way.

use std::collections::BTreeSet;

/// Words that SQL keeps for itself, and those that a draft of map.sql gives to its own columns.
const TAKEN: [&str; 18] = [
    "all", "as", "by", "case", "end", "fate", "from", "group", "in", "is", "join", "not", "null", "on", "order",
    "select", "then", "where",
];

/// A name in small ASCII letters: `OMRÅDE` is `omraade`, `properties.municipalityId` is `municipality_id`.
pub(super) fn column_name(source: &str) -> String {
    let source = ["properties.", "matrix."]
        .iter()
        .find_map(|prefix| source.strip_prefix(prefix))
        .unwrap_or(source);
    let mut name = ascii(source);
    if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        name = format!("c_{name}");
    }
    if TAKEN.contains(&name.as_str()) {
        name.push_str("_raw");
    }
    name.trim_end_matches('_').to_owned()
}

/// Small ASCII letters, digits and single underscores; Danish letters are spelled out.
pub(crate) fn ascii(text: &str) -> String {
    let mut name = String::new();
    let mut before_small = false;
    for letter in text.chars() {
        // `municipalityNo` is two words, `OMRÅDE` is one.
        if letter.is_uppercase() && before_small {
            name.push('_');
        }
        before_small = letter.is_lowercase() || letter.is_ascii_digit();
        match letter.to_lowercase().next().unwrap_or(letter) {
            small @ ('a'..='z' | '0'..='9') => name.push(small),
            'æ' | 'ä' => name.push_str("ae"),
            'ø' | 'ö' => name.push_str("oe"),
            'å' => name.push_str("aa"),
            'é' | 'è' | 'ê' => name.push('e'),
            'ü' => name.push('u'),
            '²' => name.push('2'),
            '³' => name.push('3'),
            '%' => name.push_str("_percent"),
            _ if !name.ends_with('_') && !name.is_empty() => name.push('_'),
            _ => {}
        }
    }
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    name.trim_matches('_').to_owned()
}

/// The names of all columns, each once: the second `antal` is `antal_2`.
pub(super) fn column_names<'a>(sources: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for source in sources {
        let plain = column_name(source);
        let mut name = plain.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_ascii_words() {
        for (source, name) in [
            ("OMRÅDE", "omraade"),
            ("Kommunenavn", "kommunenavn"),
            ("Længde (km)", "laengde_km"),
            ("properties.municipalityId", "municipality_id"),
            ("properties.areal.km2", "areal_km2"),
            ("matrix.year", "year"),
            ("MunicipalityNo", "municipality_no"),
            ("2023", "c_2023"),
            ("Andel %", "andel_percent"),
            ("from", "from_raw"),
            ("Østjylland_ÆØÅ", "oestjylland_aeoeaa"),
            ("---", "c"),
        ] {
            assert_eq!(column_name(source), name, "{source}");
        }
    }

    #[test]
    fn no_name_comes_twice() {
        assert_eq!(
            column_names(["Antal", "antal", "ANTAL"]),
            ["antal", "antal_2", "antal_3"]
        );
    }
}
