//! What a file says of its geometry: Parquet's own GEOMETRY type and GeoParquet 1.1's key `geo`, so that readers of either
//! kind know the column, its reference system and its extent.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use klimalade_model::{Fault, Result};
use parquet::{
    basic::{GeometryType, LogicalType},
    errors::ParquetError,
    schema::types::{SchemaDescriptor, Type},
};
use serde_json::{Map, Value, json};

/// EPSG:25832 as PROJ 9 writes it (PROJJSON 0.7). Of a bare code DuckDB 2.0 makes a geometry without a system.
const EPSG25832: &str = include_str!("epsg25832.json");

const TYPES: [&str; 7] = [
    "Point",
    "LineString",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
];

/// A column of WKB in EPSG:25832, and what was seen of it.
#[derive(Debug)]
pub(crate) struct GeoColumn {
    name: String,
    types: BTreeSet<&'static str>,
    /// xmin, ymin, xmax, ymax; none while nothing was seen.
    bounds: Option<[f64; 4]>,
}

impl GeoColumn {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            types: BTreeSet::new(),
            bounds: None,
        }
    }

    /// Looks at a batch that is written. Errors: Bug, when a cell is no WKB; the row contract let it through.
    pub(crate) fn see(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(cells) = batch
            .column_by_name(&self.name)
            .and_then(|column| column.as_binary_opt::<i32>())
        else {
            return Ok(());
        };
        for cell in (0..cells.len())
            .filter(|&at| cells.is_valid(at))
            .map(|at| cells.value(at))
        {
            let mut rest = cell;
            let seen = self.geometry(&mut rest, true).filter(|()| rest.is_empty());
            seen.ok_or_else(|| Fault::bug("a geometry that is no WKB").at(self.name.clone()))?;
        }
        Ok(())
    }

    /// One geometry, little-endian as the house writes it; none where it is cut or of another kind.
    fn geometry(&mut self, rest: &mut &[u8], is_whole: bool) -> Option<()> {
        let [1] = take(rest)? else { return None };
        let kind = u32::from_le_bytes(take(rest)?) as usize;
        let name = TYPES.get(kind.checked_sub(1)?)?;
        if is_whole {
            self.types.insert(name);
        }
        match kind {
            1 => self.position(rest),
            2 => self.positions(rest),
            3 => (0..u32::from_le_bytes(take(rest)?)).try_for_each(|_| self.positions(rest)),
            _ => (0..u32::from_le_bytes(take(rest)?)).try_for_each(|_| self.geometry(rest, false)),
        }
    }

    fn positions(&mut self, rest: &mut &[u8]) -> Option<()> {
        (0..u32::from_le_bytes(take(rest)?)).try_for_each(|_| self.position(rest))
    }

    fn position(&mut self, rest: &mut &[u8]) -> Option<()> {
        let (x, y) = (f64::from_le_bytes(take(rest)?), f64::from_le_bytes(take(rest)?));
        // NaN is the empty point.
        if x.is_finite() && y.is_finite() {
            self.bounds = Some(match self.bounds {
                None => [x, y, x, y],
                Some([left, low, right, high]) => [left.min(x), low.min(y), right.max(x), high.max(y)],
            });
        }
        Some(())
    }
}

fn take<const SIZE: usize>(rest: &mut &[u8]) -> Option<[u8; SIZE]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

/// The value of the key `geo`; the first column is the primary one. GeoParquet's `covering` is left out: it asks for a
/// struct of four, and ours are four columns, which readers without geometry can filter by (their statistics prune).
pub(crate) fn metadata(columns: &[GeoColumn]) -> Result<String> {
    let crs: Value =
        serde_json::from_str(EPSG25832).map_err(|source| Fault::bug("EPSG:25832 is no JSON").because(source))?;
    let described = columns.iter().map(|column| {
        let types: Vec<&str> = TYPES.into_iter().filter(|name| column.types.contains(name)).collect();
        let mut said = Map::from_iter([
            ("encoding".to_owned(), json!("WKB")),
            ("geometry_types".to_owned(), json!(types)),
            ("crs".to_owned(), crs.clone()),
            ("edges".to_owned(), json!("planar")),
        ]);
        if let Some(bounds) = column.bounds {
            said.insert("bbox".to_owned(), json!(bounds));
        }
        (column.name.clone(), Value::Object(said))
    });
    let geo = json!({
        "version": "1.1.0",
        "primary_column": columns.first().map(|column| column.name.as_str()),
        "columns": described.collect::<Map<_, _>>(),
    });
    Ok(geo.to_string())
}

/// The same schema with GEOMETRY for the named columns.
pub(crate) fn with_geometry(
    descriptor: SchemaDescriptor,
    geometry: &[String],
) -> Result<SchemaDescriptor, ParquetError> {
    if geometry.is_empty() {
        return Ok(descriptor);
    }
    let root = descriptor.root_schema();
    let fields = root
        .get_fields()
        .iter()
        .map(|field| {
            if !geometry.iter().any(|name| name == field.name()) {
                return Ok(field.clone());
            }
            let crs = Some(EPSG25832.trim_end().to_owned());
            let typed = Type::primitive_type_builder(field.name(), field.get_physical_type())
                .with_repetition(field.get_basic_info().repetition())
                .with_logical_type(Some(LogicalType::Geometry(GeometryType { crs })))
                .build()?;
            Ok(std::sync::Arc::new(typed))
        })
        .collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(SchemaDescriptor::new(std::sync::Arc::new(
        Type::group_type_builder(root.name()).with_fields(fields).build()?,
    )))
}
