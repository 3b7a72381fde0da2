//! An owner that is taken out of the lake.

use std::sync::Arc;

use klimalade_run::{Quiet, retire};

use crate::{
    parquet_rows::{core_marks, key_text, table, table_of},
    town::{Town, script},
};

#[tokio::test(flavor = "multi_thread")]
async fn retiring_removes_an_owners_partitions_and_writes_down_every_figure_that_vanished() {
    let town = Town::new();
    let names = ["dst_area", "energinet_capacity_by_municipality"];
    let night = town.night(script(), &names).await;
    assert_eq!(night.report.exit_code(true), 0);
    let owner = "energinet_capacity_by_municipality";
    let figures = table_of(&town.lake(), "observation_within_year", owner);
    let marks = core_marks(&town.lake());
    let house = town
        .house(&night.agencies, Default::default(), Arc::new(Quiet))
        .await
        .unwrap();
    let definition = house
        .catalogue
        .owners()
        .into_iter()
        .find(|known| known.name == owner)
        .unwrap()
        .clone();

    let (revisions, removed) = retire(&house, &definition, "test-retire").await.unwrap();
    assert_eq!(revisions as usize, figures.len());
    let mut expected: Vec<&String> = marks.keys().filter(|key| key.contains(owner)).collect();
    expected.sort_unstable();
    let mut gone: Vec<&String> = removed.iter().collect();
    gone.sort_unstable();
    assert_eq!(gone, expected);

    let now = core_marks(&town.lake());
    assert!(expected.iter().all(|key| !now.contains_key(*key)));
    for (key, mark) in marks.iter().filter(|(key, _)| key.contains("dst_area")) {
        assert_eq!(now.get(key), Some(mark), "{key} is not the retired owner's");
    }
    let key = town
        .schemas()
        .table("observation_within_year")
        .unwrap()
        .unique_key
        .clone();
    let said = |row: &std::collections::BTreeMap<String, String>, value: &str| {
        (row["row_key"].clone(), row.get(value).cloned())
    };
    let mut explained: Vec<_> = table_of(&town.lake(), "revision", owner)
        .iter()
        .map(|row| said(row, "old_value"))
        .collect();
    let mut vanished: Vec<_> = figures
        .iter()
        .map(|row| (key_text(row, &key), row.get("value").cloned()))
        .collect();
    explained.sort_unstable();
    vanished.sort_unstable();
    assert_eq!(explained, vanished);
    assert!(
        table(&town.lake(), "revision")
            .iter()
            .all(|row| !row.contains_key("new_value") && row["column_name"] == "value")
    );
    assert!(town.state(owner).await.unwrap().retired_at.is_some());
    town.verify().await;

    // A second time there is nothing to retire.
    let fault = retire(&house, &definition, "test-retire-again").await.unwrap_err();
    assert!(
        fault.hint_text().is_some_and(|hint| hint.contains("klimalade status")),
        "{fault}"
    );

    // It may come back; what vanished stays written down.
    town.pass_days(1);
    let back = town.night(script(), &names).await;
    assert_eq!(back.report.exit_code(true), 0, "{}", back.faults(owner));
    assert_eq!(
        table_of(&town.lake(), "observation_within_year", owner).len(),
        figures.len()
    );
    assert_eq!(table_of(&town.lake(), "revision", owner).len(), figures.len());
    town.verify().await;
}
