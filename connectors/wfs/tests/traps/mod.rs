//! The traps of real servers, one test for each.

use arrow::array::{Array, AsArray};
use arrow_schema::DataType;
use klimalade_connect::{Connector, Kind, Page, Part, Result};
use klimalade_testkit::{
    bench::{self, Server},
    contract::decode_all,
};
use serde_json::json;

use super::{NOW, collection, member, open, service, xml};

fn gml() -> std::sync::Arc<dyn Connector> {
    open(json!({"base_url": "http://127.0.0.1:9", "type_names": "pdk:omraade", "describe": false}))
}

fn page(body: &str) -> Page {
    Page::from_bytes("/wfs", body.as_bytes()).unwrap()
}

/// The WKB of one geometry, in a feature of GML 3.2.
fn wkb(geometry: &str) -> Result<Option<Vec<u8>>> {
    let body = collection(
        "",
        &format!("<wfs:member><pdk:a><pdk:geometri>{geometry}</pdk:geometri></pdk:a></wfs:member>"),
    );
    let columns = bench::columns(&[("geometry", "geometri", DataType::Binary)]);
    let batches = decode_all(gml().as_ref(), &Part::new("all"), &page(&body), &columns)?;
    let column = batches[0].column(0).as_binary::<i32>();
    Ok(column.is_valid(0).then(|| column.value(0).to_vec()))
}

fn kind(wkb: &[u8]) -> u32 {
    u32::from_le_bytes(wkb[1..5].try_into().unwrap())
}

const RING: &str = "<gml:LinearRing><gml:posList>500000 6200000 500010 6200000 500010 6200010 500000 6200000</gml:posList></gml:LinearRing>";

