use std::collections::BTreeMap;

use klimalade_connect::{Auth, Fault, QueryValue, Result, base_url};
use klimalade_format::gml::names_epsg25832;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const EXAMPLE: &str = "https://geoserver.plandata.dk/geoserver/wfs";
/// Parameters that this connector sends itself; servers read their names in any case.
const OWN: [&str; 11] = [
    "service",
    "version",
    "request",
    "typename",
    "typenames",
    "srsname",
    "resulttype",
    "outputformat",
    "sortby",
    "startindex",
    "count",
];

/// `[source]` with `connector = "wfs"`: one feature type of a WFS.
///
/// With `output = "gml"` a declared column names an element of the feature without its prefix: `komnr`, `geometri`; a
/// dotted path goes into elements within it, `@id` is the feature's `gml:id`. With `output = "json"` it names the dotted
/// path in a GeoJSON feature: `id`, `properties.komnr`, `geometry`. Geometry comes as WKB in EPSG:25832.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the service without a query: `https://geoserver.plandata.dk/geoserver/wfs`. MapServer's `map` goes
    /// into `query`.
    pub base_url: String,
    /// Name of the feature type, with its prefix: `pdk:theme_pdk_kloakopland_vedtaget`. One only.
    pub type_names: String,
    /// Version of WFS to ask for.
    #[serde(default)]
    pub version: Version,
    /// The coordinate reference system that is asked for; `EPSG:25832` is the only one that is read.
    #[serde(default = "default_srs")]
    pub srs: String,
    /// Property by which the server sorts; needed where it has no order of its own ("natural order"). It should be
    /// unique, else pages may overlap: `objekt_id`, or two of them, `komnr,plannr`.
    #[serde(default)]
    pub sort_by: Option<String>,
    /// Features asked for in one page. A server may give fewer without a word.
    #[serde(default = "default_page_limit")]
    pub page_limit: u64,
    /// What the server answers with.
    #[serde(default)]
    pub output: Output,
    /// `outputFormat` as this server spells it. Left out: the version's own GML, or `application/json`.
    #[serde(default)]
    pub output_format: Option<String>,
    /// Fixed query parameters of every request: `CQL_FILTER = "komnr=101"` (GeoServer only), `map = "pdk"`.
    #[serde(default)]
    pub query: BTreeMap<String, QueryValue>,
    /// How the service knows us: a key or a user by the name of a secret.
    #[serde(default)]
    pub auth: Auth,
    /// The server's count (`resultType=hits`) is a promise: so many features must come, and the same count must stand
    /// after the walk. Leave it off where a server counts only up to its own maximum (MapServer).
    #[serde(default)]
    pub trust_hits: bool,
    /// The plan asks DescribeFeatureType for the elements of the type, so that one that is null everywhere can be told
    /// from one that is not there. Only with `output = "gml"`; JSON has its nulls written.
    #[serde(default = "yes")]
    pub describe: bool,
}

/// Version of WFS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// 2.0.0, with GML 3.2. What a server answers may still be 1.1.0.
    #[default]
    #[serde(rename = "2.0.0")]
    V2_0_0,
    /// 1.1.0, with GML 3.1.1.
    #[serde(rename = "1.1.0")]
    V1_1_0,
}

impl Version {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::V2_0_0 => "2.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }
    pub(crate) fn type_names(self) -> &'static str {
        match self {
            Self::V2_0_0 => "typeNames",
            Self::V1_1_0 => "typeName",
        }
    }
    pub(crate) fn limit(self) -> &'static str {
        match self {
            Self::V2_0_0 => "count",
            Self::V1_1_0 => "maxFeatures",
        }
    }
}

/// Form of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// GML 3.2 or 3.1.1, which every server has.
    #[default]
    Gml,
    /// GeoJSON in EPSG:25832, which GeoServer and some others have.
    Json,
}

fn default_srs() -> String {
    "EPSG:25832".to_owned()
}

fn default_page_limit() -> u64 {
    1000
}

fn yes() -> bool {
    true
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) base_url: Url,
    pub(crate) type_names: String,
    pub(crate) version: Version,
    pub(crate) sort_by: Option<String>,
    pub(crate) page_limit: u64,
    pub(crate) output: Output,
    pub(crate) output_format: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) auth: Auth,
    pub(crate) trust_hits: bool,
    pub(crate) describe: bool,
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let base_url = base_url(&self.base_url, EXAMPLE)?;
        if self.type_names.trim().is_empty() || self.type_names.contains(',') {
            return Err(Fault::settings("one feature type has to be named")
                .at("[source] type_names")
                .found(self.type_names)
                .hint("type_names = \"pdk:theme_pdk_kloakopland_vedtaget\""));
        }
        if !names_epsg25832(&self.srs) {
            return Err(
                Fault::settings("another coordinate reference system than EPSG:25832 is not read")
                    .at("[source] srs")
                    .expected("EPSG:25832")
                    .found(self.srs)
                    .hint("srs = \"EPSG:25832\""),
            );
        }
        if self.page_limit == 0 {
            return Err(Fault::settings("no features are asked for")
                .at("[source] page_limit")
                .hint("page_limit = 1000"));
        }
        let is_own = |name: &String| {
            let name = name.to_ascii_lowercase();
            OWN.contains(&name.as_str()) || name == "maxfeatures"
        };
        if let Some(name) = self.query.keys().find(|name| is_own(name)) {
            return Err(
                Fault::settings(format!("the query sets {name}, which the connector sends itself"))
                    .at("[source.query]")
                    .hint(format!("remove {name}; it has a setting of its own, or needs none")),
            );
        }
        Ok(Checked {
            base_url,
            type_names: self.type_names,
            version: self.version,
            sort_by: self.sort_by,
            page_limit: self.page_limit,
            output: self.output,
            output_format: self.output_format,
            query: self
                .query
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            auth: self.auth,
            trust_hits: self.trust_hits,
            describe: self.describe && self.output == Output::Gml,
        })
    }
}
