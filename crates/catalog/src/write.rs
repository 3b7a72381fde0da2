use std::collections::BTreeMap;

use jiff::Timestamp;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result, Schemas};
use klimalade_pipeline::Catalogue;
use serde_json::Value;

use crate::{
    codes, dcat, dictionary,
    facts::{CatalogOptions, Facts},
    freshness, html, licences, markdown, package, parquet_file, sql,
};

/// Folders of which every file is the catalogue's: what it no longer writes there is removed.
const ITS_OWN: [&str; 2] = ["catalog/schemas", "out/codes"];

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogReport {
    /// Keys of the files that are new or changed.
    pub written: Vec<String>,
    /// Keys of files that nothing stands for any more.
    pub removed: Vec<String>,
    /// How many files stood there with the same bytes.
    pub unchanged: usize,
}

/// Writes datapackage.json, catalog/ and out/codes/ from the lake's states. The same states, definitions and day give the
/// same bytes; a file that has them already is not written again.
///
/// Errors: Contract, when a state cannot be read; Settings, for a code list whose cells do not fit; the lake's.
pub async fn write_catalog(
    lake: &Lake,
    schemas: &Schemas,
    pipelines: &Catalogue,
    now: Timestamp,
    options: &CatalogOptions,
) -> Result<CatalogReport> {
    let facts = Facts::gather(lake, schemas, pipelines, now, options).await?;
    let mut report = CatalogReport::default();
    let mut files = files(&facts)?;
    files.insert(
        package::PIPELINES.to_owned(),
        parquet_file::bytes(&pipelines.described(schemas)?)?,
    );
    for (key, bytes) in &files {
        if lake.get(key).await?.is_some_and(|stands| stands == *bytes) {
            report.unchanged += 1;
            continue;
        }
        lake.put(key, bytes.clone()).await?;
        report.written.push(key.clone());
    }
    for folder in ITS_OWN {
        for listed in lake.list(folder).await? {
            if !files.contains_key(&listed.key) {
                lake.delete(&listed.key).await?;
                report.removed.push(listed.key);
            }
        }
    }
    Ok(report)
}

/// Every file by key.
fn files(facts: &Facts<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut add = |key: &str, bytes: Vec<u8>| {
        files.insert(key.to_owned(), bytes);
    };
    // Frictionless: a path within the package never leads out of its folder, so the package's folder is the lake.
    add("datapackage.json", json(&package::descriptor(facts))?);
    for table in facts.schemas.tables.values() {
        if matches!(table.name.as_str(), "ledger" | "run_date") {
            // No files of the package: they are read by SQL.
            continue;
        }
        add(
            &package::schema_key(&table.name),
            json(&package::table_schema(facts, table))?,
        );
    }
    for list in facts.schemas.codes.values() {
        add(&codes::key(&list.name), codes::bytes(list)?);
    }
    add("catalog/dcat.jsonld", json(&dcat::catalogue(facts))?);
    add("catalog/freshness.json", json(&freshness::list(facts))?);
    let licences = licences::document(facts);
    add(
        "catalog/licences.md",
        markdown::text(&licences, markdown::Tongue::English).into_bytes(),
    );
    add(
        "catalog/licences.da.md",
        markdown::text(&licences, markdown::Tongue::Danish).into_bytes(),
    );
    let dictionary = dictionary::of_lake(facts);
    add(
        "catalog/dictionary.md",
        markdown::text(&dictionary, markdown::Tongue::English).into_bytes(),
    );
    add(
        "catalog/dictionary.da.md",
        markdown::text(&dictionary, markdown::Tongue::Danish).into_bytes(),
    );
    add("catalog/dictionary.html", html::page(&dictionary).into_bytes());
    add(
        "catalog/views_duckdb.sql",
        sql::views(facts, sql::Dialect::DuckDb).into_bytes(),
    );
    add(
        "catalog/views_spark.sql",
        sql::views(facts, sql::Dialect::Spark).into_bytes(),
    );
    Ok(files)
}

fn json(value: &Value) -> Result<Vec<u8>> {
    let text =
        serde_json::to_string_pretty(value).map_err(|source| Fault::bug("a document is no JSON").because(source))?;
    Ok(format!("{text}\n").into_bytes())
}
