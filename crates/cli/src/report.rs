//! `klimalade report`: the yearly status report.

use klimalade_model::Result;

use crate::{
    arguments::{self, Arguments},
    output,
    setup::Ground,
};

/// `klimalade report`.
pub(crate) async fn report(arguments: &Arguments, report: &arguments::Report) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let written = klimalade_report::write_report(&lake, &ground.schemas, report.year, &report.out).await?;
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
