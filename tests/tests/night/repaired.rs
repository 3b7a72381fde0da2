//! Damage in the lake, and what mends it: what the hints say must be true.

use std::path::{Path, PathBuf};

use klimalade_connect::CancellationToken;
use klimalade_demo::Agencies;
use klimalade_run::{NightOptions, NightReport, Quiet, Status, run_night};

use crate::{
    emptied::{CHARGING_SQL, add_dropped, drop_year},
    parquet_rows::{core_marks, table_of},
    town::{Town, options, script},
};

const AREA: &str = "core/observation/pipeline=dst_area/data.parquet";

fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files_below(&path, ending)),
            path if path.to_string_lossy().ends_with(ending) => found.push(path),
            _ => {}
        }
    }
    found
}

async fn repairing(town: &Town, name: &str) -> NightReport {
    let agencies = Agencies::start(script()).unwrap();
    let house = town
        .house(&agencies, CancellationToken::new(), std::sync::Arc::new(Quiet))
        .await
        .unwrap();
    let options = NightOptions {
        repair: true,
        ..options(&[name], false)
    };
    run_night(&house, &options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_file_is_built_again_by_replay() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let before = table_of(&town.lake(), "observation", "dst_area");
    std::fs::remove_file(town.lake().join(AREA)).unwrap();
    let replay = town.replay(&["dst_area"]).await;
    assert_eq!(replay.report.exit_code(true), 0, "{}", replay.faults("dst_area"));
    assert_eq!(replay.all_requests(), 0);
    assert_eq!(table_of(&town.lake(), "observation", "dst_area"), before);
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_fetched_again_by_a_repairing_night() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let before = table_of(&town.lake(), "observation", "dst_area");
    let pages = files_below(&town.lake().join("raw/dst_area"), ".zst");
    assert!(!pages.is_empty());
    for page in &pages {
        std::fs::write(page, b"damaged").unwrap();
    }
    let report = repairing(&town, "dst_area").await;
    assert_eq!(report.exit_code(true), 0, "{report:?}");
    town.verify().await;
    assert_eq!(table_of(&town.lake(), "observation", "dst_area"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_manifest_does_not_keep_a_part_from_being_asked_for() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    for manifest in files_below(&town.lake().join("raw/dst_area"), ".json") {
        std::fs::remove_file(manifest).unwrap();
    }
    let report = repairing(&town, "dst_area").await;
    assert_eq!(report.exit_code(true), 0, "{report:?}");
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pipeline_over_the_same_pages_follows_the_first() {
    let town = Town::new();
    add_dropped(&town, "");
    let second =
        std::fs::read_to_string(town.drop_folder().join("../home/pipelines/test_dropped/pipeline.toml")).unwrap();
    let (head, rest) = second.split_once("[source]").unwrap();
    let (_, rest) = rest.split_once("[columns]").unwrap();
    let text = format!("{head}raw_of = \"test_dropped\"\n\n[columns]{rest}");
    town.write(
        "test_shared",
        "pipeline.toml",
        &text.replace("charging_points_municipal", "families_by_cars"),
    );
    town.write(
        "test_shared",
        "map.sql",
        &CHARGING_SQL.replace("charging_points_municipal", "families_by_cars"),
    );
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    let names = ["test_dropped", "test_shared"];
    let first = town.night(script(), &names).await;
    assert_eq!(first.report.exit_code(true), 0, "{}", first.faults("test_shared"));
    let values = |town: &Town| -> Vec<String> {
        let rows = table_of(&town.lake(), "observation", "test_shared");
        rows.iter().map(|row| row["value"].clone()).collect()
    };
    assert_eq!(values(&town), ["812.0", "950.0"]);
    town.verify().await;
    let marks = core_marks(&town.lake());

    town.pass_days(1);
    assert_eq!(
        town.night(script(), &names).await.owner("test_shared").status,
        Status::Unchanged
    );
    assert_eq!(core_marks(&town.lake()), marks);

    town.pass_days(1);
    drop_year(&town, 2025, &[("0101", 951)]);
    let third = town.night(script(), &names).await;
    assert_eq!(
        third.owner("test_shared").status,
        Status::Published,
        "{}",
        third.faults("test_shared")
    );
    assert_eq!(values(&town), ["812.0", "951.0"]);
    town.verify().await;
}
