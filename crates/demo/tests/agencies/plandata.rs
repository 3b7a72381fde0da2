use std::collections::{BTreeMap, BTreeSet};

use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use serde_json::Value;

use crate::client::{Reply, get};

const WFS: &str = "geoserver.plandata.dk/geoserver/wfs?service=WFS&version=2.0.0";
const SEWERS: &str = "pdk:theme_pdk_kloakopland_vedtaget";
const OLD_SEWERS: &str = "pdk:theme_pdk_kloakopland_vedtaget_v";

fn agencies() -> Agencies {
    Agencies::start(Script::default()).unwrap()
}

fn features(agencies: &Agencies, layer: &str, more: &str) -> Reply {
    get(
        agencies,
        &format!("{WFS}&request=GetFeature&typeNames={layer}&srsName=urn:ogc:def:crs:EPSG::25832{more}"),
    )
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open)
        .skip(1)
        .map(|rest| rest.split(close).next().unwrap())
        .collect()
}

fn attribute(text: &str, name: &str) -> String {
    between(text, &format!(" {name}=\""), "\"")[0].to_owned()
}

fn matched(agencies: &Agencies, layer: &str) -> usize {
    let reply = features(agencies, layer, "&resultType=hits");
    assert!(!reply.text().contains("wfs:member"));
    attribute(reply.text(), "numberMatched").parse().unwrap()
}

/// All features of a layer as JSON, page by page.
fn all(agencies: &Agencies, layer: &str, more: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let more = format!(
            "{more}&outputFormat=application/json&count=5000&startIndex={}",
            found.len()
        );
        let page = features(agencies, layer, &more).json();
        found.extend(page["features"].as_array().unwrap().iter().cloned());
        if page.get("links").is_none() {
            return found;
        }
        assert_eq!(
            page["numberReturned"], 400,
            "a cap below what was asked for, and a link"
        );
    }
}

