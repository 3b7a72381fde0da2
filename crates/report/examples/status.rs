//! Writes the operations page of a lake: `cargo run -p klimalade-report --example status -- <lake> <now> <folder>`.

use std::path::Path;

use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Fault, Result, Schemas};
use klimalade_pipeline::Catalogue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let [lake, now, folder] = asked.as_slice() else {
        return Err(Fault::settings("three arguments: lake, now, folder"));
    };
    let now = now.parse().map_err(|why| Fault::settings("no moment").because(why))?;
    let lake = Lake::open(lake, OpenOptions { read_only: true, ..OpenOptions::default() }).await?;
    let schemas = Schemas::embedded()?;
    let pipelines = Catalogue::load(Path::new("."))?.described(&schemas)?;
    klimalade_report::write_status_to(&lake, &schemas, &pipelines, now, Path::new(folder)).await?;
    Ok(())
}
