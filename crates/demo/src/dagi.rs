//! DAGI over Datafordeler's WFS: the municipalities as GML 3.2, with a key.

use std::fmt::Write;

use crate::{
    answer::{Answer, Asked, Content, Twist},
    boundaries::{BOUNDARIES, Boundary, Rings},
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "wfs.datafordeler.dk";

const PATH: &str = "/DAGIM/DAGI_10MULTIGEOM_GMLSFP/1.0.0/WFS";
/// Features of a page when none is asked for, and at most.
const LARGEST_PAGE: usize = 50;

/// Answers one request.
pub(crate) fn answer(_: &World, asked: &Asked) -> Answer {
    if asked.path != PATH {
        return Answer::text(404, "Not Found");
    }
    if asked.parameter("apiKey").is_none_or(str::is_empty) {
        return Answer::text(401, "Unauthorized: apiKey mangler");
    }
    let is = |name: &str, value: &str| {
        asked
            .parameter(name)
            .is_some_and(|given| given.eq_ignore_ascii_case(value))
    };
    if !is("request", "GetFeature") {
        return exception("OperationNotSupported", "GetFeature only");
    }
    let kind = asked.parameter("typeNames").unwrap_or_default();
    if kind.rsplit(':').next() != Some("Kommuneinddeling") {
        return exception("InvalidParameterValue", &format!("Unknown feature type {kind}"));
    }
    let number = |name: &str| asked.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let start = match asked.twist {
        Twist::EndlessNext => 0,
        _ => number("startIndex").unwrap_or(0),
    };
    let count = number("count").unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
    let mut page: Vec<&Boundary> = BOUNDARIES.iter().skip(start).take(count).collect();
    if asked.twist == Twist::PageShort {
        page.pop();
    }
    xml(200, collection(&page))
}

fn xml(status: u16, body: String) -> Answer {
    let content_type = "application/gml+xml; version=3.2; charset=UTF-8";
    Answer::new(status, content_type, Content::Whole(body.into_bytes()))
}

fn exception(code: &str, text: &str) -> Answer {
    xml(
        400,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ows:ExceptionReport xmlns:ows=\"http://www.opengis.net/ows/1.1\" \
             version=\"2.0.0\"><ows:Exception exceptionCode=\"{code}\"><ows:ExceptionText>{text}</ows:ExceptionText>\
             </ows:Exception></ows:ExceptionReport>\n"
        ),
    )
}

fn collection(page: &[&Boundary]) -> String {
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<wfs:FeatureCollection xmlns:wfs=\"http://www.opengis.net/wfs/2.0\" \
         xmlns:gml=\"http://www.opengis.net/gml/3.2\" xmlns:dagi10=\"http://data.gov.dk/schemas/dagi/2/gml3sfp\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" numberMatched=\"{}\" numberReturned=\"{}\" \
         timeStamp=\"2026-11-23T02:00:00Z\">\n",
        BOUNDARIES.len(),
        page.len()
    );
    for boundary in page {
        feature(&mut body, boundary);
    }
    body.push_str("</wfs:FeatureCollection>\n");
    body
}

fn feature(body: &mut String, boundary: &Boundary) {
    let (code, name) = (&boundary.code, &boundary.name);
    let outside = code == "0411";
    // Writing to text cannot fail.
    let _ = write!(
        body,
        "<wfs:member><dagi10:Kommuneinddeling gml:id=\"Kommuneinddeling.{code}\">\
         <dagi10:id.lokalId>38{code}</dagi10:id.lokalId><dagi10:id.namespace>http://data.gov.dk/dagi</dagi10:id.namespace>\
         <dagi10:navn>{name} Kommune</dagi10:navn><dagi10:kommunekode>{code}</dagi10:kommunekode>\
         <dagi10:udenforKommuneinddeling>{outside}</dagi10:udenforKommuneinddeling><dagi10:virkningTil xsi:nil=\"true\"/>\
         <dagi10:geometri><gml:MultiGeometry gml:id=\"G{code}\" srsName=\"urn:ogc:def:crs:EPSG::25832\">"
    );
    for polygon in &boundary.polygons {
        rings(body, polygon);
    }
    body.push_str("</gml:MultiGeometry></dagi10:geometri></dagi10:Kommuneinddeling></wfs:member>\n");
}

fn rings(body: &mut String, polygon: &Rings) {
    body.push_str("<gml:geometryMember><gml:Polygon>");
    for (at, ring) in polygon.iter().enumerate() {
        let side = if at == 0 { "exterior" } else { "interior" };
        let _ = write!(body, "<gml:{side}><gml:LinearRing><gml:posList srsDimension=\"2\">");
        for (at, (east, north)) in ring.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            let _ = write!(body, "{space}{east} {north}");
        }
        let _ = write!(body, "</gml:posList></gml:LinearRing></gml:{side}>");
    }
    body.push_str("</gml:Polygon></gml:geometryMember>");
}
