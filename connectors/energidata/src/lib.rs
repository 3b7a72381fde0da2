//! Energi Data Service (Energinet): datasets by Danish civil month, in few and large requests.
//!
//! `plan` reads the dataset's metadata and the calendar; `fetch` asks for a civil month (no timezone parameter, so the
//! service reads it as Danish time); `decode` reads the records and refuses rows that were not asked for.

mod calendar;
mod decode;
mod error;
mod plan;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};

pub use error::Error;
pub use settings::{ExpectedRows, Per, Settings, Span};

/// The connector `energidata`: one dataset of Energi Data Service.
#[derive(Clone, Debug)]
pub struct Energidata {
    settings: Settings,
}

impl Protocol for Energidata {
    const NAME: &'static str = "energidata";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings })
    }
}

#[async_trait]
impl Connector for Energidata {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        plan::fetch(&self.settings, part, cx)
    }

    fn decode<'a>(
        &'a self,
        part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        decode::decode(part, page, columns)
    }

    fn columns(&self, _part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        decode::columns(page)
    }
}
