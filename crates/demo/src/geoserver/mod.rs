//! Plandata.dk and Copenhagen's map service as the GeoServers that they are: WFS 2.0 with GML 3.2 or JSON, in EPSG:25832.
//! Other versions and systems, which the real ones have, are refused here.
//!
//! Their traps: at most [`MOST_FEATURES`] a page whatever is asked for, with a link to the next; no order without a primary
//! key; ids of such a layer change with every request, and so does `timeStamp`; nulls are elements left out; two layers of
//! sewer catchments with other attributes, the newer without one municipality; komnr without leading zeros.

mod circles;
mod layers;
mod shape;

use std::cmp::Ordering;

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use crate::{
    answer::{Answer, Asked, Content, Twist},
    world::World,
};
use layers::{Feature, Layer};

/// One server.
#[derive(Debug)]
pub(crate) struct Service {
    /// Original host.
    pub(crate) host: &'static str,
    /// Path of WFS; the same with `ows` for `wfs` is another name of it.
    path: &'static str,
    prefix: &'static str,
    namespace: &'static str,
    layers: &'static [Layer],
}

/// The municipalities' plans.
pub(crate) const PLANDATA: Service = Service {
    host: "geoserver.plandata.dk",
    path: "/geoserver/wfs",
    prefix: "pdk",
    namespace: "http://plansystem.dk",
    layers: layers::PLANDATA,
};

/// The map service of the City of Copenhagen.
pub(crate) const COPENHAGEN: Service = Service {
    host: "wfs-kbhkort.kk.dk",
    path: "/k101/wfs",
    prefix: "k101",
    namespace: "http://kbhkort.kk.dk/k101",
    layers: layers::COPENHAGEN,
};

/// The real one gives 5,000 and more; so few that a small layer has pages.
const MOST_FEATURES: usize = 400;

/// An error report: status, code, locator, text.
struct Refusal(u16, &'static str, &'static str, String);

impl Refusal {
    fn into_answer(self) -> Answer {
        let Self(status, code, locator, text) = self;
        let text = escaped(&text);
        let body = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><ows:ExceptionReport xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="2.0.0">
<ows:Exception exceptionCode="{code}" locator="{locator}">
<ows:ExceptionText>{text}</ows:ExceptionText>
</ows:Exception>
</ows:ExceptionReport>
"#
        );
        xml(status, "application/xml", body)
    }
}

impl Service {
    /// Answers one request.
    pub(crate) fn answer(&'static self, world: &World, asked: &Asked) -> Answer {
        self.respond(world, asked).unwrap_or_else(Refusal::into_answer)
    }

    fn respond(&'static self, world: &World, asked: &Asked) -> Result<Answer, Refusal> {
        let path = asked.path.trim_end_matches('/');
        if path.replace("/ows", "/wfs") != self.path {
            return Ok(Answer::text(404, "Not Found"));
        }
        if asked.method != Method::GET {
            return Ok(Answer::text(405, "Method Not Allowed"));
        }
        let service = asked.parameter("service").unwrap_or("WFS");
        if !service.eq_ignore_ascii_case("WFS") {
            let text = format!("No service: ( {service} )");
            return Err(Refusal(400, "InvalidParameterValue", "service", text));
        }
        if let Some(version) = asked.parameter("version").filter(|version| *version != "2.0.0") {
            let text = format!("Only 2.0.0 is simulated, not {version}");
            return Err(Refusal(400, "VersionNegotiationFailed", "version", text));
        }
        match asked.parameter("request") {
            Some("GetCapabilities") => Ok(xml(200, "application/xml", self.capabilities())),
            Some("DescribeFeatureType") => {
                let layer = self.layer(asked.parameter("typeName").or_else(|| asked.parameter("typeNames")))?;
                Ok(xml(200, "application/gml+xml; version=3.2", self.description(layer)))
            }
            Some("GetFeature") => self.features(world, asked),
            other => {
                let text = format!("No such operation WFS {}", other.unwrap_or_default());
                Err(Refusal(400, "OperationNotSupported", "request", text))
            }
        }
    }

