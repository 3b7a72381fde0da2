//! `klimalade report`: the yearly status report.

use klimalade_model::Result;
use klimalade_pipeline::Task;
use klimalade_report::{Mapping, Request};

use crate::{
    arguments::{self, Arguments},
    output,
    setup::Ground,
};

/// The mappings of all owners, for the explanation of their figures.
fn mappings(ground: &Ground) -> Vec<Mapping> {
    let (catalogue, schemas) = (&ground.catalogue, &ground.schemas);
    let mapping = |owner: &klimalade_pipeline::Owner| {
        let definition = &owner.definition;
        let hash = match definition.kind {
            Task::View => owner.mapping_hash(schemas),
            _ => catalogue.mapping_hash(owner, schemas),
        };
        Mapping {
            owner: owner.name.clone(),
            folder: owner.pipeline.clone(),
            title_da: definition.title_da.clone(),
            title_en: definition.title_en.clone(),
            table: definition.table.clone(),
            sql: owner.sql.clone(),
            hash: hash.ok(),
        }
    };
    catalogue.owners().into_iter().map(mapping).collect()
}

/// `klimalade report`.
pub(crate) async fn report(arguments: &Arguments, report: &arguments::Report) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let request = Request {
        year: report.year,
        since: report.since.clone(),
        mappings: mappings(&ground),
    };
    let written = klimalade_report::write_report(&lake, &ground.schemas, &request, &report.out).await?;
    if arguments.json {
        output::json(&serde_json::json!({
            "folder": report.out,
            "pages": written.pages,
            "files": written.files,
            "bytes": written.bytes,
            "largest_page": written.largest_page,
            "simulated": lake.simulated(),
        }))?;
        return Ok(0);
    }
    output::note(format!(
        "{} and {} in all, {} bytes: open {}{}",
        output::count(written.pages, "page"),
        output::count(written.files, "file"),
        output::grouped(written.bytes),
        report.out.join("index.html").display(),
        if lake.simulated() { "; SIMULATED figures" } else { "" }
    ));
    Ok(0)
}
