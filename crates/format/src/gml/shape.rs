//! GML geometry to WKB in EPSG:25832.

use klimalade_model::{Fault, Result};

use super::pull::{Piece, Pull};
use crate::{
    error::shortened,
    geometry::{DENMARK_EASTING_METRES, DENMARK_NORTHING_METRES},
};

/// What a chord may leave of its arc, metres.
const LARGEST_SAGITTA_METRES: f64 = 0.001;
/// Chords of one arc at most.
const MOST_CHORDS: f64 = 1024.0;
/// Positions that the arcs of one geometry may become: some bytes of text make a thousand of them.
const MOST_POSITIONS: usize = 4 << 20;

type Position = [f64; 2];

/// A geometry before it is written.
enum Shape {
    Point(Option<Position>),
    Line(Vec<Position>),
    Polygon(Vec<Vec<Position>>),
    Points(Vec<Shape>),
    Lines(Vec<Shape>),
    Polygons(Vec<Shape>),
    Collection(Vec<Shape>),
}

/// What an envelope says for the geometry that does not say it itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Inherited {
    pub(super) srs_name: Option<String>,
    pub(super) dimension: Option<usize>,
}

/// True for every spelling of EPSG:25832: `EPSG:25832`, URN, both addresses.
pub fn names_epsg25832(srs_name: &str) -> bool {
    let last = srs_name.trim().rsplit(['/', ':', '#']).next();
    srs_name.to_ascii_uppercase().contains("EPSG") && last == Some("25832")
}

pub(super) fn is_geometry(name: &str) -> bool {
    matches!(
        name,
        "Point"
            | "MultiPoint"
            | "LineString"
            | "LinearRing"
            | "Ring"
            | "Curve"
            | "CompositeCurve"
            | "OrientableCurve"
            | "MultiLineString"
            | "MultiCurve"
            | "Polygon"
            | "Surface"
            | "CompositeSurface"
            | "OrientableSurface"
            | "PolyhedralSurface"
            | "TriangulatedSurface"
            | "Tin"
            | "MultiPolygon"
            | "MultiSurface"
            | "MultiGeometry"
            | "GeometricComplex"
            | "Solid"
            | "MultiSolid"
            | "CompositeSolid"
    )
}

fn is_wrapper(name: &str) -> bool {
    matches!(
        name,
        "pointMember"
            | "pointMembers"
            | "curveMember"
            | "curveMembers"
            | "lineStringMember"
            | "surfaceMember"
            | "surfaceMembers"
            | "polygonMember"
            | "geometryMember"
            | "geometryMembers"
            | "segments"
            | "patches"
            | "polygonPatches"
    )
}

/// The geometry that was opened last as little-endian WKB. Errors: Contract, for another system than EPSG:25832, a
/// form that is not read, an open ring and a coordinate outside Denmark; Source, for XML that is none.
pub(super) fn wkb(pull: &mut Pull<'_>, inherited: &Inherited) -> Result<Vec<u8>> {
    let mut parser = Parser { pull, chords: 0 };
    let mut context = inherited.clone();
    if let Some(own) = &parser.pull.attributes.srs_name {
        context.srs_name = Some(own.clone());
    }
    if let Some(found) = context.srs_name.as_deref().filter(|name| !names_epsg25832(name)) {
        return Err(other_system(found));
    }
    let shape = parser.shape(context.dimension)?;
    let mut out = Vec::with_capacity(128);
    shape.write(&mut out)?;
    Ok(out)
}

fn other_system(found: &str) -> Fault {
    Fault::contract("a geometry in another coordinate reference system than asked for")
        .expected("EPSG:25832")
        .found(shortened(found))
        .hint("the server's own list of systems (DefaultCRS, OtherCRS in GetCapabilities) must hold EPSG:25832")
}

fn unread(expected: &str, found: impl Into<String>) -> Fault {
    Fault::contract("a geometry cannot be read")
        .expected(expected.to_owned())
        .found(shortened(&found.into()))
}

struct Parser<'p, 'a> {
    pull: &'p mut Pull<'a>,
    /// Positions that arcs became so far.
    chords: usize,
}

