use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use jiff::civil::Date;
use klimalade_model::{CodeList, Fault, Result};

use crate::parquet_file;

/// Where the table of a code list stands in the lake.
pub(crate) fn key(list: &str) -> String {
    format!("out/codes/{list}.parquet")
}

/// The type of a column of a code list: text, but for the columns that every list may have.
pub(crate) fn kind(column: &str) -> DataType {
    match column {
        "is_group" => DataType::Boolean,
        "sort_order" => DataType::Int64,
        "valid_from" | "valid_to" => DataType::Date32,
        _ => DataType::Utf8,
    }
}

/// A code list as a Parquet file; an empty cell is null. Errors: Settings, for a cell that does not fit its column.
pub(crate) fn bytes(list: &CodeList) -> Result<Vec<u8>> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (at, name) in list.header.iter().enumerate() {
        fields.push(Field::new(name, kind(name), name != "code"));
        let cells = || {
            list.rows
                .iter()
                .map(|row| row.get(at).filter(|cell| !cell.is_empty()).map(String::as_str))
        };
        let wrong = |cell: &str, expected: &str| {
            Fault::settings("a cell of a code list does not fit its column")
                .at(format!("schemas/codes/{}.csv, column {name}", list.name))
                .expected(expected.to_owned())
                .found(cell.to_owned())
        };
        columns.push(match kind(name) {
            DataType::Boolean => {
                let read = |cell: Option<&str>| match cell {
                    None => Ok(None),
                    Some("0") => Ok(Some(false)),
                    Some("1") => Ok(Some(true)),
                    Some(other) => Err(wrong(other, "0 or 1")),
                };
                Arc::new(cells().map(read).collect::<Result<BooleanArray>>()?)
            }
            DataType::Int64 => {
                let read = |cell: &str| cell.parse::<i64>().map_err(|_| wrong(cell, "a whole number"));
                Arc::new(
                    cells()
                        .map(|cell| cell.map(read).transpose())
                        .collect::<Result<Int64Array>>()?,
                )
            }
            DataType::Date32 => {
                let read = |cell: &str| days(cell).ok_or_else(|| wrong(cell, "a date, 2007-01-01"));
                Arc::new(
                    cells()
                        .map(|cell| cell.map(read).transpose())
                        .collect::<Result<Date32Array>>()?,
                )
            }
            _ => Arc::new(cells().collect::<StringArray>()),
        });
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|source| {
        Fault::bug("a code list is no table")
            .at(list.name.clone())
            .because(source)
    })?;
    parquet_file::bytes(&batch)
}

/// Days since 1970.
fn days(cell: &str) -> Option<i32> {
    let date: Date = cell.parse().ok()?;
    date.since(Date::constant(1970, 1, 1)).ok().map(|span| span.get_days())
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn flags_order_and_days_have_types_of_their_own_and_an_empty_cell_is_null() {
        let text = "code,name_da,is_group,valid_from,sort_order\n0101,København,0,1970-01-02,10\nx,,1,,\n";
        let file = bytes(&CodeList::parse("areas", text).unwrap()).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file))
            .unwrap()
            .build()
            .unwrap();
        let batch = reader.next().unwrap().unwrap();
        let types: Vec<_> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let (text, flag) = (DataType::Utf8, DataType::Boolean);
        assert_eq!(types, [text.clone(), text, flag, DataType::Date32, DataType::Int64]);
        let days = batch.column(3).as_any().downcast_ref::<Date32Array>().unwrap();
        assert_eq!(days.iter().collect::<Vec<_>>(), [Some(1), None]);
        assert_eq!(batch.column(1).null_count(), 1);
    }

    #[test]
    fn a_day_that_is_none_is_an_error_with_its_place() {
        let list = CodeList::parse("areas", "code,valid_from\nx,tomorrow\n").unwrap();
        let fault = bytes(&list).unwrap_err().to_string();
        assert!(fault.contains("areas.csv") && fault.contains("tomorrow"), "{fault}");
    }
}
