use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Float64Builder, StringBuilder},
    compute::cast,
    datatypes::DataType,
};
use datafusion::{
    common::ScalarValue,
    error::DataFusionError,
    logical_expr::{ColumnarValue, ScalarUDF, Signature, SimpleScalarUDF, TypeSignature, Volatility},
    prelude::SessionContext,
};
use geo::Area;
use klimalade_model::Fault;

use super::{Shape, kept::Kept, sound, text, wkb};

type Measure = fn(&Shape) -> Option<f64>;

/// A number of one geometry.
const MEASURES: [(&str, Measure); 8] = [
    ("geometry_area_ha", Shape::area_ha),
    ("geometry_length_m", Shape::length_m),
    ("geometry_xmin", |shape| shape.bounds().map(|bounds| bounds.min().x)),
    ("geometry_ymin", |shape| shape.bounds().map(|bounds| bounds.min().y)),
    ("geometry_xmax", |shape| shape.bounds().map(|bounds| bounds.max().x)),
    ("geometry_ymax", |shape| shape.bounds().map(|bounds| bounds.max().y)),
    ("geometry_centroid_lon", |shape| shape.centroid().map(|(lon, _)| lon)),
    ("geometry_centroid_lat", |shape| shape.centroid().map(|(_, lat)| lat)),
];

/// The number of a geometry that a column of the schema names; none where no function gives it.
pub(crate) fn measure(function: &str) -> Option<Measure> {
    MEASURES
        .iter()
        .find(|(name, _)| *name == function)
        .map(|(_, measure)| *measure)
}

/// What goes wrong over one geometry.
pub(super) fn unmeasured(function: &str, reason: String) -> DataFusionError {
    DataFusionError::External(Box::new(
        Fault::contract("a geometry that cannot be measured")
            .at(format!("map.sql: {function}"))
            .found(reason)
            .hint("geometry_repaired(...) measures what is covered an odd number of times; geometry_fault(...) tells which"),
    ))
}

pub(crate) fn register_functions(session: &SessionContext) {
    let kept = Arc::new(Kept::default());
    for (name, measure) in MEASURES {
        let kept = kept.clone();
        add(session, name, &[DataType::Binary], DataType::Float64, move |columns| {
            let mut built = Float64Builder::new();
            for bytes in columns[0].as_binary::<i32>() {
                let shape = bytes.map(|bytes| kept.shape(bytes)).transpose();
                let shape = shape.map_err(|reason| unmeasured(name, reason))?;
                built.append_option(shape.and_then(|shape| measure(&shape)));
            }
            Ok(Arc::new(built.finish()))
        });
    }
    register_pairs(session, &kept);
    register_texts(session);
}

/// A figure of two geometries; `None` where there is none.
type OfTwo = fn(&Shape, &Shape) -> Option<f64>;

