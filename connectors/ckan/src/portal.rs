//! What the portal's action API answers, errors included.

use klimalade_connect::{Context, Fault, Result};
use klimalade_transport::{Accept, Answer, Request};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::settings::Checked;

/// A package as `package_show` and `package_search` give it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) license_id: Option<String>,
    #[serde(default)]
    pub(crate) license_title: Option<String>,
    #[serde(default)]
    pub(crate) metadata_modified: Option<String>,
    #[serde(default)]
    pub(crate) organization: Option<Organization>,
    #[serde(default)]
    pub(crate) resources: Vec<Resource>,
}

/// Who publishes a package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Organization {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: Option<String>,
}

/// A table, a file or a link of a package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Resource {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) format: Option<String>,
    #[serde(default)]
    pub(crate) created: Option<String>,
    #[serde(default)]
    pub(crate) last_modified: Option<String>,
    #[serde(default)]
    pub(crate) metadata_modified: Option<String>,
    #[serde(default)]
    pub(crate) state: Option<String>,
    #[serde(default)]
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) url_type: Option<String>,
    #[serde(default)]
    pub(crate) datastore_active: Option<bool>,
}

/// The request for one action. Errors: Settings, where the portal's address or the credential is none.
pub(crate) fn action(settings: &Checked, cx: &Context, name: &str, query: &[(&str, &str)]) -> Result<Request> {
    let mut url = settings.base_url.clone();
    url.path_segments_mut()
        .map_err(|()| Fault::settings("base_url has no path").at("[source] base_url"))?
        .pop_if_empty()
        .extend(["api", "3", "action", name]);
    url.query_pairs_mut().extend_pairs(query);
    let request = Request::get(url).accept(Accept::Json).classify(refused);
    settings.auth.sign(request, &cx.secrets)
}

/// The request for a file. The credential goes to the portal alone.
pub(crate) fn download(settings: &Checked, cx: &Context, url: Url, accept: Accept) -> Result<Request> {
    let is_portal = url.origin() == settings.base_url.origin();
    let request = Request::get(url).accept(accept).classify(file_refused);
    if is_portal {
        settings.auth.sign(request, &cx.secrets)
    } else {
        Ok(request)
    }
}

/// `result` of an answer in CKAN's envelope.
pub(crate) fn result_of<T: serde::de::DeserializeOwned>(body: Value, address: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        result: T,
    }
    let envelope: Envelope<T> = serde_json::from_value(body).map_err(|source| {
        Fault::source("the portal's answer is another than CKAN's")
            .at(address.to_owned())
            .because(source)
    })?;
    Ok(envelope.result)
}

/// CKAN's errors: `{"success":false,"error":{...}}` with any status, 200 too, and with 400 a bare JSON string (an unknown
/// action; seen with CKAN 2.11.6, 2026-11-23).
pub(crate) fn refused(answer: &Answer<'_>) -> Option<Fault> {
    let body: Value = serde_json::from_slice(answer.head).ok()?;
    let may_pass = answer.status == 429 || answer.status >= 500;
    let at_status = |fault: Fault, message: &str| fault.found(format!("HTTP {}: {message}", answer.status));
    if let Value::String(text) = &body {
        if may_pass {
            return Some(at_status(Fault::transient("the portal cannot answer now"), text));
        }
        let fault = at_status(Fault::settings("the portal refused the request"), text);
        return Some(if text.contains("Action name not known") {
            fault.hint("a portal without a datastore: read = { type = \"csv\" }; or compare base_url with the portal's own /api/3")
        } else {
            fault
        });
    }
    if body.get("success") != Some(&Value::Bool(false)) {
        return None;
    }
    let error = body.get("error").cloned().unwrap_or_default();
    let message = message_of(&error);
    let kind = error.get("__type").and_then(Value::as_str).unwrap_or_default();
    if may_pass || kind == "Internal Server Error" || message.contains("Connection Error") {
        return Some(at_status(Fault::transient("the portal cannot answer now"), &message));
    }
    Some(match kind {
        "Not Found Error" => at_status(Fault::source("the portal has nothing of this name"), &message)
            .hint("open the address in a browser; where the package was renamed, write its new name under [source]"),
        "Authorization Error" => at_status(Fault::settings("the portal does not show this to us"), &message)
            .at("[source.auth]")
            // CKAN 2.11.6 says the same of a package that was taken away (2026-11-26).
            .hint("it is private or was taken away; where we may see it: auth = { strategy = \"header\", name = \"Authorization\", secret = \"<name>\" }"),
        "Validation Error" | "Search Query Error" => {
            at_status(Fault::settings("the portal refused the request"), &message)
        }
        _ => at_status(Fault::source("the portal answered with an error"), &message),
    })
}

/// `message`, else the lists of what is wrong with each field, else the text itself.
fn message_of(error: &Value) -> String {
    match error {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            if let Some(text) = members.get("message").and_then(Value::as_str) {
                return text.to_owned();
            }
            let fields = members.iter().filter(|(name, _)| *name != "__type");
            fields
                .map(|(name, said)| format!("{name}: {said}"))
                .collect::<Vec<_>>()
                .join("; ")
        }
        other => other.to_string(),
    }
}

/// Errors on the way to a file: the portal's own, and the file store's XML, which quotes the signature and the key's id
/// in its body. Of the XML only `Code` and `Message` are told. An address that expired between redirect and request
/// is asked for again, from the portal on.
pub(crate) fn file_refused(answer: &Answer<'_>) -> Option<Fault> {
    if answer.status < 400 {
        // A file may be any JSON; only CKAN's own envelope is an error.
        return refused(answer).filter(|_| answer.head.starts_with(b"{"));
    }
    let text = String::from_utf8_lossy(answer.head);
    if !text.trim_start().starts_with('<') || !text.contains("<Code>") {
        return refused(answer);
    }
    let code = between(&text, "<Code>", "</Code>");
    let found = format!(
        "HTTP {}: {code}: {}",
        answer.status,
        between(&text, "<Message>", "</Message>")
            .lines()
            .next()
            .unwrap_or_default()
    );
    let lower = text.to_ascii_lowercase();
    let is_expired = lower.contains("expired") || lower.contains("not valid in the specified time frame");
    if is_expired {
        return Some(Fault::transient("the signed address of the file had expired").found(found));
    }
    if answer.status == 429 || answer.status >= 500 {
        return Some(Fault::transient("the file store cannot answer now").found(found));
    }
    Some(Fault::source("the file store does not give the file").found(found))
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    let rest = text.split_once(begin).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(inside, _)| inside)
}
