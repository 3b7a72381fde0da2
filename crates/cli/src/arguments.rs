use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::examples;

/// Harvests the systems that Danish municipalities report into, maps them to one common climate-monitoring schema,
/// and writes partitioned Parquet.
#[derive(Debug, Parser)]
#[command(name = "klimalade", version, max_term_width = 100, after_help = examples::WHOLE)]
pub(crate) struct Arguments {
    /// Folder of klimalade.toml, pipelines/, schemas/, laid over the binary's; or KLIMALADE_HOME.
    #[arg(
        long,
        global = true,
        default_value = ".",
        value_name = "DIR",
        env = "KLIMALADE_HOME",
        hide_env = true
    )]
    pub(crate) home: PathBuf,
    /// A folder, s3://, az:// or gs://; else KLIMALADE_LAKE, klimalade.toml's, ./lake, ./demo-lake.
    #[arg(long, global = true, value_name = "URL", env = "KLIMALADE_LAKE", hide_env = true)]
    pub(crate) lake: Option<String>,
    /// Simulated agencies on loopback; rows and lake are marked as simulated.
    #[arg(long, global = true)]
    pub(crate) demo: bool,
    /// Data on stdout as JSON instead of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log on stderr: text, or json (one object a line).
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT",
          hide_possible_values = true)]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the folder of a new pipeline: a commented template.
    #[command(after_help = examples::NEW)]
    New(New),
    /// Fetch one page, record it, say what it holds, draft [columns] and map.sql.
    #[command(after_help = examples::PROBE)]
    Probe(Probe),
    /// Write the workbook that somebody fills in for a pipeline of dropped files.
    #[command(after_help = examples::TEMPLATE)]
    Template(Template),
    /// One night: harvest, map, check, publish.
    #[command(after_help = examples::RUN)]
    Run(Run),
    /// Show the parts that the agencies offer, and which would be asked for.
    #[command(after_help = examples::PLAN)]
    Plan(Names),
    /// Map again what stands in raw/; asks nobody.
    #[command(after_help = examples::REPLAY)]
    Replay(Run),
    /// Read pipelines without network: settings, SQL, codes, ownership, habits.
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Recorded answers to expected rows, for each pipeline.
    #[command(after_help = examples::TEST)]
    Test(TestNames),
    /// Look whether the lake is whole: files, hashes, rows, snapshots.
    #[command(after_help = examples::VERIFY)]
    Verify,
    /// Remove a pipeline's partitions; what vanishes goes to core/revision.
    #[command(after_help = examples::RETIRE)]
    Retire(Retire),
    /// Remove snapshots from raw/ that nothing published refers to.
    #[command(after_help = examples::VACUUM)]
    Vacuum(Vacuum),
    /// What is published, how fresh it is, what the last night said.
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// SQL over the lake: a table, CSV, JSON or Parquet.
    #[command(after_help = examples::QUERY)]
    Query(Query),
    /// The lake in forms that others ask for: GPC and CRF tables, CDP-ICLEI rows, SDMX.
    #[command(after_help = examples::EXPORT)]
    Export(Export),
    /// Write the yearly status report as a static site, from the tables of out/.
    #[command(after_help = examples::REPORT)]
    Report(Report),
    /// Trace a figure to its mapping, pages, raw rows and earlier values.
    #[command(after_help = examples::EXPLAIN)]
    Explain(Explain),
    /// List the connectors, or print the manual of one (--json: its JSON schema).
    #[command(after_help = examples::CONNECTORS)]
    Connectors(Which),
    /// List the tables and code lists, or print one; `pipeline`: the JSON schema.
    #[command(after_help = examples::SCHEMA)]
    Schema(Which),
    /// Print completions for a shell: bash, zsh, fish.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(Completions),
    /// Print the man page.
    #[command(after_help = examples::MAN)]
    Man,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

