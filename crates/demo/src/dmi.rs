//! DMI's climateData as an OGC API Features service: the collection municipalityValue, without a key.

use std::io::Write;

use axum::http::Method;
use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use crate::{
    answer::{Answer, Asked, Content, Twist},
    dmi_weather::{Parameter, Resolution, Weather},
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "opendataapi.dmi.dk";

const COLLECTION: &str = "municipalityValue";
const ROOT: &str = "https://opendataapi.dmi.dk/v2/climateData/collections";
/// Page size when none is asked for.
const DEFAULT_LIMIT: u64 = 1_000;
/// Largest page.
const LARGEST_LIMIT: u64 = 300_000;
/// Largest offset.
const LARGEST_OFFSET: u64 = 500_000;

/// One value before it is written: a key, and whether it is the older of two with the same key.
#[derive(Clone, Copy, Debug)]
struct Item {
    parameter: Parameter,
    resolution: Resolution,
    first: Date,
    from: Timestamp,
    to: Timestamp,
    area: usize,
    superseded: bool,
    id: u64,
}

/// Answers one request, compressed for whoever can read it.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    let answer = respond(world, asked).unwrap_or_else(|(status, detail)| {
        Answer::json(status, &json!({"status": status, "title": if status == 404 { "Not Found" } else { "Bad Request" }, "detail": detail}))
    });
    let gzip = asked
        .header("accept-encoding")
        .is_some_and(|accepted| accepted.contains("gzip"));
    match answer.content {
        Content::Whole(bytes) if gzip => match compress(&bytes) {
            Ok(packed) => Answer {
                content: Content::Whole(packed),
                ..answer
            }
            .header("content-encoding", "gzip"),
            Err(_) => Answer::text(500, "the answer cannot be compressed"),
        },
        content => Answer { content, ..answer },
    }
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn respond(world: &World, asked: &Asked) -> Result<Answer, (u16, String)> {
    if asked.method != Method::GET {
        return Err((405, "only GET".to_owned()));
    }
    match asked.segments().as_slice() {
        ["v2", "climateData", "collections"] => {
            let links = json!([{"href": ROOT, "rel": "self", "type": "application/json", "title": "This document"}]);
            Ok(Answer::json(
                200,
                &json!({"collections": [collection(world)], "links": links}),
            ))
        }
        ["v2", "climateData", "collections", name] if *name == COLLECTION => Ok(Answer::json(200, &collection(world))),
        ["v2", "climateData", "collections", name, "items"] if *name == COLLECTION => items(world, asked),
        _ => Err((404, "no such resource".to_owned())),
    }
}

fn collection(world: &World) -> Json {
    let first = world.script.first_year(2011);
    json!({
        "id": COLLECTION,
        "title": "Municipality values (simulated)",
        "description": "Invented climate values by municipality, for trying a harvester out.",
        "itemType": "feature",
        "crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
        "extent": {
            "spatial": {"bbox": [[8.0, 54.5, 15.3, 57.8]]},
            "temporal": {"interval": [[format!("{first}-01-01T00:00:00Z"), Json::Null]]},
        },
        "links": [{"href": format!("{ROOT}/{COLLECTION}/items"), "rel": "items", "type": "application/geo+json", "title": "Items"}],
    })
}

