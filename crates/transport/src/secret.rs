use std::{collections::BTreeMap, fmt, sync::Arc};

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
    /// Adds or replaces one. An empty value is none: `KLIMALADE_SECRET_X=""` configures nothing.
    pub fn insert(&mut self, name: impl Into<String>, value: Secret) {
        if !value.expose().is_empty() {
            self.0.insert(name.into(), value);
        }
    }
    /// By name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }
    /// All values, for redaction.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }
    /// The name under which `value` is configured, for hints that must not show the value.
    pub fn name_of(&self, value: &Secret) -> Option<&str> {
        self.0
            .iter()
            .find(|(_, known)| *known == value)
            .map(|(name, _)| name.as_str())
    }
    /// Names and values in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}
