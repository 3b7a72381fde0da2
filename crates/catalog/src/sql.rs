use arrow::datatypes::DataType;
use klimalade_model::{FieldType, Table};

use crate::{
    codes,
    facts::{COMMON, Facts, is_flat},
    package::PIPELINES,
};

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// DuckDB 2: older ones have GEOMETRY in an extension only.
    DuckDb,
    /// Apache Spark 4.
    Spark,
}

/// A column of a view and its type.
type Column = (String, FieldType);

/// catalog/views_<dialect>.sql: the statements that make the lake's tables known by name.
pub(crate) fn views(facts: &Facts<'_>, dialect: Dialect) -> String {
    let mut out = head(facts, dialect);
    for schema in ["core", "out", "codes"] {
        let word = if dialect == Dialect::Spark {
            "DATABASE"
        } else {
            "SCHEMA"
        };
        out.push_str(&format!("CREATE {word} IF NOT EXISTS {schema};\n"));
    }
    out.push('\n');
    for table in facts.schemas.tables.values() {
        let (name, columns) = (table.sql_name(), columns(facts, table));
        let date = facts.run_date;
        out.push_str(&match (table.name.as_str(), dialect) {
            ("ledger", _) => ledger(&columns, dialect),
            ("run_date", _) => {
                format!("-- The Danish date of the night that wrote this.\nCREATE OR REPLACE VIEW run_date AS SELECT DATE '{date}' AS run_date;\n\n")
            }
            ("pipelines", Dialect::DuckDb) => duckdb(&name, &columns, PIPELINES, &[]),
            ("pipelines", Dialect::Spark) => spark(&name, &columns, PIPELINES),
            (_, Dialect::DuckDb) if facts.has_files(&table.name) => {
                duckdb(&name, &columns, &path(table), &table.partition_by)
            }
            (_, Dialect::DuckDb) => nothing(&name, &columns),
            (_, Dialect::Spark) => spark(&name, &columns, path(table).trim_end_matches("/**/*.parquet")),
        });
    }
    for list in facts.schemas.codes.values() {
        let kinds = list.header.iter().map(|column| {
            let kind = match codes::kind(column) {
                DataType::Boolean => FieldType::Bool,
                DataType::Int64 => FieldType::Int64,
                DataType::Date32 => FieldType::Date,
                _ => FieldType::Text,
            };
            (column.clone(), kind)
        });
        let (name, columns, path) = (
            format!("codes.{}", list.name),
            kinds.collect::<Vec<Column>>(),
            codes::key(&list.name),
        );
        out.push_str(&match dialect {
            Dialect::DuckDb => duckdb(&name, &columns, &path, &[]),
            Dialect::Spark => spark(&name, &columns, &path),
        });
    }
    out
}

fn head(facts: &Facts<'_>, dialect: Dialect) -> String {
    let warning = facts
        .warning()
        .map(|warning| format!("-- {}\n", warning.en))
        .unwrap_or_default();
    let how = match dialect {
        Dialect::DuckDb => {
            "-- Views over the lake for DuckDB 2. The lake's address is a variable of the session, asked at every query, so that a
-- database file that holds the views can be moved; without it the lake is the working directory:
--
--     SET VARIABLE lake = 'demo-lake';        -- or 's3://bucket/prefix', after INSTALL httpfs; LOAD httpfs
--     .read demo-lake/catalog/views_duckdb.sql
--
-- Every column of a path is declared: pipeline is text, year and month are whole numbers. A table without files is a view
-- with its columns and no rows."
        }
        Dialect::Spark => {
            "-- Tables over the lake for Apache Spark 4. The lake's address is substituted where a statement is read:
--
--     spark-sql -d lake=/data/demo-lake -f /data/demo-lake/catalog/views_spark.sql
--     SET lake = /data/demo-lake;             -- or in a session, then each statement by spark.sql
--
-- They are external tables with declared columns, not views: Spark infers no schema from a GEOMETRY column in EPSG:25832
-- (it is BINARY here: WKB), and a temporary view has no database. Dropping them leaves the files. A table without files
-- has its columns and no rows. Run it again after a night: Spark keeps a table's list of files."
        }
    };
    format!("{warning}{how}\n\n")
}

/// Every column that a reader sees: the files', then the path's.
fn columns(facts: &Facts<'_>, table: &Table) -> Vec<Column> {
    let mut columns: Vec<Column> = table
        .columns
        .iter()
        .map(|column| (column.field.name.clone(), column.field.kind))
        .collect();
    let kind_of = |name: &str| {
        facts
            .schemas
            .fields
            .get(name)
            .map_or(FieldType::Text, |field| field.kind)
    };
    if !is_flat(table) {
        columns.extend(COMMON.iter().map(|name| ((*name).to_owned(), kind_of(name))));
    }
    let in_path = table.partition_by.iter().filter(|name| table.column(name).is_none());
    columns.extend(in_path.map(|name| (name.clone(), path_kind(name))));
    columns
}

