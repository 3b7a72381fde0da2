use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray},
    compute::filter_record_batch,
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type},
    util::display::array_value_to_string,
};
use datafusion::common::ScalarValue;
use klimalade_model::{Fault, FieldType, Result, Schemas, Table};

use crate::{complete::Completion, error::arrow_fault, mapping::Shape};

/// What the pipeline declared besides the table's own rules.
#[derive(Clone, Debug, Default)]
pub struct RowRules {
    /// Indicators that may be published; empty for tables without.
    pub indicators: Vec<String>,
    /// Areas that may be published; `None` is all.
    pub areas: Option<Vec<String>>,
    /// Ranges by indicator, besides the code list's.
    pub ranges: HashMap<String, (Option<f64>, Option<f64>)>,
    /// map.sql groups and gives `raw_rows`.
    pub aggregate: bool,
    /// What the ids of projects, facilities and planning areas begin with; empty is not checked.
    pub source_id: String,
    /// Rejects that an owner may still keep, over all its parts.
    pub reject_room: RejectRoom,
}

/// Rejected rows that are kept with their text, over all parts of one owner; all are counted.
#[derive(Clone, Debug)]
pub struct RejectRoom(Arc<AtomicUsize>);

impl Default for RejectRoom {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(KEPT_REJECTS)))
    }
}

impl RejectRoom {
    /// Takes one place; false when there is none.
    fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// A row that broke the contract.
#[derive(Clone, Debug)]
pub struct Reject {
    /// Number of the row among all that map.sql gave for the part, whatever their fate, from 1.
    pub row_number: u64,
    /// `null`, `unknown_code`, `range`, ...
    pub reason_code: &'static str,
    /// Column.
    pub column: String,
    /// What stood there.
    pub found: String,
    /// What should have.
    pub expected: String,
    /// The row as JSON.
    pub row: String,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Rows to publish: the table's varying columns.
    pub publish: Option<RecordBatch>,
    /// The agency's own totals: the same columns and `what_code`.
    pub control: Option<RecordBatch>,
}

/// By row of a batch: reason, column, found, expected.
pub(crate) type BadRows = HashMap<usize, (&'static str, String, String, String)>;

/// Where the rows of a batch stood among all rows of the part.
#[derive(Clone, Copy)]
struct Places<'a> {
    /// Rows before the batch that map.sql gave.
    first_row: u64,
    /// Which of that batch's rows these are; `None` is all.
    taken: Option<&'a [bool]>,
}

impl Places<'_> {
    /// Numbers of the rows, from 1.
    fn numbers(&self, rows: usize) -> Vec<u64> {
        match self.taken {
            None => (0..rows).map(|row| self.first_row + row as u64 + 1).collect(),
            Some(taken) => (1..)
                .zip(taken)
                .filter(|(_, taken)| **taken)
                .map(|(at, _): (u64, _)| self.first_row + at)
                .collect(),
        }
    }
}

/// By code: why it is refused and what was expected, or that it is good.
pub(crate) type Verdicts = HashMap<String, Option<(&'static str, String)>>;

/// The row contract of one part: completes, tells fates apart, checks, counts.
#[derive(Debug)]
pub struct RowContract {
    pub(crate) completion: Completion,
    pub(crate) table: Table,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) rules: RowRules,
    pub(crate) fate: FateSource,
    pub(crate) what_code: Option<FateSource>,
    pub(crate) raw_rows: Option<usize>,
    pub(crate) memo: HashMap<usize, Verdicts>,
    /// Rows that map.sql gave.
    pub mapped: u64,
    /// Rows to publish.
    pub published: u64,
    /// Controls.
    pub control: u64,
    /// Skipped rows by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rejected rows.
    pub rejected: u64,
    /// Sum of `raw_rows`.
    pub raw_row_sum: u64,
    /// The first rejected rows; the very first always, the others while the owner has [`RejectRoom`].
    pub rejects: Vec<Reject>,
}

const KEPT_REJECTS: usize = 10_000;

/// Tables whose ids begin with the source_id, and the id.
const IDS: [(&str, &str); 3] = [
    ("project", "project_id"),
    ("facility", "facility_id"),
    ("plan_area", "feature_id"),
];

