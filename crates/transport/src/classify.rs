//! What an answer is: the protocol's own reading first, then the status, then the shape of the body.

use std::time::Duration;

use jiff::Timestamp;
use klimalade_model::{Fault, Kind, Result};

use crate::{Accept, Answer, Classify, Error, rate::between, redact::Redactor};

/// Longest quotation of a body in an error, in characters.
const QUOTED_CHARS: usize = 300;

/// Says whether `answer` is the one that was asked for. Body first: the protocol's `classify` sees every status,
/// since agencies send errors with HTTP 200 and readable texts with 4xx. The shape is judged with a good status
/// only: an HTML page with 503 is a server at rest, not a source that changed its mind.
pub(crate) fn verdict(
    answer: &Answer<'_>,
    accept: Accept,
    classify: Option<Classify>,
    redactor: &Redactor,
    hint: &str,
) -> Result<()> {
    let answer = Answer {
        head: without_bom(answer.head),
        ..*answer
    };
    if let Some(fault) = classify.and_then(|classify| classify(&answer)) {
        return Err(fault);
    }
    let status = answer.status;
    if (200..300).contains(&status) {
        return Ok(shape(answer.head, accept, redactor)?);
    }
    let body = quoted(answer.head, redactor);
    Err(match status {
        500..=599 | 408 | 425 | 429 => Error::Busy { status, body },
        401 | 403 | 407 => Error::Refused {
            status,
            body,
            hint: hint.to_owned(),
        },
        404 | 410 => Error::Gone {
            found: format!("HTTP {status}: {body}"),
        },
        _ => Error::Rejected { status, body },
    }
    .into())
}

/// A Transient `fault` with the wait that the server asks for: the fault's own, else Retry-After, else the one that
/// the body names. A wait of nothing is none: our own delays apply.
pub(crate) fn with_wait(fault: Fault, retry_after: Option<&str>, head: &[u8], now: Timestamp) -> Fault {
    if fault.kind() != Kind::Transient || fault.wait_asked().is_some() {
        return fault;
    }
    let asked = retry_after
        .and_then(|text| wait_in_header(text, now))
        .or_else(|| wait_in_message(head));
    match asked {
        Some(wait) if !wait.is_zero() => fault.wait(wait),
        _ => fault,
    }
}

/// Retry-After: seconds, or an HTTP date (RFC 9110, 10.2.3).
fn wait_in_header(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(between(now, Timestamp::try_from(date).ok()?))
}

/// Energi Data Service: `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 210 seconds."}`
/// (2026-09-23), at times without Retry-After.
fn wait_in_message(head: &[u8]) -> Option<Duration> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    for phrase in ["again in ", "again after ", "retry in ", "retry after "] {
        let Some(at) = text.find(phrase) else { continue };
        let rest = text[at + phrase.len()..].trim_start();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let Ok(number) = rest[..digits].parse::<u64>() else {
            continue;
        };
        let unit = rest[digits..].trim_start();
        let seconds = match unit {
            _ if unit.starts_with("sec") || unit.starts_with('s') => number,
            _ if unit.starts_with("min") => number.saturating_mul(60),
            _ if unit.starts_with("hour") => number.saturating_mul(3600),
            _ => continue,
        };
        return Some(Duration::from_secs(seconds));
    }
    None
}

fn shape(head: &[u8], accept: Accept, redactor: &Redactor) -> Result<(), Error> {
    let expected = match accept {
        Accept::Any => return Ok(()),
        Accept::Json => "JSON",
        Accept::Csv => "CSV",
    };
    let text = head.trim_ascii_start();
    let found = match text {
        [] => "nothing".to_owned(),
        [b'<', ..] if is_html(text) => format!("an HTML page: {}", quoted(text, redactor)),
        [b'<', b'?' | b'!' | b'A'..=b'Z' | b'a'..=b'z', ..] => format!("XML: {}", quoted(text, redactor)),
        // An error that was caught too late to become another status: a header line would swallow it.
        _ if accept == Accept::Csv && begins_json(text) => format!("JSON: {}", quoted(text, redactor)),
        _ if accept == Accept::Csv => return Ok(()),
        [b'{' | b'[', ..] => return Ok(()),
        _ => quoted(text, redactor),
    };
    Err(Error::WrongBody {
        expected: expected.to_owned(),
        found,
    })
}

/// An object, or an array of objects, arrays or texts. `[Kommune];[År]` is a header line.
fn begins_json(text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else {
        return false;
    };
    match (first, rest.trim_ascii_start().first()) {
        (b'{', next) => matches!(next, None | Some(b'"' | b'}')),
        (b'[', next) => matches!(next, None | Some(b'{' | b'[' | b'"' | b']')),
        _ => false,
    }
}

fn is_html(text: &[u8]) -> bool {
    let start = text[..text.len().min(1024)].to_ascii_lowercase();
    let contains = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    contains(b"<!doctype html") || contains(b"<html") || contains(b"<head")
}

/// Bytes after a UTF-8 byte order mark: StatBank writes one before CSV, other servers before JSON.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The start of a body in one line, redacted.
fn quoted(head: &[u8], redactor: &Redactor) -> String {
    let text = String::from_utf8_lossy(head);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = redactor.text(&line);
    if line.chars().count() <= QUOTED_CHARS {
        return line;
    }
    line.chars().take(QUOTED_CHARS).chain(" ...".chars()).collect()
}
