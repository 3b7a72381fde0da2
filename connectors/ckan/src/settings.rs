use std::collections::BTreeMap;

use klimalade_connect::{Auth, Fault, Result, base_url};
use klimalade_format::{csv::CsvOptions, geometry::Crs, json::JsonOptions, text};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const EXAMPLE: &str = "https://admin.opendata.dk";
/// Packages of one answer of a search.
pub(crate) const SEARCH_ROWS: u64 = 100;

/// `[source]` with `connector = "ckan"`: resources of an open-data portal.
///
/// A declared column may also take what the portal says of the whole part: `from = "package.name"`, `package.title`,
/// `package.organization` (the short name, `city-of-aarhus`), `package.organization_title`, `package.modified`,
/// `resource.id`, `resource.name`, `resource.modified`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address below which `/api/3/action` stands: `https://admin.opendata.dk`.
    pub base_url: String,
    /// One package, by its name or id: the last piece of the address of its page.
    #[serde(default)]
    pub package: Option<String>,
    /// Every package that a search finds.
    #[serde(default)]
    pub search: Option<Search>,
    /// Which of a package's resources. Exactly one must fit, and the part has the package's name.
    #[serde(default)]
    pub resource: ResourceChoice,
    /// The table of the datastore, or the file and its form.
    pub read: Read,
    /// Codes of the list `licences` for ids of the portal that are not known to us, and for `""`, where the portal states
    /// no licence: for somebody who has read the terms.
    #[serde(default)]
    pub licences: BTreeMap<String, String>,
    /// How the portal knows us: `{ strategy = "header", name = "Authorization", secret = "<name>" }`. Goes to the portal
    /// alone, never to another host to which a resource links.
    #[serde(default)]
    pub auth: Auth,
    /// Rows of a table asked for at once; portals give at most 32,000.
    #[serde(default = "default_page_limit")]
    pub page_limit: u64,
    /// The portal's count of a table must be the number of rows that come. False, where it is known to be another; an
    /// estimated count is never compared.
    #[serde(default = "yes")]
    pub trust_total: bool,
    /// What tells that a resource changed.
    #[serde(default)]
    pub change_mark: ChangeMark,
}

/// A search for packages.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Words, as the portal's own search takes them: `cykelsti`.
    #[serde(default)]
    pub words: String,
    /// A filter in Solr's form: `organization:city-of-aarhus`.
    #[serde(default)]
    pub filter: String,
}

/// Which of a package's resources; all that is said must fit.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceChoice {
    /// Its id.
    #[serde(default)]
    pub id: Option<String>,
    /// Its name, with `*` for any letters.
    #[serde(default)]
    pub name: Option<String>,
    /// Its format as the portal names it, without regard to case: `CSV`.
    #[serde(default)]
    pub format: Option<String>,
    /// Each resource that fits is a part of its own, under its id.
    #[serde(default)]
    pub every: bool,
}

/// How a resource is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Read {
    /// The table of the portal's datastore, page by page.
    // Braces, because serde takes any other key beside the tag of a unit variant.
    Datastore {},
    /// The file, delimited text.
    Csv(CsvForm),
    /// The file, an array of JSON objects.
    Json {
        /// Dotted path to the array; empty: the file is the array.
        #[serde(default)]
        rows: String,
    },
    /// The file, a feature collection: columns are `properties.<name>` and `geometry`.
    Geojson {
        /// Coordinates of the geometry.
        #[serde(default)]
        crs: FileCrs,
    },
}

/// How delimited text is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvForm {
    /// Between cells: one character, `";"`, `","` or `"\t"`.
    #[serde(default = "semicolon")]
    pub delimiter: String,
    /// Character encoding. A byte order mark wins over it.
    #[serde(default)]
    pub encoding: Encoding,
    /// The decimal mark.
    #[serde(default)]
    pub decimal: Decimal,
    /// Cells that mean null, compared exactly.
    #[serde(default = "empty_mark")]
    pub null_marks: Vec<String>,
    /// Lines before the header that are no data.
    #[serde(default)]
    pub skip_lines: usize,
}

/// Character encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8; other bytes are an error.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252, which Danish Excel writes.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// ISO-8859-1.
    #[serde(rename = "latin1")]
    Latin1,
}

/// The decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

