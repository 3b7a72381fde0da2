use klimalade_demo::{Agencies, Script};
use serde_json::Value;

use crate::client::{Reply, get, post};

const ACTION: &str = "admin.opendata.dk/api/3/action";

fn show(agencies: &Agencies, name: &str) -> Value {
    get(agencies, &format!("{ACTION}/package_show?id={name}")).json()["result"].clone()
}

/// The address of a link as this machine reaches it.
fn follow(agencies: &Agencies, link: &str) -> Reply {
    get(agencies, link.strip_prefix("https://").unwrap())
}

#[test]
fn a_table_gives_no_more_than_500_rows_and_a_next_link_behind_its_end() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let package = show(&agencies, "energiforbrug-kommunale-bygninger");
    let id = package["resources"][0]["id"].as_str().unwrap();
    let page = |offset: u64| {
        get(
            &agencies,
            &format!("{ACTION}/datastore_search?resource_id={id}&limit=32000&offset={offset}"),
        )
        .json()
    };
    let first = page(0)["result"].clone();
    assert_eq!(first["limit"], 500, "the limit that was applied is told");
    assert_eq!(first["records"].as_array().unwrap().len(), 500);
    let total = first["total"].as_u64().unwrap();
    assert!(total > 500 && total < 2000, "{total}");
    let beyond = page(total)["result"].clone();
    assert_eq!(beyond["records"], serde_json::json!([]));
    assert!(
        beyond["_links"]["next"]
            .as_str()
            .unwrap()
            .contains(&format!("offset={}", total + 500))
    );
    let records = first["records"].as_array().unwrap();
    assert!(
        records
            .iter()
            .any(|row| row["ejendom"].as_str().unwrap().starts_with("Børnehave"))
    );
    assert!(records.iter().any(|row| row["kWh"] == "-"), "a place without a meter");
    assert!(records.iter().any(|row| row["kWh"].as_str().unwrap().contains(',')));
}

#[test]
fn a_download_redirects_to_another_host_and_the_signature_is_looked_at() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let package = show(&agencies, "skybrudsprojekter");
    assert_eq!(
        (&package["license_id"], &package["organization"]["title"]),
        (&"CC-BY-4.0".into(), &"Københavns Kommune".into())
    );
    let reply = follow(&agencies, package["resources"][0]["url"].as_str().unwrap());
    assert_eq!(reply.status, 302);
    let signed = reply.header("location").unwrap();
    assert!(signed.starts_with("https://opendata-dk.s3.eu-west-1.amazonaws.com/") && signed.contains("&Signature="));
    let file = follow(&agencies, signed);
    assert_eq!(file.json()["features"].as_array().unwrap().len(), 120);
    assert!(file.header("etag").is_some());
    let late = follow(&agencies, &signed.replace("Signature=", "Signature=0"));
    assert_eq!(late.status, 403);
    assert!(
        late.text().contains("<Message>Request has expired</Message>") && late.text().contains("<SignatureProvided>0")
    );
}

#[test]
fn a_search_finds_by_word_and_by_organisation() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let names = |query: &str| {
        let result = get(&agencies, &format!("{ACTION}/package_search?{query}")).json()["result"].clone();
        let results = result["results"].as_array().unwrap().iter();
        let names: Vec<String> = results
            .map(|package| package["name"].as_str().unwrap().to_owned())
            .collect();
        (result["count"].as_u64().unwrap(), names)
    };
    assert_eq!(names("q=skybrud&rows=1"), (2, vec!["skybrudsprojekter".to_owned()]));
    assert_eq!(
        names("q=skybrud&rows=1&start=1").1,
        ["skybrudsprojekter-paa-frederiksberg"]
    );
    assert_eq!(
        names("fq=organization:city-of-aarhus").1,
        ["energiforbrug-kommunale-bygninger"]
    );
}

#[test]
fn errors_have_ckans_three_forms() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let missing = get(&agencies, &format!("{ACTION}/package_show?id=findes-ikke"));
    assert_eq!((missing.status, &missing.json()["success"]), (404, &false.into()));
    let invalid = get(&agencies, &format!("{ACTION}/datastore_search"));
    assert_eq!(
        (invalid.status, &invalid.json()["error"]["resource_id"][0]),
        (409, &"Missing value".into())
    );
    let unknown = get(&agencies, &format!("{ACTION}/nosuch_action"));
    assert_eq!(
        (unknown.status, unknown.json()),
        (400, "Bad request - Action name not known: nosuch_action".into())
    );
    assert_eq!(
        post(&agencies, &format!("{ACTION}/package_show"), &Value::Null).status,
        400
    );
}
