//! SQL over the lake.

mod listing;
mod rows;

use std::path::Path;

use klimalade_engine::Answer;
use klimalade_model::{Fault, Result};
use klimalade_run::{House, tables_of};

use crate::{
    arguments::{Arguments, Format, Query},
    out_file::OutFile,
    output::{self, note},
    setup::Ground,
};

/// `klimalade query`.
pub(crate) async fn query(arguments: &Arguments, asked: &Query) -> Result<u8> {
    let format = format(arguments, asked)?;
    // Said before anything is read: the answer may take minutes.
    let out = match &asked.out {
        Some(path) => Some(OutFile::new(path, asked.force)?),
        None => None,
    };
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let simulated = lake.simulated();
    let house = ground.quiet_house(lake)?;
    match &asked.sql {
        Some(sql) => answer(&house, sql, asked, format, out).await?,
        None => listing::tables(arguments, &house).await?,
    }
    if simulated {
        note(format!("SIMULATED figures: lake {}", house.lake.address()));
    }
    Ok(0)
}

async fn answer(house: &House, sql: &str, asked: &Query, format: Format, out: Option<OutFile>) -> Result<()> {
    let tables = tables_of(house, sql).await?;
    let mut answer = house.engine.ask(sql, &tables).await?;
    match out {
        Some(out) => {
            let rows = write_file(&mut answer, format, out).await?;
            note(format!("{} rows", output::grouped(rows)));
        }
        None => rows::print(&mut answer, format, asked.rows).await?,
    }
    Ok(())
}

async fn write_file(answer: &mut Answer, format: Format, mut out: OutFile) -> Result<u64> {
    let path = out.path().display().to_string();
    let rows = match format {
        Format::Parquet => rows::write_parquet(answer, out.file()).await,
        _ => rows::write_text(answer, format, out.file()).await,
    };
    let rows = rows.map_err(|fault| fault.at(path))?;
    out.keep()?;
    Ok(rows)
}

/// What is asked for, or what follows from the name of the file.
fn format(arguments: &Arguments, asked: &Query) -> Result<Format> {
    let ending = |path: &Path| {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => Format::Csv,
            "json" => Format::Json,
            "ndjson" | "jsonl" => Format::Ndjson,
            "parquet" => Format::Parquet,
            _ => return None,
        })
    };
    let named = match (asked.format, arguments.json) {
        (Some(format), true) if format != Format::Json => {
            return Err(Fault::settings("--json and --format say two things").hint("leave one of them out"));
        }
        (None, true) => Some(Format::Json),
        (named, _) => named,
    };
    let Some(path) = &asked.out else {
        return match named.unwrap_or(Format::Table) {
            Format::Parquet => Err(Fault::settings("Parquet goes to a file").hint("--out answer.parquet")),
            format => Ok(format),
        };
    };
    match named.or_else(|| ending(path)) {
        Some(Format::Table) => {
            Err(Fault::settings("a table is for people, and no file is written as one").hint("--format csv"))
        }
        Some(format) => Ok(format),
        None => Err(Fault::settings("the file's name does not say its format")
            .at(path.display().to_string())
            .expected("a name that ends with .csv, .json, .ndjson or .parquet")
            .hint("or --format csv")),
    }
}