#[derive(Clone, Debug)]
pub(crate) enum FateSource {
    Column(usize),
    Constant(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Publish,
    Control,
    Skip(String),
}

fn fate_of(text: Option<&str>) -> Result<Fate> {
    match text {
        Some("publish") => Ok(Fate::Publish),
        Some("control") => Ok(Fate::Control),
        Some(other) if other.len() > 5 && other.starts_with("skip:") => Ok(Fate::Skip(other[5..].to_owned())),
        other => Err(Fault::contract("map.sql gave a row no fate")
            .at("map.sql: fate")
            .expected("publish, control or skip:<reason>")
            .found(other.unwrap_or("null").to_owned())
            .hint("end the CASE with ELSE 'skip:<reason>', so that no row is left without a fate")),
    }
}

impl RowContract {
    /// Fits map.sql's columns to the table. `fate_given` is false for views: every row is published. Errors:
    /// Settings; the first of [`RowContract::plan_all`].
    pub fn plan(
        table: &Table,
        shape: &Shape,
        schemas: &Arc<Schemas>,
        rules: RowRules,
        fate_given: bool,
    ) -> Result<Self> {
        Self::plan_all(table, shape, schemas, rules, fate_given).map_err(|faults| {
            let first = faults.into_iter().next();
            first.unwrap_or_else(|| Fault::bug("map.sql does not fit and nobody says why"))
        })
    }
    /// The same with everything that does not fit. Errors: Settings.
    pub fn plan_all(
        table: &Table,
        shape: &Shape,
        schemas: &Arc<Schemas>,
        rules: RowRules,
        fate_given: bool,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let find = |name: &str| -> Option<FateSource> {
            match shape.constants.get(name) {
                Some(ScalarValue::Utf8(Some(text))) => Some(FateSource::Constant(text.clone())),
                Some(_) => None,
                None => shape.varying.index_of(name).ok().map(FateSource::Column),
            }
        };
        let fate = match find("fate") {
            Some(fate) => fate,
            None if !fate_given => FateSource::Constant("publish".to_owned()),
            None => {
                faults.push(
                    Fault::settings("map.sql gives no fate")
                        .at("map.sql")
                        .expected("a column fate: 'publish', 'control' or 'skip:<reason>' for every row")
                        .hint("add: 'publish' AS fate"),
                );
                FateSource::Constant(String::new())
            }
        };
        let raw_rows = shape.varying.index_of("raw_rows").ok();
        if rules.aggregate && raw_rows.is_none() {
            faults.push(
                Fault::settings("an aggregating map.sql gives no raw_rows")
                    .at("map.sql")
                    .hint("add: count(*) AS raw_rows, and group by fate too"),
            );
        }
        let extra: &[&str] = if fate_given {
            &["fate", "what_code", "raw_rows"]
        } else {
            &[]
        };
        let completion = match Completion::plan(table, shape, extra, schemas) {
            Ok(completion) if faults.is_empty() => completion,
            Ok(_) => return Err(faults),
            Err(more) => {
                faults.extend(more);
                return Err(faults);
            }
        };
        Ok(Self {
            completion,
            table: table.clone(),
            schemas: schemas.clone(),
            rules,
            fate,
            what_code: find("what_code"),
            raw_rows,
            memo: HashMap::new(),
            mapped: 0,
            published: 0,
            control: 0,
            skipped: BTreeMap::new(),
            rejected: 0,
            raw_row_sum: 0,
            rejects: Vec::new(),
        })
    }
    /// Table columns that vary, in the table's order.
    pub fn varying(&self) -> &SchemaRef {
        &self.completion.varying
    }
    /// Table columns that are one value in every row.
    pub fn constants(&self) -> &[(String, ScalarValue)] {
        &self.completion.constants
    }
    /// Columns of control batches.
    pub fn control_schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self
            .varying()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
        fields.push(Field::new("what_code", DataType::Utf8, true));
        Arc::new(Schema::new(fields))
    }

