//! The command line: arguments, settings, and what is printed. Data goes to stdout, all else to stderr.

mod address;
mod arguments;
mod check;
mod connectors;
mod demo;
mod difference;
mod examples;
mod expected;
mod explain;
mod export;
mod inspect;
mod manual;
mod new;
mod night;
mod out_file;
mod output;
mod pipeline_schema;
mod probe;
mod progress;
mod query;
mod recorded;
mod recording;
mod reference;
mod rehearsal;
mod report;
mod scratch;
mod settings;
mod setup;
mod template;
mod unfinished;

use std::process::ExitCode;

use clap::Parser;
use klimalade_model::{Fault, Kind};

pub use check::{Finding, check_catalogue};
pub use connectors::registry;
pub use pipeline_schema::pipeline_schema;

/// Exit code of a wrong command line, wrong settings or the wrong kind of lake: nothing ran.
pub(crate) const NOTHING_RAN: u8 = 2;
/// Exit code of findings.
pub(crate) const FINDINGS: u8 = 1;
/// Exit code of a fault of ours.
pub(crate) const OURS: u8 = 3;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    output::start_logging(&arguments);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::fault(&Fault::bug("the runtime cannot start").because(error));
            return ExitCode::from(OURS);
        }
    };
    let code = runtime.block_on(run(arguments));
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(arguments: arguments::Arguments) -> u8 {
    use arguments::Command;
    let outcome = match &arguments.command {
        Command::New(new) => new::new(&arguments, new),
        Command::Probe(probe) => probe::probe(&arguments, probe).await,
        Command::Template(asked) => template::template(&arguments, asked),
        Command::Run(run) => night::run(&arguments, run, false).await,
        Command::Replay(run) => night::run(&arguments, run, true).await,
        Command::Plan(names) => inspect::plan(&arguments, names).await,
        Command::Check(names) => check::check(&arguments, names).await,
        Command::Test(names) => recorded::test(&arguments, names).await,
        Command::Verify => inspect::verify(&arguments).await,
        Command::Retire(retire) => inspect::retire(&arguments, retire).await,
        Command::Vacuum(vacuum) => inspect::vacuum(&arguments, vacuum).await,
        Command::Status(status) => inspect::status(&arguments, status).await,
        Command::Query(asked) => query::query(&arguments, asked).await,
        Command::Export(asked) => export::export(&arguments, asked).await,
        Command::Report(report) => report::report(&arguments, report).await,
        Command::Explain(question) => explain::explain(&arguments, question).await,
        Command::Connectors(which) => reference::connectors(&arguments, which),
        Command::Schema(which) => reference::schema(&arguments, which),
        Command::Completions(which) => manual::completions(which),
        Command::Man => manual::man(),
    };
    match outcome {
        Ok(code) => code,
        Err(fault) => {
            output::fault(&fault);
            // What only the operator can mend is told apart from what may mend itself, such as a store out of reach.
            match fault.kind() {
                Kind::Bug => OURS,
                Kind::Settings => NOTHING_RAN,
                _ => FINDINGS,
            }
        }
    }
}
