//! A source whose columns are others than before.

use klimalade_model::Kind;
use klimalade_run::Status;

use crate::{
    emptied::{add_dropped, drop_year},
    parquet_rows::{core_marks, table_of},
    town::{Past, Town, says, script},
};

const NAME: &str = "test_dropped";

async fn harvested(more: &str) -> Town {
    let town = Town::new();
    add_dropped(&town, more);
    drop_year(&town, 2024, &[("0101", 812)]);
    drop_year(&town, 2025, &[("0101", 950)]);
    let night = town.night(script(), &[NAME]).await;
    assert_eq!(night.report.exit_code(true), 0, "{:?}", night.owner(NAME));
    town
}

async fn next_night(town: &Town, file: &str) -> Past {
    town.pass_days(1);
    std::fs::write(town.drop_folder().join("2025.csv"), file).unwrap();
    town.night(script(), &[NAME]).await
}

fn warnings(night: &Past) -> String {
    night.owner(NAME).warnings.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_column_that_is_missing_stops_before_publishing_and_the_hint_names_the_one_that_took_its_place() {
    let town = harvested("").await;
    let before = core_marks(&town.lake());
    let night = next_night(&town, "area;year;counted\n0101;2025;951\n").await;
    let report = night.owner(NAME);
    assert_eq!((report.status, report.kind), (Status::Failed, Some(Kind::Contract)));
    says(
        &night.faults(NAME),
        &[
            "column `count` is missing",
            "no column `count`; new are: counted",
            "if the agency renamed `count`: count = { type = \"float\", from = \"counted\" } under [columns]",
        ],
    );
    assert_eq!(core_marks(&town.lake()), before);
    assert_eq!(night.report.exit_code(false), 1);

    // What the hint says is typed, and the older file keeps its name: a file an address, so this one is asked alone.
    town.change_own(NAME, "pipeline.toml", |text| {
        text.replace(
            "count = { type = \"float\" }",
            "count = { type = \"float\", from = \"counted\" }",
        )
    });
    std::fs::write(
        town.drop_folder().join("2024.csv"),
        "area;year;counted\n0101;2024;812\n",
    )
    .unwrap();
    let mended = next_night(&town, "area;year;counted\n0101;2025;951\n").await;
    assert_eq!(mended.owner(NAME).status, Status::Published, "{}", mended.faults(NAME));
    assert!(
        table_of(&town.lake(), "observation", NAME)
            .iter()
            .any(|row| row["value"] == "951.0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_column_that_went_without_another_in_its_place_says_so() {
    let town = harvested("").await;
    let night = next_night(&town, "area;year\n0101;2025\n").await;
    says(
        &night.faults(NAME),
        &[
            "no column `count`, and none that is new",
            "klimalade probe test_dropped",
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_is_said_once_with_what_to_type_and_the_rows_are_published() {
    let town = harvested("").await;
    let night = next_night(&town, "area;year;count;power_kw\n0101;2025;951;11,5\n").await;
    let report = night.owner(NAME);
    assert_eq!(
        (report.status, report.kind),
        (Status::Warning, None),
        "{}",
        night.faults(NAME)
    );
    assert_eq!((night.report.exit_code(false), night.report.exit_code(true)), (0, 1));
    says(
        &warnings(&night),
        &[
            "neither declared nor was there before",
            "power_kw",
            "power_kw = { type = \"",
            "under [columns]",
        ],
    );
    assert!(
        table_of(&town.lake(), "observation", NAME)
            .iter()
            .any(|row| row["value"] == "951.0")
    );
    let text = std::fs::read_to_string(town.lake().join(format!("ledger/{}/night.json", night.report.run_id))).unwrap();
    says(&text, &["power_kw"]);

    let known = next_night(&town, "area;year;count;power_kw\n0101;2025;952;12,5\n").await;
    assert_eq!(known.report.exit_code(true), 0, "{:?}", known.owner(NAME));
    // It went and came back: it is no news.
    next_night(&town, "area;year;count\n0101;2025;953\n").await;
    let back = next_night(&town, "area;year;count;power_kw\n0101;2025;954;12,5\n").await;
    assert_eq!(back.report.exit_code(true), 0, "{:?}", back.owner(NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_stops_the_part_where_the_pipeline_says_so_until_it_is_declared() {
    let town = harvested("[harvest]\nunknown_column = \"stop\"\n").await;
    let before = core_marks(&town.lake());
    let with_new = "area;year;count;Effekt kW\n0101;2025;951;11\n";
    for _ in 0..2 {
        let night = next_night(&town, with_new).await;
        assert_eq!(night.owner(NAME).kind, Some(Kind::Contract), "{:?}", night.owner(NAME));
        says(
            &night.faults(NAME),
            &[
                "part 2025",
                "Effekt kW (int)",
                "<name> = { type = \"int\", from = \"Effekt kW\" } under [columns]",
                "unknown_column = \"warn\"",
            ],
        );
        assert_eq!(core_marks(&town.lake()), before);
    }
    town.change_own(NAME, "pipeline.toml", |text| {
        text.replace("unknown_column = \"stop\"", "unknown_column = \"warn\"")
    });
    let night = next_night(&town, with_new).await;
    assert_eq!(
        (night.owner(NAME).status, night.report.exit_code(false)),
        (Status::Warning, 0),
        "{}",
        night.faults(NAME)
    );
    assert_ne!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_column_of_another_type_is_said_and_one_that_cannot_be_read_stops() {
    let town = harvested("").await;
    // Whole numbers became decimals: they read as declared.
    let night = next_night(&town, "area;year;count\n0101;2025;951,5\n").await;
    assert_eq!(
        night.owner(NAME).status,
        Status::Failed,
        "a decimal comma is no number of this pipeline"
    );
    let night = next_night(&town, "area;year;count\n0101;2025;951.5\n").await;
    assert_eq!(night.owner(NAME).status, Status::Warning, "{}", night.faults(NAME));
    says(
        &warnings(&night),
        &[
            "another type than before",
            "`count` was int and is float",
            "still reads as it is declared",
        ],
    );

    let before = core_marks(&town.lake());
    let night = next_night(&town, "area;year;count\n0101;2025;many\n").await;
    assert_eq!(night.owner(NAME).kind, Some(Kind::Contract));
    says(
        &night.faults(NAME),
        &[
            "column `count` cannot be read as declared",
            "many",
            "type = \"text\" for `count` under [columns]",
        ],
    );
    assert_eq!(core_marks(&town.lake()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_before_columns_were_kept_is_read_and_the_next_harvest_reports_none() {
    let town = harvested("").await;
    let path = town.lake().join("state/test_dropped.json");
    let mut state: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let names: Vec<String> = state["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["area", "year", "count"]);
    state.as_object_mut().unwrap().remove("columns");
    std::fs::write(&path, serde_json::to_vec(&state).unwrap()).unwrap();
    let night = next_night(&town, "area;year;count;power\n0101;2025;951;11\n").await;
    assert_eq!(night.owner(NAME).status, Status::Published, "{:?}", night.owner(NAME));
    let night = next_night(&town, "area;year;count;power;plug\n0101;2025;952;11;2\n").await;
    says(&warnings(&night), &["plug"]);
    assert!(!warnings(&night).contains("power"), "{}", warnings(&night));
}
