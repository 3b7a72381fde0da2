use serde_json::{Map, Value as Json, json};

use super::{
    select::Selection,
    table::{Table, Value},
};
use crate::{
    answer::{Content, Twist},
    world::World,
};

/// How codes and texts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presentation {
    Text,
    Code,
    CodeAndText,
    TextAndCode,
}

/// How the rows of a CSV or BULK answer are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) english: bool,
    pub(super) presentation: Presentation,
    pub(super) delimiter: char,
    pub(super) descending: bool,
    pub(super) twist: Twist,
}

impl Style {
    fn show(&self, id: &str, text: &str) -> String {
        match self.presentation {
            Presentation::Code => id.to_owned(),
            Presentation::Text => text.to_owned(),
            Presentation::CodeAndText => format!("{id} {text}"),
            Presentation::TextAndCode => format!("{text} {id}"),
        }
    }
    fn value(&self, value: &Value) -> String {
        self.show(&value.id, if self.english { &value.en } else { &value.da })
    }
    fn period(&self, code: &str) -> String {
        self.show(code, &period_text(code, self.english))
    }
}

/// `2008K1` is written 2008Q1 in English; as a code it stays 2008K1.
pub(super) fn period_text(code: &str, english: bool) -> String {
    if english {
        code.replace('K', "Q")
    } else {
        code.to_owned()
    }
}

/// A figure in units of its last decimal, as the agency writes it: decimal comma in Danish, point in English.
fn figure(value: i64, decimals: u32, english: bool) -> String {
    if decimals == 0 {
        return value.to_string();
    }
    let unit = 10i64.pow(decimals);
    let mark = if english { '.' } else { ',' };
    let sign = if value < 0 { "-" } else { "" };
    let value = value.abs();
    format!(
        "{sign}{}{mark}{:0width$}",
        value / unit,
        value % unit,
        width = decimals as usize
    )
}

/// Sums of one period for every combination of the axes, the last axis fastest.
fn cube(world: &World, table: &Table, axes: &[Vec<&Value>], period: &str) -> Vec<i64> {
    let mut cells = table.leaves(world, period);
    for (place, axis) in axes.iter().enumerate() {
        let outer: usize = axes[..place].iter().map(Vec::len).product();
        let size = table.variables[place].size;
        let inner: usize = table.variables[place + 1..]
            .iter()
            .map(|variable| variable.size)
            .product();
        let mut folded = vec![0i64; outer * axis.len() * inner];
        for block in 0..outer {
            for (at, value) in axis.iter().enumerate() {
                let target = (block * axis.len() + at) * inner;
                for leaf in &value.leaves {
                    let source = (block * size + leaf) * inner;
                    let from = &cells[source..source + inner];
                    for (sum, cell) in folded[target..target + inner].iter_mut().zip(from) {
                        *sum += cell;
                    }
                }
            }
        }
        cells = folded;
    }
    cells
}

/// Walks the combinations of the axes in the order of the request, the last named variable fastest.
struct Walk {
    /// Place of the axis in the table, and its length, in the order of the request.
    order: Vec<(usize, usize)>,
    lengths: Vec<usize>,
}

impl Walk {
    fn new(selection: &Selection, axes: &[Vec<&Value>]) -> Self {
        let order = selection
            .variables
            .iter()
            .map(|(place, values)| (*place, values.len()))
            .collect();
        Self {
            order,
            lengths: axes.iter().map(Vec::len).collect(),
        }
    }
    fn len(&self) -> usize {
        self.order.iter().map(|(_, length)| length).product()
    }
    /// Places on all axes of the `row`-th combination.
    fn places(&self, mut row: usize) -> Vec<usize> {
        let mut places = vec![0; self.lengths.len()];
        for (axis, length) in self.order.iter().rev() {
            places[*axis] = row % length;
            row /= length;
        }
        places
    }
    /// Place of a combination in a cube.
    fn at(&self, places: &[usize]) -> usize {
        places
            .iter()
            .zip(&self.lengths)
            .fold(0, |at, (place, length)| at * length + place)
    }
}

