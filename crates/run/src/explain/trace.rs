use std::{collections::BTreeMap, sync::Arc};

use klimalade_engine::tables_read;
use klimalade_lake::{Lake, OwnerState, PartState};
use klimalade_model::{Manifest, Result, Table};
use klimalade_pipeline::{Origin, Owner, Task};

use super::{
    Cells, Earlier, Explanation, MappingTrace, PageTrace, RawTrace, SnapshotTrace,
    find::{Found, cells_of, is_empty, lake_table},
    raw_rows::RawSearch,
};
use crate::house::House;

/// Everything that is known of one row. Errors: the lake's; what is gone from raw/ is said, not refused.
pub(crate) async fn trace(house: &House, states: &[OwnerState], table: &Table, found: Found) -> Result<Explanation> {
    let sha256 = found.row.get("snapshot_sha256").unwrap_or_default().to_owned();
    let state = states.iter().find(|state| state.owner == found.owner);
    let owner = house
        .catalogue
        .owners()
        .into_iter()
        .find(|owner| owner.name == found.owner);
    let key: Vec<String> = table
        .unique_key
        .iter()
        .map(|name| format!("{name}={}", found.row.get(name).unwrap_or_default()))
        .collect();
    let row_key = key.join("|");
    let landed = match state {
        Some(state) => Landed::find(house, state, owner, &sha256).await?,
        None => Landed::default(),
    };
    let mapping = match owner.filter(|_| !table.by_runner) {
        Some(owner) => Some(mapping(house, owner, landed.part.as_ref()).await?),
        None => None,
    };
    let raw = match (owner, &landed.manifest) {
        _ if table.by_runner => None,
        (Some(owner), _) if owner.definition.kind == Task::View => None,
        (None, _) => Some(unknown(
            "the pipeline's folder is gone, so its pages cannot be mapped again",
        )),
        (_, None) => Some(unknown("the pages are not in raw/ any more")),
        (Some(owner), Some(manifest)) => {
            let raw_owner = landed.raw_owner.clone();
            Some(RawSearch::look(house, owner, table, &raw_owner, manifest, &found.row).await)
        }
    };
    let next = match owner.filter(|owner| owner.definition.kind == Task::View) {
        Some(view) => inputs(house, view, &found.row)?,
        None => Vec::new(),
    };
    Ok(Explanation {
        next,
        table: table.name.clone(),
        earlier: earlier(house, states, table, &row_key).await?,
        owner: found.owner,
        file: found.file,
        row_key,
        row: found.row,
        mapping,
        snapshot: landed.trace(sha256)?,
        raw,
    })
}

fn unknown(note: &str) -> RawTrace {
    RawTrace {
        note: Some(note.to_owned()),
        ..RawTrace::default()
    }
}

/// What of a snapshot still stands in raw/.
#[derive(Default)]
struct Landed {
    raw_owner: String,
    part_key: Option<String>,
    /// As the state knows it, where it is the snapshot of a part today.
    part: Option<PartState>,
    manifest: Option<Arc<Manifest>>,
    note: Option<String>,
}

impl Landed {
    /// By the hash that the row carries. A part whose new bytes gave the same rows has another snapshot in the state
    /// than in its file: then the manifest is looked for in raw/ itself.
    async fn find(house: &House, state: &OwnerState, owner: Option<&Owner>, sha256: &str) -> Result<Self> {
        let lake = &house.lake;
        let mut landed = Self::default();
        let named = state
            .parts
            .values()
            .find(|part| part.snapshot.manifest_sha256 == sha256);
        landed.part = named.cloned();
        let declared = owner
            .and_then(|owner| house.catalogue.raw_owner(owner).ok())
            .map(|owner| owner.name.clone());
        let of_state = state
            .parts
            .values()
            .map(|part| part.snapshot.owner.clone())
            .find(|name| !name.is_empty());
        landed.raw_owner = of_state.or(declared).unwrap_or_else(|| state.owner.clone());
        landed.part_key = match named {
            Some(part) => Some(part.snapshot.part_key.clone()),
            None => {
                let listed = lake.list_manifests(&landed.raw_owner).await?;
                let found = listed.into_iter().find(|listed| listed.manifest_sha256 == sha256);
                found.map(|found| found.part_key)
            }
        };
        if landed.part.is_none() {
            landed.part = landed.part_key.as_ref().and_then(|key| state.parts.get(key).cloned());
        }
        let Some(part_key) = &landed.part_key else {
            landed.note = Some(if klimalade_model::sha256_hex(state.run_id.as_bytes()) == sha256 {
                format!("written by run {} itself", state.run_id)
            } else {
                "no manifest of this hash stands in raw/: it was swept, or a run wrote the row itself".to_owned()
            });
            return Ok(landed);
        };
        match lake.manifest(&landed.raw_owner, part_key, sha256).await {
            Ok(manifest) => landed.manifest = Some(Arc::new(manifest)),
            Err(fault) => landed.note = Some(said(&fault)),
        }
        Ok(landed)
    }

