//! MiljøGIS: a GeoServer with projects of the climate and peat-soil scheme, as GeoJSON in EPSG:25832.

use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    boundaries::{hectares, land},
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "wfs2-miljoegis.mim.dk";

const LAYER: &str = "kla_projektomraader";
/// Features that there are.
const FEATURES: usize = 12;

/// Answers one request.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.path != "/vandprojekter/ows" {
        return Answer::text(404, "Not Found");
    }
    let kind = asked.parameter("typeNames").unwrap_or_default();
    if kind.rsplit(':').next() != Some(LAYER) || asked.parameter("outputFormat") != Some("application/json") {
        return exception(kind);
    }
    let number = |name: &str| asked.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let start = match asked.twist {
        Twist::EndlessNext => 0,
        _ => number("startIndex").unwrap_or(0),
    };
    let count = number("count").unwrap_or(FEATURES);
    let mut page: Vec<Json> = (0..FEATURES)
        .skip(start)
        .take(count)
        .map(|at| feature(world, at))
        .collect();
    if asked.twist == Twist::PageShort {
        page.pop();
    }
    Answer::json_as(
        200,
        "application/json;charset=UTF-8",
        &json!({
            "type": "FeatureCollection",
            "features": page,
            "totalFeatures": FEATURES,
            "numberMatched": FEATURES,
            "numberReturned": page.len(),
            "timeStamp": "2026-11-23T02:00:00.000Z",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}},
        }),
    )
}

fn feature(world: &World, at: usize) -> Json {
    let draw = world.draw.text("miljoegis").number(at as i64);
    let ring = land(draw, draw.text("reach").between(150.0, 900.0));
    let area = (hectares(&ring) * 100.0).round() / 100.0;
    let ring: Vec<Json> = ring.iter().map(|(east, north)| json!([east, north])).collect();
    json!({
        "type": "Feature",
        "id": format!("{LAYER}.{}", 40 + at * 17),
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "geometry_name": "wkb_geometry",
        "properties": {
            "projektn": format!("Mosen ved Å {}", at + 1),
            "areal_ha": area,
            "a_runde": if draw.text("round").unit() < 0.5 { "2021" } else { "2022" },
            "afgoer_fase2": "Anlæg",
            "projektgodk": "Endelig projektgodkendelse",
        },
    })
}

fn exception(kind: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ows:ExceptionReport xmlns:ows=\"http://www.opengis.net/ows/1.1\" \
         version=\"2.0.0\"><ows:Exception exceptionCode=\"InvalidParameterValue\" locator=\"typeName\"><ows:ExceptionText>\
         Feature type {kind} unknown</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
    );
    Answer::new(400, "application/xml", Content::Whole(body.into_bytes()))
}
