use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    },
    compute::cast,
    datatypes::{DataType, Field, Int32Type, TimestampMicrosecondType},
};
use klimalade_lake::{Constant, ConstantValue};
use klimalade_model::{Fault, FieldType, Result};

/// The common columns, in the order in which they end every file.
pub(crate) const COMMON: [&str; 5] = [
    "source_id",
    "retrieved_at",
    "snapshot_sha256",
    "source_version",
    "licence_code",
];

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
pub(crate) struct Provenances(Vec<Provenance>);

impl Provenances {
    /// The number of this provenance; adds it when it is new.
    pub(crate) fn number(&mut self, provenance: Provenance) -> i32 {
        let at = self.0.iter().position(|known| *known == provenance).unwrap_or_else(|| {
            self.0.push(provenance);
            self.0.len() - 1
        });
        i32::try_from(at).unwrap_or(i32::MAX)
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
            let values: StringArray = self.0.iter().map(value).collect();
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
            .map(|number| Some(self.0.get(number? as usize)?.retrieved_at))
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
                .ok_or_else(|| Fault::source("a published file lacks a common column").expected(name.to_owned()))?;
            cast(column, wanted).map_err(|source| {
                Fault::source("a common column has another type")
                    .found(name.to_owned())
                    .because(source)
            })
        };
        let texts = |name: &str| column(name, &DataType::Utf8);
        let (sources, snapshots, versions, licences) = (
            texts("source_id")?,
            texts("snapshot_sha256")?,
            texts("source_version")?,
            texts("licence_code")?,
        );
        let times = column("retrieved_at", &FieldType::TimestampUtc.arrow())?;
        let cell = |array: &ArrayRef, row: usize| {
            let array = array.as_string::<i32>();
            (!array.is_null(row)).then(|| array.value(row).to_owned())
        };
        Ok((0..batch.num_rows())
            .map(|row| {
                self.number(Provenance {
                    source_id: cell(&sources, row).unwrap_or_default(),
                    retrieved_at: times.as_primitive::<TimestampMicrosecondType>().value(row),
                    snapshot_sha256: cell(&snapshots, row).unwrap_or_default(),
                    source_version: cell(&versions, row),
                    licence_code: cell(&licences, row).unwrap_or_default(),
                })
            })
            .collect())
    }
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
