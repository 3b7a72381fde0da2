use klimalade_engine::{Engine, LakeTable, Mapping, RowContract, tables_read};
use klimalade_model::Fault;
use klimalade_pipeline::Task;
use klimalade_run::row_rules;

use super::{About, Step};
use crate::unfinished::{refuse_template, unknown_literals};

/// map.sql, planned over the declared raw columns (a view's over the tables of the lake) and fitted to the table.
pub(super) async fn step(about: &About<'_>, engine: &Engine) -> (Step, Option<Mapping>) {
    let mut step = Step::new("map.sql", "map.sql is planned");
    let definition = &about.owner.definition;
    let folder = format!("pipelines/{}", about.owner.pipeline);
    if let Err(fault) = refuse_template(about.owner) {
        step.errors.push(fault);
        return (step, None);
    }
    let planned = match definition.kind {
        Task::View => view(about, engine).await,
        Task::Harvest => {
            let sql = &about.owner.sql;
            engine.mapping(sql, &definition.raw_schema(), &about.owner.maps).await
        }
    };
    let mapping = match planned {
        Ok(mapping) => mapping,
        Err(fault) => {
            step.errors.push(fault.within(&folder));
            return (step, None);
        }
    };
    let given = mapping.shape.varying.fields().len() + mapping.shape.constants.len();
    step.holds = format!("map.sql is planned: {given} columns for {}", definition.table);
    if let Ok(table) = about.schemas.table(&definition.table) {
        let is_harvest = definition.kind == Task::Harvest;
        let fitted = RowContract::plan_all(table, &mapping.shape, about.schemas, row_rules(definition), is_harvest);
        let faults = fitted.err().into_iter().flatten();
        step.errors.extend(faults.map(|fault| fault.within(&folder)));
        step.errors.extend(
            unknown_literals(&mapping.shape, table, about.schemas).map(|fault| fault.at(about.file("map.sql"))),
        );
    }
    if let Some(clause) = mapping.raw_use.may_drop {
        step.warnings.push(
            Fault::settings("map.sql may drop raw rows without saying why")
                .at(about.file("map.sql"))
                .found(format!("{clause} over raw: a night refuses map.sql as soon as a row is lost"))
                .hint("leave the row in and give it a fate: CASE WHEN ... THEN 'skip:<reason>' ELSE 'publish' END AS fate"),
        );
    }
    if definition.kind == Task::Harvest {
        for (name, column) in &definition.columns {
            if column.id && column.optional {
                step.errors.push(
                    Fault::settings(format!("the raw column {name} tells rows apart and may be missing"))
                        .at(about.at(&["columns", name, "optional"]))
                        .hint("leave out optional, or id"),
                );
            }
            if !column.id && !mapping.raw_use.columns.contains(name) {
                step.warnings.push(
                    Fault::settings(format!("map.sql never reads the raw column {name}"))
                        .at(about.at(&["columns", name]))
                        .hint("leave it out of [columns], or mark it id = true"),
                );
            }
        }
    }
    (step, Some(mapping))
}

async fn view(about: &About<'_>, engine: &Engine) -> klimalade_model::Result<Mapping> {
    let mut tables = Vec::new();
    for name in tables_read(&about.owner.sql)? {
        let table = about.schemas.table(&name.name).map_err(|fault| fault.at("map.sql"))?;
        tables.push(LakeTable::empty(table));
    }
    engine.view(&about.owner.sql, &tables).await
}
