use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use klimalade_model::{CodeList, Field, FieldType, Table};
use serde_json::{Map, Value, json};

use crate::{
    codes,
    facts::{COMMON, COMMON_NULLABLE, Facts, FileFacts, OwnerFacts, is_flat},
};

const PACKAGE_PROFILE: &str = "https://datapackage.org/profiles/2.0/datapackage.json";
const SCHEMA_PROFILE: &str = "https://datapackage.org/profiles/2.0/tableschema.json";
/// Licences that have a name in SPDX; the others are told by their address, or by our page of licences.
const SPDX: [(&str, &str); 2] = [("cc0_1_0", "CC0-1.0"), ("cc_by_4_0", "CC-BY-4.0")];

/// Where the owners and what they declare stand.
pub(crate) const PIPELINES: &str = "catalog/pipelines.parquet";

/// Where the Table Schema of a table stands.
pub(crate) fn schema_key(table: &str) -> String {
    format!("catalog/schemas/{table}.json")
}

/// The name of a code list's resource.
fn list_name(list: &str) -> String {
    format!("codes.{list}")
}

/// datapackage.json: a resource for each file.
///
/// Not one for each table: the standard joins the files of one resource byte by byte, which Parquet does not bear; and each file
/// has its own source and terms.
pub(crate) fn descriptor(facts: &Facts<'_>) -> Value {
    let mut resources = Vec::new();
    for table in facts.schemas.tables.values() {
        let each = facts
            .files_of(&table.name)
            .map(|(owner, file)| resource(facts, table, owner, file));
        resources.extend(each);
    }
    if facts.schemas.tables.contains_key("pipelines") {
        resources.push(json!({
            "name": "pipelines",
            "type": "table",
            "path": PIPELINES,
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
            "title": "The pipelines and what they declare",
            "schema": schema_key("pipelines"),
        }));
    }
    resources.extend(facts.schemas.codes.values().map(list_resource));
    let used: BTreeSet<&String> = facts.owners.iter().flat_map(|owner| &owner.licences).collect();
    let mut package = object(json!({
        "$schema": PACKAGE_PROFILE,
        "name": "klimalade-lake",
        "title": "Klimalade: climate monitoring of the Danish municipalities",
        "description": "Harvested figures of Danish agencies in one common schema. Each resource is one Parquet file; those of one \
            table have the same schema (klimalade:table), and what stands in a file's path only is in klimalade:partition.",
        "version": env!("CARGO_PKG_VERSION"),
    }));
    // What the figures say changed then; when they were last confirmed stands in freshness.json.
    if let Some(changed) = facts.changed_at() {
        package.insert("created".to_owned(), json!(changed.to_string()));
    }
    package.insert("klimalade:simulated".to_owned(), json!(facts.simulated));
    if let Some(warning) = facts.warning() {
        package.insert("klimalade:warning".to_owned(), json!(warning.en));
    }
    let licences: Vec<Value> = used.into_iter().map(|code| licence(facts, code)).collect();
    if !licences.is_empty() {
        package.insert("licenses".to_owned(), Value::Array(licences));
    }
    package.insert("resources".to_owned(), Value::Array(resources));
    Value::Object(package)
}

fn resource(facts: &Facts<'_>, table: &Table, owner: &OwnerFacts, file: &FileFacts) -> Value {
    let mut name = vec![table.layer.clone(), table.name.clone()];
    let mut partition = Map::new();
    if !is_flat(table) {
        name.push(owner.owner.clone());
        partition.insert("pipeline".to_owned(), json!(owner.owner));
        for (column, value) in &file.values {
            partition.insert(column.clone(), json!(value));
        }
    }
    name.extend(file.values.iter().map(|(_, value)| value.clone()));
    let mut resource = object(json!({
        "name": name.join("."),
        "type": "table",
        "path": file.key,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": file.bytes,
        "hash": format!("sha256:{}", file.sha256),
        "schema": schema_key(&table.name),
    }));
    if let Some(title) = &owner.title {
        resource.insert("title".to_owned(), json!(title.en));
        resource.insert("klimalade:title_da".to_owned(), json!(title.da));
    }
    resource.insert("description".to_owned(), json!(table.description_en));
    if let Some(source) = owner.source.as_deref().and_then(|code| source(facts, code)) {
        resource.insert("sources".to_owned(), json!([source]));
    }
    let licences: Vec<Value> = owner.licences.iter().map(|code| licence(facts, code)).collect();
    if !licences.is_empty() {
        resource.insert("licenses".to_owned(), Value::Array(licences));
    }
    resource.insert(
        "klimalade:table".to_owned(),
        json!(format!("{}.{}", table.layer, table.name)),
    );
    resource.insert("klimalade:rows".to_owned(), json!(file.rows));
    if !partition.is_empty() {
        resource.insert("klimalade:partition".to_owned(), Value::Object(partition));
    }
    Value::Object(resource)
}

