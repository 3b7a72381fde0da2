use std::collections::BTreeMap;

use klimalade_connect::{Fault, Result, base_url};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::calendar::Moment;

/// `[source]` of a pipeline that harvests one dataset of Energi Data Service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the API.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// Dataset name, such as `ProductionMunicipalityHour`.
    pub dataset: String,
    /// The dataset's own time column: `HourUTC`, `TimeUTC`, `Month`. A name that ends in `UTC` holds UTC without a Z,
    /// any other Danish civil time. Rows outside the part's months are refused.
    pub time_column: String,
    /// First month: `2016-01`, or relative to the day of the run: `now-P13M`, `now-P2Y`, `now-P90D` (the month in
    /// which that day lies). With `part = "year"` the whole year is asked for.
    pub start: String,
    /// The month before which the harvest ends, written as `start`; left out: the running month is the last.
    #[serde(default)]
    pub end: Option<String>,
    /// A complete unique key of the dataset, so that pages neither repeat nor miss a row.
    pub sort: Vec<String>,
    /// Values by column: one of them within a column, all columns together. Text only, as the dataset's keys are.
    #[serde(default)]
    pub filter: BTreeMap<String, Vec<String>>,
    /// Columns that the dataset must still have and that are asked for; left out: all are asked for.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows of one page; 0: the whole part in one answer, as the rate limit of one request a minute wants it.
    #[serde(default)]
    pub page_limit: u64,
    /// Danish civil `month` (key `2024-05`) or `year` (key `2024`).
    #[serde(default)]
    pub part: Span,
    /// Rows that a complete part has. `total` in the answer is no promise: it was the count of the match in 2023 and
    /// is the count of the page in 2026.
    #[serde(default)]
    pub expected_rows: Option<ExpectedRows>,
}

/// How a harvest is parted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// One civil month.
    #[default]
    Month,
    /// One civil year, for datasets of one row a month.
    Year,
}

/// Rows of a complete part: areas x rows_per_area x periods of the civil months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRows {
    /// Municipalities in each period (99: Christiansø is one of them).
    pub areas: u64,
    /// Period of a row.
    pub per: Per,
    /// Rows of one area in one period (ConsumptionIndustry has 3).
    #[serde(default = "one")]
    pub rows_per_area: u64,
    /// Days after its end until a part is complete; until then nothing is promised.
    #[serde(default)]
    pub lag_days: u32,
}

/// Period of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// 23, 24 or 25 a day.
    Hour,
    /// Civil day.
    Day,
    /// Civil month.
    Month,
}

fn default_base_url() -> String {
    "https://api.energidataservice.dk".to_owned()
}

fn one() -> u64 {
    1
}

impl Settings {
    /// Address of `path` (`dataset`, `meta/dataset`) for this dataset. Errors: Settings.
    pub(crate) fn address(&self, path: &str) -> Result<Url> {
        let mut url = base_url(&self.base_url, "https://api.energidataservice.dk")?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/')).push(&self.dataset);
        }
        Ok(url)
    }
    /// What can be seen to be wrong without asking the agency. Errors: Settings.
    pub(crate) fn check(&self) -> Result<()> {
        self.address("dataset")?;
        Moment::read("start", &self.start)?;
        if let Some(end) = &self.end {
            Moment::read("end", end)?;
        }
        if self.dataset.is_empty()
            || !self
                .dataset
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            return Err(Fault::settings("the dataset has no name of Energi Data Service").found(&self.dataset));
        }
        if self.sort.is_empty() {
            return Err(Fault::settings("sort names no column").hint("sort = [\"HourUTC\", \"MunicipalityNo\"]"));
        }
        for column in self
            .sort
            .iter()
            .chain(&self.columns)
            .chain(self.filter.keys())
            .chain([&self.time_column])
        {
            if column.is_empty() || column.contains([',', ' ', '"']) {
                return Err(Fault::settings("not the name of one column")
                    .found(column)
                    .hint("one name per string"));
            }
        }
        for required in self.sort.iter().chain(self.filter.keys()).chain([&self.time_column]) {
            if !self.columns.is_empty() && !self.columns.contains(required) {
                return Err(
                    Fault::settings("a column that sort, filter or time_column needs is not in columns")
                        .found(required)
                        .hint("add it to columns"),
                );
            }
        }
        if let Some((column, _)) = self.filter.iter().find(|(_, values)| values.is_empty()) {
            return Err(Fault::settings("a filter without values")
                .found(column)
                .hint("leave the column out of filter"));
        }
        Ok(())
    }
    /// Every column that the pipeline is known to need.
    pub(crate) fn required_columns(&self) -> Vec<&String> {
        let mut columns: Vec<&String> = self
            .columns
            .iter()
            .chain(&self.sort)
            .chain(self.filter.keys())
            .chain([&self.time_column])
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        columns.retain(|column| seen.insert(*column));
        columns
    }
}
