//! GeoJSON geometry to WKB in EPSG:25832.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use klimalade_model::{Fault, Result};
use proj4rs::proj::Proj;
use serde_json::Value;

use crate::error::shortened;

/// The coordinate reference system in which an answer gives its coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// Longitude, latitude in degrees on WGS 84 (GeoJSON's own, RFC 7946).
    #[default]
    Crs84,
    /// ETRS89 / UTM zone 32N: easting, northing in metres.
    Epsg25832,
}

/// Eastings of Denmark in EPSG:25832, metres, Bornholm and the sea around included.
pub const DENMARK_EASTING_METRES: std::ops::RangeInclusive<f64> = 400_000.0..=900_000.0;
/// Northings of Denmark in EPSG:25832, metres.
pub const DENMARK_NORTHING_METRES: std::ops::RangeInclusive<f64> = 6_000_000.0..=6_450_000.0;

/// GeoJSON nests collections without end; nobody draws deeper than this.
const DEEPEST_COLLECTION: usize = 16;

/// Both ends on GRS80: ETRS89 and WGS 84 are one for a map in whole metres (they drift apart by some 2.5 cm a year
/// since 1989, which no agency's GeoJSON corrects for).
static UTM32: LazyLock<Result<(Proj, Proj), String>> = LazyLock::new(|| {
    let project = |text: &str| Proj::from_proj_string(text).map_err(|error| error.to_string());
    Ok((
        project("+proj=longlat +ellps=GRS80 +no_defs")?,
        project("+proj=utm +zone=32 +ellps=GRS80 +units=m +no_defs")?,
    ))
});

/// Longitude and latitude in degrees as easting and northing in EPSG:25832, metres; not guarded by Denmark's box.
/// Errors: Contract, where there is no such place on the map.
pub fn to_epsg25832(longitude_degrees: f64, latitude_degrees: f64) -> Result<(f64, f64)> {
    let (degrees, metres) = UTM32
        .as_ref()
        .map_err(|text| Fault::bug("the projection cannot be set up").found(text.clone()))?;
    let nowhere = || {
        Fault::contract("a coordinate that is not on the map")
            .expected("longitude -180 to 180, latitude -90 to 90")
            .found(format!("{longitude_degrees}, {latitude_degrees}"))
    };
    if !(-180.0..=180.0).contains(&longitude_degrees) || !(-90.0..=90.0).contains(&latitude_degrees) {
        return Err(nowhere().hint("crs = \"epsg25832\""));
    }
    let mut point = (longitude_degrees.to_radians(), latitude_degrees.to_radians(), 0.0);
    proj4rs::transform::transform(degrees, metres, &mut point).map_err(|error| nowhere().because(error.to_string()))?;
    Ok((point.0, point.1))
}

/// One GeoJSON geometry object as little-endian WKB in EPSG:25832. A third coordinate is dropped; empty geometries stay
/// empty (a point as NaN NaN, as GEOS and PostGIS write it).
///
/// Errors: Contract, for what is no geometry, an open ring, and a coordinate outside Denmark's box
/// ([`DENMARK_EASTING_METRES`], [`DENMARK_NORTHING_METRES`]), which is how swapped axes show.
pub fn geojson_to_wkb(geometry: &Value, crs: Crs) -> Result<Vec<u8>> {
    let mut wkb = Vec::with_capacity(64);
    Writer { wkb: &mut wkb, crs }.geometry(geometry, 0)?;
    Ok(wkb)
}

struct Writer<'a> {
    wkb: &'a mut Vec<u8>,
    crs: Crs,
}

fn unread(expected: &str, found: &Value) -> Fault {
    Fault::contract("a geometry cannot be read")
        .expected(expected.to_owned())
        .found(shortened(&found.to_string()))
}

