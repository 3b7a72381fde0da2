//! Consumption and metering points: by the month in more than one row for a municipality, and by the hour.

use crate::{
    draw::{Draw, wave},
    energidata_rows::{Cell, Column, key, value},
};

/// `PrivateConsumptionHeatingMonth`: the newer names, `MunicipalityCode` for `MunicipalityNo`.
pub(crate) const HEATING: [Column; 7] = [
    key(0, "Month", "datetime"),
    key(1, "MunicipalityCode", "string"),
    value(2, "Municipality", "string", ""),
    value(3, "RegionName", "string", ""),
    key(4, "HousingCategory", "string"),
    key(5, "HeatingCategory", "string"),
    value(6, "ConsumptionkWh", "float", "kWh"),
];

/// `DatahubMeasuringPointStatisticsMunicipality`; the frequency of reading is part of the key.
pub(crate) const METERING_POINTS: [Column; 6] = [
    key(0, "Month", "datetime"),
    key(1, "MunicipalityNo", "string"),
    key(2, "MP_TypeDescription", "string"),
    key(3, "MP_PhysicalStatusDescription", "string"),
    key(4, "MeterReadingFrequency", "string"),
    value(5, "Number_MP", "integer", ""),
];

/// `ReCoverageMunicipality`.
pub(crate) const COVERAGE: [Column; 6] = [
    key(0, "HourUTC", "datetime"),
    key(1, "HourDK", "datetime"),
    key(2, "MunicipalityNo", "string"),
    value(3, "REekWhKeep", "float", "kWh"),
    value(4, "ConsumptionkWh", "float", "kWh"),
    value(5, "REshare", "float", ""),
];

/// `ConsumptionIndustry`.
pub(crate) const INDUSTRY: [Column; 5] = [
    key(0, "HourUTC", "datetime"),
    key(1, "HourDK", "datetime"),
    key(2, "MunicipalityNo", "string"),
    key(3, "Branche", "string"),
    value(4, "ConsumptionkWh", "float", "kWh"),
];

/// Groups and their kWh an hour and inhabitant.
pub(crate) const GROUPS: [(&str, f64); 3] = [("Erhverv", 0.38), ("Offentligt", 0.06), ("Privat", 0.19)];

/// Housing, heating and MWh a month of a town of 10,000. `Andet` also holds what less than 20 customers use.
pub(crate) const HOMES: [(&str, &str, f64); 8] = [
    ("Andet", "-", 90.0),
    ("Erhverv", "-", 3_600.0),
    ("Etageejendom", "Andet", 520.0),
    ("Etageejendom", "Elvarme eller varmepumpe", 60.0),
    ("Fritidshuse", "Andet", 70.0),
    ("Fritidshuse", "Elvarme eller varmepumpe", 110.0),
    ("Parcel- og rækkehuse", "Andet", 900.0),
    ("Parcel- og rækkehuse", "Elvarme eller varmepumpe", 700.0),
];

/// Type, state, frequency of reading, and how many of 10,000 inhabitants' points.
pub(crate) const POINTS: [(&str, &str, &str, f64); 7] = [
    ("Consumption", "Closed down", "-", 310.0),
    ("Consumption", "Connected", "Hourly", 5_600.0),
    ("Consumption", "Connected", "Quarterly", 40.0),
    ("Consumption", "Disconnected", "Hourly", 45.0),
    ("Consumption", "New", "Hourly", 12.0),
    ("Production", "Connected", "Hourly", 260.0),
    ("Production", "New", "Hourly", 3.0),
];

/// A municipality as these datasets know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) short: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) people: f64,
    pub(crate) draw: Draw,
}

/// A month: its first hour, months since January 2022, and how cold it is, 0.1 to 0.9.
pub(crate) struct Month<'a> {
    pub(crate) local: &'a str,
    pub(crate) months: f64,
    pub(crate) cold: f64,
}

