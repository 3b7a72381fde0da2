//! Rows that break the table's contract.

use klimalade_model::Kind;
use klimalade_run::Status;

use crate::{
    emptied::{add_dropped, drop_year},
    parquet_rows::{core_marks, rows_of, table_of},
    town::{Town, says, script},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_an_unknown_code_stops_its_partition_and_lies_in_the_reject_folder() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812), ("9999", 7)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    let night = town.night(script(), &["test_dropped", "dst_area"]).await;
    let report = night.owner("test_dropped");
    assert_eq!((report.status, report.kind), (Status::Failed, Some(Kind::Contract)));
    says(&night.faults("test_dropped"), &["area_code", "9999", "max_rejected"]);
    assert_eq!(night.report.exit_code(false), 1);
    assert_eq!(night.owner("dst_area").status, Status::Published);
    assert!(!core_marks(&town.lake()).keys().any(|key| key.contains("test_dropped")));

    let rejects = rows_of(
        &town
            .lake()
            .join(format!("reject/{}/test_dropped.parquet", night.report.run_id)),
    );
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    let reject = &rejects[0];
    assert_eq!(
        (
            reject["part"].as_str(),
            reject["column_name"].as_str(),
            reject["found"].as_str()
        ),
        ("2024", "area_code", "9999")
    );
    let row: serde_json::Value = serde_json::from_str(&reject["row"]).unwrap();
    assert_eq!(row["area_code"], "9999");
    assert!(row.to_string().contains('7'), "{row}");
    let ledger = night.part("test_dropped", "2024");
    assert_eq!(
        (ledger.received, ledger.mapped, ledger.rejected, ledger.published),
        (Some(2), 2, 1, 0)
    );
    assert_eq!(ledger.status, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_of_a_later_night_takes_no_figure_away() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    assert_eq!(town.night(script(), &["test_dropped"]).await.report.exit_code(true), 0);
    let before = core_marks(&town.lake());
    town.pass_days(1);
    drop_year(&town, 2025, &[("0101", 951), ("0102", 3)]);
    let night = town.night(script(), &["test_dropped"]).await;
    assert_eq!(night.report.exit_code(false), 1, "a Contract fault is no warning");
    assert_eq!(core_marks(&town.lake()), before);
    assert_eq!(
        night.part("test_dropped", "2025").published,
        1,
        "what stands in core still counts"
    );
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn max_rejected_with_a_reason_lets_so_many_rows_go_and_not_one_more() {
    let town = Town::new();
    add_dropped(
        &town,
        "[checks]\nmax_rejected = { rows = 1, reason = \"The file counts a car park abroad\" }\n",
    );
    drop_year(&town, 2024, &[("0101", 812), ("9999", 7)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    let night = town.night(script(), &["test_dropped"]).await;
    assert_eq!(night.report.exit_code(false), 0, "{}", night.faults("test_dropped"));
    assert_eq!(table_of(&town.lake(), "observation", "test_dropped").len(), 2);
    assert_eq!(night.part("test_dropped", "2024").rejected, 1);
    assert!(
        town.lake()
            .join(format!("reject/{}/test_dropped.parquet", night.report.run_id))
            .is_file()
    );

    town.pass_days(1);
    drop_year(&town, 2024, &[("0101", 812), ("9999", 7), ("9998", 7)]);
    let night = town.night(script(), &["test_dropped"]).await;
    assert_eq!(night.report.exit_code(false), 1);
    says(&night.faults("test_dropped"), &["at most 1 rejected of 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figure_that_comes_twice_is_refused() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    // Another part with a row of 2024: the same key in the same file.
    std::fs::write(town.drop_folder().join("2025.csv"), "area;year;count\n0101;2024;900\n").unwrap();
    let night = town.night(script(), &["test_dropped"]).await;
    assert_eq!(night.owner("test_dropped").status, Status::Failed, "{:?}", night.report);
    assert_eq!(
        night.owner("test_dropped").kind,
        Some(Kind::Contract),
        "{}",
        night.faults("test_dropped")
    );
    assert!(core_marks(&town.lake()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_a_project_that_does_not_begin_with_its_dataset_is_a_reject() {
    let town = Town::new();
    let text = format!(
        r#"
version = 1
title_en = "Projects, a dropped file"
title_da = "Projekter, en afleveret fil"
source_id = "municipal_open_data"
table = "project"
licence_code = "not_stated"
source = {{ connector = "file", address = "{}", format = {{ type = "csv" }} }}

[columns]
id = {{ type = "text", id = true }}
"#,
        town.drop_folder().join("projects.csv").display()
    );
    town.write("test_projects", "pipeline.toml", &text);
    town.write(
        "test_projects",
        "map.sql",
        "SELECT 'publish' AS fate, r.id AS project_id, 'municipality' AS actor_code, 'Vådområde' AS title,
    'wetland' AS kind_code, 'built' AS stage_code FROM raw r
",
    );
    let file = town.drop_folder().join("projects.csv");
    std::fs::write(&file, "id\nmunicipal_open_data_1\n7\n").unwrap();
    let night = town.night(script(), &["test_projects"]).await;
    says(
        &night.faults("test_projects"),
        &[
            "id_without_source project_id found 7",
            "an id that begins with municipal_open_data",
        ],
    );
    assert_eq!(night.part("test_projects", "all").rejected, 1);
    std::fs::write(&file, "id\nmunicipal_open_data_1\nmunicipal_open_data_7\n").unwrap();
    let night = town.night(script(), &["test_projects"]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults("test_projects"));
    assert_eq!(table_of(&town.lake(), "project", "test_projects").len(), 2);
}
