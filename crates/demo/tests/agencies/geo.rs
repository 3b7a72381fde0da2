use std::collections::BTreeSet;

use klimalade_demo::{Agencies, Script};
use serde_json::Value;

use crate::client::get;

const DAGI: &str = "wfs.datafordeler.dk/DAGIM/DAGI_10MULTIGEOM_GMLSFP/1.0.0/WFS?service=WFS&version=2.0.0&request=GetFeature\
                    &typeNames=dagi10:Kommuneinddeling&apiKey=x";

#[test]
fn dagi_gives_99_areas_in_pages_and_asks_for_a_key() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let mut codes = BTreeSet::new();
    for start in [0, 40, 80] {
        let reply = get(&agencies, &format!("{DAGI}&startIndex={start}&count=40"));
        assert_eq!(reply.status, 200);
        assert!(reply.text().contains("numberMatched=\"99\""));
        let parts = reply.text().split("<dagi10:kommunekode>").skip(1);
        codes.extend(parts.map(|part| part[..4].to_owned()));
    }
    assert_eq!(codes.len(), 99);
    assert!(codes.contains("0411") && codes.contains("0101"));
    let page = get(&agencies, &format!("{DAGI}&startIndex=0&count=40"));
    // Islands are members of one geometry, and an element's name has a dot.
    assert!(page.text().contains("</gml:geometryMember><gml:geometryMember>"));
    assert!(page.text().contains("<dagi10:id.lokalId>"));
    assert!(page.text().contains("København Kommune"));
    assert_eq!(get(&agencies, &DAGI.replace("&apiKey=x", "")).status, 401);
    let unknown = get(&agencies, &DAGI.replace("Kommuneinddeling", "Sogn"));
    assert_eq!(unknown.status, 400);
    assert!(unknown.text().contains("ExceptionReport"));
}

#[test]
fn mars_lists_projects_and_has_a_geometry_apart_for_most() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let list = get(&agencies, "mars.sgav.dk/api/status/projects").json();
    let projects = list.as_array().unwrap();
    assert_eq!(projects.len(), 120);
    let states: BTreeSet<i64> = projects
        .iter()
        .map(|project| project["projectStatus"].as_i64().unwrap())
        .collect();
    assert_eq!(states, BTreeSet::from([6, 10, 15]));
    assert!(projects.iter().any(|project| project["extractionEffortHa"].is_null()));
    assert!(projects.iter().any(|project| project["extractionEffortHa"] == 0));
    let mut without = 0;
    for project in projects {
        let location = project["geoLocationId"].as_str().unwrap();
        let reply = get(&agencies, &format!("mars.sgav.dk/api/geometries/{location}"));
        match reply.status {
            200 => assert!(
                reply.json()["geometryWkt"]
                    .as_str()
                    .unwrap()
                    .starts_with("MULTIPOLYGON (((")
            ),
            status => {
                assert_eq!(status, 404);
                without += 1;
            }
        }
    }
    assert!((1..20).contains(&without), "{without}");
    let second = Agencies::start(Script::default().night(1)).unwrap();
    let again = get(&second, "mars.sgav.dk/api/status/projects").json();
    let built = |list: &Value| {
        let projects = list.as_array().unwrap().iter();
        projects.filter(|project| project["projectStatus"] == 15).count()
    };
    assert!(built(&again) > built(&list), "some are built on the second night");
}

#[test]
fn miljoegis_answers_in_geojson_with_its_reference_system() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let ask = |kind: &str, more: &str| {
        get(
            &agencies,
            &format!(
                "wfs2-miljoegis.mim.dk/vandprojekter/ows?service=WFS&version=2.0.0&request=GetFeature&typeNames={kind}\
                 &outputFormat=application/json{more}"
            ),
        )
    };
    let page = ask("kla_projektomraader", "&startIndex=10&count=5").json();
    assert_eq!(page["features"].as_array().unwrap().len(), 2);
    assert_eq!(page["numberMatched"], 12);
    assert_eq!(page["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::25832");
    let first = &page["features"][0];
    assert!(first["id"].as_str().unwrap().starts_with("kla_projektomraader."));
    assert!(first["geometry"]["coordinates"][0][0][0][0].as_f64().unwrap() > 400_000.0);
    assert_eq!(ask("nosuch", "").status, 400);
}
