//! Where municipalities are furthest from their own targets: in all, and by sector.

use klimalade_model::Result;
use maud::{Markup, html};

use super::{Desk, Sheet, area, charts};
use crate::{
    chart,
    data::Area,
    map, numbers,
    page::{Figure, figure, or_dash, table},
};

/// A sub-target and how far it has come.
struct SubTarget<'a> {
    area: &'a Area,
    base_year: i16,
    target_year: i16,
    wanted: f64,
    /// Reduction so far, and its year; `None` where the data cannot say.
    reached: Option<(i16, f64)>,
}

impl SubTarget<'_> {
    /// What a straight line from base year to target year wants by the year that is reached, less what is.
    fn behind(&self) -> Option<f64> {
        let (year, reached) = self.reached?;
        let part = f64::from(year - self.base_year) / f64::from((self.target_year - self.base_year).max(1));
        Some(self.wanted * part.min(1.0) - reached)
    }
}

/// The page of the targets.
pub(crate) fn sheet(desk: &Desk) -> Result<Sheet> {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang
        .of(
            "Afstand til kommunernes egne mål",
            "Distance to the municipalities' own targets",
        )
        .to_owned();
    let gap = |code: &str| {
        let step = facts.trajectories.get(code)?.latest()?;
        let target = step.target.filter(|target| *target > 0.0)?;
        Some(step.gap? / target)
    };
    let write = |value: f64| numbers::signed(numbers::percent(value, lang));
    let mut ranked: Vec<(&Area, f64)> = facts
        .municipalities
        .iter()
        .filter_map(|area| Some((area, gap(&area.code)?)))
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.code.cmp(&b.0.code)));
    let low = ranked.iter().map(|row| row.1).fold(0.0, f64::min);
    let high = ranked.iter().map(|row| row.1).fold(0.0, f64::max);
    let name = lang.of(
        "Udledning over eller under målstien",
        "Emissions above or below the target path",
    );
    let shapes = desk.shapes(gap, &write);
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvor langt den seneste opgjorte udledning ligger fra den linje, som kommunens egne mål foreskriver. Det er grundlaget for at vælge udviklingsspor.",
            "How far the latest accounted emissions lie from the line that the municipality's own targets prescribe. This is the evidence for choosing development tracks.",
        )) }
        h2.hidden { (lang.of("Kort og rækkefølge", "Map and ranking")) }
        div.pair {
            (figure(lang, &Figure {
                title: name.to_owned(),
                note: lang.of("Procent af målstiens værdi i det seneste regnskabsår.", "Percent of the path's value in the latest account year.").to_owned(),
                drawing: map::choropleth(lang, "kortet", desk.outlines, name, &shapes, &write),
                legend: html! {},
                table: table(name, &[lang.of("Kommune", "Municipality").to_owned(), lang.of("Afstand", "Distance").to_owned()],
                    &shapes.iter().map(|shape| vec![html! { a href=(shape.address) { (shape.name) } }, or_dash(shape.value.map(write), lang.of("intet mål eller intet regnskab", "no target or no account"))]).collect::<Vec<_>>()),
                files: desk.downloads("emission_trajectory"),
                source: desk.source("core.target"),
            }))
            section {
                h3 { (lang.of("Længst fra målstien", "Furthest from the target path")) }
                table {
                    thead { tr { th scope="col" { (lang.of("Kommune", "Municipality")) } th scope="col" { (lang.of("Afstand", "Distance")) } th scope="col" { span.hidden { (lang.of("Søjle", "Bar")) } } } }
                    tbody { @for (area, value) in ranked.iter().take(20) { tr {
                        th scope="row" { (desk.area_link(&area.code)) }
                        td { (write(*value)) }
                        td { (chart::bar(*value, low.max(-high), high, *value > 0.0)) }
                    } } }
                }
                p.from { (desk.source("core.target")) (desk.download_links("emission_trajectory")) }
            }
        }
        h2 #sektorer { (lang.of("Delmål efter sektor", "Sub-targets by sector")) }
        p { (lang.of(
            "Opnået er reduktionen fra delmålets basisår til det seneste regnskabsår; bagud er det, en ret linje mod målet kræver, minus det opnåede. Hvor regnskabet ikke når basisåret, står der: ",
            "Reached is the reduction from the sub-target's base year to the latest account year; behind is what a straight line to the target wants, less what is reached. Where the account does not reach the base year it says: ",
        )) em { (lang.cannot_be_said()) } "." }
        (sectors(desk))
        h2 #alle { (lang.of("Alle kommuner", "All municipalities")) }
        (all(desk, &ranked))
    };
    Ok(Sheet { title, body })
}

