//! A small server with answers of the test's own, and a context to ask it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use arrow::record_batch::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use axum::{Router, extract::Request, response::Response};
use futures::TryStreamExt;
use klimalade_connect::{
    CancellationToken, Client, Clock, Connector, Context, FROM_KEY, Fault, ID_KEY, Page, Part, Secrets,
};
use klimalade_testkit::clock::{FixedRandom, TestClock};
use klimalade_transport::{Options, Secret};

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path.
    pub(crate) path: String,
    /// Query as it came.
    pub(crate) raw_query: String,
    /// Query, decoded.
    pub(crate) query: BTreeMap<String, String>,
    /// Headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
}

impl Asked {
    /// A number in the query.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name).and_then(|value| value.parse().ok())
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers besides.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Body.
    pub(crate) body: Vec<u8>,
}

/// HTTP 200 with JSON.
pub(crate) fn json(body: impl Into<String>) -> Answer {
    status(200, body)
}

/// A status with JSON.
pub(crate) fn status(status: u16, body: impl Into<String>) -> Answer {
    Answer {
        status,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.into().into_bytes(),
    }
}

/// A server on loopback; it stops when this is dropped.
pub(crate) struct Server {
    /// `http://127.0.0.1:<port>`.
    pub(crate) base: String,
    requests: Arc<Mutex<Vec<Asked>>>,
    stop: CancellationToken,
}

impl Server {
    /// Starts one that answers with `answer`.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let requests: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let app = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let raw_query = request.uri().query().unwrap_or_default().to_owned();
                let asked = Asked {
                    path: request.uri().path().to_owned(),
                    query: url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
                    raw_query,
                    headers: request
                        .headers()
                        .iter()
                        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                        .collect(),
                };
                let given = answer(&asked);
                seen.lock().unwrap().push(asked);
                let mut response = Response::builder().status(given.status);
                for (name, value) in given.headers {
                    response = response.header(name, value);
                }
                response.body(axum::body::Body::from(given.body)).unwrap()
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
    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A context at `now`, with these secrets. Pages remove their spool files when they go.
pub(crate) fn context(now: &str, secrets: &[(&str, &str)]) -> Context {
    redirected(now, secrets, None)
}

/// The same, with every request going to simulated agencies.
pub(crate) fn redirected(
    now: &str,
    secrets: &[(&str, &str)],
    redirect: Option<BTreeMap<String, SocketAddr>>,
) -> Context {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at(now.parse().unwrap()));
    let mut kept = Secrets::default();
    for (name, value) in secrets {
        kept.insert(*name, Secret::new(*value));
    }
    let client = Client::new(Options {
        clock: Arc::clone(&clock),
        random: Arc::new(FixedRandom(0.5)),
        secrets: kept.clone(),
        spool: env!("CARGO_TARGET_TMPDIR").into(),
        redirect,
        longest_pause: Some(Duration::ZERO),
    })
    .unwrap();
    Context {
        client,
        clock,
        secrets: kept,
        cancel: CancellationToken::new(),
    }
}

/// Columns by name, source name and type; all may be null.
pub(crate) fn columns(columns: &[(&str, &str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(
        columns
            .iter()
            .map(|(name, from, kind)| {
                Field::new(*name, kind.clone(), true).with_metadata([(FROM_KEY.to_owned(), (*from).to_owned())].into())
            })
            .collect::<Vec<_>>(),
    ))
}

/// The same columns, with those of these names as the row's identity.
pub(crate) fn identified(columns: &SchemaRef, ids: &[&str]) -> SchemaRef {
    let fields = columns.fields().iter().map(|field| {
        let mut metadata = field.metadata().clone();
        if ids.contains(&field.name().as_str()) {
            metadata.insert(ID_KEY.to_owned(), "true".to_owned());
        }
        field.as_ref().clone().with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// All pages of a part.
pub(crate) async fn fetch(connector: &dyn Connector, part: &Part, cx: &Context) -> Result<Vec<Page>, Fault> {
    connector.fetch(part, cx).try_collect().await
}

/// All rows of a page.
pub(crate) fn decode(
    connector: &dyn Connector,
    part: &Part,
    page: &Page,
    columns: &SchemaRef,
) -> Result<Vec<RecordBatch>, String> {
    let reader = connector
        .decode(part, page, columns)
        .map_err(|fault| fault.to_string())?;
    assert_eq!(&reader.schema(), columns, "the reader has the declared columns");
    reader.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Every value of one column as text; null is `None`.
pub(crate) fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let mut found = Vec::new();
    for batch in batches {
        let values = arrow::compute::cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
        let values = values.as_any().downcast_ref::<arrow::array::StringArray>().unwrap();
        found.extend(values.iter().map(|value| value.map(str::to_owned)));
    }
    found
}
