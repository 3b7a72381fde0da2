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
    let rows: Vec<String> = rows.iter().map(u64::to_string).collect();
    let sizes: Vec<&str> = rows.iter().flat_map(|rows| ["--rows", rows.as_str()]).collect();
    measured(root, "bench.py", &sizes, without_dlt)
}

/// The same with tests/outside/bench_gml.py.
pub(crate) fn run_gml(root: &Path, features: u64, without_dlt: bool) -> Result<Findings> {
    measured(
        root,
        "bench_gml.py",
        &["--features", &features.to_string()],
        without_dlt,
    )
}

fn measured(root: &Path, script: &str, sizes: &[&str], without_dlt: bool) -> Result<Findings> {
    say("building the release binary, which takes a while from clean");
    let klimalade = binary(root, "release")?;
    let venv = Venv::of(root, "requirements-bench.txt")?;
    let scratch = TempDir::with_prefix("klimalade-bench-").context("no scratch folder can be made")?;
    let mut command = venv.python();
    command
        .arg(root.join("tests/outside").join(script))
        .arg("--klimalade")
        .arg(klimalade)
        .arg("--scratch")
        .arg(scratch.path())
        .args(sizes);
    if without_dlt {
        command.arg("--without-dlt");
    }
    run(&mut command)?;
    Ok(Findings::new())
}
