//! Figures that a night would take away though nobody withdrew them.

use klimalade_model::Kind;
use klimalade_run::Status;

use crate::{
    emptied::{CHARGING_SQL, add_dropped, drop_year},
    parquet_rows::{core_marks, rows_of, table_of},
    town::{Town, says, script},
};

const NAME: &str = "test_dropped";

/// A pipeline over every file of the drop folder.
fn add_folder(town: &Town, harvest: &str, more: &str) {
    let text = format!(
        r#"
version = 1
title_en = "Charging points, dropped files"
title_da = "Ladepunkter, afleverede filer"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"

[source]
connector = "file"
address = "{}/*.csv"
format = {{ type = "csv" }}

[columns]
area = {{ type = "text", id = true }}
year = {{ type = "int", id = true }}
count = {{ type = "float" }}

[harvest]
{harvest}

[publishes]
indicators = ["charging_points_municipal"]
{more}"#,
        town.drop_folder().display()
    );
    town.write(NAME, "pipeline.toml", &text);
    town.write(NAME, "map.sql", CHARGING_SQL);
}

fn years(town: &Town) -> Vec<String> {
    let mut years: Vec<String> = table_of(&town.lake(), "observation", NAME)
        .iter()
        .map(|row| row["year"].clone())
        .collect();
    years.sort_unstable();
    years
}

async fn three_years(town: &Town, harvest: &str, more: &str) {
    add_folder(town, harvest, more);
    for (year, count) in [(2023, 700), (2024, 800), (2025, 900)] {
        drop_year(town, year, &[("0101", count)]);
    }
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    town.pass_days(1);
}

