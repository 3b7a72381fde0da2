use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray},
    datatypes::{Date32Type, Float64Type},
};
use klimalade_model::{CodeList, Fault, Result};

use crate::contract::{RowContract, RowRules};

/// The checks of single rows against code lists and the indicator's definition.
impl RowContract {
    /// Membership in the code list, each distinct code looked up once per part.
    pub(crate) fn check_codes(
        &mut self,
        column: &str,
        list: &str,
        array: &ArrayRef,
        span: usize,
        mut found_bad: impl FnMut(usize, &'static str, String, String),
    ) {
        let Some(texts) = array.as_string_opt::<i32>() else {
            return;
        };
        let Some(codes) = self.schemas.codes.get(list) else {
            return;
        };
        let slot = self
            .table
            .columns
            .iter()
            .position(|known| known.field.name == column)
            .unwrap_or_default();
        let memo = self.memo.entry(slot).or_default();
        let mut last: Option<(&str, bool)> = None;
        for at in 0..span {
            if texts.is_null(at) {
                continue;
            }
            let text = texts.value(at);
            if last.is_some_and(|(known, good)| known == text && good) {
                continue;
            }
            let verdict = match memo.get(text) {
                Some(verdict) => verdict,
                None => {
                    let verdict = if !codes.contains(text) {
                        Some(("unknown_code", format!("a code of {list}")))
                    } else if codes.get(text, "is_group") == Some("1") {
                        Some(("group_code", "a code that is no group".to_owned()))
                    } else if column == "indicator_code"
                        && !self.rules.indicators.is_empty()
                        && !self.rules.indicators.iter().any(|known| known == text)
                    {
                        Some((
                            "not_declared",
                            format!("[publishes] indicators: {}", self.rules.indicators.join(", ")),
                        ))
                    } else if column == "area_code"
                        && self
                            .rules
                            .areas
                            .as_ref()
                            .is_some_and(|areas| !areas.iter().any(|known| known == text))
                    {
                        Some(("not_declared", "[publishes] areas".to_owned()))
                    } else {
                        None
                    };
                    memo.entry(text.to_owned()).or_insert(verdict)
                }
            };
            if let Some((reason, expected)) = verdict {
                found_bad(at, reason, text.to_owned(), expected.clone());
            }
            last = Some((text, verdict.is_none()));
        }
    }

    /// Geometry that can be read and measured; `found_bad` gets the reason.
    pub(crate) fn check_geometry(&self, array: &ArrayRef, span: usize, mut found_bad: impl FnMut(usize, String)) {
        let Some(shapes) = self.completion.geometries.shapes(array) else {
            return;
        };
        for (at, row) in shapes.iter().take(span).enumerate() {
            if let Some(Err(reason)) = row {
                found_bad(at, reason.clone());
            }
        }
    }

    /// Value, status, unit, range, period and dimensions against the indicator's definition. Column after column: most
    /// columns are one value in all rows, and what holds for one row then holds for all.
    pub(crate) fn check_values(
        &self,
        batch: &RecordBatch,
        rows: usize,
        ranged: bool,
        bad: &mut HashMap<usize, (&'static str, String, String, String)>,
    ) -> Result<()> {
        // Not every table of values has every dimension: `facility_year` has carriers only.
        let held: Vec<(&str, &str)> = DIMENSIONS
            .into_iter()
            .filter(|(_, column)| self.table.column(column).is_some())
            .collect();
        let arrays = ["indicator_code", "unit_code", "value_status"]
            .into_iter()
            .chain(held.iter().map(|(_, column)| *column))
            .map(|column| self.array(column, batch))
            .collect::<Result<Vec<_>>>()?;
        let texts: Vec<Texts<'_>> = arrays.iter().map(|array| Texts::of(array, rows)).collect();
        let [indicators, units, statuses, dimensions @ ..] = texts.as_slice() else {
            return Err(Fault::bug("a table of values without its columns"));
        };
        let defined = Indicators::of(*indicators, rows, self.schemas.code_list("indicators")?, &self.rules);
        let mut refuse = |row: usize, reason: &'static str, column: &str, found: &str, expected: String| {
            bad.entry(row)
                .or_insert_with(|| (reason, column.to_owned(), found.to_owned(), expected));
        };
        for row in units.rows_where(rows, &defined, |unit, of| unit != Some(of.unit.as_str())) {
            if let Some(of) = defined.at(row) {
                refuse(
                    row,
                    "unit",
                    "unit_code",
                    units.at(row).unwrap_or("null"),
                    of.unit.clone(),
                );
            }
        }
        self.check_figures(batch, rows, ranged, &defined, *statuses, &mut refuse)?;
        for ((dimension, column), codes) in held.iter().zip(dimensions) {
            let contradicts =
                |code: Option<&str>, of: &Indicator| code.is_some_and(|code| (code == "_Z") == of.has(dimension));
            for row in codes.rows_where(rows, &defined, contradicts) {
                let expected = if codes.at(row) == Some("_Z") {
                    "a code, or _T where the source does not break down"
                } else {
                    "_Z: the indicator does not have this dimension"
                };
                refuse(
                    row,
                    "dimension",
                    column,
                    codes.at(row).unwrap_or_default(),
                    expected.to_owned(),
                );
            }
        }
        // Categories and details are lists per indicator: which codes go with which stands in `indicator_codes`.
        for (list, column) in [("categories", "category_code"), ("details", "detail_code")] {
            let place = held.iter().position(|(_, name)| *name == column);
            let (Some(list), Some(codes)) = (self.schemas.codes.get(list), place.and_then(|at| dimensions.get(at)))
            else {
                continue;
            };
            let mut fitting: HashMap<(&str, &str), bool> = HashMap::new();
            let misfits = codes.rows_where(rows, &defined, |code, of| {
                let Some(code) = code.filter(|code| !code.starts_with('_')) else {
                    return false;
                };
                !*fitting.entry((of.code, code)).or_insert_with(|| {
                    let known = list.get(code, "indicator_codes");
                    known.is_none_or(|known| known.split(' ').any(|known| known == of.code))
                })
            });
            for row in misfits {
                let of = defined.at(row).map_or("", |of| of.code);
                let expected = format!("a code of {} that goes with {of}", list.name);
                refuse(row, "category", column, codes.at(row).unwrap_or_default(), expected);
            }
        }
        Ok(())
    }

    /// The figure itself: its status, that it is finite and in range; and that its period has a length.
    fn check_figures(
        &self,
        batch: &RecordBatch,
        rows: usize,
        ranged: bool,
        defined: &Indicators<'_>,
        statuses: Texts<'_>,
        refuse: &mut impl FnMut(usize, &'static str, &str, &str, String),
    ) -> Result<()> {
        let values = self.array("value", batch)?;
        let values: &Float64Array = values.as_primitive::<Float64Type>();
        let is_missing = |status: &str| matches!(status, "O" | "L" | "Q" | "M" | "H");
        let constant_status = statuses.constant().map(|status| is_missing(status.unwrap_or_default()));
        for row in 0..rows {
            let Some(of) = defined.at(row) else { continue };
            let at = if values.len() == rows { row } else { 0 };
            let value = values.is_valid(at).then(|| values.value(at));
            let missing = constant_status.unwrap_or_else(|| is_missing(statuses.at(row).unwrap_or_default()));
            let Some(value) = value else {
                if !missing {
                    let found = format!("null with status {}", statuses.at(row).unwrap_or_default());
                    let expected = "a value, or status O, L or Q".to_owned();
                    refuse(row, "null_without_status", "value", &found, expected);
                }
                continue;
            };
            if missing {
                let expected = "a status that goes with a value".to_owned();
                let found = statuses.at(row).unwrap_or_default();
                refuse(row, "value_with_missing_status", "value_status", found, expected);
            } else if !value.is_finite() {
                refuse(
                    row,
                    "not_finite",
                    "value",
                    &format!("{value:?}"),
                    "a finite number".to_owned(),
                );
            } else if ranged && !of.covers(value) {
                let expected = format!("{:?} to {:?}", of.min, of.max);
                refuse(row, "range", "value", &value.to_string(), expected);
            }
        }
        let (Some(start), Some(end)) = (batch.column_by_name("period_start"), batch.column_by_name("period_end"))
        else {
            return Ok(());
        };
        let (start, end) = (start.as_primitive::<Date32Type>(), end.as_primitive::<Date32Type>());
        for row in 0..rows {
            if start.is_valid(row) && end.is_valid(row) && end.value(row) <= start.value(row) {
                let expected = "an exclusive end".to_owned();
                refuse(row, "period", "period_end", "a day not after period_start", expected);
            }
        }
        Ok(())
    }
}

const DIMENSIONS: [(&str, &str); 6] = [
    ("sector", "sector_code"),
    ("carrier", "carrier_code"),
    ("category", "category_code"),
    ("detail", "detail_code"),
    ("gas", "gas_code"),
    ("scope", "scope_code"),
];

/// A column of text: one value for all rows, or one for each.
#[derive(Clone, Copy)]
enum Texts<'a> {
    One(Option<&'a str>),
    Each(&'a StringArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a ArrayRef, rows: usize) -> Self {
        match array.as_string_opt::<i32>() {
            None => Self::One(None),
            Some(texts) if texts.len() == rows => Self::Each(texts),
            Some(texts) => Self::One((!texts.is_empty() && texts.is_valid(0)).then(|| texts.value(0))),
        }
    }
    fn at(self, row: usize) -> Option<&'a str> {
        match self {
            Self::One(text) => text,
            Self::Each(texts) => texts.is_valid(row).then(|| texts.value(row)),
        }
    }
    fn constant(self) -> Option<Option<&'a str>> {
        match self {
            Self::One(text) => Some(text),
            Self::Each(_) => None,
        }
    }
    /// Rows where the text does not go with the row's indicator; the same pair in the row before is not asked again.
    fn rows_where(
        self,
        rows: usize,
        defined: &Indicators<'a>,
        mut is_bad: impl FnMut(Option<&'a str>, &Indicator<'a>) -> bool,
    ) -> Vec<usize> {
        if let (Self::One(text), Some(of)) = (self, defined.one()) {
            let bad = rows > 0 && of.is_some_and(|of| is_bad(text, of));
            return if bad { (0..rows).collect() } else { Vec::new() };
        }
        let mut found = Vec::new();
        let mut last: Option<(Option<&str>, &str, bool)> = None;
        for row in 0..rows {
            let Some(of) = defined.at(row) else { continue };
            let text = self.at(row);
            let bad = match last {
                Some((known, code, bad)) if known == text && code == of.code => bad,
                _ => is_bad(text, of),
            };
            last = Some((text, of.code, bad));
            if bad {
                found.push(row);
            }
        }
        found
    }
}

