//! What needs somebody, most urgent first, and what to type.

use super::facts::{LakeStatus, Outcome, Owner};
use crate::{numbers, text::Lang};

/// A lake whose newest night ended longer ago is not harvested any more: one night missed, and half a day.
const NIGHT_HOURS: i64 = 36;

/// How urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// Somebody has to act.
    Act,
    /// Somebody should look.
    Look,
    /// Nothing is wrong.
    Fine,
    /// Nothing is expected.
    Idle,
}

/// One thing that needs somebody.
pub(super) struct Concern {
    pub(super) grade: Grade,
    /// The owner; empty where it is the whole lake.
    pub(super) owner: String,
    pub(super) what: String,
    /// Texts of faults and warnings, in English as the night said them.
    pub(super) told: Vec<String>,
    /// What to type.
    pub(super) command: String,
}

impl Grade {
    /// Name of its look.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Act => "sign bad",
            Self::Look => "sign look",
            Self::Fine => "sign good",
            Self::Idle => "sign",
        }
    }
}

/// How an owner stands.
pub(super) fn grade(status: &LakeStatus, owner: &Owner) -> Grade {
    match owner.status() {
        _ if owner.is_idle() => Grade::Idle,
        "failed" => Grade::Act,
        _ if owner.is_stale(status.now) || !owner.has_state => Grade::Act,
        "warning" | "locked" => Grade::Look,
        _ => Grade::Fine,
    }
}

/// A status as it is said.
pub(super) fn word(status: &str, lang: Lang) -> &str {
    match status {
        "published" => lang.of("offentliggjort", "published"),
        "unchanged" => lang.of("uændret", "unchanged"),
        "warning" => lang.of("advarsel", "warning"),
        "locked" => lang.of("låst", "locked"),
        "off" => lang.of("slået fra", "off"),
        "retired" => lang.of("taget ud", "retired"),
        "failed" => lang.of("fejlet", "failed"),
        "left_out" => lang.of("udeladt", "left out"),
        "" => lang.of("ikke med", "not run"),
        other => other,
    }
}

/// What to type after a failure: it depends on who has to act.
fn command(owner: &Owner, outcome: &Outcome) -> String {
    let Owner { name, folder, .. } = owner;
    match outcome.kind.as_str() {
        "settings" => format!("klimalade check {folder}"),
        "contract" => format!("klimalade run {name} --dry-run"),
        "bug" => format!("klimalade run {name} --log-format json"),
        _ => format!("klimalade run {name}"),
    }
}

fn failed(owner: &Owner, lang: Lang) -> Option<Concern> {
    let (_, outcome) = owner.outcome.as_ref()?;
    let what = match outcome.kind.as_str() {
        "transient" => lang.of(
            "Kilden svarede ikke, og det offentliggjorte er for gammelt",
            "The agency did not answer, and what is published is too old",
        ),
        "source" => lang.of(
            "Kilden svarede med noget andet, end den tilbyder",
            "The agency answered something that is not what it offers",
        ),
        "contract" => lang.of(
            "Svaret bryder det, datasættet erklærer",
            "The answer breaks what the pipeline declares",
        ),
        "settings" => lang.of("En indstilling er forkert", "A setting is wrong"),
        "bug" => lang.of(
            "En fejl i Klimalade: anmeld den med loggen",
            "A bug of Klimalade: report it with the log",
        ),
        _ => lang.of("Høsten fejlede", "The harvest failed"),
    };
    let told = outcome.faults.iter().chain(&outcome.warnings).cloned().collect();
    Some(Concern {
        grade: Grade::Act,
        owner: owner.name.clone(),
        what: what.to_owned(),
        told,
        command: command(owner, outcome),
    })
}

