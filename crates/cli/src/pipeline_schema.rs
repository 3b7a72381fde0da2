//! The JSON schema of pipeline.toml: the definition's own, with the settings of each connector in `source`.

use klimalade_model::{Fault, Result};
use klimalade_pipeline::Definition;
use serde_json::{Map, Value, json};

/// The JSON schema of pipeline.toml, with the settings of every connector. Errors: Bug.
pub fn pipeline_schema() -> Result<Value> {
    let mut root = schemars::schema_for!(Definition).to_value();
    let mut definitions = Map::new();
    let (mut variants, mut strict) = (Vec::new(), Vec::new());
    for entry in crate::registry().entries() {
        let name = entry.name;
        let (variant, required) = variant(name, entry.schema.clone().to_value(), &mut definitions)?;
        strict.push(json!({ "properties": { "connector": { "const": name } }, "required": required }));
        definitions.insert(format!("source_{name}"), variant);
        variants.push(json!({ "$ref": format!("#/$defs/source_{name}") }));
    }
    let object = root
        .as_object_mut()
        .ok_or_else(|| odd("the schema of pipeline.toml is no object"))?;
    object.insert("title".to_owned(), json!("pipeline.toml"));
    // What editors speak. Nothing newer is used, which a test sees to.
    object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    let source = object
        .get_mut("properties")
        .and_then(|properties| properties.get_mut("source"))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| odd("the definition has no source"))?;
    let description = source.remove("description").unwrap_or_default();
    *source = Map::from_iter([
        ("description".to_owned(), description),
        ("anyOf".to_owned(), Value::Array(variants)),
    ]);
    // A setting that differs by instance stands in [[instance]] only, so it cannot be required in [source] then.
    object.insert(
        "if".to_owned(),
        json!({ "anyOf": [{ "required": ["instance"] }, { "not": { "required": ["source"] } }] }),
    );
    object.insert(
        "else".to_owned(),
        json!({ "properties": { "source": { "anyOf": strict } } }),
    );
    match object.entry("$defs").or_insert_with(|| json!({})) {
        Value::Object(known) => known.append(&mut definitions),
        _ => return Err(odd("the $defs of pipeline.toml are no object")),
    }
    Ok(root)
}

fn odd(what: &str) -> Fault {
    Fault::bug(what)
}

/// One connector's settings as a variant of `source`, and what it requires. Its own definitions go to the root
/// under the connector's name, since two connectors may both have a `Paging`.
fn variant(name: &str, mut settings: Value, definitions: &mut Map<String, Value>) -> Result<(Value, Vec<Value>)> {
    rename(&mut settings, &format!("{name}_"));
    let object = settings
        .as_object_mut()
        .ok_or_else(|| odd(&format!("the settings of {name} are no object")))?;
    object.remove("$schema");
    object.insert("title".to_owned(), json!(name));
    if let Some(Value::Object(own)) = object.remove("$defs") {
        definitions.extend(own.into_iter().map(|(key, value)| (format!("{name}_{key}"), value)));
    }
    let mut required = match object.insert("required".to_owned(), json!(["connector"])) {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    };
    required.push(json!("connector"));
    match object.entry("properties").or_insert_with(|| json!({})) {
        Value::Object(properties) => {
            properties.insert(
                "connector".to_owned(),
                json!({ "const": name, "description": "The protocol." }),
            );
        }
        _ => return Err(odd(&format!("the properties of {name} are no object"))),
    }
    Ok((settings, required))
}

fn rename(value: &mut Value, prefix: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => {
                        if let Some(definition) = text.strip_prefix("#/$defs/") {
                            *text = format!("#/$defs/{prefix}{definition}");
                        }
                    }
                    _ => rename(value, prefix),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, prefix)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if key == "$ref" => {
                            found.insert(text.clone());
                        }
                        _ => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_of_the_schema_leads_somewhere() {
        let schema = pipeline_schema().unwrap();
        let mut found = BTreeSet::new();
        references(&schema, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            assert!(
                schema.pointer(reference.trim_start_matches('#')).is_some(),
                "{reference}"
            );
        }
    }

    /// In draft 7 what stands beside a reference is not read, so nothing may depend on it.
    fn beyond_draft_7(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for name in [
                    "prefixItems",
                    "unevaluatedProperties",
                    "dependentSchemas",
                    "$dynamicRef",
                    "$anchor",
                ] {
                    found.extend(map.contains_key(name).then(|| name.to_owned()));
                }
                if map.contains_key("$ref") {
                    let beside = map
                        .keys()
                        .filter(|key| !["$ref", "description", "default"].contains(&key.as_str()));
                    found.extend(beside.cloned());
                }
                map.values().for_each(|value| beyond_draft_7(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| beyond_draft_7(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_schema_is_one_that_editors_read() {
        let schema = pipeline_schema().unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        let mut found = Vec::new();
        beyond_draft_7(&schema, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn every_connector_is_a_variant_of_source_and_says_what_it_requires() {
        let schema = pipeline_schema().unwrap();
        let variants = schema["properties"]["source"]["anyOf"].as_array().unwrap();
        let strict = schema["else"]["properties"]["source"]["anyOf"].as_array().unwrap();
        assert_eq!(variants.len(), crate::registry().entries().count());
        assert_eq!(variants.len(), strict.len());
        let file = strict
            .iter()
            .find(|variant| variant["properties"]["connector"]["const"] == "file")
            .unwrap();
        assert_eq!(file["required"], json!(["format", "connector"]));
    }
}
