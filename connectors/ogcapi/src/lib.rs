//! OGC API Features: the collections of DMI and of any other server of that standard, page by page, as GeoJSON.
//!
//! A harvest is cut into closed civil windows ([`Window`]); each is one part, walked by [`Paging`]. What
//! servers get wrong, with dates, stands in the README of this crate.

mod decode;
mod error;
mod plan;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};
use klimalade_transport::{Paging as Walk, Tally, walk};

pub use error::Error;
pub use settings::{Crs, Paging, Settings, Window, WindowPart};

/// One collection of one server.
#[derive(Debug)]
pub struct OgcApi {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for OgcApi {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        Box::pin(async_stream::try_stream! {
            let request = plan::items_request(&self.settings, &plan::Detail::of(part)?, cx)?;
            let paging = match self.settings.paging {
                Paging::Offset => Walk::Offset {
                    offset: "offset".to_owned(),
                    limit: "limit".to_owned(),
                    size: self.settings.page_limit,
                },
                Paging::Next => Walk::Next { size: 0 },
            };
            let (walked, tally) = (decode::Walked::default(), Tally::default());
            let look = |page: &Page| {
                let seen = decode::look(&self.settings, page, &walked)?;
                tally.take_in(&seen);
                Ok(seen)
            };
            let mut pages = walk(&cx.client, request, paging, look);
            while let Some(page) = cx.next_page(&mut pages, part).await? {
                yield page;
            }
            drop(pages);
            tally.agree("page_limit").map_err(|fault| fault.at(format!("part {}", part.key)))?;
        })
    }

    fn decode<'a>(
        &'a self,
        part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        decode::decode(&self.settings, part, page, columns)
    }

    fn columns(&self, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        decode::columns(&self.settings, part, page)
    }
}

impl Protocol for OgcApi {
    const NAME: &'static str = "ogcapi";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
