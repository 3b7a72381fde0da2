use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};

use crate::client::{ask, get};

const FILES: &str = "data.example-kommune.dk";
const CSV: &str = "data.example-kommune.dk/ladestandere.csv";

fn with(kind: FaultKind) -> Agencies {
    Agencies::start(Script::default().fault(ScriptedFault::new(FILES, kind))).unwrap()
}

#[test]
fn a_server_that_is_down_sends_no_byte() {
    let agencies = with(FaultKind::Down);
    let broken = ask(&agencies, "GET", CSV, &[], "").unwrap_err();
    assert!(["no head", "connection reset"].contains(&broken), "{broken}");
    assert_eq!(agencies.count(FILES), 1, "the request came all the same");
}

#[test]
fn a_cut_body_ends_before_its_length() {
    assert_eq!(ask(&with(FaultKind::Cut), "GET", CSV, &[], "").unwrap_err(), "body cut");
    let fault = ScriptedFault::new("api.statbank.dk", FaultKind::Cut);
    let agencies = Agencies::start(Script::default().fault(fault)).unwrap();
    let broken = ask(
        &agencies,
        "GET",
        "api.statbank.dk/v1/data/ARE207/CSV?OMRÅDE=*&Tid=*",
        &[],
        "",
    );
    assert_eq!(broken.unwrap_err(), "body cut");
}

#[test]
fn html_comes_with_200() {
    let reply = get(&with(FaultKind::Html), CSV);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    assert!(reply.text().starts_with("<!DOCTYPE html>"));
}

#[test]
fn statuses_and_retry_after_are_as_scripted() {
    assert_eq!(get(&with(FaultKind::Status(503)), CSV).status, 503);
    assert_eq!(get(&with(FaultKind::NotFound), CSV).status, 404);
    let reply = get(&with(FaultKind::TooManyRequests { retry_after_secs: 1 }), CSV);
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
}

#[test]
fn a_fault_strikes_as_often_as_told_and_only_where_told() {
    let fault = ScriptedFault::new(FILES, FaultKind::Status(500))
        .path("ladestandere")
        .times(2);
    let agencies = Agencies::start(Script::default().fault(fault)).unwrap();
    assert_eq!(get(&agencies, "data.example-kommune.dk/anlaeg.json").status, 200);
    assert_eq!(
        [
            get(&agencies, CSV).status,
            get(&agencies, CSV).status,
            get(&agencies, CSV).status
        ],
        [500, 500, 200]
    );
}

#[test]
fn a_fault_sees_the_query_decoded() {
    let fault = ScriptedFault::new("klimaregnskabet.dk", FaultKind::Status(500)).path("type=Nøgletal");
    let agencies = Agencies::start(Script::default().fault(fault)).unwrap();
    assert_eq!(
        get(
            &agencies,
            "klimaregnskabet.dk/api/municipality-data?municipality=101&year=2023&type=Nøgletal"
        )
        .status,
        500
    );
}

#[test]
fn requests_are_kept_in_order_with_host_path_and_query() {
    let agencies = Agencies::start(Script::default()).unwrap();
    get(&agencies, CSV);
    get(&agencies, "api.statbank.dk/v1/tableinfo?id=ARE207");
    let seen = agencies.requests();
    assert_eq!(
        (seen[0].host.as_str(), seen[0].path.as_str()),
        (FILES, "/ladestandere.csv")
    );
    assert_eq!(
        (seen[1].path.as_str(), seen[1].query.as_str()),
        ("/v1/tableinfo", "id=ARE207")
    );
    assert!(seen[0].at <= seen[1].at);
    assert_eq!(
        agencies.counts().into_iter().collect::<Vec<_>>(),
        [("api.statbank.dk".to_owned(), 1), (FILES.to_owned(), 1)]
    );
}

#[test]
fn every_host_is_on_loopback_and_a_stranger_gets_404() {
    let agencies = Agencies::start(Script::default()).unwrap();
    assert!(agencies.hosts().contains_key(FILES));
    assert!(agencies.hosts().values().all(|address| address.ip().is_loopback()));
    assert_eq!(get(&agencies, "www.example.org/").status, 404);
}

#[test]
fn dropping_the_agencies_closes_the_port() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let address = agencies.address();
    get(&agencies, CSV);
    drop(agencies);
    assert!(std::net::TcpStream::connect(address).is_err());
}
