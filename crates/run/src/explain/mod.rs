//! A published figure and where it is from: its row, the mapping, the pages, the raw rows, its earlier values.

mod find;
mod question;
mod raw_rows;
mod trace;

use klimalade_model::Result;
use serde::{Serialize, Serializer, ser::SerializeMap};

pub(crate) use find::cells_of;

use crate::house::House;

/// Rows that are explained at once; more is a question that wants another condition.
pub const MOST_ROWS: usize = 20;

/// Column and value, in the table's order; `None` is null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells(pub Vec<(String, Option<String>)>);

impl Cells {
    /// The value of a column; `None` when it is null or not there.
    pub fn get(&self, column: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == column);
        found.and_then(|(_, value)| value.as_deref())
    }
}

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// One published row and where it is from.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The table.
    pub table: String,
    /// Who publishes it.
    pub owner: String,
    /// The file of core that it stands in.
    pub file: String,
    /// `indicator_code=...|area_code=...`, as core/revision names it.
    pub row_key: String,
    /// The row, the common columns last.
    pub row: Cells,
    /// How it was made; `None` where the pipeline's folder is gone, or the runner writes the table itself.
    pub mapping: Option<MappingTrace>,
    /// What it was made from.
    pub snapshot: SnapshotTrace,
    /// The raw rows behind it; `None` for a view and for what the runner writes.
    pub raw: Option<RawTrace>,
    /// What it said before, oldest first.
    pub earlier: Vec<Earlier>,
    /// Of a view: what to type for the rows that it was made from.
    pub next: Vec<String>,
}

/// The mapping that made a row.
#[derive(Clone, Debug, Serialize)]
pub struct MappingTrace {
    /// Folder of the pipeline.
    pub pipeline: String,
    /// `binary`, or `home`.
    pub origin: &'static str,
    /// The SQL's file.
    pub map_sql: String,
    /// Hash of all that decided what the mapping gave, as the state says it; `None` where no part of the state is known.
    pub mapping_hash: Option<String>,
    /// It is the mapping of today.
    pub is_current: bool,
    /// Raw columns that the SQL reads; of a view, the tables of core.
    pub reads: Vec<String>,
    /// Of a view: the SQL itself.
    pub sql: Option<String>,
}

/// The snapshot that a row's snapshot_sha256 names.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SnapshotTrace {
    /// Hash of the manifest.
    pub sha256: String,
    /// The part that it is of.
    pub part: Option<String>,
    /// When the agency last confirmed the part.
    pub confirmed_at: Option<String>,
    /// In their order.
    pub pages: Vec<PageTrace>,
    /// Why there are no pages, where there are none.
    pub note: Option<String>,
}

/// One page of a snapshot, or one input file of a view.
#[derive(Clone, Debug, Serialize)]
pub struct PageTrace {
    /// Without secrets; of a view `lake:` and the file's key.
    pub address: String,
    /// UTC.
    pub retrieved_at: String,
    /// As served.
    pub bytes: u64,
    /// Of the bytes as served.
    pub sha256: String,
    /// Where it stands in the lake, packed with zstd.
    pub key: String,
}

/// The raw rows behind a row: found by decoding the pages again and mapping ever smaller pieces of them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RawTrace {
    /// `rows_per_row` of the pipeline.
    pub rows_per_row: String,
    /// Raw rows that the figure is a sum over, where the mapping groups; else 1 where it was found.
    pub raw_rows: Option<u64>,
    /// Columns in which the mapping of today gives something else than what is published.
    pub differs: Vec<Differing>,
    /// The rows, or the first of them.
    pub rows: Vec<RawRow>,
    /// What could not be found out, and why.
    pub note: Option<String>,
}

/// A column that comes out otherwise today.
#[derive(Clone, Debug, Serialize)]
pub struct Differing {
    /// Column.
    pub column: String,
    /// As published.
    pub published: Option<String>,
    /// As mapped now.
    pub mapped: Option<String>,
}

/// One raw row.
#[derive(Clone, Debug, Serialize)]
pub struct RawRow {
    /// Number of its page, from 1.
    pub page: usize,
    /// Its number among the decoded rows of that page, from 1.
    pub row: u64,
    /// The declared columns.
    pub cells: Cells,
}

/// An earlier value, from core/revision.
#[derive(Clone, Debug, Serialize)]
pub struct Earlier {
    /// Who published it then.
    pub owner: String,
    /// Column that changed.
    pub column: String,
    /// Before; `None` is null.
    pub old: Option<String>,
    /// After; `None` is null or gone.
    pub new: Option<String>,
    /// UTC: when it was first seen.
    pub first_seen_at: String,
    /// The run that saw it.
    pub run_id: String,
    /// The snapshot that brought it.
    pub snapshot_sha256: String,
}

/// Explains the published rows that `key` means: `column=value` each, or the values of the table's unique key in its
/// order. Errors: Settings, when there is no such row (with the nearest values that exist) or more than [`MOST_ROWS`].
pub async fn explain(house: &House, table: &str, key: &[String]) -> Result<Vec<Explanation>> {
    let states = house.lake.states().await?;
    let question = question::Question::read(&house.schemas, table, key)?;
    let found = find::find(house, &states, &question).await?;
    let mut explained = Vec::with_capacity(found.len());
    for row in found {
        explained.push(trace::trace(house, &states, &question.table, row).await?);
    }
    Ok(explained)
}