/// The agency's dataset and what it asks to be said.
fn source(facts: &Facts<'_>, code: &str) -> Option<Value> {
    let agency = facts.agency(code)?;
    let mut source = object(json!({"title": format!("{}: {}", agency.en, facts.name("sources", code).en)}));
    if let Some(homepage) = facts.cell("sources", code, "homepage") {
        source.insert("path".to_owned(), json!(homepage));
    }
    let attribution = facts.cell("sources", code, "attribution");
    source.insert("klimalade:attribution".to_owned(), json!(attribution));
    source.insert("klimalade:source_id".to_owned(), json!(facts.source_id(code)));
    Some(Value::Object(source))
}

fn licence(facts: &Facts<'_>, code: &str) -> Value {
    let mut licence = Map::new();
    if let Some((_, name)) = SPDX.iter().find(|(known, _)| *known == code) {
        licence.insert("name".to_owned(), json!(name));
    }
    let address = facts.cell("licences", code, "url").unwrap_or("catalog/licences.md");
    licence.insert("path".to_owned(), json!(address));
    licence.insert("title".to_owned(), json!(facts.name("licences", code).en));
    licence.insert("klimalade:licence_code".to_owned(), json!(code));
    Value::Object(licence)
}

/// The Table Schema of a table's files. What stands in the path only is not in it.
pub(crate) fn table_schema(facts: &Facts<'_>, table: &Table) -> Value {
    let mut fields: Vec<Value> = table
        .columns
        .iter()
        .map(|column| field(&column.field, column.required, &table.unique_key))
        .collect();
    let mut with_codes: Vec<&Field> = table.columns.iter().map(|column| &column.field).collect();
    if !is_flat(table) {
        for known in COMMON.iter().filter_map(|name| facts.schemas.fields.get(*name)) {
            fields.push(field(known, known.name != COMMON_NULLABLE, &[]));
            with_codes.push(known);
        }
    }
    // The list has the agencies' datasets only; a demo's rows are not theirs.
    let is_listed = |field: &&Field| !(facts.simulated && field.codes.as_deref() == Some("sources"));
    let foreign_keys: Vec<Value> = with_codes
        .into_iter()
        .filter(is_listed)
        .filter_map(|field| Some((field, field.codes.as_ref()?)))
        .map(|(field, list)| {
            json!({"fields": [field.name], "reference": {"resource": list_name(list), "fields": ["code"]}})
        })
        .collect();
    let mut schema = object(json!({"$schema": SCHEMA_PROFILE, "fields": fields, "primaryKey": table.unique_key}));
    if !foreign_keys.is_empty() {
        schema.insert("foreignKeys".to_owned(), Value::Array(foreign_keys));
    }
    schema.insert("description".to_owned(), json!(table.description_en));
    if let Some(warning) = facts.warning() {
        schema.insert("klimalade:warning".to_owned(), json!(warning.en));
    }
    Value::Object(schema)
}

fn field(field: &Field, required: bool, key: &[String]) -> Value {
    let mut described = object(json!({"name": field.name, "type": kind(field.kind)}));
    if field.kind == FieldType::Wkb {
        described.insert("klimalade:encoding".to_owned(), json!("WKB, EPSG:25832"));
    }
    described.insert("description".to_owned(), json!(field.description_en));
    described.insert("klimalade:description_da".to_owned(), json!(field.description_da));
    if let Some(unit) = &field.unit {
        described.insert("klimalade:unit".to_owned(), json!(unit));
    }
    let mut constraints = Map::new();
    if required {
        constraints.insert("required".to_owned(), json!(true));
    }
    if key.len() == 1 && key[0] == field.name {
        constraints.insert("unique".to_owned(), json!(true));
    }
    if !constraints.is_empty() {
        described.insert("constraints".to_owned(), Value::Object(constraints));
    }
    Value::Object(described)
}

fn kind(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "string",
        FieldType::Int16 | FieldType::Int32 | FieldType::Int64 => "integer",
        FieldType::Float64 => "number",
        FieldType::Bool => "boolean",
        FieldType::Date => "date",
        FieldType::TimestampUtc => "datetime",
        FieldType::Wkb => "any",
    }
}

/// A code list as a resource.
fn list_resource(list: &CodeList) -> Value {
    let fields: Vec<Value> = list
        .header
        .iter()
        .map(|column| {
            let kind = match codes::kind(column) {
                DataType::Boolean => "boolean",
                DataType::Int64 => "integer",
                DataType::Date32 => "date",
                _ => "string",
            };
            match column.as_str() {
                "code" => json!({"name": column, "type": kind, "constraints": {"required": true, "unique": true}}),
                _ => json!({"name": column, "type": kind}),
            }
        })
        .collect();
    json!({
        "name": list_name(&list.name),
        "type": "table",
        "path": codes::key(&list.name),
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "title": format!("Code list {}", list.name),
        "schema": {"$schema": SCHEMA_PROFILE, "fields": fields, "primaryKey": ["code"]},
    })
}

/// The members of a JSON object.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
