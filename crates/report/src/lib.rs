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

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The year of the report: newer figures are left out.
    pub year: i16,
    /// The earlier report that this one follows: its folder, its `report.json`, or the day on which it was made (2025-04-01). What the
    /// agencies restated after it is shown; without it all that the lake has seen.
    pub since: Option<String>,
    /// How figures are mapped, for their explanation.
    pub mappings: Vec<Mapping>,
}

/// The mapping of an owner: from what an agency served, or from other tables, to a table of the lake.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The pipeline, with its instance.
    pub owner: String,
    /// The pipeline's folder.
    pub folder: String,
    /// Its title in Danish.
    pub title_da: String,
    /// Its title in English.
    pub title_en: String,
    /// The table that it fills.
    pub table: String,
    /// map.sql.
    pub sql: String,
    /// The mapping's hash as the lake's states have it; `None` where it cannot be told.
    pub hash: Option<String>,
}

/// Writes the report of a year into the folder `out`. Errors: Settings, when the lake has no tables of `out`, the earlier report is
/// none of this lake's, or the folder cannot be written.
pub async fn write_report(lake: &Lake, schemas: &Schemas, request: &Request, out: &Path) -> Result<Summary> {
    let spool = tempfile::tempdir().map_err(|why| Fault::settings("no folder for temporary files").because(why))?;
    let facts = data::Facts::read(lake, schemas, request, spool.path()).await?;
    site::write(&facts, out)
}
