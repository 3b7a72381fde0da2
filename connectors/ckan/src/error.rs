use klimalade_connect::Fault;

use crate::licence;

/// What goes wrong with this protocol beyond a failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The portal's licence is none that we know, and figures without a known licence are not published.
    #[error("the licence of the package is not known")]
    UnknownLicence {
        /// Name of the package.
        package: String,
        /// `license_id`; empty where the portal states none.
        id: String,
        /// `license_title`.
        title: String,
    },
    /// No package was found.
    #[error("the search finds no package")]
    NothingFound,
    /// A package that was taken away is still shown to those who may see it.
    #[error("the package is no longer published")]
    NotActive {
        /// Name of the package.
        package: String,
        /// `deleted`, `draft`.
        state: String,
    },
    /// No resource is the one that was chosen, or several are.
    #[error("the package has no one resource that is meant")]
    NotOneResource {
        /// Name of the package.
        package: String,
        /// How many fit.
        fitting: usize,
        /// All that it has.
        there: String,
    },
    /// The chosen resource is a file, not a table.
    #[error("the resource is not in the portal's datastore")]
    NoTable {
        /// Its name.
        resource: String,
    },
    /// A name that cannot be a part's key.
    #[error("the portal's name cannot be a part's name")]
    Unnamable {
        /// The name.
        name: String,
    },
    /// Two answers of one search that name the same package.
    #[error("the portal's list moved while it was read")]
    Twice {
        /// The package.
        package: String,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::UnknownLicence { package, id, title } => Fault::settings(what)
                .at(format!("package {package}"))
                .expected(format!("one of {}", licence::known()))
                .found(match (id.is_empty(), title.is_empty()) {
                    (true, _) => "no licence".to_owned(),
                    (false, true) => id.clone(),
                    (false, false) => format!("{id}: {title}"),
                })
                .hint(format!(
                    "read the terms, then in [source]: licences = {{ \"{id}\" = \"...\" }}, with a code of `klimalade schema licences`"
                )),
            Error::NothingFound => Fault::source(what)
                .at("[source.search]")
                .expected("at least one package")
                .hint("try the words and the filter on the portal's own page"),
            Error::NotActive { package, state } => Fault::source(what)
                .at(format!("package {package}"))
                .expected("state active")
                .found(format!("state {state}")),
            Error::NotOneResource { package, fitting, there } => Fault::settings(what)
                .at(format!("package {package}"))
                .expected("one resource that fits [source.resource]")
                .found(format!("{fitting} of these: {there}"))
                .hint("resource = { name = \"...\" }, or format or id; every = true takes each of them as a part"),
            Error::NoTable { resource } => Fault::settings(what)
                .at(format!("resource {resource}"))
                .expected("datastore_active true")
                .hint("read = { type = \"csv\", delimiter = \",\" }"),
            Error::Unnamable { name } => Fault::source(what)
                .expected("letters a to z, digits and . _ = -")
                .found(name),
            Error::Twice { package } => Fault::source(what)
                .expected("every package once")
                .found(format!("{package} twice"))
                .worth_another_walk(),
        }
    }
}
