use std::{cmp::Ordering, fmt::Write};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::{
    area::Area,
    draw::{Draw, wave},
    energidata_counts::{
        self as counts, COVERAGE, GROUPS, HEATING, HOMES, Hour, INDUSTRY, METERING_POINTS, Month, POINTS, Place,
    },
    energidata_time::hours,
    world::World,
};

/// A dataset that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dataset {
    Capacity,
    Production,
    Heating,
    MeteringPoints,
    Coverage,
    Industry,
}

/// A column as the metadata names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) is_key: bool,
    /// Place among the dataset's columns.
    pub(crate) at: usize,
}

pub(crate) const fn key(at: usize, name: &'static str, kind: &'static str) -> Column {
    Column {
        name,
        kind,
        unit: "",
        is_key: true,
        at,
    }
}
pub(crate) const fn value(at: usize, name: &'static str, kind: &'static str, unit: &'static str) -> Column {
    Column {
        name,
        kind,
        unit,
        is_key: false,
        at,
    }
}

const CAPACITY: [Column; 12] = [
    key(0, "Month", "datetime"),
    key(1, "MunicipalityNo", "string"),
    value(2, "CapacityGe100MW", "float", "MW"),
    value(3, "CapacityLt100MW", "float", "MW"),
    value(4, "OffshoreWindCapacity", "float", "MW"),
    value(5, "OnshoreWindCapacity", "float", "MW"),
    value(6, "SolarPowerCapacity", "float", "MW"),
    value(7, "NumberGenerationUnitsGe100MW", "integer", ""),
    value(8, "NumberGenerationUnitsLt100MW", "integer", ""),
    value(9, "NumberOffshoreWindGenerators", "integer", ""),
    value(10, "NumberOnshoreWindGenerators", "integer", ""),
    value(11, "NumberSolarPanels", "integer", ""),
];

const PRODUCTION: [Column; 8] = [
    key(0, "HourUTC", "datetime"),
    key(1, "HourDK", "datetime"),
    key(2, "MunicipalityNo", "string"),
    value(3, "SolarMWh", "float", "MWh"),
    value(4, "OffshoreWindLt100MW_MWh", "float", "MWh"),
    value(5, "OffshoreWindGe100MW_MWh", "float", "MWh"),
    value(6, "OnshoreWindMWh", "float", "MWh"),
    value(7, "ThermalPowerMWh", "float", "MWh"),
];

/// The hours begin with January of this year; a month of them is 72,000 rows.
const FIRST_YEAR_OF_HOURS: i16 = 2025;

/// Consumption by the hour begins here: 73,000 rows a month, and three times as many by industry group.
const FIRST_MONTH_OF_CONSUMPTION: (i16, i8) = (2026, 10);

/// The first of so many months, and how many.
fn last_months(last: Date, count: i32) -> (Date, i32) {
    (last.checked_sub((count - 1).months()).unwrap_or(last), count)
}

