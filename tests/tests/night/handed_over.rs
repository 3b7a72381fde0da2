//! An indicator that goes from one pipeline to another, and views that read some owners only.

use klimalade_pipeline::Owner;
use klimalade_run::{Quiet, Status, retire};

use crate::{
    parquet_rows::{core_marks, table_of},
    town::{Town, says, script},
};

async fn retire_owner(town: &Town, name: &str) {
    let agencies = klimalade_demo::Agencies::start(script()).unwrap();
    let house = town
        .house(&agencies, Default::default(), std::sync::Arc::new(Quiet))
        .await
        .unwrap();
    retire(&house, &Owner::unknown(name, "observation"), "test-retire")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indicator_of_an_embedded_pipeline_is_handed_over_by_retiring_it() {
    let mut town = Town::new();
    town.only = vec!["dst_area".to_owned(), "test_area".to_owned()];
    assert_eq!(town.night(script(), &[]).await.report.exit_code(true), 0);
    town.change("dst_area", "test_area", |_, text| text);
    let refused = town.night(script(), &[]).await;
    assert_eq!(refused.owner("test_area").status, Status::Failed);
    retire_owner(&town, "dst_area").await;
    for _ in 0..2 {
        let night = town.night(script(), &[]).await;
        assert_eq!(night.report.exit_code(true), 0, "{:?}", night.report);
        let left = night.owner("dst_area");
        assert_eq!(left.status, Status::Retired);
        says(
            &left.warnings.join("\n"),
            &["retired 2026-11-", "klimalade run dst_area"],
        );
        assert!(!table_of(&town.lake(), "observation", "test_area").is_empty());
        assert!(table_of(&town.lake(), "observation", "dst_area").is_empty());
    }
    // Named, it would come back, but its indicator has another owner now.
    let back = town.night(script(), &["dst_area"]).await;
    says(&back.faults("dst_area"), &["land_area published by test_area alone"]);
    assert!(!table_of(&town.lake(), "observation", "test_area").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_off_claims_nothing() {
    let mut town = Town::new();
    town.only = vec!["dst_area".to_owned(), "test_area".to_owned()];
    town.change("dst_area", "test_area", |_, text| text);
    town.change("dst_area", "dst_area", |file, text| match file {
        "pipeline.toml" => text.replace("[harvest]\n", "[harvest]\noff = true\n"),
        _ => text,
    });
    let night = town.night(script(), &[]).await;
    assert_eq!(night.owner("test_area").status, Status::Published, "{:?}", night.report);
    assert_eq!(night.owner("dst_area").status, Status::Off);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_rebuilt_for_the_owners_that_it_reads_and_no_others_and_has_their_licence() {
    let town = Town::new();
    let (monthly, view) = ("energinet_capacity_by_municipality", "energinet_capacity_january");
    town.change(monthly, monthly, |file, text| match file {
        "pipeline.toml" => text.replace("licence_code = \"cc_by_4_0\"", "licence_code = \"internal\""),
        _ => text,
    });
    let first = town.night(script(), &[monthly, view]).await;
    assert_eq!(first.report.exit_code(true), 0, "{:?}", first.report);
    let rows = table_of(&town.lake(), "observation", view);
    assert!(!rows.is_empty() && rows.iter().all(|row| row["licence_code"] == "internal"));
    let before = core_marks(&town.lake());
    // Another owner of the table comes, and nothing is built again.
    let other = town.night(script(), &["dst_vehicle_stock"]).await;
    assert_eq!(other.report.exit_code(true), 0, "{:?}", other.report);
    let second = town.night(script(), &[view]).await;
    assert_eq!(second.part(view, "view").status, "confirmed");
    let now = core_marks(&town.lake());
    assert!(before.iter().all(|(key, mark)| now.get(key) == Some(mark)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_breaks_the_contract_writes_its_rejects_and_its_line_says_what_stands() {
    let town = Town::new();
    let (monthly, view) = ("energinet_capacity_by_municipality", "energinet_capacity_january");
    assert_eq!(town.night(script(), &[monthly, view]).await.report.exit_code(true), 0);
    let standing = table_of(&town.lake(), "observation", view).len();
    let before = core_marks(&town.lake());
    town.change(view, view, |file, text| match file {
        "map.sql" => text.replace(
            "indicator_code, area_code,",
            "indicator_code, CASE WHEN area_code = '0101' THEN '9999' ELSE area_code END AS area_code,",
        ),
        _ => text,
    });
    let night = town.night(script(), &[view]).await;
    assert_eq!(night.owner(view).status, Status::Failed, "{:?}", night.report);
    let line = night.part(view, "view");
    assert_eq!((line.status.as_str(), line.published as usize), ("held", standing));
    assert!(line.rejected > 0);
    assert!(
        town.lake()
            .join(format!("reject/{}/{view}.parquet", night.report.run_id))
            .is_file()
    );
    assert_eq!(core_marks(&town.lake()), before);

    // A view without a row is held as well.
    town.change(view, view, |file, text| match file {
        "map.sql" => format!("{} AND 1 = 2\n", text.trim_end()),
        _ => text,
    });
    let night = town.night(script(), &[view]).await;
    says(&night.faults(view), &["would lose all its rows"]);
    assert_eq!(core_marks(&town.lake()), before);
}
