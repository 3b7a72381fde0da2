//! Charts that the pages of municipalities, regions and the country share.

use klimalade_model::Result;
use maud::{Markup, html};
use plotters::style::RGBColor;

use super::Desk;
use crate::{
    chart::{self, Line, Look},
    data::{Area, Trajectory},
    numbers,
    page::{Figure, dashes_mean, figure, legend, or_bare_dash, or_dash, table},
};

/// Sectors with their column of the yearly tables and colour.
pub(super) const SECTORS: [(&str, &str, RGBColor); 5] = [
    ("energy", "ghg_energy_tonne_co2e", chart::BLUE),
    ("transport", "ghg_transport_tonne_co2e", chart::ORANGE),
    ("agriculture_land", "ghg_agriculture_land_tonne_co2e", chart::GREEN),
    (
        "industrial_processes",
        "ghg_industrial_processes_tonne_co2e",
        chart::PURPLE,
    ),
    ("waste", "ghg_waste_tonne_co2e", chart::SKY),
];

/// Methods of projection with their looks.
const PROJECTIONS: [(&str, RGBColor, Look); 3] = [
    ("lin_ols", chart::BLUE, Look::Dashed(12)),
    ("ets_smoothing", chart::PURPLE, Look::Dashed(6)),
    ("loglin", chart::GREEN, Look::Dashed(3)),
];

/// The lowest and the highest projection of a year.
pub(super) fn projected(known: &Trajectory, year: i16) -> Option<(f64, f64)> {
    let values = PROJECTIONS
        .iter()
        .filter_map(|(method, ..)| known.at(method, year)?.value);
    values.fold(None, |range: Option<(f64, f64)>, value| {
        Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })
}

/// Emissions: accounted, projected by three methods, wanted.
pub(super) fn trajectory(desk: &Desk, area: &Area) -> Result<Markup> {
    let (facts, lang) = (desk.facts, desk.lang);
    let Some(known) = facts.trajectories.get(&area.code) else {
        return Ok(html! { p.none { (lang.no_figure()) } });
    };
    let mut series = vec![Line {
        name: lang.of("Opgjort", "Accounted").to_owned(),
        color: chart::BLACK,
        look: Look::Dotted,
        points: known.line("actual"),
    }];
    let begins = series[0].points.first().map_or(i16::MIN, |point| point.0);
    for (method, color, look) in PROJECTIONS {
        let points: Vec<_> = known.line(method).into_iter().filter(|point| point.0 <= 2050).collect();
        if !points.is_empty() {
            series.push(Line {
                name: facts.named("methods", method, lang).to_owned(),
                color,
                look,
                points,
            });
        }
    }
    let path: Vec<_> = known
        .target_path()
        .into_iter()
        .filter(|point| point.0 >= begins)
        .collect();
    let has_path = !path.is_empty();
    if has_path {
        series.push(Line {
            name: lang.of("Målsti", "Target path").to_owned(),
            color: chart::VERMILLION,
            look: Look::Solid,
            points: path,
        });
    }
    let title = lang.of(
        "Udledning: opgjort, fremskrevet og efter målene",
        "Emissions: accounted, projected and by the targets",
    );
    let named = format!("{}, {}", title, area.name(lang));
    let drawing = chart::lines(lang, "udvikling", &named, lang.of("ton CO₂e", "tonne CO₂e"), &series)?;
    let entries: Vec<(Markup, String)> = series
        .iter()
        .map(|line| (chart::sample(line.color, line.look), line.name.clone()))
        .collect();
    let header: Vec<String> = [lang.of("År", "Year").to_owned()]
        .into_iter()
        .chain(series.iter().map(|line| line.name.clone()))
        .collect();
    let years: std::collections::BTreeSet<i16> =
        series.iter().flat_map(|line| line.points.iter().map(|p| p.0)).collect();
    let shown = |year: &&i16| **year <= 2030 || **year % 5 == 0;
    let rows: Vec<Vec<Markup>> = years
        .iter()
        .filter(shown)
        .map(|year| {
            let cell = |line: &Line| {
                let value = line
                    .points
                    .iter()
                    .find(|point| point.0 == *year)
                    .map(|point| numbers::fixed(point.1, 0, lang));
                or_bare_dash(value)
            };
            [html! { (year) }].into_iter().chain(series.iter().map(cell)).collect()
        })
        .collect();
    let fit = match (known.line("actual").first(), known.latest()) {
        (Some(first), Some(last)) => lang.of(
            format!(
                "Fremskrivningerne er Klimalades egne, dannet af årene {}–{}, og ikke en prognose.",
                first.0, last.year
            ),
            format!(
                "The projections are Klimalade's own, fitted to {}–{}, and no forecast.",
                first.0, last.year
            ),
        ),
        _ => String::new(),
    };
    let without = if has_path {
        String::new()
    } else {
        format!(" {}", no_path(desk, area))
    };
    Ok(figure(
        lang,
        &Figure {
            title: title.to_owned(),
            note: format!("{fit}{without}"),
            drawing,
            legend: legend(&entries),
            table: html! {
                (table(title, &header, &rows))
                (dashes_mean(lang.of("ikke af denne metode for året", "not of this method for the year")))
            },
            files: desk.downloads("emission_trajectory"),
            source: desk.source("ghg_emissions"),
        },
    ))
}

