//! What the tests of a connector lean on: a server with answers of the test's own, a context to ask it, declared
//! columns, and rows as text. Called from tests only: what cannot be had is a panic, and so a failed test.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    compute::cast,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use axum::{Router, body::Body, extract::Request, response::Response};
use futures::TryStreamExt;
use klimalade_connect::{
    CancellationToken, Client, Connector, Context, FROM_KEY, ID_KEY, Page, Part, Result, Schemas, Secrets,
};
use klimalade_transport::{Options, Secret};
use url::form_urlencoded;

use crate::{
    clock::{FixedRandom, TestClock},
    contract::decode_all,
};

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which one it is, from 0.
    pub at: usize,
    /// Path as sent.
    pub path: String,
    /// Query as it came.
    pub raw_query: String,
    /// Query, decoded.
    pub query: BTreeMap<String, String>,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: String,
}

impl Asked {
    /// A number in the query.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name).and_then(|value| value.parse().ok())
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A status with a body of this content type.
pub fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", content_type.to_owned())],
        body: body.into(),
    }
}

/// HTTP 200 with JSON.
pub fn json(body: impl Into<Vec<u8>>) -> Answer {
    status(200, body)
}

/// A status with JSON.
pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    answer(status, "application/json", body)
}

/// A server on loopback that answers as the test's function says; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:<port>`.
    pub base: String,
    requests: Arc<Mutex<Vec<Asked>>>,
    stop: CancellationToken,
}

impl Server {
    /// Starts one that answers with `answer`.
    pub async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let requests: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let asked = take_in(&seen, request).await;
                let given = answer(&asked);
                let mut response = Response::builder().status(given.status);
                for (name, value) in given.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(given.body)).unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            axum::serve(listener, app)
                .with_graceful_shutdown(stopped.cancelled_owned())
                .await
        });
        Self { base, requests, stop }
    }
    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<Asked> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take_in(seen: &Mutex<Vec<Asked>>, request: Request) -> Asked {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let asked = Asked {
        at: seen.len(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
        raw_query,
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: text(&body),
    };
    seen.push(asked.clone());
    asked
}

/// A context at `now`, with these secrets. Pages remove their spool files when they go.
pub fn context(now: &str, secrets: &[(&str, &str)]) -> Context {
    clocked(now, secrets, None).0
}

/// The same, with every request going to simulated agencies.
pub fn redirected(now: &str, hosts: BTreeMap<String, SocketAddr>) -> Context {
    clocked(now, &[], Some(hosts)).0
}

/// The same with its clock, to see what was waited for.
pub fn clocked(
    now: &str,
    secrets: &[(&str, &str)],
    redirect: Option<BTreeMap<String, SocketAddr>>,
) -> (Context, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(now.parse().unwrap()));
    let mut kept = Secrets::default();
    for (name, value) in secrets {
        kept.insert(*name, Secret::new(*value));
    }
    let client = Client::new(Options {
        clock: clock.clone(),
        random: Arc::new(FixedRandom(0.5)),
        secrets: kept.clone(),
        spool: std::env::temp_dir().join("klimalade-bench"),
        redirect,
        redirect_folders: std::collections::BTreeMap::new(),
        longest_pause: Some(Duration::ZERO),
    })
    .unwrap();
    let context = Context {
        client,
        clock: clock.clone(),
        secrets: kept,
        schemas: Arc::new(Schemas::embedded().unwrap()),
        cancel: CancellationToken::new(),
    };
    (context, clock)
}

/// Columns by name, source name and type; all may be null.
pub fn columns(columns: &[(&str, &str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, from, kind)| {
        let metadata = HashMap::from([(FROM_KEY.to_owned(), (*from).to_owned())]);
        Field::new(*name, kind.clone(), true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The same columns, with those of these names as the row's identity.
pub fn identified(columns: &SchemaRef, ids: &[&str]) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| {
        let mut metadata = field.metadata().clone();
        if ids.contains(&field.name().as_str()) {
            metadata.insert(ID_KEY.to_owned(), "true".to_owned());
        }
        field.as_ref().clone().with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A page of these bytes at an address of its own.
pub fn page(bytes: &[u8]) -> Page {
    Page::from_bytes("/page", bytes).unwrap()
}

/// All pages of a part.
pub async fn fetch(connector: &dyn Connector, part: &Part, cx: &Context) -> Result<Vec<Page>> {
    connector.fetch(part, cx).try_collect().await
}

/// Every value of one column as text; null is `None`.
pub fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for batch in batches {
        let values = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
        found.extend(values.as_string::<i32>().iter().map(|value| value.map(str::to_owned)));
    }
    found
}

/// All rows of a page as text, `null` for null.
pub fn rows(connector: &dyn Connector, part: &Part, page: &Page, columns: &SchemaRef) -> Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for batch in decode_all(connector, part, page, columns)? {
        let texts: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells = texts.iter().map(|column| match column.is_valid(row) {
                true => column.as_string::<i32>().value(row).to_owned(),
                false => "null".to_owned(),
            });
            rows.push(cells.collect());
        }
    }
    Ok(rows)
}
