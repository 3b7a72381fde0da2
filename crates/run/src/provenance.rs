use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    },
    compute::cast,
    datatypes::{DataType, Field, Int32Type, TimestampMicrosecondType},
};
use klimalade_lake::{Constant, ConstantValue};
use klimalade_model::{Fault, FieldType, Result};

pub(crate) use klimalade_model::COMMON_COLUMNS as COMMON;

/// The common columns of one part's rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provenance {
    pub(crate) source_id: String,
    /// Microseconds since 1970.
    pub(crate) retrieved_at: i64,
    pub(crate) snapshot_sha256: String,
    pub(crate) source_version: Option<String>,
    pub(crate) licence_code: String,
}

/// Provenance by the number that rows carry through the sort.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenances {
    all: Vec<Provenance>,
    numbers: HashMap<Provenance, i32>,
}

impl Provenances {
    /// The number of this provenance; adds it when it is new.
    pub(crate) fn number(&mut self, provenance: Provenance) -> i32 {
        if let Some(number) = self.numbers.get(&provenance) {
            return *number;
        }
        let number = i32::try_from(self.all.len()).unwrap_or(i32::MAX);
        self.all.push(provenance.clone());
        self.numbers.insert(provenance, number);
        number
    }

    /// The provenance of a number.
    pub(crate) fn get(&self, number: i32) -> Option<&Provenance> {
        self.all.get(usize::try_from(number).ok()?)
    }

    /// The common columns of rows that are all of one number, as constants of their file.
    pub(crate) fn constants(&self, number: i32) -> Option<Vec<Constant>> {
        let known = self.get(number)?;
        let text = |name: &str, value: Option<&str>| Constant {
            field: Field::new(name, DataType::Utf8, name == "source_version"),
            value: value.map(|value| ConstantValue::Text(value.to_owned())),
        };
        let constant = |name: &&str| match *name {
            "source_id" => text(name, Some(&known.source_id)),
            "retrieved_at" => Constant {
                field: Field::new(*name, FieldType::TimestampUtc.arrow(), false),
                value: Some(ConstantValue::TimestampMicros(known.retrieved_at)),
            },
            "snapshot_sha256" => text(name, Some(&known.snapshot_sha256)),
            "source_version" => text(name, known.source_version.as_deref()),
            _ => text(name, Some(&known.licence_code)),
        };
        Some(COMMON.iter().map(constant).collect())
    }

    /// Fields of the common columns as they come in batches: dictionary typed, one entry a part.
    pub(crate) fn fields() -> Vec<Field> {
        let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        COMMON
            .iter()
            .map(|name| match *name {
                "retrieved_at" => Field::new(*name, FieldType::TimestampUtc.arrow(), false),
                "source_version" => Field::new(*name, text.clone(), true),
                _ => Field::new(*name, text.clone(), false),
            })
            .collect()
    }

    /// The common columns of rows with these numbers.
    pub(crate) fn columns(&self, numbers: &Int32Array) -> Result<Vec<ArrayRef>> {
        let wrong = |source| Fault::bug("the common columns cannot be made").because(source);
        let text = |value: &dyn Fn(&Provenance) -> Option<String>| -> Result<ArrayRef> {
            let values: StringArray = self.all.iter().map(value).collect();
            if values.null_count() == 0 {
                return Ok(Arc::new(
                    DictionaryArray::<Int32Type>::try_new(numbers.clone(), Arc::new(values)).map_err(wrong)?,
                ));
            }
            let keys: Int32Array = numbers
                .iter()
                .map(|number| number.filter(|&at| !values.is_null(at as usize)))
                .collect();
            let filled: StringArray = values.iter().map(|value| Some(value.unwrap_or_default())).collect();
            Ok(Arc::new(
                DictionaryArray::<Int32Type>::try_new(keys, Arc::new(filled)).map_err(wrong)?,
            ))
        };
        let times: TimestampMicrosecondArray = numbers
            .iter()
            .map(|number| Some(self.get(number?)?.retrieved_at))
            .collect();
        Ok(vec![
            text(&|known| Some(known.source_id.clone()))?,
            Arc::new(times.with_timezone("UTC")),
            text(&|known| Some(known.snapshot_sha256.clone()))?,
            text(&|known| known.source_version.clone())?,
            text(&|known| Some(known.licence_code.clone()))?,
        ])
    }

    /// The numbers of rows of a published file, by its common columns.
    pub(crate) fn numbers_of(&mut self, batch: &RecordBatch) -> Result<Vec<i32>> {
        let column = |name: &str, wanted: &DataType| -> Result<ArrayRef> {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| damaged("a published file lacks a common column").expected(name.to_owned()))?;
            cast(column, wanted).map_err(|source| {
                damaged("a common column has another type")
                    .found(name.to_owned())
                    .because(source)
            })
        };
        let text = |name: &str| column(name, &DataType::Utf8);
        let (sources, snapshots, versions, licences) = (
            text("source_id")?,
            text("snapshot_sha256")?,
            text("source_version")?,
            text("licence_code")?,
        );
        let times = column("retrieved_at", &FieldType::TimestampUtc.arrow())?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let cell = |array: &ArrayRef, row: usize| {
            let array = array.as_string::<i32>();
            (!array.is_null(row)).then(|| array.value(row).to_owned())
        };
        let mut numbers: Vec<i32> = Vec::with_capacity(batch.num_rows());
        let texts = [&sources, &snapshots, &versions, &licences];
        for row in 0..batch.num_rows() {
            // Neighbours are mostly of one part.
            let same = row > 0
                && times.value(row) == times.value(row - 1)
                && texts.iter().all(|column| {
                    let column = column.as_string::<i32>();
                    column.is_null(row) == column.is_null(row - 1) && column.value(row) == column.value(row - 1)
                });
            numbers.push(match numbers.last() {
                Some(last) if same => *last,
                _ => self.number(Provenance {
                    source_id: cell(&sources, row).unwrap_or_default(),
                    retrieved_at: times.value(row),
                    snapshot_sha256: cell(&snapshots, row).unwrap_or_default(),
                    source_version: cell(&versions, row),
                    licence_code: cell(&licences, row).unwrap_or_default(),
                }),
            });
        }
        Ok(numbers)
    }
}

/// A file that the lake wrote and that is no longer what it wrote: no agency's fault.
pub(crate) fn damaged(what: &str) -> Fault {
    Fault::contract(what).hint("klimalade verify")
}

/// A column that is one value as the writer wants it; `None` where it must stand in the batches.
pub(crate) fn constant(field: Field, value: &klimalade_engine::ScalarValue) -> Option<Constant> {
    use klimalade_engine::ScalarValue as S;
    let value = match value {
        value if value.is_null() => None,
        S::Utf8(Some(text)) => Some(ConstantValue::Text(text.clone())),
        S::Int16(Some(number)) => Some(ConstantValue::Int(i64::from(*number))),
        S::Int32(Some(number)) => Some(ConstantValue::Int(i64::from(*number))),
        S::Int64(Some(number)) => Some(ConstantValue::Int(*number)),
        S::TimestampMicrosecond(Some(micros), _) => Some(ConstantValue::TimestampMicros(*micros)),
        _ => return None,
    };
    if value.is_none()
        && !matches!(
            field.data_type(),
            DataType::Utf8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Timestamp(..)
        )
    {
        return None;
    }
    Some(Constant { field, value })
}
