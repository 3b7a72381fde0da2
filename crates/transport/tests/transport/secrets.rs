use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use klimalade_model::{Kind, sha256_hex};
use klimalade_transport::{
    Accept, Client, Options, Request, Secret, Secrets, SystemClock, Tape, redact_text, redact_url,
};
use url::Url;

use crate::bench::{bench, bench_with_secrets, json, reply, serve, serve_raw};

const KEY: &str = "p/ss+wørd & \"mere\"=";

#[tokio::test]
async fn a_secret_in_the_body_is_replaced_across_every_chunk_border() {
    let body = "{\"link\":\"https://a/?k=nøgle-1234567\",\"navn\":\"Ærø\",\"igen\":\"nøgle-1234567nøgle-1234567\"}";
    let wanted = body.replace("nøgle-1234567", "REDACTED");
    for size in 1..=20 {
        let pieces: Vec<Result<Bytes, std::io::Error>> = body
            .as_bytes()
            .chunks(size)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let pieces = std::sync::Mutex::new(Some(pieces));
        let server = serve(move |_, _| {
            let pieces = pieces.lock().unwrap().take().unwrap();
            reply(200, &[], Body::from_stream(stream::iter(pieces)))
        })
        .await;
        let bench = bench_with_secrets(&[("key", "nøgle-1234567")]);
        let page = bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
        assert_eq!(String::from_utf8(page.read().unwrap()).unwrap(), wanted);
        assert_eq!(page.entry.redactions, 3);
        assert_eq!(page.entry.bytes, wanted.len() as u64);
        assert_eq!(page.entry.sha256, sha256_hex(wanted.as_bytes()));
    }
}

