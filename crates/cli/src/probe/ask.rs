//! One page of one part, asked for as a night would ask.

use std::sync::Arc;

use futures::StreamExt;
use klimalade_connect::{Connector, Context, Page, Part};
use klimalade_model::{Fault, Kind, Result};
use klimalade_pipeline::{Owner, UNFILLED};
use klimalade_transport::Tape;
use serde_json::Value;

use super::{forms, sample::has_rows};
use crate::connectors::registry;

/// Newest parts that are asked for until one has rows: the running month may have none yet.
const MOST_PARTS: usize = 3;
/// Features of a page at most: a look needs no more.
const PAGE_LIMIT: u64 = 100;

/// What came.
pub(super) struct Asked {
    /// Reads the page, under the settings that fit it.
    pub(super) connector: Arc<dyn Connector>,
    /// Its name.
    pub(super) name: String,
    /// `[source]` as it fits the page, without the connector's name.
    pub(super) settings: Value,
    /// What was changed in it, as lines of TOML.
    pub(super) corrections: Vec<forms::Correction>,
    /// Parts of the plan.
    pub(super) parts: usize,
    pub(super) part: Part,
    pub(super) page: Page,
    /// All answers in the order of requests, those of the plan first.
    pub(super) answers: Vec<Page>,
}

/// Plans, and fetches one page of the newest part that has rows. Errors: the connector's; Settings, where `[source]`
/// still says TODO.
pub(super) async fn ask(owner: &Owner, context: &Context) -> Result<Asked> {
    let (name, settings) = owner.definition.connector()?;
    refuse_todo(&settings, &name)?;
    let registry = registry();
    // Its own settings are checked as they stand; one page is asked for small.
    registry.open(&name, settings.clone())?;
    let asking = registry.open(&name, small(&name, settings.clone()))?;
    let tape = Tape::default();
    let context = Context {
        client: context.client.with_tape(tape.clone()),
        ..context.clone()
    };
    let parts = asking.plan(&context).await?;
    let planned = tape.pages();
    let mut last = None;
    for part in parts.iter().rev().take(MOST_PARTS) {
        let before = tape.pages().len();
        let mut fetched = asking.fetch(part, &context).next().await;
        // The transport refuses JSON for CSV, and CSV for JSON: an address without an ending does not say which it is.
        if let (Some(Err(fault)), Some(other)) = (&fetched, forms::of_other_form(&name, &settings))
            && fault.kind() == Kind::Source
            && let Some(Ok(page)) = registry.open(&name, other)?.fetch(part, &context).next().await
        {
            fetched = Some(Ok(page));
        }
        let answers: Vec<Page> = planned
            .iter()
            .chain(tape.pages().get(before..).unwrap_or_default())
            .cloned()
            .collect();
        // A page that came but does not fit the settings may fit others.
        let page = match (fetched, tape.pages().get(before..).and_then(<[Page]>::last)) {
            (Some(Ok(page)), _) => page,
            (Some(Err(fault)), Some(page)) if forms::rows_of(page).is_some() && name == "rest" => {
                tracing::debug!(fault = %fault.line(), "read by its form");
                page.clone()
            }
            (Some(Err(fault)), _) => return Err(fault.at(format!("part {}", part.key))),
            (None, _) => continue,
        };
        let corrections = forms::corrections(&name, &settings, &page)?;
        let mut fitting = settings.clone();
        corrections.iter().for_each(|correction| correction.apply(&mut fitting));
        let connector = registry.open(&name, fitting.clone())?;
        let has_rows = has_rows(connector.as_ref(), part, &page)?;
        let asked = Asked {
            connector,
            name: name.clone(),
            settings: fitting,
            corrections,
            parts: parts.len(),
            part: part.clone(),
            page,
            answers,
        };
        if has_rows {
            return Ok(asked);
        }
        last = Some(asked.part.key);
    }
    Err(match last {
        Some(key) => Fault::source("the newest parts have no rows")
            .at(format!("part {key}"))
            .hint(format!("klimalade plan {}", owner.pipeline)),
        None => Fault::source("the agency offers nothing").hint(format!("klimalade plan {}", owner.pipeline)),
    })
}

fn small(connector: &str, mut settings: Value) -> Value {
    if matches!(connector, "arcgis" | "ckan" | "ogcapi")
        && let Some(settings) = settings.as_object_mut()
    {
        let limit = settings.get("page_limit").and_then(Value::as_u64).unwrap_or(PAGE_LIMIT);
        settings.insert("page_limit".to_owned(), limit.min(PAGE_LIMIT).into());
    }
    settings
}

fn refuse_todo(settings: &Value, connector: &str) -> Result<()> {
    fn todo(value: &Value, path: &str) -> Option<String> {
        match value {
            Value::String(text) if text == UNFILLED => Some(path.to_owned()),
            Value::Array(values) => values.iter().find_map(|value| todo(value, path)),
            Value::Object(values) => values.iter().find_map(|(name, value)| todo(value, &join(path, name))),
            _ => None,
        }
    }
    fn join(path: &str, name: &str) -> String {
        match path {
            "" => name.to_owned(),
            _ => format!("{path}.{name}"),
        }
    }
    match todo(settings, "") {
        None => Ok(()),
        Some(path) => Err(Fault::settings("[source] is not written yet")
            .at("pipeline.toml, [source]")
            .found(format!("{path} = \"{UNFILLED}\""))
            .hint(format!("klimalade connectors {connector} says what {path} is"))),
    }
}
