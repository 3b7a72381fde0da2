//! What there is to write, printed from the doc comments and the common schema.

use klimalade_model::{Fault, Result, nearest};
use serde_json::Value;

use crate::{
    arguments::{Arguments, Which},
    connectors::registry,
    output::{self, data, note},
    setup::Ground,
};

/// Columns of a line of the manual.
const WIDTH: usize = 100;

/// `klimalade connectors`.
pub(crate) fn connectors(arguments: &Arguments, which: &Which) -> Result<u8> {
    let registry = registry();
    let Some(name) = &which.name else {
        if arguments.json {
            let names: Vec<&str> = registry.entries().map(|entry| entry.name).collect();
            output::json(&names)?;
        } else {
            registry.entries().for_each(|entry| data(entry.name));
        }
        return Ok(0);
    };
    let entry = registry.entry(name)?;
    if arguments.json {
        output::json(&entry.schema)?;
        return Ok(0);
    }
    let schema = entry.schema.clone().to_value();
    let manual = Manual { root: &schema };
    data(format!("[source]\nconnector = \"{name}\"\n"));
    manual.paragraphs(&schema, "");
    data("");
    manual.table(&schema, &[], "");
    Ok(0)
}

/// Settings as they are written, with type, default and meaning.
struct Manual<'a> {
    root: &'a Value,
}

impl<'a> Manual<'a> {
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str();
        match reference.and_then(|reference| self.root.pointer(reference.trim_start_matches('#'))) {
            Some(schema) => self.resolve(schema),
            None => schema,
        }
    }
    fn branches(&self, schema: &'a Value) -> Vec<&'a Value> {
        let branches = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        let branches = branches.into_iter().flatten().map(|branch| self.resolve(branch));
        branches.filter(|branch| branch["type"] != "null").collect()
    }
    /// The paragraphs of a doc comment.
    fn paragraphs(&self, schema: &Value, indent: &str) {
        for paragraph in schema["description"].as_str().unwrap_or_default().split("\n\n") {
            self::paragraph(paragraph, indent);
        }
    }
    /// Every setting of a table but those in `known`, indented.
    fn table(&self, schema: &'a Value, known: &[&str], indent: &str) {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let settings = schema["properties"].as_object().into_iter().flatten();
        for (name, setting) in settings.filter(|(name, _)| !known.contains(&name.as_str())) {
            let needed = match (required.contains(&name.as_str()), &setting["default"]) {
                (true, _) => "required".to_owned(),
                (false, Value::Null) => "optional".to_owned(),
                (false, default) => format!("default {default}"),
            };
            data(format!("{indent}{name}  ({}, {needed})", self.kind(setting)));
            let below = format!("{indent}    ");
            let described = if setting["description"].is_string() {
                setting
            } else {
                self.resolve(setting)
            };
            self.paragraphs(described, &below);
            self.forms(setting, &below);
        }
    }
    /// The words, or the forms, that a setting may have.
    fn forms(&self, setting: &'a Value, indent: &str) {
        let schema = self.resolve(setting);
        let inner = [&schema["items"], &schema["additionalProperties"]];
        if let Some(inner) = inner.into_iter().find(|inner| inner.is_object()) {
            return self.forms(inner, indent);
        }
        if schema["properties"].is_object() {
            return self.table(schema, &[], indent);
        }
        for branch in self.branches(schema) {
            let meaning = branch["description"].as_str().unwrap_or_default().replace('\n', " ");
            if let Some(word) = branch["const"].as_str() {
                paragraph(&format!("\"{word}\": {meaning}"), indent);
            } else if let Some(properties) = branch["properties"].as_object() {
                let tag = properties
                    .iter()
                    .find_map(|(name, schema)| Some((name, schema["const"].as_str()?)));
                match tag {
                    Some((name, word)) => {
                        paragraph(&format!("{{ {name} = \"{word}\", ... }}: {meaning}"), indent);
                        self.table(branch, &[name], &format!("{indent}    "));
                    }
                    None => self.table(branch, &[], indent),
                }
            } else {
                self.forms(branch, indent);
            }
        }
    }
    fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolve(schema);
        if schema["const"].is_string() || schema["enum"].is_array() {
            return "word".to_owned();
        }
        let branches = self.branches(schema);
        if !branches.is_empty() {
            let mut kinds: Vec<String> = branches.into_iter().map(|branch| self.kind(branch)).collect();
            kinds.dedup();
            return kinds.join(" or ");
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kind.unwrap_or("anything") {
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "true or false".to_owned(),
            "array" => format!("list of {}", self.kind(&schema["items"])),
            "object" if schema["additionalProperties"].is_object() => {
                format!("table of {}", self.kind(&schema["additionalProperties"]))
            }
            "object" => "table".to_owned(),
            other => other.to_owned(),
        }
    }
}

fn paragraph(text: &str, indent: &str) {
    for line in wrapped(text, WIDTH.saturating_sub(indent.len())) {
        data(format!("{indent}{line}"));
    }
}

/// Lines of at most so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `klimalade schema`.
pub(crate) fn schema(arguments: &Arguments, which: &Which) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let schemas = &ground.schemas;
    if which.name.as_deref() == Some("pipeline") {
        output::json(&crate::pipeline_schema()?)?;
        return Ok(0);
    }
    let Some(name) = &which.name else {
        data("tables");
        for table in schemas.tables.values() {
            data(format!("  {:26} {}", table.name, table.description_en));
        }
        data("code lists");
        for list in schemas.codes.values() {
            data(format!("  {:26} {} codes", list.name, list.rows.len()));
        }
        data("files");
        data(format!("  {:26} JSON schema of pipeline.toml, for editors", "pipeline"));
        return Ok(0);
    };
    if let Some(table) = schemas.tables.get(name) {
        note(&table.description_en);
        let rows = table
            .columns
            .iter()
            .map(|column| {
                let key = if table.unique_key.contains(&column.field.name) {
                    "key"
                } else if column.required {
                    ""
                } else {
                    "nullable"
                };
                vec![
                    column.field.name.clone(),
                    column.field.kind.arrow().to_string(),
                    key.to_owned(),
                    column.field.codes.clone().unwrap_or_default(),
                    column.field.description_en.clone(),
                ]
            })
            .collect();
        output::table(&["column", "type", "key", "codes", "meaning"], rows);
        return Ok(0);
    }
    let list = schemas.codes.get(name).ok_or_else(|| {
        let names = schemas.tables.keys().chain(schemas.codes.keys()).map(String::as_str);
        Fault::settings("no such table or code list").found(name.clone()).hint(
            match nearest(name, names.chain(["pipeline"])) {
                Some(name) => format!("did you mean {name}; klimalade schema lists them"),
                None => "klimalade schema lists them".to_owned(),
            },
        )
    })?;
    let header: Vec<&str> = list.header.iter().map(String::as_str).collect();
    output::table(&header, list.rows.clone());
    Ok(0)
}
