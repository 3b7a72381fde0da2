//! What can be measured of a geometry, and what makes it one that cannot.

use std::sync::LazyLock;

use geo::{
    Area, BooleanOps, BoundingRect, Centroid, Coord, Euclidean, Intersects, Length, LineString, MultiLineString,
    MultiPoint, MultiPolygon, Polygon, Rect, bool_ops::FillRule, unary_union,
};
use proj4rs::proj::Proj;

/// Square metres of a hectare.
const HECTARE_M2: f64 = 10_000.0;
/// How far the rings' own area may be from what they cover, square metres. Boolean operations work on a grid of about a
/// billionth of the extent, so the larger the geometry the larger this.
const TOLERANCE_M2: f64 = 0.5;
/// The same, as a part of the area.
const TOLERANCE_RATIO: f64 = 1e-6;

/// A geometry by the dimension of its parts; collections are taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) points: Vec<Coord>,
    pub(crate) lines: MultiLineString,
    pub(crate) polygons: MultiPolygon,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            lines: MultiLineString(Vec::new()),
            polygons: MultiPolygon(Vec::new()),
        }
    }
}

impl Shape {
    /// Why the geometry cannot be measured: rings that cross, holes outside their shell, parts that overlap. They show
    /// in the area: what the rings enclose by themselves is another area than what they cover together. A ring that
    /// touches itself encloses what it covers, and is let through.
    pub(crate) fn reason(&self) -> Option<String> {
        if self.polygons.0.is_empty() {
            return None;
        }
        let own = self.polygons.unsigned_area();
        if own <= 0.0 || self.polygons.iter().any(|polygon| signed_parts(polygon) <= 0.0) {
            return Some("a polygon without an area, or with holes that are larger than itself".to_owned());
        }
        let covered = self.covered().unsigned_area();
        let allowed = TOLERANCE_M2.max(own * TOLERANCE_RATIO);
        if (own - covered).abs() <= allowed {
            return None;
        }
        Some(format!(
            "its rings cross or its parts overlap: {:.4} ha by its rings, {:.4} ha covered",
            own / HECTARE_M2,
            covered / HECTARE_M2
        ))
    }

    /// What the polygons cover by the even-odd rule: covered twice is not covered.
    pub(crate) fn covered(&self) -> MultiPolygon {
        let nothing = MultiPolygon(Vec::new());
        self.polygons.union_with_fill_rule(&nothing, FillRule::EvenOdd)
    }

    /// The same geometry with polygons that can be measured.
    pub(crate) fn repaired(&self) -> Self {
        Self {
            polygons: self.covered(),
            ..self.clone()
        }
    }

    /// Hectares; none where there are no polygons.
    pub(crate) fn area_ha(&self) -> Option<f64> {
        (!self.polygons.0.is_empty()).then(|| self.polygons.unsigned_area() / HECTARE_M2)
    }

    /// Metres of its lines; none where there are none.
    pub(crate) fn length_m(&self) -> Option<f64> {
        (!self.lines.0.is_empty()).then(|| Euclidean.length(&self.lines))
    }

    /// Its box; none where it is empty.
    pub(crate) fn bounds(&self) -> Option<Rect> {
        let points = MultiPoint::from_iter(self.points.iter().copied());
        [
            points.bounding_rect(),
            self.lines.bounding_rect(),
            self.polygons.bounding_rect(),
        ]
        .into_iter()
        .flatten()
        .reduce(|left, right| {
            Rect::new(
                Coord {
                    x: left.min().x.min(right.min().x),
                    y: left.min().y.min(right.min().y),
                },
                Coord {
                    x: left.max().x.max(right.max().x),
                    y: left.max().y.max(right.max().y),
                },
            )
        })
    }

    /// Centre of gravity of the parts of the highest dimension, longitude and latitude in degrees.
    pub(crate) fn centroid(&self) -> Option<(f64, f64)> {
        let points = MultiPoint::from_iter(self.points.iter().copied());
        let centre = if self.polygons.0.is_empty() {
            self.lines.centroid().or_else(|| points.centroid())
        } else {
            self.polygons.centroid()
        };
        centre.and_then(|centre| degrees(centre.x(), centre.y()))
    }

    /// The polygons of both; none where one has no polygons.
    pub(crate) fn intersection(&self, other: &Self) -> Option<MultiPolygon> {
        if self.polygons.0.is_empty() || other.polygons.0.is_empty() {
            return None;
        }
        let nothing = MultiPolygon(Vec::new());
        let (Some(mine), Some(theirs)) = (self.bounds(), other.bounds()) else {
            return Some(nothing);
        };
        let Some(both) = common(mine, theirs) else {
            return Some(nothing);
        };
        // Cut to the common box first: a boundary has tens of thousands of points and a project meets few of them, and
        // on a smaller extent the grid of the operation is finer.
        let (mine, theirs) = (cut(&self.polygons, mine, both), cut(&other.polygons, theirs, both));
        Some(mine.intersection_with_fill_rule(&theirs, FillRule::EvenOdd))
    }

