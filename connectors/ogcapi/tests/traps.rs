//! Each way in which a server of this standard was seen to mislead, as a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow_schema::DataType;
use klimalade_connect::{Connector, Kind, Page, Part, Protocol};
use klimalade_ogcapi::{OgcApi, Settings};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::decode_all;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";

fn open(settings: Value) -> Result<OgcApi, klimalade_connect::Fault> {
    OgcApi::open(serde_json::from_value::<Settings>(settings).unwrap())
}

fn feature(id: u64) -> Value {
    json!({"type": "Feature", "id": format!("f{id}"), "geometry": null,
        "properties": {"municipalityName": "Sønderborg", "value": id}})
}

fn collection(features: Vec<Value>, more: Value) -> String {
    let mut body = json!({"type": "FeatureCollection", "numberReturned": features.len(), "features": features});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

/// A server in DMI's manner: newest first, `next` always there, no numberMatched.
fn dmi(total: u64) -> impl Fn(&Asked) -> Answer {
    move |asked| {
        let (offset, limit) = (
            asked.number("offset").unwrap_or(0),
            asked.number("limit").unwrap_or(1000),
        );
        if offset > 50 {
            return bench::status(
                400,
                r#"{"http_status_code":400,"message":"Offset cannot be greater than 50"}"#,
            );
        }
        let features = (offset..total.min(offset + limit)).map(feature).collect();
        let next = format!(
            "http://{}{}?offset={}",
            asked.headers["host"],
            asked.path,
            offset + limit
        );
        bench::json(collection(features, json!({"links": [{"rel": "next", "href": next}]})))
    }
}

/// MapServer 8.0.0 over GeoJSON, seen 2026-11-26: links as they should be, and a 400 for the page behind a full last one.
#[tokio::test]
async fn a_page_past_the_end_that_is_an_error_names_the_setting_that_avoids_it() {
    let server = Server::start(|asked: &Asked| {
        let offset = asked.number("offset").unwrap_or(0);
        if offset >= 20 {
            return bench::status(
                400,
                r#"{"code":"InvalidParamterValue","description":"Offset out of range."}"#,
            );
        }
        let next = format!(
            "http://{}{}?limit=10&offset={}",
            asked.headers["host"],
            asked.path,
            offset + 10
        );
        let links = if offset == 0 {
            json!([{"rel": "next", "href": next}])
        } else {
            json!([])
        };
        bench::json(collection(
            (offset..offset + 10).map(feature).collect(),
            json!({ "links": links }),
        ))
    })
    .await;
    let mut settings = json!({"base_url": server.base, "collection": "punkter", "crs": "none", "page_limit": 10});
    let cx = bench::context(NOW, &[]);
    let connector = open(settings.clone()).unwrap();
    let fault = bench::fetch(&connector, &Part::new("all"), &cx).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.hint_text()),
        (
            Kind::Settings,
            Some("paging = \"next\" in [source], if the server's links lead through the pages")
        ),
        "{fault}"
    );
    settings["paging"] = json!("next");
    let connector = open(settings).unwrap();
    assert_eq!(bench::fetch(&connector, &Part::new("all"), &cx).await.unwrap().len(), 2);
}

fn year_settings(base: &str) -> Value {
    json!({"base_url": base, "collection": "municipalityValue", "query": {"parameterId": "mean_temp"}, "crs": "none",
        "page_limit": 10, "window": {"start": "2023-05-01", "part": "year"}})
}

#[tokio::test]
async fn parts_are_danish_years_and_the_running_year_is_one() {
    let connector = open(year_settings("http://127.0.0.1:9")).unwrap();
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    let keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    assert_eq!(keys, ["2023", "2024", "2025", "2026"]);
    assert_eq!(parts[0].detail["begins_at"], "2023-04-30T22:00:00Z");
    assert_eq!(parts[1].detail["begins_at"], "2023-12-31T23:00:00Z");
    assert_eq!(parts[3].detail["ends_before"], "2026-12-31T23:00:00Z");
    assert!(
        parts
            .iter()
            .all(|part| part.promised.is_none() && part.change_mark.is_none())
    );
}

