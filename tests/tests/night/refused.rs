//! What a night does not do, and says what to type instead.

use klimalade_cli::check_catalogue;
use klimalade_engine::{Engine, EngineOptions};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::Kind;
use klimalade_run::{Quiet, Status, retire};

use crate::{
    parquet_rows::{core_marks, table_of},
    town::{Town, says, script},
};

/// What `klimalade check` finds: owner, and the fault's text.
async fn check(town: &Town, names: &[&str]) -> Vec<(String, String)> {
    let (schemas, scratch) = (std::sync::Arc::new(town.schemas()), town.drop_folder());
    let engine = Engine::new(
        &EngineOptions {
            memory_bytes: 48 << 20,
            scratch,
        },
        &schemas,
    )
    .unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let findings = check_catalogue(&engine, &schemas, &town.catalogue(), &klimalade_cli::registry(), &names)
        .await
        .unwrap();
    findings
        .into_iter()
        .map(|finding| (finding.owner, finding.fault.to_string()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_where_that_silently_drops_rows_is_refused() {
    let town = Town::new();
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => format!(
            "{}\nWHERE r.value <> '..' AND a.area_level <> 'country'\n",
            text.trim_end()
        ),
        _ => text,
    });
    let night = town.night(script(), &["dst_area", "dmi_heating_degree_days"]).await;
    let report = night.owner("dst_area");
    assert_eq!((report.status, report.kind), (Status::Failed, Some(Kind::Contract)));
    let received = night.part("dst_area", "all");
    says(
        &night.faults("dst_area"),
        &[
            "map.sql lost or made rows",
            "mapped rows for",
            "skip:<reason>",
            "rows_per_row",
            "part all",
        ],
    );
    assert_eq!(received.status, "failed");
    assert_eq!(night.report.exit_code(false), 1);
    assert_eq!(night.owner("dmi_heating_degree_days").status, Status::Published);
    assert!(!core_marks(&town.lake()).keys().any(|key| key.contains("dst_area")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_multiplies_rows_is_refused() {
    let town = Town::new();
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => format!("{}\nCROSS JOIN (VALUES (1), (2)) AS twice(n)\n", text.trim_end()),
        _ => text,
    });
    let night = town.night(script(), &["dst_area"]).await;
    assert_eq!(
        night.owner("dst_area").kind,
        Some(Kind::Contract),
        "{}",
        night.faults("dst_area")
    );
    says(&night.faults("dst_area"), &["map.sql lost or made rows"]);
    assert!(core_marks(&town.lake()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_reads_raw_twice_is_refused_by_check_and_by_run() {
    let town = Town::new();
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => format!("{0}\nUNION ALL\n{0}\n", text.trim_end()),
        _ => text,
    });
    let findings = check(&town, &["dst_area"]).await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].0, "dst_area");
    says(&findings[0].1, &["raw", "unnest", "map.sql"]);
    let night = town.night(script(), &["dst_area"]).await;
    assert_eq!(night.owner("dst_area").status, Status::Failed);
    says(&night.faults("dst_area"), &["raw", "unnest"]);
    assert!(core_marks(&town.lake()).is_empty());
    assert_eq!(night.report.exit_code(false), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pipeline_that_claims_an_owned_indicator_is_refused_and_the_owner_goes_on() {
    // Whatever its name sorts to.
    for rival in ["aaa_area", "test_area"] {
        let town = Town::new();
        assert_eq!(town.night(script(), &["dst_area"]).await.report.exit_code(true), 0);
        town.change("dst_area", rival, |_, text| text);
        let findings = check(&town, &[]).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        says(
            &findings[0].1,
            &[
                "an indicator has two owners",
                "land_area",
                "dst_area",
                rival,
                "klimalade retire",
            ],
        );

        let night = town.night(script().night(1), &["dst_area", rival]).await;
        let report = night.owner(rival);
        assert_eq!((report.status, report.kind), (Status::Failed, Some(Kind::Contract)));
        says(
            &night.faults(rival),
            &["land_area published by dst_area alone", "klimalade retire dst_area"],
        );
        assert_eq!(night.report.exit_code(false), 1);
        assert!(table_of(&town.lake(), "observation", rival).is_empty());
        // One pipeline's failure is its own: what the agency restated is published.
        assert_eq!(
            night.owner("dst_area").status,
            Status::Published,
            "{}",
            night.faults("dst_area")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pipelines_that_claim_one_indicator_neither_is_run_on_an_empty_lake() {
    let town = Town::new();
    town.change("dst_area", "test_area", |_, text| text);
    let night = town.night(script(), &["dst_area", "test_area"]).await;
    for (owner, other) in [("dst_area", "test_area"), ("test_area", "dst_area")] {
        assert_eq!(night.owner(owner).kind, Some(Kind::Contract), "{owner}");
        says(
            &night.faults(owner),
            &[
                &format!("published by {other} alone"),
                &format!("klimalade retire {other}"),
            ],
        );
    }
    assert!(core_marks(&town.lake()).is_empty());
    assert_eq!(night.all_requests(), 0);
    assert_eq!(night.report.exit_code(false), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_that_stands_in_the_lake_under_another_owner_is_refused_until_that_owner_is_retired() {
    let mut town = Town::new();
    assert_eq!(town.night(script(), &["dst_area"]).await.report.exit_code(true), 0);
    // The folder of the old owner is gone; its figures are not.
    town.change("dst_area", "test_area", |_, text| text);
    town.only = vec!["test_area".to_owned()];
    let before = core_marks(&town.lake());
    let refused = town.night(script(), &["test_area"]).await;
    assert_eq!(refused.owner("test_area").kind, Some(Kind::Contract));
    says(
        &refused.faults("test_area"),
        &["land_area published by dst_area alone", "klimalade retire dst_area"],
    );
    assert_eq!(core_marks(&town.lake()), before);
    assert_eq!(refused.all_requests(), 0, "refused before anybody is asked");

    let house = town
        .house(&refused.agencies, Default::default(), std::sync::Arc::new(Quiet))
        .await
        .unwrap();
    let gone = klimalade_pipeline::Owner::unknown("dst_area", "observation");
    retire(&house, &gone, "test-retire").await.unwrap();
    let night = town.night(script(), &["test_area"]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults("test_area"));
    assert!(!table_of(&town.lake(), "observation", "test_area").is_empty());
    assert!(table_of(&town.lake(), "observation", "dst_area").is_empty());
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_run_on_a_demo_lake_is_refused_as_settings_and_the_other_way_round() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let before = core_marks(&town.lake());
    let fault = Lake::open(
        town.lake().to_str().unwrap(),
        OpenOptions {
            simulated: false,
            ..OpenOptions::default()
        },
    )
    .await
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(
        fault
            .hint_text()
            .is_some_and(|hint| hint.contains("--demo") || hint.contains("--lake")),
        "{fault}"
    );
    assert_eq!(core_marks(&town.lake()), before);

    let real = town.drop_folder().join("real-lake");
    Lake::open(
        real.to_str().unwrap(),
        OpenOptions {
            simulated: false,
            ..OpenOptions::default()
        },
    )
    .await
    .unwrap();
    let fault = Lake::open(
        real.to_str().unwrap(),
        OpenOptions {
            simulated: true,
            ..OpenOptions::default()
        },
    )
    .await
    .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_total_that_is_not_the_sum_of_its_rows_stops_the_partition() {
    let town = Town::new();
    // One municipality is published with a figure that its region and its country do not know.
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => text.replace("    decimal_comma(r.value) AS value,", "    CASE WHEN a.code = '0101' THEN decimal_comma(r.value) + 100.0 ELSE decimal_comma(r.value) END AS value,"),
        _ => text,
    });
    let night = town.night(script(), &["dst_area"]).await;
    assert_eq!(
        night.owner("dst_area").kind,
        Some(Kind::Contract),
        "{}",
        night.faults("dst_area")
    );
    says(
        &night.faults("dst_area"),
        &[
            "the agency's own totals are not the sums of its rows",
            "area_code=DK",
            "agency",
            "published rows",
            "known",
        ],
    );
    assert!(core_marks(&town.lake()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_municipality_stops_the_partition() {
    let town = Town::new();
    town.change(
        "dmi_heating_degree_days",
        "dmi_heating_degree_days",
        |file, text| match file {
            "map.sql" => text.replace(
                "CASE WHEN r.age > 1",
                "CASE WHEN r.municipality = '0751' THEN 'skip:left_out' WHEN r.age > 1",
            ),
            _ => text,
        },
    );
    let night = town.night(script(), &["dmi_heating_degree_days"]).await;
    says(
        &night.faults("dmi_heating_degree_days"),
        &["the areas of a partition are not the expected ones", "missing [0751]"],
    );
    assert_eq!(night.report.exit_code(false), 1);
    assert!(core_marks(&town.lake()).is_empty());
}
