use jiff::civil::DateTime;
use klimalade_connect::{Fault, Result};
use klimalade_model::danish_local_to_utc;
use serde::Deserialize;

use crate::Settings;

/// What is read of a tableinfo answer. `contacts` names persons and is never read, so it is never stored.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TableInfo {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) unit: String,
    pub(crate) updated: String,
    #[serde(default = "yes")]
    pub(crate) active: bool,
    #[serde(rename = "suppressedDataValue", default)]
    pub(crate) suppressed: Option<String>,
    pub(crate) variables: Vec<Variable>,
}

/// A variable of the table.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Variable {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) elimination: bool,
    #[serde(default)]
    pub(crate) time: bool,
    #[serde(default)]
    pub(crate) map: Option<String>,
    pub(crate) values: Vec<Value>,
}

/// A value of a variable.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Value {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) text: String,
}

fn yes() -> bool {
    true
}

impl TableInfo {
    /// Reads the answer. Errors: Source, where it is no tableinfo or has no time.
    pub(crate) fn read(answer: serde_json::Value) -> Result<Self> {
        let info: Self = serde_json::from_value(answer)
            .map_err(|source| Fault::source("the answer is no tableinfo of StatBank").because(source))?;
        if info.variables.iter().filter(|variable| variable.time).count() != 1 {
            return Err(Fault::source("a table has exactly one variable of time")
                .at(&info.id)
                .found(info.names()));
        }
        if let Some(empty) = info.variables.iter().find(|variable| variable.values.is_empty()) {
            return Err(Fault::source("a variable has no values").at(&info.id).found(&empty.id));
        }
        Ok(info)
    }
    /// A variable by its id in any case.
    pub(crate) fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables
            .iter()
            .find(|variable| Settings::same(&variable.id, name))
    }
    /// All variables, for messages.
    pub(crate) fn names(&self) -> String {
        self.variables
            .iter()
            .map(|variable| variable.id.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }
    /// `updated` as wall clock time: Danish local time without an offset (2025-03-25T08:00:00 is 07:00 UTC and
    /// 2025-08-11T08:00:00 is 06:00 UTC; compared with JSONSTAT's, which is in UTC, 2025-10-30).
    pub(crate) fn updated_local(&self) -> Result<DateTime> {
        self.updated.parse().map_err(|source: jiff::Error| {
            Fault::source("`updated` is no time")
                .at(&self.id)
                .found(&self.updated)
                .because(source)
        })
    }
    /// `updated` in UTC, RFC 3339.
    pub(crate) fn updated_utc(&self) -> Result<String> {
        Ok(danish_local_to_utc(self.updated_local()?)?.to_string())
    }
}
