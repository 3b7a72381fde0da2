use jiff::{Timestamp, ToSpan, civil::Date};
use klimalade_connect::{Context, Fault, Part, Result};
use klimalade_transport::{Accept, Answer, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    Error,
    settings::{Checked, CheckedWindow, Crs, Paging, WindowPart},
};

/// Every server's default, and the only one besides EPSG:25832 that is read.
const CRS84: &str = "CRS84";
const UTM32: &str = "EPSG:25832";

/// `Part.detail`: what fetch and decode need to know of a part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detail {
    /// `EPSG:25832`, `CRS84`, or none where no geometry is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crs: Option<String>,
    /// The system's address as the collection lists it, where it must be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crs_address: Option<String>,
    /// First instant of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) begins_at: Option<Timestamp>,
    /// First instant after the window; open where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ends_before: Option<Timestamp>,
}

impl Detail {
    pub(crate) fn of(part: &Part) -> Result<Self> {
        if part.detail.is_null() {
            return Ok(Self::default());
        }
        part.detail_as()
    }
    pub(crate) fn is_utm32(&self) -> bool {
        self.crs.as_deref() == Some(UTM32)
    }
}

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    let (crs, crs_address) = match settings.crs {
        Crs::None => (None, None),
        Crs::Crs84 => (Some(CRS84.to_owned()), None),
        Crs::Auto => match utm32_address(settings, cx).await? {
            Some(address) => (Some(UTM32.to_owned()), Some(address)),
            None => (Some(CRS84.to_owned()), None),
        },
    };
    let mut parts = Vec::new();
    for (key, begins_at, ends_before) in windows(settings.window.as_ref(), cx.clock.now())? {
        let detail = Detail {
            crs: crs.clone(),
            crs_address: crs_address.clone(),
            begins_at,
            ends_before,
        };
        let mut part = Part::new(key);
        part.detail =
            serde_json::to_value(&detail).map_err(|source| Fault::bug("a part cannot be written").because(source))?;
        parts.push(part);
    }
    Ok(parts)
}

type Keyed = (String, Option<Timestamp>, Option<Timestamp>);

/// The windows from `start` to the one that holds `now`, oldest first.
pub(crate) fn windows(window: Option<&CheckedWindow>, now: Timestamp) -> Result<Vec<Keyed>> {
    let Some(window) = window else {
        return Ok(vec![("all".to_owned(), None, None)]);
    };
    let today = now.to_zoned(window.zone.clone()).date();
    let mut found = Vec::new();
    let mut day = window.start;
    while day <= today {
        let (key, next) = match window.part {
            WindowPart::All => {
                found.push(("all".to_owned(), Some(day_start(window, day)?), None));
                break;
            }
            WindowPart::Year => (
                day.strftime("%Y").to_string(),
                day.first_of_year().checked_add(1.year()),
            ),
            WindowPart::Month => (
                day.strftime("%Y-%m").to_string(),
                day.first_of_month().checked_add(1.month()),
            ),
        };
        let next = next.map_err(|source| {
            Fault::settings("a window outside the calendar")
                .at("[source.window] start")
                .because(source)
        })?;
        found.push((key, Some(day_start(window, day)?), Some(day_start(window, next)?)));
        day = next;
    }
    Ok(found)
}

fn day_start(window: &CheckedWindow, day: Date) -> Result<Timestamp> {
    day.to_zoned(window.zone.clone())
        .map(|zoned| zoned.timestamp())
        .map_err(|source| {
            Fault::settings("a day outside the calendar")
                .at("[source.window] start")
                .found(day.to_string())
                .because(source)
        })
}

