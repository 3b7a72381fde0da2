//! Every row is accounted for, twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    parquet_rows::{rows_of, table},
    town::{Town, script},
};

const HOURS: &str = "energinet_production_by_municipality";

fn number(row: &BTreeMap<String, String>, column: &str) -> Option<u64> {
    row.get(column).map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_ledger_of_a_whole_night_both_sums_hold_for_every_part_of_every_pipeline() {
    let mut town = Town::new();
    // The accounts of 98 municipalities need all their years: they have a night of their own below.
    const ACCOUNTS: [&str; 2] = ["ens_climate_account", "ens_energy_account"];
    let catalogue = town.catalogue();
    let is_meant = |name: &String| !ACCOUNTS.contains(&name.as_str());
    town.only = catalogue
        .pipelines
        .keys()
        .filter(|name| is_meant(name))
        .cloned()
        .collect();
    let owners = catalogue.owners();
    let names: BTreeSet<String> = owners
        .iter()
        .filter(|owner| is_meant(&owner.pipeline) && !owner.definition.harvest.off)
        .map(|owner| owner.name.clone())
        .collect();
    assert!(names.len() >= 80, "{names:?}");
    // Two months of hours do; a whole year of them is added up in the test of its view.
    town.change(HOURS, HOURS, |file, text| match file {
        "pipeline.toml" => text.replace("start = \"2025-01\"", "start = \"2026-10\""),
        _ => text,
    });
    let night = town.night(script(), &[]).await;
    assert_eq!(
        night.report.exit_code(false),
        0,
        "{:?}",
        night
            .report
            .owners
            .iter()
            .map(|owner| &owner.faults)
            .collect::<Vec<_>>()
    );
    let in_ledger = check_ledger(&town, &night.report.run_id);
    // An owner with nothing to publish yet has a ledger too.
    assert_eq!(in_ledger.into_iter().collect::<BTreeSet<_>>(), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_ledger_of_the_municipal_accounts_both_sums_hold_for_every_year() {
    let town = Town::new();
    let night = town.night(script().factor(1.0), &["ens_climate_account"]).await;
    assert_eq!(
        night.report.exit_code(true),
        0,
        "{}",
        night.faults("ens_climate_account")
    );
    check_ledger(&town, &night.report.run_id);
    // 98 municipalities, six years, 58 rows each; seven of them published, two the agency's own totals.
    let sum = |column: fn(&klimalade_run::PartLedger) -> u64| {
        night.owner("ens_climate_account").parts.iter().map(column).sum::<u64>()
    };
    assert_eq!(sum(|part| part.received.unwrap_or_default()), 98 * 6 * 58);
    assert_eq!(
        (sum(|part| part.published), sum(|part| part.control)),
        (98 * 6 * 7, 98 * 6 * 2)
    );
}

/// The ledger's files as they stand on disk, against each other and against core; returns the owners in it.
fn check_ledger(town: &Town, run_id: &str) -> Vec<String> {
    let folder = town.lake().join("ledger").join(run_id);
    let mut owners = Vec::new();
    for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_none_or(|ending| ending != "parquet") {
            continue;
        }
        let owner = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let rows = rows_of(&file);
        assert!(!rows.is_empty(), "{owner}");
        let mut published = 0;
        for row in &rows {
            let place = format!("{owner} part {}", row["part"]);
            let count = |column: &str| number(row, column).unwrap_or_else(|| panic!("{place}: {column} is null"));
            assert_eq!(row["pipeline"], owner);
            assert_eq!(row["run_id"], run_id);
            assert_eq!(
                count("mapped"),
                count("published") + count("control") + count("skipped") + count("rejected"),
                "{place}"
            );
            assert!(!row.contains_key("error_kind"), "{place}: {row:?}");
            assert!(
                row.contains_key("confirmed_at") && row.contains_key("manifest_sha256"),
                "{place}: {row:?}"
            );
            match number(row, "received") {
                // A view: what it reads is accounted for where it was harvested.
                None => assert_eq!(row["part"], "view", "{place}"),
                Some(received) => {
                    assert_eq!(
                        number(row, "distinct").unwrap_or(received),
                        received,
                        "{place}: distinct"
                    );
                    assert_eq!(
                        number(row, "promised").unwrap_or(received),
                        received,
                        "{place}: promised"
                    );
                    assert!(
                        count("mapped") >= received || count("mapped") > 0 || received == 0,
                        "{place}"
                    );
                }
            }
            published += count("published");
        }
        // A view of layer out fills one file, which the view's name tells.
        if let Some(table) = owner.strip_prefix("out_") {
            let file = town.lake().join(format!("out/{table}.parquet"));
            let standing = if file.is_file() { rows_in(&file) } else { 0 };
            assert_eq!(published as usize, standing, "{owner}: rows of the ledger and of out");
            owners.push(owner);
            continue;
        }
        let tables = std::fs::read_dir(town.lake().join("core")).unwrap();
        let standing = tables
            .map(|table| table.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "control_total" && name != "revision")
            .map(|name| table_rows(town, &name, &owner))
            .sum::<usize>();
        assert_eq!(published as usize, standing, "{owner}: rows of the ledger and of core");
        owners.push(owner);
    }
    owners.sort_unstable();
    owners
}

fn table_rows(town: &Town, name: &str, owner: &str) -> usize {
    let folder = town.lake().join("core").join(name).join(format!("pipeline={owner}"));
    let files = crate::parquet_rows::files_below(&folder);
    files.iter().map(|file| rows_in(file)).sum()
}

fn rows_in(file: &std::path::Path) -> usize {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(std::fs::File::open(file).unwrap()).unwrap();
    usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_demo_is_marked_as_simulated_and_names_a_snapshot_that_stands_in_raw() {
    let town = Town::new();
    let night = town.night(script(), &["dst_area", "dmi_heating_degree_days"]).await;
    assert!(night.report.simulated);
    let marker = std::fs::read_to_string(town.lake().join("lake.toml")).unwrap();
    assert!(marker.contains("simulated = true"), "{marker}");
    let manifests: Vec<String> = crate::parquet_rows::files_below(&town.lake().join("raw"))
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for name in ["observation", "control_total"] {
        let rows = table(&town.lake(), name);
        assert!(!rows.is_empty(), "{name}");
        for row in rows {
            assert!(row["source_id"].starts_with("sim_"), "{row:?}");
            assert!(
                manifests.iter().any(|file| file.contains(&row["snapshot_sha256"])),
                "{row:?}"
            );
        }
    }
    // Stored addresses say whom the bytes stand for, not which loopback port served them.
    let stored = crate::parquet_rows::files_below(&town.lake().join("raw"));
    let manifest = stored
        .iter()
        .find(|file| file.extension().is_some_and(|ending| ending == "json"))
        .unwrap();
    let text = std::fs::read_to_string(manifest).unwrap();
    assert!(!text.contains("127.0.0.1") && !text.contains("localhost"), "{text}");
}
