//! The lines of a form, and which of them a method covers.

use klimalade_model::{Fault, Result};

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormCode {
    /// The Global Protocol for Community-scale inventories, version 1.1.
    Gpc,
    /// The Common Reporting Format of the UNFCCC.
    Crf,
}

impl FormCode {
    /// `gpc` or `crf`: also the column of `codes.sectors` that names its lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpc => "gpc",
            Self::Crf => "crf",
        }
    }
}

/// One line that the form has.
#[derive(Clone, Debug)]
pub(crate) struct FormLine {
    pub(crate) place: String,
    pub(crate) scope: String,
    pub(crate) level: String,
    pub(crate) name: String,
}

/// What is known of a line under one method of accounting.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    pub(crate) place: String,
    pub(crate) key: String,
    pub(crate) included_in: String,
    pub(crate) certainty: String,
    pub(crate) note: String,
}

/// A form under one method.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) code: FormCode,
    pub(crate) lines: Vec<FormLine>,
    pub(crate) coverage: Vec<Coverage>,
}

impl Form {
    /// The form, with what is known of this method. Errors: Bug, when its own files are wrong.
    pub(crate) fn new(code: FormCode, method_code: &str) -> Result<Self> {
        let text = match code {
            FormCode::Gpc => include_str!("../forms/gpc.csv"),
            FormCode::Crf => include_str!("../forms/crf.csv"),
        };
        let lines = records(text)?.into_iter().map(|[place, scope, level, name]| FormLine {
            place,
            scope,
            level,
            name,
        });
        let coverage = records(include_str!("../forms/coverage.csv"))?
            .into_iter()
            .filter(|row: &[String; 7]| row[0] == code.name() && row[1] == method_code)
            .map(|[_, _, place, key, included_in, certainty, note]| Coverage {
                place,
                key,
                included_in,
                certainty,
                note,
            });
        Ok(Self {
            code,
            lines: lines.collect(),
            coverage: coverage.collect(),
        })
    }

    /// The line of this place.
    pub(crate) fn line(&self, place: &str) -> Option<&FormLine> {
        self.lines.iter().find(|line| line.place == place)
    }

    /// What is known of a line: said of itself, or of the nearest line above it.
    pub(crate) fn coverage_of(&self, place: &str) -> Option<&Coverage> {
        let own = |place: &str| self.coverage.iter().find(|one| one.place == place);
        own(place).or_else(|| above(place).find_map(own))
    }
}

/// The places above one, the nearest first: `I.1.1` is below `I.1` and `I`.
pub(crate) fn above(place: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(place), |place| parent(place))
}

/// The place above, none for a sector.
pub(crate) fn parent(place: &str) -> Option<&str> {
    place.rsplit_once('.').map(|(above, _)| above)
}

/// True for a place and whatever is below it.
pub(crate) fn is_within(place: &str, whole: &str) -> bool {
    place == whole || place.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'))
}

fn records<const COLUMNS: usize>(text: &str) -> Result<Vec<[String; COLUMNS]>> {
    let wrong = |source: csv::Error| Fault::bug("a form cannot be read").because(source);
    let mut rows = Vec::new();
    for record in csv::Reader::from_reader(text.as_bytes()).into_records() {
        let cells: Vec<String> = record.map_err(wrong)?.iter().map(str::to_owned).collect();
        let row = cells
            .try_into()
            .map_err(|cells: Vec<String>| Fault::bug("a form has a row of another length").found(cells.join(",")))?;
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_line_stands_below_one_that_is_there_and_once() {
        for code in [FormCode::Gpc, FormCode::Crf] {
            let form = Form::new(code, "ens_account_v4").unwrap();
            let mut seen: Vec<&str> = Vec::new();
            for line in &form.lines {
                assert!(!seen.contains(&line.place.as_str()), "{} twice", line.place);
                if let Some(above) = parent(&line.place) {
                    assert!(seen.contains(&above), "{} stands before {above}", line.place);
                }
                seen.push(&line.place);
            }
        }
    }

    #[test]
    fn what_is_known_of_a_method_names_lines_that_are_there_and_a_key_that_the_form_has() {
        for (code, method) in [
            (FormCode::Gpc, "ens_account_v4"),
            (FormCode::Crf, "ens_account_v4"),
            (FormCode::Crf, "kefm_kf25"),
        ] {
            let form = Form::new(code, method).unwrap();
            assert!(!form.coverage.is_empty(), "{method}");
            for one in &form.coverage {
                assert!(form.line(&one.place).is_some(), "{}", one.place);
                assert!(["IE", "NE", "NO"].contains(&one.key.as_str()), "{}", one.key);
                assert_eq!(one.key == "IE", form.line(&one.included_in).is_some(), "{}", one.place);
                assert!(["sure", "uncertain"].contains(&one.certainty.as_str()));
            }
        }
    }

    #[test]
    fn the_last_digit_of_a_gpc_line_is_its_scope_in_stationary_energy_and_transport_only() {
        let form = Form::new(FormCode::Gpc, "").unwrap();
        for line in form.lines.iter().filter(|line| line.place.matches('.').count() == 2) {
            let digit = line.place.rsplit('.').next().unwrap();
            let is_scope = (is_within(&line.place, "I") || is_within(&line.place, "II")) && digit != "4";
            if is_scope {
                assert_eq!(line.scope, digit, "{}", line.place);
            }
        }
        assert_eq!(form.line("III.1.2").unwrap().scope, "3");
        assert_eq!(form.line("III.1.3").unwrap().scope, "1");
        assert_eq!(form.line("I.4.4").unwrap().level, "TERRITORIAL");
    }
}
