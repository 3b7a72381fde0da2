use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch},
    datatypes::{Date32Type, Float64Type},
};
use klimalade_model::Result;

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

    /// Value, status, unit, range and dimensions against the indicator's definition.
    pub(crate) fn check_values(
        &self,
        batch: &RecordBatch,
        rows: usize,
        ranged: bool,
        bad: &mut HashMap<usize, (&'static str, String, String, String)>,
    ) -> Result<()> {
        let text = |name: &str| -> Result<Texts> { Ok(Texts(self.array(name, batch)?, rows)) };
        let (indicators, units, statuses) = (text("indicator_code")?, text("unit_code")?, text("value_status")?);
        const DIMENSIONS: [(&str, &str); 6] = [
            ("sector", "sector_code"),
            ("carrier", "carrier_code"),
            ("category", "category_code"),
            ("detail", "detail_code"),
            ("gas", "gas_code"),
            ("scope", "scope_code"),
        ];
        let dimensions = DIMENSIONS
            .iter()
            .map(|(_, column)| text(column))
            .collect::<Result<Vec<_>>>()?;
        let values = self.array("value", batch)?;
        let values: &Float64Array = values.as_primitive::<Float64Type>();
        let dates = match (batch.column_by_name("period_start"), batch.column_by_name("period_end")) {
            (Some(start), Some(end)) => Some((start.as_primitive::<Date32Type>(), end.as_primitive::<Date32Type>())),
            _ => None,
        };
        let list = self.schemas.code_list("indicators")?;
        let mut known: HashMap<&str, Indicator> = HashMap::new();
        // Categories and details are lists per indicator: which codes go with which stands in `indicator_codes`.
        const PER_INDICATOR: [(&str, &str, usize); 2] =
            [("categories", "category_code", 2), ("details", "detail_code", 3)];
        let mut fitting: HashMap<(usize, String, String), bool> = HashMap::new();
        let mut last_fit: [Option<(&str, &str, bool)>; 2] = [None, None];
        for row in 0..rows {
            let Some(code) = indicators.at(row) else { continue };
            let indicator = known
                .entry(code)
                .or_insert_with(|| Indicator::of(list, code, &self.rules));
            let value = if values.len() == rows {
                (!values.is_null(row)).then(|| values.value(row))
            } else {
                (!values.is_null(0)).then(|| values.value(0))
            };
            let status = statuses.at(row).unwrap_or_default();
            let missing = matches!(status, "O" | "L" | "Q" | "M" | "H");
            let fault = if units.at(row) != Some(indicator.unit.as_str()) {
                Some((
                    "unit",
                    "unit_code",
                    units.at(row).unwrap_or("null").to_owned(),
                    indicator.unit.clone(),
                ))
            } else if value.is_none() && !missing {
                Some((
                    "null_without_status",
                    "value",
                    format!("null with status {status}"),
                    "a value, or status O, L or Q".to_owned(),
                ))
            } else if value.is_some() && missing {
                Some((
                    "value_with_missing_status",
                    "value_status",
                    status.to_owned(),
                    "a status that goes with a value".to_owned(),
                ))
            } else if value.is_some_and(|value| !value.is_finite()) {
                Some((
                    "not_finite",
                    "value",
                    format!("{value:?}"),
                    "a finite number".to_owned(),
                ))
            } else if ranged
                && value.is_some_and(|value| {
                    indicator.min.is_some_and(|min| value < min) || indicator.max.is_some_and(|max| value > max)
                })
            {
                Some((
                    "range",
                    "value",
                    format!("{}", value.unwrap_or_default()),
                    format!("{:?} to {:?}", indicator.min, indicator.max),
                ))
            } else if dates.is_some_and(|(start, end)| {
                !start.is_null(row) && !end.is_null(row) && end.value(row) <= start.value(row)
            }) {
                Some((
                    "period",
                    "period_end",
                    "a day not after period_start".to_owned(),
                    "an exclusive end".to_owned(),
                ))
            } else {
                DIMENSIONS
                    .iter()
                    .zip(&dimensions)
                    .find_map(|((dimension, column), texts)| {
                        let code = texts.at(row)?;
                        let has = indicator.dimensions.iter().any(|known| known == dimension);
                        match (has, code) {
                            (false, "_Z") => None,
                            (false, other) => Some((
                                "dimension",
                                *column,
                                other.to_owned(),
                                "_Z: the indicator does not have this dimension".to_owned(),
                            )),
                            (true, "_Z") => Some((
                                "dimension",
                                *column,
                                "_Z".to_owned(),
                                "a code, or _T where the source does not break down".to_owned(),
                            )),
                            (true, _) => None,
                        }
                    })
            };
            let fault = fault.or_else(|| {
                PER_INDICATOR.iter().find_map(|(list, column, at)| {
                    let dimension = dimensions[*at].at(row).filter(|code| !code.starts_with('_'))?;
                    let fits = match last_fit[at - 2] {
                        Some((of, known, fits)) if of == code && known == dimension => fits,
                        _ => *fitting
                            .entry((*at, code.to_owned(), dimension.to_owned()))
                            .or_insert_with(|| {
                                let codes = self
                                    .schemas
                                    .codes
                                    .get(*list)
                                    .and_then(|list| list.get(dimension, "indicator_codes"));
                                codes.is_none_or(|codes| codes.split(' ').any(|known| known == code))
                            }),
                    };
                    last_fit[at - 2] = Some((code, dimension, fits));
                    (!fits).then(|| {
                        (
                            "category",
                            *column,
                            dimension.to_owned(),
                            format!("a code of {list} that goes with {code}"),
                        )
                    })
                })
            });
            if let Some((reason, column, found, expected)) = fault {
                bad.entry(row).or_insert((reason, column.to_owned(), found, expected));
            }
        }
        Ok(())
    }
}

struct Texts(ArrayRef, usize);
impl Texts {
    fn at(&self, row: usize) -> Option<&str> {
        let texts = self.0.as_string_opt::<i32>()?;
        let row = if texts.len() == self.1 { row } else { 0 };
        (!texts.is_null(row)).then(|| texts.value(row))
    }
}

struct Indicator {
    unit: String,
    min: Option<f64>,
    max: Option<f64>,
    dimensions: Vec<String>,
}
impl Indicator {
    fn of(list: &klimalade_model::CodeList, code: &str, rules: &RowRules) -> Self {
        let number = |column: &str| list.get(code, column).and_then(|text| text.parse::<f64>().ok());
        let declared = rules.ranges.get(code).copied().unwrap_or_default();
        let dimensions = list.get(code, "dimensions").unwrap_or_default();
        Self {
            unit: list.get(code, "unit_code").unwrap_or_default().to_owned(),
            min: declared.0.or_else(|| number("range_min")),
            max: declared.1.or_else(|| number("range_max")),
            dimensions: dimensions.split(' ').map(str::to_owned).collect(),
        }
    }
}