fn items(world: &World, asked: &Asked) -> Result<Answer, (u16, String)> {
    let limit = number(asked, "limit")?.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > LARGEST_LIMIT {
        return Err((400, format!("Limit must be between 1 and {LARGEST_LIMIT}")));
    }
    let offset = number(asked, "offset")?.unwrap_or(0);
    if offset > LARGEST_OFFSET {
        return Err((400, format!("Offset cannot be greater than {LARGEST_OFFSET}")));
    }
    // A server that ignores the offset gives the first page with the first page's links.
    let offset = if asked.twist == Twist::EndlessNext { 0 } else { offset };
    let weather = Weather::new(world);
    let found = find(world, &weather, asked)?;
    let page = found.iter().skip(offset as usize).take(limit as usize);
    let mut features: Vec<Json> = page.map(|item| feature(world, &weather, item)).collect();
    if asked.twist == Twist::PageShort {
        features.pop();
    }
    let returned = features.len();
    let body = json!({
        "type": "FeatureCollection",
        "features": features,
        "timeStamp": time_stamp(world),
        "numberReturned": returned,
        "links": [
            {"href": link(asked, limit, offset), "rel": "self", "type": "application/geo+json", "title": "This document"},
            // Always there, also after the last page.
            {"href": link(asked, limit, offset + limit), "rel": "next", "type": "application/geo+json", "title": "Next set of results"},
        ],
    });
    Ok(Answer::json_as(200, "application/geo+json", &body))
}

/// The moment of the answer; here a moment of the scripted night, so that two runs of one script agree.
fn time_stamp(world: &World) -> String {
    format!("{}T{:02}:40:13Z", world.today(), (world.script.night + 1) % 24)
}

fn number(asked: &Asked, name: &str) -> Result<Option<u64>, (u16, String)> {
    let text = asked.parameter(name);
    text.map(|text| {
        text.parse()
            .map_err(|_| (400, format!("{name} is not a number: {text}")))
    })
    .transpose()
}

fn link(asked: &Asked, limit: u64, offset: u64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &asked.query {
        if name != "limit" && name != "offset" {
            query.append_pair(name, value);
        }
    }
    if asked.parameter("limit").is_some() {
        query.append_pair("limit", &limit.to_string());
    }
    if offset > 0 {
        query.append_pair("offset", &offset.to_string());
    }
    format!("{ROOT}/{COLLECTION}/items?{}", query.finish())
}

/// All items that the query names, newest first unless it asks for the other way, and by id within one time.
fn find(world: &World, weather: &Weather<'_>, asked: &Asked) -> Result<Vec<Item>, (u16, String)> {
    let window = interval(asked.parameter("datetime"))?;
    let parameters: Vec<Parameter> = match asked.parameter("parameterId") {
        None => Parameter::ALL.to_vec(),
        Some(name) => Parameter::ALL
            .into_iter()
            .filter(|parameter| parameter.name() == name)
            .collect(),
    };
    let resolutions: Vec<Resolution> = match asked.parameter("timeResolution") {
        None => Resolution::ALL.to_vec(),
        Some(name) => Resolution::ALL
            .into_iter()
            .filter(|resolution| resolution.name() == name)
            .collect(),
    };
    let places: Vec<usize> = match asked.parameter("municipalityId") {
        None => (0..world.areas.all.len())
            .filter(|place| world.areas.all[*place].is_municipality)
            .collect(),
        Some(code) => (0..world.areas.all.len())
            .filter(|place| world.areas.all[*place].is_municipality && world.areas.all[*place].code == code)
            .collect(),
    };
    let zone = TimeZone::get("Europe/Copenhagen").map_err(|error| (500, error.to_string()))?;
    let mut items = Vec::new();
    for resolution in resolutions {
        for first in weather.periods(resolution) {
            let (start, to) = bounds(first, resolution, &zone).map_err(|error| (500, error.to_string()))?;
            for parameter in &parameters {
                let early = parameter.minutes_early().minutes();
                let from = start.checked_sub(early).map_err(|error| (500, error.to_string()))?;
                // An interval is closed at both ends, so a period that only touches the window is inside (OGC 17-069r4, 7.15.4).
                if to < window.0 || from > window.1 {
                    continue;
                }
                for area in &places {
                    let key = weather.draw(*parameter, resolution, first, *area);
                    let item = Item {
                        parameter: *parameter,
                        resolution,
                        first,
                        from,
                        to,
                        area: *area,
                        superseded: false,
                        id: key.text("id").bits(),
                    };
                    items.push(item);
                    // A few were published twice; the newer `created` is the one that holds.
                    if key.text("twice").unit() < 0.01 {
                        items.push(Item {
                            superseded: true,
                            id: key.text("older").bits(),
                            ..item
                        });
                    }
                }
            }
        }
    }
    let ascending = asked
        .parameter("sortorder")
        .is_some_and(|order| order.to_uppercase().ends_with("ASC"));
    items.sort_unstable_by(|a, b| {
        let by_time = if ascending {
            a.from.cmp(&b.from)
        } else {
            b.from.cmp(&a.from)
        };
        by_time.then(a.id.cmp(&b.id))
    });
    Ok(items)
}

