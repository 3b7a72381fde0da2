use std::collections::BTreeMap;

use klimalade_model::{Part, SourceColumn};
use serde::{Deserialize, Serialize};

/// The one version of [`OwnerState`] that this build reads and writes.
pub const STATE_VERSION: u32 = 1;

/// All that is known of one owner: `state/<owner>.json`. There is no other state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerState {
    /// [`STATE_VERSION`].
    pub version: u32,
    /// The owner: a pipeline, or `<pipeline>.<instance>`.
    pub owner: String,
    /// Table of the common schema that it fills.
    pub table: String,
    /// The run that wrote this state.
    pub run_id: String,
    /// UTC, RFC 3339: when this state was committed, by the runner's clock. What stands in raw/ and was fetched later
    /// is of a night that did not get so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<String>,
    /// UTC, RFC 3339: when the owner was retired; its state then names the revision files only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<String>,
    /// The newest plan, oldest part first.
    pub plan: Vec<Part>,
    /// By part key; parts of the newest plan, and failed ones that a standing partition still shows.
    pub parts: BTreeMap<String, PartState>,
    /// By key within the lake (`core/observation/pipeline=dst_area/data.parquet`): every file that the owner owns,
    /// revision and control_total included.
    pub partitions: BTreeMap<String, PartitionState>,
    /// What it publishes, for the check that no indicator has two owners in one area.
    pub publishes: Publishes,
    /// Every column that the source has had, declared or not, with the types that read all cells seen of it. Empty for
    /// views, for who maps another's pages, and in states of before it was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SourceColumn>,
    /// What the runner keeps besides (source, mapping, versions); read by nobody here.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub info: serde_json::Value,
}

impl OwnerState {
    /// A state with nothing in it.
    pub fn new(owner: impl Into<String>, table: impl Into<String>, run_id: impl Into<String>) -> Self {
        Self {
            version: STATE_VERSION,
            owner: owner.into(),
            table: table.into(),
            run_id: run_id.into(),
            committed_at: None,
            retired_at: None,
            plan: Vec::new(),
            parts: BTreeMap::new(),
            partitions: BTreeMap::new(),
            publishes: Publishes::default(),
            columns: Vec::new(),
            info: serde_json::Value::Null,
        }
    }
}

/// What an owner publishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publishes {
    /// Indicator codes, or what stands for them in the other tables.
    pub indicators: Vec<String>,
    /// For which areas.
    pub areas: Areas,
}

/// Areas as codes, or all there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Areas {
    /// `"all"`.
    All,
    /// `{ "only": ["0101"] }`.
    Only(Vec<String>),
}

impl Default for Areas {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

/// What is known of one part's newest good snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartState {
    /// The part as planned when the snapshot was fetched.
    pub part: Part,
    /// Its snapshot in raw/.
    pub snapshot: SnapshotRef,
    /// Hash of all that decides what the mapping gives.
    pub mapping_hash: String,
    /// UTC, RFC 3339: when this content was first seen; `retrieved_at` of its rows.
    pub first_seen_at: String,
    /// UTC, RFC 3339: when the agency last confirmed it.
    pub confirmed_at: String,
    /// Rows by fate.
    pub counts: Counts,
    /// Keys of the partitions that it filled, as in [`OwnerState::partitions`].
    pub partitions: Vec<String>,
    /// What the runner keeps besides (the part's licence and source version).
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub extra: serde_json::Value,
}

/// Rows of a part by fate: mapped = published + control + skipped + rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// As the server promised, where its count is trusted; `None` for views.
    pub promised: Option<u64>,
    /// Raw rows decoded; `None` for views.
    pub received: Option<u64>,
    /// Distinct ids among them; `None` where no column is an id.
    pub distinct: Option<u64>,
    /// Rows that map.sql gave.
    pub mapped: u64,
    /// Rows that stand in core.
    pub published: u64,
    /// The agency's own totals.
    pub control: u64,
    /// By reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rows that broke the target contract.
    pub rejected: u64,
    /// Sum of `raw_rows` over all fates, for `rows_per_row = "aggregate"`.
    pub raw_rows: Option<u64>,
}

/// Points at a manifest in raw/.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRef {
    /// Owner below whose name in raw/ it stands: for `raw_of` another than the state's.
    #[serde(default)]
    pub owner: String,
    /// SHA-256 of the manifest's canonical JSON: its name, and `snapshot_sha256` of the rows.
    pub manifest_sha256: String,
    /// Hash over the pages' hashes in order: what "unchanged" compares.
    pub content_sha256: String,
    /// The part.
    pub part_key: String,
    /// Sum of the pages' sizes as served.
    pub bytes: u64,
}

/// One file of the owner in core/ or out/.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionState {
    /// Of the file.
    pub sha256: String,
    /// The store's mark of this version of the object; filled in by the commit. On local disk the sha256.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
    /// Rows in the file.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Keys of the parts that it is built from.
    pub parts: Vec<String>,
    /// Partition values below `pipeline=` (`year`, `month`), as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}
