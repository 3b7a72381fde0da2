//! The nights of a lake's ledger.

use std::collections::{BTreeMap, BTreeSet};

use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use serde_json::Value;

/// What a night puts last.
pub(crate) const NIGHT: &str = "night.json";

/// Files of each night by its run, oldest first; runs that only vacuum or retire are no nights.
pub(crate) async fn nights(lake: &Lake) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for listed in lake.list("ledger").await? {
        // ledger/<run>/<file>
        let Some((run, file)) = listed.key.strip_prefix("ledger/").and_then(|path| path.split_once('/')) else {
            continue;
        };
        if !run.ends_with("-retire") && !run.ends_with("-vacuum") {
            files.entry(run.to_owned()).or_default().insert(file.to_owned());
        }
    }
    Ok(files)
}

/// What a night said of itself at its end. Errors: Source, where it cannot be read.
pub(crate) async fn night_json(lake: &Lake, run: &str) -> Result<Value> {
    let key = format!("ledger/{run}/{NIGHT}");
    let bytes = lake.get(&key).await?.unwrap_or_default();
    serde_json::from_slice(&bytes).map_err(|why| {
        Fault::source("a night of the ledger cannot be read")
            .at(key)
            .because(why)
    })
}
