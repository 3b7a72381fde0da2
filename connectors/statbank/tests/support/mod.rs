//! A small server with answers of the test's own, and a context to ask it.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::DataType,
};
use arrow_schema::{Field, Schema, SchemaRef};
use axum::{Router, body::Body, extract::Request, response::Response};
use futures::TryStreamExt;
use klimalade_connect::{
    CancellationToken, Client, Connector, Context, FROM_KEY, Fault, ID_KEY, Page, Part, Result, Secrets,
};
use klimalade_testkit::clock::{FixedRandom, TestClock};
use klimalade_transport::Options;
use url::Url;

/// One request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path, decoded as it came.
    pub(crate) path: String,
    /// Query, decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// Body.
    pub(crate) body: String,
}

/// Status, content type, body.
pub(crate) type Answer = (u16, &'static str, Vec<u8>);

/// A server on loopback until the test's runtime ends.
#[derive(Debug)]
pub(crate) struct Server {
    /// `http://127.0.0.1:<port>`.
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts one that answers the request of this number (from 0) with `answer`.
    pub(crate) async fn start(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        let app = Router::new().fallback(move |request: Request| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let url = Url::parse(&format!("http://server{}", request.uri())).unwrap();
                let query = url
                    .query_pairs()
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect();
                let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
                let asked = Asked {
                    path: url.path().to_owned(),
                    query,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(asked.clone());
                    seen.len() - 1
                };
                let (status, kind, body) = answer(number, &asked);
                Response::builder()
                    .status(status)
                    .header("content-type", kind)
                    .body(Body::from(body))
                    .unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { base, asked }
    }
    /// The requests so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A run at `now` and its clock.
pub(crate) fn context(now: &str, redirect: Option<BTreeMap<String, SocketAddr>>) -> (Context, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(now.parse().unwrap()));
    let client = Client::new(Options {
        clock: clock.clone(),
        random: Arc::new(FixedRandom(0.5)),
        secrets: Secrets::default(),
        spool: Path::new(env!("CARGO_TARGET_TMPDIR")).join("spool"),
        redirect,
        longest_pause: Some(Duration::ZERO),
    })
    .unwrap();
    (
        Context {
            client,
            clock: clock.clone(),
            secrets: Secrets::default(),
            cancel: CancellationToken::new(),
        },
        clock,
    )
}

/// Declared columns by name, source name and type; those of `ids` are the row's identity.
pub(crate) fn columns(columns: &[(&str, &str, DataType)], ids: &[&str]) -> SchemaRef {
    let fields = columns.iter().map(|(name, from, kind)| {
        let mut metadata = std::collections::HashMap::from([(FROM_KEY.to_owned(), (*from).to_owned())]);
        if ids.contains(name) {
            metadata.insert(ID_KEY.to_owned(), "true".to_owned());
        }
        Field::new(*name, kind.clone(), true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// All pages of a part.
pub(crate) async fn fetch(connector: &dyn Connector, part: &Part, cx: &Context) -> Result<Vec<Page>> {
    connector.fetch(part, cx).try_collect().await
}

/// All rows of a page as text, `null` for null; the fault where there is one.
pub(crate) fn decode(
    connector: &dyn Connector,
    part: &Part,
    page: &Page,
    columns: &SchemaRef,
) -> Result<Vec<Vec<String>>> {
    let reader = connector.decode(part, page, columns)?;
    assert_eq!(&reader.schema(), columns, "the reader has the declared columns");
    let mut rows = Vec::new();
    for batch in reader {
        let batch: RecordBatch = batch.map_err(|error| match error {
            arrow::error::ArrowError::ExternalError(source) => match source.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(other) => panic!("a reader's error is a Fault, not {other}"),
            },
            other => panic!("a reader's error is a Fault, not {other}"),
        })?;
        assert_eq!(&batch.schema(), columns, "a batch has the declared columns");
        let texts: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| arrow::compute::cast(column, &DataType::Utf8).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                texts
                    .iter()
                    .map(|column| {
                        if column.is_null(row) {
                            "null"
                        } else {
                            column.as_string::<i32>().value(row)
                        }
                        .to_owned()
                    })
                    .collect(),
            );
        }
    }
    Ok(rows)
}

/// A page of these bytes. `Page::from_bytes` names its file by address and content, so tests that run at the same time
/// need addresses of their own.
pub(crate) fn page(bytes: &[u8]) -> Page {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Page::from_bytes(&format!("/page/{number}"), bytes).unwrap()
}
