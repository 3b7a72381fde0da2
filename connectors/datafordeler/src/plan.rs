use std::collections::{BTreeMap, BTreeSet};

use klimalade_connect::{Context, Fault, Page, Part, Result, open_page};
use klimalade_transport::{Accept, Request};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Error,
    settings::{Checked, Edition},
};

/// Versions of the two calls as the service's own documentation pairs them (read 2026-09).
const LISTING: [&str; 2] = ["v2.0", "GetAvailableFileDownloads"];
const FILE: [&str; 2] = ["v1.0", "GetFile"];
/// The part of the whole country.
const COUNTRY: &str = "all";
const MOST_LISTING_PAGES: u64 = 200;

/// `Part.detail`. Its `source_version` is the runner's too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    /// Day, month or year in which the file was made, as far as `edition` tells them apart.
    source_version: String,
    /// Name of the file, where each edition is fetched: the newest is looked up otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
}

/// A file as the listing has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    file_name: String,
    #[serde(default)]
    entity_name: Option<String>,
    #[serde(default)]
    type_of_download: Option<String>,
    #[serde(default)]
    type_of_data: Option<String>,
    #[serde(default)]
    contained_file_format: Option<String>,
    #[serde(default)]
    municipality_code: Option<String>,
    /// A number, or a number as text.
    #[serde(default)]
    generation_number: serde_json::Value,
    #[serde(default)]
    generation_time: Option<String>,
    /// A number as text; a new model of the register is listed beside the old one.
    #[serde(default)]
    version: serde_json::Value,
}

impl Offered {
    /// Newer files are greater: by model, then by generation, then by time.
    fn rank(&self) -> (u64, u64, &str) {
        let number = |value: &serde_json::Value| {
            let text = value.as_str().and_then(|text| text.parse().ok());
            value.as_u64().or(text).unwrap_or_default()
        };
        let time = self.generation_time.as_deref().unwrap_or_default();
        (number(&self.version), number(&self.generation_number), time)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    available_file_downloads: Vec<Offered>,
    #[serde(default)]
    pagination_metadata: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    #[serde(default)]
    total_pages: Option<u64>,
}

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    let newest = newest(settings, cx).await?;
    newest
        .into_iter()
        .map(|(key, offered)| part(settings, key, &offered))
        .collect()
}

/// The newest total of every part.
async fn newest(settings: &Checked, cx: &Context) -> Result<BTreeMap<String, Offered>> {
    let listed = listed(settings, cx).await?;
    let is =
        |said: &Option<String>, wanted: &str| said.as_deref().is_some_and(|said| said.eq_ignore_ascii_case(wanted));
    let mut newest: BTreeMap<String, Offered> = BTreeMap::new();
    for offered in &listed {
        let municipality = offered.municipality_code.as_deref().filter(|code| !code.is_empty());
        let fits = is(&offered.entity_name, &settings.entity)
            && is(&offered.type_of_download, "TotalDownload")
            && is(&offered.type_of_data, settings.data.word())
            && is(&offered.contained_file_format, settings.form.word())
            && municipality.is_some() == settings.by_municipality;
        if !fits {
            continue;
        }
        let key = municipality.unwrap_or(COUNTRY);
        if settings.by_municipality && !(key.len() == 4 && key.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(Error::Unnamable { code: key.to_owned() }.into());
        }
        match newest.get(key) {
            Some(known) if known.rank() >= offered.rank() => {}
            _ => {
                newest.insert(key.to_owned(), offered.clone());
            }
        }
    }
    if newest.is_empty() {
        let kinds: BTreeSet<String> = listed
            .iter()
            .map(|offered| {
                let said = |text: &Option<String>| text.clone().unwrap_or_default();
                format!(
                    "{} {} {} {}{}",
                    said(&offered.entity_name),
                    said(&offered.type_of_download),
                    said(&offered.type_of_data),
                    said(&offered.contained_file_format),
                    if offered.municipality_code.is_some() {
                        " by municipality"
                    } else {
                        ""
                    }
                )
            })
            .collect();
        let there: Vec<String> = kinds.into_iter().take(20).collect();
        return Err(Error::NotOffered {
            wanted: format!(
                "{} TotalDownload {} {}{}",
                settings.entity,
                settings.data.word(),
                settings.form.word(),
                if settings.by_municipality {
                    " by municipality"
                } else {
                    ""
                }
            ),
            there: if there.is_empty() {
                "nothing".to_owned()
            } else {
                there.join("; ")
            },
        }
        .into());
    }
    Ok(newest)
}

