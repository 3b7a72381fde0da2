//! Vehicles: the stock (BIL54) and what was registered (BIL53).

use super::{
    areas::{Levels, by_region, persons},
    table::{Period, Table, Texts, fill, leaves, summed},
};
use crate::world::World;

/// First year that is simulated; the agency's own is 2018.
const FIRST_YEAR: i16 = 2021;

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![bil54(world), bil53(world)]
}

fn bil54(world: &World) -> Table {
    let newest = world.last_full_month();
    let periods = (world.script.first_year(FIRST_YEAR)..=newest.0)
        .flat_map(|year| (1..=12).map(move |month| (year, month)))
        .filter(|period| *period <= newest)
        .map(|(year, month)| format!("{year}M{month:02}"))
        .collect();
    let day = if world.restated() { 12 } else { 10 };
    let today = world.today();
    let levels = Levels {
        landsdele: true,
        christiansoe: true,
        unknown: true,
    };
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), levels),
        summed(
            ("BILTYPE", "køretøjstype", "type of vehicle"),
            ("4000100001", "Køretøjer i alt", "Vehicles, total"),
            leaves(&[
                ("4000101002", "Personbiler i alt", "Passenger cars, total"),
                ("4000102000", "Varebiler i alt", "Vans, total"),
                ("4000103000", "Lastbiler i alt", "Lorries, total"),
                ("4000103030", "Sættevognstrækkere i alt", "Road tractors, total"),
            ]),
        ),
        summed(
            ("BRUG", "anvendelse", "use"),
            ("1000", "I alt", "Total"),
            leaves(&[
                ("1100", "Privat kørsel", "Private use"),
                ("1200", "Erhvervskørsel", "Business use"),
            ]),
        ),
        summed(
            ("DRIV", "drivmiddel", "propellant"),
            ("20200", "Drivmidler i alt", "Propellants, total"),
            leaves(&PROPELLANTS),
        ),
    ];
    let texts = ("BIL54", "Bestand af motorkøretøjer", "Stock of motor vehicles");
    Table {
        updated: format!("{}-{:02}-{day}T08:00:00", today.year(), today.month()),
        periods,
        // Christiansø's hydrogen vehicles.
        is_hidden: |values, _| {
            values.first().is_some_and(|area| area.id == "411")
                && values.last().is_some_and(|propellant| propellant.id == "20231")
        },
        ..Table::new(texts, ("Antal", "Number"), variables, stock)
    }
}

/// Propellants with the agency's codes, in its order.
const PROPELLANTS: [Texts; 11] = [
    ("20205", "Benzin", "Petrol"),
    ("20210", "Diesel", "Diesel"),
    ("20215", "F-gas", "LPG"),
    ("20220", "N-gas", "Natural gas"),
    ("20225", "El", "Electricity"),
    ("20230", "Petroleum", "Kerosene"),
    ("20231", "Brint", "Hydrogen"),
    ("20256", "Metanol", "Methanol"),
    ("20258", "Ætanol", "Ethanol"),
    ("20232", "Pluginhybrid", "Plug-in hybrid"),
    ("20235", "Øvrige drivmidler", "Other propellants"),
];

fn stock(world: &World, _: &Table, period: Period) -> Vec<i64> {
    let (year, month) = (period.year, period.within);
    let months = f64::from(i32::from(year) - 2018) * 12.0 + f64::from(month - 1);
    let newest = (year, month) == world.last_full_month();
    let mut cells = Vec::new();
    for place in 0..=world.areas.all.len() {
        let area = world.areas.all.get(place);
        let code = area.map_or("99", |area| area.code.as_str());
        let town = world.draw.text("vehicles").text(code);
        let persons = area.map_or(3_000, |area| world.population(area, 2018, 1)) as f64;
        for (kind, per_person) in [0.45, 0.07, 0.006, 0.003].into_iter().enumerate() {
            for (used, share) in [0.8, 0.2].into_iter().enumerate() {
                for (propellant, (code, ..)) in PROPELLANTS.iter().enumerate() {
                    let cell = town.number((kind * 100 + used * 20 + propellant) as i64);
                    let share = share * propellant_share(code, kind, months) * cell.between(0.8, 1.2);
                    let mut count = (persons * per_person * share + cell.text("part").unit() * 0.9).floor() as i64;
                    let is_christiansoe = area.is_some_and(|area| !area.is_municipality);
                    if is_christiansoe && *code == "20231" {
                        count = 0;
                    }
                    // The newest month is counted again: late registrations of electric cars.
                    if world.restated() && newest && *code == "20225" && cell.text("late").unit() < 0.2 {
                        count += 3;
                    }
                    cells.push(count);
                }
            }
        }
    }
    cells
}

