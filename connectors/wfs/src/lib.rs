//! WFS 2.0 and 1.1: one feature type of a server as GML 3.2, GML 3.1.1 or the server's JSON, with geometry in EPSG:25832.
//!
//! What servers get wrong, with dates, stands in the README of this crate.

mod answer;
mod decode;
mod plan;
mod settings;
mod walked;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};
use klimalade_transport::{Paging, walk};

pub use settings::{Output, Settings, Version};

/// One feature type of one server.
#[derive(Debug)]
pub struct Wfs {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for Wfs {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        Box::pin(async_stream::try_stream! {
            let request = plan::features(&self.settings, cx)?;
            let paging = Paging::Offset {
                offset: "startIndex".to_owned(),
                limit: self.settings.version.limit().to_owned(),
                size: self.settings.page_limit,
            };
            let walked = walked::Walked::default();
            let mut pages = walk(&cx.client, request, paging, |page| {
                let look = decode::look(&self.settings, page)?;
                walked.take_in(&self.settings, &look).map_err(|fault| fault.at(page.entry.address.clone()))
            });
            while let Some(page) = cx.next_page(&mut pages, part).await? {
                yield page;
            }
            drop(pages);
            if let Some(promised) = part.promised {
                let now = plan::hits(&self.settings, cx).await?;
                walked.agree(promised, now).map_err(|fault| fault.at(format!("part {}", part.key)))?;
            }
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

impl Protocol for Wfs {
    const NAME: &'static str = "wfs";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
