//! What a service keeps apart from its list: an answer of its own for each row, asked for by the row's id.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
    sync::Arc,
};

use arrow::array::AsArray;
use arrow_schema::{DataType, Field, Schema};
use klimalade_connect::{Context, Fault, Page, Result, open_page};
use klimalade_format::json;
use klimalade_model::FROM_KEY;
use klimalade_transport::{Accept, Answer, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use crate::{Error, decode::options, settings::Checked};

/// In front of a key of such an answer in a declared column.
pub(crate) const DETAILS: &str = "details.";

/// `[source.details]`: one more answer for each row of the list, `<base_url>/<path>/<id>`, a JSON object.
///
/// It is a row of its own behind the list's: a column `details.<key>` is null in the list's rows, and the list's
/// columns, but for the id, are null in this one. map.sql brings them together with GROUP BY over the id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// Path below `base_url`: `geometries`.
    pub path: String,
    /// Dotted path of the id in a row of the list: `geoLocationId`. Text; a row without one is not asked for.
    pub id: String,
    /// The service may answer 404: the row has no such answer then. Left out, that is an error.
    #[serde(default)]
    pub may_lack: bool,
}

/// The settings after their check.
#[derive(Clone, Debug)]
pub(crate) struct CheckedDetails {
    url: Url,
    pub(crate) id: String,
    may_lack: bool,
}

impl Details {
    pub(crate) fn check(self, base: &Url) -> Result<CheckedDetails> {
        if self.path.trim_matches('/').is_empty() || self.id.is_empty() {
            return Err(Fault::settings("the details of a row have no address")
                .at("[source.details]")
                .hint("details = { path = \"geometries\", id = \"geoLocationId\" }"));
        }
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let below = self.path.split('/').filter(|segment| !segment.is_empty());
            segments.pop_if_empty().extend(below);
        }
        Ok(CheckedDetails {
            url,
            id: self.id,
            may_lack: self.may_lack,
        })
    }
}

impl CheckedDetails {
    pub(crate) fn request(&self, settings: &Checked, id: &str, cx: &Context) -> Result<Request> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(id);
        }
        let request = Request::get(url).dataset(settings.dataset.clone()).accept(Accept::Json);
        let request = if self.may_lack {
            request.classify(not_there)
        } else {
            request
        };
        settings.auth.sign(request, &cx.secrets)
    }

    /// The id under which the page was asked for; none for a page of the list. The address is what the raw layer keeps;
    /// it may be whole, or path and query only.
    pub(crate) fn id_of(&self, page: &Page) -> Option<String> {
        let address = page.entry.address.split(['?', '#']).next().unwrap_or_default();
        let (_, id) = address.split_once(&format!("{}/", self.url.path()))?;
        // As a query decodes, but for the plus sign.
        let pair = format!("id={}", id.replace('+', "%2B"));
        let mut pairs = form_urlencoded::parse(pair.as_bytes());
        pairs.next().map(|(_, id)| id.into_owned())
    }

    /// The ids of a page of the list, in its order.
    pub(crate) fn ids(&self, settings: &Checked, page: &Page) -> Result<Vec<String>> {
        let metadata = HashMap::from([(FROM_KEY.to_owned(), self.id.clone())]);
        let field = Field::new("id", DataType::Utf8, true).with_metadata(metadata);
        let columns = Arc::new(Schema::new(vec![field]));
        let mut ids = Vec::new();
        for batch in json::reader(open_page(page)?, &columns, &options(settings))? {
            let batch = batch.map_err(|source| {
                Fault::source("the ids of a page cannot be read")
                    .at(page.entry.address.clone())
                    .because(source)
            })?;
            ids.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(ids)
    }
}

fn not_there(answer: &Answer<'_>) -> Option<Fault> {
    (answer.status == 404).then(|| Error::NotThereYet { status: answer.status }.into())
}

/// The one object of such an answer, as an array of one.
pub(crate) fn as_list(page: &Page) -> Result<Box<dyn Read + Send + '_>> {
    Ok(Box::new(
        Cursor::new(b"[").chain(open_page(page)?).chain(Cursor::new(b"]")),
    ))
}
