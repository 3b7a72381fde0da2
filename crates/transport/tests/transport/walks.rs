use futures::TryStreamExt;
use klimalade_model::{Fault, Kind, Page, Result};
use klimalade_transport::{Accept, Client, Limits, PageSeen, Paging, Request, Secret, Tally, walk};
use serde_json::{Value, json};
use url::Url;

use crate::bench::{Seen, Server, bench, bench_with_secrets, json as reply_json, quick, serve};

fn look(page: &Page) -> Result<PageSeen> {
    let value: Value = serde_json::from_slice(&page.read().unwrap()).map_err(|_| Fault::source("no JSON"))?;
    Ok(PageSeen {
        rows: value["rows"].as_array().map_or(0, |rows| rows.len() as u64),
        next: value["next"].as_str().and_then(|next| Url::parse(next).ok()),
        server_count: value["total"].as_u64(),
    })
}

async fn pages(client: &Client, server: &Server, path: &str, paging: Paging) -> Result<Vec<Page>> {
    let first = Request::get(server.url(path)).accept(Accept::Json);
    walk(client, first, paging, look).try_collect().await
}

fn rows(pages: &[Page]) -> Vec<u64> {
    let of = |page: &Page| -> Value { serde_json::from_slice(&page.read().unwrap()).unwrap() };
    pages
        .iter()
        .flat_map(|page| of(page)["rows"].as_array().unwrap().clone())
        .map(|row| row.as_u64().unwrap())
        .collect()
}

/// Serves `total` rows by offset and limit.
async fn by_offset(total: u64) -> Server {
    serve(move |_, seen: &Seen| {
        let (offset, limit) = (seen.number("offset").unwrap(), seen.number("limit").unwrap());
        let rows: Vec<u64> = (offset..total.min(offset + limit)).collect();
        reply_json(json!({"total": 17, "at": offset, "rows": rows}).to_string())
    })
    .await
}

fn offset(size: u64) -> Paging {
    Paging::Offset {
        offset: "offset".to_owned(),
        limit: "limit".to_owned(),
        size,
    }
}

#[tokio::test]
async fn an_offset_walk_ends_at_the_short_page_whatever_the_server_counts() {
    let bench = bench();
    let server = by_offset(25).await;
    let pages = pages(&bench.client, &server, "/d?sort=id&limit=3", offset(10))
        .await
        .unwrap();
    assert_eq!(rows(&pages), (0..25).collect::<Vec<_>>());
    assert_eq!(pages.len(), 3);
    assert_eq!(pages[0].entry.server_count, Some(17));
    let asked: Vec<String> = server.seen().into_iter().map(|seen| seen.uri).collect();
    assert_eq!(
        asked,
        [
            "/d?sort=id&offset=0&limit=10",
            "/d?sort=id&offset=10&limit=10",
            "/d?sort=id&offset=20&limit=10"
        ]
    );
}

#[tokio::test]
async fn an_offset_walk_of_full_pages_ends_at_the_empty_page() {
    let bench = bench();
    let server = by_offset(20).await;
    let pages = pages(&bench.client, &server, "/d", offset(10)).await.unwrap();
    assert_eq!((pages.len(), rows(&pages)), (3, (0..20).collect()));
}

