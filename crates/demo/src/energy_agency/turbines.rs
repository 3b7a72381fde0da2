use jiff::{ToSpan, civil::date};

use crate::{
    area::Area,
    draw::Draw,
    drops::{Cell, Sheet},
    world::World,
};

/// Turbines that stand, and that were taken down.
const STANDING: i64 = 300;
const GONE: i64 = 60;
/// Years with a column of production; the edition is that of the end of September of the year after.
const FIRST_YEAR: i16 = 1977;
const LAST_YEAR: i16 = 2025;

const HEADINGS: [&str; 16] = [
    "Møllenummer (GSRN)",
    "Dato for oprindelig nettilslutning",
    "Kapacitet (kW)",
    "Rotor-diameter (m)",
    "Navhøjde (m)",
    "Fabrikat",
    "Model",
    "Kommune-nr.",
    "Kommune",
    "Type af placering",
    "Ejerlav",
    "Matrikel-nummer",
    "X (øst) koordinat \nUTM 32 Euref89",
    "Y (nord) koordinat \nUTM 32 Euref89",
    "Koordinatoprindelse",
    "Netselskabets installations-nummer",
];

/// Both sheets of the register: headings in row 18, the years above them in row 17, sums below the last turbine.
pub(crate) fn register(world: &World) -> Vec<Sheet> {
    let mut standing = sheet("IkkeAfmeldte-Existing turbines", false);
    standing.rows = (0..STANDING).map(|at| turbine(world, at, false)).collect();
    let mut gone = sheet("Afmeldte-Decommissioned", true);
    gone.rows = (STANDING..STANDING + GONE).map(|at| turbine(world, at, true)).collect();
    let (standing_sum, gone_sum) = (sums(&standing.rows, 16), sums(&gone.rows, 17));
    let all: Vec<f64> = standing_sum
        .iter()
        .zip(&gone_sum)
        .map(|(one, other)| one + other)
        .collect();
    let gone_title = "Sum af afmeldte anlæg/ sum of decommissioned turbines";
    standing.rows.extend([
        sum_row(
            "Sum af ikke-afmeldte anlæg / Sum of existing turbines",
            16,
            &standing_sum,
        ),
        sum_row(gone_title, 16, &gone_sum),
        sum_row("I alt", 16, &all),
    ]);
    gone.rows.push(sum_row(gone_title, 17, &gone_sum));
    vec![standing, gone]
}

fn sheet(name: &'static str, is_gone: bool) -> Sheet {
    let mut headings: Vec<String> = HEADINGS.iter().map(|heading| (*heading).to_owned()).collect();
    if is_gone {
        headings.insert(2, "Dato for afmeldning".to_owned());
        headings[7] = "Typebetegnelse".to_owned();
    }
    let blank = || vec![Cell::Empty; headings.len()];
    let mut above: Vec<Vec<Cell>> = vec![Vec::new(); 17];
    above[0] = vec![
        Cell::Empty,
        "Stamdataregister for vindkraftanlæg ultimo september 2026 (simuleret)".into(),
    ];
    let mut group = blank();
    group.push("Historiske produktionstal (kWh):".into());
    above[15] = group;
    let mut years = blank();
    years.extend((FIRST_YEAR..=LAST_YEAR).map(|year| Cell::from(i64::from(year))));
    years.extend((1..=9).map(|month| Cell::from(date(LAST_YEAR + 1, month, 1))));
    years.push("Akkumuleret".into());
    above[16] = years;
    headings.extend((FIRST_YEAR..=LAST_YEAR).map(|_| String::new()));
    headings.extend((1..=9).map(|_| String::new()));
    headings.push((LAST_YEAR + 1).to_string());
    Sheet {
        name,
        above,
        headings,
        rows: Vec::new(),
    }
}

