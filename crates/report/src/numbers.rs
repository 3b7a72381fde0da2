//! Numbers as they are written: 1.234,5 in Danish, 1,234.5 in English. A minus is a minus sign, not a hyphen.

use crate::text::Lang;

/// A number with so many decimals.
pub(crate) fn fixed(value: f64, decimals: usize, lang: Lang) -> String {
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, part) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let (group, point) = match lang {
        Lang::Da => ('.', ','),
        Lang::En => (',', '.'),
    };
    let is_zero = text.bytes().all(|digit| matches!(digit, b'0' | b'.'));
    let mut written = String::new();
    if value < 0.0 && !is_zero {
        written.push('−');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            written.push(group);
        }
        written.push(digit);
    }
    if !part.is_empty() {
        written.push(point);
        written.push_str(part);
    }
    written
}

/// A number with as many decimals as its size bears.
pub(crate) fn plain(value: f64, lang: Lang) -> String {
    let size = value.abs();
    let decimals = match () {
        () if size >= 100.0 || value.fract() == 0.0 => 0,
        () if size >= 10.0 => 1,
        () if size >= 1.0 => 2,
        () => 3,
    };
    fixed(value, decimals, lang)
}

/// A ratio as percent: 0.123 is 12,3 %.
pub(crate) fn percent(ratio: f64, lang: Lang) -> String {
    format!("{}\u{a0}%", fixed(ratio * 100.0, 1, lang))
}

/// A change with its sign.
pub(crate) fn signed(text: String) -> String {
    let is_zero = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if text.starts_with('−') || is_zero {
        return text;
    }
    format!("+{text}")
}

/// A day or moment of an ISO text, as it is written in the language: 26.11.2026, 26 Nov 2026.
pub(crate) fn day(iso: &str, lang: Lang) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let Some(date) = iso.get(..10).and_then(|date| date.parse::<jiff::civil::Date>().ok()) else {
        return iso.to_owned();
    };
    match lang {
        Lang::Da => format!("{:02}.{:02}.{}", date.day(), date.month(), date.year()),
        Lang::En => {
            let month = MONTHS.get(usize::from(date.month().unsigned_abs()) - 1).unwrap_or(&"");
            format!("{} {month} {}", date.day(), date.year())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn danish_numbers_have_points_between_thousands_and_a_decimal_comma() {
        assert_eq!(fixed(1234.5, 1, Lang::Da), "1.234,5");
        assert_eq!(fixed(-1_234_567.0, 0, Lang::Da), "−1.234.567");
        assert_eq!(fixed(1234.5, 1, Lang::En), "1,234.5");
        assert_eq!(fixed(-0.04, 1, Lang::Da), "0,0");
        assert_eq!(percent(0.1234, Lang::Da), "12,3\u{a0}%");
        assert_eq!(signed(fixed(12.0, 0, Lang::Da)), "+12");
        assert_eq!(day("2026-11-06T15:00:00Z", Lang::Da), "06.11.2026");
    }
}