fn take_away(town: &Town, year: u16) {
    std::fs::remove_file(town.drop_folder().join(format!("{year}.csv"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_rows_are_all_rejected_takes_nothing_away() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    let before = core_marks(&town.lake());
    town.pass_days(1);
    drop_year(&town, 2025, &[("9999", 951)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(false), 1);
    assert_eq!(night.owner(NAME).kind, Some(Kind::Contract));
    says(&night.faults(NAME), &["part 2025", "at most 0 rejected of 1", "9999"]);
    assert_eq!(core_marks(&town.lake()), before);
    let row = night.part(NAME, "2025");
    assert_eq!((row.status.as_str(), row.rejected, row.published), ("failed", 1, 1));
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_part_whose_rows_are_all_rejected_takes_nothing_away() {
    let town = Town::new();
    add_folder(&town, "", "");
    drop_year(&town, 2024, &[("0101", 812)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    let before = core_marks(&town.lake());
    town.pass_days(1);
    drop_year(&town, 2024, &[("9999", 812)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(false), 1, "{:?}", night.report);
    assert_eq!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_part_whose_rows_are_all_rejected_is_a_failure_and_not_nothing() {
    let town = Town::new();
    add_folder(&town, "", "");
    drop_year(&town, 2024, &[("9999", 812)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(false), 1, "{:?}", night.report);
    assert_eq!(night.owner(NAME).kind, Some(Kind::Contract));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_skips_every_row_does_not_remove_the_partition() {
    let town = Town::new();
    three_years(&town, "", "").await;
    let before = core_marks(&town.lake());
    town.write(
        NAME,
        "map.sql",
        &CHARGING_SQL.replace("'publish' AS fate", "'skip:all' AS fate"),
    );
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.owner(NAME).kind, Some(Kind::Contract), "{:?}", night.report);
    says(
        &night.faults(NAME),
        &["would lose all its rows", "about 3 rows", "klimalade retire"],
    );
    assert_eq!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_maps_to_nothing_under_the_same_map_is_no_removal() {
    let town = Town::new();
    three_years(&town, "", "").await;
    let skipping = CHARGING_SQL.replace(
        "'publish' AS fate",
        "CASE WHEN r.count < 0 THEN 'skip:not_present' ELSE 'publish' END AS fate",
    );
    town.write(NAME, "map.sql", &skipping);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    std::fs::write(town.drop_folder().join("2025.csv"), "area;year;count\n0101;2025;-1\n").unwrap();
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.owner(NAME).status, Status::Warning, "{:?}", night.report);
    says(
        &night.faults(NAME),
        &["gives none", "about 1 rows", "1 mapped, 0 to publish"],
    );
    assert_eq!(years(&town), ["2023", "2024", "2025"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_part_that_is_not_offered_any_more_keeps_its_figures_and_is_said_each_night() {
    let town = Town::new();
    three_years(&town, "", "").await;
    let before = core_marks(&town.lake());
    take_away(&town, 2025);
    // Also when another part has something new: the file holds both, so it waits.
    drop_year(&town, 2024, &[("0101", 801)]);
    for _ in 0..2 {
        let night = town.night(script(), &[NAME]).await;
        assert_eq!(night.owner(NAME).status, Status::Warning, "{:?}", night.report);
        says(
            &night.faults(NAME),
            &["2025", "not offered any more", "klimalade retire", "parts_leave"],
        );
        assert_eq!(core_marks(&town.lake()), before);
        let row = night.part(NAME, "2025");
        assert_eq!((row.status.as_str(), row.published), ("failed", 1));
        town.pass_days(1);
    }
    // A replay asks nobody, so nothing is missing in it.
    let replay = town.replay(&[NAME]).await;
    assert_eq!(replay.report.exit_code(true), 0, "{}", replay.faults(NAME));
    assert_eq!(years(&town), ["2023", "2024", "2025"]);

    drop_year(&town, 2025, &[("0101", 901)]);
    let healed = town.night(script(), &[NAME]).await;
    assert_eq!(healed.report.exit_code(true), 0, "{}", healed.faults(NAME));
    let rows = table_of(&town.lake(), "observation", NAME);
    let mut values: Vec<&str> = rows.iter().map(|row| row["value"].as_str()).collect();
    values.sort_unstable();
    assert_eq!(values, ["700.0", "801.0", "901.0"]);
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_part_leaves_with_its_figures() {
    let town = Town::new();
    three_years(&town, "", "[checks]\nlargest_change = { ratio = 0.5 }\n").await;
    take_away(&town, 2023);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    assert_eq!(years(&town), ["2024", "2025"]);
    let revisions = table_of(&town.lake(), "revision", NAME);
    assert_eq!(revisions.len(), 1, "{revisions:?}");
    assert!(revisions[0]["row_key"].contains("2023-01-01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_part_leaves_where_the_pipeline_says_that_any_may() {
    let town = Town::new();
    three_years(&town, "parts_leave = \"any\"", "").await;
    take_away(&town, 2025);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    assert_eq!(years(&town), ["2023", "2024"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_out_of_pipeline_toml_leaves() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    town.change_own(NAME, "pipeline.toml", |text| {
        let start = text.find(", \"2025\" = ").unwrap();
        let end = text[start..].find(" }").unwrap() + start;
        format!("{}{}", &text[..start], &text[end..])
    });
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
    assert_eq!(years(&town), ["2024"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_vanishes_from_a_part_is_a_change_of_all_of_it() {
    let town = Town::new();
    add_folder(&town, "", "[checks]\nlargest_change = { ratio = 0.6 }\n");
    let write =
        |rows: &str| std::fs::write(town.drop_folder().join("all.csv"), format!("area;year;count\n{rows}")).unwrap();
    write("0101;2024;800\n0101;2025;900\n");
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    town.pass_days(1);
    // The sum over the file falls by 47 % only.
    write("0101;2025;900\n");
    let night = town.night(script(), &[NAME]).await;
    says(
        &night.faults(NAME),
        &[
            "charging_points_municipal 2024-01-01",
            "800",
            "no figure",
            "largest_change",
        ],
    );
    assert_eq!(years(&town), ["2024", "2025"]);
    // A new period is free.
    write("0101;2024;800\n0101;2025;900\n0101;2026;2000\n");
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_that_vanishes_is_missed_in_every_area() {
    let town = Town::new();
    let (name, view) = ("energinet_capacity_by_municipality", "energinet_capacity_january");
    assert_eq!(town.night(script(), &[name, view]).await.report.exit_code(true), 0);
    let before = core_marks(&town.lake());
    town.change(name, name, |file, text| match file {
        "map.sql" => text.replace(
            "CASE WHEN r.u['figure'] IS NULL",
            "CASE WHEN r.u['indicator'] = 'generating_units' OR r.u['figure'] IS NULL",
        ),
        _ => text,
    });
    let night = town.night(script(), &[name]).await;
    assert_eq!(night.owner(name).kind, Some(Kind::Contract), "{:?}", night.report);
    says(
        &night.faults(name),
        &[
            "the areas of a partition",
            "in generating_units, actual",
            "missing [0101 0147",
        ],
    );
    assert_eq!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_that_a_held_file_still_shows_is_still_claimed() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    town.change_own(NAME, "pipeline.toml", |text| {
        text.replace(
            "indicators = [\"charging_points_municipal\"]",
            "indicators = [\"vehicles\"]",
        )
    });
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(false), 1);
    let state = town.state(NAME).await.unwrap();
    assert_eq!(state.publishes.indicators, ["vehicles", "charging_points_municipal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_beside_its_parts_holds_the_partition() {
    let town = Town::new();
    town.change(
        "energinet_capacity_by_municipality",
        "energinet_capacity_by_municipality",
        |file, text| match file {
            "map.sql" => text.replace(
                "'size', 'lt_100mw', 'figure', thermal_small)",
                "'size', '_T', 'figure', thermal_small)",
            ),
            _ => text,
        },
    );
    let night = town.night(script(), &["energinet_capacity_by_municipality"]).await;
    says(
        &night.faults("energinet_capacity_by_municipality"),
        &[
            "a total stands beside its parts",
            "electricity_capacity period_start=2024-01-01 area_code=",
            "category_code=_T beside category_code=ge_100mw",
        ],
    );
    assert_eq!(night.report.exit_code(false), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_names_the_row_of_the_map_and_written_counts_the_parts_own_rows() {
    let town = Town::new();
    add_dropped(&town, "");
    town.write(
        NAME,
        "map.sql",
        &CHARGING_SQL.replace(
            "'publish' AS fate",
            "CASE WHEN r.count < 0 THEN 'skip:not_present' ELSE 'publish' END AS fate",
        ),
    );
    let file = town.drop_folder().join("2024.csv");
    std::fs::write(
        &file,
        "area;year;count\n0101;2024;-1\n0147;2024;-1\n0151;2024;3\n9999;2024;4\n",
    )
    .unwrap();
    drop_year(&town, 2025, &[("0101", 950), ("0147", 3)]);
    let night = town.night(script(), &[NAME]).await;
    let rejects = rows_of(
        &town
            .lake()
            .join(format!("reject/{}/{NAME}.parquet", night.report.run_id)),
    );
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["row_number"], "4");
    drop_year(&town, 2024, &[("0151", 3)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(
        (night.part(NAME, "2024").written, night.part(NAME, "2025").written),
        (1, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_published_file_is_no_fault_of_the_agency() {
    let town = Town::new();
    three_years(&town, "", "").await;
    let file = town
        .lake()
        .join(format!("core/observation/pipeline={NAME}/data.parquet"));
    std::fs::write(&file, b"PAR1 no longer").unwrap();
    drop_year(&town, 2025, &[("0101", 901)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.owner(NAME).kind, Some(Kind::Contract), "{:?}", night.report);
    says(
        &night.faults(NAME),
        &["a published file cannot be read", "klimalade verify"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_names_the_snapshot_that_brought_it() {
    let town = Town::new();
    three_years(&town, "", "").await;
    drop_year(&town, 2024, &[("0101", 801)]);
    drop_year(&town, 2025, &[("0101", 901)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    let rows = table_of(&town.lake(), "observation", NAME);
    let revisions = table_of(&town.lake(), "revision", NAME);
    assert_eq!(revisions.len(), 2);
    for revision in &revisions {
        let row = rows.iter().find(|row| row["value"] == revision["new_value"]).unwrap();
        assert_eq!(revision["snapshot_sha256"], row["snapshot_sha256"]);
        assert_eq!(revision["licence_code"], "not_stated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_of_the_same_file_adds_nothing_a_second_time() {
    let town = Town::new();
    add_folder(&town, "", "");
    drop_year(&town, 2025, &[("0101", 900)]);
    assert_eq!(town.night(script(), &[NAME]).await.report.exit_code(true), 0);
    // The pages stay, the map goes to and fro: the partition gets its old bytes again.
    for map in ["r.count + 1", "r.count", "r.count + 1"] {
        let sql = CHARGING_SQL.replace("r.count AS value", &format!("{map} AS value"));
        town.write(NAME, "map.sql", &sql);
        let night = town.replay(&[NAME]).await;
        assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(NAME));
        assert_eq!(night.part(NAME, "2025").written, 1);
    }
    let revisions = table_of(&town.lake(), "revision", NAME);
    let mut said: Vec<&str> = revisions.iter().map(|row| row["new_value"].as_str()).collect();
    said.sort_unstable();
    assert_eq!(said, ["900.0", "901.0"]);
    town.verify().await;
}
