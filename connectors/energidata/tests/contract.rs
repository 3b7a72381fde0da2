//! The contract suite of testkit against the simulated Energi Data Service.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arrow::datatypes::DataType;
use klimalade_connect::{Connector, Protocol};
use klimalade_demo::{Agencies, Script};
use klimalade_energidata::{Energidata, Settings};
use klimalade_testkit::bench::{self};
use klimalade_testkit::contract::{self, Case, Expected, Rows, Unsupported};
use serde_json::json;

#[tokio::test]
async fn capacity_per_municipality_keeps_the_contract() {
    let agencies = Agencies::start(Script::default().dataset_interval(Duration::ZERO)).unwrap();
    let context = bench::redirected("2026-11-23T02:00:00Z", agencies.hosts());
    let settings: Settings = serde_json::from_value(json!({
        "dataset": "CapacityPerMunicipality", "time_column": "Month", "start": "2024-01", "end": "2026-01", "part": "year",
        "sort": ["Month", "MunicipalityNo"], "page_limit": 500,
        "expected_rows": { "areas": 98, "per": "month" },
    }))
    .unwrap();
    let connector = Arc::new(Energidata::open(settings).unwrap());
    let part = connector.plan(&context).await.unwrap().remove(0);
    let empty = bench::page(br#"{"total":0,"limit":500,"dataset":"CapacityPerMunicipality","records":[]}"#);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(
            &bench::columns(&[
                ("month", "Month", DataType::Utf8),
                ("municipality", "MunicipalityNo", DataType::Utf8),
                ("solar_mw", "SolarPowerCapacity", DataType::Float64),
                ("offshore_mw", "OffshoreWindCapacity", DataType::Float64),
            ]),
            &["month", "municipality"],
        ),
        expected: Expected {
            rows: Rows::PerPart(BTreeMap::from([
                ("2024".to_owned(), 98 * 12),
                ("2025".to_owned(), 98 * 12),
            ])),
            cells: vec![
                ("municipality".to_owned(), "101".to_owned()),
                ("month".to_owned(), "2024-05-01T00:00:00".to_owned()),
            ],
        },
        empty: Some((part, empty)),
        declared: &[] as &[Unsupported],
    })
    .await;
}
