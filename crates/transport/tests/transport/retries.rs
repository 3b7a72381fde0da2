use std::time::Duration;

use klimalade_model::{Fault, Kind};
use klimalade_transport::{Accept, Answer, Limits, Request};

use crate::bench::{Bench, bench, bench_with, json, noon, quick, reply, serve, serve_raw};

fn seconds(of: &[u64]) -> Vec<Duration> {
    of.iter().map(|seconds| Duration::from_secs(*seconds)).collect()
}

#[tokio::test]
async fn a_server_error_is_asked_again_with_growing_delays_until_it_answers() {
    let server = serve(|n, _| {
        if n < 3 {
            reply(503, &[], "<html>rest</html>")
        } else {
            json("[\"Læsø\"]")
        }
    })
    .await;
    let Bench { client, clock, .. } = bench();
    let page = client
        .fetch(&Request::get(server.url("/v1")).accept(Accept::Json))
        .await
        .unwrap();
    assert_eq!(String::from_utf8(page.read().unwrap()).unwrap(), "[\"Læsø\"]");
    assert_eq!(clock.sleeps(), seconds(&[1, 2, 4]));
    assert_eq!(client.counters(), (4, Duration::from_secs(7)));
    assert_eq!(page.entry.retrieved_at, "2026-11-23T12:00:07.000Z");
}

#[tokio::test]
async fn tries_end_at_the_limit_and_the_fault_says_how_many() {
    let server = serve(|_, _| reply(500, &[], "out of order")).await;
    let bench = bench();
    let client = bench.client.with_limits(Limits { attempts: 3, ..quick() });
    let fault = client.fetch(&Request::get(server.url("/v1"))).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Transient);
    assert_eq!(server.seen().len(), 3);
    assert!(fault.line().contains("try 3 of 3"), "{}", fault.line());
    assert!(fault.line().contains("out of order"), "{}", fault.line());
}

#[tokio::test]
async fn chance_halves_a_delay_at_most_and_the_demo_bounds_it() {
    #[derive(Debug)]
    struct Never;
    impl klimalade_transport::Random for Never {
        fn unit(&self) -> f64 {
            0.0
        }
    }
    let server = serve(|n, _| if n % 2 == 0 { reply(502, &[], "") } else { json("[]") }).await;
    let bench = bench_with(|options| options.random = std::sync::Arc::new(Never));
    bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bench.clock.sleeps(), [Duration::from_millis(500)]);

    let bounded = bench_with(|options| options.longest_pause = Some(Duration::from_millis(5)));
    bounded.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bounded.clock.sleeps(), [Duration::from_millis(5)]);
}

#[tokio::test]
async fn retry_after_in_seconds_is_waited_exactly_even_under_the_demos_bound() {
    let server = serve(|n, _| {
        if n == 0 {
            reply(429, &[("retry-after", "210")], "")
        } else {
            json("[]")
        }
    })
    .await;
    let bench = bench_with(|options| options.longest_pause = Some(Duration::from_millis(5)));
    bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[210]));
    assert_eq!(bench.client.counters().1, Duration::from_secs(210));
}

#[tokio::test]
async fn retry_after_as_a_date_is_waited_from_the_injected_now() {
    assert_eq!(noon().to_string(), "2026-11-23T12:00:00Z");
    let date = "Mon, 23 Nov 2026 12:01:30 GMT";
    let server = serve(move |n, _| {
        if n == 0 {
            reply(503, &[("retry-after", date)], "")
        } else {
            json("[]")
        }
    })
    .await;
    let bench = bench();
    bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[90]));
}

#[tokio::test]
async fn a_wait_of_nothing_or_in_the_past_leaves_our_own_delay() {
    let past = "Mon, 23 Nov 2026 11:00:00 GMT";
    let server = serve(move |n, _| match n {
        0 => reply(429, &[("retry-after", "0")], ""),
        1 => reply(429, &[("retry-after", past)], ""),
        _ => json("[]"),
    })
    .await;
    let bench = bench();
    bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[1, 2]));
}

