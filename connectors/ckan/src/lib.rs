//! CKAN: the packages of an open-data portal, their resources as tables of the datastore or as files.
//!
//! A package names its licence and its organisation; both go with the part. A file is asked for at the portal, which
//! redirects to a signed address that expires: that address is stored nowhere. What portals get wrong, with dates,
//! stands in the README of this crate.

mod decode;
mod error;
mod fetch;
mod licence;
mod plan;
mod portal;
mod settings;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use klimalade_connect::{Connector, Context, Page, Part, Protocol, Result, SourceColumn};

pub use error::Error;
pub use settings::{ChangeMark, CsvForm, Decimal, Encoding, FileCrs, Read, ResourceChoice, Search, Settings};

/// Resources of one portal.
#[derive(Debug)]
pub struct Ckan {
    settings: settings::Checked,
}

#[async_trait]
impl Connector for Ckan {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        plan::plan(&self.settings, cx).await
    }

    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        match self.settings.form {
            settings::Form::Datastore => fetch::table(&self.settings, part, cx),
            _ => fetch::file(&self.settings, part, cx),
        }
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

impl Protocol for Ckan {
    const NAME: &'static str = "ckan";
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self> {
        Ok(Self {
            settings: settings.check()?,
        })
    }
}