/// Coordinates of a geometry column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileCrs {
    /// Longitude, latitude.
    #[default]
    Crs84,
    /// ETRS89 / UTM zone 32N.
    Epsg25832,
}

/// What tells that a resource changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeMark {
    /// The portal's times of change, for a file that was uploaded to it; nothing for a table that somebody writes to and
    /// for a link to another host, since the portal does not see those change.
    #[default]
    Uploads,
    /// The portal's times of change, whatever the resource.
    Modified,
    /// Nothing: the resource is asked for as often as `[harvest] every` says.
    None,
}

fn default_page_limit() -> u64 {
    32_000
}

fn yes() -> bool {
    true
}

fn semicolon() -> String {
    ";".to_owned()
}

fn empty_mark() -> Vec<String> {
    vec![String::new()]
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) base_url: Url,
    pub(crate) packages: Packages,
    pub(crate) resource: ResourceChoice,
    pub(crate) form: Form,
    pub(crate) licences: BTreeMap<String, String>,
    pub(crate) auth: Auth,
    pub(crate) page_limit: u64,
    pub(crate) trust_total: bool,
    pub(crate) change_mark: ChangeMark,
}

/// Which packages.
#[derive(Debug)]
pub(crate) enum Packages {
    One(String),
    Found(Search),
}

/// How a resource is read.
#[derive(Debug)]
pub(crate) enum Form {
    Datastore,
    Csv(CsvOptions),
    Json(JsonOptions),
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let base_url = base_url(&self.base_url, EXAMPLE)?;
        if base_url.path().contains("/api/") {
            return Err(Fault::settings("base_url ends before /api")
                .at("[source] base_url")
                .found(base_url.to_string())
                .hint(format!("base_url = \"{EXAMPLE}\"")));
        }
        let packages = match (self.package, self.search) {
            (Some(package), None) if !package.trim().is_empty() => Packages::One(package),
            (None, Some(search)) if !(search.words.is_empty() && search.filter.is_empty()) => Packages::Found(search),
            _ => {
                return Err(
                    Fault::settings("either package or search says which packages are meant")
                        .at("[source]")
                        .hint("package = \"cykelstier\", or search = { filter = \"organization:city-of-aarhus\" }"),
                );
            }
        };
        if self.page_limit == 0 {
            return Err(Fault::settings("a page must hold at least one row")
                .at("[source] page_limit")
                .found("0")
                .hint("page_limit = 32000"));
        }
        let form = match self.read {
            Read::Datastore {} => Form::Datastore,
            Read::Csv(form) => Form::Csv(form.options()?),
            Read::Json { rows } => Form::Json(JsonOptions {
                rows,
                ..JsonOptions::default()
            }),
            Read::Geojson { crs } => Form::Json(JsonOptions {
                rows: "features".to_owned(),
                crs: match crs {
                    FileCrs::Crs84 => Crs::Crs84,
                    FileCrs::Epsg25832 => Crs::Epsg25832,
                },
                ..JsonOptions::default()
            }),
        };
        Ok(Checked {
            base_url,
            packages,
            resource: self.resource,
            form,
            licences: self.licences,
            auth: self.auth,
            page_limit: self.page_limit,
            trust_total: self.trust_total,
            change_mark: self.change_mark,
        })
    }
}

impl CsvForm {
    fn options(self) -> Result<CsvOptions> {
        let delimiter = match self.delimiter.as_bytes() {
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => *one,
            _ => {
                return Err(Fault::settings("a delimiter is one ASCII character")
                    .at("[source.read] delimiter")
                    .found(format!("{:?}", self.delimiter))
                    .hint("delimiter = \";\""));
            }
        };
        if self.decimal == Decimal::Comma && delimiter == b',' {
            return Err(Fault::settings("the decimal mark cannot be the delimiter")
                .at("[source.read] decimal")
                .hint("delimiter = \";\""));
        }
        Ok(CsvOptions {
            delimiter,
            encoding: match self.encoding {
                Encoding::Utf8 => text::Encoding::Utf8,
                Encoding::Windows1252 => text::Encoding::Windows1252,
                Encoding::Latin1 => text::Encoding::Latin1,
            },
            decimal_comma: self.decimal == Decimal::Comma,
            null_marks: self.null_marks,
            skip_lines: self.skip_lines,
            ..CsvOptions::default()
        })
    }
}