#[tokio::test]
async fn a_server_that_ignores_the_offset_is_found_out_by_its_repeated_page() {
    let bench = bench();
    let server = serve(|_, _| reply_json(json!({"rows": [1, 2]}).to_string())).await;
    let fault = pages(&bench.client, &server, "/d", offset(2)).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Source);
    assert!(fault.line().contains("repeats"), "{}", fault.line());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_page_with_more_rows_than_asked_for_moves_the_offset_by_what_came() {
    let bench = bench();
    let server = serve(|_, seen| {
        let at = seen.number("offset").unwrap();
        reply_json(json!({"rows": (at..12.min(at + 5)).collect::<Vec<_>>()}).to_string())
    })
    .await;
    let pages = pages(&bench.client, &server, "/d", offset(3)).await.unwrap();
    assert_eq!(rows(&pages), (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn pages_are_counted_from_the_first_number_that_the_server_knows() {
    let bench = bench();
    for first in [0, 1] {
        let server = serve(move |_, seen| {
            let page = seen.number("page").unwrap() - first;
            let size = seen.number("size").unwrap();
            reply_json(json!({"rows": (page * size..7.min((page + 1) * size)).collect::<Vec<_>>()}).to_string())
        })
        .await;
        let paging = Paging::Number {
            page: "page".to_owned(),
            limit: "size".to_owned(),
            size: 3,
            first,
        };
        let pages = pages(&bench.client, &server, "/d", paging).await.unwrap();
        assert_eq!((pages.len(), rows(&pages)), (3, (0..7).collect()));
    }
}

#[tokio::test]
async fn a_single_answer_is_asked_once_as_it_is_written() {
    let bench = bench();
    let server = serve(|_, _| reply_json(json!({"rows": [1, 2, 3], "next": "http://elsewhere.dk/"}).to_string())).await;
    let pages = pages(&bench.client, &server, "/d?offset=4", Paging::Single)
        .await
        .unwrap();
    assert_eq!(
        (pages.len(), server.seen().len(), server.seen()[0].uri.as_str()),
        (1, 1, "/d?offset=4")
    );
}

/// Links to a next page for ever, as DMI does; `total` rows, three a page.
async fn endless_next(total: u64) -> Server {
    serve(move |n, seen| {
        let host = seen.header("host").unwrap();
        let at = n as u64 * 3;
        let next = format!("http://{host}/d?at={}", at + 3);
        reply_json(json!({"n": n, "rows": (at..total.min(at + 3)).collect::<Vec<_>>(), "next": next}).to_string())
    })
    .await
}

#[tokio::test]
async fn an_endless_next_ends_at_the_short_page_or_at_the_empty_one() {
    let bench = bench();
    let server = endless_next(8).await;
    let short = pages(&bench.client, &server, "/d", Paging::Next { size: 3 })
        .await
        .unwrap();
    assert_eq!((short.len(), rows(&short)), (3, (0..8).collect()));
    let server = endless_next(6).await;
    let empty = pages(&bench.client, &server, "/d", Paging::Next { size: 3 })
        .await
        .unwrap();
    assert_eq!((empty.len(), rows(&empty)), (3, (0..6).collect()));
    let server = endless_next(8).await;
    let unsized_pages = pages(&bench.client, &server, "/d", Paging::Next { size: 0 })
        .await
        .unwrap();
    assert_eq!(rows(&unsized_pages), (0..8).collect::<Vec<_>>());
}

/// Pages by number with these rows, each but those of `last` with a link to the page after it.
async fn linked(rows: &'static [&'static [u64]], last: &'static [usize]) -> Server {
    serve(move |_, seen| {
        let at = seen.number("p").unwrap_or(0) as usize;
        let next = (!last.contains(&at)).then(|| format!("http://{}/d?p={}", seen.header("host").unwrap(), at + 1));
        reply_json(json!({"rows": rows.get(at).copied().unwrap_or_default(), "next": next}).to_string())
    })
    .await
}

#[tokio::test]
async fn a_next_is_followed_past_an_empty_page_but_not_past_two() {
    let bench = bench();
    let every_row = Paging::Next { size: 0 };
    // A service that filters after paging: its second page is empty, its third is not.
    let server = linked(&[&[1, 2], &[], &[3], &[], &[4]], &[4]).await;
    let walked = pages(&bench.client, &server, "/d", every_row.clone()).await.unwrap();
    assert_eq!((rows(&walked), walked.len()), (vec![1, 2, 3, 4], 5));
    // CKAN: `next` is always there.
    let server = linked(&[&[1, 2], &[3]], &[]).await;
    let walked = pages(&bench.client, &server, "/d", every_row.clone()).await.unwrap();
    assert_eq!((rows(&walked), server.seen().len()), (vec![1, 2, 3], 4));
    // No rows at all, and a link for ever.
    let server = linked(&[], &[]).await;
    let walked = pages(&bench.client, &server, "/d", every_row).await.unwrap();
    assert_eq!((rows(&walked), server.seen().len()), (vec![], 2));
}

#[tokio::test]
async fn an_empty_page_that_leads_back_is_the_last() {
    let bench = bench();
    // MapServer's answer to `hits` links to itself (2026-11-23), and so do empty pages of others; their bytes repeat.
    for back in ["/d?p=1", "/d"] {
        let server = serve(move |_, seen| {
            let host = seen.header("host").unwrap();
            let (rows, next) = match seen.number("p") {
                None => (vec![1], "/d?p=1"),
                _ => (vec![], back),
            };
            reply_json(json!({"rows": rows, "next": format!("http://{host}{next}")}).to_string())
        })
        .await;
        let walked = pages(&bench.client, &server, "/d", Paging::Next { size: 0 })
            .await
            .unwrap();
        assert_eq!((rows(&walked), server.seen().len()), (vec![1], 2));
    }
}

#[tokio::test]
async fn a_clamped_page_is_followed_by_offset_only_where_it_links_on() {
    let bench = bench();
    for (is_linked, expected) in [(true, 7), (false, 3)] {
        let server = serve(move |_, seen| {
            let at = seen.number("offset").unwrap();
            let rows: Vec<u64> = (at..7.min(at + 3)).collect();
            let next = is_linked.then(|| format!("http://{}/d?there=is-more", seen.header("host").unwrap()));
            reply_json(json!({"at": at, "rows": rows, "next": next}).to_string())
        })
        .await;
        let walked = pages(&bench.client, &server, "/d", offset(10)).await.unwrap();
        assert_eq!(rows(&walked), (0..expected).collect::<Vec<_>>());
    }
}

#[test]
fn a_relative_link_is_laid_on_the_pages_address_whole_or_without_its_host() {
    let home = Url::parse("https://a.dk/api").unwrap();
    for address in ["https://a.dk/api/ting?p=1", "/api/ting?p=1"] {
        let page = Page::from_bytes(address, b"").unwrap();
        for (link, expected) in [
            ("?p=2", "https://a.dk/api/ting?p=2"),
            ("side/2", "https://a.dk/api/side/2"),
            ("/x?p=2", "https://a.dk/x?p=2"),
            ("https://b.dk/", "https://b.dk/"),
        ] {
            assert_eq!(PageSeen::link(&home, &page, link).unwrap().as_str(), expected);
        }
        assert_eq!(
            PageSeen::link(&home, &page, "https://[").unwrap_err().kind(),
            Kind::Source
        );
    }
}

#[test]
fn a_tally_compares_what_came_with_what_every_page_promised() {
    let of = |pages: &[(u64, Option<u64>)]| {
        let tally = Tally::default();
        for (rows, server_count) in pages {
            tally.take_in(&PageSeen {
                rows: *rows,
                server_count: *server_count,
                ..PageSeen::default()
            });
        }
        tally.agree("size")
    };
    assert!(of(&[(10, Some(15)), (5, Some(15))]).is_ok());
    assert!(
        of(&[(10, None), (5, Some(15))]).is_ok(),
        "MapServer counts on its last page"
    );
    assert!(of(&[(10, None), (5, None)]).is_ok(), "nothing was promised");
    assert!(of(&[(0, Some(0))]).is_ok());
    let short = of(&[(5, Some(23))]).unwrap_err();
    assert_eq!((short.kind(), short.hint_text()), (Kind::Source, Some("size = 5")));
    assert_eq!(
        of(&[(10, Some(9))]).unwrap_err().found_text(),
        Some("10 rows on 1 pages")
    );
    let moved = of(&[(10, Some(15)), (6, Some(16))]).unwrap_err();
    assert_eq!(moved.what(), "the server's count changed during the walk");
    assert!(moved.is_worth_another_walk() && !short.is_worth_another_walk());
}

#[tokio::test]
async fn a_next_walk_ends_where_there_is_no_link() {
    let bench = bench();
    let server = serve(|n, seen| {
        let next = (n < 2).then(|| format!("http://{}/d?p={n}#frag", seen.header("host").unwrap()));
        reply_json(json!({"rows": [n], "next": next}).to_string())
    })
    .await;
    let pages = pages(&bench.client, &server, "/d", Paging::Next { size: 0 })
        .await
        .unwrap();
    assert_eq!(rows(&pages), [0, 1, 2]);
}

#[tokio::test]
async fn a_next_to_another_host_is_refused_before_it_is_asked() {
    let bench = bench();
    let other = serve(|_, _| reply_json("{}")).await;
    let link = other.url("/d?p=2").to_string();
    let server = serve(move |_, _| reply_json(json!({"rows": [1], "next": link}).to_string())).await;
    let fault = pages(&bench.client, &server, "/d", Paging::Next { size: 0 })
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), other.seen().len()), (Kind::Source, 0));
    assert!(fault.found_text().unwrap().contains(&other.address.to_string()));
}

