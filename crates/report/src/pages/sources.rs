//! Where every figure comes from, and how to follow it.

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{
    data::{Origin, Retrieval},
    numbers,
    page::Place,
};

/// Letters of a hash that are shown; the whole stands in its title.
const HASH_LETTERS: usize = 16;

/// Sources of an indicator or table, as a table: of each the years, when they were retrieved, and the snapshot they stand in.
pub(super) fn origins(desk: &Desk, anchor: &str) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let Some(origins) = facts.origins.get(anchor).filter(|origins| !origins.is_empty()) else {
        return html! { p.none { (lang.of(
            "Dannet af Klimalade af andre tal i datasøen.", "Made by Klimalade from other figures in the lake.",
        )) } };
    };
    html! {
        div.scroll tabindex="0" { table {
            caption.hidden { (lang.of("Kilde, metode, vilkår og hentning", "Source, method, terms and retrieval")) }
            thead { tr {
                th scope="col" { (lang.of("Kilde", "Source")) }
                th.text scope="col" { (lang.of("Metode", "Method")) }
                th.text scope="col" { (lang.of("Vilkår", "Terms")) }
                th.text scope="col" { (lang.of("Tal for", "Figures of")) }
                th scope="col" { (lang.of("Hentet", "Retrieved")) }
                th.text scope="col" { (lang.of("Øjebliksbillede (sha256)", "Snapshot (sha256)")) }
            } }
            tbody { @for origin in origins { @for (at, retrieval) in origin.retrievals.iter().enumerate() {
                tr {
                    @if at == 0 {
                        @let rows = (origin.retrievals.len() > 1).then_some(origin.retrievals.len());
                        th scope=(if rows.is_some() { "rowgroup" } else { "row" }) rowspan=[rows] { (source(desk, origin)) }
                        td.text rowspan=[rows] { (facts.named("methods", &origin.method, lang)) }
                        td.text rowspan=[rows] { (facts.named("licences", &origin.licence, lang)) }
                    }
                    (retrieved(desk, retrieval))
                }
            } } }
        } }
    }
}

fn source(desk: &Desk, origin: &Origin) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let real = origin.source.strip_prefix("sim_").unwrap_or(&origin.source);
    let sources = facts.schemas.code_list("sources").ok();
    let attribution = sources
        .and_then(|list| list.get(real, "attribution"))
        .unwrap_or_default();
    html! {
        (facts.named("sources", real, lang))
        @if origin.source != real { strong { (lang.of(" (simuleret)", " (simulated)")) } }
        @if !attribution.is_empty() { br; span.small { (attribution) } }
        br; span.small { "SQL: " (sql_link(desk, origin)) }
    }
}

/// The pipeline, linked to its SQL where that is known.
fn sql_link(desk: &Desk, origin: &Origin) -> Markup {
    let folder = origin.folder();
    if !desk.facts.mapped.contains_key(folder) {
        return html! { code { (origin.owner) } };
    }
    let page = desk.place.to(&Place::Mappings, desk.lang);
    html! { a href={ (page) "#" (folder) } { code { (origin.owner) } } }
}

fn retrieved(desk: &Desk, retrieval: &Retrieval) -> Markup {
    let lang = desk.lang;
    let (first, last) = retrieval.years;
    let days = [&retrieval.retrieved.0, &retrieval.retrieved.1].map(|at| numbers::day(at, lang));
    html! {
        td.text { @match (first, last) {
            (0, _) => (lang.of("alle rækker", "all rows")),
            (first, last) if first == last => (first),
            _ => { (first) "–" (last) }
        } }
        td.years { (days[0]) @if days[0] != days[1] { "–" (days[1]) } }
        td.text { @match (retrieval.snapshots.first(), retrieval.snapshots.len()) {
            (Some(hash), 1) => code title=(hash) { (hash.get(..HASH_LETTERS).unwrap_or(hash)) },
            (_, count) => { (count) (lang.of(" øjebliksbilleder", " snapshots")) }
        } }
    }
}

/// An area of an indicator whose figure is followed back as an example: Aarhus where it has one.
fn example<'a>(desk: &'a Desk, code: &str) -> (&'a str, i16) {
    let facts = desk.facts;
    let known = |area: &'a str| {
        let point = facts.indicator(code)?.newest(area)?;
        Some((area, point.year))
    };
    let municipalities = facts.municipalities.iter().map(|area| area.code.as_str());
    let others = facts
        .regions
        .iter()
        .chain([&facts.country])
        .map(|area| area.code.as_str());
    let mut areas = ["0751"].into_iter().chain(municipalities).chain(others);
    areas.find_map(known).unwrap_or(("0751", facts.site.year))
}

