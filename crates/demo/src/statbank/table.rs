use super::{buildings, economy, environment, people, vehicles, water};
use crate::world::World;

/// A value of a variable: a leaf, or the sum of leaves.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) id: String,
    pub(super) da: String,
    pub(super) en: String,
    /// Places of the leaves that it covers.
    pub(super) leaves: Vec<usize>,
}

/// A variable of a table in the agency's order of values.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) id: &'static str,
    pub(super) da: &'static str,
    pub(super) en: &'static str,
    /// The agency's mark of a known division of the country.
    pub(super) map: Option<&'static str>,
    /// False for one that cannot be left out, such as a variable that says the unit.
    pub(super) is_optional: bool,
    pub(super) values: Vec<Value>,
    /// How many leaves there are.
    pub(super) size: usize,
    /// What a request that leaves the variable out gets: all leaves, whether the table has a code for that or not.
    pub(super) whole: Value,
}

/// One period of a table: its year, and the month or quarter in it (1 where it is a year).
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) year: i16,
    pub(super) within: i8,
}

/// Every leaf of one period, in units of the last decimal; the first variable slowest, the last one fastest.
pub(super) type Figures = fn(&World, &Table, Period) -> Vec<i64>;
/// A figure that is no sum (a share, a mean): from the chosen values and their sum. `None`: the sum is the figure.
pub(super) type Ratio = fn(&World, &Table, &[&Value], Period, i64) -> Option<i64>;

/// One table: texts, variables, periods.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) da: &'static str,
    pub(super) en: &'static str,
    pub(super) unit_da: &'static str,
    pub(super) unit_en: &'static str,
    /// Decimals of a figure.
    pub(super) decimals: u32,
    /// Danish local time without offset, as the agency gives it.
    pub(super) updated: String,
    pub(super) footnote: Option<&'static str>,
    /// All but Tid.
    pub(super) variables: Vec<Variable>,
    /// Codes of Tid, oldest first.
    pub(super) periods: Vec<String>,
    pub(super) figures: Figures,
    pub(super) ratio: Ratio,
    /// True for a cell that the agency shows as `..`. Such a cell counts nowhere, so that sums hold all the same.
    pub(super) is_hidden: fn(&[&Value], Period) -> bool,
}

/// All tables as the agency offers them today.
pub(super) fn tables(world: &World) -> Vec<Table> {
    let mut tables = people::tables(world);
    tables.extend(vehicles::tables(world));
    tables.extend(buildings::tables(world));
    tables.extend(environment::tables(world));
    tables.extend(water::tables(world));
    tables.extend(economy::tables(world));
    tables
}

/// Id, Danish and English text.
pub(super) type Texts = (&'static str, &'static str, &'static str);

pub(super) fn one(id: &str, da: &str, en: &str, leaf: usize) -> Value {
    Value {
        id: id.to_owned(),
        da: da.to_owned(),
        en: en.to_owned(),
        leaves: vec![leaf],
    }
}

/// A leaf for each text, in order.
pub(super) fn leaves(texts: &[Texts]) -> Vec<Value> {
    texts
        .iter()
        .enumerate()
        .map(|(place, (id, da, en))| one(id, da, en, place))
        .collect()
}

/// A variable with a total code before its leaves.
pub(super) fn summed(texts: Texts, total: Texts, values: Vec<Value>) -> Variable {
    let mut variable = listed(texts, values);
    let all = Value {
        leaves: (0..variable.size).collect(),
        ..one(total.0, total.1, total.2, 0)
    };
    variable.values.insert(0, all);
    variable
}

/// A variable without a total code: its sum is had by leaving it out only.
pub(super) fn listed(texts: Texts, values: Vec<Value>) -> Variable {
    let (id, da, en) = texts;
    let size = values
        .iter()
        .flat_map(|value| &value.leaves)
        .max()
        .map_or(1, |leaf| leaf + 1);
    Variable {
        id,
        da,
        en,
        map: None,
        is_optional: true,
        values,
        size,
        whole: Value {
            leaves: (0..size).collect(),
            ..one("", "", "", 0)
        },
    }
}

/// A variable that says in which unit the same thing is told. All its values stand on one leaf: a table that lists
/// kilometres beside percent has every area twice.
pub(super) fn units(texts: Texts, values: &[Texts]) -> Variable {
    let mut variable = listed(texts, values.iter().map(|(id, da, en)| one(id, da, en, 0)).collect());
    variable.is_optional = false;
    variable
}

/// Codes of whole years, from the first that the script's size leaves; two at least.
pub(super) fn years(world: &World, first: i16, last: i16) -> Vec<String> {
    let first = world.script.first_year(first).min(last - 1).max(first);
    (first..=last).map(|year| year.to_string()).collect()
}

/// Calls `cell` with the places on all axes, the last one fastest.
pub(super) fn fill(table: &Table, mut cell: impl FnMut(&[usize]) -> i64) -> Vec<i64> {
    let sizes: Vec<usize> = table.variables.iter().map(|variable| variable.size).collect();
    let count = sizes.iter().product();
    let mut places = vec![0; sizes.len()];
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        cells.push(cell(&places));
        for (place, size) in places.iter_mut().zip(&sizes).rev() {
            *place += 1;
            if *place < *size {
                break;
            }
            *place = 0;
        }
    }
    cells
}

impl Table {
    /// A yearly table of whole figures that are all sums and all shown.
    pub(super) fn new(
        texts: Texts,
        unit: (&'static str, &'static str),
        variables: Vec<Variable>,
        figures: Figures,
    ) -> Self {
        let (id, da, en) = texts;
        Self {
            id,
            da,
            en,
            unit_da: unit.0,
            unit_en: unit.1,
            decimals: 0,
            updated: String::new(),
            footnote: None,
            variables,
            periods: Vec::new(),
            figures,
            ratio: |_, _, _, _, _| None,
            is_hidden: |_, _| false,
        }
    }
    /// A text in the language of the request.
    pub(super) fn title(&self, english: bool) -> &'static str {
        if english { self.en } else { self.da }
    }
    /// Every leaf of one period, in units of the last decimal.
    pub(super) fn leaves(&self, world: &World, period: &str) -> Vec<i64> {
        (self.figures)(world, self, Period::read(period))
    }
    /// One figure, given its sum; `None` for `..`.
    pub(super) fn figure(&self, world: &World, values: &[&Value], period: &str, sum: i64) -> Option<i64> {
        if (self.is_hidden)(values, Period::read(period)) {
            return None;
        }
        Some((self.ratio)(world, self, values, Period::read(period), sum).unwrap_or(sum))
    }
}

impl Period {
    fn read(code: &str) -> Self {
        Self {
            year: code.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default(),
            within: code.get(5..).and_then(|part| part.parse().ok()).unwrap_or(1),
        }
    }
}
