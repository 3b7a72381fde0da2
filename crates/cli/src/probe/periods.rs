//! Which column says of when a figure is, and how map.sql reads it.

use klimalade_model::SourceType;
use serde::Serialize;

/// How a column writes its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// `2024`
    Year,
    /// `2024K1`, `2024Q1`
    Quarter,
    /// `2024M05`, `2024-05`
    Month,
    /// A date, as the column's type.
    Date,
    /// An instant, as the column's type.
    Instant,
    /// `31-12-2024`, `31.12.2024`, `31/12/2024`, day first.
    DanishDate(char),
}

/// A column of times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Period {
    /// How they are written.
    pub(super) form: Form,
    /// Code of the list `frequencies`: how far the times of the sample lie apart.
    pub(super) frequency: &'static str,
}

impl Period {
    /// Of the distinct cells of a column. `None` where they are no times.
    pub(super) fn of(kind: SourceType, distinct: &[&str]) -> Option<Self> {
        if distinct.is_empty() {
            return None;
        }
        let all = |fits: &dyn Fn(&str) -> bool| distinct.iter().all(|cell| fits(cell.trim()));
        let form = match kind {
            SourceType::Date => Form::Date,
            SourceType::Timestamp => Form::Instant,
            _ if all(&is_year) => Form::Year,
            _ if all(&|cell| split_period(cell, &['K', 'Q'], 1, 4)) => Form::Quarter,
            _ if all(&|cell| split_period(cell, &['M', '-'], 2, 12)) => Form::Month,
            _ => Form::DanishDate(
                ['-', '.', '/']
                    .into_iter()
                    .find(|mark| all(&|cell| is_danish_date(cell, *mark)))?,
            ),
        };
        let frequency = match form {
            Form::Year => "A",
            Form::Quarter => "Q",
            Form::Month => "M",
            Form::Instant if times_of_day(distinct) > 2 => "H",
            Form::Date | Form::Instant => of_days(distinct.iter().map(|cell| cell.replace('-', "")).map(|day| {
                let piece = |range: std::ops::Range<usize>| day.get(range).unwrap_or_default().to_owned();
                (piece(0..4), piece(4..8))
            })),
            Form::DanishDate(mark) => of_days(distinct.iter().map(|cell| {
                let mut pieces = cell.trim().split(mark);
                let (day, month) = (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default());
                (
                    pieces.next().unwrap_or_default().to_owned(),
                    format!("{month:0>2}{day:0>2}"),
                )
            })),
        };
        Some(Self { form, frequency })
    }

    /// The table's columns that say when, from the column `name` of `r`.
    pub(super) fn columns(&self, name: &str) -> Vec<(String, &'static str)> {
        match self.frequency {
            "H" => vec![
                (format!("r.{name}"), "hour_start_at"),
                (format!("civil_date(r.{name})"), "civil_date"),
            ],
            _ => vec![(self.sql(name), "period_start")],
        }
    }

    /// The table for figures so far apart.
    pub(super) fn table(&self) -> &'static str {
        match self.frequency {
            "A" => "observation",
            "H" => "observation_hourly",
            _ => "observation_within_year",
        }
    }

    /// `period_start` of the column `name` of `r`.
    fn sql(&self, name: &str) -> String {
        match self.form {
            Form::Year => format!("make_date(CAST(r.{name} AS INT), 1, 1)"),
            Form::Quarter => format!(
                "make_date(CAST(substr(r.{name}, 1, 4) AS INT), 3 * CAST(substr(r.{name}, 6, 1) AS INT) - 2, 1)"
            ),
            Form::Month => {
                format!("make_date(CAST(substr(r.{name}, 1, 4) AS INT), CAST(substr(r.{name}, 6, 2) AS INT), 1)")
            }
            Form::Date => format!("r.{name}"),
            Form::Instant => format!("civil_date(r.{name})"),
            Form::DanishDate(mark) => format!("to_date(r.{name}, '%d{mark}%m{mark}%Y')"),
        }
    }

    /// In words, with an example of what was seen.
    pub(super) fn words(&self) -> &'static str {
        match self.form {
            Form::Year => "years",
            Form::Quarter => "quarters",
            Form::Month => "months",
            Form::Date => "dates",
            Form::Instant => "instants; without an offset they are read as UTC",
            Form::DanishDate(_) => "dates, day first",
        }
    }
}

