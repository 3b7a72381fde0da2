use klimalade_model::Page;
use klimalade_transport::Request;

use crate::bench::{Seen, bench, bench_with_secrets, json, reply, serve};

const DATE: &str = "Sun, 22 Nov 2026 07:00:00 GMT";

fn answer(_: usize, seen: &Seen) -> axum::response::Response {
    if seen.header("if-none-match") == Some("\"v1\"") && seen.header("if-modified-since") == Some(DATE) {
        return reply(304, &[], "");
    }
    reply(200, &[("etag", "\"v1\""), ("last-modified", DATE)], "[\"Fanø\"]")
}

#[tokio::test]
async fn a_page_that_did_not_change_is_the_stored_page_again() {
    let server = serve(answer).await;
    let bench = bench();
    let request = Request::get(server.url("/file?token=abc"));
    let first = bench.client.fetch(&request).await.unwrap();
    assert_eq!(
        (first.entry.etag.as_deref(), first.entry.last_modified.as_deref()),
        (Some("\"v1\""), Some(DATE))
    );
    let again = bench
        .client
        .with_previous(vec![first.clone()])
        .fetch(&request)
        .await
        .unwrap();
    assert_eq!(again.entry, first.entry);
    assert_eq!(again.read().unwrap(), "[\"Fanø\"]".as_bytes());
    assert_eq!(server.seen()[1].header("if-none-match"), Some("\"v1\""));
    assert_eq!(bench.spooled_files(), 1, "nothing was fetched twice");
}

#[tokio::test]
async fn a_page_that_changed_is_fetched_anew() {
    let server = serve(|n, _| reply(200, &[("etag", &format!("\"v{n}\""))], format!("[{n}]"))).await;
    let client = bench().client;
    let request = Request::get(server.url("/"));
    let first = client.fetch(&request).await.unwrap();
    let second = client.with_previous(vec![first.clone()]).fetch(&request).await.unwrap();
    assert_ne!(first.entry.sha256, second.entry.sha256);
    assert_eq!(second.entry.etag.as_deref(), Some("\"v1\""));
}

#[tokio::test]
async fn a_post_is_never_conditional() {
    let server = serve(|_, _| reply(200, &[("etag", "\"v1\"")], "[]")).await;
    let client = bench().client;
    let request = Request::post(server.url("/data"), "{\"table\":\"BIL54\"}".to_owned());
    let first = client.fetch(&request).await.unwrap();
    client.with_previous(vec![first]).fetch(&request).await.unwrap();
    assert_eq!(server.seen()[1].header("if-none-match"), None);
}

#[tokio::test]
async fn pages_that_share_a_redacted_address_and_lost_pages_are_asked_for_unconditionally() {
    let server = serve(|_, seen| reply(200, &[("etag", "\"same\"")], format!("[\"{}\"]", seen.uri))).await;
    let bench = bench_with_secrets(&[("key", "cursor-9")]);
    let one = bench
        .client
        .fetch(&Request::get(server.url("/d?pageToken=1")))
        .await
        .unwrap();
    let two = bench
        .client
        .fetch(&Request::get(server.url("/d?pageToken=2")))
        .await
        .unwrap();
    assert_eq!(one.entry.address, two.entry.address);
    let mut lost = one.entry.clone();
    lost.address = server.url("/lost").to_string();
    let lost = Page::stored(bench.spool.path().join("gone"), lost);
    let client = bench.client.with_previous(vec![one, two, lost]);
    client.fetch(&Request::get(server.url("/d?pageToken=2"))).await.unwrap();
    client.fetch(&Request::get(server.url("/lost"))).await.unwrap();
    assert!(server.seen().iter().all(|seen| seen.header("if-none-match").is_none()));
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_no_page() {
    let server = serve(|_, _| reply(304, &[], "")).await;
    let fault = bench().client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(fault.kind(), klimalade_model::Kind::Source);
    let fine = serve(|_, _| json("[]")).await;
    bench().client.fetch(&Request::get(fine.url("/"))).await.unwrap();
}
