//! The weather's part of a change in emissions: an estimate with a range.

use super::effect::Split;
use crate::data::{Area, Facts, Heat, Lack};

/// How much of the heat follows the degree days: low, middle and high. It is not in the data. Middle and high are those of
/// dwellings and of cultural buildings in the handbook of the energy labelling (30 and 14 % that do not follow); low is an
/// assumption: some of the fuel in trade is for other things than heat, and losses of a net hardly follow the weather.
pub(super) const SHARES: [f64; 3] = [0.50, 0.70, 0.86];

/// The weather's part between two years.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weather {
    /// Tonnes, had all heat followed the degree days.
    whole: f64,
    /// Municipalities, of which so many without their district heat.
    pub(super) members: usize,
    pub(super) without_district: usize,
    /// Cells of the account without a figure.
    pub(super) left_out: usize,
}

impl Weather {
    /// Of one municipality: mean emissions of heating x change of degree days as a part of their mean.
    fn of(heat: Heat, [before, after]: [f64; 2]) -> Result<Self, Lack> {
        let mean = (before + after) / 2.0;
        if mean <= 0.0 {
            return Err(Lack::DegreeDays);
        }
        Ok(Self {
            whole: heat.tonne * (after - before) / mean,
            members: 1,
            without_district: usize::from(!heat.has_district),
            left_out: heat.left_out,
        })
    }

    fn add(self, other: Self) -> Self {
        Self {
            whole: self.whole + other.whole,
            members: self.members + other.members,
            without_district: self.without_district + other.without_district,
            left_out: self.left_out + other.left_out,
        }
    }

    /// Tonnes at the low, the middle and the high share.
    pub(super) fn tonne(&self) -> [f64; 3] {
        SHARES.map(|share| share * self.whole)
    }

    /// What is left of a split, at the low, the middle and the high share.
    pub(super) fn rest(&self, split: &Split) -> [f64; 3] {
        self.tonne().map(|weather| split.rest() - weather)
    }
}

/// The weather's part of an area: of a region and the country the sum, where all municipalities have one.
pub(super) fn between(facts: &Facts, area: &Area, years: [i16; 2]) -> Result<Weather, Lack> {
    let members: Vec<&Area> = if area.region.is_empty() {
        facts.members(&area.code).collect()
    } else {
        vec![area]
    };
    let each: Vec<Result<Weather, Lack>> = members
        .iter()
        .map(|member| of_one(facts, &member.code, years))
        .collect();
    let lacking = each.iter().filter(|one| one.is_err()).count();
    match each.first() {
        Some(Err(lack)) if each.len() == 1 => Err(*lack),
        _ if lacking > 0 || each.is_empty() => Err(Lack::Members(lacking, each.len())),
        _ => Ok(each.into_iter().flatten().fold(Weather::default(), Weather::add)),
    }
}

fn of_one(facts: &Facts, code: &str, years: [i16; 2]) -> Result<Weather, Lack> {
    let both = |indicator: &str| -> Option<[f64; 2]> {
        let at = |year| facts.indicator(indicator)?.at(code, year)?.value;
        Some([at(years[0])?, at(years[1])?])
    };
    let days = both("heating_degree_days").ok_or(Lack::DegreeDays)?;
    let electricity = both("electricity_emission_factor").map(|[before, after]| (before + after) / 2.0);
    Weather::of(facts.heating.between(code, years, electricity)?, days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAT: Heat = Heat {
        tonne: 1000.0,
        has_district: true,
        left_out: 0,
    };

    #[test]
    fn a_tenth_fewer_degree_days_take_the_following_part_of_a_tenth_away() {
        // 2850 is 5 % below and 3150 5 % above their mean.
        let weather = Weather::of(HEAT, [3150.0, 2850.0]).unwrap();
        let [low, middle, high] = weather.tonne();
        assert!((low + 50.0).abs() < 1e-9 && (middle + 70.0).abs() < 1e-9 && (high + 86.0).abs() < 1e-9);
    }

    #[test]
    fn the_rest_is_what_neither_factor_nor_weather_took_and_its_range_is_the_weathers() {
        let split = Split {
            from: 2020,
            to: 2022,
            whole: -500.0,
            factor: -120.0,
        };
        let rest = Weather::of(HEAT, [3150.0, 2850.0]).unwrap().rest(&split);
        for (found, expected) in rest.iter().zip([-330.0, -310.0, -294.0]) {
            assert!((found - expected).abs() < 1e-9, "{rest:?}");
        }
    }

    #[test]
    fn parts_of_municipalities_add_up_and_say_what_they_lack() {
        let without = Heat {
            has_district: false,
            left_out: 2,
            ..HEAT
        };
        let one = Weather::of(HEAT, [3150.0, 2850.0]).unwrap();
        let sum = one.add(Weather::of(without, [2850.0, 3150.0]).unwrap());
        assert_eq!(sum.tonne(), [0.0; 3]);
        assert_eq!((sum.members, sum.without_district, sum.left_out), (2, 1, 2));
        assert_eq!(Weather::of(HEAT, [0.0, 0.0]), Err(Lack::DegreeDays));
    }
}