#[tokio::test]
async fn the_new_year_begins_in_denmark_before_it_does_in_utc() {
    let settings = json!({"base_url": "http://127.0.0.1:9", "collection": "c", "crs": "none",
        "window": {"start": "2024-11-01", "part": "month"}});
    let connector = open(settings).unwrap();
    let parts = connector
        .plan(&bench::context("2024-12-31T23:30:00Z", &[]))
        .await
        .unwrap();
    let keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    assert_eq!(keys, ["2024-11", "2024-12", "2025-01"]);
}

#[tokio::test]
async fn without_a_window_there_is_one_part_and_no_time_parameter() {
    let server = Server::start(dmi(3)).await;
    let connector = open(json!({"base_url": server.base, "collection": "c", "crs": "none"})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].key, "all");
    bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert!(!server.requests()[0].query.contains_key("datetime"));
}

#[tokio::test]
async fn an_endless_next_link_ends_at_the_empty_page() {
    let server = Server::start(dmi(25)).await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let pages = bench::fetch(&connector, &parts[1], &cx).await.unwrap();
    assert_eq!(pages.len(), 4);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[3].query["offset"], "25");
    assert_eq!(
        requests[0].query["datetime"],
        "2023-12-31T23:00:00Z/2024-12-31T22:59:59.999Z"
    );
    assert_eq!(requests[0].query["parameterId"], "mean_temp");
    assert_eq!(requests[2].query["offset"], "20");
    let columns = bench::columns(&[
        ("id", "id", DataType::Utf8),
        ("name", "properties.municipalityName", DataType::Utf8),
    ]);
    let mut ids = Vec::new();
    for page in &pages {
        let batches = decode_all(&connector, &parts[1], page, &columns).unwrap();
        assert!(
            bench::texts(&batches, "name")
                .iter()
                .all(|name| name.as_deref() == Some("Sønderborg"))
        );
        ids.extend(bench::texts(&batches, "id"));
    }
    assert_eq!(ids.len(), 25);
    assert_eq!(ids[24].as_deref(), Some("f24"));
}

#[tokio::test]
async fn an_empty_window_is_one_page_without_rows() {
    let server = Server::start(dmi(0)).await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    assert_eq!(pages.len(), 1);
    let columns = bench::columns(&[("value", "properties.value", DataType::Float64)]);
    let batches = decode_all(&connector, &parts[0], &pages[0], &columns).unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
}

#[tokio::test]
async fn a_server_that_ignores_offset_is_refused() {
    // MapServer 8.0.0: every page is page one, links and numberMatched look right.
    let server = Server::start(|asked| {
        let limit = asked.number("limit").unwrap_or(10);
        bench::json(collection(
            (0..limit).map(feature).collect(),
            json!({"numberMatched": 23}),
        ))
    })
    .await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_lower_cap_than_asked_for_is_no_short_page() {
    // pygeoapi clamps limit to max_items without a word.
    let server = Server::start(|asked| {
        let (offset, limit) = (
            asked.number("offset").unwrap_or(0),
            asked.number("limit").unwrap_or(10).min(5),
        );
        let next = format!(
            "http://{}{}?offset={}&limit=5",
            asked.headers["host"],
            asked.path,
            offset + limit
        );
        let features = (offset..(offset + limit).min(23)).map(feature).collect();
        bench::json(collection(
            features,
            json!({"numberMatched": 23, "links": [{"rel": "next", "href": next}]}),
        ))
    })
    .await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    let offsets: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.query["offset"].clone())
        .collect();
    assert_eq!(offsets, ["0", "5", "10", "15", "20", "23"]);
    let columns = bench::columns(&[("id", "id", DataType::Utf8)]);
    let rows: usize = pages
        .iter()
        .flat_map(|page| connector.decode(&parts[0], page, &columns).unwrap())
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 23);
}