    /// Takes a batch of map.sql. Errors: Contract, when a row has no fate.
    pub fn admit(&mut self, batch: &RecordBatch) -> Result<Admitted> {
        let rows = batch.num_rows();
        let first_row = self.mapped;
        self.mapped += rows as u64;
        if let Some(at) = self.raw_rows.filter(|_| self.rules.aggregate) {
            self.raw_row_sum += sum_integers(batch.column(at))?;
        }
        let mut admitted = Admitted::default();
        match self.fate.clone() {
            FateSource::Constant(text) => match fate_of(Some(&text))? {
                Fate::Publish => {
                    let places = Places { first_row, taken: None };
                    admitted.publish = self.check(self.completion.apply(batch)?, places, None)?;
                }
                Fate::Control => {
                    let places = Places { first_row, taken: None };
                    admitted.control = self.controls(batch, &self.completion.apply(batch)?, places)?;
                }
                Fate::Skip(reason) => *self.skipped.entry(reason).or_default() += rows as u64,
            },
            FateSource::Column(at) => {
                let fates = batch.column(at).as_string::<i32>();
                let (mut publish, mut control) = (vec![false; rows], vec![false; rows]);
                let mut last: Option<(&str, Fate)> = None;
                for row in 0..rows {
                    let text = (!fates.is_null(row)).then(|| fates.value(row));
                    let fate = match (&last, text) {
                        (Some((known, fate)), Some(text)) if *known == text => fate.clone(),
                        _ => fate_of(text)?,
                    };
                    match &fate {
                        Fate::Publish => publish[row] = true,
                        Fate::Control => control[row] = true,
                        Fate::Skip(reason) => *self.skipped.entry(reason.clone()).or_default() += 1,
                    }
                    last = text.map(|text| (text, fate));
                }
                let taken = |mask: &[bool]| -> Result<Option<RecordBatch>> {
                    if !mask.contains(&true) {
                        return Ok(None);
                    }
                    filter_record_batch(batch, &BooleanArray::from(mask.to_vec()))
                        .map(Some)
                        .map_err(arrow_fault)
                };
                if let Some(rows) = taken(&publish)? {
                    let taken = Some(publish.as_slice());
                    let places = Places { first_row, taken };
                    admitted.publish = self.check(self.completion.apply(&rows)?, places, None)?;
                }
                if let Some(rows) = taken(&control)? {
                    let taken = Some(control.as_slice());
                    let places = Places { first_row, taken };
                    admitted.control = self.controls(&rows, &self.completion.apply(&rows)?, places)?;
                }
            }
        }
        Ok(admitted)
    }

    fn controls(
        &mut self,
        given: &RecordBatch,
        completed: &RecordBatch,
        places: Places<'_>,
    ) -> Result<Option<RecordBatch>> {
        let codes: ArrayRef = match &self.what_code {
            Some(FateSource::Constant(code)) => Arc::new(StringArray::from(vec![code.as_str(); given.num_rows()])),
            Some(FateSource::Column(at)) => given.column(*at).clone(),
            None => {
                return Err(Fault::settings("map.sql gives controls no what_code")
                    .at("map.sql")
                    .expected("what_code: total, region, country, ratio, second_aggregation or published")
                    .hint("add: 'total' AS what_code"));
            }
        };
        if codes.null_count() > 0 {
            return Err(Fault::contract("a control has no what_code")
                .at("map.sql: what_code")
                .found("null"));
        }
        self.check(completed.clone(), places, Some(codes))
    }

