use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use klimalade_connect::{Auth, Fault, QueryValue, Result, Schemas, base_url};
use klimalade_model::danish_day;
use klimalade_transport::Paging as Walk;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::details::{CheckedDetails, Details};

/// `[source]` with `connector = "rest"`: JSON over HTTP, asked for once for each combination of parameters.
///
/// A declared column names its place in a row by its dotted path; `matrix.<axis>` is the value of that axis under
/// which the row was asked for.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the service: `https://klimaregnskabet.dk/api`.
    pub base_url: String,
    /// Path below it: `municipality-data`.
    #[serde(default)]
    pub path: String,
    /// Query parameters that are the same in every request.
    #[serde(default)]
    pub query: BTreeMap<String, QueryValue>,
    /// How the service pages an answer.
    #[serde(default)]
    pub paging: Paging,
    /// Dotted path to the array of rows: `data`. Empty: the answer is the array.
    #[serde(default)]
    pub rows: String,
    /// Dotted path to the service's count of the rows of the whole walk: `meta.total`. It is a promise: every page must
    /// have it, all pages the same, and so many rows must come. Name it where it can be trusted: a service that gives
    /// fewer rows on a page than `size` asks for is read short without it, since a short page is the last.
    #[serde(default)]
    pub count: Option<String>,
    /// How the service knows us.
    #[serde(default)]
    pub auth: Auth,
    /// Query parameters that are asked for in every combination; the first axis turns slowest.
    #[serde(default)]
    pub matrix: Vec<Axis>,
    /// The axis that makes the parts: one part for each of its values, which is the part's key. All combinations of
    /// the other axes are the part's pages in order. Left out: one part, `all`.
    #[serde(default)]
    pub part_axis: Option<String>,
    /// A combination may have no rows. Left out, an answer without rows is an error, since a service that has lost
    /// its data often answers with an empty list.
    #[serde(default)]
    pub allow_empty: bool,
    /// One more answer for each row, asked for by the row's id.
    #[serde(default)]
    pub details: Option<Details>,
}

/// One axis of the matrix: a query parameter and its values in order, oldest first on the axis of the parts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// Name of the query parameter: `municipality`.
    pub name: String,
    /// A list, `["101", "147"]`, years, `{ from = 2018, to = "now-2" }`, or the codes of a code list that hold on the day,
    /// `{ codes = "areas", where = { area_level = "municipality" }, as = "statbank_code" }`.
    pub values: AxisValues,
    /// Ask for the newest value once at plan time, with the first value of every other axis, and leave its part out
    /// when the answer has no rows, or is HTTP 400 or 404 (with a warning). Only on `part_axis`.
    #[serde(default)]
    pub probe: bool,
}

/// The values of an axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AxisValues {
    /// Each one, in order.
    List(Vec<QueryValue>),
    /// Civil years.
    Years(YearRange),
    /// Codes of a code list.
    Codes(ListedCodes),
}

/// The codes of a code list of the common schema, in its order, that hold on the Danish day of the run (`valid_from`,
/// `valid_to`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedCodes {
    /// The code list: `areas`.
    pub codes: String,
    /// Only the codes whose columns say so: `{ area_level = "municipality" }`.
    #[serde(default, rename = "where")]
    pub chosen: BTreeMap<String, String>,
    /// The column whose values are sent: `statbank_code`. Left out: the code itself.
    #[serde(default, rename = "as")]
    pub sent: Option<String>,
}

impl ListedCodes {
    /// What is sent, on a day. Errors: Settings, for a list or a column that is none, a code without a value, no code.
    fn texts(&self, schemas: &Schemas, day: &str) -> Result<Vec<String>> {
        let list = schemas.code_list(&self.codes)?;
        if let Some(column) = self
            .chosen
            .keys()
            .chain(&self.sent)
            .find(|name| !list.header.contains(name))
        {
            return Err(Fault::settings("the code list has no such column")
                .found(column.clone())
                .expected(list.header.join(", "))
                .hint(format!("klimalade schema {}", list.name)));
        }
        let is_chosen = |code: &&str| {
            let mut wanted = self.chosen.iter();
            wanted.all(|(column, value)| list.get(code, column).unwrap_or_default() == value)
                && list.is_valid_on(code, day)
        };
        let texts = list.codes().filter(is_chosen).map(|code| {
            let text = list.get(code, self.sent.as_deref().unwrap_or("code"));
            text.map(str::to_owned).ok_or_else(|| {
                Fault::settings("a code has nothing to be sent")
                    .found(code.to_owned())
                    .expected(format!(
                        "a value in its column {}",
                        self.sent.as_deref().unwrap_or("code")
                    ))
                    .hint(format!("klimalade schema {}", list.name))
            })
        });
        let texts: Vec<String> = texts.collect::<Result<_>>()?;
        match texts.is_empty() {
            false => Ok(texts),
            true => Err(Fault::settings("no code of the list is chosen")
                .found(format!("{:?} on {day}", self.chosen))
                .hint(format!("klimalade schema {}", list.name))),
        }
    }
}

