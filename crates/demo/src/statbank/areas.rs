//! The area variable of a table. StatBank mixes levels in one column: country, regions, landsdele, municipalities,
//! unknown; which of them a table has, and what the variable is called, differs from table to table.

use super::table::{Texts, Value, Variable, listed, one};
use crate::{area::Area, world::World};

/// What an area variable has besides the country, its regions and the municipalities.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Levels {
    pub(super) landsdele: bool,
    /// Christiansø, 411.
    pub(super) christiansoe: bool,
    /// 99, in the leaf behind all areas.
    pub(super) unknown: bool,
}

/// Country, regions, (landsdele,) municipalities, (unknown).
pub(super) fn by_region(world: &World, texts: Texts, levels: Levels) -> Variable {
    let areas = &world.areas;
    let unknown = levels.unknown.then_some(areas.all.len());
    let shown = |area: &Area| area.is_municipality || levels.christiansoe;
    let country = members(world, shown).into_iter().chain(unknown).collect();
    let mut values = vec![group("000", "Hele landet", "All Denmark", country)];
    for (at, region) in areas.regions.iter().enumerate() {
        let within = members(world, |area| shown(area) && area.region == at);
        if within.is_empty() {
            continue;
        }
        values.push(group(&region.statbank, &region.name, &region.name, within.clone()));
        if !levels.landsdele {
            values.extend(within.into_iter().map(|place| town(world, place)));
            continue;
        }
        for (part, landsdel) in areas.landsdele.iter().enumerate() {
            let within = members(world, |area| shown(area) && area.region == at && area.landsdel == part);
            if within.is_empty() {
                continue;
            }
            let english = landsdel.name.replace("Landsdel", "Province");
            values.push(group(&landsdel.statbank, &landsdel.name, &english, within.clone()));
            values.extend(within.into_iter().map(|place| town(world, place)));
        }
    }
    if let Some(place) = unknown {
        values.push(one("99", "Uoplyst", "Unknown", place));
    }
    with_map(world, texts, values, levels.unknown, "Denmark_municipality_07")
}

/// Country, the five groups of municipalities under their own codes, municipalities, Christiansø: tables LABY*.
pub(super) fn by_group(world: &World, texts: Texts) -> Variable {
    let mut values = vec![group("000", "Hele landet", "All Denmark", members(world, |_| true))];
    for (at, (code, _, da, en)) in GROUPS.iter().enumerate() {
        let within = members(world, |area| area.group == Some(at));
        values.push(group(code, da, en, within.clone()));
        values.extend(within.into_iter().map(|place| town(world, place)));
    }
    values.extend(
        members(world, |area| !area.is_municipality)
            .into_iter()
            .map(|place| town(world, place)),
    );
    with_map(world, texts, values, false, "denmark_municipalitygroups_24")
}

/// The groups of municipalities under the codes that the tables of the accounts give them (910 to 960).
pub(super) fn account_groups(world: &World) -> Vec<Value> {
    let group_of = |(at, (_, code, da, en)): (usize, &(&str, &str, &str, &str))| {
        group(code, da, en, members(world, |area| area.group == Some(at)))
    };
    GROUPS.iter().enumerate().map(group_of).collect()
}

/// Code in LABY*, code in REGK*, Danish and English text.
const GROUPS: [(&str, &str, &str, &str); 5] = [
    ("1", "910", "Hovedstadskommuner", "Capital municipalities"),
    ("2", "920", "Storbykommuner", "Metropolitan municipalities"),
    ("3", "930", "Provinsbykommuner", "Provincial municipalities"),
    ("4", "940", "Oplandskommuner", "Commuter municipalities"),
    ("5", "960", "Landkommuner", "Rural municipalities"),
];

/// Persons on 1 January of a year, by place.
pub(super) fn persons(world: &World, year: i16) -> Vec<f64> {
    let areas = world.areas.all.iter();
    areas.map(|area| world.population(area, year, 1) as f64).collect()
}

pub(super) fn members(world: &World, keep: impl Fn(&Area) -> bool) -> Vec<usize> {
    let places = world.areas.all.iter().enumerate().filter(|(_, area)| keep(area));
    places.map(|(place, _)| place).collect()
}

pub(super) fn group(id: &str, da: &str, en: &str, leaves: Vec<usize>) -> Value {
    Value {
        leaves,
        ..one(id, da, en, 0)
    }
}

fn town(world: &World, place: usize) -> Value {
    let area = &world.areas.all[place];
    one(&area.short, &area.name, &area.name, place)
}

fn with_map(world: &World, texts: Texts, values: Vec<Value>, unknown: bool, map: &'static str) -> Variable {
    let whole = values[0].clone();
    Variable {
        map: Some(map),
        size: world.areas.all.len() + usize::from(unknown),
        whole,
        ..listed(texts, values)
    }
}
