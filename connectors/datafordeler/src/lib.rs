//! The file download of Datafordeler: the total of one entity of a basic-data register, as a ZIP of JSON or CSV.
//!
//! The key travels in the address of every request; transport keeps it out of all that is printed or stored. What the
//! service does, with dates, stands in the README of this crate.

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
pub use settings::{Edition, FileFormat, Settings, TypeOfData};

/// One entity of one register.
#[derive(Debug)]
pub struct Datafordeler {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for Datafordeler {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        Box::pin(async_stream::try_stream! {
            yield cx.only_page(plan::fetch(&self.settings, part, cx), part).await?;
        })
    }

    fn decode<'a>(
        &'a self,
        _: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        decode::decode(&self.settings, page, columns)
    }

    fn columns(&self, _: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        decode::columns(&self.settings, page)
    }
}

impl Protocol for Datafordeler {
    const NAME: &'static str = "datafordeler";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
