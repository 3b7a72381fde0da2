#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::{heat, inventory, turbines};
use crate::{
    Script,
    drops::{Cell, Sheet},
    world::World,
};

fn world() -> World {
    World::new(Script::default()).unwrap()
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}

fn text(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        _ => "",
    }
}

/// Hundredths by code and year of a sheet of the inventory.
fn hundredths(sheet: &Sheet) -> BTreeMap<(String, String), i64> {
    let cells = sheet.rows.iter().flat_map(|row| {
        let figures = sheet.headings.iter().zip(row).skip(2);
        figures.map(|(year, cell)| {
            let key = (text(&row[0]).to_owned(), year.clone());
            (key, (number(cell).unwrap() * 100.0).round() as i64)
        })
    });
    cells.collect()
}

#[test]
fn the_sheet_of_all_gases_and_that_of_all_regimes_are_the_sums_of_the_others_and_of_each_other() {
    let (gases, regimes) = (
        inventory::by_gas(&world()).unwrap(),
        inventory::by_regime(&world()).unwrap(),
    );
    for (book, sheets) in [(&gases, 8), (&regimes, 4)] {
        assert_eq!(book.len(), 1 + sheets, "a welcome stands in front");
        let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
        for sheet in book.iter().skip(1).filter(|sheet| sheet.name != "CO2-ækv") {
            assert_eq!(sheet.rows.len(), 65);
            for (key, figure) in hundredths(sheet) {
                *sums.entry(key).or_default() += figure;
            }
        }
        let all = book.iter().find(|sheet| sheet.name == "CO2-ækv").unwrap();
        assert_eq!(hundredths(all), sums);
    }
    let all = |book: &[Sheet]| hundredths(book.iter().find(|sheet| sheet.name == "CO2-ækv").unwrap());
    let (by_gas, by_regime) = (all(&gases), all(&regimes));
    assert!(by_regime.iter().all(|(key, figure)| by_gas[key] == *figure));
    let total = |year: &str| {
        by_gas
            .iter()
            .filter(|((_, of), _)| of == year)
            .map(|(_, figure)| figure)
            .sum::<i64>()
    };
    assert!(
        total("1990") > 3 * total("2050"),
        "{} and {}",
        total("1990"),
        total("2050")
    );
}

#[test]
fn the_register_has_old_names_empty_places_two_spellings_and_sums_below() {
    let sheets = turbines::register(&world());
    let (standing, gone) = (&sheets[0], &sheets[1]);
    assert_eq!((standing.rows.len(), gone.rows.len()), (300 + 3, 60 + 1));
    assert_eq!(
        (standing.above.len(), gone.above.len()),
        (17, 17),
        "headings stand in row 18"
    );
    assert_eq!(gone.headings[2], "Dato for afmeldning");
    assert!(standing.rows.iter().all(|row| row.len() == standing.headings.len()));
    let places: BTreeSet<&str> = standing.rows[..300].iter().map(|row| text(&row[9])).collect();
    assert_eq!(places, BTreeSet::from(["HAV", "LAND", "Land"]));
    let of_turbines = &standing.rows[..300];
    assert!(
        of_turbines.iter().any(|row| matches!(row[7], Cell::Empty)),
        "at sea, without a municipality"
    );
    assert!(
        of_turbines.iter().any(|row| matches!(row[12], Cell::Empty)),
        "without coordinates"
    );
    assert!(
        of_turbines.iter().any(|row| matches!(row[6], Cell::Number(_))),
        "a model that is a number"
    );
    let ids: BTreeSet<&str> = sheets
        .iter()
        .flat_map(|sheet| &sheet.rows)
        .map(|row| text(&row[0]))
        .collect();
    // The sum of the decommissioned ones stands on both sheets.
    assert_eq!(ids.iter().filter(|id| id.len() == 18).count(), 360);
    let last_year = standing.headings.len() - 11;
    let sum: f64 = of_turbines.iter().filter_map(|row| number(&row[last_year])).sum();
    assert!((number(&standing.rows[300][last_year]).unwrap() - sum).abs() < 1e-3);
}

#[test]
fn some_nets_are_fed_from_several_municipalities_and_some_plants_have_none() {
    let sheet = &heat::census(&world())[0];
    let mut fed: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    let mut alone = 0;
    for row in &sheet.rows {
        match number(&row[3]) {
            Some(net) => {
                let town = number(&row[2]).unwrap() as u64;
                fed.entry(net as u64).or_default().insert(town);
            }
            None => alone += 1,
        }
    }
    assert!(alone > 0 && alone < sheet.rows.len() / 5, "{alone}");
    let shared = fed.values().filter(|towns| towns.len() > 1).count();
    assert!(shared >= 3 && shared < fed.len() / 4, "{shared} of {}", fed.len());
}
