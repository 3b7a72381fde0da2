use super::table::{Table, Value};

/// The values chosen of each variable, in the order of the request.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// Place of the variable in the table, and the places of its values.
    pub(super) variables: Vec<(usize, Vec<usize>)>,
    /// Places in [`Table::periods`], oldest first.
    pub(super) periods: Vec<usize>,
    /// True when Tid was named.
    pub(super) has_time: bool,
}

/// Why a selection is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such variable.
    Variable(String),
    /// No such value of that variable.
    Value(String, String),
    /// A streaming format wants values for this variable.
    Missing(String),
}

/// What a request chooses: variable and value patterns.
pub(super) type Wanted = Vec<(String, Vec<String>)>;

/// Reads a selection as the agency does: ids without regard to case, `*` anywhere, `>=a<=b` as one string, nth
/// rules in brackets; two strings are joined. No Tid gives the newest period only, in formats that do not stream.
pub(super) fn select(table: &Table, wanted: &Wanted, streaming: bool) -> Result<Selection, Refusal> {
    let mut selection = Selection {
        variables: Vec::new(),
        periods: Vec::new(),
        has_time: false,
    };
    for (id, patterns) in wanted {
        if same(id, "Tid") {
            selection.has_time = true;
            selection.periods = places(&table.periods, "TID", patterns)?;
            selection.periods.sort_unstable();
            if streaming && selection.periods.is_empty() {
                return Err(Refusal::Missing("Tid".to_owned()));
            }
            continue;
        }
        let place = table.variables.iter().position(|variable| same(variable.id, id));
        let place = place.ok_or_else(|| Refusal::Variable(id.to_uppercase()))?;
        let variable = &table.variables[place];
        let ids: Vec<String> = variable.values.iter().map(|value| value.id.clone()).collect();
        let mut chosen = places(&ids, variable.id, patterns)?;
        if chosen.is_empty() {
            if streaming {
                return Err(Refusal::Missing(variable.id.to_owned()));
            }
            continue; // `values: []` means the same as leaving it out
        }
        if streaming {
            // Storage order is sorted as text: 1, 10, 11, ..., 19, 2.
            chosen.sort_by(|a, b| ids[*a].cmp(&ids[*b]));
        }
        selection.variables.push((place, chosen));
    }
    if streaming {
        let named = |place: usize| selection.variables.iter().any(|(other, _)| *other == place);
        if let Some(place) = (0..table.variables.len()).find(|place| !named(*place)) {
            return Err(Refusal::Missing(table.variables[place].id.to_owned()));
        }
        if !selection.has_time {
            return Err(Refusal::Missing("Tid".to_owned()));
        }
    }
    let left_out = |place: &usize| selection.variables.iter().all(|(other, _)| other != place);
    let mut asked = (0..table.variables.len()).filter(left_out);
    if let Some(place) = asked.find(|place| !table.variables[*place].is_optional) {
        return Err(Refusal::Missing(table.variables[place].id.to_owned()));
    }
    if selection.periods.is_empty() {
        selection.periods = table.periods.len().checked_sub(1).into_iter().collect();
    }
    Ok(selection)
}

impl Selection {
    /// Rows that formats which do not stream give: exactly the product.
    pub(super) fn rows(&self) -> u64 {
        self.variables
            .iter()
            .map(|(_, values)| values.len() as u64)
            .product::<u64>()
            * self.periods.len() as u64
    }
    /// Cells of the limit: rows x columns, where columns are the chosen variables, Tid and INDHOLD.
    pub(super) fn cells(&self) -> u64 {
        self.rows().saturating_mul(self.variables.len() as u64 + 2)
    }
    /// For every variable of the table the values to sum up to: the chosen ones, or the whole of one left out.
    pub(super) fn axes<'a>(&self, table: &'a Table) -> Vec<Vec<&'a Value>> {
        let axis = |place: usize| match self.variables.iter().find(|(other, _)| *other == place) {
            Some((_, values)) => values
                .iter()
                .map(|value| &table.variables[place].values[*value])
                .collect(),
            None => vec![&table.variables[place].whole],
        };
        (0..table.variables.len()).map(axis).collect()
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Places of all values that the patterns name, each once, in the order of the patterns.
fn places(ids: &[String], variable: &str, patterns: &[String]) -> Result<Vec<usize>, Refusal> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut taken = vec![false; ids.len()];
    for pattern in patterns {
        let found = matching(ids, pattern.trim());
        if found.is_empty() {
            return Err(Refusal::Value(pattern.clone(), variable.to_owned()));
        }
        for place in found {
            if !std::mem::replace(&mut taken[place], true) {
                chosen.push(place);
            }
        }
    }
    Ok(chosen)
}

fn matching(ids: &[String], pattern: &str) -> Vec<usize> {
    let upper = pattern.to_uppercase();
    if let Some(found) = nth(ids.len(), &upper) {
        return found;
    }
    if upper.starts_with(['>', '<']) {
        return bounded(ids, &upper);
    }
    let hits = |id: &String| {
        if upper.contains('*') {
            wild(&id.to_uppercase(), &upper)
        } else {
            same(id, pattern)
        }
    };
    ids.iter()
        .enumerate()
        .filter(|(_, id)| hits(id))
        .map(|(place, _)| place)
        .collect()
}

/// `(1)` is the newest, `-(1)` the oldest, `(-n+5)` the newest five.
fn nth(length: usize, pattern: &str) -> Option<Vec<usize>> {
    let (oldest, inner) = match pattern.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let inner = inner.strip_prefix('(')?.strip_suffix(')')?;
    let places: Vec<usize> = match inner.strip_prefix("-N+") {
        Some(count) => (1..=count.parse::<usize>().ok()?.min(length)).collect(),
        None => vec![inner.parse().ok()?],
    };
    let place = |nth: usize| match oldest {
        true => nth.checked_sub(1),
        false => length.checked_sub(nth),
    };
    Some(
        places
            .into_iter()
            .filter_map(place)
            .filter(|place| *place < length)
            .collect(),
    )
}

/// `>=a<=b`, `>a`, `<=b`: compared as texts, as the codes of one variable have one shape.
fn bounded(ids: &[String], pattern: &str) -> Vec<usize> {
    let mut bounds: Vec<(bool, bool, &str)> = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let tail = &rest[first.len_utf8()..];
        let (inclusive, tail) = tail.strip_prefix('=').map_or((false, tail), |tail| (true, tail));
        let end = tail.find(['>', '<']).unwrap_or(tail.len());
        bounds.push((first == '>', inclusive, tail[..end].trim()));
        rest = &tail[end..];
    }
    let holds = |id: &str, (above, inclusive, bound): &(bool, bool, &str)| match (above, inclusive) {
        (true, true) => id >= *bound,
        (true, false) => id > *bound,
        (false, true) => id <= *bound,
        (false, false) => id < *bound,
    };
    let within = |id: &String| bounds.iter().all(|bound| holds(&id.to_uppercase(), bound));
    ids.iter()
        .enumerate()
        .filter(|(_, id)| within(id))
        .map(|(place, _)| place)
        .collect()
}

/// `*` stands for any run of characters, anywhere.
fn wild(text: &str, pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
        return false;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in &parts[1..parts.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
