use std::fmt;

use arrow_schema::{DataType, Field, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Field metadata: the column's name at the source, where it differs from the declared one.
pub const FROM_KEY: &str = "klimalade:from";

/// Field metadata: "true" where a page may lack the column.
pub const OPTIONAL_KEY: &str = "klimalade:optional";

/// Whether a page may lack the column: its cells are null then.
pub fn is_optional(field: &Field) -> bool {
    field.metadata().get(OPTIONAL_KEY).is_some_and(|word| word == "true")
}

/// The name under which the source gives the column: a CSV header, a JSON key or a dotted path of keys.
pub fn source_name(field: &Field) -> &str {
    field.metadata().get(FROM_KEY).map_or(field.name(), String::as_str)
}

/// The types as which a raw column can be declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// Text; numbers keep the digits that were served.
    Text,
    /// Whole number.
    Int,
    /// Number.
    Float,
    /// True or false.
    Bool,
    /// Civil date.
    Date,
    /// Instant; without an offset it is read as UTC.
    Timestamp,
    /// Geometry, as WKB in EPSG:25832.
    Geometry,
}

impl SourceType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Int,
        Self::Float,
        Self::Bool,
        Self::Date,
        Self::Timestamp,
        Self::Geometry,
    ];

    /// The word in pipeline.toml.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Geometry => "geometry",
        }
    }

    /// As a reader gives it.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Geometry => DataType::Binary,
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A column that a page has, whether it is declared or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// As `from = "..."`, or a declared column, names it.
    pub name: String,
    /// The narrowest type that says what the cells seen are: text where they are codes with leading zeros, or where
    /// there was no cell.
    pub kind: SourceType,
    /// Every type as which the cells seen can be declared without a fault, `kind` among them.
    pub fits: Vec<SourceType>,
    /// Cells seen that hold a value.
    pub filled: u64,
}

impl SourceColumn {
    /// Whether a column that is declared so reads all cells that were seen. One without a cell says nothing against it.
    pub fn reads_as(&self, declared: SourceType) -> bool {
        self.filled == 0 || self.fits.contains(&declared)
    }

    /// The same column, which is text whatever its cells look like: a code.
    #[must_use]
    pub fn as_text(mut self) -> Self {
        self.kind = SourceType::Text;
        self
    }
}
