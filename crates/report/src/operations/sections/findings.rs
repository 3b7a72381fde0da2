//! What was found: controls that disagree, rejected rows, warnings.

use maud::{Markup, html};

use super::{owner, section, told};
use crate::{
    numbers,
    operations::{
        attention::Grade,
        facts::{Control, LakeStatus, Rejected},
        page::whole,
    },
    text::Lang,
};

/// Controls that disagree.
pub(in crate::operations) fn controls(status: &LakeStatus, lang: Lang) -> Markup {
    let name = |list: &'static str, code: &str| {
        status
            .names
            .get(&(list, code.to_owned()))
            .map_or(code, |(da, en)| lang.of(da.as_str(), en.as_str()))
            .to_owned()
    };
    let row = |control: &Control| {
        let fails = control.verdict == "fails";
        let (difference, area, year) = &control.largest;
        let years = if control.years.0 == control.years.1 {
            control.years.0.clone()
        } else {
            format!("{}–{}", control.years.0, control.years.1)
        };
        html! {
            th scope="row" { (owner(status, &control.owner, lang)) }
            td.text { span class=(if fails { Grade::Act } else { Grade::Fine }.class()) { (if fails { lang.of("Stemmer ikke", "Fails") } else { lang.of("Kendt forskel", "Known difference") }) } }
            td.text { (name("indicators", &control.indicator)) ", " (name("control_kinds", &control.what)) }
            td { (whole(control.count, lang)) }
            td.years { (years) }
            td { (numbers::signed(numbers::plain(*difference, lang))) " " (name("units", &control.unit)) br; span.small { (name("areas", area)) ", " (year) } }
            td.text { (control.reason) }
        }
    };
    section(
        "controls",
        lang.of("Kontroltal, der ikke stemmer", "Controls that disagree"),
        lang.of("Myndighedens egne totaler mod summen af rækkerne. Forskellen er rækkerne minus myndighedens tal.", "The agency's own totals against the sum of the rows. The difference is the rows minus the agency's figure."),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Dom", "Verdict"), true),
            (lang.of("Indikator og art", "Indicator and kind"), true),
            (lang.of("Antal", "Count"), false),
            (lang.of("År", "Years"), false),
            (lang.of("Største forskel", "Largest difference"), false),
            (lang.of("Begrundelse", "Reason"), true),
        ],
        &status.controls.iter().map(row).collect::<Vec<_>>(),
        lang.of("Alle kontroltal stemmer.", "All controls agree."),
    )
}

/// Rejected rows by reason.
pub(in crate::operations) fn rejects(status: &LakeStatus, lang: Lang) -> Markup {
    let row = |rejected: &Rejected| {
        let [column, found, expected] = &rejected.first;
        html! {
            th scope="row" { (owner(status, &rejected.owner, lang)) }
            td.text { (rejected.reason.replace('_', " ")) }
            td { (whole(rejected.count, lang)) }
            td.text { code { (column) } (lang.of(" fandt ", " found ")) code { (found) } (lang.of(", ventede ", ", expected ")) (expected) }
            td.text { code { "reject/" (rejected.run_id) "/" (rejected.owner) ".parquet" } }
        }
    };
    section(
        "rejects",
        lang.of("Afviste rækker", "Rejected rows"),
        lang.of(
            "Rækker, der brød tabellens kontrakt. De står hele i filen.",
            "Rows that broke the table's contract. They stand whole in the file.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Grund", "Reason"), true),
            (lang.of("Rækker", "Rows"), false),
            (lang.of("Den første", "The first"), true),
            (lang.of("Fil", "File"), true),
        ],
        &status.rejects.iter().map(row).collect::<Vec<_>>(),
        lang.of("Ingen rækker er afvist.", "No rows are rejected."),
    )
}

/// What the newest night of each owner warned of: other columns than before, figures that are too old.
pub(in crate::operations) fn warnings(status: &LakeStatus, lang: Lang) -> Markup {
    let rows: Vec<Markup> = status
        .owners
        .iter()
        .filter(|owner| !owner.is_idle())
        .filter_map(|owner| Some((owner, owner.outcome.as_ref()?)))
        .filter(|(_, (_, outcome))| !outcome.warnings.is_empty())
        .map(|(known, (run, outcome))| {
            html! {
                th scope="row" { (owner(status, &known.name, lang)) }
                td.text { @for text in &outcome.warnings { (told(text, lang)) } }
                td.text { code { (run) } }
            }
        })
        .collect();
    section(
        "drift",
        lang.of(
            "Ændringer i kilderne og andre advarsler",
            "Drift of the sources and other warnings",
        ),
        lang.of(
            "Det, hvert datasæts nyeste nat advarede om: andre kolonner end før, tal der er for gamle.",
            "What the newest night of each dataset warned of: other columns than before, figures that are too old.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Advarsel", "Warning"), true),
            (lang.of("Nat", "Night"), true),
        ],
        &rows,
        lang.of("Ingen kilder har ændret sig.", "No source has changed."),
    )
}
