use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

use klimalade_model::Fault;

use crate::{Secret, Secrets, redact::is_telling, redact_url};

/// HTTP method; the harvester only reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST with a JSON body, where an agency reads its query from it. Never follows a redirect.
    Post,
}

/// What the body must look like; anything else (an HTML page, an XML exception) is a Source fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Begins with `{` or `[` after white space and BOM. Sends `Accept: application/json` first.
    Json,
    /// Anything but HTML, XML or JSON.
    Csv,
    /// Anything.
    #[default]
    Any,
}

/// Status, content type and the first bytes of an answer: what classification may look at. Configured secrets are
/// already `REDACTED` in it, so a fault may quote it.
#[derive(Debug)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// Content-Type as served.
    pub content_type: &'a str,
    /// The first 64 KiB of the body after content-decoding, without a byte order mark.
    pub head: &'a [u8],
}

/// A protocol's own reading of an answer, asked before the common one and with any status: `Some` is an error that
/// may have come with HTTP 200. A Transient fault without a wait of its own gets the one of Retry-After, else the one
/// that the body names ("Try again in 210 seconds").
pub type Classify = fn(&Answer<'_>) -> Option<Fault>;

/// One request. `secret_*` never show in an address that is printed or stored.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Address without secrets; one with a user or a password is refused.
    pub url: Url,
    /// Plain headers.
    pub headers: Vec<(String, String)>,
    /// Headers that carry a credential; not sent to another host after a redirect.
    pub secret_headers: Vec<(String, Secret)>,
    /// Query parameters that carry a credential.
    pub secret_query: Vec<(String, Secret)>,
    /// JSON body of a POST.
    pub body: Option<String>,
    /// Name under which the per-dataset rate limit counts.
    pub dataset: Option<String>,
    /// What the body must look like.
    pub accept: Accept,
    /// The protocol's own error bodies.
    pub classify: Option<Classify>,
}

impl Request {
    /// GET `url`.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: Vec::new(),
            secret_headers: Vec::new(),
            secret_query: Vec::new(),
            body: None,
            dataset: None,
            accept: Accept::Any,
            classify: None,
        }
    }
    /// POST `body` (JSON) to `url`.
    pub fn post(url: Url, body: String) -> Self {
        Self {
            method: Method::Post,
            body: Some(body),
            ..Self::get(url)
        }
    }
    /// Sets the dataset of the rate limit.
    #[must_use]
    pub fn dataset(mut self, dataset: impl Into<String>) -> Self {
        self.dataset = Some(dataset.into());
        self
    }
    /// Sets what the body must look like.
    #[must_use]
    pub fn accept(mut self, accept: Accept) -> Self {
        self.accept = accept;
        self
    }
    /// Sets the protocol's own classification.
    #[must_use]
    pub fn classify(mut self, classify: Classify) -> Self {
        self.classify = Some(classify);
        self
    }
    /// Adds a plain header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
    /// Adds a header that carries a credential.
    #[must_use]
    pub fn secret_header(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.secret_headers.push((name.into(), value));
        self
    }
    /// Adds a query parameter that carries a credential; one of the same name in `url` is replaced.
    #[must_use]
    pub fn secret_query(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.secret_query.push((name.into(), value));
        self
    }
    /// Adds `Authorization: Bearer <token>` (RFC 6750).
    #[must_use]
    pub fn bearer(self, token: &Secret) -> Self {
        self.secret_header("authorization", Secret::new(format!("Bearer {}", token.expose())))
    }
    /// Adds `Authorization: Basic` with this user and password (RFC 7617).
    #[must_use]
    pub fn basic(self, user: &str, password: &Secret) -> Self {
        let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
        self.secret_header("authorization", Secret::new(format!("Basic {pair}")))
    }
    /// All credentials of this request.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.secret_headers
            .iter()
            .chain(&self.secret_query)
            .map(|(_, value)| value)
    }
}

/// Without credentials, and with the body's size for the body: a request may be printed.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut own = Secrets::default();
        for (at, value) in self.secrets().enumerate() {
            own.insert(at.to_string(), value.clone());
        }
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str(),
                    if is_telling(name) { "REDACTED" } else { value.as_str() },
                )
            })
            .collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &redact_url(&self.url, &own))
            .field("headers", &headers)
            .field("secret_headers", &self.secret_headers)
            .field("secret_query", &self.secret_query)
            .field("body_bytes", &self.body.as_ref().map(String::len))
            .field("dataset", &self.dataset)
            .field("accept", &self.accept)
            .field("classify", &self.classify.is_some())
            .finish()
    }
}
