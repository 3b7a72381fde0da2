//! Layer `out`: views over core, over each other, and over what a night knows of itself.

use std::path::PathBuf;

use klimalade_run::Status;

use crate::{
    parquet_rows::{Row, rows_of, table, table_of},
    town::{Past, Town, says, script},
};

const AREA_VIEW: &str = "SELECT o.area_code, o.year, a.name_da AS area_name, o.value AS land_area_km2
FROM core.observation o
JOIN codes.areas a ON a.code = o.area_code
WHERE o.indicator_code = 'land_area' AND o.area_level = 'municipality'
";
const STATE_VIEW: &str = "SELECT p.pipeline, d.run_date, max(l.confirmed_at) AS confirmed_at,
    max(CAST(y.year AS INT)) AS newest_year
FROM pipelines p
JOIN ledger l ON l.pipeline = p.pipeline
CROSS JOIN run_date d
CROSS JOIN (SELECT max(year) AS year FROM out.test_area) y
GROUP BY p.pipeline, d.run_date
";
const FIELDS: &str = "area_name = { type = \"text\", description_en = \"Name.\", description_da = \"Navn.\" }
land_area_km2 = { type = \"float64\", description_en = \"Area.\", description_da = \"Areal.\" }
newest_year = { type = \"int32\", description_en = \"Year.\", description_da = \"År.\" }
";

/// A town with two tables of layer out and the views that fill them.
fn town() -> Town {
    let mut town = Town::new();
    town.only = ["dst_area", "out_test_area", "out_test_state", "out_rival"]
        .map(str::to_owned)
        .to_vec();
    let schemas = town.home().join("schemas");
    std::fs::create_dir_all(schemas.join("tables")).unwrap();
    std::fs::write(schemas.join("fields.toml"), FIELDS).unwrap();
    for (name, columns, key) in [
        (
            "test_area",
            "area_code\", \"year\", \"area_name\", \"land_area_km2",
            "area_code\", \"year",
        ),
        (
            "test_state",
            "pipeline\", \"run_date\", \"confirmed_at\", \"newest_year",
            "pipeline",
        ),
    ] {
        let text = format!(
            "layer = \"out\"\npartition_by = []\nunique_key = [\"{key}\"]\ncolumns = [\"{columns}\"]\n\
             optional = [\"confirmed_at\", \"newest_year\"]\ndescription_en = \"Test.\"\ndescription_da = \"Test.\"\n"
        );
        std::fs::write(schemas.join(format!("tables/{name}.toml")), text).unwrap();
    }
    view(&town, "out_test_area", "test_area", AREA_VIEW);
    view(&town, "out_test_state", "test_state", STATE_VIEW);
    town
}

fn view(town: &Town, name: &str, table: &str, sql: &str) {
    let text = format!(
        "version = 1\nkind = \"view\"\ntitle_en = \"Test\"\ntitle_da = \"Test\"\nsource_id = \"dst_are207\"\ntable = \"{table}\"\n"
    );
    town.write(name, "pipeline.toml", &text);
    town.write(name, "map.sql", sql);
    town.write(name, "notes.md", "verified_live: (view)\n");
}

fn file(town: &Town, table: &str) -> PathBuf {
    town.lake().join(format!("out/{table}.parquet"))
}

fn is_good(night: &Past) {
    assert_eq!(night.report.exit_code(true), 0, "{:?}", night.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_out_is_one_flat_file_of_what_core_says_and_is_left_alone_while_core_is() {
    let town = town();
    is_good(&town.night(script(), &[]).await);
    let areas = rows_of(&file(&town, "test_area"));
    let of_core: Vec<Row> = table_of(&town.lake(), "observation", "dst_area")
        .into_iter()
        .filter(|row| row["area_level"] == "municipality")
        .collect();
    assert_eq!(areas.len(), of_core.len());
    let total = |rows: &[Row], column: &str| rows.iter().map(|row| row[column].parse::<f64>().unwrap()).sum::<f64>();
    assert!((total(&areas, "land_area_km2") - total(&of_core, "value")).abs() < 1e-6);
    let columns: Vec<&String> = areas[0].keys().collect();
    assert_eq!(columns, ["area_code", "area_name", "land_area_km2", "year"]);

    let written = std::fs::metadata(file(&town, "test_area")).unwrap().modified().unwrap();
    let second = town.night(script(), &[]).await;
    is_good(&second);
    assert_eq!(second.part("out_test_area", "view").status, "confirmed");
    assert_eq!(
        std::fs::metadata(file(&town, "test_area")).unwrap().modified().unwrap(),
        written
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restated_figure_changes_out_and_is_a_revision_of_core_alone() {
    let town = town();
    is_good(&town.night(script(), &[]).await);
    let before = rows_of(&file(&town, "test_area"));
    town.pass_days(1);
    let second = town.night(script().night(1), &[]).await;
    is_good(&second);
    let after = rows_of(&file(&town, "test_area"));
    assert_ne!(before, after, "the second night restates land areas");
    let owners: Vec<String> = table(&town.lake(), "revision")
        .iter()
        .map(|row| row["pipeline"].clone())
        .collect();
    assert!(
        !owners.is_empty() && owners.iter().all(|owner| owner == "dst_area"),
        "{owners:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_reads_the_day_the_ledger_and_the_pipelines_and_comes_after_the_view_that_it_reads() {
    let town = town();
    is_good(&town.night(script(), &[]).await);
    let state = rows_of(&file(&town, "test_state"));
    let newest = rows_of(&file(&town, "test_area"))
        .iter()
        .map(|row| row["year"].clone())
        .max()
        .unwrap();
    let harvest = state.iter().find(|row| row["pipeline"] == "dst_area").unwrap();
    assert_eq!(harvest["run_date"], "2026-11-23");
    assert!(harvest["confirmed_at"].starts_with("2026-11-23T"), "{harvest:?}");
    assert_eq!(harvest["newest_year"], newest);
    // Another day is another answer, though core is as it was.
    town.pass_days(1);
    let second = town.night(script(), &["out_test_state"]).await;
    is_good(&second);
    assert_eq!(second.owner("out_test_state").status, Status::Published);
    assert_eq!(rows_of(&file(&town, "test_state"))[0]["run_date"], "2026-11-24");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_owner_of_a_table_of_out_is_refused() {
    let town = town();
    is_good(&town.night(script(), &[]).await);
    view(&town, "out_rival", "test_area", AREA_VIEW);
    let night = town.night(script(), &[]).await;
    assert_eq!(night.owner("out_rival").status, Status::Failed);
    says(
        &night.faults("out_rival"),
        &["a table of out has two owners", "out/test_area"],
    );
    assert_eq!(night.owner("out_test_area").status, Status::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_out_that_was_damaged_is_found_and_made_again() {
    let town = town();
    is_good(&town.night(script(), &[]).await);
    let rows = rows_of(&file(&town, "test_area"));
    std::fs::write(file(&town, "test_area"), "no parquet").unwrap();
    let findings = town.findings().await;
    assert!(
        findings.iter().any(|finding| finding.place == "out/test_area.parquet"),
        "{findings:?}"
    );
    std::fs::remove_file(file(&town, "test_area")).unwrap();
    is_good(&town.replay(&["out_test_area"]).await);
    assert_eq!(rows_of(&file(&town, "test_area")), rows);
    town.verify().await;
}
