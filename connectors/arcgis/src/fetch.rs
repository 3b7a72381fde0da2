//! Three ways through a layer. Whichever is gone: no object id comes twice, and as many features come as were counted.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{array::AsArray, datatypes::Int64Type};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use futures::stream::BoxStream;
use klimalade_connect::{Context, FROM_KEY, Fault, Page, Part, Result, open_page};
use klimalade_format::json::{self, JsonOptions};
use klimalade_transport::{PageSeen, Paging as Walk, walk};
use serde_json::Value;
use url::Url;

use crate::{
    decode::{EXCEEDED, FEATURES},
    error::count_disagrees,
    plan::{Detail, features, query, request},
    settings::{Checked, Paging},
};

/// Longest list of ids in an address: IIS takes 2,048 characters of query by default, and where, fields and token
/// stand in it too. A POST would need a form, which is sent to no agency here.
const LONGEST_ID_LIST: usize = 1200;

/// Most requests of a walk by ids or ranges; as transport's own cap on a walk.
const MOST_REQUESTS: u64 = 10_000;

pub(crate) fn fetch<'a>(settings: &'a Checked, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let detail = Detail::of(part)?;
        let seen = Arc::new(Seen::default());
        let mut pages = match detail.paging {
            Paging::Offset => by_offset(settings, &detail, Arc::clone(&seen), cx)?,
            Paging::Ids | Paging::ObjectIdRanges => by_chunks(settings, part, detail.clone(), Arc::clone(&seen), cx),
        };
        while let Some(page) = cx.next_page(&mut pages, part).await? {
            yield page;
        }
        if let Some(counted) = part.promised.filter(|counted| *counted != seen.count()) {
            let hint = match detail.paging {
                Paging::Offset => "paging = \"ids\" in [source]",
                Paging::Ids => "paging = \"object_id_ranges\" in [source]",
                Paging::ObjectIdRanges => "paging = \"ids\" in [source]",
            };
            Err(count_disagrees(counted, seen.count(), hint).at(format!("part {}", part.key)))?;
        }
    })
}

/// `resultOffset` in the order of the object id. A page that is short is the last unless it says
/// `exceededTransferLimit`: servers clamp `resultRecordCount` without a word.
fn by_offset<'a>(
    settings: &'a Checked,
    detail: &Detail,
    seen: Arc<Seen>,
    cx: &'a Context,
) -> Result<BoxStream<'a, Result<Page>>> {
    let pairs = [
        ("where", settings.filter.as_str()),
        ("orderByFields", &detail.object_id),
    ];
    let url = features(settings, detail, &pairs)?;
    let paging = Walk::Offset {
        offset: "resultOffset".to_owned(),
        limit: "resultRecordCount".to_owned(),
        size: detail.page_limit,
    };
    let object_id = detail.object_id.clone();
    let more = settings.layer.clone();
    Ok(walk(&cx.client, request(url, settings, cx)?, paging, move |page| {
        let look = seen.take_in(page, &object_id, None)?;
        Ok(PageSeen {
            rows: look.rows,
            // Not followed by a walk by offset: it says only that the page is not the last.
            next: look.exceeded.then(|| more.clone()),
            server_count: None,
        })
    }))
}

/// What one request of a walk by ids or by ranges asks for.
struct Chunk {
    url: Url,
    /// Ids that may come.
    ids: Ids,
}

enum Ids {
    Listed(Vec<i64>),
    Range(i64, i64),
}

impl Ids {
    fn hold(&self, id: i64) -> bool {
        match self {
            // Chunks are cut from a sorted list.
            Self::Listed(ids) => ids.binary_search(&id).is_ok(),
            Self::Range(first, last) => (*first..=*last).contains(&id),
        }
    }
}

fn by_chunks<'a>(
    settings: &'a Checked,
    part: &'a Part,
    detail: Detail,
    seen: Arc<Seen>,
    cx: &'a Context,
) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let chunks = match detail.paging {
            Paging::ObjectIdRanges => ranges(settings, &detail, cx).await?,
            _ => lists(settings, part, &detail, cx).await?,
        };
        let mut is_stored = false;
        let last = chunks.len().saturating_sub(1);
        for (at, chunk) in chunks.into_iter().enumerate() {
            let page = cx.client.fetch(&request(chunk.url, settings, cx)?).await?;
            let look = seen.take_in(&page, &detail.object_id, Some(&chunk.ids))?;
            if look.exceeded {
                let hint = format!("page_limit = {}", look.rows.max(1));
                Err(Fault::source("the server cut off a page that is within its own maximum")
                    .at(page.entry.address.clone())
                    .expected(format!("at most {} features, without exceededTransferLimit", detail.page_limit))
                    .found(format!("{} features and exceededTransferLimit", look.rows))
                    .hint(hint))?;
            }
            // Ranges that hold nothing are not worth a file; a layer without features has one page all the same.
            if look.rows > 0 || (at == last && !is_stored) {
                is_stored = true;
                yield page;
            }
        }
    })
}

