//! Recorded answers over real HTTP on loopback: for tests, and for trying a pipeline against its own recorded answers.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use klimalade_model::{Fault, Result};
use tokio::{net::TcpListener, task::JoinHandle};

/// The largest request body that is kept, in bytes; agencies' queries are a few kilobytes.
const LARGEST_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// One answer as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers in order. `content-length`, `transfer-encoding` and `connection` are the server's own and are left out,
    /// whatever stands here: recorded bodies are stored after content-decoding, so the recorded length may be another.
    pub headers: Vec<(String, String)>,
    /// Body, sent to the byte.
    pub body: Vec<u8>,
}

impl RecordedAnswer {
    /// Status 200 with this content type.
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }
    /// Status 200, `application/json`.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::ok("application/json; charset=utf-8", body)
    }
    /// Another status, without headers.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn response(&self) -> Result<Response<Body>> {
        let unfit = |what: &str, found: &str| Fault::settings(what.to_owned()).found(found.to_owned());
        let status = StatusCode::from_u16(self.status)
            .map_err(|_| unfit("a recorded status is no HTTP status", &self.status.to_string()))?;
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = status;
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).map_err(|_| unfit("a recorded header has no valid name", name))?;
            if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(&name) {
                continue;
            }
            let value = HeaderValue::try_from(value)
                .map_err(|_| unfit("a recorded header has no valid value", name.as_str()))?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path as sent (percent-encoded).
    pub path: String,
    /// Query as sent, without `?`; empty when there is none.
    pub query: String,
    /// Headers, names in lower case; bytes that are no text are replaced.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl RecordedRequest {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
struct Tape {
    answers: VecDeque<RecordedAnswer>,
    requests: Vec<RecordedRequest>,
    unanswered: usize,
}

type Shared = Arc<Mutex<Tape>>;

/// A server on 127.0.0.1 that gives its answers in the order of requests, whatever is asked, and keeps the requests.
/// A request after the last answer gets 404 and is counted. The server ends when this is dropped.
#[derive(Debug)]
pub struct Recorded {
    address: SocketAddr,
    tape: Shared,
    server: JoinHandle<()>,
}

impl Recorded {
    /// Starts the server on a free port. Errors: Settings, for an answer that HTTP cannot carry; Transient, when no
    /// port can be had.
    pub async fn start(answers: Vec<RecordedAnswer>) -> Result<Self> {
        for (number, answer) in answers.iter().enumerate() {
            answer
                .response()
                .map_err(|fault| fault.at(format!("answer {}", number + 1)))?;
        }
        let no_port = |error: std::io::Error| Fault::transient("no port on 127.0.0.1").because(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let tape: Shared = Arc::new(Mutex::new(Tape {
            answers: answers.into(),
            requests: Vec::new(),
            unanswered: 0,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&tape));
        let server = tokio::spawn(async move {
            // Ends with the task; an error of the listener shows as a refused connection.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, tape, server })
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
    /// Adds an answer behind those that are left, for answers that must name the server's own address.
    pub fn push(&self, answer: RecordedAnswer) -> Result<()> {
        answer.response()?;
        lock(&self.tape).answers.push_back(answer);
        Ok(())
    }
    /// The requests so far, in order, unanswered ones included.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.tape).requests.clone()
    }
    /// Answers that nobody asked for yet.
    pub fn left(&self) -> usize {
        lock(&self.tape).answers.len()
    }
    /// Requests that came after the last answer.
    pub fn unanswered(&self) -> usize {
        lock(&self.tape).unanswered
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(tape: &Shared) -> MutexGuard<'_, Tape> {
    tape.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(tape): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_REQUEST_BYTES)
        .await
        .map(|bytes| bytes.to_vec())
        .unwrap_or_default();
    let request = RecordedRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body,
    };
    let answer = {
        let mut tape = lock(&tape);
        tape.requests.push(request);
        let answer = tape.answers.pop_front();
        if answer.is_none() {
            tape.unanswered += 1;
        }
        answer
    };
    // 404: a client must not retry it, as it would a 5xx.
    let answer = answer.unwrap_or_else(|| RecordedAnswer::status(404, "no recorded answer is left"));
    answer.response().unwrap_or_else(|fault| {
        let mut response = Response::new(Body::from(fault.line()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// One request by hand, so that this crate needs no HTTP client of its own.
    async fn ask(server: &Recorded, request: &str) -> String {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-api-key: abc\r\nconnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_requests_and_to_the_byte() {
        let server = Recorded::start(vec![
            RecordedAnswer::json(r#"{"sted":"Århus"}"#).header("content-length", "3"),
            RecordedAnswer::status(429, "wait").header("retry-after", "210"),
        ])
        .await
        .unwrap();
        let first = ask(&server, &get("/dataset/A?start=2023&x=%C3%A6")).await;
        assert!(
            first.starts_with("HTTP/1.1 200 OK\r\n") && first.ends_with(r#"{"sted":"Århus"}"#),
            "{first}"
        );
        let second = ask(&server, &get("/b")).await;
        assert!(
            second.starts_with("HTTP/1.1 429 ") && second.contains("retry-after: 210"),
            "{second}"
        );
        assert_eq!(server.left(), 0);
    }

    #[tokio::test]
    async fn requests_are_kept_with_query_headers_and_body() {
        let server = Recorded::start(vec![RecordedAnswer::json("{}"), RecordedAnswer::json("{}")])
            .await
            .unwrap();
        ask(&server, &get("/dataset/A?start=2023&x=%C3%A6")).await;
        let body = r#"{"table":"BIL54"}"#;
        let post = format!(
            "POST /v1/data HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        ask(&server, &post).await;
        let requests = server.requests();
        assert_eq!(requests[0].method, "GET");
        assert_eq!(
            (requests[0].path.as_str(), requests[0].query.as_str()),
            ("/dataset/A", "start=2023&x=%C3%A6")
        );
        assert_eq!(requests[0].header("x-api-key"), Some("abc"));
        assert_eq!(
            (requests[1].method.as_str(), requests[1].body.as_slice()),
            ("POST", body.as_bytes())
        );
    }

    #[tokio::test]
    async fn a_request_after_the_last_answer_gets_404_and_is_counted() {
        let server = Recorded::start(vec![]).await.unwrap();
        assert!(ask(&server, &get("/")).await.starts_with("HTTP/1.1 404 "));
        assert_eq!((server.unanswered(), server.requests().len()), (1, 1));
    }

    #[tokio::test]
    async fn an_answer_that_http_cannot_carry_is_refused_at_the_start() {
        let answer = RecordedAnswer::json("{}").header("x\ny", "1");
        let fault = Recorded::start(vec![RecordedAnswer::json("{}"), answer])
            .await
            .unwrap_err();
        assert_eq!(fault.places(), ["answer 2"]);
    }
}
