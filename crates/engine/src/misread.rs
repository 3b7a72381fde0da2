//! SQL that cannot be planned, in words: where it stands, what there is instead, and the name that was most likely
//! meant. DataFusion knows all of it and says it to programmers.

use std::collections::BTreeSet;

use datafusion::{
    common::{Column, SchemaError},
    error::DataFusionError,
    prelude::SessionContext,
};
use klimalade_model::{Fault, Kind, nearest};

use crate::error::sql_fault;

/// The place of a pipeline's SQL.
const MAP: &str = "map.sql";

/// What reads and calls, in a sentence: the file of a pipeline, or a question on the command line.
fn subject(place: &str) -> &str {
    if place == MAP { MAP } else { "the query" }
}

/// Names shown where one was not found.
const SHOWN: usize = 24;

/// A fault of planning `sql`, which stands in the file `place`.
pub(crate) fn planning_fault(session: &SessionContext, place: &str, error: DataFusionError) -> Fault {
    let at = match span(&error) {
        Some((line, column)) => format!("{place}:{line}:{column}"),
        None => place.to_owned(),
    };
    let text = root(&error).strip_backtrace();
    let fault = match root(&error) {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => unknown_column(place, field, valid_fields),
            SchemaError::AmbiguousReference { field } => Fault::settings("a column could be of two tables")
                .found(field.flat_name())
                .hint(format!("write the table's name before it: r.{}", field.name)),
            _ => sql_fault("the SQL cannot be planned", Kind::Settings, error),
        },
        DataFusionError::SQL(parser, _) => {
            let said = parser.to_string();
            let said = said.strip_prefix("sql parser error: ").unwrap_or(&said);
            let said = said.split(" at Line: ").next().unwrap_or(said);
            let fault = Fault::settings("the SQL cannot be read");
            match said.split_once(", found: ") {
                Some((expected, found)) => fault
                    .expected(expected.trim_start_matches("Expected: ").to_owned())
                    .found(found.to_owned()),
                None => fault.found(said.to_owned()),
            }
        }
        _ => {
            if let Some(table) = between(&text, "table '", "' not found") {
                unknown_table(session, place, table)
            } else if let Some(function) = between(&text, "Invalid function '", "'") {
                unknown_function(session, place, function)
            } else {
                planned_not(place, &text)
                    .unwrap_or_else(|| sql_fault("the SQL cannot be planned", Kind::Settings, error))
            }
        }
    };
    fault.at(at)
}

fn unknown_column(place: &str, field: &Column, valid: &[Column]) -> Fault {
    let of_table = |column: &&Column| field.relation.is_none() || column.relation == field.relation;
    let mut names: BTreeSet<&str> = valid
        .iter()
        .filter(of_table)
        .map(|column| column.name.as_str())
        .collect();
    let fault = match &field.relation {
        Some(table) => Fault::settings(format!("{} reads a column that {table} has not", subject(place))),
        None => Fault::settings(format!("{} reads a column that no table has", subject(place))),
    };
    if names.is_empty() {
        names = valid.iter().map(|column| column.name.as_str()).collect();
    }
    let other = |column: &&Column| column.name == field.name;
    let hint = nearest(&field.name, names.iter().copied())
        .map(|name| format!("did you mean {name}"))
        .or_else(|| {
            let column = valid.iter().find(other)?;
            Some(format!("did you mean {}", column.flat_name()))
        });
    let fault = fault.expected(listed(&names)).found(field.flat_name());
    let otherwise = match place {
        MAP => "a raw column is declared under [columns] of pipeline.toml",
        _ => "klimalade query \"DESCRIBE core.observation\" lists the columns of a table",
    };
    fault.hint(hint.unwrap_or(otherwise.to_owned()))
}

