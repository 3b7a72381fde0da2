//! README's table of what is harvested.

use klimalade_catalog::{table_head, table_row};
use klimalade_model::Schemas;
use klimalade_pipeline::{Catalogue, Pipeline, Task};

/// One row for each pipeline.
pub(crate) fn table(catalogue: &Catalogue, schemas: &Schemas) -> String {
    let mut out = String::new();
    table_head(
        &mut out,
        &[
            "pipeline",
            "what",
            "agency",
            "table",
            "connector",
            "indicators",
            "verified live",
        ],
    );
    for pipeline in catalogue.pipelines.values() {
        let Some(owner) = pipeline.owners.first() else { continue };
        let definition = &owner.definition;
        let agency = schemas
            .codes
            .get("sources")
            .and_then(|list| list.get(&definition.source_id, "agency_en"));
        let connector = match (&definition.kind, &definition.raw_of, definition.connector()) {
            (Task::View, _, _) => "view".to_owned(),
            (Task::Harvest, Some(base), _) => format!("raw of {base}"),
            (Task::Harvest, None, Ok((name, _))) => name,
            (Task::Harvest, None, Err(_)) => String::new(),
        };
        table_row(
            &mut out,
            &[
                &format!("[{0}](pipelines/{0})", pipeline.name),
                &definition.title_en,
                agency.unwrap_or(&definition.source_id),
                &definition.table,
                &connector,
                &definition.publishes.indicators.join(", "),
                &verified(pipeline),
            ],
        );
    }
    out
}

/// A view asks no agency, so there is nothing of it to see live.
fn verified(pipeline: &Pipeline) -> String {
    let is_view = pipeline.owners.iter().all(|owner| owner.definition.kind == Task::View);
    if is_view {
        "(view)".to_owned()
    } else {
        pipeline.verified_live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_pipeline_has_a_row_and_no_view_claims_to_be_verified() {
        let nowhere = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(nowhere.path()).unwrap();
        let table = table(&catalogue, &Schemas::embedded().unwrap());
        assert_eq!(table.lines().count(), catalogue.pipelines.len() + 2);
        for pipeline in catalogue.pipelines.values() {
            let line = table
                .lines()
                .find(|line| line.contains(&format!("[{}]", pipeline.name)))
                .unwrap();
            let view = pipeline.owners[0].definition.kind == Task::View;
            assert_eq!(line.ends_with("| (view) |"), view, "{line}");
        }
    }
}
