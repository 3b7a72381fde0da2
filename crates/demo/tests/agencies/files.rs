use klimalade_demo::{Agencies, Script};

use crate::client::{ask, get};

const CSV: &str = "data.example-kommune.dk/ladestandere.csv";

#[test]
fn the_csv_is_windows_1252_with_danish_letters_and_a_decimal_comma() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let reply = get(&agencies, CSV);
    assert!(std::str::from_utf8(&reply.body).is_err(), "it is not UTF-8");
    let (text, _, broken) = encoding_rs::WINDOWS_1252.decode(&reply.body);
    assert!(!broken);
    assert!(
        text.starts_with("Kommunekode;Kommune;År;Antal ladestandere;Effekt i kW;Bemærkning\r\n101;København;2022;")
    );
    assert!(text.contains("Rødovre") && text.contains("Sønderborg"));
    assert_eq!(text.lines().count(), 1 + 98 * 4);
    assert!(
        text.contains("\"foreløbig opgørelse; \"\"på vej\"\"\""),
        "a quoted cell holds the delimiter and quotes"
    );
    assert!(
        text.lines()
            .skip(1)
            .all(|line| line.split(';').nth(4).unwrap().contains(','))
    );
}

#[test]
fn an_unchanged_file_is_304_by_etag_and_by_date_and_stays_so_on_the_second_night() {
    let first = Agencies::start(Script::default()).unwrap();
    let reply = get(&first, CSV);
    let (etag, date) = (
        reply.header("etag").unwrap().to_owned(),
        reply.header("last-modified").unwrap().to_owned(),
    );
    let second = Agencies::start(Script::default().night(1)).unwrap();
    let status = |headers: &[(&str, &str)]| ask(&second, "GET", CSV, headers, "").unwrap().status;
    assert_eq!(status(&[("If-None-Match", &etag)]), 304);
    assert_eq!(status(&[("If-Modified-Since", &date)]), 304);
    assert_eq!(
        status(&[("If-None-Match", "\"andet\""), ("If-Modified-Since", &date)]),
        200,
        "the tag goes before the date"
    );
    assert_eq!(status(&[]), 200);
}

#[test]
fn the_json_is_utf8() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let reply = get(&agencies, "data.example-kommune.dk/anlaeg.json");
    let plants = reply.json()["anlæg"].as_array().unwrap().clone();
    assert!(plants.len() > 10);
    assert!(plants.iter().all(|plant| plant["type"] == "biogasanlæg"));
    assert_eq!(get(&agencies, "data.example-kommune.dk/findes-ikke.csv").status, 404);
}