    fn trace(self, sha256: String) -> Result<SnapshotTrace> {
        let mut pages = Vec::new();
        if let (Some(manifest), Some(part_key)) = (&self.manifest, &self.part_key) {
            for entry in &manifest.pages {
                pages.push(PageTrace {
                    address: entry.address.clone(),
                    retrieved_at: entry.retrieved_at.clone(),
                    bytes: entry.bytes,
                    sha256: entry.sha256.clone(),
                    key: Lake::place_of_page(&self.raw_owner, part_key, entry)?,
                });
            }
        }
        Ok(SnapshotTrace {
            sha256,
            part: self.part_key,
            confirmed_at: self.part.map(|part| part.confirmed_at),
            pages,
            note: self.note,
        })
    }
}

/// A fault on one line, with what can be typed.
pub(crate) fn said(fault: &klimalade_model::Fault) -> String {
    match fault.hint_text() {
        Some(hint) => format!("{}; {hint}", fault.line()),
        None => fault.line(),
    }
}

async fn mapping(house: &House, owner: &Owner, part: Option<&PartState>) -> Result<MappingTrace> {
    let is_view = owner.definition.kind == Task::View;
    let today = if is_view {
        owner.mapping_hash(&house.schemas)
    } else {
        house.catalogue.mapping_hash(owner, &house.schemas)
    };
    let reads = if is_view {
        let tables = tables_read(&owner.sql)?;
        let tables = tables.iter().map(|name| house.schemas.table(&name.name));
        tables.map(|table| Ok(table?.sql_name())).collect::<Result<_>>()?
    } else {
        let raw = owner.definition.raw_schema();
        let mapping = house.engine.mapping(&owner.sql, &raw, &owner.maps).await?;
        mapping.raw_use.columns.into_iter().collect()
    };
    let origin = house
        .catalogue
        .pipelines
        .get(&owner.pipeline)
        .map(|pipeline| pipeline.origin);
    let mapping_hash = part.map(|part| part.mapping_hash.clone());
    Ok(MappingTrace {
        pipeline: owner.pipeline.clone(),
        origin: if origin == Some(Origin::Home) { "home" } else { "binary" },
        map_sql: format!("pipelines/{}/map.sql", owner.pipeline),
        is_current: mapping_hash.is_some() && mapping_hash == today.ok(),
        mapping_hash,
        reads,
        sql: is_view.then(|| owner.sql.clone()),
    })
}

/// The question about each table that a view reads: what its key shares with the row, but for the period and its
/// frequency, which a view may change.
fn inputs(house: &House, view: &Owner, row: &Cells) -> Result<Vec<String>> {
    let mut questions = Vec::new();
    for name in tables_read(&view.sql)?.iter().filter(|name| name.layer == "core") {
        let table = house.schemas.table(&name.name)?;
        let mut words = vec![format!("klimalade explain {}", table.name)];
        if let [owner] = view.definition.reads.as_slice() {
            words.push(format!("pipeline={owner}"));
        }
        let shared = table.unique_key.iter().filter(|column| {
            column.ends_with("_code")
                && *column != "frequency_code"
                && !matches!(row.get(column), None | Some("_T" | "_Z"))
        });
        words.extend(shared.map(|column| format!("{column}={}", row.get(column).unwrap_or_default())));
        questions.push(words.join(" "));
    }
    Ok(questions)
}

/// What core/revision says of a row, whoever published it.
async fn earlier(house: &House, states: &[OwnerState], table: &Table, row_key: &str) -> Result<Vec<Earlier>> {
    let revision = house.schemas.table("revision")?;
    let files = lake_table(house, states, revision).await?;
    if is_empty(&files) {
        return Ok(Vec::new());
    }
    let text = |value: &str| value.replace('\'', "''");
    let sql = format!(
        "SELECT * FROM core.revision WHERE table_name = '{}' AND row_key = '{}' ORDER BY first_seen_at, column_name",
        text(&table.name),
        text(row_key)
    );
    let rows = cells_of(&house.engine.query(&sql, &[files]).await?);
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut cells: BTreeMap<String, Option<String>> = row.0.into_iter().collect();
            let mut take = |name: &str| cells.remove(name).flatten();
            Earlier {
                owner: take("pipeline").unwrap_or_default(),
                column: take("column_name").unwrap_or_default(),
                old: take("old_value"),
                new: take("new_value"),
                first_seen_at: take("first_seen_at").unwrap_or_default(),
                run_id: take("run_id").unwrap_or_default(),
                snapshot_sha256: take("snapshot_sha256").unwrap_or_default(),
            }
        })
        .collect())
}
