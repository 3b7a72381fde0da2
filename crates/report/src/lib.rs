//! The yearly status report: a static site from the lake. It reads `out/`, a few small tables and some figures of `core/` and the
//! code lists with the Parquet reader, plans no SQL and asks nobody. The same lake, year and code lists give the same bytes. Beside it,
//! in the same style, the operations page of a lake.

mod chart;
mod data;
mod map;
mod numbers;
mod operations;
pub(crate) mod page;
mod pages;
mod site;
mod tables;
mod text;

use std::path::Path;

use klimalade_lake::Lake;
use klimalade_model::{Fault, Result, Schemas};

pub use operations::{LakeStatus, StatusLanguage, status_html, write_status, write_status_to};
pub use site::Summary;

/// Writes the report of a year into the folder `out`. Errors: Settings, when the lake has no tables of `out` or the folder
/// cannot be written.
pub async fn write_report(lake: &Lake, schemas: &Schemas, year: i16, out: &Path) -> Result<Summary> {
    let spool = tempfile::tempdir().map_err(|why| Fault::settings("no folder for temporary files").because(why))?;
    let facts = data::Facts::read(lake, schemas, year, spool.path()).await?;
    site::write(&facts, out)
}
