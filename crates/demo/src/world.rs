use jiff::civil::Date;
use klimalade_model::Result;

use crate::{
    Script,
    area::{Area, Areas},
    draw::Draw,
};

/// What every agency agrees on: the areas, how many live there, how large they are.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) script: Script,
    pub(crate) areas: Areas,
    pub(crate) draw: Draw,
    people: People,
}

/// Ages 0..=125.
pub(crate) const AGES: usize = 126;
/// Unmarried, married, widowed, divorced.
pub(crate) const CIVIL: usize = 4;
/// Sex x age x civil status.
pub(crate) const PEOPLE_CELLS: usize = 2 * AGES * CIVIL;

/// Share of the whole that falls on each cell of sex, age and civil status; the same in every area.
#[derive(Debug)]
struct People(Vec<f64>);

impl World {
    pub(crate) fn new(script: Script) -> Result<Self> {
        let draw = Draw::new(script.seed);
        Ok(Self {
            areas: Areas::embedded()?,
            draw,
            people: People::new(),
            script,
        })
    }
    /// True from the second night on, when figures are restated.
    pub(crate) fn restated(&self) -> bool {
        self.script.night > 0
    }
    /// The last day before the month of `today`.
    pub(crate) fn last_full_month(&self) -> (i16, i8) {
        let today = self.script.today;
        if today.month() == 1 {
            (today.year() - 1, 12)
        } else {
            (today.year(), today.month() - 1)
        }
    }
    /// About how many live in an area, whatever the year.
    pub(crate) fn people_about(&self, area: &Area) -> f64 {
        let town = self.draw.text("people").text(&area.code);
        if !area.is_municipality {
            return 60.0 + 60.0 * town.unit();
        }
        let size = town.unit();
        // Most are small towns, one in twenty is a city.
        let city = if town.text("city").unit() < 0.05 { 6.0 } else { 1.0 };
        (4_000.0 + 56_000.0 * size * size) * city
    }
    /// Persons in every cell of sex, age and civil status on the first day of a quarter (1..=4).
    pub(crate) fn people(&self, area: &Area, year: i16, quarter: i8) -> impl Iterator<Item = i64> + '_ {
        let town = self.draw.text("people").text(&area.code);
        let base = self.people_about(area);
        let quarters = f64::from(i32::from(year) - 2008) * 4.0 + f64::from(quarter - 1);
        let growth = town.text("growth").between(-0.0008, 0.0018);
        let persons = base * (1.0 + growth * quarters);
        // The fraction of a person is rounded by a draw that does not depend on the quarter, so that a cell does
        // not flicker from one quarter to the next.
        self.people.0.iter().enumerate().map(move |(cell, share)| match *share {
            0.0 => 0,
            share => (persons * share + town.number(cell as i64).unit()).floor() as i64,
        })
    }
    /// All persons on the first day of a quarter.
    pub(crate) fn population(&self, area: &Area, year: i16, quarter: i8) -> i64 {
        self.people(area, year, quarter).sum()
    }
    /// Area on 1 January in hundredths of a square kilometre. On the second night the last two years of two
    /// municipalities are restated.
    pub(crate) fn hectares(&self, place: usize, year: i16) -> i64 {
        let area = &self.areas.all[place];
        let land = self.draw.text("land").text(&area.code);
        if !area.is_municipality {
            return 30 + (land.unit() * 20.0) as i64;
        }
        let base = 900 + (land.unit() * land.text("wide").unit() * 140_000.0) as i64;
        // The register is measured again now and then.
        let measured = (2008..=year)
            .filter(|year| land.number(i64::from(*year)).unit() < 0.2)
            .count() as i64;
        let drift = (land.text("drift").unit() * 9.0) as i64 - 4;
        let restated = self.restated() && self.is_restated(place) && year > self.script.today.year() - 2;
        base + measured * drift + if restated { 17 } else { 0 }
    }
    /// The two municipalities whose figures are restated on the second night.
    fn is_restated(&self, place: usize) -> bool {
        let towns = self
            .areas
            .all
            .iter()
            .enumerate()
            .filter(|(_, area)| area.is_municipality)
            .map(|(place, _)| place);
        let towns: Vec<usize> = towns.collect();
        let first = self.draw.text("restated").bits() as usize % towns.len();
        let second = (first + towns.len() / 2) % towns.len();
        place == towns[first] || place == towns[second]
    }
    /// The Danish civil day on which the agencies believe to be.
    pub(crate) fn today(&self) -> Date {
        self.script.today
    }
}

impl People {
    fn new() -> Self {
        let ages: Vec<f64> = (0..AGES).map(|age| weight(age as f64)).collect();
        let sum: f64 = ages.iter().sum();
        let mut shares = Vec::with_capacity(PEOPLE_CELLS);
        for sex in 0..2 {
            for (age, weight) in ages.iter().enumerate() {
                // Women outlive men.
                let old = (age as f64 - 60.0).max(0.0) / 100.0;
                let sex_share = if sex == 0 {
                    0.5 - old.min(0.4)
                } else {
                    0.5 + old.min(0.4)
                };
                shares.extend(civil(age as f64).map(|share| weight / sum * sex_share * share));
            }
        }
        Self(shares)
    }
}

/// How many are of an age: level to 75, falling to none at 108.
fn weight(age: f64) -> f64 {
    match age {
        age if age < 75.0 => 12.0 + (age % 27.0) / 9.0,
        age if age < 108.0 => 13.0 * ((108.0 - age) / 33.0).powi(2),
        _ => 0.0,
    }
}

/// Shares of the unmarried, married, widowed and divorced of an age.
fn civil(age: f64) -> [f64; CIVIL] {
    if age < 18.0 {
        return [1.0, 0.0, 0.0, 0.0];
    }
    let widowed = ((age - 40.0).max(0.0) / 100.0).powi(2).min(0.6);
    let divorced = ((age - 25.0).max(0.0) / 300.0).min(0.15);
    let married = ((age - 18.0) / 60.0).min(0.6) * (1.0 - widowed);
    [1.0 - widowed - divorced - married, married, widowed, divorced].map(|share| share.max(0.0))
}