#[test]
fn a_layer_has_pages_below_what_is_asked_for_and_as_many_features_as_it_counts() {
    let agencies = agencies();
    let all = all(&agencies, SEWERS, "");
    assert_eq!(all.len(), matched(&agencies, SEWERS));
    assert!((400..2_000).contains(&all.len()), "{}", all.len());
    let ids: BTreeSet<&str> = all.iter().map(|feature| feature["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len());
    let past = features(&agencies, SEWERS, "&startIndex=100000");
    assert_eq!(attribute(past.text(), "numberReturned"), "0");
}

#[test]
fn gml_and_json_are_the_same_features_and_nulls_are_left_out_of_gml() {
    let agencies = agencies();
    let gml = features(&agencies, SEWERS, "&startIndex=0&count=50");
    let json = features(
        &agencies,
        SEWERS,
        "&startIndex=0&count=50&outputFormat=application/json",
    )
    .json();
    let json = json["features"].as_array().unwrap();
    let members = between(gml.text(), "<wfs:member>", "</wfs:member>");
    assert_eq!((members.len(), json.len()), (50, 50));
    for (member, feature) in members.iter().zip(json) {
        assert!(member.contains(&format!("gml:id=\"{}\"", feature["id"].as_str().unwrap())));
        for (name, value) in feature["properties"].as_object().unwrap() {
            let open = format!("<pdk:{name}>");
            assert_eq!(member.contains(&open), !value.is_null(), "{name}");
        }
        let corner = &feature["geometry"]["coordinates"][0][0][0];
        assert!(member.contains(&format!("<gml:posList>{} {}", corner[0], corner[1])));
    }
    assert!(json.iter().any(|feature| feature["properties"]["doklink"].is_null()));
    assert!(gml.text().contains("20_3000000_1.pdf?a=1&amp;b=2") || gml.text().contains("&amp;b=2"));
}

#[test]
fn every_area_lies_near_its_municipality_and_none_touches_another() {
    let agencies = agencies();
    let mut boxes: BTreeMap<i64, Vec<[f64; 4]>> = BTreeMap::new();
    for feature in all(&agencies, SEWERS, "") {
        let mut frame = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        let rings = feature["geometry"]["coordinates"].as_array().unwrap().iter();
        for position in rings.flat_map(|polygon| polygon[0].as_array().unwrap()) {
            let (east, north) = (position[0].as_f64().unwrap(), position[1].as_f64().unwrap());
            assert!((440_000.0..900_000.0).contains(&east) && (6_040_000.0..6_410_000.0).contains(&north));
            frame = [
                frame[0].min(east),
                frame[1].min(north),
                frame[2].max(east),
                frame[3].max(north),
            ];
        }
        let town = feature["properties"]["komnr"].as_i64().unwrap();
        let others = boxes.entry(town).or_default();
        for other in others.iter() {
            let apart = frame[0] > other[2] || frame[2] < other[0] || frame[1] > other[3] || frame[3] < other[1];
            assert!(apart, "two areas of {town} overlap");
        }
        others.push(frame);
    }
    // The largest circle within a municipality is that of Viborg or of another large one: 12 km and less.
    for (town, boxes) in &boxes {
        let east = boxes.iter().map(|frame| frame[0]);
        let span = boxes.iter().map(|frame| frame[2]).fold(f64::MIN, f64::max) - east.fold(f64::MAX, f64::min);
        assert!(span < 25_000.0, "{town}: {span}");
    }
}

#[test]
fn the_newer_layer_of_sewers_lacks_a_municipality_and_the_older_one_its_numbers() {
    let agencies = agencies();
    let new: BTreeSet<i64> = all(&agencies, SEWERS, "")
        .iter()
        .map(|feature| feature["properties"]["komnr"].as_i64().unwrap())
        .collect();
    assert_eq!(new.len(), 97);
    assert!(!new.contains(&825) && new.contains(&101));
    let old = all(&agencies, OLD_SEWERS, "&sortBy=objekt_id");
    let towns: BTreeSet<&str> = old
        .iter()
        .map(|feature| feature["properties"]["cvrname"].as_str().unwrap())
        .collect();
    assert_eq!(towns.len(), 98);
    assert!(towns.contains("Læsø kommune"));
    assert!(old[0]["properties"].get("komnr").is_none());
    let only = features(
        &agencies,
        OLD_SEWERS,
        "&CQL_FILTER=cvrname='Læsø kommune'&sortBy=objekt_id",
    );
    let names = between(only.text(), "<pdk:cvrname>", "</pdk:cvrname>");
    assert!(!names.is_empty() && names.iter().all(|name| *name == "Læsø kommune"));
}

#[test]
fn a_layer_without_a_primary_key_wants_an_order_and_has_passing_ids() {
    let agencies = agencies();
    let refused = features(&agencies, OLD_SEWERS, "&startIndex=0&count=10");
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("Cannot do natural order without a primary key"));
    let ids = || {
        let reply = features(&agencies, OLD_SEWERS, "&startIndex=0&count=10&sortBy=objekt_id");
        let ids: Vec<String> = between(reply.text(), "<pdk:theme_pdk_kloakopland_vedtaget_v gml:id=\"", "\"")
            .into_iter()
            .map(str::to_owned)
            .collect();
        ids
    };
    let first = ids();
    assert!(first.len() == 10 && first.iter().all(|id| id.contains("fid--")));
    assert_ne!(first, ids());
}

#[test]
fn what_is_unknown_is_an_exception_report() {
    let agencies = agencies();
    for (query, code, text) in [
        (
            "request=GetFeature&typeNames=pdk:nosuch",
            "InvalidParameterValue",
            "Feature type pdk:nosuch unknown",
        ),
        (
            "request=GetFeature&typeNames=pdk:theme_pdk_lavbundsareal_vedtaget&sortBy=nosuch",
            "InvalidParameterValue",
            "Illegal property name",
        ),
        (
            "request=GetFeature&typeNames=pdk:theme_pdk_lavbundsareal_vedtaget&CQL_FILTER=nosuch",
            "NoApplicableCode",
            "Could not parse CQL",
        ),
        ("request=Bogus", "OperationNotSupported", "No such operation"),
    ] {
        let reply = get(&agencies, &format!("{WFS}&{query}"));
        assert_eq!(reply.status, 400, "{query}");
        assert!(
            reply.text().contains(code) && reply.text().contains(text),
            "{}",
            reply.text()
        );
    }
    assert_eq!(get(&agencies, "geoserver.plandata.dk/geoserver/wms").status, 404);
}

#[test]
fn every_layer_of_the_capabilities_is_described_and_has_the_described_elements() {
    let agencies = agencies();
    let capabilities = get(&agencies, &format!("{WFS}&request=GetCapabilities"));
    let names = between(capabilities.text(), "<Name>", "</Name>");
    assert_eq!(names.len(), 8);
    for name in names {
        let described = get(&agencies, &format!("{WFS}&request=DescribeFeatureType&typeName={name}"));
        let elements: BTreeSet<&str> = between(described.text(), "minOccurs=\"0\" name=\"", "\"")
            .into_iter()
            .collect();
        let by = if elements.contains("planid") {
            "planid"
        } else {
            "doklink"
        };
        let reply = features(
            &agencies,
            name,
            &format!("&sortBy={by}&outputFormat=application/json&count=1"),
        );
        let page = reply.json();
        let mut found: BTreeSet<&str> = page["features"][0]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        found.insert("geometri");
        assert_eq!(found, elements, "{name}");
    }
}

#[test]
fn the_same_script_gives_the_same_features_and_a_second_night_another_sewer() {
    let (first, again) = (agencies(), agencies());
    let of = |agencies: &Agencies| all(agencies, SEWERS, "");
    let before = of(&first);
    assert_eq!(before, of(&again));
    assert_ne!(
        attribute(features(&first, SEWERS, "").text(), "timeStamp"),
        attribute(features(&first, SEWERS, "").text(), "timeStamp"),
        "no two answers are the same bytes"
    );
    let after = of(&Agencies::start(Script::default().night(1)).unwrap());
    assert_eq!(before.len(), after.len());
    let changed: Vec<(&Value, &Value)> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].1["properties"]["nuvkode"], 2);
    assert_eq!(changed[0].1["properties"]["komnavn"], "Vallensbæk");
}