/// Why an area has no target path.
pub(super) fn no_path(desk: &Desk, area: &Area) -> String {
    let known = desk.facts.trajectories.get(&area.code);
    let sum = known.and_then(|known| {
        known
            .steps("target_path_sum")
            .iter()
            .find(|step| !step.reason.is_empty())
    });
    let own = known.and_then(|known| known.steps("target_path").iter().find(|step| !step.reason.is_empty()));
    match sum.or(own) {
        Some(step) => format!("{}.", desk.facts.named("reasons", &step.reason, desk.lang)),
        None => String::new(),
    }
}

/// Emissions by sector, stacked.
pub(super) fn sectors(desk: &Desk, area: &Area) -> Result<Markup> {
    let (facts, lang) = (desk.facts, desk.lang);
    let lines: Vec<Vec<(i16, f64)>> = SECTORS
        .iter()
        .map(|(_, column, _)| facts.series(&area.code, column))
        .collect();
    let years: std::collections::BTreeSet<i16> = lines.iter().flatten().map(|point| point.0).collect();
    let years: Vec<i16> = years.into_iter().collect();
    let at = |line: &[(i16, f64)], year: i16| line.iter().find(|point| point.0 == year).map(|point| point.1);
    let series: Vec<(String, RGBColor, Vec<Option<f64>>)> = SECTORS
        .iter()
        .zip(&lines)
        .map(|((code, _, color), line)| {
            let values = years.iter().map(|year| at(line, *year)).collect();
            (facts.named("sectors", code, lang).to_owned(), *color, values)
        })
        .collect();
    let title = lang.of("Udledning efter sektor", "Emissions by sector");
    let named = format!("{}, {}", title, area.name(lang));
    let drawing = chart::stack(
        lang,
        "sektorer",
        &named,
        lang.of("ton CO₂e", "tonne CO₂e"),
        &years,
        &series,
    )?;
    let swatch = |color: RGBColor| {
        html! { svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" { rect width="14" height="14" fill=(chart::hex(color)) {} } }
    };
    let entries: Vec<(Markup, String)> = series
        .iter()
        .map(|(name, color, _)| (swatch(*color), name.clone()))
        .collect();
    let header: Vec<String> = [lang.of("År", "Year").to_owned()]
        .into_iter()
        .chain(series.iter().map(|(name, ..)| name.clone()))
        .collect();
    let rows: Vec<Vec<Markup>> = years
        .iter()
        .enumerate()
        .map(|(at, year)| {
            let cell = |(_, _, values): &(String, RGBColor, Vec<Option<f64>>)| {
                or_dash(values[at].map(|value| numbers::fixed(value, 0, lang)), lang.no_figure())
            };
            [html! { (year) }].into_iter().chain(series.iter().map(cell)).collect()
        })
        .collect();
    Ok(figure(
        lang,
        &Figure {
            title: title.to_owned(),
            note: lang
                .of(
                    "Søjler under nul er optag i jord og skov.",
                    "Bars below zero are uptake in soil and forest.",
                )
                .to_owned(),
            drawing,
            legend: legend(&entries),
            table: table(title, &header, &rows),
            files: desk.downloads("municipality_year"),
            source: desk.source("ghg_emissions"),
        },
    ))
}
