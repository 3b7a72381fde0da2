//! Buildings (BYGB40), dwellings (BOL101, BOL102) and what is built (BYGV33). Hardly any variable has a total code: a
//! sum is had by leaving it out.

use super::{
    areas::{Levels, by_region, persons},
    table::{Period, Table, Texts, Value, fill, leaves, listed, one, summed, years},
};
use crate::world::World;

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![bygb40(world), bol102(world), bol101(world), bygv33(world)]
}

/// The agency has ten kinds, 29 uses and some 27 periods since 2011: half a million rows a year. The demo has enough
/// of them for each trap.
fn bygb40(world: &World) -> Table {
    let levels = Levels {
        landsdele: true,
        christiansoe: true,
        unknown: false,
    };
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), levels),
        units_apart(
            ("MÆNGDE4", "enhed", "unit"),
            &[
                ("45", "Bygninger (antal)", "Buildings (number)"),
                ("50", "Kvadratmeter (1000 m2)", "Square metres (1,000 m2)"),
            ],
        ),
        listed(
            ("OPVARM", "opvarmingsform", "type of heating"),
            leaves(&[
                ("1", "Fjernvarme", "District heating"),
                ("2", "Centralvarme med oliefyr", "Central heating, oil"),
                ("3", "Centralvarme med naturgas", "Central heating, natural gas"),
                ("8", "Varmepumpe", "Heat pump"),
                ("10", "Ingen eller uoplyst opvarmning", "No heating or unknown"),
            ]),
        ),
        listed(
            ("ANVEND", "anvendelse", "use"),
            leaves(&[
                ("120", "Parcelhuse", "Detached houses"),
                ("140", "Etageboliger", "Multi-dwelling houses"),
                ("210", "Avls- og driftsbygninger", "Farm buildings"),
                (
                    "320",
                    "Bygninger til kontor, handel, lager, offentlig administration mv.",
                    "Offices",
                ),
            ]),
        ),
        // Codes wrap around the century: the first is 1905 to 1909, the second 2005 to 2009.
        listed(
            ("OPFØRELSESÅR", "opførelsesår", "year of construction"),
            leaves(&[
                ("05-09", "1905-1909", "1905-1909"),
                ("05-10", "2005-2009", "2005-2009"),
                ("2020-2024", "2020 -", "2020 -"),
            ]),
        ),
    ];
    let last = world.today().year();
    let texts = (
        "BYGB40",
        "Bygninger og deres opvarmede areal",
        "Buildings and their heated area",
    );
    Table {
        updated: format!("{last}-03-26T08:00:00"),
        periods: years(world, last - 1, last),
        // Christiansø's newest buildings.
        is_hidden: |values, _| {
            values.first().is_some_and(|area| area.id == "411")
                && values.last().is_some_and(|built| built.id == "2020-2024")
        },
        ..Table::new(texts, ("-", "-"), variables, buildings)
    }
}

/// The unit says what is counted, and both have figures of their own.
fn units_apart(texts: Texts, values: &[Texts]) -> super::table::Variable {
    super::table::Variable {
        is_optional: false,
        ..listed(texts, leaves(values))
    }
}

/// Share of each kind of heating in BYGB40's order: oil and gas go out, heat pumps come in.
fn heated(year: i16) -> [f64; 5] {
    let since = f64::from((year - 2011).clamp(0, 30));
    let (oil, gas) = (0.14 - 0.004 * since, 0.18 - 0.003 * since);
    [0.55, oil, gas, 0.02 + 0.007 * since, 0.11]
}

fn buildings(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    let heated = heated(period.year);
    fill(table, |at| {
        let &[place, measure, heating, used, built] = at else {
            return 0;
        };
        let area = &world.areas.all[place];
        if !area.is_municipality && built == 2 {
            return 0;
        }
        let town = world.draw.text("buildings").text(&area.code);
        let cell = town.number((heating * 100 + used * 10 + built) as i64);
        let share = heated[heating] * [0.5, 0.1, 0.25, 0.15][used] * [0.5, 0.3, 0.2][built];
        let number = (persons[place] * 0.4 * share * cell.between(0.8, 1.2) + cell.text("part").unit()).floor();
        if measure == 0 {
            return number as i64;
        }
        let metres = number * [140.0, 900.0, 350.0, 700.0][used] * cell.text("size").between(0.9, 1.1);
        (metres / 1000.0).round() as i64
    })
}

