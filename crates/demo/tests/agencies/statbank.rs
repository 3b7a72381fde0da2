use std::collections::BTreeMap;

use klimalade_demo::{Agencies, Script};
use serde_json::{Value, json};

use crate::client::{Reply, ask, get, post};

pub(crate) const DATA: &str = "api.statbank.dk/v1/data";

pub(crate) fn agencies() -> Agencies {
    Agencies::start(Script::default()).unwrap()
}

pub(crate) fn variable(code: &str, values: &[&str]) -> Value {
    json!({"code": code, "values": values})
}

pub(crate) fn query(table: &str, format: &str, variables: Vec<Value>) -> Value {
    json!({"table": table, "format": format, "lang": "da", "valuePresentation": "Code", "variables": variables})
}

/// Rows of a CSV answer without the header.
pub(crate) fn rows(reply: &Reply) -> Vec<Vec<String>> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let lines = reply.text().trim_start_matches('\u{feff}').lines().skip(1);
    lines.map(|line| line.split(';').map(str::to_owned).collect()).collect()
}

fn hundredths(text: &str) -> i64 {
    let (whole, part) = text.split_once(',').expect("decimal comma");
    assert_eq!(part.len(), 2, "two decimals: {text}");
    format!("{whole}{part}").parse().unwrap()
}

pub(crate) fn refusal(reply: &Reply) -> (u16, String, String) {
    let body = reply.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    assert_eq!(body.as_object().unwrap().len(), 2);
    (reply.status, text("errorTypeCode"), text("message"))
}

