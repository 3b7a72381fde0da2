//! Household waste (LABY24, LABY25), land cover (AREALDK), industry's energy (ENEGEO).

use super::{
    areas::{Levels, by_group, by_region, group, members, persons},
    table::{Period, Table, Texts, Value, Variable, fill, leaves, one, summed, units, years},
};
use crate::world::World;

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![laby24(world), laby25(world), arealdk(world), enegeo(world)]
}

const REGIONS: Levels = Levels {
    landsdele: false,
    christiansoe: true,
    unknown: false,
};

const TREATMENTS: [Texts; 3] = [
    (
        "GENANV",
        "Genanvendelse, inkl. anden endelig materialenyttiggørelse",
        "Recycling",
    ),
    ("FORBRND", "Forbrænding", "Incineration"),
    ("DEPOT", "Deponering", "Landfill"),
];
const FRACTIONS: [Texts; 5] = [
    ("A", "DAGRENOVATION OG LIGNENDE", "Residual waste"),
    ("B", "ORGANISK AFFALD, INKL. HAVEAFFALD", "Organic waste"),
    ("D", "PAPIR OG PAP", "Paper and cardboard"),
    ("H", "PLAST OG DÆK", "Plastic and tyres"),
    ("X", "ØVRIGT AFFALD", "Other waste"),
];

/// The waste of a year comes out in the second December after it.
fn waste_years(world: &World) -> (String, Vec<String>) {
    let last = world.today().year();
    let updated = format!("{}-12-20T08:00:00", last - 1);
    (updated, years(world, last - 5, last - 3))
}

fn laby24(world: &World) -> Table {
    let variables = vec![
        by_group(world, ("KOMGRP", "kommunegruppe", "municipality groups")),
        summed(
            ("BEHANDLING", "behandlingsform", "kind of treatment"),
            ("TOT", "I alt", "Total"),
            leaves(&TREATMENTS),
        ),
        summed(
            ("AFFFRAK", "affaldsfraktion", "waste category"),
            ("TOTHHAFFALD", "HUSHOLDNINGSAFFALD I ALT", "HOUSEHOLD WASTE, TOTAL"),
            leaves(&FRACTIONS),
        ),
    ];
    let (updated, periods) = waste_years(world);
    Table {
        updated,
        periods,
        ..Table::new(
            ("LABY24", "Husholdningsaffald", "Household waste"),
            ("Ton", "Tonne"),
            variables,
            |world, table, period| {
                let persons = persons(world, period.year);
                fill(table, |at| waste(world, persons[at[0]], period, at[0], at[1], at[2]))
            },
        )
    }
}

/// Tonnes of a municipality's household waste by treatment and fraction.
fn waste(world: &World, persons: f64, period: Period, place: usize, treatment: usize, fraction: usize) -> i64 {
    let town = world.draw.text("waste").text(&world.areas.all[place].code);
    let cell = town.number((treatment * 10 + fraction) as i64);
    let recycled = 0.30 + 0.015 * f64::from((period.year - 2013).clamp(0, 20));
    let share = [recycled, 0.96 - recycled, 0.04][treatment] * [0.3, 0.3, 0.12, 0.05, 0.23][fraction];
    (persons * 0.52 * share * cell.between(0.8, 1.2)).round() as i64
}

fn laby25(world: &World) -> Table {
    let variables = vec![
        by_group(world, ("KOMGRP", "kommunegruppe", "municipality groups")),
        units(
            ("BNOGLE", "nøgletal", "key figures"),
            &[
                (
                    "GENPCT",
                    "Husholdningsaffald indsamlet til genanvendelse (pct.)",
                    "Household waste collected for recycling (per cent)",
                ),
                (
                    "AFFALDIND",
                    "Husholdningsaffald (kg. pr. indbygger)",
                    "Household waste (kg per inhabitant)",
                ),
            ],
        ),
    ];
    let (updated, periods) = waste_years(world);
    let texts = (
        "LABY25",
        "Nøgletal for husholdningsaffald",
        "Key figures for household waste",
    );
    Table {
        updated,
        periods,
        ratio: key_figure,
        // The share of an island of ninety people.
        is_hidden: |values, _| values[0].id == "411" && values[1].id == "GENPCT",
        ..Table::new(texts, ("-", "-"), variables, |_, table, _| fill(table, |_| 0))
    }
}