/// The sector itself where the account has it, else the one above it that it has; with its column.
fn accounted<'a>(desk: &Desk<'a>, sector: &'a str) -> Option<(&'a str, &'static str)> {
    let list = desk.facts.schemas.code_list("sectors").ok()?;
    let above = std::iter::successors(Some(sector), |sector| list.get(sector, "parent_code"));
    above.into_iter().find_map(|sector| {
        let (_, column, _) = charts::SECTORS.iter().find(|(code, ..)| *code == sector)?;
        Some((sector, *column))
    })
}

fn sub_targets<'a>(desk: &Desk<'a>, sector: &str, column: Option<&str>) -> Vec<SubTarget<'a>> {
    let (facts, targets) = (desk.facts, &desk.facts.targets);
    let wanted = |row: &usize| {
        targets.text(*row, "indicator_code") == "ghg_emissions" && targets.text(*row, "sector_code") == sector
    };
    let mut found = Vec::new();
    for row in targets.rows().filter(wanted) {
        let area = facts
            .municipalities
            .iter()
            .find(|area| area.code == targets.text(row, "area_code"));
        let (Some(area), Some(wanted)) = (area, targets.number(row, "reduction_ratio")) else {
            continue;
        };
        let base_year = targets.year(row, "base_year");
        let line = column
            .map(|column| facts.series(&area.code, column))
            .unwrap_or_default();
        let base = line
            .iter()
            .find(|point| point.0 == base_year)
            .filter(|point| point.1 > 0.0);
        let last = line.last().filter(|point| point.0 > base_year);
        let reached = base.zip(last).map(|(base, last)| (last.0, 1.0 - last.1 / base.1));
        found.push(SubTarget {
            area,
            base_year,
            target_year: targets.year(row, "target_year"),
            wanted,
            reached,
        });
    }
    found.sort_by(|a, b| {
        let behind = |sub: &SubTarget| sub.behind().unwrap_or(f64::NEG_INFINITY);
        behind(b)
            .total_cmp(&behind(a))
            .then_with(|| a.area.code.cmp(&b.area.code))
    });
    found
}

fn sectors(desk: &Desk) -> Markup {
    let facts = desk.facts;
    let targets = &facts.targets;
    let named: std::collections::BTreeSet<&str> = targets
        .rows()
        .filter(|row| targets.text(*row, "indicator_code") == "ghg_emissions")
        .map(|row| targets.text(row, "sector_code"))
        .filter(|sector| !sector.starts_with('_') && !sector.is_empty())
        .collect();
    html! { @for sector in named { (sector_table(desk, sector)) } }
}

