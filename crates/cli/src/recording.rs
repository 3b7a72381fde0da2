//! Where recorded answers stand, when they were given, and to which part: `recorded.toml`, which `probe` writes beside them.

use jiff::Timestamp;
use klimalade_connect::Part;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Catalogue, Owner, Pipeline};
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

/// The recorded answers that an owner is tested over.
pub(crate) struct Answers<'a> {
    pipeline: &'a Pipeline,
    folder: String,
    /// The owner whose connector asks for them.
    pub(crate) asked_by: &'a Owner,
}

impl<'a> Answers<'a> {
    /// The owner's; where it maps another's pages and has none of its own, that one's. Errors: Settings, where there is no
    /// such other.
    pub(crate) fn of(catalogue: &'a Catalogue, pipeline: &'a Pipeline, owner: &'a Owner) -> Result<Self> {
        let asked_by = catalogue.raw_owner(owner)?;
        let own = Self {
            pipeline,
            folder: folder(pipeline, owner),
            asked_by,
        };
        match catalogue.pipelines.get(&asked_by.pipeline) {
            Some(other) if !own.are_there() => Ok(Self {
                pipeline: other,
                folder: folder(other, asked_by),
                asked_by,
            }),
            _ => Ok(own),
        }
    }

    /// The files whose names begin so, without that beginning.
    pub(crate) fn files(&self, start: &str) -> impl Iterator<Item = (&str, &[u8])> {
        let start = format!("{}/{start}", self.folder);
        let files = self.pipeline.files.iter();
        files.filter_map(move |(name, bytes)| Some((name.strip_prefix(&start)?, bytes.as_slice())))
    }

    /// Whether there are any, or inputs of a view.
    pub(crate) fn are_there(&self) -> bool {
        ["answer-", "input-"]
            .iter()
            .any(|start| self.files(start).next().is_some())
    }

    /// Their folder.
    pub(crate) fn place(&self) -> String {
        format!("pipelines/{}/{}", self.pipeline.name, self.folder)
    }

    /// When they were given, and to which part. Errors: Settings.
    pub(crate) fn recording(&self) -> Result<Recording> {
        let Some(bytes) = self.pipeline.files.get(&format!("{}/{}", self.folder, Recording::FILE)) else {
            return Ok(Recording::default());
        };
        toml::from_str(&String::from_utf8_lossy(bytes)).map_err(|error| {
            Fault::settings("the recording cannot be read")
                .at(format!("{}/{}", self.place(), Recording::FILE))
                .found(error.message().to_owned())
                .hint("at = \"2026-02-15T12:00:00Z\", part = \"2025\"")
        })
    }
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
