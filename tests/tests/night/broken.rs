//! A night that was ended from outside is gone on with: what is fetched is not fetched again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use klimalade_connect::CancellationToken;
use klimalade_demo::Agencies;
use klimalade_run::{Progress, Status, run_night};

use crate::{
    parquet_rows::{core_marks, figures},
    town::{ENERGIDATA, Town, options, script},
};

const NAME: &str = "energinet_capacity_by_municipality";

/// Ends the night after so many parts.
#[derive(Debug)]
struct EndsAfter {
    parts: AtomicUsize,
    cancel: CancellationToken,
}

impl Progress for EndsAfter {
    fn parts(&self, _: &str, _: usize) {}
    fn part_done(&self, _: &str, _: &str, _: u64) {
        if self.parts.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.cancel.cancel();
        }
    }
    fn owner_done(&self, _: &str, _: &str) {}
}

/// First days of the parts that were asked for.
fn asked(agencies: &Agencies) -> BTreeSet<String> {
    let of = |query: &str| {
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("start=").map(|day| day[..4].to_owned()))
    };
    agencies
        .requests()
        .iter()
        .filter(|seen| seen.host == ENERGIDATA && seen.path.starts_with("/dataset/"))
        .map(|seen| of(&seen.query).expect("every part names its start"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_night_is_gone_on_with_without_fetching_finished_parts_again() {
    let town = Town::new();
    let agencies = Agencies::start(script()).unwrap();
    let cancel = CancellationToken::new();
    let ends = EndsAfter {
        parts: AtomicUsize::new(8),
        cancel: cancel.clone(),
    };
    let house = town.house(&agencies, cancel, Arc::new(ends)).await.unwrap();
    let broken = run_night(&house, &options(&[NAME], false)).await.unwrap();
    assert_ne!(broken.exit_code(false), 0, "nothing was published");
    assert!(core_marks(&town.lake()).is_empty());
    assert!(
        !town
            .lake()
            .join(format!("ledger/{}/night.json", broken.run_id))
            .exists(),
        "a broken night has no night.json"
    );
    let first = asked(&agencies);
    assert_eq!(first.len(), 8, "{first:?}");
    drop(agencies);

    let second = town.night(script(), &[NAME]).await;
    assert_eq!(second.report.exit_code(true), 0, "{}", second.faults(NAME));
    let again = asked(&second.agencies);
    assert_eq!(
        again.intersection(&first).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "fetched again"
    );
    let parts = &second.owner(NAME).parts;
    assert_eq!(parts.len(), first.len() + again.len());
    for part in parts {
        let expected = if first.contains(&part.part) {
            "resumed"
        } else {
            "fetched"
        };
        assert_eq!(part.status, expected, "{}", part.part);
    }
    assert!(
        town.lake()
            .join(format!("ledger/{}/night.json", second.report.run_id))
            .is_file()
    );
    town.verify().await;

    let undisturbed = Town::new();
    undisturbed.night(script(), &[NAME]).await;
    let (ours, theirs) = (figures(&town.lake()), figures(&undisturbed.lake()));
    assert!(ours.len() > 1000);
    assert!(
        ours == theirs,
        "the lakes differ: {:?}",
        ours.symmetric_difference(&theirs).take(3).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_night_is_not_gone_on_with() {
    let town = Town::new();
    let first = town.night(script(), &["dmi_heating_degree_days"]).await;
    assert_eq!(first.owner("dmi_heating_degree_days").status, Status::Published);
    let second = town.night(script(), &["dmi_heating_degree_days"]).await;
    let statuses: BTreeSet<&str> = second
        .owner("dmi_heating_degree_days")
        .parts
        .iter()
        .map(|part| part.status.as_str())
        .collect();
    assert_eq!(statuses, ["fetched", "not_asked"].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_broken_too_long_ago_is_not_gone_on_with() {
    let town = Town::new();
    let agencies = Agencies::start(script()).unwrap();
    let cancel = CancellationToken::new();
    let ends = EndsAfter {
        parts: AtomicUsize::new(8),
        cancel: cancel.clone(),
    };
    let house = town.house(&agencies, cancel, Arc::new(ends)).await.unwrap();
    run_night(&house, &options(&[NAME], false)).await.unwrap();
    // Without a mark a part is asked for again once it is older than `every` says: here a month.
    town.pass_days(31);
    let second = town.night(script(), &[NAME]).await;
    assert!(
        second.owner(NAME).parts.iter().all(|part| part.status == "fetched"),
        "{:?}",
        second.owner(NAME).parts
    );
}

/// A night that ends after so many parts; the parts that it asked for.
async fn a_broken_night(town: &Town, parts: usize) -> BTreeSet<String> {
    let agencies = Agencies::start(script()).unwrap();
    let cancel = CancellationToken::new();
    let ends = EndsAfter {
        parts: AtomicUsize::new(parts),
        cancel: cancel.clone(),
    };
    let house = town.house(&agencies, cancel, Arc::new(ends)).await.unwrap();
    run_night(&house, &options(&[NAME], false)).await.unwrap();
    asked(&agencies)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_broken_nights_and_one_of_another_owner_in_between_lose_nothing_that_was_fetched() {
    let town = Town::new();
    let first = a_broken_night(&town, 4).await;
    assert_eq!(town.night(script(), &["dst_area"]).await.report.exit_code(true), 0);
    let second = a_broken_night(&town, 8).await;
    assert!(!first.is_empty() && !second.is_empty());
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    let third = town.night(script(), &[NAME]).await;
    assert_eq!(third.report.exit_code(true), 0, "{}", third.faults(NAME));
    let again = asked(&third.agencies);
    assert!(again.is_disjoint(&first) && again.is_disjoint(&second), "{again:?}");
    town.verify().await;
}
