//! The contract that every connector keeps. `tests/contract.rs` of a connector builds one [`Case`] per settings worth
//! testing, against a simulated agency or a small server of its own, and calls [`run`].
//!
//! What is asserted, in this order: the declaration is honest (what is said to be impossible is not done after all);
//! plan is deterministic, its keys are fit for folders and unique; a walk of all parts equals the source (rows,
//! distinct ids, promised = received, cells with Danish letters); no row is in two parts; decode is pure and gives
//! exactly the declared columns; columns names every declared one, and decodes without a fault as it says; an empty answer has the declared columns and no rows; damaged bytes never make decode
//! panic; a cut body is an error or has fewer rows than its part promises.

mod damage;
mod undeclared;
mod walk;

use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::SchemaRef;
use klimalade_connect::{Connector, Context, ID_KEY, Page, Part};

pub use walk::{Walked, decode_all, walk_part};

/// What a protocol cannot do, declared as data instead of a test that is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// The server gives no count that can be trusted: `Part::promised` stays empty.
    PromisedCount,
    /// Rows have no identity: no declared column carries [`klimalade_connect::ID_KEY`], so neither distinct ids nor
    /// disjoint parts can be shown.
    RowIdentity,
    /// The source never answers with an empty page (a missing file is an error), or an empty page means figures
    /// (StatBank's BULK leaves out zeros).
    EmptyAnswer,
    /// A body that is cut between two rows cannot be told from a shorter one when it is decoded (CSV without a promised
    /// count; BULK, whose connector compares it with totals when it is fetched).
    CutBody,
}

/// How many rows the walk must bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Over all parts.
    Total(u64),
    /// Of each part by its key; no part may be missing and none may be more.
    PerPart(BTreeMap<String, u64>),
}

/// What the source holds.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Rows.
    pub rows: Rows,
    /// Cells that must be found: column and text as Arrow prints it (`Århus`, `1.5`, `2023-05-29`). Choose them so
    /// that Danish letters and, where the source has it, the decimal comma are proved.
    pub cells: Vec<(String, String)>,
}

impl Expected {
    /// So many rows over all parts.
    pub fn total(rows: u64) -> Self {
        Self {
            rows: Rows::Total(rows),
            cells: Vec::new(),
        }
    }
    /// So many rows of each part.
    pub fn per_part<'k>(rows: impl IntoIterator<Item = (&'k str, u64)>) -> Self {
        let rows = rows.into_iter().map(|(key, count)| (key.to_owned(), count)).collect();
        Self {
            rows: Rows::PerPart(rows),
            cells: Vec::new(),
        }
    }
    /// Adds a cell that must be found.
    #[must_use]
    pub fn cell(mut self, column: &str, text: &str) -> Self {
        self.cells.push((column.to_owned(), text.to_owned()));
        self
    }
}

/// One connector with settings against one source whose content is known.
#[derive(Debug)]
pub struct Case {
    /// The connector under test.
    pub connector: Arc<dyn Connector>,
    /// Its run.
    pub context: Context,
    /// Declared raw columns; metadata `klimalade:id` marks the identity.
    pub columns: SchemaRef,
    /// What the source holds.
    pub expected: Expected,
    /// A part and its only page with no rows in it, as the server answers when nothing matches. `None` only with
    /// [`Unsupported::EmptyAnswer`].
    pub empty: Option<(Part, Page)>,
    /// What the protocol cannot do.
    pub declared: &'static [Unsupported],
}

impl Case {
    fn cannot(&self, what: Unsupported) -> bool {
        self.declared.contains(&what)
    }
}

/// Runs the whole suite. Panics with a sentence at the first breach: it is called from tests only.
pub async fn run(case: Case) {
    check_declaration(&case);
    let parts = check_plan(&case).await;
    let walked = walk::check_walk(&case, &parts).await;
    undeclared::check_columns(&case, &walked);
    check_empty(&case);
    damage::check_damage(&case, &walked);
}

fn check_declaration(case: &Case) {
    let has_identity = case
        .columns
        .fields()
        .iter()
        .any(|field| field.metadata().contains_key(ID_KEY));
    assert_ne!(
        has_identity,
        case.cannot(Unsupported::RowIdentity),
        "columns with `{ID_KEY}` and Unsupported::RowIdentity exclude each other, and one of them must be there"
    );
    assert_ne!(
        case.empty.is_some(),
        case.cannot(Unsupported::EmptyAnswer),
        "an empty page and Unsupported::EmptyAnswer exclude each other, and one of them must be there"
    );
    assert!(
        !case.expected.cells.is_empty(),
        "name at least one cell that must be found, best with Danish letters"
    );
}

async fn plan(case: &Case) -> Vec<Part> {
    match case.connector.plan(&case.context).await {
        Ok(parts) => parts,
        Err(fault) => panic!("plan fails: {fault}"),
    }
}

async fn check_plan(case: &Case) -> Vec<Part> {
    let parts = plan(case).await;
    let again = plan(case).await;
    assert_eq!(parts, again, "two plans of the same source under the same clock differ");
    assert!(!parts.is_empty(), "plan has no parts although the source has rows");
    let mut keys = std::collections::BTreeSet::new();
    for part in &parts {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || "._=-".contains(letter);
        assert!(
            !part.key.is_empty() && part.key.chars().all(fits) && !part.key.chars().all(|letter| letter == '.'),
            "the part key `{}` is no folder name of [A-Za-z0-9._=-]",
            part.key
        );
        assert!(
            keys.insert(&part.key),
            "the part key `{}` stands twice in the plan",
            part.key
        );
        assert_eq!(
            part.promised.is_none(),
            case.cannot(Unsupported::PromisedCount),
            "part {}: a promised count and Unsupported::PromisedCount exclude each other, and one of them must be there",
            part.key
        );
    }
    parts
}

fn check_empty(case: &Case) {
    let Some((part, page)) = &case.empty else { return };
    let batches = match decode_all(case.connector.as_ref(), part, page, &case.columns) {
        Ok(batches) => batches,
        Err(fault) => panic!("an empty answer is no error, but decode says: {fault}"),
    };
    let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    assert_eq!(rows, 0, "an empty answer gives rows");
}

#[cfg(test)]
mod tests;