impl Dataset {
    pub(crate) const ALL: [Self; 6] = [
        Self::Capacity,
        Self::Production,
        Self::Heating,
        Self::MeteringPoints,
        Self::Coverage,
        Self::Industry,
    ];
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Capacity => "CapacityPerMunicipality",
            Self::Production => "ProductionMunicipalityHour",
            Self::Heating => "PrivateConsumptionHeatingMonth",
            Self::MeteringPoints => "DatahubMeasuringPointStatisticsMunicipality",
            Self::Coverage => "ReCoverageMunicipality",
            Self::Industry => "ConsumptionIndustry",
        }
    }
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Capacity => "Capacity per Municipality (simulated)",
            Self::Production => "Production per Municipality per Hour (simulated)",
            Self::Heating => "Private Consumption by Heating per Month (simulated)",
            Self::MeteringPoints => "Measuring Points per Municipality (simulated)",
            Self::Coverage => "Renewable Coverage per Municipality (simulated)",
            Self::Industry => "Consumption per Industry, Public and Private, Municipality and Hour (simulated)",
        }
    }
    pub(crate) fn resolution(self) -> &'static str {
        match self {
            Self::Production | Self::Coverage | Self::Industry => "PT1H",
            Self::Capacity | Self::Heating | Self::MeteringPoints => "P1M",
        }
    }
    pub(crate) fn columns(self) -> &'static [Column] {
        match self {
            Self::Capacity => &CAPACITY,
            Self::Production => &PRODUCTION,
            Self::Heating => &HEATING,
            Self::MeteringPoints => &METERING_POINTS,
            Self::Coverage => &COVERAGE,
            Self::Industry => &INDUSTRY,
        }
    }
    /// Rows of one municipality in one period.
    fn variants(self) -> usize {
        match self {
            Self::Capacity | Self::Production | Self::Coverage => 1,
            Self::Heating => HOMES.len(),
            Self::MeteringPoints => POINTS.len(),
            Self::Industry => GROUPS.len(),
        }
    }
    /// UTC without Z; moves on the second night where figures are restated.
    pub(crate) fn last_update(self, world: &World) -> String {
        let moved = self == Self::Production && world.restated();
        let today = world.today();
        format!(
            "{}-{:02}-{}T04:00:00",
            today.year(),
            today.month(),
            if moved { "09" } else { "08" }
        )
    }
    /// First month offered and how many.
    fn months(self, world: &World) -> (Date, i32) {
        let (year, month) = world.last_full_month();
        let first_year = match self {
            Self::Capacity | Self::Heating => world.script.first_year(2022),
            Self::MeteringPoints => world.script.first_year(2024),
            // From the month that the pipeline asks from, whatever the size: a month must have all its hours, and a
            // year all its months.
            Self::Production => FIRST_YEAR_OF_HOURS.min(year),
            // From this month on, never less: a month that a later night no longer had would be a broken answer.
            Self::Coverage | Self::Industry => {
                let since = i32::from(year - FIRST_MONTH_OF_CONSUMPTION.0) * 12
                    + i32::from(month - FIRST_MONTH_OF_CONSUMPTION.1);
                return last_months(Date::constant(year, month, 1), since.max(0) + 1);
            }
        };
        let count = i32::from(year - first_year) * 12 + i32::from(month);
        last_months(Date::constant(year, month, 1), count)
    }
    /// The rows of a window, `start` inclusive, `end` exclusive.
    pub(crate) fn rows(self, world: &World, start: Option<Timestamp>, end: Option<Timestamp>) -> Rows {
        let within =
            |instant: &Timestamp| start.is_none_or(|start| *instant >= start) && end.is_none_or(|end| *instant < end);
        let zone = TimeZone::get("Europe/Copenhagen").unwrap_or(TimeZone::UTC);
        let (first, count) = self.months(world);
        let instants: Vec<Timestamp> = match self {
            Self::Production | Self::Coverage | Self::Industry => hours(first, count).unwrap_or_default(),
            Self::Capacity | Self::Heating | Self::MeteringPoints => {
                let months = (0..count).filter_map(|month| first.checked_add(month.months()).ok());
                months
                    .filter_map(|month| month.to_zoned(zone.clone()).ok())
                    .map(|zoned| zoned.timestamp())
                    .collect()
            }
        };
        let periods = instants
            .into_iter()
            .filter(within)
            .map(|instant| Period::new(world, instant, &zone))
            .collect();
        let areas = world.areas.all.iter().enumerate();
        let towns = areas.filter(|(_, area)| self == Self::Production || area.is_municipality);
        let variants = self.variants();
        let towns = towns
            .flat_map(|(_, area)| (0..variants).map(move |variant| Town::new(world, area, variant)))
            .collect();
        let last_but_one = Date::constant(world.last_full_month().0, world.last_full_month().1, 1)
            .checked_sub(1.month())
            .unwrap_or(first);
        Rows {
            dataset: self,
            periods,
            towns,
            restated: world.restated().then_some(last_but_one),
        }
    }
}

/// One hour, or one month by its first hour.
#[derive(Clone, Debug)]
struct Period {
    utc: String,
    local: String,
    civil: Date,
    months: f64,
    hour: i64,
    sun: f64,
    wind: f64,
    cold: f64,
}