#[tokio::test]
async fn a_tape_keeps_the_answers_in_order_and_no_secret() {
    let server = serve(|at, _| reply(200, &[], Body::from(format!("{{\"at\":{at},\"key\":\"hemmelighed\"}}")))).await;
    let bench = bench_with_secrets(&[("key", "hemmelighed")]);
    let tape = Tape::default();
    let client = bench.client.with_tape(tape.clone());
    client.json(&Request::get(server.url("/plan"))).await.unwrap();
    client.fetch(&Request::get(server.url("/data"))).await.unwrap();
    bench.client.fetch(&Request::get(server.url("/other"))).await.unwrap();
    let bodies: Vec<String> = tape
        .pages()
        .iter()
        .map(|page| String::from_utf8(page.read().unwrap()).unwrap())
        .collect();
    assert_eq!(bodies, [r#"{"at":0,"key":"REDACTED"}"#, r#"{"at":1,"key":"REDACTED"}"#]);
}

#[tokio::test]
async fn a_secret_over_two_packets_is_replaced() {
    let body: Vec<u8> = [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbefore hemme".to_vec(),
        b"lighed after".to_vec(),
    ]
    .concat();
    let (one, two) = body.split_at(body.len() - 12);
    let address = serve_raw(vec![one.to_vec(), two.to_vec()]).await;
    let bench = bench_with_secrets(&[("key", "hemmelighed")]);
    let page = bench
        .client
        .fetch(&Request::get(format!("http://{address}/").parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(page.read().unwrap(), b"before REDACTED after");
}

#[tokio::test]
async fn every_spelling_of_a_secret_is_replaced_in_a_body() {
    let spellings = [
        KEY,
        "p%2Fss%2Bw%C3%B8rd%20%26%20%22mere%22%3D",
        "p%2fss%2bw%c3%b8rd%20%26%20%22mere%22%3d",
        "p/ss%2Bw%C3%B8rd%20%26%20%22mere%22=",
        "p%2Fss%2Bw%C3%B8rd+%26+%22mere%22%3D",
        "p/ss+wørd & \\\"mere\\\"=",
        "p\\/ss+wørd & \\\"mere\\\"=",
        "p/ss+w\\u00f8rd & \\\"mere\\\"=",
        "p/ss\\u002Bw\\u00F8rd \\u0026 \\u0022mere\\u0022=",
        "p/ss+wørd &amp; &quot;mere&quot;=",
    ];
    let body = spellings.join(" | ");
    let server = serve(move |_, _| reply(200, &[], body.clone())).await;
    let bench = bench_with_secrets(&[("key", KEY)]);
    let page = bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(
        String::from_utf8(page.read().unwrap()).unwrap(),
        vec!["REDACTED"; spellings.len()].join(" | ")
    );
    assert_eq!(page.entry.redactions, spellings.len() as u64);
}

#[tokio::test]
async fn keys_never_show_in_addresses_errors_or_debug_output() {
    let secret = "Zx9-unmistakable";
    let plain = "0nly-in-the-address";
    let mut shown = String::new();
    let bench = bench_with_secrets(&[("agency", secret)]);
    shown += &format!("{:?}", bench.client);
    let statuses = [200u16, 400, 401, 404, 418, 429, 500];
    for status in statuses {
        let server = serve(move |_, seen| {
            let echo = format!(
                "https://x.dk{}&again=Zx9-unmistakable {}",
                seen.uri,
                seen.header("x-api-key").unwrap()
            );
            reply(status, &[("etag", "\"1\"")], echo)
        })
        .await;
        let url = server.url(&format!(
            "/Zx9-unmistakable/data?token={plain}&kommune=0101&q=Zx9%2Dunmistakable"
        ));
        let request = Request::get(url)
            .accept(if status == 200 { Accept::Json } else { Accept::Any })
            .header("Authorization", plain)
            .secret_header("x-api-key", Secret::new(secret))
            .secret_query("api-key", Secret::new(secret));
        shown += &format!("{request:?}");
        let fault = bench.client.fetch(&request).await.unwrap_err();
        assert!(
            fault.to_string().contains("kommune=0101"),
            "the address is still told: {fault}"
        );
        shown += &format!("{fault:?} {fault} {}", fault.line());
        let page = bench
            .client
            .fetch(&Request {
                accept: Accept::Any,
                ..request.clone()
            })
            .await;
        if status == 200 {
            let page = page.unwrap();
            shown += &format!(
                "{page:?} {}",
                String::from_utf8(page.read().unwrap()).unwrap().replace(plain, "")
            );
        }
        let gone = Request {
            url: Url::parse(&format!("http://127.0.0.1:1/?key={plain}")).unwrap(),
            ..request.clone()
        };
        shown += &format!("{0:?} {0}", bench.client.fetch(&gone).await.unwrap_err());
        let broken = request.secret_header("x-other", Secret::new("Zx9-unmistakable\n"));
        shown += &format!("{0:?} {0}", bench.client.fetch(&broken).await.unwrap_err());
    }
    assert!(!shown.contains("unmistakable"), "{shown}");
    assert!(!shown.contains(plain), "{shown}");
}

#[tokio::test]
async fn a_requests_own_secret_is_redacted_even_when_nobody_configured_it() {
    let server = serve(|_, seen| json(format!("{{\"self\":\"{}\"}}", seen.uri))).await;
    let request = Request::get(server.url("/d?a=1")).secret_query("maskerade", Secret::new("aBc-123-own"));
    let bench = bench();
    let page = bench.client.fetch(&request).await.unwrap();
    assert!(server.seen()[0].uri.contains("maskerade=aBc-123-own"));
    assert_eq!(page.read().unwrap(), b"{\"self\":\"/d?a=1&maskerade=REDACTED\"}");
    assert_eq!(page.entry.address, server.url("/d?a=1").to_string());
}

#[tokio::test]
async fn a_refused_credential_is_named_by_the_secrets_name() {
    let server = serve(|_, _| reply(401, &[], "wrong key")).await;
    let bench = bench_with_secrets(&[("klimaregnskabet", "secret-value")]);
    let request = Request::get(server.url("/")).secret_header("x-api-key", Secret::new("secret-value"));
    let fault = bench.client.fetch(&request).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.hint_text().unwrap().contains("klimaregnskabet"));
}

#[tokio::test]
async fn a_refused_user_is_told_which_setting_names_the_secret() {
    let server = serve(|_, _| reply(401, &[], "who?")).await;
    let bench = bench_with_secrets(&[("wfs", "secret-value")]);
    let request = Request::get(server.url("/")).basic("anna", &Secret::new("secret-value"));
    let fault = bench.client.fetch(&request).await.unwrap_err();
    assert!(fault.hint_text().unwrap().contains("[source.auth]"), "{fault}");
}

#[test]
fn an_empty_value_configures_nothing_and_replaces_nothing() {
    let mut secrets = Secrets::default();
    secrets.insert("dmi", Secret::new(""));
    assert!(secrets.get("dmi").is_none());
    secrets.insert("dmi", Secret::new("of the file"));
    secrets.insert("dmi", Secret::new(""));
    assert_eq!(secrets.get("dmi").unwrap().expose(), "of the file");
}

#[test]
fn an_address_is_redacted_by_the_names_of_its_parameters() {
    let secrets = Secrets::default();
    let of = |text: &str| redact_url(&Url::parse(text).unwrap(), &secrets);
    for name in [
        "api-key",
        "apikey",
        "api_key",
        "apiKey",
        "API-KEY",
        "key",
        "token",
        "access_token",
        "sig",
        "signature",
        "password",
        "pwd",
        "username",
        "AWSAccessKeyId",
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Date",
        "Expires",
        "subscription-key",
        "client_secret",
        "api%2Dkey",
    ] {
        assert_eq!(
            of(&format!("https://a.dk/v1?x=1&{name}=V&y=%C3%A6")),
            format!("https://a.dk/v1?x=1&{name}=REDACTED&y=%C3%A6")
        );
        assert_eq!(
            of(&format!("https://a.dk/v1?{name}=V")),
            format!("https://a.dk/v1?{name}=REDACTED")
        );
    }
    for name in [
        "municipality",
        "keyword",
        "offset",
        "design",
        "kommunekode",
        "monkey",
        "startIndex",
        "typeNames",
    ] {
        let address = format!("https://a.dk/v1?{name}=V");
        assert_eq!(of(&address), address);
    }
    assert_eq!(
        of("https://anna:hemmelig@a.dk/wfs?REQUEST=GetCapabilities#top"),
        "https://a.dk/wfs?REQUEST=GetCapabilities"
    );
}

#[test]
fn a_configured_value_is_redacted_anywhere_in_an_address() {
    let mut secrets = Secrets::default();
    secrets.insert("key", Secret::new("a/b+c=d"));
    let of = |text: &str| redact_url(&Url::parse(text).unwrap(), &secrets);
    assert_eq!(
        of("https://a.dk/p/a%2Fb%2Bc%3Dd/x?q=1"),
        "https://a.dk/p/REDACTED/x?q=1"
    );
    assert_eq!(of("https://a.dk/x?q=a/b%2Bc=d&r=2"), "https://a.dk/x?q=REDACTED&r=2");
    assert_eq!(
        of("https://a.dk/x?q=%61/b%2bc%3Dd"),
        "https://a.dk/REDACTED",
        "a spelling nobody foresaw hides all"
    );
    assert_eq!(of("https://a.dk/x?q=other"), "https://a.dk/x?q=other");
}

#[test]
fn a_text_is_redacted_like_the_addresses_in_it() {
    let mut secrets = Secrets::default();
    secrets.insert("key", Secret::new("hemmelig-værdi"));
    let text =
        "GET https://anna:pw@a.dk/x?sig=abc%2F1&year=2023, body \"…;token=t1\" hemmelig-værdi (https://b.dk/?key=9)";
    assert_eq!(
        redact_text(text, &secrets),
        "GET https://a.dk/x?sig=REDACTED&year=2023, body \"…;token=REDACTED\" REDACTED (https://b.dk/?key=REDACTED)"
    );
}

#[test]
fn a_secret_too_short_to_be_told_from_data_is_refused_and_an_empty_one_is_none() {
    let options = |value: &str| {
        let mut secrets = Secrets::default();
        secrets.insert("short", Secret::new(value));
        Options {
            clock: std::sync::Arc::new(SystemClock),
            random: std::sync::Arc::new(klimalade_transport::Jitter),
            secrets,
            spool: std::env::temp_dir(),
            redirect: None,
            redirect_folders: std::collections::BTreeMap::new(),
            longest_pause: None,
        }
    };
    let fault = Client::new(options("101")).unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(fault.what().contains("short") && !fault.to_string().contains("101"));
    Client::new(options("")).unwrap();
}
