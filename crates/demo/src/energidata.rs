//! Energi Data Service (Energinet): dataset and meta/dataset, with the rate limit of 2026 for each dataset.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use axum::http::Method;
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    energidata_rows::{Column, Dataset},
    energidata_time::instant,
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "api.energidataservice.dk";

/// Rows when neither start nor limit is given.
const DEFAULT_LIMIT: usize = 100;

/// When each dataset was last answered, and how often it has been refused.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<BTreeMap<&'static str, (Option<Instant>, u32)>>);

impl Counter {
    /// The refusal, when this request comes too soon. Every third one arrives with HTTP 200 and no Retry-After, as
    /// one public client had to allow for (2026).
    fn refuse(&self, world: &World, dataset: &'static str) -> Option<Answer> {
        let interval = world.script.dataset_interval;
        let mut datasets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, refusals) = datasets.entry(dataset).or_default();
        if last.is_none_or(|last| last.elapsed() >= interval) {
            *last = Some(Instant::now());
            return None;
        }
        *refusals += 1;
        Some(if refusals.is_multiple_of(3) {
            Answer::json(200, &limit_body(1))
        } else {
            too_many(1)
        })
    }
}

fn limit_body(seconds: u64) -> Json {
    json!({"statusCode": 429, "message": format!("Rate limit is exceeded. Try again in {seconds} seconds.")})
}

/// HTTP 429 in this agency's form.
pub(crate) fn too_many(seconds: u64) -> Answer {
    Answer::json(429, &limit_body(seconds)).header("retry-after", seconds.to_string())
}

type Refused = (u16, String);

/// Answers one request.
pub(crate) fn answer(world: &World, counter: &Counter, asked: &Asked) -> Answer {
    respond(world, counter, asked)
        .unwrap_or_else(|(status, message)| Answer::json(status, &json!({"statusCode": status, "message": message})))
}

fn respond(world: &World, counter: &Counter, asked: &Asked) -> Result<Answer, Refused> {
    if asked.method != Method::GET {
        return Err((405, "Method not allowed".to_owned()));
    }
    match asked.segments().as_slice() {
        ["meta", "dataset"] => {
            let all: Vec<Json> = Dataset::ALL
                .into_iter()
                .map(|dataset| metadata(world, dataset))
                .collect();
            Ok(Answer::json(200, &json!(all)))
        }
        ["meta", "dataset", name] => Ok(Answer::json(200, &metadata(world, named(name)?))),
        ["dataset", name] => {
            let dataset = named(name)?;
            match counter.refuse(world, dataset.name()) {
                Some(refusal) => Ok(refusal),
                None => records(world, dataset, asked),
            }
        }
        _ => Err((404, "Resource not found".to_owned())),
    }
}

fn named(name: &str) -> Result<Dataset, Refused> {
    let known = Dataset::ALL
        .into_iter()
        .find(|dataset| dataset.name().eq_ignore_ascii_case(name));
    known.ok_or_else(|| (404, format!("Dataset not found: {name}")))
}

fn metadata(world: &World, dataset: Dataset) -> Json {
    let columns = dataset.columns().iter().map(|column| {
        json!({"dbColumn": column.name, "displayName": column.name, "dataType": column.kind, "unit": column.unit,
            "primaryKey": column.is_key, "description": "Simulated"})
    });
    json!({
        "datasetId": format!("simulated-{}", dataset.name().to_lowercase()),
        "datasetName": dataset.name(),
        "title": dataset.title(),
        "description": "Invented figures by municipality, for trying a harvester out.",
        "organizationName": "tso-electricity",
        "active": true,
        "resolution": dataset.resolution(),
        "updateFrequency": "P1D",
        "lastUpdate": dataset.last_update(world),
        "columns": columns.collect::<Vec<_>>(),
    })
}

/// What a request asks for.
struct Query {
    columns: Vec<Column>,
    filter: Vec<(Column, Vec<String>)>,
    sort: Vec<(Column, bool)>,
    sort_text: String,
    limit: usize,
    offset: usize,
}

