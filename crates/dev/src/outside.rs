//! `cargo dev outside`: what others' programs make of a lake. All folders are temporary, all servers end with it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    place::{Findings, say, target},
    process::{run, run_quietly},
    s3,
    venv::Venv,
};

/// A part of `cargo dev outside`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// pipeline.toml of every pipeline against the generated JSON schema.
    Definitions,
    /// DuckDB, Polars, pyarrow, pandas and GeoPandas on a demo lake (KLIMALADE_ACCEPT=1 writes their rows of docs/readers.md), layer out made
    /// once more by another way, and its catalogue against the standards that it names.
    Readers,
    /// Spark, on a cluster of two executors, reads the demo lake and repeats its view pipelines. Installs a headless Java with apt-get,
    /// where it is missing.
    Spark,
    /// What `klimalade export` writes of the demo lake: the structure read by sdmx1, tables and answers added up.
    Exports,
    /// The questions of docs/analyst.md on a demo lake of two nights, in SQL and in Polars, and how much of it DuckDB reads
    /// (KLIMALADE_ACCEPT=1 writes the answers).
    Analyst,
    /// Two sources are added as an operator would, one of them from pygeoapi; docs/adding-sources.md is what was said
    /// (KLIMALADE_ACCEPT=1 writes it).
    Operator,
    /// MapServer, pygeoapi and koop are harvested, and what came of it is compared with what they were given; geopandas, pyarrow
    /// and DuckDB open the GeoParquet. Installs MapServer with apt-get, where it is missing.
    Servers,
    /// CKAN on PostgreSQL and Redis: packages, files and tables are harvested and compared with what was put in. Runs only when it is
    /// named. Installs PostgreSQL and Redis with apt-get, where they are missing.
    Ckan,
    /// `klimalade report` of a demo lake in a headless Chromium: links, charts, languages, search, print, axe-core, figures. Installs
    /// Chromium with apt-get, where it is missing.
    Site,
    /// On SeaweedFS: a killed and repeated night against an undisturbed one on disk, and files harvested from it.
    S3,
}

/// What the parts work with.
pub(crate) struct Ground {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// The binary under test.
    pub(crate) klimalade: PathBuf,
    /// Python with the readers and the server.
    pub(crate) venv: Venv,
    /// Everything that is written.
    pub(crate) scratch: TempDir,
}

impl Ground {
    /// The binary with a home that has nothing of its own, so that the embedded pipelines alone run.
    pub(crate) fn klimalade(&self) -> Command {
        self.klimalade_at(self.scratch.path())
    }
    /// The binary with a home of the operator's.
    pub(crate) fn klimalade_at(&self, home: &Path) -> Command {
        let mut command = Command::new(&self.klimalade);
        command.arg("--home").arg(home);
        for name in ["KLIMALADE_HOME", "KLIMALADE_LAKE"] {
            command.env_remove(name);
        }
        command
    }
    /// A script of tests/outside.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = self.venv.python();
        command.arg(self.root.join("tests/outside").join(name));
        command
    }
}

/// Runs the parts but CKAN, or one of them. The first failure ends it.
pub(crate) fn run_parts(ground: &Ground, only: Option<Part>) -> Result<()> {
    let chosen = |part| only.is_none_or(|only| only == part);
    if chosen(Part::Definitions) {
        definitions(ground).context("definitions")?;
    }
    if chosen(Part::Readers) {
        readers(ground).context("readers")?;
    }
    if chosen(Part::Spark) {
        spark(ground).context("spark")?;
    }
    if chosen(Part::Exports) {
        exports(ground).context("exports")?;
    }
    if chosen(Part::Analyst) {
        analyst(ground).context("analyst")?;
    }
    if chosen(Part::Operator) {
        operator(ground).context("operator")?;
    }
    if chosen(Part::Servers) {
        servers(ground).context("servers")?;
    }
    if only == Some(Part::Ckan) {
        ckan(ground).context("ckan")?;
    }
    if chosen(Part::Site) {
        site(ground).context("site")?;
    }
    if chosen(Part::S3) {
        s3::killed_night(ground).context("s3")?;
    }
    Ok(())
}

/// `cargo dev outside`.
pub(crate) fn run_all(root: &Path, only: Option<Part>) -> Result<Findings> {
    let ground = Ground {
        root: root.to_owned(),
        klimalade: binary(root, "debug")?,
        venv: Venv::of(root, "requirements.txt")?,
        scratch: TempDir::with_prefix("klimalade-outside-").context("no scratch folder can be made")?,
    };
    run_parts(&ground, only)?;
    Ok(Findings::new())
}

