//! What the buildings of an area burn for heat, by year: the weather's part of a change is made of it.

use std::collections::BTreeMap;

use klimalade_model::{Result, Schemas};

use super::Frame;

/// Sectors whose energy is mostly for heating buildings. That of manufacturing is for processes.
const BUILDINGS: [&str; 4] = [
    "energy_residential",
    "energy_commercial_public",
    "energy_commercial",
    "energy_public",
];

/// Categories of electricity that are for heating.
const ELECTRIC_HEATING: [&str; 2] = ["el_panel_heater", "el_heat_pump"];

/// The indicators that are read.
pub(super) const INDICATORS: [&str; 2] = ["final_energy_consumption", "district_heat_fuel"];

/// The columns that are read.
pub(super) const COLUMNS: [&str; 9] = [
    "indicator_code",
    "area_code",
    "area_level",
    "year",
    "scenario_code",
    "sector_code",
    "carrier_code",
    "category_code",
    "value",
];

/// Sector, carrier and category; TJ, where the agency gave a figure.
type Cells = BTreeMap<[String; 3], Option<f64>>;

/// TJ by area and year.
type Years = BTreeMap<(String, i16), Cells>;

/// Fuel and electricity for heat, by area and year.
#[derive(Debug, Default)]
pub(crate) struct Heating {
    /// Final energy of buildings.
    buildings: Years,
    /// Fuel for district heat. A fuel that was not used has no row.
    district: Years,
    /// kg CO2 per GJ, which is tonnes per TJ.
    factors: BTreeMap<String, f64>,
}

/// The emissions of heating, as the mean of two years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heat {
    pub(crate) tonne: f64,
    /// False where the fuels for district heat are not known for both years: they are not in it then.
    pub(crate) has_district: bool,
    /// Cells that lack a figure in one of the two years: they are not in it either.
    pub(crate) left_out: usize,
}

/// What is missing for the weather's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The account's energy consumption.
    Energy,
    /// The electricity factor, where electricity heats.
    Factor,
    /// The degree days.
    DegreeDays,
    /// A figure of so many of the municipalities.
    Members(usize, usize),
}

impl Heating {
    /// The heating of the rows of core that are figures of municipalities.
    pub(super) fn read(schemas: &Schemas, frame: &Frame) -> Result<Self> {
        let list = schemas.code_list("carriers")?;
        let factor = |code: &str| Some((code.to_owned(), list.get(code, "co2_kg_per_gj")?.parse().ok()?));
        let mut heating = Self {
            factors: list.codes().filter_map(factor).collect(),
            ..Self::default()
        };
        for row in frame.rows() {
            let text = |column| frame.text(row, column);
            if text("area_level") == "municipality" && text("scenario_code") == "actual" {
                let cell = ["sector_code", "carrier_code", "category_code"].map(text);
                let of = (text("indicator_code"), text("area_code"), frame.year(row, "year"));
                heating.add(of, cell, frame.number(row, "value"));
            }
        }
        Ok(heating)
    }

    fn add(&mut self, (indicator, area, year): (&str, &str, i16), cell: [&str; 3], value: Option<f64>) {
        let [sector, carrier, category] = cell;
        let years = match indicator {
            "district_heat_fuel" => &mut self.district,
            _ if BUILDINGS.contains(&sector) => &mut self.buildings,
            _ => return,
        };
        // The year is known from here on, also where nothing fossil is burnt in it.
        let cells = years.entry((area.to_owned(), year)).or_default();
        if self.factors.contains_key(carrier) || ELECTRIC_HEATING.contains(&category) {
            let known = cells.entry(cell.map(str::to_owned)).or_insert(Some(0.0));
            // Half a figure would look like a whole one.
            *known = known.zip(value).map(|(known, more)| known + more);
        }
    }

    /// The fuels that count, with their factors in kg CO2 per GJ.
    pub(crate) fn factors(&self) -> impl Iterator<Item = (&str, f64)> {
        self.factors.iter().map(|(code, factor)| (code.as_str(), *factor))
    }

