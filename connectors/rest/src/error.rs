use klimalade_connect::Fault;

/// What goes wrong with such a service beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody has to configure the secret.
    #[error("the secret {name} is not configured")]
    SecretMissing {
        /// Name of the secret.
        name: String,
    },
    /// Somebody has to renew or correct the secret.
    #[error("the server refused the credential")]
    CredentialRefused {
        /// HTTP status.
        status: u16,
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

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::SecretMissing { name } => Fault::settings(what).at("[source.auth] secret").hint(format!(
                "set KLIMALADE_SECRET_{} or [secrets] in klimalade.toml",
                name.to_uppercase()
            )),
            Error::CredentialRefused { status } => Fault::settings(what)
                .at("[source.auth]")
                .found(format!("HTTP {status}"))
                .hint("ask the agency for a new key and set it under the name that [source.auth] secret gives"),
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
