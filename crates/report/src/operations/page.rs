//! The page: frame, headline, sections in the order of what is urgent.

use maud::{DOCTYPE, Markup, html};

use super::{
    attention::{Concern, Grade, concerns, grade},
    facts::LakeStatus,
    sections,
};
use crate::{
    numbers,
    page::{metas, tile},
    text::Lang,
};

/// A stylesheet beside the page, and nothing else: no script, no image but the empty icon that keeps a browser from asking for one.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

/// A whole number as it is written.
pub(super) fn whole(count: u64, lang: Lang) -> String {
    numbers::fixed(count as f64, 0, lang)
}

/// The page.
pub(super) fn page(status: &LakeStatus, lang: Lang) -> String {
    let other = lang.other();
    let across = lang.of("status.en.html", "status.html");
    let title = lang.of("Datasøens drift", "Operations of the lake");
    let all = concerns(status, lang);
    html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                (metas(POLICY))
                title { (title) " – Klimalade" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="status.css";
                link rel="alternate" hreflang=(other.code()) href=(across);
            }
            body.status {
                a.skip href="#content" { (lang.of("Spring til indhold", "Skip to content")) }
                @if status.simulated {
                    div.banner role="note" {
                        strong { (lang.of("Simulerede tal.", "Simulated figures.")) }
                        " "
                        (lang.of(
                            "Datasøen er høstet af simulerede myndigheder. Den siger intet om virkelige kilders drift.",
                            "The lake was harvested from simulated agencies. It says nothing of how real sources run.",
                        ))
                    }
                }
                header.mast {
                    div.wrap {
                        p.brand { span { "Klimalade" span.year { (lang.of("Driftsside", "Operations page")) } } }
                        div.tools { a.language href=(across) lang=(other.code()) hreflang=(other.code()) { (other.of("Dansk", "English")) } }
                    }
                }
                main #content.wrap tabindex="-1" {
                    h1 { (title) }
                    (headline(status, &all, lang))
                    (tiles(status, &all, lang))
                    (attention(status, &all, lang))
                    (sections::nights(status, lang))
                    (sections::controls(status, lang))
                    (sections::rejects(status, lang))
                    (sections::warnings(status, lang))
                    (sections::due(status, lang))
                    (sections::waiting(status, lang))
                    (sections::off(status, lang))
                    (sections::freshness(status, lang))
                    (sections::rows(status, lang))
                    (sections::commands(lang))
                }
                footer {
                    div.wrap {
                        p {
                            (lang.of("Dannet ", "Made ")) (sections::moment(&status.now.to_string(), lang)) ". "
                            (lang.of("Alle tidspunkter er UTC.", "All times are UTC."))
                            @if status.simulated { " " strong { (lang.of("Simulerede tal.", "Simulated figures.")) } }
                        }
                        p { (lang.of("Det samme som tekst: ", "The same as text: ")) code { "klimalade status" } }
                    }
                }
            }
        }
    }
    .into_string()
}

fn count_of(all: &[Concern], grade: Grade) -> u64 {
    all.iter().filter(|concern| concern.grade == grade).count() as u64
}

fn headline(status: &LakeStatus, all: &[Concern], lang: Lang) -> Markup {
    let (act, look) = (count_of(all, Grade::Act), count_of(all, Grade::Look));
    let active = whole(
        status.owners.iter().filter(|owner| !owner.is_idle()).count() as u64,
        lang,
    );
    let (class, text) = match (act, look) {
        (0, 0) => (
            Grade::Fine,
            lang.of(
                format!("Alt er i orden: {active} datasæt er offentliggjort og friske, og ingen kontroltal strider."),
                format!("All is well: {active} datasets are published and fresh, and no control disagrees."),
            ),
        ),
        (0, look) => (
            Grade::Look,
            lang.of(
                format!("Intet haster. {} bør ses på.", whole(look, lang)),
                format!("Nothing is urgent. {} should be looked at.", whole(look, lang)),
            ),
        ),
        (act, look) => (
            Grade::Act,
            lang.of(
                format!(
                    "{} kræver handling, og {} bør ses på.",
                    whole(act, lang),
                    whole(look, lang)
                ),
                format!(
                    "{} need action, and {} should be looked at.",
                    whole(act, lang),
                    whole(look, lang)
                ),
            ),
        ),
    };
    html! { p.lead.state { span class=(class.class()) { (text) } } }
}

fn tiles(status: &LakeStatus, all: &[Concern], lang: Lang) -> Markup {
    let active: Vec<_> = status.owners.iter().filter(|owner| !owner.is_idle()).collect();
    let fine = active
        .iter()
        .filter(|owner| grade(status, owner) == Grade::Fine)
        .count() as u64;
    let rows: u64 = status.owners.iter().map(|owner| owner.rows).sum();
    let newest = status.nights.iter().find(|night| !night.finished_at.is_empty());
    let ended = newest.map_or_else(
        || lang.of("aldrig", "never").to_owned(),
        |night| sections::moment(&night.finished_at, lang),
    );
    let duration = newest
        .map(|night| sections::duration(&night.started_at, &night.finished_at))
        .unwrap_or_default();
    let (act, look) = (count_of(all, Grade::Act), count_of(all, Grade::Look));
    let n = |count| whole(count, lang);
    html! {
        div.tiles {
            (tile(lang.of("Kræver handling", "Need action"), &html! { (n(act)) }, &html! { (n(look)) (lang.of(" bør ses på", " should be looked at")) }))
            (tile(lang.of("Datasæt i orden", "Datasets in order"), &html! { (n(fine)) small { (lang.of(" af ", " of ")) (n(active.len() as u64)) } }, &html! { (n(status.owners.len() as u64 - active.len() as u64)) (lang.of(" ikke i brug", " not in use")) }))
            (tile(lang.of("Seneste nat endte", "The last night ended"), &html! { span.when { (ended) } }, &html! { (duration) }))
            (tile(lang.of("Rækker i datasøen", "Rows in the lake"), &html! { (n(rows)) }, &html! { (lang.of("core og out", "core and out")) }))
        }
    }
}

fn attention(status: &LakeStatus, all: &[Concern], lang: Lang) -> Markup {
    if all.is_empty() {
        return html! {};
    }
    let title = lang.of("Kræver opmærksomhed", "Needs attention");
    html! {
        h2 #attention { (title) }
        div.scroll tabindex="0" { table.told {
            caption.hidden { (title) ": " (lang.of("det mest presserende først", "the most urgent first")) }
            thead { tr {
                th.text scope="col" { (lang.of("Hvor meget", "How urgent")) }
                th.text scope="col" { (lang.of("Datasæt", "Dataset")) }
                th.text scope="col" { (lang.of("Hvad", "What")) }
                th.text scope="col" { (lang.of("Skriv", "Type")) }
            } }
            tbody { @for concern in all { tr {
                td.text { span class=(concern.grade.class()) { (if concern.grade == Grade::Act { lang.of("Handling", "Act") } else { lang.of("Se på", "Look") }) } }
                th.text scope="row" { @if concern.owner.is_empty() { (lang.of("Hele datasøen", "The whole lake")) } @else { (sections::owner(status, &concern.owner, lang)) } }
                td.text { (concern.what) @for text in &concern.told { (sections::told(text, lang)) } }
                td.text { code { (concern.command) } }
            } } }
        } }
    }
}
