//! Money: the municipalities' accounts (REGK31), and two national tables without areas (TILSKUD2, FOND19).

use super::{
    areas::{Levels, account_groups, by_region, persons},
    table::{Period, Table, Texts, Value, fill, leaves, listed, summed, units, years},
};
use crate::world::World;

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![regk31(world), tilskud2(world), fond19(world)]
}

/// A few of the 355 functions: of main account 0, 1 and 2, and the schools of 3.
const FUNCTIONS: [Texts; 9] = [
    (
        "02205",
        "0.22.05 Ubestemte formål (jordforsyning)",
        "0.22.05 Land supply",
    ),
    ("03850", "0.38.50 Naturforvaltningsprojekter", "0.38.50 Nature projects"),
    ("04871", "0.48.71 Vedligeholdelse af vandløb", "0.48.71 Watercourses"),
    ("05280", "0.52.80 Fælles formål (miljø)", "0.52.80 Environment"),
    ("12203", "1.22.03 Varmeforsyning", "1.22.03 Heat supply"),
    (
        "13861",
        "1.38.61 Ordninger for dagrenovation",
        "1.38.61 Household waste",
    ),
    ("22811", "2.28.11 Vejvedligeholdelse m.v.", "2.28.11 Road maintenance"),
    ("23231", "2.32.31 Busdrift", "2.32.31 Buses"),
    ("32201", "3.22.01 Folkeskoler", "3.22.01 Schools"),
];

fn regk31(world: &World) -> Table {
    let mut areas = by_region(world, ("OMRÅDE", "område", "region"), Levels::default());
    areas.values.splice(1..1, account_groups(world));
    let variables = vec![
        areas,
        listed(("FUNKTION", "funktion", "function"), leaves(&FUNCTIONS)),
        listed(
            ("DRANST", "dranst", "dranst"),
            leaves(&[
                ("1", "1 Driftskonti", "1 Running costs"),
                ("3", "3 Anlægskonti", "3 Investment"),
            ]),
        ),
        // Income is negative, so the net is the sum.
        summed(
            ("ART", "art", "kind"),
            ("TOT", "I alt (netto)", "Total (net)"),
            leaves(&[
                ("UE", "Bruttoudgifter", "Gross expenditure"),
                ("I", "Indtægter", "Income"),
            ]),
        ),
        units(
            ("PRISENHED", "prisenhed", "price unit"),
            &[
                ("LOBM", "Løbende priser (1.000 kr.)", "Current prices (DKK 1,000)"),
                (
                    "INDL",
                    "Pr. indbygger, løbende priser (kr.)",
                    "Per inhabitant, current prices (DKK)",
                ),
            ],
        ),
    ];
    let last = world.today().year();
    Table {
        updated: format!("{last}-05-22T08:00:00"),
        periods: years(world, last - 3, last - 1),
        ratio: per_head,
        ..Table::new(
            (
                "REGK31",
                "Kommunernes regnskaber på funktioner",
                "Municipal accounts by functions",
            ),
            ("-", "-"),
            variables,
            accounts,
        )
    }
}

fn accounts(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    fill(table, |at| {
        let (place, function, dranst, income) = (at[0], at[1], at[2], at[3] == 1);
        let town = world.draw.text("accounts").text(&world.areas.all[place].code);
        let cell = town
            .number((function * 10 + dranst) as i64)
            .number(i64::from(period.year));
        let per_head = [0.1, 0.04, 0.06, 0.05, 0.3, 0.7, 0.9, 0.5, 9.0][function] * [0.85, 0.15][dranst];
        let spent = (persons[place] * per_head * cell.between(0.7, 1.3)).round();
        let share = if income {
            -cell.text("income").between(0.05, 0.3)
        } else {
            1.0
        };
        (spent * share).round() as i64
    })
}

/// Kroner per inhabitant, from thousands of kroner.
fn per_head(world: &World, _: &Table, values: &[&Value], period: Period, sum: i64) -> Option<i64> {
    if values[4].id != "INDL" {
        return None;
    }
    let towns = values[0].leaves.iter().filter_map(|place| world.areas.all.get(*place));
    let heads: i64 = towns.map(|area| world.population(area, period.year, 1)).sum();
    Some((sum as f64 * 1000.0 / heads.max(1) as f64).round() as i64)
}

