//! What makes a BULK answer whole: the combinations that do not come, and totals to compare it with.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io::{self, Read},
    sync::Arc,
};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use arrow_schema::{DataType, Field, Schema};
use klimalade_connect::{Fault, Page, Result, open_page};
use klimalade_format::csv::{self, CsvOptions};

use crate::{
    Error,
    decode::{self, Lookup},
    plan::{Bulk, Detail},
};

/// The request for the totals: as the part's, but each controlled variable has its total code only.
pub(crate) fn with_totals(detail: &Detail, bulk: &Bulk) -> Detail {
    let mut totals = detail.clone();
    totals.bulk = None;
    for variable in &mut totals.variables {
        if let Some(total) = bulk.totals.get(&variable.code) {
            variable.codes = vec![total.code.clone()];
            variable.texts = total.text.clone().map(|text| vec![text]);
        }
    }
    totals
}

/// Compares the sums of the data with the totals. Errors: Source, where they differ or nothing can be compared.
pub(crate) async fn compare(detail: Detail, served: Vec<Page>, controls: Vec<Page>) -> Result<()> {
    tokio::task::spawn_blocking(move || compare_blocking(&detail, &served, &controls))
        .await
        .map_err(|source| Fault::bug("comparing the totals was broken off").because(source))?
}

fn compare_blocking(detail: &Detail, served: &[Page], controls: &[Page]) -> Result<()> {
    let Some(bulk) = &detail.bulk else { return Ok(()) };
    let free: Vec<bool> = detail
        .variables
        .iter()
        .map(|variable| !bulk.totals.contains_key(&variable.code))
        .collect();
    let sums = sums(detail, &free, served)?;
    let totals = sums_of_totals(detail, bulk, &free, controls)?;
    let mut compared = 0_usize;
    for (key, total) in &totals {
        let sum = sums.get(key).copied().unwrap_or(Some(0.0));
        // `..` in a sum or in the total: nothing to compare here.
        let (Some(total), Some(sum)) = (*total, sum) else {
            continue;
        };
        compared += 1;
        let dust = 1e-9 * total.abs().max(1.0);
        if (total - sum).abs() > bulk.tolerance + dust {
            return Err(Error::Control {
                key: key.join(", "),
                expected: total.to_string(),
                found: sum.to_string(),
            }
            .into());
        }
    }
    if compared == 0 {
        return Err(Error::Control {
            key: bulk.totals.keys().cloned().collect::<Vec<_>>().join(", "),
            expected: "at least one total that can be compared".to_owned(),
            found: format!("{} totals, all with confidential or missing parts", totals.len()),
        }
        .into());
    }
    Ok(())
}

type Sums = BTreeMap<Vec<String>, Option<f64>>;

fn sums_of_totals(detail: &Detail, bulk: &Bulk, free: &[bool], pages: &[Page]) -> Result<Sums> {
    sums(&with_totals(detail, bulk), free, pages)
}

/// Sum of INDHOLD by the codes of the free variables; `None` where a part of it is `..`.
fn sums(detail: &Detail, free: &[bool], pages: &[Page]) -> Result<Sums> {
    let mut sums = Sums::new();
    let lookups: Vec<Lookup> = detail.variables.iter().map(Lookup::new).collect();
    for page in pages {
        let header = decode::header(detail, page)?;
        let mut fields: Vec<Field> = lookups
            .iter()
            .map(|lookup| decode::read_as(&lookup.column, &lookup.column, DataType::Utf8, &header))
            .collect();
        fields.push(decode::read_as("INDHOLD", "INDHOLD", DataType::Float64, &header));
        let options = CsvOptions {
            null_marks: vec!["..".to_owned()],
            ..decode::options(detail)
        };
        let schema = Arc::new(Schema::new(fields));
        let reader = csv::reader(open_page(page)?, &schema, &options)?;
        for batch in reader {
            let batch = batch.map_err(|source| Fault::source("a page of BULK cannot be read").because(source))?;
            let values = batch.column(lookups.len()).as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let mut key = Vec::new();
                for (at, lookup) in lookups.iter().enumerate() {
                    let place = lookup.place(batch.column(at).as_string::<i32>(), row)?;
                    if free[at] {
                        key.push(detail.variables[at].codes[place].clone());
                    }
                }
                let sum = sums.entry(key).or_insert(Some(0.0));
                *sum = match (*sum, values.is_valid(row)) {
                    (Some(sum), true) => Some(sum + values.value(row)),
                    _ => None,
                };
            }
        }
    }
    Ok(sums)
}