fn sector_table(desk: &Desk, sector: &str) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let account = accounted(desk, sector);
    let subs = sub_targets(desk, sector, account.map(|(_, column)| column));
    let known = subs.iter().filter(|sub| sub.reached.is_some()).count();
    let above = account.map(|(above, _)| above).filter(|above| *above != sector);
    let points = |value: f64| {
        format!(
            "{} {}",
            numbers::signed(numbers::fixed(value * 100.0, 1, lang)),
            lang.of("pct.point", "pct. points")
        )
    };
    html! {
        h3 { (facts.named("sectors", sector, lang)) }
        p {
            (lang.of(
                format!("{} kommuner har et delmål; for {known} kan fremdriften opgøres.", subs.len()),
                format!("{} municipalities have a sub-target; progress can be told for {known}.", subs.len()),
            ))
            @if let Some(above) = above {
                @let name = facts.named("sectors", above, lang);
                " " (lang.of(
                    format!("Regnskabet har kun sektoren {name} under ét, så det opnåede er hele dens; delmålet er snævrere."),
                    format!("The account has only the whole sector {name}, so what is reached is all of it; the sub-target is narrower."),
                ))
            }
        }
        div.scroll tabindex="0" { table {
            caption.hidden { (facts.named("sectors", sector, lang)) }
            thead { tr {
                th scope="col" { (lang.of("Kommune", "Municipality")) }
                th scope="col" { (lang.of("Basisår", "Base year")) }
                th scope="col" { (lang.of("Målår", "Target year")) }
                th scope="col" { (lang.of("Ønsket reduktion", "Wanted reduction")) }
                th scope="col" { (lang.of("Opnået", "Reached")) }
                th scope="col" { (lang.of("Bagud for ret linje", "Behind a straight line")) }
            } }
            tbody { @for sub in subs.iter().take(15) { tr {
                th scope="row" { (desk.area_link(&sub.area.code)) }
                td { (sub.base_year) } td { (sub.target_year) } td { (numbers::percent(sub.wanted, lang)) }
                td { (sub.reached.map_or_else(|| lang.cannot_be_said().to_owned(), |(year, reached)| format!("{} ({year})", numbers::percent(reached, lang)))) }
                td { (sub.behind().map_or_else(|| lang.cannot_be_said().to_owned(), points)) }
            } } }
        } }
        @if subs.len() > 15 { p.small { (lang.of("De 15, der er længst bagud.", "The 15 that are furthest behind.")) } }
    }
}

fn all(desk: &Desk, ranked: &[(&Area, f64)]) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let without: Vec<&Area> = facts
        .municipalities
        .iter()
        .filter(|area| !ranked.iter().any(|(known, _)| known.code == area.code))
        .collect();
    let tonne = |value: Option<f64>| or_dash(value.map(|value| numbers::fixed(value, 0, lang)), lang.no_figure());
    html! {
        div.scroll tabindex="0" { table {
            caption.hidden { (lang.of("Afstand til målstien", "Distance to the target path")) }
            thead { tr {
                th scope="col" { (lang.of("Kommune", "Municipality")) }
                th scope="col" { (lang.of("År", "Year")) }
                th scope="col" { (lang.of("Udledning, ton", "Emissions, tonne")) }
                th scope="col" { (lang.of("Målsti, ton", "Target path, tonne")) }
                th scope="col" { (lang.of("Afstand, ton", "Distance, tonne")) }
                th.text scope="col" { (lang.of("Nu", "Now")) }
                th.text scope="col" { (lang.of("I 2030, lineært", "In 2030, linear")) }
            } }
            tbody { @for (area, _) in ranked {
                @let known = facts.trajectories.get(&area.code);
                @let step = known.and_then(|known| known.latest());
                tr {
                    th scope="row" { (desk.area_link(&area.code)) }
                    td { @if let Some(step) = step { (step.year) } }
                    td { (tonne(step.and_then(|step| step.value))) }
                    td { (tonne(step.and_then(|step| step.target))) }
                    td { (or_dash(step.and_then(|step| step.gap).map(|gap| numbers::signed(numbers::fixed(gap, 0, lang))), lang.no_figure())) }
                    td.text { (area::track(desk, step.and_then(|step| step.on_track), lang.cannot_be_said())) }
                    td.text { (area::track(desk, known.and_then(|known| known.at("lin_ols", 2030)).and_then(|step| step.on_track), lang.cannot_be_said())) }
                }
            } }
        } }
        @if !without.is_empty() {
            h3 { (lang.of("Uden målsti, der kan sammenlignes", "Without a path to compare with")) }
            ul.names { @for area in without { li { (desk.area_link(&area.code)) } } }
        }
    }
}
