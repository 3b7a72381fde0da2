//! An area's plan, targets and actions.

use maud::{Markup, html};

use super::Desk;
use crate::{
    data::{Area, symbol},
    numbers,
    page::or_dash,
};

/// The sections of an area's page.
pub(super) fn section(desk: &Desk, area: &Area, is_region: bool) -> Markup {
    let lang = desk.lang;
    html! {
        @if !is_region {
            h2 #plan { (lang.of("Klimahandlingsplan og mål", "Climate action plan and targets")) }
            div.pair { section { (plan(desk, area)) } section { (targets(desk, area)) } }
        }
        h2 #indsatser { @if is_region { (lang.of("Regionens egne indsatser", "The region's own actions")) } @else { (lang.of("Indsatser", "Actions")) } }
        (actions(desk, area))
    }
}

fn plan(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang, plans) = (desk.facts, desk.lang, &desk.facts.plans);
    let Some(row) = plans.rows().find(|row| plans.text(*row, "area_code") == area.code) else {
        return html! { p { (lang.no_figure()) } };
    };
    let unknown = lang.of("ikke oplyst", "not given");
    let day = |column: &str| {
        or_dash(
            plans.maybe_text(row, column).map(|day| numbers::day(day, lang)),
            unknown,
        )
    };
    let line = |name: &str, value: Markup| html! { tr { th scope="row" { (name) } td.text { (value) } } };
    html! {
        table {
            caption.hidden { (lang.of("Planen", "The plan")) }
            tbody {
                (line(lang.of("Status", "Status"), or_dash(plans.maybe_text(row, "status_code").map(|code| facts.named("statuses", code, lang).to_owned()), unknown)))
                (line(lang.of("Ramme", "Framework"), or_dash(plans.maybe_text(row, "framework_code").map(|code| facts.named("frameworks", code, lang).to_owned()), unknown)))
                (line(lang.of("Vedtaget", "Adopted"), day("adopted_date")))
                (line(lang.of("Certificeret", "Certified"), day("certified_date")))
                (line(lang.of("Recertificeret", "Recertified"), day("recertified_date")))
                (line(lang.of("Skal revideres", "Revision due"), html! {
                    (day("revision_due_date"))
                    @match plans.flag(row, "is_overdue") {
                        Some(true) => { " " span.sign.bad { (lang.of("overskredet", "overdue")) } }
                        Some(false) => { " " span.sign.good { (lang.of("ikke endnu", "not yet")) } }
                        None => {}
                    }
                }))
                (line(lang.of("Kriterier opfyldt / delvis / ikke", "Criteria met / partly / not"), or_dash(
                    plans.number(row, "criteria_met_count").map(|met| format!("{met} / {} / {}", plans.count(row, "criteria_partly_count"), plans.count(row, "criteria_not_met_count"))), unknown)))
            }
        }
        p.from { (desk.source("core.plan")) }
    }
}

fn targets(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang, targets) = (desk.facts, desk.lang, &desk.facts.targets);
    let mut rows: Vec<usize> = targets
        .rows()
        .filter(|row| targets.text(*row, "area_code") == area.code)
        .collect();
    rows.sort_by_key(|row| {
        (
            targets.year(*row, "target_year"),
            targets.text(*row, "target_id").to_owned(),
        )
    });
    if rows.is_empty() {
        return html! { p.none { (lang.of("Ingen mål i datasøen.", "No targets in the lake.")) } };
    }
    let unknown = lang.of("ikke oplyst", "not given");
    html! {
        table {
            caption.hidden { (lang.of("Mål", "Targets")) }
            thead { tr {
                th.text scope="col" { (lang.of("Mål", "Target")) }
                th scope="col" { (lang.of("Basisår", "Base year")) }
                th scope="col" { (lang.of("Målår", "Target year")) }
                th scope="col" { (lang.of("Reduktion eller værdi", "Reduction or value")) }
            } }
            tbody {
                @for row in rows {
                    @let sector = targets.text(row, "sector_code");
                    @let unit = targets.text(row, "unit_code");
                    tr {
                        th scope="row" {
                            (facts.named("target_kinds", targets.text(row, "target_kind"), lang))
                            @if !sector.starts_with('_') { ", " (facts.named("sectors", sector, lang).to_lowercase()) }
                        }
                        td { (or_dash(targets.number(row, "base_year").map(|year| year.to_string()), unknown)) }
                        td { (targets.year(row, "target_year")) }
                        td { (or_dash(
                            targets.number(row, "reduction_ratio").map(|ratio| numbers::percent(ratio, lang)).or_else(|| targets.number(row, "target_value").map(|value| match unit {
                                "ratio" => numbers::percent(value, lang),
                                _ => format!("{} {}", numbers::plain(value, lang), symbol(unit, lang).unwrap_or(facts.named("units", unit, lang))),
                            })), unknown)) }
                    }
                }
            }
        }
        p.from { (desk.source("core.target")) }
    }
}

fn actions(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang, actions) = (desk.facts, desk.lang, &desk.facts.actions);
    let mut rows: Vec<usize> = actions
        .rows()
        .filter(|row| actions.text(*row, "area_code") == area.code)
        .collect();
    rows.sort_by_key(|row| actions.text(*row, "action_id").to_owned());
    if rows.is_empty() {
        return html! { p.none { (lang.of("Ingen indsatser i datasøen.", "No actions in the lake.")) } };
    }
    let unknown = lang.of("ikke oplyst", "not given");
    html! {
        div.scroll tabindex="0" { table {
            caption.hidden { (lang.of("Indsatser", "Actions")) }
            thead { tr {
                th.text scope="col" { (lang.of("Indsats", "Action")) }
                th.text scope="col" { (lang.of("Art", "Kind")) }
                th.text scope="col" { (lang.of("Status", "Status")) }
                th scope="col" { (lang.of("Slutter", "Ends")) }
                th scope="col" { (lang.of("Ventet effekt, ton", "Expected effect, tonne")) }
                th scope="col" { (lang.of("Opgjort effekt, ton", "Assessed effect, tonne")) }
            } }
            tbody { @for row in rows { tr {
                th scope="row" { (actions.text(row, "title")) }
                td.text { (facts.named("action_kinds", actions.text(row, "kind"), lang)) }
                td.text { (facts.named("statuses", actions.text(row, "status_code"), lang)) }
                td { (or_dash(actions.maybe_text(row, "end_date").map(|day| numbers::day(day, lang)), unknown)) }
                td { (or_dash(actions.number(row, "expected_effect_tonne_co2e").map(|value| numbers::fixed(value, 0, lang)), unknown)) }
                td { (or_dash(actions.number(row, "realised_effect_tonne_co2e").map(|value| numbers::fixed(value, 0, lang)), unknown)) }
            } } }
        } }
        p.from { (desk.source("core.action")) }
    }
}
