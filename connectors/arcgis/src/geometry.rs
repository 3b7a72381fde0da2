//! Esri JSON geometry to WKB in EPSG:25832, by way of GeoJSON, whose reader guards rings and Denmark's box.

use klimalade_connect::{Fault, Result};
use klimalade_format::geometry::{Crs, geojson_to_wkb};
use serde_json::{Map, Value, json};

/// One geometry, as the server wrote it, in EPSG:25832. Heights and measures are dropped. `None` for an object without
/// any member, which is how some servers write that there is none.
///
/// Rings stand in one flat list, shells clockwise and holes counter-clockwise, in any order. Each hole goes to the
/// smallest shell around it. Where a hole lies in no shell, the rings of that geometry turn as they like, and only what
/// lies in what decides. What is written has shells counter-clockwise and holes clockwise, as GeoJSON and GeoParquet have
/// them.
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
    geojson_to_wkb(&geometry, Crs::Epsg25832)
        .map(Some)
        // That reader's hint names a setting that there is not here.
        .map_err(|fault| match fault.hint_text() {
            Some(_) => fault.hint("geometry = false in [source], if only the attributes are read"),
            None => fault,
        })
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
    let owners = by_turn(&rings).unwrap_or_else(|| by_nesting(&rings));
    let mut polygons: Vec<Vec<Value>> = Vec::new();
    // Where the polygon of each shell stands.
    let mut places = vec![0; rings.len()];
    let mut holes = Vec::new();
    for ((ring, owner), place) in rings.into_iter().zip(owners).zip(&mut places) {
        match owner {
            None => {
                *place = polygons.len();
                polygons.push(vec![ring.turned(true)]);
            }
            Some(owner) => holes.push((owner, ring.turned(false))),
        }
    }
    for (owner, hole) in holes {
        polygons.get_mut(*places.get(owner)?)?.push(hole);
    }
    let polygons: Vec<Value> = polygons.into_iter().map(Value::Array).collect();
    Some(match one(polygons) {
        Ok(rings) => json!({"type": "Polygon", "coordinates": rings}),
        Err(none) if none.is_empty() => json!({"type": "Polygon", "coordinates": []}),
        Err(all) => json!({"type": "MultiPolygon", "coordinates": all}),
    })
}

/// The shell of each hole as the rings turn, `None` for a shell. Nothing, where a hole lies in no shell: then the turns
/// say nothing.
fn by_turn(rings: &[Ring]) -> Option<Vec<Option<usize>>> {
    let shells = || rings.iter().enumerate().filter(|(_, ring)| ring.area < 0.0);
    let owner = |ring: &Ring| {
        if ring.area < 0.0 {
            return Some(None);
        }
        let around = shells().filter(|(_, shell)| shell.holds(ring));
        let smallest = around.min_by(|(_, left), (_, right)| left.size().total_cmp(&right.size()));
        smallest.map(|(at, _)| Some(at))
    };
    rings.iter().map(owner).collect()
}

