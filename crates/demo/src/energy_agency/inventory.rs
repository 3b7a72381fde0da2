use klimalade_model::{Result, Schemas};

use crate::{
    draw::Draw,
    drops::{Cell, Sheet},
    world::World,
};

/// The last year that is counted, not projected.
const LAST_COUNTED: i16 = 2023;
const LAST_YEAR: i16 = 2050;

/// Sheets of gases; the one of all gases stands among them, as in the ministry's workbook.
const GASES: [&str; 8] = ["CH4", "CO2", "CO2-ækv", "HFCs", "Indirekte CO2", "N2O", "PFCs", "SF6"];
/// Sheets of regimes, the one of all first.
const REGIMES: [&str; 4] = ["CO2-ækv", "ESR", "ETS", "Øvrig"];

struct Line {
    code: String,
    name: String,
}

/// 1990 to 2050 by CRF code, a sheet for each gas.
pub(crate) fn by_gas(world: &World) -> Result<Vec<Sheet>> {
    let draw = world.draw.text("inventory");
    let figure = |sheet: &str, line: &Line, year: i16| match sheet {
        "CO2-ækv" => all_gases(draw, &line.code, year),
        gas => hundredths(draw, &line.code, gas, year),
    };
    book(&GASES, 1990, figure)
}

/// 2005 to 2050 by CRF code, a sheet for each regime.
pub(crate) fn by_regime(world: &World) -> Result<Vec<Sheet>> {
    let draw = world.draw.text("inventory");
    let figure = |sheet: &str, line: &Line, year: i16| {
        let all = all_gases(draw, &line.code, year);
        let traded = match line.code.as_str() {
            code if code.starts_with("1A1") || code.starts_with("1A2") || code.starts_with("2A") => all * 9 / 10,
            _ => 0,
        };
        let is_other = line.code.starts_with('4') || line.code == "ccs";
        match (sheet, is_other) {
            ("CO2-ækv", _) | ("Øvrig", true) => all,
            ("ETS", false) => traded,
            ("ESR", false) => all - traded,
            _ => 0,
        }
    };
    book(&REGIMES, 2005, figure)
}

fn book(names: &[&'static str], first_year: i16, figure: impl Fn(&str, &Line, i16) -> i64) -> Result<Vec<Sheet>> {
    let lines = lines()?;
    let mut welcome = Sheet::new("Velkommen", &["Emissionsopgørelse (simuleret)"]);
    welcome
        .rows
        .push(vec!["Alle værdier er i mio. tons CO2e (CO2-ækvivalenter).".into()]);
    let mut sheets = vec![welcome];
    for name in names {
        let mut headings = vec!["CRF code".to_owned(), "Description".to_owned()];
        // Years are text.
        headings.extend((first_year..=LAST_YEAR).map(|year| year.to_string()));
        let rows = lines.iter().map(|line| {
            let mut cells: Vec<Cell> = vec![line.code.clone().into(), line.name.clone().into()];
            cells.extend((first_year..=LAST_YEAR).map(|year| Cell::Number(figure(name, line, year) as f64 / 100.0)));
            cells
        });
        sheets.push(Sheet {
            name,
            above: vec![
                vec![format!("Emssionsopgørelse (CRF-tabel) - {name}").into()],
                vec!["Enhed: mio. ton CO2e".into()],
                Vec::new(),
            ],
            headings,
            rows: rows.collect(),
        });
    }
    Ok(sheets)
}

/// The codes of the ministry's tables, as the code list of categories knows them.
fn lines() -> Result<Vec<Line>> {
    let schemas = Schemas::embedded()?;
    let list = schemas.code_list("categories")?;
    let of_inventory = list.codes().filter(|code| {
        let indicators = list.get(code, "indicator_codes").unwrap_or_default();
        indicators.split(' ').any(|indicator| indicator == "ghg_inventory")
    });
    let lines = of_inventory.filter_map(|code| {
        Some(Line {
            code: list.get(code, "agency_code")?.to_owned(),
            name: list.get(code, "name_en")?.to_owned(),
        })
    });
    Ok(lines.collect())
}

fn all_gases(draw: Draw, code: &str, year: i16) -> i64 {
    let gases = GASES.iter().filter(|gas| **gas != "CO2-ækv");
    gases.map(|gas| hundredths(draw, code, gas, year)).sum()
}

/// Hundredths of a million tonnes: they fall to a tenth until 2050.
fn hundredths(draw: Draw, code: &str, gas: &str, year: i16) -> i64 {
    let size = draw.text(code).unit();
    let base = match (code, gas) {
        ("ccs", "CO2") if year > LAST_COUNTED => return -i64::from(year - LAST_COUNTED) * 4,
        ("cor", "CO2") if year <= LAST_COUNTED => return (draw.number(i64::from(year)).unit() * 30.0) as i64 - 3,
        ("cor_5B2" | "cor_5D1a", "CH4") if year > LAST_COUNTED => return -20,
        (code, _) if code.starts_with('c') => 0.0,
        ("2E" | "2F", "HFCs" | "PFCs") | ("2C" | "2G", "SF6") => 20.0,
        (_, "HFCs" | "PFCs" | "SF6") => 0.0,
        (code, "CO2") if code.starts_with("3A") || code.starts_with("3B") || code.starts_with('5') => 0.0,
        // Forests take up more than they give off.
        ("4A", "CO2") => -80.0,
        (code, "CO2") if code.starts_with("1A1") => 900.0,
        (_, "CO2") => 250.0,
        (code, "CH4" | "N2O") if code.starts_with('3') => 300.0,
        (_, "CH4" | "N2O") => 8.0,
        _ => 3.0,
    };
    let left = 1.0 - 0.9 * f64::from(year - 1990) / f64::from(LAST_YEAR - 1990);
    (base * size * left).round() as i64
}
