use std::{collections::BTreeSet, time::Duration};

use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use serde_json::{Value, json};

use crate::client::{ask, get};

const HOURS: &str = "api.energidataservice.dk/dataset/ProductionMunicipalityHour";
const CAPACITY: &str = "api.energidataservice.dk/dataset/CapacityPerMunicipality";

/// Without the rate limit, which has a test of its own.
fn patient() -> Script {
    Script::default().dataset_interval(Duration::ZERO)
}

fn records(agencies: &Agencies, address: &str) -> Vec<Value> {
    let reply = get(agencies, address);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["records"].as_array().unwrap().clone()
}

fn texts(records: &[Value], column: &str) -> Vec<String> {
    records
        .iter()
        .map(|record| record[column].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_second_request_within_a_second_is_refused_and_sometimes_with_200() {
    let agencies = Agencies::start(Script::default().dataset_interval(Duration::from_secs(60))).unwrap();
    let address = format!("{CAPACITY}?limit=1");
    assert_eq!(get(&agencies, &address).status, 200);
    let refused: Vec<_> = (0..3).map(|_| get(&agencies, &address)).collect();
    let body = json!({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."});
    assert!(refused.iter().all(|reply| reply.json() == body));
    assert_eq!(
        refused.iter().map(|reply| reply.status).collect::<Vec<_>>(),
        [429, 429, 200]
    );
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    assert_eq!(refused[2].header("retry-after"), None);
    let other = get(&agencies, &format!("{HOURS}?limit=1"));
    assert!(other.json()["records"].is_array(), "the limit is one of each dataset");
}

#[test]
fn after_the_wait_that_it_asked_for_the_dataset_answers_again() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let address = format!("{CAPACITY}?limit=1");
    assert_eq!(get(&agencies, &address).status, 200);
    assert_eq!(get(&agencies, &address).status, 429);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(get(&agencies, &address).status, 200);
}

#[test]
fn the_day_of_the_october_clock_change_has_25_hours_and_99_codes_an_hour() {
    let agencies = Agencies::start(patient()).unwrap();
    let day = records(&agencies, &format!("{HOURS}?start=2026-10-25&end=2026-10-26&limit=0"));
    assert_eq!(day.len(), 25 * 99);
    let utc: BTreeSet<String> = texts(&day, "HourUTC").into_iter().collect();
    let local: BTreeSet<String> = texts(&day, "HourDK").into_iter().collect();
    assert_eq!((utc.len(), local.len()), (25, 24), "the local hour 02 stands twice");
    assert_eq!(utc.first().unwrap(), "2026-10-24T22:00:00");
    assert_eq!(utc.last().unwrap(), "2026-10-25T22:00:00");
}

#[test]
fn the_day_of_the_march_clock_change_has_23_hours() {
    let agencies = Agencies::start(patient().today(jiff::civil::date(2026, 4, 10))).unwrap();
    let day = records(
        &agencies,
        &format!("{HOURS}?start=2026-03-29&end=2026-03-30&filter={{\"MunicipalityNo\":\"101\"}}"),
    );
    assert_eq!(day.len(), 23);
}

#[test]
fn times_are_danish_unless_utc_is_asked_for() {
    let agencies = Agencies::start(patient()).unwrap();
    let first = |zone: &str| {
        let address = format!("{HOURS}?start=2026-09-01T00:00&end=2026-09-01T01:00&sort=MunicipalityNo&limit=1{zone}");
        texts(&records(&agencies, &address), "HourUTC")[0].clone()
    };
    assert_eq!(first(""), "2026-08-31T22:00:00");
    assert_eq!(first("&timezone=UTC"), "2026-09-01T00:00:00");
}

#[test]
fn seconds_in_start_are_refused() {
    let agencies = Agencies::start(patient()).unwrap();
    assert_eq!(
        get(&agencies, &format!("{HOURS}?start=2026-09-01T00:00:00&limit=1")).status,
        400
    );
    assert_eq!(get(&agencies, &format!("{HOURS}?start=igår&limit=1")).status, 400);
}

#[test]
fn relative_times_are_understood() {
    let agencies = Agencies::start(patient()).unwrap();
    let months = |start: &str| {
        let found = records(
            &agencies,
            &format!("{CAPACITY}?start={start}&filter={{\"MunicipalityNo\":[\"101\"]}}"),
        );
        texts(&found, "Month")
    };
    assert_eq!(
        months("StartOfMonth-P2M"),
        ["2026-10-01T00:00:00", "2026-09-01T00:00:00"]
    );
    assert_eq!(months("now-P1M").len(), 0);
    assert_eq!(months("2026").len(), 10);
}

#[test]
fn neither_start_nor_limit_gives_a_hundred_rows() {
    let agencies = Agencies::start(patient()).unwrap();
    assert_eq!(records(&agencies, CAPACITY).len(), 100);
    assert_eq!(
        records(&agencies, &format!("{CAPACITY}?start=2022-01&end=2022-03")).len(),
        2 * 98
    );
    assert_eq!(records(&agencies, &format!("{CAPACITY}?limit=0")).len(), 58 * 98);
}

#[test]
fn total_is_no_promise() {
    let agencies = Agencies::start(patient()).unwrap();
    let mut totals = BTreeSet::new();
    for offset in 0..8 {
        let reply = get(
            &agencies,
            &format!("{CAPACITY}?start=2022-01&end=2022-03&limit=10&offset={offset}"),
        );
        totals.insert(reply.json()["total"].as_u64().unwrap());
    }
    assert_eq!(
        totals,
        BTreeSet::from([10, 196]),
        "now the page's rows, now the whole match"
    );
}

#[test]
fn pages_by_offset_cover_the_whole() {
    let agencies = Agencies::start(patient()).unwrap();
    let page = |offset: u32| {
        let address = format!(
            "{CAPACITY}?start=2022-01&end=2022-03&sort=Month,MunicipalityNo&columns=MunicipalityNo,Month&limit=100&offset={offset}"
        );
        records(&agencies, &address)
    };
    let (first, second, third) = (page(0), page(100), page(200));
    assert_eq!((first.len(), second.len(), third.len()), (100, 96, 0));
    let keys: BTreeSet<String> = first.iter().chain(&second).map(Value::to_string).collect();
    assert_eq!(keys.len(), 196);
    assert_eq!(
        first[0],
        json!({"MunicipalityNo": "101", "Month": "2022-01-01T00:00:00"})
    );
}

#[test]
fn a_plant_type_that_is_not_there_is_null() {
    let agencies = Agencies::start(patient()).unwrap();
    let hour = records(
        &agencies,
        &format!("{HOURS}?start=2026-09-01T12:00&end=2026-09-01T13:00"),
    );
    assert_eq!(hour.len(), 99);
    assert!(hour.iter().all(|record| record["SolarMWh"].is_f64()));
    let nulls = hour.iter().filter(|record| record["OnshoreWindMWh"].is_null()).count();
    assert!((5..60).contains(&nulls), "{nulls}");
    assert!(
        hour.iter()
            .all(|record| record["MunicipalityNo"].as_str().unwrap().len() == 3)
    );
}

#[test]
fn hours_begin_with_2025_and_lack_none_whatever_the_factor() {
    for factor in [1.0, 0.1] {
        let agencies = Agencies::start(patient().factor(factor)).unwrap();
        let hours = |window: &str| {
            let address = format!("{HOURS}?limit=0{window}&filter={{\"MunicipalityNo\":\"101\"}}&columns=HourUTC");
            records(&agencies, &address).len()
        };
        assert_eq!(hours("&start=2025-01&end=2026-01"), 8760, "factor {factor}");
        // The hour that spring takes comes back in October.
        assert_eq!(
            hours(""),
            8760 + 304 * 24,
            "factor {factor}: up to the last full month, October"
        );
    }
}

#[test]
fn the_second_night_restates_a_few_hours_of_the_last_but_one_month() {
    let night = |night: u32| {
        let agencies = Agencies::start(patient().night(night)).unwrap();
        (
            records(
                &agencies,
                &format!("{HOURS}?limit=0&start=2026-08&columns=HourUTC,MunicipalityNo,OnshoreWindMWh"),
            ),
            agencies,
        )
    };
    let ((first, agencies), (second, later)) = (night(0), night(1));
    let changed: Vec<Value> = first
        .into_iter()
        .zip(second)
        .filter(|(a, b)| a != b)
        .map(|(_, b)| b)
        .collect();
    let hours: BTreeSet<String> = texts(&changed, "HourUTC").into_iter().collect();
    assert!((1..=3).contains(&hours.len()), "{hours:?}");
    assert!(hours.iter().all(|hour| hour.starts_with("2026-09")), "{hours:?}");
    let mark = |agencies: &Agencies| {
        get(
            agencies,
            "api.energidataservice.dk/meta/dataset/ProductionMunicipalityHour",
        )
        .json()["lastUpdate"]
            .clone()
    };
    assert_ne!(mark(&agencies), mark(&later));
}

#[test]
fn metadata_names_the_columns_of_the_records() {
    let agencies = Agencies::start(patient()).unwrap();
    let meta = get(
        &agencies,
        "api.energidataservice.dk/meta/dataset/CapacityPerMunicipality",
    )
    .json();
    let columns: Vec<&str> = meta["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["dbColumn"].as_str().unwrap())
        .collect();
    let record = &records(&agencies, &format!("{CAPACITY}?limit=1"))[0];
    assert_eq!(
        columns,
        record
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        get(&agencies, "api.energidataservice.dk/meta/dataset/FindesIkke").status,
        404
    );
    assert_eq!(get(&agencies, &format!("{CAPACITY}?columns=OnshoreWindMW")).status, 400);
}

#[test]
fn a_server_that_ignores_the_offset_repeats_its_page_to_the_byte() {
    let fault = ScriptedFault::new("api.energidataservice.dk", FaultKind::EndlessNext);
    let agencies = Agencies::start(patient().fault(fault)).unwrap();
    let page = |offset: u32| {
        records(
            &agencies,
            &format!("{CAPACITY}?start=2022-01&end=2022-03&limit=50&offset={offset}"),
        )
    };
    assert_eq!(page(0), page(50));
}

#[test]
fn a_short_page_has_one_row_fewer() {
    let fault = ScriptedFault::new("api.energidataservice.dk", FaultKind::PageShort).times(1);
    let agencies = Agencies::start(patient().fault(fault)).unwrap();
    let address = format!("{CAPACITY}?start=2022-01&end=2022-02&limit=0");
    let short = ask(&agencies, "GET", &address, &[], "").unwrap().json();
    assert_eq!(
        (short["records"].as_array().unwrap().len(), &short["total"]),
        (97, &json!(98))
    );
    assert_eq!(records(&agencies, &address).len(), 98);
}

const HEATING: &str = "api.energidataservice.dk/dataset/PrivateConsumptionHeatingMonth";
const POINTS: &str = "api.energidataservice.dk/dataset/DatahubMeasuringPointStatisticsMunicipality";

#[test]
fn private_consumption_has_three_heating_categories_and_figures_that_are_not_told() {
    let agencies = Agencies::start(patient()).unwrap();
    let month = records(&agencies, &format!("{HEATING}?start=2026-01&end=2026-02"));
    assert_eq!(month.len(), 98 * 8);
    let heating: BTreeSet<String> = texts(&month, "HeatingCategory").into_iter().collect();
    assert_eq!(
        heating.iter().map(String::as_str).collect::<Vec<_>>(),
        ["-", "Andet", "Elvarme eller varmepumpe"]
    );
    let nulls = month.iter().filter(|record| record["ConsumptionkWh"].is_null()).count();
    assert!((1..40).contains(&nulls), "{nulls}");
    assert!(
        month[0].get("MunicipalityNo").is_none() && month[0]["MunicipalityCode"] == "101",
        "the newer name of the column"
    );
    let sum = |window: &str| -> f64 {
        let electric = records(
            &agencies,
            &format!("{HEATING}?{window}&filter={{\"HeatingCategory\":\"Elvarme eller varmepumpe\"}}"),
        );
        electric
            .iter()
            .filter_map(|record| record["ConsumptionkWh"].as_f64())
            .sum()
    };
    assert!(
        sum("start=2026-01&end=2026-02") > 1.5 * sum("start=2026-07&end=2026-08"),
        "winter"
    );
}

#[test]
fn a_type_and_state_of_metering_points_stands_in_a_row_for_each_frequency_of_reading() {
    let agencies = Agencies::start(patient()).unwrap();
    let month = records(
        &agencies,
        &format!("{POINTS}?start=2026-08&end=2026-09&filter={{\"MunicipalityNo\":\"101\"}}"),
    );
    let connected: Vec<&Value> = month
        .iter()
        .filter(|record| {
            record["MP_TypeDescription"] == "Consumption" && record["MP_PhysicalStatusDescription"] == "Connected"
        })
        .collect();
    assert_eq!((month.len(), connected.len()), (7, 2));
    assert!(month.iter().all(|record| record["Number_MP"].is_u64()));
}

#[test]
fn hourly_consumption_is_the_last_full_month_of_98_municipalities_and_three_groups() {
    let agencies = Agencies::start(patient()).unwrap();
    let count = |dataset: &str, window: &str| {
        let address = format!("api.energidataservice.dk/dataset/{dataset}?columns=HourUTC,MunicipalityNo&{window}");
        records(&agencies, &address).len()
    };
    let hours = 31 * 24 + 1;
    assert_eq!(
        count("ConsumptionIndustry", "start=2026-10&end=2026-11"),
        hours * 98 * 3
    );
    assert_eq!(count("ReCoverageMunicipality", "start=2025-01&end=2026-11"), hours * 98);
    assert_eq!(count("ReCoverageMunicipality", "start=2026-09&end=2026-10"), 0);
}

#[test]
fn local_renewable_electricity_may_be_more_than_is_used_in_the_hour() {
    let agencies = Agencies::start(patient()).unwrap();
    let address = "api.energidataservice.dk/dataset/ReCoverageMunicipality?start=2026-10-01&end=2026-10-08";
    let week = records(&agencies, address);
    let number = |record: &Value, column: &str| record[column].as_f64().unwrap();
    let over = week
        .iter()
        .filter(|record| number(record, "REekWhKeep") > number(record, "ConsumptionkWh"))
        .count();
    assert!(0 < over && over < week.len() / 2, "{over} of {}", week.len());
}
