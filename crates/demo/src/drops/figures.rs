//! Figures by municipality that no interface offers: one workbook a year for all, as whoever keeps the figures fills it in.

use klimalade_model::Result;

use super::{Cell, Dropped, Sheet, workbook::workbook};
use crate::{area::Area, draw::Draw, world::World};

const FIRST_YEAR: i16 = 2021;
const LAST_YEAR: i16 = 2025;

/// What one workbook of a year holds.
struct Figures {
    /// Below the drop folder.
    folder: &'static str,
    sheet: &'static str,
    headings: &'static [&'static str],
    last_year: i16,
    /// Rows of an area and a year, without the two.
    rows: fn(&World, &Area, i16, Draw) -> Vec<Vec<Cell>>,
}

const ALL: [Figures; 5] = [
    Figures {
        folder: "ladepunkter",
        sheet: "Ladepunkter",
        headings: &["Kommunekode", "År", "Ladetype", "Antal ladepunkter"],
        last_year: LAST_YEAR,
        rows: charging_points,
    },
    Figures {
        folder: "cykelstier",
        sheet: "Cykelstier",
        headings: &["Kommunekode", "År", "Type", "Længde (km)"],
        last_year: LAST_YEAR,
        rows: cycle_paths,
    },
    Figures {
        folder: "trafikarbejde",
        sheet: "Trafikarbejde",
        headings: &["Kommunekode", "År", "Køretøj", "Trafikarbejde (mio. km)"],
        last_year: LAST_YEAR,
        rows: traffic,
    },
    Figures {
        folder: "husdyr",
        sheet: "Husdyr",
        headings: &["Kommunekode", "År", "Dyreart", "Antal dyr"],
        last_year: LAST_YEAR,
        rows: livestock,
    },
    Figures {
        folder: "affald",
        sheet: "Affald",
        headings: &["Kommunekode", "År", "Oprindelse", "Behandling", "Mængde (ton)"],
        // The year's reports are corrected until the autumn of the next but one.
        last_year: LAST_YEAR - 1,
        rows: waste,
    },
];

/// A workbook a year of each.
pub(crate) fn files(world: &World) -> Result<Vec<Dropped>> {
    let mut files = Vec::new();
    for figures in &ALL {
        for year in world.script.first_year(FIRST_YEAR)..=figures.last_year {
            files.push(Dropped {
                path: format!("{}/{year}.xlsx", figures.folder),
                bytes: workbook(&[sheet(world, figures, year)])?,
            });
        }
    }
    Ok(files)
}

fn sheet(world: &World, figures: &Figures, year: i16) -> Sheet {
    let mut sheet = Sheet::new(figures.sheet, figures.headings);
    for area in world.areas.all.iter().filter(|area| area.is_municipality) {
        let draw = world.draw.text(figures.folder).text(&area.code);
        for row in (figures.rows)(world, area, year, draw) {
            let mut cells = vec![municipality(area, year), Cell::from(i64::from(year))];
            cells.extend(row);
            sheet.rows.push(cells);
        }
    }
    sheet
}

/// Whoever pasted the figures of even years pasted numbers, and the first zero was gone.
fn municipality(area: &Area, year: i16) -> Cell {
    match year % 2 {
        0 => area.short.parse::<i64>().map_or(Cell::Empty, Cell::from),
        _ => area.code.as_str().into(),
    }
}

/// With one decimal, as people type.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn years_since(year: i16) -> f64 {
    f64::from(year - FIRST_YEAR)
}

fn persons(world: &World, area: &Area, year: i16) -> f64 {
    world.population(area, year, 1) as f64
}

fn charging_points(world: &World, area: &Area, year: i16, draw: Draw) -> Vec<Vec<Cell>> {
    let thousands = persons(world, area, year) / 1000.0;
    let growth = 1.0 + 0.8 * years_since(year);
    [("Normallader", 0.9), ("Hurtiglader", 0.12)]
        .into_iter()
        .map(|(kind, per_thousand)| {
            let points = thousands * per_thousand * growth * draw.text(kind).between(0.5, 1.6);
            vec![kind.into(), (points.floor() as i64).into()]
        })
        .collect()
}