    /// Rows that keep the contract; the others become rejects.
    fn check(&mut self, batch: RecordBatch, places: Places<'_>, what: Option<ArrayRef>) -> Result<Option<RecordBatch>> {
        let rows = batch.num_rows();
        let mut bad = BadRows::new();
        let table = self.table.clone();
        for column in &table.columns {
            let name = &column.field.name;
            let array = self.array(name, &batch)?;
            // A constant is one array of one value: looked at once.
            let constant = array.len() == 1 && rows != 1;
            let span = if constant { 1 } else { rows };
            let each = |at: usize| if constant { 0..rows } else { at..at + 1 };
            if column.required && array.null_count() > 0 {
                for at in (0..span).filter(|&at| array.is_null(at)) {
                    for row in each(at) {
                        bad.entry(row)
                            .or_insert(("null", name.clone(), "null".to_owned(), "a value".to_owned()));
                    }
                }
            }
            if column.field.kind == FieldType::Wkb {
                self.check_geometry(&array, span, |at, reason| {
                    for row in each(at) {
                        let expected = "a geometry that can be measured; geometry_repaired(...) makes one".to_owned();
                        bad.entry(row)
                            .or_insert(("geometry", name.clone(), reason.clone(), expected));
                    }
                });
            }
            if let Some(list) = column.field.codes.clone() {
                self.check_codes(name, &list, &array, span, |at, reason, found, expected| {
                    for row in each(at) {
                        bad.entry(row)
                            .or_insert((reason, name.clone(), found.clone(), expected.clone()));
                    }
                });
            }
        }
        if ["value", "value_status", "indicator_code"]
            .iter()
            .all(|name| table.column(name).is_some())
        {
            self.check_values(&batch, rows, what.is_none(), &mut bad)?;
        }
        self.check_ids(&batch, rows, &mut bad)?;
        let keep = if bad.is_empty() {
            None
        } else {
            Some(BooleanArray::from(
                (0..rows).map(|row| !bad.contains_key(&row)).collect::<Vec<_>>(),
            ))
        };
        self.rejected += bad.len() as u64;
        let mut bad: Vec<_> = bad.into_iter().collect();
        bad.sort_by_key(|(row, _)| *row);
        let numbers = if bad.is_empty() {
            Vec::new()
        } else {
            places.numbers(rows)
        };
        for (row, (reason_code, column, found, expected)) in bad {
            if self.rules.reject_room.take() || self.rejects.is_empty() {
                let text = self.row_json(&batch, row);
                self.rejects.push(Reject {
                    row_number: numbers.get(row).copied().unwrap_or_default(),
                    reason_code,
                    column,
                    found,
                    expected,
                    row: text,
                });
            }
        }
        let mut batch = batch;
        if let Some(codes) = &what {
            let mut columns = batch.columns().to_vec();
            columns.push(codes.clone());
            batch = RecordBatch::try_new(self.control_schema(), columns).map_err(arrow_fault)?;
        }
        if let Some(keep) = keep {
            batch = filter_record_batch(&batch, &keep).map_err(arrow_fault)?;
        }
        match what {
            Some(_) => self.control += batch.num_rows() as u64,
            None => self.published += batch.num_rows() as u64,
        }
        Ok((batch.num_rows() > 0).then_some(batch))
    }

    /// Ids of projects, facilities and planning areas say which dataset they are of, so that two datasets never meet
    /// in one id.
    fn check_ids(&self, batch: &RecordBatch, rows: usize, bad: &mut BadRows) -> Result<()> {
        let Some((_, column)) = IDS.iter().find(|(table, _)| *table == self.table.name) else {
            return Ok(());
        };
        let array = self.array(column, batch)?;
        let Some(ids) = array.as_string_opt::<i32>() else {
            return Ok(());
        };
        for row in 0..rows {
            let at = if ids.len() == rows { row } else { 0 };
            if !ids.is_null(at) && !ids.value(at).starts_with(&self.rules.source_id) {
                bad.entry(row).or_insert_with(|| {
                    (
                        "id_without_source",
                        (*column).to_owned(),
                        ids.value(at).to_owned(),
                        format!("an id that begins with {}", self.rules.source_id),
                    )
                });
            }
        }
        Ok(())
    }

    pub(crate) fn array(&self, name: &str, batch: &RecordBatch) -> Result<ArrayRef> {
        if let Some(column) = batch.column_by_name(name) {
            return Ok(column.clone());
        }
        let constant = self.completion.constants.iter().find(|(column, _)| column == name);
        let (_, value) =
            constant.ok_or_else(|| Fault::bug("a table column without a source").found(name.to_owned()))?;
        value.to_array().map_err(|error| Fault::bug(error.to_string()))
    }

    fn row_json(&self, batch: &RecordBatch, row: usize) -> String {
        let mut object = serde_json::Map::new();
        for (name, value) in &self.completion.constants {
            object.insert(name.clone(), serde_json::Value::String(value.to_string()));
        }
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let text = if column.is_null(row) {
                serde_json::Value::Null
            } else {
                serde_json::Value::String(array_value_to_string(column, row).unwrap_or_default())
            };
            object.insert(field.name().clone(), text);
        }
        serde_json::Value::Object(object).to_string()
    }
}

fn sum_integers(column: &ArrayRef) -> Result<u64> {
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Ok(numbers
            .iter()
            .flatten()
            .map(|number| u64::try_from(number).unwrap_or_default())
            .sum());
    }
    if let Some(numbers) = column.as_primitive_opt::<UInt64Type>() {
        return Ok(numbers.iter().flatten().sum());
    }
    Err(Fault::settings("raw_rows is no whole number")
        .at("map.sql: raw_rows")
        .expected("BIGINT")
        .found(column.data_type().to_string())
        .hint("count(*) AS raw_rows"))
}
