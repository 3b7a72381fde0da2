//! `klimalade new`: the folder of a pipeline that asks nothing which can be found out.

use std::path::Path;

use klimalade_connect::Registry;
use klimalade_model::{Fault, Result, nearest};
use schemars::Schema;
use serde_json::Value;

use crate::{
    address::{Known, known},
    arguments::{Arguments, New},
    connectors::registry,
    output::{data, note},
    probe::names::ascii,
    setup::Ground,
};

/// Stands in map.sql until a draft takes its place.
pub(crate) const PLACEHOLDER: &str = "'skip:not_written'";
/// Longest line of a comment.
const LINE: usize = 116;

/// `klimalade new`.
pub(crate) fn new(arguments: &Arguments, new: &New) -> Result<u8> {
    let name = new.pipeline.as_str();
    check_name(name)?;
    let registry = registry();
    let connector = new.connector.as_str();
    let schema = &entry(&registry, connector)?.schema;
    let ground = Ground::read(arguments)?;
    let folder = arguments.home.join("pipelines").join(name);
    let is_taken = ground.catalogue.pipelines.contains_key(name) || ground.catalogue.broken.contains_key(name);
    if folder.exists() || is_taken {
        return Err(Fault::settings("there is a pipeline of that name")
            .at(folder.display().to_string())
            .found(if folder.exists() {
                "its folder"
            } else {
                "one of the binary"
            })
            .hint("another name, or: klimalade probe <pipeline>"));
    }
    let known = known(connector, new.address.as_deref())?;
    let files = [
        ("pipeline.toml", pipeline_toml(name, connector, schema, &known)),
        ("map.sql", map_sql(name)),
        ("notes.md", notes(name)),
    ];
    for (file, text) in &files {
        write(&folder, file, text)?;
        data(format!("wrote {}", folder.join(file).display()));
    }
    let todo = known_todo(&files[0].1);
    if !todo.is_empty() {
        note(format!("first: fill in {} under [source]", todo.join(", ")));
    }
    note(format!("next: klimalade probe {name} --write"));
    Ok(0)
}

fn check_name(name: &str) -> Result<()> {
    let letters = name
        .chars()
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    let words: Vec<&str> = name.split('_').collect();
    let begins = name.starts_with(|letter: char| letter.is_ascii_lowercase());
    if letters && begins && words.len() >= 2 && words.iter().all(|word| !word.is_empty()) {
        return Ok(());
    }
    let right = ascii(name);
    let hint = match right.contains('_') && right.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        true => format!("klimalade new {right}"),
        false => "klimalade new <agency>_<dataset>, such as aarhus_cykelstier".to_owned(),
    };
    Err(
        Fault::settings("a pipeline is named <agency>_<dataset> in small ASCII letters")
            .found(name.to_owned())
            .hint(hint),
    )
}

fn entry<'r>(registry: &'r Registry, name: &str) -> Result<&'r klimalade_connect::Entry> {
    registry.entry(name).map_err(
        |fault| match nearest(name, registry.entries().map(|entry| entry.name)) {
            Some(near) => fault.hint(format!("--connector {near}")),
            None => fault,
        },
    )
}

fn write(folder: &Path, file: &str, text: &str) -> Result<()> {
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(file), text));
    written.map_err(|source| {
        Fault::settings("the folder cannot be written")
            .at(folder.join(file).display().to_string())
            .because(source)
            .hint("--home names the folder above pipelines/")
    })
}

/// What `[source]` still asks for.
fn known_todo(text: &str) -> Vec<String> {
    let source = text
        .split("[source]")
        .nth(1)
        .unwrap_or_default()
        .split("\n[")
        .next()
        .unwrap_or_default();
    let lines = source
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains("TODO"));
    lines
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect()
}

