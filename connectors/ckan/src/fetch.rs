use futures::stream::BoxStream;
use klimalade_connect::{Context, Fault, Page, Part, Result, open_page};
use klimalade_format::json;
use klimalade_transport::{Accept, PageSeen, Paging, Tally, walk};
use serde_json::Value;

use crate::{
    plan::{Detail, address_of},
    portal::{Resource, action, download, result_of},
    settings::{Checked, Form},
};

/// Where the rows of a table are.
pub(crate) const RECORDS: &str = "result.records";

/// A table of the datastore, page by page.
pub(crate) fn table<'a>(settings: &'a Checked, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let detail = Detail::of(part)?;
        // Without an order PostgreSQL gives a row on two pages, or on none.
        let query = [("resource_id", detail.resource.id.as_str()), ("sort", "_id"), ("include_total", "true")];
        let request = action(settings, cx, "datastore_search", &query)?.dataset(detail.resource.id.clone());
        let paging = Paging::Offset {
            offset: "offset".to_owned(),
            limit: "limit".to_owned(),
            size: settings.page_limit,
        };
        let tally = Tally::default();
        let mut pages = walk(&cx.client, request, paging, |page| {
            let seen = look(settings, page, tally.rows())?;
            tally.take_in(&seen);
            Ok(seen)
        });
        while let Some(page) = cx.next_page(&mut pages, part).await? {
            yield page;
        }
        drop(pages);
        tally.agree("page_limit").map_err(|fault| hinted(fault).at(format!("part {}", part.key)))?;
    })
}

/// A count that moves is nobody's lie: where it is not believed, the rows that were lost would not be missed.
fn hinted(fault: Fault) -> Fault {
    if fault.is_worth_another_walk() {
        return fault.hint(
            "somebody writes to the table while it is read; with the largest page_limit (32000) the walk is shortest",
        );
    }
    match fault.hint_text() {
        Some(_) => fault,
        None => fault.hint("trust_total = false, where the portal's count is known to be another"),
    }
}

/// `_links.next` is there on every page, behind the last one too (CKAN 2.11.6, 2026-11-23), so it is not read. The portal
/// names the limit that it applied, which may be lower than the one asked for.
fn look(settings: &Checked, page: &Page, before: u64) -> Result<PageSeen> {
    const MEMBERS: [&str; 5] = [
        "success",
        "result.total",
        "result.total_was_estimated",
        "result.limit",
        "result.offset",
    ];
    let look = json::look(open_page(page)?, RECORDS, &MEMBERS)?;
    let number = |name: &str| look.scalars.get(name).and_then(Value::as_u64);
    if look.scalars.get("success") == Some(&Value::Bool(false)) {
        return Err(Fault::source("the portal answered with an error").at(page.entry.address.clone()));
    }
    if let Some(offset) = number("result.offset").filter(|offset| *offset != before) {
        return Err(Fault::source("the portal gave another page than asked for")
            .at(page.entry.address.clone())
            .expected(format!("offset {before}"))
            .found(format!("offset {offset}")));
    }
    let is_estimate = look.scalars.get("result.total_was_estimated") == Some(&Value::Bool(true));
    let total = number("result.total").filter(|_| settings.trust_total && !is_estimate);
    let applied = number("result.limit")
        .filter(|limit| *limit > 0)
        .unwrap_or(settings.page_limit);
    let is_full = look.rows >= applied.min(settings.page_limit);
    let says_more = total.is_some_and(|total| before + look.rows < total);
    Ok(PageSeen {
        rows: look.rows,
        // The walk asks only whether there is one.
        next: (look.rows > 0 && (is_full || says_more)).then(|| settings.base_url.clone()),
        server_count: total,
    })
}

/// A file: one page. The portal redirects to a signed address, which transport follows and stores nowhere.
pub(crate) fn file<'a>(settings: &'a Checked, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        yield cx.only_page(fetch_file(settings, part, cx), part).await?;
    })
}

async fn fetch_file(settings: &Checked, part: &Part, cx: &Context) -> Result<Page> {
    let detail = Detail::of(part)?;
    let url = match detail.resource.address {
        Some(url) => url,
        None => {
            let request = action(settings, cx, "resource_show", &[("id", &detail.resource.id)])?;
            let address = request.url.path().to_owned();
            let resource: Resource = result_of(cx.client.json(&request).await?, &address)?;
            address_of(settings, &resource)?
        }
    };
    let accept = match settings.form {
        Form::Csv(_) => Accept::Csv,
        Form::Json(_) | Form::Datastore => Accept::Json,
    };
    cx.client.fetch(&download(settings, cx, url, accept)?).await
}
