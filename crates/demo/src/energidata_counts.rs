//! What is counted by the month and in more than one row for a municipality: private consumption by housing and heating,
//! metering points by type and state.

use crate::{
    draw::Draw,
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