fn unknown_table(session: &SessionContext, place: &str, table: &str) -> Fault {
    let short = table.strip_prefix("datafusion.").unwrap_or(table);
    let short = short.strip_prefix("public.").unwrap_or(short);
    let mut names = BTreeSet::new();
    if let Some(catalog) = session.catalog("datafusion") {
        for schema in catalog
            .schema_names()
            .iter()
            .filter(|name| *name != "information_schema")
        {
            let prefix = if schema == "public" {
                String::new()
            } else {
                format!("{schema}.")
            };
            let tables = catalog.schema(schema).map(|schema| schema.table_names());
            names.extend(tables.into_iter().flatten().map(|name| format!("{prefix}{name}")));
        }
    }
    // Of the same kind, if it names one: a misspelt code list is no map.
    let kind = short.split_once('.').map(|(kind, _)| format!("{kind}."));
    let same: BTreeSet<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| kind.as_ref().is_none_or(|kind| name.starts_with(kind.as_str())))
        .collect();
    let none_of_kind = same.is_empty() && kind.is_some();
    let candidates = if same.is_empty() {
        names.iter().map(String::as_str).collect()
    } else {
        same
    };
    let hint = match (nearest(short, candidates.iter().copied()), kind.as_deref()) {
        (Some(name), _) => format!("did you mean {name}"),
        (None, Some("codes.")) => "klimalade schema lists the code lists".to_owned(),
        (None, Some("maps.")) => format!("write maps/{}.csv", short.trim_start_matches("maps.")),
        _ if place == MAP => "map.sql reads raw, codes.<list> and maps.<file>".to_owned(),
        _ => "klimalade query --tables lists the tables".to_owned(),
    };
    let fault = Fault::settings(format!("{} reads a table that is not there", subject(place)));
    let fault = match (none_of_kind, kind.as_deref()) {
        (true, Some("maps.")) => fault.expected("a file in maps/, of which there is none"),
        (true, _) => fault.expected("raw, codes.<list>, maps.<file>"),
        _ => fault.expected(listed(&candidates)),
    };
    fault.found(short.to_owned()).hint(hint)
}

fn unknown_function(session: &SessionContext, place: &str, function: &str) -> Fault {
    let state = session.state();
    let names: BTreeSet<&str> = state
        .scalar_functions()
        .keys()
        .chain(state.aggregate_functions().keys())
        .chain(state.window_functions().keys())
        .map(String::as_str)
        .collect();
    let fault =
        Fault::settings(format!("{} calls a function that is not there", subject(place))).found(function.to_owned());
    fault.hint(match nearest(function, names.iter().copied()) {
        Some(name) => format!("did you mean {name}"),
        None => "functions: https://datafusion.apache.org/user-guide/sql, and decimal_comma, civil_date".to_owned(),
    })
}

/// Words that DataFusion puts before what it has to say.
const PREFIXES: [&str; 4] = [
    "Error during planning: ",
    "This feature is not implemented: ",
    "Internal error: ",
    "type_coercion\ncaused by\n",
];

/// Its own words, without what it says of itself; and where a text stands for a number, what to do about it. None for a
/// fault of ours that travelled inside.
fn planned_not(place: &str, text: &str) -> Option<Fault> {
    let mut said = text;
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| said.strip_prefix(prefix)) {
        said = rest;
    }
    if let Some((_, rest)) = said.split_once("No function matches the given name and argument types ") {
        said = rest.split(". You might").next().unwrap_or(rest);
        return Some(text_for_number(
            Fault::settings(format!(
                "{} calls a function with values of other types",
                subject(place)
            ))
            .found(said.to_owned()),
            said,
        ));
    }
    if text == said {
        return None;
    }
    let line = said.lines().next().unwrap_or_default();
    Some(text_for_number(
        Fault::settings("the SQL cannot be planned").found(line.to_owned()),
        line,
    ))
}

fn text_for_number(fault: Fault, said: &str) -> Fault {
    if said.contains("Utf8") {
        return fault
            .hint("text is no number: decimal_comma(...), or CAST(... AS DOUBLE) where it has a decimal point");
    }
    fault
}

fn listed(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).copied().collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

/// The error below DataFusion's wrappers.
fn root(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => root(inner),
        DataFusionError::Collection(errors) => errors.first().map_or(error, root),
        DataFusionError::Shared(inner) => root(inner),
        other => other,
    }
}

/// Line and column, from 1.
fn span(error: &DataFusionError) -> Option<(u64, u64)> {
    if let Some(span) = error.diagnostic().and_then(|diagnostic| diagnostic.span)
        && span.start.line > 0
    {
        return Some((span.start.line, span.start.column));
    }
    let text = root(error).strip_backtrace();
    let (_, rest) = text.rsplit_once(" at Line: ")?;
    let (line, rest) = rest.split_once(", Column: ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}
