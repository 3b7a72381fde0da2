use klimalade_model::{Kind, sha256_hex};
use klimalade_transport::Limits;
use tempfile::TempDir;
use url::Url;

use crate::bench::{bench, bench_with, bench_with_secrets, quick, reply, serve};

#[tokio::test]
async fn a_local_file_becomes_a_page_with_its_hash_and_marks() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("Slutrapport æøå 100%.csv");
    std::fs::write(&file, "kommune;værdi\r\nLæsø;1,5;min-nøgle-1\r\n").unwrap();
    let url = Url::from_file_path(&file).unwrap();
    let bench = bench_with_secrets(&[("key", "min-nøgle-1")]);
    let page = bench.client.object(&url).await.unwrap();
    let wanted = "kommune;værdi\r\nLæsø;1,5;REDACTED\r\n".as_bytes();
    assert_eq!(page.read().unwrap(), wanted);
    assert_eq!(
        (page.entry.sha256.as_str(), page.entry.redactions),
        (sha256_hex(wanted).as_str(), 1)
    );
    assert_eq!(page.entry.address, url.to_string());
    assert!(page.entry.etag.is_some() && page.entry.last_modified.is_some());
    assert_eq!(bench.client.counters().0, 1);

    let again = bench
        .client
        .with_previous(vec![page.clone()])
        .object(&url)
        .await
        .unwrap();
    assert_eq!(again.path(), page.path(), "an unchanged object is the stored page");
    std::fs::write(&file, "kommune;værdi\r\nLæsø;2,5\r\nFanø;1\r\n").unwrap();
    let changed = bench
        .client
        .with_previous(vec![page.clone()])
        .object(&url)
        .await
        .unwrap();
    assert_ne!(changed.entry.sha256, page.entry.sha256);
}

#[tokio::test]
async fn objects_are_listed_in_the_order_of_their_addresses_and_each_can_be_fetched() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("2024")).unwrap();
    for (name, body) in [("b.csv", "1"), ("2024/år 1.csv", "22"), ("a%20b.csv", "333")] {
        std::fs::write(folder.path().join(name), body).unwrap();
    }
    let client = bench().client;
    let entries = client
        .list_objects(&Url::from_directory_path(folder.path()).unwrap())
        .await
        .unwrap();
    let sizes: Vec<u64> = entries.iter().map(|entry| entry.size).collect();
    assert_eq!(sizes, [2, 3, 1], "{entries:?}");
    for entry in &entries {
        let page = client.object(&entry.url).await.unwrap();
        assert_eq!((page.entry.bytes, &page.entry.etag), (entry.size, &entry.etag));
    }
    let missing = Url::from_directory_path(folder.path().join("2025")).unwrap();
    assert_eq!(client.list_objects(&missing).await.unwrap(), []);
}

#[tokio::test]
async fn a_redirected_folder_is_read_elsewhere_under_the_addresses_that_were_asked_for() {
    let (asked, read) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    std::fs::create_dir(read.path().join("puls")).unwrap();
    std::fs::write(read.path().join("puls/Ærø 1.csv"), "simuleret").unwrap();
    std::fs::create_dir(asked.path().join("puls")).unwrap();
    std::fs::write(asked.path().join("puls/rigtig.csv"), "somebody's own").unwrap();
    let folders = [(asked.path().to_owned(), read.path().to_owned())];
    let client = bench_with(|options| options.redirect_folders = folders.into()).client;
    let folder = Url::from_directory_path(asked.path().join("puls")).unwrap();
    let entries = client.list_objects(&folder).await.unwrap();
    let own = Url::from_file_path(asked.path().join("puls/Ærø 1.csv")).unwrap();
    assert_eq!(entries.iter().map(|entry| &entry.url).collect::<Vec<_>>(), [&own]);
    let page = client.object(&own).await.unwrap();
    assert_eq!(page.read().unwrap(), b"simuleret");
    assert_eq!(page.entry.address, own.to_string());
    let real = Url::from_file_path(asked.path().join("puls/rigtig.csv")).unwrap();
    assert_eq!(client.object(&real).await.unwrap_err().kind(), Kind::Source);
}

#[tokio::test]
async fn an_object_that_is_missing_too_large_or_of_a_strange_scheme_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("big.bin"), [0; 100]).unwrap();
    let client = bench().client.with_limits(Limits {
        page_bytes: 99,
        ..quick()
    });
    let of = |name: &str| Url::from_file_path(folder.path().join(name)).unwrap();
    let missing = client.object(&of("none.csv")).await.unwrap_err();
    assert_eq!(
        (missing.kind(), missing.what()),
        (Kind::Source, "nothing is served at this address")
    );
    assert_eq!(
        client.object(&of("big.bin")).await.unwrap_err().what(),
        "more came than the cap allows"
    );
    let strange = client
        .object(&Url::parse("https://anna:pw-in-url@a.dk/x").unwrap())
        .await
        .unwrap_err();
    assert_eq!(strange.kind(), Kind::Settings);
    assert!(!format!("{strange:?} {strange}").contains("pw-in-url"));
}

const CHILD: &str = "objects::an_object_of_the_store_that_the_environment_names";

#[tokio::test]
#[ignore = "run by the test below, which sets the environment"]
async fn an_object_of_the_store_that_the_environment_names() {
    let bench = bench();
    let url = Url::parse("s3://drop/puls/Ærø.csv").unwrap();
    let page = bench.client.object(&url).await.unwrap();
    assert_eq!(page.read().unwrap(), "kommune;værdi\r\n".as_bytes());
}

/// Agencies and municipalities have stores of their own, behind plain HTTP, proxies and certificates that only the
/// environment knows. Tried in a process of its own, since it needs an environment of its own.
#[tokio::test]
async fn what_the_environment_says_of_a_store_holds_beside_our_timeout() {
    let server = serve(|_, _| {
        let headers = [("etag", "\"1\""), ("last-modified", "Mon, 23 Nov 2026 12:00:00 GMT")];
        reply(200, &headers, "kommune;værdi\r\n")
    })
    .await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child
        .args([CHILD, "--exact", "--ignored"])
        .env("AWS_ENDPOINT", format!("http://{}", server.address))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "eu-north-1")
        .env("AWS_ACCESS_KEY_ID", "anna")
        .env("AWS_SECRET_ACCESS_KEY", "hemmelig")
        .env("NO_PROXY", "127.0.0.1");
    let output = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let seen = server.seen();
    assert_eq!(seen[0].uri, "/drop/puls/%C3%86r%C3%B8.csv");
    assert!(seen[0].header("user-agent").unwrap().starts_with("klimalade/"));
}
