//! The page of an indicator, and the list of all.

use klimalade_model::Result;
use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{
    chart::{self, Line, Look},
    data::{Area, Indicator, Topic},
    map, numbers,
    page::{Figure, Place, dashes_mean, figure, legend, or_bare_dash, or_dash, table},
};

/// The page of one indicator.
pub(crate) fn sheet(desk: &Desk, indicator: &Indicator) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = indicator.name(lang).to_owned();
    let is_municipal = facts
        .municipalities
        .iter()
        .any(|area| indicator.points.contains_key(&area.code));
    let body = html! {
        p.crumb { (desk.link(&Place::Indicators, lang.of("Indikatorer", "Indicators"))) " / " (number(desk, indicator)) }
        h1 { (title) }
        p.lead { (lead(desk, indicator)) }
        @if !indicator.preferred {
            div.box { p { (lang.of(
                "En anden opgørelse af det samme; den foretrukne står først i listen over indikatorer. De to lægges ikke sammen.",
                "Another account of the same thing; the preferred one stands first in the list of indicators. The two are never added.",
            )) } }
        }
        h2.hidden { (lang.of("Kort og udvikling", "Map and development")) }
        div.pair {
            @if is_municipal { (map_of(desk, indicator)) }
            (development(desk, indicator)?)
        }
        @if is_municipal {
            h2 #kommuner { (lang.of("Kommunerne", "The municipalities")) }
            (ranking(desk, indicator))
        }
        h2 #metode { (lang.of("Metode og kilde", "Method and source")) }
        (method(desk, indicator))
    };
    Ok(Sheet { title, body })
}

/// The number of the agreement.
pub(super) fn number(desk: &Desk, indicator: &Indicator) -> String {
    let lang = desk.lang;
    match indicator.topic {
        Topic::Transition => format!(
            "{} {}",
            lang.of("Omstillingsindikator", "Transition indicator"),
            indicator.number.replace(' ', ", ")
        ),
        Topic::Adaptation => format!("{} {}", lang.of("Klimatilpasning", "Adaptation"), indicator.number),
        Topic::Reference => lang.of("Grundtal", "Reference figure").to_owned(),
    }
}

fn lead(desk: &Desk, indicator: &Indicator) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    match indicator.newest(&facts.country.code) {
        Some(point) => html! {
            (lang.of("Hele landet ", "The whole country ")) (point.year) ": "
            strong { (indicator.with_unit(point.value.unwrap_or_default(), lang)) } "."
        },
        None => html! { (lang.of(
            "Der er intet tal for hele landet: ikke alle kommuner har et, eller tallene kan ikke lægges sammen.",
            "There is no figure for the whole country: not all municipalities have one, or the figures do not add up.",
        )) },
    }
}

/// The newest year that most municipalities have a figure for.
fn year_shown(desk: &Desk, indicator: &Indicator) -> i16 {
    let count = |year: i16| {
        let has = |area: &&Area| {
            indicator
                .at(&area.code, year)
                .is_some_and(|point| point.value.is_some())
        };
        desk.facts.municipalities.iter().filter(has).count()
    };
    let years = indicator.years();
    let most = years.iter().map(|year| count(*year)).max().unwrap_or_default();
    years
        .iter()
        .rev()
        .find(|year| count(**year) == most)
        .copied()
        .unwrap_or_default()
}

/// Amounts of large and small municipalities are compared per head.
fn compared(indicator: &Indicator, area: &str, year: i16) -> Option<f64> {
    let point = indicator.at(area, year)?;
    if per_head(indicator) {
        point.per_person
    } else {
        point.value
    }
}

fn per_head(indicator: &Indicator) -> bool {
    let adds = matches!(indicator.kind.as_str(), "flow" | "stock") && indicator.over_area == "sum";
    adds && indicator.code != "population"
        && indicator
            .points
            .values()
            .flatten()
            .any(|point| point.per_person.is_some())
}

/// Per 1,000 inhabitants where a head's share would be a small fraction.
fn head_factor(indicator: &Indicator) -> f64 {
    let size = indicator
        .points
        .values()
        .flatten()
        .filter_map(|point| point.per_person)
        .map(f64::abs)
        .fold(0.0, f64::max);
    if size < 2.0 { 1000.0 } else { 1.0 }
}

fn compared_unit(desk: &Desk, indicator: &Indicator) -> String {
    let lang = desk.lang;
    let unit = indicator.unit_name(lang);
    match per_head(indicator) {
        true if head_factor(indicator) > 1.0 => {
            format!("{unit} {}", lang.of("pr. 1.000 indbyggere", "per 1,000 inhabitants"))
        }
        true => format!("{unit} {}", lang.of("pr. indbygger", "per inhabitant")),
        false => unit.to_owned(),
    }
}

fn write(desk: &Desk, indicator: &Indicator, value: f64) -> String {
    match per_head(indicator) {
        true => numbers::plain(value, desk.lang),
        false => indicator.written(value, desk.lang),
    }
}

