//! What the agencies restated since the last report.

use std::collections::BTreeMap;

use jiff::civil::Date;
use klimalade_model::BREAKDOWNS;
use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{
    data::{Line, Restated},
    numbers,
    page::{Place, or_dash},
    text::Lang,
};

/// Restatements that are listed one by one.
const LISTED: usize = 50;

/// Restated figures of an indicator.
#[derive(Default)]
struct Sum<'a> {
    count: u64,
    years: Option<(i16, i16)>,
    /// How far the figures of a year moved in all.
    moved: BTreeMap<i16, f64>,
    seen: &'a str,
}

impl Sum<'_> {
    /// The year in which the sum moved furthest.
    fn furthest(&self) -> Option<(i16, f64)> {
        let all = self.moved.iter().map(|(year, moved)| (*year, *moved));
        all.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
    }
}

fn day(day: Date, lang: Lang) -> String {
    numbers::day(&day.to_string(), lang)
}

/// Since when: the line as the page says it.
fn since(desk: &Desk) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let first = facts
        .edition
        .first
        .as_ref()
        .map(|night| numbers::day(&night.finished_at, lang));
    match &facts.line {
        Line::FirstNight => html! { p { (lang.of(
            "Der er ikke nævnt nogen tidligere rapport. Her står derfor alt, hvad datasøen har set ændret siden sin første nat",
            "No earlier report was named. Here therefore stands all that the lake has seen change since its first night",
        )) @if let Some(first) = first { " (" (first) ")" } "." } },
        Line::Report {
            year,
            night,
            other_codes,
        } => html! {
            p { (lang.of(
                format!("Forrige rapport er den for {year}. Den er dannet af datasøen, som den stod efter natten, der endte {}; her står, hvad der er ændret efter den.", numbers::day(&night.finished_at, lang)),
                format!("The last report is that of {year}. It was made from the lake as it stood after the night that ended {}; here stands what was restated after it.", numbers::day(&night.finished_at, lang)),
            )) }
            @if *other_codes { p { (lang.of(
                "Kodelisterne er også ændret siden; navne og summer kan af den grund være andre end i forrige rapport.",
                "The code lists have changed since, too; names and sums may differ from the last report for that reason.",
            )) } }
        },
        Line::Day(line) => html! { p { (lang.of(
            format!("Forrige rapport er fra den {}. Her står, hvad datasøen har set ændret efter den dag.", day(*line, lang)),
            format!("The last report is of {}. Here stands what the lake has seen change after that day.", day(*line, lang)),
        )) } },
    }
}

/// The page of what the agencies restated.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = match facts.line {
        Line::FirstNight => lang.of(
            "Tal, som myndighederne har ændret",
            "Figures that the agencies restated",
        ),
        _ => lang.of(
            "Tal, som myndighederne har ændret siden forrige rapport",
            "Figures that the agencies restated since the last report",
        ),
    };
    let all = &facts.restated;
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Myndigheder retter ofte ældre år. Rapporten bruger de nye tal; her står, hvilke der er andre end før.",
            "Agencies often correct earlier years. The report uses the new figures; here stands which are others than before.",
        )) }
        (since(desk))
        @if all.is_empty() { p.none { (lang.of("Ingen ændringer.", "No changes.")) } } @else {
            h2 { (lang.of("Efter indikator", "By indicator")) }
            (by_indicator(desk, all))
            h2 { (lang.of("De største ændringer", "The largest restatements")) }
            (largest(desk, all))
        }
        p.small { (lang.of(
            "Medregnet er målte tal til og med rapportens år. Rækker, som en myndighed har føjet til et ældre år, er nye og ikke ændringer; hvad der er ændret og siden rettet tilbage, er udeladt. Rapportens fil report.json siger, hvilken udgave af datasøen den er dannet af: næste års rapport tager den med --since.",
            "Counted are measured figures up to the report's year. Rows that an agency added to an earlier year are new and no restatement; what was changed and changed back is left out. The report's file report.json says which edition of the lake it was made from: next year's report takes it with --since.",
        )) }
    };
    Sheet {
        title: title.to_owned(),
        body,
    }
}

fn name(desk: &Desk, code: &str) -> Markup {
    let lang = desk.lang;
    match desk.facts.indicator(code) {
        Some(indicator) => desk.link(&Place::Indicator(code.to_owned()), indicator.name(lang)),
        None => html! { (desk.facts.named("indicators", code, lang)) },
    }
}

