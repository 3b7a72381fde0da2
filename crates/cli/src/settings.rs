use std::{collections::BTreeMap, path::Path};

use klimalade_connect::Secrets;
use klimalade_model::{Fault, Result};
use klimalade_transport::Secret;
use serde::Deserialize;

/// `klimalade.toml` in `--home`; optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The lake.
    pub(crate) lake: Option<String>,
    /// Owners that run beside each other (4).
    pub(crate) concurrency: Option<usize>,
    /// Memory for sorting before it spills, in MiB (48).
    pub(crate) memory_mib: Option<usize>,
    /// What the catalogue of the lake says of its operator.
    #[serde(default)]
    pub(crate) catalog: Catalog,
    /// Secrets by name. The environment's KLIMALADE_SECRET_<NAME> wins.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

/// `[catalog]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalog {
    /// Address under which the lake's files can be fetched; left out, the catalogue's addresses are relative to its own.
    pub(crate) base_iri: Option<String>,
    /// Who publishes the lake.
    pub(crate) publisher: Option<String>,
}

const ENVIRONMENT: &str = "KLIMALADE_SECRET_";

/// Serde shows the value that has the wrong type (`invalid type: string "...", expected a map`), and that may be a
/// secret in the wrong place: only its type is told again.
fn without_value(message: &str) -> String {
    let shown = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| Some((start, message.strip_prefix(start)?)));
    match shown.and_then(|(start, rest)| Some((start, rest.split(' ').next()?, rest.rsplit_once(", expected ")?.1))) {
        Some((start, kind, expected)) => format!("{start}{kind}, expected {expected}"),
        None => message.to_owned(),
    }
}

impl Settings {
    /// Errors: Settings; the text of the file is never shown, because secrets stand in it.
    pub(crate) fn read(home: &Path) -> Result<Self> {
        let path = home.join("klimalade.toml");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let place = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|source| {
            Fault::settings("klimalade.toml cannot be read")
                .at(place.clone())
                .because(source)
        })?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
            Fault::settings("klimalade.toml does not fit")
                .at(line.map_or(place.clone(), |line| format!("{place}, line {line}")))
                .found(without_value(error.message()))
                .hint("settings: lake, concurrency, memory_mib, [catalog] base_iri and publisher, [secrets] name = \"...\"")
        })
    }
    /// The file's secrets with the environment's laid over.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for (name, value) in &self.secrets {
            secrets.insert(name.to_lowercase(), Secret::new(value.clone()));
        }
        for (name, value) in std::env::vars() {
            if let Some(name) = name.strip_prefix(ENVIRONMENT) {
                secrets.insert(name.to_lowercase(), Secret::new(value));
            }
        }
        secrets
    }
}