    /// The mean of two years, with the mean electricity factor (g CO2e/kWh) of the two.
    pub(crate) fn between(&self, area: &str, years: [i16; 2], electricity: Option<f64>) -> Result<Heat, Lack> {
        let both = |of: &Years| -> Option<[Cells; 2]> {
            let at = |year| of.get(&(area.to_owned(), year)).cloned();
            Some([at(years[0])?, at(years[1])?])
        };
        let [before, after] = both(&self.buildings).ok_or(Lack::Energy)?;
        let mut heat = Heat {
            tonne: 0.0,
            has_district: false,
            left_out: 0,
        };
        let all: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for cell in all {
            let known = |cells: &Cells| cells.get(cell).copied().flatten();
            let (Some(before), Some(after)) = (known(&before), known(&after)) else {
                heat.left_out += 1;
                continue;
            };
            let mean = (before + after) / 2.0;
            heat.tonne += match self.factors.get(&cell[1]) {
                Some(factor) => mean * factor,
                // TJ / 3.6 is GWh; GWh x g/kWh is tonnes.
                None if mean == 0.0 => 0.0,
                None => mean / 3.6 * electricity.ok_or(Lack::Factor)?,
            };
        }
        if let Some(cells) = both(&self.district) {
            heat.has_district = true;
            for (cell, used) in cells.iter().flatten() {
                match (used, self.factors.get(&cell[1])) {
                    (Some(used), Some(factor)) => heat.tonne += used / 2.0 * factor,
                    (None, Some(_)) => heat.left_out += 1,
                    _ => {}
                }
            }
        }
        Ok(heat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEARS: [i16; 2] = [2020, 2022];

    fn heating(rows: &[(&str, i16, [&str; 3], Option<f64>)]) -> Heating {
        let mut heating = Heating {
            factors: BTreeMap::from([("natural_gas".to_owned(), 56.1), ("coal".to_owned(), 94.6)]),
            ..Heating::default()
        };
        for (indicator, year, cell, value) in rows {
            heating.add((indicator, "0751", *year), *cell, *value);
        }
        heating
    }

    const GAS: [&str; 3] = ["energy_residential", "natural_gas", "_T"];
    const PUMP: [&str; 3] = ["energy_residential", "electricity", "el_heat_pump"];
    const LIGHT: [&str; 3] = ["energy_residential", "electricity", "el_other"];
    const PROCESS: [&str; 3] = ["energy_industry", "natural_gas", "_T"];
    const ENERGY: &str = "final_energy_consumption";
    const DISTRICT: &str = "district_heat_fuel";

    #[test]
    fn heat_is_the_fuel_of_buildings_and_the_electricity_for_heating_and_nothing_else() {
        let known = heating(&[
            (ENERGY, 2020, GAS, Some(10.0)),
            (ENERGY, 2022, GAS, Some(20.0)),
            (ENERGY, 2020, PUMP, Some(3.6)),
            (ENERGY, 2022, PUMP, Some(3.6)),
            (ENERGY, 2020, LIGHT, Some(1e6)),
            (ENERGY, 2022, LIGHT, Some(1e6)),
            (ENERGY, 2020, PROCESS, Some(1e6)),
            (ENERGY, 2022, PROCESS, Some(1e6)),
        ]);
        // 15 TJ of gas at 56.1 t/TJ, and 1 GWh at 100 t/GWh.
        let heat = known.between("0751", YEARS, Some(100.0)).unwrap();
        assert!((heat.tonne - (841.5 + 100.0)).abs() < 1e-9, "{heat:?}");
        assert!(!heat.has_district && heat.left_out == 0, "{heat:?}");
    }

    #[test]
    fn fuel_for_district_heat_counts_where_both_years_are_known() {
        let coal = ["_T", "coal", "_T"];
        let chips = ["_T", "wood_chips", "_T"];
        let mut rows = vec![
            (ENERGY, 2020, GAS, Some(0.0)),
            (ENERGY, 2022, GAS, Some(0.0)),
            (DISTRICT, 2020, coal, Some(4.0)),
        ];
        let one_year = heating(&rows).between("0751", YEARS, None).unwrap();
        assert_eq!((one_year.tonne, one_year.has_district), (0.0, false));
        // Coal has no row in the second year: it was not used.
        rows.push((DISTRICT, 2022, chips, Some(9.0)));
        let both = heating(&rows).between("0751", YEARS, None).unwrap();
        assert!(both.has_district && (both.tonne - 2.0 * 94.6).abs() < 1e-9, "{both:?}");
    }

    #[test]
    fn what_is_missing_is_named_and_never_taken_for_nothing() {
        let one_year = heating(&[(ENERGY, 2020, GAS, Some(10.0))]);
        assert_eq!(one_year.between("0751", YEARS, Some(100.0)), Err(Lack::Energy));
        let pumps = heating(&[(ENERGY, 2020, PUMP, Some(3.6)), (ENERGY, 2022, PUMP, Some(3.6))]);
        assert_eq!(pumps.between("0751", YEARS, None), Err(Lack::Factor));
        // A cell that is empty in one of the years is left out of both, and counted.
        let empty = heating(&[
            (ENERGY, 2020, GAS, Some(10.0)),
            (ENERGY, 2022, GAS, None),
            (ENERGY, 2022, PUMP, Some(3.6)),
        ]);
        let heat = empty.between("0751", YEARS, Some(100.0)).unwrap();
        assert_eq!((heat.tonne, heat.left_out), (0.0, 2));
    }
}
