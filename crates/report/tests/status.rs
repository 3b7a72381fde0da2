//! The operations page of a small lake that is made here: what is urgent stands first, and nothing unescaped or from elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fs, path::Path, sync::Arc};

use arrow::{
    array::{RecordBatch, StringArray},
    json::ReaderBuilder,
};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::Schemas;
use klimalade_report::{LakeStatus, StatusLanguage, status_html, write_status, write_status_to};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

const NOW: &str = "2026-11-26T06:00:00Z";

struct World {
    folder: TempDir,
}

impl World {
    /// A lake of one owner, well harvested in one night.
    fn healthy(simulated: bool) -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        world.text("lake.toml", &format!("version = 1\nsimulated = {simulated}\n"));
        world.state("2026-11-26T02:00:00Z");
        world.night(
            "20261126T020000000Z-1",
            &json!({"owner": "made", "status": "published", "kind": null, "faults": [], "warnings": []}),
        );
        world
    }

    fn text(&self, key: &str, text: &str) {
        let file = self.folder.path().join("lake").join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn state(&self, confirmed_at: &str) {
        let part = json!({"key": "all", "change_mark": null, "promised": null, "detail": null});
        let snapshot =
            json!({"owner": "made", "manifest_sha256": "a", "content_sha256": "a", "part_key": "all", "bytes": 1});
        let counts = json!({"promised": null, "received": 2, "distinct": 2, "mapped": 2, "published": 2, "control": 0, "skipped": {}, "rejected": 0, "raw_rows": 2});
        let state = json!({"version": 1, "owner": "made", "table": "observation", "run_id": "r", "plan": [part],
            "parts": {"all": {"part": part, "snapshot": snapshot, "mapping_hash": "m", "first_seen_at": confirmed_at, "confirmed_at": confirmed_at, "counts": counts, "partitions": []}},
            "partitions": {}, "publishes": {"indicators": [], "areas": "all"}});
        self.text("state/made.json", &state.to_string());
    }

    fn night(&self, run_id: &str, owner: &Value) {
        let night = json!({"run_id": run_id, "started_at": "2026-11-26T02:00:00Z", "finished_at": "2026-11-26T02:01:30Z", "simulated": true, "owners": [owner]});
        self.text(&format!("ledger/{run_id}/night.json"), &night.to_string());
    }

    fn texts(&self, key: &str, columns: &[(&str, &str)]) {
        let cells = columns
            .iter()
            .map(|(name, cell)| (*name, Arc::new(StringArray::from(vec![*cell])) as _));
        let batch = RecordBatch::try_from_iter(cells).unwrap();
        let file = self.folder.path().join("lake").join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(fs::File::create(file).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    async fn lake(&self) -> Lake {
        let simulated = fs::read_to_string(self.folder.path().join("lake/lake.toml"))
            .unwrap()
            .contains("true");
        Lake::open(
            self.folder.path().join("lake").to_str().unwrap(),
            OpenOptions {
                simulated,
                ..OpenOptions::default()
            },
        )
        .await
        .unwrap()
    }

    async fn page(&self, now: &str, language: StatusLanguage) -> String {
        let status = LakeStatus::read(
            &self.lake().await,
            &Schemas::embedded().unwrap(),
            &pipelines(),
            now.parse().unwrap(),
        )
        .await
        .unwrap();
        status_html(&status, language)
    }
}

fn pipelines() -> RecordBatch {
    let schema = Schemas::embedded().unwrap().table("pipelines").unwrap().schema();
    let row = json!({"pipeline": "made", "folder": "made", "task": "harvest", "title_da": "Lavet", "title_en": "Made", "source_id": "s",
        "table_name": "observation", "areas": "all", "rhythm_every_months": 12, "rhythm_lag_days": 30, "stale_after_days": 30, "is_off": false});
    let mut decoder = ReaderBuilder::new(schema).build_decoder().unwrap();
    decoder.decode(row.to_string().as_bytes()).unwrap();
    decoder.flush().unwrap().unwrap()
}

#[tokio::test]
async fn a_healthy_lake_says_so_in_one_line_and_lists_nothing_urgent() {
    let page = World::healthy(false).page(NOW, StatusLanguage::Danish).await;
    assert!(page.contains("Alt er i orden: 1 datasæt"), "{page}");
    assert!(
        !page.contains("id=\"attention\"") && !page.contains("Simulerede tal"),
        "{page}"
    );
    let world = World::healthy(true);
    assert!(
        world
            .page(NOW, StatusLanguage::English)
            .await
            .contains("Simulated figures.")
    );
}

#[tokio::test]
async fn what_failed_stands_first_escaped_with_what_to_type() {
    let world = World::healthy(true);
    world.night("20261126T030000000Z-2", &json!({"owner": "made", "status": "failed", "kind": "Contract", "faults": ["<b>a column is missing</b>"], "warnings": []}));
    let page = world.page(NOW, StatusLanguage::English).await;
    assert!(
        page.contains("1 need action")
            && page.contains("&lt;b&gt;a column is missing")
            && !page.contains("<b>a column"),
        "{page}"
    );
    assert!(page.contains("klimalade run made --dry-run"));
    assert!(page.find("id=\"attention\"").unwrap() < page.find("id=\"nights\"").unwrap());
}

#[tokio::test]
async fn stale_figures_and_a_missed_night_are_urgent_by_the_time_that_is_told() {
    let world = World::healthy(true);
    world.state("2026-10-01T02:00:00Z");
    let page = world.page(NOW, StatusLanguage::English).await;
    assert!(
        page.contains("Not confirmed for 56 days; 30 at most are allowed"),
        "{page}"
    );
    let later = World::healthy(true)
        .page("2026-11-28T06:00:00Z", StatusLanguage::English)
        .await;
    assert!(later.contains("No night has ended since 26 Nov 2026 02:01"), "{later}");
}

#[tokio::test]
async fn rejects_and_controls_that_disagree_stand_with_reason_and_a_file_that_cannot_be_read_is_said() {
    let world = World::healthy(true);
    world.texts(
        "ledger/20261126T020000000Z-1/made.parquet",
        &[("pipeline", "made"), ("part", "all")],
    );
    world.texts(
        "reject/20261126T020000000Z-1/made.parquet",
        &[
            ("reason_code", "unknown_code"),
            ("column_name", "area_code"),
            ("found", "?9"),
            ("expected", "a code of areas"),
            ("row", "the whole row"),
        ],
    );
    world.texts(
        "core/control_total/pipeline=made/data.parquet",
        &[
            ("verdict_code", "fails"),
            ("indicator_code", "vehicles"),
            ("area_code", "0751"),
            ("period_start", "2024-01-01"),
            ("what_code", "total"),
        ],
    );
    world.text("state/broken.json", "{");
    let page = world.page(NOW, StatusLanguage::English).await;
    for wanted in [
        "unknown code",
        "?9",
        "klimalade explain observation indicator_code=vehicles area_code=0751 year=2024",
        "Files of the lake cannot be read",
    ] {
        assert!(page.contains(wanted), "{wanted} is not on {page}");
    }
    assert!(!page.contains("the whole row"), "rows of agencies are not shown");
}

#[tokio::test]
async fn the_same_lake_and_time_give_the_same_bytes_with_nothing_inline_or_from_elsewhere() {
    let world = World::healthy(true);
    let (lake, schemas, now) = (world.lake().await, Schemas::embedded().unwrap(), NOW.parse().unwrap());
    write_status(&lake, &schemas, &pipelines(), now).await.unwrap();
    let out = world.folder.path().join("out");
    write_status_to(&lake, &schemas, &pipelines(), now, &out).await.unwrap();
    let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for name in ["status.html", "status.en.html", "status.css"] {
        assert_eq!(
            read(&out, name),
            read(&world.folder.path().join("lake/catalog"), name),
            "{name}"
        );
    }
    for name in ["status.html", "status.en.html"] {
        let page = read(&out, name);
        assert!(
            page.contains("default-src 'none'")
                && !page.contains("<script")
                && !page.contains(" style=")
                && !page.contains("//"),
            "{name}"
        );
        assert_eq!(
            page.matches("<table").count(),
            page.matches("<caption").count(),
            "a table has no caption"
        );
    }
}