/// Share of a propellant among vehicles of a kind (0 cars), `months` after January 2018.
fn propellant_share(code: &str, kind: usize, months: f64) -> f64 {
    let turned = (months / 130.0).min(1.0).powi(2) * if kind == 0 { 0.35 } else { 0.12 };
    match (code, kind) {
        ("20205", 0) => 0.68 * (1.0 - turned),
        ("20205", _) => 0.04 * (1.0 - turned),
        ("20210", 0) => 0.30 * (1.0 - turned),
        ("20210", _) => 0.95 * (1.0 - turned),
        ("20225", _) => 0.003 + turned * 0.8,
        ("20232", 0) => 0.002 + turned * 0.2,
        ("20220", _) => 0.0008,
        ("20231", _) => 0.00005,
        ("20215" | "20235", _) => 0.00002,
        // Petroleum, methanol, ethanol and plug-in hybrids other than cars: none, which BULK leaves out.
        _ => 0.0,
    }
}

/// Last year and this, two kinds and three propellants: the stock has enough of the rest.
fn bil53(world: &World) -> Table {
    let (year, month) = world.last_full_month();
    let levels = Levels {
        landsdele: true,
        christiansoe: true,
        unknown: true,
    };
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), levels),
        summed(
            ("BILTYPE", "køretøjstype", "type of vehicle"),
            ("4000100001", "Køretøjer i alt", "Vehicles, total"),
            leaves(&[
                ("4000101002", "Personbiler i alt", "Passenger cars, total"),
                ("4000102000", "Varebiler i alt", "Vans, total"),
            ]),
        ),
        summed(
            ("BRUG", "brugerforhold", "terms of use"),
            ("1000", "I alt", "Total"),
            leaves(&[
                ("1100", "I husholdningerne", "In households"),
                ("1200", "I erhvervene", "In businesses"),
            ]),
        ),
        summed(
            ("DRIV", "drivmiddel", "propellant"),
            ("20200", "Drivmidler i alt", "Propellants, total"),
            leaves(&REGISTERED),
        ),
    ];
    let texts = (
        "BIL53",
        "Nyregistrerede motorkøretøjer",
        "New registration of motor vehicles",
    );
    let today = world.today();
    Table {
        updated: format!("{}-{:02}-12T08:00:00", today.year(), today.month()),
        periods: (year - 1..=year)
            .flat_map(|year| (1..=12).map(move |month| (year, month)))
            .filter(|period| *period <= (year, month))
            .map(|(year, month)| format!("{year}M{month:02}"))
            .collect(),
        ..Table::new(texts, ("Antal", "Number"), variables, registered)
    }
}

const REGISTERED: [Texts; 3] = [
    ("20205", "Benzin", "Petrol"),
    ("20210", "Diesel", "Diesel"),
    ("20225", "El", "Electricity"),
];

fn registered(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    fill(table, |at| {
        let &[place, kind, used, propellant] = at else { return 0 };
        let code = world.areas.all.get(place).map_or("99", |area| area.code.as_str());
        let cell = world
            .draw
            .text("registered")
            .text(code)
            .number(i64::from(period.year) * 100 + i64::from(period.within));
        let cell = cell.number((kind * 100 + used * 10 + propellant) as i64);
        let persons = persons.get(place).copied().unwrap_or(2_000.0);
        let share = [0.0025, 0.0005][kind] * [0.6, 0.4][used] * [0.3, 0.1, 0.6][propellant];
        (persons * share * cell.between(0.6, 1.4) + cell.text("part").unit()).floor() as i64
    })
}
