use arrow_schema::ArrowError;
use klimalade_model::{Fault, Kind};

/// What can be wrong with a page, by who has to act on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The body ends before it is whole, or is not what its form demands. The agency's matter: ask again.
    #[error("the body is not whole or not well formed: {found}")]
    Malformed {
        /// Byte offset, what stood there.
        found: String,
    },
    /// There is no array of rows where the settings say.
    #[error("the answer has no array of rows `{path}`")]
    NoRows {
        /// Dotted path of the settings; empty is the top level.
        path: String,
        /// Keys, or the kind of value, that are there instead.
        found: String,
    },
    /// A declared column is not in the page.
    #[error("column `{column}` is missing")]
    MissingColumn {
        /// Declared name.
        column: String,
        /// Name that it should have at the source.
        source_name: String,
        /// What the source has.
        found: String,
    },
    /// Two columns of the source fit one declared name.
    #[error("column `{column}` is not unique at the source")]
    AmbiguousColumn {
        /// Declared name.
        column: String,
        /// The names that fit.
        found: String,
    },
    /// A row has more or fewer cells than the header.
    #[error("row {row} has another number of cells than the header")]
    RowLength {
        /// Number of the data row in the page, from 1.
        row: u64,
        /// Cells in the header.
        expected: usize,
        /// Cells in the row.
        found: usize,
    },
    /// A cell cannot be read as its column is declared.
    #[error("row {row}, column `{column}` cannot be read as declared")]
    Cell {
        /// Number of the data row in the page, from 1.
        row: u64,
        /// Declared name.
        column: String,
        /// What would be read.
        expected: String,
        /// What stands there, shortened.
        found: String,
    },
    /// A column is declared with a type that this form cannot fill.
    #[error("column `{column}` is declared with a type that cannot be read from this form")]
    ColumnType {
        /// Declared name.
        column: String,
        /// Declared type.
        found: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        // Parsers put what they found into their words, were it a megabyte.
        let what = shortened_to(&error.to_string(), 400);
        match error {
            Error::Malformed { .. } => Self::new(Kind::Source, what).worth_another_walk(),
            Error::NoRows { path, found } => {
                let expected = if path.is_empty() {
                    "an array at the top level".to_owned()
                } else {
                    format!("an array at `{path}`")
                };
                Self::new(Kind::Source, what)
                    .expected(expected)
                    .found(found)
                    .worth_another_walk()
            }
            Error::MissingColumn {
                column,
                source_name,
                found,
            } => Self::new(Kind::Contract, what)
                .expected(format!("`{source_name}`"))
                .found(found)
                .hint(format!(
                    "{column} = {{ from = \"<name at the source>\" }} under [columns]"
                )),
            Error::AmbiguousColumn { found, .. } => Self::new(Kind::Contract, what)
                .expected("one column of that name")
                .found(found),
            Error::RowLength { expected, found, .. } => Self::new(Kind::Contract, what)
                .expected(format!("{expected} cells"))
                .found(format!("{found} cells")),
            Error::Cell { expected, found, .. } => {
                let fault = Self::new(Kind::Contract, what)
                    .expected(expected.clone())
                    .found(found.clone());
                let is_danish = |text: &str| {
                    let mut letters = text.trim_matches('`').chars();
                    text.contains(',')
                        && letters.all(|letter| letter.is_ascii_digit() || matches!(letter, ',' | '.' | '-'))
                };
                if expected.contains("number") && is_danish(&found) {
                    return fault.hint("decimal = \",\" in the format under [source]; or type = \"text\" and decimal_comma(...) in map.sql");
                }
                fault
            }
            Error::ColumnType { found, .. } => Self::new(Kind::Settings, what)
                .expected("text, int16, int32, int64, float64, bool, date, timestamp_utc, or wkb from JSON and GML")
                .found(found),
        }
    }
}

/// As errors travel inside a record batch reader.
pub(crate) fn travelling(fault: Fault) -> ArrowError {
    ArrowError::ExternalError(Box::new(fault))
}

/// The fault that an I/O error carries, or a Source fault around it: the pages are local files, but what stands in
/// them was read through decoders of ours.
pub(crate) fn from_io(error: std::io::Error) -> Fault {
    match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) => Fault::transient("the page cannot be read").because(error),
    }
}

/// At most 120 characters of what was found; a page may hold anything.
pub(crate) fn shortened(text: &str) -> String {
    shortened_to(text, 120)
}

/// So many characters of it at most.
pub(crate) fn shortened_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
