//! Another map.sql over what stands in raw/.

use klimalade_run::Status;

use crate::{
    parquet_rows::{core_marks, table, table_of},
    town::{Town, script},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_map_is_replayed_from_raw_without_a_single_request() {
    let town = Town::new();
    assert_eq!(
        town.night(script(), &["dst_area", "dmi_heating_degree_days"])
            .await
            .report
            .exit_code(true),
        0
    );
    let before = table_of(&town.lake(), "observation", "dst_area");
    let marks = core_marks(&town.lake());
    assert!(
        before
            .iter()
            .all(|row| row["value_status"] == "A" && row["method_code"] == "dst_matriculated_area")
    );

    town.pass_days(1);
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => text.replace("ELSE 'A' END AS value_status", "ELSE 'P' END AS value_status"),
        _ => text,
    });
    let replay = town.replay(&["dst_area", "dmi_heating_degree_days"]).await;
    assert_eq!(replay.report.exit_code(true), 0, "{:?}", replay.report);
    assert_eq!(replay.all_requests(), 0);
    assert_eq!(replay.owner("dst_area").status, Status::Published);
    assert_eq!(replay.owner("dmi_heating_degree_days").status, Status::Unchanged);
    let after = table_of(&town.lake(), "observation", "dst_area");
    assert_eq!(after.len(), before.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(new["value_status"], "P");
        // The bytes are the same, so they were seen no later.
        for column in ["area_code", "period_start", "value", "retrieved_at", "snapshot_sha256"] {
            assert_eq!(old[column], new[column]);
        }
    }
    let revisions = table(&town.lake(), "revision");
    assert_eq!(revisions.len(), before.len());
    assert!(revisions.iter().all(|row| {
        (
            row["column_name"].as_str(),
            row["old_value"].as_str(),
            row["new_value"].as_str(),
        ) == ("value_status", "A", "P")
    }));
    let kept = |key: &&String| key.contains("dmi_heating");
    let now = core_marks(&town.lake());
    assert_eq!(
        marks.keys().filter(kept).map(|key| &marks[key]).collect::<Vec<_>>(),
        now.keys().filter(kept).map(|key| &now[key]).collect::<Vec<_>>()
    );
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_takes_the_old_figures_away_and_says_so() {
    let town = Town::new();
    assert_eq!(town.night(script(), &["dst_area"]).await.report.exit_code(true), 0);
    let before = table_of(&town.lake(), "observation", "dst_area");
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => text.replace(
            "'dst_matriculated_area' AS method_code",
            "'dst_register' AS method_code",
        ),
        _ => text,
    });
    let replay = town.replay(&["dst_area"]).await;
    assert_eq!(replay.report.exit_code(true), 0, "{}", replay.faults("dst_area"));
    assert_eq!(replay.all_requests(), 0);
    let after = table_of(&town.lake(), "observation", "dst_area");
    assert!(after.iter().all(|row| row["method_code"] == "dst_register"));
    assert_eq!(after.len(), before.len());
    // The method stands in the key: every figure of the old one vanished.
    let revisions = table(&town.lake(), "revision");
    let mut vanished: Vec<&str> = revisions.iter().map(|row| row["old_value"].as_str()).collect();
    let mut published: Vec<&str> = before.iter().map(|row| row["value"].as_str()).collect();
    vanished.sort_unstable();
    published.sort_unstable();
    assert_eq!(vanished, published);
    assert!(
        revisions
            .iter()
            .all(|row| !row.contains_key("new_value") && row["row_key"].contains("method_code=dst_matriculated_area"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_what_has_not_changed_changes_nothing() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let marks = core_marks(&town.lake());
    let replay = town.replay(&["dst_area"]).await;
    assert_eq!(replay.report.exit_code(true), 0);
    assert_eq!(replay.all_requests(), 0);
    assert_eq!(core_marks(&town.lake()), marks);
}
