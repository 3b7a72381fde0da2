//! The catalogue of small lakes: what it says, what it leaves out, and when it is written.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use klimalade_catalog::{CatalogOptions, CatalogReport, write_catalog};
use klimalade_lake::{Areas, Lake, OpenOptions, OwnerState, PartState, PartitionState, Publishes, SnapshotRef};
use klimalade_model::{Part, Schemas};
use klimalade_pipeline::{Catalogue, Origin};
use serde_json::Value;
use tempfile::TempDir;

const KEY: &str = "core/observation/pipeline=dst_area/data.parquet";
const NIGHT: &str = "2026-11-25T23:30:00Z";

fn state() -> OwnerState {
    let mut state = OwnerState::new("dst_area", "observation", "20261125T233000000Z-1");
    let part = Part {
        key: "all".to_owned(),
        change_mark: None,
        promised: None,
        detail: Value::Null,
    };
    let known = PartState {
        part: part.clone(),
        snapshot: SnapshotRef {
            owner: "dst_area".to_owned(),
            manifest_sha256: "00".repeat(32),
            content_sha256: "11".repeat(32),
            part_key: "all".to_owned(),
            bytes: 10,
        },
        mapping_hash: "22".repeat(32),
        first_seen_at: "2026-11-20T23:30:00Z".to_owned(),
        confirmed_at: NIGHT.to_owned(),
        counts: Default::default(),
        partitions: vec![KEY.to_owned()],
        extra: Value::Null,
    };
    state.plan.push(part);
    state.parts.insert("all".to_owned(), known);
    let partition = PartitionState {
        sha256: "33".repeat(32),
        etag: String::new(),
        rows: 1234,
        bytes: 4,
        parts: vec!["all".to_owned()],
        values: BTreeMap::new(),
    };
    state.partitions.insert(KEY.to_owned(), partition);
    state.publishes = Publishes {
        indicators: vec!["land_area".to_owned()],
        areas: Areas::All,
    };
    state
}

/// A lake with one owner.
struct Small {
    folder: TempDir,
    lake: Lake,
    schemas: Schemas,
    pipelines: Catalogue,
}

impl Small {
    async fn new(simulated: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            simulated,
            ..OpenOptions::default()
        };
        let lake = Lake::open(&folder.path().display().to_string(), options).await.unwrap();
        fs::create_dir_all(folder.path().join("state")).unwrap();
        let text = serde_json::to_vec(&state()).unwrap();
        fs::write(folder.path().join("state/dst_area.json"), text).unwrap();
        let nowhere = tempfile::tempdir().unwrap();
        Self {
            folder,
            lake,
            schemas: Schemas::embedded().unwrap(),
            pipelines: Catalogue::load(nowhere.path()).unwrap(),
        }
    }

    async fn write(&self, now: &str, options: &CatalogOptions) -> CatalogReport {
        let now: Timestamp = now.parse().unwrap();
        write_catalog(&self.lake, &self.schemas, &self.pipelines, now, options)
            .await
            .unwrap()
    }

    fn read(&self, key: &str) -> String {
        fs::read_to_string(self.folder.path().join(key)).unwrap()
    }

    fn json(&self, key: &str) -> Value {
        serde_json::from_str(&self.read(key)).unwrap()
    }

    /// Every document that is text.
    fn documents(&self) -> Vec<(String, String)> {
        let mut folders = vec![self.folder.path().join("catalog")];
        let mut paths: Vec<PathBuf> = vec![self.folder.path().join("datapackage.json")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    paths.push(path)
                }
            }
        }
        let is_text = |path: &&PathBuf| path.extension().is_none_or(|ending| ending != "parquet");
        let read = |path: &PathBuf| {
            let name = path
                .strip_prefix(self.folder.path())
                .unwrap_or(Path::new(""))
                .display()
                .to_string();
            (name, fs::read_to_string(path).unwrap())
        };
        paths.iter().filter(is_text).map(read).collect()
    }
}

#[tokio::test]
async fn what_is_equal_is_not_written_again_and_another_day_changes_only_what_names_it() {
    let small = Small::new(false).await;
    let first = small.write(NIGHT, &CatalogOptions::default()).await;
    assert!(first.unchanged == 0 && first.written.len() > 50, "{first:?}");
    let second = small.write("2026-11-26T00:00:00Z", &CatalogOptions::default()).await;
    assert!(
        second.written.is_empty() && second.unchanged == first.written.len(),
        "{second:?}"
    );
    // Half past midnight in Denmark was the 26th; a day later is the 27th.
    let third = small.write("2026-11-26T23:30:00Z", &CatalogOptions::default()).await;
    let dated = [
        "dictionary.da.md",
        "dictionary.html",
        "dictionary.md",
        "freshness.json",
        "views_duckdb.sql",
        "views_spark.sql",
    ];
    assert_eq!(third.written, dated.map(|name| format!("catalog/{name}")));
    assert!(
        small
            .read("catalog/views_duckdb.sql")
            .contains("DATE '2026-11-27' AS run_date")
    );
}

#[tokio::test]
async fn a_simulated_lake_says_so_in_every_document_and_a_real_one_in_none() {
    let small = Small::new(true).await;
    small.write(NIGHT, &CatalogOptions::default()).await;
    for (name, text) in small.documents() {
        assert!(text.contains("SIMULATED") || text.contains("SIMULEREDE"), "{name}");
    }
    let real = Small::new(false).await;
    real.write(NIGHT, &CatalogOptions::default()).await;
    for (name, text) in real.documents() {
        assert!(!text.contains("SIMULATED") && !text.contains("SIMULEREDE"), "{name}");
    }
}

