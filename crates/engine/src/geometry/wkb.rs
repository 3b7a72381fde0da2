//! WKB, read into what can be measured and written again.

use geo::{Coord, LineString, MultiLineString, MultiPolygon, Polygon};

use super::shape::Shape;

/// Collections in collections deeper than this nobody draws.
const DEEPEST: usize = 16;

/// Reads one geometry. The error is the reason in words: what is cut, has a third coordinate, an open ring, no number.
pub(crate) fn read(bytes: &[u8]) -> Result<Shape, String> {
    let mut shape = Shape::default();
    let mut reader = Reader { bytes, little: true };
    reader.geometry(&mut shape, 0)?;
    if reader.bytes.is_empty() {
        Ok(shape)
    } else {
        Err(format!("{} bytes after the end of the geometry", reader.bytes.len()))
    }
}

/// Whether it is a collection of geometries of any kind.
pub(crate) fn is_collection(bytes: &[u8]) -> bool {
    matches!(bytes, [1, 7, 0, 0, 0, ..] | [0, 0, 0, 0, 7, ..])
}

struct Reader<'a> {
    bytes: &'a [u8],
    little: bool,
}

impl Reader<'_> {
    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], String> {
        match self.bytes.split_first_chunk() {
            Some((first, rest)) => {
                self.bytes = rest;
                Ok(*first)
            }
            None => Err("it is cut short".to_owned()),
        }
    }

    fn number(&mut self) -> Result<u32, String> {
        let bytes = self.take()?;
        Ok(if self.little {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }

    /// A count of members that take at least `least` bytes each: what cannot be there is not reserved memory for.
    fn count(&mut self, least: usize) -> Result<usize, String> {
        let count = self.number()? as usize;
        if count.saturating_mul(least) > self.bytes.len() {
            return Err(format!("it is cut short: {count} members are announced"));
        }
        Ok(count)
    }

    fn metres(&mut self) -> Result<f64, String> {
        let bytes = self.take()?;
        Ok(if self.little {
            f64::from_le_bytes(bytes)
        } else {
            f64::from_be_bytes(bytes)
        })
    }

    fn position(&mut self) -> Result<Coord, String> {
        let (x, y) = (self.metres()?, self.metres()?);
        if x.is_finite() && y.is_finite() {
            Ok(Coord { x, y })
        } else {
            Err(format!("a coordinate that is no number: {x}, {y}"))
        }
    }

    fn positions(&mut self) -> Result<Vec<Coord>, String> {
        let count = self.count(16)?;
        (0..count).map(|_| self.position()).collect()
    }

    fn geometry(&mut self, shape: &mut Shape, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("collections nested deeper than {DEEPEST}"));
        }
        let [order] = self.take()?;
        self.little = match order {
            0 => false,
            1 => true,
            other => return Err(format!("no WKB: byte order {other}")),
        };
        match self.number()? {
            1 => self.point(shape),
            2 => self.line(shape),
            3 => self.polygon(shape),
            4..=7 => {
                let members = self.count(9)?;
                (0..members).try_for_each(|_| self.geometry(shape, depth + 1))
            }
            other => Err(format!(
                "geometry type {other}: points, lines, polygons and collections in two dimensions are read"
            )),
        }
    }

    fn point(&mut self, shape: &mut Shape) -> Result<(), String> {
        let (x, y) = (self.metres()?, self.metres()?);
        // The empty point, as GEOS and PostGIS write it.
        if x.is_nan() && y.is_nan() {
            return Ok(());
        }
        if !x.is_finite() || !y.is_finite() {
            return Err(format!("a coordinate that is no number: {x}, {y}"));
        }
        shape.points.push(Coord { x, y });
        Ok(())
    }

    fn line(&mut self, shape: &mut Shape) -> Result<(), String> {
        let positions = self.positions()?;
        match positions.len() {
            0 => Ok(()),
            1 => Err("a line of one point".to_owned()),
            _ => {
                shape.lines.0.push(LineString(positions));
                Ok(())
            }
        }
    }

    fn polygon(&mut self, shape: &mut Shape) -> Result<(), String> {
        let rings = self.count(4)?;
        let mut read = Vec::with_capacity(rings);
        for _ in 0..rings {
            let positions = self.positions()?;
            if positions.len() < 4 {
                return Err(format!("a ring of {} points: four at least", positions.len()));
            }
            if positions.first() != positions.last() {
                return Err("a ring that is not closed".to_owned());
            }
            read.push(LineString(positions));
        }
        if !read.is_empty() {
            let shell = read.remove(0);
            shape.polygons.0.push(Polygon::new(shell, read));
        }
        Ok(())
    }
}

/// Little-endian WKB of polygons: one polygon as such, else a multi-polygon.
pub(crate) fn write_polygons(polygons: &MultiPolygon) -> Vec<u8> {
    let mut wkb = Vec::new();
    match polygons.0.as_slice() {
        [one] => polygon(&mut wkb, one),
        many => {
            begin(&mut wkb, 6, many.len());
            for one in many {
                polygon(&mut wkb, one);
            }
        }
    }
    wkb
}

/// Little-endian WKB of all parts of a shape: of one kind as that kind, else a collection.
pub(crate) fn write(shape: &Shape) -> Vec<u8> {
    let kinds = [
        !shape.points.is_empty(),
        !shape.lines.0.is_empty(),
        !shape.polygons.0.is_empty(),
    ];
    let mut wkb = Vec::new();
    let several = kinds.iter().filter(|there| **there).count() != 1;
    if several {
        begin(&mut wkb, 7, kinds.iter().filter(|there| **there).count());
    }
    if kinds[0] {
        points(&mut wkb, &shape.points);
    }
    if kinds[1] {
        lines(&mut wkb, &shape.lines);
    }
    if kinds[2] {
        wkb.extend(write_polygons(&shape.polygons));
    }
    wkb
}

fn begin(wkb: &mut Vec<u8>, kind: u32, count: usize) {
    wkb.push(1);
    wkb.extend_from_slice(&kind.to_le_bytes());
    wkb.extend_from_slice(&(count as u32).to_le_bytes());
}

fn pair(wkb: &mut Vec<u8>, position: Coord) {
    wkb.extend_from_slice(&position.x.to_le_bytes());
    wkb.extend_from_slice(&position.y.to_le_bytes());
}

fn point(wkb: &mut Vec<u8>, position: Coord) {
    wkb.push(1);
    wkb.extend_from_slice(&1u32.to_le_bytes());
    pair(wkb, position);
}

fn points(wkb: &mut Vec<u8>, positions: &[Coord]) {
    match positions {
        [one] => point(wkb, *one),
        many => {
            begin(wkb, 4, many.len());
            many.iter().for_each(|position| point(wkb, *position));
        }
    }
}

fn lines(wkb: &mut Vec<u8>, lines: &MultiLineString) {
    let line = |wkb: &mut Vec<u8>, line: &LineString| {
        begin(wkb, 2, line.0.len());
        line.0.iter().for_each(|position| pair(wkb, *position));
    };
    match lines.0.as_slice() {
        [one] => line(wkb, one),
        many => {
            begin(wkb, 5, many.len());
            many.iter().for_each(|one| line(wkb, one));
        }
    }
}

fn polygon(wkb: &mut Vec<u8>, polygon: &Polygon) {
    begin(wkb, 3, 1 + polygon.interiors().len());
    for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
        wkb.extend_from_slice(&(ring.0.len() as u32).to_le_bytes());
        ring.0.iter().for_each(|position| pair(wkb, *position));
    }
}