/// Civil years, both ends included.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct YearRange {
    /// First year.
    pub from: i16,
    /// Last year: a number, `"now"`, or `"now-2"` counted from the year in UTC at the time of the run.
    pub to: YearValue,
}

/// A year, or a distance from this one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum YearValue {
    /// This one.
    Year(i16),
    /// `now` or `now-<years>`.
    Relative(String),
}

/// How a service pages an answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "strategy", rename_all = "snake_case", deny_unknown_fields)]
pub enum Paging {
    /// One answer is all.
    // Braces, because serde takes any other key beside the tag of a unit variant.
    Single {},
    /// An offset and a limit in the query; a page with fewer rows than asked for is the last.
    Offset {
        /// Query parameter of the offset.
        #[serde(default = "offset_name")]
        offset: String,
        /// Query parameter of the limit.
        #[serde(default = "limit_name")]
        limit: String,
        /// Rows asked for in a page.
        size: u64,
    },
    /// A page number in the query; a page with fewer rows than asked for is the last.
    PageNumber {
        /// Query parameter of the page number.
        #[serde(default = "page_name")]
        page: String,
        /// Query parameter of the page size.
        #[serde(default = "limit_name")]
        limit: String,
        /// Rows asked for in a page.
        size: u64,
        /// Number of the first page.
        #[serde(default = "one")]
        first: u64,
    },
    /// The answer's own link to the next page, until there is none, or two answers in a row have no rows.
    NextLink {
        /// Dotted path of the link: `links.next`.
        link: String,
    },
}

impl Default for Paging {
    fn default() -> Self {
        Self::Single {}
    }
}

fn offset_name() -> String {
    "offset".to_owned()
}

fn limit_name() -> String {
    "limit".to_owned()
}

fn page_name() -> String {
    "page".to_owned()
}

fn one() -> u64 {
    1
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) url: Url,
    pub(crate) dataset: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) walk: Walk,
    pub(crate) next_link: Option<String>,
    pub(crate) rows: String,
    pub(crate) count: Option<String>,
    pub(crate) auth: Auth,
    pub(crate) matrix: Vec<Axis>,
    pub(crate) part_axis: Option<usize>,
    pub(crate) allow_empty: bool,
    pub(crate) details: Option<CheckedDetails>,
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let mut url = base_url(&self.base_url, "https://klimaregnskabet.dk/api")?;
        let details = self.details.clone().map(|details| details.check(&url)).transpose()?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(self.path.split('/').filter(|segment| !segment.is_empty()));
        }
        let (walk, next_link, walk_names) = self.paging.strategy()?;
        for (at, axis) in self.matrix.iter().enumerate() {
            axis.check()?;
            let before = self.matrix.iter().take(at).any(|other| other.name == axis.name);
            if before || self.query.contains_key(&axis.name) || walk_names.contains(&axis.name) {
                return Err(Fault::settings("an axis has the name of another parameter")
                    .at("[source] matrix")
                    .found(axis.name.clone())
                    .hint(format!("keep one of the two settings of {}", axis.name)));
            }
        }
        if let Some(name) = walk_names.iter().find(|name| self.query.contains_key(*name)) {
            return Err(Fault::settings("a query parameter that the walk sets itself")
                .at("[source.query]")
                .found(name.clone())
                .hint(format!("remove {name} from [source.query]")));
        }
        let part_axis = match &self.part_axis {
            None => None,
            Some(name) => Some(self.matrix.iter().position(|axis| &axis.name == name).ok_or_else(|| {
                Fault::settings("part_axis names no axis of the matrix")
                    .at("[source] part_axis")
                    .found(name.clone())
                    .expected(
                        self.matrix
                            .iter()
                            .map(|axis| axis.name.as_str())
                            .collect::<Vec<_>>()
                            .join(", "),
                    )
                    .hint("part_axis = \"year\"")
            })?),
        };
        if let Some((_, axis)) = self
            .matrix
            .iter()
            .enumerate()
            .find(|(at, axis)| axis.probe && part_axis != Some(*at))
        {
            return Err(Fault::settings("only the axis of the parts can be probed")
                .at("[source] matrix")
                .found(format!("probe = true on {}", axis.name))
                .hint(format!("part_axis = \"{}\", or remove probe", axis.name)));
        }
        Ok(Checked {
            dataset: url.path().to_owned(),
            url,
            query: self
                .query
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            walk,
            next_link,
            rows: self.rows,
            count: self.count,
            auth: self.auth,
            matrix: self.matrix,
            part_axis,
            allow_empty: self.allow_empty,
            details,
        })
    }
}