/// What LABY25 says follows from LABY24's tonnes.
fn key_figure(world: &World, _: &Table, values: &[&Value], period: Period, _: i64) -> Option<i64> {
    let (mut heads, mut tonnes) = (0.0, [0.0; TREATMENTS.len()]);
    for place in &values[0].leaves {
        let persons = world.population(&world.areas.all[*place], period.year, 1) as f64;
        heads += persons;
        for (treatment, tonnes) in tonnes.iter_mut().enumerate() {
            let fractions = 0..FRACTIONS.len();
            let cells = fractions.map(|fraction| waste(world, persons, period, *place, treatment, fraction));
            *tonnes += cells.sum::<i64>() as f64;
        }
    }
    let all: f64 = tonnes.iter().sum();
    let figure = match values[1].id.as_str() {
        "GENPCT" => tonnes[0] / all * 100.0,
        _ => all * 1000.0 / heads,
    };
    Some(figure.round() as i64)
}

/// Codes of one letter are the sums of those with a digit behind; E and H have no parts.
const COVER: [Texts; 17] = [
    ("A1", "Veje, befæstede", "Roads, paved"),
    ("A15", "Veje, ubefæstede", "Roads, unpaved"),
    ("A2", "Jernbaner", "Railways"),
    ("A3", "Landingsbaner", "Runways"),
    ("B1", "Bygninger", "Buildings"),
    ("B2", "Anden bebyggelse", "Other built-up area"),
    ("C1", "Råstofområder", "Quarries"),
    ("C2", "Rekreative områder", "Recreational areas"),
    (
        "D1",
        "Intensivt landbrug, midlertidige afgrøder",
        "Intensive agriculture, temporary crops",
    ),
    (
        "D2",
        "Intensivt landbrug, permanente afgrøder",
        "Intensive agriculture, permanent crops",
    ),
    ("D3", "Ekstensivt landbrug", "Extensive agriculture"),
    ("D4", "Landbrug, ikke klassificeret", "Agriculture, not classified"),
    ("E", "Skov", "Forest"),
    (
        "F1",
        "Heder, klitter og anden tør natur",
        "Heaths, dunes and other dry nature",
    ),
    (
        "F2",
        "Enge, moser og anden våd natur",
        "Meadows, bogs and other wet nature",
    ),
    ("G1", "Søer", "Lakes"),
    ("G2", "Vandløb", "Watercourses"),
];
const LETTERS: [Texts; 6] = [
    ("A", "Veje, jernbaner og landingsbaner", "Roads, railways and runways"),
    ("B", "Bebyggelse", "Built-up area"),
    ("C", "Andre kunstige overflader", "Other artificial surfaces"),
    ("D", "Landbrug", "Agriculture"),
    ("F", "Lysåben natur", "Open nature"),
    ("G", "Søer og vandløb", "Lakes and watercourses"),
];

fn arealdk(world: &World) -> Table {
    let places = world.areas.all.len();
    let mut areas = by_region(world, ("OMRÅDE", "område", "region"), Levels::default());
    // Land that no register gives to a municipality counts in LAND only, not in 000.
    let country = members(world, |area| area.is_municipality);
    areas.size = places + 1;
    areas.whole.leaves.push(places);
    let whole = country.into_iter().chain([places]).collect();
    let extra = [
        group(
            "LAND",
            "Hele landet, inkl. ikke-matrikuleret areal",
            "All Denmark, all land",
            whole,
        ),
        one(
            "IKMAK",
            "Ikke fordelt på kommune",
            "Not allocated to a municipality",
            places,
        ),
    ];
    areas.values.splice(0..0, extra);
    let variables = vec![
        cover(),
        areas,
        units(
            ("ENHED", "enhed", "unit"),
            &[
                ("0120", "Kvadratkilometer (km2)", "Square kilometres (km2)"),
                (
                    "0130",
                    "Kvadratmeter (m2) pr. indbygger",
                    "Square metres (m2) per inhabitant",
                ),
                ("0140", "Procent", "Per cent"),
            ],
        ),
    ];
    Table {
        decimals: 1,
        updated: "2023-01-16T08:00:00".to_owned(),
        periods: ["2018", "2021"].map(str::to_owned).to_vec(),
        ratio: cover_in_unit,
        ..Table::new(
            ("AREALDK", "Areal", "Land"),
            ("-", "-"),
            variables,
            |world, table, period| fill(table, |at| covered(world, at[1], at[0], period.year)),
        )
    }
}

