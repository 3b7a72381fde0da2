//! The protocol's own error bodies, and the faults that several places give.

use klimalade_connect::Fault;
use klimalade_transport::Answer;
use serde_json::Value;

/// `{"error":{"code","message","details"}}`, which comes with HTTP 200, and `{"status":"error","code","messages"}` of a
/// server that is not well. 429 and 5xx, in the status or in the body, may pass.
pub(crate) fn refused(answer: &Answer<'_>) -> Option<Fault> {
    if answer.status == 429 || answer.status >= 500 {
        return None;
    }
    let body: Value = serde_json::from_slice(answer.head).ok()?;
    let error = match body.get("error") {
        Some(error @ Value::Object(_)) => error,
        _ if body.get("status").and_then(Value::as_str) == Some("error") => &body,
        _ => return None,
    };
    let mut words: Vec<&str> = Vec::new();
    for key in ["message", "details", "messages"] {
        match error.get(key) {
            Some(Value::String(text)) => words.push(text),
            Some(Value::Array(texts)) => words.extend(texts.iter().filter_map(Value::as_str)),
            _ => {}
        }
    }
    words.retain(|text| !text.trim().is_empty());
    let words = match words.is_empty() {
        true => "without a word why".to_owned(),
        false => words.join("; "),
    };
    let what = format!("the server refused the request: {words}");
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let found = format!("code {code} with HTTP {}", answer.status);
    Some(match code {
        429 | 500..=599 if code != 501 => Fault::transient(what).found(found),
        401 | 403 | 498 | 499 => Fault::settings(what).at("[source.auth]").found(found).hint(
            "auth = { strategy = \"query\", name = \"token\", secret = \"<name>\" }, or a new token under that name",
        ),
        // A request that will be refused tomorrow too.
        400 => Fault::settings(what).at("[source]").found(found).hint(
            "compare where and out_fields with the fields of the layer; else paging = \"ids\", or a smaller page_limit",
        ),
        _ => Fault::source(what).found(found),
    })
}

/// Another number of features than the server counted: some were lost, or the layer changed under the walk.
pub(crate) fn count_disagrees(counted: u64, came: u64, hint: &str) -> Fault {
    Fault::source("the server gave another number of features than it counted")
        .expected(format!("{counted} features"))
        .found(format!("{came} features"))
        .hint(hint)
        .worth_another_walk()
}