fn map_of(desk: &Desk, indicator: &Indicator) -> Markup {
    let lang = desk.lang;
    let year = year_shown(desk, indicator);
    let factor = if per_head(indicator) {
        head_factor(indicator)
    } else {
        1.0
    };
    let title = format!("{} {year}", indicator.name(lang));
    let writer = |value: f64| write(desk, indicator, value);
    let shapes = desk.shapes(
        |code| compared(indicator, code, year).map(|value| value * factor),
        &writer,
    );
    figure(
        lang,
        &Figure {
            title: title.clone(),
            note: compared_unit(desk, indicator),
            drawing: map::choropleth(lang, "kortet", desk.outlines, &title, &shapes, &writer),
            legend: html! {},
            table: html! { p { a href="#kommuner" { (lang.of("Alle kommuner i tabellen nedenfor", "All municipalities in the table below")) } } },
            files: desk.downloads(&format!("indicator/{}", indicator.code)),
            source: desk.source(&indicator.code),
        },
    )
}

fn development(desk: &Desk, indicator: &Indicator) -> Result<Markup> {
    let (facts, lang) = (desk.facts, desk.lang);
    const LOOKS: [(plotters::style::RGBColor, Look); 5] = [
        (chart::BLUE, Look::Solid),
        (chart::ORANGE, Look::Dashed(12)),
        (chart::GREEN, Look::Dashed(6)),
        (chart::PURPLE, Look::Dashed(3)),
        (chart::VERMILLION, Look::Dashed(9)),
    ];
    let is_ratio = indicator.unit == "ratio";
    let times = if is_ratio { 100.0 } else { 1.0 };
    let points = |code: &str| {
        indicator
            .line(code)
            .into_iter()
            .map(|(year, value)| (year, value * times))
            .collect::<Vec<_>>()
    };
    let country = Line {
        name: facts.country.name(lang).to_owned(),
        color: chart::BLACK,
        look: Look::Dotted,
        points: points(&facts.country.code),
    };
    let regions = facts.regions.iter().zip(LOOKS).map(|(area, (color, look))| Line {
        name: area.name(lang).to_owned(),
        color,
        look,
        points: points(&area.code),
    });
    // The country's sum would press the regions' lines together.
    let adds = indicator.over_area == "sum";
    let series: Vec<Line> = if adds && !country.points.is_empty() {
        vec![country]
    } else {
        [country].into_iter().chain(regions).collect()
    };
    let series: Vec<Line> = series.into_iter().filter(|line| !line.points.is_empty()).collect();
    let title = lang.of("Udvikling", "Development");
    let named = format!("{}, {}", indicator.name(lang), title.to_lowercase());
    let drawing = chart::lines(lang, "forloeb", &named, indicator.unit_name(lang), &series)?;
    let entries: Vec<(Markup, String)> = series
        .iter()
        .map(|line| (chart::sample(line.color, line.look), line.name.clone()))
        .collect();
    let areas: Vec<&Area> = [&facts.country].into_iter().chain(&facts.regions).collect();
    let header: Vec<String> = [lang.of("År", "Year").to_owned()]
        .into_iter()
        .chain(areas.iter().map(|area| area.name(lang).to_owned()))
        .collect();
    let rows: Vec<Vec<Markup>> = indicator
        .years()
        .iter()
        .map(|year| {
            let cell = |area: &&Area| {
                let value = indicator.at(&area.code, *year).and_then(|point| point.value);
                or_bare_dash(value.map(|value| indicator.written(value, lang)))
            };
            [html! { (year) }].into_iter().chain(areas.iter().map(cell)).collect()
        })
        .collect();
    Ok(figure(
        lang,
        &Figure {
            title: title.to_owned(),
            note: String::new(),
            drawing,
            legend: legend(&entries),
            table: html! { (table(title, &header, &rows)) (dashes_mean(lang.no_figure())) },
            files: desk.downloads(&format!("indicator/{}", indicator.code)),
            source: desk.source(&indicator.code),
        },
    ))
}

fn ranking(desk: &Desk, indicator: &Indicator) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let year = year_shown(desk, indicator);
    let heads = per_head(indicator);
    let factor = if heads { head_factor(indicator) } else { 1.0 };
    let mut ranked: Vec<(&Area, Option<f64>)> = facts
        .municipalities
        .iter()
        .map(|area| (area, compared(indicator, &area.code, year).map(|value| value * factor)))
        .collect();
    ranked.sort_by(|a, b| match (a.1, b.1) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let low = ranked.iter().filter_map(|(_, value)| *value).fold(0.0, f64::min);
    let high = ranked.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max);
    html! {
        p.small { (lang.of("Efter størrelse; høj er hverken god eller dårlig.", "By size; high is neither good nor bad.")) " " (year) ", " (compared_unit(desk, indicator)) "." (desk.download_links(&format!("indicator/{}", indicator.code))) }
        div.scroll tabindex="0" { table {
            caption.hidden { (indicator.name(lang)) " " (year) }
            thead { tr {
                th scope="col" { (lang.of("Kommune", "Municipality")) }
                th scope="col" { (if heads { lang.of("I alt", "In all") } else { lang.of("Tal", "Figure") }) }
                @if heads { th scope="col" { (compared_unit(desk, indicator)) } }
                th scope="col" { span.hidden { (lang.of("Søjle", "Bar")) } }
            } }
            tbody { @for (area, value) in ranked {
                tr {
                    th scope="row" { (desk.area_link(&area.code)) }
                    td { (or_dash(indicator.at(&area.code, year).and_then(|point| point.value).map(|value| indicator.written(value, lang)), lang.no_figure())) }
                    @if heads { td { (or_dash(value.map(|value| numbers::plain(value, lang)), lang.no_figure())) } }
                    td { @if let Some(value) = value { (chart::bar(value, low, high, false)) } }
                }
            } }
        } }
    }
}

