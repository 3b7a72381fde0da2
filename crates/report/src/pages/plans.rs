//! Plans: adopted, due for revision, overdue, recertified, none.

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{
    numbers,
    page::{or_dash, tile},
};

/// The page of the plans.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let (lang, plans) = (desk.lang, &desk.facts.plans);
    let title = lang.of("Klimahandlingsplaner", "Climate action plans").to_owned();
    let all = || plans.rows();
    let count = |wanted: &dyn Fn(usize) -> bool| all().filter(|row| wanted(*row)).count();
    let with_plan = count(&|row| plans.flag(row, "has_plan") == Some(true));
    let overdue = count(&|row| plans.flag(row, "is_overdue") == Some(true));
    let soon = |row: usize| {
        plans
            .number(row, "days_to_revision")
            .is_some_and(|days| (0.0..=365.0).contains(&days))
    };
    let recertified = count(&|row| plans.maybe_text(row, "recertified_date").is_some());
    let as_of = all().map(|row| plans.text(row, "as_of_date")).max().unwrap_or_default();
    let of = |number: usize| html! { (number) " " small { (lang.of("af", "of")) " " (plans.rows().len()) } };
    let mut groups: Vec<(&str, &str, Vec<usize>)> = vec![
        (
            "overskredet",
            lang.of("Revision overskredet", "Overdue for revision"),
            all()
                .filter(|row| plans.flag(*row, "is_overdue") == Some(true))
                .collect(),
        ),
        (
            "snart",
            lang.of("Revision inden for et år", "Revision due within a year"),
            all().filter(|row| soon(*row)).collect(),
        ),
        (
            "oevrige",
            lang.of("Øvrige planer", "Other plans"),
            all()
                .filter(|row| {
                    plans.flag(*row, "has_plan") == Some(true)
                        && plans.flag(*row, "is_overdue") != Some(true)
                        && !soon(*row)
                })
                .collect(),
        ),
        (
            "uden",
            lang.of("Kommuner uden vedtaget plan", "Municipalities without an adopted plan"),
            all().filter(|row| plans.flag(*row, "has_plan") != Some(true)).collect(),
        ),
    ];
    for (.., rows) in &mut groups {
        rows.sort_by(|a, b| {
            let days = |row: usize| plans.number(row, "days_to_revision").unwrap_or(f64::INFINITY);
            days(*a)
                .total_cmp(&days(*b))
                .then_with(|| plans.text(*a, "area_code").cmp(plans.text(*b, "area_code")))
        });
    }
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of("Planernes stilling pr. ", "State of the plans on ")) (numbers::day(as_of, lang)) "." }
        div.tiles {
            (tile(lang.of("Vedtagne planer", "Adopted plans"), &of(with_plan), &desk.source("core.plan")))
            (tile(lang.of("Revision overskredet", "Overdue for revision"), &of(overdue), &html! { a href="#overskredet" { (lang.of("Se dem", "See them")) } }))
            (tile(lang.of("Revision inden for et år", "Revision due within a year"), &of(count(&soon)), &html! { a href="#snart" { (lang.of("Se dem", "See them")) } }))
            (tile(lang.of("Recertificeret", "Recertified"), &of(recertified), &html! {}))
        }
        @for (anchor, name, rows) in &groups {
            h2 id=(anchor) { (name) " (" (rows.len()) ")" }
            @if rows.is_empty() { p.none { (lang.of("Ingen.", "None.")) } } @else { (list(desk, rows)) }
        }
        p.from { @for (name, address) in desk.downloads("plan_status") { a href=(address) download { (name) } " · " } (desk.source("core.plan")) }
    };
    Sheet { title, body }
}

fn list(desk: &Desk, rows: &[usize]) -> Markup {
    let (facts, lang, plans) = (desk.facts, desk.lang, &desk.facts.plans);
    let unknown = lang.of("ikke oplyst", "not given");
    let day = |row: usize, column: &str| {
        or_dash(
            plans.maybe_text(row, column).map(|day| numbers::day(day, lang)),
            unknown,
        )
    };
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Kommune", "Municipality")) }
                th.text scope="col" { (lang.of("Status", "Status")) }
                th scope="col" { (lang.of("Vedtaget", "Adopted")) }
                th scope="col" { (lang.of("Certificeret", "Certified")) }
                th scope="col" { (lang.of("Recertificeret", "Recertified")) }
                th scope="col" { (lang.of("Skal revideres", "Revision due")) }
                th scope="col" { (lang.of("Kriterier opfyldt", "Criteria met")) }
            } }
            tbody { @for row in rows.iter().copied() { tr {
                th scope="row" { (desk.area_link(plans.text(row, "area_code"))) }
                td.text {
                    (or_dash(plans.maybe_text(row, "status_code").map(|code| facts.named("statuses", code, lang).to_owned()), unknown))
                    @if plans.flag(row, "is_in_revision") == Some(true) { (lang.of(", under revision", ", in revision")) }
                }
                td { (day(row, "adopted_date")) } td { (day(row, "certified_date")) } td { (day(row, "recertified_date")) } td { (day(row, "revision_due_date")) }
                td { (or_dash(plans.number(row, "criteria_met_count").map(|met| met.to_string()), unknown)) }
            } } }
        } }
    }
}
