//! The page of a municipality or a region.

use klimalade_model::Result;
use maud::{Markup, html};

use super::{Desk, Sheet, area_plan, charts, effect};
use crate::{
    chart,
    data::{Area, Indicator, Topic},
    numbers,
    page::{Place, or_dash, tile},
};

/// The page of one area.
pub(crate) fn sheet(desk: &Desk, area: &Area) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let is_region = area.region.is_empty();
    let title = match is_region {
        true => area.name(lang).to_owned(),
        false => lang.of(
            format!("{} Kommune", area.name(lang)),
            format!("Municipality of {}", area.name(lang)),
        ),
    };
    let members = facts.members(&area.code);
    let body = html! {
        p.crumb {
            (desk.link(&Place::Municipalities, lang.of("Kommuner og regioner", "Municipalities and regions")))
            @if !is_region { " / " (desk.area_link(&area.region)) }
        }
        h1 { (title) }
        p.lead { (lead(desk, area)) }
        (tiles(desk, area))
        h2.hidden { (lang.of("Udledning", "Emissions")) }
        div.pair { (charts::trajectory(desk, area)?) (charts::sectors(desk, area)?) }
        h2 #effekt { (lang.of("Hvad ændringen skyldes", "What the change is due to")) }
        (effect::section(desk, area))
        (area_plan::section(desk, area, is_region))
        h2 #omstilling { (lang.of("Omstillingsindikatorer", "Transition indicators")) }
        (indicators(desk, area, Topic::Transition)?)
        h2 #klimatilpasning { (lang.of("Klimatilpasning", "Adaptation")) }
        (indicators(desk, area, Topic::Adaptation)?)
        h2 #grundtal { (lang.of("Grundtal", "Reference figures")) }
        (indicators(desk, area, Topic::Reference)?)
        p.from {
            @for (name, address) in desk.downloads(&format!("area/{}", area.code)) { a href=(address) download { (name) } " · " }
            (lang.of("alle tal på siden, alle år", "all figures of the page, all years"))
        }
        @if is_region {
            h2 { (lang.of("Kommuner i regionen", "Municipalities of the region")) }
            ul.names { @for municipality in members { li { (desk.area_link(&municipality.code)) } } }
        }
    };
    Ok(Sheet { title, body })
}

/// One sentence that says where the area stands.
pub(super) fn lead(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let Some(known) = facts
        .indicator("ghg_emissions")
        .and_then(|indicator| indicator.newest(&area.code))
    else {
        return html! { (lang.of("Der er intet regnskab for udledningen.", "There is no account of the emissions.")) };
    };
    let value = numbers::fixed(known.value.unwrap_or_default(), 0, lang);
    let head = known.per_person.map(|per_person| numbers::fixed(per_person, 1, lang));
    html! {
        (lang.of(format!("I {} blev der udledt ", known.year), format!("In {} emissions were ", known.year)))
        strong { (value) " " (lang.of("ton CO₂e", "tonne CO₂e")) }
        @if let Some(head) = head { (lang.of(format!(", {head} ton pr. indbygger"), format!(", {head} tonne per inhabitant"))) }
        "."
        @if let (Some(base), Some(ratio)) = (known.base_year, known.change_ratio) {
            @if base < known.year {
                " "
                @let size = numbers::percent(ratio.abs(), lang);
                @if ratio <= 0.0 { (lang.of(format!("Det er {size} mindre end i {base}."), format!("That is {size} less than in {base}."))) }
                @else { (lang.of(format!("Det er {size} mere end i {base}."), format!("That is {size} more than in {base}."))) }
            }
        }
    }
}

/// On track or not, told by shape and word.
pub(super) fn track(desk: &Desk, on_track: Option<bool>, reason: &str) -> Markup {
    let lang = desk.lang;
    match on_track {
        Some(true) => html! { span.sign.good { (lang.of("Under målstien", "Below the target path")) } },
        Some(false) => html! { span.sign.bad { (lang.of("Over målstien", "Above the target path")) } },
        None => html! { (reason) },
    }
}

