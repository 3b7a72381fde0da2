//! One request until its answer: tries, waits, redirects, and the body on its way to the spool.

use std::{borrow::Cow, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use jiff::Timestamp;
use klimalade_model::{Fault, Kind, Page, Result};
use reqwest::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use url::Url;

use crate::{
    Accept, Answer, Client, Error, Method, Request,
    classify::{verdict, with_wait},
    error::chain,
    rate::{between, later},
    redact::{Redactor, is_telling},
    spool::{HEAD_BYTES, Origin, Spool},
    target::{host_key, is_downgrade, is_same_host, wire_url, with_secret_query, without_params},
};

const MOST_REDIRECTS: usize = 5;
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// One request with all that its tries have in common.
pub(crate) struct Exchange<'a> {
    client: &'a Client,
    request: &'a Request,
    redactor: Cow<'a, Redactor>,
    /// As printed and stored.
    address: String,
    held: Option<&'a Page>,
}

/// Where one hop goes.
struct Hop {
    /// The address in the agency's own terms, secret parameters included while `at_home`.
    url: Url,
    /// Whether every hop so far stayed with the first host, so that credentials may be sent.
    at_home: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(client: &'a Client, request: &'a Request) -> Result<Self> {
        let known = &client.shared.redactor;
        if !request.url.username().is_empty() || request.url.password().is_some() {
            return Err(Error::Malformed {
                expected: "an address without user and password: a credential is a configured secret".to_owned(),
                found: known.url(&request.url),
            }
            .into());
        }
        let redactor = if request.secrets().all(|value| known.knows(value)) {
            Cow::Borrowed(known)
        } else {
            Cow::Owned(Redactor::new(known.values().chain(request.secrets()))?)
        };
        let public = without_params(&request.url, request.secret_query.iter().map(|(name, _)| name.as_str()));
        let address = match client.shared.options.redirect {
            Some(_) => redactor.path_and_query(&public),
            None => redactor.url(&public),
        };
        let held = match request.method {
            Method::Get => client.held(&address),
            Method::Post => None,
        };
        Ok(Self {
            client,
            request,
            redactor,
            address,
            held,
        })
    }

    /// Tries until there is an answer, a fault that no retry mends, or no try left.
    pub(crate) async fn run(&self) -> Result<Page> {
        let turn = self.request.dataset.as_deref().map(|dataset| {
            let host = host_key(&self.request.url);
            self.client.shared.rates.turn(&host, dataset)
        });
        // Held over all tries: while a dataset makes us wait, nobody else asks for it.
        let mut answered = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let attempts = self.client.limits.attempts.max(1);
        let mut delays = self.delays(attempts);
        let mut attempt = 1;
        loop {
            if let Some(answered) = &answered {
                self.wait_for_dataset(**answered).await;
            }
            let mut head_at = None;
            let outcome = self.attempt(&mut head_at).await;
            if let Some(answered) = &mut answered {
                **answered = head_at.or(**answered);
            }
            let fault = match outcome {
                Ok(page) => return Ok(page),
                Err(fault) => fault,
            };
            let place = format!("{} {}", self.method_name(), self.address);
            if fault.kind() != Kind::Transient {
                return Err(fault.at(place));
            }
            let longest = self.client.limits.longest_wait;
            if let Some(asked) = fault.wait_asked().filter(|asked| *asked > longest) {
                let because = fault.line();
                return Err(Fault::from(Error::AsksTooLong { asked, longest })
                    .because(because)
                    .at(place));
            }
            let Some(delay) = delays.next() else {
                return Err(fault.at(format!("try {attempt} of {attempts}")).at(place));
            };
            tracing::debug!(address = %self.address, attempt, fault = %fault.line(), "asked again");
            match fault.wait_asked() {
                Some(asked) => self.client.wait(asked).await,
                None => self.client.wait(delay).await,
            }
            attempt += 1;
        }
    }

    /// Delays before the tries after the first: 1, 2, 4 ... 60 s, each between half and whole by the injected chance.
    fn delays(&self, attempts: usize) -> impl Iterator<Item = Duration> + use<'_, 'a> {
        ExponentialBuilder::new()
            .with_min_delay(FIRST_DELAY)
            .with_max_delay(LONGEST_DELAY)
            .with_factor(2.0)
            .with_max_times(attempts - 1)
            .build()
            .map(|delay| {
                let share = 0.5 + 0.5 * self.client.shared.options.random.unit().clamp(0.0, 1.0);
                self.client.bounded(delay.mul_f64(share))
            })
    }

    async fn wait_for_dataset(&self, answered: Option<Timestamp>) {
        let Some(answered) = answered else { return };
        let interval = self.client.bounded(self.client.limits.dataset_interval);
        let pause = between(self.client.shared.options.clock.now(), later(answered, interval));
        self.client.wait(pause).await;
    }

