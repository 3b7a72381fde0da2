use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, StringArray};
use klimalade_model::{Fault, Result, Schemas};

use crate::{Catalogue, Owner, Task};

impl Catalogue {
    /// The owners and what they declare, as the rows of table `pipelines`, in the order of their names. Errors: Bug, when
    /// the table has a column that is not known here.
    pub fn described(&self, schemas: &Schemas) -> Result<RecordBatch> {
        let mut owners = self.owners();
        owners.sort_by(|a, b| a.name.cmp(&b.name));
        let text = |cell: &dyn Fn(&Owner) -> Option<String>| -> ArrayRef {
            Arc::new(owners.iter().map(|owner| cell(owner)).collect::<StringArray>())
        };
        let number = |cell: &dyn Fn(&Owner) -> Option<u32>| -> ArrayRef {
            let cells = owners.iter().map(|owner| i32::try_from(cell(owner)?).ok());
            Arc::new(cells.collect::<Int32Array>())
        };
        let schema = schemas.table("pipelines")?.schema();
        let columns = schema.fields().iter().map(|field| {
            Ok(match field.name().as_str() {
                "pipeline" => text(&|owner| Some(owner.name.clone())),
                "folder" => text(&|owner| Some(owner.pipeline.clone())),
                "task" => text(&|owner| {
                    let is_view = owner.definition.kind == Task::View;
                    Some(if is_view { "view" } else { "harvest" }.to_owned())
                }),
                "title_da" => text(&|owner| Some(owner.definition.title_da.clone())),
                "title_en" => text(&|owner| Some(owner.definition.title_en.clone())),
                "source_id" => text(&|owner| Some(owner.definition.source_id.clone())),
                "table_name" => text(&|owner| Some(owner.definition.table.clone())),
                "indicator_codes" => text(&|owner| {
                    let indicators = owner.definition.publishes.indicators.join(" ");
                    (!indicators.is_empty()).then_some(indicators)
                }),
                "areas" => text(&|owner| {
                    let codes = owner.definition.publishes.areas.codes();
                    Some(codes.map_or_else(|| "all".to_owned(), |codes| codes.join(" ")))
                }),
                "expected_level" => text(&|owner| owner.definition.checks.expected_areas.as_ref()?.level.clone()),
                "expected_except" => text(&|owner| {
                    let except = owner.definition.checks.expected_areas.as_ref()?.except.join(" ");
                    (!except.is_empty()).then_some(except)
                }),
                "rhythm_every_months" => number(&|owner| Some(owner.definition.harvest.rhythm?.every_months)),
                "rhythm_lag_days" => number(&|owner| Some(owner.definition.harvest.rhythm?.lag_days)),
                "stale_after_days" => number(&|owner| Some(owner.definition.stale_after_days())),
                "is_off" => {
                    let cells = owners.iter().map(|owner| Some(owner.definition.harvest.off));
                    Arc::new(cells.collect::<BooleanArray>()) as ArrayRef
                }
                other => return Err(Fault::bug("table pipelines has an unknown column").found(other.to_owned())),
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(schema, columns)
            .map_err(|source| Fault::bug("the rows of table pipelines do not fit").because(source))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use arrow_array::cast::AsArray;

    use super::*;

    #[test]
    fn every_owner_is_described_once_in_the_order_of_names() {
        let schemas = Schemas::embedded().unwrap();
        let catalogue = Catalogue::load(std::path::Path::new("none")).unwrap();
        let described = catalogue.described(&schemas).unwrap();
        let names = described.column(0).as_string::<i32>();
        assert_eq!(described.num_rows(), catalogue.owners().len());
        assert!(names.iter().zip(names.iter().skip(1)).all(|(a, b)| a < b));
    }
}
