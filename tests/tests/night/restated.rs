//! The second night: what the agencies restated and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use klimalade_run::Status;

use crate::{
    parquet_rows::{Row, core_marks, figure_columns, key_text, table, table_of},
    town::{DMI, ENERGIDATA, STATBANK, Town, script},
};

const NAMES: [&str; 4] = [
    "dst_area",
    "energinet_capacity_by_municipality",
    "energinet_capacity_january",
    "dmi_heating_degree_days",
];
const AREA: &str = "core/observation/pipeline=dst_area/data.parquet";
const CONTROLS: &str = "core/control_total/pipeline=dst_area/data.parquet";
const REVISIONS: &str = "core/revision/pipeline=dst_area/year=2026/data.parquet";

#[tokio::test(flavor = "multi_thread")]
async fn a_second_night_publishes_only_what_the_agencies_restated_and_a_third_changes_nothing() {
    let town = Town::new();
    let first = town.night(script(), &NAMES).await;
    assert_eq!(first.report.exit_code(true), 0, "{:?}", first.report);
    assert!(table(&town.lake(), "revision").is_empty());
    let (marks, old) = (
        core_marks(&town.lake()),
        table_of(&town.lake(), "observation", "dst_area"),
    );
    assert!(marks.len() >= 6, "{marks:?}");

    town.pass_days(1);
    let second = town.night(script().night(1), &NAMES).await;
    assert_eq!(second.report.exit_code(true), 0, "{:?}", second.report);
    let (marks_now, new) = (
        core_marks(&town.lake()),
        table_of(&town.lake(), "observation", "dst_area"),
    );

    // Which files are others than before, by hash and by time of change, and which the report names.
    let others = marks_now.iter().filter(|(key, mark)| marks.get(*key) != Some(*mark));
    let others: BTreeSet<String> = others.map(|(key, _)| key.clone()).collect();
    let expected: BTreeSet<String> = [AREA, CONTROLS, REVISIONS].map(str::to_owned).into();
    assert_eq!(others, expected);
    let named: BTreeSet<String> = second
        .report
        .owners
        .iter()
        .flat_map(|owner| owner.replaced.clone())
        .collect();
    assert_eq!(named, expected);
    assert!(marks.keys().all(|key| marks_now.contains_key(key)), "a file is gone");
    for owner in &second.report.owners {
        let expected = if owner.owner == "dst_area" {
            Status::Published
        } else {
            Status::Unchanged
        };
        assert_eq!(owner.status, expected, "{}", owner.owner);
    }

    // What core/revision says against what the two lakes say.
    let key = town.schemas().table("observation").unwrap().unique_key.clone();
    let changes = changes_between(&old, &new, &key);
    assert_eq!(changes.len(), 4, "two municipalities, two years: {changes:?}");
    let revisions = table(&town.lake(), "revision");
    let explained: BTreeSet<(String, String, Option<String>, Option<String>)> = revisions
        .iter()
        .map(|row| {
            (
                row["row_key"].clone(),
                row["column_name"].clone(),
                row.get("old_value").cloned(),
                row.get("new_value").cloned(),
            )
        })
        .collect();
    assert_eq!(explained, changes);
    assert_eq!(revisions.len(), changes.len());
    for row in &revisions {
        assert_eq!(row["table_name"], "observation");
        assert_eq!(row["old_file_sha256"], marks[AREA].0);
        assert_eq!(row["run_id"], second.report.run_id);
        assert!(row["source_id"].starts_with("sim_"), "{row:?}");
    }
    assert_eq!(second.owner("dst_area").revisions, 4);

    town.pass_days(1);
    let third = town.night(script().night(1), &NAMES).await;
    assert_eq!(third.report.exit_code(true), 0, "{:?}", third.report);
    assert_eq!(core_marks(&town.lake()), marks_now);
    assert!(
        third
            .report
            .owners
            .iter()
            .all(|owner| owner.status == Status::Unchanged),
        "{:?}",
        third.report
    );
    // The mark of ARE207 has not moved: its table was looked up, its figures were not asked for.
    assert_eq!(third.part("dst_area", "all").status, "confirmed");
    assert_eq!(third.requests(STATBANK, "/v1/data"), 0);
    assert!(third.requests(STATBANK, "/v1/tableinfo") > 0);
    // Without marks the two newest parts are asked for again, each a page, and none of the others. DMI's short page
    // has a link to a next one, so a page without features is asked for behind it.
    assert_eq!(
        third.requests(DMI, "/v2/climateData/collections/municipalityValue/items"),
        4
    );
    assert_eq!(third.requests(ENERGIDATA, "/dataset/"), 2);
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_unchanged_part_keep_the_moment_at_which_they_were_first_seen() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let before = town.state("dst_area").await.unwrap();
    town.pass_days(2);
    town.night(script(), &["dst_area"]).await;
    let after = town.state("dst_area").await.unwrap();
    assert_eq!(after.parts["all"].first_seen_at, before.parts["all"].first_seen_at);
    assert!(after.parts["all"].confirmed_at > before.parts["all"].confirmed_at);
    assert_eq!(after.partitions, before.partitions);
}

/// Changed and vanished cells between two sets of rows, as (key, column, old, new).
fn changes_between(
    old: &[Row],
    new: &[Row],
    key: &[String],
) -> BTreeSet<(String, String, Option<String>, Option<String>)> {
    let by_key = |rows: &[Row]| -> BTreeMap<String, Row> {
        rows.iter()
            .map(|row| (key_text(row, key), figure_columns(row, key)))
            .collect()
    };
    let (old, new) = (by_key(old), by_key(new));
    let mut changes = BTreeSet::new();
    for (key, before) in &old {
        let Some(now) = new.get(key) else {
            changes.insert((key.clone(), "value".to_owned(), before.get("value").cloned(), None));
            continue;
        };
        let columns: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
        for column in columns
            .into_iter()
            .filter(|column| before.get(*column) != now.get(*column))
        {
            changes.insert((
                key.clone(),
                column.clone(),
                before.get(column).cloned(),
                now.get(column).cloned(),
            ));
        }
    }
    changes
}
