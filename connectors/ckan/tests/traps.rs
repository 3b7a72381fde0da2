//! Each way in which a portal was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow_schema::DataType;
use klimalade_ckan::{Ckan, Settings};
use klimalade_connect::{Connector, Fault, Kind, Page, Part, Protocol};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::decode_all;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";
const SIGNED: &str = "AWSAccessKeyId=AKIAEKSEMPEL&Signature=hemmelig%2Bunderskrift&Expires=1764000000";

fn open(settings: Value) -> Result<Ckan, Fault> {
    Ckan::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn ok(result: Value) -> Answer {
    bench::json(json!({"help": "", "success": true, "result": result}).to_string())
}

fn resource(more: Value) -> Value {
    let mut resource = json!({"id": "r1", "name": "Ladestandere", "format": "CSV", "url_type": "upload",
        "created": "2026-01-01T00:00:00", "last_modified": "2026-10-01T07:59:00", "datastore_active": true,
        "url": "/dataset/p/resource/r1/download/ladestandere.csv"});
    resource
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    resource
}

fn package(more: Value) -> Value {
    let mut package = json!({"id": "p", "name": "ladestandere", "state": "active", "license_id": "CC-BY-4.0",
        "metadata_modified": "2026-10-01T08:00:00", "organization": {"name": "city-of-aarhus", "title": "Aarhus Kommune"},
        "resources": [resource(json!({}))]});
    package
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    package
}

/// Plans the one package of a portal that answers so.
async fn plan(package: Value, more: Value) -> Result<Vec<Part>, Fault> {
    let server = Server::start(move |_| ok(package.clone())).await;
    let mut settings =
        json!({"base_url": server.base, "package": "ladestandere", "read": {"type": "csv", "delimiter": ","}});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    open(settings)?.plan(&bench::context(NOW, &[])).await
}

/// Fetches the one part of a portal whose `package_show` is good and whose other answers are these.
async fn fetch(
    read: Value,
    more: Value,
    rest: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> Result<Vec<Page>, Fault> {
    let server = Server::start(move |asked: &Asked| match asked.path.as_str() {
        "/api/3/action/package_show" => ok(package(json!({}))),
        _ => rest(asked),
    })
    .await;
    let mut settings = json!({"base_url": server.base, "package": "ladestandere", "read": read});
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (connector, cx) = (open(settings)?, bench::context(NOW, &[]));
    let part = connector.plan(&cx).await?.remove(0);
    bench::fetch(&connector, &part, &cx).await
}

fn rows(asked: &Asked, there: u64, total: u64, cap: u64) -> Answer {
    let (offset, limit) = (asked.number("offset").unwrap(), asked.number("limit").unwrap().min(cap));
    let records: Vec<_> = (offset..there.min(offset + limit))
        .map(|at| json!({"_id": at + 1}))
        .collect();
    ok(json!({"records": records, "offset": offset, "total": total,
        "_links": {"next": format!("/api/3/action/datastore_search?offset={}", offset + limit)}}))
}

fn table() -> Value {
    json!({"type": "datastore"})
}

fn csv() -> Value {
    json!({"type": "csv", "delimiter": ","})
}

#[tokio::test]
async fn the_endless_next_link_is_not_followed() {
    let pages = fetch(table(), json!({"page_limit": 10}), |asked| rows(asked, 25, 25, 10))
        .await
        .unwrap();
    assert_eq!(pages.len(), 3, "the short page is the last");
    let pages = fetch(table(), json!({"page_limit": 10}), |asked| rows(asked, 20, 20, 10))
        .await
        .unwrap();
    assert_eq!(
        pages.len(),
        3,
        "behind a full page an empty one is asked for: the count may lie"
    );
}

#[tokio::test]
async fn a_portal_that_gives_fewer_rows_than_asked_for_is_read_to_its_end() {
    // An older portal, which does not name the limit that it applied.
    let pages = fetch(table(), json!({"page_limit": 20}), |asked| rows(asked, 25, 25, 10))
        .await
        .unwrap();
    assert_eq!(pages.len(), 3);
}

#[tokio::test]
async fn a_total_that_lies_is_an_error_unless_it_is_known_to() {
    for total in [24, 30] {
        let fault = fetch(table(), json!({"page_limit": 10}), move |asked| {
            rows(asked, 25, total, 10)
        })
        .await
        .unwrap_err();
        assert_eq!(fault.kind(), Kind::Source);
        assert_eq!(fault.expected_text(), Some(format!("{total} rows").as_str()));
        let pages = fetch(table(), json!({"page_limit": 10, "trust_total": false}), move |asked| {
            rows(asked, 25, total, 10)
        })
        .await;
        assert_eq!(pages.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_table_that_is_written_to_during_the_walk_is_worth_another_one() {
    // A row before the second page is taken away: the one that stood at its beginning is in neither page.
    let fault = fetch(table(), json!({"page_limit": 10}), |asked| {
        let total = if asked.number("offset") == Some(0) { 25 } else { 24 };
        rows(asked, total, total, 10)
    })
    .await
    .unwrap_err();
    assert_eq!(
        (fault.what(), fault.kind()),
        ("the server's count changed during the walk", Kind::Source)
    );
    assert!(fault.is_worth_another_walk());
    let hint = fault.hint_text().unwrap();
    assert!(
        hint.contains("page_limit") && !hint.contains("trust_total"),
        "a count that is not believed would hide it: {hint}"
    );
    let fault = fetch(table(), json!({"page_limit": 10}), |asked| rows(asked, 25, 24, 10))
        .await
        .unwrap_err();
    assert!(!fault.is_worth_another_walk(), "a lie is told again");
}

#[tokio::test]
async fn a_package_that_was_taken_away_looks_like_a_private_one() {
    let body = r#"{"success":false,"error":{"__type":"Authorization Error","message":"Access denied: User  not authorized to read package 7"}}"#;
    let fault = fetch(table(), json!({}), move |_| bench::status(403, body))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.hint_text().unwrap().contains("was taken away"), "{fault}");
}

#[tokio::test]
async fn an_estimated_total_is_not_compared() {
    let pages = fetch(table(), json!({"page_limit": 10}), |asked| {
        let mut answer = rows(asked, 25, 1000, 10);
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        body["result"]["total_was_estimated"] = json!(true);
        answer.body = body.to_string().into_bytes();
        answer
    })
    .await;
    assert_eq!(pages.unwrap().len(), 3);
}

#[tokio::test]
async fn a_portal_that_ignores_the_offset_is_an_error() {
    let fault = fetch(table(), json!({"page_limit": 10}), |_| {
        ok(json!({"records": [{"_id": 1}], "offset": 0, "limit": 1, "total": 5}))
    })
    .await
    .unwrap_err();
    assert_eq!(fault.found_text(), Some("offset 0"));
}

#[tokio::test]
async fn errors_are_read_whatever_their_form_and_status() {
    let cases: [(u16, &str, Kind, &str); 9] = [
        (
            400,
            r#""Bad request - Action name not known: datastore_search""#,
            Kind::Settings,
            "Action name not known",
        ),
        (
            200,
            r#"{"success":false,"error":{"__type":"Authorization Error","message":"Access denied"}}"#,
            Kind::Settings,
            "Access denied",
        ),
        (
            404,
            r#"{"success":false,"error":{"__type":"Not Found Error","message":"Not found"}}"#,
            Kind::Source,
            "Not found",
        ),
        (
            409,
            r#"{"success":false,"error":{"resource_id":["Missing value"],"__type":"Validation Error"}}"#,
            Kind::Settings,
            "Missing value",
        ),
        (
            200,
            r#"{"success":false,"error":"noget gik galt"}"#,
            Kind::Source,
            "noget gik galt",
        ),
        (200, r#"{"success":false}"#, Kind::Source, "HTTP 200"),
        (
            500,
            r#"{"success":false,"error":{"__type":"Search Error","message":"Search Connection Error"}}"#,
            Kind::Transient,
            "Search Connection Error",
        ),
        (
            200,
            r#"{"success":false,"error":{"__type":"Internal Server Error","message":"Internal Server Error"}}"#,
            Kind::Transient,
            "Internal",
        ),
        (200, "<html><body>Log ind</body></html>", Kind::Source, "an HTML page"),
    ];
    for (status, body, kind, words) in cases {
        let fault = fetch(table(), json!({}), move |_| bench::status(status, body))
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), kind, "{body}: {fault}");
        assert!(fault.found_text().unwrap().contains(words), "{body}: {fault}");
    }
}

#[tokio::test]
async fn the_licence_goes_with_the_part_and_an_unknown_one_is_refused() {
    for (id, code) in [
        (json!("CC-BY-4.0"), "cc_by_4_0"),
        (json!("cc-by"), "cc_by"),
        (json!("cc-zero"), "cc0_1_0"),
        (json!("CC0-1.0"), "cc0_1_0"),
    ] {
        let parts = plan(package(json!({"license_id": id})), json!({})).await.unwrap();
        assert_eq!(parts[0].detail["licence_code"], code);
    }
    for (id, found) in [
        (json!("other-at"), "other-at"),
        (Value::Null, "no licence"),
        (json!(""), "no licence"),
    ] {
        let fault = plan(package(json!({"license_id": id})), json!({})).await.unwrap_err();
        assert_eq!((fault.kind(), fault.found_text()), (Kind::Settings, Some(found)));
        let typed = id.as_str().unwrap_or_default();
        assert!(
            fault
                .hint_text()
                .unwrap()
                .contains(&format!("licences = {{ \"{typed}\" = ")),
            "{fault}"
        );
        let parts = plan(
            package(json!({"license_id": id})),
            json!({"licences": {typed: "not_stated"}}),
        )
        .await
        .unwrap();
        assert_eq!(parts[0].detail["licence_code"], "not_stated");
    }
    let parts = plan(package(json!({})), json!({"licences": {"cc-by-4.0": "psi_open"}}))
        .await
        .unwrap();
    assert_eq!(
        parts[0].detail["licence_code"], "psi_open",
        "the operator has read the terms"
    );
}

#[tokio::test]
async fn organisation_and_times_of_change_stand_in_the_part() {
    let part = plan(package(json!({})), json!({})).await.unwrap().remove(0);
    assert_eq!(part.key, "ladestandere");
    assert_eq!(
        part.change_mark.as_deref(),
        Some("2026-10-01T08:00:00Z 2026-10-01T07:59:00Z")
    );
    assert_eq!(part.detail["source_version"], "2026-10-01T07:59:00Z");
    assert_eq!(part.detail["package"]["organization"], "city-of-aarhus");
    assert_eq!(part.detail["package"]["organization_title"], "Aarhus Kommune");
    // The portal does not see a table that is written to through its API, or a file elsewhere, change.
    for kind in [json!("datastore"), Value::Null] {
        let written = package(json!({"resources": [resource(json!({"url_type": kind}))]}));
        assert_eq!(plan(written.clone(), json!({})).await.unwrap()[0].change_mark, None);
        let parts = plan(written, json!({"change_mark": "modified"})).await.unwrap();
        assert!(parts[0].change_mark.is_some());
    }
    assert_eq!(
        plan(package(json!({})), json!({"change_mark": "none"})).await.unwrap()[0].change_mark,
        None
    );
    // A resource that was never changed has no time of its own.
    let never = package(json!({"organization": null, "resources": [resource(json!({"last_modified": null}))]}));
    let part = plan(never, json!({})).await.unwrap().remove(0);
    assert_eq!(
        part.change_mark.as_deref(),
        Some("2026-10-01T08:00:00Z 2026-10-01T08:00:00Z")
    );
}

#[tokio::test]
async fn which_resource_is_meant_is_never_guessed() {
    let two = json!([
        resource(json!({})),
        resource(json!({"id": "r2", "format": ".geojson", "name": "Kort", "created": "2025-01-01"}))
    ]);
    let both = package(json!({"resources": two}));
    let fault = plan(both.clone(), json!({})).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert_eq!(
        fault.found_text(),
        Some("2 of these: Ladestandere (CSV, r1); Kort (.geojson, r2)")
    );
    for choice in [
        json!({"format": "GeoJSON"}),
        json!({"name": "Ko*"}),
        json!({"id": "r2"}),
    ] {
        let part = plan(both.clone(), json!({"resource": choice})).await.unwrap().remove(0);
        assert_eq!(
            (part.key.as_str(), &part.detail["resource"]["id"]),
            ("ladestandere", &json!("r2"))
        );
    }
    let parts = plan(both.clone(), json!({"resource": {"every": true}})).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["r2", "r1"],
        "oldest first"
    );
    assert!(plan(both, json!({"resource": {"format": "XLSX"}})).await.is_err());
    let deleted = package(json!({"state": "deleted"}));
    assert_eq!(
        plan(deleted, json!({})).await.unwrap_err().found_text(),
        Some("state deleted")
    );
    let file = package(json!({"resources": [resource(json!({"datastore_active": false}))]}));
    let fault = plan(file, json!({"read": {"type": "datastore"}})).await.unwrap_err();
    assert_eq!(fault.hint_text(), Some("read = { type = \"csv\", delimiter = \",\" }"));
}

#[tokio::test]
async fn a_search_that_moves_under_the_walk_or_finds_nothing_is_an_error() {
    for (results, words) in [
        (json!([]), "the search finds no package"),
        (
            json!([package(json!({})), package(json!({}))]),
            "the portal's list moved while it was read",
        ),
    ] {
        let count = results.as_array().unwrap().len();
        let server = Server::start(move |_| ok(json!({"count": count, "results": results}))).await;
        let connector = open(json!({"base_url": server.base, "search": {"words": "sti"}, "read": csv()})).unwrap();
        let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
        assert_eq!((fault.kind(), fault.what()), (Kind::Source, words));
        assert_eq!(server.requests()[0].query["sort"], "name asc");
    }
}

/// A portal that redirects to a file store on another port; the store takes the signature only once.
async fn signed(store: impl Fn(&Asked) -> Answer + Send + Sync + 'static, more: Value) -> (Server, Server) {
    let store = Server::start(store).await;
    let to = format!("{}/opendata/ladestandere.csv?{SIGNED}", store.base);
    let portal = Server::start(move |asked: &Asked| match asked.path.as_str() {
        "/api/3/action/package_show" => ok(package(more.clone())),
        "/api/3/action/resource_show" => ok(resource(json!({"url": to}))),
        "/dataset/p/resource/r1/download/ladestandere.csv" => Answer {
            status: 302,
            headers: vec![("location", to.clone())],
            body: Vec::new(),
        },
        other => bench::status(404, other),
    })
    .await;
    (portal, store)
}

fn assert_nothing_leaks(text: &str) {
    for secret in ["hemmelig", "AKIAEKSEMPEL", "1764000000", "min-nøgle"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_signed_address_is_followed_and_stored_nowhere_and_our_key_stays_at_home() {
    let (portal, store) = signed(|_| bench::answer(200, "text/csv", "By,Antal\nÆrø,3\n"), json!({})).await;
    let auth = json!({"strategy": "header", "name": "Authorization", "secret": "portal"});
    let connector =
        open(json!({"base_url": portal.base, "package": "ladestandere", "read": csv(), "auth": auth})).unwrap();
    let cx = bench::context(NOW, &[("portal", "min-nøgle")]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let pages = bench::fetch(&connector, &part, &cx).await.unwrap();
    assert_eq!(
        pages[0].entry.address,
        format!("{}/dataset/p/resource/r1/download/ladestandere.csv", portal.base)
    );
    assert_nothing_leaks(&format!(
        "{} {:?}",
        serde_json::to_string(&part).unwrap(),
        pages[0].entry
    ));
    assert_eq!(
        store.requests()[0].raw_query,
        SIGNED,
        "asked for as the portal signed it"
    );
    assert!(
        portal
            .requests()
            .iter()
            .all(|asked| asked.headers.contains_key("authorization"))
    );
    assert!(!store.requests()[0].headers.contains_key("authorization"));
    let batches = decode_all(
        &connector,
        &part,
        &pages[0],
        &bench::columns(&[("town", "By", DataType::Utf8)]),
    )
    .unwrap();
    assert_eq!(bench::texts(&batches, "town"), [Some("Ærø".to_owned())]);
}

#[tokio::test]
async fn a_resource_whose_own_address_is_signed_is_asked_for_anew() {
    let old = resource(json!({"url": format!("https://store.example/opendata/ladestandere.csv?{SIGNED}")}));
    let (portal, store) = signed(
        |_| bench::answer(200, "text/csv", "By,Antal\nÆrø,3\n"),
        json!({"resources": [old]}),
    )
    .await;
    let connector = open(json!({"base_url": portal.base, "package": "ladestandere", "read": csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    assert_eq!(part.detail["resource"].get("address"), None);
    let pages = bench::fetch(&connector, &part, &cx).await.unwrap();
    assert_nothing_leaks(&format!(
        "{} {:?}",
        serde_json::to_string(&part).unwrap(),
        pages[0].entry
    ));
    assert_eq!(store.requests().len(), 1);
}

#[tokio::test]
async fn an_expired_signature_is_asked_for_again_from_the_portal_on() {
    const EXPIRED: &str = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message>\
        <AWSAccessKeyId>AKIAEKSEMPEL</AWSAccessKeyId><SignatureProvided>hemmelig+underskrift</SignatureProvided></Error>";
    let first_is_late = |asked: &Asked| match asked.at {
        0 => bench::answer(403, "application/xml", EXPIRED),
        _ => bench::answer(200, "text/csv", "By,Antal\nÆrø,3\n"),
    };
    let (portal, store) = signed(first_is_late, json!({})).await;
    let connector = open(json!({"base_url": portal.base, "package": "ladestandere", "read": csv()})).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    assert_eq!(bench::fetch(&connector, &part, &cx).await.unwrap().len(), 1);
    assert_eq!(store.requests().len(), 2);
    let downloads = portal
        .requests()
        .iter()
        .filter(|asked| asked.path.ends_with(".csv"))
        .count();
    assert_eq!(downloads, 2, "each try gets an address of its own");

    let (portal, _store) = signed(|_| bench::answer(403, "application/xml", EXPIRED), json!({})).await;
    let connector = open(json!({"base_url": portal.base, "package": "ladestandere", "read": csv()})).unwrap();
    let fault = bench::fetch(&connector, &part_of(&connector).await, &cx)
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Transient);
    assert_nothing_leaks(&format!("{fault} {fault:?}"));

    let denied = EXPIRED.replace("Request has expired", "Access Denied");
    let (portal, _store) = signed(
        move |_| bench::answer(403, "application/xml", denied.clone()),
        json!({}),
    )
    .await;
    let connector = open(json!({"base_url": portal.base, "package": "ladestandere", "read": csv()})).unwrap();
    let fault = bench::fetch(&connector, &part_of(&connector).await, &cx)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Source, Some("HTTP 403: AccessDenied: Access Denied"))
    );
    assert_nothing_leaks(&format!("{fault} {fault:?}"));
}

async fn part_of(connector: &Ckan) -> Part {
    connector.plan(&bench::context(NOW, &[])).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_redirect_to_a_page_of_login_is_no_file() {
    let fault = fetch(csv(), json!({}), |asked| match asked.path.as_str() {
        "/user/login" => bench::answer(200, "text/html", "<!DOCTYPE html><html></html>"),
        _ => Answer {
            status: 302,
            headers: vec![("location", "/user/login".to_owned())],
            body: Vec::new(),
        },
    })
    .await
    .unwrap_err();
    assert_eq!((fault.kind(), fault.expected_text()), (Kind::Source, Some("CSV")));
}

#[test]
fn settings_that_cannot_work_are_refused_with_what_can_be_typed() {
    let base = "https://admin.opendata.dk";
    for (settings, place) in [
        (
            json!({"base_url": "admin.opendata.dk", "package": "a", "read": csv()}),
            "[source] base_url",
        ),
        (
            json!({"base_url": format!("{base}/api/3"), "package": "a", "read": csv()}),
            "[source] base_url",
        ),
        (json!({"base_url": base, "read": csv()}), "[source]"),
        (
            json!({"base_url": base, "package": "a", "search": {"words": "b"}, "read": csv()}),
            "[source]",
        ),
        (
            json!({"base_url": base, "package": "a", "page_limit": 0, "read": table()}),
            "[source] page_limit",
        ),
        (
            json!({"base_url": base, "package": "a", "read": {"type": "csv", "delimiter": ";;"}}),
            "[source.read] delimiter",
        ),
        (
            json!({"base_url": base, "package": "a", "read": {"type": "csv", "delimiter": ",", "decimal": ","}}),
            "[source.read] decimal",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.places()),
            (Kind::Settings, [place.to_owned()].as_slice())
        );
        assert!(fault.hint_text().is_some());
    }
}

#[tokio::test]
async fn a_fact_that_the_portal_does_not_give_is_refused() {
    let connector = open(json!({"base_url": "https://admin.opendata.dk", "package": "a", "read": table()})).unwrap();
    let part = plan(package(json!({})), json!({})).await.unwrap().remove(0);
    let page = bench::page(br#"{"success":true,"result":{"records":[{"_id":1}]}}"#);
    let columns = bench::columns(&[("x", "package.organisation", DataType::Utf8)]);
    let fault = decode_all(&connector, &part, &page, &columns).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(
        fault.found_text().unwrap().contains("package.organization, "),
        "{fault}"
    );
}