/// `year` and `month` of a path are int32, as `klimalade query` gives them.
fn path_kind(name: &str) -> FieldType {
    match name {
        "year" | "month" => FieldType::Int32,
        _ => FieldType::Text,
    }
}

/// Where a table's files are, below the lake.
fn path(table: &Table) -> String {
    match table.partition_by.is_empty() {
        true => format!("{}/{}.parquet", table.layer, table.name),
        false => format!("{}/{}/**/*.parquet", table.layer, table.name),
    }
}

fn duckdb(name: &str, columns: &[Column], path: &str, partition_by: &[String]) -> String {
    let mut options = String::new();
    if !partition_by.is_empty() {
        let types = partition_by
            .iter()
            .map(|name| format!("'{name}': {}", word(path_kind(name), Dialect::DuckDb)));
        let types = types.collect::<Vec<_>>().join(", ");
        options = format!(", hive_partitioning = true, hive_types = {{{types}}}");
    }
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT {}\nFROM read_parquet(coalesce(getvariable('lake'), '.') || '/{path}'{options});\n\n",
        wrapped(columns.iter().map(|(name, _)| quoted(name, Dialect::DuckDb)))
    )
}

/// A view without rows.
fn nothing(name: &str, columns: &[Column]) -> String {
    let casts = columns.iter().map(|(name, kind)| {
        format!(
            "CAST(NULL AS {}) AS {}",
            word(*kind, Dialect::DuckDb),
            quoted(name, Dialect::DuckDb)
        )
    });
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT {}\nWHERE false;\n\n",
        wrapped(casts)
    )
}

fn spark(name: &str, columns: &[Column], path: &str) -> String {
    let typed = columns
        .iter()
        .map(|(name, kind)| format!("{} {}", quoted(name, Dialect::Spark), word(*kind, Dialect::Spark)));
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} ({})\nUSING parquet OPTIONS (path '${{lake}}/{path}');\n\n",
        wrapped(typed)
    )
}

/// The newest row of each owner and part.
fn ledger(columns: &[Column], dialect: Dialect) -> String {
    let from = match dialect {
        Dialect::DuckDb => "read_parquet(coalesce(getvariable('lake'), '.') || '/ledger/*/*.parquet')",
        Dialect::Spark => "parquet.`${lake}/ledger/*/*.parquet`",
    };
    let names: Vec<String> = columns.iter().map(|(name, _)| quoted(name, dialect)).collect();
    let casts = columns.iter().map(|(name, kind)| {
        let name = quoted(name, dialect);
        format!("CAST({name} AS {}) AS {name}", word(*kind, dialect))
    });
    format!(
        "-- The newest row of each owner and part; a night's name begins with its time. Older nights counted without a sign.\n\
         CREATE OR REPLACE VIEW ledger AS SELECT {}\nFROM (SELECT {},\n  row_number() OVER (PARTITION BY pipeline, part ORDER BY run_id DESC) AS place\nFROM {from}) AS nights\nWHERE place = 1;\n\n",
        wrapped(names.into_iter()),
        wrapped(casts)
    )
}

fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::DuckDb => format!("\"{name}\""),
        Dialect::Spark => format!("`{name}`"),
    }
}

/// A type's name.
fn word(kind: FieldType, dialect: Dialect) -> &'static str {
    match (kind, dialect) {
        (FieldType::Text, Dialect::DuckDb) => "VARCHAR",
        (FieldType::Text, Dialect::Spark) => "STRING",
        (FieldType::Int16, _) => "SMALLINT",
        (FieldType::Int32, _) => "INTEGER",
        (FieldType::Int64, _) => "BIGINT",
        (FieldType::Float64, _) => "DOUBLE",
        (FieldType::Bool, _) => "BOOLEAN",
        (FieldType::Date, _) => "DATE",
        (FieldType::TimestampUtc, Dialect::DuckDb) => "TIMESTAMP WITH TIME ZONE",
        (FieldType::TimestampUtc, Dialect::Spark) => "TIMESTAMP",
        (FieldType::Wkb, Dialect::DuckDb) => "GEOMETRY",
        (FieldType::Wkb, Dialect::Spark) => "BINARY",
    }
}

/// Joined by commas, in lines of a readable length.
fn wrapped(items: impl Iterator<Item = String>) -> String {
    const LONGEST: usize = 120;
    let (mut out, mut length) = (String::new(), LONGEST);
    for item in items {
        if !out.is_empty() {
            out.push(',');
        }
        if length + item.len() > LONGEST {
            out.push_str("\n  ");
            length = 0;
        } else {
            out.push(' ');
        }
        length += item.len() + 2;
        out.push_str(&item);
    }
    out
}
