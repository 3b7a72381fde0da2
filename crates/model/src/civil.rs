use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{Fault, Result};

fn copenhagen() -> Result<TimeZone> {
    TimeZone::get("Europe/Copenhagen")
        .map_err(|source| Fault::bug("the time zone database lacks Europe/Copenhagen").because(source))
}

/// The instant at which a Danish civil day begins: 2023-01-01 begins at 2022-12-31T23:00:00Z.
pub fn civil_day_start_utc(day: Date) -> Result<Timestamp> {
    danish_local_to_utc(day.at(0, 0, 0, 0))
}

/// A Danish wall clock time as an instant. In the repeated hour of October the earlier instant (summer time) is
/// taken, which is why columns in UTC are to be preferred wherever an agency gives them.
pub fn danish_local_to_utc(local: DateTime) -> Result<Timestamp> {
    local
        .to_zoned(copenhagen()?)
        .map(|zoned| zoned.timestamp())
        .map_err(|source| {
            Fault::contract("not a time of the Danish calendar")
                .found(local.to_string())
                .because(source)
        })
}

/// The Danish civil day of an instant: 2026-12-31T23:00:00Z is on 1 January 2027.
pub fn danish_day(instant: Timestamp) -> Result<Date> {
    Ok(instant.to_zoned(copenhagen()?).date())
}

/// First day of the month `month` months after the month of `day` (negative is before).
pub fn civil_month(day: Date, month: i32) -> Result<Date> {
    day.first_of_month()
        .checked_add(month.months())
        .map_err(|source| Fault::bug("a month outside the calendar").because(source))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_danish_day_begins_an_hour_or_two_before_the_day_in_utc() {
        let day = |instant: &str| danish_day(instant.parse().unwrap()).unwrap().to_string();
        assert_eq!(day("2026-12-31T22:59:59Z"), "2026-12-31");
        assert_eq!(day("2026-12-31T23:00:00Z"), "2027-01-01");
        assert_eq!(day("2026-06-30T22:00:00Z"), "2026-07-01");
    }
}
