use klimalade_demo::{Agencies, Script};
use serde_json::Value;

use crate::client::get;

const LISTING: &str = "api.datafordeler.dk/FileDownloads/v2.0/GetAvailableFileDownloads?Register=BBR&Entity=Bygning";

#[test]
fn nothing_is_told_without_a_key() {
    let agencies = Agencies::start(Script::default()).unwrap();
    assert_eq!(get(&agencies, LISTING).status, 401);
    assert_eq!(
        get(&agencies, "api.datafordeler.dk/FileDownloads/findes-ikke").status,
        401
    );
}

#[test]
fn the_listing_has_two_pages_and_only_the_newest_two_totals() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let page = |number: u32| get(&agencies, &format!("{LISTING}&apikey=x&PageNumber={number}")).json();
    assert_eq!(page(1)["paginationMetadata"]["totalPages"], 2);
    let all: Vec<Value> = (1..=3)
        .flat_map(|number| page(number)["availableFileDownloads"].as_array().unwrap().clone())
        .collect();
    let totals: Vec<&Value> = all
        .iter()
        .filter(|file| file["typeOfDownload"] == "TotalDownload" && file["typeOfData"] == "Current")
        .collect();
    assert_eq!((all.len(), totals.len()), (4, 2));
    // The scripted day is a Monday.
    assert!(totals[1]["generationTime"].as_str().unwrap().starts_with("2026-11-21T"));
    let name = totals[1]["fileName"].as_str().unwrap();
    let file = get(
        &agencies,
        &format!("api.datafordeler.dk/FileDownloads/v1.0/GetFile?Filename={name}&apikey=x"),
    );
    assert!(file.body.starts_with(b"PK\x03\x04"));
    let gone = get(
        &agencies,
        "api.datafordeler.dk/FileDownloads/v1.0/GetFile?Filename=BBR_V3_Bygning_1.zip&apikey=x",
    );
    assert_eq!(gone.status, 404);
}
