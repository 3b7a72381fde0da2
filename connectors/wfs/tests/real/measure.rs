//! What a geometry in WKB measures, and what the raw text of an answer says that it should.

use serde_json::Value;

/// A position, easting and northing.
pub(crate) type Position = (f64, f64);

/// What a geometry holds: its kind, members, rings or lines, positions, area and length, summed over all members.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measure {
    pub(crate) kind: u32,
    pub(crate) members: u32,
    pub(crate) lists: u32,
    pub(crate) positions: usize,
    /// Shells less holes.
    pub(crate) area: f64,
    /// Of lines; of rings none.
    pub(crate) length: f64,
}

/// Area by the way a ring encloses it, from its first position on; never below 0.
pub(crate) fn enclosed(ring: &[Position]) -> f64 {
    let (x, y) = ring[0];
    let doubled: f64 = ring
        .windows(2)
        .map(|two| (two[0].0 - x) * (two[1].1 - y) - (two[1].0 - x) * (two[0].1 - y))
        .sum();
    doubled.abs() / 2.0
}

pub(crate) fn length(line: &[Position]) -> f64 {
    line.windows(2)
        .map(|two| (two[1].0 - two[0].0).hypot(two[1].1 - two[0].1))
        .sum()
}

/// Of little-endian WKB; every byte must belong to it.
pub(crate) fn of_wkb(wkb: &[u8]) -> Measure {
    let mut found = Measure::default();
    let mut at = 0;
    geometry(wkb, &mut at, &mut found);
    assert_eq!(at, wkb.len(), "bytes behind the geometry");
    found.kind = u32::from_le_bytes(wkb[1..5].try_into().unwrap());
    found
}

fn geometry(wkb: &[u8], at: &mut usize, found: &mut Measure) {
    assert_eq!(wkb[*at], 1, "little-endian");
    *at += 1;
    let kind = whole(wkb, at);
    match kind {
        1 => {
            position(wkb, at);
            found.positions += 1;
        }
        2 => {
            let line = list(wkb, at);
            found.positions += line.len();
            found.lists += 1;
            found.length += length(&line);
        }
        3 => {
            found.members += 1;
            for place in 0..whole(wkb, at) {
                let ring = list(wkb, at);
                found.positions += ring.len();
                found.lists += 1;
                found.area += enclosed(&ring) * if place == 0 { 1.0 } else { -1.0 };
            }
        }
        4..=7 => {
            for _ in 0..whole(wkb, at) {
                geometry(wkb, at, found);
            }
        }
        other => panic!("WKB of kind {other}"),
    }
}

fn whole(wkb: &[u8], at: &mut usize) -> u32 {
    *at += 4;
    u32::from_le_bytes(wkb[*at - 4..*at].try_into().unwrap())
}

fn number(wkb: &[u8], at: &mut usize) -> f64 {
    *at += 8;
    f64::from_le_bytes(wkb[*at - 8..*at].try_into().unwrap())
}

fn position(wkb: &[u8], at: &mut usize) -> Position {
    (number(wkb, at), number(wkb, at))
}

fn list(wkb: &[u8], at: &mut usize) -> Vec<Position> {
    (0..whole(wkb, at)).map(|_| position(wkb, at)).collect()
}

/// Of a GeoJSON polygon or multipolygon as written: polygons, rings, positions and area in the square of its unit.
pub(crate) fn of_geojson(geometry: &Value) -> Measure {
    let coordinates = &geometry["coordinates"];
    let polygons: Vec<Vec<Vec<Vec<f64>>>> = match geometry["type"].as_str().unwrap() {
        "Polygon" => vec![serde_json::from_value(coordinates.clone()).unwrap()],
        "MultiPolygon" => serde_json::from_value(coordinates.clone()).unwrap(),
        other => panic!("{other}"),
    };
    let mut found = Measure {
        members: polygons.len() as u32,
        ..Measure::default()
    };
    for rings in &polygons {
        for (place, ring) in rings.iter().enumerate() {
            let ring: Vec<Position> = ring.iter().map(|position| (position[0], position[1])).collect();
            found.lists += 1;
            found.positions += ring.len();
            found.area += enclosed(&ring) * if place == 0 { 1.0 } else { -1.0 };
        }
    }
    found
}

/// The text between two marks, each time it stands there.
pub(crate) fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open)
        .skip(1)
        .map(|rest| rest.split(close).next().unwrap())
        .collect()
}

/// Numbers of a coordinate list of so many dimensions, without what goes beyond two.
pub(crate) fn positions(list: &str, dimension: usize) -> Vec<Position> {
    let numbers: Vec<f64> = list.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(numbers.len() % dimension, 0);
    numbers
        .chunks(dimension)
        .map(|numbers| (numbers[0], numbers[1]))
        .collect()
}
