use std::collections::BTreeMap;

use futures::{StreamExt, stream::BoxStream};
use jiff::civil::Date;
use klimalade_connect::{Context, Fault, Page, Part, Result, open_page};
use klimalade_format::json;
use klimalade_model::civil_day_start_utc;
use klimalade_transport::{Accept, Answer, PageSeen, Paging, Request, walk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    Error, Settings,
    calendar::{Period, danish_day, periods},
};

/// Stored with the part: what fetch asks for and what decode needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Detail {
    pub(crate) dataset: String,
    /// Danish civil day, inclusive.
    pub(crate) start: String,
    /// Danish civil day, exclusive.
    pub(crate) end: String,
    pub(crate) time_column: String,
    /// As the time column writes the first moment of the part.
    pub(crate) first_time: String,
    /// As the time column writes the first moment after the part.
    pub(crate) end_time: String,
    pub(crate) filter: BTreeMap<String, Vec<String>>,
}

impl Detail {
    /// Reads what plan stored. Errors: Bug.
    pub(crate) fn of(part: &Part) -> Result<Self> {
        part.detail_as()
    }
}

/// Compares the dataset's metadata with what the pipeline needs, then plans by the calendar. There is no change mark:
/// the service sends neither ETag nor a time of change per month, and restates settled hours up to years back.
pub(crate) async fn plan(settings: &Settings, cx: &Context) -> Result<Vec<Part>> {
    let request = Request::get(settings.address("meta/dataset")?)
        .accept(Accept::Json)
        .classify(classify);
    check_metadata(settings, &cx.client.json(&request).await?)?;
    let today = danish_day(cx.clock.now())?;
    periods(settings, today)?
        .into_iter()
        .map(|period| part(settings, period, today))
        .collect()
}

fn part(settings: &Settings, period: Period, today: Date) -> Result<Part> {
    let time = |day: Date| -> Result<String> {
        if !settings.time_column.ends_with("UTC") {
            return Ok(format!("{day}T00:00:00"));
        }
        Ok(civil_day_start_utc(day)?.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    };
    let detail = Detail {
        dataset: settings.dataset.clone(),
        start: period.start.to_string(),
        end: period.end.to_string(),
        time_column: settings.time_column.clone(),
        first_time: time(period.start)?,
        end_time: time(period.end)?,
        filter: settings.filter.clone(),
    };
    let promised = match &settings.expected_rows {
        // A filter leaves fewer areas than the dataset has; expected_rows then counts those that are left.
        Some(rows) => period.promised(rows, today)?,
        None => None,
    };
    Ok(Part {
        key: period.key(settings.part),
        change_mark: None,
        promised,
        detail: serde_json::to_value(detail).map_err(|source| Fault::bug("a detail is no JSON").because(source))?,
    })
}

/// Added columns are tolerated, lost ones are not: columns were renamed before (2025: HourUTC to TimeUTC).
fn check_metadata(settings: &Settings, metadata: &Value) -> Result<()> {
    let Some(columns) = metadata.get("columns").and_then(Value::as_array) else {
        let found = metadata.as_object().map_or_else(
            || "no object".to_owned(),
            |keys| keys.keys().cloned().collect::<Vec<_>>().join(", "),
        );
        return Err(Fault::source("the answer is no metadata of a dataset")
            .at(&settings.dataset)
            .expected("columns")
            .found(found));
    };
    let known: Vec<&str> = columns
        .iter()
        .filter_map(|column| column.get("dbColumn")?.as_str())
        .collect();
    for column in settings.required_columns() {
        if !known.contains(&column.as_str()) {
            let (dataset, column, known) = (settings.dataset.clone(), column.clone(), known.join(", "));
            return Err(Error::MissingColumn { dataset, column, known }.into());
        }
    }
    if let Some(note) = discontinued(metadata) {
        tracing::warn!(
            dataset = settings.dataset,
            note,
            "Energi Data Service no longer keeps this dataset up; look for its successor"
        );
    }
    Ok(())
}

/// 22 of 100 datasets were flagged as discontinued on 2026-09-23. The name of the flag was not seen in an answer, so any
/// member that speaks of it counts, and so does a title that says so.
fn discontinued(metadata: &Value) -> Option<String> {
    let members = metadata.as_object()?;
    let flag = members.iter().find(|(name, value)| {
        let set = match value {
            Value::Bool(set) => *set,
            Value::String(text) => !text.is_empty() && !text.eq_ignore_ascii_case("false"),
            _ => false,
        };
        name.to_lowercase().contains("discontinued") && set
    });
    let title = members
        .get("title")
        .and_then(Value::as_str)
        .filter(|title| title.to_lowercase().contains("discontinued"));
    flag.map(|(name, value)| format!("{name}: {value}"))
        .or_else(|| title.map(str::to_owned))
}

/// The pages of a part, in series; the rate limit counts by dataset.
pub(crate) fn fetch<'a>(settings: &'a Settings, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let detail = Detail::of(part)?;
        let request = Request::get(address(settings, &detail)?)
            .accept(Accept::Json)
            .classify(classify_records)
            .dataset(&settings.dataset);
        let paging = match settings.page_limit {
            0 => Paging::Single,
            size => Paging::Offset { offset: "offset".to_owned(), limit: "limit".to_owned(), size },
        };
        let single = paging == Paging::Single;
        let mut pages = walk(&cx.client, request, paging, move |page| {
            if single {
                return Ok(PageSeen::default());
            }
            // Rows are counted; `total` is not read: it was the count of the match in 2023 and of the page in 2026.
            Ok(PageSeen { rows: json::look(open_page(page)?, "records", &[])?.rows, ..PageSeen::default() })
        });
        while let Some(page) = pages.next().await {
            let page = page?;
            if cx.cancel.is_cancelled() {
                Err(Fault::transient("the night was ended before the part was fetched"))?;
            }
            yield page;
        }
    })
}

