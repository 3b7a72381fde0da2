//! The contract suite of testkit against a server of GML 3.2 pages, and the traps of real servers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod traps;

use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Page, Protocol};
use klimalade_testkit::{
    bench::{self, Answer, Asked, Server},
    contract::{self, Case, Expected},
};
use klimalade_wfs::{Settings, Wfs};
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const TOWNS: [&str; 7] = ["København", "Læsø", "Ærø", "Aarhus", "Hillerød & omegn", "Møn", "Fanø"];

fn open(settings: Value) -> Arc<dyn Connector> {
    Arc::new(Wfs::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap())
}

fn xml(body: String) -> Answer {
    bench::answer(200, "application/gml+xml; version=3.2", body)
}

/// A collection of WFS 2.0 with these attributes and members.
fn collection(attributes: &str, members: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0"
        xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:pdk="http://pdk.example"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" timeStamp="2026-11-23T20:00:00Z" {attributes}>{members}</wfs:FeatureCollection>"#
    )
}

fn member(at: usize) -> String {
    let town = TOWNS[at % TOWNS.len()].replace('&', "&amp;");
    let east = 500_000 + at * 100;
    let link = if at == 0 {
        "<pdk:doklink>https://a.dk/?a=1&amp;b=2</pdk:doklink>"
    } else {
        ""
    };
    format!(
        r#"<wfs:member><pdk:omraade gml:id="omraade.{at}"><pdk:navn>{town}</pdk:navn><pdk:komnr>{komnr}</pdk:komnr>
        <pdk:areal>{at}.5</pdk:areal><pdk:dato><gml:TimeInstant><gml:timePosition>2019-03-10</gml:timePosition></gml:TimeInstant></pdk:dato>{link}
        <pdk:geometri><gml:Polygon srsName="urn:ogc:def:crs:EPSG::25832"><gml:exterior><gml:LinearRing><gml:posList>{east} 6200000
        {east} 6200010 510000 6200010 {east} 6200000</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></pdk:geometri></pdk:omraade></wfs:member>"#,
        komnr = 101 + at
    )
}

const SCHEMA: &str = r#"<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema"><xsd:complexType name="omraadeType"><xsd:complexContent>
    <xsd:extension base="gml:AbstractFeatureType"><xsd:sequence><xsd:element name="navn" type="xsd:string"/>
    <xsd:element name="komnr" type="xsd:int"/><xsd:element name="areal" type="xsd:double"/><xsd:element name="dato" type="xsd:date"/>
    <xsd:element name="doklink" type="xsd:string"/><xsd:element name="geometri" type="gml:MultiSurfacePropertyType"/></xsd:sequence>
    </xsd:extension></xsd:complexContent></xsd:complexType><xsd:element name="omraade" type="pdk:omraadeType"/></xsd:schema>"#;

/// A server of so many features that gives at most `most` of them at once, with a link to the rest.
fn service(features: usize, most: usize) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| {
        if asked.query["request"] == "DescribeFeatureType" {
            return xml(SCHEMA.to_owned());
        }
        if asked.query.get("resultType").is_some_and(|kind| kind == "hits") {
            return xml(collection(
                &format!(r#"numberMatched="{features}" numberReturned="0""#),
                "",
            ));
        }
        assert_eq!(asked.query["srsName"], "urn:ogc:def:crs:EPSG::25832");
        let from = asked.number("startIndex").unwrap() as usize;
        let to = (from + most.min(asked.number("count").unwrap() as usize)).min(features);
        let members: String = (from.min(to)..to).map(member).collect();
        let next = if to < features {
            r#"next="http://10.0.0.1/wfs?startIndex=1""#
        } else {
            ""
        };
        let returned = to.saturating_sub(from);
        xml(collection(
            &format!(r#"numberMatched="{features}" numberReturned="{returned}" {next}"#),
            &members,
        ))
    }
}

fn columns() -> SchemaRef {
    let columns = bench::columns(&[
        ("feature_id", "@id", DataType::Utf8),
        ("name", "navn", DataType::Utf8),
        ("municipality_number", "komnr", DataType::Int64),
        ("area", "areal", DataType::Float64),
        ("day", "dato", DataType::Date32),
        ("link", "doklink", DataType::Utf8),
        ("geometry", "geometri", DataType::Binary),
    ]);
    bench::identified(&columns, &["feature_id"])
}

#[tokio::test]
async fn the_contract_holds_against_a_known_server() {
    // It gives five at once where eight are asked for.
    let server = Server::start(service(23, 5)).await;
    let connector =
        open(json!({"base_url": server.base, "type_names": "pdk:omraade", "page_limit": 8, "trust_hits": true}));
    let context = bench::context(NOW, &[]);
    let part = connector.plan(&context).await.unwrap().remove(0);
    assert_eq!(part.promised, Some(23));
    let empty = Page::from_bytes(
        "/wfs",
        collection(r#"numberMatched="0" numberReturned="0""#, "").as_bytes(),
    )
    .unwrap();
    contract::run(Case {
        connector,
        context,
        columns: columns(),
        expected: Expected::per_part([("all", 23)])
            .cell("name", "Hillerød & omegn")
            .cell("name", "Ærø")
            .cell("area", "7.5")
            .cell("day", "2019-03-10")
            .cell("link", "https://a.dk/?a=1&b=2"),
        empty: Some((part, empty)),
        declared: &[],
    })
    .await;
}
