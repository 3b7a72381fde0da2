//! Pages whose links to the file change with every edition.

use klimalade_connect::{Connector, Fault, Kind, Page};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use serde_json::{Value, json};

use super::{NOW, open};

const PAGE: &str = r#"<!DOCTYPE html><html><body><nav><a href="/">Forside</a> <a href="/kontakt">Kontakt</a></nav>
    <!-- <a href="/media/1/download">Stamdata for vindmøller</a> -->
    <p><a class="file" href='/media/8748/download?v=1&amp;x=2'>Stamdata for vindm&oslash;ller <b>2026-03</b></a></p>
    <p><a href="/media/9120/download">Stamdata for vindmøller 2025-11</a>
    <a href="https://andet.dk/media/1/download">Energiproducentt&aelig;lling</a></p></body></html>"#;

fn site(asked: &Asked) -> Answer {
    match asked.path.as_str() {
        "/statistik/" => bench::answer(200, "text/html; charset=utf-8", PAGE),
        "/media/8748/download" => bench::answer(200, "text/csv", "kommune\nÆrø\n"),
        "/media/9120/download" => bench::answer(200, "text/csv", "kommune\nLæsø\n"),
        _ => bench::status(404, "Findes ikke"),
    }
}

fn settings(server: &Server, discover: Value) -> Value {
    let mut discover = discover;
    discover["page"] = json!(format!("{}/statistik/", server.base));
    json!({"discover": discover, "format": {"type": "csv"}})
}

async fn found(server: &Server, discover: Value) -> Result<Page, Fault> {
    let connector = open(settings(server, discover))?;
    let cx = bench::context(NOW, &[]);
    let parts = connector.plan(&cx).await?;
    assert_eq!(parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(), ["all"]);
    Ok(bench::fetch(&connector, &parts[0], &cx).await?.remove(0))
}

#[tokio::test]
async fn the_link_is_found_by_its_text_or_its_address() {
    let server = Server::start(site).await;
    for discover in [
        json!({"text": "Stamdata*2026-*"}),
        json!({"link": "/media/8748/*"}),
        json!({"link": "http://*/media/*?v=1*"}),
        json!({"text": "Stamdata*", "pick": "newest"}),
    ] {
        let page = found(&server, discover.clone()).await.unwrap();
        assert_eq!(page.read().unwrap(), "kommune\nÆrø\n".as_bytes(), "{discover}");
    }
    // By the address, the larger number is the newer one.
    let page = found(&server, json!({"link": "/media/*", "pick": "newest"}))
        .await
        .unwrap();
    assert_eq!(page.read().unwrap(), "kommune\nLæsø\n".as_bytes());
}

#[tokio::test]
async fn none_or_several_links_are_an_error_that_shows_them() {
    let server = Server::start(site).await;
    let fault = found(&server, json!({"text": "Stamdata*"})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Contract, "more than one link of the page fits")
    );
    assert!(
        fault
            .found_text()
            .unwrap()
            .contains("/media/9120/download (Stamdata for vindmøller 2025-11)")
    );
    assert!(fault.hint_text().unwrap().contains("pick = \"newest\""), "{fault}");

    let fault = found(&server, json!({"text": "Anlægsregister*"})).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Contract, "no link of the page fits")
    );
    let shown = fault.found_text().unwrap();
    assert!(shown.starts_with("/media/8748/download"), "files come first: {shown}");
    assert!(
        !shown.contains("/media/1/download (Stamdata"),
        "a comment is no link: {shown}"
    );
}

#[tokio::test]
async fn links_that_are_equally_new_are_an_error() {
    let page = "<a href='/a.csv'>Data 2026</a><a href='/b.csv'>Data 2026</a>";
    let server = Server::start(move |_| bench::answer(200, "text/html", page)).await;
    let fault = found(&server, json!({"text": "Data*", "pick": "newest"}))
        .await
        .unwrap_err();
    assert_eq!(fault.what(), "none of the links is the newest");
    // One address twice is one link.
    let page = "<a href='/a.csv'>Data</a><a href='/a.csv#top'><img src='x.png'>Data</a>";
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/a.csv" => bench::answer(200, "text/csv", "a\n1\n"),
        _ => bench::answer(200, "text/html", page),
    })
    .await;
    found(&server, json!({"text": "Data"})).await.unwrap();
}

#[tokio::test]
async fn the_plan_follows_the_page_to_its_next_edition() {
    let editions = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/statistik/" => {
            let edition = editions.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            bench::answer(200, "text/html", format!("<a href='/media/{edition}/fil.csv'>Data</a>"))
        }
        path => bench::answer(200, "text/csv", format!("sti\n{path}\n")),
    })
    .await;
    let connector = open(settings(&server, json!({"link": "*.csv"}))).unwrap();
    let cx = bench::context(NOW, &[]);
    for edition in 0..2 {
        let part = connector.plan(&cx).await.unwrap().remove(0);
        let page = bench::fetch(&connector, &part, &cx).await.unwrap().remove(0);
        assert_eq!(
            page.read().unwrap(),
            format!("sti\n/media/{edition}/fil.csv\n").as_bytes()
        );
    }
}

#[tokio::test]
async fn a_credential_does_not_follow_a_link_to_another_host() {
    let server =
        Server::start(|_| bench::answer(200, "text/html", "<a href='https://andet.dk/fil.csv'>Data</a>")).await;
    let mut settings = settings(&server, json!({"text": "Data"}));
    settings["auth"] = json!({"strategy": "header", "name": "x-api-key", "secret": "fil"});
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[("fil", "hemmelig-nøgle")]);
    let fault = connector.plan(&cx).await.unwrap_err();
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Settings, Some("andet.dk")));
    assert!(!format!("{fault:?}").contains("hemmelig"));
}

#[test]
fn discover_says_what_can_be_typed() {
    let csv = json!({"type": "csv"});
    for (settings, hint) in [
        (json!({"discover": {"page": "https://a.dk/"}, "format": csv}), "link = "),
        (
            json!({"discover": {"page": "drop/a.html", "link": "*.csv"}, "format": csv}),
            "page = ",
        ),
        (
            json!({"discover": {"page": "https://a.dk/", "link": "*.csv"}, "address": "a.csv", "format": csv}),
            "address = ",
        ),
    ] {
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
}
