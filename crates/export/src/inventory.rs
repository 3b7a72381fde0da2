//! The table of an inventory: where figures stand, what is a sum of them, and a notation key where there is none.

use std::collections::BTreeMap;

use klimalade_model::{Result, Schemas};

use crate::{
    figures::Figure,
    form::{Form, FormCode, above, is_within},
    header::Header,
    places::places,
};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A figure of the account.
    Figure,
    /// A figure of the account that several lines share: it stands before the first of them.
    Joint,
    /// The sum of the figures below it.
    Subtotal,
    /// No figure: the notation key says why.
    Key,
    /// Of the account, in no line of the form.
    Outside,
    /// The sum of several sectors, or of all.
    Total,
}

impl Kind {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Figure => "figure",
            Self::Joint => "joint",
            Self::Subtotal => "subtotal",
            Self::Key => "key",
            Self::Outside => "outside",
            Self::Total => "total",
        }
    }
}

/// Tonnes of CO2e by gas; `co2e` is what the account does not split.
pub(crate) type Amount = BTreeMap<String, f64>;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// `I.1.1`, `1.A.4.b`; of a joint figure all its lines (`3+4`).
    pub place: String,
    /// What the form calls it.
    pub name: String,
    /// `1`, `2`, `3`; empty above the lines.
    pub scope: String,
    /// `BASIC`, `BASIC+`, `TERRITORIAL`, as GPC counts the line.
    pub level: String,
    /// What it says.
    pub kind: Kind,
    /// By gas; empty with a key.
    pub amount: Amount,
    /// `IE`, `NE`, `NO`, `C`; empty with a figure.
    pub key: String,
    /// Where it is included: with IE.
    pub included_in: String,
    /// `sure`, or `uncertain` where the mapping rests on an assumption.
    pub certainty: String,
    /// In words.
    pub note: String,
}

impl Line {
    /// Over all gases; none with a key.
    pub fn tonne_co2e(&self) -> Option<f64> {
        (self.kind != Kind::Key).then(|| self.amount.values().sum())
    }
}

/// A table and what stands above it.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub(crate) header: Header,
    pub(crate) source_id: String,
    /// In the form's order, totals last.
    pub lines: Vec<Line>,
}

/// Figures at one place of the form, or at several that share them.
#[derive(Debug, Default)]
struct Entry {
    places: Vec<String>,
    amount: Amount,
    /// Why there is no figure, with the sectors' names.
    missing: Option<(&'static str, String)>,
    scopes: Vec<String>,
    sectors: Vec<String>,
}

/// What the account says, put where the form has it.
#[derive(Debug, Default)]
struct Entries {
    single: BTreeMap<String, Entry>,
    joint: Vec<Entry>,
    outside: Vec<Entry>,
}

/// The lines of a form for the figures of one area and year.
pub(crate) fn lines(form: &Form, figures: &[Figure], schemas: &Schemas) -> Result<Vec<Line>> {
    let entries = Entries::of(form, figures, schemas)?;
    let mut lines = Vec::new();
    for line in &form.lines {
        for joint in entries.joint.iter().filter(|joint| joint.places[0] == line.place) {
            lines.push(entries.joint_line(form, joint));
        }
        let mut made = entries.line(form, &line.place);
        made.name = line.name.clone();
        if made.scope.is_empty() {
            made.scope = line.scope.clone();
        }
        made.level = line.level.clone();
        lines.push(made);
    }
    for entry in &entries.outside {
        let mut line = Line::new("", Kind::Outside);
        line.name = entry.sectors.join(", ");
        line.amount = entry.amount.clone();
        line.note = format!("In no line of {}", form.code.name().to_uppercase());
        entry.say_missing(&mut line);
        lines.push(line);
    }
    lines.extend(entries.totals(form));
    Ok(lines)
}

impl Entries {
    fn of(form: &Form, figures: &[Figure], schemas: &Schemas) -> Result<Self> {
        let sectors = schemas.code_list("sectors")?;
        let mut entries = Self::default();
        for figure in figures {
            let codes = match (form.code, figure.category_code.strip_prefix("crf_")) {
                (FormCode::Crf, Some(category)) => category,
                _ => sectors.get(&figure.sector_code, form.code.name()).unwrap_or_default(),
            };
            let mut places = places(form, codes);
            // GPC's last digit is the scope, where it is: a figure that knows its scope is a line's.
            if let [place] = places.as_slice()
                && ["1", "2", "3"].contains(&figure.scope_code.as_str())
                && form
                    .line(&format!("{place}.{}", figure.scope_code))
                    .is_some_and(|line| line.scope == figure.scope_code)
            {
                places = vec![format!("{place}.{}", figure.scope_code)];
            }
            let name = sectors
                .get(&figure.sector_code, "name_en")
                .unwrap_or(&figure.sector_code);
            let entry = match places.as_slice() {
                [] => entry_with(&mut entries.outside, |entry| entry.sectors == [name]),
                [place] => entries.single.entry(place.clone()).or_default(),
                _ => entry_with(&mut entries.joint, |entry| entry.places == places),
            };
            entry.places = places;
            entry.add(figure, name);
        }
        Ok(entries)
    }

