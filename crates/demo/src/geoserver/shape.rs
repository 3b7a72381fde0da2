//! Small areas, each within the circle of its municipality.

use serde_json::{Value as Json, json};

use super::circles::CIRCLES;
use crate::draw::Draw;

type Ring = Vec<[f64; 2]>;

/// A multipolygon: polygons of rings, the first the outer one.
#[derive(Clone, Debug)]
pub(super) struct Shape(Vec<Vec<Ring>>);

impl Shape {
    /// The area at a place among so many of one municipality: beside each other, none touches another. `None` for a code
    /// that is no municipality's.
    pub(super) fn draw(code: &str, at: usize, of: usize, draw: Draw) -> Option<Self> {
        let (_, east, north, radius) = CIRCLES.iter().find(|circle| circle.0 == code)?;
        // A square within the circle, in cells of which each area has one.
        let side = f64::from(*radius) * 1.3;
        let cells = (1..).find(|cells| cells * cells >= of).unwrap_or(1);
        let cell = side / cells as f64;
        let corner = |place: usize, middle: &i32| f64::from(*middle) - side / 2.0 + cell * place as f64 + cell * 0.05;
        let (left, bottom) = (corner(at % cells, east), corner(at / cells, north));
        let (width, height) = (
            cell * draw.text("width").between(0.4, 0.9),
            cell * draw.text("height").between(0.4, 0.9),
        );
        let whole = [left, bottom, left + width, bottom + height];
        let inner = |from: f64, to: f64| {
            [
                left + width * from,
                bottom + height * from,
                left + width * to,
                bottom + height * to,
            ]
        };
        let kind = draw.text("shape").unit();
        Some(Self(if kind < 0.15 {
            let mut hole = rectangle(inner(0.3, 0.6));
            hole.reverse();
            vec![vec![rectangle(whole), hole]]
        } else if kind < 0.25 {
            vec![vec![rectangle(inner(0.0, 0.4))], vec![rectangle(inner(0.6, 1.0))]]
        } else {
            vec![vec![rectangle(whole)]]
        }))
    }

    /// As GeoServer writes it in GML 3.2.
    pub(super) fn gml(&self, id: &str) -> String {
        const SYSTEM: &str = r#"srsName="urn:ogc:def:crs:EPSG::25832" srsDimension="2""#;
        let mut out = format!(r#"<gml:MultiSurface {SYSTEM} gml:id="{id}.geometri">"#);
        for (at, rings) in self.0.iter().enumerate() {
            out.push_str(&format!(
                r#"<gml:surfaceMember><gml:Polygon gml:id="{id}.geometri.{}">"#,
                at + 1
            ));
            for (place, ring) in rings.iter().enumerate() {
                let name = if place == 0 { "exterior" } else { "interior" };
                let list: Vec<String> = ring.iter().map(|[east, north]| format!("{east} {north}")).collect();
                let list = list.join(" ");
                out.push_str(&format!(
                    "<gml:{name}><gml:LinearRing><gml:posList>{list}</gml:posList></gml:LinearRing></gml:{name}>"
                ));
            }
            out.push_str("</gml:Polygon></gml:surfaceMember>");
        }
        out.push_str("</gml:MultiSurface>");
        out
    }

    /// As GeoServer writes it in JSON, in the metres that were asked for.
    pub(super) fn geojson(&self) -> Json {
        json!({"type": "MultiPolygon", "coordinates": self.0})
    }
}

/// Closed, against the clock, in whole centimetres.
fn rectangle([left, bottom, right, top]: [f64; 4]) -> Ring {
    let exact = |metres: f64| (metres * 100.0).round() / 100.0;
    let [left, bottom, right, top] = [left, bottom, right, top].map(exact);
    vec![
        [left, bottom],
        [right, bottom],
        [right, top],
        [left, top],
        [left, bottom],
    ]
}
