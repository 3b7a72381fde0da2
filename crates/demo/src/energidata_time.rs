use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Reads `start` or `end`: `yyyy`, `yyyy-MM`, `yyyy-MM-dd`, `yyyy-MM-ddTHH:mm`, or a dynamic time as
/// `now-P1M`. Danish civil time, unless the request says `timezone=UTC`. Seconds are refused, as the service does.
pub(crate) fn instant(text: &str, today: Date, utc: bool) -> Result<Timestamp, String> {
    let refused = || format!("Invalid date: {text}");
    let copenhagen = TimeZone::get("Europe/Copenhagen").map_err(|error| error.to_string())?;
    let zone = if utc { TimeZone::UTC } else { copenhagen.clone() };
    let civil = match written(text) {
        Some(civil) => civil,
        None => {
            // It is noon in Denmark on the scripted day.
            let noon = today.at(12, 0, 0, 0).to_zoned(copenhagen).map_err(|_| refused())?;
            dynamic(text, noon.with_time_zone(zone.clone()).datetime()).ok_or_else(refused)?
        }
    };
    civil
        .to_zoned(zone)
        .map(|zoned| zoned.timestamp())
        .map_err(|_| refused())
}

fn written(text: &str) -> Option<DateTime> {
    if !text.is_ascii() {
        return None;
    }
    let whole = match text.len() {
        4 => format!("{text}-01-01T00:00"),
        7 => format!("{text}-01T00:00"),
        10 => format!("{text}T00:00"),
        16 => text.to_owned(),
        _ => return None,
    };
    DateTime::strptime("%Y-%m-%dT%H:%M", whole).ok()
}

/// `now`, `utcnow`, `StartOfDay`, `StartOfMonth`, `StartOfYear`, each with `+` or `-` and an ISO 8601 duration.
fn dynamic(text: &str, now: DateTime) -> Option<DateTime> {
    let at = text.find(['+', '-']).unwrap_or(text.len());
    let (name, shift) = text.split_at(at);
    let base = match name.to_lowercase().as_str() {
        "now" | "utcnow" => now,
        "startofday" => now.date().at(0, 0, 0, 0),
        "startofmonth" => now.date().first_of_month().at(0, 0, 0, 0),
        "startofyear" => now.date().first_of_year().at(0, 0, 0, 0),
        _ => return None,
    };
    if shift.is_empty() {
        return Some(base);
    }
    let span: Span = shift[1..].parse().ok()?;
    if shift.starts_with('-') {
        base.checked_sub(span).ok()
    } else {
        base.checked_add(span).ok()
    }
}

/// The instants at which the hours of Danish civil months begin: 23 or 25 of them on the days of the clock change.
pub(crate) fn hours(first: Date, months: i32) -> Result<Vec<Timestamp>, jiff::Error> {
    let zone = TimeZone::get("Europe/Copenhagen")?;
    let start = first.to_zoned(zone.clone())?.timestamp();
    let end = first.checked_add(months.months())?.to_zoned(zone)?.timestamp();
    let mut hours = Vec::new();
    let mut hour = start;
    while hour < end {
        hours.push(hour);
        hour = hour.checked_add(1.hour())?;
    }
    Ok(hours)
}
