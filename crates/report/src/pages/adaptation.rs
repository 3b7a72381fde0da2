//! Adaptation by municipality.

use klimalade_model::Result;
use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{
    map, numbers,
    page::{Figure, Place, figure, or_dash},
};

/// Column, what it is in both languages, is it a ratio.
const COLUMNS: [(&str, &str, &str, bool); 8] = [
    (
        "designated_flood_erosion_ratio",
        "Udpeget for oversvømmelse og erosion",
        "Designated for flooding and erosion",
        true,
    ),
    (
        "designated_low_lying_ratio",
        "Udpeget som lavbund",
        "Designated as low-lying",
        true,
    ),
    (
        "separately_sewered_ratio",
        "Separatkloakeret",
        "Separately sewered",
        true,
    ),
    (
        "separately_sewered_planned_ratio",
        "Separatkloakeret efter planen",
        "Separately sewered as planned",
        true,
    ),
    (
        "precipitation_24h_max_mm",
        "Største nedbør på 24 timer, mm",
        "Largest rain in 24 hours, mm",
        false,
    ),
    (
        "precipitation_30min_max_mm",
        "Største nedbør på 30 minutter, mm",
        "Largest rain in 30 minutes, mm",
        false,
    ),
    (
        "precipitation_over_10mm_day",
        "Døgn med over 10 mm",
        "Days with more than 10 mm",
        false,
    ),
    (
        "cloudburst_projects_built_number",
        "Skybrudsprojekter etableret",
        "Cloudburst projects built",
        false,
    ),
];

/// The page of adaptation.
pub(crate) fn sheet(desk: &Desk) -> Result<Sheet> {
    let (facts, lang, frame) = (desk.facts, desk.lang, &desk.facts.adaptation);
    let title = lang.of("Klimatilpasning", "Adaptation").to_owned();
    // Of each column the newest year up to the report's that has figures.
    let newest = |column: &str| {
        let rows = frame
            .rows()
            .filter(|row| frame.year(*row, "year") <= facts.site.year && frame.number(*row, column).is_some());
        rows.map(|row| frame.year(row, "year")).max()
    };
    let years: Vec<Option<i16>> = COLUMNS.iter().map(|(column, ..)| newest(column)).collect();
    let value = |code: &str, column: &str, year: Option<i16>| {
        let year = year?;
        let row = frame
            .rows()
            .find(|row| frame.year(*row, "year") == year && frame.text(*row, "area_code") == code)?;
        frame.number(row, column)
    };
    let write = |value: f64, is_ratio: bool| {
        if is_ratio {
            numbers::percent(value, lang)
        } else {
            numbers::plain(value, lang)
        }
    };
    let map = |id: &str, at: usize| -> Markup {
        let (column, da, en, is_ratio) = COLUMNS[at];
        let writer = |value: f64| write(value, is_ratio);
        let name = format!(
            "{} {}",
            lang.of(da, en),
            years[at].map_or_else(String::new, |year| year.to_string())
        );
        let shapes = desk.shapes(|code| value(code, column, years[at]), &writer);
        figure(
            lang,
            &Figure {
                title: name.clone(),
                note: String::new(),
                drawing: map::choropleth(lang, id, desk.outlines, &name, &shapes, &writer),
                legend: html! {},
                table: html! { p { a href="#kommuner" { (lang.of("Alle kommuner i tabellen nedenfor", "All municipalities in the table below")) } } },
                files: desk.downloads("adaptation_year"),
                source: desk.source(if at < 2 {
                    "designated_area_flood_erosion"
                } else {
                    "precipitation_max_24h"
                }),
            },
        )
    };
    let adaptation = facts
        .indicators
        .iter()
        .filter(|indicator| indicator.topic == crate::data::Topic::Adaptation);
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of("Hvor kommunerne er udsat, hvad de har planlagt, og hvor regnen falder.", "Where the municipalities are exposed, what they have planned, and where the rain falls.")) }
        ul { @for indicator in adaptation { li { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) " (" (indicator.number) ")" } } }
        h2.hidden { (lang.of("Kort", "Maps")) }
        div.pair { (map("udpeget", 0)) (map("regn", 4)) }
        h2 #kommuner { (lang.of("Kommunerne", "The municipalities")) }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Kommune", "Municipality")) }
                @for ((_, da, en, _), year) in COLUMNS.iter().zip(&years) { th scope="col" { (lang.of(*da, *en)) @if let Some(year) = year { " (" (year) ")" } } }
            } }
            tbody { @for area in &facts.municipalities { tr {
                th scope="row" { (desk.area_link(&area.code)) }
                @for ((column, _, _, is_ratio), year) in COLUMNS.iter().zip(&years) {
                    td { (or_dash(value(&area.code, column, *year).map(|value| write(value, *is_ratio)), lang.no_figure())) }
                }
            } } }
        } }
        p.from { @for (name, address) in desk.downloads("adaptation_year") { a href=(address) download { (name) } " · " } }
    };
    Ok(Sheet { title, body })
}