/// A cell of `PrivateConsumptionHeatingMonth`.
pub(crate) fn heating<'a>(column: Column, month: &Month<'a>, place: &'a Place, home: usize) -> Cell<'a> {
    let (housing, heating, mwh) = HOMES[home];
    match column.at {
        0 => Cell::Text(month.local),
        1 => Cell::Text(&place.short),
        2 => Cell::Text(&place.name),
        3 => Cell::Text(&place.region),
        4 => Cell::Text(housing),
        5 => Cell::Text(heating),
        _ => {
            let draw = place.draw.text(housing).text(heating);
            // Too few customers to be told: the row is there and its figure is not.
            if heating.starts_with("Elvarme") && draw.text("few").unit() < 0.03 {
                return Cell::Null;
            }
            let electric = heating.starts_with("Elvarme");
            let season = if electric {
                0.4 + 1.4 * month.cold
            } else {
                0.9 + 0.2 * month.cold
            };
            let trend = if electric { 1.0 + 0.008 * month.months } else { 1.0 };
            let wobble = draw.number(month.months as i64).between(0.96, 1.04);
            let kwh = mwh * 1000.0 * place.people / 10_000.0 * draw.between(0.5, 1.5) * season * trend * wobble;
            Cell::Number((kwh * 1000.0).round() / 1000.0)
        }
    }
}

/// A cell of `DatahubMeasuringPointStatisticsMunicipality`.
pub(crate) fn metering_points<'a>(column: Column, month: &Month<'a>, place: &'a Place, point: usize) -> Cell<'a> {
    let (kind, state, frequency, share) = POINTS[point];
    match column.at {
        0 => Cell::Text(month.local),
        1 => Cell::Text(&place.short),
        2 => Cell::Text(kind),
        3 => Cell::Text(state),
        4 => Cell::Text(frequency),
        _ => {
            let draw = place.draw.text(kind).text(state).text(frequency);
            let growth = if kind == "Production" { 0.02 } else { 0.001 };
            let count = share * place.people / 10_000.0 * draw.between(0.7, 1.3) * (1.0 + growth * month.months);
            Cell::Count(count.floor() as i64)
        }
    }
}

/// An hour: both its times, its number, sun and wind, each 0 to 1.
pub(crate) struct Hour<'a> {
    pub(crate) utc: &'a str,
    pub(crate) local: &'a str,
    pub(crate) hour: i64,
    pub(crate) sun: f64,
    pub(crate) wind: f64,
}

/// kWh that a group uses in an hour: less at night.
fn used(hour: &Hour<'_>, place: &Place, group: usize) -> f64 {
    let (name, kwh) = GROUPS[group];
    let day = 1.0 + 0.3 * wave((hour.hour.rem_euclid(24) as f64 - 6.0) / 24.0);
    let wobble = place.draw.text(name).number(hour.hour).between(0.95, 1.05);
    kwh * place.people * place.draw.text(name).between(0.6, 1.4) * day * wobble
}

/// A cell of `ReCoverageMunicipality`.
pub(crate) fn coverage<'a>(column: Column, hour: &Hour<'a>, place: &'a Place) -> Cell<'a> {
    let consumed = || (0..GROUPS.len()).map(|group| used(hour, place, group)).sum::<f64>();
    // Where much is produced it may be more than is used: the column is not capped at the source.
    let produced = || {
        let plants = place.draw.text("renewable");
        place.people * (plants.between(0.0, 1.2) * hour.wind + plants.text("sun").between(0.0, 0.5) * hour.sun)
    };
    match column.at {
        0 => Cell::Text(hour.utc),
        1 => Cell::Text(hour.local),
        2 => Cell::Text(&place.short),
        3 => Cell::Number(round(produced())),
        4 => Cell::Number(round(consumed())),
        _ => Cell::Number(round(produced() / consumed())),
    }
}

/// A cell of `ConsumptionIndustry`.
pub(crate) fn industry<'a>(column: Column, hour: &Hour<'a>, place: &'a Place, group: usize) -> Cell<'a> {
    match column.at {
        0 => Cell::Text(hour.utc),
        1 => Cell::Text(hour.local),
        2 => Cell::Text(&place.short),
        3 => Cell::Text(GROUPS[group].0),
        _ => Cell::Number(round(used(hour, place, group))),
    }
}

fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
