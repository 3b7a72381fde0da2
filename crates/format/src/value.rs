//! One cell of text as a value, exactly or not at all.

use jiff::civil::Date;

/// A whole number. `12.0` and `1e3` are whole; `12.5`, `1e999` and what does not fit are none.
pub(crate) fn integer(text: &str, decimal_comma: bool) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        return Some(number);
    }
    // A fraction of zeros, to the digit: a float would round 9007199254740993.0.
    let mark = if decimal_comma { ',' } else { '.' };
    if let Some((whole, fraction)) = text.split_once(mark)
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte == b'0')
    {
        return whole.parse::<i64>().ok();
    }
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = float(text, decimal_comma)?;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A finite number. Neither `NaN` nor `inf` nor what overflows, nor a number so small that it would become 0.
pub(crate) fn float(text: &str, decimal_comma: bool) -> Option<f64> {
    let text = text.trim();
    let mark = if decimal_comma { b',' } else { b'.' };
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == mark || matches!(byte, b'+' | b'-' | b'e' | b'E');
    // A mark without a digit behind it is a cell that was cut.
    let is_open = text
        .bytes()
        .position(|byte| byte == mark)
        .is_some_and(|at| !text.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit));
    if is_open || !text.bytes().all(is_number) {
        return None;
    }
    if decimal_comma && text.contains(',') {
        return finite(&text.replacen(',', ".", 1));
    }
    finite(text)
}

/// A number whose spelling was checked already (JSON's own grammar).
pub(crate) fn finite(text: &str) -> Option<f64> {
    let number = text.parse::<f64>().ok()?;
    if !number.is_finite() {
        return None;
    }
    if number == 0.0
        && text
            .bytes()
            .take_while(|byte| !matches!(byte, b'e' | b'E'))
            .any(|byte| matches!(byte, b'1'..=b'9'))
    {
        return None;
    }
    Some(number)
}

/// `true`, `false` (any case), `1`, `0`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn digits(bytes: &[u8], from: usize, length: usize) -> Option<i32> {
    let mut number = 0;
    for byte in bytes.get(from..from + length)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i32::from(byte - b'0');
    }
    Some(number)
}

/// Days since 1970-01-01, by the proleptic Gregorian calendar; `None` for a day that is not in it (2023-02-29).
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()?;
    // Years begin in March, so that the leap day is the last: the usual closed form.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn iso_day(bytes: &[u8]) -> Option<i32> {
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    days(digits(bytes, 0, 4)?, digits(bytes, 5, 2)?, digits(bytes, 8, 2)?)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, `YYYYMMDD`, or the day that an ISO time names as it is written (no shift
/// by its offset: `2023-06-02T00:00:00+02:00` is 2 June).
pub(crate) fn date(text: &str) -> Option<i32> {
    let text = text.trim();
    let bytes = text.as_bytes();
    match bytes.len() {
        8 => days(digits(bytes, 0, 4)?, digits(bytes, 4, 2)?, digits(bytes, 6, 2)?),
        10 => iso_day(bytes),
        _ => {
            instant(text)?;
            iso_day(bytes)
        }
    }
}

/// Microseconds since 1970-01-01T00:00:00Z of an ISO 8601 / RFC 3339 time; without offset it is UTC. Digits beyond
/// the microsecond are cut off.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let bytes = text.trim().as_bytes();
    let day = i64::from(iso_day(bytes)?);
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) || bytes.get(13) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (digits(bytes, 11, 2)?, digits(bytes, 14, 2)?);
    let mut at = 16;
    let mut second = 0;
    let mut micros = 0_i64;
    if bytes.get(at) == Some(&b':') {
        second = digits(bytes, at + 1, 2)?;
        at += 3;
        if matches!(bytes.get(at), Some(b'.' | b',')) {
            let fraction = bytes.get(at + 1..)?;
            let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                return None;
            }
            for place in 0..6 {
                let digit = if place < length {
                    fraction.get(place).map_or(0, |byte| i64::from(byte - b'0'))
                } else {
                    0
                };
                micros = micros * 10 + digit;
            }
            at += 1 + length;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset_minutes = offset(bytes.get(at..)?)?;
    let seconds = day * 86_400 + i64::from(hour) * 3_600 + i64::from(minute - offset_minutes) * 60 + i64::from(second);
    Some(seconds * 1_000_000 + micros)
}

