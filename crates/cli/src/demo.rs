use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use klimalade_connect::Secrets;
use klimalade_demo::{Agencies, Script, write_drops};
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Catalogue, Origin};
use klimalade_run::night_number;
use klimalade_transport::Secret;

/// Least time between two requests for one dataset of the simulated Energi Data Service: short, because twenty
/// planned months before its first one are asked for and empty.
const DATASET_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// Where the client goes instead: the simulated agencies, and the files that were dropped.
#[derive(Clone, Debug)]
pub(crate) struct Redirects {
    pub(crate) hosts: BTreeMap<String, SocketAddr>,
    pub(crate) folders: BTreeMap<PathBuf, PathBuf>,
}

/// The folder in which dropped files lie, as pipelines write it; a relative path begins at the working directory.
const DROP_FOLDER: &str = "drop";

/// Simulated agencies, and what they handed in as files.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) agencies: Agencies,
    redirects: Redirects,
}

impl Simulation {
    /// Starts the agencies and writes the dropped files into scratch. Errors: Transient, Settings.
    pub(crate) fn start(script: Script, scratch: &Path) -> Result<Self> {
        let read = scratch.join("simulated-drop");
        let wrong = |path: &Path, source: std::io::Error| {
            Fault::settings("the drop folder of the demo cannot be made")
                .at(path.display().to_string())
                .because(source)
                .hint("TMPDIR=<a folder with room>")
        };
        std::fs::create_dir_all(&read).map_err(|source| wrong(&read, source))?;
        let asked = std::path::absolute(DROP_FOLDER).map_err(|source| wrong(Path::new(DROP_FOLDER), source))?;
        write_drops(script.clone(), &read)?;
        let agencies = Agencies::start(script)?;
        let redirects = Redirects {
            hosts: agencies.hosts(),
            folders: [(asked, read)].into(),
        };
        Ok(Self { agencies, redirects })
    }

    /// Where the client goes.
    pub(crate) fn redirects(&self) -> Redirects {
        self.redirects.clone()
    }
}

/// Starts the simulation of the lake's next night.
pub(crate) async fn start(lake: &Lake, factor: f64, seed: u64, scratch: &Path) -> Result<Simulation> {
    let today = jiff::Zoned::now().date();
    let script = Script {
        seed,
        factor,
        night: night_number(lake).await?,
        today,
        dataset_interval: DATASET_INTERVAL,
        ..Script::default()
    };
    Simulation::start(script, scratch)
}

/// The secrets that pipelines ask for: simulated agencies take any.
pub(crate) fn secrets(catalogue: &Catalogue) -> Secrets {
    let mut secrets = Secrets::default();
    for name in catalogue.owners().iter().flat_map(|owner| owner.definition.secrets()) {
        secrets.insert(name, Secret::new("simulated-key"));
    }
    secrets
}

/// Owners of `--home` that no simulated agency serves: an address of theirs has another host, or is none.
pub(crate) fn left_out(catalogue: &Catalogue, agencies: &Agencies, _home: &Path) -> Vec<String> {
    let hosts: BTreeSet<String> = agencies.hosts().into_keys().collect();
    let mut names = Vec::new();
    for pipeline in catalogue
        .pipelines
        .values()
        .filter(|pipeline| pipeline.origin == Origin::Home)
    {
        for owner in &pipeline.owners {
            let Some(source) = &owner.definition.source else {
                continue;
            };
            let foreign = |text: &str| {
                let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
                match host {
                    Some(rest) => !hosts.contains(rest.split(['/', '?', ':']).next().unwrap_or_default()),
                    None => text.contains("://") || text.starts_with('/'),
                }
            };
            let named = ["base_url", "address", "addresses", "folder"];
            let texts = named
                .iter()
                .filter_map(|key| source.get(*key))
                .flat_map(texts_of)
                .collect::<Vec<_>>();
            if texts.iter().any(|text| foreign(text)) {
                names.push(owner.name.clone());
            }
        }
    }
    names
}

fn texts_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        serde_json::Value::Object(values) => values.values().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}