/// The request for the first page of a part; a walk by offset adds `limit` and `offset`.
pub(crate) fn items_request(settings: &Checked, detail: &Detail, cx: &Context) -> Result<Request> {
    let mut url = address(settings, &["collections", &settings.collection, "items"])?;
    let mut query = Vec::new();
    query.extend(settings.query.iter().cloned());
    if let (Some(window), Some(begins_at)) = (&settings.window, detail.begins_at) {
        // Intervals of this standard are closed at both ends, so the window ends a millisecond before the next
        // begins. DMI's daily values begin at .001 s for the same reason.
        let end = match detail.ends_before {
            Some(end) => end
                .checked_sub(1.millisecond())
                .map_err(|source| Fault::bug("a window without an end").because(source))?
                .to_string(),
            None => "..".to_owned(),
        };
        query.push((window.parameter.clone(), format!("{begins_at}/{end}")));
    }
    if let Some(crs) = &detail.crs_address {
        query.push(("crs".to_owned(), crs.clone()));
    }
    if settings.paging == Paging::Next {
        query.push(("limit".to_owned(), settings.page_limit.to_string()));
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(request(url, settings, cx)?.header("accept", "application/geo+json, application/json"))
}

fn request(url: Url, settings: &Checked, cx: &Context) -> Result<Request> {
    let request = Request::get(url)
        .dataset(settings.collection.clone())
        .accept(Accept::Json)
        .classify(refused);
    settings.auth.sign(request, &cx.secrets)
}

fn address(settings: &Checked, path: &[&str]) -> Result<Url> {
    let mut url = settings.base_url.clone();
    url.path_segments_mut()
        .map_err(|()| Fault::settings("base_url has no path").at("[source] base_url"))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

/// The address under which the collection lists EPSG:25832, whatever version of the EPSG list it names
/// (`EPSG/0/25832`; QGIS Server 3.22 writes `EPSG/9.6.2/25832`, 2026-11-23).
async fn utm32_address(settings: &Checked, cx: &Context) -> Result<Option<String>> {
    let url = address(settings, &["collections", &settings.collection])?;
    let collection = cx
        .client
        .json(&request(url, settings, cx)?.header("accept", "application/json"))
        .await?;
    let mut listed = texts(collection.get("crs"));
    // `#/crs` stands for the list that all collections share.
    if listed.iter().any(|crs| crs == "#/crs") {
        let url = address(settings, &["collections"])?;
        let all = cx
            .client
            .json(&request(url, settings, cx)?.header("accept", "application/json"))
            .await?;
        listed.extend(texts(all.get("crs")));
    }
    Ok(listed.into_iter().find(|crs| names_utm32(crs)))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// True for every spelling of EPSG:25832: address, URN, short form.
pub(crate) fn names_utm32(crs: &str) -> bool {
    crs.contains("EPSG") && crs.rsplit(['/', ':']).next() == Some("25832")
}

/// True for every spelling of longitude before latitude in degrees. `EPSG:4326` is none of them: its axes are
/// written in either order, depending on the server.
pub(crate) fn names_crs84(crs: &str) -> bool {
    crs.rsplit(['/', ':']).next() == Some("CRS84")
}

/// The protocol's own error bodies: `{"code","description"}`, QGIS Server's array of it, and
/// `{"http_status_code","message"}` of DMI's gateway and `{"status","title","detail"}` of RFC 9457. 429 and 5xx stay with the common reading: they may pass.
pub(crate) fn refused(answer: &Answer<'_>) -> Option<Fault> {
    if answer.status == 429 || answer.status >= 500 {
        return None;
    }
    let body: Value = serde_json::from_slice(answer.head).ok()?;
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(&body);
    if body.get("features").is_some() || body.get("links").is_some() {
        return None;
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let message = match (text("code"), text("description"), text("message").or(text("detail"))) {
        (Some(code), Some(description), _) => format!("{code}: {description}"),
        (_, _, Some(message)) => message.to_owned(),
        (Some(code), None, None) if answer.status >= 400 => code.to_owned(),
        _ => return None,
    };
    // A gateway may tell its own status in the body of an HTTP 200.
    let told = body
        .get("http_status_code")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok());
    let status = if answer.status >= 400 {
        answer.status
    } else {
        told.unwrap_or(answer.status)
    };
    if status == 429 || status >= 500 {
        return Some(Fault::transient(format!("the server asks to wait: {message}")).found(format!("HTTP {status}")));
    }
    if message.to_ascii_lowercase().contains("offset") && status == 400 {
        // MapServer 8.0.0 over GeoJSON, for the page behind a full last one (2026-11-26).
        let is_past_the_end = message.contains("out of range");
        return Some(
            Fault::settings(format!("the server refused the request: {message}"))
                .found("HTTP 400")
                .hint(match is_past_the_end {
                    true => "paging = \"next\" in [source], if the server's links lead through the pages",
                    false => "set max_offset in [source], and a smaller [source.window] part",
                }),
        );
    }
    Some(Error::Refused { status, message }.into())
}