/// Builds the binary with the features of the whole workspace and says where it is.
pub(crate) fn binary(root: &Path, profile: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "klimalade-cli",
            "--bin",
            "klimalade",
        ])
        .current_dir(root);
    if profile == "release" {
        command.arg("--release");
    }
    // `cargo dev` runs under cargo, which says of us what ring's build script watches (CARGO_PKG_NAME and so on): inherited, it
    // makes ring, and with it all of DataFusion, be built anew here and again by the next cargo of the shell (2026-11-26).
    let of_us = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_us)) {
        command.env_remove(name);
    }
    run(&mut command)?;
    Ok(target(root).join(profile).join("klimalade"))
}

fn definitions(ground: &Ground) -> Result<()> {
    let (folder, schema) = (
        ground.root.join("pipelines"),
        ground.root.join("schemas/pipeline.schema.json"),
    );
    run(ground.script("definitions.py").arg(folder).arg(schema))
}

fn operator(ground: &Ground) -> Result<()> {
    let mode = match std::env::var_os("KLIMALADE_ACCEPT") {
        Some(_) => "write",
        None => "check",
    };
    run(Venv::of(&ground.root, "requirements-operator.txt")?
        .python()
        .arg(ground.root.join("tests/outside/add_sources.py"))
        .arg(&ground.klimalade)
        .arg(ground.root.join("schemas/codes/areas.csv"))
        .arg(ground.root.join("docs/adding-sources.md"))
        .arg(mode))
}

fn servers(ground: &Ground) -> Result<()> {
    run(Venv::of(&ground.root, "requirements-servers.txt")?
        .python()
        .arg(ground.root.join("tests/outside/servers.py"))
        .arg(&ground.klimalade)
        .arg(target(&ground.root).join("outside")))
}

fn ckan(ground: &Ground) -> Result<()> {
    run(ground
        .script("ckan_portal.py")
        .arg(&ground.klimalade)
        .arg(target(&ground.root).join("outside")))
}

/// The demo lake that readers, Spark and analysts share, after so many nights of all pipelines.
fn demo_lake(ground: &Ground, nights: usize) -> Result<PathBuf> {
    let lake = ground.scratch.path().join("readers-lake");
    let had = std::fs::read_dir(lake.join("ledger")).map_or(0, |runs| runs.count());
    for _ in had..nights {
        let seconds = night(ground, &lake.display().to_string(), &[])?;
        say(format!(
            "a simulated night of all pipelines: {:.0} s",
            seconds.as_secs_f64()
        ));
    }
    Ok(lake)
}

fn spark(ground: &Ground) -> Result<()> {
    run(Venv::of(&ground.root, "requirements-spark.txt")?
        .python()
        .arg(ground.root.join("tests/outside/spark.py"))
        .arg(demo_lake(ground, 1)?)
        .arg(&ground.root))
}

fn exports(ground: &Ground) -> Result<()> {
    run(Venv::of(&ground.root, "requirements-exports.txt")?
        .python()
        .arg(ground.root.join("tests/outside/exports.py"))
        .arg(&ground.klimalade)
        .arg(demo_lake(ground, 1)?))
}

fn analyst(ground: &Ground) -> Result<()> {
    let (lake, page) = (demo_lake(ground, 2)?, ground.root.join("docs/analyst.md"));
    run(ground.script("analyst.py").arg(&lake).arg(&page))?;
    run(ground.script("pruning.py").arg(&lake).arg(&page))
}

fn site(ground: &Ground) -> Result<()> {
    let (lake, folder) = (demo_lake(ground, 2)?, ground.scratch.path().join("site"));
    run(ground
        .klimalade()
        .args(["report", "--year", "2025", "--lake"])
        .arg(&lake)
        .arg("--out")
        .arg(&folder))?;
    run(Venv::of(&ground.root, "requirements-site.txt")?
        .python()
        .arg(ground.root.join("tests/outside/site.py"))
        .arg(&folder)
        .arg(target(&ground.root).join("outside"))
        .arg("--lake")
        .arg(&lake)
        .arg("--status")
        .arg(lake.join("catalog/status.html")))
}

fn readers(ground: &Ground) -> Result<()> {
    let lake = demo_lake(ground, 1)?;
    run(ground
        .script("readers.py")
        .arg(&lake)
        .arg(ground.root.join("schemas/codes/indicators.csv"))
        .arg(ground.root.join("README.md")))?;
    run(ground.script("out.py").arg(&lake))?;
    run(ground.script("catalog.py").arg(&lake))
}

/// One whole simulated night; how long it took.
pub(crate) fn night(ground: &Ground, lake: &str, pipelines: &[&str]) -> Result<Duration> {
    let begun = Instant::now();
    run_quietly(
        ground
            .klimalade()
            .args(["run", "--demo", "--strict", "--lake", lake])
            .args(pipelines),
    )?;
    Ok(begun.elapsed())
}
