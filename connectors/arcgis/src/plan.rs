use klimalade_connect::{Context, Fault, Part, Result};
use klimalade_model::nearest;
use klimalade_transport::{Accept, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    error::refused,
    settings::{Checked, Paging},
};

/// Features asked for at once from a layer that names no maximum: what such servers (before 10.1) give by default.
const UNKNOWN_MAXIMUM: u64 = 500;

/// `Part.detail`: what fetch needs to know of the layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detail {
    /// The way that is walked, which is the settings' one unless the layer cannot go it.
    pub(crate) paging: Paging,
    /// Name of the field of object ids.
    pub(crate) object_id: String,
    /// Features asked for at once.
    pub(crate) page_limit: u64,
}

impl Detail {
    pub(crate) fn of(part: &Part) -> Result<Self> {
        part.detail_as()
    }
}

/// What is read of a layer's description. Older servers leave out most of it (fixtures of 10.0 and 10.2).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Layer {
    name: Value,
    #[serde(rename = "type")]
    kind: Option<String>,
    capabilities: Option<String>,
    max_record_count: Option<u64>,
    object_id_field: Option<String>,
    fields: Option<Vec<LayerField>>,
    advanced_query_capabilities: Option<Advanced>,
    editing_info: Option<Editing>,
}

#[derive(Debug, Deserialize)]
struct LayerField {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Advanced {
    supports_pagination: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Editing {
    last_edit_date: Option<i64>,
}

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    let layer = layer(settings, cx).await?;
    let detail = detail(settings, &layer)?;
    let count = count(settings, cx).await?;
    let mut part = Part::new("all");
    part.promised = Some(count);
    part.change_mark = layer
        .editing_info
        .and_then(|editing| editing.last_edit_date)
        .map(|milliseconds| milliseconds.to_string());
    part.detail =
        serde_json::to_value(&detail).map_err(|source| Fault::bug("a part cannot be written").because(source))?;
    Ok(vec![part])
}

async fn layer(settings: &Checked, cx: &Context) -> Result<Layer> {
    let mut url = settings.layer.clone();
    url.query_pairs_mut().append_pair("f", "json");
    let body = cx.client.json(&request(url, settings, cx)?).await?;
    let wrong = |what: &str| Fault::source(what).at(settings.layer.to_string());
    let is_layer = body.get("fields").is_some() || body.get("type").is_some();
    let layer: Layer = serde_json::from_value(body)
        .map_err(|source| wrong("the layer's description is another than expected").because(source))?;
    if !is_layer {
        return Err(wrong("the answer describes no layer").expected("a layer with its fields"));
    }
    let kind = layer.kind.as_deref().unwrap_or("Feature Layer");
    if !matches!(kind, "Feature Layer" | "Table") {
        return Err(Fault::settings("the layer holds no features")
            .at("[source] base_url")
            .expected("a Feature Layer or a Table")
            .found(format!("{kind} {}", layer.name))
            .hint("the number of a layer below it, as the service lists them"));
    }
    if let Some(can) = &layer.capabilities
        && !can.split(',').any(|word| word.trim() == "Query")
    {
        return Err(wrong("the layer cannot be queried")
            .expected("Query among its capabilities")
            .found(can.clone()));
    }
    Ok(layer)
}

fn detail(settings: &Checked, layer: &Layer) -> Result<Detail> {
    let fields = layer.fields.as_deref().unwrap_or_default();
    for asked in &settings.out_fields {
        let is_there = |field: &LayerField| field.name.eq_ignore_ascii_case(asked);
        if !fields.is_empty() && !fields.iter().any(is_there) {
            let fault = Fault::settings("the layer has no such field")
                .at("[source] out_fields")
                .found(asked.clone());
            return Err(match nearest(asked, fields.iter().map(|field| field.name.as_str())) {
                Some(name) => fault.hint(format!("did you mean {name}")),
                None => fault.hint("out_fields = [\"*\"]"),
            });
        }
    }
    // The type tells: a layer may have a text field `OID` beside its object id (Chicago's, 10.81).
    let by_type = fields.iter().find(|field| field.kind == "esriFieldTypeOID");
    let object_id = by_type
        .map(|field| field.name.clone())
        .or_else(|| layer.object_id_field.clone().filter(|name| !name.is_empty()))
        .ok_or_else(|| {
            Fault::source("the layer has no object id, so that nothing shows whether a walk is whole")
                .at(settings.layer.to_string())
                .expected("a field of type esriFieldTypeOID")
        })?;
    let can_page = layer
        .advanced_query_capabilities
        .as_ref()
        .is_some_and(|advanced| advanced.supports_pagination);
    let paging = match settings.paging {
        Paging::Offset if !can_page => Paging::Ids,
        other => other,
    };
    let most = layer
        .max_record_count
        .filter(|most| *most > 0)
        .unwrap_or(UNKNOWN_MAXIMUM);
    Ok(Detail {
        paging,
        object_id,
        page_limit: settings.page_limit.min(most),
    })
}

async fn count(settings: &Checked, cx: &Context) -> Result<u64> {
    let url = query(settings, &[("where", &settings.filter), ("returnCountOnly", "true")])?;
    let request = request(url, settings, cx)?;
    let body = cx.client.json(&request).await?;
    body.get("count").and_then(Value::as_u64).ok_or_else(|| {
        // Seen in pyesridump's fixtures: features in answer to returnCountOnly.
        let keys = body.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>());
        Fault::source("the server does not count its features")
            .at(settings.layer.to_string())
            .expected("{\"count\": <number>}")
            .found(format!("the keys {}", keys.unwrap_or_default().join(", ")))
    })
}

/// A query of the layer, as JSON.
pub(crate) fn query(settings: &Checked, pairs: &[(&str, &str)]) -> Result<Url> {
    let mut url = settings.layer.clone();
    url.path_segments_mut()
        .map_err(|()| Fault::settings("base_url has no path").at("[source] base_url"))?
        .push("query");
    url.query_pairs_mut().extend_pairs(pairs).append_pair("f", "json");
    Ok(url)
}

/// A query for features: the fields and the geometry of the settings, and `pairs`.
pub(crate) fn features(settings: &Checked, detail: &Detail, pairs: &[(&str, &str)]) -> Result<Url> {
    let fields = match settings.out_fields.as_slice() {
        [] => "*".to_owned(),
        named => {
            let mut names: Vec<&str> = named.iter().map(String::as_str).collect();
            if !names.iter().any(|name| name.eq_ignore_ascii_case(&detail.object_id)) {
                names.push(&detail.object_id);
            }
            names.join(",")
        }
    };
    let mut all = pairs.to_vec();
    all.push(("outFields", &fields));
    match settings.geometry {
        true => all.extend([("returnGeometry", "true"), ("outSR", "25832")]),
        false => all.push(("returnGeometry", "false")),
    }
    query(settings, &all)
}

pub(crate) fn request(url: Url, settings: &Checked, cx: &Context) -> Result<Request> {
    let request = Request::get(url)
        .dataset(settings.layer.path().to_owned())
        .accept(Accept::Json)
        .classify(refused);
    settings.auth.sign(request, &cx.secrets)
}