impl Period {
    fn month(&self) -> Month<'_> {
        Month {
            local: &self.local,
            months: self.months,
            cold: self.cold,
        }
    }
    fn of_an_hour(&self) -> Hour<'_> {
        Hour {
            utc: &self.utc,
            local: &self.local,
            hour: self.hour,
            sun: self.sun,
            wind: self.wind,
        }
    }
    fn new(world: &World, instant: Timestamp, zone: &TimeZone) -> Self {
        let local = instant.to_zoned(zone.clone());
        let hour = instant.as_second().div_euclid(3600);
        let season = wave((f64::from(local.day_of_year()) - 81.0) / 365.25);
        let height = 0.35 * season + 0.55 * wave((f64::from(local.hour()) - 7.0) / 24.0) - 0.05;
        // Wind blows in spells of six hours that go over into each other.
        let (spell, within) = (hour.div_euclid(6), hour.rem_euclid(6) as f64 / 6.0);
        let strength = |spell: i64| world.draw.text("wind").number(spell).unit();
        let blow = strength(spell) * (1.0 - within) + strength(spell + 1) * within;
        Self {
            utc: instant.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            local: local.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            civil: local.date(),
            months: f64::from(i32::from(local.year()) - 2022) * 12.0 + f64::from(local.month() - 1),
            hour,
            sun: height.max(0.0) * world.draw.text("cloud").number(hour.div_euclid(3)).between(0.3, 1.0),
            wind: blow * blow,
            cold: 0.5 - 0.4 * season,
        }
    }
}

/// What stands in a municipality: capacities in MW in January 2022, `None` where there is nothing of the kind.
#[derive(Clone, Debug)]
struct Town {
    /// How the wind of the country differs here.
    breeze: Draw,
    short: String,
    /// Which of the municipality's rows of a period this is.
    variant: usize,
    place: Place,
    solar: f64,
    onshore: Option<f64>,
    offshore_small: Option<f64>,
    offshore_large: Option<f64>,
    thermal_small: Option<f64>,
    thermal_large: Option<f64>,
}

impl Town {
    fn new(world: &World, area: &Area, variant: usize) -> Self {
        let is_municipality = area.is_municipality;
        let draw = world.draw.text("plants").text(&area.code);
        let some = |name: &str, share: f64, most: f64| {
            let draw = draw.text(name);
            (is_municipality && draw.unit() < share).then(|| draw.text("size").unit().powi(2) * most + 1.0)
        };
        Self {
            breeze: draw.text("wind"),
            short: area.short.clone(),
            variant,
            place: Place {
                short: area.short.clone(),
                name: area.name.clone(),
                region: world.areas.regions[area.region].name.clone(),
                people: world.people_about(area),
                draw: draw.text("meters"),
            },
            solar: if is_municipality {
                draw.text("solar").unit().powi(2) * 90.0 + 1.0
            } else {
                0.0
            },
            onshore: some("onshore", 0.8, 250.0),
            offshore_small: some("offshore_small", 0.1, 60.0),
            offshore_large: some("offshore_large", 0.04, 700.0),
            thermal_small: some("thermal_small", 0.85, 80.0),
            thermal_large: some("thermal_large", 0.08, 500.0),
        }
    }
    fn solar_mw(&self, months: f64) -> f64 {
        self.solar * (1.0 + 0.025 * months)
    }
    fn onshore_mw(&self, months: f64) -> Option<f64> {
        Some(self.onshore? * (1.0 + 0.001 * months))
    }
}

/// Rows of one answer: every period with every municipality.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    dataset: Dataset,
    periods: Vec<Period>,
    towns: Vec<Town>,
    /// The month of which a few hours are restated.
    restated: Option<Date>,
}

/// What stands in a column of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    Count(i64),
    Number(f64),
}

