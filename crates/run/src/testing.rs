use std::{collections::BTreeMap, sync::Arc};

use arrow::{array::Array, util::display::array_value_to_string};
use klimalade_connect::Connector;
use klimalade_engine::{Engine, ScalarValue, Spooled};
use klimalade_lake::Counts;
use klimalade_model::{Fault, Page, Part, Result, Schemas};
use klimalade_pipeline::Owner;

use crate::mapper::Mapper;

/// Mapped rows as text, for `klimalade test` and the project's own tests.
#[derive(Clone, Debug, Default)]
pub struct MappedRows {
    /// Published rows: column to text; null is left out.
    pub rows: Vec<BTreeMap<String, String>>,
    /// Controls, with what_code.
    pub controls: Vec<BTreeMap<String, String>>,
    /// Rows by fate.
    pub counts: Counts,
    /// Rejects in words.
    pub rejects: Vec<String>,
}

/// Decodes and maps the pages of a part as the night does, and gives the rows. Errors: as the night's.
pub async fn map_pages(engine: &Engine, schemas: &Arc<Schemas>, owner: &Owner, connector: Arc<dyn Connector>, part: &Part, pages: Vec<Page>) -> Result<MappedRows> {
    let rows = Mapper::new(engine, schemas, owner)?.map(owner, connector, part, pages, 0).await?;
    let mut mapped = MappedRows { counts: rows.counts.clone(), ..MappedRows::default() };
    for spool in rows.partitions.values() {
        collect(spool, &rows.constants, &mut mapped.rows)?;
    }
    if let Some(spool) = &rows.controls {
        collect(spool, &rows.constants, &mut mapped.controls)?;
    }
    mapped.rejects = rows
        .rejects
        .iter()
        .map(|reject| format!("{} {}: found {}, expected {}: {}", reject.reason_code, reject.column, reject.found, reject.expected, reject.row))
        .collect();
    Ok(mapped)
}

fn collect(spool: &Spooled, constants: &[(String, ScalarValue)], rows: &mut Vec<BTreeMap<String, String>>) -> Result<()> {
    for batch in spool.read()? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            let mut cells: BTreeMap<String, String> = constants
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| Ok((name.clone(), array_value_to_string(&value.to_array().map_err(|error| Fault::bug(error.to_string()))?, 0).unwrap_or_default())))
                .collect::<Result<_>>()?;
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if field.name() != klimalade_engine::PART_COLUMN && !column.is_null(row) {
                    cells.insert(field.name().clone(), array_value_to_string(column, row).unwrap_or_default());
                }
            }
            rows.push(cells);
        }
    }
    Ok(())
}
