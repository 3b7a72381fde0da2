//! One source's failure is its own, and the report says who, where, what was expected and what was found.

use klimalade_demo::{FaultKind, ScriptedFault};
use klimalade_model::Kind;
use klimalade_run::Status;

use crate::{
    parquet_rows::{core_marks, table_of},
    town::{DMI, ENERGIDATA, STATBANK, Town, says, script},
};

/// Two municipalities' own counts: one in a file on disk, one on a server that does not have it.
fn add_two_instances(town: &Town) {
    let drop = town.drop_folder().join("live.csv");
    std::fs::write(&drop, "area;year;count\n0101;2024;812\n0101;2025;950\n").unwrap();
    town.write(
        "test_charging",
        "pipeline.toml",
        &format!(
            r#"
version = 1
title_en = "Charging points, the municipality's own count"
title_da = "Ladepunkter, kommunens egen optælling"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"
source = {{ connector = "file", format = {{ type = "csv" }} }}
publishes = {{ indicators = ["charging_points_municipal"] }}

[columns]
area = {{ type = "text", id = true }}
year = {{ type = "int", id = true }}
count = {{ type = "float" }}

[[instance]]
name = "koebenhavn"
"source.address" = "{}"
"publishes.areas" = ["0101"]

[[instance]]
name = "aarhus"
"source.address" = "https://data.example-kommune.dk/findes-ikke.csv"
"publishes.areas" = ["0751"]
"#,
            drop.display()
        ),
    );
    town.write("test_charging", "map.sql", crate::emptied::CHARGING_SQL);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agency_down_one_serving_html_and_one_instance_dead_leave_the_others_published() {
    let town = Town::new();
    add_two_instances(&town);
    let script = script()
        .fault(ScriptedFault::new(DMI, FaultKind::Down))
        .fault(ScriptedFault::new(ENERGIDATA, FaultKind::Html).path("start="));
    let names = [
        "dst_area",
        "dmi_heating_degree_days",
        "energinet_capacity_by_municipality",
        "test_charging",
    ];
    let night = town.night(script, &names).await;

    assert_eq!(
        night.owner("dst_area").status,
        Status::Published,
        "{}",
        night.faults("dst_area")
    );
    assert_eq!(night.owner("test_charging.koebenhavn").status, Status::Published);
    assert!(!table_of(&town.lake(), "observation", "dst_area").is_empty());
    let counts: Vec<String> = table_of(&town.lake(), "observation", "test_charging.koebenhavn")
        .iter()
        .map(|row| row["value"].clone())
        .collect();
    assert_eq!(counts, ["812.0", "950.0"]);

    for (owner, kind) in [
        ("dmi_heating_degree_days", Kind::Transient),
        ("energinet_capacity_by_municipality", Kind::Source),
        ("test_charging.aarhus", Kind::Source),
    ] {
        let report = night.owner(owner);
        assert_eq!(
            (report.status, report.kind),
            (Status::Failed, Some(kind)),
            "{owner}: {}",
            night.faults(owner)
        );
        says(&night.faults(owner), &[owner, "never published"]);
        assert!(
            report
                .parts
                .iter()
                .any(|part| part.status == "failed" && part.error_text.is_some()),
            "{owner}"
        );
        assert!(report.replaced.is_empty());
    }
    says(
        &night.faults("energinet_capacity_by_municipality"),
        &["part 2016", "expected", "found", "HTML"],
    );
    says(
        &night.faults("dmi_heating_degree_days"),
        &["part 2011", "municipalityValue", "try 5 of 5"],
    );
    says(&night.faults("test_charging.aarhus"), &["findes-ikke.csv", "404"]);
    // Asked for and never published.
    assert_eq!(night.report.exit_code(false), 1);
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_fewer_rows_than_promised_is_walked_three_times_and_publishes_nothing() {
    let town = Town::new();
    let short = script().fault(ScriptedFault::new(STATBANK, FaultKind::PageShort).path("/v1/data"));
    let night = town.night(short, &["dst_area"]).await;
    let report = night.owner("dst_area");
    assert_eq!((report.status, report.kind), (Status::Failed, Some(Kind::Source)));
    let healthy = Town::new();
    let promised = healthy
        .night(script(), &["dst_area"])
        .await
        .part("dst_area", "all")
        .received
        .unwrap();
    says(
        &night.faults("dst_area"),
        &[
            "dst_area part all",
            &format!("expected {promised} rows"),
            &format!("found    {} rows", promised - 1),
        ],
    );
    assert_eq!(night.requests(STATBANK, "/v1/data"), 3);
    assert!(core_marks(&town.lake()).is_empty());
    assert_eq!(night.report.exit_code(false), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_a_warning_while_the_last_confirmation_is_fresh_and_an_error_when_it_is_stale() {
    let town = Town::new();
    let names = ["dst_area", "dmi_heating_degree_days"];
    assert_eq!(town.night(script(), &names).await.report.exit_code(true), 0);
    let before = core_marks(&town.lake());
    let failing = || {
        script()
            .night(1)
            .fault(ScriptedFault::new(STATBANK, FaultKind::PageShort).path("/v1/data"))
            .fault(ScriptedFault::new(DMI, FaultKind::Down))
    };

    town.pass_days(1);
    let second = town.night(failing(), &names).await;
    for name in names {
        assert_eq!(second.owner(name).status, Status::Warning, "{}", second.faults(name));
        assert!(!second.faults(name).contains("stale"), "{}", second.faults(name));
    }
    assert_eq!((second.report.exit_code(false), second.report.exit_code(true)), (0, 1));
    assert_eq!(
        core_marks(&town.lake()),
        before,
        "a failed night changed what is published"
    );
    // The ledger still counts what stands in core.
    assert_eq!(
        second.part("dst_area", "all").published as usize,
        table_of(&town.lake(), "observation", "dst_area").len()
    );
    assert_eq!(second.part("dst_area", "all").status, "failed");

    town.pass_days(32);
    let third = town.night(failing(), &names).await;
    for name in names {
        assert_eq!(third.owner(name).status, Status::Failed, "{}", third.faults(name));
        says(&third.faults(name), &["stale_after_days"]);
    }
    assert_eq!(third.report.exit_code(false), 1);
    assert_eq!(core_marks(&town.lake()), before);

    let healed = town.night(script().night(1), &names).await;
    assert_eq!(healed.report.exit_code(true), 0, "{:?}", healed.report);
    assert_eq!(healed.owner("dst_area").status, Status::Published);
    town.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_part_of_an_hourly_kind_of_pipeline_leaves_its_other_partitions_published() {
    let town = Town::new();
    // Parts that fill a partition each: only the year that is cut is missing.
    let cut = script().fault(ScriptedFault::new(ENERGIDATA, FaultKind::Cut).path("start=2025"));
    let name = "energinet_capacity_by_municipality";
    let night = town.night(cut, &[name]).await;
    assert_eq!(night.owner(name).status, Status::Failed);
    assert_eq!(night.part(name, "2025").status, "failed");
    let core: Vec<String> = core_marks(&town.lake()).into_keys().collect();
    assert!(core.iter().any(|key| key.contains("year=2026")), "{core:?}");
    assert!(!core.iter().any(|key| key.contains("year=2025")), "{core:?}");
    let healed = town.night(script(), &[name]).await;
    assert_eq!(healed.report.exit_code(true), 0, "{}", healed.faults(name));
    assert!(core_marks(&town.lake()).keys().any(|key| key.contains("year=2025")));
    town.verify().await;
}
