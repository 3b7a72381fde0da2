use jiff::tz::TimeZone;
use klimalade_connect::{Context, Fault, Page, Part, Result};
use klimalade_format::json;
use klimalade_transport::{Accept, Answer, PageSeen, Request, Secret};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::{
    Error,
    matrix::{AxisOfPart, Combination, Detail},
    settings::{Auth, Checked},
};

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    // Without its secret a source is off, and must say so before it is asked for anything.
    secret(settings, cx)?;
    let this_year = cx.clock.now().to_zoned(TimeZone::UTC).year();
    let mut axes = Vec::new();
    for axis in &settings.matrix {
        axes.push(AxisOfPart {
            name: axis.name.clone(),
            values: axis.texts(this_year)?,
        });
    }
    let Some(part_axis) = settings.part_axis else {
        return Ok(vec![part("all", axes)?]);
    };
    let mut keys = axes[part_axis].values.clone();
    if settings.matrix[part_axis].probe
        && let Some(newest) = keys.pop()
        && probe(settings, cx, &axes, part_axis, &newest).await?
    {
        keys.push(newest);
    }
    if keys.is_empty() {
        return Err(Error::NoRows {
            combination: format!("the only value of {}", axes[part_axis].name),
        }
        .into());
    }
    keys.into_iter()
        .map(|key| {
            let mut axes = axes.clone();
            axes[part_axis].values = vec![key.clone()];
            part(&key, axes)
        })
        .collect()
}

fn part(key: &str, matrix: Vec<AxisOfPart>) -> Result<Part> {
    if key.is_empty()
        || !key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._=-".contains(letter))
    {
        return Err(Fault::settings("a value of the parts' axis cannot be a part's name")
            .at("[source] part_axis")
            .found(key.to_owned())
            .expected("letters a to z, digits and . _ = -")
            .hint("choose another part_axis"));
    }
    let mut part = Part::new(key);
    part.detail = serde_json::to_value(Detail { matrix })
        .map_err(|source| Fault::bug("a part cannot be written").because(source))?;
    Ok(part)
}

/// True when the newest value has rows for the first value of every other axis.
async fn probe(settings: &Checked, cx: &Context, axes: &[AxisOfPart], part_axis: usize, newest: &str) -> Result<bool> {
    let mut combination = Combination::default();
    for (at, axis) in axes.iter().enumerate() {
        let first = axis.values.first().map_or("", String::as_str);
        combination.0.push((
            axis.name.clone(),
            if at == part_axis { newest } else { first }.to_owned(),
        ));
    }
    let page = cx
        .client
        .fetch(&request(settings, &combination, cx)?)
        .await
        .map_err(|fault| fault.at(format!("probe of {combination}")))?;
    Ok(look(settings, &page)?.rows > 0)
}

/// The request for the first page of one combination.
pub(crate) fn request(settings: &Checked, combination: &Combination, cx: &Context) -> Result<Request> {
    let mut url = settings.url.clone();
    set_query(&mut url, settings.query.iter().chain(&combination.0));
    let mut request = Request::get(url).dataset(settings.dataset.clone()).accept(Accept::Json);
    if let Some(secret) = secret(settings, cx)? {
        request = request.classify(refused);
        request = match &settings.auth {
            Auth::None {} => request,
            Auth::Header { name, .. } => request.secret_header(name, secret),
            Auth::Query { name, .. } => request.secret_query(name, secret),
            Auth::Bearer { .. } => {
                request.secret_header("authorization", Secret::new(format!("Bearer {}", secret.expose())))
            }
        };
    }
    Ok(request)
}

fn secret(settings: &Checked, cx: &Context) -> Result<Option<Secret>> {
    let Some(name) = settings.auth.secret() else {
        return Ok(None);
    };
    match cx.secrets.get(name) {
        Some(secret) => Ok(Some(secret.clone())),
        None => Err(Error::SecretMissing { name: name.to_owned() }.into()),
    }
}

/// Percent-encoded UTF-8, a space as `%20`: `type=N%C3%B8gletal`. A `+` for a space is a form's way, which not every
/// service reads in an address.
fn set_query<'a>(url: &mut Url, pairs: impl Iterator<Item = &'a (String, String)>) {
    let encode = |text: &str| {
        form_urlencoded::byte_serialize(text.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    };
    let query: Vec<String> = pairs
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    url.set_query((!query.is_empty()).then(|| query.join("&")).as_deref());
}

/// 401 and 403 say that the key is wrong (Klimaregnskabet: 401 wrong key, 403 refused): no retry mends that.
fn refused(answer: &Answer<'_>) -> Option<Fault> {
    matches!(answer.status, 401 | 403).then(|| Error::CredentialRefused { status: answer.status }.into())
}

/// As much of a page as finding the next one takes.
pub(crate) fn look(settings: &Checked, page: &Page) -> Result<PageSeen> {
    let scalars: Vec<&str> = settings.next_link.as_deref().into_iter().collect();
    let look = json::look(open(page)?, &settings.rows, &scalars)?;
    let next = match settings
        .next_link
        .as_ref()
        .and_then(|link| look.scalars.get(link))
        .and_then(Value::as_str)
    {
        None | Some("") => None,
        Some(link) => Some(next_address(settings, page, link)?),
    };
    Ok(PageSeen {
        rows: look.rows,
        next,
        server_count: None,
    })
}

/// A link may be relative, and the stored address of the page may lack scheme and host: the service's own address and
/// the page's path are laid under it.
fn next_address(settings: &Checked, page: &Page, link: &str) -> Result<Url> {
    let joined = Url::parse(&page.entry.address)
        .unwrap_or_else(|_| settings.url.clone())
        .join(link);
    joined.map_err(|source| {
        Fault::source("the link to the next page is no address")
            .at(page.entry.address.clone())
            .found(link.to_owned())
            .because(source)
    })
}

pub(crate) fn open(page: &Page) -> Result<Box<dyn std::io::Read + Send>> {
    page.open().map_err(|source| {
        Fault::bug("a stored page cannot be read")
            .at(page.entry.address.clone())
            .because(source)
    })
}
