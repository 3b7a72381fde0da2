use klimalade_engine::{LakeTable, TableName, tables_asked};
use klimalade_model::{Fault, Result, nearest};

use crate::{
    house::House,
    inputs::{InputColumns, Inputs},
};

/// Every table that a question names, as it stands in the lake, with the common columns. Errors: Settings, when the
/// question does more than read or names a table that there is not; Contract, when a file that a state names is gone.
pub async fn tables_of(house: &House, sql: &str) -> Result<Vec<LakeTable>> {
    let mut names: Vec<String> = Vec::new();
    for table in house.schemas.tables.values() {
        names.push(table.sql_name());
    }
    names.extend(house.schemas.codes.keys().map(|list| format!("codes.{list}")));
    for asked in tables_asked(sql)? {
        let name = asked.to_string();
        if !names.contains(&name) {
            return Err(not_there(&asked, &name, &names));
        }
    }
    Ok(Inputs::of(house, sql, InputColumns::Common, |_| true).await?.tables)
}

fn not_there(asked: &TableName, name: &str, names: &[String]) -> Fault {
    // Its own name in another layer, before a name that is only alike.
    let elsewhere = names
        .iter()
        .map(String::as_str)
        .find(|known| known.rsplit('.').next() == Some(&asked.name));
    let near = elsewhere.or_else(|| nearest(name, names.iter().map(String::as_str)));
    let list = "klimalade query --tables lists the tables";
    Fault::settings("the query reads a table that is not there")
        .at("query")
        .found(name.to_owned())
        .hint(match near {
            Some(near) => format!("did you mean {near}; {list}"),
            None => list.to_owned(),
        })
}