/// The area variable is called AMT although it has no counties; Christiansø is not in it. Five more variables are
/// there to be left out.
fn bol102(world: &World) -> Table {
    let levels = Levels {
        landsdele: true,
        ..Levels::default()
    };
    let only = |id: &str, da: &str, en: &str| vec![one(id, da, en, 0)];
    let none = |id: &str, da: &str, en: &str| Value {
        leaves: Vec::new(),
        ..one(id, da, en, 0)
    };
    let pair = |first: Vec<Value>, second: Value| first.into_iter().chain([second]).collect::<Vec<_>>();
    let variables = vec![
        by_region(world, ("AMT", "område", "county"), levels),
        listed(
            ("BEBO", "beboertype", "type of resident"),
            leaves(&[
                (
                    "1000",
                    "Boliger med CPR tilmeldte personer (beboede boliger)",
                    "Occupied dwellings",
                ),
                (
                    "2000",
                    "Boliger uden CPR tilmeldte personer (ubeboede boliger)",
                    "Unoccupied dwellings",
                ),
            ]),
        ),
        listed(
            ("ANVENDELSE", "anvendelse", "use"),
            leaves(&[
                ("125", "Parcel/Stuehuse", "Detached houses and farmhouses"),
                ("130", "Række-, kæde- og dobbelthuse", "Terraced houses"),
                ("140", "Etageboliger", "Multi-dwelling houses"),
                ("565", "Fritidshuse", "Holiday houses"),
            ]),
        ),
        listed(
            ("OPFØRELSESÅR", "opførelsesår", "year of construction"),
            leaves(&[("-1899", "Før 1900", "Before 1900"), ("UOPL", "Uoplyst", "Unknown")]),
        ),
        listed(
            ("OPVARMNING", "opvarmning", "heating"),
            leaves(&[
                ("FJ", "Fjernvarme", "District heating"),
                ("CO", "Centralvarme med olie", "Central heating, oil"),
                ("CN", "Centralvarme m naturgas", "Central heating, natural gas"),
                (
                    "CA",
                    "Centralvarme, ikke olie og naturgas",
                    "Central heating, neither oil nor gas",
                ),
                ("VP", "Varmepumpe", "Heat pump"),
                ("ELV", "Elvarme", "Electric heating"),
                ("OV", "Øvrige ovne", "Other stoves"),
                ("UOPL", "Uoplyst", "Unknown"),
            ]),
        ),
        listed(
            ("TOILET", "toiletforhold", "toilet facilities"),
            pair(
                only("1000618", "WC i boligen", "WC in the dwelling"),
                none("1000619", "Uoplyst Toiletforhold", "Unknown"),
            ),
        ),
        listed(
            ("BAD", "badeforhold", "bath facilities"),
            pair(
                only("1000622", "Badeværelser i boligen", "Bathrooms in the dwelling"),
                none("1000623", "Uoplyst Badeforhold", "Unknown"),
            ),
        ),
        listed(
            ("KOEKKEN", "køkkenforhold", "kitchen facilities"),
            pair(
                only("1000624", "Eget køkken med afløb", "Own kitchen"),
                none("1000628", "Uoplyst Køkkeninstallation", "Unknown"),
            ),
        ),
    ];
    let last = world.today().year();
    let texts = ("BOL102", "Boliger", "Dwellings");
    Table {
        updated: format!("{last}-03-18T08:00:00"),
        periods: years(world, last - 3, last),
        ..Table::new(texts, ("Antal", "Number"), variables, dwellings)
    }
}

fn dwellings(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    let since = f64::from((period.year - 2010).clamp(0, 30));
    let heated = [
        0.62,
        0.09 - 0.003 * since,
        0.16 - 0.003 * since,
        0.05,
        0.01 + 0.006 * since,
        0.05,
        0.01,
        0.01,
    ];
    fill(table, |at| {
        let (place, bebo, used, built, heating) = (at[0], at[1], at[2], at[3], at[4]);
        let area = &world.areas.all[place];
        let town = world.draw.text("dwellings").text(&area.code);
        let cell = town.number((bebo * 1000 + used * 100 + built * 10 + heating) as i64);
        let share = [0.94, 0.06][bebo] * [0.4, 0.15, 0.37, 0.08][used] * [0.7, 0.3][built] * heated[heating];
        (persons[place] * 0.5 * share * cell.between(0.8, 1.2) + cell.text("part").unit()).floor() as i64
    })
}

const LANDSDELE: Levels = Levels {
    landsdele: true,
    christiansoe: false,
    unknown: false,
};