/// `start` and `end` are read as Danish time unless a timezone is given, so none is. Without them the service gives
/// 100 rows; `limit=0` is everything.
fn address(settings: &Settings, detail: &Detail) -> Result<Url> {
    let mut url = settings.address("dataset")?;
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("start", &detail.start)
            .append_pair("end", &detail.end);
        query.append_pair("sort", &settings.sort.join(","));
        if !settings.columns.is_empty() {
            query.append_pair("columns", &settings.columns.join(","));
        }
        if !settings.filter.is_empty() {
            let filter = serde_json::to_string(&settings.filter)
                .map_err(|source| Fault::bug("a filter is no JSON").because(source))?;
            query.append_pair("filter", &filter);
        }
        if settings.page_limit == 0 {
            query.append_pair("limit", "0");
        }
    }
    Ok(url)
}

/// An error body, with any status: 429 came with HTTP 200 too (2026-09-23). Statuses 429 and 5xx themselves are left to
/// transport, which reads Retry-After.
fn classify(answer: &Answer<'_>) -> Option<Fault> {
    if answer.status == 429 || answer.status >= 500 {
        return None;
    }
    let body = small_object(answer)?;
    let status = body.get("statusCode").and_then(Value::as_u64)?;
    let message = body
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match status {
        429 => Some(Error::Pause { message }.into()),
        400.. => Some(Error::Refused { status, message }.into()),
        _ => None,
    }
}

/// As [`classify`]; a whole answer without records is an error too.
fn classify_records(answer: &Answer<'_>) -> Option<Fault> {
    if let Some(fault) = classify(answer) {
        return Some(fault);
    }
    if !(200..300).contains(&answer.status) {
        return None;
    }
    let body = small_object(answer)?;
    if body.get("records").is_some_and(Value::is_array) {
        return None;
    }
    Some(
        Error::NoRecords {
            found: body.keys().cloned().collect::<Vec<_>>().join(", "),
        }
        .into(),
    )
}

