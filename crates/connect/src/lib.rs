//! The connector contract, and what the settings of several connectors have in common.

mod auth;
mod columns;
mod registry;
mod settings;

use std::{fmt, io::Read, sync::Arc};

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::{Stream, StreamExt, stream::BoxStream};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

pub use auth::Auth;
pub use columns::ID_KEY;
pub use klimalade_model::{
    FROM_KEY, Fault, Kind, Page, Part, Result, Schemas, SourceColumn, SourceType, fits_wildcard, source_name,
};
pub use klimalade_transport::{Client, Clock, Secrets};
pub use registry::{Entry, Registry};
pub use settings::{QueryValue, base_url};
pub use tokio_util::sync::CancellationToken;

/// All that a connector may know of the run. Nothing global.
#[derive(Clone, Debug)]
pub struct Context {
    /// The one transport.
    pub client: Client,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Configured secrets by name.
    pub secrets: Secrets,
    /// The common schema with its code lists, for settings that name codes instead of listing them.
    pub schemas: Arc<Schemas>,
    /// Set when the night is to end; fetch stops at the next page.
    pub cancel: CancellationToken,
}

impl Context {
    /// The next page of a walk, `None` at its end. Errors: the walk's; Transient, where the run is to end first.
    pub async fn next_page(
        &self,
        pages: &mut (impl Stream<Item = Result<Page>> + Unpin),
        part: &Part,
    ) -> Result<Option<Page>> {
        match self.cancel.run_until_cancelled(pages.next()).await {
            None => Err(Fault::transient("the run was ended between two pages").at(format!("part {}", part.key))),
            Some(page) => page.transpose(),
        }
    }

    /// The only page of a part that is one file. Errors: the fetch's; Transient, where the run is to end first.
    pub async fn only_page(&self, fetch: impl Future<Output = Result<Page>>, part: &Part) -> Result<Page> {
        match self.cancel.run_until_cancelled(fetch).await {
            None => {
                Err(Fault::transient("the run was ended before the file had come").at(format!("part {}", part.key)))
            }
            Some(page) => page,
        }
    }
}

/// Speaks one protocol. This is the whole contract.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// Every part that the server offers now, changed or not, oldest first. Same answers and same clock: same plan.
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>>;
    /// Fetches one part as served, pages in order; parses no more than finding the next page takes.
    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>>;
    /// Rows of one page in the declared columns. Pure and blocking: the runner gives it a thread. An error inside
    /// the reader travels as [`Fault`] in `ArrowError::ExternalError`.
    fn decode<'a>(
        &'a self,
        part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>>;
    /// Every column that the page has, declared or not, in its order, under the name by which `from = "..."` would take
    /// it, with the narrowest type of its first rows (some 1,000; the rest is not read). Pure and blocking, as decode.
    /// `probe` proposes columns by it, and a night compares them with those of before.
    fn columns(&self, part: &Part, page: &Page) -> Result<Vec<SourceColumn>>;
}

/// What a connector crate exports besides: its name, its settings (doc comments are the manual and the JSON schema).
pub trait Protocol: Connector + Sized {
    /// As `[source] connector = "..."` names it.
    const NAME: &'static str;
    /// `[source]` in pipeline.toml.
    type Settings: DeserializeOwned + JsonSchema;
    /// Checks the settings. Errors: Settings.
    fn open(settings: Self::Settings) -> Result<Self>;
}

/// The bytes of a page from the first one. Errors: Bug; its file is on this machine.
pub fn open_page(page: &Page) -> Result<Box<dyn Read + Send>> {
    page.open().map_err(|source| {
        Fault::bug("a stored page cannot be read")
            .at(page.entry.address.clone())
            .because(source)
    })
}
