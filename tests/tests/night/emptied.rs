//! A well-formed empty answer where there were rows.

use crate::{
    parquet_rows::{core_marks, table_of},
    town::{Town, says, script},
};
use klimalade_run::Status;

/// Maps `area;year;count`.
pub(crate) const CHARGING_SQL: &str = "SELECT 'publish' AS fate, 'charging_points_municipal' AS indicator_code, r.area AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code, 'dst_register' AS method_code, r.count AS value
FROM raw r
";

/// A pipeline over two dropped files, a part each, with more lines for pipeline.toml.
pub(crate) fn add_dropped(town: &Town, more: &str) {
    let place = |year: &str| town.drop_folder().join(format!("{year}.csv")).display().to_string();
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
addresses = {{ "2024" = "{}", "2025" = "{}" }}
format = {{ type = "csv" }}

[columns]
area = {{ type = "text", id = true }}
year = {{ type = "int", id = true }}
count = {{ type = "float" }}

[publishes]
indicators = ["charging_points_municipal"]
{more}"#,
        place("2024"),
        place("2025")
    );
    town.write("test_dropped", "pipeline.toml", &text);
    town.write("test_dropped", "map.sql", CHARGING_SQL);
}

/// Drops a year's file.
pub(crate) fn drop_year(town: &Town, year: u16, rows: &[(&str, u32)]) {
    let lines: String = rows
        .iter()
        .map(|(area, count)| format!("{area};{year};{count}\n"))
        .collect();
    std::fs::write(
        town.drop_folder().join(format!("{year}.csv")),
        format!("area;year;count\n{lines}"),
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_where_there_were_rows_keeps_what_is_published() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812), ("0751", 400)]);
    drop_year(&town, 2025, &[("0101", 950), ("0751", 444)]);
    let first = town.night(script(), &["test_dropped"]).await;
    assert_eq!(first.report.exit_code(true), 0, "{}", first.faults("test_dropped"));
    let before = core_marks(&town.lake());

    town.pass_days(1);
    drop_year(&town, 2025, &[]);
    let second = town.night(script(), &["test_dropped"]).await;
    assert_eq!(second.owner("test_dropped").status, Status::Warning);
    says(
        &second.faults("test_dropped"),
        &[
            "part 2025",
            "expected",
            "2 rows",
            "found    0 rows",
            "klimalade retire test_dropped",
        ],
    );
    assert_eq!(core_marks(&town.lake()), before);
    assert_eq!((second.report.exit_code(false), second.report.exit_code(true)), (0, 1));

    // It is asked for again the next night although the file's mark has not moved since.
    let third = town.night(script(), &["test_dropped"]).await;
    assert_eq!(third.owner("test_dropped").status, Status::Warning);
    assert_eq!(core_marks(&town.lake()), before);

    drop_year(&town, 2025, &[("0101", 951)]);
    let healed = town.night(script(), &["test_dropped"]).await;
    assert_eq!(healed.report.exit_code(true), 0, "{}", healed.faults("test_dropped"));
    let rows = table_of(&town.lake(), "observation", "test_dropped");
    assert_eq!(rows.len(), 3, "{rows:?}");
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_always_empty_is_no_failure() {
    let town = Town::new();
    add_dropped(&town, "");
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[]);
    for _ in 0..2 {
        let night = town.night(script(), &["test_dropped"]).await;
        assert_eq!(night.report.exit_code(true), 0, "{}", night.faults("test_dropped"));
        town.pass_days(1);
    }
    assert_eq!(table_of(&town.lake(), "observation", "test_dropped").len(), 1);
}
