use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use serde_json::{Value, json};

use crate::client::{ask, get};

const ITEMS: &str = "opendataapi.dmi.dk/v2/climateData/collections/municipalityValue/items";
const YEARS: &str = "parameterId=acc_heating_degree_days_17&timeResolution=year";

fn features(agencies: &Agencies, query: &str) -> Vec<Value> {
    let reply = get(agencies, &format!("{ITEMS}?{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/geo+json"));
    reply.json()["features"].as_array().unwrap().clone()
}

fn property<'a>(feature: &'a Value, name: &str) -> &'a str {
    feature["properties"][name].as_str().unwrap()
}

fn agencies() -> Agencies {
    Agencies::start(Script::default()).unwrap()
}

#[test]
fn a_page_is_a_feature_collection_without_number_matched() {
    let page = get(&agencies(), &format!("{ITEMS}?{YEARS}")).json();
    assert_eq!(page["type"], "FeatureCollection");
    assert_eq!(
        (&page["numberReturned"], page.get("numberMatched")),
        (&json!(1000), None)
    );
    let first = &page["features"][0];
    let names: Vec<&String> = first["properties"].as_object().unwrap().keys().collect();
    let expected = [
        "calculatedAt",
        "created",
        "from",
        "municipalityId",
        "municipalityName",
        "parameterId",
        "qcStatus",
        "timeResolution",
        "to",
        "value",
    ];
    assert_eq!(names, expected);
    assert_eq!(property(first, "from"), "2025-01-01T00:00:00.001000+01:00");
    assert_eq!(property(first, "to"), "2026-01-01T00:00:00+01:00");
    assert!(!property(first, "calculatedAt").contains('+'));
    assert_eq!(property(first, "municipalityId").len(), 4);
    assert_eq!(first["geometry"]["type"], "Point");
}

#[test]
fn summer_months_begin_with_the_summer_offset() {
    let query = "parameterId=mean_temp&timeResolution=month&datetime=2023-06-02T00:00:00Z/2023-06-03T00:00:00Z";
    let found = features(&agencies(), query);
    assert!(
        found
            .iter()
            .all(|feature| property(feature, "from") == "2023-06-01T00:00:00.001000+02:00")
    );
    let towns: BTreeSet<&str> = found
        .iter()
        .map(|feature| property(feature, "municipalityId"))
        .collect();
    assert_eq!(towns.len(), 98);
}

#[test]
fn a_period_that_only_touches_the_window_comes_too() {
    let query = format!("{YEARS}&municipalityId=0101&datetime=2022-12-31T23:00:00Z/2023-12-31T22:59:59.999Z");
    let agencies = agencies();
    let years: BTreeSet<String> = features(&agencies, &query)
        .iter()
        .map(|feature| property(feature, "from")[..4].to_owned())
        .collect();
    assert_eq!(years, BTreeSet::from(["2022".to_owned(), "2023".to_owned()]));
}

#[test]
fn next_never_ends() {
    let agencies = agencies();
    let beyond = get(&agencies, &format!("{ITEMS}?{YEARS}&limit=1000&offset=400000")).json();
    assert_eq!(
        (&beyond["features"], &beyond["numberReturned"]),
        (&json!([]), &json!(0))
    );
    let next = beyond["links"]
        .as_array()
        .unwrap()
        .iter()
        .find(|link| link["rel"] == "next")
        .unwrap();
    let address = next["href"].as_str().unwrap();
    assert!(
        address.starts_with("https://opendataapi.dmi.dk/") && address.ends_with("limit=1000&offset=401000"),
        "{address}"
    );
}

