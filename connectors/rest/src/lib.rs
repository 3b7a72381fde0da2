//! JSON over HTTP: one address, a matrix of parameters, and named strategies for paging and credentials.
//!
//! For services that are no standard, such as Klimaregnskabet: the settings say which values of which parameters are
//! asked for, and each row gets the values under which it was asked for as columns `matrix.<axis>`.

mod decode;
mod details;
mod error;
mod matrix;
mod plan;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};
use klimalade_transport::{PageSeen, Paging as Walk, Tally, walk};

pub use details::Details;
pub use error::Error;
pub use settings::{Axis, AxisValues, ListedCodes, Paging, Settings, YearRange, YearValue};

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
            let mut ids = Vec::new();
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
                    if let Some(details) = &self.settings.details {
                        ids.extend(details.ids(&self.settings, &page)?);
                    }
                    yield page;
                }
                drop(pages);
                tally.agree("size").map_err(|fault| fault.at(combination.to_string()))?;
                if tally.rows() == 0 && !self.settings.allow_empty {
                    Err(Error::NoRows { combination: combination.to_string() })?;
                }
            }
            let Some(details) = &self.settings.details else { return };
            // Two rows may share an id; its answer is one.
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                let request = details.request(&self.settings, &id, cx)?;
                let one = |_: &Page| Ok(PageSeen { rows: 1, next: None, server_count: None });
                let mut pages = walk(&cx.client, request, Walk::Single, one);
                match cx.next_page(&mut pages, part).await {
                    Ok(Some(page)) => yield page,
                    Ok(None) => {}
                    Err(fault) if Error::is_not_there_yet(&fault) => {
                        tracing::debug!(id, "the service has no such answer");
                    }
                    Err(fault) => Err(fault)?,
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