fn of_owner(status: &LakeStatus, owner: &Owner, lang: Lang) -> Option<Concern> {
    let concern = |grade, what: String, command: String| {
        let outcome = owner.outcome.as_ref().map(|(_, outcome)| outcome);
        let told = outcome
            .map(|outcome| outcome.faults.iter().chain(&outcome.warnings).cloned().collect())
            .unwrap_or_default();
        Some(Concern {
            grade,
            owner: owner.name.clone(),
            what,
            told,
            command,
        })
    };
    let name = &owner.name;
    if owner.is_idle() {
        return None;
    }
    if owner.status() == "failed" {
        return failed(owner, lang);
    }
    if !owner.has_state {
        return concern(
            Grade::Act,
            lang.of("Aldrig offentliggjort", "Never published").to_owned(),
            format!("klimalade run {name}"),
        );
    }
    if owner.is_stale(status.now) {
        let days = numbers::fixed(owner.age_days(status.now).unwrap_or_default() as f64, 0, lang);
        let what = lang.of(
            format!(
                "Ikke bekræftet i {days} dage; højst {} er tilladt",
                owner.stale_after_days
            ),
            format!(
                "Not confirmed for {days} days; {} at most are allowed",
                owner.stale_after_days
            ),
        );
        return concern(Grade::Act, what, format!("klimalade run {name}"));
    }
    match owner.status() {
        "warning" => concern(
            Grade::Look,
            lang.of("Natten advarede", "The night warned").to_owned(),
            format!("klimalade plan {name}"),
        ),
        "locked" => concern(
            Grade::Look,
            lang.of("En anden kørsel havde datasættet", "Another run held the dataset")
                .to_owned(),
            format!("klimalade run {name}"),
        ),
        _ => None,
    }
}

fn of_lake(status: &LakeStatus, lang: Lang) -> Vec<Concern> {
    let concern = |grade, what: String, told: &[String], command: &str| Concern {
        grade,
        owner: String::new(),
        what,
        told: told.to_vec(),
        command: command.to_owned(),
    };
    let mut all = Vec::new();
    if !status.damage.is_empty() {
        let what = lang
            .of("Filer i datasøen kan ikke læses", "Files of the lake cannot be read")
            .to_owned();
        all.push(concern(Grade::Act, what, &status.damage, "klimalade verify"));
    }
    let newest = status.nights.iter().find(|night| !night.finished_at.is_empty());
    let ended = newest.and_then(|night| night.finished_at.parse::<jiff::Timestamp>().ok());
    match ended {
        None => all.push(concern(
            Grade::Act,
            lang.of("Ingen nat er kørt til ende", "No night has ended").to_owned(),
            &[],
            "klimalade run",
        )),
        Some(ended) if status.now.duration_since(ended).as_hours() >= NIGHT_HOURS => {
            let at = super::sections::moment(&ended.to_string(), lang);
            let what = lang.of(
                format!("Ingen nat er kørt til ende siden {at}"),
                format!("No night has ended since {at}"),
            );
            all.push(concern(Grade::Act, what, &[], "klimalade run"));
        }
        Some(_) => {}
    }
    if status.nights.first().is_some_and(|night| night.finished_at.is_empty()) && ended.is_some() {
        let what = lang
            .of(
                "Den nyeste kørsel er ikke til ende, eller den blev afbrudt",
                "The newest run has not ended, or it was killed",
            )
            .to_owned();
        all.push(concern(Grade::Look, what, &[], "klimalade run"));
    }
    all
}

/// All that needs somebody, most urgent first; then the lake before its owners, owners by name.
pub(super) fn concerns(status: &LakeStatus, lang: Lang) -> Vec<Concern> {
    let mut all = of_lake(status, lang);
    all.extend(status.owners.iter().filter_map(|owner| of_owner(status, owner, lang)));
    for control in status.controls.iter().filter(|control| control.verdict == "fails") {
        let (_, area, year) = &control.largest;
        let table = status
            .owners
            .iter()
            .find(|owner| owner.name == control.owner)
            .map_or("observation", |owner| owner.table.as_str());
        let count = numbers::fixed(control.count as f64, 0, lang);
        let indicator = &control.indicator;
        let what = lang.of(
            format!("{count} af myndighedens egne kontroltal for {indicator} stemmer ikke med rækkerne"),
            format!("{count} of the agency's own controls of {indicator} disagree with the rows"),
        );
        let command = format!("klimalade explain {table} indicator_code={indicator} area_code={area} year={year}");
        all.push(Concern {
            grade: Grade::Act,
            owner: control.owner.clone(),
            what,
            told: Vec::new(),
            command,
        });
    }
    for owner in &status.owners {
        if let Some(due) = owner.due().filter(|due| *due < status.today() && !owner.is_idle()) {
            let day = numbers::day(&due.to_string(), lang);
            let what = lang.of(
                format!("Nye tal var ventet {day}"),
                format!("New figures were due {day}"),
            );
            let command = format!("klimalade plan {}", owner.name);
            all.push(Concern {
                grade: Grade::Look,
                owner: owner.name.clone(),
                what,
                told: Vec::new(),
                command,
            });
        }
    }
    // Stable: within a grade what was added first stays first.
    all.sort_by_key(|concern| concern.grade);
    all
}