/// Kinds of subsidy in the agency's order; one with a point behind its first number is a part of what stands above it.
const SUBSIDIES: [Texts; 23] = [
    ("300", "TILSKUD I ALT", "SUBSIDIES, TOTAL"),
    ("305", "Direkte støtte i alt (1+2+3)", "Direct support, total (1+2+3)"),
    ("310", "1 Basisindkomststøtte og grøn støtte", "1 Basic income support"),
    ("315", "2 Bio-ordninger i alt", "2 Eco-schemes, total"),
    ("325", "2.1 Biodiversitet og bæredygtighed", "2.1 Biodiversity"),
    ("330", "2.2 Klima og miljøvenligt græs", "2.2 Climate-friendly grass"),
    ("335", "2.3 Ekstensivering med slæt", "2.3 Extensive mowing"),
    ("340", "2.4 Varieret planteproduktion", "2.4 Varied crops"),
    ("345", "2.5 Økologisk arealstøtte", "2.5 Organic area support"),
    ("350", "3 Anden direkte støtte i alt", "3 Other direct support, total"),
    ("355", "3.1 Koblet støtte", "3.1 Coupled support"),
    ("360", "3.2 Unge landbrugere", "3.2 Young farmers"),
    ("365", "3.3 Markedsstøtte", "3.3 Market support"),
    ("370", "3.4  Øvrig direkte støtte", "3.4 Other direct support"),
    ("375", "4 Andre ordninger i alt", "4 Other schemes, total"),
    ("380", "4.1 Natura 2000", "4.1 Natura 2000"),
    ("385", "4.2 Målrettet regulering", "4.2 Targeted regulation"),
    (
        "390",
        "4.3 Økologisk arealtilskud og investeringsstøtte",
        "4.3 Organic area and investment support",
    ),
    ("395", "4.4 Vådområder", "4.4 Wetlands"),
    (
        "400",
        "4.5 Etableringsstøtte til unge landbrugere",
        "4.5 Young farmers' start",
    ),
    (
        "405",
        "4.6 Miljøteknologi og moderniseringsstøtte",
        "4.6 Environmental technology",
    ),
    ("410", "4.7 Privat skovrejsning", "4.7 Private afforestation"),
    ("415", "4.8 Øvrige tilskudsordninger", "4.8 Other schemes"),
];

fn tilskud2(world: &World) -> Table {
    let mut values = leaves(&SUBSIDIES);
    for (sum, parts) in [(1, 2..14), (3, 4..9), (9, 10..14), (14, 15..23), (0, 1..23)] {
        values[sum].leaves = parts.filter(|place| ![1, 3, 9, 14].contains(place)).collect();
    }
    let variables = vec![listed(("TILSKUDSART", "tilskudsart", "grant type"), values)];
    let last = world.today().year();
    Table {
        updated: format!("{last}-05-26T08:00:00"),
        periods: years(world, 2021, last - 1),
        footnote: Some("De seneste to år er foreløbige. Simuleret: tallene er opfundet."),
        // The eco-schemes begin in 2023.
        is_hidden: |values, period| period.year < 2023 && ECO_SCHEMES.contains(&values[0].id.as_str()),
        ..Table::new(
            (
                "TILSKUD2",
                "Direkte tilskud til landbrugssektoren",
                "Directly subsidies in agriculture",
            ),
            ("Mio. kr.", "m DKK"),
            variables,
            |world, table, period| {
                fill(table, |at| {
                    let (id, ..) = SUBSIDIES[at[0]];
                    let cell = world.draw.text("subsidies").text(id).number(i64::from(period.year));
                    match id {
                        "310" => cell.between(4_800.0, 5_600.0).round() as i64,
                        _ if period.year < 2023 && ECO_SCHEMES.contains(&id) => 0,
                        _ => cell.between(0.0, 300.0).round() as i64,
                    }
                })
            },
        )
    }
}

const ECO_SCHEMES: [&str; 6] = ["315", "325", "330", "335", "340", "345"];

fn fond19(world: &World) -> Table {
    let variables = vec![
        summed(
            ("FONDSTYPE", "fondstype", "foundation type"),
            ("1000", "Alle fonde", "All foundations"),
            leaves(&[
                ("1005", "Erhvervsdrivende fonde", "Industrial foundations"),
                (
                    "1010",
                    "Almene fonde og fondslignende foreninger",
                    "Non-industrial foundations",
                ),
            ]),
        ),
        listed(
            ("HOMR", "hovedområder", "main areas"),
            leaves(&[
                (
                    "4010",
                    "Forebyggelse af klimaforandringer i form af CO2 reducerende formål",
                    "Reduction of CO2",
                ),
                (
                    "4015",
                    "Øvrige forbyggende formål af klimaforandringer",
                    "Other mitigation",
                ),
                ("4020", "Klimatilpasning", "Adaptation"),
                ("4025", "Affaldshåndtering", "Waste handling"),
                ("4030", "Beskyttelse af vandressourcer", "Protection of water"),
                ("4035", "Naturbeskyttelse", "Nature protection"),
                ("4040", "Andre formål", "Other purposes"),
            ]),
        ),
    ];
    let last = world.today().year();
    Table {
        updated: format!("{last}-11-17T08:00:00"),
        periods: years(world, 2022, last - 1),
        ..Table::new(
            (
                "FOND19",
                "Bevilligede fondsmidler til natur-, klima- og miljøformål",
                "Grants for nature, climate and environment purposes",
            ),
            ("Mio. kr.", "m DKK"),
            variables,
            |world, table, period| {
                fill(table, |at| {
                    let cell = world.draw.text("grants").number((at[0] * 10 + at[1]) as i64);
                    cell.number(i64::from(period.year)).between(0.0, 600.0).round() as i64
                })
            },
        )
    }
}