impl Parser<'_, '_> {
    /// Reads the element that was opened last, to its close.
    fn shape(&mut self, dimension: Option<usize>) -> Result<Shape> {
        let dimension = self.enter(dimension)?;
        let name = self.pull.name.clone();
        Ok(match name.as_str() {
            "Point" => {
                let mut positions = self.positions(dimension)?;
                if positions.len() > 1 {
                    return Err(unread(
                        "a point of one position",
                        format!("{} positions", positions.len()),
                    ));
                }
                Shape::Point(positions.pop())
            }
            "LineString" | "LinearRing" | "Ring" | "Curve" | "CompositeCurve" => Shape::Line(self.line(dimension)?),
            "Polygon" => Shape::Polygon(self.rings(dimension)?),
            "Surface" | "CompositeSurface" | "PolyhedralSurface" => {
                let mut parts = self.parts(dimension)?;
                match parts.len() {
                    1 => parts.remove(0),
                    _ => Shape::Polygons(parts),
                }
            }
            "MultiPoint" => Shape::Points(self.parts(dimension)?),
            "MultiCurve" | "MultiLineString" => Shape::Lines(self.parts(dimension)?),
            "MultiSurface" | "MultiPolygon" => Shape::Polygons(self.parts(dimension)?),
            "MultiGeometry" => Shape::Collection(self.parts(dimension)?),
            other => {
                return Err(unread(
                    "a point, curve or surface of simple features",
                    format!("gml:{other}"),
                ));
            }
        })
    }

    /// Checks what the element opened last says of its system; gives the dimension that holds inside it.
    fn enter(&mut self, dimension: Option<usize>) -> Result<Option<usize>> {
        let attributes = &self.pull.attributes;
        if let Some(found) = attributes.srs_name.as_deref().filter(|name| !names_epsg25832(name)) {
            return Err(other_system(found));
        }
        if attributes.href {
            return Err(unread(
                "the geometry itself",
                "a reference to another element (xlink:href)",
            ));
        }
        Ok(attributes.dimension.or(dimension))
    }

    /// Opens the next element inside, through the elements that only hold members. `None` at the close.
    fn child(&mut self, wrappers: &mut usize) -> Result<bool> {
        loop {
            match self.pull.next()? {
                Piece::Open if !self.pull.is_gml() => self.pull.skip()?,
                Piece::Open if matches!(self.pull.name.as_str(), "metaDataProperty" | "name" | "description") => {
                    self.pull.skip()?;
                }
                Piece::Open if is_wrapper(&self.pull.name) => {
                    self.enter(None)?;
                    *wrappers += 1;
                }
                Piece::Open => return Ok(true),
                Piece::Close if *wrappers == 0 => return Ok(false),
                Piece::Close => *wrappers -= 1,
                Piece::Text => {}
                Piece::End => return Err(self.pull.malformed("the end within a geometry")),
            }
        }
    }

    /// Members, those of members that are many themselves taken apart.
    fn parts(&mut self, dimension: Option<usize>) -> Result<Vec<Shape>> {
        let (mut found, mut wrappers) = (Vec::new(), 0);
        while self.child(&mut wrappers)? {
            if matches!(self.pull.name.as_str(), "PolygonPatch" | "Rectangle" | "Triangle") {
                found.push(Shape::Polygon(self.rings(dimension)?));
                continue;
            }
            match self.shape(dimension)? {
                Shape::Polygons(parts) => found.extend(parts),
                part => found.push(part),
            }
        }
        Ok(found)
    }

    fn rings(&mut self, dimension: Option<usize>) -> Result<Vec<Vec<Position>>> {
        let dimension = self.enter(dimension)?;
        let (mut rings, mut wrappers, mut has_exterior) = (Vec::new(), 0, false);
        while self.child(&mut wrappers)? {
            let is_exterior = match self.pull.name.as_str() {
                "exterior" => true,
                "interior" => false,
                other => return Err(super::gml2(other).unwrap_or_else(|| unread("exterior or interior", other))),
            };
            let ring = self.line(dimension)?;
            if ring.len() < 4 || ring.first() != ring.last() {
                let found = format!("{} positions from {:?} to {:?}", ring.len(), ring.first(), ring.last());
                return Err(unread("a closed ring of at least four positions", found));
            }
            if is_exterior && std::mem::replace(&mut has_exterior, true) {
                return Err(unread("one exterior", "two of them"));
            }
            // WKB takes the first ring as the outer one.
            rings.insert(if is_exterior { 0 } else { rings.len() }, ring);
        }
        if !rings.is_empty() && !has_exterior {
            return Err(unread("an exterior", "an interior alone"));
        }
        Ok(rings)
    }

    /// All positions of a curve: its own, those of its segments and of its members, joints once.
    fn line(&mut self, dimension: Option<usize>) -> Result<Vec<Position>> {
        let dimension = self.enter(dimension)?;
        let (mut line, mut wrappers): (Vec<Position>, usize) = (Vec::new(), 0);
        while self.child(&mut wrappers)? {
            let name = self.pull.name.clone();
            let more = match name.as_str() {
                "pos" | "posList" => {
                    self.list(dimension, &mut line)?;
                    continue;
                }
                "LineStringSegment" => self.positions(dimension)?,
                "ArcString" | "Arc" => self.arcs(dimension)?,
                "Circle" => {
                    let chords = circle(&self.positions(dimension)?)?;
                    self.count_chords(chords.len())?;
                    chords
                }
                "LineString" | "LinearRing" | "Ring" | "Curve" | "CompositeCurve" => self.line(dimension)?,
                other => {
                    let fault = || unread("line segments, arcs or circles", format!("gml:{other}"));
                    return Err(super::gml2(other).unwrap_or_else(fault));
                }
            };
            let joint = usize::from(line.last().is_some() && line.last() == more.first());
            line.extend(more.into_iter().skip(joint));
        }
        Ok(line)
    }