pub(super) fn tiles(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let emissions = facts
        .indicator("ghg_emissions")
        .and_then(|indicator| indicator.newest(&area.code));
    let year = emissions.map_or_else(String::new, |point| point.year.to_string());
    let known = facts.trajectories.get(&area.code);
    let latest = known.and_then(|known| known.latest());
    let in_2030 = known.and_then(|known| known.at("lin_ols", 2030));
    let why = lang.no_figure();
    let reason = charts::no_path(desk, area);
    let value = |text: Option<String>, unit: &str| {
        html! {
            (or_dash(None.or(text.clone()), why)) @if text.is_some() { " " small { (unit) } }
        }
    };
    let tonne = lang.of("ton", "tonne");
    let gap = |step: Option<&crate::data::Step>| {
        step.and_then(|step| step.gap)
            .map(|gap| numbers::signed(numbers::fixed(gap, 0, lang)))
    };
    html! {
        div.tiles {
            (tile(&format!("{} {year}", lang.of("Udledning", "Emissions")),
                &value(emissions.and_then(|point| point.value).map(|value| numbers::fixed(value, 0, lang)), lang.of("ton CO₂e", "tonne CO₂e")),
                &desk.source("ghg_emissions")))
            (tile(&format!("{} {year}", lang.of("Pr. indbygger", "Per inhabitant")),
                &value(emissions.and_then(|point| point.per_person).map(|value| numbers::fixed(value, 2, lang)), tonne),
                &html! { @if let Some(rank) = emissions.and_then(|point| point.rank) {
                    (lang.of(format!("Udledning nr. {rank} af {}, 1 er højest", emissions.map_or(0, |point| point.count)),
                        format!("Emissions rank {rank} of {}, 1 is highest", emissions.map_or(0, |point| point.count))))
                } }))
            (tile(&format!("{} {year}", lang.of("Afstand til målsti", "Distance to target path")),
                &match gap(latest) { Some(gap) => html! { (gap) " " small { (tonne) } }, None => html! { (or_dash(None, &reason)) } },
                &track(desk, latest.and_then(|step| step.on_track), &reason)))
            (tile(lang.of("Ventet afstand i 2030", "Expected distance in 2030"),
                &match gap(in_2030) { Some(gap) => html! { (gap) " " small { (tonne) } }, None => html! { (or_dash(None, &reason)) } },
                &html! { (lang.of("ved lineær fremskrivning; ", "by linear projection; ")) (track(desk, in_2030.and_then(|step| step.on_track), &reason)) }))
        }
    }
}

fn indicators(desk: &Desk, area: &Area, topic: Topic) -> Result<Markup> {
    let (facts, lang) = (desk.facts, desk.lang);
    let is_municipality = !area.region.is_empty();
    let shown = facts
        .indicators
        .iter()
        .filter(|indicator| indicator.topic == topic && indicator.points.contains_key(&area.code));
    let mut rows = Vec::new();
    for indicator in shown {
        rows.push(row(desk, area, indicator, is_municipality)?);
    }
    Ok(html! {
        div.scroll tabindex="0" {
            table.newest {
                caption.hidden { (lang.of("Nyeste tal for hver indikator", "Newest figure of each indicator")) }
                thead { tr {
                    th scope="col" { (lang.of("Indikator", "Indicator")) }
                    th scope="col" { (lang.of("År", "Year")) }
                    th scope="col" { (lang.of("Tal", "Figure")) }
                    th.text scope="col" { (lang.of("Enhed", "Unit")) }
                    th scope="col" { (lang.of("Ændring siden", "Change since")) }
                    @if is_municipality { th scope="col" { (lang.of("Placering (1 er højest)", "Rank (1 is highest)")) } }
                    th scope="col" { (lang.of("Udvikling", "Development")) }
                } }
                tbody { @for row in rows { (row) } }
            }
        }
    })
}

fn row(desk: &Desk, area: &Area, indicator: &Indicator, is_municipality: bool) -> Result<Markup> {
    let lang = desk.lang;
    let newest = indicator.newest(&area.code);
    let line = indicator.line(&area.code);
    let change = newest
        .filter(|point| point.base_year.is_some_and(|base| base < point.year))
        .and_then(|point| {
            let base = point.base_year?;
            let written = match point.change_ratio {
                Some(ratio) if indicator.unit != "ratio" => numbers::percent(ratio, lang),
                _ => match point.change {
                    // A share changes by points of percent, not by percent of itself.
                    Some(change) if indicator.unit == "ratio" => {
                        format!(
                            "{} {}",
                            numbers::fixed(change * 100.0, 1, lang),
                            lang.of("pct.point", "pct. points")
                        )
                    }
                    Some(change) => indicator.written(change, lang),
                    None => return None,
                },
            };
            Some(format!("{base}: {}", numbers::signed(written)))
        });
    let one_year = lang.of("der er kun ét år", "there is only one year");
    let unit = if indicator.unit == "ratio" {
        ""
    } else {
        indicator.unit_name(lang)
    };
    Ok(html! {
        tr {
            th scope="row" { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) }
            td { (or_dash(newest.map(|point| point.year.to_string()), lang.no_figure())) }
            td {
                @match newest.and_then(|point| point.value) {
                    Some(value) => (desk.explained(&indicator.code, &indicator.written(value, lang))),
                    None => (or_dash(None, lang.no_figure())),
                }
                @if newest.is_some_and(|point| point.missing > 0) { sup title=(lang.of("rækker uden tal fra myndigheden er ikke med", "rows that the agency left empty are not in it")) { "*" } }
            }
            td { (unit) }
            td { (or_dash(change, one_year)) }
            @if is_municipality {
                td { (or_dash(newest.and_then(|point| Some(format!("{}/{}", point.rank?, point.count))), lang.no_figure())) }
            }
            td { (chart::spark(&line)?) }
        }
    })
}
