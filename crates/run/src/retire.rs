use std::path::Path;

use arrow::array::Array;
use klimalade_engine::Change;
use klimalade_lake::{Areas, OwnerState};
use klimalade_model::{Fault, Result, Schemas, Table, nearest};
use klimalade_pipeline::{AreaScope, Owner, owned_by_area, owned_whole};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    house::House,
    provenance::{Provenances, damaged},
    publish::{Published, Publisher},
};

/// Refuses an owner that would publish what another owner's state publishes. Errors: Contract, with the hint to retire.
pub(crate) fn clashes_with<'a>(
    states: impl Iterator<Item = &'a OwnerState>,
    owner: &Owner,
    schemas: &Schemas,
) -> Result<()> {
    let mine = &owner.definition.publishes;
    for state in states {
        if state.owner == owner.name || state.table != owner.definition.table || state.retired_at.is_some() {
            continue;
        }
        let theirs = match &state.publishes.areas {
            Areas::All => AreaScope::Everything,
            Areas::Only(codes) => AreaScope::Codes(codes.clone()),
        };
        if !mine.areas.overlaps(&theirs) {
            continue;
        }
        let shared = if owned_whole(schemas, &state.table) {
            (!state.partitions.is_empty()).then(|| format!("out/{}", state.table))
        } else if owned_by_area(&state.table) {
            (!state.partitions.is_empty()).then(|| format!("the areas of {}", state.table))
        } else {
            let mut indicators = mine.indicators.iter();
            indicators
                .find(|known| state.publishes.indicators.contains(known))
                .cloned()
        };
        if let Some(shared) = shared {
            return Err(Fault::contract("the lake has another owner of this")
                .at(owner.name.clone())
                .expected(format!("{shared} published by {} alone", state.owner))
                .found(format!("{} publishes it too", owner.name))
                .hint(format!("klimalade retire {}", state.owner)));
        }
    }
    Ok(())
}

/// Removes an owner's partitions through the commit; what vanished goes to revision. Errors: Settings, when there
/// is no such owner or another run holds it.
pub async fn retire(house: &House, owner: &Owner, run_id: &str) -> Result<(u64, Vec<String>)> {
    let lake = &house.lake;
    let Some(lock) = lake.lock(&owner.name, run_id).await? else {
        return Err(lake.locked_by_another(&owner.name).await);
    };
    lake.recover(&lock).await?;
    let known: Vec<String> = lake.states().await?.into_iter().map(|state| state.owner).collect();
    let state: OwnerState = lake
        .state(&owner.name)
        .await?
        .filter(|state| state.retired_at.is_none())
        .ok_or_else(|| {
            Fault::settings("the lake has no such owner")
                .found(owner.name.clone())
                .hint(match nearest(&owner.name, known.iter().map(String::as_str)) {
                    Some(name) => format!("did you mean {name}; klimalade status lists them"),
                    None => "klimalade status lists them".to_owned(),
                })
        })?;
    let table = house.schemas.table(&state.table)?;
    let publisher = Publisher {
        house,
        owner,
        lock: &lock,
        old: &state,
        run_id,
        table,
        columns: Vec::new(),
    };
    // No part is planned any more, so every partition loses all its parts.
    let published: Published = publisher.retire(Provenances::default()).await?;
    lock.release().await?;
    Ok((published.revisions, published.replaced))
}

/// Every row of a file as vanished, each with the number of its own provenance. Blocking.
pub(crate) fn all_vanished(
    table: &Table,
    file: &Path,
    provenances: &mut Provenances,
    sink: &mut dyn FnMut(Change, i32) -> Result<()>,
) -> Result<()> {
    let unreadable = |error: String| {
        damaged("a published file cannot be read")
            .at(file.display().to_string())
            .found(error)
    };
    let opened = std::fs::File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .and_then(|builder| builder.build())
        .map_err(|error| unreadable(error.to_string()))?;
    for batch in reader {
        let batch = batch.map_err(|error| unreadable(error.to_string()))?;
        let numbers = provenances.numbers_of(&batch)?;
        let cell = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?;
            (!column.is_null(row)).then(|| arrow::util::display::array_value_to_string(column, row).ok())?
        };
        let valued = batch.column_by_name("value").is_some();
        for (row, number) in numbers.into_iter().enumerate() {
            let key: Vec<String> = table
                .unique_key
                .iter()
                .map(|name| format!("{name}={}", cell(name, row).unwrap_or_default()))
                .collect();
            let change = Change {
                row_key: key.join("|"),
                column: if valued { "value" } else { "*" }.to_owned(),
                old: if valued {
                    cell("value", row)
                } else {
                    Some("present".to_owned())
                },
                new: None,
                snapshot: None,
            };
            sink(change, number)?;
        }
    }
    Ok(())
}