    /// Three positions make an arc, the last one of it begins the next.
    fn arcs(&mut self, dimension: Option<usize>) -> Result<Vec<Position>> {
        let positions = self.positions(dimension)?;
        if positions.len() < 3 || positions.len().is_multiple_of(2) {
            return Err(unread(
                "an odd number of positions, three at least",
                format!("{} of an arc", positions.len()),
            ));
        }
        let mut line = vec![positions[0]];
        for arc in positions.windows(3).step_by(2) {
            let [begin, middle, end] = [arc[0], arc[1], arc[2]];
            line.pop();
            let chords = arc_positions(begin, middle, end);
            self.count_chords(chords.len())?;
            line.extend(chords);
        }
        Ok(line)
    }

    fn count_chords(&mut self, more: usize) -> Result<()> {
        self.chords += more;
        if self.chords > MOST_POSITIONS {
            let expected = format!("arcs that become at most {MOST_POSITIONS} positions");
            return Err(unread(&expected, "more of them"));
        }
        Ok(())
    }

    fn positions(&mut self, dimension: Option<usize>) -> Result<Vec<Position>> {
        let dimension = self.enter(dimension)?;
        let (mut found, mut wrappers) = (Vec::new(), 0);
        while self.child(&mut wrappers)? {
            match self.pull.name.clone().as_str() {
                "pos" | "posList" => self.list(dimension, &mut found)?,
                other => return Err(super::gml2(other).unwrap_or_else(|| unread("pos or posList", other))),
            }
        }
        Ok(found)
    }

    /// One list of numbers; a third coordinate is left out.
    fn list(&mut self, dimension: Option<usize>, into: &mut Vec<Position>) -> Result<()> {
        // What the list says of itself goes before what stands around it.
        let own = self.pull.attributes.dimension;
        let dimension = self.enter(dimension)?;
        let (is_one, count) = (self.pull.name == "pos", self.pull.attributes.count);
        let mut text = String::new();
        self.pull.text_into(&mut text)?;
        let mut numbers = Vec::new();
        for word in text.split_ascii_whitespace() {
            let number = word.parse::<f64>().ok().filter(|number| number.is_finite());
            numbers.push(number.ok_or_else(|| unread("numbers between spaces", word))?);
        }
        let by_count = count
            .filter(|count| *count > 0 && numbers.len() % count == 0)
            .map(|count| numbers.len() / count);
        let width = if is_one {
            numbers.len()
        } else {
            own.or(by_count).or(dimension).unwrap_or(2)
        };
        if numbers.is_empty() {
            return Ok(());
        }
        if !(2..=3).contains(&width) || numbers.len() % width != 0 {
            return Err(unread(
                &format!("positions of {} numbers", dimension.unwrap_or(2)),
                format!("{} numbers", numbers.len()),
            ));
        }
        for position in numbers.chunks_exact(width) {
            let [east, north, ..] = *position else { continue };
            if !DENMARK_EASTING_METRES.contains(&east) || !DENMARK_NORTHING_METRES.contains(&north) {
                return Err(
                    Fault::contract("a coordinate outside Denmark: swapped axes or another reference system")
                        .expected("easting 400000 to 900000, northing 6000000 to 6450000 in EPSG:25832")
                        .found(format!("{east}, {north}")),
                );
            }
            into.push([east, north]);
        }
        Ok(())
    }
}

fn circle(positions: &[Position]) -> Result<Vec<Position>> {
    let [begin, middle, end] = *positions else {
        return Err(unread(
            "a circle of three positions",
            format!("{} positions", positions.len()),
        ));
    };
    let Some((center, radius)) = center(begin, middle, end) else {
        return Err(unread("a circle", "three positions in a line"));
    };
    let angle = |position: Position| (position[1] - center[1]).atan2(position[0] - center[0]);
    let is_left = turn(begin, middle, end) > 0.0;
    let sweep = if is_left {
        std::f64::consts::TAU
    } else {
        -std::f64::consts::TAU
    };
    Ok(chords(begin, begin, center, radius, angle(begin), sweep))
}