fn cycle_paths(_world: &World, _area: &Area, year: i16, draw: Draw) -> Vec<Vec<Cell>> {
    let length = 20.0 + 380.0 * draw.unit() * draw.text("wide").unit();
    // One in twelve does not know how much is painted on the road.
    let knows_lanes = draw.text("lanes known").unit() >= 1.0 / 12.0;
    let lanes = knows_lanes.then(|| tenths(length * draw.text("lanes").between(0.02, 0.3)));
    vec![
        vec![
            "Cykelsti".into(),
            tenths(length * (1.0 + 0.015 * years_since(year))).into(),
        ],
        vec!["Cykelbane".into(), lanes.into()],
    ]
}

/// Kinds of vehicle and their million kilometres per thousand persons.
const VEHICLES: [(&str, f64); 7] = [
    ("Personbiler", 7.2),
    ("Varebiler", 1.4),
    ("Lastbiler", 0.22),
    ("Sættevognstrækkere", 0.2),
    ("Busser", 0.09),
    ("Motorcykler", 0.08),
    ("Knallerter", 0.03),
];

fn traffic(world: &World, area: &Area, year: i16, draw: Draw) -> Vec<Vec<Cell>> {
    let thousands = persons(world, area, year) / 1000.0;
    // A motorway brings what nobody there drives.
    let through = if draw.text("motorway").unit() < 0.4 { 1.6 } else { 1.0 };
    // The newest year is counted again after the first night.
    let counted_again = if world.restated() && year == LAST_YEAR {
        1.01
    } else {
        1.0
    };
    let growth = (1.0 + 0.012 * years_since(year)) * through * counted_again;
    VEHICLES
        .into_iter()
        .map(|(kind, per_thousand)| {
            let length = thousands * per_thousand * growth * draw.text(kind).between(0.8, 1.25);
            vec![kind.into(), tenths(length).into()]
        })
        .collect()
}

/// Species, and animals per square kilometre in the most rural municipality.
const SPECIES: [(&str, f64); 6] = [
    ("Kvæg", 60.0),
    ("Svin", 480.0),
    ("Får", 5.0),
    ("Geder", 1.0),
    ("Heste", 3.0),
    ("Fjerkræ", 700.0),
];

fn livestock(world: &World, area: &Area, year: i16, draw: Draw) -> Vec<Vec<Cell>> {
    let place = world.areas.all.iter().position(|other| other.code == area.code);
    let km2 = place.map_or(0.0, |place| world.hectares(place, FIRST_YEAR) as f64 / 100.0);
    let rural = draw.unit().powi(2);
    SPECIES
        .into_iter()
        .map(|(species, per_km2)| {
            let own = draw.text(species);
            let animals = (km2 * per_km2 * rural * own.unit() * (1.0 - 0.01 * years_since(year))).floor() as i64;
            // Few herds are not shown.
            let is_shown = own.text("herds").unit() >= 0.02;
            vec![species.into(), is_shown.then_some(animals).into()]
        })
        .collect()
}

/// Treatments, with tonnes per person from households and from businesses.
const TREATMENTS: [(&str, f64, f64); 6] = [
    ("Forberedelse til genbrug", 0.012, 0.004),
    ("Genanvendelse", 0.27, 0.85),
    ("Anden nyttiggørelse", 0.02, 0.18),
    ("Forbrænding", 0.24, 0.22),
    ("Deponering", 0.02, 0.08),
    ("Særlig behandling", 0.003, 0.012),
];

fn waste(world: &World, area: &Area, year: i16, draw: Draw) -> Vec<Vec<Cell>> {
    let persons = persons(world, area, year);
    let mut rows = Vec::new();
    for (treatment, households, businesses) in TREATMENTS {
        for (origin, per_person) in [("Fra husholdninger", households), ("Fra erhverv", businesses)] {
            let own = draw.text(treatment).text(origin);
            let tonnes = persons * per_person * own.between(0.6, 1.4) * own.number(i64::from(year)).between(0.95, 1.05);
            rows.push(vec![origin.into(), treatment.into(), tenths(tonnes).into()]);
        }
    }
    rows
}
