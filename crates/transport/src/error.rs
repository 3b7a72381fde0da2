use std::time::Duration;

use klimalade_model::{Fault, Kind};

/// What can go wrong on the way to an agency, by what the reader can do about it. No text in here holds a secret:
/// addresses are redacted and bodies pass through the redaction before they are quoted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or it broke before the answer began. Wait.
    #[error("the server could not be reached")]
    Unreachable {
        /// The errors underneath, outermost first.
        found: String,
    },
    /// No whole answer within the limit. Wait, or raise `timeout`.
    #[error("the server did not answer in time")]
    Slow {
        /// `Limits.timeout`.
        limit: Duration,
        /// The errors underneath.
        found: String,
    },
    /// A body that began and then fell silent. Wait.
    #[error("the answer stopped before its end")]
    Stalled {
        /// `Limits.idle`.
        idle: Duration,
    },
    /// The body ended early, or its compression broke off. Wait.
    #[error("the answer was cut")]
    Cut {
        /// The errors underneath.
        found: String,
    },
    /// 5xx, 408, 425, 429. Wait.
    #[error("the server cannot answer now")]
    Busy {
        /// HTTP status.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// The server named a wait that is longer than this pipeline allows. Come back another night.
    #[error("the server asks for a longer wait than is allowed")]
    AsksTooLong {
        /// What it asked for.
        asked: Duration,
        /// `Limits.longest_wait`.
        longest: Duration,
    },
    /// A redirect that may not be followed. Write the new address into the pipeline.
    #[error("source moved")]
    Moved {
        /// What would have been good.
        expected: String,
        /// Where the server sent us, redacted.
        found: String,
    },
    /// 401, 403, 407. Check the secret.
    #[error("the server refuses our credential")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Start of the body.
        body: String,
        /// Which secret to look at.
        hint: String,
    },
    /// 404, 410, or no such object. Check the address.
    #[error("nothing is served at this address")]
    Gone {
        /// Status or error text.
        found: String,
    },
    /// Another 4xx or a 3xx without meaning. Read the body.
    #[error("the server rejected the request")]
    Rejected {
        /// HTTP status.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// HTML for JSON, XML for JSON, nothing at all. The service has gone or changed.
    #[error("the answer is not what was asked for")]
    WrongBody {
        /// What `Accept` says.
        expected: String,
        /// What came.
        found: String,
    },
    /// A cap of `Limits` was reached. Ask for less at a time, or raise it.
    #[error("more came than the cap allows")]
    TooMuch {
        /// The cap's name and value.
        expected: String,
        /// What came.
        found: String,
    },
    /// A walk that would never end or leaves the source.
    #[error("the pages do not lead on")]
    LostWalk {
        /// What a sound walk does.
        expected: String,
        /// What this one did.
        found: String,
    },
    /// `--demo` knows no such host.
    #[error("no simulated agency serves this host")]
    NotSimulated {
        /// The host asked for.
        host: String,
        /// The hosts that are simulated.
        known: String,
    },
    /// A request that cannot be sent as it is written.
    #[error("the request cannot be sent")]
    Malformed {
        /// What would be sendable.
        expected: String,
        /// What was written, without secrets.
        found: String,
    },
    /// The spool folder does not take the page.
    #[error("the page cannot be written to the spool folder")]
    Spool {
        /// The folder.
        folder: String,
        /// The error of the file system.
        found: String,
    },
}

impl Error {
    /// Who has to act.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Unreachable { .. }
            | Self::Slow { .. }
            | Self::Stalled { .. }
            | Self::Cut { .. }
            | Self::Busy { .. }
            | Self::AsksTooLong { .. } => Kind::Transient,
            Self::Moved { .. }
            | Self::Gone { .. }
            | Self::Rejected { .. }
            | Self::WrongBody { .. }
            | Self::TooMuch { .. }
            | Self::LostWalk { .. } => Kind::Source,
            Self::Refused { .. } | Self::NotSimulated { .. } | Self::Malformed { .. } | Self::Spool { .. } => {
                Kind::Settings
            }
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let fault = Fault::new(error.kind(), error.to_string());
        match error {
            Error::Unreachable { found } | Error::Cut { found } => fault.found(found),
            Error::Gone { found } => fault
                .found(found)
                .hint("open the address in a browser; where it has moved, write the new one under [source]"),
            Error::Slow { limit, found } => fault
                .expected(format!("a whole answer within {} s", limit.as_secs_f64()))
                .found(found),
            Error::Stalled { idle } => fault
                .expected("more of the body")
                .found(format!("nothing for {} s", idle.as_secs_f64())),
            Error::Busy { status, body } | Error::Rejected { status, body } => {
                fault.expected("HTTP 200").found(with_body(status, &body))
            }
            Error::AsksTooLong { asked, longest } => fault
                .expected(format!("a wait of at most {} s", longest.as_secs()))
                .found(format!("{} s", asked.as_secs()))
                .wait(asked),
            Error::Refused { status, body, hint } => {
                fault.expected("HTTP 200").found(with_body(status, &body)).hint(hint)
            }
            Error::Moved { expected, found }
            | Error::WrongBody { expected, found }
            | Error::TooMuch { expected, found }
            | Error::LostWalk { expected, found }
            | Error::Malformed { expected, found } => fault.expected(expected).found(found),
            Error::NotSimulated { host, known } => fault.expected(format!("one of {known}")).found(host),
            Error::Spool { folder, found } => fault
                .at(folder.clone())
                .found(found)
                .hint(format!("df -h {folder}; ls -ld {folder}")),
        }
    }
}

fn with_body(status: u16, body: &str) -> String {
    if body.is_empty() {
        return format!("HTTP {status} without a body");
    }
    format!("HTTP {status}: {body}")
}

/// An error and all that lies under it in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        next = inner.source();
    }
    text
}
