//! The municipalities' boundaries, and places within them. See `data/README.md` for where they are from.

use std::sync::LazyLock;

use serde_json::Value;

use crate::draw::Draw;

/// Easting and northing in EPSG:25832, metres.
pub(crate) type Position = (f64, f64);
/// Closed rings: the shell, then holes.
pub(crate) type Rings = Vec<Vec<Position>>;

/// A municipality, or Christiansø.
#[derive(Debug)]
pub(crate) struct Boundary {
    /// Four digits.
    pub(crate) code: String,
    /// As DAGI writes it.
    pub(crate) name: String,
    /// Its polygons: islands.
    pub(crate) polygons: Vec<Rings>,
}

/// In the order of the codes. A damaged file would give none, which the tests would see.
pub(crate) static BOUNDARIES: LazyLock<Vec<Boundary>> = LazyLock::new(|| {
    let read: Value = serde_json::from_str(include_str!("../data/municipalities.geojson")).unwrap_or_default();
    let features = read["features"].as_array().cloned().unwrap_or_default();
    features.iter().map(boundary).collect()
});

fn boundary(feature: &Value) -> Boundary {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let position = |at: &Value| (at[0].as_f64().unwrap_or_default(), at[1].as_f64().unwrap_or_default());
    let ring = |ring: &Value| list(ring).iter().map(position).collect();
    let polygon = |rings: &Value| list(rings).iter().map(ring).collect();
    Boundary {
        code: text(&feature["properties"]["kode"]),
        name: text(&feature["properties"]["navn"]),
        polygons: list(&feature["geometry"]["coordinates"]).iter().map(polygon).collect(),
    }
}

const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// The directions of eight corners: cosine and sine, written out so that every machine draws the same.
const CORNERS: [Position; 8] = [
    (1.0, 0.0),
    (DIAGONAL, DIAGONAL),
    (0.0, 1.0),
    (-DIAGONAL, DIAGONAL),
    (-1.0, 0.0),
    (-DIAGONAL, -DIAGONAL),
    (0.0, -1.0),
    (DIAGONAL, -DIAGONAL),
];

/// A piece of land somewhere in a municipality: a closed ring around a place on its border (one of three, so that it
/// lies in two municipalities or reaches into the sea) or inland. `reach` in metres.
pub(crate) fn land(draw: Draw, reach: f64) -> Vec<Position> {
    let place = draw.text("municipality").bits() as usize % BOUNDARIES.len().max(1);
    let Some(boundary) = BOUNDARIES.get(place) else {
        return Vec::new();
    };
    let largest = boundary.polygons.iter().filter_map(|rings| rings.first());
    let Some(shell) = largest.max_by_key(|ring| ring.len()) else {
        return Vec::new();
    };
    let (count, sum) = (
        shell.len() as f64,
        shell.iter().fold((0.0, 0.0), |sum, at| (sum.0 + at.0, sum.1 + at.1)),
    );
    let middle = (sum.0 / count, sum.1 / count);
    let corner = shell[draw.text("corner").bits() as usize % shell.len()];
    let inwards = if draw.text("border").unit() < 0.33 {
        0.0
    } else {
        draw.text("inwards").between(0.3, 0.9)
    };
    let centre = (
        corner.0 + inwards * (middle.0 - corner.0),
        corner.1 + inwards * (middle.1 - corner.1),
    );
    let mut ring: Vec<Position> = CORNERS
        .iter()
        .zip(0..)
        .map(|((east, north), at)| {
            let far = reach * draw.number(at).between(0.7, 1.2);
            // Centimetres, as registers keep them.
            let round = |metres: f64| (metres * 100.0).round() / 100.0;
            (round(centre.0 + far * east), round(centre.1 + far * north))
        })
        .collect();
    ring.extend(ring.first().copied());
    ring
}

/// Hectares of a closed ring.
pub(crate) fn hectares(ring: &[Position]) -> f64 {
    let twice: f64 = ring
        .windows(2)
        .map(|two| two[0].0 * two[1].1 - two[1].0 * two[0].1)
        .sum();
    twice.abs() / 20_000.0
}
