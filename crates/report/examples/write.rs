//! Writes the report of a lake: `cargo run -p klimalade-report --example write -- <lake> <year> <folder>`.

use std::path::Path;

use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Fault, Result, Schemas};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "an example says what it did")]
async fn main() -> Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let [lake, year, folder] = asked.as_slice() else {
        return Err(Fault::settings("three arguments: lake, year, folder"));
    };
    let year = year.parse().map_err(|why| Fault::settings("no year").because(why))?;
    let lake = Lake::open(
        lake,
        OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        },
    )
    .await?;
    let summary = klimalade_report::write_report(&lake, &Schemas::embedded()?, year, Path::new(folder)).await?;
    eprintln!("{summary:?}");
    Ok(())
}
