//! From the codes of our lists to the lines of a form.

use crate::form::{Form, FormCode, above, is_within};

/// The lines that codes such as `V.1 V.3` or `1A4bi` name, in the form's order: the finest that the form has. A line
/// below another of them is left out. Empty where a code is no line of the form (`cor`).
pub(crate) fn places(form: &Form, codes: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for code in codes.split_whitespace() {
        let Some(place) = place(form, code) else {
            return Vec::new();
        };
        if !found.contains(&place) {
            found.push(place);
        }
    }
    let all = found.clone();
    found.retain(|place| !all.iter().any(|other| other != place && is_within(place, other)));
    let order = |place: &String| form.lines.iter().position(|line| line.place == *place);
    found.sort_by_key(order);
    found
}

fn place(form: &Form, code: &str) -> Option<String> {
    let dotted = match form.code {
        FormCode::Gpc => code.to_owned(),
        FormCode::Crf => dotted(code)?,
    };
    std::iter::once(dotted.as_str())
        .chain(above(&dotted))
        .find(|place| form.line(place).is_some())
        .map(str::to_owned)
}

/// `1A4bi` as `1.A.4.b.i`, whatever its letters' case. The parts of a code alternate: digit, letter, digits, letter, and
/// what the nation adds (`1A3biiix`).
fn dotted(code: &str) -> Option<String> {
    let mut letters = code.chars().peekable();
    let sector = letters.next().filter(char::is_ascii_digit)?;
    let mut out = sector.to_string();
    let Some(group) = letters.next() else {
        return Some(out);
    };
    if !group.is_ascii_alphabetic() {
        return None;
    }
    out.push('.');
    out.push(group.to_ascii_uppercase());
    let mut number = String::new();
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        number.push(digit);
    }
    if number.is_empty() {
        return letters.peek().is_none().then_some(out);
    }
    out.push('.');
    out.push_str(&number);
    if let Some(letter) = letters.next() {
        out.push('.');
        out.push(letter.to_ascii_lowercase());
    }
    let rest: String = letters.collect();
    if !rest.is_empty() {
        out.push('.');
        out.push_str(&rest.to_ascii_lowercase());
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(code: FormCode, codes: &str) -> String {
        places(&Form::new(code, "").unwrap(), codes).join("+")
    }

    #[test]
    fn national_codes_go_to_the_finest_line_that_the_form_has() {
        for (codes, lines) in [
            ("1A4bi", "1.A.4.b"),
            ("1a3biiix", "1.A.3.b"),
            ("1A1ax", "1.A.1.a"),
            ("1A2gvii", "1.A.2"),
            ("2A0", "2.A"),
            ("5D1a 5D1b 5D2d", "5.D"),
            ("5B1 5B2", "5.B"),
            ("1A1 1A2 1A4 1A5 1B", "1.A.1+1.A.2+1.A.4+1.A.5+1.B"),
            ("3 4", "3+4"),
            ("2", "2"),
        ] {
            assert_eq!(of(FormCode::Crf, codes), lines, "{codes}");
        }
        assert_eq!(of(FormCode::Gpc, "V.3 V.1"), "V.1+V.3");
        assert_eq!(of(FormCode::Gpc, "I"), "I");
    }

    #[test]
    fn corrections_and_capture_are_no_lines_of_crf() {
        for codes in ["cor", "ccs", "cor cor_5B2 cor_5D1a", ""] {
            assert_eq!(of(FormCode::Crf, codes), "", "{codes}");
        }
    }

    #[test]
    fn every_sector_of_the_common_schema_has_a_place_or_is_known_to_have_none() {
        let schemas = klimalade_model::Schemas::embedded().unwrap();
        let sectors = schemas.code_list("sectors").unwrap();
        for (code, without) in [
            (FormCode::Gpc, &["military", "carbon_capture", "correction"][..]),
            (
                FormCode::Crf,
                &["energy_commercial", "energy_public", "carbon_capture", "correction"][..],
            ),
        ] {
            let form = Form::new(code, "").unwrap();
            for sector in sectors.codes().filter(|code| !code.starts_with('_')) {
                let places = places(&form, sectors.get(sector, code.name()).unwrap_or_default());
                assert_eq!(places.is_empty(), without.contains(&sector), "{sector}: {places:?}");
            }
        }
    }
}
