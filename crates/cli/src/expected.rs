//! `test/expected.csv` beside the rows that came out.

use std::collections::BTreeMap;

use klimalade_model::{Fault, Result, Table, nearest};
use klimalade_run::MappedRows;

use crate::{
    difference::{Cells, Difference},
    output,
};

/// The column of expected.csv that says which kind of control a row is; empty in a published row.
const WHAT_CODE: &str = "what_code";
/// The column of expected.csv that says whose row it is, where several instances are tested.
const INSTANCE: &str = "instance";

/// What came out of the recorded answers of one owner.
pub(crate) struct Tested {
    /// Its instance; empty where the pipeline has none.
    pub(crate) instance: String,
    pub(crate) mapped: MappedRows,
}

impl Tested {
    fn rows<'a>(&'a self, rows: &'a [BTreeMap<String, String>]) -> impl Iterator<Item = Row<'a>> {
        rows.iter().map(|cells| Row {
            instance: &self.instance,
            cells,
        })
    }
}

/// A row that came out.
#[derive(Clone, Copy)]
struct Row<'a> {
    instance: &'a str,
    cells: &'a BTreeMap<String, String>,
}

impl Row<'_> {
    fn cell(&self, name: &str) -> &str {
        match name {
            INSTANCE => self.instance,
            name => self.cells.get(name).map_or("", String::as_str),
        }
    }
}

/// What came of a pipeline's recorded answers.
#[derive(Debug, Default)]
pub(crate) struct TestOutcome {
    /// Published rows that came out.
    pub(crate) rows: usize,
    /// Controls that came out and were compared.
    pub(crate) controls: usize,
    /// Controls that came out and that expected.csv, for want of a column what_code, says nothing of.
    pub(crate) not_compared: usize,
    /// Folders in which answers of further instances would stand, had somebody recorded them.
    pub(crate) untested: Vec<String>,
    /// What came out beside what was expected.
    pub(crate) difference: Difference,
    /// There is an expected.csv.
    pub(crate) is_written: bool,
    /// expected.csv as it would have to be.
    pub(crate) accepted: String,
}

impl TestOutcome {
    /// `495 rows, 30 controls`.
    pub(crate) fn counts(&self) -> String {
        let rows = output::count(self.rows, "row");
        match self.controls {
            0 => rows,
            controls => format!("{rows}, {}", output::count(controls, "control")),
        }
    }
}

/// Compares what came out with expected.csv, under its header: columns that it leaves out are not looked at. `complete`:
/// controls are looked at in any case. Errors: Settings, where expected.csv cannot be read.
pub(crate) fn compare(
    table: &Table,
    pipeline: &str,
    expected: Option<&str>,
    tested: &[Tested],
    complete: bool,
) -> Result<TestOutcome> {
    let place = format!("pipelines/{pipeline}/test/expected.csv");
    let wrong = |error: csv::Error| {
        Fault::settings("expected.csv cannot be read")
            .at(place.clone())
            .found(error.to_string())
    };
    let published: Vec<Row> = tested.iter().flat_map(|owner| owner.rows(&owner.mapped.rows)).collect();
    let controls: Vec<Row> = tested
        .iter()
        .flat_map(|owner| owner.rows(&owner.mapped.controls))
        .collect();
    let mut reader = csv::Reader::from_reader(expected.unwrap_or_default().as_bytes());
    let written: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut header = written.clone();
    if expected.is_none() {
        // The first time: every column of which a row says something, in the table's order.
        let said = |name: &str| {
            published
                .iter()
                .chain(&controls)
                .any(|row| row.cells.contains_key(name))
        };
        let names = table.columns.iter().map(|column| column.field.name.clone());
        header = names.filter(|name| said(name)).collect();
    }
    let is_known = |name: &str| [INSTANCE, WHAT_CODE].contains(&name) || table.column(name).is_some();
    if let Some(name) = header.iter().find(|name| !is_known(name)) {
        let names = table.columns.iter().map(|column| column.field.name.as_str());
        return Err(Fault::settings("expected.csv has a column that the table has not")
            .at(format!("{place}:1"))
            .found(name.clone())
            .hint(match nearest(name, names) {
                Some(name) => format!("did you mean {name}"),
                None => format!("klimalade schema {}", table.name),
            }));
    }
    let lacks = |header: &[String], name: &str| !header.iter().any(|known| known == name);
    if tested.len() > 1 && lacks(&header, INSTANCE) {
        header.insert(0, INSTANCE.to_owned());
    }
    if !controls.is_empty() && lacks(&header, WHAT_CODE) && (complete || expected.is_none()) {
        header.push(WHAT_CODE.to_owned());
    }
    // Rows that name no instance were written when the first alone was tested.
    let first = tested.first().map_or("", |owner| owner.instance.as_str());
    let mut wanted: Vec<Cells> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let cell = |name: &String| match written.iter().position(|known| known == name) {
            Some(at) => normal(row.get(at).unwrap_or_default()),
            None if name == INSTANCE => first.to_owned(),
            None => String::new(),
        };
        wanted.push(header.iter().map(cell).collect());
    }
    let mut rows = published.clone();
    let compares_controls = !lacks(&header, WHAT_CODE);
    if compares_controls {
        rows.extend(&controls);
    }
    // Instance by instance as pipeline.toml has them, published rows first, each in the order of the table's key.
    rows.sort_by_cached_key(|row| {
        let at = tested.iter().position(|owner| owner.instance == row.instance);
        let key = table.unique_key.iter().map(|name| row.cell(name).to_owned());
        (at, row.cell(WHAT_CODE).to_owned(), key.collect::<Vec<_>>())
    });
    let found: Vec<Cells> = rows
        .iter()
        .map(|row| header.iter().map(|name| normal(row.cell(name))).collect())
        .collect();
    let mut key = vec![INSTANCE.to_owned()];
    key.extend(table.unique_key.iter().cloned());
    key.push(WHAT_CODE.to_owned());
    Ok(TestOutcome {
        rows: published.len(),
        controls: if compares_controls { controls.len() } else { 0 },
        not_compared: if compares_controls { 0 } else { controls.len() },
        untested: Vec::new(),
        is_written: expected.is_some(),
        difference: Difference::of(&header, &key, &wanted, &found),
        accepted: as_csv(&header, &found)?,
    })
}

fn as_csv(header: &[String], rows: &[Cells]) -> Result<String> {
    let unwritable = |error: String| Fault::bug("expected rows are no CSV").found(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        writer
            .write_record(row)
            .map_err(|error| unwritable(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// One spelling of a number: `547.50` and `547.5` are one.
fn normal(cell: &str) -> String {
    let plain = cell.trim_end_matches(".0");
    match plain.parse::<f64>() {
        Ok(number) if plain.contains('.') && number.is_finite() => format!("{number}"),
        _ => plain.to_owned(),
    }
}
