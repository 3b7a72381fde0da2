use std::{collections::BTreeSet, path::Path};

use klimalade_connect::Secrets;
use klimalade_demo::{Agencies, Script};
use klimalade_lake::Lake;
use klimalade_model::Result;
use klimalade_pipeline::{Catalogue, Origin};
use klimalade_run::night_number;
use klimalade_transport::Secret;

/// Least time between two requests for one dataset of the simulated Energi Data Service: short, because twenty
/// planned months before its first one are asked for and empty.
const DATASET_INTERVAL: std::time::Duration = std::time::Duration::from_millis(100);

/// Starts the simulated agencies for the lake's next night.
pub(crate) async fn start(lake: &Lake, factor: f64, seed: u64) -> Result<Agencies> {
    let today = jiff::Zoned::now().date();
    let script = Script {
        seed,
        factor,
        night: night_number(lake).await?,
        today,
        dataset_interval: DATASET_INTERVAL,
        ..Script::default()
    };
    Agencies::start(script)
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
