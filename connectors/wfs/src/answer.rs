//! What an answer is: an error report with whatever status, or an HTML page where the service was.

use klimalade_connect::Fault;
use klimalade_format::gml::{Exception, exception};
use klimalade_transport::Answer;

/// Codes of OWS 1.0 and 1.1 and of WFS for a request that will be refused tomorrow too.
const OURS: [&str; 8] = [
    "InvalidParameterValue",
    "MissingParameterValue",
    "OperationNotSupported",
    "OptionNotSupported",
    "OperationParsingFailed",
    "VersionNegotiationFailed",
    "RequestNotWellFormed",
    "LayerNotDefined",
];

/// An error report comes with 200, 400 and others; 429 and 5xx stay with the common reading: they may pass. But a
/// server without an order of its own says so with 500 too, and will say it again.
pub(crate) fn refused(answer: &Answer<'_>) -> Option<Fault> {
    let may_pass = answer.status == 429 || answer.status >= 500;
    if let Some(report) = exception(answer.head) {
        return reported(&report, answer.status, may_pass);
    }
    if (200..300).contains(&answer.status) && is_html(answer.head) {
        return Some(
            Fault::source("the service answers with a web page: it may have moved or been closed")
                .found(first_words(answer.head))
                .hint("look for the service's new address, base_url in [source]"),
        );
    }
    None
}

fn reported(report: &Exception, status: u16, may_pass: bool) -> Option<Fault> {
    let Exception { code, text } = report;
    let what = format!("the server refused the request: {}", shortened(text));
    let found = format!("HTTP {status}, {}", if code.is_empty() { "no code" } else { code });
    if text.contains("natural order") {
        return Some(
            Fault::settings(what)
                .at("[source] sort_by")
                .found(found)
                .hint("sort_by = \"<a unique property of the type>\""),
        );
    }
    if may_pass {
        return None;
    }
    if matches!(status, 401 | 403) {
        return Some(Fault::settings(what).at("[source.auth]").found(found).hint(
            "auth = { strategy = \"basic\", user = \"...\", secret = \"<name>\" }, or a new key under that name",
        ));
    }
    if OURS.contains(&code.as_str()) {
        return Some(
            Fault::settings(what)
                .at("[source]")
                .found(found)
                .hint("compare type_names, version, sort_by and query with the service's GetCapabilities"),
        );
    }
    Some(Fault::source(what).found(found))
}

fn is_html(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    let start = start[..start.len().min(512)].to_ascii_lowercase();
    let holds = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    holds(b"<!doctype html") || holds(b"<html")
}

fn first_words(head: &[u8]) -> String {
    let start = String::from_utf8_lossy(&head[..head.len().min(400)]).into_owned();
    shortened(&start.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
