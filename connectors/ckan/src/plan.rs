use std::collections::BTreeSet;

use klimalade_connect::{Context, Fault, Page, Part, Result, fits_wildcard, open_page};
use klimalade_format::json;
use klimalade_transport::{PageSeen, Paging, Secrets, Tally, redact_url, walk};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    Error,
    licence::code_of,
    portal::{Package, Resource, action, result_of},
    settings::{ChangeMark, Checked, Form, Packages, ResourceChoice, SEARCH_ROWS, Search},
};

/// `Part.detail`: what the portal says of a part. The runner reads `licence_code` and `source_version`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detail {
    pub(crate) licence_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_version: Option<String>,
    pub(crate) package: PackageFacts,
    pub(crate) resource: ResourceFacts,
}

/// What is kept of a package.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageFacts {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) organization: String,
    pub(crate) organization_title: String,
    pub(crate) modified: String,
}

/// What is kept of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceFacts {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) modified: String,
    /// Where the file is. Left out where the address itself holds a signature: it is asked for when it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<Url>,
}

impl Detail {
    pub(crate) fn of(part: &Part) -> Result<Self> {
        part.detail_as()
    }

    /// What a declared column may take, by name, as the one row of a JSON array. What the portal does not say is null.
    pub(crate) fn facts_json(&self) -> Result<Vec<u8>> {
        let (package, resource) = (&self.package, &self.resource);
        let facts = [
            ("package.name", &package.name),
            ("package.title", &package.title),
            ("package.organization", &package.organization),
            ("package.organization_title", &package.organization_title),
            ("package.modified", &package.modified),
            ("resource.id", &resource.id),
            ("resource.name", &resource.name),
            ("resource.modified", &resource.modified),
        ];
        let said = |text: &String| (!text.is_empty()).then(|| Value::from(text.as_str()));
        let row: serde_json::Map<String, Value> = facts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), said(text).unwrap_or_default()))
            .collect();
        serde_json::to_vec(&[row]).map_err(|source| Fault::bug("a part cannot be written").because(source))
    }
}

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    settings.auth.secret(&cx.secrets)?;
    let packages = match &settings.packages {
        Packages::One(name) => {
            let request = action(settings, cx, "package_show", &[("id", name)])?;
            let address = request.url.path().to_owned();
            vec![result_of::<Package>(cx.client.json(&request).await?, &address)?]
        }
        Packages::Found(search) => found(settings, search, cx).await?,
    };
    let mut dated = Vec::new();
    for package in &packages {
        for resource in chosen(package, &settings.resource)? {
            let key = if settings.resource.every {
                &resource.id
            } else {
                &package.name
            };
            let created = resource.created.clone().unwrap_or_default();
            dated.push((created, part(settings, key, package, resource)?));
        }
    }
    dated.sort_by(|a, b| (&a.0, &a.1.key).cmp(&(&b.0, &b.1.key)));
    Ok(dated.into_iter().map(|(_, part)| part).collect())
}

/// All packages of a search. Sorted by name: in the order of relevance a package may stand on two pages.
async fn found(settings: &Checked, search: &Search, cx: &Context) -> Result<Vec<Package>> {
    let mut query = vec![("sort", "name asc")];
    if !search.words.is_empty() {
        query.push(("q", search.words.as_str()));
    }
    if !search.filter.is_empty() {
        query.push(("fq", search.filter.as_str()));
    }
    let request = action(settings, cx, "package_search", &query)?;
    let paging = Paging::Offset {
        offset: "start".to_owned(),
        limit: "rows".to_owned(),
        size: SEARCH_ROWS,
    };
    let tally = Tally::default();
    let mut pages = walk(&cx.client, request, paging, |page| {
        let look = json::look(open_page(page)?, "result.results", &["result.count"])?;
        let server_count = look.scalars.get("result.count").and_then(Value::as_u64);
        let before = tally.rows();
        // Portals give fewer packages than asked for without a word; their count says that the walk must go on.
        let more = look.rows > 0 && server_count.is_some_and(|count| before + look.rows < count);
        let seen = PageSeen {
            rows: look.rows,
            next: more.then(|| settings.base_url.clone()),
            server_count,
        };
        tally.take_in(&seen);
        Ok(seen)
    });
    let no_part = Part::new("search");
    let (mut packages, mut names) = (Vec::new(), BTreeSet::new());
    while let Some(page) = cx.next_page(&mut pages, &no_part).await? {
        for package in packages_of(&page)? {
            if !names.insert(package.id.clone()) {
                return Err(Error::Twice { package: package.name }.into());
            }
            packages.push(package);
        }
    }
    drop(pages);
    tally
        .agree("rows of a search")
        .map_err(|fault| fault.at("package_search"))?;
    if packages.is_empty() {
        return Err(Error::NothingFound.into());
    }
    Ok(packages)
}

fn packages_of(page: &Page) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Results {
        results: Vec<Package>,
    }
    let body = serde_json::from_reader(std::io::BufReader::new(open_page(page)?)).map_err(|source| {
        Fault::source("the portal's answer is no JSON")
            .at(page.entry.address.clone())
            .because(source)
    })?;
    Ok(result_of::<Results>(body, &page.entry.address)?.results)
}