    /// The part of the geometry, 0 to 1, that lies in the polygons of `other`: of its area, else of its length, else of
    /// its points. None where there is nothing to share.
    pub(crate) fn share(&self, other: &Self) -> Option<f64> {
        if other.polygons.0.is_empty() {
            return None;
        }
        if let Some(whole) = self.area_ha() {
            let part = self.intersection(other)?.unsigned_area() / HECTARE_M2;
            return Some((part / whole).clamp(0.0, 1.0));
        }
        if let Some(whole) = self.length_m() {
            let part = Euclidean.length(&other.polygons.clip(&self.lines, false));
            return Some((part / whole).clamp(0.0, 1.0));
        }
        let inside = self.points.iter().filter(|point| other.polygons.intersects(*point));
        (!self.points.is_empty()).then(|| inside.count() as f64 / self.points.len() as f64)
    }

    /// Whether the two have a point in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (self.bounds(), other.bounds()) else {
            return false;
        };
        if common(mine, theirs).is_none() {
            return false;
        }
        let points = MultiPoint::from_iter(self.points.iter().copied());
        let others = MultiPoint::from_iter(other.points.iter().copied());
        self.polygons.intersects(&other.polygons)
            || self.polygons.intersects(&other.lines)
            || self.polygons.intersects(&others)
            || self.lines.intersects(&other.polygons)
            || self.lines.intersects(&other.lines)
            || self.lines.intersects(&others)
            || points.intersects(&other.polygons)
            || points.intersects(&other.lines)
            || points.intersects(&others)
    }
}

/// What many polygons cover together; what lies in several of them counts once.
pub(crate) fn union(polygons: &MultiPolygon) -> MultiPolygon {
    use geo::orient::{Direction, Orient};
    // The union counts by how rings turn, so all shells have to turn the same way.
    unary_union(&polygons.orient(Direction::Default).0)
}

/// Area of the shell less that of the holes, whichever way they turn.
fn signed_parts(polygon: &Polygon) -> f64 {
    let ring = |ring: &LineString| Polygon::new(ring.clone(), Vec::new()).unsigned_area();
    ring(polygon.exterior()) - polygon.interiors().iter().map(ring).sum::<f64>()
}

fn common(left: Rect, right: Rect) -> Option<Rect> {
    let min = Coord {
        x: left.min().x.max(right.min().x),
        y: left.min().y.max(right.min().y),
    };
    let max = Coord {
        x: left.max().x.min(right.max().x),
        y: left.max().y.min(right.max().y),
    };
    (min.x <= max.x && min.y <= max.y).then(|| Rect::new(min, max))
}

/// The polygons within a box. Rings are cut one by one (Sutherland and Hodgman, 1974): pieces of one ring stay joined
/// along the box's sides, there and back, which the even-odd rule takes away again.
fn cut(polygons: &MultiPolygon, bounds: Rect, to: Rect) -> MultiPolygon {
    if to.min().x <= bounds.min().x
        && to.min().y <= bounds.min().y
        && to.max().x >= bounds.max().x
        && to.max().y >= bounds.max().y
    {
        return polygons.clone();
    }
    let mut kept = Vec::new();
    for polygon in polygons {
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        let rings = rings.filter_map(|ring| cut_ring(ring, to));
        // Each ring for itself: even-odd needs no shells and holes.
        kept.extend(rings.map(|ring| Polygon::new(ring, Vec::new())));
    }
    MultiPolygon(kept)
}

/// A coordinate's part along an axis.
type Axis = fn(Coord) -> f64;

fn cut_ring(ring: &LineString, to: Rect) -> Option<LineString> {
    let mut positions = ring.0.clone();
    positions.pop();
    let along = |from: Coord, to: Coord, ratio: f64| Coord {
        x: from.x + ratio * (to.x - from.x),
        y: from.y + ratio * (to.y - from.y),
    };
    let sides: [(Axis, f64, f64); 4] = [
        (|at| at.x, to.min().x, 1.0),
        (|at| at.x, to.max().x, -1.0),
        (|at| at.y, to.min().y, 1.0),
        (|at| at.y, to.max().y, -1.0),
    ];
    for (axis, limit, sign) in sides {
        let depth = |at: Coord| (axis(at) - limit) * sign;
        let mut kept = Vec::with_capacity(positions.len());
        let mut before = *positions.last()?;
        for at in positions {
            let (was, is) = (depth(before), depth(at));
            if (was < 0.0) != (is < 0.0) {
                kept.push(along(before, at, was / (was - is)));
            }
            if is >= 0.0 {
                kept.push(at);
            }
            before = at;
        }
        positions = kept;
        if positions.len() < 3 {
            return None;
        }
    }
    let mut closed = LineString(positions);
    closed.close();
    Some(closed)
}

/// Both ends on GRS80, as everywhere in the house: ETRS89 and WGS 84 are one for a map in whole metres.
static UTM32: LazyLock<Option<(Proj, Proj)>> = LazyLock::new(|| {
    let project = |text: &str| Proj::from_proj_string(text).ok();
    Some((
        project("+proj=utm +zone=32 +ellps=GRS80 +units=m +no_defs")?,
        project("+proj=longlat +ellps=GRS80 +no_defs")?,
    ))
});

/// Easting and northing in EPSG:25832 as longitude and latitude in degrees.
fn degrees(east: f64, north: f64) -> Option<(f64, f64)> {
    let (metres, degrees) = UTM32.as_ref()?;
    let mut point = (east, north, 0.0);
    proj4rs::transform::transform(metres, degrees, &mut point).ok()?;
    Some((point.0.to_degrees(), point.1.to_degrees()))
}