/// Minutes east of UTC: nothing, `Z`, `+01:00`, `+0100`, `+01`.
fn offset(bytes: &[u8]) -> Option<i32> {
    let sign = match bytes.first() {
        None => return Some(0),
        Some(b'Z' | b'z') if bytes.len() == 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let hours = digits(bytes, 1, 2)?;
    let minutes = match bytes.len() {
        3 => 0,
        5 => digits(bytes, 3, 2)?,
        6 if bytes.get(3) == Some(&b':') => digits(bytes, 4, 2)?,
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zeros() {
        assert_eq!(integer("12.0", false), Some(12));
        assert_eq!(integer("12,00", true), Some(12));
        assert_eq!(integer("1e3", false), Some(1000));
        assert_eq!(integer("9007199254740993.0", false), Some(9_007_199_254_740_993));
        assert_eq!(integer("-7", false), Some(-7));
    }

    #[test]
    fn what_is_no_whole_number_or_does_not_fit_is_none() {
        for text in [
            "12.5",
            "12.",
            "1e999",
            "9223372036854775808",
            "1e17",
            "",
            "x",
            "NaN",
            "0x10",
            "1_000",
            "--1",
        ] {
            assert_eq!(integer(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_number_is_read_to_the_last_bit() {
        assert_eq!(float("49147.417969", false), Some(49147.417969));
        assert_eq!(float("0.1", false), Some(0.1));
        assert_eq!(float("1,5", true), Some(1.5));
        assert_eq!(float("-0.0", false).map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(float("0e5", false), Some(0.0));
    }

    #[test]
    fn a_number_never_becomes_infinite_or_zero() {
        for text in [
            "1e999", "-1e999", "12.", "12.e3", "1e-999", "NaN", "nan", "inf", "infinity", "-", ".", "e", "", "1,5",
            "1 000",
        ] {
            assert_eq!(float(text, false), None, "{text}");
        }
    }

    #[test]
    fn days_agree_with_the_calendar_library() {
        let epoch = Date::new(1970, 1, 1).unwrap();
        for (year, month, day) in [
            (1970, 1, 1),
            (2000, 2, 29),
            (1900, 3, 1),
            (2026, 11, 23),
            (1799, 12, 31),
            (1, 1, 1),
            (9999, 12, 31),
        ] {
            let counted = epoch.until(Date::new(year, month, day).unwrap()).unwrap().get_days();
            assert_eq!(
                days(year.into(), month.into(), day.into()),
                Some(counted),
                "{year}-{month}-{day}"
            );
        }
        assert_eq!(days(2023, 2, 29), None);
        assert_eq!(days(2023, 13, 1), None);
        assert_eq!(days(2023, 1, 0), None);
    }

    #[test]
    fn a_date_is_read_from_all_its_spellings() {
        let expected = days(2023, 5, 29);
        for text in [
            "2023-05-29",
            "20230529",
            "2023-05-29T21:00:00",
            "2023-05-29T23:59:59+02:00",
            "2023-05-29 00:00",
            " 2023-05-29 ",
        ] {
            assert_eq!(date(text), expected, "{text}");
        }
        for text in [
            "29-05-2023",
            "2023-5-29",
            "2023-05-29T",
            "2023-05-29x",
            "2023-02-30",
            "",
            "2023/05/29",
            "2023-05-291",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_agrees_with_the_calendar_library() {
        for text in [
            "2023-05-29T21:00:00Z",
            "2023-06-02T00:00:00.001000+02:00",
            "2023-09-11T11:07:15.208000+00:00",
            "1969-12-31T23:59:59.999999Z",
            "2024-02-29T12:30:00-05:30",
        ] {
            let expected = text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
            assert_eq!(instant(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_instant_without_offset_is_utc_and_other_spellings_are_none() {
        assert_eq!(instant("2023-05-29T21:00:00"), instant("2023-05-29T21:00:00Z"));
        assert_eq!(instant("2023-05-29 21:00"), instant("2023-05-29T21:00:00Z"));
        assert_eq!(
            instant("2023-05-29T21:00:00.1234567Z"),
            instant("2023-05-29T21:00:00.123456Z")
        );
        for text in [
            "2023-05-29",
            "2023-05-29T24:00:00",
            "2023-05-29T21:60:00",
            "2023-05-29T21:00:00+",
            "2023-05-29T21:00:00 Z",
            "T",
            "2023-05-29T21:00:00.Z",
            "2023-05-29T21:00:00+25:00",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