fn header(table: &Table, selection: &Selection, style: &Style) -> String {
    let mut names: Vec<&str> = selection
        .variables
        .iter()
        .map(|(place, _)| table.variables[*place].id)
        .collect();
    names.extend(["TID", "INDHOLD"]);
    let delimiter = style.delimiter.to_string();
    format!("{}\r\n", names.join(&delimiter))
}

/// One row of text without its periods: the shown values of the chosen variables.
fn stub(walk: &Walk, axes: &[Vec<&Value>], places: &[usize], style: &Style) -> String {
    let mut text = String::new();
    for (axis, _) in &walk.order {
        text.push_str(&style.value(axes[*axis][places[*axis]]));
        text.push(style.delimiter);
    }
    text
}

/// What stands in a cell: `None` for `..`.
fn shown(world: &World, table: &Table, axes: &[Vec<&Value>], places: &[usize], period: &str, sum: i64) -> Option<i64> {
    let values: Vec<&Value> = axes.iter().zip(places).map(|(axis, place)| axis[*place]).collect();
    table.figure(world, &values, period, sum)
}

/// A cell as text.
fn cell(value: Option<i64>, table: &Table, style: &Style) -> String {
    value.map_or_else(|| "..".to_owned(), |value| figure(value, table.decimals, style.english))
}

/// CSV: with BOM, exactly the product of the chosen values, zeros included, Tid fastest.
pub(super) fn csv(world: &World, table: &Table, selection: &Selection, style: Style) -> Content {
    let axes = selection.axes(table);
    let walk = Walk::new(selection, &axes);
    let mut periods: Vec<&str> = selection
        .periods
        .iter()
        .map(|place| table.periods[*place].as_str())
        .collect();
    if style.descending {
        periods.reverse();
    }
    let cubes: Vec<Vec<i64>> = periods.iter().map(|period| cube(world, table, &axes, period)).collect();
    let mut rows = Vec::new();
    for row in 0..walk.len() {
        let places = walk.places(row);
        let (stub, at) = (stub(&walk, &axes, &places, &style), walk.at(&places));
        for (period, cube) in periods.iter().zip(&cubes) {
            let value = shown(world, table, &axes, &places, period, cube[at]);
            let value = cell(value, table, &style);
            rows.push(format!("{stub}{}{}{value}\r\n", style.period(period), style.delimiter));
        }
    }
    if style.twist == Twist::PageShort {
        rows.pop();
    }
    let first = format!("\u{feff}{}", header(table, selection, &style)).into_bytes();
    let pieces: Vec<Vec<u8>> = rows.chunks(2_000).map(|chunk| chunk.concat().into_bytes()).collect();
    Content::Pieces(Box::new(std::iter::once(first).chain(pieces)))
}

/// BULK: no BOM, zeros left out, no count and no end mark, in storage order, period by period while it is sent.
pub(super) fn bulk(world: &World, table: &Table, selection: &Selection, style: Style) -> Content {
    let axes = selection.axes(table);
    let walk = Walk::new(selection, &axes);
    let periods: Vec<&str> = selection
        .periods
        .iter()
        .map(|place| table.periods[*place].as_str())
        .collect();
    let mut pieces = vec![header(table, selection, &style)];
    for period in &periods {
        let cube = cube(world, table, &axes, period);
        let code = style.period(period);
        let mut rows = Vec::new();
        for row in 0..walk.len() {
            let places = walk.places(row);
            let sum = cube[walk.at(&places)];
            let value = shown(world, table, &axes, &places, period, sum);
            if value == Some(0) {
                continue;
            }
            let value = cell(value, table, &style);
            let stub = stub(&walk, &axes, &places, &style);
            rows.push(format!("{stub}{code}{}{value}\r\n", style.delimiter));
        }
        if style.twist == Twist::PageShort && Some(period) == periods.last() {
            rows.pop();
        }
        pieces.push(rows.concat());
    }
    Content::Pieces(Box::new(pieces.into_iter().map(String::into_bytes)))
}

