//! Damaged pages: decode answers with an error or with rows, never with a panic or without end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use klimalade_connect::{Page, Part};

use super::{Case, Unsupported, Walked, decode_all};
use crate::mutate::mutated;

/// Damaged copies tried of each chosen page.
const MUTATIONS: u64 = 400;
/// Pages larger than this are shortened first: damage far behind is reached seldom, and time counts.
const PAGE_BYTES: usize = 64 * 1024;
/// Places at which a page is cut.
const CUTS: usize = 16;

pub(super) fn check_damage(case: &Case, walked: &[Walked]) {
    let pages = walked.iter().flat_map(|one| {
        one.pages
            .iter()
            .zip(&one.batches)
            .map(|(page, batches)| (&one.part, page, batches))
    });
    let smallest = pages
        .filter(|(_, _, batches)| batches.iter().any(|batch| batch.num_rows() > 0))
        .min_by_key(|(_, page, _)| page.entry.bytes);
    let Some((part, page, batches)) = smallest else {
        panic!("no page of the walk has rows")
    };
    let whole = bytes_of(page);
    if !case.cannot(Unsupported::CutBody) {
        check_cuts(
            case,
            part,
            page,
            &whole,
            batches.iter().map(RecordBatch::num_rows).sum(),
        );
    }
    let start = whole.get(..PAGE_BYTES).unwrap_or(&whole);
    for seed in 0..MUTATIONS {
        decode_damaged(case, part, page, &mutated(start, seed), &format!("mutation {seed}"));
    }
}

/// Decodes `bytes` in place of the page's: the rows, or `None` for an error. An error is fine, a panic is not.
fn decode_damaged(case: &Case, part: &Part, page: &Page, bytes: &[u8], name: &str) -> Option<usize> {
    let damaged = page_of(page, bytes);
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        decode_all(case.connector.as_ref(), part, &damaged, &case.columns).ok()
    }));
    match decoded {
        Ok(batches) => batches.map(|batches| batches.iter().map(RecordBatch::num_rows).sum()),
        Err(_) => panic!(
            "decode panics on {name} of {}: {:?}",
            page.entry.address,
            String::from_utf8_lossy(bytes.get(..2_000).unwrap_or(bytes))
        ),
    }
}

/// A cut body is an error, or has too few rows for what the part promises, which the runner compares.
fn check_cuts(case: &Case, part: &Part, page: &Page, whole: &[u8], rows: usize) {
    for cut in 1..CUTS {
        let length = whole.len() * cut / CUTS;
        let start = whole.get(..length).unwrap_or_default();
        let Some(left) = decode_damaged(case, part, page, start, &format!("a cut after {length} bytes")) else {
            continue;
        };
        assert!(
            part.promised.is_some() && left < rows,
            "a body cut after {length} of {} bytes is decoded without an error ({left} of {rows} rows), and no promised \
             count would show it",
            whole.len()
        );
    }
}

fn bytes_of(page: &Page) -> Vec<u8> {
    match page.read() {
        Ok(bytes) => bytes,
        Err(error) => panic!("the page {} cannot be read: {error}", page.entry.address),
    }
}

/// A page with other bytes and the same address, time and counts.
fn page_of(page: &Page, bytes: &[u8]) -> Page {
    match Page::from_bytes(&page.entry.address, bytes) {
        Ok(mut damaged) => {
            damaged.entry.server_count = page.entry.server_count;
            damaged.entry.retrieved_at.clone_from(&page.entry.retrieved_at);
            damaged
        }
        Err(error) => panic!("no room for a damaged page: {error}"),
    }
}
