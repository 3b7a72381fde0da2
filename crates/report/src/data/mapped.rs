//! The SQL that figures were mapped by, as the pipelines of today have it.

use std::collections::{BTreeMap, BTreeSet};

use klimalade_lake::Lake;
use klimalade_model::Result;

use super::Origin;
use crate::Mapping;

/// Tables of `out` that the report reads: what their views do belongs to the explanation of a figure.
const VIEWED: [&str; 8] = [
    "indicator_year",
    "municipality_year",
    "region_year",
    "emission_trajectory",
    "plan_status",
    "action_progress",
    "adaptation_year",
    "coverage",
];

/// The mapping of a pipeline, all its instances alike.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    pub(crate) title_da: String,
    pub(crate) title_en: String,
    /// The table that it fills.
    pub(crate) table: String,
    pub(crate) sql: String,
    /// False where figures of the lake were mapped by another than today's.
    pub(crate) is_current: bool,
}

/// Those that the report's figures come from, by folder.
pub(super) async fn read(
    lake: &Lake,
    mappings: &[Mapping],
    origins: &BTreeMap<String, Vec<Origin>>,
) -> Result<BTreeMap<String, Mapped>> {
    let folders: BTreeSet<&str> = origins.values().flatten().map(Origin::folder).collect();
    let mut mapped: BTreeMap<String, Mapped> = BTreeMap::new();
    for mapping in mappings {
        let is_view = VIEWED.contains(&mapping.table.as_str());
        if !is_view && !folders.contains(mapping.folder.as_str()) {
            continue;
        }
        let state = lake.state(&mapping.owner).await?;
        let mut parts = state.iter().flat_map(|state| state.parts.values());
        let hash = mapping.hash.as_deref();
        let is_current = parts.all(|part| Some(part.mapping_hash.as_str()) == hash);
        let known = mapped.entry(mapping.folder.clone()).or_insert_with(|| Mapped {
            title_da: mapping.title_da.clone(),
            title_en: mapping.title_en.clone(),
            table: mapping.table.clone(),
            sql: mapping.sql.clone(),
            is_current: true,
        });
        known.is_current &= is_current;
    }
    Ok(mapped)
}
