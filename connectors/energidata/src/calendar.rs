//! Months of the Danish calendar: which there are, and how many hours they have.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use klimalade_connect::{Fault, Result};
use klimalade_model::{civil_day_start_utc, civil_month};

use crate::{
    Settings,
    settings::{ExpectedRows, Per, Span},
};

/// A month as the settings write it.
#[derive(Clone, Debug)]
pub(crate) enum Moment {
    /// First of a month.
    Month(Date),
    /// So long before the day of the run.
    Before(jiff::Span),
}

impl Moment {
    /// Reads `2016-01`, `2016`, `now`, `now-P13M`. Errors: Settings.
    pub(crate) fn read(setting: &str, text: &str) -> Result<Self> {
        let wrong = || {
            Fault::settings(format!("{setting} is no month"))
                .found(text)
                .expected("a month such as 2016-01, or now-P13M")
                .hint(format!("{setting} = \"2016-01\""))
        };
        if text == "now" {
            return Ok(Self::Before(jiff::Span::new()));
        }
        if let Some(period) = text.strip_prefix("now-") {
            let span: jiff::Span = period.parse().map_err(|source: jiff::Error| wrong().because(source))?;
            let has_time = span.get_hours() != 0 || span.get_minutes() != 0 || span.get_seconds() != 0;
            if has_time || !span.is_positive() {
                return Err(wrong());
            }
            return Ok(Self::Before(span));
        }
        let (year, month) = text.split_once('-').unwrap_or((text, "01"));
        let (Ok(year), Ok(month), 4, 2) = (year.parse(), month.parse(), year.len(), month.len()) else {
            return Err(wrong());
        };
        Date::new(year, month, 1)
            .map(Self::Month)
            .map_err(|source| wrong().because(source))
    }
    /// The first of the month that is meant on the day `today`. A month before 31 March is February, not "31 February".
    pub(crate) fn month(&self, today: Date) -> Result<Date> {
        match self {
            Self::Month(first) => Ok(*first),
            Self::Before(span) => {
                let day = today.checked_sub(*span).map_err(|source| {
                    Fault::settings("the month lies outside the calendar")
                        .found(format!("{today} - {span}"))
                        .because(source)
                })?;
                Ok(day.first_of_month())
            }
        }
    }
}

/// Civil months or years of one part: from the first day to the one before which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) start: Date,
    pub(crate) end: Date,
}

/// The day in Denmark.
pub(crate) fn danish_day(now: Timestamp) -> Result<Date> {
    let zone = TimeZone::get("Europe/Copenhagen")
        .map_err(|source| Fault::bug("the time zone database lacks Europe/Copenhagen").because(source))?;
    Ok(now.to_zoned(zone).date())
}

/// All parts that the settings ask for on the day `today`, oldest first.
pub(crate) fn periods(settings: &Settings, today: Date) -> Result<Vec<Period>> {
    let mut at = Moment::read("start", &settings.start)?.month(today)?;
    let end = match &settings.end {
        Some(end) => Moment::read("end", end)?.month(today)?,
        None => civil_month(today, 1)?,
    };
    let months = match settings.part {
        Span::Month => 1,
        Span::Year => 12,
    };
    if settings.part == Span::Year {
        // A part must mean the same next month, also with a start that moves.
        at = at.first_of_year();
    }
    if at >= end {
        return Err(Fault::settings("the harvest ends before it begins")
            .found(format!("start {at}, end {end}"))
            .hint("correct start or end"));
    }
    let mut periods = Vec::new();
    while at < end {
        let next = civil_month(at, months)?;
        periods.push(Period { start: at, end: next });
        at = next;
    }
    Ok(periods)
}

