//! Rows of Energi Data Service as quoted in public code. The records are the agency's word for word; of its envelope
//! nothing is left, so the test puts them in one of the known form, and no row of them is mapped or published.

use std::{path::Path, time::Duration};

use klimalade_connect::{Kind, Page, Part, Result, Secrets};
use klimalade_pipeline::Definition;
use klimalade_testkit::serve::RecordedAnswer;
use klimalade_tests::real_folder;
use serde_json::{Value as Json, json};

use crate::ground::{Ground, Row, agency, batch_rows, columns_only, decoded, json, number};

/// Metadata that names the columns of the records, as far as plan reads it.
fn metadata(records: &[Json]) -> RecordedAnswer {
    let columns: Vec<Json> = records[0]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| json!({"dbColumn": name}))
        .collect();
    RecordedAnswer::json(json!({"columns": columns}).to_string())
}

async fn plan(ground: &Ground, settings: &Json, records: &[Json]) -> Result<Vec<Part>> {
    let (_server, hosts) = agency(vec![metadata(records)]).await;
    ground
        .open("energidata", settings.clone())
        .plan(&ground.context(hosts, Secrets::default()))
        .await
}

fn rows(ground: &Ground, settings: &Json, part: &Part, records: &[Json], definition: &Definition) -> Result<Vec<Row>> {
    let dataset = settings["dataset"].as_str().unwrap();
    let body = json!({"total": records.len(), "dataset": dataset, "records": records}).to_string();
    let page = Page::from_bytes(
        &format!("https://api.energidataservice.dk/dataset/{dataset}"),
        body.as_bytes(),
    )
    .unwrap();
    let connector = ground.open("energidata", settings.clone());
    Ok(decoded(connector.as_ref(), part, &page, definition)?
        .iter()
        .flat_map(batch_rows)
        .collect())
}

fn records(real: &Path, file: &str) -> Vec<Json> {
    json(&real.join("energidataservice").join(file))
        .as_array()
        .unwrap()
        .clone()
}

fn quoted(real: &Path, dataset: &str) -> Vec<Json> {
    let all = records(real, "quoted_responses_2026-09-23.json");
    all.iter()
        .filter(|quoted| quoted["dataset"] == dataset)
        .map(|quoted| quoted["record"].clone())
        .collect()
}

/// Settings of a pipeline with another beginning and end.
fn settings_of(ground: &mut Ground, pipeline: &str, start: &str, end: &str) -> (Json, Definition) {
    let definition = ground.owner(pipeline).definition.clone();
    let (_, mut settings) = definition.connector().unwrap();
    settings["start"] = start.into();
    settings["end"] = end.into();
    (settings, definition)
}

/// Every declared column of every row equals the record's member; null stays null, `0.0` stays a figure.
fn assert_cells(rows: &[Row], records: &[Json], definition: &Definition) {
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(records) {
        for (name, column) in &definition.columns {
            let member = &record[column.from.as_deref().unwrap_or(name)];
            match member {
                Json::Null => assert_eq!(row.get(name), None, "{name} of {record}"),
                Json::Number(figure) => assert_eq!(number(row, name), figure.as_f64(), "{name} of {record}"),
                Json::String(text) if text.contains("T") && row[name].ends_with('Z') => {
                    assert_eq!(row[name], format!("{text}Z"))
                }
                Json::String(text) => assert!(
                    text == &row[name] || text == &format!("{}T00:00:00", row[name]),
                    "{name}: {text} became {}",
                    row[name]
                ),
                other => panic!("{name}: {other}"),
            }
        }
    }
}

#[tokio::test]
async fn the_first_rows_of_hourly_production_decode_in_their_civil_month_alone() {
    let Some(real) = real_folder() else { return };
    let records = records(&real, "ProductionMunicipalityHour_2023-05_first5.json");
    let mut ground = Ground::new();
    let (settings, definition) = settings_of(
        &mut ground,
        "energinet_production_by_municipality",
        "2023-05",
        "2023-07",
    );
    let parts = plan(&ground, &settings, &records).await.unwrap();
    assert_eq!(
        parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
        ["2023-05", "2023-06"]
    );
    let found = rows(&ground, &settings, &parts[0], &records, &definition).unwrap();
    assert_cells(&found, &records, &definition);
    let total: f64 = found.iter().filter_map(|row| number(row, "thermal")).sum();
    let expected: f64 = records
        .iter()
        .filter_map(|record| record["ThermalPowerMWh"].as_f64())
        .sum();
    assert_eq!((found.len(), total), (5, expected));
    let koebenhavn = found.iter().find(|row| row["municipality"] == "101").unwrap();
    assert_eq!(
        (
            number(koebenhavn, "offshore_small"),
            number(koebenhavn, "offshore_large")
        ),
        (Some(2.2529), Some(0.0))
    );
    assert_eq!(koebenhavn["hour"], "2023-05-29T21:00:00Z");
    // A row of May in the answer for June would stand in two parts.
    let fault = rows(&ground, &settings, &parts[1], &records, &definition).unwrap_err();
    assert!(fault.to_string().contains("2023-05-29T21:00:00"), "{fault}");
}

