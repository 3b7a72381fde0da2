//! A secret that an agency says back, in its rows and in its errors, stands on no page that others read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int16Array, RecordBatch, StringArray, new_null_array},
    datatypes::Schema,
};
use klimalade_model::Schemas;
use klimalade_testkit::bench::{Server, json, status};
use parquet::arrow::ArrowWriter;

use crate::common::Place;

const SECRET: &str = "hemmelig-nøgle-4711";

/// A pipeline of actions from `path`, in the place of one in the binary, which owns the area; with the secret in its query, so that it stands in the address of every request too.
fn write_actions(place: &Place, name: &str, base: &str, path: &str) {
    let folder = place.home().join("pipelines").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let area = if path == "tal" { "0751" } else { "0190" };
    let toml = format!(
        r#"version = 1
title_en = "Actions"
title_da = "Indsatser"
source_id = "klimaalliancen_plans"
table = "action"
licence_code = "not_stated"

[source]
connector = "rest"
base_url = "{base}"
path = "{path}"
auth = {{ strategy = "query", name = "key", secret = "agency_key" }}

[columns]
id = {{ type = "text", id = true }}
titel = {{ type = "text" }}

[publishes]
areas = ["{area}"]

[checks]
min_rows = 1
"#
    );
    std::fs::write(folder.join("pipeline.toml"), toml).unwrap();
    let sql = "SELECT 'publish' AS fate, r.id AS action_id, '0751' AS area_code, r.titel AS title, 'mitigation' AS kind,\n\
        'energy' AS sector_code, 'done' AS status_code\nFROM raw r\n";
    std::fs::write(folder.join("map.sql"), sql).unwrap();
    std::fs::write(folder.join("notes.md"), "# Actions\n\nverified_live: never\n").unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn hold_no_secret(files: &[PathBuf]) {
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("4711"), "{} holds the secret: {text}", file.display());
    }
}

/// A table of out that views make of figures that this lake has none of: of municipalities one row, of all else none.
fn put_table(lake: &Path, name: &str) {
    let file = lake.join(format!("out/{name}.parquet"));
    if file.exists() {
        return;
    }
    let known = Schemas::embedded().unwrap().table(name).unwrap().schema();
    let fields = known
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = if name == "municipality_year" {
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            "area_code" => Arc::new(StringArray::from(vec!["0751"])) as ArrayRef,
            "region_code" => Arc::new(StringArray::from(vec!["1082"])),
            "year" => Arc::new(Int16Array::from(vec![2023])),
            _ => new_null_array(field.data_type(), 1),
        });
        RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
    } else {
        RecordBatch::new_empty(schema.clone())
    };
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(file).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_an_agency_says_back_stands_neither_on_the_operations_page_nor_in_the_report() {
    let server = Server::start(|asked| {
        let key = &asked.query["key"];
        if asked.path.ends_with("nede") {
            return status(403, format!("{{\"fejl\":\"nøglen {key} er spærret\"}}"));
        }
        json(format!(
            "[{{\"id\":\"klimaalliancen_plans:1\",\"titel\":\"Varme for {key}\"}}]"
        ))
    })
    .await;
    let place = Place::new();
    write_actions(&place, "cdp_actions", &server.base, "tal");
    write_actions(&place, "klimaalliancen_actions", &server.base, "nede");
    let lake = place.lake("lake");
    let names = ["run", "cdp_actions", "klimaalliancen_actions", "out_action_progress"];
    // In the environment for the first night, in the settings for the second.
    for in_settings in [false, true] {
        let mut command = place.command(&names);
        command.arg("--lake").arg(&lake);
        if in_settings {
            let settings = format!("[secrets]\nagency_key = \"{SECRET}\"\n");
            std::fs::write(place.home().join("klimalade.toml"), settings).unwrap();
        } else {
            command.env("KLIMALADE_SECRET_AGENCY_KEY", SECRET);
        }
        let said = crate::common::said(command.output().unwrap());
        assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
        assert!(said.err.contains("403"), "{}", said.err);
        assert!(
            !said.err.contains("4711") && !said.out.contains("4711"),
            "{}{}",
            said.out,
            said.err
        );
        hold_no_secret(&files(&lake));
    }
    assert!(
        server.requests().iter().all(|asked| asked.query["key"] == SECRET),
        "the key was sent"
    );

    let status = std::fs::read_to_string(lake.join("catalog/status.html")).unwrap();
    assert!(
        status.contains("klimaalliancen_actions") && status.contains("403"),
        "the error stands there: {status}"
    );
    let pages = place.lake("drift");
    let said = place.say_on(&lake, &["status", "--html", "--out", &pages.display().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for table in [
        "municipality_year",
        "region_year",
        "indicator_year",
        "emission_trajectory",
        "plan_status",
        "action_progress",
        "adaptation_year",
        "coverage",
    ] {
        put_table(&lake, table);
    }
    let site = place.lake("site");
    let said = place.say_on(
        &lake,
        &["report", "--year", "2025", "--out", &site.display().to_string()],
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    let page = std::fs::read_to_string(site.join("da/kommune/0751.html")).unwrap();
    assert!(
        page.contains("Varme for REDACTED"),
        "what was said back is shown without it: {page}"
    );
    hold_no_secret(&[files(&pages), files(&site)].concat());
}
