//! Esri JSON geometry to WKB in EPSG:25832, by way of GeoJSON, whose reader guards rings and Denmark's box.

use klimalade_connect::{Fault, Result};
use klimalade_format::geometry::{Crs, geojson_to_wkb};
use serde_json::{Map, Value, json};

/// One geometry, as the server wrote it, in EPSG:25832. Heights and measures are dropped. `None` for an object without
/// any member, which is how some servers write that there is none.
///
/// Rings stand in one flat list, shells clockwise and holes counter-clockwise, in any order. Each hole goes to the
/// smallest shell around it; one that lies in none is a shell that was drawn the wrong way round. What is written has
/// shells counter-clockwise and holes clockwise, as GeoJSON and GeoParquet have them.
///
/// Errors: Contract, for curves, for what is no geometry of Esri's, and as [`geojson_to_wkb`].
pub(crate) fn esri_to_wkb(text: &str) -> Result<Option<Vec<u8>>> {
    let shape: Value = serde_json::from_str(text).map_err(|source| unread(text).because(source))?;
    let Value::Object(mut shape) = shape else {
        return Err(unread(text));
    };
    shape.remove("spatialReference");
    if shape.is_empty() {
        return Ok(None);
    }
    if shape.contains_key("curveRings") || shape.contains_key("curvePaths") {
        return Err(
            Fault::contract("a geometry of true curves, which have no form in WKB that others read")
                .expected("rings or paths of straight lines, which a server gives unless returnTrueCurves is asked for")
                .found(shortened(text))
                .hint("geometry = false in [source], if only the attributes are read"),
        );
    }
    let geometry = geojson(&mut shape).ok_or_else(|| unread(text))?;
    geojson_to_wkb(&geometry, Crs::Epsg25832).map(Some)
}

