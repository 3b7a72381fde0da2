//! `cargo dev <command>`: generated files, the walls of the house, real servers and readers, the benchmark.

mod bench;
mod generate;
mod indicators;
mod outside;
mod overview;
mod place;
mod process;
mod s3;
mod venv;
mod walls;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::place::{complain, say};

/// What developers of Klimalade run besides cargo itself.
#[derive(Debug, Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The files that are made from code and schemas: schemas/pipeline.schema.json, schemas/DICTIONARY.md, docs/indicators.md,
    /// README's table.
    Generate {
        /// Write them, or say how they differ from what stands there.
        #[arg(long, value_enum)]
        mode: Mode,
    },
    /// Assert who may depend on whom, one version of each data crate, the bans, and that the registry is complete.
    Walls,
    /// Real readers, real geo servers and a real S3 server, from PyPI, Debian and npm, on simulated figures.
    Outside {
        /// Only this part.
        #[arg(long, value_enum)]
        only: Option<outside::Part>,
    },
    /// CPU seconds and memory against Polars and dlt, on Energi Data Service's form from nginx on loopback; or against GDAL
    /// and dlt, on WFS GML.
    Bench {
        /// Rows to serve; give it again for another size.
        #[arg(long = "rows", default_values_t = [1_000_000, 3_000_000])]
        rows: Vec<u64>,
        /// Leave out dlt, which takes minutes.
        #[arg(long)]
        without_dlt: bool,
        /// WFS GML in the place of that, against GDAL and dlt with lxml.
        #[arg(long, conflicts_with = "rows")]
        gml: bool,
        /// Features to serve with --gml; 520,000 are 300 MB.
        #[arg(long, requires = "gml", default_value_t = 520_000)]
        features: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Put the files in place.
    Write,
    /// Print the differences; exit code 1 if there are any.
    Check,
}

fn main() -> ExitCode {
    let outcome = place::root().and_then(|root| match Arguments::parse().command {
        Command::Generate { mode: Mode::Write } => generate::write(&root),
        Command::Generate { mode: Mode::Check } => generate::check(&root),
        Command::Walls => walls::assert_all(&root),
        Command::Outside { only } => outside::run_all(&root, only),
        Command::Bench {
            without_dlt,
            gml: true,
            features,
            ..
        } => bench::run_gml(&root, features, without_dlt),
        Command::Bench { rows, without_dlt, .. } => bench::run_bench(&root, &rows, without_dlt),
    });
    match outcome {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in &findings {
                complain(finding);
            }
            say(format!("{} findings", findings.len()));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
