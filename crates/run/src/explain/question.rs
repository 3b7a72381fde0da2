use klimalade_model::{Fault, FieldType, Result, Schemas, Table, nearest};

use crate::provenance::COMMON;

/// Which rows are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) table: Table,
    pub(crate) conditions: Vec<Condition>,
}

/// One column and the value that it must have; empty is null.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) column: String,
    pub(crate) value: String,
    pub(crate) sql: String,
}

impl Question {
    /// Reads `column=value`, or values of the unique key in its order. Errors: Settings.
    pub(crate) fn read(schemas: &Schemas, table: &str, key: &[String]) -> Result<Self> {
        let Some(table) = schemas.tables.get(table) else {
            let names: Vec<&str> = schemas.tables.keys().map(String::as_str).collect();
            let meant = nearest(table, names.iter().copied());
            return Err(Fault::settings("no such table in the common schema")
                .found(table.to_owned())
                .expected(names.join(", "))
                .hint(meant.map_or("klimalade schema".to_owned(), |name| {
                    format!("klimalade explain {name} ...")
                })));
        };
        if table.layer != "core" {
            return Err(
                Fault::settings("only rows of core are explained: the others are made from them")
                    .found(table.sql_name())
                    .hint(format!(
                        "klimalade query \"SELECT * FROM {} LIMIT 10\"",
                        table.sql_name()
                    )),
            );
        }
        if key.is_empty() {
            return Err(Fault::settings("which row is not said")
                .expected("column=value for each column that tells the row apart, or the key's values in its order")
                .hint(format!(
                    "klimalade explain {} {}=...",
                    table.name,
                    table.unique_key.join("=... ")
                )));
        }
        let mut conditions: Vec<Condition> = Vec::with_capacity(key.len());
        for (at, word) in key.iter().enumerate() {
            let (column, value) = match word.split_once('=') {
                Some((column, value)) => (column.to_owned(), value.to_owned()),
                None => match table.unique_key.get(at) {
                    Some(column) => (column.clone(), word.clone()),
                    None => {
                        return Err(Fault::settings("more values than the key has columns")
                            .found(word.clone())
                            .expected(table.unique_key.join(", "))
                            .hint("column=value"));
                    }
                },
            };
            if conditions.iter().any(|known| known.column == column) {
                return Err(Fault::settings("a column is asked for twice").found(column));
            }
            let sql = condition(table, &column, &value)?;
            conditions.push(Condition { column, value, sql });
        }
        Ok(Self {
            table: table.clone(),
            conditions,
        })
    }

    /// The command again, with another value for one of its columns.
    pub(crate) fn typed(&self, column: &str, value: &str) -> String {
        let mut words = vec!["klimalade explain".to_owned(), self.table.name.clone()];
        let mut given = false;
        for condition in &self.conditions {
            let is_it = condition.column == column;
            given |= is_it;
            let value = if is_it { value } else { &condition.value };
            words.push(format!("{}={}", condition.column, quoted(value)));
        }
        if !given {
            words.push(format!("{column}={}", quoted(value)));
        }
        words.join(" ")
    }
}

/// As a shell takes it for one word.
fn quoted(value: &str) -> String {
    if value.contains(|letter: char| letter.is_whitespace() || "'\"$`\\&|;<>()*?!#".contains(letter)) {
        return format!("'{}'", value.replace('\'', "'\\''"));
    }
    value.to_owned()
}

fn condition(table: &Table, column: &str, value: &str) -> Result<String> {
    let kind = match table.column(column) {
        Some(known) => known.field.kind,
        None if column == "retrieved_at" => FieldType::TimestampUtc,
        None if column == "pipeline" || COMMON.contains(&column) => FieldType::Text,
        None if table.partition_by.iter().any(|level| level == column) => FieldType::Int32,
        None => {
            let names = table.columns.iter().map(|known| known.field.name.as_str());
            let names: Vec<&str> = names.chain(COMMON).chain(["pipeline"]).collect();
            // A column of the key is meant more often than another.
            let of_key = nearest(column, table.unique_key.iter().map(String::as_str));
            let meant = of_key.or_else(|| nearest(column, names.iter().copied()));
            return Err(Fault::settings("the table has no such column")
                .at(table.name.clone())
                .found(column.to_owned())
                .expected(names.join(", "))
                .hint(match meant {
                    Some(name) => format!("{name}={value}"),
                    None => format!("klimalade schema {}", table.name),
                }));
        }
    };
    let name = format!("\"{column}\"");
    if value.is_empty() {
        return Ok(format!("{name} IS NULL"));
    }
    let wrong = |expected: &str| {
        Fault::settings("the value cannot be one of this column")
            .at(column.to_owned())
            .found(value.to_owned())
            .expected(expected.to_owned())
    };
    Ok(match kind {
        FieldType::Text => format!("{name} = '{}'", value.replace('\'', "''")),
        FieldType::Int16 | FieldType::Int32 | FieldType::Int64 => {
            let number: i64 = value.parse().map_err(|_| wrong("a whole number"))?;
            format!("{name} = {number}")
        }
        FieldType::Float64 => {
            let number: f64 = value.parse().map_err(|_| wrong("a number with a decimal point"))?;
            format!("{name} = CAST('{number}' AS DOUBLE)")
        }
        FieldType::Bool => {
            let yes: bool = value.parse().map_err(|_| wrong("true or false"))?;
            format!("{name} = {yes}")
        }
        FieldType::Date => {
            let day: jiff::civil::Date = value.parse().map_err(|_| wrong("a day: 2024-01-01"))?;
            format!("{name} = DATE '{day}'")
        }
        FieldType::TimestampUtc => {
            let instant: jiff::Timestamp = value.parse().map_err(|_| wrong("an instant: 2024-01-01T00:00:00Z"))?;
            format!("{name} = arrow_cast('{instant}', 'Timestamp(Microsecond, Some(\"UTC\"))')")
        }
        FieldType::Wkb => return Err(wrong("a column that rows can be told apart by")),
    })
}