/// What to type to follow a figure back, in a fold.
pub(super) fn follow(desk: &Desk, anchor: &str) -> Markup {
    let lang = desk.lang;
    let is_indicator = desk.facts.indicator(anchor).is_some();
    let (area, year) = example(desk, anchor);
    let table = if is_indicator { "core.observation" } else { anchor };
    html! {
        details {
            summary { (lang.of("Følg et tal tilbage", "Follow a figure back")) }
            pre { code {
                (lang.of(
                    "# fra et tal til myndighedens svar, med øjebliksbilledets sider og rå rækker; har det mange opdelinger, siger svaret, hvad der skal føjes til\n",
                    "# from a figure to the agency's answer, with the snapshot's pages and raw rows; where it has many breakdowns the answer says what to add\n",
                ))
                @if is_indicator {
                    "klimalade explain observation indicator_code=" (anchor) " area_code=" (area) " year=" (year) "\n\n"
                    (lang.of("# tallet, som rapporten har det\n", "# the figure as the report has it\n"))
                    "klimalade query \"SELECT * FROM out.indicator_year WHERE indicator_code = '" (anchor) "' AND area_code = '" (area) "' AND year = " (year) "\"\n\n"
                    (lang.of("# alle øjebliksbilleder\n", "# all snapshots\n"))
                    "klimalade query \"SELECT year, source_id, snapshot_sha256, min(retrieved_at) AS retrieved_at, count(*) AS figures FROM " (table)
                    " WHERE indicator_code = '" (anchor) "' AND scenario_code = 'actual' GROUP BY year, source_id, snapshot_sha256 ORDER BY year, source_id, snapshot_sha256\""
                } @else {
                    "klimalade explain " (anchor.trim_start_matches("core.")) " area_code=" (area) "\n\n"
                    (lang.of("# alle øjebliksbilleder\n", "# all snapshots\n"))
                    "klimalade query \"SELECT source_id, snapshot_sha256, min(retrieved_at) AS retrieved_at, count(*) AS rows FROM " (table)
                    " GROUP BY source_id, snapshot_sha256 ORDER BY source_id, snapshot_sha256\""
                }
            } }
        }
    }
}

/// The page of the mappings: the SQL of every pipeline that figures of the report come from.
pub(crate) fn mappings(desk: &Desk) -> Sheet {
    let (facts, lang) = (desk.facts, desk.lang);
    let title = lang.of("Kortlægningerne: SQL", "The mappings: SQL").to_owned();
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvert datasæt kortlægges med én SELECT: over det, myndigheden svarede (raw), eller over andre tabeller i datasøen. Den står her, som den er i dag.",
            "Each dataset is mapped by one SELECT: over what the agency answered (raw), or over other tables of the lake. Here it stands as it is today.",
        )) }
        p { (desk.link(&Place::Sources, lang.of("Kilder og forklaring af tallene", "Sources and explanation of the figures"))) }
        @if facts.mapped.is_empty() { p.none { (lang.of("Kortlægningerne kendes ikke her; klimalade explain viser et tals.", "The mappings are not known here; klimalade explain shows that of a figure.")) } }
        @for (folder, mapped) in &facts.mapped {
            details {
                summary { (lang.of(&mapped.title_da, &mapped.title_en)) " (" (folder) " → " (mapped.table) ")" }
                @if !mapped.is_current { p { strong { (lang.of(
                    "Nogle af datasøens tal er dannet med en anden udgave af kortlægningen end denne.",
                    "Some figures of the lake were made with another edition of the mapping than this.",
                )) } } }
                // A fold is opened by what leads to a place within it.
                pre id=(folder) { code { (mapped.sql.trim()) } }
            }
        }
    };
    Sheet { title, body }
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
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of(
            "Hvert tal i rapporten fører hertil: kilde, metode, vilkår, og for hvert år, hvornår det er hentet, og i hvilket øjebliksbillede det står. Kommandoerne skrives med datasøens --lake.",
            "Every figure of the report leads here: source, method, terms, and for each year when it was retrieved and in which snapshot it stands. The commands are typed with the lake's --lake.",
        )) }
        p { (desk.link(&Place::Methods, lang.of("Metode og formler", "Methods and formulas"))) " · " (desk.link(&Place::Mappings, lang.of("Kortlægningerne: SQL", "The mappings: SQL"))) }
        @for indicator in &facts.indicators {
            h2 id=(indicator.code) { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) }
            (origins(desk, &indicator.code))
            (follow(desk, &indicator.code))
        }
        @for (anchor, name) in tables {
            h2 id=(anchor) { (name) }
            (origins(desk, anchor))
            (follow(desk, anchor))
        }
    };
    Sheet { title, body }
}
