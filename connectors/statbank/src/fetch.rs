use std::collections::{HashSet, VecDeque};

use futures::stream::BoxStream;
use klimalade_connect::{Context, Fault, Page, Part, Result};
use klimalade_transport::{Accept, Request};
use serde_json::json;

use crate::{
    Error, Format, Settings, bulk,
    plan::{Detail, classify},
    slice::Slice,
};

/// The pages of a part. A page that StatBank finds too large is asked for in halves, which are pages of the same part:
/// the limit has been 100,000, 1,000, 160,000, 500,000 and 1,000,000 cells (2026-11-23).
pub(crate) fn fetch<'a>(settings: &'a Settings, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let detail = Detail::of(part)?;
        let mut walk = Walk { settings, detail: &detail, cx, seen: HashSet::new() };
        let Some(bulk) = &detail.bulk else {
            let mut todo: VecDeque<Slice> = detail.pages.iter().cloned().collect();
            while let Some(slice) = todo.pop_front() {
                if let Some(page) = walk.ask(slice, Format::Csv, &mut todo).await? {
                    yield page;
                }
            }
            return;
        };
        let mut served = Vec::new();
        let mut todo: VecDeque<Slice> = detail.pages.iter().cloned().collect();
        while let Some(slice) = todo.pop_front() {
            served.extend(walk.ask(slice, Format::Bulk, &mut todo).await?);
        }
        let totals = bulk::with_totals(&detail, bulk);
        let mut walk = Walk { settings, detail: &totals, cx, seen: HashSet::new() };
        let mut controls = Vec::new();
        let mut todo: VecDeque<Slice> = bulk.pages.iter().cloned().collect();
        while let Some(slice) = todo.pop_front() {
            controls.extend(walk.ask(slice, Format::Csv, &mut todo).await?);
        }
        // A cut BULK answer cannot be told from zeros once it is stored, so it is compared before it is handed over.
        bulk::compare(detail.clone(), served.clone(), controls.clone()).await?;
        for page in served.into_iter().chain(controls) {
            yield page;
        }
    })
}

struct Walk<'a> {
    settings: &'a Settings,
    detail: &'a Detail,
    cx: &'a Context,
    seen: HashSet<String>,
}

impl Walk<'_> {
    /// One answer; `None` where the slice was too large and its halves went to the front of `todo`.
    async fn ask(&mut self, slice: Slice, format: Format, todo: &mut VecDeque<Slice>) -> Result<Option<Page>> {
        if self.cx.cancel.is_cancelled() {
            return Err(Fault::transient("the night was ended before the part was fetched"));
        }
        let request = Request::post(self.settings.address("data")?, body(self.detail, &slice, format)?)
            .accept(Accept::Csv)
            .classify(classify)
            .dataset(&self.detail.table);
        let page = match self.cx.client.fetch(&request).await {
            Ok(page) => page,
            Err(fault) if Error::is_limit(&fault) => {
                let Some((first, second)) = slice.halve(self.detail.time()) else {
                    return Err(fault);
                };
                tracing::info!(
                    table = self.detail.table,
                    cells = slice.cells(),
                    "StatBank's limit is lower; the page is halved"
                );
                todo.push_front(second);
                todo.push_front(first);
                return Ok(None);
            }
            Err(fault) if Error::refusal(&fault) == Some("EXTRACT-NOTFOUND") => {
                // Every value came from tableinfo: it was withdrawn since, and the next plan knows.
                return Err(Fault::source("the table changed since it was planned")
                    .at(&self.detail.table)
                    .because(fault));
            }
            Err(fault) => return Err(fault),
        };
        if !self.seen.insert(page.entry.sha256.clone()) {
            return Err(Fault::source("a page repeats an earlier one to the byte").at(&page.entry.address));
        }
        Ok(Some(page))
    }
}

/// `valuePresentation` stands at the top: inside a variable it is silently ignored (tried 2025-10-30). `timeOrder` is
/// refused with streaming formats.
fn body(detail: &Detail, slice: &Slice, format: Format) -> Result<String> {
    let mut variables = Vec::new();
    for (variable, (start, length)) in detail.variables.iter().zip(&slice.0) {
        let values = variable
            .codes
            .get(*start..start + length)
            .ok_or_else(|| Fault::bug("a page asks for codes that the part has not").at(&variable.code))?;
        variables.push(json!({ "code": variable.code, "values": values }));
    }
    let mut body = json!({
        "table": detail.table,
        "format": format.name(),
        "lang": detail.lang.name(),
        "valuePresentation": detail.presentation.name(),
        "delimiter": "Semicolon",
        "variables": variables,
    });
    if format == Format::Csv {
        body["timeOrder"] = json!("Ascending");
    }
    Ok(body.to_string())
}