/// Different times of day among instants.
fn times_of_day(distinct: &[&str]) -> usize {
    let times = distinct.iter().filter_map(|cell| cell.trim().get(11..16));
    times.collect::<std::collections::BTreeSet<_>>().len()
}

fn is_year(cell: &str) -> bool {
    cell.len() == 4 && matches!(cell.parse::<u16>(), Ok(1900..=2100))
}

/// Four digits of a year, one of `marks`, and a number of so many digits from 1 to `most`.
fn split_period(cell: &str, marks: &[char], digits: usize, most: u8) -> bool {
    let (Some(year), Some(rest)) = (cell.get(..4), cell.get(4..)) else {
        return false;
    };
    let number = rest.strip_prefix(marks).filter(|number| number.len() == digits);
    is_year(year)
        && number
            .and_then(|number| number.parse::<u8>().ok())
            .is_some_and(|found| (1..=most).contains(&found))
}

fn is_danish_date(cell: &str, mark: char) -> bool {
    let pieces: Vec<&str> = cell.split(mark).collect();
    let [day, month, year] = pieces.as_slice() else {
        return false;
    };
    let within =
        |text: &str, most: u8| text.len() <= 2 && text.parse::<u8>().is_ok_and(|found| (1..=most).contains(&found));
    within(day, 31) && within(month, 12) && is_year(year)
}

/// Of years and their days `MMDD`: a figure a year on 1 January, on firsts of months, or on any day.
fn of_days(days: impl Iterator<Item = (String, String)>) -> &'static str {
    let (mut yearly, mut monthly) = (true, true);
    for (_, day) in days {
        yearly &= day == "0101";
        monthly &= day.ends_with("01");
    }
    match (yearly, monthly) {
        (true, _) => "A",
        (_, true) => "M",
        _ => "D",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_times_is_told_from_what_stands_there() {
        for (kind, cells, expected) in [
            (SourceType::Int, &["2022", "2023"][..], Some((Form::Year, "A"))),
            (SourceType::Text, &["2024K1", "2024K4"], Some((Form::Quarter, "Q"))),
            (SourceType::Text, &["2024M05", "2024M12"], Some((Form::Month, "M"))),
            (SourceType::Text, &["2024-05"], Some((Form::Month, "M"))),
            (SourceType::Date, &["2023-01-01", "2024-01-01"], Some((Form::Date, "A"))),
            (SourceType::Date, &["2023-01-01", "2023-02-01"], Some((Form::Date, "M"))),
            (SourceType::Date, &["2023-01-01", "2023-02-14"], Some((Form::Date, "D"))),
            (
                SourceType::Timestamp,
                &["2023-01-01T00:00:00.001+01:00", "2024-01-01T00:00:00.001+01:00"],
                Some((Form::Instant, "A")),
            ),
            (
                SourceType::Timestamp,
                &["2023-01-01T00:00:00", "2023-01-01T01:00:00", "2023-01-01T02:00:00"],
                Some((Form::Instant, "H")),
            ),
            (
                SourceType::Text,
                &["31-12-2023", "1-1-2024"],
                Some((Form::DanishDate('-'), "D")),
            ),
            (SourceType::Text, &["01.01.2024"], Some((Form::DanishDate('.'), "A"))),
            (SourceType::Text, &["12/31/2023"], None),
            (SourceType::Int, &["101", "2023"], None),
            (SourceType::Text, &["Århus"], None),
            (SourceType::Text, &[], None),
        ] {
            let found = Period::of(kind, cells).map(|period| (period.form, period.frequency));
            assert_eq!(found, expected, "{cells:?}");
        }
    }
}