/// The chunks of the list of all ids.
async fn lists(settings: &Checked, part: &Part, detail: &Detail, cx: &Context) -> Result<Vec<Chunk>> {
    let url = query(settings, &[("where", &settings.filter), ("returnIdsOnly", "true")])?;
    let body = cx.client.json(&request(url, settings, cx)?).await?;
    let wrong = |what: &str| Fault::source(what).at(format!("part {}", part.key));
    let mut ids: Vec<i64> = match body.get("objectIds") {
        // Without features the list is null.
        Some(Value::Null) => Vec::new(),
        Some(Value::Array(ids)) => ids
            .iter()
            .map(|id| {
                id.as_i64()
                    .ok_or_else(|| wrong("an object id that is no whole number").found(id.to_string()))
            })
            .collect::<Result<_>>()?,
        _ => return Err(wrong("the server does not list its object ids").expected("{\"objectIds\": [...]}")),
    };
    ids.sort_unstable();
    ids.dedup();
    let listed = ids.len() as u64;
    if let Some(counted) = part.promised.filter(|counted| *counted != listed) {
        // Madison's server counts 124 and lists one (fixture of pyesridump).
        return Err(
            count_disagrees(counted, listed, "paging = \"object_id_ranges\" in [source]").at("the list of object ids"),
        );
    }
    if ids.is_empty() {
        return Ok(vec![Chunk {
            url: features(settings, detail, &[("where", &settings.filter)])?,
            ids: Ids::Listed(Vec::new()),
        }]);
    }
    let mut chunks = Vec::new();
    let mut rest = ids.as_slice();
    while !rest.is_empty() {
        let (taken, text) = id_list(rest, detail.page_limit);
        let (now, later) = rest.split_at(taken);
        chunks.push(Chunk {
            url: features(settings, detail, &[("objectIds", &text)])?,
            ids: Ids::Listed(now.to_vec()),
        });
        rest = later;
    }
    bounded(chunks.len() as u64, "paging = \"object_id_ranges\" in [source]")?;
    Ok(chunks)
}

/// So many of the first ids as one request takes, at least one.
fn id_list(ids: &[i64], page_limit: u64) -> (usize, String) {
    let mut text = String::new();
    let mut taken = 0;
    for id in ids {
        let id = id.to_string();
        let is_full = text.len() + id.len() >= LONGEST_ID_LIST || taken as u64 >= page_limit;
        if taken > 0 && is_full {
            break;
        }
        if taken > 0 {
            text.push(',');
        }
        text.push_str(&id);
        taken += 1;
    }
    (taken, text)
}

/// Ranges from the smallest id to the largest.
async fn ranges(settings: &Checked, detail: &Detail, cx: &Context) -> Result<Vec<Chunk>> {
    let field = &detail.object_id;
    let statistics = serde_json::json!([
        {"statisticType": "min", "onStatisticField": field, "outStatisticFieldName": "first_id"},
        {"statisticType": "max", "onStatisticField": field, "outStatisticFieldName": "last_id"},
    ])
    .to_string();
    let url = query(settings, &[("where", &settings.filter), ("outStatistics", &statistics)])?;
    let request = request(url, settings, cx)?;
    let body = cx.client.json(&request).await?;
    let attributes = body.pointer("/features/0/attributes").and_then(Value::as_object);
    // Databases change the case of the names that they are given.
    let bound = |name: &str| {
        let found = attributes?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    };
    let (first, last) = match (bound("first_id"), bound("last_id")) {
        // Without features.
        (Some(Value::Null), Some(Value::Null)) => (0, 0),
        (Some(first), Some(last)) => match (whole(first), whole(last)) {
            (Some(first), Some(last)) if first <= last => (first, last),
            _ => return Err(no_bounds(&body)),
        },
        _ => return Err(no_bounds(&body)),
    };
    let size = i64::try_from(detail.page_limit).unwrap_or(i64::MAX);
    let span = last.abs_diff(first);
    bounded(span / detail.page_limit.max(1) + 1, "paging = \"ids\" in [source]")?;
    let mut chunks = Vec::new();
    let mut from = first;
    loop {
        let to = from.saturating_add(size - 1).min(last);
        let filter = format!("({}) AND {field} >= {from} AND {field} <= {to}", settings.filter);
        chunks.push(Chunk {
            url: features(settings, detail, &[("where", &filter)])?,
            ids: Ids::Range(from, to),
        });
        if to >= last {
            return Ok(chunks);
        }
        from = to + 1;
    }
}