impl Rows {
    /// Places of all rows in the default order: newest period first, municipalities ascending.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.periods.len())
            .rev()
            .flat_map(|period| (0..self.towns.len()).map(move |town| (period, town)))
    }
    /// A cell as text, as the filter compares it.
    pub(crate) fn text(&self, column: Column, period: usize, town: usize) -> String {
        match self.cell(column, period, town) {
            Cell::Null => String::new(),
            Cell::Text(text) => text.to_owned(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => number.to_string(),
        }
    }
    /// Orders two rows by one column; null first.
    pub(crate) fn compare(&self, column: Column, a: (usize, usize), b: (usize, usize)) -> Ordering {
        match (self.cell(column, a.0, a.1), self.cell(column, b.0, b.1)) {
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Count(a), Cell::Count(b)) => a.cmp(&b),
            (Cell::Number(a), Cell::Number(b)) => a.total_cmp(&b),
            (a, b) => (a != Cell::Null).cmp(&(b != Cell::Null)),
        }
    }
    /// Writes one record as a JSON object.
    pub(crate) fn write(&self, out: &mut String, columns: &[Column], period: usize, town: usize) {
        for (place, column) in columns.iter().enumerate() {
            out.push(if place == 0 { '{' } else { ',' });
            // Writing to a String cannot fail.
            let _ = match self.cell(*column, period, town) {
                Cell::Null => write!(out, "\"{}\":null", column.name),
                Cell::Text(text) => write!(out, "\"{}\":\"{text}\"", column.name),
                Cell::Count(count) => write!(out, "\"{}\":{count}", column.name),
                Cell::Number(number) => write!(out, "\"{}\":{number:?}", column.name),
            };
        }
        out.push('}');
    }
    fn cell(&self, column: Column, period: usize, town: usize) -> Cell<'_> {
        let (period, town) = (&self.periods[period], &self.towns[town]);
        match self.dataset {
            Dataset::Capacity => capacity(column, period, town),
            Dataset::Production => self.production(column, period, town),
            Dataset::Heating => counts::heating(column, &period.month(), &town.place, town.variant),
            Dataset::MeteringPoints => counts::metering_points(column, &period.month(), &town.place, town.variant),
            Dataset::Coverage => counts::coverage(column, &period.of_an_hour(), &town.place),
            Dataset::Industry => counts::industry(column, &period.of_an_hour(), &town.place, town.variant),
        }
    }
    fn production<'a>(&self, column: Column, period: &'a Period, town: &'a Town) -> Cell<'a> {
        // Only where it is asked for: sorting reads the keys of a row many times.
        let wind = || (period.wind * town.breeze.number(period.hour).between(0.85, 1.15)).min(1.0);
        let again = || if self.is_restated(period) { 1.02 } else { 1.0 };
        let produced = match column.at {
            0 => return Cell::Text(&period.utc),
            1 => return Cell::Text(&period.local),
            2 => return Cell::Text(&town.short),
            3 => Some(town.solar_mw(period.months) * period.sun * 0.8),
            4 => town.offshore_small.map(|mw| mw * wind()),
            5 => town.offshore_large.map(|mw| mw * wind()),
            6 => town.onshore_mw(period.months).map(|mw| mw * wind() * 0.9 * again()),
            _ => town.thermal_mw().map(|mw| mw * period.cold * 0.6),
        };
        produced.map_or(Cell::Null, |mwh| Cell::Number(measured(mwh, period.hour)))
    }
    /// Three hours of the last but one month, from the second night on.
    fn is_restated(&self, period: &Period) -> bool {
        let Some(month) = self.restated else { return false };
        let at = (period.civil.day(), period.hour.rem_euclid(24));
        period.civil.first_of_month() == month && [(3, 9), (11, 17), (20, 4)].contains(&at)
    }
}

impl Town {
    fn thermal_mw(&self) -> Option<f64> {
        match (self.thermal_small, self.thermal_large) {
            (None, None) => None,
            (small, large) => Some(small.unwrap_or(0.0) + large.unwrap_or(0.0)),
        }
    }
}

/// Five decimals; in every seventh hour the figure has been through a 32-bit float on its way.
fn measured(mwh: f64, hour: i64) -> f64 {
    if hour.rem_euclid(7) == 0 {
        (f64::from(mwh as f32) * 1e6).round() / 1e6
    } else {
        (mwh * 1e5).round() / 1e5
    }
}

fn capacity<'a>(column: Column, period: &'a Period, town: &'a Town) -> Cell<'a> {
    let mw = |value: Option<f64>| value.map_or(Cell::Null, |mw| Cell::Number((mw * 1e5).round() / 1e5));
    // A plant of a kind for every so many MW, at least one.
    let units = |value: Option<f64>, each: f64| value.map_or(Cell::Null, |mw| Cell::Count((mw / each).ceil() as i64));
    let offshore = match (town.offshore_small, town.offshore_large) {
        (None, None) => None,
        (small, large) => Some(small.unwrap_or(0.0) + large.unwrap_or(0.0)),
    };
    let solar = town.solar_mw(period.months);
    match column.at {
        0 => Cell::Text(&period.local),
        1 => Cell::Text(&town.short),
        2 => mw(town.thermal_large),
        3 => mw(town.thermal_small),
        4 => mw(offshore),
        5 => mw(town.onshore_mw(period.months)),
        6 => mw(Some(solar)),
        7 => units(town.thermal_large, 200.0),
        8 => units(town.thermal_small, 6.0),
        9 => units(offshore, 4.0),
        10 => units(town.onshore_mw(period.months), 2.5),
        _ => units(Some(solar), 0.015),
    }
}
