//! The municipal energy and CO2 accounts (klimaregnskabet.dk), `api/municipality-data`.
//!
//! Row names that are publicly known are used as the agency writes them (sources of 2026-11-23); `Samlet
//! bruttoenergiforbrug` fills the answer up to the 58 rows that a call for `Nøgletal` is known to have.

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Asked, Twist},
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "klimaregnskabet.dk";

/// Sectors with tonnes a head that are about right for a town.
const SECTORS: [(&str, f64); 6] = [
    ("Energi", 1.9),
    ("Transport", 1.5),
    ("Landbrug", 3.0),
    ("Affaldsdeponi", 0.08),
    ("Spildevand", 0.05),
    ("Kemiske processer", 0.061),
];

const CATEGORIES: [&str; 4] = [
    "Husholdninger",
    "Erhverv ekskl. fremstillingsvirksomhed",
    "Fremstillingsvirksomheder",
    "Offentlig service",
];

/// Energy carriers with GJ a head and tonnes CO2e per TJ.
const CARRIERS: [(&str, f64, f64); 10] = [
    ("Fjernvarme", 9.0, 21.0),
    ("Naturgas", 5.0, 57.0),
    ("Gas-/dieselolie", 3.0, 74.0),
    ("LPG", 0.3, 63.0),
    ("Benzin og LVN", 0.2, 73.0),
    ("Kul", 0.8, 94.0),
    ("Fuelolie", 0.2, 79.0),
    ("El til andet", 6.0, 35.0),
    ("El til paneler", 0.6, 35.0),
    ("El til varmepumpe", 0.9, 35.0),
];

/// Answers one request. Needs a key; `forkert` is a wrong one.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.path.trim_end_matches('/') != "/api/municipality-data" {
        return Answer::json(404, &json!({"message": "Not Found"}));
    }
    if asked.method != Method::GET {
        return Answer::json(405, &json!({"message": "Method Not Allowed"}));
    }
    match asked.header("x-api-key") {
        None | Some("") => return Answer::json(401, &json!({"message": "API key is missing"})),
        Some("forkert") => return Answer::json(401, &json!({"message": "API key is not valid"})),
        Some(_) => {}
    }
    let wanted = (
        asked.parameter("municipality"),
        asked.parameter("year"),
        asked.parameter("type"),
    );
    let (Some(municipality), Some(year), Some(kind)) = wanted else {
        return Answer::json(400, &json!({"message": "municipality, year and type are required"}));
    };
    let mut rows = account(world, municipality, year, kind);
    if asked.twist == Twist::PageShort {
        rows.pop();
    }
    Answer::json(200, &json!({"data": rows}))
}

/// The rows of one call; none for a year or municipality that the accounts do not have.
fn account(world: &World, municipality: &str, year: &str, kind: &str) -> Vec<Json> {
    let (Ok(year), Some(place)) = (year.parse::<i16>(), world.areas.find(municipality)) else {
        return Vec::new();
    };
    if !world.areas.all[place].is_municipality || !offered(world, year) {
        return Vec::new();
    }
    let town = Town::new(world, place, year);
    match kind {
        "Nøgletal" => town.key_figures(),
        "Resultat - energi" => town.results("Resultat - energi", "TJ"),
        "Resultat - udledning" => town.results("Resultat - udledning", "Ton CO2e"),
        _ => Vec::new(),
    }
}

fn offered(world: &World, year: i16) -> bool {
    // Whatever the size: who asks from 2018 on takes a year without rows for a broken answer.
    (2018..=2023).contains(&year)
        || world
            .script
            .account_figures
            .iter()
            .flatten()
            .any(|figure| figure.year == year)
}

/// One municipality in one year.
struct Town<'a> {
    world: &'a World,
    code: String,
    year: i16,
    population: f64,
    km2: f64,
    /// In the order of [`SECTORS`].
    tonnes: [f64; 6],
}