#[tokio::test]
async fn the_package_has_each_file_with_its_source_and_terms_and_no_table_without_files() {
    let small = Small::new(false).await;
    small.write(NIGHT, &CatalogOptions::default()).await;
    let package = small.json("datapackage.json");
    let resources = package["resources"].as_array().unwrap();
    let core: Vec<&Value> = resources
        .iter()
        .filter(|one| one["path"].as_str().unwrap().starts_with("core/"))
        .collect();
    assert_eq!(core.len(), 1, "{core:?}");
    let area = core[0];
    assert_eq!(area["name"], "core.observation.dst_area");
    assert_eq!(area["path"], KEY);
    assert_eq!(area["hash"], format!("sha256:{}", "33".repeat(32)));
    assert_eq!(area["licenses"][0]["name"], "CC-BY-4.0");
    assert_eq!(
        area["sources"][0]["klimalade:attribution"],
        "Kilde: Danmarks Statistik, ARE207 Areal"
    );
    assert_eq!(area["klimalade:partition"]["pipeline"], "dst_area");
    assert_eq!(package["created"], "2026-11-20T23:30:00Z");
    let schema = small.json(area["schema"].as_str().unwrap());
    let names: Vec<&str> = schema["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert!(
        names.starts_with(&["indicator_code", "area_code"]) && names.ends_with(&["source_version", "licence_code"])
    );
    assert!(!names.contains(&"pipeline"), "{names:?}");
}

#[tokio::test]
async fn rows_of_a_demo_are_not_held_against_the_list_of_real_sources() {
    let has_key = |schema: &Value| {
        let keys = schema["foreignKeys"].as_array().unwrap();
        keys.iter().any(|key| key["reference"]["resource"] == "codes.sources")
    };
    for simulated in [true, false] {
        let small = Small::new(simulated).await;
        small.write(NIGHT, &CatalogOptions::default()).await;
        assert_eq!(has_key(&small.json("catalog/schemas/observation.json")), !simulated);
    }
}

#[tokio::test]
async fn a_table_without_files_has_its_columns_in_sql_and_no_path() {
    let small = Small::new(false).await;
    small.write(NIGHT, &CatalogOptions::default()).await;
    let sql = small.read("catalog/views_duckdb.sql");
    let statement = |name: &str| {
        let begin = format!("CREATE OR REPLACE VIEW {name} AS");
        let rest = &sql[sql.find(&begin).unwrap()..];
        rest[..rest.find(';').unwrap()].to_owned()
    };
    assert!(statement("core.observation").contains("/core/observation/**/*.parquet', hive_partitioning = true"));
    let hourly = statement("core.observation_hourly");
    assert!(
        hourly.contains("CAST(NULL AS INTEGER) AS \"month\"") && hourly.ends_with("WHERE false"),
        "{hourly}"
    );
}

#[tokio::test]
async fn what_a_pipeline_asks_with_stands_nowhere() {
    let mut small = Small::new(false).await;
    let mut files = small.pipelines.pipelines["dst_area"].files.clone();
    let toml = String::from_utf8(files["pipeline.toml"].clone()).unwrap();
    let said = toml.replace("[source]\n", "[source]\ntoken = \"hemmelig\"\n");
    assert_ne!(said, toml);
    files.insert("pipeline.toml".to_owned(), said.into_bytes());
    small.pipelines.add("dst_area", Origin::Home, files);
    assert!(small.pipelines.broken.is_empty(), "{:?}", small.pipelines.broken);
    small.write(NIGHT, &CatalogOptions::default()).await;
    for (name, text) in small.documents() {
        assert!(!text.contains("hemmelig"), "{name}");
        assert!(
            !text.contains(&small.folder.path().display().to_string()),
            "{name} names the folder"
        );
    }
}

#[tokio::test]
async fn addresses_are_relative_until_the_operator_says_where_the_lake_is() {
    let small = Small::new(false).await;
    small.write(NIGHT, &CatalogOptions::default()).await;
    assert!(small.read("catalog/dcat.jsonld").contains(&format!("\"../{KEY}\"")));
    let options = CatalogOptions {
        base_iri: Some("https://data.example.dk/lake/".to_owned()),
        publisher: Some("Klimaalliancen".to_owned()),
    };
    small.write(NIGHT, &options).await;
    let text = small.read("catalog/dcat.jsonld");
    assert!(
        text.contains(&format!("\"https://data.example.dk/lake/{KEY}\"")) && !text.contains("\"../"),
        "{text}"
    );
    assert!(text.contains("Klimaalliancen"));
}

#[tokio::test]
async fn a_code_list_that_is_gone_leaves_no_table() {
    let mut small = Small::new(false).await;
    small.write(NIGHT, &CatalogOptions::default()).await;
    assert!(small.folder.path().join("out/codes/kkr.parquet").is_file());
    small.schemas.codes.remove("kkr");
    let report = small.write(NIGHT, &CatalogOptions::default()).await;
    assert_eq!(report.removed, ["out/codes/kkr.parquet"]);
    assert!(!small.folder.path().join("out/codes/kkr.parquet").exists());
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_an_error_and_nothing_is_written() {
    let small = Small::new(false).await;
    fs::write(small.folder.path().join("state/broken.json"), "{}").unwrap();
    let now: Timestamp = NIGHT.parse().unwrap();
    let written = write_catalog(
        &small.lake,
        &small.schemas,
        &small.pipelines,
        now,
        &CatalogOptions::default(),
    )
    .await;
    assert!(written.unwrap_err().to_string().contains("state/broken.json"));
    assert!(!small.folder.path().join("datapackage.json").exists());
}
