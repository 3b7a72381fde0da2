use klimalade_connect::Fault;

/// What goes wrong with such a service beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The probe's value is not published yet, or the request is wrong: the two cannot be told apart.
    #[error("the service does not have it yet, or does not understand the request")]
    NotThereYet {
        /// HTTP status.
        status: u16,
    },
    /// The settings name a count that a page does not have.
    #[error("a page does not say how many rows there are")]
    NoCount {
        /// `count` of the settings.
        path: String,
        /// What stands there.
        found: Option<String>,
    },
    /// The service has lost its data, or the combination does not exist.
    #[error("the answer has no rows")]
    NoRows {
        /// The values asked for.
        combination: String,
    },
    /// The stored address of a page does not say which values were asked for.
    #[error("the page's address does not name a planned value of the axis")]
    AxisUnknown {
        /// The axis.
        axis: String,
        /// What the address has.
        found: Option<String>,
    },
    /// A column `matrix.<axis>` names no axis.
    #[error("a column names no axis of the matrix")]
    NoSuchAxis {
        /// The column's source name.
        column: String,
        /// The axes that there are.
        axes: String,
    },
}

impl Error {
    pub(crate) fn is_not_there_yet(fault: &Fault) -> bool {
        let cause = std::error::Error::source(fault).and_then(|cause| cause.downcast_ref());
        matches!(cause, Some(Self::NotThereYet { .. }))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::NotThereYet { status } => Fault::source(what).found(format!("HTTP {status}")).because(error),
            Error::NoCount { path, found } => Fault::source(what)
                .expected(format!("a whole number at {path}"))
                .found(found.unwrap_or_else(|| "nothing".to_owned()))
                .hint("correct count in [source], or leave it out"),
            Error::NoRows { combination } => Fault::source(what)
                .at(combination)
                .expected("at least one row")
                .hint("allow_empty = true in [source], if the agency has none"),
            Error::AxisUnknown { axis, found } => Fault::source(what)
                .expected(axis)
                .found(found.unwrap_or_else(|| "nothing".to_owned())),
            Error::NoSuchAxis { column, axes } => Fault::settings(what)
                .at("[[raw.columns]]")
                .found(column)
                .expected(axes)
                .hint("from = \"matrix.<axis>\" with an axis of [source] matrix"),
        }
    }
}
