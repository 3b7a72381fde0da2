//! The sections of the page: each a heading, a sentence where there is nothing, else a table with a caption.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    attention::{Grade, grade, word},
    facts::{LakeStatus, Night, Owner, Tally},
    page::whole,
};
use crate::{numbers, page::or_dash, text::Lang};

/// Rows of a table that could be as long as the lake has owners.
const LONGEST: usize = 20;

/// A moment: day and minute, UTC.
pub(super) fn moment(iso: &str, lang: Lang) -> String {
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
pub(super) fn duration(from: &str, to: &str) -> String {
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
pub(super) fn owner(status: &LakeStatus, name: &str, lang: Lang) -> Markup {
    let known = status.owners.iter().find(|owner| owner.name == name);
    let title = known.map_or("", |owner| lang.of(&owner.title_da, &owner.title_en));
    html! { @if !title.is_empty() && title != name { (title) " " } code { (name) } }
}

/// What a night said, as it said it.
pub(super) fn told(text: &str, lang: Lang) -> Markup {
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

/// Exit code of a night without `--strict`, as the runner decides it.
fn exit(night: &Night) -> u8 {
    let code = |outcome: &super::facts::Outcome| match (outcome.kind.as_str(), outcome.status.as_str()) {
        ("bug", _) => 3,
        (_, "failed") => 1,
        _ => 0,
    };
    night.outcomes.iter().map(code).max().unwrap_or_default()
}

/// The last nights.
pub(super) fn nights(status: &LakeStatus, lang: Lang) -> Markup {
    let row = |night: &Night| {
        let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
        for outcome in &night.outcomes {
            *by_status.entry(&outcome.status).or_default() += 1;
        }
        let order = [
            "failed",
            "warning",
            "locked",
            "published",
            "unchanged",
            "off",
            "left_out",
            "retired",
        ];
        let sums: Vec<String> = order
            .into_iter()
            .filter_map(|name| Some(format!("{} {}", whole(*by_status.get(name)?, lang), word(name, lang))))
            .collect();
        let mut total = Tally::default();
        night.tallies.values().for_each(|tally| total.add(tally));
        let is_over = !night.finished_at.is_empty();
        let exit = exit(night);
        let (look, said) = match exit {
            _ if !is_over => (Grade::Look, lang.of("ikke til ende", "not ended").to_owned()),
            0 => (Grade::Fine, "0".to_owned()),
            code => (Grade::Act, code.to_string()),
        };
        html! {
            th scope="row" { @if is_over { (moment(&night.started_at, lang)) } code { (night.run_id) } }
            td.text { span class=(look.class()) { (said) } }
            td.when { @if is_over { (duration(&night.started_at, &night.finished_at)) } @else { (or_dash(None, lang.of("natten endte ikke", "the night did not end"))) } }
            td.text { @if sums.is_empty() { (whole(night.tallies.len() as u64, lang)) (lang.of(" i protokollen", " in the ledger")) } @else { (sums.join(", ")) } }
            td { (whole(total.received, lang)) } td { (whole(total.published, lang)) } td { (whole(total.rejected, lang)) }
            td { (whole(total.requests, lang)) }
            td { (seconds(total.waited_seconds.round() as u64)) }
        }
    };
    section(
        "nights",
        lang.of("De seneste nætter", "The last nights"),
        lang.of("Højst 14. Slutkoden er den uden --strict: 0 godt eller advarsler, 1 noget fejlede, 3 en fejl i Klimalade.", "At most 14. The exit code is the one without --strict: 0 good or warnings, 1 something failed, 3 a bug of Klimalade."),
        &[
            (lang.of("Begyndt", "Started"), true),
            (lang.of("Slutkode", "Exit code"), true),
            (lang.of("Varighed", "Duration"), false),
            (lang.of("Datasæt", "Datasets"), true),
            (lang.of("Rækker modtaget", "Rows received"), false),
            (lang.of("Rækker offentliggjort", "Rows published"), false),
            (lang.of("Afvist", "Rejected"), false),
            (lang.of("Forespørgsler", "Requests"), false),
            (lang.of("Ventet", "Waited"), false),
        ],
        &status.nights.iter().map(row).collect::<Vec<_>>(),
        lang.of("Protokollen har ingen nætter.", "The ledger has no nights."),
    )
}

/// Controls that disagree.
pub(super) fn controls(status: &LakeStatus, lang: Lang) -> Markup {
    let name = |list: &'static str, code: &str| {
        status
            .names
            .get(&(list, code.to_owned()))
            .map_or(code, |(da, en)| lang.of(da.as_str(), en.as_str()))
            .to_owned()
    };
    let row = |control: &super::facts::Control| {
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
pub(super) fn rejects(status: &LakeStatus, lang: Lang) -> Markup {
    let row = |rejected: &super::facts::Rejected| {
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
pub(super) fn warnings(status: &LakeStatus, lang: Lang) -> Markup {
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

/// What is due next.
pub(super) fn due(status: &LakeStatus, lang: Lang) -> Markup {
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

/// Who waited for limits and servers in the newest night that ended.
pub(super) fn waiting(status: &LakeStatus, lang: Lang) -> Markup {
    let newest = status.nights.iter().find(|night| !night.finished_at.is_empty());
    let mut all: Vec<(&String, &Tally)> = newest
        .iter()
        .flat_map(|night| &night.tallies)
        .filter(|(_, tally)| tally.waited_seconds >= 0.5)
        .collect();
    all.sort_by(|a, b| {
        b.1.waited_seconds
            .total_cmp(&a.1.waited_seconds)
            .then_with(|| a.0.cmp(b.0))
    });
    let row = |(name, tally): &(&String, &Tally)| {
        html! {
            th scope="row" { (owner(status, name, lang)) }
            td { (seconds(tally.waited_seconds.round() as u64)) }
            td { (whole(tally.requests, lang)) }
        }
    };
    section(
        "waiting",
        lang.of("Ventet under grænser", "Waiting under limits"),
        lang.of(
            "I den seneste nat, der endte: de 20, der ventede længst på grænser og servere.",
            "In the last night that ended: the 20 that waited longest for limits and servers.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Ventet", "Waited"), false),
            (lang.of("Forespørgsler", "Requests"), false),
        ],
        &all.iter().take(LONGEST).map(row).collect::<Vec<_>>(),
        lang.of(
            "Ingen ventede et halvt sekund eller mere i den seneste nat.",
            "Nobody waited half a second or more in the last night.",
        ),
    )
}

/// Owners that are off, and what to type.
pub(super) fn off(status: &LakeStatus, lang: Lang) -> Markup {
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
pub(super) fn freshness(status: &LakeStatus, lang: Lang) -> Markup {
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

/// Rows of each owner, by the newest ledger that has it.
pub(super) fn rows(status: &LakeStatus, lang: Lang) -> Markup {
    let mut all: Vec<&Owner> = status.owners.iter().filter(|owner| !owner.is_idle()).collect();
    all.sort_by_key(|owner| std::cmp::Reverse(owner.tally.map_or(0, |tally| tally.rejected)));
    let row = |known: &&Owner| {
        let cell = |count: fn(&Tally) -> u64| {
            or_dash(
                known.tally.as_ref().map(|tally| whole(count(tally), lang)),
                lang.of("ikke i protokollen", "not in the ledger"),
            )
        };
        html! {
            th scope="row" { (owner(status, &known.name, lang)) }
            td { (cell(|tally| tally.received)) } td { (cell(|tally| tally.published)) } td { (cell(|tally| tally.control)) }
            td { (cell(|tally| tally.skipped)) } td { (cell(|tally| tally.rejected)) }
            td { (whole(known.rows, lang)) }
        }
    };
    section(
        "rows",
        lang.of("Rækker", "Rows"),
        lang.of(
            "Af den nyeste nat, der havde datasættet. Kontroltal og oversprungne rækker offentliggøres ikke.",
            "Of the newest night that had the dataset. Controls and skipped rows are not published.",
        ),
        &[
            (lang.of("Datasæt", "Dataset"), true),
            (lang.of("Modtaget", "Received"), false),
            (lang.of("Offentliggjort", "Published"), false),
            (lang.of("Kontroltal", "Controls"), false),
            (lang.of("Oversprunget", "Skipped"), false),
            (lang.of("Afvist", "Rejected"), false),
            (lang.of("I datasøen", "In the lake"), false),
        ],
        &all.iter().map(row).collect::<Vec<_>>(),
        lang.of("Ingen datasæt er i brug.", "No dataset is in use."),
    )
}

/// What to type.
pub(super) fn commands(lang: Lang) -> Markup {
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
