//! Where recorded answers stand, when they were given, and to which part: `recorded.toml`, which `probe` writes beside them.

use jiff::Timestamp;
use klimalade_connect::Part;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Owner, Pipeline};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The instant at which answers without a recording of their own are served.
const INSTANT: &str = "2026-02-15T12:00:00Z";
/// Where a file of a folder or a bucket is served from; every host is loopback in a test.
const SERVED_AT: &str = "http://recorded.invalid/answer";

/// The folder of an owner's recorded answers, within its pipeline's: `test`, and for an instance that is not the first
/// `test/<instance>`.
pub(crate) fn folder(pipeline: &Pipeline, owner: &Owner) -> String {
    let is_first = pipeline.owners.first().is_some_and(|first| first.name == owner.name);
    match owner.name.split_once('.') {
        Some((_, instance)) if !is_first => format!("test/{instance}"),
        _ => "test".to_owned(),
    }
}

/// Whether answers, or a view's inputs, are recorded in this folder of the pipeline's.
pub(crate) fn are_recorded(pipeline: &Pipeline, folder: &str) -> bool {
    let starts = ["answer-", "input-"].map(|start| format!("{folder}/{start}"));
    let mut files = pipeline.files.keys();
    files.any(|file| starts.iter().any(|start| file.starts_with(start)))
}

/// Left out, the answers are those of the parts from the oldest on.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    /// UTC, RFC 3339: a plan depends on its day.
    at: Option<String>,
    /// Key of the one part whose pages were recorded.
    part: Option<String>,
}

impl Recording {
    /// Name within the folder of the answers.
    pub(crate) const FILE: &str = "recorded.toml";

    /// Of answers that were given now.
    pub(crate) fn new(at: Timestamp, part: &Part) -> Self {
        Self {
            at: Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            part: Some(part.key.clone()),
        }
    }

    /// Of the answers in this folder of the pipeline's. Errors: Settings.
    pub(crate) fn of(pipeline: &Pipeline, folder: &str) -> Result<Self> {
        let Some(bytes) = pipeline.files.get(&format!("{folder}/{}", Self::FILE)) else {
            return Ok(Self::default());
        };
        toml::from_str(&String::from_utf8_lossy(bytes)).map_err(|error| {
            Fault::settings("the recording cannot be read")
                .at(format!("pipelines/{}/{folder}/{}", pipeline.name, Self::FILE))
                .found(error.message().to_owned())
                .hint("at = \"2026-02-15T12:00:00Z\", part = \"2025\"")
        })
    }

    /// As a file.
    pub(crate) fn text(&self) -> String {
        let line = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} = {value:?}\n"));
        line("at", &self.at).unwrap_or_default() + &line("part", &self.part).unwrap_or_default()
    }

    /// The moment. Errors: Settings.
    pub(crate) fn at(&self) -> Result<Timestamp> {
        let text = self.at.as_deref().unwrap_or(INSTANT);
        text.parse().map_err(|source| {
            Fault::settings("the recording was at no moment")
                .at(Self::FILE)
                .found(text.to_owned())
                .hint(format!("at = \"{INSTANT}\""))
                .because(source)
        })
    }

    /// Whether the part's pages are among the answers.
    pub(crate) fn is_of(&self, part: &Part) -> bool {
        self.part.as_ref().is_none_or(|key| *key == part.key)
    }

    /// A file on disk or in a bucket is served over loopback like any other answer; of a folder whose part nobody wrote down
    /// each of the `answers` is a file.
    pub(crate) fn serve_files(&self, connector: &str, settings: &mut Value, answers: usize) {
        let (Some(settings), "file") = (settings.as_object_mut(), connector) else {
            return;
        };
        let is_elsewhere = |value: &Value| value.as_str().is_some_and(|text| !text.starts_with("http"));
        let address = settings.get("address").filter(|address| is_elsewhere(address));
        let named = settings.get("addresses").and_then(Value::as_object);
        let is_named_elsewhere = named.is_some_and(|named| named.values().any(is_elsewhere));
        if address.is_none() && !is_named_elsewhere {
            return;
        }
        let is_folder = address.is_some_and(|address| {
            address
                .as_str()
                .is_some_and(|text| text.ends_with('/') || text.contains('*'))
        });
        let keys: Vec<String> = match (&self.part, named) {
            (Some(part), _) => vec![part.clone()],
            (None, Some(named)) => named.keys().cloned().collect(),
            (None, None) if is_folder => (1..=answers).map(|at| format!("answer-{at:04}")).collect(),
            (None, None) => {
                settings.insert("address".to_owned(), SERVED_AT.into());
                return;
            }
        };
        settings.remove("address");
        let addresses: serde_json::Map<_, _> = keys.into_iter().map(|key| (key, SERVED_AT.into())).collect();
        settings.insert("addresses".to_owned(), addresses.into());
    }
}
