use std::{collections::BTreeMap, fmt, sync::Arc};

use klimalade_model::{Fault, Result};
use schemars::Schema;

use crate::{Connector, Protocol};

type Open = Arc<dyn Fn(serde_json::Value) -> Result<Arc<dyn Connector>> + Send + Sync>;

/// One registered connector.
#[derive(Clone)]
pub struct Entry {
    /// Its name in pipeline.toml.
    pub name: &'static str,
    /// JSON schema of its settings, doc comments included.
    pub schema: Schema,
    open: Open,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The connectors that this binary speaks, by name.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<&'static str, Entry>);

impl Registry {
    /// Registers one protocol.
    #[must_use]
    pub fn with<P: Protocol>(mut self) -> Self {
        let open: Open = Arc::new(|settings| {
            let settings: P::Settings = serde_json::from_value(settings).map_err(|source| {
                Fault::settings(format!("[source] does not fit the connector {}", P::NAME))
                    .found(source.to_string())
                    .hint(format!("klimalade connectors {}", P::NAME))
            })?;
            Ok(Arc::new(P::open(settings)?) as Arc<dyn Connector>)
        });
        self.0.insert(
            P::NAME,
            Entry {
                name: P::NAME,
                schema: schemars::schema_for!(P::Settings),
                open,
            },
        );
        self
    }
    /// All entries by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }
    /// One entry. Errors: Settings, with the names that there are.
    pub fn entry(&self, name: &str) -> Result<&Entry> {
        self.0.get(name).ok_or_else(|| {
            Fault::settings("no such connector")
                .found(name.to_owned())
                .expected(self.0.keys().copied().collect::<Vec<_>>().join(", "))
                .hint(match klimalade_model::nearest(name, self.0.keys().copied()) {
                    Some(name) => format!("did you mean {name}; klimalade connectors"),
                    None => "klimalade connectors".to_owned(),
                })
        })
    }
    /// Opens a connector by name. Errors: Settings.
    pub fn open(&self, name: &str, settings: serde_json::Value) -> Result<Arc<dyn Connector>> {
        (self.entry(name)?.open)(settings)
    }
}