fn method(desk: &Desk, indicator: &Indicator) -> Markup {
    let lang = desk.lang;
    let adding = match indicator.over_area.as_str() {
        "sum" => lang.of(
            "Kommunernes tal lægges sammen til region og land, hvor alle har et.",
            "The municipalities' figures are added to region and country, where all have one.",
        ),
        "none" => lang.of(
            "Kommunernes tal kan ikke lægges sammen; region og land står kun, hvor kilden giver dem.",
            "The municipalities' figures do not add; region and country stand only where the source gives them.",
        ),
        "max" => lang.of(
            "Region og land er den største af kommunernes værdier.",
            "Region and country are the largest of the municipalities' values.",
        ),
        _ => lang.of(
            "Region og land er vejede gennemsnit af kommunerne.",
            "Region and country are weighted means of the municipalities.",
        ),
    };
    html! {
        p { (adding) " " (lang.of("Et tal er summen over alle opdelinger i datasøen.", "A figure is the sum over all breakdowns in the lake.")) }
        (super::sources::origins(desk, &indicator.code))
        (super::sources::follow(desk, &indicator.code))
        p { (desk.source(&indicator.code)) " · " (desk.link(&Place::Methods, lang.of("Metode og formler", "Methods and formulas"))) }
    }
}

/// The list of all indicators.
pub(crate) fn list(desk: &Desk) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang.of("Indikatorer", "Indicators").to_owned();
    let topics = [
        (
            Topic::Transition,
            lang.of("De seksten omstillingsindikatorer", "The sixteen transition indicators"),
        ),
        (
            Topic::Adaptation,
            lang.of("Klimatilpasning (A1–A3)", "Adaptation (A1–A3)"),
        ),
        (Topic::Reference, lang.of("Grundtal", "Reference figures")),
    ];
    let mut parts = Vec::new();
    for (topic, name) in topics {
        let mut rows = Vec::new();
        for indicator in facts.indicators.iter().filter(|indicator| indicator.topic == topic) {
            let newest = indicator.newest(&facts.country.code);
            rows.push(html! { tr {
                th scope="row" { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) }
                td { (if indicator.number == "ref" { "" } else { &indicator.number }) }
                td { (or_dash(newest.map(|point| point.year.to_string()), lang.no_figure())) }
                td { @match newest.and_then(|point| point.value) {
                    Some(value) => (desk.explained(&indicator.code, &indicator.with_unit(value, lang))),
                    None => (or_dash(None, lang.of("intet tal for hele landet", "no figure for the whole country"))),
                } }
                td { (chart::spark(&indicator.line(&facts.country.code))?) }
            } });
        }
        parts.push(html! {
            h2 { (name) }
            div.scroll tabindex="0" { table {
                caption.hidden { (name) }
                thead { tr {
                    th scope="col" { (lang.of("Indikator", "Indicator")) }
                    th scope="col" { (lang.of("Nr.", "No.")) }
                    th scope="col" { (lang.of("År", "Year")) }
                    th scope="col" { (lang.of("Hele landet", "Whole country")) }
                    th scope="col" { (lang.of("Udvikling", "Development")) }
                } }
                tbody { @for row in rows { (row) } }
            } }
        });
    }
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of("Alle indikatorer, som datasøen har tal for, med nyeste tal for hele landet.", "All indicators that the lake has figures for, with the newest one for the whole country.")) }
        @for part in parts { (part) }
        p.from { (lang.of("Alle tal for hele landet, alle år", "All figures of the whole country, all years")) (desk.download_links("area/DK")) }
    };
    Ok(Sheet { title, body })
}

/// The list of municipalities and regions.
pub(crate) fn areas(desk: &Desk) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang.of("Kommuner og regioner", "Municipalities and regions").to_owned();
    let body = html! {
        h1 { (title) }
        @for region in &facts.regions {
            h2 { (desk.area_link(&region.code)) }
            ul.names { @for area in facts.members(&region.code) { li { (desk.area_link(&area.code)) } } }
        }
    };
    Ok(Sheet { title, body })
}
