use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray},
    datatypes::{DataType, Field},
};
use datafusion::{
    common::ScalarValue,
    error::Result,
    logical_expr::{Accumulator, AggregateUDF, SimpleAggregateUDF},
    prelude::SessionContext,
};
use geo::{Area, CoordsIter, MultiPolygon};

use super::{
    functions::{plain, signature, unmeasured},
    shape, sound, wkb,
};

const NAME: &str = "geometry_union_area_ha";

/// Points that are collected before they are united: what a group holds in memory is about what it covers.
const COLLECTED_POINTS: usize = 100_000;

/// Area of what the polygons of a group cover together: where designations overlap, the ground counts once.
#[derive(Debug)]
struct UnionArea {
    polygons: MultiPolygon,
    points: usize,
    any: bool,
}

impl UnionArea {
    fn new() -> Self {
        Self {
            polygons: MultiPolygon(Vec::new()),
            points: 0,
            any: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let shape = sound(bytes).map_err(|reason| unmeasured(NAME, reason))?;
        if shape.polygons.0.is_empty() {
            return Ok(());
        }
        self.any = true;
        self.points += shape.polygons.coords_count();
        self.polygons.0.extend(shape.polygons.0);
        if self.points > COLLECTED_POINTS {
            self.unite();
        }
        Ok(())
    }

    fn unite(&mut self) {
        self.polygons = shape::union(&self.polygons);
        // What is left counts half, so that a union with more points than that is not made anew with every row.
        self.points = (self.polygons.coords_count() / 2).min(COLLECTED_POINTS / 2);
    }
}

impl Accumulator for UnionArea {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        plain(&values[0])?
            .as_binary::<i32>()
            .iter()
            .flatten()
            .try_for_each(|bytes| self.take(bytes))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.unite();
        Ok(vec![ScalarValue::Binary(
            self.any.then(|| wkb::write_polygons(&self.polygons)),
        )])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.unite();
        let area = self.any.then(|| self.polygons.unsigned_area() / 10_000.0);
        Ok(ScalarValue::Float64(area))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.polygons.coords_count() * size_of::<geo::Coord>()
    }
}

pub(super) fn register_union(session: &SessionContext) {
    let union = SimpleAggregateUDF::new_with_signature(
        NAME,
        signature(&[DataType::Binary]),
        DataType::Float64,
        Arc::new(|_| Ok(Box::new(UnionArea::new()))),
        vec![Arc::new(Field::new("polygons", DataType::Binary, true))],
    );
    session.register_udaf(AggregateUDF::from(union));
}
