use klimalade_connect::Fault;

/// What Energi Data Service can be found to do wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `{"statusCode":429,"message":"Rate limit is exceeded. Try again in 210 seconds."}`, at times with HTTP 200
    /// (2026-09-23): about one request per dataset and minute, since 2026-06 different for each dataset.
    #[error("Energi Data Service asks for a pause: {message}")]
    Pause {
        /// As served; names the wait.
        message: String,
    },
    /// An error body with another `statusCode`.
    #[error("Energi Data Service answered {status}: {message}")]
    Refused {
        /// `statusCode`.
        status: u64,
        /// As served.
        message: String,
    },
    /// An answer without `records`.
    #[error("the answer has no records")]
    NoRecords {
        /// The keys that it has.
        found: String,
    },
    /// The dataset has lost a column that the pipeline needs. Columns were renamed before (HourUTC to TimeUTC,
    /// MunicipalityNo to MunicipalityCode, 2025).
    #[error("the dataset has no such column")]
    MissingColumn {
        /// Dataset.
        dataset: String,
        /// Column.
        column: String,
        /// The columns that there are.
        known: String,
    },
    /// A row outside the time that was asked for.
    #[error("a row is not of the time asked for")]
    OtherTime {
        /// First time asked for, and the first one that is not.
        expected: String,
        /// As served.
        found: String,
    },
    /// A row that the filter excludes. A `%` in a value can make a filter fail silently.
    #[error("a row is not of the filter asked for")]
    OtherRow {
        /// Column.
        column: String,
        /// The filter's values.
        expected: String,
        /// As served.
        found: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::Pause { .. } => Fault::transient(what),
            Error::Refused { status: 500.., .. } => Fault::transient(what),
            Error::Refused { status: 400 | 404, .. } => {
                Fault::settings(what).hint("correct dataset, columns, sort, filter or start")
            }
            Error::Refused { .. } => Fault::source(what),
            Error::NoRecords { found } => Fault::source(what).expected("records").found(found),
            Error::MissingColumn { dataset, column, known } => Fault::contract(what)
                .at(dataset)
                .expected(column)
                .found(known)
                .hint("correct columns, sort, time_column or filter, and map.sql"),
            Error::OtherTime { expected, found } => Fault::source(what).expected(expected).found(found),
            Error::OtherRow {
                column,
                expected,
                found,
            } => Fault::source(what)
                .at(column)
                .expected(expected)
                .found(found)
                .hint("leave filter out and choose in map.sql"),
        }
    }
}