    /// A line of the form itself.
    fn line(&self, form: &Form, place: &str) -> Line {
        if let Some(entry) = self.single.get(place) {
            let mut line = Line::new(place, Kind::Figure);
            line.amount = self.below(place);
            line.scope = entry.scope();
            let (inner, _) = self.inside(place);
            line.note = if inner.len() > 1 {
                "Part of it stands in the lines below, part is not split".to_owned()
            } else {
                String::new()
            };
            entry.say_missing(&mut line);
            return line;
        }
        // Part of what is below may be counted in a joint figure that reaches beyond this line.
        let mut there = self.joint.iter().filter(|joint| joint.missing.is_none());
        let beyond = there.find(|joint| {
            let inside = joint.places.iter().filter(|other| is_within(other, place)).count();
            inside > 0 && inside < joint.places.len()
        });
        let (inner, missing) = self.inside(place);
        if let Some(joint) = beyond {
            if joint.places.iter().any(|member| member == place) {
                return Line::key(place, "IE", &joint.place(), "sure");
            }
            let mut elsewhere = vec![joint.place()];
            elsewhere.extend(inner.iter().flat_map(|entry| entry.places.first().cloned()));
            let mut line = Line::key(place, "IE", &elsewhere.join("; "), "sure");
            line.note = "No sum of its own: a figure is shared with lines beyond it".to_owned();
            return line;
        }
        if !inner.is_empty() {
            let mut line = Line::new(place, Kind::Subtotal);
            line.amount = self.below(place);
            if !missing.is_empty() {
                line.note = format!("Without {}, which has no figure", missing.join(", "));
            }
            return line;
        }
        self.key(form, place)
    }

    /// A line without a figure of its own or below it.
    fn key(&self, form: &Form, place: &str) -> Line {
        if let Some(known) = form.coverage_of(place) {
            let has_figure = known.key != "IE" || self.figure_above(&known.included_in).is_some();
            if has_figure {
                let included_in = self.figure_above(&known.included_in).unwrap_or_default();
                let included_in = if known.key == "IE" { included_in } else { String::new() };
                let mut line = Line::key(place, &known.key, &included_in, &known.certainty);
                line.note = known.note.clone();
                return line;
            }
        }
        match self.figure_above(place) {
            Some(included_in) => Line::key(place, "IE", &included_in, "sure"),
            None => {
                if let Some(entry) = self.missing_above(place) {
                    let mut line = Line::key(place, "", "", "sure");
                    entry.say_missing(&mut line);
                    return line;
                }
                let mut line = Line::key(place, "NE", "", "sure");
                line.note = "The account has no figure for it".to_owned();
                line
            }
        }
    }

    /// The place at or above one where a figure stands, alone or joint.
    fn figure_above(&self, place: &str) -> Option<String> {
        std::iter::once(place).chain(above(place)).find_map(|place| {
            let joint = || {
                self.joint
                    .iter()
                    .find(|joint| joint.places.iter().any(|one| one == place))
            };
            let single = self.single.get(place).filter(|entry| entry.missing.is_none());
            single
                .map(|_| place.to_owned())
                .or_else(|| joint().filter(|joint| joint.missing.is_none()).map(Entry::place))
        })
    }

    /// What would be counted at or above a place, had it a figure.
    fn missing_above(&self, place: &str) -> Option<&Entry> {
        let mut entries = self.single.values().chain(&self.joint);
        let covers = |entry: &&Entry| entry.missing.is_some() && entry.places.iter().any(|one| is_within(place, one));
        entries.find(covers)
    }

    /// Entries at a place or wholly below it, and the places of those without a figure.
    fn inside(&self, place: &str) -> (Vec<&Entry>, Vec<String>) {
        let entries = self.single.values().chain(&self.joint);
        let (there, missing): (Vec<&Entry>, Vec<&Entry>) = entries
            .filter(|entry| entry.places.iter().all(|one| is_within(one, place)))
            .partition(|entry| entry.missing.is_none());
        (there, missing.into_iter().map(Entry::place).collect())
    }

    fn below(&self, place: &str) -> Amount {
        sum(self.inside(place).0.into_iter())
    }