impl Period {
    /// `2024-05`, or `2024`.
    pub(crate) fn key(&self, span: Span) -> String {
        match span {
            Span::Month => format!("{:04}-{:02}", self.start.year(), self.start.month()),
            Span::Year => format!("{:04}", self.start.year()),
        }
    }
    /// Rows of the part once it is complete on the day `today`; nothing is promised before.
    pub(crate) fn promised(&self, rows: &ExpectedRows, today: Date) -> Result<Option<u64>> {
        let complete = self
            .end
            .checked_add(jiff::Span::new().days(i64::from(rows.lag_days)))
            .map_err(|source| Fault::settings("lag_days leads out of the calendar").because(source))?;
        if today < complete {
            return Ok(None);
        }
        let each = rows.areas.saturating_mul(rows.rows_per_area);
        Ok(Some(each.saturating_mul(self.count(rows.per)?)))
    }
    /// Hours (23 and 25 on the days of the change), days or months.
    fn count(&self, per: Per) -> Result<u64> {
        let count = match per {
            Per::Hour => {
                (civil_day_start_utc(self.end)?.as_second() - civil_day_start_utc(self.start)?.as_second()) / 3600
            }
            Per::Day => days(self.end) - days(self.start),
            Per::Month => months(self.end) - months(self.start),
        };
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

fn days(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC)
        .map_or(0, |midnight| midnight.timestamp().as_second() / 86_400)
}

fn months(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use jiff::civil::date;

    use super::*;

    fn month(year: i16, month: i8) -> Period {
        let start = date(year, month, 1);
        Period {
            start,
            end: civil_month(start, 1).unwrap(),
        }
    }
    fn settings(start: &str, end: Option<&str>, part: &str) -> Settings {
        serde_json::from_value(serde_json::json!({
            "dataset": "ProductionMunicipalityHour", "time_column": "HourUTC", "start": start, "end": end,
            "sort": ["HourUTC", "MunicipalityNo"], "part": part,
        }))
        .unwrap()
    }

    #[test]
    fn months_of_the_clock_change_have_an_hour_less_or_more() {
        let rows = ExpectedRows {
            areas: 99,
            per: Per::Hour,
            rows_per_area: 1,
            lag_days: 0,
        };
        let today = date(2026, 11, 23);
        for (period, hours) in [
            (month(2024, 3), 743),
            (month(2024, 10), 745),
            (month(2024, 2), 696),
            (month(2023, 2), 672),
            (month(2024, 5), 744),
        ] {
            assert_eq!(period.promised(&rows, today).unwrap(), Some(99 * hours), "{period:?}");
        }
        let year = Period {
            start: date(2024, 1, 1),
            end: date(2025, 1, 1),
        };
        assert_eq!(year.promised(&rows, today).unwrap(), Some(99 * 8784));
    }

    #[test]
    fn days_and_months_are_civil() {
        let rows = |per, rows_per_area| ExpectedRows {
            areas: 98,
            per,
            rows_per_area,
            lag_days: 0,
        };
        let today = date(2026, 11, 23);
        let year = Period {
            start: date(2024, 1, 1),
            end: date(2025, 1, 1),
        };
        assert_eq!(year.promised(&rows(Per::Month, 1), today).unwrap(), Some(98 * 12));
        assert_eq!(year.promised(&rows(Per::Day, 3), today).unwrap(), Some(98 * 366 * 3));
        assert_eq!(
            month(2024, 10).promised(&rows(Per::Day, 1), today).unwrap(),
            Some(98 * 31)
        );
    }

    #[test]
    fn a_running_month_promises_nothing_and_neither_does_one_within_the_lag() {
        let rows = |lag_days| ExpectedRows {
            areas: 99,
            per: Per::Hour,
            rows_per_area: 1,
            lag_days,
        };
        assert_eq!(month(2026, 11).promised(&rows(0), date(2026, 11, 30)).unwrap(), None);
        assert_eq!(
            month(2026, 11).promised(&rows(0), date(2026, 12, 1)).unwrap(),
            Some(99 * 720)
        );
        assert_eq!(month(2026, 11).promised(&rows(10), date(2026, 12, 10)).unwrap(), None);
        assert_eq!(
            month(2026, 11).promised(&rows(10), date(2026, 12, 11)).unwrap(),
            Some(99 * 720)
        );
    }

    #[test]
    fn relative_months_hold_at_the_ends_of_months() {
        for (text, today, first) in [
            ("now-P13M", date(2026, 11, 23), date(2025, 10, 1)),
            ("now-P1M", date(2026, 3, 31), date(2026, 2, 1)),
            ("now-P1M", date(2026, 5, 31), date(2026, 4, 1)),
            ("now-P3M", date(2026, 5, 31), date(2026, 2, 1)),
            ("now-P2Y", date(2024, 2, 29), date(2022, 2, 1)),
            ("now-P30D", date(2026, 3, 1), date(2026, 1, 1)),
            ("now-P1M", date(2026, 1, 1), date(2025, 12, 1)),
            ("now", date(2026, 1, 31), date(2026, 1, 1)),
            ("2016-01", date(2026, 1, 31), date(2016, 1, 1)),
            ("2016", date(2026, 1, 31), date(2016, 1, 1)),
        ] {
            assert_eq!(
                Moment::read("start", text).unwrap().month(today).unwrap(),
                first,
                "{text} on {today}"
            );
        }
        for text in [
            "",
            "now+P1M",
            "now-13M",
            "now-PT6H",
            "now-P1DT1H",
            "2016-13",
            "2016-1",
            "16-01",
            "2016-01-01",
            "igår",
        ] {
            assert!(Moment::read("start", text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_day_is_danish_so_the_running_month_begins_at_midnight_in_denmark() {
        assert_eq!(
            danish_day("2026-10-31T22:59:59Z".parse().unwrap()).unwrap(),
            date(2026, 10, 31)
        );
        assert_eq!(
            danish_day("2026-10-31T23:00:00Z".parse().unwrap()).unwrap(),
            date(2026, 11, 1)
        );
        assert_eq!(
            danish_day("2026-05-31T22:00:00Z".parse().unwrap()).unwrap(),
            date(2026, 6, 1)
        );
    }

    #[test]
    fn parts_are_whole_months_up_to_the_running_one() {
        let today = date(2026, 11, 23);
        let months = periods(&settings("now-P2M", None, "month"), today).unwrap();
        let keys: Vec<String> = months.iter().map(|period| period.key(Span::Month)).collect();
        assert_eq!(keys, ["2026-09", "2026-10", "2026-11"]);
        assert_eq!(months[2].end, date(2026, 12, 1));
        assert!(months.windows(2).all(|pair| pair[0].end == pair[1].start));
        let keys = |settings| {
            periods(&settings, today).map(|all| all.iter().map(|period| period.key(Span::Month)).collect::<Vec<_>>())
        };
        assert_eq!(
            keys(settings("2025-12", Some("2026-02"), "month")).unwrap(),
            ["2025-12", "2026-01"]
        );
        assert!(keys(settings("2027-01", None, "month")).is_err());
    }

    #[test]
    fn a_part_of_a_year_is_the_whole_year_also_with_a_start_that_moves() {
        let all = periods(&settings("now-P13M", None, "year"), date(2026, 11, 23)).unwrap();
        assert_eq!(
            all,
            [
                Period {
                    start: date(2025, 1, 1),
                    end: date(2026, 1, 1)
                },
                Period {
                    start: date(2026, 1, 1),
                    end: date(2027, 1, 1)
                },
            ]
        );
        assert_eq!(all[0].key(Span::Year), "2025");
    }
}