    fn layer(&self, type_name: Option<&str>) -> Result<&'static Layer, Refusal> {
        let name = type_name.ok_or_else(|| {
            let text = "The query should specify either typeName, featureId filter, or a stored query id".to_owned();
            Refusal(400, "MissingParameterValue", "typeNames", text)
        })?;
        let bare = name.split_once(':').map_or(name, |(_, bare)| bare);
        self.layers.iter().find(|layer| layer.name == bare).ok_or_else(|| {
            let text = format!("Feature type {name} unknown");
            Refusal(400, "InvalidParameterValue", "typeName", text)
        })
    }

    fn capabilities(&self) -> String {
        let Self { prefix, namespace, .. } = self;
        let one = |layer: &Layer| {
            let crs = "<DefaultCRS>urn:ogc:def:crs:EPSG::25832</DefaultCRS>";
            format!("<FeatureType><Name>{prefix}:{}</Name>{crs}</FeatureType>", layer.name)
        };
        let types: String = self.layers.iter().map(one).collect();
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><wfs:WFS_Capabilities version="2.0.0" xmlns="http://www.opengis.net/wfs/2.0" xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:{prefix}="{namespace}"><FeatureTypeList>{types}</FeatureTypeList></wfs:WFS_Capabilities>"#
        )
    }

    fn description(&self, layer: &Layer) -> String {
        let Self {
            host,
            prefix,
            namespace,
            ..
        } = self;
        let element = |(name, kind): &(&str, &str)| {
            format!(r#"<xsd:element maxOccurs="1" minOccurs="0" name="{name}" nillable="true" type="{kind}"/>"#)
        };
        let attributes: String = layer
            .columns
            .iter()
            .map(|(name, kind)| element(&(name, &format!("xsd:{kind}"))))
            .collect();
        let geometry = element(&("geometri", "gml:MultiSurfacePropertyType"));
        let name = layer.name;
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:{prefix}="{namespace}" elementFormDefault="qualified" targetNamespace="{namespace}">
<xsd:import namespace="http://www.opengis.net/gml/3.2" schemaLocation="https://{host}/geoserver/schemas/gml/3.2.1/gml.xsd"/>
<xsd:complexType name="{name}Type"><xsd:complexContent><xsd:extension base="gml:AbstractFeatureType"><xsd:sequence>{geometry}{attributes}</xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
<xsd:element name="{name}" substitutionGroup="gml:AbstractFeature" type="{prefix}:{name}Type"/>
</xsd:schema>
"#
        )
    }

    fn features(&'static self, world: &World, asked: &Asked) -> Result<Answer, Refusal> {
        let layer = self.layer(asked.parameter("typeNames").or_else(|| asked.parameter("typeName")))?;
        let system = asked.parameter("srsName").unwrap_or("urn:ogc:def:crs:EPSG::25832");
        if !system.ends_with("25832") {
            let text = format!("Only EPSG:25832 is simulated, not {system}");
            return Err(Refusal(400, "InvalidParameterValue", "srsName", text));
        }
        let mut all = layer.features(world);
        if let Some(filter) = asked.parameter("cql_filter") {
            keep(layer, &mut all, filter)?;
        }
        let start = asked.parameter("startIndex");
        match asked.parameter("sortBy") {
            Some(by) => self.sort(layer, &mut all, by)?,
            None if start.is_some() && !layer.has_primary_key => {
                let text = "Cannot do natural order without a primary key, please add it or specify a manual sort over \
                        existing attributes";
                return Err(Refusal(400, "NoApplicableCode", "", text.to_owned()));
            }
            None => {}
        }
        let is_hits = asked
            .parameter("resultType")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("hits"));
        let number = |name: &'static str, text: Option<&str>| -> Result<Option<usize>, Refusal> {
            let parsed = text.map(str::parse).transpose();
            parsed.map_err(|_| Refusal(400, "InvalidParameterValue", name, format!("{name} is no number")))
        };
        let start = number("startIndex", start)?.unwrap_or(0);
        // A server that ignores the start gives the first page with the first page's links.
        let start = if asked.twist == Twist::EndlessNext { 0 } else { start };
        let count = number("count", asked.parameter("count"))?.unwrap_or(MOST_FEATURES);
        let count = if is_hits { 0 } else { count.min(MOST_FEATURES) };
        let matched = all.len();
        let mut page: Vec<Feature> = all.into_iter().skip(start).take(count).collect();
        let end = start + page.len();
        if asked.twist == Twist::PageShort {
            page.pop();
        }
        let next = (!is_hits && end < matched).then(|| self.link(asked, end));
        let is_json = asked
            .parameter("outputFormat")
            .is_some_and(|format| matches!(format, "application/json" | "json"));
        let collection = Collection {
            service: self,
            layer,
            page,
            matched,
            next,
        };
        Ok(if is_json {
            Answer::json_as(200, "application/json;charset=UTF-8", &collection.json())
        } else {
            xml(200, "application/gml+xml; version=3.2", collection.gml())
        })
    }

    fn link(&self, asked: &Asked, start: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let others = asked.query.iter();
        for (name, value) in others.filter(|(name, _)| !name.eq_ignore_ascii_case("startIndex")) {
            query.append_pair(&name.to_uppercase(), value);
        }
        query.append_pair("STARTINDEX", &start.to_string());
        format!("https://{}{}?{}", self.host, self.path, query.finish())
    }

    fn sort(&self, layer: &Layer, features: &mut [Feature], by: &str) -> Result<(), Refusal> {
        let mut places = Vec::new();
        for name in by.split(',') {
            let name = name.split_whitespace().next().unwrap_or_default();
            let at = layer.column(name).ok_or_else(|| {
                let text = format!(
                    "Illegal property name: {name} for feature type {}:{}",
                    self.prefix, layer.name
                );
                Refusal(400, "InvalidParameterValue", "sortBy", text)
            })?;
            places.push(at);
        }
        features.sort_by(|left, right| {
            let orders = places.iter().map(|at| order(&left.values[*at], &right.values[*at]));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        Ok(())
    }
}

fn xml(status: u16, content_type: &str, body: String) -> Answer {
    Answer::new(status, content_type, Content::Whole(body.into_bytes()))
}

/// `attribute = value` alone of what CQL has.
fn keep(layer: &Layer, features: &mut Vec<Feature>, filter: &str) -> Result<(), Refusal> {
    let wrong = || {
        let text = format!("Could not parse CQL filter list: {filter}");
        Refusal(400, "NoApplicableCode", "CQL_FILTER", text)
    };
    let (name, value) = filter.split_once('=').ok_or_else(wrong)?;
    let at = layer.column(name.trim()).ok_or_else(wrong)?;
    let value = value.trim().trim_matches('\'');
    features.retain(|feature| plain(&feature.values[at]).as_deref() == Some(value));
    Ok(())
}

fn order(left: &Json, right: &Json) -> Ordering {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => plain(left).cmp(&plain(right)),
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

struct Collection {
    service: &'static Service,
    layer: &'static Layer,
    page: Vec<Feature>,
    matched: usize,
    next: Option<String>,
}

impl Collection {
    /// Without a primary key GeoServer makes an id for the answer, another one for the next.
    fn id(&self, feature: &Feature, now: Timestamp) -> String {
        let name = self.layer.name;
        match self.layer.has_primary_key {
            true => format!("{name}.{}", feature.number),
            false => format!(
                "{name}.fid--{:x}_{:x}_{:x}",
                feature.number * 7919,
                now.as_microsecond(),
                feature.number % 4096
            ),
        }
    }

    fn gml(&self) -> String {
        let now = Timestamp::now();
        let name = self.layer.name;
        let Service { prefix, namespace, .. } = self.service;
        let mut out = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:{prefix}="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" numberMatched="{}" numberReturned="{}" timeStamp="{now:.3}""#,
            self.matched,
            self.page.len()
        );
        if let Some(next) = &self.next {
            out.push_str(&format!(r#" next="{}""#, escaped(next)));
        }
        out.push('>');
        for feature in &self.page {
            let id = self.id(feature, now);
            out.push_str(&format!(
                r#"<wfs:member><{prefix}:{name} gml:id="{id}"><{prefix}:geometri>{}</{prefix}:geometri>"#,
                feature.shape.gml(&id)
            ));
            for ((column, _), value) in self.layer.columns.iter().zip(&feature.values) {
                if let Some(text) = plain(value) {
                    out.push_str(&format!("<{prefix}:{column}>{}</{prefix}:{column}>", escaped(&text)));
                }
            }
            out.push_str(&format!("</{prefix}:{name}></wfs:member>"));
        }
        out.push_str("</wfs:FeatureCollection>");
        out
    }

    fn json(&self) -> Json {
        let now = Timestamp::now();
        let features: Vec<Json> = self
            .page
            .iter()
            .map(|feature| {
                let names = self.layer.columns.iter().map(|column| column.0.to_owned());
                let properties: serde_json::Map<String, Json> = names.zip(feature.values.iter().cloned()).collect();
                json!({
                    "type": "Feature",
                    "id": self.id(feature, now),
                    "geometry": feature.shape.geojson(),
                    "geometry_name": "geometri",
                    "properties": properties,
                })
            })
            .collect();
        let mut body = json!({
            "type": "FeatureCollection",
            "features": features,
            "totalFeatures": self.matched,
            "numberMatched": self.matched,
            "numberReturned": self.page.len(),
            "timeStamp": format!("{now:.3}"),
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}},
        });
        if let Some(next) = &self.next {
            body["links"] = json!([{"title": "next page", "type": "application/json", "rel": "next", "href": next}]);
        }
        body
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
