//! What there should be and what there is; and what the agencies restated.

use std::collections::BTreeMap;

use maud::{Markup, html};

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

/// One restated figure.
struct Change<'a> {
    key: BTreeMap<&'a str, &'a str>,
    old: Option<f64>,
    new: Option<f64>,
    seen: &'a str,
}

impl Change<'_> {
    fn ratio(&self) -> Option<f64> {
        let (old, new) = (self.old?, self.new?);
        (old != 0.0).then(|| new / old - 1.0)
    }
}

/// The page of what the agencies restated.
pub(crate) fn changes(desk: &Desk) -> Sheet {
    let (facts, lang, revisions) = (desk.facts, desk.lang, &desk.facts.revisions);
    let title = lang
        .of(
            "Tal, som myndighederne har ændret",
            "Figures that the agencies restated",
        )
        .to_owned();
    let mut all: Vec<Change> = revisions
        .rows()
        .filter(|row| {
            revisions.text(*row, "table_name") == "observation" && revisions.text(*row, "column_name") == "value"
        })
        .map(|row| Change {
            key: revisions
                .text(row, "row_key")
                .split('|')
                .filter_map(|part| part.split_once('='))
                .collect(),
            old: revisions.text(row, "old_value").parse().ok(),
            new: revisions.text(row, "new_value").parse().ok(),
            seen: revisions.text(row, "first_seen_at"),
        })
        .collect();
    let cell = |change: &Change, name: &str| change.key.get(name).copied().unwrap_or_default().to_owned();
    let mut groups: BTreeMap<String, (u64, String, String, f64, String)> = BTreeMap::new();
    for change in &all {
        let year = cell(change, "period_start").get(..4).unwrap_or_default().to_owned();
        let group = groups
            .entry(cell(change, "indicator_code"))
            .or_insert_with(|| (0, year.clone(), year.clone(), 0.0, String::new()));
        group.0 += 1;
        group.1 = group.1.clone().min(year.clone());
        group.2 = group.2.clone().max(year);
        group.3 = change.ratio().unwrap_or_default().abs().max(group.3);
        group.4 = group.4.clone().max(change.seen.to_owned());
    }
    all.sort_by(|a, b| {
        let size = |change: &Change| change.ratio().map_or(f64::INFINITY, f64::abs);
        size(b).total_cmp(&size(a)).then_with(|| a.key.cmp(&b.key))
    });
    let name = |code: &str| {
        facts
            .indicator(code)
            .map_or(code.to_owned(), |indicator| indicator.name(lang).to_owned())
    };
    let value = |value: Option<f64>| {
        or_dash(
            value.map(|value| numbers::plain(value, lang)),
            lang.of("intet tal", "no figure"),
        )
    };
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Myndigheder retter ofte ældre år. Her står, hvad datasøen har set ændret, siden tallene først blev hentet; rapporten bruger de nye.",
            "Agencies often correct earlier years. Here stands what the lake has seen change since the figures were first harvested; the report uses the new ones.",
        )) }
        p { (lang.of("Datasøen gemmer ikke, hvornår forrige rapport blev dannet; sammenlign dagen i sidste søjle med den.", "The lake does not keep when the last report was made; compare the day in the last column with it.")) }
        @if all.is_empty() { p.none { (lang.of("Ingen ændringer.", "No changes.")) } }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Indikator", "Indicator")) }
                th scope="col" { (lang.of("Ændrede tal", "Restated figures")) }
                th scope="col" { (lang.of("År", "Years")) }
                th scope="col" { (lang.of("Største ændring", "Largest change")) }
                th scope="col" { (lang.of("Senest set", "Last seen")) }
            } }
            tbody { @for (code, group) in &groups { tr {
                th scope="row" { @if facts.indicator(code).is_some() { (desk.link(&Place::Indicator(code.clone()), &name(code))) } @else { (name(code)) } }
                td { (numbers::fixed(group.0 as f64, 0, lang)) }
                td.years { (group.1) @if group.1 != group.2 { "–" (group.2) } }
                td { (numbers::percent(group.3, lang)) }
                td { (numbers::day(&group.4, lang)) }
            } } }
        } }
        h2 { (lang.of("De 50 største ændringer", "The 50 largest changes")) }
        (largest(desk, &all, &name, &value))
    };
    Sheet { title, body }
}

fn largest(
    desk: &Desk,
    all: &[Change],
    name: &dyn Fn(&str) -> String,
    value: &dyn Fn(Option<f64>) -> Markup,
) -> Markup {
    let lang = desk.lang;
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Indikator", "Indicator")) }
                th.text scope="col" { (lang.of("Område", "Area")) }
                th scope="col" { (lang.of("År", "Year")) }
                th scope="col" { (lang.of("Før", "Before")) }
                th scope="col" { (lang.of("Nu", "Now")) }
                th scope="col" { (lang.of("Ændring", "Change")) }
            } }
            tbody { @for change in all.iter().take(50) { tr {
                th scope="row" { (name(change.key.get("indicator_code").copied().unwrap_or_default())) }
                td.text { (desk.area_link(change.key.get("area_code").copied().unwrap_or_default())) }
                td { (change.key.get("period_start").and_then(|day| day.get(..4)).unwrap_or_default()) }
                td { (value(change.old)) } td { (value(change.new)) }
                td { (or_dash(change.ratio().map(|ratio| numbers::signed(numbers::percent(ratio, lang))), lang.of("før var 0 eller intet", "it was 0 or nothing before"))) }
            } } }
        } }
    }
}
