use klimalade_connect::Fault;

/// What goes wrong with this protocol beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A smaller window is needed: the server refuses the next page.
    #[error("the window holds more pages than the server lets be walked")]
    OffsetTooLarge {
        /// Offset of the next page.
        offset: u64,
        /// The largest that the server takes.
        max_offset: u64,
    },
    /// The server did not give what it says it gave.
    #[error("the page does not hold as many features as it says")]
    CountDisagrees {
        /// The page's `numberReturned`.
        said: u64,
        /// Features on it.
        held: u64,
    },
    /// The server ignores the offset: the walk would never end, and no row of a later page would come.
    #[error("the page has the same features as an earlier one")]
    PageRepeated {
        /// Pages that came before.
        pages: usize,
    },
    /// Coordinates of another system would be put in the wrong place.
    #[error("the features are in another coordinate reference system than asked for")]
    OtherCrs {
        /// Asked for.
        asked: String,
        /// The answer's top-level `crs`.
        found: String,
    },
    /// `crs = "none"` and a geometry column do not go together.
    #[error("geometry is declared as a column, but crs = \"none\" asks for none")]
    GeometryNotAsked {
        /// The declared column.
        column: String,
    },
    /// The server's own error body.
    #[error("the server refused the request: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's own words.
        message: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::OffsetTooLarge { offset, max_offset } => Fault::settings(what)
                .expected(format!("an offset of at most {max_offset}"))
                .found(format!("{offset}"))
                .hint("a smaller window, [source.window] part = \"month\"; or a larger page_limit"),
            Error::CountDisagrees { said, held } => Fault::source(what)
                .worth_another_walk()
                .expected(format!("numberReturned {said}"))
                .found(format!("{held} features")),
            Error::PageRepeated { pages } => Fault::source(what)
                .expected("other features at another offset")
                .found(format!("a repeated page after {pages}"))
                .hint("page_limit = 300000 in [source], if the server gives everything in one page"),
            Error::OtherCrs { asked, found } => Fault::source(what)
                .expected(asked)
                .found(found)
                .hint("crs = \"crs84\" in [source]"),
            Error::GeometryNotAsked { column } => Fault::settings(what)
                .at("[source] crs")
                .found(format!("column {column}"))
                .hint("crs = \"auto\", or remove the column"),
            // 400 is a request that will be refused tomorrow too; the rest is the agency's.
            Error::Refused { status: 400, .. } => Fault::settings(what)
                .found("HTTP 400")
                .hint("compare [source.query] with the server's own description of the API"),
            Error::Refused { status: 401 | 403, .. } => Fault::settings(what)
                .at("[source.auth]")
                .hint("auth = { strategy = \"query\", name = \"api-key\", secret = \"<name>\" }, or a new key under that name"),
            Error::Refused { status, .. } => Fault::source(what).found(format!("HTTP {status}")),
        }
    }
}
