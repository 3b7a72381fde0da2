//! Progress of the actions, and the yearly questionnaire.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{chart, numbers, page::or_dash};

/// In the order of an action's life.
const STATUSES: [&str; 5] = ["planned", "started", "done", "paused", "dropped"];

/// The page of the actions.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let lang = desk.lang;
    let title = lang
        .of("Indsatser og spørgeskema", "Actions and questionnaire")
        .to_owned();
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvor langt kommunernes og regionernes indsatser er, og hvad kommunerne svarer i den årlige klimastatus.",
            "How far the actions of municipalities and regions have come, and what the municipalities answer in the yearly climate status.",
        )) }
        @for (level, name) in [("municipality", lang.of("Kommunernes indsatser", "Actions of the municipalities")), ("region", lang.of("Regionernes egne indsatser", "The regions' own actions"))] {
            h2 id=(level) { (name) }
            (progress(desk, level, name))
        }
        p.from { @for (name, address) in desk.downloads("action_progress") { a href=(address) download { (name) } " · " } (desk.source("core.action")) }
        h2 #spoergeskema { (lang.of("Den årlige klimastatus (spørgeskema)", "The yearly climate status (questionnaire)")) }
        (questionnaire(desk))
        p.from { (desk.source("core.survey_answer")) }
    };
    Sheet { title, body }
}

fn progress(desk: &Desk, level: &str, name: &str) -> Markup {
    let (facts, lang, progress) = (desk.facts, desk.lang, &desk.facts.progress);
    let mut sums: BTreeMap<(&str, &str), [f64; 6]> = BTreeMap::new();
    for row in progress.rows().filter(|row| progress.text(*row, "area_level") == level) {
        let sum = sums
            .entry((progress.text(row, "kind"), progress.text(row, "status_code")))
            .or_default();
        let columns = [
            "action_count",
            "late_count",
            "expected_effect_tonne_co2e",
            "expected_effect_count",
            "realised_effect_tonne_co2e",
            "realised_effect_count",
        ];
        for (at, column) in columns.iter().enumerate() {
            sum[at] += progress.number(row, column).unwrap_or_default();
        }
    }
    let high = sums.values().map(|sum| sum[0]).fold(1.0, f64::max);
    let n = |value: f64| numbers::fixed(value, 0, lang);
    let none = lang.of("ikke oplyst for nogen", "not given for any");
    html! {
        div.scroll tabindex="0" { table {
            caption.hidden { (name) }
            thead { tr {
                th scope="col" { (lang.of("Art og status", "Kind and status")) }
                th scope="col" { (lang.of("Indsatser", "Actions")) }
                th scope="col" { span.hidden { (lang.of("Søjle", "Bar")) } }
                th scope="col" { (lang.of("Heraf forsinkede", "Of them late")) }
                th scope="col" { (lang.of("Ventet effekt, ton (oplyst for)", "Expected effect, tonne (given for)")) }
                th scope="col" { (lang.of("Opgjort effekt, ton (oplyst for)", "Assessed effect, tonne (given for)")) }
            } }
            tbody {
                @for kind in ["mitigation", "both", "adaptation"] { @for status in STATUSES {
                    @if let Some(sum) = sums.get(&(kind, status)) { tr {
                        th scope="row" { (facts.named("action_kinds", kind, lang)) ", " (facts.named("statuses", status, lang).to_lowercase()) }
                        td { (n(sum[0])) }
                        td { (chart::bar(sum[0], 0.0, high, false)) }
                        td { (n(sum[1])) }
                        td { (or_dash((sum[3] > 0.0).then(|| format!("{} ({})", n(sum[2]), n(sum[3]))), none)) }
                        td { (or_dash((sum[5] > 0.0).then(|| format!("{} ({})", n(sum[4]), n(sum[5]))), none)) }
                    } }
                } }
            }
        } }
    }
}

/// Answers of one year that say the same, and the numbers among them.
#[derive(Default)]
struct Answers {
    count: u64,
    numbers: Vec<f64>,
}

fn questionnaire(desk: &Desk) -> Markup {
    let (lang, answers) = (desk.lang, &desk.facts.answers);
    let years: std::collections::BTreeSet<i16> = answers
        .rows()
        .map(|row| answers.year(row, "survey_year"))
        .filter(|year| *year <= desk.facts.site.year)
        .collect();
    // By question and, where it has choices, by choice: answers of each year, and the sum of numbers.
    let mut counts: BTreeMap<(&str, &str), BTreeMap<i16, Answers>> = BTreeMap::new();
    for row in answers.rows() {
        let key = (answers.text(row, "question_code"), answers.text(row, "answer_code"));
        let by_year = counts.entry(key).or_default();
        let cell = by_year.entry(answers.year(row, "survey_year")).or_default();
        cell.count += 1;
        cell.numbers.extend(answers.number(row, "answer_number"));
    }
    let cell = |cell: &Answers| match cell.numbers.len() {
        0 => cell.count.to_string(),
        count => {
            let mean = cell.numbers.iter().sum::<f64>() / count as f64;
            format!(
                "{} ({} {})",
                cell.count,
                lang.of("gennemsnit", "mean"),
                numbers::fixed(mean, 1, lang)
            )
        }
    };
    html! {
        p.small { (lang.of(
            "Antal kommuner efter spørgsmål og svar, med skemaets egne koder. Spørgsmålenes ordlyd står ikke i datasøen.",
            "Number of municipalities by question and answer, in the form's own codes. The wording of the questions is not in the lake.",
        )) }
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Spørgsmål", "Question")) }
                th.text scope="col" { (lang.of("Svar", "Answer")) }
                @for year in &years { th scope="col" { (year) } }
            } }
            tbody { @for ((question, answer), by_year) in &counts { tr {
                th scope="row" { (question) }
                td.text { @if answer.is_empty() { (lang.of("fri tekst eller tal", "free text or number")) } @else { (answer.replace('_', " ")) } }
                @for year in &years { td { (or_dash(by_year.get(year).map(cell), lang.of("ingen svar", "no answers"))) } }
            } } }
        } }
    }
}