#[test]
fn csv_has_a_bom_crlf_semicolons_a_decimal_comma_and_no_validators() {
    let reply = post(
        &agencies(),
        DATA,
        &query(
            "are207",
            "csv",
            vec![variable("område", &["*"]), variable("TID", &["2023"])],
        ),
    );
    assert_eq!(reply.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!((reply.header("etag"), reply.header("last-modified")), (None, None));
    assert_eq!(reply.header("StatbankAPI-Request-Id").unwrap().len(), 36);
    assert!(reply.text().starts_with("\u{feff}OMRÅDE;TID;INDHOLD\r\n000;2023;"));
    assert!(
        reply
            .text()
            .lines()
            .skip(1)
            .all(|line| line.contains(',') && !line.contains('.'))
    );
    assert_eq!(rows(&reply).len(), 105);
}

#[test]
fn english_has_a_decimal_point() {
    let mut body = query(
        "ARE207",
        "CSV",
        vec![variable("OMRÅDE", &["101"]), variable("Tid", &["2023"])],
    );
    body["lang"] = json!("en");
    body["valuePresentation"] = json!("Default");
    let reply = post(&agencies(), DATA, &body);
    assert!(rows(&reply)[0][2].contains('.'), "{}", reply.text());
    assert_eq!(rows(&reply)[0][0], "København");
}

#[test]
fn the_country_and_its_regions_are_the_exact_sums_of_their_municipalities() {
    let reply = post(
        &agencies(),
        DATA,
        &query(
            "ARE207",
            "CSV",
            vec![variable("OMRÅDE", &["*"]), variable("Tid", &["2007", "2026"])],
        ),
    );
    for year in ["2007", "2026"] {
        let areas: BTreeMap<String, i64> = rows(&reply)
            .iter()
            .filter(|row| row[1] == year)
            .map(|row| (row[0].clone(), hundredths(&row[2])))
            .collect();
        let regions: i64 = areas
            .iter()
            .filter(|(code, _)| code.starts_with("08"))
            .map(|(_, area)| area)
            .sum();
        let towns = areas.iter().filter(|(code, _)| !code.starts_with('0'));
        assert_eq!(towns.clone().count(), 99);
        assert_eq!(towns.map(|(_, area)| area).sum::<i64>(), areas["000"]);
        assert_eq!(regions, areas["000"]);
        assert!(areas["411"] < 100);
    }
}

#[test]
fn population_totals_equal_the_sums_over_sex_age_and_civil_status() {
    let agencies = agencies();
    let one = |variables| rows(&post(&agencies, DATA, &query("FOLK1A", "CSV", variables)));
    let tid = || variable("Tid", &["2023K1"]);
    let sum = |rows: Vec<Vec<String>>| {
        rows.iter()
            .map(|row| row.last().unwrap().parse::<i64>().unwrap())
            .sum::<i64>()
    };
    let all = || variable("CIVILSTAND", &["U", "G", "E", "F"]);
    let parts = one(vec![
        variable("OMRÅDE", &["101"]),
        variable("KØN", &["1", "2"]),
        variable("ALDER", &["*"]),
        all(),
        tid(),
    ]);
    assert_eq!(parts.len(), 2 * 127 * 4);
    let leaves: Vec<Vec<String>> = parts.into_iter().filter(|row| row[2] != "IALT").collect();
    // Left-out variables are eliminated to their totals.
    let total = sum(one(vec![variable("OMRÅDE", &["101"]), tid()]));
    assert_eq!(sum(leaves), total);
    assert!(total > 1_000);
    let country = sum(one(vec![variable("OMRÅDE", &["000"]), tid()]));
    let regions = sum(one(vec![variable("OMRÅDE", &["08*"]), tid()]));
    assert_eq!(country, regions);
}

#[test]
fn vehicles_mix_levels_in_one_column_and_add_up_with_the_unknown() {
    let reply = post(
        &agencies(),
        DATA,
        &query(
            "BIL54",
            "CSV",
            vec![variable("OMRÅDE", &["*"]), variable("Tid", &["2024M05"])],
        ),
    );
    let counts: BTreeMap<String, i64> = rows(&reply)
        .iter()
        .map(|row| (row[0].clone(), row[2].parse().unwrap()))
        .collect();
    assert_eq!(counts.len(), 1 + 5 + 11 + 99 + 1);
    let of_length = |length: usize| {
        counts
            .iter()
            .filter(move |(code, _)| code.len() == length && *code != "99")
    };
    let landsdele: i64 = of_length(2).map(|(_, count)| count).sum();
    let towns: i64 = of_length(3)
        .filter(|(code, _)| !code.starts_with('0'))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(landsdele, towns);
    assert_eq!(towns + counts["99"], counts["000"]);
    assert!(
        counts["99"] > 0,
        "without the unknown the municipalities fall short of the country"
    );
}

#[test]
fn a_cell_that_the_agency_hides_is_two_points_in_csv_and_bulk() {
    let agencies = agencies();
    let choose = || {
        vec![
            variable("OMRÅDE", &["411"]),
            variable("BILTYPE", &["4000101002"]),
            variable("BRUG", &["1100"]),
            variable("DRIV", &["20231"]),
            variable("Tid", &["2024M05"]),
        ]
    };
    for format in ["CSV", "BULK"] {
        let reply = post(&agencies, DATA, &query("BIL54", format, choose()));
        assert_eq!(rows(&reply)[0][5], "..", "{format}");
    }
    let reply = post(&agencies, DATA, &query("BIL54", "JSONSTAT", choose()));
    let dataset = &reply.json()["dataset"];
    assert_eq!(
        (&dataset["value"][0], &dataset["status"]["0"]),
        (&Value::Null, &json!(".."))
    );
}

#[test]
fn bulk_has_no_bom_and_leaves_zeros_out() {
    let agencies = agencies();
    let choose = || {
        vec![
            variable("OMRÅDE", &["101", "99"]),
            variable("KØN", &["1"]),
            variable("ALDER", &["*"]),
            variable("CIVILSTAND", &["U"]),
            variable("Tid", &["2023K1"]),
        ]
    };
    let mut known = choose();
    known[0] = variable("OMRÅDE", &["101"]);
    let csv = post(&agencies, DATA, &query("FOLK1A", "CSV", known.clone()));
    let bulk = post(&agencies, DATA, &query("FOLK1A", "BULK", known));
    assert!(csv.text().starts_with('\u{feff}') && !bulk.text().starts_with('\u{feff}'));
    assert_eq!(rows(&csv).len(), 127);
    let mut filled: Vec<Vec<String>> = rows(&csv).into_iter().filter(|row| row[5] != "0").collect();
    assert!(filled.len() < 127);
    filled.sort_by(|a, b| a[2].cmp(&b[2]));
    // Storage order is sorted as text: 1, 10, 100, ...
    assert_eq!(rows(&bulk), filled);
    let (_, code, _) = refusal(&post(&agencies, DATA, &query("FOLK1A", "CSV", choose())));
    assert_eq!(
        code, "EXTRACT-NOTFOUND",
        "99 stands in BIL54 only, and one bad value fails the whole request"
    );
}

#[test]
fn the_limit_counts_rows_times_columns() {
    let agencies = Agencies::start(Script::default().cell_limit(105 * 20 * 3 - 1)).unwrap();
    let all = query(
        "ARE207",
        "CSV",
        vec![variable("OMRÅDE", &["*"]), variable("Tid", &["*"])],
    );
    let (status, code, message) = refusal(&post(&agencies, DATA, &all));
    assert_eq!((status, code.as_str()), (400, "REQUEST-LIMIT"));
    assert!(
        message.contains("6.300 celler") && message.contains("6.299 celler"),
        "{message}"
    );
    let bulk = query(
        "ARE207",
        "BULK",
        vec![variable("OMRÅDE", &["*"]), variable("Tid", &["*"])],
    );
    assert_eq!(rows(&post(&agencies, DATA, &bulk)).len(), 2_100);
    let agencies = Agencies::start(Script::default().cell_limit(105 * 20 * 3)).unwrap();
    assert_eq!(rows(&post(&agencies, DATA, &all)).len(), 2_100);
}

#[test]
fn each_error_has_its_code_and_status() {
    let agencies = agencies();
    let tid = || variable("Tid", &["2023"]);
    let cases: Vec<(Value, &str)> = vec![
        (query("FINDESIKKE", "CSV", vec![]), "EXTRACT-NOTFOUND"),
        (
            query("ARE207", "CSV", vec![variable("KOMK", &["*"])]),
            "EXTRACT-NOTFOUND",
        ),
        (
            query("ARE207", "CSV", vec![variable("OMRÅDE", &["999999"])]),
            "EXTRACT-NOTFOUND",
        ),
        (query("ARE207", "JSON", vec![]), "REQUEST-MISSING"),
        (json!({"format": "CSV"}), "REQUEST-MISSING"),
        (query("ARE207", "BULK", vec![tid()]), "EXTRACT-NOTALLOWED"),
        (
            query("ARE207", "BULK", vec![variable("OMRÅDE", &["101"])]),
            "EXTRACT-NOTALLOWED",
        ),
        (
            query("ARE207", "BULK", vec![variable("OMRÅDE", &[]), tid()]),
            "EXTRACT-NOTALLOWED",
        ),
    ];
    for (body, expected) in cases {
        let (status, code, _) = refusal(&post(&agencies, DATA, &body));
        assert_eq!((status, code.as_str()), (400, expected), "{body}");
    }
    let mut sorted = query("ARE207", "BULK", vec![variable("OMRÅDE", &["101"]), tid()]);
    sorted["timeOrder"] = json!("Ascending");
    assert_eq!(refusal(&post(&agencies, DATA, &sorted)).1, "EXTRACT-STREAMINGTIMESORT");
    let raw = |body: &str| refusal(&ask(&agencies, "POST", DATA, &[], body).unwrap());
    assert_eq!(raw("ikke json").1, "REQUEST-EMPTY");
    assert_eq!(raw("").1, "REQUEST-MISSING");
    assert_eq!(refusal(&get(&agencies, DATA)).1, "REQUEST-MISSING");
    for address in [
        "api.statbank.dk/v1/findesikke",
        "api.statbank.dk/v1",
        "api.statbank.dk/",
    ] {
        let (status, code, _) = refusal(&get(&agencies, address));
        assert_eq!((status, code.as_str()), (404, "REQUEST-NOTFOUND"), "{address}");
    }
}

#[test]
fn unknown_keys_are_ignored_and_presentation_inside_a_variable_does_nothing() {
    let agencies = agencies();
    let mut area = variable("OMRÅDE", &["101"]);
    area["valuePresentation"] = json!("Code");
    let body = json!({"table": "ARE207", "format": "CSV", "lang": "da", "tull": 1, "variables": [area, variable("Tid", &["2023"])]});
    assert_eq!(rows(&post(&agencies, DATA, &body))[0][0], "København");
}

#[test]
fn without_time_only_the_newest_period_comes() {
    let reply = post(
        &agencies(),
        DATA,
        &query("FOLK1A", "CSV", vec![variable("OMRÅDE", &["000"])]),
    );
    assert_eq!(rows(&reply).len(), 1);
    assert_eq!(rows(&reply)[0][1], "2026K4");
}

#[test]
fn periods_are_chosen_by_range_wildcard_and_place() {
    let agencies = agencies();
    let periods = |pattern: &str| -> Vec<String> {
        let reply = post(
            &agencies,
            DATA,
            &query("BIL54", "CSV", vec![variable("Tid", &[pattern])]),
        );
        rows(&reply).into_iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(periods(">=2021m01<=2021M03"), ["2021M01", "2021M02", "2021M03"]);
    assert_eq!(periods("202*M01").len(), 6);
    assert_eq!(periods("(1)"), ["2026M10"]);
    assert_eq!(periods("-(1)"), ["2021M01"]);
    assert_eq!(periods("(-n+2)"), ["2026M09", "2026M10"]);
}

#[test]
fn columns_follow_the_request_with_time_last() {
    let body = query(
        "FOLK1A",
        "CSV",
        vec![
            variable("Tid", &["2023K1"]),
            variable("KØN", &["2"]),
            variable("OMRÅDE", &["101"]),
        ],
    );
    let reply = post(&agencies(), DATA, &body);
    assert!(
        reply
            .text()
            .starts_with("\u{feff}KØN;OMRÅDE;TID;INDHOLD\r\n2;101;2023K1;"),
        "{}",
        reply.text()
    );
}

#[test]
fn tableinfo_answers_get_and_post_alike() {
    let agencies = agencies();
    let posted = post(
        &agencies,
        "api.statbank.dk/v1/tableinfo",
        &json!({"table": "bil54", "lang": "da"}),
    );
    let got = get(&agencies, "api.statbank.dk/v1/tableinfo?id=BIL54&lang=da");
    assert_eq!(posted.json(), got.json());
    assert_eq!(got.header("content-type"), Some("text/json; charset=utf-8"));
    assert!(got.header("content-length").is_some());
    let info = got.json();
    let ids: Vec<&str> = info["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["OMRÅDE", "BILTYPE", "BRUG", "DRIV", "Tid"]);
    assert_eq!(info["variables"][0]["map"], "Denmark_municipality_07");
    assert_eq!(info["variables"][0]["values"].as_array().unwrap().len(), 117);
    let times = info["variables"][4]["values"].as_array().unwrap();
    assert_eq!(
        (&times[0]["id"], &times[times.len() - 1]["id"]),
        (&json!("2021M01"), &json!("2026M10"))
    );
    assert_eq!(
        get(&agencies, "api.statbank.dk/v1/tableinfo/ARE207").json()["id"],
        "ARE207"
    );
    let tables = get(&agencies, "api.statbank.dk/v1/tables?lang=en").json();
    let folk = &tables.as_array().unwrap()[0];
    assert_eq!(
        (&folk["firstPeriod"], &folk["variables"][4]),
        (&json!("2016Q1"), &json!("time"))
    );
}

#[test]
fn jsonstat_has_a_dimension_that_nobody_asked_for() {
    let body = query(
        "ARE207",
        "JSONSTAT",
        vec![variable("OMRÅDE", &["101", "147"]), variable("Tid", &["2022", "2023"])],
    );
    let reply = post(&agencies(), DATA, &body);
    assert_eq!(reply.header("content-type"), Some("text/json; charset=utf-8"));
    let dataset = &reply.json()["dataset"];
    assert_eq!(dataset["dimension"]["id"], json!(["OMRÅDE", "ContentsCode", "Tid"]));
    assert_eq!(dataset["dimension"]["size"], json!([2, 1, 2]));
    assert_eq!(dataset["value"].as_array().unwrap().len(), 4);
    assert_eq!(dataset["updated"], "2026-02-27T07:00:00Z");
}

#[test]
fn the_second_night_restates_two_years_of_two_municipalities() {
    let night = |night: u32| {
        let agencies = Agencies::start(Script::default().night(night)).unwrap();
        let all = query(
            "ARE207",
            "CSV",
            vec![variable("OMRÅDE", &["*"]), variable("Tid", &["*"])],
        );
        let info =
            |table: &str| get(&agencies, &format!("api.statbank.dk/v1/tableinfo?id={table}")).json()["updated"].clone();
        (
            rows(&post(&agencies, DATA, &all)),
            info("ARE207"),
            info("FOLK1A"),
            info("BIL54"),
        )
    };
    let (first, second, third) = (night(0), night(1), night(2));
    let changed: Vec<&Vec<String>> = first
        .0
        .iter()
        .zip(&second.0)
        .filter(|(a, b)| a != b)
        .map(|(_, b)| b)
        .collect();
    let towns: Vec<&&Vec<String>> = changed.iter().filter(|row| !row[0].starts_with('0')).collect();
    assert_eq!(towns.len(), 4, "{towns:?}");
    assert!(changed.iter().all(|row| ["2025", "2026"].contains(&row[1].as_str())));
    assert_ne!(first.1, second.1);
    assert_eq!(first.2, second.2, "a table that was not restated keeps its mark");
    assert_ne!(first.3, second.3);
    assert_eq!(second, third);
}

#[test]
fn the_second_night_revises_only_the_newest_month_of_vehicles() {
    let night = |night: u32| {
        let agencies = Agencies::start(Script::default().night(night)).unwrap();
        rows(&post(
            &agencies,
            DATA,
            &query(
                "BIL54",
                "CSV",
                vec![variable("OMRÅDE", &["*"]), variable("Tid", &["2026*"])],
            ),
        ))
    };
    let (first, second) = (night(0), night(1));
    let changed: Vec<(Vec<String>, Vec<String>)> = first.into_iter().zip(second).filter(|(a, b)| a != b).collect();
    assert!(changed.iter().all(|(_, row)| row[1] == "2026M10"));
    assert!((5..117).contains(&changed.len()), "{}", changed.len());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let body = query(
        "FOLK1A",
        "CSV",
        vec![variable("OMRÅDE", &["*"]), variable("Tid", &["2023K1"])],
    );
    let with = |seed: u64| post(&Agencies::start(Script::default().seed(seed)).unwrap(), DATA, &body).body;
    assert_eq!(with(7), with(7));
    assert_ne!(with(7), with(8));
}
