use klimalade_connect::{Result, fits_wildcard};

use crate::{
    Error,
    tableinfo::{Value, Variable},
};

/// The values that a selection means, in the table's own order and each once. The expansion is done here, from
/// tableinfo, so that the number of rows is known before they are asked for; one value that StatBank does not know
/// would fail the whole request (2026-11-23).
pub(crate) fn expand<'a>(variable: &'a Variable, patterns: &[String]) -> Result<Vec<&'a Value>> {
    let mut chosen = vec![false; variable.values.len()];
    for pattern in patterns {
        let mut any = false;
        for (at, value) in variable.values.iter().enumerate() {
            if fits(variable, at, value, pattern) {
                chosen[at] = true;
                any = true;
            }
        }
        if !any {
            return Err(Error::UnknownCode {
                variable: variable.id.clone(),
                pattern: pattern.clone(),
                nearest: nearest(variable, pattern),
            }
            .into());
        }
    }
    Ok(variable
        .values
        .iter()
        .zip(chosen)
        .filter(|(_, chosen)| *chosen)
        .map(|(value, _)| value)
        .collect())
}

fn fits(variable: &Variable, at: usize, value: &Value, pattern: &str) -> bool {
    let Some((from, to)) = range(pattern) else {
        return wildcard(pattern, &value.id);
    };
    // Periods of one table have one shape and sort as text. Other codes (IALT, 0, 1, 2, ... 10) do not, so there a
    // range goes by the table's order and both its ends must be codes of the variable.
    if variable.time {
        let code = value.id.to_uppercase();
        return from.is_none_or(|from| code >= from.to_uppercase())
            && to.is_none_or(|to| code.as_str() <= to.to_uppercase().as_str() || code.starts_with(&to.to_uppercase()));
    }
    let place = |code: &str| variable.values.iter().position(|value| value.id == code);
    let after = from.is_none_or(|from| place(from).is_some_and(|from| at >= from));
    after && to.is_none_or(|to| place(to).is_some_and(|to| at <= to))
}

/// `>=a<=b`, `>=a`, `<=b`.
fn range(pattern: &str) -> Option<(Option<&str>, Option<&str>)> {
    if let Some(rest) = pattern.strip_prefix(">=") {
        return Some(match rest.split_once("<=") {
            Some((from, to)) => (Some(from), Some(to)),
            None => (Some(rest), None),
        });
    }
    pattern.strip_prefix("<=").map(|to| (None, Some(to)))
}

/// StatBank's ids are case-insensitive.
fn wildcard(pattern: &str, code: &str) -> bool {
    fits_wildcard(&pattern.to_uppercase(), &code.to_uppercase())
}

/// The three codes nearest to `pattern` with their texts; a text that was written for its code counts as near.
fn nearest(variable: &Variable, pattern: &str) -> String {
    let plain: String = pattern
        .chars()
        .filter(|letter| !"*<>=".contains(*letter))
        .collect::<String>()
        .to_uppercase();
    let mut ranked: Vec<(usize, &Value)> = variable
        .values
        .iter()
        .map(|value| {
            (
                distance(&plain, &value.id.to_uppercase()).min(distance(&plain, &value.text.to_uppercase())),
                value,
            )
        })
        .collect();
    ranked.sort_by_key(|(distance, _)| *distance);
    ranked
        .iter()
        .take(3)
        .map(|(_, value)| format!("{} ({})", value.id, value.text))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Insertions, deletions and replacements between two texts.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (at, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn variable(time: bool, codes: &[&str]) -> Variable {
        let values = codes
            .iter()
            .map(|code| Value {
                id: (*code).to_owned(),
                text: format!("tekst {code}"),
            })
            .collect();
        Variable {
            id: "TEST".to_owned(),
            elimination: true,
            time,
            map: None,
            values,
        }
    }
    fn codes(variable: &Variable, patterns: &[&str]) -> Result<Vec<String>> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Ok(expand(variable, &patterns)?
            .into_iter()
            .map(|value| value.id.clone())
            .collect())
    }

    #[test]
    fn a_wildcard_stands_anywhere() {
        let tid = variable(true, &["2023K1", "2023K2", "2024K1", "2024K2"]);
        assert_eq!(codes(&tid, &["*K1"]).unwrap(), ["2023K1", "2024K1"]);
        assert_eq!(codes(&tid, &["2024*"]).unwrap(), ["2024K1", "2024K2"]);
        assert_eq!(codes(&tid, &["202*k2"]).unwrap(), ["2023K2", "2024K2"]);
        assert_eq!(codes(&tid, &["*"]).unwrap().len(), 4);
        assert!(!wildcard("1*1", "1"), "the two ends may not share a letter");
    }

    #[test]
    fn values_come_once_and_in_the_tables_order() {
        let alder = variable(false, &["IALT", "0", "1", "2", "10"]);
        assert_eq!(codes(&alder, &["10", "IALT", "1*"]).unwrap(), ["IALT", "1", "10"]);
    }

    #[test]
    fn a_range_of_periods_goes_by_text_and_one_of_codes_by_order() {
        let tid = variable(true, &["2018M01", "2018M06", "2018M07", "2019M01"]);
        assert_eq!(codes(&tid, &[">=2018M01<=2018M06"]).unwrap(), ["2018M01", "2018M06"]);
        assert_eq!(codes(&tid, &[">=2018M07"]).unwrap(), ["2018M07", "2019M01"]);
        assert_eq!(codes(&tid, &["<=2018"]).unwrap(), ["2018M01", "2018M06", "2018M07"]);
        let alder = variable(false, &["IALT", "0", "1", "2", "10"]);
        assert_eq!(codes(&alder, &[">=1<=10"]).unwrap(), ["1", "2", "10"]);
    }

    #[test]
    fn an_unknown_code_names_the_nearest() {
        let mut area = variable(false, &["000", "101", "751"]);
        area.values[2].text = "Aarhus".to_owned();
        let fault = codes(&area, &["Århus"]).unwrap_err();
        assert_eq!(fault.kind(), klimalade_connect::Kind::Settings);
        assert!(fault.expected_text().unwrap().starts_with("751 (Aarhus)"), "{fault}");
        assert!(codes(&area, &[">=100<=751"]).is_err(), "100 is no code of the variable");
    }
}
