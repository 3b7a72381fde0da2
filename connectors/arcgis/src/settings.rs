use klimalade_connect::{Auth, Fault, Result, base_url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

const EXAMPLE: &str = "https://gis.example.dk/arcgis/rest/services/Klima/Stier/FeatureServer/0";

/// `[source]` with `connector = "arcgis"`: one layer of an ArcGIS FeatureServer or MapServer.
///
/// A declared column names its place in an Esri feature by the whole path, as written there: `attributes.KOMNR`,
/// `geometry`. Nothing is put in front of it. A date is milliseconds since 1970: `type = "timestamp", epoch = "ms"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the layer, its number at the end:
    /// `https://gis.example.dk/arcgis/rest/services/Klima/Stier/FeatureServer/0`.
    pub base_url: String,
    /// Which features, in the server's SQL: `STATUS = 'V'`. All of them where it is left out.
    #[serde(default = "everything", rename = "where")]
    pub filter: String,
    /// Fields asked for. Left out: all. The object id is asked for in any case.
    #[serde(default = "all_fields")]
    pub out_fields: Vec<String>,
    /// Whether geometry is asked for, in EPSG:25832. Without it a declared column `geometry` is refused.
    #[serde(default = "yes")]
    pub geometry: bool,
    /// How the walk gets through the layer.
    #[serde(default)]
    pub paging: Paging,
    /// Features asked for at once, at most. The layer's own `maxRecordCount` is never exceeded.
    #[serde(default = "default_page_limit")]
    pub page_limit: u64,
    /// How the service knows us. A token in the query: `{ strategy = "query", name = "token", secret = "<name>" }`.
    #[serde(default)]
    pub auth: Auth,
}

/// How the walk gets through the layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// `resultOffset` and `resultRecordCount`, in the order of the object id. A layer that does not say that it can
    /// (servers before 10.3 do not) is walked by `ids` instead.
    #[default]
    Offset,
    /// The list of all object ids first, then the features by their ids, so many in a request as an address holds.
    Ids,
    /// Smallest and largest object id first, then range after range of `page_limit` ids. For layers whose list of ids is
    /// too short, and whose ids have no large gaps.
    ObjectIdRanges,
}

fn everything() -> String {
    "1=1".to_owned()
}

fn all_fields() -> Vec<String> {
    vec!["*".to_owned()]
}

fn yes() -> bool {
    true
}

fn default_page_limit() -> u64 {
    2000
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) layer: Url,
    pub(crate) filter: String,
    /// Empty: all.
    pub(crate) out_fields: Vec<String>,
    pub(crate) geometry: bool,
    pub(crate) paging: Paging,
    pub(crate) page_limit: u64,
    pub(crate) auth: Auth,
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let mut layer = base_url(&self.base_url, EXAMPLE)?;
        let trimmed = layer.path().trim_end_matches('/').to_owned();
        layer.set_path(&trimmed);
        let mut pieces = trimmed.rsplit('/');
        let number = pieces.next().unwrap_or_default();
        let service = pieces.next().unwrap_or_default();
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !matches!(service, "FeatureServer" | "MapServer") {
            let hint = match number {
                "FeatureServer" | "MapServer" => format!("base_url = \"{layer}/0\""),
                _ => format!("base_url = \"{EXAMPLE}\""),
            };
            return Err(Fault::settings("base_url is not the address of a layer")
                .at("[source] base_url")
                .expected(".../FeatureServer/<number> or .../MapServer/<number>")
                .found(format!(".../{service}/{number}"))
                .hint(hint));
        }
        if self.filter.trim().is_empty() {
            return Err(Fault::settings("an empty filter, which servers refuse")
                .at("[source] where")
                .hint("where = \"1=1\", or leave it out"));
        }
        if self.page_limit == 0 {
            return Err(Fault::settings("a page must hold at least one feature")
                .at("[source] page_limit")
                .found("0")
                .hint("page_limit = 2000"));
        }
        if self.out_fields.is_empty() {
            return Err(Fault::settings("no field is asked for")
                .at("[source] out_fields")
                .hint("out_fields = [\"*\"], or leave it out"));
        }
        if let Some(comma) = self.out_fields.iter().find(|name| name.contains(',')) {
            return Err(Fault::settings("several fields in one text")
                .at("[source] out_fields")
                .found(comma.clone())
                .hint("out_fields = [\"OBJECTID\", \"KOMNR\"]"));
        }
        let all = self.out_fields.iter().any(|name| name == "*");
        Ok(Checked {
            layer,
            filter: self.filter,
            out_fields: if all { Vec::new() } else { self.out_fields },
            geometry: self.geometry,
            paging: self.paging,
            page_limit: self.page_limit,
            auth: self.auth,
        })
    }
}
