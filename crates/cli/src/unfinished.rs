//! What a new pipeline still lacks, as `check` says it.

use arrow::datatypes::DataType;
use klimalade_engine::Shape;
use klimalade_model::{Fault, Result, Schemas, Table, nearest};
use klimalade_pipeline::{Owner, Task};

/// A harvest without a raw column maps nothing: it is as `klimalade new` made it. Errors: Settings.
pub(crate) fn refuse_template(owner: &Owner) -> Result<()> {
    if owner.definition.kind == Task::View || !owner.definition.columns.is_empty() {
        return Ok(());
    }
    Err(Fault::settings("the pipeline declares no raw column")
        .at(format!("pipelines/{}/pipeline.toml", owner.pipeline))
        .expected("[columns] with the columns that map.sql reads")
        .hint(format!("klimalade probe {} --write", owner.pipeline)))
}

/// Codes that map.sql gives as literals and that are not in their lists: no row is needed to know.
pub(crate) fn unknown_literals(shape: &Shape, table: &Table, schemas: &Schemas) -> impl Iterator<Item = Fault> {
    shape.constants.iter().filter_map(|(name, value)| {
        let list = schemas.code_list(table.column(name)?.field.codes.as_deref()?).ok()?;
        let code = value.to_string();
        if value.is_null() || value.data_type() != DataType::Utf8 || list.contains(&code) {
            return None;
        }
        let hint = match nearest(&code, list.codes()) {
            Some(near) => format!("'{near}' AS {name}"),
            None => format!("klimalade schema {}", list.name),
        };
        let what = format!("map.sql gives a code that is not in the list {}", list.name);
        Some(Fault::settings(what).found(format!("'{code}' AS {name}")).hint(hint))
    })
}
