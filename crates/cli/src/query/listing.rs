//! What SQL can read.

use klimalade_model::Result;
use klimalade_run::House;

use crate::{
    arguments::Arguments,
    output::{self, grouped},
};

/// Every table with its rows and how many owners fill it; code lists last.
pub(crate) async fn tables(arguments: &Arguments, house: &House) -> Result<()> {
    let states = house.lake.states().await?;
    let mut listed: Vec<(String, Option<u64>, Option<usize>, &str)> = Vec::new();
    for table in house.schemas.tables.values() {
        let files = states.iter().map(|state| {
            let partitions = state.partitions.iter().filter(|(key, _)| table.has_file(key));
            partitions.map(|(_, partition)| partition.rows).collect::<Vec<u64>>()
        });
        let files: Vec<Vec<u64>> = files.filter(|files| !files.is_empty()).collect();
        // What a night knows of itself is in no state: it is counted when it is read.
        let is_published = table.layer != "run";
        let rows = is_published.then(|| files.iter().flatten().sum());
        let pipelines = is_published.then_some(files.len());
        listed.push((table.sql_name(), rows, pipelines, &table.description_en));
    }
    for list in house.schemas.codes.values() {
        let rows = list.rows.len() as u64;
        listed.push((format!("codes.{}", list.name), Some(rows), None, "code list"));
    }
    if arguments.json {
        let objects: Vec<_> = listed
            .iter()
            .map(|(name, rows, pipelines, meaning)| {
                serde_json::json!({ "table": name, "rows": rows, "pipelines": pipelines, "meaning": meaning })
            })
            .collect();
        return output::json(&objects);
    }
    let header = ["table", "rows", "pipelines", "meaning"];
    let rows = listed.into_iter().map(|(name, rows, pipelines, meaning)| {
        let pipelines = pipelines.map(|number| number.to_string()).unwrap_or_default();
        // The first sentence: `klimalade schema <table>` has all of it.
        let meaning = meaning.split(": ").next().unwrap_or(meaning);
        let meaning = meaning.split(". ").next().unwrap_or(meaning).trim_end_matches('.');
        vec![
            name,
            rows.map(grouped).unwrap_or_default(),
            pipelines,
            meaning.to_owned(),
        ]
    });
    output::rows(&header, &[false, true, true, false], rows.collect());
    Ok(())
}