#[test]
fn every_form_of_geometry_becomes_wkb() {
    let line = "<gml:LineString><gml:posList>500000 6200000 500001 6200001</gml:posList></gml:LineString>";
    let polygon =
        format!("<gml:Polygon><gml:exterior>{RING}</gml:exterior><gml:interior>{RING}</gml:interior></gml:Polygon>");
    for (geometry, expected) in [
        (r#"<gml:Point srsName="EPSG:25832"><gml:pos>500000 6200000 -999</gml:pos></gml:Point>"#.to_owned(), 1),
        (line.to_owned(), 2),
        (polygon.clone(), 3),
        ("<gml:MultiPoint><gml:pointMember><gml:Point><gml:pos>500000 6200000</gml:pos></gml:Point></gml:pointMember></gml:MultiPoint>".to_owned(), 4),
        (format!("<gml:MultiCurve><gml:curveMember>{line}</gml:curveMember></gml:MultiCurve>"), 5),
        (format!("<gml:MultiSurface><gml:surfaceMember>{polygon}</gml:surfaceMember></gml:MultiSurface>"), 6),
        ("<gml:MultiSurface/>".to_owned(), 6),
        (format!("<gml:MultiGeometry><gml:geometryMember>{line}</gml:geometryMember></gml:MultiGeometry>"), 7),
        ("<gml:Curve><gml:segments><gml:LineStringSegment><gml:posList>500000 6200000 500001 6200001</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve>".to_owned(), 2),
        (format!("<gml:Surface><gml:patches><gml:PolygonPatch><gml:exterior>{RING}</gml:exterior></gml:PolygonPatch></gml:patches></gml:Surface>"), 3),
    ] {
        let found = wkb(&geometry).unwrap_or_else(|fault| panic!("{geometry}: {fault}")).unwrap();
        assert_eq!(kind(&found), expected, "{geometry}");
    }
}

#[test]
fn an_arc_is_drawn_by_chords_of_the_right_length() {
    let arc = "<gml:Curve><gml:segments><gml:ArcString><gml:posList>500000 6200000 500100 6200100 500200 6200000</gml:posList></gml:ArcString></gml:segments></gml:Curve>";
    let wkb = wkb(arc).unwrap().unwrap();
    let number = |at: usize| f64::from_le_bytes(wkb[at..at + 8].try_into().unwrap());
    let positions: Vec<(f64, f64)> = (9..wkb.len())
        .step_by(16)
        .map(|at| (number(at), number(at + 8)))
        .collect();
    let length: f64 = positions
        .windows(2)
        .map(|two| (two[1].0 - two[0].0).hypot(two[1].1 - two[0].1))
        .sum();
    assert!((length - std::f64::consts::PI * 100.0).abs() < 0.01, "{length}");
    assert!(
        positions.iter().all(|position| position.1 >= 6_200_000.0 - 1e-6),
        "the arc goes by its middle"
    );
}

#[test]
fn what_is_no_geometry_of_denmark_is_refused_with_a_reason() {
    for (geometry, words) in [
        (
            r#"<gml:Point srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>55 12</gml:pos></gml:Point>"#,
            "EPSG::4326",
        ),
        (
            "<gml:Point><gml:pos>6200000 500000</gml:pos></gml:Point>",
            "swapped axes",
        ),
        (
            "<gml:LineString><gml:posList>500000 6200000 1</gml:posList></gml:LineString>",
            "3 numbers",
        ),
        (
            "<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>500000 6200000 500001 6200001</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>",
            "closed ring",
        ),
        (
            "<gml:Curve><gml:segments><gml:Clothoid/></gml:segments></gml:Curve>",
            "Clothoid",
        ),
        (
            r##"<gml:MultiSurface><gml:surfaceMember xmlns:x="http://www.w3.org/1999/xlink" x:href="#a"/></gml:MultiSurface>"##,
            "reference",
        ),
    ] {
        let fault = wkb(geometry).unwrap_err();
        assert!(fault.to_string().contains(words), "{geometry}: {fault}");
    }
}

#[test]
fn the_third_dimension_may_be_told_by_the_surface_or_by_the_count() {
    let ring = "500000 6200000 1 500010 6200000 1 500010 6200010 1 500000 6200000 1";
    for geometry in [
        format!(
            r#"<gml:Surface srsDimension="3"><gml:patches><gml:PolygonPatch><gml:exterior><gml:LinearRing><gml:posList>{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:PolygonPatch></gml:patches></gml:Surface>"#
        ),
        format!(
            r#"<gml:Polygon><gml:exterior><gml:LinearRing><gml:posList count="4">{ring}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"#
        ),
    ] {
        assert_eq!(wkb(&geometry).unwrap().unwrap().len(), 9 + 4 + 4 * 16);
    }
}

#[test]
fn four_spellings_of_null_in_gml_are_one() {
    let of = |element: &str| format!("<wfs:member><pdk:a><pdk:navn>x</pdk:navn>{element}</pdk:a></wfs:member>");
    let members: String = [
        "",
        "<pdk:tal/>",
        "<pdk:tal> </pdk:tal>",
        r#"<pdk:tal xsi:nil="true">1</pdk:tal>"#,
        "<pdk:tal>7</pdk:tal>",
    ]
    .map(of)
    .concat();
    let columns = bench::columns(&[("number", "tal", DataType::Int64)]);
    let rows = bench::rows(
        gml().as_ref(),
        &Part::new("all"),
        &page(&collection("", &members)),
        &columns,
    )
    .unwrap();
    assert_eq!(rows.concat(), ["null", "null", "null", "null", "7"]);
}

#[test]
fn qgis_writes_gml_in_a_default_namespace_and_wfs_1_1() {
    let body = r#"<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:gml="http://www.opengis.net/gml" xmlns:q="http://q">
        <gml:featureMember><q:a gml:id="a.1"><q:geometry><Point xmlns="http://www.opengis.net/gml" srsName="EPSG:25832"><pos
        xmlns="http://www.opengis.net/gml">500000 6200000</pos></Point></q:geometry></q:a></gml:featureMember></wfs:FeatureCollection>"#;
    let columns = bench::columns(&[("geometry", "geometry", DataType::Binary)]);
    let batches = decode_all(gml().as_ref(), &Part::new("all"), &page(body), &columns).unwrap();
    assert_eq!(kind(batches[0].column(0).as_binary::<i32>().value(0)), 1);
}

#[test]
fn gml_2_is_refused_with_the_version_to_ask_for() {
    let of = |feature: &str| {
        format!(
            r#"<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:gml="http://www.opengis.net/gml">{feature}</wfs:FeatureCollection>"#
        )
    };
    for body in [
        of(r#"<gml:featureMember><a fid="a.1"><b>1</b></a></gml:featureMember>"#),
        of(r#"<gml:boundedBy><gml:Box><gml:coordinates>1,2 3,4</gml:coordinates></gml:Box></gml:boundedBy>"#),
    ] {
        let columns = bench::columns(&[("b", "b", DataType::Utf8)]);
        let error = decode_all(gml().as_ref(), &Part::new("all"), &page(&body), &columns).unwrap_err();
        assert_eq!(error.kind(), Kind::Settings, "{error}");
        assert!(error.hint_text().unwrap().contains("version = \"1.1.0\""), "{error}");
    }
}

#[test]
fn an_element_that_nobody_describes_is_a_missing_column() {
    let columns = bench::columns(&[("number", "komnummer", DataType::Int64)]);
    let error = decode_all(
        gml().as_ref(),
        &Part::new("all"),
        &page(&collection("", &member(1))),
        &columns,
    )
    .unwrap_err();
    assert_eq!(error.kind(), Kind::Contract, "{error}");
    let mut part = Part::new("all");
    part.detail = json!({"properties": [{"name": "komnummer", "kind": "int"}]});
    let rows = bench::rows(gml().as_ref(), &part, &page(&collection("", &member(1))), &columns).unwrap();
    assert_eq!(rows.concat(), ["null"]);
    let found = gml().columns(&part, &page(&collection("", &member(1)))).unwrap();
    assert!(
        found
            .iter()
            .any(|column| column.name == "komnummer" && column.filled == 0)
    );
}

#[test]
fn ids_that_change_with_every_request_identify_nothing() {
    let body = collection(
        "",
        r#"<wfs:member><pdk:a gml:id="a.fid--249a3869_18ebecda57e_76e8"/></wfs:member>"#,
    );
    let columns = bench::columns(&[("id", "@id", DataType::Utf8)]);
    assert!(decode_all(gml().as_ref(), &Part::new("all"), &page(&body), &columns).is_ok());
    let error = decode_all(
        gml().as_ref(),
        &Part::new("all"),
        &page(&body),
        &bench::identified(&columns, &["id"]),
    )
    .unwrap_err();
    assert!(error.to_string().contains("fid--"), "{error}");
}

#[test]
fn bombs_nesting_and_huge_attributes_end_in_an_error() {
    let deep = format!("{}{}", "<a>".repeat(200), "</a>".repeat(200));
    for body in [
        r#"<!DOCTYPE a [<!ENTITY b "bbb">]><wfs:FeatureCollection xmlns:wfs="w">&b;</wfs:FeatureCollection>"#
            .to_owned(),
        collection(
            "",
            "<wfs:member><pdk:a><pdk:navn>&lol9;</pdk:navn></pdk:a></wfs:member>",
        ),
        collection("", &format!("<wfs:member>{deep}</wfs:member>")),
        collection(&format!("a=\"{}\"", "x".repeat(40 << 20)), ""),
        collection("", &member(0)).replace("</wfs:FeatureCollection>", ""),
    ] {
        let columns = bench::columns(&[("name", "navn", DataType::Utf8)]);
        let error = decode_all(gml().as_ref(), &Part::new("all"), &page(&body), &columns).unwrap_err();
        assert_eq!(error.kind(), Kind::Source, "{error}");
    }
}

#[tokio::test]
async fn an_error_report_with_http_200_is_no_answer() {
    for (status, code, text, kind) in [
        (
            200,
            "InvalidParameterValue",
            "TYPENAME 'nosuch' doesn't exist",
            Kind::Settings,
        ),
        (
            400,
            "NoApplicableCode",
            "Cannot do natural order without a primary key",
            Kind::Settings,
        ),
        (200, "NoApplicableCode", "disk on fire", Kind::Source),
    ] {
        let body = format!(
            r#"<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception exceptionCode="{code}"><ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"#
        );
        let server = Server::start(move |_| bench::answer(status, "text/xml", body.clone())).await;
        let connector = open(json!({"base_url": server.base, "type_names": "a"}));
        let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
        assert_eq!(fault.kind(), kind, "{fault}");
        assert!(fault.to_string().contains(text), "{fault}");
    }
}

#[tokio::test]
async fn a_web_page_where_the_service_was_is_a_source_fault() {
    let server =
        Server::start(|_| bench::answer(200, "text/html", "<!DOCTYPE html><html><body>Miljøportal</body></html>"))
            .await;
    let connector = open(json!({"base_url": server.base, "type_names": "a"}));
    let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert!(fault.to_string().contains("moved"), "{fault}");
}

#[tokio::test]
async fn a_server_that_ignores_the_start_is_found_by_its_ids() {
    let server = Server::start(|_| xml(collection("", &(0..2).map(member).collect::<String>()))).await;
    let connector = open(json!({"base_url": server.base, "type_names": "a", "page_limit": 2, "describe": false}));
    let fault = bench::fetch(connector.as_ref(), &Part::new("all"), &bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[tokio::test]
async fn a_layer_that_changes_during_the_walk_is_worth_another() {
    let server = Server::start(service(4, 9)).await;
    let connector = open(json!({"base_url": server.base, "type_names": "a", "trust_hits": true}));
    let mut part = Part::new("all");
    part.promised = Some(5);
    let fault = bench::fetch(connector.as_ref(), &part, &bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert!(fault.is_worth_another_walk(), "{fault}");
    part.promised = Some(4);
    assert_eq!(
        bench::fetch(connector.as_ref(), &part, &bench::context(NOW, &[]))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn json_is_read_where_the_server_has_it() {
    let server = Server::start(|asked| {
        assert_eq!(asked.query["outputFormat"], "application/json");
        bench::json(r#"{"type":"FeatureCollection","numberMatched":1,"numberReturned":1,
            "crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::25832"}},
            "features":[{"id":"a.1","geometry":{"type":"Point","coordinates":[500000,6200000]},"properties":{"navn":"Læsø","tal":null}}]}"#)
    })
    .await;
    let connector = open(json!({"base_url": server.base, "type_names": "a", "output": "json"}));
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let pages = bench::fetch(connector.as_ref(), &part, &cx).await.unwrap();
    let columns = bench::columns(&[
        ("name", "properties.navn", DataType::Utf8),
        ("number", "properties.tal", DataType::Int64),
    ]);
    assert_eq!(
        bench::rows(connector.as_ref(), &part, &pages[0], &columns)
            .unwrap()
            .concat(),
        ["Læsø", "null"]
    );
}

/// A page of JSON with these features.
fn json_page(features: &str) -> String {
    format!(
        r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::25832"}}}},"features":[{features}]}}"#
    )
}

fn json_decoder() -> std::sync::Arc<dyn Connector> {
    open(json!({"base_url": "http://127.0.0.1:9", "type_names": "pdk:omraade", "output": "json"}))
}

#[test]
fn three_spellings_of_null_in_json_are_one() {
    let body = json_page(
        r#"{"id":"a.1","properties":{"tal":null,"navn":""}},{"id":"a.2","properties":{"navn":null}},
        {"id":"a.3","properties":{"tal":"","navn":"Ærø"}},{"id":"a.4","properties":{"tal":7,"navn":" "}}"#,
    );
    let columns = bench::columns(&[
        ("number", "properties.tal", DataType::Int64),
        ("name", "properties.navn", DataType::Utf8),
    ]);
    let rows = bench::rows(json_decoder().as_ref(), &Part::new("all"), &page(&body), &columns).unwrap();
    assert_eq!(rows, [["null", "null"], ["null", "null"], ["null", "Ærø"], ["7", " "]]);
    let found = json_decoder().columns(&Part::new("all"), &page(&body)).unwrap();
    let number = found.iter().find(|column| column.name == "properties.tal").unwrap();
    assert_eq!((number.kind, number.filled), (klimalade_connect::SourceType::Int, 1));
}

#[test]
fn ids_of_json_that_change_with_every_request_identify_nothing() {
    let body = json_page(r#"{"id":"a.1","properties":{}},{"id":"a.fid--249a3869_18ebecda57e_76e8","properties":{}}"#);
    let columns = bench::columns(&[("id", "id", DataType::Utf8)]);
    let decode = |columns| decode_all(json_decoder().as_ref(), &Part::new("all"), &page(&body), columns);
    assert!(decode(&columns).is_ok());
    let error = decode(&bench::identified(&columns, &["id"])).unwrap_err();
    assert_eq!(error.kind(), Kind::Contract, "{error}");
    assert!(error.to_string().contains("fid--"), "{error}");
}

#[tokio::test]
async fn a_server_of_json_that_ignores_the_start_is_found_by_its_ids() {
    let server = Server::start(|asked| {
        // No two answers are the same bytes.
        let features = json_page(r#"{"id":"a.1","properties":{}},{"id":"a.2","properties":{}}"#);
        bench::json(features.replacen('{', &format!(r#"{{"timeStamp":"{}","#, asked.at), 1))
    })
    .await;
    let connector = open(json!({"base_url": server.base, "type_names": "a", "page_limit": 2, "output": "json"}));
    let fault = bench::fetch(connector.as_ref(), &Part::new("all"), &bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert!(fault.to_string().contains("twice"), "{fault}");
}

#[test]
fn a_page_is_looked_at_as_strictly_as_it_is_read() {
    let look = |body: &str| klimalade_format::gml::look(Box::new(body.as_bytes()));
    let whole = collection(
        r#"numberMatched="9" numberReturned="2" next="http://x""#,
        &(member(0) + &member(1)),
    );
    let found = look(&whole).unwrap();
    assert_eq!((found.rows, found.matched, found.has_next), (2, Some(9), true));
    assert_eq!(found.ids, ["omraade.0", "omraade.1"]);
    let all_in_one = collection(
        "",
        r#"<gml:featureMembers><pdk:a gml:id="a.1"><pdk:member/></pdk:a><pdk:a gml:id="a.2"/></gml:featureMembers><wfs:boundedBy/>"#,
    );
    assert_eq!(look(&all_in_one).unwrap().rows, 2);
    for (body, words) in [
        (
            whole.replace("</wfs:FeatureCollection>", ""),
            "the end, with 1 elements open",
        ),
        (
            whole.replace("numberReturned=\"2\"", "numberReturned=\"3\""),
            "3 features",
        ),
        (
            collection("", "<wfs:truncatedResponse><a>disk full</a></wfs:truncatedResponse>"),
            "disk full",
        ),
        (
            collection("", "<wfs:member><wfs:FeatureCollection/></wfs:member>"),
            "within a collection",
        ),
        (collection("", r#"<wfs:member><a fid="a.1"/></wfs:member>"#), "GML 2"),
        (collection("", "<gml:boundedBy><gml:Box/></gml:boundedBy>"), "GML 2"),
        ("<a/>".to_owned(), "the element a"),
        ("id;navn".to_owned(), "no XML"),
        (format!("<!DOCTYPE a>{whole}"), "document type"),
        (collection(&format!("a=\"{}\"", "x".repeat(40 << 20)), ""), "too large"),
    ] {
        let fault = look(&body).unwrap_err();
        let said = fault.to_string();
        assert!(said.contains(words) || words == "too large", "{words}: {said}");
    }
}

#[tokio::test]
async fn another_system_than_25832_is_no_setting() {
    let settings = json!({"base_url": "https://a.dk/wfs", "type_names": "a", "srs": "EPSG:4326"});
    let settings = serde_json::from_value::<klimalade_wfs::Settings>(settings).unwrap();
    let fault = <klimalade_wfs::Wfs as klimalade_connect::Protocol>::open(settings).unwrap_err();
    assert_eq!(fault.hint_text(), Some("srs = \"EPSG:25832\""));
}