#[derive(Args, Debug)]
pub(crate) struct New {
    /// <agency>_<dataset> in small ASCII letters.
    pub(crate) pipeline: String,
    /// The protocol that the source speaks: klimalade connectors lists them.
    #[arg(long, value_name = "NAME")]
    pub(crate) connector: String,
    /// Where it is, as copied from a browser: a file, a collection, a table, a dataset.
    #[arg(long, value_name = "URL")]
    pub(crate) address: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Probe {
    /// The pipeline, or one owner (<pipeline>.<instance>).
    pub(crate) pipeline: String,
    /// Write [columns] into pipeline.toml and a first map.sql.
    #[arg(long)]
    pub(crate) write: bool,
    /// Write over recorded answers, and with --write over columns and map.sql.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Template {
    /// The pipeline; those that read the same files get a sheet each.
    pub(crate) pipeline: String,
    /// The workbook; else <pipeline>.xlsx.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Rows to put in, as CSV under the sheet's headings; <sheet>=<file> where there are several.
    #[arg(long, value_name = "CSV")]
    pub(crate) fill: Vec<String>,
    /// Write over a file of that name.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// Pipelines, or owners (<pipeline>.<instance>); left out: all.
    pub(crate) pipelines: Vec<String>,
    /// Every warning becomes exit code 1.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Look at everything that stands in raw/ and ask again for what is gone or damaged.
    #[arg(long)]
    pub(crate) repair: bool,
    /// Say what the night would do: fetch, map and check in scratch, compare with what is published, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Owners that run beside each other.
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<usize>,
    /// Size of the simulated agencies; 1 is small.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, requires = "demo")]
    pub(crate) demo_factor: f64,
    /// Seed of the simulated figures.
    #[arg(long, value_name = "SEED", default_value_t = 1, requires = "demo")]
    pub(crate) demo_seed: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Names {
    /// Pipelines or owners; left out: all.
    pub(crate) pipelines: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Pipelines or owners; left out: all. One alone is told of check by check.
    pub(crate) pipelines: Vec<String>,
    /// One line for each check of each owner.
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Warnings end with exit code 1.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TestNames {
    /// Pipelines; left out: all.
    pub(crate) pipelines: Vec<String>,
    /// Write what came out as the rows that must come out.
    #[arg(long)]
    pub(crate) accept: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Retire {
    /// The owner.
    pub(crate) owner: String,
}

#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A table of core: `klimalade schema` lists them.
    pub(crate) table: String,
    /// column=value for each column that tells the row apart; or values of the table's unique key, in its order.
    #[arg(required = true)]
    pub(crate) key: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Query {
    /// One SELECT, EXPLAIN or DESCRIBE over core.<table>, out.<table>, codes.<list>, ledger, pipelines, run_date.
    #[arg(required_unless_present = "tables", conflicts_with = "tables")]
    pub(crate) sql: Option<String>,
    /// List what can be read, with rows.
    #[arg(long)]
    pub(crate) tables: bool,
    /// How rows are written: table, csv, json, ndjson, parquet; else by the ending of --out, else a table, also into a pipe.
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// A file instead of stdout; Parquet needs one.
    #[arg(long, value_name = "FILE", conflicts_with = "tables")]
    pub(crate) out: Option<PathBuf>,
    /// Rows that a table shows; the others are counted.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) rows: usize,
    /// Write over a file of that name.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// Comma-separated, UTF-8, decimal point.
    Csv,
    /// An array of objects.
    Json,
    /// An object a line.
    Ndjson,
    /// One file.
    Parquet,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    /// gpc or crf: the table of an inventory; cdp: rows for CDP-ICLEI Track; sdmx: yearly figures and their structure.
    #[arg(value_enum, hide_possible_values = true)]
    pub(crate) form: ExportForm,
    /// gpc, crf, cdp: the municipality's code; crf: also DK.
    #[arg(long, value_name = "CODE",
          required_if_eq_any([("form", "gpc"), ("form", "crf"), ("form", "cdp")]))]
    pub(crate) area: Option<String>,
    /// gpc, crf, cdp: the year of the account; cdp has the newest where it is left out.
    #[arg(long, value_name = "YEAR", required_if_eq_any([("form", "gpc"), ("form", "crf")]))]
    pub(crate) year: Option<i16>,
    /// sdmx: this indicator only; may be given more than once.
    #[arg(long, value_name = "CODE")]
    pub(crate) indicator: Vec<String>,
    /// A file instead of stdout; sdmx: the folder that observation.csv and structure.xml go to.
    #[arg(long, value_name = "PATH", required_if_eq("form", "sdmx"))]
    pub(crate) out: Option<PathBuf>,
    /// Write over files of that name.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportForm {
    /// Global Protocol for Community-scale inventories.
    Gpc,
    /// Common Reporting Format.
    Crf,
    /// CDP-ICLEI Track.
    Cdp,
    /// SDMX-CSV and SDMX-ML.
    Sdmx,
}

#[derive(Args, Debug)]
pub(crate) struct Report {
    /// The year of the report: newer figures are left out.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(2007..=2100))]
    pub(crate) year: i16,
    /// Folder of the site. What lies there is written over, and nothing else removed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The last report: its folder, its report.json, or the day it was made (2025-04-01). What agencies restated after it is
    /// shown; without it all that the lake has seen.
    #[arg(long, value_name = "REPORT")]
    pub(crate) since: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Write it as a page: what needs somebody, the last nights, freshness, rejects, controls, what is due.
    #[arg(long)]
    pub(crate) html: bool,
    /// Folder of the page.
    #[arg(long, value_name = "DIR", default_value = "status", requires = "html")]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Vacuum {
    /// Only snapshots that were put before so many days; what a night fetched and has not published yet is younger.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) older_than_days: u32,
    /// Only say what would go.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Its name.
    pub(crate) name: Option<String>,
}
