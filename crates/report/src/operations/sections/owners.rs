//! How owners stand: how fresh they are, what they are due for, who is not in use.

use maud::{Markup, html};

use super::{LONGEST, moment, owner, section, told};
use crate::{
    numbers,
    operations::{
        attention::{Grade, grade, word},
        facts::{LakeStatus, Owner},
    },
    page::or_dash,
    text::Lang,
};

/// Owners in use, those first that need somebody, then those nearest to being stale.
fn by_urgency(status: &LakeStatus) -> Vec<&Owner> {
    let mut all: Vec<&Owner> = status.owners.iter().filter(|owner| !owner.is_idle()).collect();
    let left = |owner: &Owner| {
        owner
            .age_days(status.now)
            .map_or(i64::MIN, |days| owner.stale_after_days.saturating_sub(days))
    };
    all.sort_by_key(|owner| (grade(status, owner), left(owner)));
    all
}

/// How fresh each owner is.
pub(in crate::operations) fn freshness(status: &LakeStatus, lang: Lang) -> Markup {
    let unknown = lang.of("ikke kendt", "not known");
    let row = |known: &&Owner| {
        let stale = known.is_stale(status.now);
        let text = if stale {
            lang.of("forældet", "stale")
        } else if known.has_state {
            word(known.status(), lang)
        } else {
            lang.of("aldrig offentliggjort", "never published")
        };
        let oldest = known
            .oldest_confirmed_at
            .as_ref()
            .filter(|oldest| known.confirmed_at.as_deref().and_then(|newest| newest.get(..10)) != oldest.get(..10));
        html! {
            th scope="row" { (owner(status, &known.name, lang)) }
            td.text { span class=(grade(status, known).class()) { (text) } }
            td.when { (or_dash(known.confirmed_at.as_ref().map(|at| moment(at, lang)), lang.of("aldrig", "never")))
                @if let Some(oldest) = oldest { br; span.small { (lang.of("ældste del ", "oldest part ")) (numbers::day(oldest, lang)) } } }
            td { (or_dash(known.age_days(status.now).map(|days| numbers::fixed(days as f64, 0, lang)), unknown)) }
            td { (or_dash((known.stale_after_days < i64::MAX).then(|| numbers::fixed(known.stale_after_days as f64, 0, lang)), unknown)) }
            td.when { (or_dash(known.newest_end.map(|end| last_day(end, lang)), unknown)) }
        }
    };
    section(
        "freshness",
        lang.of("Friskhed", "Freshness"),
        lang.of(
            "Hvornår kilden sidst bekræftede tallene, og hvor mange dage det må være siden.",
            "When the agency last confirmed the figures, and how many days ago that may be.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Stand", "State"), true),
            (lang.of("Bekræftet", "Confirmed"), false),
            (lang.of("Alder, dage", "Age, days"), false),
            (lang.of("Højst, dage", "At most, days"), false),
            (lang.of("Nyeste periode til og med", "Newest period up to"), false),
        ],
        &by_urgency(status).iter().map(row).collect::<Vec<_>>(),
        lang.of("Ingen datasæt er i brug.", "No dataset is in use."),
    )
}

/// What is due next.
pub(in crate::operations) fn due(status: &LakeStatus, lang: Lang) -> Markup {
    let mut all: Vec<_> = status
        .owners
        .iter()
        .filter(|owner| !owner.is_idle())
        .filter_map(|owner| Some((owner.due()?, owner)))
        .collect();
    all.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    let more = all.len().saturating_sub(LONGEST);
    let row = |(due, known): &(jiff::civil::Date, &Owner)| {
        let is_late = *due < status.today();
        let (look, text) = if is_late {
            (Grade::Look, lang.of("forsinket", "late"))
        } else {
            (Grade::Fine, lang.of("ventes", "expected"))
        };
        html! {
            th scope="row" { (owner(status, &known.name, lang)) }
            td.text { span class=(look.class()) { (text) } }
            td.when { (numbers::day(&due.to_string(), lang)) }
            td.when { (or_dash(known.newest_end.map(|end| last_day(end, lang)), lang.of("ikke kendt", "not known"))) }
            td.text { (rhythm(known, lang)) }
        }
    };
    let note = lang.of(
        "Efter hvert datasæts rytme: dagen, da tal for næste periode skulle være hos kilden.",
        "By the rhythm of each dataset: the day when the agency should have figures of the next period.",
    );
    let cut = if more == 0 {
        String::new()
    } else {
        lang.of(
            format!(" Yderligere {more} ventes senere."),
            format!(" {more} more are expected later."),
        )
    };
    section(
        "due",
        lang.of("Hvad der ventes", "What is due next"),
        &format!("{note}{cut}"),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Stand", "State"), true),
            (lang.of("Senest", "By"), false),
            (lang.of("Nyeste periode til og med", "Newest period up to"), false),
            (lang.of("Rytme", "Rhythm"), true),
        ],
        &all.iter().take(LONGEST).map(row).collect::<Vec<_>>(),
        lang.of(
            "Ingen datasæt har en kendt næste periode.",
            "No dataset has a known next period.",
        ),
    )
}

/// The last day of a period that ends before `end`.
fn last_day(end: jiff::civil::Date, lang: Lang) -> String {
    end.yesterday()
        .map_or_else(|_| String::new(), |day| numbers::day(&day.to_string(), lang))
}

fn rhythm(owner: &Owner, lang: Lang) -> String {
    let every = match owner.every_months.unwrap_or_default() {
        1 => lang.of("hver måned", "every month").to_owned(),
        12 => lang.of("hvert år", "every year").to_owned(),
        months => lang.of(format!("hver {months}. måned"), format!("every {months} months")),
    };
    lang.of(
        format!("{every}, {} dage efter", owner.lag_days),
        format!("{every}, {} days after", owner.lag_days),
    )
}

/// Owners that are off, and what to type.
pub(in crate::operations) fn off(status: &LakeStatus, lang: Lang) -> Markup {
    let row = |known: &&Owner| {
        let word_of = if known.is_off {
            "off"
        } else if known.is_retired {
            "retired"
        } else {
            known.status()
        };
        let warnings = known.outcome.iter().flat_map(|(_, outcome)| &outcome.warnings);
        let why = match word_of {
            "left_out" => lang.of("Ingen simuleret myndighed har det.", "No simulated agency serves it."),
            _ if known.is_off => lang.of(
                "Dets pipeline.toml siger [harvest] off = true; tag linjen ud.",
                "Its pipeline.toml says [harvest] off = true; take the line out.",
            ),
            _ => "",
        };
        html! {
            th scope="row" { (owner(status, &known.name, lang)) }
            td.text { span class=(Grade::Idle.class()) { (word(word_of, lang)) } }
            td.text { (why) @for text in warnings { (told(text, lang)) } }
            td.text { code { "klimalade run " (known.name) } }
        }
    };
    let rows: Vec<_> = status.owners.iter().filter(|owner| owner.is_idle()).collect();
    section(
        "off",
        lang.of("Ikke i brug", "Not in use"),
        lang.of(
            "Slået fra, taget ud eller udeladt: hvorfor, og hvad der skal skrives, når det er rettet.",
            "Off, retired or left out: why, and what to type once that is mended.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Stand", "State"), true),
            (lang.of("Hvorfor", "Why"), true),
            (lang.of("Skriv", "Type"), true),
        ],
        &rows.iter().map(row).collect::<Vec<_>>(),
        lang.of("Alle datasæt er i brug.", "All datasets are in use."),
    )
}
