//! The sections of the page: each a heading, a sentence where there is nothing, else a table with a caption.

mod findings;
mod nights;
mod owners;

use jiff::Timestamp;
use maud::{Markup, html};

pub(super) use findings::{controls, rejects, warnings};
pub(super) use nights::{nights, rows, waiting};
pub(super) use owners::{due, freshness, off};

use super::facts::LakeStatus;
use crate::{numbers, text::Lang};

/// Rows of a table that could be as long as the lake has owners.
const LONGEST: usize = 20;

/// A moment: day and minute, UTC.
pub(in crate::operations) fn moment(iso: &str, lang: Lang) -> String {
    let Some(time) = iso.get(11..16) else {
        return numbers::day(iso, lang);
    };
    let time = match lang {
        Lang::Da => time.replace(':', "."),
        Lang::En => time.to_owned(),
    };
    format!("{} {time}", numbers::day(iso, lang))
}

/// How long between two moments.
pub(in crate::operations) fn duration(from: &str, to: &str) -> String {
    let (Ok(from), Ok(to)) = (from.parse::<Timestamp>(), to.parse::<Timestamp>()) else {
        return String::new();
    };
    seconds(to.duration_since(from).as_secs().unsigned_abs())
}

fn seconds(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}\u{a0}s"),
        (0, minutes, seconds) => format!("{minutes}\u{a0}min {seconds}\u{a0}s"),
        (hours, minutes, _) => format!("{hours}\u{a0}h {minutes}\u{a0}min"),
    }
}

/// An owner: its title, and the name to type.
pub(in crate::operations) fn owner(status: &LakeStatus, name: &str, lang: Lang) -> Markup {
    let known = status.owners.iter().find(|owner| owner.name == name);
    let title = known.map_or("", |owner| lang.of(&owner.title_da, &owner.title_en));
    html! { @if !title.is_empty() && title != name { (title) " " } code { (name) } }
}

/// What a night said, as it said it.
pub(in crate::operations) fn told(text: &str, lang: Lang) -> Markup {
    html! { span.fault lang=[(lang == Lang::Da).then_some("en")] { (text) } }
}

fn section(id: &str, title: &str, caption: &str, header: &[(&str, bool)], rows: &[Markup], empty: &str) -> Markup {
    html! {
        h2 id=(id) { (title) }
        @if rows.is_empty() { p.none { (empty) } } @else {
            p.small { (caption) }
            div.scroll tabindex="0" { table {
                caption.hidden { (title) ". " (caption) }
                thead { tr { @for (name, is_text) in header { th.text[*is_text] scope="col" { (name) } } } }
                tbody { @for row in rows { tr { (row) } } }
            } }
        }
    }
}

/// What to type.
pub(in crate::operations) fn commands(lang: Lang) -> Markup {
    let all = [
        (
            "klimalade run <datasæt>",
            "klimalade run <dataset>",
            "Høst et datasæt nu.",
            "Harvest a dataset now.",
        ),
        (
            "klimalade plan <datasæt>",
            "klimalade plan <dataset>",
            "Spørg kilden, hvad der er; intet hentes.",
            "Ask the agency what there is; nothing is fetched.",
        ),
        (
            "klimalade explain <tabel> <nøgle>",
            "klimalade explain <table> <key>",
            "Følg et tal tilbage til kildens bytes.",
            "Follow a figure back to the agency's bytes.",
        ),
        (
            "klimalade verify",
            "klimalade verify",
            "Efterprøv hver fil mod datasøens stand.",
            "Check every file against the states of the lake.",
        ),
    ];
    html! {
        h2 #commands { (lang.of("Kommandoer", "Commands")) }
        p.small { (lang.of("Med den --home og --lake, som natten kører med.", "With the --home and --lake that the night runs with.")) }
        dl.commands { @for (da, en, what_da, what_en) in all { dt { code { (lang.of(da, en)) } } dd { (lang.of(what_da, what_en)) } } }
    }
}
