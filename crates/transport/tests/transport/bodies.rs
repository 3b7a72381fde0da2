use std::{io::Write, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use klimalade_model::{Kind, sha256_hex};
use klimalade_transport::{Accept, Limits, Request};

use crate::bench::{Bench, bench, json, quick, reply, serve, serve_raw};

fn text() -> Vec<u8> {
    (0..4000)
        .map(|n| format!("{n};Ærø, Læsø og Ålborg;{},5\r\n", n * 7))
        .collect::<String>()
        .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn br(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorWriter::new(&mut out, 4096, 5, 20)
        .write_all(bytes)
        .unwrap();
    out
}

fn packed() -> [(&'static str, Vec<u8>); 3] {
    [
        ("gzip", gzip(&text())),
        ("br", br(&text())),
        ("zstd", zstd::encode_all(text().as_slice(), 3).unwrap()),
    ]
}

#[tokio::test]
async fn packed_bodies_are_stored_unpacked_and_hashed_as_stored() {
    for (encoding, body) in packed() {
        assert!(body.len() < text().len() / 2);
        let server = serve(move |_, seen| {
            assert!(seen.header("accept-encoding").unwrap().contains(encoding));
            reply(200, &[("content-encoding", encoding)], body.clone())
        })
        .await;
        let Bench { client, spool, .. } = bench();
        let page = client
            .fetch(&Request::get(server.url("/")).accept(Accept::Csv))
            .await
            .unwrap();
        assert_eq!(page.read().unwrap(), text(), "{encoding}");
        assert_eq!(page.entry.sha256, sha256_hex(&text()));
        assert_eq!(page.entry.bytes, text().len() as u64);
        assert_eq!(client.bytes_received(), text().len() as u64);
        assert!(page.path().starts_with(spool.path()));
    }
}

#[tokio::test]
async fn a_packed_body_that_breaks_off_is_transient() {
    for (encoding, body) in packed() {
        let half = body[..body.len() / 2].to_vec();
        let server = serve(move |_, _| reply(200, &[("content-encoding", encoding)], half.clone())).await;
        let bench = bench();
        let fault = bench.client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
        assert_eq!(
            (encoding, fault.kind(), fault.what()),
            (encoding, Kind::Transient, "the answer was cut")
        );
        assert_eq!((server.seen().len(), bench.spooled_files()), (5, 0));
    }
}

#[tokio::test]
async fn truncated_page_is_an_error() {
    let by_length = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n[{\"a\":1}]".to_vec();
    let by_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[1,2,\r\n".to_vec();
    for answer in [by_length, by_chunk] {
        let address = serve_raw(vec![answer]).await;
        let bench = bench();
        let client = bench.client.with_limits(Limits { attempts: 2, ..quick() });
        let fault = client
            .fetch(&Request::get(format!("http://{address}/").parse().unwrap()))
            .await
            .unwrap_err();
        assert_eq!((fault.kind(), fault.what()), (Kind::Transient, "the answer was cut"));
        assert_eq!((client.counters().0, bench.spooled_files()), (2, 0));
    }
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_refused_while_it_streams_and_before_when_announced() {
    let server = serve(|_, seen| match seen.uri.as_str() {
        "/announced" => reply(200, &[], vec![b'x'; 1001]),
        "/packed" => reply(200, &[("content-encoding", "gzip")], gzip(&[b'x'; 1_000_000])),
        "/endless" => {
            let pieces = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 100])));
            reply(200, &[], Body::from_stream(pieces))
        }
        _ => reply(200, &[], vec![b'x'; 1000]),
    })
    .await;
    let bench = bench();
    let client = bench.client.with_limits(Limits {
        page_bytes: 1000,
        ..quick()
    });
    for path in ["/announced", "/packed", "/endless"] {
        let fault = client.fetch(&Request::get(server.url(path))).await.unwrap_err();
        assert_eq!(
            (path, fault.kind(), fault.what()),
            (path, Kind::Source, "more came than the cap allows")
        );
    }
    assert_eq!(
        client
            .fetch(&Request::get(server.url("/just")))
            .await
            .unwrap()
            .entry
            .bytes,
        1000
    );
}

#[tokio::test]
async fn html_xml_and_nothing_are_no_json() {
    for (body, found) in [
        ("<!DOCTYPE html><html><title>Lukket</title>", "an HTML page"),
        ("  \n<html lang=\"da\">", "an HTML page"),
        ("<?xml version=\"1.0\"?><ows:ExceptionReport/>", "XML"),
        ("\u{feff}<ExceptionReport/>", "XML"),
        ("", "nothing"),
        ("  \r\n ", "nothing"),
        ("Service Unavailable", "Service Unavailable"),
    ] {
        let server = serve(move |_, _| json(body)).await;
        let fault = bench()
            .client
            .fetch(&Request::get(server.url("/")).accept(Accept::Json))
            .await
            .unwrap_err();
        assert_eq!((fault.kind(), server.seen().len()), (Kind::Source, 1));
        assert!(
            fault.found_text().unwrap().starts_with(found),
            "{body}: {}",
            fault.line()
        );
    }
}

#[tokio::test]
async fn a_csv_is_anything_but_html_xml_and_json() {
    let server = serve(|_, seen| match seen.uri.as_str() {
        "/html" => reply(200, &[("content-type", "text/csv")], "<html></html>"),
        "/empty" => reply(200, &[("content-type", "text/csv")], ""),
        _ => reply(
            200,
            &[("content-type", "text/html")],
            "\u{feff}OMRÅDE;TID;INDHOLD\r\n101;2023;1,5\r\n",
        ),
    })
    .await;
    let client = bench().client;
    let get = |path: &str| Request::get(server.url(path)).accept(Accept::Csv);
    assert_eq!(client.fetch(&get("/html")).await.unwrap_err().kind(), Kind::Source);
    assert_eq!(client.fetch(&get("/empty")).await.unwrap_err().kind(), Kind::Source);
    for body in [
        "{\"errorTypeCode\":\"X\"}",
        "\u{feff}\r\n {}",
        "[ {\"kommune\":101}]",
        "[]",
        "{",
    ] {
        let server = serve(move |_, _| reply(200, &[("content-type", "text/csv")], body)).await;
        let request = Request::get(server.url("/")).accept(Accept::Csv);
        let fault = client.fetch(&request).await.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.expected_text()),
            (Kind::Source, Some("CSV")),
            "{body}"
        );
        assert!(fault.found_text().unwrap().starts_with("JSON: "), "{fault}");
    }
    for body in ["[Kommune];[År]\r\n101;2023\r\n", "{kommune};år\r\n101;2023\r\n"] {
        let server = serve(move |_, _| reply(200, &[], body)).await;
        let request = Request::get(server.url("/")).accept(Accept::Csv);
        assert_eq!(client.fetch(&request).await.unwrap().entry.bytes, body.len() as u64);
    }
    let page = client.fetch(&get("/csv")).await.unwrap();
    assert!(
        page.read().unwrap().starts_with(b"\xef\xbb\xbfOMR\xc3\x85DE"),
        "the mark is stored as served"
    );
    let any = client.fetch(&Request::get(server.url("/empty"))).await.unwrap();
    assert_eq!(
        (any.entry.bytes, any.entry.sha256.as_str()),
        (0, sha256_hex(b"").as_str())
    );
}

#[tokio::test]
async fn json_is_parsed_behind_a_byte_order_mark() {
    let server = serve(|_, seen| {
        json(if seen.uri == "/bad" {
            "{\"navn\":"
        } else {
            "\u{feff} {\"værdi\": 1.5}"
        })
    })
    .await;
    let client = bench().client;
    let value = client.json(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(value["værdi"], 1.5);
    assert!(
        server.seen()[0]
            .header("accept")
            .unwrap()
            .starts_with("application/json")
    );
    assert!(server.seen()[0].header("user-agent").unwrap().starts_with("klimalade/"));
    let fault = client.json(&Request::get(server.url("/bad"))).await.unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Source, "the answer is no JSON"));
}