fn turbine(world: &World, at: i64, is_gone: bool) -> Vec<Cell> {
    let draw = world.draw.text("turbine").number(at);
    let towns: Vec<&Area> = world.areas.all.iter().filter(|area| area.is_municipality).collect();
    let town = towns[(draw.text("town").unit() * towns.len() as f64) as usize];
    let at_sea = draw.text("sea").unit() < 0.1;
    let latest = if is_gone { 2005.0 } else { f64::from(LAST_YEAR) };
    let year = draw.text("year").between(1985.0, latest) as i16;
    let connected = date(
        year,
        1 + (draw.text("month").unit() * 12.0) as i8,
        1 + (draw.text("day").unit() * 28.0) as i8,
    );
    let stood_years = 8 + (draw.text("stood").unit() * 12.0) as i64;
    let taken_down = connected.saturating_add(stood_years.years());
    let kw = match (at_sea, year) {
        (true, _) => 2_000 + 100 * (draw.text("kw").unit() * 60.0) as i64,
        (false, ..2000) => 55 + 5 * (draw.text("kw").unit() * 120.0) as i64,
        (false, _) if draw.text("small").unit() < 0.2 => 10,
        (false, _) => 750 + 50 * (draw.text("kw").unit() * 50.0) as i64,
    };
    let has_place = draw.text("located").unit() < 0.9;
    let mut cells: Vec<Cell> = vec![format!("5707150000{:08}", 10_000 + at * 7).into(), connected.into()];
    if is_gone {
        cells.push(taken_down.into());
    }
    cells.extend([
        kw.into(),
        (20.0 + kw as f64 / 50.0).into(),
        (18.0 + (kw as f64 / 60.0).floor()).into(),
        if kw == 10 { "Ukendt" } else { "Vestas Wind Systems A/S" }.into(),
        // A model may be a number.
        if at % 40 == 3 {
            Cell::from(kw)
        } else {
            format!("V {kw}").into()
        },
    ]);
    // Some parks at sea have no municipality.
    if at_sea && draw.text("open_sea").unit() < 0.5 {
        cells.extend([Cell::Empty, Cell::Empty]);
    } else {
        cells.push(Cell::Number(town.short.parse().unwrap_or_default()));
        cells.push(old_name(town).into());
    }
    let place = match (at_sea, has_place) {
        (true, _) => "HAV",
        (false, true) => "LAND",
        (false, false) => "Land",
    };
    cells.extend([place.into(), Cell::Empty, Cell::Empty]);
    // As floating point leaves them: 648438.629999999.
    let metres = |name: &str, low: f64, high: f64| {
        let dusty = (draw.text(name).between(low, high) * 100.0).round() / 100.0 - 1e-9;
        Cell::from(has_place.then_some(dusty))
    };
    cells.extend([metres("x", 450_000.0, 720_000.0), metres("y", 6_060_000.0, 6_400_000.0)]);
    cells.extend([
        if has_place { "SDFE2018" } else { "Stamdata" }.into(),
        Cell::from(at + 100),
    ]);
    cells.extend((FIRST_YEAR..=LAST_YEAR).map(|of| {
        let stands = year <= of && !(is_gone && taken_down.year() < of);
        Cell::from(stands.then(|| produced(draw, kw, of)))
    }));
    let months: Vec<f64> = (1..=9).map(|month| produced(draw, kw, 3_000 + month) / 12.0).collect();
    let sum: f64 = months.iter().sum();
    cells.extend(months.into_iter().map(|kwh| Cell::from((!is_gone).then_some(kwh))));
    cells.push(Cell::from((!is_gone).then_some(sum)));
    cells
}

/// kWh with the register's three decimals; a turbine that stood still for a year has 0.
fn produced(draw: Draw, kw: i64, year: i16) -> f64 {
    let own = draw.text("produced").number(i64::from(year));
    if own.text("still").unit() < 0.01 {
        return 0.0;
    }
    (kw as f64 * own.between(1_500.0, 3_200.0) * 1000.0).round() / 1000.0
}

/// The register spells two cities as before 2011.
fn old_name(town: &Area) -> String {
    match town.name.as_str() {
        "Aarhus" => "Århus".to_owned(),
        "Aalborg" => "Ålborg".to_owned(),
        name => name.to_owned(),
    }
}

fn sums(rows: &[Vec<Cell>], first: usize) -> Vec<f64> {
    let count = rows.first().map_or(0, Vec::len).saturating_sub(first);
    (first..first + count)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| match row.get(column) {
                Some(Cell::Number(number)) => Some(*number),
                _ => None,
            });
            cells.sum()
        })
        .collect()
}

fn sum_row(title: &str, first: usize, sums: &[f64]) -> Vec<Cell> {
    let mut cells = vec![Cell::Empty; first];
    cells[0] = title.into();
    cells.extend(sums.iter().map(|sum| Cell::from(*sum)));
    cells
}