#[test]
fn a_page_may_come_short_and_a_start_be_ignored() {
    let short = ScriptedFault::new("geoserver.plandata.dk", FaultKind::PageShort).path("GetFeature");
    let agencies = Agencies::start(Script::default().fault(short)).unwrap();
    let reply = features(&agencies, SEWERS, "&startIndex=0&count=10");
    assert_eq!(between(reply.text(), "<wfs:member>", "<").len(), 9);
    let endless = ScriptedFault::new("geoserver.plandata.dk", FaultKind::EndlessNext);
    let agencies = Agencies::start(Script::default().fault(endless)).unwrap();
    let page = |start: usize| {
        let reply = features(&agencies, SEWERS, &format!("&startIndex={start}&count=10"));
        between(reply.text(), "vedtaget gml:id=\"", "\"").join(" ")
    };
    assert_eq!(page(0), page(10));
}

#[test]
fn copenhagen_has_a_server_of_its_own_with_basins_that_share_an_id_or_have_none() {
    let agencies = agencies();
    let ask = |more: &str| {
        let address = "wfs-kbhkort.kk.dk/k101/ows?service=WFS&version=2.0.0&request=GetFeature";
        get(
            &agencies,
            &format!("{address}&typeNames=k101:skp_bassiner_pladser_kk{more}"),
        )
    };
    let reply = ask("&startIndex=0&sortBy=klima_id");
    assert!(reply.text().contains("xmlns:k101=") && reply.text().contains("<k101:geometri>"));
    let members = between(reply.text(), "<wfs:member>", "</wfs:member>").len();
    let ids = between(reply.text(), "<k101:klima_id>", "</k101:klima_id>");
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert!(ids.len() < members && distinct.len() < ids.len(), "{members} {ids:?}");
    assert_eq!(ask("&startIndex=0").status, 400);
    let other = get(
        &agencies,
        &format!("{WFS}&request=GetFeature&typeNames=k101:skp_bassiner_pladser_kk"),
    );
    assert_eq!(other.status, 400, "Plandata does not have it");
}
