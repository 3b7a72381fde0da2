//! A night that is only rehearsed: it says what it would do, and the lake stays as it is, file by file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use klimalade_demo::{Agencies, Script};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_run::{Quiet, Rehearsal, Status, rehearse};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    emptied::{add_dropped, drop_year},
    parquet_rows::{files_below, table_of},
    town::{Town, options, says, script},
};

const DROPPED: &str = "test_dropped";
const NAMES: [&str; 3] = [
    "dst_area",
    "energinet_capacity_by_municipality",
    "energinet_capacity_january",
];

/// Hash and time of change of every file of a lake, state, locks and all.
fn marks(lake: &Path) -> BTreeMap<PathBuf, (String, SystemTime)> {
    files_below(lake)
        .into_iter()
        .map(|file| {
            let hash = format!("{:x}", Sha256::digest(std::fs::read(&file).unwrap()));
            let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
            (file, (hash, changed))
        })
        .collect()
}

/// Rehearses a night, and asserts that it left no trace in the lake.
async fn rehearsal(town: &Town, script: Script, names: &[&str], replay: bool) -> Rehearsal {
    let (before, stood) = (marks(&town.lake()), town.lake().exists());
    let agencies = Agencies::start(script).unwrap();
    let above = TempDir::with_prefix("klimalade-rehearsal-").unwrap();
    let address = town.lake().to_str().unwrap().to_owned();
    let open = OpenOptions {
        simulated: true,
        spool: above.path().to_owned(),
        ..OpenOptions::default()
    };
    let read_only = OpenOptions {
        read_only: true,
        ..open.clone()
    };
    let over = Lake::rehearsal(&address, above.path(), open).await.unwrap();
    let house = town
        .house_over(over, &agencies, Default::default(), Arc::new(Quiet))
        .await
        .unwrap();
    let standing = if stood {
        Some(Lake::open(&address, read_only).await.unwrap())
    } else {
        None
    };
    let rehearsal = rehearse(&house, standing.as_ref(), &options(names, replay))
        .await
        .unwrap();
    assert_eq!(marks(&town.lake()), before, "a rehearsal wrote to the lake");
    assert_eq!(town.lake().exists(), stood, "a rehearsal made a lake");
    rehearsal
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lake_a_rehearsal_says_what_the_first_night_would_publish_and_makes_no_lake() {
    let town = Town::new();
    let rehearsed = rehearsal(&town, script(), &NAMES, false).await;
    assert_eq!(rehearsed.night.exit_code(true), 0, "{rehearsed:?}");
    let names: Vec<&str> = rehearsed.owners.iter().map(|owner| owner.owner.as_str()).collect();
    assert_eq!(names, NAMES);

    // And that is what the night then does; the view read what the harvest before it would have published.
    let night = town.night(script(), &NAMES).await;
    for (owner, table) in NAMES
        .into_iter()
        .zip(["observation", "observation_within_year", "observation"])
    {
        let said = rehearsed.owners.iter().find(|one| one.owner == owner).unwrap();
        let rows = table_of(&town.lake(), table, owner).len() as u64;
        assert!(rows > 0);
        assert_eq!(said.status, "published");
        assert!(
            said.files
                .iter()
                .all(|file| file.what == "new" && file.added == file.rows),
            "{said:?}"
        );
        assert_eq!(said.files.iter().map(|file| file.added).sum::<u64>(), rows, "{owner}");
        let parts = &night.owner(owner).parts;
        assert_eq!(
            said.rows.published,
            parts.iter().map(|part| part.published).sum::<u64>()
        );
        assert_eq!(said.requests.parts, parts.iter().map(|part| part.requests).sum::<u64>());
    }
    // ARE207: its description and its figures, and its description once more.
    let area = &rehearsed.owners[0].requests;
    assert_eq!(
        (area.plan, area.parts, area.parts_asked, area.parts_offered),
        (2, 1, 1, 1)
    );
    assert_eq!((area.interval_millis, area.waiting_seconds), (250, 0.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_lake_a_rehearsal_names_the_cells_that_the_night_then_revises() {
    let town = Town::new();
    town.night(script(), &NAMES).await;
    town.pass_days(1);
    let rehearsed = rehearsal(&town, script().night(1), &NAMES, false).await;
    assert_eq!(rehearsed.night.exit_code(true), 0, "{rehearsed:?}");
    let area = &rehearsed.owners[0];
    let [file] = area.files.as_slice() else {
        panic!("{area:?}")
    };
    assert_eq!((file.what, file.added, file.vanished), ("replaced", 0, 0));
    assert!(file.changed > 0);
    for other in &rehearsed.owners[1..] {
        assert_eq!(other.status, "unchanged");
        assert!(other.files.iter().all(|file| file.what == "unchanged"), "{other:?}");
    }

    town.night(script().night(1), &NAMES).await;
    let revised = table_of(&town.lake(), "revision", "dst_area");
    assert_eq!(revised.len() as u64, file.changed);
    for change in &area.changes {
        let same =
            |row: &&crate::parquet_rows::Row| row["row_key"] == change.row_key && row["column_name"] == change.column;
        let row = revised
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("{change:?} was not revised"));
        assert_eq!(
            (row.get("old_value"), row.get("new_value")),
            (change.old.as_ref(), change.new.as_ref())
        );
    }
    assert!(!area.changes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_of_a_refused_night_gives_reasons_rejects_and_its_exit_code() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    town.night(script(), &[DROPPED]).await;
    town.pass_days(1);
    drop_year(&town, 2024, &[("0101", 813), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950), ("9999", 3)]);
    let rehearsed = rehearsal(&town, script(), &[DROPPED], false).await;
    assert_eq!(rehearsed.night.exit_code(false), 1);
    let [owner] = rehearsed.owners.as_slice() else {
        panic!("{rehearsed:?}")
    };
    assert_eq!((owner.status, owner.rows.rejected), ("failed", 1));
    says(
        &owner.faults.join("\n"),
        &["rows broke the table's contract", "part 2025", "max_rejected"],
    );
    let [reject] = owner.rejects.as_slice() else {
        panic!("{:?}", owner.rejects)
    };
    assert_eq!(
        (reject.get("part"), reject.get("reason_code"), reject.get("found")),
        (Some("2025"), Some("unknown_code"), Some("9999"))
    );
    // One file for both years: it stays as it is.
    assert_eq!(
        owner.files.iter().map(|file| file.what).collect::<Vec<_>>(),
        ["unchanged"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_the_whole_partition_is_rehearsed_too_and_skipped_rows_are_told_by_reason() {
    let town = Town::new();
    add_dropped(&town, "\n[checks]\nmin_rows = 3\n");
    town.change_own(DROPPED, "map.sql", |text| {
        text.replace(
            "'publish' AS fate",
            "CASE WHEN r.area = '0751' THEN 'skip:left_out' ELSE 'publish' END AS fate",
        )
    });
    drop_year(&town, 2024, &[("0101", 812), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950), ("0751", 444)]);
    let rehearsed = rehearsal(&town, script(), &[DROPPED], false).await;
    let [owner] = rehearsed.owners.as_slice() else {
        panic!("{rehearsed:?}")
    };
    assert_eq!(rehearsed.night.exit_code(false), 1);
    says(
        &owner.faults.join("\n"),
        &["fewer rows than [checks] min_rows", "at least 3", "2"],
    );
    assert_eq!(owner.rows.skipped, BTreeMap::from([("left_out".to_owned(), 2)]));
    assert!(owner.files.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_rehearsed_without_asking_anybody_and_shows_what_another_mapping_would_change() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    town.night(script(), &[DROPPED]).await;
    town.change_own(DROPPED, "map.sql", |text| {
        text.replace(
            "r.count AS value",
            "CASE WHEN r.area = '0751' THEN r.count + 1.0 ELSE r.count END AS value",
        )
    });
    let rehearsed = rehearsal(&town, script(), &[DROPPED], true).await;
    let [owner] = rehearsed.owners.as_slice() else {
        panic!("{rehearsed:?}")
    };
    assert_eq!((owner.requests.plan, owner.requests.parts), (0, 0));
    let [change] = owner.changes.as_slice() else {
        panic!("{owner:?}")
    };
    assert!(change.row_key.contains("area_code=0751"), "{change:?}");
    assert_eq!(
        (change.column.as_str(), change.old.as_deref(), change.new.as_deref()),
        ("value", Some("400.0"), Some("401.0"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_another_run_holds_is_rehearsed_all_the_same() {
    let town = Town::new();
    let night = town.night(script(), &["dst_area"]).await;
    assert_eq!(night.owner("dst_area").status, Status::Published);
    // Another run is at work: its lock hinders no rehearsal.
    let open = OpenOptions {
        simulated: true,
        ..OpenOptions::default()
    };
    let lake = Lake::open(town.lake().to_str().unwrap(), open).await.unwrap();
    let lock = lake.lock("dst_area", "another-run").await.unwrap().expect("free");
    let rehearsed = rehearsal(&town, script().night(1), &["dst_area"], false).await;
    assert_eq!(rehearsed.owners[0].status, "published");
    lock.release().await.unwrap();
}
