//! The national overview.

use klimalade_model::Result;
use maud::{Markup, html};

use super::{Desk, Sheet, area, charts, effect};
use crate::{
    chart, map, numbers,
    page::{Figure, Place, figure, or_dash, table, tile},
};

/// The page of the country.
pub(crate) fn sheet(desk: &Desk) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang.of(
        "Status for kommunernes klimaindsats",
        "Status of the municipalities' climate action",
    );
    let body = html! {
        h1 { (title) " " (facts.site.year) }
        p.lead { (area::lead(desk, &facts.country)) " " (lang.of(
            "Rapporten viser, hvor landets 98 kommuner og regionerne står i forhold til deres egne mål.",
            "The report shows where the 98 municipalities and the regions stand against their own targets.",
        )) }
        (tiles(desk))
        h2.hidden { (lang.of("Udledning", "Emissions")) }
        div.pair { (charts::trajectory(desk, &facts.country)?) (charts::sectors(desk, &facts.country)?) }
        h2 #kort { (lang.of("Udledning pr. indbygger", "Emissions per inhabitant")) }
        div.pair { (map_of(desk)) (ranking(desk)) }
        h2 #effekt { (lang.of("Hvad ændringen skyldes", "What the change is due to")) }
        (effect::section(desk, &facts.country))
        h2 #indikatorer { (lang.of("Indikatorerne for hele landet", "The indicators for the whole country")) }
        (multiples(desk)?)
    };
    Ok(Sheet {
        title: title.to_owned(),
        body,
    })
}

fn tiles(desk: &Desk) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let latest = facts
        .municipalities
        .iter()
        .filter_map(|area| facts.trajectories.get(&area.code)?.latest()?.on_track);
    let (mut on, mut off) = (0, 0);
    latest.for_each(|is_on| if is_on { on += 1 } else { off += 1 });
    let plans = &facts.plans;
    let with_plan = plans
        .rows()
        .filter(|row| plans.flag(*row, "has_plan") == Some(true))
        .count();
    let overdue = plans
        .rows()
        .filter(|row| plans.flag(*row, "is_overdue") == Some(true))
        .count();
    let progress = &facts.progress;
    let count = |status: Option<&str>| -> u64 {
        let wanted = |row: &usize| status.is_none_or(|status| progress.text(*row, "status_code") == status);
        progress
            .rows()
            .filter(wanted)
            .map(|row| progress.count(row, "action_count"))
            .sum()
    };
    let n = |count: u64| numbers::fixed(count as f64, 0, lang);
    let emissions = facts
        .indicator("ghg_emissions")
        .and_then(|indicator| indicator.newest("DK"));
    html! {
        div.tiles {
            (tile(&format!("{} {}", lang.of("Udledning i alt", "Emissions in all"), emissions.map_or(0, |point| point.year)),
                &html! { (or_dash(emissions.and_then(|point| point.value).map(|value| numbers::fixed(value, 0, lang)), lang.no_figure())) " " small { (lang.of("ton CO₂e", "tonne CO₂e")) } },
                &desk.source("ghg_emissions")))
            (tile(lang.of("Kommuner under deres målsti", "Municipalities below their target path"),
                &html! { (on) " " small { (lang.of("af", "of")) " " (on + off) " " (lang.of("med mål", "with targets")) } },
                &desk.link(&Place::Targets, lang.of("Afstand til målene", "Distance to the targets"))))
            (tile(lang.of("Kommuner med vedtaget plan", "Municipalities with an adopted plan"),
                &html! { (with_plan) " " small { (lang.of("af 98", "of 98")) } },
                &html! { (desk.link(&Place::Plans, &lang.of(format!("{overdue} skulle have været revideret"), format!("{overdue} overdue for revision")))) }))
            (tile(lang.of("Gennemførte indsatser", "Finished actions"),
                &html! { (n(count(Some("done")))) " " small { (lang.of("af", "of")) " " (n(count(None))) } },
                &desk.link(&Place::Actions, lang.of("Fremdrift", "Progress"))))
        }
    }
}

