use klimalade_connect::{Context, Fault, Page, Part, Result, open_page};
use klimalade_format::json;
use klimalade_transport::{Accept, Answer, PageSeen, Request};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::{
    Error,
    matrix::{AxisOfPart, Combination, Detail},
    settings::Checked,
};

pub(crate) async fn plan(settings: &Checked, cx: &Context) -> Result<Vec<Part>> {
    // Without its secret a source is off, and must say so before it is asked for anything.
    settings.auth.secret(&cx.secrets)?;
    let now = cx.clock.now();
    let mut axes = Vec::new();
    for axis in &settings.matrix {
        axes.push(AxisOfPart {
            name: axis.name.clone(),
            values: axis.texts(&cx.schemas, now)?,
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

/// Whether the newest value has rows for the first value of every other axis.
async fn probe(settings: &Checked, cx: &Context, axes: &[AxisOfPart], part_axis: usize, newest: &str) -> Result<bool> {
    let mut combination = Combination::default();
    for (at, axis) in axes.iter().enumerate() {
        let first = axis.values.first().map_or("", String::as_str);
        combination.0.push((
            axis.name.clone(),
            if at == part_axis { newest } else { first }.to_owned(),
        ));
    }
    let request = request(settings, &combination, cx)?.classify(not_there_yet);
    match cx.client.fetch(&request).await {
        Ok(page) => Ok(json::look(open_page(&page)?, &settings.rows, &[])?.rows > 0),
        Err(fault) if Error::is_not_there_yet(&fault) => {
            tracing::warn!(probe = %combination, "{}: its part is left out", fault.line());
            Ok(false)
        }
        Err(fault) => Err(fault.at(format!("probe of {combination}"))),
    }
}

/// The request for the first page of one combination.
pub(crate) fn request(settings: &Checked, combination: &Combination, cx: &Context) -> Result<Request> {
    let mut url = settings.url.clone();
    set_query(&mut url, settings.query.iter().chain(&combination.0));
    let request = Request::get(url).dataset(settings.dataset.clone()).accept(Accept::Json);
    settings.auth.sign(request, &cx.secrets)
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

/// What a service may say of a value that it does not have yet; Klimaregnskabet's answer for a year that is not out is
/// unknown (2026-11-25). Only of the probe: a part that is planned must be there.
fn not_there_yet(answer: &Answer<'_>) -> Option<Fault> {
    matches!(answer.status, 400 | 404).then(|| Error::NotThereYet { status: answer.status }.into())
}

/// As much of a page as finding the next one takes.
pub(crate) fn look(settings: &Checked, page: &Page) -> Result<PageSeen> {
    let scalars: Vec<&str> = settings
        .next_link
        .iter()
        .chain(&settings.count)
        .map(String::as_str)
        .collect();
    let look = json::look(open_page(page)?, &settings.rows, &scalars)?;
    let scalar = |path: &Option<String>| path.as_ref().and_then(|path| look.scalars.get(path));
    let next = match scalar(&settings.next_link).and_then(Value::as_str) {
        None | Some("") => None,
        Some(link) => Some(PageSeen::link(&settings.url, page, link)?),
    };
    let server_count = match &settings.count {
        None => None,
        Some(path) => {
            let found = scalar(&settings.count);
            // Some services write their numbers as text.
            let count = found.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
            Some(count.ok_or_else(|| {
                Fault::from(Error::NoCount {
                    path: path.clone(),
                    found: found.map(Value::to_string),
                })
                .at(page.entry.address.clone())
            })?)
        }
    };
    Ok(PageSeen {
        rows: look.rows,
        next,
        server_count,
    })
}
