/// Units whose power is no footnote.
const UNITS: [&str; 7] = ["m", "km", "hm", "dm", "cm", "mm", "Nm"];

/// `text` without the marks of footnotes at its end: `Aarhus 1)`, `Aarhus 1) 2)`, `Aarhus¹`, `Aarhus *)`. What would
/// leave nothing stays, so does the power of a unit (`km²`) and a bracket that was opened before (`andel (2)`).
pub(super) fn without_marks(text: &str) -> &str {
    let mut left = text.trim_end();
    loop {
        let shorter = without_bracketed(left).or_else(|| without_raised(left));
        match shorter.map(str::trim_end) {
            Some(shorter) if !shorter.is_empty() => left = shorter,
            _ => return left,
        }
    }
}

/// Up to two digits or stars and a closing bracket that nothing opened.
fn without_bracketed(text: &str) -> Option<&str> {
    let inner = text.strip_suffix(')')?;
    let before = inner.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '*');
    let length = inner.len() - before.len();
    let opened = before.matches('(').count() > before.matches(')').count();
    let is_mark = (1..=2).contains(&length) && !opened;
    // `2023-24)` ends a number, not a name.
    let ends_number = before.ends_with(|letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '.' | ','));
    (is_mark && !ends_number).then_some(before)
}

fn without_raised(text: &str) -> Option<&str> {
    let is_raised = |letter: char| matches!(letter, '¹' | '²' | '³' | '⁰' | '⁴'..='⁹');
    let before = text.trim_end_matches(is_raised);
    if before.len() == text.len() {
        return None;
    }
    let word = before
        .rsplit(|letter: char| !letter.is_alphabetic())
        .next()
        .unwrap_or_default();
    (!UNITS.contains(&word)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_footnotes_are_taken_off() {
        for (written, read) in [
            ("Aarhus 1)", "Aarhus"),
            ("Aarhus1)", "Aarhus"),
            ("Aarhus¹", "Aarhus"),
            ("Ærø ¹ ²", "Ærø"),
            ("Aarhus 1) 2)", "Aarhus"),
            ("Landbrug *)", "Landbrug"),
            ("Udledning (ton) 3)", "Udledning (ton)"),
            ("1234,5 1)", "1234,5"),
        ] {
            assert_eq!(without_marks(written), read);
        }
    }

    #[test]
    fn what_is_no_footnote_stays() {
        for text in [
            "Areal i km²",
            "m³",
            "Type (2)",
            "1)",
            "¹",
            "Belastning (PE)",
            "CO2",
            "Scope 2",
            "(2023-24)",
            "Ringkøbing",
        ] {
            assert_eq!(without_marks(text), text);
        }
    }
}
