//! Statistics Denmark's StatBank: tables by code, in exact requests of known size.
//!
//! `plan` reads tableinfo, expands the selection and knows the rows of every part before it asks for them; `fetch`
//! posts one request per page, under the limit of cells; `decode` compares header, codes and rows with the request.

mod bulk;
mod decode;
mod error;
mod fetch;
mod period;
mod plan;
mod select;
mod settings;
mod slice;
mod tableinfo;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};

pub use error::Error;
pub use settings::{Format, Language, Presentation, Settings, Split};

/// The connector `statbank`: one table of StatBank.
#[derive(Clone, Debug)]
pub struct Statbank {
    settings: Settings,
}

impl Protocol for Statbank {
    const NAME: &'static str = "statbank";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self { settings })
    }
}

#[async_trait]
impl Connector for Statbank {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        fetch::fetch(&self.settings, part, cx)
    }

    fn decode<'a>(
        &'a self,
        part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        decode::decode(part, page, columns)
    }

    fn columns(&self, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        decode::columns(part, page)
    }
}
