//! `test/expected.csv` beside the rows that came out.

use std::collections::BTreeMap;

use klimalade_model::{Fault, Result, Table, nearest};
use klimalade_run::MappedRows;

use crate::{
    difference::{Cells, Difference},
    output,
};

/// The column of expected.csv, in no table, that says which kind of control a row is; empty in a published row.
const WHAT_CODE: &str = "what_code";

/// What came of a pipeline's recorded answers.
#[derive(Debug, Default)]
pub(crate) struct TestOutcome {
    /// Published rows that came out.
    pub(crate) rows: usize,
    /// Controls that came out and were compared.
    pub(crate) controls: usize,
    /// Controls that came out and that expected.csv, for want of a column what_code, says nothing of.
    pub(crate) not_compared: usize,
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
    mapped: &MappedRows,
    complete: bool,
) -> Result<TestOutcome> {
    let place = format!("pipelines/{pipeline}/test/expected.csv");
    let wrong = |error: csv::Error| {
        Fault::settings("expected.csv cannot be read")
            .at(place.clone())
            .found(error.to_string())
    };
    let mut reader = csv::Reader::from_reader(expected.unwrap_or_default().as_bytes());
    let written: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    let mut header = written.clone();
    if expected.is_none() {
        // The first time: every column of which a row says something, in the table's order.
        let said = |name: &str| {
            mapped
                .rows
                .iter()
                .chain(&mapped.controls)
                .any(|row| row.contains_key(name))
        };
        let names = table.columns.iter().map(|column| column.field.name.clone());
        header = names.filter(|name| said(name)).collect();
    }
    let is_own = |name: &str| name == WHAT_CODE;
    if let Some(name) = header.iter().find(|name| table.column(name).is_none() && !is_own(name)) {
        let names = table.columns.iter().map(|column| column.field.name.as_str());
        return Err(Fault::settings("expected.csv has a column that the table has not")
            .at(format!("{place}:1"))
            .found(name.clone())
            .hint(match nearest(name, names) {
                Some(name) => format!("did you mean {name}"),
                None => format!("klimalade schema {}", table.name),
            }));
    }
    let has = |header: &[String], name: &str| header.iter().any(|known| known == name);
    if !mapped.controls.is_empty() && !has(&header, WHAT_CODE) && (complete || expected.is_none()) {
        header.push(WHAT_CODE.to_owned());
    }
    let compares_controls = has(&header, WHAT_CODE);
    let mut wanted: Vec<Cells> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        let cell = |name: &String| {
            let at = written.iter().position(|known| known == name);
            normal(at.and_then(|at| row.get(at)).unwrap_or_default())
        };
        wanted.push(header.iter().map(cell).collect());
    }
    let mut rows: Vec<&BTreeMap<String, String>> = mapped.rows.iter().collect();
    if compares_controls {
        rows.extend(&mapped.controls);
    }
    // Published rows first, in the order of the table's key.
    let order: Vec<&str> = [WHAT_CODE]
        .into_iter()
        .chain(table.unique_key.iter().map(String::as_str))
        .collect();
    rows.sort_by_key(|row| -> Vec<&str> {
        let cells = order.iter().map(|name| row.get(*name).map_or("", String::as_str));
        cells.collect()
    });
    let found: Vec<Cells> = rows
        .iter()
        .map(|row| {
            let cells = header.iter().map(|name| row.get(name).map(|cell| normal(cell)));
            cells.map(Option::unwrap_or_default).collect()
        })
        .collect();
    let key: Vec<String> = table.unique_key.iter().cloned().chain([WHAT_CODE.to_owned()]).collect();
    let controls = mapped.controls.len();
    Ok(TestOutcome {
        rows: mapped.rows.len(),
        controls: if compares_controls { controls } else { 0 },
        not_compared: if compares_controls { 0 } else { controls },
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