fn bounds(first: Date, resolution: Resolution, zone: &TimeZone) -> Result<(Timestamp, Timestamp), jiff::Error> {
    let end = match resolution {
        Resolution::Day => first.checked_add(1.day())?,
        Resolution::Month => first.checked_add(1.month())?,
        Resolution::Year => first.checked_add(1.year())?,
    };
    // A period begins one millisecond late.
    let from = first.to_zoned(zone.clone())?.timestamp().checked_add(1.millisecond())?;
    Ok((from, end.to_zoned(zone.clone())?.timestamp()))
}

/// `from/to`, either end `..` or empty; one instant alone is both ends.
fn interval(text: Option<&str>) -> Result<(Timestamp, Timestamp), (u16, String)> {
    let Some(text) = text else {
        return Ok((Timestamp::MIN, Timestamp::MAX));
    };
    let (from, to) = text.split_once('/').unwrap_or((text, text));
    let instant = |text: &str, open: Timestamp| match text {
        "" | ".." => Ok(open),
        text => text
            .parse::<Timestamp>()
            .map_err(|_| (400, format!("datetime is not RFC 3339: {text}"))),
    };
    Ok((instant(from, Timestamp::MIN)?, instant(to, Timestamp::MAX)?))
}

fn feature(world: &World, weather: &Weather<'_>, item: &Item) -> Json {
    let area = &world.areas.all[item.area];
    let place = world.draw.text("place").text(&area.code);
    let (longitude, latitude) = (place.between(8.2, 12.6), place.text("north").between(54.8, 57.5));
    let zone = TimeZone::get("Europe/Copenhagen").unwrap_or(TimeZone::UTC);
    let local = |instant: Timestamp, format: &str| instant.to_zoned(zone.clone()).strftime(format).to_string();
    // Published some days after the period, the older of two a fortnight before the newer.
    let hours = if item.superseded { 0 } else { 14 * 24 } + 30 + (item.id % 100) as i64;
    let created = item.to.saturating_add(hours.hours()).unwrap_or(item.to);
    let value = weather.value(item.parameter, item.resolution, item.first, item.area);
    let value = if item.superseded { value + 3 } else { value };
    let uuid = crate::draw::Draw::new(item.id).uuid();
    json!({
        "geometry": {"coordinates": [round(longitude, 1e8), round(latitude, 1e8)], "type": "Point"},
        "id": uuid,
        "type": "Feature",
        "properties": {
            // Without an offset, as served.
            "calculatedAt": created.strftime("%Y-%m-%dT%H:07:15.208000").to_string(),
            "created": created.strftime("%Y-%m-%dT%H:08:33.149126+00:00").to_string(),
            "from": local(item.from, "%Y-%m-%dT%H:%M:%S.001000%:z"),
            "municipalityId": area.code,
            "municipalityName": area.name,
            "parameterId": item.parameter.name(),
            "qcStatus": "manual",
            "timeResolution": item.resolution.name(),
            "to": local(item.to, "%Y-%m-%dT%H:%M:%S%:z"),
            "value": value as f64 / 10.0,
        },
    })
}

fn round(value: f64, unit: f64) -> f64 {
    (value * unit).round() / unit
}