/// The same by how deep each ring lies in others: a ring in none is a shell, one in it a hole, one in that a shell.
fn by_nesting(rings: &[Ring]) -> Vec<Option<usize>> {
    let mut order: Vec<(usize, &Ring)> = rings.iter().enumerate().collect();
    order.sort_by(|(_, left), (_, right)| right.size().total_cmp(&left.size()));
    let mut owners = vec![None; rings.len()];
    let mut larger: Vec<(usize, &Ring)> = Vec::new();
    for (at, ring) in order {
        let around = larger.iter().filter(|(_, other)| other.holds(ring));
        let (depth, smallest) = around.fold((0, None), |(depth, _), (other, _)| (depth + 1, Some(*other)));
        if let Some(owner) = owners.get_mut(at)
            && depth % 2 == 1
        {
            *owner = smallest;
        }
        larger.push((at, ring));
    }
    owners
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const X: f64 = 560_000.0;
    const Y: f64 = 6_200_000.0;

    /// A square with its lower left corner at (x, y) metres from the origin, clockwise: a shell.
    fn square(x: f64, y: f64, side: f64) -> Value {
        let (x, y) = (X + x, Y + y);
        json!([[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]])
    }

    fn reversed(ring: Value) -> Value {
        let Value::Array(mut positions) = ring else {
            panic!("a ring")
        };
        positions.reverse();
        Value::Array(positions)
    }

    fn hole(x: f64, y: f64, side: f64) -> Value {
        reversed(square(x, y, side))
    }

    fn shape(rings: &[Value]) -> Value {
        polygons(rings.to_vec()).unwrap()
    }

    fn signed_area(ring: &Value) -> f64 {
        Ring::new(ring.clone()).unwrap().area
    }

    /// Area of each polygon, holes taken off; every ring turns as GeoJSON's.
    fn areas(geometry: &Value) -> Vec<f64> {
        let polygons = match geometry["type"].as_str().unwrap() {
            "Polygon" => vec![geometry["coordinates"].clone()],
            _ => geometry["coordinates"].as_array().unwrap().clone(),
        };
        let area = |rings: &Value| {
            let rings = rings.as_array().unwrap();
            assert!(signed_area(&rings[0]) > 0.0, "a shell is counter-clockwise");
            assert!(
                rings[1..].iter().all(|ring| signed_area(ring) < 0.0),
                "a hole is clockwise"
            );
            rings.iter().map(signed_area).sum()
        };
        polygons.iter().map(area).collect()
    }

    #[test]
    fn a_hole_may_come_before_its_shell() {
        let geometry = shape(&[
            hole(10.0, 10.0, 10.0),
            square(0.0, 0.0, 100.0),
            square(500.0, 0.0, 10.0),
        ]);
        assert_eq!(geometry["type"], "MultiPolygon");
        assert_eq!(areas(&geometry), [9900.0, 100.0]);
    }

    #[test]
    fn a_hole_goes_to_the_smallest_shell_around_it() {
        // An island in a lake, with a pond on it.
        let rings = [
            hole(45.0, 45.0, 1.0),
            square(40.0, 40.0, 10.0),
            hole(20.0, 20.0, 60.0),
            square(0.0, 0.0, 100.0),
        ];
        let mut found = areas(&shape(&rings));
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [99.0, 6400.0]);
    }

    #[test]
    fn a_hole_that_touches_its_shell_is_a_hole() {
        let corner = hole(0.0, 0.0, 50.0);
        assert_eq!(areas(&shape(&[square(0.0, 0.0, 100.0), corner])), [7500.0]);
        // All corners on the line of the shell.
        let diamond = json!([
            [X + 50.0, Y],
            [X + 100.0, Y + 50.0],
            [X + 50.0, Y + 100.0],
            [X, Y + 50.0],
            [X + 50.0, Y]
        ]);
        assert_eq!(areas(&shape(&[diamond, square(0.0, 0.0, 100.0)])), [5000.0]);
    }

    #[test]
    fn a_neighbour_that_touches_is_no_hole() {
        let geometry = shape(&[square(0.0, 0.0, 100.0), square(100.0, 0.0, 10.0)]);
        assert_eq!(areas(&geometry), [10_000.0, 100.0]);
    }

    #[test]
    fn rings_that_turn_the_wrong_way_are_told_by_what_lies_in_what() {
        let lone = shape(&[hole(0.0, 0.0, 10.0)]);
        assert_eq!(areas(&lone), [100.0]);
        let (shell, inner) = (reversed(square(0.0, 0.0, 100.0)), reversed(hole(10.0, 10.0, 10.0)));
        assert_eq!(areas(&shape(&[inner, shell.clone()])), [9900.0]);
        let island = hole(12.0, 12.0, 2.0);
        let mut found = areas(&shape(&[island, hole(10.0, 10.0, 10.0), shell]));
        found.sort_by(f64::total_cmp);
        assert_eq!(found, [4.0, 9900.0]);
    }

    fn wkb(geometry: Value) -> Vec<u8> {
        esri_to_wkb(&geometry.to_string()).unwrap().unwrap()
    }

    fn kind(wkb: &[u8]) -> u32 {
        u32::from_le_bytes(wkb[1..5].try_into().unwrap())
    }

    #[test]
    fn every_form_has_its_kind_and_heights_and_measures_are_dropped() {
        for (geometry, expected, length) in [
            (
                json!({"x": X, "y": Y, "z": 12.5, "m": null, "spatialReference": {"wkid": 25832}}),
                1,
                21,
            ),
            (
                json!({"paths": [[[X, Y, 1.0, 2.0], [X, Y + 1.0, 1.0, 2.0]]], "hasZ": true, "hasM": true}),
                2,
                41,
            ),
            (json!({"rings": [square(0.0, 0.0, 10.0)], "hasM": true}), 3, 93),
            (json!({"points": [[X, Y, -999.0], [X, Y, 0.0]], "hasZ": true}), 4, 51),
            (
                json!({"paths": [[[X, Y], [X, Y + 1.0]], [[X, Y], [X + 1.0, Y]]]}),
                5,
                91,
            ),
            (
                json!({"rings": [square(0.0, 0.0, 10.0), square(50.0, 0.0, 10.0)]}),
                6,
                195,
            ),
        ] {
            let found = wkb(geometry.clone());
            assert_eq!((kind(&found), found.len()), (expected, length), "{geometry}");
        }
    }

    #[test]
    fn empty_geometries_stay_empty() {
        let point = wkb(json!({"x": "NaN", "y": "NaN"}));
        assert!(
            point[5..]
                .chunks(8)
                .all(|number| f64::from_le_bytes(number.try_into().unwrap()).is_nan())
        );
        assert_eq!(wkb(json!({"x": null, "y": null})), point);
        assert_eq!(wkb(json!({"rings": []})).len(), 9);
        assert_eq!(wkb(json!({"paths": []})).len(), 9);
        assert_eq!(esri_to_wkb("{}").unwrap(), None);
    }

    #[test]
    fn what_is_no_geometry_is_refused() {
        for text in [
            r#"{"xmin": 1, "ymin": 1, "xmax": 2, "ymax": 2}"#,
            r#"{"rings": [[["a", "b"]]]}"#,
            r#"{"rings": [[[560000, 6200000], [560001, 6200000], [560001, 6200001]]]}"#,
            r#"{"rings": [7]}"#,
            r#"{"x": 560000}"#,
            r#"{"type": "Point", "coordinates": [560000, 6200000]}"#,
            r#"{"curveRings": [[[0, 0]]]}"#,
            r#"[1, 2]"#,
            &"[".repeat(300),
        ] {
            assert!(esri_to_wkb(text).is_err(), "{text}");
        }
    }
}
