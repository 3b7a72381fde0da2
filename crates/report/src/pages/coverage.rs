//! What there should be and what there is.

use std::collections::BTreeMap;

use maud::html;

use super::{Desk, Sheet};
use crate::{
    numbers,
    page::{Place, or_dash},
};

/// The page of data coverage and quality.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let (facts, lang, coverage) = (desk.facts, desk.lang, &desk.facts.coverage);
    let title = lang
        .of("Datagrundlag og kvalitet", "Data coverage and quality")
        .to_owned();
    #[derive(Default)]
    struct Owner<'a> {
        title: &'a str,
        years: std::collections::BTreeSet<i16>,
        by_status: BTreeMap<&'a str, u64>,
        revised: u64,
        missing: u64,
        confirmed: &'a str,
    }
    let mut owners: BTreeMap<&str, Owner> = BTreeMap::new();
    for row in coverage.rows() {
        let owner = owners.entry(coverage.text(row, "owner")).or_default();
        owner.title = coverage.text(row, lang.of("title_da", "title_en"));
        owner.years.insert(coverage.year(row, "year"));
        *owner
            .by_status
            .entry(coverage.text(row, "coverage_status_code"))
            .or_default() += 1;
        owner.revised += coverage.count(row, "revised_count");
        owner.missing += coverage.count(row, "missing_count");
        owner.confirmed = owner.confirmed.max(coverage.text(row, "confirmed_at"));
    }
    let statuses = ["present", "no_figure", "missing", "late"];
    let n = |count: u64| numbers::fixed(count as f64, 0, lang);
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvad der burde være efter hver kildes rytme, og hvad der er: antal kommuner og år.",
            "What there should be by the rhythm of each source, and what there is: number of municipalities and years.",
        )) }
        p { (desk.link(&Place::Changes, lang.of("Tal, som myndighederne har ændret", "Figures that the agencies restated"))) " · " (desk.link(&Place::Sources, lang.of("Kilder", "Sources"))) " · " (desk.link(&Place::Downloads, lang.of("Hent data", "Download data"))) }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Datasæt", "Dataset")) }
                th scope="col" { (lang.of("År", "Years")) }
                @for status in statuses { th scope="col" { (short(status, lang)) } }
                th scope="col" { (lang.of("Rækker uden tal", "Rows without figure")) }
                th scope="col" { (lang.of("Ændrede tal", "Restated figures")) }
                th scope="col" { (lang.of("Senest bekræftet", "Last confirmed")) }
            } }
            tbody { @for owner in owners.values() { tr {
                th scope="row" { (owner.title) }
                td.years { (owner.years.first().copied().unwrap_or_default()) "–" (owner.years.last().copied().unwrap_or_default()) }
                @for status in statuses { td { (n(owner.by_status.get(status).copied().unwrap_or_default())) } }
                td { (n(owner.missing)) }
                td { (n(owner.revised)) }
                td { (or_dash((!owner.confirmed.is_empty()).then(|| numbers::day(owner.confirmed, lang)), lang.of("ikke kendt", "not known"))) }
            } } }
        } }
        dl { @for status in statuses { dt { (short(status, lang)) } dd { (facts.named("coverage_status", status, lang)) } } }
    };
    Sheet { title, body }
}

fn short(status: &str, lang: crate::text::Lang) -> &'static str {
    match status {
        "present" => lang.of("Findes", "Present"),
        "no_figure" => lang.of("Uden tal", "No figure"),
        "missing" => lang.of("Mangler", "Missing"),
        _ => lang.of("Forsinket", "Late"),
    }
}