/// The arc through three positions as chords, both ends as given.
fn arc_positions(begin: Position, middle: Position, end: Position) -> Vec<Position> {
    if begin == end && begin != middle {
        // By ISO 19107 a whole circle, whose other side is the middle.
        let center = [(begin[0] + middle[0]) / 2.0, (begin[1] + middle[1]) / 2.0];
        let radius = (begin[0] - center[0]).hypot(begin[1] - center[1]);
        let from = (begin[1] - center[1]).atan2(begin[0] - center[0]);
        return chords(begin, end, center, radius, from, std::f64::consts::TAU);
    }
    let Some((center, radius)) = center(begin, middle, end) else {
        return vec![begin, middle, end];
    };
    let angle = |position: Position| (position[1] - center[1]).atan2(position[0] - center[0]);
    let from = angle(begin);
    let left = (angle(end) - from).rem_euclid(std::f64::consts::TAU);
    let is_left = turn(begin, middle, end) > 0.0;
    let sweep = if is_left { left } else { left - std::f64::consts::TAU };
    chords(begin, end, center, radius, from, sweep)
}

fn chords(begin: Position, end: Position, center: Position, radius: f64, from: f64, sweep: f64) -> Vec<Position> {
    let step = 2.0 * (1.0 - (LARGEST_SAGITTA_METRES / radius).min(1.0)).acos();
    let count = (sweep.abs() / step).ceil().clamp(8.0, MOST_CHORDS) as usize;
    let mut line = vec![begin];
    for at in 1..count {
        let angle = from + sweep * at as f64 / count as f64;
        line.push([center[0] + radius * angle.cos(), center[1] + radius * angle.sin()]);
    }
    line.push(end);
    line
}

/// Above 0: from `begin` by `middle` to `end` is a turn to the left.
fn turn(begin: Position, middle: Position, end: Position) -> f64 {
    (middle[0] - begin[0]) * (end[1] - begin[1]) - (middle[1] - begin[1]) * (end[0] - begin[0])
}

fn center(begin: Position, middle: Position, end: Position) -> Option<(Position, f64)> {
    // Relative to one of them: northings of millions have few digits left for squares.
    let (bx, by) = (middle[0] - begin[0], middle[1] - begin[1]);
    let (cx, cy) = (end[0] - begin[0], end[1] - begin[1]);
    let double = 2.0 * (bx * cy - by * cx);
    let scale = (bx.hypot(by) * cx.hypot(cy)).max(f64::MIN_POSITIVE);
    if (double / scale).abs() < 1e-9 {
        return None;
    }
    let (b, c) = (bx * bx + by * by, cx * cx + cy * cy);
    let (x, y) = ((cy * b - by * c) / double, (bx * c - cx * b) / double);
    Some(([begin[0] + x, begin[1] + y], x.hypot(y)))
}

impl Shape {
    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let begin = |out: &mut Vec<u8>, kind: u32| {
            out.push(1);
            out.extend_from_slice(&kind.to_le_bytes());
        };
        match self {
            Self::Point(position) => {
                begin(out, 1);
                put(out, position.unwrap_or([f64::NAN, f64::NAN]));
            }
            Self::Line(line) => {
                begin(out, 2);
                put_all(out, line)?;
            }
            Self::Polygon(rings) => {
                begin(out, 3);
                count(out, rings.len())?;
                rings.iter().try_for_each(|ring| put_all(out, ring))?;
            }
            Self::Points(parts) => members(out, 4, parts, |part| matches!(part, Self::Point(_)))?,
            Self::Lines(parts) => members(out, 5, parts, |part| matches!(part, Self::Line(_)))?,
            Self::Polygons(parts) => members(out, 6, parts, |part| matches!(part, Self::Polygon(_)))?,
            Self::Collection(parts) => members(out, 7, parts, |_| true)?,
        }
        Ok(())
    }
}

fn members(out: &mut Vec<u8>, kind: u32, parts: &[Shape], fits: fn(&Shape) -> bool) -> Result<()> {
    if !parts.iter().all(fits) {
        return Err(unread("members of one kind", "others among them"));
    }
    out.push(1);
    out.extend_from_slice(&kind.to_le_bytes());
    count(out, parts.len())?;
    parts.iter().try_for_each(|part| part.write(out))
}

fn count(out: &mut Vec<u8>, count: usize) -> Result<()> {
    let count = u32::try_from(count).map_err(|_| unread("as many members as WKB can count", count.to_string()))?;
    out.extend_from_slice(&count.to_le_bytes());
    Ok(())
}

fn put(out: &mut Vec<u8>, position: Position) {
    out.extend_from_slice(&position[0].to_le_bytes());
    out.extend_from_slice(&position[1].to_le_bytes());
}

fn put_all(out: &mut Vec<u8>, positions: &[Position]) -> Result<()> {
    count(out, positions.len())?;
    positions.iter().for_each(|position| put(out, *position));
    Ok(())
}
