//! WKT, as agencies put geometry into JSON: `MULTIPOLYGON (((500000 6200000, ...)))`.

use geo::{Coord, LineString, Polygon};

use super::shape::Shape;

/// Eastings and northings of Denmark in EPSG:25832, metres: as in `format/src/geometry.rs`.
const DENMARK: [std::ops::RangeInclusive<f64>; 2] = [400_000.0..=900_000.0, 6_000_000.0..=6_450_000.0];
/// Collections in collections deeper than this nobody draws.
const DEEPEST: usize = 16;

/// One geometry with its coordinates as they stand: easting and northing in EPSG:25832, in Denmark. A third coordinate is
/// dropped. The error is the reason in words.
pub(crate) fn read(text: &str) -> Result<Shape, String> {
    let mut reader = Reader { rest: text };
    let mut shape = Shape::default();
    reader.geometry(&mut shape, 0)?;
    if reader.rest.trim().is_empty() {
        Ok(shape)
    } else {
        Err(reader.wrong("the end"))
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, expected: &str) -> String {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        match found.is_empty() {
            true => format!("no WKT: {expected} is missing at its end"),
            false => format!("no WKT: {expected} is missing before \"{found}\""),
        }
    }

    /// The next word in capitals; empty where a bracket or number comes.
    fn word(&mut self) -> String {
        let rest = self.rest.trim_start();
        let end = rest
            .find(|letter: char| !letter.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        self.rest = &rest[end..];
        rest[..end].to_ascii_uppercase()
    }

    fn takes(&mut self, letter: char) -> bool {
        match self.rest.trim_start().strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn is_empty(&mut self) -> Result<bool, String> {
        let before = self.rest;
        match self.word().as_str() {
            "EMPTY" => Ok(true),
            "" => Ok(false),
            _ => {
                self.rest = before;
                Err(self.wrong("a bracket"))
            }
        }
    }

    /// `(each, each, ...)`, or EMPTY.
    fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        if self.is_empty()? {
            return Ok(());
        }
        if !self.takes('(') {
            return Err(self.wrong("an opening bracket"));
        }
        loop {
            each(self)?;
            if self.takes(')') {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(self.wrong("a comma or closing bracket"));
            }
        }
    }

    fn number(&mut self) -> Option<f64> {
        let rest = self.rest.trim_start();
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "+-.".contains(letter)));
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        let number: f64 = number.parse().ok()?;
        self.rest = after;
        number.is_finite().then_some(number)
    }

    fn position(&mut self) -> Result<Coord, String> {
        let (Some(x), Some(y)) = (self.number(), self.number()) else {
            return Err(self.wrong("a coordinate"));
        };
        while self.number().is_some() {}
        if !DENMARK[0].contains(&x) || !DENMARK[1].contains(&y) {
            return Err(format!(
                "{x} {y} is outside Denmark in EPSG:25832: degrees, swapped axes or another system"
            ));
        }
        Ok(Coord { x, y })
    }

    fn positions(&mut self) -> Result<Vec<Coord>, String> {
        let mut positions = Vec::new();
        self.list(|reader| {
            positions.push(reader.position()?);
            Ok(())
        })?;
        Ok(positions)
    }

    fn line(&mut self, shape: &mut Shape) -> Result<(), String> {
        let positions = self.positions()?;
        match positions.len() {
            0 => {}
            1 => return Err("a line of one point".to_owned()),
            _ => shape.lines.0.push(LineString(positions)),
        }
        Ok(())
    }

    fn polygon(&mut self, shape: &mut Shape) -> Result<(), String> {
        let mut rings = Vec::new();
        self.list(|reader| {
            let ring = reader.positions()?;
            if ring.len() < 4 || ring.first() != ring.last() {
                return Err("a ring that is not closed, or has fewer than four points".to_owned());
            }
            rings.push(LineString(ring));
            Ok(())
        })?;
        if !rings.is_empty() {
            let shell = rings.remove(0);
            shape.polygons.0.push(Polygon::new(shell, rings));
        }
        Ok(())
    }

    fn geometry(&mut self, shape: &mut Shape, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("collections nested deeper than {DEEPEST}"));
        }
        let kind = self.word();
        let before = self.rest;
        if !matches!(self.word().as_str(), "Z" | "M" | "ZM") {
            self.rest = before;
        }
        match kind.as_str() {
            "POINT" => self.list(|reader| {
                shape.points.push(reader.position()?);
                Ok(())
            }),
            "MULTIPOINT" => self.list(|reader| {
                // Each point may stand in brackets of its own.
                let bracket = reader.takes('(');
                shape.points.push(reader.position()?);
                if bracket && !reader.takes(')') {
                    return Err(reader.wrong("a closing bracket"));
                }
                Ok(())
            }),
            "LINESTRING" => self.line(shape),
            "MULTILINESTRING" => self.list(|reader| reader.line(shape)),
            "POLYGON" => self.polygon(shape),
            "MULTIPOLYGON" => self.list(|reader| reader.polygon(shape)),
            "GEOMETRYCOLLECTION" => self.list(|reader| reader.geometry(shape, depth + 1)),
            _ => Err(format!("no WKT: {kind} is no type of geometry")),
        }
    }
}
