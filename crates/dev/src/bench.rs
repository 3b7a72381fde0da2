//! `cargo dev bench`: CPU seconds and memory of a night against others doing the same, printed as ratios.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    outside::binary,
    place::{Findings, say},
    process::run,
    venv::Venv,
};

/// Builds the release binary and hands over to tests/outside/bench.py, which measures from outside the programs.
pub(crate) fn run_bench(root: &Path, rows: &[u64], without_dlt: bool) -> Result<Findings> {
    say("building the release binary, which takes a while from clean");
    let klimalade = binary(root, "release")?;
    let venv = Venv::of(root, "requirements-bench.txt")?;
    let scratch = TempDir::with_prefix("klimalade-bench-").context("no scratch folder can be made")?;
    let mut command = venv.python();
    command
        .arg(root.join("tests/outside/bench.py"))
        .arg("--klimalade")
        .arg(klimalade)
        .arg("--scratch")
        .arg(scratch.path());
    for rows in rows {
        command.args(["--rows", &rows.to_string()]);
    }
    if without_dlt {
        command.arg("--without-dlt");
    }
    run(&mut command)?;
    Ok(Findings::new())
}