impl Paging {
    /// The walk's strategy, the path of the next link, and the query parameters that the walk sets.
    fn strategy(self) -> Result<(Walk, Option<String>, Vec<String>)> {
        let none_on_a_page = Fault::settings("a page must hold at least one row")
            .at("[source.paging] size")
            .found("0")
            .hint("size = 1000");
        match self {
            Self::Single {} => Ok((Walk::Single, None, Vec::new())),
            Self::Offset { size: 0, .. } | Self::PageNumber { size: 0, .. } => Err(none_on_a_page),
            Self::Offset { offset, limit, size } => {
                let names = vec![offset.clone(), limit.clone()];
                Ok((Walk::Offset { offset, limit, size }, None, names))
            }
            Self::PageNumber {
                page,
                limit,
                size,
                first,
            } => {
                let names = vec![page.clone(), limit.clone()];
                Ok((
                    Walk::Number {
                        page,
                        limit,
                        size,
                        first,
                    },
                    None,
                    names,
                ))
            }
            Self::NextLink { link } => Ok((Walk::Next { size: 0 }, Some(link), Vec::new())),
        }
    }
}

impl Axis {
    fn check(&self) -> Result<()> {
        let place = format!("[source] matrix, axis {}", self.name);
        match &self.values {
            AxisValues::List(values) if values.is_empty() => Err(Fault::settings("an axis has no values")
                .at(place)
                .hint("values = [\"101\"]")),
            AxisValues::Years(years) => years.last(0).map(|_| ()).map_err(|fault| fault.at(place)),
            AxisValues::List(_) | AxisValues::Codes(_) => Ok(()),
        }
    }
    /// The values as they are sent, in order, at a moment. Errors: Settings.
    pub(crate) fn texts(&self, schemas: &Schemas, now: Timestamp) -> Result<Vec<String>> {
        match &self.values {
            AxisValues::Codes(codes) => {
                let day = danish_day(now)?.to_string();
                let texts = codes.texts(schemas, &day);
                texts.map_err(|fault| fault.at(format!("[source] matrix, axis {}", self.name)))
            }
            AxisValues::List(values) => Ok(values.iter().map(QueryValue::to_string).collect()),
            AxisValues::Years(years) => {
                let last = years.last(now.to_zoned(TimeZone::UTC).year())?;
                if last < years.from {
                    return Err(Fault::settings("the years end before they begin")
                        .at(format!("[source] matrix, axis {}", self.name))
                        .found(format!("{} to {last}", years.from))
                        .hint("values = { from = 2018, to = \"now-2\" }"));
                }
                Ok((years.from..=last).map(|year| year.to_string()).collect())
            }
        }
    }
}

impl YearRange {
    fn last(&self, this_year: i16) -> Result<i16> {
        match &self.to {
            YearValue::Year(year) => Ok(*year),
            YearValue::Relative(text) => {
                let back = match text.strip_prefix("now") {
                    Some("") => Some(0),
                    Some(rest) => rest.strip_prefix('-').and_then(|years| years.parse::<i16>().ok()),
                    None => None,
                };
                let last = back.and_then(|back| this_year.checked_sub(back));
                last.ok_or_else(|| {
                    Fault::settings("not a year")
                        .found(text.clone())
                        .expected("a number, now, or now-<years>")
                        .hint("to = \"now-2\"")
                })
            }
        }
    }
}