/// The resources of a package that are meant.
fn chosen<'p>(package: &'p Package, choice: &ResourceChoice) -> Result<Vec<&'p Resource>> {
    if let Some(state) = package.state.as_ref().filter(|state| *state != "active") {
        return Err(Error::NotActive {
            package: package.name.clone(),
            state: state.clone(),
        }
        .into());
    }
    let name_of = |resource: &Resource| resource.name.clone().unwrap_or_default();
    let format_of = |resource: &Resource| resource.format.clone().unwrap_or_default();
    let fits = |resource: &&Resource| {
        resource.state.as_deref().is_none_or(|state| state == "active")
            && choice.id.as_ref().is_none_or(|id| *id == resource.id)
            && choice
                .name
                .as_ref()
                .is_none_or(|pattern| fits_wildcard(pattern, &name_of(resource)))
            && choice
                .format
                .as_ref()
                .is_none_or(|format| bare_format(format) == bare_format(&format_of(resource)))
    };
    let fitting: Vec<&Resource> = package.resources.iter().filter(fits).collect();
    if fitting.len() == 1 || (choice.every && !fitting.is_empty()) {
        return Ok(fitting);
    }
    let told = |resource: &Resource| format!("{} ({}, {})", name_of(resource), format_of(resource), resource.id);
    Err(Error::NotOneResource {
        package: package.name.clone(),
        fitting: fitting.len(),
        there: package.resources.iter().map(told).collect::<Vec<_>>().join("; "),
    }
    .into())
}

/// `CSV`, `.csv` and `text/csv` are one format.
fn bare_format(written: &str) -> String {
    let lower = written.trim().trim_start_matches('.').to_lowercase();
    lower.rsplit('/').next().unwrap_or_default().to_owned()
}

fn part(settings: &Checked, key: &str, package: &Package, resource: &Resource) -> Result<Part> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._=-".contains(letter);
    if key.is_empty() || !key.chars().all(fits) {
        return Err(Error::Unnamable { name: key.to_owned() }.into());
    }
    let name = resource.name.clone().unwrap_or_default();
    if matches!(settings.form, Form::Datastore) && resource.datastore_active != Some(true) {
        return Err(Error::NoTable { resource: name }.into());
    }
    let licence_code = code_of(
        &package.name,
        package.license_id.as_deref(),
        package.license_title.as_deref(),
        &settings.licences,
    )?;
    let modified = resource.last_modified.as_ref().or(resource.metadata_modified.as_ref());
    let modified = modified
        .or(package.metadata_modified.as_ref())
        .map(|time| instant(time));
    let package_modified = package.metadata_modified.as_deref().map(instant);
    let has_mark = match settings.change_mark {
        ChangeMark::Modified => true,
        ChangeMark::None => false,
        ChangeMark::Uploads => resource.url_type.as_deref() == Some("upload"),
    };
    // The package's time as well: a licence that changes changes the part.
    let mark = match (&package_modified, &modified) {
        (Some(package), Some(resource)) if has_mark => Some(format!("{package} {resource}")),
        _ => None,
    };
    let address = match &settings.form {
        Form::Datastore => None,
        Form::Csv(_) | Form::Json(_) => kept_address(settings, resource)?,
    };
    let organization = package.organization.as_ref();
    let detail = Detail {
        licence_code,
        source_version: modified.clone(),
        package: PackageFacts {
            name: package.name.clone(),
            title: package.title.clone().unwrap_or_default(),
            organization: organization.map(|own| own.name.clone()).unwrap_or_default(),
            organization_title: organization.and_then(|own| own.title.clone()).unwrap_or_default(),
            modified: package_modified.unwrap_or_default(),
        },
        resource: ResourceFacts {
            id: resource.id.clone(),
            name,
            modified: modified.unwrap_or_default(),
            address,
        },
    };
    let mut part = Part::new(key);
    part.change_mark = mark;
    part.detail =
        serde_json::to_value(detail).map_err(|source| Fault::bug("a part cannot be written").because(source))?;
    Ok(part)
}

/// CKAN writes its times in UTC without saying so.
fn instant(time: &str) -> String {
    let has_zone = time.ends_with('Z') || time.rfind(['+', '-']).is_some_and(|at| at > "2026-11-23".len());
    if has_zone || !time.contains('T') {
        return time.to_owned();
    }
    format!("{time}Z")
}

/// The address of a resource's file. Errors: Source.
pub(crate) fn address_of(settings: &Checked, resource: &Resource) -> Result<Url> {
    let written = resource.url.as_deref().unwrap_or_default();
    let no_address = || {
        Fault::source("the resource has no address of a file")
            .at(format!("resource {}", resource.id))
            .expected("http:// or https://")
    };
    if written.is_empty() {
        return Err(no_address());
    }
    let mut url = settings.base_url.join(written).map_err(|_| no_address())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(no_address().found(url.scheme().to_owned()));
    }
    // A portal behind a proxy writes its own addresses so.
    if settings.base_url.scheme() == "https" && url.scheme() == "http" && url.host() == settings.base_url.host() {
        let _ = url.set_scheme("https");
    }
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok(url)
}

/// The address where it may be stored: not, where it holds anything that is never printed.
fn kept_address(settings: &Checked, resource: &Resource) -> Result<Option<Url>> {
    let url = address_of(settings, resource)?;
    Ok((redact_url(&url, &Secrets::default()) == url.as_str()).then_some(url))
}
