//! Indicators with their figures by area and year, as `out/indicator_year` has them.

use std::collections::BTreeMap;

use klimalade_model::{Result, Schemas};

use super::Frame;
use crate::{numbers, text::Lang};

/// What an indicator is about, in the order in which the site shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// One of the sixteen transition indicators.
    Transition,
    /// One of the adaptation indicators A1 to A3.
    Adaptation,
    /// Reference figures: population, area, weather.
    Reference,
}

/// A figure of one area and year.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) year: i16,
    pub(crate) value: Option<f64>,
    pub(crate) per_person: Option<f64>,
    pub(crate) rank: Option<u64>,
    pub(crate) count: u64,
    pub(crate) missing: u64,
    pub(crate) base_year: Option<i16>,
    pub(crate) change: Option<f64>,
    pub(crate) change_ratio: Option<f64>,
}

/// An indicator.
pub(crate) struct Indicator {
    pub(crate) code: String,
    name_da: String,
    name_en: String,
    pub(crate) unit: String,
    unit_da: String,
    unit_en: String,
    pub(crate) topic: Topic,
    /// Numbers of the agreement: 16, "2 5", A1; ref.
    pub(crate) number: String,
    pub(crate) kind: String,
    pub(crate) over_area: String,
    /// True where it is the indicator that its concept is read from.
    pub(crate) preferred: bool,
    /// By area, in years, up to the report's.
    pub(crate) points: BTreeMap<String, Vec<Point>>,
    /// Rows of the table by area, for the downloads.
    pub(crate) rows: BTreeMap<String, Vec<usize>>,
}

impl Indicator {
    /// Its name.
    pub(crate) fn name(&self, lang: Lang) -> &str {
        lang.of(&self.name_da, &self.name_en)
    }

    /// The newest figure of an area, and those before.
    pub(crate) fn newest(&self, area: &str) -> Option<&Point> {
        self.points.get(area)?.iter().rev().find(|point| point.value.is_some())
    }

    /// The figure of an area and year.
    pub(crate) fn at(&self, area: &str, year: i16) -> Option<&Point> {
        self.points.get(area)?.iter().find(|point| point.year == year)
    }

    /// The years of an area that have a figure.
    pub(crate) fn line(&self, area: &str) -> Vec<(i16, f64)> {
        let points = self.points.get(area).map_or(&[][..], Vec::as_slice);
        points
            .iter()
            .filter_map(|point| Some((point.year, point.value?)))
            .collect()
    }

    /// The unit as it is written after a number; empty where the number says it.
    pub(crate) fn unit_name(&self, lang: Lang) -> &str {
        match self.unit.as_str() {
            "ratio" => "%",
            "number" => lang.of("antal", "number"),
            unit => symbol(unit, lang).unwrap_or(lang.of(&self.unit_da, &self.unit_en)),
        }
    }

    /// A value of it, without its unit but for percent.
    pub(crate) fn written(&self, value: f64, lang: Lang) -> String {
        match self.unit.as_str() {
            "ratio" => numbers::percent(value, lang),
            _ => numbers::plain(value, lang),
        }
    }

    /// A value of it with its unit.
    pub(crate) fn with_unit(&self, value: f64, lang: Lang) -> String {
        match self.unit.as_str() {
            "ratio" | "number" => self.written(value, lang),
            _ => format!("{}\u{a0}{}", self.written(value, lang), self.unit_name(lang)),
        }
    }

    /// The newest year that municipalities have figures for, and those years before it.
    pub(crate) fn years(&self) -> Vec<i16> {
        let all: std::collections::BTreeSet<i16> = self
            .points
            .values()
            .flatten()
            .filter(|point| point.value.is_some())
            .map(|point| point.year)
            .collect();
        all.into_iter().collect()
    }
}

/// How a unit is written after a number; `None` where only its name will do.
pub(crate) fn symbol(unit: &str, lang: Lang) -> Option<&'static str> {
    Some(match unit {
        "tonne_co2e" => lang.of("ton CO₂e", "tonne CO₂e"),
        "tonne" => lang.of("ton", "tonne"),
        "tj" => "TJ",
        "mwh" => "MWh",
        "mw" => "MW",
        "m2" => "m²",
        "km2" => "km²",
        "m3" => "m³",
        "ha" => "ha",
        "km" => "km",
        "mm" => "mm",
        "pe" => "PE",
        "dkk" => lang.of("kr.", "DKK"),
        "day" => lang.of("døgn", "days"),
        "degree_day" => lang.of("graddage", "degree days"),
        "person" => lang.of("personer", "persons"),
        "million_vehicle_km" => lang.of("mio. køretøjskm", "million vehicle km"),
        "kg_per_person" => lang.of("kg pr. person", "kg per person"),
        "g_co2e_per_kwh" => "g CO₂e/kWh",
        _ => return None,
    })
}

pub(super) fn read(schemas: &Schemas, frame: &Frame, until: i16) -> Result<Vec<Indicator>> {
    let (list, units) = (schemas.code_list("indicators")?, schemas.code_list("units")?);
    let mut known: BTreeMap<&str, Indicator> = BTreeMap::new();
    for row in frame.rows() {
        let (code, year) = (frame.text(row, "indicator_code"), frame.year(row, "year"));
        if year > until {
            continue;
        }
        let indicator = known.entry(code).or_insert_with(|| {
            let cell = |column| list.get(code, column).unwrap_or_default().to_owned();
            let unit = cell("unit_code");
            let unit_name = |column| units.get(&unit, column).unwrap_or(&unit).to_owned();
            let number = cell("transition_indicator");
            Indicator {
                code: code.to_owned(),
                name_da: cell("name_da"),
                name_en: cell("name_en"),
                unit_da: unit_name("name_da"),
                unit_en: unit_name("name_en"),
                topic: match number.chars().next() {
                    Some('0'..='9') => Topic::Transition,
                    Some('A') => Topic::Adaptation,
                    _ => Topic::Reference,
                },
                number,
                kind: cell("kind"),
                over_area: cell("over_area"),
                preferred: cell("is_preferred") == "1",
                points: BTreeMap::new(),
                rows: BTreeMap::new(),
                unit,
            }
        });
        let area = frame.text(row, "area_code").to_owned();
        indicator.rows.entry(area.clone()).or_default().push(row);
        indicator.points.entry(area).or_default().push(Point {
            year,
            value: frame.number(row, "value"),
            per_person: frame.number(row, "value_per_person"),
            rank: frame.number(row, "municipality_rank").map(|rank| rank as u64),
            count: frame.count(row, "municipality_count"),
            missing: frame.count(row, "missing_count"),
            base_year: frame.number(row, "base_year").map(|year| year as i16),
            change: frame.number(row, "change_value"),
            change_ratio: frame.number(row, "change_ratio"),
        });
    }
    let mut all: Vec<Indicator> = known.into_values().collect();
    for indicator in &mut all {
        for points in indicator.points.values_mut() {
            points.sort_by_key(|point| point.year);
        }
    }
    let order = |indicator: &Indicator| {
        let first: u32 = indicator
            .number
            .trim_start_matches('A')
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(99);
        (indicator.topic, first, !indicator.preferred, indicator.code.clone())
    };
    all.sort_by_key(order);
    Ok(all)
}