fn unread(text: &str) -> Fault {
    Fault::contract("a geometry cannot be read")
        .expected("x and y, points, paths or rings")
        .found(shortened(text))
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

fn geojson(shape: &mut Map<String, Value>) -> Option<Value> {
    let mut list = |key: &str| match shape.remove(key) {
        Some(Value::Array(list)) => Some(list),
        _ => None,
    };
    if let Some(rings) = list("rings") {
        return polygons(rings);
    }
    if let Some(paths) = list("paths") {
        return Some(match one(paths) {
            Ok(path) => json!({"type": "LineString", "coordinates": path}),
            Err(paths) => json!({"type": "MultiLineString", "coordinates": paths}),
        });
    }
    if let Some(points) = list("points") {
        return Some(json!({"type": "MultiPoint", "coordinates": points}));
    }
    let (x, y) = (shape.remove("x")?, shape.remove("y")?);
    // An empty point has "NaN" for a number, or null.
    let is_none = |value: &Value| value.is_null() || value == "NaN";
    let position = match is_none(&x) && is_none(&y) {
        true => Vec::new(),
        false => vec![x, y],
    };
    Some(json!({"type": "Point", "coordinates": position}))
}

/// The only element, or all of them.
fn one(mut list: Vec<Value>) -> Result<Value, Vec<Value>> {
    match list.pop() {
        Some(only) if list.is_empty() => Ok(only),
        Some(last) => {
            list.push(last);
            Err(list)
        }
        None => Err(list),
    }
}

/// A ring with what is needed to find its place.
struct Ring {
    positions: Vec<Value>,
    points: Vec<(f64, f64)>,
    /// Above 0 counter-clockwise.
    area: f64,
    /// Least and greatest x and y.
    bounds: [f64; 4],
}

impl Ring {
    /// `None`, where it is no array of positions.
    fn new(ring: Value) -> Option<Self> {
        let Value::Array(positions) = ring else { return None };
        let point = |position: &Value| Some((position.get(0)?.as_f64()?, position.get(1)?.as_f64()?));
        let points: Vec<(f64, f64)> = positions.iter().map(point).collect::<Option<_>>()?;
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for (x, y) in &points {
            bounds = [
                bounds[0].min(*x),
                bounds[1].min(*y),
                bounds[2].max(*x),
                bounds[3].max(*y),
            ];
        }
        // From the first point on: eastings and northings are large, and their products lose what counts.
        let origin = points.first().copied().unwrap_or_default();
        let area = edges(&points)
            .map(|(from, to)| (from.0 - origin.0) * (to.1 - origin.1) - (to.0 - origin.0) * (from.1 - origin.1))
            .sum::<f64>()
            / 2.0;
        Some(Self {
            positions,
            points,
            area,
            bounds,
        })
    }

    fn size(&self) -> f64 {
        self.area.abs()
    }

    /// The positions, counter-clockwise or clockwise.
    fn turned(mut self, counter_clockwise: bool) -> Value {
        if (self.area > 0.0) != counter_clockwise {
            self.positions.reverse();
        }
        Value::Array(self.positions)
    }

    /// Whether `other` lies in this ring; they may touch.
    fn holds(&self, other: &Self) -> bool {
        let [west, south, east, north] = self.bounds;
        let inner = other.bounds;
        if inner[0] < west || inner[1] < south || inner[2] > east || inner[3] > north || other.size() > self.size() {
            return false;
        }
        let middles = edges(&other.points).map(|(from, to)| ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0));
        // A point on the line says nothing; a ring of which all points are on it fills this one.
        other
            .points
            .iter()
            .copied()
            .chain(middles)
            .find_map(|point| self.surrounds(point))
            .unwrap_or(true)
    }

    /// Whether a point lies inside; `None` on the line itself.
    fn surrounds(&self, (x, y): (f64, f64)) -> Option<bool> {
        let mut inside = false;
        for (from, to) in edges(&self.points) {
            let cross = (to.0 - from.0) * (y - from.1) - (to.1 - from.1) * (x - from.0);
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let is_beside = x >= from.0.min(to.0) - NEAR_METRES
                && x <= from.0.max(to.0) + NEAR_METRES
                && y >= from.1.min(to.1) - NEAR_METRES
                && y <= from.1.max(to.1) + NEAR_METRES;
            if is_beside && cross.abs() <= NEAR_METRES * length {
                return None;
            }
            if (from.1 > y) != (to.1 > y) {
                let crossing = from.0 + (y - from.1) / (to.1 - from.1) * (to.0 - from.0);
                inside ^= x < crossing;
            }
        }
        Some(inside)
    }
}

/// Nearer than this is on the line: servers round coordinates when they reproject.
const NEAR_METRES: f64 = 0.001;

fn edges(points: &[(f64, f64)]) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
    points.iter().copied().zip(points.iter().copied().skip(1))
}

/// `None`, where a ring is no array of positions.
fn polygons(rings: Vec<Value>) -> Option<Value> {
    let rings: Vec<Ring> = rings.into_iter().map(Ring::new).collect::<Option<_>>()?;
    let (mut shells, holes): (Vec<Ring>, Vec<Ring>) = rings.into_iter().partition(|ring| ring.area < 0.0);
    let mut placed: Vec<(usize, Ring)> = Vec::new();
    let mut strays = Vec::new();
    for hole in holes {
        let around = shells.iter().enumerate().filter(|(_, shell)| shell.holds(&hole));
        let smallest = around.min_by(|(_, left), (_, right)| left.size().total_cmp(&right.size()));
        match smallest.map(|(at, _)| at) {
            Some(at) => placed.push((at, hole)),
            None => strays.push(hole),
        }
    }
    shells.extend(strays);
    let mut found: Vec<Vec<Value>> = shells.into_iter().map(|shell| vec![shell.turned(true)]).collect();
    for (at, hole) in placed {
        found.get_mut(at)?.push(hole.turned(false));
    }
    let found: Vec<Value> = found.into_iter().map(Value::Array).collect();
    Some(match one(found) {
        Ok(rings) => json!({"type": "Polygon", "coordinates": rings}),
        Err(all) if all.is_empty() => json!({"type": "Polygon", "coordinates": []}),
        Err(all) => json!({"type": "MultiPolygon", "coordinates": all}),
    })
}