fn records(world: &World, dataset: Dataset, asked: &Asked) -> Result<Answer, Refused> {
    let query = read(dataset, asked)?;
    let utc = asked
        .parameter("timezone")
        .is_some_and(|zone| zone.eq_ignore_ascii_case("utc"));
    let bound = |name: &str| {
        asked
            .parameter(name)
            .map(|text| instant(text, world.today(), utc))
            .transpose()
    };
    let (start, end) = (bound("start").map_err(bad)?, bound("end").map_err(bad)?);
    let rows = dataset.rows(world, start, end);
    let kept = |place: &(usize, usize)| {
        query
            .filter
            .iter()
            .all(|(column, values)| values.contains(&rows.text(*column, place.0, place.1)))
    };
    let mut places: Vec<(usize, usize)> = rows.places().filter(kept).collect();
    if !query.sort.is_empty() {
        places.sort_by(|a, b| {
            let by = |(column, descending): &(Column, bool)| {
                let order = rows.compare(*column, *a, *b);
                if *descending { order.reverse() } else { order }
            };
            query
                .sort
                .iter()
                .map(by)
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    let matched = places.len();
    let offset = if asked.twist == Twist::EndlessNext {
        0
    } else {
        query.offset
    };
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let page: Vec<(usize, usize)> = places.into_iter().skip(offset).take(limit).collect();
    // The whole match in 2023, the page's own rows in 2026: no promise. Which of the two follows from the query, so
    // that the same question has the same answer on every night.
    let of_page = world.draw.text("total").text(&asked.raw_query).bits().is_multiple_of(2);
    let total = if of_page { page.len() } else { matched };
    let shown = if asked.twist == Twist::PageShort {
        &page[..page.len().saturating_sub(1)]
    } else {
        &page[..]
    };
    let filters = asked
        .parameter("filter")
        .map(|text| format!("\"filters\":{},", json!(text)))
        .unwrap_or_default();
    let mut pieces = vec![format!(
        "{{\"total\":{total},{filters}\"sort\":{},\"limit\":{},\"dataset\":\"{}\",\"records\":[",
        json!(query.sort_text),
        query.limit,
        dataset.name()
    )];
    for (number, chunk) in shown.chunks(2_000).enumerate() {
        let mut text = String::with_capacity(chunk.len() * 220);
        for (at, place) in chunk.iter().enumerate() {
            if number + at > 0 {
                text.push(',');
            }
            rows.write(&mut text, &query.columns, place.0, place.1);
        }
        pieces.push(text);
    }
    pieces.push("]}".to_owned());
    let pieces = Content::Pieces(Box::new(pieces.into_iter().map(String::into_bytes)));
    Ok(Answer::new(200, "application/json; charset=utf-8", pieces))
}

fn bad(message: String) -> Refused {
    (400, message)
}

fn read(dataset: Dataset, asked: &Asked) -> Result<Query, Refused> {
    let known = dataset.columns();
    let column = |name: &str| {
        let found = known
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name.trim()));
        found
            .copied()
            .ok_or_else(|| bad(format!("Unknown column: {}", name.trim())))
    };
    let columns = match asked.parameter("columns") {
        Some(names) if !names.trim().is_empty() => names.split(',').map(column).collect::<Result<Vec<_>, _>>()?,
        _ => known.to_vec(),
    };
    let mut filter = Vec::new();
    if let Some(text) = asked.parameter("filter") {
        let parsed: Json = serde_json::from_str(text).map_err(|_| bad("filter is not valid JSON".to_owned()))?;
        let object = parsed
            .as_object()
            .ok_or_else(|| bad("filter is not a JSON object".to_owned()))?;
        for (name, values) in object {
            let listed = values.as_array().cloned().unwrap_or_else(|| vec![values.clone()]);
            let texts = listed
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            filter.push((column(name)?, texts.collect()));
        }
    }
    let mut sort = Vec::new();
    let sort_text = asked.parameter("sort").unwrap_or_default();
    for part in sort_text.split(',').filter(|part| !part.trim().is_empty()) {
        let (name, order) = part.trim().split_once(' ').unwrap_or((part.trim(), "asc"));
        sort.push((column(name)?, order.trim().eq_ignore_ascii_case("desc")));
    }
    // By default descending in time.
    let sort_text = if sort.is_empty() {
        format!("{} desc", known[0].name)
    } else {
        sort_text.to_owned()
    };
    let number = |name: &str| {
        let text = asked.parameter(name);
        text.map(|text| {
            text.parse::<usize>()
                .map_err(|_| bad(format!("{name} is not a number: {text}")))
        })
        .transpose()
    };
    let limit = match (number("limit")?, asked.parameter("start")) {
        (Some(limit), _) => limit,
        (None, Some(_)) => 0,
        (None, None) => DEFAULT_LIMIT,
    };
    Ok(Query {
        columns,
        filter,
        sort,
        sort_text,
        limit,
        offset: number("offset")?.unwrap_or(0),
    })
}
