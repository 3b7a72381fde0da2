//! Writes the operations page of a lake: `cargo run -p klimalade-report --example status -- <lake> <now> <folder>`. What the pipelines
//! declare is read from the lake's catalogue.

use std::path::Path;

use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Fault, Result, Schemas};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let [lake, now, folder] = asked.as_slice() else {
        return Err(Fault::settings("three arguments: lake, now, folder"));
    };
    let now = now.parse().map_err(|why| Fault::settings("no moment").because(why))?;
    let lake = Lake::open(
        lake,
        OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        },
    )
    .await?;
    let key = "catalog/pipelines.parquet";
    let missing = || Fault::settings("the lake has no catalogue").at(key);
    let bytes = lake.get(key).await?.ok_or_else(missing)?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|reader| reader.build());
    let mut reader = reader.map_err(|why| missing().because(why))?;
    let pipelines = reader
        .next()
        .ok_or_else(missing)?
        .map_err(|why| missing().because(why))?;
    klimalade_report::write_status_to(&lake, &Schemas::embedded()?, &pipelines, now, Path::new(folder)).await?;
    Ok(())
}
