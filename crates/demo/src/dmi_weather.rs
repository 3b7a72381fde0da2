use jiff::{ToSpan, civil::Date};

use crate::{
    draw::{Draw, wave},
    world::World,
};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// Sum of max(0, 17 - mean temperature of the day), in degree days.
    HeatingDegreeDays,
    /// Mean temperature in degrees Celsius.
    MeanTemperature,
    /// Precipitation in mm.
    Precipitation,
    /// Days of 10 mm and more.
    DaysOfTenMillimetres,
    /// Largest precipitation of 24 hours in mm; here of a civil day.
    LargestOfADay,
    /// Largest precipitation of 30 minutes in mm.
    LargestOfHalfAnHour,
}

impl Parameter {
    pub(crate) const ALL: [Self; 6] = [
        Self::HeatingDegreeDays,
        Self::MeanTemperature,
        Self::Precipitation,
        Self::DaysOfTenMillimetres,
        Self::LargestOfADay,
        Self::LargestOfHalfAnHour,
    ];
    /// The agency's parameterId.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::HeatingDegreeDays => "acc_heating_degree_days_17",
            Self::MeanTemperature => "mean_temp",
            Self::Precipitation => "acc_precip",
            Self::DaysOfTenMillimetres => "no_days_acc_precip_10",
            Self::LargestOfADay => "max_precip_24h",
            Self::LargestOfHalfAnHour => "max_precip_30m",
        }
    }
    /// How long before its first day a period begins: the half hours of `max_precip_30m` are those that end in it.
    pub(crate) fn minutes_early(self) -> i64 {
        match self {
            Self::LargestOfHalfAnHour => 29,
            _ => 0,
        }
    }
    fn is_rain(self) -> bool {
        !matches!(self, Self::HeatingDegreeDays | Self::MeanTemperature)
    }
}

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Day,
    Month,
    Year,
}

impl Resolution {
    pub(crate) const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Year];
    /// The agency's timeResolution.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
    fn next(self, day: Date) -> Option<Date> {
        match self {
            Self::Day => day.tomorrow().ok(),
            Self::Month => day.checked_add(1.month()).ok(),
            Self::Year => day.checked_add(1.year()).ok(),
        }
    }
}

/// Invented weather, day by day; months and years follow from their days, so the resolutions agree.
#[derive(Debug)]
pub(crate) struct Weather<'a> {
    world: &'a World,
    first: Date,
    /// First day that is not offered.
    end: Date,
}

impl<'a> Weather<'a> {
    /// From 2011 to the end of last year.
    pub(crate) fn new(world: &'a World) -> Self {
        let end = world.today().first_of_year();
        Self {
            world,
            first: Date::constant(world.script.first_year(2011), 1, 1),
            end,
        }
    }
    /// First days of all periods, oldest first.
    pub(crate) fn periods(&self, resolution: Resolution) -> impl Iterator<Item = Date> + '_ {
        std::iter::successors(Some(self.first), move |day| resolution.next(*day)).take_while(|day| *day < self.end)
    }
    /// A draw for one key.
    pub(crate) fn draw(&self, parameter: Parameter, resolution: Resolution, first: Date, area: usize) -> Draw {
        let town = self
            .world
            .draw
            .text(parameter.name())
            .text(resolution.name())
            .text(&self.world.areas.all[area].code);
        town.number(number(first))
    }
    /// A value in tenths.
    pub(crate) fn value(&self, parameter: Parameter, resolution: Resolution, first: Date, area: usize) -> i64 {
        let end = resolution.next(first).unwrap_or(self.end);
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day < end);
        if parameter.is_rain() {
            return self.rain(parameter, days, area);
        }
        let town = self.world.draw.text("warmth").text(&self.world.areas.all[area].code);
        let offset = town.between(-0.8, 0.8);
        let (mut sum, mut count) = (0, 0);
        for day in days {
            let tenths =
                ((self.country(day) + offset + town.number(number(day)).between(-0.6, 0.6)) * 10.0).round() as i64;
            sum += match parameter {
                Parameter::HeatingDegreeDays => (170 - tenths).max(0),
                _ => tenths,
            };
            count += 1;
        }
        match parameter {
            Parameter::HeatingDegreeDays => sum,
            _ => (sum as f64 / f64::from(count.max(1))).round() as i64,
        }
    }
    /// What fell on these days, in tenths. It rains on one day in three, mostly little, and now and then it pours.
    fn rain(&self, parameter: Parameter, days: impl Iterator<Item = Date>, area: usize) -> i64 {
        let sky = self.world.draw.text("rain");
        let town = sky.text(&self.world.areas.all[area].code);
        let (mut sum, mut heavy, mut largest, mut burst) = (0, 0, 0, 0);
        for day in days {
            let (land, here) = (sky.number(number(day)), town.number(number(day)));
            if land.unit() > 0.36 {
                continue;
            }
            let strength = land.text("strength").unit();
            let pours = here.text("pours").unit() < 0.004;
            let tenths = (strength * strength * 180.0 * here.between(0.5, 1.5)) as i64 + if pours { 320 } else { 0 };
            sum += tenths;
            heavy += i64::from(tenths >= 100);
            largest = largest.max(tenths);
            burst = burst.max((tenths as f64 * here.text("burst").between(0.1, 0.6)) as i64);
        }
        match parameter {
            Parameter::DaysOfTenMillimetres => heavy * 10,
            Parameter::LargestOfADay => largest,
            Parameter::LargestOfHalfAnHour => burst,
            _ => sum,
        }
    }
    /// The country's mean temperature of a day.
    fn country(&self, day: Date) -> f64 {
        let air = self.world.draw.text("air");
        let year = air.text("year").number(i64::from(day.year())).between(-0.8, 0.8);
        // Warm and cold spells of some days, going over into each other.
        let number = number(day);
        let (spell, within) = (number.div_euclid(5), number.rem_euclid(5) as f64 / 5.0);
        let strength = |spell: i64| air.number(spell).between(-5.0, 5.0);
        let spell = strength(spell) * (1.0 - within) + strength(spell + 1) * within;
        8.8 + year + spell + 8.5 * wave((f64::from(day.day_of_year()) - 114.0) / 365.25)
    }
}

/// Days since the year 2000.
fn number(day: Date) -> i64 {
    let start = Date::constant(2000, 1, 1);
    i64::from(day.duration_since(start).as_hours() as i32 / 24)
}