/// The answer as an object, where all of it lies in the head: error bodies do.
fn small_object(answer: &Answer<'_>) -> Option<serde_json::Map<String, Value>> {
    serde_json::from_slice(answer.head).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use klimalade_connect::Kind;
    use serde_json::json;

    use super::*;

    fn settings(extra: Value) -> Settings {
        let mut all = json!({
            "dataset": "ProductionMunicipalityHour", "time_column": "HourUTC", "start": "2016-01", "sort": ["HourUTC", "MunicipalityNo"],
        });
        for (name, value) in extra.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }
    fn read(classify: fn(&Answer<'_>) -> Option<Fault>, status: u16, body: &str) -> Option<Fault> {
        classify(&Answer {
            status,
            content_type: "application/json",
            head: body.as_bytes(),
        })
    }

    #[test]
    fn a_pause_is_read_from_the_body_also_with_status_200() {
        let body = r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 210 seconds." }"#;
        let fault = read(classify_records, 200, body).unwrap();
        assert_eq!(fault.kind(), Kind::Transient);
        assert!(fault.what().contains("210 seconds"));
        assert!(
            read(classify_records, 429, body).is_none(),
            "transport reads Retry-After"
        );
    }

    #[test]
    fn an_answer_without_records_is_a_source_error_and_one_with_none_is_not() {
        assert_eq!(
            read(classify_records, 200, r#"{"total":0,"dataset":"X"}"#)
                .unwrap()
                .kind(),
            Kind::Source
        );
        assert!(read(classify_records, 200, r#"{"total":0,"records":[]}"#).is_none());
        assert!(
            read(classify_records, 200, r#"{"total":9,"records":[{"HourUTC":"2024-0"#).is_none(),
            "longer than the head"
        );
        assert!(read(classify, 200, r#"{"datasetName":"X","columns":[]}"#).is_none());
        let fault = read(classify, 400, r#"{"statusCode":400,"message":"Invalid column"}"#).unwrap();
        assert_eq!(fault.kind(), Kind::Settings);
    }

    #[test]
    fn a_lost_column_is_a_contract_error_and_an_added_one_is_none() {
        let metadata = |columns: &[&str]| json!({"columns": columns.iter().map(|name| json!({"dbColumn": name})).collect::<Vec<_>>()});
        let settings = settings(json!({"columns": ["HourUTC", "MunicipalityNo", "SolarMWh"]}));
        assert!(check_metadata(&settings, &metadata(&["New", "HourUTC", "MunicipalityNo", "SolarMWh"])).is_ok());
        let fault = check_metadata(&settings, &metadata(&["TimeUTC", "MunicipalityNo", "SolarMWh"])).unwrap_err();
        assert_eq!((fault.kind(), fault.expected_text()), (Kind::Contract, Some("HourUTC")));
        assert_eq!(
            check_metadata(&settings, &json!({"columns": "none"}))
                .unwrap_err()
                .kind(),
            Kind::Source
        );
    }

    #[test]
    fn a_discontinued_dataset_is_seen_by_flag_or_title() {
        assert!(discontinued(&json!({"isDiscontinued": true, "title": "Elspot"})).is_some());
        assert!(discontinued(&json!({"title": "Elspot prices (Discontinued)"})).is_some());
        assert!(discontinued(&json!({"discontinued": false, "title": "Production"})).is_none());
    }

    #[test]
    fn the_request_asks_for_civil_days_without_a_timezone() {
        let settings =
            settings(json!({"filter": {"MunicipalityNo": ["101", "730"]}, "columns": ["HourUTC", "MunicipalityNo"]}));
        let period = Period {
            start: jiff::civil::date(2024, 5, 1),
            end: jiff::civil::date(2024, 6, 1),
        };
        let part = part(&settings, period, jiff::civil::date(2026, 11, 23)).unwrap();
        let detail = Detail::of(&part).unwrap();
        assert_eq!(
            (detail.first_time.as_str(), detail.end_time.as_str()),
            ("2024-04-30T22:00:00", "2024-05-31T22:00:00")
        );
        let url = address(&settings, &detail).unwrap();
        let query: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let expected = [
            ("start", "2024-05-01"),
            ("end", "2024-06-01"),
            ("sort", "HourUTC,MunicipalityNo"),
            ("columns", "HourUTC,MunicipalityNo"),
            ("filter", r#"{"MunicipalityNo":["101","730"]}"#),
            ("limit", "0"),
        ];
        assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
