use klimalade_connect::Fault;

/// What goes wrong with files beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody has put the file there yet: the source is off until somebody does.
    #[error("no file has been dropped yet")]
    NothingDropped {
        /// Where one is looked for.
        place: String,
        /// What can be typed.
        hint: String,
    },
    /// Two files whose parts would have the same name.
    #[error("two files would be the same part")]
    SameKey {
        /// The key.
        key: String,
        /// The files.
        files: String,
    },
    /// The plan is older than the settings.
    #[error("the settings name no file for this part")]
    UnknownPart {
        /// The part's key.
        key: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::NothingDropped { place, hint } => Fault::settings(what)
                .at("[source] address")
                .expected(place)
                .hint(hint)
                .off(),
            Error::SameKey { key, files } => Fault::settings(what)
                .expected(format!("one file for part {key}"))
                .found(files)
                .hint("rename one of the files"),
            Error::UnknownPart { key } => Fault::settings(what).found(format!("part {key}")).hint("klimalade run"),
        }
    }
}