/// All files of the entity. The service pages the listing and ignores a page size (seen by others, 2026-09).
async fn listed(settings: &Checked, cx: &Context) -> Result<Vec<Offered>> {
    let (mut all, mut number) = (Vec::new(), 1);
    loop {
        let mut url = address(settings, LISTING)?;
        url.query_pairs_mut()
            .append_pair("Register", &settings.register)
            .append_pair("Entity", &settings.entity)
            .append_pair("PageNumber", &number.to_string());
        let request = Request::get(url).accept(Accept::Json);
        let request = settings.auth.sign(request, &cx.secrets)?;
        let place = request.url.to_string();
        let listing: Listing = serde_json::from_value(cx.client.json(&request).await?).map_err(|source| {
            Fault::source("the listing of files is another than expected")
                .at(place)
                .because(source)
        })?;
        let is_empty = listing.available_file_downloads.is_empty();
        all.extend(listing.available_file_downloads);
        let pages = listing
            .pagination_metadata
            .and_then(|pages| pages.total_pages)
            .unwrap_or(1);
        if is_empty || number >= pages {
            return Ok(all);
        }
        number += 1;
        if number > MOST_LISTING_PAGES {
            return Err(Fault::source("the listing of files does not end")
                .expected(format!("at most {MOST_LISTING_PAGES} pages"))
                .found(format!("{pages} pages")));
        }
    }
}

fn part(settings: &Checked, key: String, offered: &Offered) -> Result<Part> {
    // A listing without times (seen by others with DAR) has the name of the file, which holds the generation.
    let made = offered.generation_time.as_deref().filter(|time| time.len() >= 10);
    let letters = match settings.edition {
        Edition::Each => 10,
        Edition::Month => 7,
        Edition::Year => 4,
    };
    let version = match (made.and_then(|time| time.get(..letters)), settings.edition) {
        (Some(day), _) => day.to_owned(),
        (None, Edition::Each) => offered.file_name.clone(),
        (None, _) => {
            return Err(Fault::source("the listing does not say when the file was made")
                .at(offered.file_name.clone())
                .hint("edition = \"each\""));
        }
    };
    let each = settings.edition == Edition::Each;
    let detail = Detail {
        source_version: version.clone(),
        file_name: each.then(|| offered.file_name.clone()),
    };
    let mut part = Part::new(key);
    part.change_mark = Some(if each { offered.file_name.clone() } else { version });
    part.detail =
        serde_json::to_value(detail).map_err(|source| Fault::bug("a part cannot be written").because(source))?;
    Ok(part)
}

fn address(settings: &Checked, call: [&str; 2]) -> Result<Url> {
    let mut url = settings.base_url.clone();
    url.path_segments_mut()
        .map_err(|()| Fault::settings("base_url has no path").at("[source] base_url"))?
        .pop_if_empty()
        .extend(call);
    Ok(url)
}

/// The one page of a part: the ZIP as served.
pub(crate) async fn fetch(settings: &Checked, part: &Part, cx: &Context) -> Result<Page> {
    let detail: Detail = part.detail_as()?;
    let file_name = match detail.file_name {
        Some(name) => name,
        None => {
            let mut newest = newest(settings, cx).await?;
            let offered = newest.remove(&part.key).ok_or_else(|| Error::NotOffered {
                wanted: format!("a file of part {}", part.key),
                there: newest.into_keys().collect::<Vec<_>>().join(", "),
            })?;
            offered.file_name
        }
    };
    let mut url = address(settings, FILE)?;
    url.query_pairs_mut().append_pair("Filename", &file_name);
    let request = settings.auth.sign(Request::get(url).accept(Accept::Any), &cx.secrets)?;
    let page = cx.client.fetch(&request).await?;
    let mut head = [0_u8; 2];
    let begins = std::io::Read::read_exact(&mut open_page(&page)?, &mut head);
    if begins.is_err() || head != *b"PK" {
        return Err(Fault::from(Error::NoArchive).at(page.entry.address.clone()));
    }
    Ok(page)
}
