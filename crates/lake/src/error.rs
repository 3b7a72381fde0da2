use klimalade_model::{Fault, Kind};

/// The lake's own failures. Variants by what the reader can do about them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another run holds the owner: wait for it. A warning, never a reason to wake anybody.
    #[error("{owner} is locked by another run")]
    Locked {
        /// The owner that was asked for.
        owner: String,
        /// Who holds it, as the lock file says.
        holder: String,
    },
    /// The lock was ours and is no longer: the run was stopped for longer than the lock lasts. Run again.
    #[error("the lock of {owner} was lost to another run")]
    LockLost {
        /// The owner whose lock it was.
        owner: String,
        /// Who holds it now.
        holder: String,
    },
    /// A file of the lake is not the one that the state names: somebody else wrote it.
    #[error("a file of the lake was changed by somebody else")]
    ForeignFile {
        /// Key of the file.
        key: String,
        /// Hash or ETag that the state names.
        expected: String,
        /// Hash that stands there.
        found: String,
        /// What can be typed.
        hint: String,
    },
    /// The lake is a demo and the run is not, or the other way round: name another lake.
    #[error("the lake is of the other kind: real and simulated figures never meet")]
    OtherKind {
        /// Address of the lake.
        lake: String,
        /// What lake.toml says.
        simulated: bool,
    },
    /// The store cannot replace an object on condition: name another store.
    #[error("the store of the lake does not do conditional puts")]
    NoConditionalPut {
        /// Address of the lake.
        lake: String,
        /// What the probe saw.
        found: String,
    },
    /// The lake was opened for reading: ours.
    #[error("the lake was opened for reading only")]
    ReadOnly {
        /// The key that was to be written.
        key: String,
    },
    /// Raised by the fail point of [`crate::OpenOptions::fail_after`]; never outside tests.
    #[error("fail point: the store stopped answering here")]
    FailPoint,
}

impl Error {
    /// Who has to act.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Locked { .. } | Self::LockLost { .. } | Self::FailPoint => Kind::Transient,
            Self::ForeignFile { .. } => Kind::Contract,
            Self::OtherKind { .. } | Self::NoConditionalPut { .. } => Kind::Settings,
            Self::ReadOnly { .. } => Kind::Bug,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let fault = Fault::new(error.kind(), error.to_string());
        let fault = match &error {
            Error::Locked { owner, holder } | Error::LockLost { owner, holder } => fault
                .at(format!("state/{owner}.lock"))
                .found(holder.clone())
                .hint(format!("klimalade run {owner}")),
            Error::ForeignFile {
                key,
                expected,
                found,
                hint,
            } => fault
                .at(key.clone())
                .expected(expected.clone())
                .found(found.clone())
                .hint(hint.clone()),
            Error::OtherKind { lake, simulated } => fault
                .at(format!("{lake}/lake.toml"))
                .expected(format!("simulated = {}", !simulated))
                .found(format!("simulated = {simulated}"))
                .hint(if *simulated {
                    "--lake ./lake"
                } else {
                    "--lake ./demo-lake"
                }),
            Error::NoConditionalPut { lake, found } => fault
                .at(lake.clone())
                .expected("a second conditional create, and an update on a wrong ETag, to fail")
                .found(found.clone())
                .hint("--lake with a local folder, or a store with conditional put (AWS_CONDITIONAL_PUT=etag)"),
            Error::ReadOnly { key } => fault.at(key.clone()),
            Error::FailPoint => fault,
        };
        fault.because(error)
    }
}

/// True when this fault says that another run holds the owner, or took it over: a warning.
pub fn is_locked(fault: &Fault) -> bool {
    std::error::Error::source(fault)
        .and_then(|source| source.downcast_ref::<Error>())
        .is_some_and(|error| matches!(error, Error::Locked { .. } | Error::LockLost { .. }))
}
