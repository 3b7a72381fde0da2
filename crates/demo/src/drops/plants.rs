//! Plants and projects that no interface offers: one workbook with two sheets for each kind.

use jiff::civil::date;
use klimalade_model::Result;

use super::{Cell, Dropped, Sheet, workbook::workbook};
use crate::{area::Area, draw::Draw, world::World};

const FIRST_YEAR: i16 = 2021;
const LAST_YEAR: i16 = 2025;

/// Treatment plants, biogas plants, projects of CCS and Power-to-X.
pub(crate) fn files(world: &World) -> Result<Vec<Dropped>> {
    let workbooks = [
        ("puls/renseanlaeg.xlsx", treatment_plants(world)),
        ("biogas/biogasanlaeg.xlsx", biogas_plants(world)),
        ("ccs-ptx/projekter.xlsx", projects(world)),
    ];
    let dropped = workbooks.into_iter().map(|(path, sheets)| {
        Ok(Dropped {
            path: path.to_owned(),
            bytes: workbook(&sheets)?,
        })
    });
    dropped.collect()
}

fn towns(world: &World) -> impl Iterator<Item = &Area> {
    world.areas.all.iter().filter(|area| area.is_municipality)
}

/// A day in that many years from 1985 on.
fn opened(draw: Draw, years: f64) -> Cell {
    date(
        1985 + (draw.unit() * years) as i16,
        1 + (draw.text("month").unit() * 12.0) as i8,
        1,
    )
    .into()
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn treatment_plants(world: &World) -> [Sheet; 2] {
    let mut plants = Sheet::new(
        "Renseanlæg",
        &[
            "Anlægsnr",
            "Kommunekode",
            "Længdegrad",
            "Breddegrad",
            "Idriftsat",
            "Nedlagt",
        ],
    );
    let mut loads = Sheet::new("Belastning", &["Anlægsnr", "År", "Belastning (PE)"]);
    for area in towns(world) {
        let town = world.draw.text("puls").text(&area.code);
        for number in 1..=1 + (town.unit() * 5.0) as i64 {
            let draw = town.number(number);
            let plant = format!("{}-{number:02}", area.short);
            let closed = (draw.text("closed").unit() < 0.1).then(|| date(2023, 6, 30));
            plants.rows.push(vec![
                plant.as_str().into(),
                area.code.as_str().into(),
                ((draw.text("lon").between(8.2, 12.6) * 1e4).round() / 1e4).into(),
                ((draw.text("lat").between(54.9, 57.5) * 1e4).round() / 1e4).into(),
                opened(draw.text("opened"), 30.0),
                closed.into(),
            ]);
            let persons = world.population(area, LAST_YEAR, 1) as f64;
            for year in world.script.first_year(FIRST_YEAR)..=LAST_YEAR {
                if closed.is_some_and(|day| day.year() < year) {
                    continue;
                }
                let load = persons / number as f64 * 0.9 * draw.number(i64::from(year)).between(0.9, 1.2);
                // Not every small plant is measured each year.
                let is_measured = draw.text("measured").number(i64::from(year)).unit() >= 0.01;
                let load = is_measured.then(|| load.round());
                loads
                    .rows
                    .push(vec![plant.as_str().into(), i64::from(year).into(), load.into()]);
            }
        }
    }
    [plants, loads]
}

fn biogas_plants(world: &World) -> [Sheet; 2] {
    let mut plants = Sheet::new(
        "Anlæg",
        &["Anlægsnr", "Kommunekode", "Eleffekt (MW)", "Idriftsat", "Nedlagt"],
    );
    let mut production = Sheet::new("Produktion", &["Anlægsnr", "År", "Produktion (TJ)"]);
    for (number, area) in (1i64..).zip(towns(world)) {
        let draw = world.draw.text("biogas").text(&area.code);
        if draw.unit() < 0.35 {
            continue;
        }
        let makes_power = draw.text("power").unit() < 0.5;
        let power = makes_power.then(|| hundredths(draw.text("mw").between(0.2, 4.0)));
        plants.rows.push(vec![
            number.into(),
            area.code.as_str().into(),
            power.into(),
            opened(draw.text("opened"), 35.0),
            Cell::Empty,
        ]);
        let size = draw.text("tj").between(10.0, 700.0);
        for year in world.script.first_year(FIRST_YEAR)..=LAST_YEAR {
            let produced = size * (1.0 + 0.06 * f64::from(year - FIRST_YEAR));
            let produced = produced * draw.number(i64::from(year)).between(0.93, 1.07);
            production
                .rows
                .push(vec![number.into(), i64::from(year).into(), hundredths(produced).into()]);
        }
    }
    [plants, production]
}

/// Stages as they are written, from the likeliest on.
const STAGES: [&str; 5] = [
    "Forundersøgelse",
    "Bevilget",
    "Ansøgt",
    "Opgivet eller afslået",
    "Etableret",
];
const OWNERS: [&str; 3] = ["Privat", "Forsyningsselskab", "Partnerskab"];

fn projects(world: &World) -> [Sheet; 2] {
    let mut projects = Sheet::new(
        "Projekter",
        &[
            "Projektnr",
            "Navn",
            "Ejer",
            "Type",
            "Stadie",
            "Effekt (MW)",
            "Fangst (ton CO2 pr. år)",
            "Opdateret",
        ],
    );
    let mut places = Sheet::new("Placering", &["Projektnr", "Kommunekode", "Andel"]);
    let towns: Vec<&Area> = towns(world).collect();
    for number in 1i64..=30 {
        let draw = world.draw.text("ccs-ptx").number(number);
        let of = |list: &[&'static str], what: &str| {
            let at = draw.text(what).unit().powi(2) * list.len() as f64;
            list.get(at as usize).copied().unwrap_or_default()
        };
        let at = (draw.text("town").unit() * towns.len() as f64) as usize % towns.len();
        let (town, neighbour) = (towns[at], towns[(at + 1) % towns.len()]);
        let is_capture = number % 3 == 0;
        let (what, kind) = match is_capture {
            true => ("CO₂-fangst", "Fangst og lagring af CO2"),
            false => ("Brint", "Power-to-X"),
        };
        let power = (!is_capture).then(|| draw.text("mw").between(5.0, 300.0).round());
        let capture = is_capture.then(|| (draw.text("tonnes").between(20.0, 450.0)).round() * 1000.0);
        projects.rows.push(vec![
            number.into(),
            format!("{what} i {}", town.name).into(),
            of(&OWNERS, "owner").into(),
            kind.into(),
            of(&STAGES, "stage").into(),
            power.into(),
            capture.into(),
            date(2026, 1 + (draw.text("changed").unit() * 9.0) as i8, 15).into(),
        ]);
        // One in five lies in two municipalities.
        let shares: &[(&Area, f64)] = match number % 5 {
            0 => &[(town, 0.7), (neighbour, 0.3)],
            _ => &[(town, 1.0)],
        };
        for (area, share) in shares {
            places
                .rows
                .push(vec![number.into(), area.code.as_str().into(), (*share).into()]);
        }
    }
    [projects, places]
}
