//! What stands above the rows of an export, so that a file says of itself what it is.

use std::io::Write;

use klimalade_model::{Fault, Result};

/// Lines that begin with `#`: readers of CSV are told to skip them (`comment='#'`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Header(Vec<(&'static str, String)>);

impl Header {
    pub(crate) fn say(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> Result<()> {
        for (name, value) in &self.0 {
            // A line is a line, whatever an agency calls its edition.
            let value = value.replace(['\n', '\r'], " ");
            writeln!(out, "# {name}: {value}").map_err(not_written)?;
        }
        Ok(())
    }
}

pub(crate) fn not_written(source: std::io::Error) -> Fault {
    Fault::transient("the export cannot be written").found(source.to_string())
}

pub(crate) fn csv_not_written(source: csv::Error) -> Fault {
    Fault::transient("the export cannot be written").found(source.to_string())
}
