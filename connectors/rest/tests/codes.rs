//! Values of an axis that are the codes of a code list.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use klimalade_connect::{Connector, Protocol};
use klimalade_rest::{Rest, Settings};
use klimalade_testkit::bench;
use serde_json::{Value, json};

/// What is asked for on the axis at a moment.
async fn asked_for(now: &str, values: Value) -> Result<Vec<String>, klimalade_connect::Fault> {
    let settings = json!({"base_url": "https://example.dk/api", "matrix": [{"name": "area", "values": values}]});
    let connector = Rest::open(serde_json::from_value::<Settings>(settings).unwrap())?;
    let parts = connector.plan(&bench::context(now, &[])).await?;
    let values = parts[0].detail["matrix"][0]["values"].as_array().unwrap().clone();
    Ok(values.iter().map(|value| value.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn every_municipality_is_asked_for_under_the_agencys_own_number() {
    let values = json!({"codes": "areas", "where": {"area_level": "municipality"}, "as": "statbank_code"});
    let asked = asked_for("2026-11-23T20:00:00Z", values).await.unwrap();
    assert_eq!(asked.len(), 98);
    assert_eq!((asked[0].as_str(), asked[97].as_str()), ("101", "860"));
    assert!(!asked.iter().any(|number| number == "411"), "Christiansø is none");
}

#[tokio::test]
async fn a_code_is_asked_for_while_it_holds_on_the_danish_day() {
    let regions = json!({"codes": "areas", "where": {"area_level": "region"}});
    let before = asked_for("2026-12-31T22:59:59Z", regions.clone()).await.unwrap();
    let after = asked_for("2026-12-31T23:00:00Z", regions).await.unwrap();
    assert!(before.iter().any(|code| code == "1085"), "{before:?}");
    assert!(!after.iter().any(|code| code == "1085"), "{after:?}");
    assert!(after.iter().any(|code| code == "1083"), "{after:?}");
}

#[tokio::test]
async fn a_list_a_column_or_a_value_that_is_not_there_is_said_before_anybody_is_asked() {
    let now = "2026-11-23T20:00:00Z";
    for (values, what) in [
        (json!({"codes": "kommuner"}), "no such code list"),
        (
            json!({"codes": "areas", "as": "kode"}),
            "the code list has no such column",
        ),
        (
            json!({"codes": "areas", "where": {"niveau": "x"}}),
            "the code list has no such column",
        ),
        (
            json!({"codes": "areas", "where": {"area_level": "kommune"}}),
            "no code of the list is chosen",
        ),
        (
            json!({"codes": "areas", "as": "nuts3"}),
            "a code has nothing to be sent",
        ),
    ] {
        let fault = asked_for(now, values.clone()).await.unwrap_err();
        assert_eq!(fault.what(), what, "{values}");
        assert_eq!(fault.places(), ["[source] matrix, axis area"], "{fault}");
    }
}