impl Writer<'_> {
    fn geometry(&mut self, geometry: &Value, depth: usize) -> Result<()> {
        if depth > DEEPEST_COLLECTION {
            return Err(Fault::contract("a geometry collection nested too deep")
                .expected(format!("at most {DEEPEST_COLLECTION} levels")));
        }
        let kind = geometry.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "GeometryCollection" {
            let members = list(geometry.get("geometries"), "`geometries`, an array", geometry)?;
            self.begin(7);
            self.count(members.len())?;
            return members.iter().try_for_each(|member| self.geometry(member, depth + 1));
        }
        let coordinates = list(geometry.get("coordinates"), "`coordinates`, an array", geometry)?;
        match kind {
            "Point" => self.point(coordinates),
            "LineString" => {
                self.begin(2);
                self.positions(coordinates)
            }
            "Polygon" => self.polygon(coordinates),
            "MultiPoint" => {
                self.begin(4);
                self.count(coordinates.len())?;
                coordinates
                    .iter()
                    .try_for_each(|point| self.point(list(Some(point), "a position", point)?))
            }
            "MultiLineString" => {
                self.begin(5);
                self.count(coordinates.len())?;
                coordinates.iter().try_for_each(|line| {
                    self.begin(2);
                    self.positions(list(Some(line), "an array of positions", line)?)
                })
            }
            "MultiPolygon" => {
                self.begin(6);
                self.count(coordinates.len())?;
                let mut seen = HashSet::new();
                coordinates.iter().try_for_each(|rings| {
                    let begin = self.wkb.len();
                    self.polygon(list(Some(rings), "an array of rings", rings)?)?;
                    // MapServer 8.0.0 gives the first of several polygons as often as there are parts (2026-11-26).
                    let mut hasher = DefaultHasher::new();
                    self.wkb.get(begin..).hash(&mut hasher);
                    if seen.insert(hasher.finish()) || is_empty(rings) {
                        return Ok(());
                    }
                    Err(unread("polygons that differ", rings)
                        .hint("connector = \"wfs\" in [source], where the server is a MapServer"))
                })
            }
            _ => Err(unread("a GeoJSON geometry type", geometry)),
        }
    }

    /// Byte order (1 is little-endian) and type.
    fn begin(&mut self, kind: u32) {
        self.wkb.push(1);
        self.wkb.extend_from_slice(&kind.to_le_bytes());
    }

    fn count(&mut self, count: usize) -> Result<()> {
        let count = u32::try_from(count)
            .map_err(|_| Fault::contract("a geometry with more members than WKB can count").found(count.to_string()))?;
        self.wkb.extend_from_slice(&count.to_le_bytes());
        Ok(())
    }

    fn pair(&mut self, east: f64, north: f64) {
        self.wkb.extend_from_slice(&east.to_le_bytes());
        self.wkb.extend_from_slice(&north.to_le_bytes());
    }

    fn point(&mut self, position: &[Value]) -> Result<()> {
        self.begin(1);
        if position.is_empty() {
            self.pair(f64::NAN, f64::NAN);
            return Ok(());
        }
        self.position(position)
    }

    fn polygon(&mut self, rings: &[Value]) -> Result<()> {
        self.begin(3);
        self.count(rings.len())?;
        for ring in rings {
            let positions = list(Some(ring), "a ring, an array of positions", ring)?;
            if positions.len() < 4 || positions.first() != positions.last() {
                return Err(unread("a closed ring of at least four positions", ring));
            }
            self.positions(positions)?;
        }
        Ok(())
    }

    fn positions(&mut self, positions: &[Value]) -> Result<()> {
        self.count(positions.len())?;
        positions
            .iter()
            .try_for_each(|position| self.position(list(Some(position), "a position", position)?))
    }

    fn position(&mut self, position: &[Value]) -> Result<()> {
        let number = |at: usize| {
            position
                .get(at)
                .and_then(Value::as_f64)
                .filter(|number| number.is_finite())
        };
        let (Some(x), Some(y)) = (number(0), number(1)) else {
            return Err(unread(
                "a position of two or three numbers",
                &Value::Array(position.to_vec()),
            ));
        };
        let (east, north) = match self.crs {
            Crs::Crs84 => to_epsg25832(x, y)?,
            Crs::Epsg25832 => (x, y),
        };
        if !DENMARK_EASTING_METRES.contains(&east) || !DENMARK_NORTHING_METRES.contains(&north) {
            let hint = match self.crs {
                // Metres were caught above; degrees outside are swapped axes or another country.
                Crs::Crs84 => "crs = \"crs84\" reads longitude, then latitude",
                Crs::Epsg25832 => "crs = \"crs84\"",
            };
            return Err(
                Fault::contract("a coordinate outside Denmark: swapped axes or another reference system")
                    .expected("easting 400000 to 900000, northing 6000000 to 6450000 in EPSG:25832")
                    .found(format!("{x}, {y} ({east:.0} E {north:.0} N)"))
                    .hint(hint),
            );
        }
        self.pair(east, north);
        Ok(())
    }
}

fn is_empty(rings: &Value) -> bool {
    rings.as_array().is_some_and(Vec::is_empty)
}

fn list<'v>(value: Option<&'v Value>, expected: &str, whole: &Value) -> Result<&'v [Value]> {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| unread(expected, whole))
}

#[cfg(test)]
mod tests;