const BUSY: &str = r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 17 seconds." }"#;

#[tokio::test]
async fn a_wait_named_in_the_message_of_a_429_is_waited_exactly() {
    let server = serve(|n, _| if n == 0 { reply(429, &[], BUSY) } else { json("[]") }).await;
    let bench = bench();
    bench.client.fetch(&Request::get(server.url("/"))).await.unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[17]));
}

fn busy_with_any_status(answer: &Answer<'_>) -> Option<Fault> {
    let text = String::from_utf8_lossy(answer.head);
    text.contains("\"statusCode\": 429")
        .then(|| Fault::transient("the dataset rests"))
}

#[tokio::test]
async fn a_rate_limit_that_comes_with_http_200_is_seen_by_classification_and_waited_for() {
    let server = serve(|n, _| if n == 0 { json(BUSY) } else { json("{\"records\":[]}") }).await;
    let bench = bench();
    let request = Request::get(server.url("/"))
        .accept(Accept::Json)
        .classify(busy_with_any_status);
    let page = bench.client.fetch(&request).await.unwrap();
    assert_eq!(page.read().unwrap(), b"{\"records\":[]}");
    assert_eq!(bench.clock.sleeps(), seconds(&[17]));
    assert_eq!(bench.spooled_files(), 1, "the refused answer leaves no file");
}

#[tokio::test]
async fn classification_sees_client_errors_before_the_status_does() {
    fn closed(answer: &Answer<'_>) -> Option<Fault> {
        let is_closed = answer.status == 400
            && answer.content_type == "text/json"
            && answer.head.starts_with(b"{\"errorTypeCode\"");
        is_closed.then(|| Fault::contract("the table is closed"))
    }
    let server = serve(|_, _| {
        reply(
            400,
            &[("content-type", "text/json")],
            "{\"errorTypeCode\":\"EXTRACT-NOTFOUND\"}",
        )
    })
    .await;
    let fault = bench()
        .client
        .fetch(&Request::get(server.url("/")).classify(closed))
        .await
        .unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Contract, "the table is closed"));
}

#[tokio::test]
async fn a_wait_beyond_the_longest_is_not_waited_and_the_fault_says_so() {
    let server = serve(|_, _| reply(429, &[("retry-after", "3600")], "")).await;
    let bench = bench();
    let client = bench.client.with_limits(Limits {
        longest_wait: Duration::from_secs(600),
        ..quick()
    });
    let fault = client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Transient);
    assert_eq!(fault.wait_asked(), Some(Duration::from_secs(3600)));
    assert!(
        fault.line().contains("longer wait") && fault.line().contains("600 s"),
        "{}",
        fault.line()
    );
    assert_eq!((server.seen().len(), bench.clock.sleeps()), (1, vec![]));
}

#[tokio::test]
async fn client_errors_are_not_asked_again_and_say_who_has_to_act() {
    for (status, kind) in [
        (400, Kind::Source),
        (401, Kind::Settings),
        (403, Kind::Settings),
        (404, Kind::Source),
        (410, Kind::Source),
        (422, Kind::Source),
        (304, Kind::Source),
    ] {
        let server = serve(move |_, _| reply(status, &[], "Værdien kan ikke læses")).await;
        let fault = bench().client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
        assert_eq!((status, fault.kind(), server.seen().len()), (status, kind, 1));
        assert!(
            status == 304 || fault.line().contains("Værdien kan ikke læses"),
            "{}",
            fault.line()
        );
        // What an operator can look at: a credential, or an address that may have moved.
        let is_theirs = kind == Kind::Settings || matches!(status, 404 | 410);
        assert_eq!(fault.hint_text().is_some(), is_theirs, "{status}");
    }
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let server = serve(move |_, _| reply(status, &[], "")).await;
        let fault = bench().client.fetch(&Request::get(server.url("/"))).await.unwrap_err();
        assert_eq!(
            (status, fault.kind(), server.seen().len()),
            (status, Kind::Transient, 5)
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_transient() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let bench = bench();
    let url = format!("http://{address}/v1").parse().unwrap();
    let fault = bench.client.fetch(&Request::get(url)).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Transient, "the server could not be reached")
    );
    assert_eq!(bench.client.counters().0, 5);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_transient_after_the_timeout() {
    let address = serve_raw(
        vec![b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n[".to_vec(); 1]
            .into_iter()
            .chain(std::iter::repeat_n(Vec::new(), 300))
            .collect(),
    )
    .await;
    let limits = Limits {
        timeout: Duration::from_millis(200),
        attempts: 1,
        ..quick()
    };
    let client = bench().client.with_limits(limits);
    let fault = client
        .fetch(&Request::get(format!("http://{address}/").parse().unwrap()))
        .await
        .unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Transient, "the server did not answer in time")
    );
}

