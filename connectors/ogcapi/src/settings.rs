use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};
use klimalade_connect::{Auth, Fault, QueryValue, Result, base_url};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// `[source]` with `connector = "ogcapi"`: one collection of an OGC API Features server.
///
/// A declared column names its place in a GeoJSON feature by the whole dotted path, as written there: `id`,
/// `properties.value`, `geometry`. Nothing is put in front of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the API's root, where `/collections` begins: `https://opendataapi.dmi.dk/v2/climateData`.
    pub base_url: String,
    /// Name of the collection: `municipalityValue`.
    pub collection: String,
    /// Fixed query parameters of every request for features: `parameterId = "mean_temp"`. Some servers ignore a
    /// parameter that they do not know and answer with everything, so read a name from the server's own description.
    #[serde(default)]
    pub query: BTreeMap<String, QueryValue>,
    /// How the harvest is cut into parts by time. Left out: one part, `all`, without a time parameter.
    #[serde(default)]
    pub window: Option<Window>,
    /// How the service knows us: a gateway's key in a header or in the query.
    #[serde(default)]
    pub auth: Auth,
    /// Features asked for in one page. DMI takes up to 300,000.
    #[serde(default = "default_page_limit")]
    pub page_limit: u64,
    /// How the walk gets from page to page.
    #[serde(default)]
    pub paging: Paging,
    /// Largest offset that the server takes; DMI answers 400 above 500,000. A window that needs more is refused. Only
    /// with `paging = "offset"`.
    #[serde(default)]
    pub max_offset: Option<u64>,
    /// The coordinate reference system that geometry is asked for in. What is read is always EPSG:25832.
    #[serde(default)]
    pub crs: Crs,
    /// The server's `numberMatched` is a promise: every page that has one must have the same, and so many features must
    /// come. Leave it off where the server does not count, or was seen to count wrongly.
    #[serde(default)]
    pub trust_number_matched: bool,
}

/// How the walk gets from page to page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// `offset` and `limit` in the query, which is no part of the standard but what most servers take. A page with fewer
    /// features than asked for is the last only without a `next` link; an empty page always is. For servers whose
    /// `next` lies (DMI gives one on every page).
    #[default]
    Offset,
    /// The answer's own `next` link, which is what the standard has: for servers that take no `offset` (GoKoala,
    /// hakunapi). Two empty pages in a row are the end, whatever the link.
    Next,
}

/// Parts by closed civil windows. The window that is running now is a part too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The query parameter that takes an interval.
    #[serde(default = "default_parameter")]
    pub parameter: String,
    /// First civil day asked for: `2011-01-01`. Before it there are no parts.
    pub start: String,
    /// Length of a part. It also makes the part's key: `2023`, `2023-05`, `all`.
    pub part: WindowPart,
    /// Time zone of the civil days, by its IANA name. DMI's days, months and years are Danish, its hours UTC.
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// Dotted path of the time at which a feature begins: `properties.from`. A feature belongs to the part in which
    /// that time lies; decode leaves the neighbours out that a server adds because their last instant touches the
    /// window, so that no row stands in two parts. Not together with `trust_number_matched`.
    #[serde(default)]
    pub from_property: Option<String>,
}

/// Length of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowPart {
    /// A civil year.
    Year,
    /// A civil month.
    Month,
    /// Everything from `start` on.
    All,
}

/// In which coordinate reference system geometry is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// EPSG:25832 where the collection lists it, else longitude and latitude (CRS84) reprojected here.
    #[default]
    Auto,
    /// Longitude and latitude (CRS84), every server's default, reprojected here.
    Crs84,
    /// No geometry is read: a declared column `geometry` is refused, and the collection's description is not asked for.
    None,
}

fn default_page_limit() -> u64 {
    1000
}

fn default_parameter() -> String {
    "datetime".to_owned()
}

fn default_timezone() -> String {
    "Europe/Copenhagen".to_owned()
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) base_url: Url,
    pub(crate) collection: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) window: Option<CheckedWindow>,
    pub(crate) auth: Auth,
    pub(crate) page_limit: u64,
    pub(crate) paging: Paging,
    pub(crate) max_offset: Option<u64>,
    pub(crate) crs: Crs,
    pub(crate) trust_number_matched: bool,
}

#[derive(Debug)]
pub(crate) struct CheckedWindow {
    pub(crate) parameter: String,
    pub(crate) start: Date,
    pub(crate) part: WindowPart,
    pub(crate) zone: TimeZone,
    pub(crate) from_property: Option<String>,
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let base_url = base_url(&self.base_url, "https://opendataapi.dmi.dk/v2/climateData")?;
        if self.collection.trim().is_empty() {
            return Err(Fault::settings("the collection has no name")
                .at("[source] collection")
                .hint("collection = \"municipalityValue\""));
        }
        if self.page_limit == 0 {
            return Err(Fault::settings("a page must hold at least one feature")
                .at("[source] page_limit")
                .found("0")
                .hint("page_limit = 1000"));
        }
        if self.paging == Paging::Next && self.max_offset.is_some() {
            return Err(Fault::settings("a walk by links has no offset")
                .at("[source] max_offset")
                .hint("remove max_offset, or paging = \"offset\""));
        }
        let window = self.window.map(Window::check).transpose()?;
        let taken = ["limit", "offset", "crs"]
            .into_iter()
            .chain(window.as_ref().map(|window| window.parameter.as_str()));
        for name in taken {
            if self.query.contains_key(name) {
                return Err(Fault::settings("a query parameter that the walk sets itself")
                    .at("[source.query]")
                    .found(name)
                    .hint(format!(
                        "remove {name} from [source.query]; page_limit, crs and [source.window] set it"
                    )));
            }
        }
        let filters_rows = window.as_ref().is_some_and(|window| window.from_property.is_some());
        if self.trust_number_matched && filters_rows {
            return Err(
                Fault::settings("numberMatched counts the neighbours that from_property leaves out")
                    .at("[source] trust_number_matched")
                    .hint("trust_number_matched = false"),
            );
        }
        Ok(Checked {
            base_url,
            collection: self.collection,
            query: self
                .query
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            window,
            auth: self.auth,
            page_limit: self.page_limit,
            paging: self.paging,
            max_offset: self.max_offset,
            crs: self.crs,
            trust_number_matched: self.trust_number_matched,
        })
    }
}

impl Window {
    fn check(self) -> Result<CheckedWindow> {
        let start = self.start.parse::<Date>().map_err(|source| {
            Fault::settings("not a civil day")
                .at("[source.window] start")
                .found(self.start.clone())
                .hint("start = \"2011-01-01\"")
                .because(source)
        })?;
        let zone = TimeZone::get(&self.timezone).map_err(|source| {
            Fault::settings("no such time zone")
                .at("[source.window] timezone")
                .found(self.timezone.clone())
                .hint("timezone = \"Europe/Copenhagen\"")
                .because(source)
        })?;
        Ok(CheckedWindow {
            parameter: self.parameter,
            start,
            part: self.part,
            zone,
            from_property: self.from_property,
        })
    }
}
