//! The draft in the operator's folder; what stands there keeps its place and its comments.

use std::path::Path;

use klimalade_model::{Fault, Result};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{draft::Draft, forms::Correction};
use crate::new::PLACEHOLDER;

/// Errors: Settings, where columns or map.sql are written already.
pub(super) fn refuse_written(folder: &Path) -> Result<()> {
    let wrong = |what: &str, file: &str| {
        Fault::settings(what.to_owned())
            .at(folder.join(file).display().to_string())
            .hint("--force writes over it")
    };
    let document = parsed(folder, &read(folder, "pipeline.toml")?)?;
    let columns = document.get("columns").and_then(Item::as_table_like);
    if columns.is_some_and(|columns| !columns.is_empty()) {
        return Err(wrong("the pipeline has columns already", "pipeline.toml"));
    }
    match read(folder, "map.sql")?.contains(PLACEHOLDER) {
        true => Ok(()),
        false => Err(wrong("map.sql is written already", "map.sql")),
    }
}

fn parsed(folder: &Path, text: &str) -> Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        Fault::settings("pipeline.toml cannot be read")
            .at(folder.join("pipeline.toml").display().to_string())
            .because(error)
    })
}

/// Writes `[columns]` and the settings that follow into pipeline.toml, map.sql, and the header of the expected rows.
/// Gives the names of what was written. Errors: Settings.
pub(super) fn write(folder: &Path, draft: &Draft, corrections: &[Correction]) -> Result<Vec<&'static str>> {
    let toml = read(folder, "pipeline.toml")?;
    let mut document = parsed(folder, &toml)?;
    fill(&mut document, draft, corrections);
    put(folder, "pipeline.toml", &document.to_string())?;
    put(folder, "map.sql", &draft.sql)?;
    let mut written = vec!["pipeline.toml", "map.sql"];
    if !folder.join("test/expected.csv").exists() {
        put(folder, "test/expected.csv", &draft.expected)?;
        written.push("test/expected.csv");
    }
    Ok(written)
}

fn fill(document: &mut DocumentMut, draft: &Draft, corrections: &[Correction]) {
    if let Some(source) = document.get_mut("source").and_then(Item::as_table_like_mut) {
        for correction in corrections {
            set(source, correction.path, &correction.value);
        }
    }
    if let Some(table) = draft.table
        && document.get("table").and_then(Item::as_str) == Some("observation")
    {
        replace(document.as_table_mut(), "table", table.into());
    }
    if draft.sums {
        document["rows_per_row"] = toml_edit::value("aggregate");
    }
    if !document.get("columns").is_some_and(Item::is_table_like) {
        document["columns"] = Item::Table(Table::new());
    }
    if let Some(columns) = document["columns"].as_table_like_mut() {
        let old: Vec<String> = columns.iter().map(|(name, _)| name.to_owned()).collect();
        old.iter().for_each(|name| drop(columns.remove(name)));
        for (name, kind, source, is_id) in &draft.columns {
            let mut column = InlineTable::new();
            column.insert("type", kind.word().into());
            if name != source {
                column.insert("from", source.as_str().into());
            }
            if *is_id {
                column.insert("id", true.into());
            }
            columns.insert(name, Item::Value(Value::InlineTable(column)));
        }
    }
    if !draft.others.is_empty()
        && let Some(columns) = document["columns"].as_table_mut()
    {
        let before = columns
            .decor()
            .prefix()
            .and_then(|prefix| prefix.as_str())
            .unwrap_or("\n")
            .to_owned();
        let before: String = before
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(OTHERS))
            .collect();
        columns
            .decor_mut()
            .set_prefix(format!("{before}{OTHERS}{}\n", draft.others.join(", ")));
    }
    if draft.all_municipalities {
        let mut expected = InlineTable::new();
        expected.insert("level", "municipality".into());
        put_in(document, "checks", "expected_areas", expected.into());
    }
    if let Some(area) = &draft.only_area {
        put_in(document, "publishes", "areas", Array::from_iter([area.as_str()]).into());
    }
}

/// In front of the columns that are not declared.
const OTHERS: &str = "# On the page too: ";

fn put_in(document: &mut DocumentMut, table: &str, name: &str, value: Value) {
    if !document.get(table).is_some_and(Item::is_table_like) {
        document[table] = Item::Table(Table::new());
    }
    if let Some(table) = document[table].as_table_like_mut() {
        table.insert(name, Item::Value(value));
    }
}

fn set(table: &mut dyn TableLike, path: &[&str], value: &serde_json::Value) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        replace(table, first, of_json(value));
        return;
    }
    if !table.get(first).is_some_and(Item::is_table_like) {
        table.insert(first, Item::Value(InlineTable::new().into()));
    }
    if let Some(below) = table.get_mut(first).and_then(Item::as_table_like_mut) {
        set(below, rest, value);
    }
    if let Some(inline) = table.get_mut(first).and_then(Item::as_inline_table_mut) {
        inline.fmt();
    }
}

/// A value in the place of another keeps the comment behind it.
fn replace(table: &mut dyn TableLike, name: &str, mut value: Value) {
    if let Some(old) = table.get(name).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    table.insert(name, Item::Value(value));
}

fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(flag) => (*flag).into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(values) => Value::Array(values.iter().map(of_json).collect()),
        serde_json::Value::Object(members) => {
            let mut table = InlineTable::new();
            for (name, member) in members {
                table.insert(name, of_json(member));
            }
            table.into()
        }
        serde_json::Value::Null => "".into(),
    }
}

fn read(folder: &Path, file: &str) -> Result<String> {
    std::fs::read_to_string(folder.join(file)).map_err(|source| {
        Fault::settings("a file of the pipeline cannot be read")
            .at(folder.join(file).display().to_string())
            .because(source)
    })
}

fn put(folder: &Path, file: &str, text: &str) -> Result<()> {
    let path = folder.join(file);
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| {
        Fault::settings("the proposal cannot be written")
            .at(path.display().to_string())
            .because(source)
            .hint("--home names the folder above pipelines/")
    })
}
