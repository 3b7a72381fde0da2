use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, Int16Array, RecordBatch, StringBuilder},
    datatypes::{DataType, Date32Type, Field, Schema, SchemaRef},
};
use datafusion::common::ScalarValue;
use jiff::{ToSpan, civil::Date};
use klimalade_model::{Fault, Result, Schemas, Table, nearest};

use crate::{
    error::arrow_fault,
    geometry::{LastColumn, measure},
    mapping::Shape,
};

/// Days from 1970-01-01.
pub(crate) fn date_of(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(days.days()).ok()
}

fn days_of(date: Date) -> i32 {
    date.since(Date::constant(1970, 1, 1))
        .map(|span| span.get_days())
        .unwrap_or_default()
}

/// Columns that follow from others by the rules of the schema, so that map.sql need not write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Civil year of period_start.
    Year,
    /// From codes.areas.
    AreaLevel,
    /// From codes.indicators.
    Unit,
    /// `_Z` where the indicator does not have the dimension, else `_T`.
    Dimension(&'static str),
    /// A stock: the day after; a flow: by frequency.
    PeriodEnd,
    /// By frequency.
    TimePeriod,
    /// Of the geometry, by the function of SQL that measures it.
    OfGeometry(&'static str),
    /// Of the point, likewise.
    OfPoint(&'static str),
}

impl Rule {
    fn of(column: &str) -> Option<Self> {
        Some(match column {
            "year" => Self::Year,
            "area_level" => Self::AreaLevel,
            "unit_code" => Self::Unit,
            "sector_code" => Self::Dimension("sector"),
            "carrier_code" => Self::Dimension("carrier"),
            "category_code" => Self::Dimension("category"),
            "detail_code" => Self::Dimension("detail"),
            "gas_code" => Self::Dimension("gas"),
            "scope_code" => Self::Dimension("scope"),
            "period_end" => Self::PeriodEnd,
            "time_period" => Self::TimePeriod,
            "bbox_xmin" => Self::OfGeometry("geometry_xmin"),
            "bbox_ymin" => Self::OfGeometry("geometry_ymin"),
            "bbox_xmax" => Self::OfGeometry("geometry_xmax"),
            "bbox_ymax" => Self::OfGeometry("geometry_ymax"),
            "area_ha" => Self::OfGeometry("geometry_area_ha"),
            "centroid_lon" => Self::OfGeometry("geometry_centroid_lon"),
            "centroid_lat" => Self::OfGeometry("geometry_centroid_lat"),
            "lon" => Self::OfPoint("geometry_centroid_lon"),
            "lat" => Self::OfPoint("geometry_centroid_lat"),
            _ => return None,
        })
    }
    fn inputs(self) -> &'static [&'static str] {
        match self {
            Self::Year => &["period_start"],
            Self::AreaLevel => &["area_code"],
            Self::Unit | Self::Dimension(_) => &["indicator_code"],
            Self::PeriodEnd => &["indicator_code", "period_start", "frequency_code"],
            Self::TimePeriod => &["period_start", "frequency_code"],
            Self::OfGeometry(_) => &["geometry"],
            Self::OfPoint(_) => &["point"],
        }
    }
}

fn default(column: &str) -> Option<&'static str> {
    Some(match column {
        "scenario_code" => "actual",
        "conf_status" => "F",
        "value_status" => "A",
        _ => return None,
    })
}

#[derive(Clone, Debug)]
enum Source {
    Batch(usize),
    Constant(ScalarValue),
    Rule(Rule),
}

/// Completes rows of map.sql to rows of the table.
#[derive(Clone, Debug)]
pub(crate) struct Completion {
    /// Table columns that vary, in the table's order.
    pub(crate) varying: SchemaRef,
    /// Table columns that are one value.
    pub(crate) constants: Vec<(String, ScalarValue)>,
    sources: HashMap<String, Source>,
    schemas: Arc<Schemas>,
    /// Geometries that were measured for one column and are asked for by the next.
    pub(crate) geometries: Arc<LastColumn>,
}