/// The definitions of a batch's indicators.
struct Indicators<'a> {
    distinct: Vec<Indicator<'a>>,
    /// By row; `None` where every row has the first.
    rows: Option<Vec<Option<usize>>>,
}

impl<'a> Indicators<'a> {
    fn of(codes: Texts<'a>, rows: usize, list: &CodeList, rules: &RowRules) -> Self {
        let mut distinct: Vec<Indicator<'a>> = Vec::new();
        let mut place = |code: &'a str| {
            let known = distinct.iter().position(|known| known.code == code);
            known.unwrap_or_else(|| {
                distinct.push(Indicator::of(list, code, rules));
                distinct.len() - 1
            })
        };
        let rows = match codes {
            Texts::One(code) => {
                code.map(&mut place);
                None
            }
            Texts::Each(_) => Some((0..rows).map(|row| codes.at(row).map(&mut place)).collect()),
        };
        Self { distinct, rows }
    }
    fn at(&self, row: usize) -> Option<&Indicator<'a>> {
        match &self.rows {
            None => self.distinct.first(),
            Some(rows) => rows[row].map(|at| &self.distinct[at]),
        }
    }
    /// The one indicator of all rows, where there is one column for it.
    fn one(&self) -> Option<Option<&Indicator<'a>>> {
        self.rows.is_none().then(|| self.distinct.first())
    }
}

struct Indicator<'a> {
    code: &'a str,
    unit: String,
    min: Option<f64>,
    max: Option<f64>,
    dimensions: Vec<String>,
}

impl<'a> Indicator<'a> {
    fn of(list: &CodeList, code: &'a str, rules: &RowRules) -> Self {
        let number = |column: &str| list.get(code, column).and_then(|text| text.parse::<f64>().ok());
        let declared = rules.ranges.get(code).copied().unwrap_or_default();
        let dimensions = list.get(code, "dimensions").unwrap_or_default();
        Self {
            code,
            unit: list.get(code, "unit_code").unwrap_or_default().to_owned(),
            min: declared.0.or_else(|| number("range_min")),
            max: declared.1.or_else(|| number("range_max")),
            dimensions: dimensions.split(' ').map(str::to_owned).collect(),
        }
    }
    fn has(&self, dimension: &str) -> bool {
        self.dimensions.iter().any(|known| known == dimension)
    }
    fn covers(&self, value: f64) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}
