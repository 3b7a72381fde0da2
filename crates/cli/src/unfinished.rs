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

/// A code that map.sql gives as a literal must be in its list: no row is needed to know. Errors: Settings.
pub(crate) fn refuse_unknown_literals(shape: &Shape, table: &Table, schemas: &Schemas) -> Result<()> {
    for (name, value) in &shape.constants {
        let list = table.column(name).and_then(|column| column.field.codes.as_deref());
        let (Some(list), DataType::Utf8) = (list, value.data_type()) else {
            continue;
        };
        let (list, code) = (schemas.code_list(list)?, value.to_string());
        if value.is_null() || list.contains(&code) {
            continue;
        }
        let hint = match nearest(&code, list.codes()) {
            Some(near) => format!("'{near}' AS {name}"),
            None => format!("klimalade schema {}", list.name),
        };
        return Err(
            Fault::settings(format!("map.sql gives a code that is not in the list {}", list.name))
                .found(format!("'{code}' AS {name}"))
                .hint(hint),
        );
    }
    Ok(())
}