/// A statistic is a double in some databases.
fn whole(value: &Value) -> Option<i64> {
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    value
        .as_i64()
        .or_else(|| value.as_f64().filter(exact).map(|number| number as i64))
}

fn no_bounds(body: &Value) -> Fault {
    let found: String = body.to_string().chars().take(200).collect();
    Fault::source("the server does not say its smallest and largest object id")
        .expected("the statistics first_id and last_id, whole numbers")
        .found(found)
        .hint("paging = \"ids\" in [source]")
}

fn bounded(requests: u64, hint: &str) -> Result<()> {
    if requests <= MOST_REQUESTS {
        return Ok(());
    }
    Err(Fault::settings("the walk would take too many requests")
        .at("[source] paging")
        .expected(format!("at most {MOST_REQUESTS}"))
        .found(requests.to_string())
        .hint(hint))
}

/// The object ids that a walk has seen.
#[derive(Debug, Default)]
struct Seen(Mutex<HashSet<i64>>);

/// As much of a page as a walk needs.
struct Look {
    rows: u64,
    exceeded: bool,
}

impl Seen {
    fn count(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Errors: Source, where an id came before or was not asked for.
    fn take_in(&self, page: &Page, object_id: &str, asked: Option<&Ids>) -> Result<Look> {
        let look = json::look(open_page(page)?, FEATURES, &[EXCEEDED])?;
        let ids = ids(page, object_id).map_err(|fault| fault.at(page.entry.address.clone()))?;
        if let Some(asked) = asked
            && let Some(stranger) = ids.iter().find(|id| !asked.hold(**id))
        {
            return Err(Fault::source("the server gave a feature that was not asked for")
                .at(page.entry.address.clone())
                .found(format!("{object_id} {stranger}"))
                .hint("another paging in [source]: offset, ids or object_id_ranges"));
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = ids.iter().filter(|id| !seen.insert(**id)).count();
        if again > 0 {
            let fault = Fault::source("the page has features that came before")
                .at(page.entry.address.clone())
                .expected("other object ids on every page")
                .found(format!("{again} of {} again", ids.len()));
            // All of them: the server ignores the offset. Some: the layer changed, or its order is not stable.
            return Err(match again == ids.len() {
                true => fault.hint("paging = \"ids\" in [source]"),
                false => fault
                    .hint("paging = \"ids\" in [source], if it happens again")
                    .worth_another_walk(),
            });
        }
        Ok(Look {
            rows: look.rows,
            exceeded: look.scalars.get(EXCEEDED) == Some(&Value::Bool(true)),
        })
    }
}

fn ids(page: &Page, object_id: &str) -> Result<Vec<i64>> {
    let metadata = [(FROM_KEY.to_owned(), format!("attributes.{object_id}"))];
    let field = Field::new(object_id, DataType::Int64, false).with_metadata(metadata.into());
    let schema: SchemaRef = Arc::new(Schema::new(vec![field]));
    let options = JsonOptions {
        rows: FEATURES.to_owned(),
        ..JsonOptions::default()
    };
    let mut ids = Vec::new();
    for batch in json::reader(open_page(page)?, &schema, &options)? {
        let batch = batch.map_err(|error| match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
                // A feature without its id is the server's matter, not a column's.
                Ok(fault) => fault.with_kind(klimalade_connect::Kind::Source),
                Err(other) => Fault::bug("object ids cannot be read").because(other),
            },
            other => Fault::bug("object ids cannot be read").because(other),
        })?;
        let column = batch.column(0);
        let values = column.as_primitive_opt::<Int64Type>();
        ids.extend(values.into_iter().flat_map(|values| values.values().iter().copied()));
    }
    Ok(ids)
}