fn pipeline_toml(name: &str, connector: &str, schema: &Schema, known: &Known) -> String {
    let (agency, dataset) = name.split_once('_').unwrap_or((name, ""));
    let title = format!("{} ({agency})", dataset.replace('_', " "));
    let source = source_lines(connector, schema, known);
    format!(
        r#"# TODO marks what only you know; `klimalade probe {name} --write` fills in the rest.
version = 1
title_en = "{title}"
title_da = "{title}"
# `klimalade schema sources`; one of your own is a row of schemas/codes/sources.csv under --home.
source_id = "TODO"
table = "observation"
# `klimalade schema licences`
licence_code = "TODO"

[source]
connector = "{connector}"
{source}
[columns]

[publishes]
# `klimalade schema indicators`; probe names the likeliest.
indicators = ["TODO"]
"#
    )
}

/// The settings that must be there, each under its doc comment; the others by name.
fn source_lines(connector: &str, schema: &Schema, known: &Known) -> String {
    let nothing = serde_json::Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&nothing);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (mut lines, mut others) = (String::new(), Vec::new());
    for (setting, described) in properties {
        let given = known.settings.get(setting.as_str());
        if given.is_none() && !required.contains(&setting.as_str()) {
            others.push(setting.as_str());
            continue;
        }
        let doc = described.get("description").and_then(Value::as_str).unwrap_or_default();
        for line in wrapped(doc) {
            lines.push_str(&format!("# {line}\n"));
        }
        let value = given.cloned().unwrap_or_else(|| placeholder(described));
        lines.push_str(&format!("{setting} = {value}\n"));
    }
    for line in wrapped(&format!(
        "More, where it needs them (`klimalade connectors {connector}`): {}.",
        others.join(", ")
    )) {
        lines.push_str(&format!("# {line}\n"));
    }
    lines
}

fn placeholder(described: &Value) -> String {
    match described.get("type").and_then(Value::as_str) {
        Some("array") => "[\"TODO\"]".to_owned(),
        Some("integer" | "number") => "0".to_owned(),
        _ => "\"TODO\"".to_owned(),
    }
}

/// The first paragraph in lines of a comment.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split("\n\n").next().unwrap_or_default().split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn map_sql(name: &str) -> String {
    format!("-- `klimalade probe {name} --write` puts a first draft here.\nSELECT {PLACEHOLDER} AS fate FROM raw r\n")
}

fn notes(name: &str) -> String {
    let (agency, dataset) = name.split_once('_').unwrap_or((name, ""));
    format!(
        "# {} ({agency})\n\nverified_live: never\n\n- What the reader of the figures must know, and what was left out.\n",
        dataset.replace('_', " ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_wrong_name_is_refused_with_the_right_spelling() {
        assert!(check_name("aarhus_cykelstier").is_ok());
        for (wrong, hint) in [
            ("Århus_Cykelstier", "klimalade new aarhus_cykelstier"),
            ("aarhus-cykelstier", "klimalade new aarhus_cykelstier"),
            ("aarhus__stier", "klimalade new aarhus_stier"),
            (
                "cykelstier",
                "klimalade new <agency>_<dataset>, such as aarhus_cykelstier",
            ),
            ("1_a", "klimalade new <agency>_<dataset>, such as aarhus_cykelstier"),
            ("../x_y", "klimalade new x_y"),
        ] {
            assert_eq!(check_name(wrong).unwrap_err().hint_text(), Some(hint), "{wrong}");
        }
    }

    #[test]
    fn the_template_of_every_connector_can_be_read_and_is_short() {
        for entry in registry().entries() {
            let known = known(entry.name, None).unwrap();
            let toml = pipeline_toml("by_tal", entry.name, &entry.schema, &known);
            let files = [
                ("pipeline.toml", toml.clone()),
                ("map.sql", map_sql("by_tal")),
                ("notes.md", notes("by_tal")),
            ];
            let lines: usize = files.iter().map(|(_, text)| text.lines().count()).sum();
            assert!(lines <= 55, "{}: {lines} lines\n{toml}", entry.name);
            assert!(toml.lines().all(|line| line.chars().count() <= 120), "{toml}");
            let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
            let read = klimalade_pipeline::Pipeline::read("by_tal", klimalade_pipeline::Origin::Home, files.into());
            read.unwrap_or_else(|fault| panic!("{}: {fault:?}\n{toml}", entry.name));
        }
    }
}
