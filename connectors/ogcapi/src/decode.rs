use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{
    array::{Array, BooleanArray, RecordBatch, RecordBatchReader, StringArray},
    compute::filter_record_batch,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use jiff::Timestamp;
use klimalade_connect::{FROM_KEY, Fault, Page, Part, Result, SourceColumn, open_page, source_name};
use klimalade_format::{
    geometry::Crs as GeometryCrs,
    json::{self, JsonOptions},
};
use klimalade_model::sha256_hex;
use klimalade_transport::PageSeen;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    Error,
    plan::{Detail, names_crs84, names_utm32},
    settings::{Checked, Crs},
};

const FEATURES: &str = "features";
/// Where a server names the system of its coordinates in the answer itself.
const CRS_NAME: &str = "crs.properties.name";
const GEOMETRY: &str = "geometry";
/// The extra column from which a feature's part is read; no declared column can have this name.
const BEGINS_AT: &str = "klimalade:begins_at";

/// The ids of the pages that a walk has seen.
#[derive(Debug, Default)]
pub(crate) struct Walked(Mutex<HashSet<String>>);

impl Walked {
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take_in(&self, ids: String) -> Result<(), Error> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = seen.len();
        if seen.insert(ids) {
            Ok(())
        } else {
            Err(Error::PageRepeated { pages })
        }
    }
}

/// As much of a page as the walk needs, and the ways in which a page was seen to say less than it seems to.
pub(crate) fn look(settings: &Checked, page: &Page, walked: &Walked) -> Result<PageSeen> {
    let look = json::look(open_page(page)?, FEATURES, &["numberReturned", "numberMatched"])?;
    let count = |name: &str| look.scalars.get(name).and_then(Value::as_u64);
    if let Some(said) = count("numberReturned").filter(|said| *said != look.rows) {
        return Err(Error::CountDisagrees { said, held: look.rows }.into());
    }
    let next = match next_link(&look.links) {
        None => None,
        Some(link) => Some(PageSeen::link(&settings.base_url, page, link)?),
    };
    // A short page may be one that the server clamped (DMI, pygeoapi): its link to a next one says that the walk must
    // go on, though no more than that; DMI gives one behind the last page too.
    let is_last = look.rows == 0 || (look.rows < settings.page_limit && next.is_none());
    let offset = offset_of(&page.entry.address);
    if let Some(max_offset) = settings.max_offset
        && !is_last
        && offset + look.rows > max_offset
    {
        return Err(Error::OffsetTooLarge {
            offset: offset + look.rows,
            max_offset,
        }
        .into());
    }
    // An only page has none that it could repeat; its ids need not be read.
    if !(is_last && walked.is_empty())
        && let Some(ids) = ids_sha256(page)?
    {
        walked
            .take_in(ids)
            .map_err(|error| Fault::from(error).at(page.entry.address.clone()))?;
    }
    Ok(PageSeen {
        rows: look.rows,
        next,
        server_count: count("numberMatched").filter(|_| settings.trust_number_matched),
    })
}

/// The link to the next page; the one in JSON, where a server links to each of its formats.
fn next_link(links: &[Value]) -> Option<&str> {
    fn text<'v>(link: &'v Value, key: &str) -> Option<&'v str> {
        link.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
    let mut nexts = links.iter().filter(|link| text(link, "rel") == Some("next"));
    let is_json = |link: &&Value| text(link, "type").is_some_and(|kind| kind.contains("json"));
    let link = nexts.clone().find(is_json).or_else(|| nexts.next())?;
    text(link, "href")
}

/// The ids of a page's features in order, as one hash. `None` where a feature has no id, or there are no features.
///
/// MapServer 8.0.0 ignores `offset`: every page is page one, but its `self` link and `timeStamp` differ, so that the
/// bytes do too (seen 2026-11-23). The ids tell.
pub(crate) fn ids_sha256(page: &Page) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Ids {
        features: Vec<Id>,
    }
    #[derive(Deserialize)]
    struct Id {
        id: Option<Value>,
    }
    let mut input = BufReader::new(open_page(page)?);
    skip_byte_order_mark(&mut input).map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
    let ids: Ids = serde_json::from_reader(input).map_err(|source| {
        Fault::source("the page is no collection of features")
            .at(page.entry.address.clone())
            .because(source)
    })?;
    let mut joined = String::new();
    for feature in &ids.features {
        let Some(id) = &feature.id else { return Ok(None) };
        joined.push_str(&id.to_string());
        joined.push('\n');
    }
    Ok((!ids.features.is_empty()).then(|| sha256_hex(joined.as_bytes())))
}

fn skip_byte_order_mark(input: &mut impl BufRead) -> std::io::Result<()> {
    if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        input.consume(3);
    }
    Ok(())
}

/// The offset under which a page was asked for. Stored addresses may lack scheme and host.
fn offset_of(address: &str) -> u64 {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let offset = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "offset");
    offset.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