#[test]
fn pages_follow_one_another_newest_first_and_hold_each_row_once() {
    let agencies = agencies();
    let mut all = Vec::new();
    for page in 0.. {
        let found = features(&agencies, &format!("{YEARS}&limit=700&offset={}", page * 700));
        let is_last = found.len() < 700;
        all.extend(found);
        if is_last {
            break;
        }
    }
    let ids: BTreeSet<&str> = all.iter().map(|feature| feature["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), all.len());
    let times: Vec<&str> = all.iter().map(|feature| property(feature, "from")).collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
    let mut keys: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for feature in &all {
        keys.entry((property(feature, "municipalityId"), property(feature, "from")))
            .or_default()
            .push(feature);
    }
    assert_eq!(keys.len(), 98 * 15, "2011 to 2025");
    let twice: Vec<&Vec<&Value>> = keys.values().filter(|features| features.len() == 2).collect();
    assert!((1..60).contains(&twice.len()), "{}", twice.len());
    for features in twice {
        assert_ne!(property(features[0], "created"), property(features[1], "created"));
        assert_ne!(features[0]["properties"]["value"], features[1]["properties"]["value"]);
    }
}

#[test]
fn the_months_of_a_year_add_up_to_it() {
    let agencies = agencies();
    let newest = |resolution: &str| -> i64 {
        let query = format!(
            "parameterId=acc_heating_degree_days_17&timeResolution={resolution}&municipalityId=0751&datetime=2023-01-02T00:00:00Z/2023-12-31T00:00:00Z"
        );
        let mut by_time: BTreeMap<String, (String, i64)> = BTreeMap::new();
        for feature in features(&agencies, &query) {
            let created = property(&feature, "created").to_owned();
            let tenths = (feature["properties"]["value"].as_f64().unwrap() * 10.0).round() as i64;
            let held = by_time.entry(property(&feature, "from").to_owned()).or_default();
            if created > held.0 {
                *held = (created, tenths);
            }
        }
        by_time.values().map(|(_, tenths)| tenths).sum()
    };
    assert_eq!(newest("month"), newest("year"));
    assert!((15_000..45_000).contains(&newest("year")), "{}", newest("year"));
}

#[test]
fn an_offset_above_half_a_million_is_refused() {
    let agencies = agencies();
    let reply = get(&agencies, &format!("{ITEMS}?{YEARS}&offset=500001"));
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("Offset cannot be greater than 500000"));
    assert_eq!(get(&agencies, &format!("{ITEMS}?{YEARS}&limit=300001")).status, 400);
    assert_eq!(get(&agencies, &format!("{ITEMS}?{YEARS}&datetime=igår/..")).status, 400);
}

#[test]
fn collections_describe_the_service() {
    let agencies = agencies();
    let all = get(&agencies, "opendataapi.dmi.dk/v2/climateData/collections").json();
    let one = get(
        &agencies,
        "opendataapi.dmi.dk/v2/climateData/collections/municipalityValue",
    )
    .json();
    assert_eq!(all["collections"][0], one);
    assert_eq!(
        get(&agencies, "opendataapi.dmi.dk/v2/climateData/collections/findesIkke").status,
        404
    );
}

#[test]
fn answers_are_compressed_for_whoever_accepts_it() {
    let agencies = agencies();
    let address = format!("{ITEMS}?{YEARS}&limit=10");
    let packed = ask(&agencies, "GET", &address, &[("Accept-Encoding", "gzip, br")], "").unwrap();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, get(&agencies, &address).text());
}

#[test]
fn a_server_that_ignores_the_offset_repeats_its_page_to_the_byte() {
    let fault = ScriptedFault::new("opendataapi.dmi.dk", FaultKind::EndlessNext);
    let agencies = Agencies::start(Script::default().fault(fault)).unwrap();
    let page = |offset: u32| get(&agencies, &format!("{ITEMS}?{YEARS}&limit=100&offset={offset}")).body;
    assert_eq!(page(0), page(100));
}

#[test]
fn the_largest_rain_of_half_an_hour_begins_before_its_year() {
    let agencies = agencies();
    let query = "parameterId=max_precip_30m&timeResolution=year&municipalityId=0101&datetime=2023-06-01T00:00:00Z/..";
    let found = features(&agencies, query);
    assert!(found.iter().any(|feature| {
        property(feature, "from") == "2023-12-31T23:31:00.001000+01:00"
            && property(feature, "to") == "2025-01-01T00:00:00+01:00"
    }));
}

#[test]
fn rain_of_half_an_hour_is_less_than_of_a_day_and_that_less_than_of_the_year() {
    let agencies = agencies();
    let value = |parameter: &str| {
        let query = format!(
            "parameterId={parameter}&timeResolution=year&municipalityId=0751&datetime=2023-06-01T00:00:00Z/2023-06-02T00:00:00Z"
        );
        let found = features(&agencies, &query);
        found[0]["properties"]["value"].as_f64().unwrap()
    };
    let (burst, day, year) = (value("max_precip_30m"), value("max_precip_24h"), value("acc_precip"));
    assert!(0.0 < burst && burst < day && day < 80.0, "{burst} {day}");
    assert!((400.0..1400.0).contains(&year), "{year}");
    assert!((3.0..40.0).contains(&value("no_days_acc_precip_10")));
}