/// Which combinations of a part came.
#[derive(Debug)]
pub(crate) struct Grid {
    lengths: Vec<usize>,
    seen: Vec<u64>,
}

impl Grid {
    /// Most combinations of one part: a bit each, so 32 MiB.
    pub(crate) const MOST_ROWS: u64 = 1 << 28;

    pub(crate) fn new(detail: &Detail) -> Self {
        let lengths: Vec<usize> = detail.variables.iter().map(|variable| variable.codes.len()).collect();
        let rows: usize = lengths.iter().product();
        Self {
            lengths,
            seen: vec![0; rows.div_ceil(64)],
        }
    }
    /// Marks one; false where it came before.
    pub(crate) fn mark(&mut self, places: &[usize]) -> bool {
        let at = places
            .iter()
            .zip(&self.lengths)
            .fold(0, |at, (place, length)| at * length + place);
        let bit = 1_u64 << (at % 64);
        let fresh = self.seen[at / 64] & bit == 0;
        self.seen[at / 64] |= bit;
        fresh
    }
    fn is_missing(&self, at: usize) -> bool {
        self.seen[at / 64] & (1 << (at % 64)) == 0
    }
    fn places(&self, mut at: usize) -> Vec<usize> {
        let mut places = vec![0; self.lengths.len()];
        for (place, length) in places.iter_mut().zip(&self.lengths).rev() {
            *place = at % length;
            at /= length;
        }
        places
    }
}

/// The combinations that did not come, written as StatBank would have written them in CSV.
pub(crate) struct MissingRows {
    detail: Detail,
    suppressed: String,
    grid: Grid,
    next: usize,
    rows: usize,
    ready: VecDeque<u8>,
}

impl MissingRows {
    pub(crate) fn new(detail: Detail, grid: Grid) -> Self {
        let suppressed = detail
            .bulk
            .as_ref()
            .map(|bulk| bulk.suppressed.clone())
            .unwrap_or_default();
        let rows = grid.lengths.iter().product();
        let mut header: String = detail
            .variables
            .iter()
            .map(|variable| variable.code.to_uppercase() + ";")
            .collect();
        header.push_str("INDHOLD\r\n");
        Self {
            detail,
            suppressed,
            grid,
            next: 0,
            rows,
            ready: header.into_bytes().into(),
        }
    }
}

impl Read for MissingRows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.len() < buffer.len() && self.next < self.rows {
            let at = self.next;
            self.next += 1;
            if !self.grid.is_missing(at) {
                continue;
            }
            for (variable, place) in self.detail.variables.iter().zip(self.grid.places(at)) {
                let name = variable
                    .texts
                    .as_ref()
                    .map_or(&variable.codes[place], |texts| &texts[place]);
                if name.contains([';', '"', '\r', '\n']) {
                    self.ready.extend(format!("\"{}\"", name.replace('"', "\"\"")).bytes());
                } else {
                    self.ready.extend(name.bytes());
                }
                self.ready.push_back(b';');
            }
            self.ready.extend(self.suppressed.bytes());
            self.ready.extend(b"\r\n");
        }
        self.ready.read(buffer)
    }
}

/// True where the page holds the totals: its first row has a total's code. An empty page is data that is all zero.
pub(crate) fn is_control(detail: &Detail, bulk: &Bulk, page: &Page, header: &HashMap<String, String>) -> Result<bool> {
    let Some((variable, total)) = bulk.totals.first_key_value() else {
        return Ok(false);
    };
    let field = decode::read_as("first", &variable.to_uppercase(), DataType::Utf8, header);
    let options = CsvOptions {
        batch_rows: 1,
        ..decode::options(detail)
    };
    let mut reader = csv::reader(open_page(page)?, &Arc::new(Schema::new(vec![field])), &options)?;
    let Some(batch) = reader.next() else { return Ok(false) };
    let batch = batch.map_err(|source| Fault::source("a page of BULK cannot be read").because(source))?;
    if batch.num_rows() == 0 {
        return Ok(false);
    }
    let first = batch.column(0).as_string::<i32>();
    Ok(first.is_valid(0) && first.value(0).trim() == total.name())
}
