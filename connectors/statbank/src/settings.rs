use std::collections::BTreeMap;

use jiff::civil::Date;
use klimalade_connect::{Fault, Result, base_url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// `[source]` of a pipeline that harvests one table of StatBank.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the API. Sub-databases have a path of their own (`https://api.statbank.dk/v1/s20`, `.../s30`).
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Table id, such as `BIL54`.
    pub table: String,
    /// Language of texts and messages; in `da` numbers have a decimal comma.
    #[serde(default)]
    pub lang: Language,
    /// `csv` is exact: its rows are the product of the values. `bulk` leaves out zeros and has no end mark, so it is an
    /// exception that must be declared with `zero_fill` and `bulk_control`.
    #[serde(default)]
    pub format: Format,
    /// `code`, or `default`: texts, which are made codes again. Texts that stand for two codes are refused.
    #[serde(default)]
    pub value_presentation: Presentation,
    /// Values by variable: codes, `*` anywhere as wildcard, or a range `>=a<=b` in one string. All are expanded from
    /// the table's own list of values. Periods are compared as text (`<=2018` takes all of 2018), other codes by the
    /// table's order. `Tid` left out is every period.
    #[serde(default)]
    pub select: BTreeMap<String, Vec<String>>,
    /// Variables left out on purpose; StatBank sums over them or takes their total, whichever the table has.
    #[serde(default)]
    pub eliminate: Vec<String>,
    /// How the harvest is parted: by calendar `year` (key `2024`), `half_year` (`2024-H1`), or `all` in one.
    #[serde(default)]
    pub split: Split,
    /// Most cells of one request: rows x (selected variables, Tid included, + 1). A part with more becomes several pages.
    /// The agency's limit has been 1,000 to 1,000,000 over the years; 1,000,000 on 2026-11-23.
    #[serde(default = "default_max_cells")]
    pub max_cells: u64,
    /// `map` that the area variable must have, in any case; `none` for a table without areas.
    #[serde(default = "default_expect_map")]
    pub expect_map: String,
    /// The area variable, where more than one has a map (it has more than twenty names: OMRÅDE, KOMK, AMT, ...).
    #[serde(default)]
    pub area_variable: Option<String>,
    /// Unit of the table as tableinfo gives it; another is refused.
    #[serde(default)]
    pub expect_unit: Option<String>,
    /// The variable whose codes say the unit, for a table of unit `-`; map.sql must map each of its codes.
    #[serde(default)]
    pub unit_in_variable: Option<String>,
    /// Only with `bulk`, and required there: a combination that does not come is the figure 0.
    #[serde(default)]
    pub zero_fill: bool,
    /// Only with `bulk`, and required there: variable and its total code, which must not be selected. The totals are
    /// asked for as CSV beside the BULK answer and must equal its sums, since a cut BULK answer looks like zeros.
    #[serde(default)]
    pub bulk_control: BTreeMap<String, String>,
    /// Largest difference between a total and its sum in the table's unit, for agencies that round.
    #[serde(default)]
    pub bulk_control_tolerance: f64,
    /// Civil date, such as `2026-01-01`: a table that was last updated before it is refused.
    #[serde(default)]
    pub min_updated: Option<String>,
    /// Accept a table that is no longer kept up.
    #[serde(default)]
    pub allow_inactive: bool,
}

/// Language of StatBank's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Danish: decimal comma.
    #[default]
    Da,
    /// English: decimal point. Codes are the same.
    En,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Da => "da",
            Self::En => "en",
        }
    }
}

/// Format of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Exact and limited in cells.
    #[default]
    Csv,
    /// Streamed, without the combinations that are zero, without a limit.
    Bulk,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Bulk => "BULK",
        }
    }
}

/// How values are named in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presentation {
    /// By code.
    #[default]
    Code,
    /// By text, as StatBank does when it is not told otherwise.
    Default,
}

