//! Where every figure comes from, and how to follow it.

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{numbers, page::Place};

/// Sources of an indicator or table, as a table.
pub(super) fn origins(desk: &Desk, anchor: &str) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let Some(origins) = facts.origins.get(anchor) else {
        return html! { p.none { (lang.of(
            "Dannet af Klimalade af andre tal i datasøen.", "Made by Klimalade from other figures in the lake.",
        )) } };
    };
    let sources = facts.schemas.code_list("sources").ok();
    html! {
        div.scroll tabindex="0" { table {
            thead { tr {
                th scope="col" { (lang.of("Kilde", "Source")) }
                th.text scope="col" { (lang.of("Metode", "Method")) }
                th.text scope="col" { (lang.of("Vilkår", "Terms")) }
                th scope="col" { (lang.of("Hentet", "Retrieved")) }
                th.text scope="col" { (lang.of("Øjebliksbillede (sha256)", "Snapshot (sha256)")) }
            } }
            tbody { @for origin in origins {
                @let real = origin.source.strip_prefix("sim_").unwrap_or(&origin.source);
                tr {
                    th scope="row" {
                        (facts.named("sources", real, lang))
                        @if origin.source != real { strong { (lang.of(" (simuleret)", " (simulated)")) } }
                        br; span.small { (sources.and_then(|list| list.get(real, "attribution")).unwrap_or_default()) }
                    }
                    td.text { (facts.named("methods", &origin.method, lang)) }
                    td.text { (facts.named("licences", &origin.licence, lang)) }
                    td { (numbers::day(&origin.retrieved, lang)) }
                    td.text { code title=(origin.snapshot) { (origin.snapshot.get(..16).unwrap_or(&origin.snapshot)) } }
                }
            } }
        } }
    }
}

/// The page of sources.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang
        .of(
            "Kilder og forklaring af tallene",
            "Sources and explanation of the figures",
        )
        .to_owned();
    let tables = [
        ("core.plan", lang.of("Klimahandlingsplaner", "Climate action plans")),
        ("core.target", lang.of("Mål", "Targets")),
        ("core.action", lang.of("Indsatser", "Actions")),
        ("core.survey_answer", lang.of("Spørgeskemaet", "The questionnaire")),
        ("core.project", lang.of("Projekter", "Projects")),
    ];
    let example = facts
        .municipalities
        .iter()
        .find(|area| area.code == "0751")
        .or(facts.municipalities.first());
    let example = example.map_or("0751", |area| &area.code);
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvert tal i rapporten fører hertil. Nyeste hentning og dens øjebliksbillede står ved hver kilde; et bestemt tal følges helt tilbage til myndighedens svar med kommandoen.",
            "Every figure of the report leads here. The newest retrieval and its snapshot stand with each source; the command follows a single figure back to the agency's answer.",
        )) }
        p { (desk.link(&Place::Methods, lang.of("Metode og formler", "Methods and formulas"))) }
        @for indicator in &facts.indicators {
            h2 id=(indicator.code) { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) }
            (origins(desk, &indicator.code))
            @let year = indicator.newest(example).map_or(facts.site.year, |point| point.year);
            details {
                summary { (lang.of("Følg et tal tilbage", "Follow a figure back")) }
                pre { code {
                    "klimalade explain observation indicator_code=" (indicator.code) " area_code=" (example) " year=" (year) "\n\n"
                    "SELECT * FROM 'out/indicator_year.parquet'\n"
                    "WHERE indicator_code = '" (indicator.code) "' AND area_code = '" (example) "' AND year = " (year) ";"
                } }
            }
        }
        @for (anchor, name) in tables {
            h2 id=(anchor) { (name) }
            (origins(desk, anchor))
            details {
                summary { (lang.of("Følg et tal tilbage", "Follow a figure back")) }
                pre { code { "klimalade explain " (anchor.trim_start_matches("core.")) " area_code=" (example) } }
            }
        }
    };
    Sheet { title, body }
}
