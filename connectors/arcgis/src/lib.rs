//! ArcGIS layers: one layer of a FeatureServer or a MapServer, as Esri JSON.
//!
//! A layer is one part, `all`. How it is walked is decided by the plan, from what the layer says of itself; what servers
//! get wrong, with dates, stands in the README of this crate.

mod decode;
mod error;
mod fetch;
mod geometry;
mod plan;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};

pub use settings::{Paging, Settings};

/// One layer of one server.
#[derive(Debug)]
pub struct ArcGis {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for ArcGis {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        fetch::fetch(&self.settings, part, cx)
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

impl Protocol for ArcGis {
    const NAME: &'static str = "arcgis";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