impl Presentation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Code => "Code",
            Self::Default => "Default",
        }
    }
}

/// How a harvest is parted. Never by counting cells: such keys would shift each month (2026-11-23: BIL54).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By the year in the period code (the first one of `2023/2024`).
    #[default]
    Year,
    /// By half-year; weeks 1 to 26 are the first half.
    HalfYear,
    /// One part `all`.
    All,
}

impl Split {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::HalfYear => "half_year",
            Self::All => "all",
        }
    }
}

fn default_base_url() -> String {
    "https://api.statbank.dk/v1".to_owned()
}

fn default_max_cells() -> u64 {
    1_000_000
}

fn default_expect_map() -> String {
    "Denmark_municipality_07".to_owned()
}

impl Settings {
    /// Address of a function of the API (`tableinfo`, `data`). Errors: Settings.
    pub(crate) fn address(&self, function: &str) -> Result<Url> {
        let mut url = base_url(&self.base_url, "https://api.statbank.dk/v1")?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(function);
        }
        Ok(url)
    }
    /// `min_updated` as a date. Errors: Settings.
    pub(crate) fn min_updated(&self) -> Result<Option<Date>> {
        let Some(text) = &self.min_updated else { return Ok(None) };
        text.parse().map(Some).map_err(|source: jiff::Error| {
            Fault::settings("min_updated is no date")
                .found(text)
                .hint("min_updated = \"2026-01-01\"")
                .because(source)
        })
    }
    /// The variable that both names mean: StatBank's ids are case-insensitive, and headers come in upper case.
    pub(crate) fn same(left: &str, right: &str) -> bool {
        left.to_uppercase() == right.to_uppercase()
    }
    /// What can be seen to be wrong without asking the agency. Errors: Settings.
    pub(crate) fn check(&self) -> Result<()> {
        self.address("data")?;
        self.min_updated()?;
        if self.max_cells == 0 {
            return Err(Fault::settings("max_cells is zero").hint("max_cells = 1000000"));
        }
        if let Some(twice) = self
            .eliminate
            .iter()
            .find(|name| self.select.keys().any(|other| Self::same(name, other)))
        {
            return Err(Fault::settings("a variable is both selected and eliminated")
                .found(twice)
                .hint("keep it in one of the two"));
        }
        let names: Vec<&String> = self.select.keys().collect();
        for (at, name) in names.iter().enumerate() {
            if names[at + 1..].iter().any(|other| Self::same(name, other)) {
                return Err(Fault::settings("a variable is selected twice")
                    .found(*name)
                    .hint("keep one of the two"));
            }
        }
        if self.eliminate.iter().any(|name| Self::same(name, "Tid")) {
            return Err(
                Fault::settings("Tid cannot be eliminated: StatBank would give the newest period only")
                    .hint("select = { \"Tid\" = [\"*\"] }"),
            );
        }
        if self.format == Format::Bulk && (!self.zero_fill || self.bulk_control.is_empty()) {
            return Err(Fault::settings("BULK leaves out zeros and has no end mark")
                .expected("zero_fill = true and bulk_control")
                .hint("format = \"csv\", or bulk_control = { \"OMRÅDE\" = \"000\" } and zero_fill = true"));
        }
        if self.format == Format::Bulk && !self.eliminate.is_empty() {
            return Err(Fault::settings("BULK eliminates no variable")
                .found(self.eliminate.join(", "))
                .hint("format = \"csv\""));
        }
        if self.format == Format::Csv && (self.zero_fill || !self.bulk_control.is_empty()) {
            return Err(Fault::settings("zero_fill and bulk_control belong to BULK").hint("leave them out"));
        }
        if !self.bulk_control_tolerance.is_finite() || self.bulk_control_tolerance < 0.0 {
            return Err(Fault::settings("bulk_control_tolerance is no tolerance").hint("bulk_control_tolerance = 0.5"));
        }
        Ok(())
    }
}
