//! Files: CSV, JSON, XML and workbooks, packed or not, over HTTP(S), from a folder on disk, or from an object store.
//!
//! What an agency sends once a year, what a municipality exports by hand, and what lies in somebody's bucket. One
//! file is one part and one page.

mod decode;
mod discover;
mod error;
mod place;
mod plan;
mod settings;
mod sheet;
mod unpack;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};

pub use discover::{Discover, Pick};
pub use error::Error;
pub use settings::{CsvForm, Decimal, Encoding, FileCrs, FileFormat, Settings, XmlForm};
pub use sheet::{LayoutForm, OneOrMany, SheetForm};
pub use unpack::Unpack;

/// One file, or several of one form.
#[derive(Debug)]
pub struct Files {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for Files {
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
        _part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        decode::decode(&self.settings, page, columns)
    }

    fn columns(&self, _part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        decode::columns(&self.settings, page)
    }
}

impl Protocol for Files {
    const NAME: &'static str = "file";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
