use serde_json::{Map, Value, json};

use crate::facts::{Facts, FileFacts, OwnerFacts};

/// catalog/freshness.json: how fresh each owner is, and how much of it there is.
pub(crate) fn list(facts: &Facts<'_>) -> Value {
    let mut document = Map::new();
    if let Some(warning) = facts.warning() {
        document.insert("warning_en".to_owned(), json!(warning.en));
        document.insert("warning_da".to_owned(), json!(warning.da));
    }
    document.insert("simulated".to_owned(), json!(facts.simulated));
    document.insert("run_date".to_owned(), json!(facts.run_date.to_string()));
    let owners: Vec<Value> = facts.owners.iter().map(|owner| of_owner(facts, owner)).collect();
    document.insert("owners".to_owned(), Value::Array(owners));
    Value::Object(document)
}

fn of_owner(facts: &Facts<'_>, owner: &OwnerFacts) -> Value {
    let sum = |count: fn(&FileFacts) -> u64| owner.own_files().map(count).sum::<u64>();
    json!({
        "pipeline": owner.owner,
        "table": owner.table,
        "source_id": owner.source.as_deref().map(|source| facts.source_id(source)),
        "retired": owner.is_retired,
        "rows": sum(|file| file.rows),
        "bytes": sum(|file| file.bytes),
        "files": owner.own_files().count(),
        // Within one owner parts are asked at different nights: what is all confirmed is as old as the oldest.
        "newest_confirmed_at": owner.confirmed.map(|(newest, _)| newest.to_string()),
        "oldest_confirmed_at": owner.confirmed.map(|(_, oldest)| oldest.to_string()),
        "changed_at": owner.changed_at.map(|changed| changed.to_string()),
        "stale_after_days": owner.stale_after_days,
        "rhythm_every_months": owner.rhythm.map(|rhythm| rhythm.every_months),
        "rhythm_lag_days": owner.rhythm.map(|rhythm| rhythm.lag_days),
    })
}
