use klimalade_connect::Fault;

/// What goes wrong with this protocol beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The register has no such total.
    #[error("the register offers no such file")]
    NotOffered {
        /// What was looked for.
        wanted: String,
        /// What there is of the register.
        there: String,
    },
    /// The listing names a municipality in a form that cannot be a part's key.
    #[error("the listing names a municipality by something else than its code")]
    Unnamable {
        /// As listed.
        code: String,
    },
    /// The answer is no ZIP.
    #[error("the file is no ZIP archive")]
    NoArchive,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::NotOffered { wanted, there } => Fault::source(what)
                .at("[source]")
                .expected(wanted)
                .found(there)
                .hint("register, entity, data and format as the listing names them"),
            Error::Unnamable { code } => Fault::source(what).expected("four digits").found(code),
            Error::NoArchive => Fault::source(what).expected("PK, as a ZIP begins"),
        }
    }
}
