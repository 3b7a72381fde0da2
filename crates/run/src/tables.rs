use klimalade_engine::{LakeTable, tables_asked};
use klimalade_model::{Fault, Result, nearest};

use crate::{
    explain::{FILE, lake_table},
    house::House,
};

/// The published files of every table that a question names. Errors: Settings, when one is not there; what the lake says.
pub async fn tables_of(house: &House, sql: &str) -> Result<Vec<LakeTable>> {
    let states = house.lake.states().await?;
    let mut tables = Vec::new();
    for asked in tables_asked(sql)? {
        match asked.layer.as_deref() {
            Some("codes") => {
                let lists = &house.schemas.codes;
                if !lists.contains_key(&asked.name) {
                    let near = nearest(&asked.name, lists.keys().map(String::as_str));
                    return Err(not_there(&asked.to_string(), near.map(|list| format!("codes.{list}"))));
                }
            }
            Some("core") if house.schemas.tables.contains_key(&asked.name) => {
                let mut table = lake_table(house, &states, house.schemas.table(&asked.name)?).await?;
                for file in &mut table.files {
                    file.values.retain(|(name, _)| name != FILE);
                }
                tables.push(table);
            }
            _ => {
                let names = house.schemas.tables.values();
                let names: Vec<String> = names.map(|table| format!("{}.{}", table.layer, table.name)).collect();
                let meant = names.iter().find(|name| name.ends_with(&format!(".{}", asked.name)));
                let near = nearest(&asked.to_string(), names.iter().map(String::as_str));
                return Err(not_there(
                    &asked.to_string(),
                    meant.cloned().or(near.map(str::to_owned)),
                ));
            }
        }
    }
    Ok(tables)
}

fn not_there(name: &str, near: Option<String>) -> Fault {
    let list = "klimalade query --tables lists the tables";
    Fault::settings("the query reads a table that is not there")
        .at("query")
        .found(name.to_owned())
        .hint(match near {
            Some(near) => format!("did you mean {near}; {list}"),
            None => list.to_owned(),
        })
}