/// JSON-stat 1.x bundle with the agency's own turns: a dimension ContentsCode that nobody asked for, `updated` in
/// UTC, null and a sparse `status` for `..`, figures with a point whatever the language.
pub(super) fn jsonstat(world: &World, table: &Table, selection: &Selection, style: Style, updated: &str) -> Json {
    let axes = selection.axes(table);
    let walk = Walk::new(selection, &axes);
    let periods: Vec<&str> = selection
        .periods
        .iter()
        .map(|place| table.periods[*place].as_str())
        .collect();
    let cubes: Vec<Vec<i64>> = periods.iter().map(|period| cube(world, table, &axes, period)).collect();
    let (mut values, mut status) = (Vec::new(), Map::new());
    for row in 0..walk.len() {
        let places = walk.places(row);
        let at = walk.at(&places);
        for (period, cube) in periods.iter().zip(&cubes) {
            let Some(value) = shown(world, table, &axes, &places, period, cube[at]) else {
                status.insert(values.len().to_string(), json!(".."));
                values.push(Json::Null);
                continue;
            };
            values.push(match table.decimals {
                0 => json!(value),
                decimals => json!(value as f64 / 10f64.powi(decimals as i32)),
            });
        }
    }
    if style.twist == Twist::PageShort {
        values.pop();
    }
    let mut dimension = Map::new();
    let (mut ids, mut sizes, mut geo) = (Vec::new(), Vec::new(), Vec::new());
    for (place, chosen) in &selection.variables {
        let variable = &table.variables[*place];
        let shown = chosen.iter().map(|value| &variable.values[*value]);
        let category = category(shown.map(|value| {
            (
                value.id.clone(),
                if style.english { &value.en } else { &value.da }.clone(),
            )
        }));
        let label = if style.english { variable.en } else { variable.da };
        dimension.insert(variable.id.to_owned(), json!({"label": label, "category": category}));
        ids.push(variable.id.to_owned());
        sizes.push(chosen.len());
        if variable.map.is_some() {
            geo.push(variable.id);
        }
    }
    let unit = if style.english { table.unit_en } else { table.unit_da };
    dimension.insert(
        "ContentsCode".to_owned(),
        json!({"label": "Indhold", "category": {"index": {table.id: 0}, "label": {table.id: table.title(style.english)},
            "unit": {table.id: {"base": unit, "decimals": table.decimals}}}}),
    );
    let times = category(
        periods
            .iter()
            .map(|code| ((*code).to_owned(), period_text(code, style.english))),
    );
    dimension.insert(
        "Tid".to_owned(),
        json!({"label": if style.english { "time" } else { "tid" }, "category": times}),
    );
    ids.extend(["ContentsCode".to_owned(), "Tid".to_owned()]);
    sizes.extend([1, periods.len()]);
    dimension.insert("id".to_owned(), json!(ids));
    dimension.insert("size".to_owned(), json!(sizes));
    let mut role = json!({"metric": ["ContentsCode"], "time": ["Tid"]});
    if !geo.is_empty() {
        role["geo"] = json!(geo);
    }
    dimension.insert("role".to_owned(), role);
    let mut dataset = json!({
        "dimension": dimension,
        "label": table.title(style.english),
        "source": "Simulated Statistics Denmark",
        "updated": updated,
        "value": values,
        "extension": {"px": {"infofile": "", "tableid": table.id, "decimals": table.decimals}},
    });
    if !status.is_empty() {
        dataset["status"] = Json::Object(status);
    }
    json!({"dataset": dataset})
}

fn category(values: impl Iterator<Item = (String, String)>) -> Json {
    let (mut index, mut label) = (Map::new(), Map::new());
    for (place, (id, text)) in values.enumerate() {
        index.insert(id.clone(), json!(place));
        label.insert(id, json!(text));
    }
    json!({"index": index, "label": label})
}
