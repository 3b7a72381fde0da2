use std::{collections::BTreeMap, sync::Arc};

use klimalade_connect::Registry;
use klimalade_engine::{Engine, LakeTable, RowContract, tables_read};
use klimalade_model::{Fault, Result, Schemas};
use klimalade_pipeline::{Catalogue, Owner, Task, check_ownership};
use klimalade_run::{check_freshness_declared, row_rules};

use crate::{
    FINDINGS,
    arguments::{Arguments, Names},
    connectors::registry,
    output::{self, data},
    setup::Ground,
    unfinished::{refuse_template, refuse_unknown_literals},
};

/// One finding of `check`.
#[derive(Debug)]
pub struct Finding {
    /// The owner, or the folder.
    pub owner: String,
    /// What is wrong.
    pub fault: Fault,
}

/// `klimalade check`.
pub(crate) async fn check(arguments: &Arguments, names: &Names) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    for name in &names.pipelines {
        if !ground.catalogue.broken.contains_key(name) {
            ground.catalogue.select(std::slice::from_ref(name))?;
        }
    }
    let findings = check_catalogue(
        &ground.engine()?,
        &ground.schemas,
        &ground.catalogue,
        &registry(),
        &names.pipelines,
    )
    .await?;
    let mut by_owner: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &findings {
        by_owner.entry(&finding.owner).or_default().push(finding);
    }
    for owner in ground
        .catalogue
        .owners()
        .iter()
        .filter(|owner| chosen(owner, &names.pipelines))
    {
        if !by_owner.contains_key(owner.name.as_str()) {
            data(format!("ok      {}", owner.name));
        }
    }
    for finding in &findings {
        data(format!("refused {}", finding.owner));
        output::note(format!("error: {}: {}", finding.owner, finding.fault));
    }
    data(format!("{} findings", findings.len()));
    Ok(if findings.is_empty() { 0 } else { FINDINGS })
}

fn chosen(owner: &Owner, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| *name == owner.name || *name == owner.pipeline)
}

/// Checks pipelines without network: settings against the connector, SQL against the declared raw columns and the
/// table, source, licence, indicators, ownership.
pub async fn check_catalogue(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    catalogue: &Catalogue,
    registry: &Registry,
    names: &[String],
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, text) in &catalogue.broken {
        if names.is_empty() || names.contains(name) {
            findings.push(Finding {
                owner: name.clone(),
                fault: Fault::settings(text.clone()),
            });
        }
    }
    let owners = catalogue.owners();
    for owner in owners.iter().filter(|owner| chosen(owner, names)) {
        if let Err(fault) = check_owner(engine, schemas, catalogue, registry, owner).await {
            findings.push(Finding {
                owner: owner.name.clone(),
                fault,
            });
        }
    }
    if let Err(fault) = check_ownership(&owners) {
        let owner = fault
            .places()
            .first()
            .and_then(|place| place.split(':').next())
            .unwrap_or_default()
            .to_owned();
        findings.push(Finding { owner, fault });
    }
    Ok(findings)
}

async fn check_owner(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    catalogue: &Catalogue,
    registry: &Registry,
    owner: &Owner,
) -> Result<()> {
    let definition = &owner.definition;
    let place = |file: &str| format!("pipelines/{}/{file}", owner.pipeline);
    let table = schemas
        .table(&definition.table)
        .map_err(|fault| fault.at(place("pipeline.toml")))?;
    if table.by_runner {
        return Err(Fault::settings("no pipeline may fill this table")
            .at(place("pipeline.toml"))
            .found(table.name.clone()));
    }
    check_freshness_declared(definition, table).map_err(|fault| fault.at(place("pipeline.toml")))?;
    let known = |list: &str, code: &str| -> Result<()> {
        if schemas.code_list(list)?.contains(code) {
            return Ok(());
        }
        Err(Fault::settings(format!("not in the code list {list}"))
            .at(place("pipeline.toml"))
            .found(code.to_owned())
            .hint(format!(
                "klimalade schema {list}; a row of your own goes to schemas/codes/{list}.csv under --home"
            )))
    };
    known("sources", &definition.source_id)?;
    if let Some(licence) = &definition.licence_code {
        known("licences", licence)?;
    }
    for indicator in &definition.publishes.indicators {
        known("indicators", indicator)?;
    }
    if table.column("indicator_code").is_some()
        && table.column("value").is_some()
        && definition.publishes.indicators.is_empty()
    {
        return Err(Fault::settings("the pipeline declares no indicator")
            .at(place("pipeline.toml"))
            .hint("[publishes] indicators = [\"...\"]"));
    }
    for area in definition.publishes.areas.codes().unwrap_or_default() {
        known("areas", area)?;
    }
    if let Some(expected) = &definition.checks.expected_areas {
        for area in expected.also.iter().chain(&expected.may) {
            known("areas", area)?;
        }
    }
    let shape = match definition.kind {
        Task::View => {
            let mut tables = Vec::new();
            for name in tables_read(&owner.sql).map_err(|fault| fault.at(place("map.sql")))? {
                let table = schemas.table(&name).map_err(|fault| fault.at(place("map.sql")))?;
                tables.push(LakeTable {
                    schema: table.schema(),
                    name,
                    files: Vec::new(),
                });
            }
            engine
                .view(&owner.sql, &tables)
                .await
                .map_err(|fault| fault.at(place("map.sql")))?
                .shape
        }
        Task::Harvest => {
            match &definition.raw_of {
                Some(_) => {
                    catalogue.raw_owner(owner)?;
                }
                None => {
                    let (name, settings) = definition
                        .connector()
                        .map_err(|fault| fault.at(place("pipeline.toml")))?;
                    registry
                        .open(&name, settings)
                        .map_err(|fault| fault.at(place("pipeline.toml")))?;
                    if definition.licence_code.is_none() {
                        return Err(Fault::settings("the pipeline names no licence")
                            .at(place("pipeline.toml"))
                            .hint("licence_code = \"cc_by_4_0\"; klimalade schema licences"));
                    }
                }
            }
            refuse_template(owner)?;
            let mapping = engine.mapping(&owner.sql, &definition.raw_schema(), &owner.maps).await;
            mapping.map_err(|fault| fault.at(place("map.sql")))?.shape
        }
    };
    refuse_unknown_literals(&shape, table, schemas).map_err(|fault| fault.at(place("map.sql")))?;
    RowContract::plan(
        table,
        &shape,
        schemas,
        row_rules(definition),
        definition.kind == Task::Harvest,
    )
    .map_err(|fault| fault.at(place("map.sql")))?;
    Ok(())
}