/// Functions of two geometries.
fn register_pairs(session: &SessionContext, kept: &Arc<Kept>) {
    let two = [DataType::Binary, DataType::Binary];
    let numbers: [(&'static str, OfTwo); 2] = [
        ("geometry_intersection_area_ha", |left, right| {
            left.intersection(right).map(|both| both.unsigned_area() / 10_000.0)
        }),
        ("geometry_share", Shape::share),
    ];
    for (name, number) in numbers {
        let kept = kept.clone();
        add(session, name, &two, DataType::Float64, move |columns| {
            let mut built = Float64Builder::new();
            pairs(name, columns, &kept, |pair| {
                built.append_option(pair.and_then(|(left, right)| number(left, right)));
            })?;
            Ok(Arc::new(built.finish()))
        });
    }
    let shapes = kept.clone();
    add(
        session,
        "geometry_intersects",
        &two,
        DataType::Boolean,
        move |columns| {
            let mut built = BooleanBuilder::new();
            pairs("geometry_intersects", columns, &shapes, |pair| {
                built.append_option(pair.map(|(left, right)| left.meets(right)));
            })?;
            Ok(Arc::new(built.finish()))
        },
    );
    let shapes = kept.clone();
    add(
        session,
        "geometry_intersection",
        &two,
        DataType::Binary,
        move |columns| {
            let mut built = BinaryBuilder::new();
            pairs("geometry_intersection", columns, &shapes, |pair| {
                let both = pair.and_then(|(left, right)| left.intersection(right));
                // Nothing in common is no geometry.
                built.append_option(
                    both.filter(|both| !both.0.is_empty())
                        .map(|both| wkb::write_polygons(&both)),
                );
            })?;
            Ok(Arc::new(built.finish()))
        },
    );
}

/// Functions that read text, and that look at what cannot be measured.
fn register_texts(session: &SessionContext) {
    let name = "geometry_from_wkt";
    add(session, name, &[DataType::Utf8], DataType::Binary, move |columns| {
        let mut built = BinaryBuilder::new();
        for cell in columns[0].as_string::<i32>() {
            let shape = cell.map(text::read).transpose();
            let shape = shape.map_err(|reason| unmeasured(name, reason))?;
            built.append_option(shape.map(|shape| wkb::write(&shape)));
        }
        Ok(Arc::new(built.finish()))
    });
    let name = "geometry_repaired";
    add(session, name, &[DataType::Binary], DataType::Binary, move |columns| {
        let mut built = BinaryBuilder::new();
        for bytes in columns[0].as_binary::<i32>() {
            let shape = bytes.map(wkb::read).transpose();
            let shape = shape.map_err(|reason| unmeasured(name, reason))?;
            let Some((bytes, shape)) = bytes.zip(shape) else {
                built.append_null();
                continue;
            };
            let is_sound = shape.reason().is_none();
            // What can be measured stays as it was, to the byte; but a collection of polygons is a multi-polygon.
            if is_sound && !wkb::is_collection(bytes) {
                built.append_value(bytes);
                continue;
            }
            let shape = if is_sound { shape } else { shape.repaired() };
            built.append_option(shape.bounds().map(|_| wkb::write(&shape)));
        }
        Ok(Arc::new(built.finish()))
    });
    add(
        session,
        "geometry_fault",
        &[DataType::Binary],
        DataType::Utf8,
        |columns| {
            let mut built = StringBuilder::new();
            for bytes in columns[0].as_binary::<i32>() {
                built.append_option(bytes.and_then(|bytes| sound(bytes).err()));
            }
            Ok(Arc::new(built.finish()))
        },
    );
}

/// Calls `each` for every row: with both shapes, or with none where one of the two is null.
fn pairs(
    name: &str,
    columns: &[ArrayRef],
    kept: &Kept,
    mut each: impl FnMut(Option<(&Shape, &Shape)>),
) -> Result<(), DataFusionError> {
    let (left, right) = (columns[0].as_binary::<i32>(), columns[1].as_binary::<i32>());
    for (left, right) in left.iter().zip(right) {
        let (Some(left), Some(right)) = (left, right) else {
            each(None);
            continue;
        };
        let shape = |bytes| kept.shape(bytes).map_err(|reason| unmeasured(name, reason));
        let (left, right) = (shape(left)?, shape(right)?);
        each(Some((&left, &right)));
    }
    Ok(())
}

/// Types in which an argument comes: geometry of a lake's file is a view on its bytes, which joins do not copy.
pub(super) fn signature(takes: &[DataType]) -> Signature {
    let mut all: Vec<Vec<DataType>> = vec![Vec::new()];
    for kind in takes {
        let forms = match kind {
            DataType::Binary => vec![DataType::Binary, DataType::BinaryView],
            other => vec![other.clone()],
        };
        all = all
            .iter()
            .flat_map(|before| {
                forms
                    .iter()
                    .map(|form| [before.as_slice(), std::slice::from_ref(form)].concat())
            })
            .collect();
    }
    Signature::one_of(
        all.into_iter().map(TypeSignature::Exact).collect(),
        Volatility::Immutable,
    )
}

/// Geometry in one form.
pub(super) fn plain(column: &ArrayRef) -> Result<ArrayRef, DataFusionError> {
    match column.data_type() {
        DataType::BinaryView => Ok(cast(column, &DataType::Binary)?),
        _ => Ok(column.clone()),
    }
}

fn add(
    session: &SessionContext,
    name: &str,
    takes: &[DataType],
    gives: DataType,
    work: impl Fn(&[ArrayRef]) -> Result<ArrayRef, DataFusionError> + Send + Sync + 'static,
) {
    let call = move |arguments: &[ColumnarValue]| {
        let one = arguments
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        let columns = columns.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let built = work(&columns)?;
        if one && built.len() == 1 {
            return ScalarValue::try_from_array(&built, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(built))
    };
    let function = SimpleScalarUDF::new_with_signature(name, signature(takes), gives, Arc::new(call));
    session.register_udf(ScalarUDF::from(function));
}
