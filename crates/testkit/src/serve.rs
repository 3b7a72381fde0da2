//! Recorded answers over real HTTP on loopback.
use std::net::SocketAddr;

use klimalade_model::{Fault, Result};

/// One answer as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers in order; a `content-length` is set by the server, whatever stands here.
    pub headers: Vec<(String, String)>,
    /// Body, sent to the byte.
    pub body: Vec<u8>,
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
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A server on 127.0.0.1 that gives its answers in the order of requests.
#[derive(Debug)]
pub struct Recorded {
    address: SocketAddr,
}

impl Recorded {
    /// Starts the server. Errors: Transient when no port can be had.
    pub async fn start(answers: Vec<RecordedAnswer>) -> Result<Self> {
        let _ = answers;
        Err(Fault::bug("not built yet"))
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        Vec::new()
    }
}