fn cover() -> Variable {
    let mut parts = leaves(&COVER);
    parts.push(one("H", "Ikke klassificeret", "Not classified", COVER.len()));
    let mut variable = summed(("ARE1", "arealdække", "land cover"), ("TOT", "I alt", "Total"), parts);
    for (letter, da, en) in LETTERS {
        let within = variable.values.iter().enumerate();
        let within: Vec<usize> = within
            .filter(|(_, value)| value.id.starts_with(letter))
            .map(|(place, _)| place)
            .collect();
        let leaves = within.iter().flat_map(|place| variable.values[*place].leaves.clone());
        let value = group(letter, da, en, leaves.collect());
        if let Some(first) = within.first() {
            variable.values.insert(*first, value);
        }
    }
    variable
}

/// Tenths of a square kilometre; the leaf behind the areas is the land outside the register.
fn covered(world: &World, place: usize, kind: usize, year: i16) -> i64 {
    const SHARES: [f64; 18] = [
        0.03, 0.01, 0.002, 0.001, 0.04, 0.06, 0.005, 0.02, 0.5, 0.02, 0.05, 0.02, 0.14, 0.03, 0.05, 0.01, 0.005, 0.007,
    ];
    let Some(area) = world.areas.all.get(place) else {
        return [2, 1, 0, 0][kind % 4];
    };
    if !area.is_municipality {
        return 0;
    }
    let cell = world.draw.text("cover").text(&area.code).number(kind as i64);
    // Forest grows a little.
    let grown = if kind == 12 {
        1.0 + 0.003 * f64::from(year - 2011)
    } else {
        1.0
    };
    let tenths = world.hectares(place, 2018) as f64 / 10.0;
    (tenths * SHARES[kind] * grown * cell.between(0.7, 1.3)).round() as i64
}

/// Per inhabitant and in per cent of the area, from the square kilometres.
fn cover_in_unit(world: &World, _: &Table, values: &[&Value], period: Period, sum: i64) -> Option<i64> {
    let places = &values[1].leaves;
    match values[2].id.as_str() {
        "0130" => {
            let towns = places.iter().filter_map(|place| world.areas.all.get(*place));
            let heads: i64 = towns.map(|area| world.population(area, period.year, 1)).sum();
            Some((sum as f64 * 1_000_000.0 / heads.max(1) as f64).round() as i64)
        }
        "0140" => {
            let kinds = 0..=COVER.len();
            let all: i64 = places
                .iter()
                .flat_map(|place| kinds.clone().map(|kind| covered(world, *place, kind, period.year)))
                .sum();
            Some((sum as f64 * 1000.0 / (all as f64).max(1.0)).round() as i64)
        }
        _ => None,
    }
}

/// Industry is asked every second year. A municipality with few works is not shown.
fn enegeo(world: &World) -> Table {
    let variables = vec![by_region(world, ("KOMK", "kommune", "municipality"), REGIONS)];
    let last = world.today().year() - 2;
    let last = last - last % 2;
    Table {
        updated: format!("{}-08-26T08:00:00", last + 1),
        periods: [last - 2, last].map(|year| year.to_string()).to_vec(),
        is_hidden: |values, _| SECRET.contains(&values[0].id.as_str()),
        ..Table::new(
            ("ENEGEO", "Industriens energiforbrug", "Energy consumption of industry"),
            ("1.000 GJ (gigajoule)", "1,000 GJ (gigajoule)"),
            variables,
            |world, table, period| {
                let persons = persons(world, period.year);
                fill(table, |at| {
                    let area = &world.areas.all[at[0]];
                    if SECRET.contains(&area.short.as_str()) {
                        return 0;
                    }
                    let town = world.draw.text("industry").text(&area.code);
                    (persons[at[0]] * 0.017 * town.between(0.2, 2.0)).round() as i64
                })
            },
        )
    }
}

const SECRET: [&str; 2] = ["411", "563"];