    /// One try, redirects included. `head_at` becomes the moment when the last answer began, or when sending failed.
    async fn attempt(&self, head_at: &mut Option<Timestamp>) -> Result<Page> {
        let mut hop = Hop {
            url: with_secret_query(&self.request.url, self.request),
            at_home: true,
        };
        for _ in 0..=MOST_REDIRECTS {
            let wire = wire_url(&hop.url, self.client.shared.options.redirect.as_ref())?;
            let builder = self.build(wire, &hop)?;
            self.client.wait_for_host(&host_key(&hop.url)).await;
            self.client.count_request();
            let clock = &self.client.shared.options.clock;
            *head_at = Some(clock.now());
            let sent = builder.send().await;
            *head_at = Some(clock.now());
            let response = sent.map_err(|error| self.not_sent(error))?;
            match response.status() {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => hop = self.moved(&response, hop)?,
                StatusCode::NOT_MODIFIED => return self.not_modified(),
                _ => return self.receive(response).await,
            }
        }
        Err(Error::Moved {
            expected: format!("at most {MOST_REDIRECTS} redirects"),
            found: format!("one more, to {}", self.redactor.url(&hop.url)),
        }
        .into())
    }

    fn build(&self, wire: Url, hop: &Hop) -> Result<reqwest::RequestBuilder> {
        let mut builder = match self.request.method {
            Method::Get => self.client.shared.http.get(wire),
            Method::Post => self.client.shared.http.post(wire),
        };
        builder = builder
            .timeout(self.client.limits.timeout)
            .headers(self.headers(hop.at_home)?);
        if let Some(body) = &self.request.body {
            builder = builder.body(body.clone());
        }
        Ok(builder)
    }

