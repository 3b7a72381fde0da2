//! Each way in which such a service was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Connector, Kind, Page, Part, Protocol};
use klimalade_rest::{Rest, Settings};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::decode_all;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";

fn open(settings: Value) -> Result<Rest, klimalade_connect::Fault> {
    Rest::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn accounts(base: &str) -> Value {
    json!({
        "base_url": format!("{base}/api"), "path": "municipality-data", "rows": "data",
        "auth": {"strategy": "header", "name": "x-api-key", "secret": "klimaregnskabet_api_key"},
        "matrix": [
            {"name": "municipality", "values": ["101", "825"]},
            {"name": "year", "values": {"from": 2022, "to": "now-2"}},
            {"name": "type", "values": ["Nøgletal", "Resultat - energi"]},
        ],
        "part_axis": "year",
    })
}

/// A service in Klimaregnskabet's manner: figures to 2023, an empty list after.
fn klimaregnskabet(asked: &Asked) -> Answer {
    if asked.headers.get("x-api-key").map(String::as_str) != Some(KEY_HEADER) {
        return bench::status(401, r#"{"message":"Unauthorized"}"#);
    }
    let year = asked.number("year").unwrap();
    if year > 2023 {
        return bench::json(r#"{"data":[]}"#);
    }
    let sector = format!("{} {year}", asked.query["type"]);
    bench::json(
        json!({"data": [{"type": "Samlet slutenergiforbrug", "sektor": sector, "enhed": "TJ", "værdi": year}]})
            .to_string(),
    )
}

/// A header carries ASCII only.
const KEY_HEADER: &str = "hemmelig-noegle-123";

fn with_key() -> klimalade_connect::Context {
    bench::context(NOW, &[("klimaregnskabet_api_key", KEY_HEADER)])
}

fn account_columns() -> SchemaRef {
    bench::columns(&[
        ("value", "værdi", DataType::Float64),
        ("municipality", "matrix.municipality", DataType::Utf8),
        ("sector", "sektor", DataType::Utf8),
        ("year", "matrix.year", DataType::Int64),
        ("kind", "matrix.type", DataType::Utf8),
        ("unit", "enhed", DataType::Utf8),
    ])
}

#[tokio::test]
async fn the_parts_are_years_and_their_pages_every_other_combination_in_order() {
    let server = Server::start(klimaregnskabet).await;
    let mut settings = accounts(&server.base);
    settings["matrix"][1]["values"]["to"] = json!(2023);
    let connector = open(settings).unwrap();
    let cx = with_key();
    let parts = connector.plan(&cx).await.unwrap();
    let keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    assert_eq!(keys, ["2022", "2023"]);
    assert!(parts.iter().all(|part| part.promised.is_none()));
    let pages = bench::fetch(&connector, &parts[1], &cx).await.unwrap();
    let queries: Vec<String> = server.requests().iter().map(|asked| asked.raw_query.clone()).collect();
    assert_eq!(
        queries,
        [
            "municipality=101&year=2023&type=N%C3%B8gletal",
            "municipality=101&year=2023&type=Resultat%20-%20energi",
            "municipality=825&year=2023&type=N%C3%B8gletal",
            "municipality=825&year=2023&type=Resultat%20-%20energi",
        ]
    );
    assert_eq!(server.requests()[0].path, "/api/municipality-data");
    let batches = decode_all(&connector, &parts[1], &pages[3], &account_columns()).unwrap();
    assert_eq!(bench::texts(&batches, "municipality"), [Some("825".to_owned())]);
    assert_eq!(bench::texts(&batches, "year"), [Some("2023".to_owned())]);
    assert_eq!(bench::texts(&batches, "kind"), [Some("Resultat - energi".to_owned())]);
    assert_eq!(
        bench::texts(&batches, "sector"),
        [Some("Resultat - energi 2023".to_owned())]
    );
    assert_eq!(bench::texts(&batches, "value"), [Some("2023.0".to_owned())]);
}

#[tokio::test]
async fn the_newest_year_is_left_out_until_it_has_rows() {
    for (probe, keys) in [(true, vec!["2022", "2023"]), (false, vec!["2022", "2023", "2024"])] {
        let server = Server::start(klimaregnskabet).await;
        let mut settings = accounts(&server.base);
        settings["matrix"][1]["probe"] = json!(probe);
        let connector = open(settings).unwrap();
        let parts = connector.plan(&with_key()).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(), keys);
        let asked: Vec<String> = server.requests().iter().map(|asked| asked.raw_query.clone()).collect();
        assert_eq!(asked.len(), usize::from(probe));
        assert!(
            asked
                .iter()
                .all(|query| query == "municipality=101&year=2024&type=N%C3%B8gletal")
        );
    }
}

#[tokio::test]
async fn the_newest_year_comes_when_it_has_rows() {
    let server = Server::start(klimaregnskabet).await;
    let mut settings = accounts(&server.base);
    settings["matrix"][1] = json!({"name": "year", "values": {"from": 2018, "to": "now-3"}, "probe": true});
    let connector = open(settings).unwrap();
    let parts = connector.plan(&with_key()).await.unwrap();
    assert_eq!(parts.last().unwrap().key, "2023");
    assert_eq!(parts.len(), 6);
}

#[tokio::test]
async fn a_combination_without_rows_is_an_error_unless_it_is_allowed() {
    let server = Server::start(klimaregnskabet).await;
    let cx = with_key();
    let connector = open(accounts(&server.base)).unwrap();
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[2], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert!(
        fault.to_string().contains("municipality=101, year=2024, type=Nøgletal"),
        "{fault}"
    );
    let mut settings = accounts(&server.base);
    settings["allow_empty"] = json!(true);
    let connector = open(settings).unwrap();
    let pages = bench::fetch(&connector, &parts[2], &cx).await.unwrap();
    assert_eq!(pages.len(), 4);
    let batches = decode_all(&connector, &parts[2], &pages[0], &account_columns()).unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_probe_that_is_not_understood_is_a_year_that_is_not_out_and_another_error_is_one() {
    for status in [400, 404, 401, 403, 410, 500] {
        let server = Server::start(move |asked| match asked.number("year") {
            Some(2024) => bench::status(status, r#"{"message":"Intet år 2024"}"#),
            _ => klimaregnskabet(asked),
        })
        .await;
        let mut settings = accounts(&server.base);
        settings["matrix"][1]["probe"] = json!(true);
        let planned = open(settings.clone()).unwrap().plan(&with_key()).await;
        if !matches!(status, 400 | 404) {
            assert!(planned.unwrap_err().to_string().contains("probe of"), "{status}");
            continue;
        }
        let keys: Vec<String> = planned.unwrap().into_iter().map(|part| part.key).collect();
        assert_eq!(
            (keys.as_slice(), server.requests().len()),
            (["2022".to_owned(), "2023".to_owned()].as_slice(), 1)
        );
        // A part that is planned must be there.
        settings["matrix"][1]["probe"] = json!(false);
        let connector = open(settings).unwrap();
        let part = connector.plan(&with_key()).await.unwrap().remove(2);
        assert_eq!(
            bench::fetch(&connector, &part, &with_key()).await.unwrap_err().kind(),
            Kind::Source
        );
    }
}

#[tokio::test]
async fn a_missing_secret_says_what_to_set_and_asks_nobody() {
    let server = Server::start(klimaregnskabet).await;
    let connector = open(accounts(&server.base)).unwrap();
    let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert_eq!(
        fault.hint_text(),
        Some("set KLIMALADE_SECRET_KLIMAREGNSKABET_API_KEY or [secrets] in klimalade.toml")
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_refused_key_is_not_retried_and_not_told() {
    let server = Server::start(klimaregnskabet).await;
    let connector = open(accounts(&server.base)).unwrap();
    let cx = bench::context(NOW, &[("klimaregnskabet_api_key", "forkert-og-hemmelig")]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert_eq!(server.requests().len(), 1);
    assert!(!fault.to_string().contains("forkert-og-hemmelig"));
    assert!(!format!("{fault:?}{connector:?}{cx:?}").contains("forkert-og-hemmelig"));
}

#[tokio::test]
async fn a_secret_in_the_query_stands_in_no_stored_address() {
    let server = Server::start(|asked| {
        assert_eq!(asked.query["token"], "hemmelig");
        bench::json(r#"[{"a":1}]"#)
    })
    .await;
    let connector =
        open(json!({"base_url": server.base, "auth": {"strategy": "query", "name": "token", "secret": "s"}})).unwrap();
    let cx = bench::context(NOW, &[("s", "hemmelig")]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts[0].key, "all");
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert!(
        !pages[0].entry.address.contains("hemmelig"),
        "{}",
        pages[0].entry.address
    );
    let batches = decode_all(
        &connector,
        &parts[0],
        &pages[0],
        &bench::columns(&[("a", "a", DataType::Int64)]),
    )
    .unwrap();
    assert_eq!(bench::texts(&batches, "a"), [Some("1".to_owned())]);
}

#[tokio::test]
async fn a_bearer_token_is_sent_as_one() {
    let server = Server::start(|_| bench::json(r#"[{"a":1}]"#)).await;
    let connector = open(json!({"base_url": server.base, "auth": {"strategy": "bearer", "secret": "s"}})).unwrap();
    let cx = bench::context(NOW, &[("s", "hemmelig")]);
    let parts = connector.plan(&cx).await.unwrap();
    bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer hemmelig");
}

#[tokio::test]
async fn a_user_and_a_password_are_sent_as_basic_authorization() {
    let server = Server::start(|_| bench::json(r#"[{"a":1}]"#)).await;
    let auth = json!({"strategy": "basic", "user": "anna", "secret": "s"});
    let connector = open(json!({"base_url": server.base, "auth": auth})).unwrap();
    let cx = bench::context(NOW, &[("s", "hemmelig")]);
    let parts = connector.plan(&cx).await.unwrap();
    bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(
        server.requests()[0].headers["authorization"],
        "Basic YW5uYTpoZW1tZWxpZw=="
    );
}

#[tokio::test]
async fn an_empty_secret_is_none() {
    let connector = open(accounts("http://127.0.0.1:9")).unwrap();
    let cx = bench::context(NOW, &[("klimaregnskabet_api_key", "")]);
    let fault = connector.plan(&cx).await.unwrap_err();
    assert!(fault.hint_text().unwrap().contains("KLIMALADE_SECRET_"), "{fault}");
}

/// A service of 23 rows that gives at most 5 on a page, whatever is asked for, and says so in `said`.
async fn clamping(said: fn(u64) -> Value) -> Server {
    Server::start(move |asked| {
        let size = asked.number("limit").unwrap().min(5);
        let page = asked.number("page").map(|page| (page - 1) * size);
        let at = asked.number("offset").or(page).unwrap();
        bench::json(json!({"items": rows(at.min(23), 23.min(at + size)), "meta": said(at)}).to_string())
    })
    .await
}

#[tokio::test]
async fn a_count_that_is_named_is_a_promise() {
    let total = |_| json!({"total": 23});
    let as_text = |_| json!({"total": "23"});
    let moving = |at| json!({"total": 23 + u64::from(at > 5)});
    let none = |_| json!({"total": null});
    for (said, size, expected) in [
        (total as fn(u64) -> Value, 5, Ok(23)),
        (as_text, 5, Ok(23)),
        // Read short without the count: the clamped page looks like the last.
        (
            total,
            10,
            Err((
                "the server promised another number of rows than it sent",
                Some("size = 5"),
            )),
        ),
        (moving, 5, Err(("the server's count changed during the walk", None))),
        (
            none,
            5,
            Err((
                "a page does not say how many rows there are",
                Some("correct count in [source], or leave it out"),
            )),
        ),
    ] {
        for strategy in ["offset", "page_number"] {
            let server = clamping(said).await;
            let settings = json!({"base_url": server.base, "rows": "items", "count": "meta.total",
                "paging": {"strategy": strategy, "size": size}});
            let connector = open(settings).unwrap();
            let cx = bench::context(NOW, &[]);
            let part = connector.plan(&cx).await.unwrap().remove(0);
            let fetched = bench::fetch(&connector, &part, &cx).await;
            match expected {
                Ok(count) => {
                    let pages = fetched.unwrap();
                    assert_eq!(ids(&connector, &part, &pages).await.len(), count);
                    assert!(pages.iter().all(|page| page.entry.server_count == Some(23)));
                }
                Err((what, hint)) => {
                    let fault = fetched.unwrap_err();
                    assert_eq!(
                        (fault.kind(), fault.what(), fault.hint_text()),
                        (Kind::Source, what, hint)
                    );
                }
            }
        }
    }
}

fn rows(from: u64, to: u64) -> Vec<Value> {
    (from..to)
        .map(|id| json!({"id": id, "sted": {"navn": "Ærøskøbing"}}))
        .collect()
}

async fn ids(connector: &Rest, part: &Part, pages: &[Page]) -> Vec<String> {
    let columns = bench::columns(&[("id", "id", DataType::Int64), ("place", "sted.navn", DataType::Utf8)]);
    let mut found = Vec::new();
    for page in pages {
        let batches = decode_all(connector, part, page, &columns).unwrap();
        assert!(
            bench::texts(&batches, "place")
                .iter()
                .all(|place| place.as_deref() == Some("Ærøskøbing"))
        );
        found.extend(bench::texts(&batches, "id").into_iter().flatten());
    }
    found
}

#[tokio::test]
async fn every_paging_strategy_walks_to_the_end() {
    let expected: Vec<String> = (0..25).map(|id| id.to_string()).collect();
    for (paging, pages) in [
        (json!({"strategy": "offset", "size": 10}), 3),
        (
            json!({"strategy": "offset", "offset": "skip", "limit": "take", "size": 5}),
            6,
        ),
        (json!({"strategy": "page_number", "size": 10}), 3),
        (
            json!({"strategy": "page_number", "page": "side", "limit": "antal", "first": 0, "size": 10}),
            3,
        ),
        (json!({"strategy": "next_link", "link": "links.next"}), 3),
    ] {
        let server = Server::start(|asked| {
            let size = ["limit", "take", "antal"]
                .iter()
                .find_map(|name| asked.number(name))
                .unwrap_or(10);
            let offset = ["offset", "skip"].iter().find_map(|name| asked.number(name));
            let page = asked.number("page").map(|page| page - 1).or(asked.number("side"));
            let start = offset.unwrap_or_else(|| page.unwrap_or(0) * size);
            let end = (start + size).min(25);
            let next = (end < 25).then(|| format!("http://{}/ting?offset={end}", asked.headers["host"]));
            bench::json(json!({"items": rows(start.min(25), end), "links": {"next": next}}).to_string())
        })
        .await;
        let settings = json!({"base_url": server.base, "path": "/ting", "rows": "items", "paging": paging});
        let connector = open(settings).unwrap();
        let cx = bench::context(NOW, &[]);
        let part = connector.plan(&cx).await.unwrap().remove(0);
        let walked = bench::fetch(&connector, &part, &cx).await.unwrap();
        assert_eq!(ids(&connector, &part, &walked).await, expected, "{paging}");
        assert_eq!(walked.len(), pages, "{paging}");
    }
}

#[tokio::test]
async fn a_relative_next_link_is_followed() {
    let server = Server::start(|asked| match asked.query.get("cursor").map(String::as_str) {
        None => bench::json(json!({"items": rows(0, 3), "next": "/ting?cursor=a%20b"}).to_string()),
        Some("a b") => bench::json(json!({"items": rows(3, 5), "next": null}).to_string()),
        _ => bench::status(400, "{}"),
    })
    .await;
    let settings = json!({"base_url": server.base, "path": "ting", "rows": "items", "paging": {"strategy": "next_link", "link": "next"}});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let walked = bench::fetch(&connector, &part, &cx).await.unwrap();
    assert_eq!(ids(&connector, &part, &walked).await, ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_server_that_ignores_the_page_number_is_refused() {
    let server = Server::start(|_| bench::json(json!({"items": rows(0, 10)}).to_string())).await;
    let settings = json!({"base_url": server.base, "rows": "items", "paging": {"strategy": "page_number", "size": 10}});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert_eq!(server.requests().len(), 2);
}

fn part_2023() -> Part {
    let mut part = Part::new("2023");
    part.detail = json!({"matrix": [
        {"name": "municipality", "values": ["101", "825"]},
        {"name": "year", "values": ["2023"]},
        {"name": "type", "values": ["Nøgletal"]},
    ]});
    part
}

#[test]
fn the_address_says_the_combination_whole_or_without_its_host() {
    let connector = open(accounts("https://klimaregnskabet.dk")).unwrap();
    for address in [
        "https://klimaregnskabet.dk/api/municipality-data?municipality=825&year=2023&type=N%C3%B8gletal",
        "/api/municipality-data?municipality=825&year=2023&type=N%C3%B8gletal",
        "/klimaregnskabet.dk/api/municipality-data?type=N%C3%B8gletal&municipality=825",
    ] {
        let page = Page::from_bytes(address, include_bytes!("fixtures/klimaregnskabet_noegletal.json")).unwrap();
        let batches = decode_all(&connector, &part_2023(), &page, &account_columns()).unwrap();
        assert_eq!(bench::texts(&batches, "municipality"), vec![Some("825".to_owned()); 5]);
        assert_eq!(bench::texts(&batches, "kind"), vec![Some("Nøgletal".to_owned()); 5]);
        assert_eq!(bench::texts(&batches, "unit")[3].as_deref(), Some("Ton CO2e/km²"));
        let values = bench::texts(&batches, "value");
        assert_eq!(values[2].as_deref(), Some("-5532.5"));
        assert_eq!(values[3], None);
    }
}

#[test]
fn both_rows_of_the_same_name_are_kept() {
    // Klimaregnskabet gives `Samlet CO2-udledning / Samlet / Ton CO2e` twice: the net and the gross sum.
    let connector = open(accounts("https://klimaregnskabet.dk")).unwrap();
    let address = "/api/municipality-data?municipality=101";
    let page = Page::from_bytes(address, include_bytes!("fixtures/klimaregnskabet_noegletal.json")).unwrap();
    let batches = decode_all(&connector, &part_2023(), &page, &account_columns()).unwrap();
    let sums = bench::texts(&batches, "sector")
        .into_iter()
        .filter(|sector| sector.as_deref() == Some("Samlet"))
        .count();
    assert_eq!(sums, 2);
}

#[test]
fn an_address_without_the_combination_is_an_error() {
    let connector = open(accounts("https://klimaregnskabet.dk")).unwrap();
    for address in [
        "/api/municipality-data",
        "/api/municipality-data?municipality=999",
        "/api?municipality=REDACTED",
    ] {
        let page = Page::from_bytes(address, include_bytes!("fixtures/klimaregnskabet_noegletal.json")).unwrap();
        let error = decode_all(&connector, &part_2023(), &page, &account_columns()).unwrap_err();
        assert!(error.to_string().contains("municipality"), "{error}");
    }
}

#[test]
fn a_column_of_no_axis_is_an_error() {
    let connector = open(accounts("https://klimaregnskabet.dk")).unwrap();
    let page = Page::from_bytes("/no-axis", b"{\"data\":[]}").unwrap();
    let columns = bench::columns(&[("region", "matrix.region", DataType::Utf8)]);
    let error = decode_all(&connector, &part_2023(), &page, &columns).unwrap_err();
    assert!(error.to_string().contains("matrix.municipality"), "{error}");
}

#[test]
fn an_axis_that_is_no_number_does_not_become_null() {
    let connector = open(accounts("https://klimaregnskabet.dk")).unwrap();
    let page = Page::from_bytes("/kind", include_bytes!("fixtures/klimaregnskabet_noegletal.json")).unwrap();
    let columns = bench::columns(&[("kind", "matrix.type", DataType::Int64)]);
    let error = decode_all(&connector, &part_2023(), &page, &columns).unwrap_err();
    assert!(error.to_string().contains("declared type"), "{error}");
}

#[test]
fn settings_say_what_can_be_typed() {
    let axis = |name: &str| json!({"name": name, "values": ["1"]});
    for (settings, hint) in [
        (json!({"base_url": "klimaregnskabet.dk"}), "base_url = "),
        (json!({"base_url": "https://anna:hemmelig@a.dk"}), "base_url = "),
        (
            json!({"base_url": "https://a.dk", "matrix": [{"name": "m", "values": []}]}),
            "values = ",
        ),
        (
            json!({"base_url": "https://a.dk", "matrix": [axis("m"), axis("m")]}),
            "keep one",
        ),
        (
            json!({"base_url": "https://a.dk", "matrix": [axis("m")], "query": {"m": 1}}),
            "keep one",
        ),
        (
            json!({"base_url": "https://a.dk", "matrix": [axis("m")], "part_axis": "year"}),
            "part_axis = ",
        ),
        (
            json!({"base_url": "https://a.dk", "matrix": [{"name": "m", "values": ["1"], "probe": true}]}),
            "part_axis = \"m\"",
        ),
        (
            json!({"base_url": "https://a.dk", "matrix": [{"name": "y", "values": {"from": 2018, "to": "last"}}]}),
            "now-2",
        ),
        (
            json!({"base_url": "https://a.dk", "paging": {"strategy": "offset", "size": 0}}),
            "size = 1000",
        ),
        (
            json!({"base_url": "https://a.dk", "paging": {"strategy": "offset", "size": 5}, "query": {"limit": 7}}),
            "remove limit",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
}

#[tokio::test]
async fn years_that_end_before_they_begin_are_refused() {
    let settings = json!({"base_url": "https://a.dk", "part_axis": "year", "matrix": [{"name": "year", "values": {"from": 2026, "to": "now-2"}}]});
    let fault = open(settings)
        .unwrap()
        .plan(&bench::context(NOW, &[]))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
}

#[test]
fn unknown_settings_are_refused_at_every_depth() {
    for wrong in [
        json!({"base_url": "https://a.dk", "url": "x"}),
        json!({"base_url": "https://a.dk", "paging": {"strategy": "single", "size": 1}}),
        json!({"base_url": "https://a.dk", "auth": {"strategy": "none", "secret": "s"}}),
        json!({"base_url": "https://a.dk", "auth": {"strategy": "bearer", "secret": "s", "token": "t"}}),
        json!({"base_url": "https://a.dk", "auth": {"strategy": "basic", "user": "anna", "password": "p"}}),
        json!({"base_url": "https://a.dk", "matrix": [{"name": "m", "values": ["1"], "codes": "areas"}]}),
        json!({"base_url": "https://a.dk", "matrix": [{"name": "m", "values": {"from": 1, "to": 2, "step": 2}}]}),
    ] {
        assert!(serde_json::from_value::<Settings>(wrong.clone()).is_err(), "{wrong}");
    }
}

/// A list whose rows have an answer each: the second has none, the third shares the first's.
fn register(asked: &Asked) -> Answer {
    match asked.path.as_str() {
        "/api/projects" => bench::json(
            r#"[{"name":"Ørsø","place":"p 1"},{"name":"Å","place":"p2"},{"name":"B","place":"p 1"},{"name":"C","place":null}]"#,
        ),
        "/api/places/p 1" | "/api/places/p%201" => bench::json(r#"{"id":"p 1","shape":{"wkt":"POINT(1 2)"}}"#),
        _ => bench::status(404, "{}"),
    }
}

fn with_details(base: &str, may_lack: bool) -> Value {
    json!({
        "base_url": format!("{base}/api"), "path": "projects",
        "details": {"path": "places", "id": "place", "may_lack": may_lack},
    })
}

fn detail_columns() -> SchemaRef {
    bench::columns(&[
        ("wkt", "details.shape.wkt", DataType::Utf8),
        ("place", "place", DataType::Utf8),
        ("name", "name", DataType::Utf8),
    ])
}

#[tokio::test]
async fn the_details_of_rows_are_pages_behind_the_list_and_rows_of_their_own() {
    let server = Server::start(register).await;
    let connector = open(with_details(&server.base, true)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(
        pages.len(),
        2,
        "an id that two rows share is asked for once, and one may be lacking"
    );
    let rows: Vec<Vec<String>> = pages
        .iter()
        .flat_map(|page| bench::rows(&connector, &parts[0], page, &detail_columns()).unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            ["null", "p 1", "Ørsø"],
            ["null", "p2", "Å"],
            ["null", "p 1", "B"],
            ["null", "null", "C"],
            ["POINT(1 2)", "p 1", "null"],
        ]
    );
    let names: Vec<String> = connector
        .columns(&parts[0], &pages[1])
        .unwrap()
        .into_iter()
        .map(|column| column.name)
        .collect();
    assert_eq!(names, ["details.id", "details.shape.wkt"]);
}

#[tokio::test]
async fn details_that_are_not_there_are_an_error_unless_they_may_lack() {
    let server = Server::start(register).await;
    let connector = open(with_details(&server.base, false)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert!(fault.to_string().contains("404"), "{fault}");
    let wrong = json!({"base_url": "https://x.dk", "details": {"path": "/", "id": "place"}});
    let fault = open(wrong).map(|_| ()).unwrap_err();
    assert_eq!(fault.what(), "the details of a row have no address");
}
