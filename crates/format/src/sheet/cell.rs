use calamine::{Data, ExcelDateTime};

/// One cell that is not empty, as text that a column can read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// What somebody typed, without white space around it.
    Text(String),
    /// A number with a decimal point, or `true`, `false`.
    Value(String),
    /// `YYYY-MM-DDTHH:MM:SS.mmm`, at midnight without the milliseconds.
    Instant(String),
}

const MIDNIGHT: &str = "T00:00:00";

impl Cell {
    /// `None` for an empty cell, and for one of white space.
    pub(super) fn of(data: &Data) -> Option<Self> {
        match data {
            Data::Empty => None,
            Data::Int(number) => Some(Self::Value(number.to_string())),
            // The shortest digits that mean the same number: 0.57999999999999996 of the file is 0.58, 2024.0 is 2024.
            Data::Float(number) => Some(Self::Value(number.to_string())),
            Data::Bool(value) => Some(Self::Value(value.to_string())),
            Data::DateTime(time) => Some(dated(time)),
            Data::DateTimeIso(text) if text.len() == 10 => Some(Self::Instant(format!("{text}{MIDNIGHT}"))),
            Data::DateTimeIso(text) => Some(Self::Instant(text.clone())),
            Data::String(text) | Data::DurationIso(text) => typed(text),
            // `#N/A` and the like stand as they are shown: a column of numbers refuses them, a null mark can name them.
            Data::Error(error) => Some(Self::Text(error.to_string())),
        }
    }

    /// As text; a day without its midnight where `short`.
    pub(super) fn text(&self, short: bool) -> &str {
        match self {
            Self::Text(text) | Self::Value(text) => text,
            Self::Instant(text) if short => text.strip_suffix(MIDNIGHT).unwrap_or(text),
            Self::Instant(text) => text,
        }
    }
}

fn typed(text: &str) -> Option<Cell> {
    // XLSX escapes a carriage return as `_x000D_`.
    let text = text.replace("_x000D_", "");
    let text = text.trim();
    (!text.is_empty()).then(|| Cell::Text(text.to_owned()))
}

fn dated(time: &ExcelDateTime) -> Cell {
    if time.is_duration() {
        return Cell::Value(time.as_f64().to_string());
    }
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    if time.as_f64() < 1.0 {
        return Cell::Text(format!("{hour:02}:{minute:02}:{second:02}"));
    }
    let date = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    Cell::Instant(match milli {
        0 => date,
        _ => format!("{date}.{milli:03}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use calamine::ExcelDateTimeType;

    fn at(value: f64, is_1904: bool) -> Option<Cell> {
        Cell::of(&Data::DateTime(ExcelDateTime::new(
            value,
            ExcelDateTimeType::DateTime,
            is_1904,
        )))
    }

    #[test]
    fn a_serial_is_a_day_in_both_calendars() {
        for (value, is_1904) in [(45_292.0, false), (43_830.0, true)] {
            assert_eq!(
                at(value, is_1904),
                Some(Cell::Instant("2024-01-01T00:00:00".to_owned()))
            );
        }
        assert_eq!(
            at(45_292.75, false).as_ref().map(|cell| cell.text(true)),
            Some("2024-01-01T18:00:00")
        );
        assert_eq!(
            at(45_292.0, false).as_ref().map(|cell| cell.text(true)),
            Some("2024-01-01")
        );
        assert_eq!(at(0.5, false), Some(Cell::Text("12:00:00".to_owned())));
    }

    #[test]
    fn a_number_has_the_shortest_digits_that_mean_it() {
        for (number, text) in [(2024.0, "2024"), (0.58, "0.58"), (-0.25, "-0.25")] {
            assert_eq!(Cell::of(&Data::Float(number)), Some(Cell::Value(text.to_owned())));
        }
    }

    #[test]
    fn a_cell_of_white_space_is_empty() {
        for text in ["", "  ", "\u{a0}", "_x000D_\n"] {
            assert_eq!(Cell::of(&Data::String(text.to_owned())), None);
        }
    }
}
