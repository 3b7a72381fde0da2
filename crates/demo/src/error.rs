use klimalade_model::Fault;

/// Why the simulated agencies cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No port on loopback, or no thread to serve it.
    #[error("the simulated agencies cannot listen on loopback")]
    Listen(#[source] std::io::Error),
    /// The code list `areas` lacks what the agencies need: there is nothing to simulate without municipalities.
    #[error("the code list areas names no {missing}")]
    Areas {
        /// What is missing.
        missing: &'static str,
    },
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::Listen(source) => Fault::transient(what).hint("klimalade run --demo").because(source),
            Error::Areas { .. } => Fault::settings(what)
                .at("schemas/codes/areas.csv")
                .hint("klimalade schema"),
        }
    }
}
