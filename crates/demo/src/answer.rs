use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use futures::StreamExt;
use serde_json::Value;
use tokio::sync::mpsc;

/// What a scripted fault asks an agency itself to do; all other faults are done in front of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Nothing.
    #[default]
    None,
    /// One row fewer than there is.
    PageShort,
    /// Every page is the first one.
    EndlessNext,
}

/// One request as an agency sees it: without the host in front of the path.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Percent-decoded, begins with `/`.
    pub(crate) path: String,
    /// As it came, still encoded, without `?`.
    pub(crate) raw_query: String,
    /// Decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) twist: Twist,
}

impl Asked {
    /// A query parameter, by name without regard to case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
    /// The path in segments, without empty ones.
    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }
}

/// The body of an answer.
pub(crate) enum Content {
    /// With Content-Length.
    Whole(Vec<u8>),
    /// Chunked, made while it is sent: a month of hours is tens of megabytes.
    Pieces(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

/// One answer of an agency.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) content: Content,
}

impl Answer {
    /// An answer with this content type.
    pub(crate) fn new(status: u16, content_type: &str, content: Content) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            content,
        }
    }
    /// A JSON answer with this content type.
    pub(crate) fn json_as(status: u16, content_type: &str, value: &Value) -> Self {
        Self::new(status, content_type, Content::Whole(value.to_string().into_bytes()))
    }
    /// A JSON answer.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::json_as(status, "application/json; charset=utf-8", value)
    }
    /// A short text.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(
            status,
            "text/plain; charset=utf-8",
            Content::Whole(text.into().into_bytes()),
        )
    }
    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    /// Turns it into what the server sends. `cut` promises all and sends half.
    pub(crate) fn into_response(self, cut: bool) -> Response {
        let mut response = match self.content {
            content if cut => half(content),
            Content::Whole(bytes) => Response::new(Body::from(bytes)),
            Content::Pieces(pieces) => Response::new(pour(pieces)),
        };
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// Runs the iterator on a blocking thread, never more than a few pieces ahead of the client.
fn pour(pieces: Box<dyn Iterator<Item = Vec<u8>> + Send>) -> Body {
    let (sender, receiver) = mpsc::channel::<Vec<u8>>(4);
    tokio::task::spawn_blocking(move || {
        for piece in pieces {
            if sender.blocking_send(piece).is_err() {
                return; // the client hung up
            }
        }
    });
    let stream = futures::stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(piece)), receiver))
    });
    Body::from_stream(stream)
}

fn half(content: Content) -> Response {
    let whole = match content {
        Content::Whole(bytes) => bytes,
        Content::Pieces(pieces) => pieces.flatten().collect(),
    };
    let length = whole.len();
    let first = whole[..length / 2].to_vec();
    let sent = futures::stream::iter([Ok(Bytes::from(first))]);
    let broken = futures::stream::once(async {
        // The first half has to leave the house before the connection breaks, or the client sees no answer at all.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    let mut response = Response::new(Body::from_stream(sent.chain(broken)));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