    fn headers(&self, at_home: bool) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        if self.request.accept == Accept::Json {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, */*;q=0.8"));
        }
        if self.request.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.request.headers {
            if !at_home && is_telling(name) {
                continue;
            }
            let mut line = header_value(name, value)?;
            line.set_sensitive(is_telling(name));
            headers.insert(header_name(name)?, line);
        }
        for (name, value) in self.request.secret_headers.iter().filter(|_| at_home) {
            let mut line = header_value(name, value.expose())?;
            line.set_sensitive(true);
            headers.insert(header_name(name)?, line);
        }
        if let Some(held) = self.held {
            for (name, value) in [
                (header::IF_NONE_MATCH, &held.entry.etag),
                (header::IF_MODIFIED_SINCE, &held.entry.last_modified),
            ] {
                if let Some(value) = value.as_ref().and_then(|value| HeaderValue::from_str(value).ok()) {
                    headers.insert(name, value);
                }
            }
        }
        Ok(headers)
    }

    /// The next hop of a redirect, or why it may not be taken.
    fn moved(&self, response: &Response, from: Hop) -> Result<Hop, Error> {
        let status = response.status().as_u16();
        let moved = |expected: &str, found: String| Error::Moved {
            expected: expected.to_owned(),
            found,
        };
        let location = response
            .headers()
            .get(header::LOCATION)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let Some(location) = location else {
            return Err(moved(
                "a redirect with an address",
                format!("HTTP {status} without Location"),
            ));
        };
        let Ok(mut url) = from.url.join(&location) else {
            return Err(moved(
                "a redirect with an address",
                format!("HTTP {status} to {}", self.redactor.text(&location)),
            ));
        };
        let found = format!("HTTP {status} to {}", self.redactor.url(&url));
        if self.request.method == Method::Post {
            return Err(moved("an answer to POST; a redirect would lose its body", found));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(moved("an address of http or https", found));
        }
        if is_downgrade(&from.url, &url) {
            return Err(moved("https all the way", found));
        }
        let at_home = from.at_home && is_same_host(&self.request.url, &url);
        // The server's own user info is nobody's credential that we would send.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        if at_home {
            url = with_secret_query(&url, self.request);
        } else if self.redactor.finds_in(url.as_str()) {
            return Err(moved("our credential kept from other hosts", found));
        }
        Ok(Hop { url, at_home })
    }

    fn not_modified(&self) -> Result<Page> {
        match self.held {
            Some(page) => Ok(page.clone()),
            None => Err(Error::Rejected {
                status: 304,
                body: "nobody asked conditionally".to_owned(),
            }
            .into()),
        }
    }

    async fn receive(&self, response: Response) -> Result<Page> {
        let status = response.status();
        let content_type = header_text(&response, header::CONTENT_TYPE).unwrap_or_default();
        let retry_after = header_text(&response, header::RETRY_AFTER);
        let judge = |head: &[u8]| {
            let answer = Answer {
                status: status.as_u16(),
                content_type: &content_type,
                head,
            };
            let Request { accept, classify, .. } = self.request;
            verdict(&answer, *accept, *classify, &self.redactor, &self.secret_hint()).map_err(|fault| {
                with_wait(
                    fault,
                    retry_after.as_deref(),
                    head,
                    self.client.shared.options.clock.now(),
                )
            })
        };
        if !status.is_success() {
            let head = self.head_only(response).await;
            judge(&head)?;
            return Err(Error::Rejected {
                status: status.as_u16(),
                body: String::new(),
            }
            .into());
        }
        let cap = self.client.limits.page_bytes;
        // A length is only named for a body without content-encoding.
        if let Some(length) = response.content_length().filter(|length| *length > cap) {
            return Err(too_large(cap, format!("{length} bytes announced")).into());
        }
        let origin = Origin {
            address: self.address.clone(),
            retrieved_at: self.client.retrieved_now(),
            etag: header_text(&response, header::ETAG),
            last_modified: header_text(&response, header::LAST_MODIFIED),
        };
        let mut response = response;
        let mut spool = Spool::create(&self.client.shared.options.spool, &self.redactor).await?;
        let mut received = 0u64;
        let mut is_judged = false;
        while let Some(chunk) = self.chunk(&mut response).await? {
            self.client.count_bytes(chunk.len());
            received += chunk.len() as u64;
            if received > cap {
                return Err(too_large(cap, format!("{received} bytes and more to come")).into());
            }
            spool.write(&chunk).await?;
            if !is_judged && spool.head_is_full() {
                judge(spool.head())?;
                is_judged = true;
            }
        }
        spool.end().await?;
        if !is_judged {
            judge(spool.head())?;
        }
        Ok(spool.page(origin))
    }

    /// The next piece of a body, waited for as long as `Limits.idle`.
    async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, Error> {
        let idle = self.client.limits.idle;
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.broken(error)),
            Err(_) => Err(Error::Stalled { idle }),
        }
    }

    /// The start of an error's body, redacted; as much as came where it was cut.
    async fn head_only(&self, mut response: Response) -> Vec<u8> {
        let mut redaction = self.redactor.stream();
        let mut head = Vec::new();
        while head.len() < HEAD_BYTES {
            match self.chunk(&mut response).await {
                Ok(Some(chunk)) => {
                    self.client.count_bytes(chunk.len());
                    redaction.push(&chunk, &mut head);
                }
                Ok(None) => {
                    redaction.finish(&mut head);
                    break;
                }
                // What is held back might be half a secret: it stays unseen.
                Err(_) => break,
            }
        }
        head.truncate(HEAD_BYTES);
        head
    }

    fn not_sent(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let found = self.redactor.text(&chain(&error));
        if error.is_timeout() {
            return Error::Slow {
                limit: self.client.limits.timeout,
                found,
            };
        }
        if error.is_builder() {
            return Error::Malformed {
                expected: "an address of http or https".to_owned(),
                found,
            };
        }
        Error::Unreachable { found }
    }

    fn broken(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let found = self.redactor.text(&chain(&error));
        if error.is_timeout() {
            return Error::Slow {
                limit: self.client.limits.timeout,
                found,
            };
        }
        Error::Cut { found }
    }

    fn method_name(&self) -> &'static str {
        match self.request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }

    /// Which secret to look at when the server refuses.
    fn secret_hint(&self) -> String {
        let configured = &self.client.shared.options.secrets;
        let names: Vec<&str> = self
            .request
            .secrets()
            .filter_map(|value| configured.name_of(value))
            .collect();
        match names.as_slice() {
            [] if self.request.secrets().next().is_some() => {
                "set the secret that [source.auth] names anew in klimalade.toml or its environment variable".to_owned()
            }
            [] => "name a secret in [source] of pipeline.toml: this request carries no configured one".to_owned(),
            names => format!(
                "set {} anew in klimalade.toml or its environment variable",
                names.join(", ")
            ),
        }
    }
}

fn too_large(cap: u64, found: String) -> Error {
    Error::TooMuch {
        expected: format!("page_bytes of at most {cap}"),
        found,
    }
}

fn header_text(response: &Response, name: HeaderName) -> Option<String> {
    response
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    HeaderName::try_from(name).map_err(|_| Error::Malformed {
        expected: "a header name".to_owned(),
        found: format!("`{name}`"),
    })
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value).map_err(|_| Error::Malformed {
        expected: format!("a value of header {name} without line breaks and control characters"),
        found: format!("{} bytes that are none", value.len()),
    })
}
