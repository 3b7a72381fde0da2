use std::{collections::BTreeMap, path::Path, time::UNIX_EPOCH};

use klimalade_connect::{Context, Fault, Page, Part, Result};
use klimalade_format::archive;
use klimalade_transport::{Accept, Answer, Request};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Error,
    place::{Pattern, Place, key_of, stem},
    settings::{Checked, Form, Source},
};

/// `Part.detail`: the file of a part whose key came from a listing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Url>,
    /// The file's own name, as somebody gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
}

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    match &settings.files {
        Source::Named(files) => files.iter().map(|(key, place)| named(key, place)).collect(),
        Source::Folder(pattern) => listed(pattern, cx).await,
        Source::Linked(search) => {
            let mut part = Part::new("all");
            part.detail = detail(Detail {
                address: Some(search.address(&settings.auth, cx).await?),
                ..Detail::default()
            })?;
            Ok(vec![part])
        }
    }
}

fn named(key: &str, place: &Place) -> Result<Part> {
    let mut part = Part::new(key);
    part.detail = detail(Detail::default())?;
    if let Place::Disk(path) = place {
        part.change_mark = Some(mark_on_disk(path)?);
    }
    Ok(part)
}

/// Time of change and size. A file that is not there is a source that is off.
fn mark_on_disk(path: &Path) -> Result<String> {
    let found = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)
        .ok_or_else(|| Error::NothingDropped {
            place: path.display().to_string(),
            hint: format!("cp <file> {}", path.display()),
        })?;
    let changed = found
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    Ok(format!("{}-{}", changed.as_micros(), found.len()))
}

async fn listed(pattern: &Pattern, cx: &Context) -> Result<Vec<Part>> {
    let mut parts: BTreeMap<String, (Part, String)> = BTreeMap::new();
    for entry in cx.client.list_objects(&pattern.folder).await? {
        let Some(file_name) = pattern.file_name(&entry.url) else {
            continue;
        };
        let key = key_of(stem(&file_name));
        if let Some((_, other)) = parts.get(&key) {
            return Err(Error::SameKey {
                key,
                files: format!("{other} and {file_name}"),
            }
            .into());
        }
        let mut part = Part::new(key.clone());
        let time_and_size = entry.last_modified.map(|time| format!("{time}-{}", entry.size));
        part.change_mark = entry.etag.or(time_and_size);
        part.detail = detail(Detail {
            address: Some(entry.url),
            file_name: Some(file_name.clone()),
        })?;
        parts.insert(key, (part, file_name));
    }
    if parts.is_empty() {
        let place = format!("{}{}", pattern.written, pattern.name);
        let hint = if pattern.on_disk {
            format!("mkdir -p {0} && cp <file> {0}", pattern.written)
        } else {
            format!("put a file named {} there", pattern.name)
        };
        return Err(Error::NothingDropped { place, hint }.into());
    }
    Ok(parts.into_values().map(|(part, _)| part).collect())
}

fn detail(detail: Detail) -> Result<serde_json::Value> {
    serde_json::to_value(detail).map_err(|source| Fault::bug("a part cannot be written").because(source))
}

/// The one page of a part.
pub(crate) async fn fetch(settings: &Checked, part: &Part, cx: &Context) -> Result<Page> {
    match &settings.files {
        Source::Folder(_) => cx.client.object(&address_of(part)?).await,
        Source::Linked(_) => over_http(settings, &address_of(part)?, cx).await,
        Source::Named(files) => match files.get(&part.key) {
            None => Err(Error::UnknownPart { key: part.key.clone() }.into()),
            Some(Place::Http(url)) => over_http(settings, url, cx).await,
            Some(Place::Store(url)) => cx.client.object(url).await,
            Some(Place::Disk(path)) => {
                let url = Url::from_file_path(path)
                    .map_err(|()| Fault::bug("a path that is no address").found(path.display().to_string()))?;
                cx.client.object(&url).await
            }
        },
    }
}

/// Where the plan found the file.
fn address_of(part: &Part) -> Result<Url> {
    let detail: Detail = serde_json::from_value(part.detail.clone()).map_err(|source| {
        Fault::bug("the stored part is not one of this connector")
            .at(format!("part {}", part.key))
            .because(source)
    })?;
    detail
        .address
        .ok_or_else(|| Error::UnknownPart { key: part.key.clone() }.into())
}

async fn over_http(settings: &Checked, url: &Url, cx: &Context) -> Result<Page> {
    let request = Request::get(url.clone());
    let request = match (&settings.unpack, &settings.form) {
        (Some(_), _) => request.classify(no_archive),
        (None, Form::Csv(_)) => request.accept(Accept::Csv),
        (None, Form::Json(_)) => request.accept(Accept::Json),
        (None, Form::Sheet(_)) => request.classify(no_workbook),
        (None, Form::Xml(_)) => request.classify(no_xml),
    };
    cx.client.fetch(&settings.auth.sign(request, &cx.secrets)?).await
}

/// Something else with HTTP 200 where a workbook was asked for: nothing of it is stored.
fn no_workbook(answer: &Answer<'_>) -> Option<Fault> {
    let is_archive = answer.head.starts_with(b"PK");
    let is_old = answer.head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]);
    (answer.status == 200 && !is_archive && !is_old)
        .then(|| another(answer, "the answer is no workbook", "XLSX or ODS"))
}

fn no_archive(answer: &Answer<'_>) -> Option<Fault> {
    let is_one = archive::is_archive(answer.head);
    (answer.status == 200 && !is_one).then(|| {
        another(answer, "the answer is no archive", "ZIP or gzip")
            .hint("remove [source.unpack], if the server unpacks it itself")
    })
}

fn no_xml(answer: &Answer<'_>) -> Option<Fault> {
    // Of two bytes a letter, one of them may be a zero.
    let mut letters = answer
        .head
        .iter()
        .filter(|byte| **byte != 0 && !byte.is_ascii_whitespace());
    let begins = letters.next() == Some(&b'<');
    let start: Vec<u8> = answer.head.trim_ascii_start().iter().take(14).copied().collect();
    let is_html = [&b"<!doctype html"[..], b"<html"].iter().any(|mark| {
        start
            .get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    });
    (answer.status == 200 && (!begins || is_html)).then(|| another(answer, "the answer is no XML", "XML"))
}

fn another(answer: &Answer<'_>, what: &str, expected: &str) -> Fault {
    let start: String = String::from_utf8_lossy(answer.head).chars().take(80).collect();
    Fault::source(what)
        .expected(expected)
        .found(format!("{}: {start}", answer.content_type))
}
