//! The binary `klimalade`.

use std::process::ExitCode;

fn main() -> ExitCode {
    klimalade_cli::main()
}