    fn joint_line(&self, form: &Form, joint: &Entry) -> Line {
        let mut line = Line::new(&joint.place(), Kind::Joint);
        let names = joint.places.iter().filter_map(|place| form.line(place));
        line.name = names.map(|line| line.name.as_str()).collect::<Vec<_>>().join("; ");
        line.scope = joint.scope();
        line.amount = joint.amount.clone();
        line.note = format!(
            "{}: the account does not split it between these lines",
            joint.sectors.join(", ")
        );
        joint.say_missing(&mut line);
        line
    }

    fn totals(&self, form: &Form) -> Vec<Line> {
        let mut totals = Vec::new();
        let all: Vec<&Entry> = self.single.values().chain(&self.joint).chain(&self.outside).collect();
        let total = |place: &str, name: &str, note: &str, entries: &[&Entry]| {
            let mut line = Line::new(place, Kind::Total);
            line.name = name.to_owned();
            let missing: Vec<String> = entries
                .iter()
                .filter(|entry| entry.missing.is_some())
                .map(|entry| {
                    if entry.places.is_empty() {
                        entry.sectors.join(", ")
                    } else {
                        entry.place()
                    }
                })
                .collect();
            line.amount = sum(entries.iter().copied().filter(|entry| entry.missing.is_none()));
            line.note = match (missing.is_empty(), note) {
                (true, note) => note.to_owned(),
                (false, "") => format!("Without {}, which has no figure", missing.join(", ")),
                (false, note) => format!("{note}. Without {}, which has no figure", missing.join(", ")),
            };
            line
        };
        if form.code == FormCode::Gpc {
            let is_basic = |entry: &&&Entry| {
                !entry.places.is_empty()
                    && entry
                        .places
                        .iter()
                        .all(|place| ["I", "II", "III"].iter().any(|sector| is_within(place, sector)))
            };
            let basic: Vec<&Entry> = all.iter().filter(is_basic).copied().collect();
            totals.push(total(
                "I+II+III",
                "Stationary energy, transportation and waste",
                "The sectors of BASIC, not BASIC itself: waste from outside may be in it, waste treated outside is not",
                &basic,
            ));
        }
        totals.push(total("TOTAL", "All sectors of the account", "", &all));
        totals
    }
}

fn entry_with(entries: &mut Vec<Entry>, is_it: impl Fn(&Entry) -> bool) -> &mut Entry {
    let at = entries.iter().position(is_it).unwrap_or_else(|| {
        entries.push(Entry::default());
        entries.len() - 1
    });
    &mut entries[at]
}

fn sum<'a>(entries: impl Iterator<Item = &'a Entry>) -> Amount {
    let mut amount = Amount::new();
    for (gas, tonnes) in entries.flat_map(|entry| &entry.amount) {
        *amount.entry(gas.clone()).or_default() += tonnes;
    }
    amount
}

impl Entry {
    fn add(&mut self, figure: &Figure, name: &str) {
        match figure.tonnes {
            Some(tonnes) if figure.is_free => *self.amount.entry(figure.gas_code.clone()).or_default() += tonnes,
            // A sum without one of its parts would be a figure that nobody gave.
            Some(_) => self.missing = Some(("C", format!("{name}: confidential"))),
            None if figure.value_status == "Q" => self.missing = Some(("C", format!("{name}: suppressed"))),
            None => {
                let said = format!("{name}: missing in the account (status {})", figure.value_status);
                self.missing.get_or_insert(("NE", said));
            }
        }
        for (list, value) in [
            (&mut self.scopes, figure.scope_code.as_str()),
            (&mut self.sectors, name),
        ] {
            if !list.iter().any(|known| known == value) {
                list.push(value.to_owned());
            }
        }
    }

    fn place(&self) -> String {
        self.places.join("+")
    }

    fn scope(&self) -> String {
        match self.scopes.as_slice() {
            [one] if !one.starts_with('_') => one.clone(),
            _ => String::new(),
        }
    }

    fn say_missing(&self, line: &mut Line) {
        if let Some((key, why)) = &self.missing {
            line.kind = Kind::Key;
            line.amount.clear();
            line.key = (*key).to_owned();
            line.note = why.clone();
        }
    }
}

impl Line {
    fn new(place: &str, kind: Kind) -> Self {
        Self {
            place: place.to_owned(),
            name: String::new(),
            scope: String::new(),
            level: String::new(),
            kind,
            amount: Amount::new(),
            key: String::new(),
            included_in: String::new(),
            certainty: "sure".to_owned(),
            note: String::new(),
        }
    }

    fn key(place: &str, key: &str, included_in: &str, certainty: &str) -> Self {
        Self {
            key: key.to_owned(),
            included_in: included_in.to_owned(),
            certainty: certainty.to_owned(),
            ..Self::new(place, Kind::Key)
        }
    }
}
