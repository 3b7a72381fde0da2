use std::sync::{Arc, OnceLock};

use klimalade_model::Kind;
use klimalade_transport::{Request, Secret};

use crate::bench::{bench, bench_with_secrets, json, reply, serve};

const KEY: &str = "k3y-of-the-house";

fn with_credentials(url: url::Url) -> Request {
    Request::get(url)
        .header("Authorization", "Bearer written-in-plain")
        .header("X-Plain", "stays")
        .secret_header("x-api-key", Secret::new(KEY))
        .secret_query("api-key", Secret::new(KEY))
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_credentials_and_the_first_address() {
    let server = serve(|_, seen| match seen.uri.starts_with("/old") {
        true => reply(301, &[("location", "/new?year=2023")], ""),
        false => json("[]"),
    })
    .await;
    let bench = bench_with_secrets(&[("dmi", KEY)]);
    let page = bench
        .client
        .fetch(&with_credentials(server.url("/old?year=2023")))
        .await
        .unwrap();
    assert_eq!(page.entry.address, server.url("/old?year=2023").to_string());
    let last = &server.seen()[1];
    assert_eq!(last.uri, format!("/new?year=2023&api-key={KEY}"));
    assert_eq!(
        (last.header("x-api-key"), last.header("x-plain")),
        (Some(KEY), Some("stays"))
    );
    assert_eq!(bench.client.counters().0, 2);
}

#[tokio::test]
async fn credentials_are_not_carried_to_another_host() {
    let store = serve(|_, _| json("[]")).await;
    let elsewhere = store.url("/file?X-Amz-Signature=abc&part=1").to_string();
    let server = serve(move |_, _| reply(302, &[("location", &elsewhere)], "")).await;
    let bench = bench_with_secrets(&[("dmi", KEY)]);
    let request = with_credentials(server.url("/download")).basic("anna", &Secret::new("hemmelig"));
    let page = bench.client.fetch(&request).await.unwrap();
    assert!(server.seen()[0].uri.contains(KEY) && server.seen()[0].header("x-api-key") == Some(KEY));
    let there = &store.seen()[0];
    assert_eq!(there.uri, "/file?X-Amz-Signature=abc&part=1");
    assert_eq!((there.header("x-api-key"), there.header("authorization")), (None, None));
    assert_eq!(there.header("x-plain"), Some("stays"));
    assert_eq!(
        page.entry.address,
        server.url("/download").to_string(),
        "never the signed address"
    );
}

#[tokio::test]
async fn a_password_in_the_address_is_refused_before_it_is_sent() {
    let server = serve(|_, _| json("[]")).await;
    for (user, password) in [("anna", Some("hemmelig")), ("hemmelig", None), ("", Some("hemmelig"))] {
        let mut url = server.url("/wfs");
        url.set_username(user).unwrap();
        url.set_password(password).unwrap();
        let fault = bench().client.fetch(&Request::get(url)).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(!format!("{fault:?} {fault}").contains("hemmelig"), "{fault}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn user_and_password_go_as_basic_authorization_and_are_stored_nowhere() {
    // A server that echoes what it was sent, with the scheme and without.
    let server = serve(|_, seen| {
        let sent = seen.header("authorization").unwrap();
        json(format!("[\"{sent}\", \"{}\"]", sent.trim_start_matches("Basic ")))
    })
    .await;
    let bench = bench_with_secrets(&[("wfs", "hemmelig")]);
    let request = Request::get(server.url("/wfs")).basic("anna", &Secret::new("hemmelig"));
    let page = bench.client.fetch(&request).await.unwrap();
    assert_eq!(
        server.seen()[0].header("authorization"),
        Some("Basic YW5uYTpoZW1tZWxpZw==")
    );
    assert_eq!(page.read().unwrap(), br#"["REDACTED", "REDACTED"]"#);
    assert!(!format!("{request:?}").contains("YW5uYTpoZW1tZWxpZw"));
}

#[tokio::test]
async fn a_redirect_that_hands_our_key_to_another_host_is_refused() {
    let store = serve(|_, _| json("[]")).await;
    let elsewhere = store.url(&format!("/file?k={KEY}")).to_string();
    let server = serve(move |_, _| reply(302, &[("location", &elsewhere)], "")).await;
    let bench = bench_with_secrets(&[("dmi", KEY)]);
    let fault = bench
        .client
        .fetch(&with_credentials(server.url("/download")))
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Source);
    assert!(!format!("{fault:?} {fault}").contains(KEY));
    assert!(store.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_away_and_back_does_not_regain_the_credentials() {
    let home = Arc::new(OnceLock::new());
    let known_home: Arc<OnceLock<String>> = home.clone();
    let away = serve(move |_, _| reply(302, &[("location", known_home.get().unwrap())], "")).await;
    let away_url = away.url("/away").to_string();
    let server = serve(move |_, seen| match seen.uri.starts_with("/start") {
        true => reply(302, &[("location", &away_url)], ""),
        false => json("[]"),
    })
    .await;
    home.set(server.url("/back").to_string()).unwrap();
    bench_with_secrets(&[("dmi", KEY)])
        .client
        .fetch(&with_credentials(server.url("/start")))
        .await
        .unwrap();
    let back = &server.seen()[1];
    assert_eq!((back.header("x-api-key"), back.uri.as_str()), (None, "/back"));
}

#[tokio::test]
async fn a_post_never_follows_a_redirect() {
    let server = serve(|_, _| reply(301, &[("location", "/v2/data")], "")).await;
    let fault = bench()
        .client
        .fetch(&Request::post(server.url("/v1/data"), "{}".to_owned()))
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Source, "source moved"));
    assert!(fault.found_text().unwrap().contains("/v2/data") && fault.expected_text().is_some());
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].body.as_str()), ("POST", "{}"));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let server = serve(|n, _| {
        if n < 5 {
            reply(307, &[("location", &format!("/{n}"))], "")
        } else {
            json("[]")
        }
    })
    .await;
    bench().client.fetch(&Request::get(server.url("/start"))).await.unwrap();
    assert_eq!(server.seen().len(), 6);
    let round = serve(|_, _| reply(308, &[("location", "/round")], "")).await;
    let fault = bench()
        .client
        .fetch(&Request::get(round.url("/round")))
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), round.seen().len()), (Kind::Source, 6));
}

#[tokio::test]
async fn a_redirect_without_a_usable_address_is_refused() {
    for location in [None, Some("ftp://example.dk/file"), Some("http://[bad")] {
        let server = serve(move |_, _| match location {
            Some(location) => reply(302, &[("location", location)], ""),
            None => reply(302, &[], ""),
        })
        .await;
        let fault = bench().client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
        assert_eq!((fault.kind(), fault.what()), (Kind::Source, "source moved"));
    }
}
