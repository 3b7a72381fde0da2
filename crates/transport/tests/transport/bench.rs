use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::HeaderMap,
    response::Response,
};
use jiff::{SignedDuration, Timestamp};
use klimalade_transport::{Client, Clock, Limits, Options, Random, Secret, Secrets};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use url::Url;

/// 2026-11-23T12:00:00Z, a Monday.
pub(crate) fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A clock that moves by what is slept, at once.
#[derive(Debug)]
pub(crate) struct TestClock {
    now: Mutex<Timestamp>,
    sleeps: Mutex<Vec<Duration>>,
}

impl TestClock {
    pub(crate) fn sleeps(&self) -> Vec<Duration> {
        self.sleeps.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
    async fn sleep(&self, duration: Duration) {
        *self.now.lock().unwrap() += SignedDuration::try_from(duration).unwrap();
        self.sleeps.lock().unwrap().push(duration);
        tokio::task::yield_now().await;
    }
}

#[derive(Debug)]
struct Always(f64);
impl Random for Always {
    fn unit(&self) -> f64 {
        self.0
    }
}

pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) spool: TempDir,
}

impl Bench {
    pub(crate) fn spooled_files(&self) -> usize {
        std::fs::read_dir(self.spool.path()).unwrap().count()
    }
}

/// No pauses between requests, whole delays before retries.
pub(crate) fn quick() -> Limits {
    Limits {
        host_interval: Duration::ZERO,
        timeout: Duration::from_secs(20),
        ..Limits::default()
    }
}

pub(crate) fn bench() -> Bench {
    bench_with(|_| {})
}

pub(crate) fn bench_with(change: impl FnOnce(&mut Options)) -> Bench {
    let clock = Arc::new(TestClock {
        now: Mutex::new(noon()),
        sleeps: Mutex::default(),
    });
    let spool = TempDir::new().unwrap();
    let mut options = Options {
        clock: clock.clone(),
        random: Arc::new(Always(1.0)),
        secrets: Secrets::default(),
        spool: spool.path().to_owned(),
        redirect: None,
        redirect_folders: std::collections::BTreeMap::new(),
        longest_pause: None,
    };
    change(&mut options);
    Bench {
        client: Client::new(options).unwrap().with_limits(quick()),
        clock,
        spool,
    }
}

pub(crate) fn bench_with_secrets(secrets: &[(&str, &str)]) -> Bench {
    bench_with(|options| {
        for (name, value) in secrets {
            options.secrets.insert(*name, Secret::new(*value));
        }
    })
}

/// What a server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let url = Url::parse(&format!("http://x{}", self.uri)).unwrap();
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.parse().unwrap())
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn url(&self, path_and_query: &str) -> Url {
        Url::parse(&format!("http://{}{path_and_query}", self.address)).unwrap()
    }
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Answers the n-th request (from 0) with what `answer` makes of it.
pub(crate) async fn serve(answer: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (record, answer) = (seen.clone(), Arc::new(answer));
    let app = Router::new().fallback(move |request: axum::extract::Request| {
        let (record, answer) = (record.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
            let request = Seen {
                method: head.method.to_string(),
                uri: head.uri.to_string(),
                headers: head.headers,
                body,
            };
            let number = {
                let mut record = record.lock().unwrap();
                record.push(request.clone());
                record.len() - 1
            };
            answer(number, &request)
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { address, seen }
}

/// Answers every connection with these bytes, piece by piece, and closes it.
pub(crate) async fn serve_raw(pieces: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                let mut buffer = [0; 1024];
                match socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => head.extend_from_slice(&buffer[..count]),
                }
            }
            for piece in &pieces {
                let _ = socket.write_all(piece).await;
                let _ = socket.flush().await;
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            let _ = socket.shutdown().await;
        }
    });
    address
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).unwrap()
}

pub(crate) fn json(body: impl Into<String>) -> Response {
    reply(200, &[("content-type", "application/json")], body.into())
}
