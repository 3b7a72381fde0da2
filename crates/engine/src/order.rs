use std::cmp::Ordering;

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array, make_comparator},
    compute::{SortOptions, take},
    datatypes::SchemaRef,
};
use klimalade_model::{Fault, Result};

use crate::error::arrow_fault;

/// The key of one row: arrays of one value.
pub(crate) type Key = Vec<ArrayRef>;

/// Watches whether rows come in the strict order of a key, each key once.
#[derive(Debug)]
pub(crate) struct KeyOrder {
    columns: Vec<usize>,
    first: Option<Key>,
    last: Option<Key>,
}

impl KeyOrder {
    /// Errors: Bug, when a key is no column.
    pub(crate) fn new(schema: &SchemaRef, keys: &[String]) -> Result<Self> {
        let columns = keys
            .iter()
            .map(|key| schema.index_of(key))
            .collect::<Result<_, _>>()
            .map_err(arrow_fault)?;
        Ok(Self {
            columns,
            first: None,
            last: None,
        })
    }
    /// Columns of the key.
    pub(crate) fn columns(&self) -> &[usize] {
        &self.columns
    }
    /// First and last key so far.
    pub(crate) fn into_bounds(self) -> Option<(Key, Key)> {
        self.first.zip(self.last)
    }

    /// Goes on with a batch. Gives the first row that does not come after the one before it, with how it stands to it:
    /// Equal is a key that stands twice. Where no column is in the key, a second row is equal to the first.
    pub(crate) fn follow(&mut self, batch: &RecordBatch) -> Result<Option<(usize, Ordering)>> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = self.columns.iter().map(|&at| batch.column(at).clone()).collect();
        if let Some(last) = &self.last {
            let standing = compare(&columns, 0, last, 0)?;
            if standing != Ordering::Greater {
                return Ok(Some((0, standing)));
            }
        }
        let within = columns
            .iter()
            .map(|column| make_comparator(column, column, SortOptions::default()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(arrow_fault)?;
        for row in 1..rows {
            let standing = within
                .iter()
                .map(|compare| compare(row, row - 1))
                .find(|standing| standing.is_ne())
                .unwrap_or(Ordering::Equal);
            if standing != Ordering::Greater {
                return Ok(Some((row, standing)));
            }
        }
        if self.first.is_none() {
            self.first = Some(key(&columns, 0)?);
        }
        self.last = Some(key(&columns, rows - 1)?);
        Ok(None)
    }
}

/// How one row's key stands to another's.
pub(crate) fn compare(left: &[ArrayRef], left_row: usize, right: &[ArrayRef], right_row: usize) -> Result<Ordering> {
    for (left, right) in left.iter().zip(right) {
        let compare = make_comparator(left, right, SortOptions::default()).map_err(arrow_fault)?;
        let standing = compare(left_row, right_row);
        if standing.is_ne() {
            return Ok(standing);
        }
    }
    Ok(Ordering::Equal)
}

/// A copy, so that the batch does not stay with it.
fn key(columns: &[ArrayRef], row: usize) -> Result<Key> {
    let row = u32::try_from(row).map_err(|source| Fault::bug("a batch of too many rows").because(source))?;
    let row = UInt32Array::from(vec![row]);
    columns
        .iter()
        .map(|column| take(column, &row, None).map_err(arrow_fault))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Int32Array, StringArray},
        datatypes::{DataType, Field, Schema},
    };

    use super::*;

    fn batch(rows: &[(i32, &str)]) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![
            Field::new("hour", DataType::Int32, true),
            Field::new("area", DataType::Utf8, true),
        ]));
        let hours = Int32Array::from_iter_values(rows.iter().map(|(hour, _)| *hour));
        let areas = StringArray::from_iter_values(rows.iter().map(|(_, area)| *area));
        RecordBatch::try_new(schema, vec![Arc::new(hours), Arc::new(areas)]).unwrap()
    }
    fn order(keys: &[&str]) -> KeyOrder {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        KeyOrder::new(&batch(&[]).schema(), &keys).unwrap()
    }

    #[test]
    fn rows_in_order_have_bounds_over_all_batches() {
        let mut order = order(&["hour", "area"]);
        assert_eq!(order.follow(&batch(&[(1, "0101"), (1, "0147")])).unwrap(), None);
        assert_eq!(order.follow(&batch(&[])).unwrap(), None);
        assert_eq!(order.follow(&batch(&[(2, "0101")])).unwrap(), None);
        let (first, last) = order.into_bounds().unwrap();
        assert_eq!(compare(&first, 0, &last, 0).unwrap(), Ordering::Less);
    }

    #[test]
    fn a_key_that_stands_twice_is_seen_within_and_between_batches() {
        let twice = batch(&[(1, "0101"), (1, "0147"), (1, "0147")]);
        assert_eq!(
            order(&["hour", "area"]).follow(&twice).unwrap(),
            Some((2, Ordering::Equal))
        );
        let mut over_two = order(&["hour", "area"]);
        over_two.follow(&batch(&[(1, "0147")])).unwrap();
        assert_eq!(
            over_two.follow(&batch(&[(1, "0147")])).unwrap(),
            Some((0, Ordering::Equal))
        );
    }

    #[test]
    fn a_row_that_falls_back_is_seen_within_and_between_batches() {
        let back = batch(&[(2, "0101"), (1, "0147")]);
        assert_eq!(
            order(&["hour", "area"]).follow(&back).unwrap(),
            Some((1, Ordering::Less))
        );
        let mut over_two = order(&["area"]);
        over_two.follow(&batch(&[(1, "0147")])).unwrap();
        assert_eq!(
            over_two.follow(&batch(&[(2, "0101")])).unwrap(),
            Some((0, Ordering::Less))
        );
    }

    #[test]
    fn without_a_varying_key_column_a_second_row_is_the_first_again() {
        let mut order = order(&[]);
        assert_eq!(order.follow(&batch(&[(1, "0101")])).unwrap(), None);
        assert_eq!(
            order.follow(&batch(&[(2, "0147")])).unwrap(),
            Some((0, Ordering::Equal))
        );
    }
}
