use std::{collections::BTreeMap, sync::Arc, time::Duration};

use klimalade_connect::{CancellationToken, Secrets};
use klimalade_engine::{Engine, EngineOptions};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Result, Schemas};
use klimalade_pipeline::Catalogue;
use klimalade_run::{House, Progress, Quiet};
use klimalade_transport::{Client, Jitter, Options, SystemClock};

use crate::{arguments::Arguments, connectors::registry, demo::Redirects, scratch::Scratch, settings::Settings};

/// Memory for sorting before it spills.
const MEMORY_MIB: usize = 48;

/// What every command works with.
pub(crate) struct Ground {
    pub(crate) settings: Settings,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) scratch: Scratch,
}

impl Ground {
    /// Reads klimalade.toml, the schemas and the pipelines.
    pub(crate) fn read(arguments: &Arguments) -> Result<Self> {
        let settings = Settings::read(&arguments.home)?;
        let schemas = Arc::new(Schemas::load(&arguments.home)?);
        let catalogue = Arc::new(Catalogue::load(&arguments.home)?);
        let scratch = Scratch::new()?;
        Ok(Self {
            settings,
            schemas,
            catalogue,
            scratch,
        })
    }
    /// SQL.
    pub(crate) fn engine(&self) -> Result<Engine> {
        let memory_bytes = self.settings.memory_mib.unwrap_or(MEMORY_MIB) << 20;
        Engine::new(
            &EngineOptions {
                memory_bytes,
                scratch: self.scratch.path().to_owned(),
            },
            &self.schemas,
        )
    }
    /// The lake's address.
    pub(crate) fn lake_address(&self, arguments: &Arguments) -> String {
        let default = if arguments.demo { "./demo-lake" } else { "./lake" };
        let configured = self.settings.lake.clone().filter(|_| !arguments.demo);
        arguments
            .lake
            .clone()
            .or(configured)
            .unwrap_or_else(|| default.to_owned())
    }
    /// Opens the lake, for reading where nothing is to be written.
    pub(crate) async fn lake(&self, arguments: &Arguments, read_only: bool) -> Result<Lake> {
        let options = OpenOptions {
            simulated: arguments.demo,
            read_only,
            spool: self.scratch.path().to_owned(),
            ..OpenOptions::default()
        };
        Lake::open(&self.lake_address(arguments), options).await
    }
    /// The one client. `redirects`: into the simulation.
    pub(crate) fn client(&self, secrets: &Secrets, redirects: Option<Redirects>) -> Result<Client> {
        let (redirect, redirect_folders) = match redirects {
            Some(redirects) => (Some(redirects.hosts), redirects.folders),
            None => (None, BTreeMap::new()),
        };
        Client::new(Options {
            clock: Arc::new(SystemClock),
            random: Arc::new(Jitter),
            secrets: secrets.clone(),
            spool: self.scratch.path().to_owned(),
            longest_pause: redirect.as_ref().map(|_| Duration::from_millis(20)),
            redirect,
            redirect_folders,
        })
    }
    /// A house over an open lake for what asks nobody and shows no progress.
    pub(crate) fn quiet_house(&self, lake: Lake) -> Result<House> {
        let secrets = self.settings.secrets();
        let client = self.client(&secrets, None)?;
        self.house(lake, client, secrets, CancellationToken::new(), Arc::new(Quiet))
    }
    /// A house over an open lake.
    pub(crate) fn house(
        &self,
        lake: Lake,
        client: Client,
        secrets: Secrets,
        cancel: CancellationToken,
        progress: Arc<dyn Progress>,
    ) -> Result<House> {
        Ok(House {
            schemas: self.schemas.clone(),
            catalogue: self.catalogue.clone(),
            registry: Arc::new(registry()),
            lake,
            engine: self.engine()?,
            client,
            clock: Arc::new(SystemClock),
            secrets,
            cancel,
            scratch: self.scratch.path().to_owned(),
            progress,
        })
    }
}