pub(crate) fn decode<'a>(
    settings: &Checked,
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let detail = Detail::of(part)?;
    if let Some(field) = columns.fields().iter().find(|field| source_name(field) == GEOMETRY) {
        check_crs(settings, &detail, page, field.name())?;
    }
    let options = options(&detail);
    let from_property = settings.window.as_ref().and_then(|window| window.from_property.clone());
    let read = match &from_property {
        None => Arc::clone(columns),
        Some(path) => {
            let extra =
                Field::new(BEGINS_AT, DataType::Utf8, true).with_metadata([(FROM_KEY.to_owned(), path.clone())].into());
            Arc::new(Schema::new(
                columns
                    .fields()
                    .iter()
                    .map(Arc::clone)
                    .chain([Arc::new(extra)])
                    .collect::<Vec<_>>(),
            ))
        }
    };
    let rows = json::reader(open_page(page)?, &read, &options)?;
    Ok(Box::new(Features {
        rows,
        schema: Arc::clone(columns),
        from_property,
        detail,
    }))
}

/// Geometry is no column where none was asked for.
pub(crate) fn columns(settings: &Checked, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
    let mut found = json::columns(open_page(page)?, &options(&Detail::of(part)?))?;
    found.retain(|column| settings.crs != Crs::None || column.name != GEOMETRY);
    Ok(found)
}

fn options(detail: &Detail) -> JsonOptions {
    JsonOptions {
        rows: FEATURES.to_owned(),
        crs: if detail.is_utm32() {
            GeometryCrs::Epsg25832
        } else {
            GeometryCrs::Crs84
        },
        ..JsonOptions::default()
    }
}

/// The answer's own `crs` must be the one that was asked for. The header `Content-Crs` is not stored with a page; a
/// server that ignores `crs` without a word shows where its coordinates leave Denmark, which the reader refuses.
fn check_crs(settings: &Checked, detail: &Detail, page: &Page, column: &str) -> Result<()> {
    if settings.crs == Crs::None {
        return Err(Error::GeometryNotAsked {
            column: column.to_owned(),
        }
        .into());
    }
    let look = json::look(open_page(page)?, FEATURES, &[CRS_NAME])?;
    let Some(found) = look.scalars.get(CRS_NAME).and_then(Value::as_str) else {
        return Ok(());
    };
    let agrees = if detail.is_utm32() {
        names_utm32(found)
    } else {
        names_crs84(found)
    };
    if agrees {
        return Ok(());
    }
    let asked = detail.crs.clone().unwrap_or_default();
    Err(Fault::from(Error::OtherCrs {
        asked,
        found: found.to_owned(),
    })
    .at(page.entry.address.clone()))
}

/// The features of a page: those that begin in the part's window, in the declared columns.
struct Features<R> {
    rows: R,
    schema: SchemaRef,
    from_property: Option<String>,
    detail: Detail,
}

impl<R: RecordBatchReader> Features<R> {
    fn keep(&self, batch: RecordBatch) -> Result<RecordBatch> {
        match &self.from_property {
            None => Ok(batch),
            Some(path) => self.in_window(path, &batch),
        }
    }

    fn in_window(&self, path: &str, batch: &RecordBatch) -> Result<RecordBatch> {
        let last = batch.num_columns() - 1;
        let begins = batch
            .column(last)
            .as_any()
            .downcast_ref::<StringArray>()
            .ok_or_else(|| Fault::bug("the time of begin was not read as text"))?;
        let mut kept = Vec::with_capacity(begins.len());
        for text in begins {
            let begins_at = text.and_then(|text| text.parse::<Timestamp>().ok()).ok_or_else(|| {
                Fault::contract("a feature does not say when it begins")
                    .at(format!("[source.window] from_property = \"{path}\""))
                    .expected("a time with its offset from UTC")
                    .found(text.unwrap_or("nothing").to_owned())
                    .hint("from_property = \"properties.from\"")
            })?;
            let after = self.detail.begins_at.is_none_or(|from| begins_at >= from);
            let before = self.detail.ends_before.is_none_or(|to| begins_at < to);
            kept.push(after && before);
        }
        let columns: Vec<usize> = (0..last).collect();
        let declared = batch
            .project(&columns)
            .and_then(|batch| filter_record_batch(&batch, &BooleanArray::from(kept)));
        declared.map_err(|source| Fault::bug("features cannot be filtered").because(source))
    }
}

impl<R: RecordBatchReader> Iterator for Features<R> {
    type Item = Result<RecordBatch, ArrowError>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        Some(batch.and_then(|batch| {
            let batch = self
                .keep(batch)
                .map_err(|fault| ArrowError::ExternalError(Box::new(fault)))?;
            batch.with_schema(Arc::clone(&self.schema))
        }))
    }
}

impl<R: RecordBatchReader> RecordBatchReader for Features<R> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