impl<'a> Town<'a> {
    fn new(world: &'a World, place: usize, year: i16) -> Self {
        let area = &world.areas.all[place];
        let population = world.population(area, year, 1) as f64;
        let code = area.code.clone();
        let mut tonnes = SECTORS.map(|(sector, a_head)| invented(world, &code, year, sector, a_head) * population);
        tonnes = tonnes.map(|tonne| (tonne * 1000.0).round() / 1000.0);
        for figure in world.script.account_figures.iter().flatten() {
            let known = SECTORS.iter().position(|(sector, _)| *sector == figure.sector);
            if let (Some(at), true) = (known, figure.municipality_code == code && figure.year == year) {
                tonnes[at] = figure.tonne;
            }
        }
        Self {
            world,
            code,
            year,
            population,
            km2: world.hectares(place, year) as f64 / 100.0,
            tonnes,
        }
    }
    /// 58 rows: emission 22 (the total twice in tonnes), final energy use 14, gross energy use 21, share of renewable
    /// electricity 1.
    fn key_figures(&self) -> Vec<Json> {
        let mut rows = Vec::new();
        let net: f64 = self.tonnes.iter().sum();
        let gross: f64 = self.tonnes.iter().filter(|tonne| **tonne > 0.0).sum();
        let emission = "Samlet CO2-udledning";
        rows.push(row(emission, "Samlet", "Ton CO2e", json!(net)));
        // Same type, sector and unit a second time: the sum of the positive sectors only.
        rows.push(row(emission, "Samlet", "Ton CO2e", json!(gross)));
        rows.push(row(emission, "Samlet", "Ton CO2e/indb.", json!(net / self.population)));
        rows.push(row(emission, "Samlet", "Ton CO2e/km²", json!(net / self.km2)));
        for ((sector, _), tonne) in SECTORS.iter().zip(self.tonnes) {
            rows.push(row(emission, sector, "Ton CO2e", json!(tonne)));
            rows.push(row(emission, sector, "Ton CO2e/indb.", json!(tonne / self.population)));
            rows.push(row(emission, sector, "Ton CO2e/km²", json!(tonne / self.km2)));
        }
        self.energy(&mut rows, "Samlet slutenergiforbrug", 1.0, &["TJ", "GJ/indb."]);
        self.energy(
            &mut rows,
            "Samlet bruttoenergiforbrug",
            1.3,
            &["TJ", "GJ/indb.", "GJ/km²"],
        );
        // The unit says percent, the value is a fraction; 0.0045 to 3.664 have been seen.
        let share = self.draw().text("renewable").unit().powi(3) * 3.5 + 0.005;
        let renewable = "VE-el selvforsyningsgrad (Vind-, sol- og vandbaseret-elproduktion)";
        rows.push(row(
            renewable,
            "Samlet",
            "%",
            json!((share * 10_000.0).round() / 10_000.0),
        ));
        rows
    }
    /// Energy by sector; the sectors that use none have null.
    fn energy(&self, rows: &mut Vec<Json>, kind: &str, scale: f64, units: &[&str]) {
        let used = [self.final_energy_tj() * scale, 26.0 * self.population / 1000.0 * scale];
        let sectors = std::iter::once(("Samlet", Some(used[0] + used[1]))).chain(
            SECTORS
                .iter()
                .enumerate()
                .map(|(at, (sector, _))| (*sector, used.get(at).copied())),
        );
        for (sector, terajoule) in sectors {
            for unit in units {
                let value = terajoule.map(|terajoule| match *unit {
                    "TJ" => terajoule,
                    "GJ/indb." => terajoule * 1000.0 / self.population,
                    _ => terajoule * 1000.0 / self.km2,
                });
                rows.push(row(kind, sector, unit, json!(value)));
            }
        }
    }
    /// A row for each category and carrier, and one more where the finer types that are not served here split it; the
    /// emissions add up to the sector `Energi`.
    fn results(&self, kind: &str, unit: &str) -> Vec<Json> {
        let cells = self.cells();
        let emitted: f64 = cells.iter().map(|(.., tonne)| tonne).sum();
        let scale = if emitted > 0.0 { self.tonnes[0] / emitted } else { 0.0 };
        let mut rows = Vec::new();
        for (category, carrier, terajoule, tonne) in cells {
            let value = if unit == "TJ" { terajoule } else { tonne * scale };
            let mut row = |value: Json| {
                rows.push(json!({"type": kind, "sektor": "Energi", "kategori": category, "undertype_3": carrier, "enhed": unit, "værdi": value}));
            };
            match (category, carrier) {
                ("Offentlig service", "Kul") => row(Json::Null),
                ("Husholdninger", "El til andet") => {
                    row(json!(value * 0.75));
                    row(json!(value * 0.25));
                }
                _ => row(json!(value)),
            }
        }
        rows
    }
    /// Category, carrier, TJ and tonnes before they are scaled to the sector.
    fn cells(&self) -> Vec<(&'static str, &'static str, f64, f64)> {
        let mut cells = Vec::new();
        for (at, category) in CATEGORIES.into_iter().enumerate() {
            for (carrier, a_head, factor) in CARRIERS {
                let draw = self.draw().text(category).text(carrier);
                let years = f64::from(self.year - 2018);
                // Fossil fuels go down, electricity and district heat up.
                let trend = if factor > 50.0 {
                    1.0 - 0.06 * years
                } else {
                    1.0 + 0.02 * years
                };
                let share = match (category, carrier) {
                    ("Offentlig service", "Kul") => 0.0,
                    _ => [0.5, 0.2, 0.2, 0.1][at],
                };
                let terajoule = a_head * share * trend.max(0.05) * draw.between(0.6, 1.4) * self.population / 1000.0;
                let terajoule = (terajoule * 1e6).round() / 1e6;
                cells.push((category, carrier, terajoule, terajoule * factor));
            }
        }
        cells
    }
    fn final_energy_tj(&self) -> f64 {
        self.cells().iter().map(|(_, _, terajoule, _)| terajoule).sum()
    }
    fn draw(&self) -> crate::draw::Draw {
        self.world.draw.text("accounts").text(&self.code)
    }
}

/// Tonnes a head of a sector, net. In about one municipality of ten agriculture and land take up more than they emit.
fn invented(world: &World, code: &str, year: i16, sector: &str, a_head: f64) -> f64 {
    let draw = world.draw.text("accounts").text(code).text(sector);
    let years = f64::from(year - 2018);
    let wobble = draw.number(i64::from(year)).between(0.97, 1.03);
    if sector == "Kemiske processer" {
        // Product use is spread per head over nearly all municipalities.
        return if draw.unit() < 0.03 { 4.5 } else { a_head };
    }
    if sector == "Landbrug" && draw.text("sink").unit() < 0.11 {
        return -draw.between(0.01, 2.0) * wobble;
    }
    a_head * draw.between(0.4, 1.8) * (1.0 - draw.text("trend").between(0.01, 0.06) * years) * wobble
}

fn row(kind: &str, sector: &str, unit: &str, value: Json) -> Json {
    json!({"type": kind, "sektor": sector, "enhed": unit, "værdi": value})
}