#[tokio::test]
async fn a_next_that_leads_round_in_a_circle_is_refused_though_its_bytes_differ() {
    let bench = bench();
    let server = serve(|n, seen| {
        let next = format!("http://{}/d?p={}", seen.header("host").unwrap(), n % 2);
        reply_json(json!({"timeStamp": n, "rows": [1], "next": next}).to_string())
    })
    .await;
    let fault = pages(&bench.client, &server, "/d", Paging::Next { size: 0 })
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Source, "the pages do not lead on"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_key_that_the_server_echoes_into_next_is_sent_once_and_never_stored() {
    let server = serve(|n, seen| {
        let next = (n == 0).then(|| format!("http://{}/d?api-key=hidden-key-1&p=2", seen.header("host").unwrap()));
        reply_json(json!({"rows": [n], "next": next}).to_string())
    })
    .await;
    let bench = bench_with_secrets(&[("dmi", "hidden-key-1")]);
    let first = Request::get(server.url("/d?p=1")).secret_query("api-key", Secret::new("hidden-key-1"));
    // The stored link holds REDACTED in place of the key: the walk brings the key back.
    let pages: Vec<Page> = walk(&bench.client, first, Paging::Next { size: 0 }, look)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(server.seen()[1].uri, "/d?p=2&api-key=hidden-key-1");
    assert_eq!(pages[1].entry.address, server.url("/d?p=2").to_string());
    assert!(
        String::from_utf8(pages[0].read().unwrap())
            .unwrap()
            .contains("api-key=REDACTED")
    );
}

#[tokio::test]
async fn a_walk_stops_at_its_caps() {
    let server = endless_next(1000).await;
    let bench = bench();
    let client = bench.client.with_limits(Limits {
        walk_pages: 4,
        ..quick()
    });
    let fault = pages(&client, &server, "/d", Paging::Next { size: 3 })
        .await
        .unwrap_err();
    assert!(
        fault.kind() == Kind::Source && fault.line().contains("walk_pages"),
        "{}",
        fault.line()
    );
    assert_eq!(server.seen().len(), 4);
    let server = endless_next(1000).await;
    let client = bench.client.with_limits(Limits {
        walk_bytes: 200,
        ..quick()
    });
    let fault = pages(&client, &server, "/d", Paging::Next { size: 3 })
        .await
        .unwrap_err();
    assert!(
        fault.kind() == Kind::Source && fault.line().contains("walk_bytes"),
        "{}",
        fault.line()
    );
    assert!(server.seen().len() < 5);
}

#[tokio::test]
async fn a_page_size_of_nothing_is_refused_before_asking() {
    let bench = bench();
    let server = by_offset(5).await;
    let fault = pages(&bench.client, &server, "/d", offset(0)).await.unwrap_err();
    assert_eq!((fault.kind(), server.seen().len()), (Kind::Settings, 0));
}

#[tokio::test]
async fn a_fault_in_the_middle_ends_the_walk_with_the_pages_before_it() {
    let server = serve(|n, _| match n {
        0 => reply_json(json!({"rows": [1, 2]}).to_string()),
        _ => crate::bench::reply(404, &[], "gone"),
    })
    .await;
    let client = bench().client;
    let mut stream = walk(&client, Request::get(server.url("/d")), offset(2), look);
    assert!(stream.try_next().await.unwrap().is_some());
    assert_eq!(stream.try_next().await.unwrap_err().kind(), Kind::Source);
    assert!(stream.try_next().await.unwrap().is_none());
}