/// The whole period had 211,680 rows: 98 municipalities x 3 kinds of customer x 720 hours.
#[tokio::test]
async fn the_first_rows_of_industrial_consumption_decode_and_the_period_promises_what_it_had() {
    let Some(real) = real_folder() else { return };
    let records = records(&real, "ConsumptionIndustry_2021-09_first5.json");
    let ground = Ground::new();
    let settings = json!({
        "dataset": "ConsumptionIndustry", "time_column": "HourUTC", "start": "2021-09", "end": "2021-10",
        "sort": ["HourUTC", "MunicipalityNo", "Branche"],
        "expected_rows": {"areas": 98, "per": "hour", "rows_per_area": 3},
    });
    let definition = columns_only(&[
        ("hour", "timestamp", "HourUTC"),
        ("municipality", "text", "MunicipalityNo"),
        ("customer", "text", "Branche"),
        ("kwh", "float", "ConsumptionkWh"),
    ]);
    let parts = plan(&ground, &settings, &records).await.unwrap();
    assert_eq!((parts.len(), parts[0].promised), (1, Some(211_680)));
    let found = rows(&ground, &settings, &parts[0], &records, &definition).unwrap();
    assert_cells(&found, &records, &definition);
    let keys: std::collections::BTreeSet<_> = found
        .iter()
        .map(|row| (&row["municipality"], &row["customer"]))
        .collect();
    assert_eq!(keys.len(), 5);
    assert_eq!(number(&found[0], "kwh"), Some(143_261.390_625));
}

#[tokio::test]
async fn quoted_rows_of_capacity_and_metering_points_decode() {
    let Some(real) = real_folder() else { return };
    let mut ground = Ground::new();
    let capacity = quoted(&real, "CapacityPerMunicipality");
    assert_eq!(capacity.len(), 1);
    let (settings, definition) = settings_of(&mut ground, "energinet_capacity_by_municipality", "2026-01", "2026-10");
    let parts = plan(&ground, &settings, &capacity).await.unwrap();
    let found = rows(&ground, &settings, &parts[0], &capacity, &definition).unwrap();
    assert_cells(&found, &capacity, &definition);
    assert_eq!(
        (found[0]["month"].as_str(), number(&found[0], "solar")),
        ("2026-08-01", Some(35.96244))
    );
    assert_eq!(number(&found[0], "solar_units"), Some(2102.0));

    // Shortened by who quoted it: `2026-08-01` without a time is its midnight.
    let metering = quoted(&real, "DatahubMeasuringPointStatisticsMunicipality");
    assert_eq!(metering.len(), 1);
    let settings = json!({
        "dataset": "DatahubMeasuringPointStatisticsMunicipality", "time_column": "Month", "start": "2026-08", "end": "2026-09",
        "sort": ["Month", "MunicipalityNo", "MP_TypeDescription", "MP_PhysicalStatusDescription"],
    });
    let definition = columns_only(&[
        ("month", "date", "Month"),
        ("municipality", "text", "MunicipalityNo"),
        ("kind", "text", "MP_TypeDescription"),
        ("points", "int", "Number_MP"),
    ]);
    let parts = plan(&ground, &settings, &metering).await.unwrap();
    let found = rows(&ground, &settings, &parts[0], &metering, &definition).unwrap();
    assert_cells(&found, &metering, &definition);
    assert_eq!((found.len(), number(&found[0], "points")), (1, Some(4.0)));
}

#[tokio::test]
async fn the_quoted_429_is_waited_for_as_long_as_it_says() {
    let Some(real) = real_folder() else { return };
    let all = records(&real, "quoted_responses_2026-09-23.json");
    let refusal = all.iter().find(|quoted| quoted["http_status"] == 429).unwrap();
    let body = refusal["body"].to_string();
    assert!(body.contains("210 seconds"), "{body}");
    // With its status, and with the 200 that the same body was seen with.
    for status in [429, 200] {
        let mut ground = Ground::new();
        let records = quoted(&real, "CapacityPerMunicipality");
        let (settings, _) = settings_of(&mut ground, "energinet_capacity_by_municipality", "2026-01", "2026-10");
        let refused = RecordedAnswer::status(status, body.clone()).header("content-type", "application/json");
        let (server, hosts) = agency(vec![refused.clone(), metadata(&records)]).await;
        let connector = ground.open("energidata", settings.clone());
        let parts = connector
            .plan(&ground.context(hosts, Secrets::default()))
            .await
            .unwrap();
        assert_eq!((parts.len(), server.requests().len()), (1, 2));
        assert!(
            ground
                .clock
                .slept()
                .iter()
                .any(|slept| *slept >= Duration::from_secs(210)),
            "{:?}",
            ground.clock.slept()
        );
        let (server, hosts) = agency(vec![refused; 5]).await;
        let fault = connector
            .plan(&ground.context(hosts, Secrets::default()))
            .await
            .unwrap_err();
        assert_eq!((fault.kind(), server.left()), (Kind::Transient, 0), "{fault}");
    }
}