/// 300 ms of silence, in the pieces of [`serve_raw`].
fn silence() -> Vec<Vec<u8>> {
    vec![Vec::new(); 20]
}

#[tokio::test]
async fn silence_is_measured_from_the_first_byte_and_before_it_only_the_timeout_counts() {
    let limits = Limits {
        idle: Duration::from_millis(100),
        attempts: 1,
        ..quick()
    };
    let client = bench().client.with_limits(limits);
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[".to_vec();
    let thinking = serve_raw([silence(), vec![head.clone(), b"]".to_vec()]].concat()).await;
    let get = |address| Request::get(format!("http://{address}/").parse().unwrap());
    assert_eq!(client.fetch(&get(thinking)).await.unwrap().read().unwrap(), b"[]");
    let silent = serve_raw([vec![head], silence(), vec![b"]".to_vec()]].concat()).await;
    let fault = client.fetch(&get(silent)).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what(), fault.found_text()),
        (
            Kind::Transient,
            "the answer stopped before its end",
            Some("nothing for 0.1 s")
        )
    );
}

#[tokio::test]
async fn two_requests_for_one_dataset_are_never_closer_than_the_interval() {
    let server = serve(|_, _| json("[]")).await;
    let bench = bench();
    let client = bench.client.with_limits(Limits {
        dataset_interval: Duration::from_secs(60),
        ..quick()
    });
    let other = client.clone();
    let request = Request::get(server.url("/dataset/A")).dataset("A");
    let (one, two) = tokio::join!(client.fetch(&request), other.fetch(&request));
    one.unwrap();
    two.unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[60]));
    client
        .fetch(&Request::get(server.url("/dataset/B")).dataset("B"))
        .await
        .unwrap();
    assert_eq!(bench.clock.sleeps(), seconds(&[60]), "another dataset waits for nobody");
    let sibling = client.with_limits(Limits {
        dataset_interval: Duration::from_secs(90),
        ..quick()
    });
    sibling.fetch(&request).await.unwrap();
    assert_eq!(
        bench.clock.sleeps(),
        seconds(&[60, 90]),
        "limits are shared by the whole family"
    );
    assert_eq!(
        sibling.counters(),
        (1, Duration::from_secs(90)),
        "counters are each pipeline's own"
    );
    assert_eq!(client.counters(), (3, Duration::from_secs(60)));
}

#[tokio::test]
async fn requests_to_one_host_keep_their_distance() {
    let server = serve(|_, _| json("[]")).await;
    let bench = bench();
    let client = bench.client.with_limits(Limits {
        host_interval: Duration::from_millis(250),
        ..quick()
    });
    for _ in 0..3 {
        client.fetch(&Request::get(server.url("/"))).await.unwrap();
    }
    assert_eq!(bench.clock.sleeps(), [Duration::from_millis(250); 2]);
    let bounded = bench_with(|options| options.longest_pause = Some(Duration::from_millis(1)));
    let client = bounded.client.with_limits(Limits {
        host_interval: Duration::from_secs(9),
        ..quick()
    });
    for _ in 0..2 {
        client.fetch(&Request::get(server.url("/"))).await.unwrap();
    }
    assert_eq!(bounded.clock.sleeps(), [Duration::from_millis(1)]);
}
