//! The contract suite of testkit, against the simulated file download.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow_schema::{DataType, TimeUnit};
use klimalade_connect::{Connector, Context, Protocol, Secrets};
use klimalade_datafordeler::{Datafordeler, Settings};
use klimalade_demo::{Agencies, Script};
use klimalade_testkit::{
    bench,
    contract::{self, Case, Expected, Unsupported},
};
use klimalade_transport::Secret;
use serde_json::json;

const NOW: &str = "2026-11-23T20:00:00Z";

#[tokio::test]
async fn the_contract_holds_for_the_buildings_of_the_simulated_register() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let mut secrets = Secrets::default();
    secrets.insert("datafordeler_api_key", Secret::new("min-nøgle"));
    let context = Context {
        secrets,
        ..bench::redirected(NOW, agencies.hosts())
    };
    let settings = json!({"register": "BBR", "entity": "Bygning", "format": {"type": "json"}, "edition": "month",
        "auth": {"strategy": "query", "name": "apikey", "secret": "datafordeler_api_key"}});
    let connector: Arc<dyn Connector> =
        Arc::new(Datafordeler::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap());
    let columns = bench::columns(&[
        ("id", "id_lokalId", DataType::Utf8),
        ("municipality", "kommunekode", DataType::Utf8),
        ("built", "byg026Opførelsesår", DataType::Int64),
        ("installation", "byg056Varmeinstallation", DataType::Utf8),
        (
            "fetched_at",
            "file.fetched_at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ),
    ]);
    contract::run(Case {
        connector,
        context,
        columns: bench::identified(&columns, &["id"]),
        expected: Expected::per_part([("all", 98 * 60 + 6)])
            .cell("municipality", "0825")
            .cell("installation", "99"),
        empty: None,
        declared: &[Unsupported::PromisedCount, Unsupported::EmptyAnswer],
    })
    .await;
}