impl Completion {
    /// Fits what map.sql gives to the table. `extra` are columns that the runner takes away (fate, ...). Errors:
    /// Settings, when a column is missing, is none of the table's, or has another type: nothing is cast.
    pub(crate) fn plan(
        table: &Table,
        shape: &Shape,
        extra: &[&str],
        schemas: &Arc<Schemas>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let known = |name: &str| table.column(name).is_some() || extra.contains(&name);
        for name in shape
            .varying
            .fields()
            .iter()
            .map(|field| field.name())
            .chain(shape.constants.keys())
        {
            if name.contains(|letter: char| !letter.is_alphanumeric() && letter != '_') {
                faults.push(
                    Fault::settings("a column of map.sql has no name")
                        .at("map.sql")
                        .found(name.clone())
                        .hint("... AS <column>"),
                );
            } else if !known(name) {
                let names = table.columns.iter().map(|column| column.field.name.as_str());
                let names = names.chain(extra.iter().copied());
                let hint = match nearest(name, names) {
                    Some(name) => format!("did you mean {name}"),
                    None => format!("leave it out, or: klimalade schema {}", table.name),
                };
                faults.push(
                    Fault::settings("map.sql gives a column that the table has not")
                        .at("map.sql")
                        .expected(
                            table
                                .columns
                                .iter()
                                .map(|column| column.field.name.as_str())
                                .collect::<Vec<_>>()
                                .join(", "),
                        )
                        .found(name.clone())
                        .hint(hint),
                );
            }
        }
        let mut plan = Self {
            varying: Arc::new(Schema::empty()),
            constants: Vec::new(),
            sources: HashMap::new(),
            schemas: schemas.clone(),
            geometries: Arc::default(),
        };
        let mut fields = Vec::new();
        // Rules read other columns, so what is given comes first.
        for column in &table.columns {
            let name = column.field.name.as_str();
            let wanted = column.field.kind.arrow();
            let mut fits = |found: &DataType| {
                if *found == wanted || *found == DataType::Null && !column.required {
                    return;
                }
                faults.push(
                    Fault::settings("a column of map.sql has another type than the table's")
                        .at(format!("map.sql: {name}"))
                        .expected(wanted.to_string())
                        .found(found.to_string())
                        .hint(if wanted == DataType::Float64 && *found == DataType::Utf8 {
                            format!(
                                "decimal_comma(...) AS {name}, or CAST(... AS {}) where it has a decimal point",
                                sql_type(&wanted)
                            )
                        } else if matches!(wanted, DataType::Timestamp(..)) {
                            // SQL's TIMESTAMP WITH TIME ZONE counts nanoseconds here (DataFusion 55), which is another type.
                            format!("arrow_cast(..., '{wanted}') AS {name}")
                        } else {
                            format!("CAST(... AS {}) AS {name}", sql_type(&wanted))
                        }),
                );
            };
            if let Ok(index) = shape.varying.index_of(name) {
                fits(shape.varying.field(index).data_type());
                plan.sources.insert(name.to_owned(), Source::Batch(index));
            } else if let Some(value) = shape.constants.get(name) {
                fits(&value.data_type());
                let value = if value.is_null() {
                    ScalarValue::try_from(&wanted).map_err(|e| vec![Fault::bug(e.to_string())])?
                } else {
                    value.clone()
                };
                plan.sources.insert(name.to_owned(), Source::Constant(value));
            } else if let Some(value) = default(name) {
                plan.sources.insert(
                    name.to_owned(),
                    Source::Constant(ScalarValue::Utf8(Some(value.to_owned()))),
                );
            }
        }
        for column in &table.columns {
            let name = column.field.name.as_str();
            if !plan.sources.contains_key(name) {
                let rule =
                    Rule::of(name).filter(|rule| rule.inputs().iter().all(|input| plan.sources.contains_key(*input)));
                match rule {
                    Some(rule) if faults.is_empty() => plan.add_rule(name, rule).map_err(|fault| vec![fault])?,
                    // What it would be computed from does not fit either.
                    Some(_) => {}
                    None if !column.required => {
                        let null = ScalarValue::try_from(&column.field.kind.arrow())
                            .map_err(|e| vec![Fault::bug(e.to_string())])?;
                        plan.sources.insert(name.to_owned(), Source::Constant(null));
                    }
                    None => {
                        // A column that follows from others is told by what it follows from.
                        if Rule::of(name).is_none() {
                            faults.push(
                                Fault::settings("map.sql lacks a column of the table")
                                    .at("map.sql")
                                    .expected(format!(
                                        "{name} ({}): {}",
                                        sql_type(&column.field.kind.arrow()),
                                        column.field.description_en
                                    ))
                                    .hint(format!("... AS {name}; klimalade schema {}", table.name)),
                            );
                        }
                    }
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        for column in &table.columns {
            let name = &column.field.name;
            match plan.sources.get(name) {
                Some(Source::Constant(value)) => plan.constants.push((name.clone(), value.clone())),
                _ => fields.push(Field::new(name, column.field.kind.arrow(), true)),
            }
        }
        plan.varying = Arc::new(Schema::new(fields));
        Ok(plan)
    }

    /// A rule over constants only gives a constant.
    fn add_rule(&mut self, name: &str, rule: Rule) -> Result<()> {
        let mut arrays = Vec::new();
        for input in rule.inputs() {
            if let Some(Source::Constant(value)) = self.sources.get(*input) {
                arrays.push(value.to_array().map_err(|error| Fault::bug(error.to_string()))?);
            }
        }
        let source = if arrays.len() == rule.inputs().len() {
            let array = self.evaluate(rule, &arrays)?;
            Source::Constant(ScalarValue::try_from_array(&array, 0).map_err(|error| Fault::bug(error.to_string()))?)
        } else {
            Source::Rule(rule)
        };
        self.sources.insert(name.to_owned(), source);
        Ok(())
    }

    /// The varying columns of the table from a batch of map.sql.
    pub(crate) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self
            .varying
            .fields()
            .iter()
            .map(|field| self.column(field.name(), batch))
            .collect::<Result<Vec<_>>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.varying.clone(), columns, &options).map_err(arrow_fault)
    }

    fn column(&self, name: &str, batch: &RecordBatch) -> Result<ArrayRef> {
        match self.sources.get(name) {
            Some(Source::Batch(index)) => Ok(batch.column(*index).clone()),
            Some(Source::Constant(value)) => value
                .to_array_of_size(batch.num_rows())
                .map_err(|error| Fault::bug(error.to_string())),
            Some(Source::Rule(rule)) => {
                let inputs = rule
                    .inputs()
                    .iter()
                    .map(|input| self.column(input, batch))
                    .collect::<Result<Vec<_>>>()?;
                self.evaluate(*rule, &inputs)
            }
            None => Err(Fault::bug("a column without a source").found(name.to_owned())),
        }
    }

    fn evaluate(&self, rule: Rule, inputs: &[ArrayRef]) -> Result<ArrayRef> {
        let look_up = |list: &str, code: &str, column: &str| {
            self.schemas
                .codes
                .get(list)
                .and_then(|list| list.get(code, column))
                .map(str::to_owned)
        };
        Ok(match rule {
            Rule::Year => {
                let days = inputs[0].as_primitive::<Date32Type>();
                Arc::new(
                    days.iter()
                        .map(|day| day.and_then(date_of).map(|date| date.year()))
                        .collect::<Int16Array>(),
                )
            }
            Rule::AreaLevel => by_text(&inputs[0], |code| look_up("areas", code, "area_level")),
            Rule::Unit => by_text(&inputs[0], |code| look_up("indicators", code, "unit_code")),
            Rule::Dimension(dimension) => by_text(&inputs[0], |code| {
                let has = look_up("indicators", code, "dimensions").unwrap_or_default();
                Some(
                    if has.split(' ').any(|word| word == dimension) {
                        "_T"
                    } else {
                        "_Z"
                    }
                    .to_owned(),
                )
            }),
            Rule::PeriodEnd => {
                let days = inputs[1].as_primitive::<Date32Type>();
                let (indicators, frequencies) = (inputs[0].as_string::<i32>(), inputs[2].as_string::<i32>());
                let mut stocks = HashMap::new();
                let ends = (0..days.len()).map(|at| {
                    let (start, indicator, frequency) = (
                        value(days, at).and_then(date_of)?,
                        text(indicators, at)?,
                        text(frequencies, at)?,
                    );
                    let stock = *stocks
                        .entry(indicator)
                        .or_insert_with(|| look_up("indicators", indicator, "kind").as_deref() == Some("stock"));
                    let span = if stock { 1.day() } else { span_of(frequency)? };
                    start.checked_add(span).ok().map(days_of)
                });
                Arc::new(ends.collect::<Date32Array>())
            }
            Rule::OfGeometry(function) | Rule::OfPoint(function) => {
                let measure = measure(function).ok_or_else(|| Fault::bug("a measure that is none").found(function))?;
                let shapes = self.geometries.shapes(&inputs[0]);
                let shapes = shapes.ok_or_else(|| Fault::bug("a geometry that is no WKB").found(function))?;
                // What cannot be measured is a reject by its geometry.
                let shape = |row: &'_ Option<std::result::Result<_, _>>| row.as_ref()?.as_ref().ok().and_then(measure);
                Arc::new(shapes.iter().map(shape).collect::<Float64Array>())
            }
            Rule::TimePeriod => {
                let days = inputs[0].as_primitive::<Date32Type>();
                let frequencies = inputs[1].as_string::<i32>();
                let mut built = StringBuilder::with_capacity(days.len(), days.len() * 7);
                let mut last: Option<(i32, String, Option<String>)> = None;
                for at in 0..days.len() {
                    let (Some(day), Some(frequency)) = (value(days, at), text(frequencies, at)) else {
                        built.append_null();
                        continue;
                    };
                    let period = match &last {
                        Some((known, of, period)) if *known == day && of == frequency => period.clone(),
                        _ => date_of(day).and_then(|date| time_period(date, frequency)),
                    };
                    built.append_option(period.as_deref());
                    last = Some((day, frequency.to_owned(), period));
                }
                Arc::new(built.finish())
            }
        })
    }
}

fn value(days: &Date32Array, at: usize) -> Option<i32> {
    (!days.is_null(at)).then(|| days.value(at))
}

fn text(texts: &arrow::array::StringArray, at: usize) -> Option<&str> {
    (!texts.is_null(at)).then(|| texts.value(at))
}

/// Looks each distinct text up once.
fn by_text(input: &ArrayRef, look_up: impl Fn(&str) -> Option<String>) -> ArrayRef {
    let texts = input.as_string::<i32>();
    let mut known: HashMap<&str, Option<String>> = HashMap::new();
    let mut built = StringBuilder::with_capacity(texts.len(), texts.len() * 8);
    for text in texts {
        match text {
            None => built.append_null(),
            Some(text) => built.append_option(known.entry(text).or_insert_with(|| look_up(text)).as_deref()),
        }
    }
    Arc::new(built.finish())
}

fn span_of(frequency: &str) -> Option<jiff::Span> {
    Some(match frequency {
        "A" => 1.year(),
        "A2" => 2.years(),
        "A5" => 5.years(),
        "S" => 6.months(),
        "Q" => 3.months(),
        "M" => 1.month(),
        "W" => 1.week(),
        "D" => 1.day(),
        _ => return None,
    })
}

/// SDMX / ISO form of a period that begins on this day.
fn time_period(start: Date, frequency: &str) -> Option<String> {
    let (year, month) = (start.year(), start.month());
    Some(match frequency {
        "A" | "A2" | "A5" => format!("{year:04}"),
        "S" => format!("{year:04}-S{}", (month - 1) / 6 + 1),
        "Q" => format!("{year:04}-Q{}", (month - 1) / 3 + 1),
        "M" => format!("{year:04}-{month:02}"),
        "W" => {
            let week = start.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        "D" => start.to_string(),
        _ => return None,
    })
}

pub(crate) fn sql_type(kind: &DataType) -> &'static str {
    match kind {
        DataType::Utf8 => "VARCHAR",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::Float64 => "DOUBLE",
        DataType::Boolean => "BOOLEAN",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP WITH TIME ZONE",
        _ => "BYTEA",
    }
}
