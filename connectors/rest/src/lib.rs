//! JSON over HTTP: one address, a matrix of parameters, and named strategies for paging and credentials.
//!
//! For services that are no standard, such as Klimaregnskabet: the settings say which values of which parameters are
//! asked for, and each row gets the values under which it was asked for as columns `matrix.<axis>`.

mod decode;
mod error;
mod matrix;
mod plan;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};
use klimalade_transport::{Tally, walk};

pub use error::Error;
pub use settings::{Axis, AxisValues, Paging, Settings, YearRange, YearValue};

/// One address of one service.
#[derive(Debug)]
pub struct Rest {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for Rest {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        Box::pin(async_stream::try_stream! {
            let detail = matrix::Detail::of(part)?;
            for combination in detail.combinations() {
                let request = plan::request(&self.settings, &combination, cx)?;
                let tally = Tally::default();
                let look = |page: &Page| {
                    let seen = plan::look(&self.settings, page)?;
                    tally.take_in(&seen);
                    Ok(seen)
                };
                let mut pages = walk(&cx.client, request, self.settings.walk.clone(), look);
                while let Some(page) = cx.next_page(&mut pages, part).await? {
                    yield page;
                }
                drop(pages);
                tally.agree("size").map_err(|fault| fault.at(combination.to_string()))?;
                if tally.rows() == 0 && !self.settings.allow_empty {
                    Err(Error::NoRows { combination: combination.to_string() })?;
                }
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

impl Protocol for Rest {
    const NAME: &'static str = "rest";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