fn by_indicator(desk: &Desk, all: &[Restated]) -> Markup {
    let lang = desk.lang;
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for restated in all {
        let sum = sums.entry(restated.of("indicator_code")).or_default();
        let years = sum.years.unwrap_or((restated.year, restated.year));
        sum.count += 1;
        sum.years = Some((years.0.min(restated.year), years.1.max(restated.year)));
        *sum.moved.entry(restated.year).or_default() += restated.moved();
        sum.seen = sum.seen.max(&restated.seen);
    }
    html! {
        div.scroll tabindex="0" { table {
            caption.hidden { (lang.of("Ændrede tal efter indikator", "Restated figures by indicator")) }
            thead { tr {
                th scope="col" { (lang.of("Indikator", "Indicator")) }
                th scope="col" { (lang.of("Ændrede tal", "Restated figures")) }
                th scope="col" { (lang.of("År", "Years")) }
                th scope="col" { (lang.of("Summen flyttet mest", "The sum moved most")) }
                th scope="col" { (lang.of("Af landets tal", "Of the country's figure")) }
                th scope="col" { (lang.of("Senest set", "Last seen")) }
            } }
            tbody { @for (code, sum) in &sums {
                @let (moved, ratio) = movement(desk, code, sum);
                tr {
                    th scope="row" { (name(desk, code)) }
                    td { (numbers::fixed(sum.count as f64, 0, lang)) }
                    td.years { @if let Some((first, last)) = sum.years { (first) @if first != last { "–" (last) } } }
                    td { (moved) }
                    td { (ratio) }
                    td { (numbers::day(sum.seen, lang)) }
                }
            } }
        } }
    }
}

/// How far the sum of an indicator moved in the year where it moved furthest, and what part of the country's figure that is.
fn movement(desk: &Desk, code: &str, sum: &Sum) -> (Markup, Markup) {
    let (facts, lang) = (desk.facts, desk.lang);
    let indicator = facts.indicator(code).filter(|indicator| indicator.over_area == "sum");
    let Some((indicator, (year, moved))) = indicator.zip(sum.furthest()) else {
        let why = lang.of("tallene lægges ikke sammen", "the figures do not add up");
        return (or_dash(None, why), or_dash(None, why));
    };
    let written = numbers::signed(indicator.with_unit(moved, lang));
    let now = indicator.at(&facts.country.code, year).and_then(|point| point.value);
    let before = now.map(|now| now - moved).filter(|before| *before != 0.0);
    let ratio = before.map(|before| numbers::signed(numbers::percent(moved / before.abs(), lang)));
    let none = lang.of("intet tal for hele landet", "no figure for the whole country");
    (html! { (year) ": " (written) }, or_dash(ratio, none))
}

/// What a figure is broken down by.
fn breakdown(desk: &Desk, restated: &Restated) -> String {
    let named = BREAKDOWNS.iter().filter_map(|(column, list)| {
        let code = restated.of(column);
        let is_given = !code.is_empty() && !matches!(code, "_T" | "_Z");
        is_given.then(|| desk.facts.named(list, code, desk.lang))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// How large a change is: by the country's figure of its year, so that a rounding in a small municipality is none of the largest. Of what does not
/// add up each municipality counts alike.
fn weight(desk: &Desk, restated: &Restated) -> f64 {
    let facts = desk.facts;
    let indicator = facts.indicator(restated.of("indicator_code"));
    let country = indicator
        .filter(|indicator| indicator.over_area == "sum")
        .and_then(|indicator| indicator.at(&facts.country.code, restated.year)?.value)
        .filter(|value| *value != 0.0);
    match country {
        Some(country) => (restated.moved() / country).abs(),
        None => restated.ratio().unwrap_or_default().abs() / facts.municipalities.len().max(1) as f64,
    }
}

fn largest(desk: &Desk, all: &[Restated]) -> Markup {
    let lang = desk.lang;
    let mut ordered: Vec<&Restated> = all.iter().collect();
    // What is as large stays in the order of its own change.
    ordered.sort_by(|a, b| weight(desk, b).total_cmp(&weight(desk, a)));
    let value = |restated: &Restated, value: Option<f64>| {
        let written = value.map(|value| match desk.facts.indicator(restated.of("indicator_code")) {
            Some(indicator) => indicator.with_unit(value, lang),
            None => numbers::plain(value, lang),
        });
        or_dash(written, lang.of("intet tal", "no figure"))
    };
    let nothing = lang.of("før var 0 eller intet", "it was 0 or nothing before");
    html! {
        @if all.len() > LISTED { p.small { (lang.of(
            format!("De {LISTED} af {}, der flytter mest af landets tal for deres år.", all.len()),
            format!("The {LISTED} of {} that move most of the country's figure of their year.", all.len()),
        )) } }
        div.scroll tabindex="0" { table {
            caption.hidden { (lang.of("De største ændringer", "The largest restatements")) }
            thead { tr {
                th scope="col" { (lang.of("Indikator", "Indicator")) }
                th.text scope="col" { (lang.of("Område", "Area")) }
                th.text scope="col" { (lang.of("Opdeling", "Breakdown")) }
                th scope="col" { (lang.of("År", "Year")) }
                th scope="col" { (lang.of("Før", "Before")) }
                th scope="col" { (lang.of("Nu", "Now")) }
                th scope="col" { (lang.of("Ændring", "Change")) }
                th scope="col" { (lang.of("Set", "Seen")) }
            } }
            tbody { @for restated in ordered.iter().take(LISTED) { tr {
                th scope="row" { (name(desk, restated.of("indicator_code"))) }
                td.text { (desk.area_link(restated.of("area_code"))) }
                td.text { (breakdown(desk, restated)) }
                td { (restated.year) }
                td { (value(restated, restated.old)) } td { (value(restated, restated.new)) }
                td { (or_dash(restated.ratio().map(|ratio| numbers::signed(numbers::percent(ratio, lang))), nothing)) }
                td { (numbers::day(&restated.seen, lang)) }
            } } }
        } }
    }
}
