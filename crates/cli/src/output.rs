use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use klimalade_model::{Fault, Result};
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, LogFormat};

/// Whether stderr is a log of one JSON object a line: then nothing else may stand there. As global as the log itself.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// True when what goes to stderr is read by a machine.
pub(crate) fn is_json_log() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Sets the log on stderr up: warnings, or what KLIMALADE_LOG says.
pub(crate) fn start_logging(arguments: &Arguments) {
    let filter = EnvFilter::try_from_env("KLIMALADE_LOG").unwrap_or_else(|_| {
        EnvFilter::new(if arguments.log_format == LogFormat::Json {
            "warn,klimalade=info"
        } else {
            "error,klimalade=warn"
        })
    });
    IS_JSON.store(arguments.log_format == LogFormat::Json, Ordering::Relaxed);
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let done = match arguments.log_format {
        LogFormat::Json => base.json().try_init(),
        LogFormat::Text => base.with_ansi(colour).without_time().with_target(false).try_init(),
    };
    // A second initialisation (tests in one process) keeps the first.
    let _ = done;
}

/// A line of data.
pub(crate) fn data(line: impl AsRef<str>) {
    // A reader that closed the pipe wants no more; that is no error of ours.
    let _ = writeln!(io::stdout().lock(), "{}", line.as_ref());
}

/// A line for the person at the terminal, or for whoever reads the log.
pub(crate) fn note(line: impl AsRef<str>) {
    if is_json_log() {
        tracing::info!(target: "klimalade", "{}", line.as_ref());
    } else {
        let _ = writeln!(io::stderr().lock(), "{}", line.as_ref());
    }
}

/// Something of an owner that is worth saying and stops nothing.
pub(crate) fn warning(owner: &str, text: &str) {
    if is_json_log() {
        tracing::warn!(target: "klimalade", owner, "{text}");
    } else {
        note(format!("warning: {owner}: {text}"));
    }
}

/// A fault, for the person at the terminal or as the fields of a log line.
pub(crate) fn fault(fault: &Fault) {
    if is_json_log() {
        logged(fault, None, false);
    } else {
        note(format!("error: {fault}"));
    }
}

/// One log line with the words of a fault in fields of their own; `of` is owner and part.
pub(crate) fn logged(fault: &Fault, of: Option<(&str, &str)>, is_warning: bool) {
    let (owner, part) = of.unzip();
    let (kind, at) = (fault.kind().to_string(), fault.places().join(", "));
    let (expected, found, hint) = (fault.expected_text(), fault.found_text(), fault.hint_text());
    if is_warning {
        tracing::warn!(target: "klimalade", owner, part, kind, at, expected, found, hint, "{}", fault.what());
    } else {
        tracing::error!(target: "klimalade", owner, part, kind, at, expected, found, hint, "{}", fault.what());
    }
}

/// JSON on stdout.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<()> {
    data(serde_json::to_string_pretty(value).map_err(|source| Fault::bug("the answer is no JSON").because(source))?);
    Ok(())
}

/// A plain table on stdout.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|cell| cell.to_uppercase()).collect::<Vec<_>>());
    for row in rows {
        table.add_row(row);
    }
    for line in table.lines() {
        data(line.trim_end());
    }
}

/// Rows under the names of their columns as they are written; numbers stand to the right.
pub(crate) fn rows(header: &[&str], is_number: &[bool], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (column, is_number) in table.column_iter_mut().zip(is_number) {
        if *is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        data(line.trim_end());
    }
}

/// A number with thin groups: 1 234 567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A number of things: 1 row, 2 rows.
pub(crate) fn count(number: usize, word: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {word}{end}")
}
