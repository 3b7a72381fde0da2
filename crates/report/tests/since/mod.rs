//! What a report shows of what the agencies restated: all that the lake has seen, or what came after the last report.

use std::fs;

use klimalade_model::{Fault, Kind};
use serde_json::{Value, json};

use crate::common::World;

const FIRST: &str = "20250320T010000000Z-1";
const SECOND: &str = "20251103T010000000Z-2";

fn revision(area: &str, year: i16, old: Option<&str>, new: Option<&str>, seen: &str, run: &str) -> Value {
    let key = format!(
        "indicator_code=ghg_emissions|scenario_code=actual|period_start={year}-01-01|frequency_code=A|area_code={area}|sector_code=waste"
    );
    json!({"table_name": "observation", "row_key": key, "column_name": "value", "old_value": old, "new_value": new,
        "first_seen_at": seen, "old_file_sha256": run, "run_id": run})
}

/// Two nights, and what each of them saw restated.
async fn two_nights() -> World {
    let world = World::simulated().await;
    world.night(FIRST, "2025-03-20T01:10:00Z");
    world.night(SECOND, "2025-11-03T01:10:00Z");
    world.put(
        "revision",
        &[
            revision(
                "0101",
                2018,
                Some("777000"),
                Some("778000"),
                "2025-03-20T01:05:00Z",
                FIRST,
            ),
            revision(
                "0751",
                2018,
                Some("50000"),
                Some("60000"),
                "2025-03-20T01:05:00Z",
                FIRST,
            ),
            // Restated again by the second night: the last report had 60,000.
            revision(
                "0751",
                2018,
                Some("60000"),
                Some("63000"),
                "2025-11-03T01:05:00Z",
                SECOND,
            ),
            revision(
                "0751",
                2023,
                Some("10000"),
                Some("9000"),
                "2025-11-03T01:05:00Z",
                SECOND,
            ),
            // A projection and a year after the report's are none of its figures.
            revision("0751", 2026, Some("1"), Some("5550000"), "2025-11-03T01:05:00Z", SECOND),
        ],
    );
    world
}

async fn changes(world: &World, name: &str, since: Option<String>) -> String {
    world.try_since(name, since).await.unwrap();
    fs::read_to_string(world.root().join(name).join("da/aendringer.html")).unwrap()
}

#[tokio::test]
async fn without_a_last_report_all_that_was_seen_is_shown_and_the_page_says_so() {
    let page = changes(&two_nights().await, "site", None).await;
    assert!(page.contains("Der er ikke nævnt nogen tidligere rapport."), "{page}");
    assert!(page.contains("siden sin første nat (20.03.2025)"), "{page}");
    assert!(
        page.contains("777.000") && page.contains("50.000") && page.contains("63.000"),
        "{page}"
    );
    assert!(!page.contains("5.550.000"), "{page}");
}

#[tokio::test]
async fn what_was_restated_before_the_last_report_is_not_shown_by_its_folder_its_file_or_its_day() {
    let world = two_nights().await;
    fs::create_dir_all(world.root().join("before")).unwrap();
    let report = world.root().join("before/report.json");
    let told = json!({"version": 1, "year": 2024, "simulated": true, "night": {"run_id": FIRST, "finished_at": "2025-03-20T01:10:00Z"},
        "codes_sha256": "other"});
    fs::write(&report, told.to_string()).unwrap();
    let folder = report.parent().unwrap().display().to_string();
    for since in [folder, report.display().to_string(), "2025-03-20".to_owned()] {
        let page = changes(&world, "site", Some(since.clone())).await;
        assert!(page.contains("siden forrige rapport"), "{since}: {page}");
        assert!(
            !page.contains("777.000"),
            "{since} shows what the last report had: {page}"
        );
        assert!(
            !page.contains("50.000"),
            "{since} does not begin with what the last report had: {page}"
        );
        // 2018: 60,000 to 63,000; of the country's 1,407,000 that is 3,000 of 1,404,000.
        for wanted in [
            "60.000",
            "63.000",
            "+5,0",
            "2018: +3.000",
            "+0,2",
            "03.11.2025",
            "Affald",
        ] {
            assert!(page.contains(wanted), "{since} lacks {wanted}: {page}");
        }
        assert_eq!(
            page.contains("Kodelisterne er også ændret"),
            !since.starts_with("2025"),
            "{since}"
        );
    }
}

#[tokio::test]
async fn a_report_says_its_edition_and_the_next_one_takes_it_as_the_line() {
    let world = two_nights().await;
    let before = changes(&world, "before", None).await;
    assert!(before.contains("63.000"));
    let told = fs::read_to_string(world.root().join("before/report.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["night"],
        json!({"run_id": SECOND, "finished_at": "2025-11-03T01:10:00Z"})
    );
    assert_eq!((&told["year"], &told["simulated"]), (&json!(2025), &json!(true)));
    let folder = world.root().join("before").display().to_string();
    let after = changes(&world, "after", Some(folder)).await;
    assert!(
        after.contains("Ingen ændringer.") && !after.contains("63.000"),
        "{after}"
    );
    assert!(!after.contains("Kodelisterne er også ændret"), "{after}");
}

async fn refused(world: &World, since: &str) -> Fault {
    let fault = world.try_since("site", Some(since.to_owned())).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings, "{}", fault.line());
    assert!(fault.hint_text().is_some(), "{}", fault.line());
    fault
}

#[tokio::test]
async fn a_last_report_that_is_not_there_or_later_or_of_another_lake_is_refused_with_what_to_do() {
    let world = two_nights().await;
    let file = world.root().join("last.json");
    let named = file.display().to_string();
    assert_eq!(refused(&world, &named).await.what(), "there is no earlier report");
    let lake = world.root().join("lake").display().to_string();
    assert_eq!(refused(&world, &lake).await.what(), "the folder has no report.json");
    assert_eq!(
        refused(&world, "2026-01-01").await.what(),
        "the earlier report is later than the lake"
    );
    let told = |run: &str, finished: &str, simulated: bool| json!({"version": 1, "year": 2024, "simulated": simulated, "night": {"run_id": run, "finished_at": finished}, "codes_sha256": ""});
    let other = "the earlier report is of another lake";
    for (what, told) in [
        (
            "the earlier report is later than the lake",
            told("20260101T010000000Z-9", "2026-01-01T01:10:00Z", true),
        ),
        (other, told("20250101T010000000Z-9", "2025-01-01T01:10:00Z", true)),
        (other, told(FIRST, "2025-03-20T01:10:00Z", false)),
        (
            "the earlier report names no night of its lake",
            json!({"version": 1, "simulated": true, "night": null}),
        ),
        (
            "the file is no report.json that this klimalade knows",
            json!({"version": 2}),
        ),
    ] {
        fs::write(&file, told.to_string()).unwrap();
        assert_eq!(refused(&world, &named).await.what(), what);
    }
    fs::write(&file, "{").unwrap();
    assert_eq!(
        refused(&world, &named).await.what(),
        "the earlier report cannot be read"
    );
}
