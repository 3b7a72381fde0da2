//! What nights did: the last ones, the rows of each owner, and who waited.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{LONGEST, duration, moment, owner, seconds, section};
use crate::{
    operations::{
        attention::{Grade, word},
        facts::{LakeStatus, Night, Outcome, Owner, Tally},
        page::whole,
    },
    page::or_dash,
    text::Lang,
};

/// Exit code of a night without `--strict`, as the runner decides it.
fn exit(night: &Night) -> u8 {
    let code = |outcome: &Outcome| match (outcome.kind.as_str(), outcome.status.as_str()) {
        ("bug", _) => 3,
        (_, "failed") => 1,
        _ => 0,
    };
    night.outcomes.iter().map(code).max().unwrap_or_default()
}

/// The last nights.
pub(in crate::operations) fn nights(status: &LakeStatus, lang: Lang) -> Markup {
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

/// Rows of each owner, by the newest ledger that has it.
pub(in crate::operations) fn rows(status: &LakeStatus, lang: Lang) -> Markup {
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

/// Who waited for limits and servers in the newest night that ended.
pub(in crate::operations) fn waiting(status: &LakeStatus, lang: Lang) -> Markup {
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
