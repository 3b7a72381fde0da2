use std::collections::BTreeMap;

use klimalade_model::Kind;
use klimalade_transport::{Request, Secret};
use url::Url;

use crate::bench::{bench_with, json, reply, serve};

#[tokio::test]
async fn the_demo_asks_the_loopback_and_stores_path_and_query_only() {
    let server = serve(|_, seen| match seen.uri.as_str() {
        "/api.dmi.dk/old" => reply(302, &[("location", "https://api.dmi.dk/new?a=1")], ""),
        "/api.dmi.dk/relative" => reply(302, &[("location", "/new")], ""),
        _ => json(format!("[\"{}\"]", seen.uri)),
    })
    .await;
    let address = server.address;
    let bench = bench_with(|options| options.redirect = Some(BTreeMap::from([("api.dmi.dk".to_owned(), address)])));
    let url = |text: &str| Url::parse(text).unwrap();
    let request = Request::get(url("https://api.dmi.dk/v1/data?navn=%C3%86r%C3%B8&token=abc"))
        .secret_query("api-key", Secret::new("demo-key"));
    let page = bench.client.fetch(&request).await.unwrap();
    assert_eq!(
        server.seen()[0].uri,
        "/api.dmi.dk/v1/data?navn=%C3%86r%C3%B8&token=abc&api-key=demo-key"
    );
    assert_eq!(page.entry.address, "/v1/data?navn=%C3%86r%C3%B8&token=REDACTED");

    let page = bench
        .client
        .fetch(&Request::get(url("https://api.dmi.dk/old")))
        .await
        .unwrap();
    assert_eq!(page.read().unwrap(), b"[\"/api.dmi.dk/new?a=1\"]");
    assert_eq!(page.entry.address, "/old");
    let page = bench
        .client
        .fetch(&Request::get(url("https://api.dmi.dk/relative")))
        .await
        .unwrap();
    assert_eq!(page.read().unwrap(), b"[\"/api.dmi.dk/new\"]");

    let post = Request::post(url("https://api.dmi.dk/v1/data"), "{}".to_owned());
    assert_eq!(bench.client.fetch(&post).await.unwrap().entry.address, "/v1/data");
}

#[tokio::test]
async fn the_demo_refuses_a_host_that_is_not_simulated() {
    let server = serve(|_, _| json("[]")).await;
    let address = server.address;
    let bench = bench_with(|options| options.redirect = Some(BTreeMap::from([("api.dmi.dk".to_owned(), address)])));
    let fault = bench.client.fetch(&Request::get(server.url("/v1"))).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Settings, Some("127.0.0.1")));
    assert!(fault.expected_text().unwrap().contains("api.dmi.dk"));
    let fault = bench
        .client
        .object(&Url::parse("s3://bucket/key").unwrap())
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(server.seen().is_empty());
}