/// Ids of all features of the part `all`, with `settings` besides.
async fn ids(server: &Server, settings: Value) -> Result<Vec<String>, klimalade_connect::Fault> {
    let mut all =
        json!({"base_url": format!("{}/api", server.base), "collection": "a", "crs": "none", "page_limit": 10});
    all.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    let connector = open(all)?;
    let cx = bench::context(NOW, &[("dmi_key", "nøgle-til-dmi")]);
    let part = connector.plan(&cx).await?.remove(0);
    let columns = bench::columns(&[("id", "id", DataType::Utf8)]);
    let mut found = Vec::new();
    for page in bench::fetch(&connector, &part, &cx).await? {
        assert!(!page.entry.address.contains("gle-til-dmi"), "{}", page.entry.address);
        let batches = decode_all(&connector, &part, &page, &columns)?;
        found.extend(bench::texts(&batches, "id").into_iter().flatten());
    }
    Ok(found)
}

fn numbered(end: u64) -> Vec<String> {
    (0..end).map(|id| format!("f{id}")).collect()
}

/// A server in GoKoala's manner: a cursor that only its links know, three features on a page; what `link` makes of the
/// next one. An `offset` is refused.
async fn by_cursor(total: u64, link: impl Fn(u64) -> Option<u64> + Send + Sync + 'static) -> Server {
    Server::start(move |asked| {
        if asked.query.contains_key("offset") {
            return bench::status(400, r#"{"code":"400","description":"unknown parameter offset"}"#);
        }
        let at = asked.number("cursor").unwrap_or(0);
        let features = (at..total.min(at + 3)).map(feature).collect();
        let mut links = vec![json!({"rel": "self", "href": "?f=json"})];
        if let Some(next) = link(at) {
            links.push(json!({"rel": "next", "type": "text/html", "href": "?f=html"}));
            links.push(json!({"rel": "next", "type": "application/geo+json",
                "href": format!("items?cursor={next}&limit=10")}));
        }
        // The time stamp makes every page another one to the byte.
        bench::json(collection(features, json!({"timeStamp": asked.at, "links": links})))
    })
    .await
}

#[tokio::test]
async fn a_server_without_offset_is_walked_by_its_links() {
    let server = by_cursor(8, |at| (at < 6).then_some(at + 3)).await;
    assert_eq!(ids(&server, json!({"paging": "next"})).await.unwrap(), numbered(8));
    let queries: Vec<String> = server.requests().iter().map(|asked| asked.raw_query.clone()).collect();
    assert_eq!(queries, ["limit=10", "cursor=3&limit=10", "cursor=6&limit=10"]);
    assert!(
        server
            .requests()
            .iter()
            .all(|asked| asked.path == "/api/collections/a/items")
    );
    let fault = ids(&server, json!({})).await.unwrap_err();
    assert_eq!(
        fault.kind(),
        Kind::Settings,
        "a walk by offset is refused, not read short"
    );
}

#[tokio::test]
async fn links_that_never_end_end_at_two_empty_pages() {
    let server = by_cursor(8, |at| Some(at + 3)).await;
    assert_eq!(ids(&server, json!({"paging": "next"})).await.unwrap(), numbered(8));
    assert_eq!(server.requests().len(), 5, "three pages with features, two without");
}

#[tokio::test]
async fn links_that_lead_back_or_to_the_same_features_are_refused() {
    for link in [|_| Some(0), |at| Some(if at == 0 { 3 } else { 0 })] {
        let server = by_cursor(8, link).await;
        let fault = ids(&server, json!({"paging": "next"})).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{fault}");
        assert!(server.requests().len() <= 3);
    }
    // Every link is another one, and every page page one.
    let server = Server::start(|asked| {
        let links = json!([{"rel": "next", "href": format!("?page={}", asked.at)}]);
        bench::json(collection(
            (0..3).map(feature).collect(),
            json!({"timeStamp": asked.at, "links": links}),
        ))
    })
    .await;
    for paging in ["next", "offset"] {
        let before = server.requests().len();
        let fault = ids(&server, json!({"paging": paging})).await.unwrap_err();
        assert_eq!(
            (fault.kind(), server.requests().len() - before),
            (Kind::Source, 2),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_clamping_server_without_a_count_is_read_to_its_end() {
    // DMI: at most 4 features whatever is asked for, no numberMatched, `next` on every page, also behind the last.
    for total in [0, 3, 4, 23] {
        let server = Server::start(move |asked| {
            let at = asked.number("offset").unwrap();
            let links = json!([{"rel": "next", "href": format!("?offset={}&limit=10", at + 10)}]);
            let features = (at..total.min(at + 4)).map(feature).collect();
            bench::json(collection(features, json!({"timeStamp": asked.at, "links": links})))
        })
        .await;
        assert_eq!(ids(&server, json!({})).await.unwrap(), numbered(total));
    }
}

#[tokio::test]
async fn a_trusted_count_that_changes_or_is_not_reached_is_an_error() {
    for (counts, expected) in [
        ([12, 12], Ok(12)),
        ([12, 13], Err("the server's count changed during the walk")),
        ([15, 15], Err("the server promised another number of rows than it sent")),
    ] {
        let server = Server::start(move |asked| {
            let at = asked.number("offset").unwrap();
            let features = (at..12.min(at + 10)).map(feature).collect();
            let count = counts[usize::from(at > 0)];
            bench::json(collection(features, json!({"numberMatched": count})))
        })
        .await;
        let walked = ids(&server, json!({"trust_number_matched": true})).await;
        match expected {
            Ok(rows) => assert_eq!(walked.unwrap(), numbered(rows)),
            Err(what) => assert_eq!(walked.unwrap_err().what(), what),
        }
        assert_eq!(ids(&server, json!({})).await.unwrap(), numbered(12), "not trusted");
    }
}

#[tokio::test]
async fn a_gateways_key_goes_with_every_request_and_into_no_address() {
    let server = Server::start(|asked| {
        if asked.query.get("api-key").map(String::as_str) != Some("nøgle-til-dmi") {
            return bench::status(200, r#"{"http_status_code":403,"message":"Invalid API key"}"#);
        }
        if !asked.path.ends_with("/items") {
            return bench::json(r#"{"id":"a","crs":[]}"#);
        }
        let at = asked.number("cursor").unwrap_or(0);
        // The gateway echoes the key into its link.
        let links = json!([{"rel": "next", "href": format!("?{}&cursor={}", asked.raw_query, at + 3)}]);
        let links = if at < 3 { links } else { json!([]) };
        bench::json(collection((at..at + 3).map(feature).collect(), json!({"links": links})))
    })
    .await;
    let auth = |secret: &str| {
        json!({"crs": "auto", "paging": "next",
            "auth": {"strategy": "query", "name": "api-key", "secret": secret}})
    };
    assert_eq!(ids(&server, auth("dmi_key")).await.unwrap(), numbered(6));
    assert_eq!(server.requests().len(), 3);
    let missing = ids(&server, auth("another")).await.unwrap_err();
    assert_eq!(
        missing.hint_text(),
        Some("set KLIMALADE_SECRET_ANOTHER or [secrets] in klimalade.toml")
    );
    assert_eq!(server.requests().len(), 3, "nothing is asked without the key");
}

#[tokio::test]
async fn an_error_behind_a_byte_order_mark_is_read() {
    let body = "\u{feff}{\"http_status_code\":400,\"message\":\"Ugyldig parameter\"}";
    let server = Server::start(move |_| bench::json(body)).await;
    let fault = ids(&server, json!({})).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.to_string().contains("Ugyldig parameter"), "{fault}");
}

#[tokio::test]
async fn an_offset_beyond_the_servers_maximum_is_not_even_asked_for() {
    let server = Server::start(dmi(1000)).await;
    let mut settings = year_settings(&server.base);
    settings["max_offset"] = json!(30);
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert!(fault.hint_text().unwrap().contains("smaller window"));
    assert!(
        server
            .requests()
            .iter()
            .all(|asked| asked.number("offset").unwrap_or(0) <= 30)
    );
}

#[tokio::test]
async fn the_servers_own_refusal_of_an_offset_names_max_offset() {
    let server = Server::start(dmi(1000)).await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{fault}");
    assert!(fault.hint_text().unwrap().contains("max_offset"));
}

#[tokio::test]
async fn error_bodies_of_three_servers_are_read() {
    for (status, body, kind, words) in [
        (
            400,
            r#"{"code":"InvalidParameterValue","description":"limit value should be an integer"}"#,
            Kind::Settings,
            "limit value",
        ),
        (
            404,
            r#"{"code":"NotFound","description":"Collection not found"}"#,
            Kind::Source,
            "Collection not found",
        ),
        (
            400,
            r#"[{"code":"Bad request","description":"Ugyldig værdi"}]"#,
            Kind::Settings,
            "Ugyldig værdi",
        ),
        (
            200,
            r#"{"http_status_code":403,"message":"Invalid API key"}"#,
            Kind::Settings,
            "Invalid API key",
        ),
        (
            200,
            r#"{"code":"NotFound","description":"Invalid collection."}"#,
            Kind::Source,
            "Invalid collection",
        ),
    ] {
        let server = Server::start(move |_| bench::status(status, body)).await;
        let connector = open(year_settings(&server.base)).unwrap();
        let cx = bench::context(NOW, &[]);
        let parts = connector.plan(&cx).await.unwrap();
        let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
        assert_eq!(fault.kind(), kind, "{fault}");
        assert!(fault.to_string().contains(words), "{fault}");
    }
}

#[tokio::test]
async fn a_page_that_holds_fewer_features_than_it_says_is_an_error() {
    let server = Server::start(|_| bench::json(collection(vec![feature(1)], json!({"numberReturned": 2})))).await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[tokio::test]
async fn number_matched_is_a_promise_only_where_it_is_trusted_and_a_number() {
    for (trusted, said, promised) in [
        (true, json!(2), Some(2)),
        (true, json!("unknown"), None),
        (false, json!(23), None),
    ] {
        let server = Server::start(move |asked| {
            let limit = asked.number("limit").unwrap_or(10).min(2);
            bench::json(collection(
                (0..limit).map(feature).collect(),
                json!({"numberMatched": said.clone()}),
            ))
        })
        .await;
        let mut settings = year_settings(&server.base);
        settings["trust_number_matched"] = json!(trusted);
        let connector = open(settings).unwrap();
        let cx = bench::context(NOW, &[]);
        let parts = connector.plan(&cx).await.unwrap();
        assert_eq!(server.requests().len(), 0);
        let pages = bench::fetch(&connector, &parts[0], &cx).await.unwrap();
        assert_eq!(pages.len(), 1);
        assert_eq!(pages[0].entry.server_count, promised);
    }
    let server = Server::start(|_| bench::json(collection(vec![feature(1)], json!({"numberMatched": 23})))).await;
    let mut settings = year_settings(&server.base);
    settings["trust_number_matched"] = json!(true);
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[tokio::test]
async fn the_collections_own_crs_is_asked_for() {
    let server = Server::start(|asked| {
        if asked.path.ends_with("/items") {
            bench::json(collection(vec![], json!({})))
        } else {
            bench::json(include_str!("fixtures/collection_with_crs.json"))
        }
    })
    .await;
    let connector = open(json!({"base_url": format!("{}/", server.base), "collection": "skybrudsprojekt"})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts[0].detail["crs"], "EPSG:25832");
    bench::fetch(&connector, &parts[0], &cx).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].path, "/collections/skybrudsprojekt");
    assert_eq!(
        requests[1].query["crs"],
        "http://www.opengis.net/def/crs/EPSG/9.6.2/25832"
    );
}

#[tokio::test]
async fn the_shared_list_of_systems_is_read_too() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/api/collections" => {
            bench::json(r#"{"crs":["http://www.opengis.net/def/crs/EPSG/0/25832"],"collections":[]}"#)
        }
        _ => bench::json(r##"{"id":"a","crs":["#/crs"]}"##),
    })
    .await;
    let connector = open(json!({"base_url": format!("{}/api", server.base), "collection": "a"})).unwrap();
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    assert_eq!(parts[0].detail["crs"], "EPSG:25832");
}

#[tokio::test]
async fn without_a_listed_system_geometry_is_longitude_and_latitude() {
    let server = Server::start(|_| bench::json(r#"{"id":"a","links":[]}"#)).await;
    let connector = open(json!({"base_url": server.base, "collection": "a"})).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    assert_eq!(parts[0].detail["crs"], "CRS84");
    assert!(parts[0].detail.get("crs_address").is_none());
}

fn wkb(batches: &[arrow::record_batch::RecordBatch]) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for batch in batches {
        let column = batch.column_by_name("geometry").unwrap();
        let column = column.as_any().downcast_ref::<arrow::array::BinaryArray>().unwrap();
        found.extend(column.iter().map(|value| value.map(<[u8]>::to_vec)));
    }
    found
}

fn first_point(wkb: &[u8]) -> (f64, f64) {
    // Little-endian WKB: order, type, and for a polygon the numbers of rings and points, come before the first point.
    let kind = u32::from_le_bytes(wkb[1..5].try_into().unwrap());
    let at = if kind == 1 { 5 } else { 13 };
    let number = |at: usize| f64::from_le_bytes(wkb[at..at + 8].try_into().unwrap());
    (number(at), number(at + 8))
}

fn geometry_columns() -> arrow_schema::SchemaRef {
    bench::columns(&[
        ("id", "id", DataType::Utf8),
        ("title", "properties.projekt", DataType::Utf8),
        ("geometry", "geometry", DataType::Binary),
    ])
}

#[tokio::test]
async fn longitude_and_latitude_become_utm_zone_32() {
    let connector = open(json!({"base_url": "http://127.0.0.1:9", "collection": "a", "crs": "crs84"})).unwrap();
    let part = connector.plan(&bench::context(NOW, &[])).await.unwrap().remove(0);
    let page = Page::from_bytes("/collections/a/items", include_bytes!("fixtures/skybrud_crs84.json")).unwrap();
    let batches = decode_all(&connector, &part, &page, &geometry_columns()).unwrap();
    let shapes = wkb(&batches);
    assert_eq!(shapes.len(), 3);
    assert!(shapes[2].is_none());
    // Krüger's series to the fourth order on GRS80, computed apart from this code.
    for (shape, easting, northing) in [
        (&shapes[0], 723_236.637, 6_175_066.544),
        (&shapes[1], 572_262.035, 6_224_185.123),
    ] {
        let (x, y) = first_point(shape.as_ref().unwrap());
        assert!((x - easting).abs() < 0.01 && (y - northing).abs() < 0.01, "{x} {y}");
    }
    assert_eq!(
        bench::texts(&batches, "title")[1].as_deref(),
        Some("Åbyhøj, regnvandsbassin")
    );
}

#[tokio::test]
async fn coordinates_of_another_system_are_refused() {
    let connector = open(json!({"base_url": "http://127.0.0.1:9", "collection": "a", "crs": "crs84"})).unwrap();
    let part = connector.plan(&bench::context(NOW, &[])).await.unwrap().remove(0);
    let body = collection(
        vec![
            json!({"type": "Feature", "id": "1", "properties": {}, "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}}),
        ],
        json!({"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}}),
    );
    let page = Page::from_bytes("/other-crs", body.as_bytes()).unwrap();
    let error = decode_all(&connector, &part, &page, &geometry_columns()).unwrap_err();
    assert!(error.to_string().contains("EPSG::3857"), "{error}");
}

#[tokio::test]
async fn a_server_that_ignores_crs_does_not_put_denmark_at_sea() {
    // The header Content-Crs is not stored, so the coordinates themselves must tell.
    let connector = open(json!({"base_url": "http://127.0.0.1:9", "collection": "a"})).unwrap();
    let mut part = Part::new("all");
    part.detail = json!({"crs": "EPSG:25832", "crs_address": "http://www.opengis.net/def/crs/EPSG/0/25832"});
    let page = Page::from_bytes("/ignores-crs", include_bytes!("fixtures/skybrud_crs84.json")).unwrap();
    let error = decode_all(&connector, &part, &page, &geometry_columns()).unwrap_err();
    assert!(error.to_string().contains("geometry"), "{error}");
}

#[tokio::test]
async fn geometry_that_was_not_asked_for_is_a_settings_fault() {
    let connector = open(year_settings("http://127.0.0.1:9")).unwrap();
    let part = connector.plan(&bench::context(NOW, &[])).await.unwrap().remove(0);
    let page = Page::from_bytes("/no-geometry", include_bytes!("fixtures/skybrud_crs84.json")).unwrap();
    let error = decode_all(&connector, &part, &page, &geometry_columns()).unwrap_err();
    assert!(error.to_string().contains("crs = \"none\""), "{error}");
}

#[tokio::test]
async fn a_neighbour_that_only_touches_the_window_is_left_out() {
    let mut settings = year_settings("http://127.0.0.1:9");
    settings["window"] = json!({"start": "2022-01-01", "part": "year", "from_property": "properties.from"});
    let connector = open(settings).unwrap();
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    let page = Page::from_bytes("/dmi", include_bytes!("fixtures/dmi_municipality_value_year.json")).unwrap();
    let columns = bench::columns(&[
        ("name", "properties.municipalityName", DataType::Utf8),
        ("value", "properties.value", DataType::Float64),
    ]);
    let batches = decode_all(&connector, &parts[1], &page, &columns).unwrap();
    let names = bench::texts(&batches, "name");
    assert_eq!(names, [Some("Kolding".to_owned()), Some("Hillerød".to_owned())]);
    let batches = decode_all(&connector, &parts[0], &page, &columns).unwrap();
    assert_eq!(bench::texts(&batches, "name"), [Some("Læsø".to_owned())]);
    assert_eq!(bench::texts(&batches, "value"), [None]);
}

#[tokio::test]
async fn a_missing_time_of_begin_is_an_error() {
    let mut settings = year_settings("http://127.0.0.1:9");
    settings["window"] = json!({"start": "2022-01-01", "part": "year", "from_property": "properties.fra"});
    let connector = open(settings).unwrap();
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    let page = Page::from_bytes("/dmi-2", include_bytes!("fixtures/dmi_municipality_value_year.json")).unwrap();
    let columns = bench::columns(&[("value", "properties.value", DataType::Float64)]);
    let error = decode_all(&connector, &parts[1], &page, &columns).unwrap_err();
    assert!(error.to_string().contains("properties.fra"), "{error}");
}

#[tokio::test]
async fn a_run_that_is_ended_is_no_finished_walk() {
    let server = Server::start(dmi(25)).await;
    let connector = open(year_settings(&server.base)).unwrap();
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await.unwrap();
    cx.cancel.cancel();
    let fault = bench::fetch(&connector, &parts[0], &cx).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Transient);
}

#[test]
fn settings_say_what_can_be_typed() {
    for (settings, hint) in [
        (
            json!({"base_url": "opendataapi.dmi.dk", "collection": "a"}),
            "base_url = ",
        ),
        (
            json!({"base_url": "https://anna:hemmelig@a.dk", "collection": "a"}),
            "base_url = ",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "paging": "next", "max_offset": 5}),
            "remove max_offset",
        ),
        (json!({"base_url": "https://a.dk", "collection": " "}), "collection = "),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "page_limit": 0}),
            "page_limit = 1000",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "query": {"limit": 5}}),
            "remove limit",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "query": {"datetime": "2020"},
                "window": {"start": "2011-01-01", "part": "year"}}),
            "remove datetime",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "window": {"start": "2011", "part": "year"}}),
            "2011-01-01",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a",
                "window": {"start": "2011-01-01", "part": "year", "timezone": "Europe/Kobenhavn"}}),
            "Europe/Copenhagen",
        ),
        (
            json!({"base_url": "https://a.dk", "collection": "a", "trust_number_matched": true,
                "window": {"start": "2011-01-01", "part": "year", "from_property": "properties.from"}}),
            "trust_number_matched = false",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
}

#[test]
fn an_unknown_setting_is_refused() {
    let wrong = json!({"base_url": "https://a.dk", "collection": "a", "limit": 5});
    assert!(serde_json::from_value::<Settings>(wrong).is_err());
}