#[tokio::test]
async fn the_spool_file_goes_with_the_last_clone_of_the_page() {
    let server = serve(|_, _| json("[1]")).await;
    let bench = bench();
    let page = bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    let clone = page.clone();
    drop(page);
    assert_eq!(clone.read().unwrap(), b"[1]");
    assert_eq!(bench.spooled_files(), 1);
    drop(clone);
    assert_eq!(bench.spooled_files(), 0);
}

#[tokio::test]
async fn a_dropped_fetch_leaves_no_file_and_frees_its_dataset() {
    let address = serve_raw(
        std::iter::once(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n[1".to_vec())
            .chain(std::iter::repeat_n(b",2".to_vec(), 400))
            .collect(),
    )
    .await;
    let bench = bench();
    let request = Request::get(format!("http://{address}/").parse().unwrap()).dataset("A");
    for _ in 0..2 {
        let stopped = tokio::time::timeout(Duration::from_millis(150), bench.client.fetch(&request)).await;
        assert!(stopped.is_err());
    }
    assert_eq!(bench.client.counters().0, 2, "the second was not kept out by the first");
    assert_eq!(bench.spooled_files(), 0);
}

#[tokio::test]
async fn a_spool_folder_that_cannot_be_made_is_the_operators_matter() {
    let server = serve(|_, _| json("[1]")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("spool");
    let bench = crate::bench::bench_with(|options| options.spool = folder.clone());
    let fault = bench.client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.to_string().contains(&folder.display().to_string()) && fault.hint_text().is_some());
}
