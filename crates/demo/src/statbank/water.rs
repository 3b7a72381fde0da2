//! Wastewater (VANDUD) and water abstraction (VANDIND).

use super::{
    areas::{Levels, by_region, persons},
    table::{Period, Table, Variable, fill, leaves, listed, summed, years},
};
use crate::world::World;

pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![vandud(world), vandind(world)]
}

const REGIONS: Levels = Levels {
    landsdele: false,
    christiansoe: true,
    unknown: false,
};

fn vandud(world: &World) -> Table {
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), REGIONS),
        // Four units in the texts of one variable: a sum over it is none.
        Variable {
            is_optional: false,
            ..listed(
                ("UDL", "udledning", "discharge"),
                leaves(&[
                    ("SP", "Spildevand, 1.000 m3", "Wastewater, 1,000 m3"),
                    ("KV", "Kvælstof, ton total-N", "Nitrogen, tonnes total N"),
                    ("FO", "Fosfor, ton total-P", "Phosphorus, tonnes total P"),
                    ("OR", "Organisk stof, ton BI5", "Organic matter, tonnes BOD5"),
                ]),
            )
        },
        listed(
            ("ANLAEG", "anlægstype", "farm type"),
            leaves(&[
                ("115", "Dambrug", "Fish farms"),
                ("120", "Havbrug", "Sea farms"),
                ("125", "Industriel udledning", "Industrial discharge"),
                ("130", "Almene renseanlæg", "Treatment plants"),
                (
                    "135",
                    "Spredt bebyggelse ikke tilsluttet kloakering",
                    "Scattered settlement",
                ),
                ("140", "Regnbetinget udledning", "Discharge by rain"),
            ]),
        ),
    ];
    let last = world.today().year();
    Table {
        updated: format!("{}-11-26T08:00:00", last - 1),
        periods: years(world, last - 5, last - 2),
        // Christiansø's scattered settlement.
        is_hidden: |values, _| values[0].id == "411" && values[2].id == "135",
        ..Table::new(
            ("VANDUD", "Spildevandsudledning", "Discharge of water"),
            ("-", "-"),
            variables,
            discharge,
        )
    }
}

/// Municipalities whose sewage is treated by a neighbour: their 0 says where the plant lies, not that they are clean.
const TREATED_ELSEWHERE: [&str; 5] = ["0147", "0163", "0175", "0563", "0492"];

fn discharge(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    fill(table, |at| {
        let &[place, what, plant] = at else { return 0 };
        let area = &world.areas.all[place];
        let elsewhere = plant == 3 && TREATED_ELSEWHERE.contains(&area.code.as_str());
        if elsewhere || !area.is_municipality && plant == 4 {
            return 0;
        }
        let cell = world.draw.text("discharge").text(&area.code).number(plant as i64);
        // Farms in the sea and on land stand in few municipalities.
        if plant < 2 && cell.text("farm").unit() < 0.7 {
            return 0;
        }
        let water = persons[place] * 0.12 * [0.3, 0.0, 0.1, 0.7, 0.05, 0.25][plant] * cell.between(0.7, 1.3);
        let tonnes = [water, water * 0.006, water * 0.0006, water * 0.004][what];
        let sea = if plant == 1 { [0.0, 20.0, 2.0, 90.0][what] } else { 0.0 };
        (tonnes + sea).round() as i64
    })
}

fn vandind(world: &World) -> Table {
    let variables = vec![
        by_region(world, ("OMRÅDE", "område", "region"), REGIONS),
        summed(
            ("VANDTYP", "vandtype", "water type"),
            ("TOTVAND", "Vand i alt", "Water, total"),
            leaves(&[
                ("GVAND", "Grundvand", "Groundwater"),
                ("OVAND", "Overfladevand", "Surface water"),
            ]),
        ),
        listed(
            ("INDKAT", "indvindingskategori", "abstraction category"),
            leaves(&[
                ("100", "Alment vandværk", "Public waterworks"),
                (
                    "105",
                    "Virksomheder med egen indvinding",
                    "Companies with abstraction of their own",
                ),
                ("110", "Markvanding", "Irrigation"),
            ]),
        ),
    ];
    let last = world.today().year();
    Table {
        decimals: 3,
        updated: format!("{}-11-26T08:00:00", last - 1),
        periods: years(world, last - 5, last - 2),
        ..Table::new(
            ("VANDIND", "Indvinding af vand", "Water abstraction"),
            ("Mio. m3", "m m3"),
            variables,
            abstraction,
        )
    }
}

/// Thousands of cubic metres. København pumps in its neighbours' ground.
fn abstraction(world: &World, table: &Table, period: Period) -> Vec<i64> {
    let persons = persons(world, period.year);
    fill(table, |at| {
        let &[place, kind, category] = at else { return 0 };
        let area = &world.areas.all[place];
        if category == 0 && area.code == "0101" || category == 2 && !area.is_municipality {
            return 0;
        }
        let cell = world.draw.text("abstraction").text(&area.code);
        let cell = cell
            .number((kind * 10 + category) as i64)
            .number(i64::from(period.year));
        let share = [0.97, 0.03][kind] * [0.065, 0.02, 0.03][category];
        (persons[place] * share * cell.between(0.6, 1.4)).round() as i64
    })
}
