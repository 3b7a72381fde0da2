use crate::Split;

/// The part to which a period belongs. Period codes as seen in /tables (5,477 rows, 2025-09): `2025`, `2025H1`,
/// `2025K3`, `2025M07`, `2025U35`, `2025M09D04`, `2023/2024`, `2023:2024`, `AUG - DEC 2023`, `2016U31-48`, `1995KV4`.
pub(crate) fn part_key(split: Split, code: &str) -> Option<String> {
    if split == Split::All {
        return Some("all".to_owned());
    }
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    let start = code
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| digits(&code[*at..]) == 4 && !code[..*at].ends_with(|letter: char| letter.is_ascii_digit()))?;
    let (year, rest) = (&code[start..start + 4], code[start + 4..].to_uppercase());
    if split == Split::Year {
        return Some(year.to_owned());
    }
    let unit: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
    let number = &rest[unit.len()..];
    let number: u32 = number[..digits(number)].parse().ok()?;
    let second = match (unit.as_str(), number) {
        ("H", 1..=2) => number == 2,
        ("K" | "KV" | "Q", 1..=4) => number > 2,
        ("M", 1..=12) => number > 6,
        ("U", 1..=53) => number > 26,
        _ => return None,
    };
    Some(format!("{year}-H{}", if second { 2 } else { 1 }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_period_seen_in_the_wild_has_a_year() {
        for (code, year) in [
            ("2025", "2025"),
            ("2025H1", "2025"),
            ("2025K3", "2025"),
            ("2025M07", "2025"),
            ("2025U35", "2025"),
            ("2025M09D04", "2025"),
            ("2023/2024", "2023"),
            ("2023:2024", "2023"),
            ("AUG - DEC 2023", "2023"),
            ("2016U31-48", "2016"),
            ("1995KV4", "1995"),
        ] {
            assert_eq!(part_key(Split::Year, code).as_deref(), Some(year), "{code}");
        }
        assert_eq!(part_key(Split::Year, "12345"), None);
        assert_eq!(part_key(Split::Year, ""), None);
    }

    #[test]
    fn half_years_come_from_the_calendar() {
        for (code, key) in [
            ("2025H1", Some("2025-H1")),
            ("2025H02", Some("2025-H2")),
            ("2025K2", Some("2025-H1")),
            ("2025K3", Some("2025-H2")),
            ("1995KV4", Some("1995-H2")),
            ("2025M06", Some("2025-H1")),
            ("2025M07", Some("2025-H2")),
            ("2025M09D04", Some("2025-H2")),
            ("2020U53", Some("2020-H2")),
            ("2025", None),
            ("2023/2024", None),
            ("2025Æ1", None),
        ] {
            assert_eq!(part_key(Split::HalfYear, code).as_deref(), key, "{code}");
        }
    }
}
