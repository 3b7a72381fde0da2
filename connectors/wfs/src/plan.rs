use klimalade_connect::{Context, Fault, Part, Result, open_page};
use klimalade_format::gml::{self, Property};
use klimalade_transport::{Accept, Request};
use serde::{Deserialize, Serialize};

use crate::{
    answer::refused,
    settings::{Checked, Output},
};

/// The spelling that every server understands; MapServer refuses the address (2026-11-23).
const SRS_NAME: &str = "urn:ogc:def:crs:EPSG::25832";

/// `Part.detail`: what decode needs to know of a part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detail {
    /// The type's elements as DescribeFeatureType says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) properties: Vec<Property>,
}

impl Detail {
    pub(crate) fn of(part: &Part) -> Result<Self> {
        if part.detail.is_null() {
            return Ok(Self::default());
        }
        part.detail_as()
    }
}

/// One part, `all`.
pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    let mut part = Part::new("all");
    if settings.describe {
        // The keyword is typeName in every version.
        let pairs = [("typeName", settings.type_names.as_str())];
        let page = cx
            .client
            .fetch(&request(settings, "DescribeFeatureType", &pairs, cx)?)
            .await?;
        let properties = gml::properties(open_page(&page)?)
            .map_err(|fault| fault.at(page.entry.address.clone()).hint("describe = false"))?;
        part.detail = serde_json::to_value(Detail { properties })
            .map_err(|source| Fault::bug("a part cannot be written").because(source))?;
    }
    if settings.trust_hits {
        part.promised = Some(hits(settings, cx).await?);
    }
    Ok(vec![part])
}

/// The server's own count. Errors besides those of the request: Settings, where it does not count.
pub(crate) async fn hits(settings: &Checked, cx: &Context) -> Result<u64> {
    let pairs = [
        (settings.version.type_names(), settings.type_names.as_str()),
        ("resultType", "hits"),
    ];
    let page = cx.client.fetch(&request(settings, "GetFeature", &pairs, cx)?).await?;
    let count = gml::hits(open_page(&page)?).map_err(|fault| fault.at(page.entry.address.clone()))?;
    count.ok_or_else(|| {
        Fault::settings("the server does not count its features")
            .at(page.entry.address.clone())
            .expected("numberMatched, a number")
            .hint("trust_hits = false")
    })
}

/// The request for the first page; the walk adds `startIndex` and the limit.
pub(crate) fn features(settings: &Checked, cx: &Context) -> Result<Request> {
    let mut pairs = vec![
        (settings.version.type_names(), settings.type_names.as_str()),
        ("srsName", SRS_NAME),
    ];
    if let Some(sort_by) = &settings.sort_by {
        pairs.push(("sortBy", sort_by));
    }
    match (&settings.output_format, settings.output) {
        (Some(format), _) => pairs.push(("outputFormat", format)),
        (None, Output::Json) => pairs.push(("outputFormat", "application/json")),
        (None, Output::Gml) => {}
    }
    let request = request(settings, "GetFeature", &pairs, cx)?;
    Ok(match settings.output {
        Output::Json => request.accept(Accept::Json),
        Output::Gml => request,
    })
}

fn request(settings: &Checked, operation: &str, pairs: &[(&str, &str)], cx: &Context) -> Result<Request> {
    let mut url = settings.base_url.clone();
    url.query_pairs_mut()
        .extend_pairs(&settings.query)
        .append_pair("service", "WFS")
        .append_pair("version", settings.version.text())
        .append_pair("request", operation)
        .extend_pairs(pairs);
    let request = Request::get(url).dataset(settings.type_names.clone()).classify(refused);
    settings.auth.sign(request, &cx.secrets)
}
