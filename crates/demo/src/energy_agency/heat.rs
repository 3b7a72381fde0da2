//! Workbooks that nobody here has seen: their columns are those of public users' code and notes.

use crate::{
    drops::{Cell, Sheet},
    world::World,
};

/// Fuels of the census in the order of its columns.
const FUELS: [&str; 18] = [
    "skovflis_TJ",
    "traepiller_TJ",
    "halm_TJ",
    "trae- og biomasseaffald_TJ",
    "bio-olie_TJ",
    "biogas_TJ",
    "affald_TJ",
    "kul_TJ",
    "fuelolie_TJ",
    "spildolie_TJ",
    "gasolie_TJ",
    "raffinaderigas_TJ",
    "lpg_TJ",
    "naturgas_TJ",
    "solenergi_TJ",
    "omgivelsesvarme_TJ",
    "elektricitet_TJ",
    "braendselsfrit_TJ",
];

/// Plants by year. A fifth of the municipalities share a net with others near them; a plant in twelve has no net.
pub(crate) fn census(world: &World) -> Vec<Sheet> {
    let mut headings = vec![
        "aar",
        "vaerk_navn",
        "vaerk_kommune",
        "fv_net",
        "varmeprod_TJ",
        "andel_varmelev",
    ];
    headings.extend(FUELS);
    let mut sheet = Sheet::new("Ark1", &headings);
    let towns: Vec<_> = world.areas.all.iter().filter(|area| area.is_municipality).collect();
    for year in 2022..=2024 {
        for (place, town) in (0i64..).zip(&towns) {
            let draw = world.draw.text("census").text(&town.code);
            for plant in 0..=(draw.text("plants").unit() * 3.0) as i64 {
                let own = draw.number(plant);
                let net = if draw.text("shared").unit() < 0.2 {
                    place / 20
                } else {
                    100 + place
                };
                let net = (own.text("net").unit() > 0.08).then_some(net);
                let heat = (own.text("heat").between(5.0, 900.0) * 10.0).round() / 10.0;
                let share = if own.text("power").unit() < 0.7 { 1.0 } else { 0.6 };
                let first = (own.text("fuel").unit() * FUELS.len() as f64) as usize;
                let second = (own.text("second").unit() * FUELS.len() as f64) as usize;
                let mut cells: Vec<Cell> = vec![
                    i64::from(year).into(),
                    format!("{} Varmeværk {}", town.name, plant + 1).into(),
                    Cell::Number(town.short.parse().unwrap_or_default()),
                    net.into(),
                    heat.into(),
                    share.into(),
                ];
                let turn = own.text("turn").number(i64::from(year)).between(0.9, 1.2);
                cells.extend((0..FUELS.len()).map(|fuel| match fuel {
                    fuel if fuel == first => Cell::from((heat * turn * 1000.0).round() / 1000.0),
                    fuel if fuel == second => Cell::from((heat * turn * 50.0).round() / 1000.0),
                    fuel if fuel % 2 == 0 => Cell::from(0i64),
                    _ => Cell::Empty,
                }));
                sheet.rows.push(cells);
            }
        }
    }
    vec![sheet]
}

/// Factors of every municipality by year; Christiansø has a row and no figure.
pub(crate) fn declaration(world: &World) -> Vec<Sheet> {
    let mut about = Sheet::new("Læs mig", &["Miljødeklaration (simuleret)"]);
    about.rows.push(vec!["Enhed: g/kWh".into()]);
    let mut sheet = Sheet::new(
        "Miljødeklaration per kommune",
        &["År", "Nr", "Kommune", "CO2e125% g/kWh", "CO2e200% g/kWh"],
    );
    for year in 2018..=2025 {
        for area in &world.areas.all {
            let own = world.draw.text("declaration").text(&area.code);
            let own = own.unit() * own.number(year).between(200.0, 500.0);
            let factor = area.is_municipality.then_some((own * 1e6).round() / 1e6);
            sheet.rows.push(vec![
                year.into(),
                Cell::Number(area.short.parse().unwrap_or_default()),
                area.name.clone().into(),
                factor.into(),
                factor.map(|factor| factor * 0.8).into(),
            ]);
        }
    }
    vec![about, sheet]
}
