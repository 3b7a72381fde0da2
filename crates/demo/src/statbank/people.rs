//! Population (FOLK1A) and land area (ARE207).

use super::{
    areas::{Levels, by_region},
    table::{Period, Table, Texts, leaves, one, summed},
};
use crate::world::{AGES, CIVIL, World};

/// First year that is simulated; the agency's own is 2008, which would be half of the demo's first night.
const FIRST_YEAR: i16 = 2016;
const AREA: Texts = ("OMRÅDE", "område", "region");

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![folk1a(world), are207(world)]
}

fn folk1a(world: &World) -> Table {
    let today = world.today();
    let newest = (today.year(), (today.month() - 1) / 3 + 1);
    let periods = (world.script.first_year(FIRST_YEAR)..=today.year())
        .flat_map(|year| (1..=4).map(move |quarter| (year, quarter)))
        .filter(|period| *period <= newest)
        .map(|(year, quarter)| format!("{year}K{quarter}"))
        .collect();
    let ages = (0..AGES).map(|age| one(&age.to_string(), &format!("{age} år"), &format!("{age} years"), age));
    let variables = vec![
        by_region(world, AREA, CHRISTIANSOE),
        summed(
            ("KØN", "køn", "sex"),
            ("TOT", "I alt", "Total"),
            leaves(&[("1", "Mænd", "Men"), ("2", "Kvinder", "Women")]),
        ),
        summed(
            ("ALDER", "alder", "age"),
            ("IALT", "Alder i alt", "Age, total"),
            ages.collect(),
        ),
        summed(
            ("CIVILSTAND", "civilstand", "marital status"),
            ("TOT", "I alt", "Total"),
            leaves(&[
                ("U", "Ugift", "Never married"),
                ("G", "Gift/separeret", "Married/separated"),
                ("E", "Enke/enkemand", "Widowed"),
                ("F", "Fraskilt", "Divorced"),
            ]),
        ),
    ];
    let texts = (
        "FOLK1A",
        "Befolkningen den 1. i kvartalet",
        "Population at the first day of the quarter",
    );
    Table {
        updated: format!("{}-{:02}-11T08:00:00", newest.0, (newest.1 - 1) * 3 + 2),
        periods,
        ..Table::new(texts, ("Antal", "Number"), variables, people)
    }
}

const CHRISTIANSOE: Levels = Levels {
    landsdele: false,
    christiansoe: true,
    unknown: false,
};

fn people(world: &World, _: &Table, period: Period) -> Vec<i64> {
    let mut cells = Vec::with_capacity(world.areas.all.len() * 2 * AGES * CIVIL);
    for area in &world.areas.all {
        cells.extend(world.people(area, period.year, period.within));
    }
    cells
}

fn are207(world: &World) -> Table {
    let last = world.today().year();
    let month = if world.restated() { 3 } else { 2 };
    let texts = ("ARE207", "Areal 1. januar", "Area 1 January");
    Table {
        decimals: 2,
        updated: format!("{last}-{month:02}-27T08:00:00"),
        footnote: Some("Simuleret areal: tallene er opfundet og siger intet om virkelige kommuner."),
        periods: (2007..=last).map(|year| year.to_string()).collect(),
        ..Table::new(
            texts,
            ("Km2", "Km2"),
            vec![by_region(world, AREA, CHRISTIANSOE)],
            |world, _, period| {
                let places = 0..world.areas.all.len();
                places.map(|place| world.hectares(place, period.year)).collect()
            },
        )
    }
}