fn per_person(desk: &Desk, code: &str) -> Option<f64> {
    desk.facts.indicator("ghg_emissions")?.newest(code)?.per_person
}

fn map_of(desk: &Desk) -> Markup {
    let lang = desk.lang;
    let title = lang.of(
        "Ton CO₂e pr. indbygger efter kommune",
        "Tonne CO₂e per inhabitant by municipality",
    );
    let write = |value: f64| numbers::fixed(value, 1, lang);
    let shapes = desk.shapes(|code| per_person(desk, code), &write);
    let header = [
        lang.of("Kommune", "Municipality"),
        lang.of("Ton pr. indbygger", "Tonne per inhabitant"),
    ]
    .map(str::to_owned);
    let rows: Vec<Vec<Markup>> = shapes
        .iter()
        .map(|shape| {
            vec![
                html! { a href=(shape.address) { (shape.name) } },
                or_dash(shape.value.map(write), lang.no_figure()),
            ]
        })
        .collect();
    figure(
        lang,
        &Figure {
            title: title.to_owned(),
            note: String::new(),
            drawing: map::choropleth(lang, "kortet", desk.outlines, title, &shapes, &write),
            legend: html! {},
            table: table(title, &header, &rows),
            files: desk.downloads("indicator/ghg_emissions"),
            source: desk.source("ghg_emissions"),
        },
    )
}

fn ranking(desk: &Desk) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let mut ranked: Vec<(&crate::data::Area, f64)> = facts
        .municipalities
        .iter()
        .filter_map(|area| Some((area, per_person(desk, &area.code)?)))
        .collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.code.cmp(&b.0.code)));
    let low = ranked.iter().map(|(_, value)| *value).fold(0.0, f64::min);
    let high = ranked.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let rows = |part: &[(&crate::data::Area, f64)]| {
        html! {
            @for (area, value) in part {
                tr {
                    th scope="row" { (desk.area_link(&area.code)) }
                    td { (numbers::fixed(*value, 1, lang)) }
                    td { (chart::bar(*value, low, high, false)) }
                }
            }
        }
    };
    let head = |text: &str| {
        html! {
            thead { tr { th scope="col" { (text) } th scope="col" { (lang.of("Ton", "Tonne")) } th scope="col" { span.hidden { (lang.of("Søjle", "Bar")) } } } }
        }
    };
    html! {
        section {
            h3 { (lang.of("De ti laveste og de ti højeste", "The ten lowest and the ten highest")) }
            table { (head(lang.of("Laveste", "Lowest"))) tbody { (rows(&ranked[..ranked.len().min(10)])) } }
            table { (head(lang.of("Højeste", "Highest"))) tbody { (rows(&ranked[ranked.len().saturating_sub(10)..])) } }
            p.from { (desk.link(&Place::Indicator("ghg_emissions".to_owned()), lang.of("Alle 98 kommuner", "All 98 municipalities"))) " · " (desk.source("ghg_emissions")) (desk.download_links("indicator/ghg_emissions")) }
        }
    }
}

fn multiples(desk: &Desk) -> Result<Markup> {
    let (facts, lang) = (desk.facts, desk.lang);
    let mut items = Vec::new();
    for indicator in facts
        .indicators
        .iter()
        .filter(|indicator| indicator.preferred && indicator.topic != crate::data::Topic::Reference)
    {
        let Some(newest) = indicator.newest("DK") else { continue };
        let line = indicator.line("DK");
        items.push(html! {
            li {
                (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang)))
                @if line.len() > 1 { (chart::wide_spark(&line)?) }
                b { (desk.explained(&indicator.code, &indicator.with_unit(newest.value.unwrap_or_default(), lang))) }
                span.small { (newest.year) @if let Some(first) = line.first().filter(|first| first.0 < newest.year) { (lang.of(", kurven fra ", ", line from ")) (first.0) } }
            }
        });
    }
    Ok(html! {
        ul.small-multiples { @for item in items { (item) } }
        p.from { (lang.of("Alle tal for hele landet, alle år", "All figures of the whole country, all years")) (desk.download_links("area/DK")) }
    })
}
