//! `[checks]`: what each of them sees, what it says, and what is left as it was.

use klimalade_model::Kind;
use klimalade_run::Status;

use crate::{
    emptied::{add_dropped, drop_year},
    parquet_rows::{core_marks, rows_of, table_of},
    town::{Past, Town, says, script},
};

const NAME: &str = "test_dropped";

/// Two years published under these checks; the night after tomorrow's file is what the test looks at.
async fn after(checks: &str, first: [u32; 2], then: &[(&str, u32)]) -> (Town, Past) {
    let town = Town::new();
    add_dropped(&town, checks);
    drop_year(&town, 2024, &[("0101", first[0])]);
    drop_year(&town, 2025, &[("0101", first[1])]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    town.pass_days(1);
    drop_year(&town, 2025, then);
    let before = core_marks(&town.lake());
    let night = town.night(script(), &[NAME]).await;
    if night.owner(NAME).status == Status::Failed {
        assert_eq!(core_marks(&town.lake()), before, "a refused night changed core");
    }
    (town, night)
}

fn refused(night: &Past, words: &[&str]) {
    let report = night.owner(NAME);
    assert_eq!(
        (report.status, report.kind),
        (Status::Failed, Some(Kind::Contract)),
        "{}",
        night.faults(NAME)
    );
    assert_eq!(night.report.exit_code(false), 1);
    says(&night.faults(NAME), words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_with_fewer_rows_than_min_rows_stays_as_it_was() {
    let town = Town::new();
    add_dropped(&town, "[checks]\nmin_rows = 3\n");
    drop_year(&town, 2024, &[("0101", 812), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    town.pass_days(1);
    let before = core_marks(&town.lake());
    drop_year(&town, 2024, &[("0101", 812)]);
    let night = town.night(script(), &[NAME]).await;
    refused(
        &night,
        &[
            "fewer rows than [checks] min_rows",
            "at least 3",
            "found    2",
            "--dry-run",
            "[checks] min_rows",
        ],
    );
    assert_eq!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_changes_more_than_largest_change_holds_the_partition_and_one_that_does_not_is_published() {
    let checks = "[checks]\nlargest_change = { ratio = 0.2 }\n";
    let (_, night) = after(checks, [800, 1000], &[("0101", 1201)]).await;
    refused(
        &night,
        &[
            "more than [checks] largest_change",
            "charging_points_municipal 2025-01-01",
            "1000 within 20 %",
            "found    1201",
            "raise largest_change",
        ],
    );
    let (town, night) = after(checks, [800, 1000], &[("0101", 1199)]).await;
    assert_eq!(night.owner(NAME).status, Status::Published, "{}", night.faults(NAME));
    let rows = table_of(&town.lake(), "observation", NAME);
    assert!(rows.iter().any(|row| row["value"] == "1199.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_outside_its_declared_range_is_a_reject_and_the_hint_names_the_range() {
    let checks = "[checks.range]\ncharging_points_municipal = { min = 1.0, max = 5000.0 }\n";
    let (town, night) = after(checks, [800, 1000], &[("0101", 5001)]).await;
    refused(
        &night,
        &[
            "rows broke the table's contract",
            "range value found 5001",
            "[checks.range]",
            "max_rejected",
        ],
    );
    let file = format!("reject/{}/{NAME}.parquet", night.report.run_id);
    let rejects = rows_of(&town.lake().join(file));
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["reason_code"], "range");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_code_is_refused_with_what_it_may_be_and_the_list_that_a_row_can_be_added_to() {
    let (_, night) = after("", [800, 1000], &[("Aarhuus", 5)]).await;
    refused(
        &night,
        &[
            "unknown_code area_code found Aarhuus",
            "if Aarhuus is 0751 (Aarhus)",
            "schemas/codes/area_aliases.csv under --home",
            "schemas/codes/areas.csv under --home",
            "klimalade schema areas",
            "max_rejected",
        ],
    );
    let (_, night) = after("", [800, 1000], &[("Århus", 5)]).await;
    refused(&night, &["codes.area_aliases has Århus: LEFT JOIN it in map.sql"]);
}

#[test]
fn max_rejected_without_a_reason_is_no_pipeline() {
    let town = Town::new();
    add_dropped(&town, "[checks]\nmax_rejected = { rows = 5 }\n");
    let broken = klimalade_pipeline::Catalogue::load(&town.home()).unwrap().broken;
    says(
        &broken[NAME].faults[0].to_string(),
        &["reason is missing in [checks.max_rejected]", "Why that is right"],
    );
}

/// Years that are long over, under this freshness and rhythm.
async fn stale(freshness: &str, harvest: &str) -> (Town, Past) {
    let town = Town::new();
    add_dropped(
        &town,
        &format!("[harvest]\n{harvest}\n[checks]\nfreshness = {{ {freshness} }}\n"),
    );
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    let night = town.night(script(), &[NAME]).await;
    (town, night)
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_whose_newest_period_is_too_old_are_published_and_the_night_ends_with_a_warning() {
    // A stock of 1 January 2025: that day ended 690 days before the night.
    let (town, night) = stale("newest_period_within_days = 689", "").await;
    let report = night.owner(NAME);
    assert_eq!(
        (report.status, report.kind),
        (Status::Warning, None),
        "{}",
        night.faults(NAME)
    );
    assert_eq!((night.report.exit_code(false), night.report.exit_code(true)), (0, 1));
    let words = [
        "newest published period is older than [checks] freshness",
        "before 2025-01-02",
        "by 2026-11-22",
        "klimalade plan test_dropped",
    ];
    says(&report.warnings.join("\n"), &words);
    assert_eq!(table_of(&town.lake(), "observation", NAME).len(), 2);
    let text = std::fs::read_to_string(town.lake().join(format!("ledger/{}/night.json", night.report.run_id))).unwrap();
    says(&text, &["newest published period is older"]);

    // It is said each night until something newer is there, also when nothing is asked for.
    town.pass_days(1);
    let again = town.night(script(), &[NAME]).await;
    assert_eq!(again.owner(NAME).status, Status::Warning);
    drop_year(&town, 2025, &[("0101", 950)]);
    std::fs::write(
        town.drop_folder().join("2025.csv"),
        "area;year;count\n0101;2025;950\n0101;2026;990\n",
    )
    .unwrap();
    town.pass_days(1);
    let fresh = town.night(script(), &[NAME]).await;
    assert_eq!(fresh.owner(NAME).status, Status::Published, "{:?}", fresh.owner(NAME));

    let (_, on_the_day) = stale("newest_period_within_days = 690", "").await;
    assert_eq!(on_the_day.report.exit_code(true), 0, "{:?}", on_the_day.owner(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_old_stops_nothing_is_published_and_what_stands_stays() {
    let (town, night) = stale("newest_period_within_days = 689, too_old = \"stop\"", "").await;
    refused(
        &night,
        &[
            "newest published period is older than [checks] freshness",
            "pipelines/test_dropped/pipeline.toml",
        ],
    );
    assert!(core_marks(&town.lake()).is_empty());

    let (town, night) = stale("newest_period_within_days = 690, too_old = \"stop\"", "").await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    let before = core_marks(&town.lake());
    town.pass_days(1);
    // Too old by now: a restated figure waits, and a night without one says it as well.
    for figure in [951, 950] {
        drop_year(&town, 2025, &[("0101", figure)]);
        let night = town.night(script(), &[NAME]).await;
        refused(&night, &["newest published period is older"]);
        assert_eq!(core_marks(&town.lake()), before);
        town.pass_days(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_days_the_rhythm_says_when_the_next_period_should_be_out() {
    // The next 1 January was due 330 days after it had ended: in five days.
    let (_, night) = stale("", "rhythm = { every_months = 12, lag_days = 330 }").await;
    assert_eq!(night.report.exit_code(true), 0, "{:?}", night.owner(NAME));
    // The next quarter's was due a year and a half ago.
    let (_, night) = stale("", "rhythm = { every_months = 3, lag_days = 30 }").await;
    assert_eq!(night.owner(NAME).status, Status::Warning);
    says(&night.owner(NAME).warnings.join("\n"), &["by 2025-05-02"]);

    let (_, night) = stale("", "").await;
    assert_eq!(night.owner(NAME).kind, Some(Kind::Settings));
    says(
        &night.faults(NAME),
        &["newest_period_within_days, or [harvest] rhythm", "freshness = {"],
    );
}
