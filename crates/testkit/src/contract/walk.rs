//! The walk: every part fetched, every page decoded, rows compared with what the source holds.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    datatypes::TimestampMicrosecondType,
    util::display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::{ArrowError, SchemaRef};
use futures::TryStreamExt;
use klimalade_connect::{Connector, Context, Fault, ID_KEY, Page, Part, Result};

use super::{Case, Rows, Unsupported};

/// A part with its pages and their rows.
#[derive(Debug)]
pub struct Walked {
    /// The part.
    pub part: Part,
    /// Its pages in order.
    pub pages: Vec<Page>,
    /// The batches of each page.
    pub batches: Vec<Vec<RecordBatch>>,
}

impl Walked {
    /// Rows over all pages.
    pub fn rows(&self) -> u64 {
        self.batches.iter().flatten().map(|batch| batch.num_rows() as u64).sum()
    }
}

/// Decodes one page to the end. Errors: what decode or its reader says; Bug, where the reader's schema or a batch is
/// not of the declared columns.
pub fn decode_all(
    connector: &dyn Connector,
    part: &Part,
    page: &Page,
    columns: &SchemaRef,
) -> Result<Vec<RecordBatch>> {
    let reader = connector.decode(part, page, columns)?;
    if reader.schema() != *columns {
        return Err(Fault::bug("the reader's schema is not that of the declared columns")
            .expected(format!("{columns:?}"))
            .found(format!("{:?}", reader.schema())));
    }
    let mut batches = Vec::new();
    for batch in reader {
        let batch = batch.map_err(fault_of)?;
        if batch.schema() != *columns {
            return Err(Fault::bug("a batch has other columns than declared").found(format!("{:?}", batch.schema())));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// The fault that travels in a reader's error.
fn fault_of(error: ArrowError) -> Fault {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(other) => Fault::bug("an error in the reader is no Fault in ArrowError::ExternalError").because(other),
        },
        other => Fault::bug("an error in the reader is no Fault in ArrowError::ExternalError").because(other),
    }
}

/// Fetches one part and decodes all its pages.
pub async fn walk_part(
    connector: &dyn Connector,
    part: &Part,
    context: &Context,
    columns: &SchemaRef,
) -> Result<Walked> {
    let pages: Vec<Page> = connector.fetch(part, context).try_collect().await?;
    let batches = pages
        .iter()
        .map(|page| decode_all(connector, part, page, columns))
        .collect::<Result<_>>()?;
    Ok(Walked {
        part: part.clone(),
        pages,
        batches,
    })
}

pub(super) async fn check_walk(case: &Case, parts: &[Part]) -> Vec<Walked> {
    let mut walked = Vec::new();
    for part in parts {
        match walk_part(case.connector.as_ref(), part, &case.context, &case.columns).await {
            Ok(one) => walked.push(one),
            Err(fault) => panic!("part {}: the walk fails: {fault}", part.key),
        }
    }
    check_counts(case, &walked);
    check_identity(case, &walked);
    check_purity(case, &walked);
    check_cells(case, &walked);
    walked
}

fn check_counts(case: &Case, walked: &[Walked]) {
    for one in walked {
        assert!(
            !one.pages.is_empty(),
            "part {}: the walk has no page: nothing would be stored",
            one.part.key
        );
        if let Some(promised) = one.part.promised {
            assert_eq!(promised, one.rows(), "part {}: promised is not received", one.part.key);
        }
    }
    match &case.expected.rows {
        Rows::Total(expected) => {
            let found: u64 = walked.iter().map(Walked::rows).sum();
            assert_eq!(
                found, *expected,
                "the walk of all parts has not as many rows as the source"
            );
        }
        Rows::PerPart(expected) => {
            let found: BTreeMap<String, u64> = walked.iter().map(|one| (one.part.key.clone(), one.rows())).collect();
            assert_eq!(found, *expected, "the parts have not the rows of the source");
        }
    }
}

fn check_identity(case: &Case, walked: &[Walked]) {
    if case.cannot(Unsupported::RowIdentity) {
        return;
    }
    let identity: Vec<usize> = (0..case.columns.fields().len())
        .filter(|at| case.columns.field(*at).metadata().contains_key(ID_KEY))
        .collect();
    let mut owner: HashMap<Vec<String>, &str> = HashMap::new();
    for one in walked {
        let mut ids = BTreeSet::new();
        for batch in one.batches.iter().flatten() {
            for id in texts(batch, &identity) {
                if let Some(other) = owner.get(&id) {
                    panic!("the row {id:?} is in two parts: {other} and {}", one.part.key);
                }
                assert!(
                    !ids.contains(&id),
                    "part {}: the row {id:?} was received twice",
                    one.part.key
                );
                ids.insert(id);
            }
        }
        owner.extend(ids.into_iter().map(|id| (id, one.part.key.as_str())));
    }
}

fn check_cells(case: &Case, walked: &[Walked]) {
    for (column, text) in &case.expected.cells {
        let at = match case.columns.index_of(column) {
            Ok(at) => at,
            Err(_) => panic!("the expected cell `{text}` names a column `{column}` that is not declared"),
        };
        let mut examples = BTreeSet::new();
        let is_found = walked.iter().flat_map(|one| one.batches.iter().flatten()).any(|batch| {
            texts(batch, &[at]).into_iter().any(|cell| {
                let found = cell.first().is_some_and(|cell| cell == text);
                if examples.len() < 10 {
                    examples.extend(cell);
                }
                found
            })
        });
        assert!(is_found, "no cell of `{column}` is `{text}`; there are {examples:?}");
    }
}

/// The rows of some columns as text; null is `null`, so that it differs from an empty text.
fn texts(batch: &RecordBatch, columns: &[usize]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("null").with_display_error(true);
    let arrays: Vec<ArrayRef> = columns.iter().map(|at| printable(batch.column(*at))).collect();
    let formatters: Vec<ArrayFormatter<'_>> = arrays
        .iter()
        .map(|array| match ArrayFormatter::try_new(array.as_ref(), &options) {
            Ok(formatter) => formatter,
            Err(error) => panic!("a column of {} cannot be printed: {error}", array.data_type()),
        })
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            formatters
                .iter()
                .map(|formatter| formatter.value(row).to_string())
                .collect()
        })
        .collect()
}

/// Arrow prints a zone by its name only with its feature chrono-tz; declared instants are all UTC.
fn printable(column: &ArrayRef) -> ArrayRef {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(instants) if instants.timezone().is_some() => Arc::new(instants.clone().with_timezone("+00:00")),
        _ => Arc::clone(column),
    }
}

fn check_purity(case: &Case, walked: &[Walked]) {
    for one in walked {
        // As after a restart: the part comes from its stored form.
        let stored = serde_json::to_string(&one.part).and_then(|text| serde_json::from_str::<Part>(&text));
        let part = match stored {
            Ok(part) => part,
            Err(error) => panic!("part {} cannot be stored: {error}", one.part.key),
        };
        assert_eq!(
            part, one.part,
            "part {} is another after it was stored and read",
            one.part.key
        );
        for (page, batches) in one.pages.iter().zip(&one.batches) {
            match decode_all(case.connector.as_ref(), &part, page, &case.columns) {
                Ok(again) => assert_eq!(again, *batches, "part {}: two decodes of one page differ", part.key),
                Err(fault) => panic!("part {}: the second decode of a page fails: {fault}", part.key),
            }
        }
    }
}
