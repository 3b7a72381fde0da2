//! Projects by kind and stage; those over municipal borders one by one.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{numbers, page::or_dash};

const STAGES: [&str; 5] = ["applied", "study", "granted", "built", "cancelled"];

/// The page of the projects.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let (facts, lang, projects) = (desk.facts, desk.lang, &desk.facts.projects);
    let title = lang
        .of("Tværkommunale projekter", "Projects over municipal borders")
        .to_owned();
    let mut areas: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
    for row in facts.project_areas.rows() {
        let share = facts.project_areas.number(row, "share").unwrap_or_default();
        areas
            .entry(facts.project_areas.text(row, "project_id"))
            .or_default()
            .push((facts.project_areas.text(row, "area_code"), share));
    }
    let is_crossing = |row: &usize| {
        areas
            .get(projects.text(*row, "project_id"))
            .is_some_and(|areas| areas.len() > 1)
    };
    let crossing: Vec<usize> = projects.rows().filter(is_crossing).collect();
    let count = |rows: &mut dyn Iterator<Item = usize>| {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        rows.for_each(|row| {
            *counts
                .entry((projects.text(row, "kind_code"), projects.text(row, "stage_code")))
                .or_default() += 1
        });
        counts
    };
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            format!("{} af {} projekter ligger i flere kommuner. Kun det, der er etableret, er opnået effekt.", crossing.len(), projects.rows().len()),
            format!("{} of {} projects lie in several municipalities. Only what is built is achieved effect.", crossing.len(), projects.rows().len()),
        )) }
        h2 { (lang.of("Projekter over kommunegrænser efter stadie", "Projects over borders by stage")) }
        (stages(desk, &count(&mut crossing.iter().copied())))
        h2 { (lang.of("Projekterne", "The projects")) }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Projekt", "Project")) }
                th.text scope="col" { (lang.of("Art", "Kind")) }
                th.text scope="col" { (lang.of("Stadie", "Stage")) }
                th.text scope="col" { (lang.of("Kommuner (andel)", "Municipalities (share)")) }
                th scope="col" { "ha" }
                th scope="col" { (lang.of("Ventet effekt, ton", "Expected effect, tonne")) }
            } }
            tbody { @for row in crossing.iter().copied() { tr {
                th scope="row" { (projects.text(row, "title")) }
                td.text { (facts.named("kinds", projects.text(row, "kind_code"), lang)) }
                td.text { (facts.named("stages", projects.text(row, "stage_code"), lang)) }
                td.text { @for (at, (code, share)) in areas.get(projects.text(row, "project_id")).into_iter().flatten().enumerate() {
                    @if at > 0 { ", " }
                    (desk.area_link(code)) " (" (numbers::fixed(share * 100.0, 0, lang)) " %)"
                } }
                td { (or_dash(projects.number(row, "area_ha").map(|ha| numbers::plain(ha, lang)), lang.no_figure())) }
                td { (or_dash(projects.number(row, "expected_effect_tonne_co2e").map(|tonne| numbers::fixed(tonne, 0, lang)), lang.no_figure())) }
            } } }
        } }
        h2 { (lang.of("Alle projekter efter stadie", "All projects by stage")) }
        (stages(desk, &count(&mut projects.rows())))
        p.from { (desk.source("core.project")) }
    };
    Sheet { title, body }
}

fn stages(desk: &Desk, counts: &BTreeMap<(&str, &str), u64>) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let kinds: std::collections::BTreeSet<&str> = counts.keys().map(|(kind, _)| *kind).collect();
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Art", "Kind")) }
                @for stage in STAGES { th scope="col" { (facts.named("stages", stage, lang)) } }
                th scope="col" { (lang.of("I alt", "In all")) }
            } }
            tbody { @for kind in kinds { tr {
                th scope="row" { (facts.named("kinds", kind, lang)) }
                @for stage in STAGES { td { (counts.get(&(kind, stage)).copied().unwrap_or_default()) } }
                td { strong { (counts.iter().filter(|((of, _), _)| *of == kind).map(|(_, count)| count).sum::<u64>()) } }
            } } }
        } }
    }
}