fn bol101(world: &World) -> Table {
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), LANDSDELE),
        listed(
            ("BEBO", "beboertype", "type of resident"),
            leaves(&[(
                "1000",
                "Boliger med CPR tilmeldte personer (beboede boliger)",
                "Occupied dwellings",
            )]),
        ),
        listed(
            ("ANVENDELSE", "anvendelse", "use"),
            leaves(&[
                ("125", "Parcel/Stuehuse", "Detached houses and farmhouses"),
                ("130", "Række-, kæde- og dobbelthuse", "Terraced houses"),
                ("140", "Etageboliger", "Multi-dwelling houses"),
                ("565", "Fritidshuse", "Holiday houses"),
            ]),
        ),
        listed(
            ("UDLFORH", "udlejningsforhold", "tenure"),
            leaves(&[("EJ", "Beboet af ejer", "Owner"), ("LEJ", "Beboet af lejer", "Tenant")]),
        ),
        listed(
            ("EJER", "ejerforhold", "ownership"),
            leaves(&[
                ("10", "Privatpersoner inkl I/S", "Private persons"),
                ("20", "Almene boligselskaber", "Social housing"),
                ("UOP2", "Andet el uoplyst", "Other or unknown"),
            ]),
        ),
        listed(
            ("OPFØRELSESÅR", "opførelsesår", "year of construction"),
            leaves(&[("UOPL", "Uoplyst", "Unknown")]),
        ),
    ];
    let last = world.today().year();
    Table {
        updated: format!("{last}-03-18T08:00:00"),
        periods: years(world, last - 3, last),
        ..Table::new(
            ("BOL101", "Boliger", "Dwellings"),
            ("Antal", "Number"),
            variables,
            owned,
        )
    }
}

fn owned(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    fill(table, |at| {
        let (place, used, tenure, owner) = (at[0], at[2], at[3], at[4]);
        let town = world.draw.text("owned").text(&world.areas.all[place].code);
        let cell = town.number((used * 100 + tenure * 10 + owner) as i64);
        let share = [0.4, 0.15, 0.37, 0.08][used] * [0.55, 0.45][tenure] * [0.7, 0.25, 0.05][owner];
        (persons[place] * 0.5 * share * cell.between(0.8, 1.2) + cell.text("part").unit()).floor() as i64
    })
}

fn bygv33(world: &World) -> Table {
    let today = world.today();
    // A quarter comes out two months after its end.
    let quarters = (i32::from(today.year()) * 12 + i32::from(today.month()) - 3) / 3 - 1;
    let newest = ((quarters / 4) as i16, quarters % 4 + 1);
    let periods = (world.script.first_year(today.year() - 3)..=today.year())
        .flat_map(|year| (1..=4).map(move |quarter| (year, quarter)))
        .filter(|period| *period <= newest)
        .map(|(year, quarter)| format!("{year}K{quarter}"))
        .collect();
    let day = if world.restated() { 28 } else { 27 };
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), LANDSDELE),
        listed(
            ("BYGFASE", "byggefase", "phase of construction"),
            leaves(&[
                ("2", "Påbegyndt byggeri", "Started"),
                ("3", "Fuldført byggeri", "Completed"),
            ]),
        ),
        summed(
            ("ANVEND", "anvendelse", "use"),
            ("009", "Boligbyggeri i alt", "Residential buildings, total"),
            leaves(&[
                ("120", "Parcelhuse", "Detached houses"),
                ("140", "Etageboliger", "Multi-dwelling houses"),
            ]),
        ),
        listed(
            ("BYGHERRE", "bygherreforhold", "builders"),
            leaves(&[
                ("10+30+40+90", "Private, I/S, A/S, ApS og lign.", "Private"),
                ("20", "Almene boligselskaber", "Social housing"),
            ]),
        ),
    ];
    let texts = (
        "BYGV33",
        "Boliger i det samlede boligbyggeri (ikke korrigeret for forsinkelser)",
        "Residential Construction (not adjusted for delays)",
    );
    Table {
        updated: match newest {
            (year, 4) => format!("{}-02-{day}T08:00:00", year + 1),
            (year, quarter) => format!("{year}-{:02}-{day}T08:00:00", quarter * 3 + 2),
        },
        periods,
        ..Table::new(texts, ("Antal", "Number"), variables, built)
    }
}

/// Reports come late: on the second night the last two years have more of them.
fn built(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    let late = world.restated() && period.year > world.today().year() - 2;
    fill(table, |at| {
        let &[place, phase, used, builder] = at else { return 0 };
        let town = world.draw.text("built").text(&world.areas.all[place].code);
        let cell = town.number((phase * 100 + used * 10 + builder) as i64);
        let cell = cell.number(i64::from(period.year) * 10 + i64::from(period.within));
        let share = [0.45, 0.55][used] * [0.8, 0.2][builder];
        let known = (persons[place] * 0.0012 * share * cell.between(0.2, 1.8) + cell.text("part").unit()).floor();
        known as i64 + i64::from(late && cell.text("late").unit() < 0.1)
    })
}
