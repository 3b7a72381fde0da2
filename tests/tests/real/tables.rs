//! StatBank's tableinfo, smaller answers and error bodies, through plan and decode.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use klimalade_connect::{Kind, Part, Result, Secrets};
use klimalade_testkit::serve::RecordedAnswer;
use klimalade_tests::real_folder;
use serde_json::{Value as Json, json};

use crate::ground::{
    Ground, Row, agency, batch_rows, bytes, columns_only, csv_answer, csv_rows, decoded, json, number, trimmed,
};

/// All tableinfo answers that there are.
fn tableinfos(real: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["statbank/recorded", "statbank/extra"] {
        for entry in std::fs::read_dir(real.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("tableinfo_") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

async fn plan(ground: &Ground, settings: Json, tableinfo: &Json) -> Result<Vec<Part>> {
    let (_server, hosts) = agency(vec![RecordedAnswer::ok(
        "text/json; charset=utf-8",
        tableinfo.to_string(),
    )])
    .await;
    ground
        .open("statbank", settings)
        .plan(&ground.context(hosts, Secrets::default()))
        .await
}

/// Every variable, every value.
fn everything(tableinfo: &Json, expect_map: &str) -> Json {
    let variables = tableinfo["variables"].as_array().unwrap();
    let select: BTreeMap<&str, [&str; 1]> = variables
        .iter()
        .map(|variable| (variable["id"].as_str().unwrap(), ["*"]))
        .collect();
    json!({"table": tableinfo["id"], "select": select, "expect_map": expect_map})
}

fn values_of(variable: &Json) -> Vec<&str> {
    variable["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_tableinfo_is_planned_by_year_or_refused_for_its_old_areas() {
    let Some(real) = real_folder() else { return };
    // Table, the map of its areas, and `updated` in UTC: Danish winter time is an hour ahead, summer time two.
    let known = BTreeMap::from([
        ("ARE207", ("Denmark_municipality_07", "2026-02-27T07:00:00Z")),
        ("BIL710", ("Denmark_municipality_07", "2025-03-25T07:00:00Z")),
        ("FOLK1A", ("Denmark_municipality_07", "2025-08-11T06:00:00Z")),
        ("FOND19", ("none", "2025-11-17T07:00:00Z")),
        ("STRAF42", ("none", "2025-03-25T07:00:00Z")),
        ("TILSKUD2", ("none", "2025-05-26T06:00:00Z")),
    ]);
    let ground = Ground::new();
    let mut planned = BTreeSet::new();
    for path in tableinfos(&real) {
        let info = json(&path);
        let table = info["id"].as_str().unwrap();
        if table == "SKOV1" {
            continue;
        }
        let (map, updated) = known
            .get(table)
            .unwrap_or_else(|| panic!("{}: say here what is expected", path.display()));
        let parts = plan(&ground, everything(&info, map), &info)
            .await
            .unwrap_or_else(|fault| panic!("{table}: {fault}"));
        let variables = info["variables"].as_array().unwrap();
        let time = variables.iter().find(|variable| variable["time"] == true).unwrap();
        let years: BTreeSet<&str> = values_of(time).iter().map(|period| &period[..4]).collect();
        assert_eq!(
            parts.iter().map(|part| part.key.as_str()).collect::<Vec<_>>(),
            years.into_iter().collect::<Vec<_>>(),
            "{table}"
        );
        let product: u64 = variables
            .iter()
            .map(|variable| values_of(variable).len() as u64)
            .product();
        assert_eq!(
            parts.iter().filter_map(|part| part.promised).sum::<u64>(),
            product,
            "{table}"
        );
        assert!(
            parts.iter().all(|part| part.change_mark.as_deref() == Some(*updated)),
            "{table}: {:?}",
            parts[0].change_mark
        );
        planned.insert(table.to_owned());
    }
    assert_eq!(planned.len(), known.len(), "a table is missing: {planned:?}");
}

/// SKOV1 is municipal by its look: its codes are those from before 2007.
#[tokio::test]
async fn skov1_is_refused_as_inactive_and_if_allowed_for_its_old_area_map() {
    let Some(real) = real_folder() else { return };
    let info = json(&real.join("statbank/recorded/tableinfo_SKOV1_da.json"));
    let ground = Ground::new();
    let mut settings = everything(&info, "Denmark_municipality_07");
    let fault = plan(&ground, settings.clone(), &info).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Contract, Some("active = false, updated 2002-06-28T09:30:00"))
    );
    settings["allow_inactive"] = true.into();
    for map in ["Denmark_municipality_07", "Denmark_municipality", "none"] {
        settings["expect_map"] = map.into();
        let fault = plan(&ground, settings.clone(), &info).await.unwrap_err();
        assert_eq!(
            fault.what(),
            "the area codes of the table are from before 2007",
            "expect_map = {map}"
        );
        assert_eq!(
            (fault.kind(), fault.found_text()),
            (Kind::Contract, Some("Denmark_municipality"))
        );
        assert_eq!(fault.places(), ["SKOV1, OMRÅDE"]);
    }
    // A trap it is: most of its codes are none of today's, and 350 is Storstrøms Amt there and Lejre now.
    let old: BTreeSet<&str> = values_of(&info["variables"][0]).into_iter().collect();
    let today = json(&real.join("statbank/recorded/tableinfo_ARE207_da.json"));
    let today: BTreeSet<&str> = values_of(&today["variables"][0]).into_iter().collect();
    assert!(old.difference(&today).count() > 190 && old.contains("350") && today.contains("350"));
}

/// The agency names the cells of a request that is too large: three refusals of FOLK1A, recorded 2025-10-30.
#[tokio::test]
async fn plan_counts_the_cells_that_statbank_counted() {
    let Some(real) = real_folder() else { return };
    let info = json(&real.join("statbank/extra/tableinfo_FOLK1A_da.json"));
    let errors = json(&real.join("statbank/recorded/errors.json"));
    let ground = Ground::new();
    for (case, tid, eliminate) in [
        ("too many cells (CSV, 105x3x127x5x4 rows x 6 columns)", "2023*", None),
        ("too many cells (JSONSTAT, whole FOLK1A)", "*", None),
        ("too many cells (one variable eliminated)", "*", Some("CIVILSTAND")),
    ] {
        let error = errors
            .as_array()
            .unwrap()
            .iter()
            .find(|error| error["case"] == case)
            .unwrap();
        let message = error["body"].as_str().unwrap();
        let counted: u64 = message
            .split("op mod ")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .replace('.', "")
            .parse()
            .unwrap();
        let mut settings = everything(&info, "Denmark_municipality_07");
        settings["split"] = "all".into();
        settings["select"]["Tid"] = json!([tid]);
        if let Some(name) = eliminate {
            settings["select"].as_object_mut().unwrap().remove(name);
            settings["eliminate"] = json!([name]);
        }
        let variables = settings["select"].as_object().unwrap().len() as u64;
        let parts = plan(&ground, settings, &info).await.unwrap();
        let [part] = parts.as_slice() else {
            panic!("{case}: {} parts", parts.len())
        };
        assert_eq!(part.promised.unwrap() * (variables + 1), counted, "{case}");
        let pages = part.detail["pages"].as_array().unwrap().len() as u64;
        assert!(pages >= counted.div_ceil(1_000_000), "{case}: {pages} pages");
    }
}

#[tokio::test]
async fn every_recorded_error_body_has_a_kind_and_keeps_the_agencys_words() {
    let Some(real) = real_folder() else { return };
    let errors = json(&real.join("statbank/recorded/errors.json"));
    let errors = errors.as_array().unwrap();
    assert_eq!(errors.len(), 17);
    // Who has to act: whoever wrote the pipeline, or we.
    let kinds = BTreeMap::from([
        ("EXTRACT-NOTFOUND", Kind::Settings),
        ("EXTRACT-NOTALLOWED", Kind::Settings),
        ("REQUEST-LIMIT", Kind::Settings),
        ("REQUEST-NOTFOUND", Kind::Settings),
        ("REQUEST-MISSING", Kind::Bug),
        ("REQUEST-EMPTY", Kind::Bug),
        ("EXTRACT-STREAMINGTIMESORT", Kind::Bug),
    ]);
    let ground = Ground::new();
    let mut seen = BTreeSet::new();
    for error in errors {
        let body = error["body"].as_str().unwrap();
        let parsed: Json = serde_json::from_str(body).unwrap();
        let code = parsed["errorTypeCode"].as_str().unwrap();
        let message = parsed["message"].as_str().unwrap();
        let status = u16::try_from(error["status"].as_u64().unwrap()).unwrap();
        // With the status that was recorded, and with the 200 of a proxy that lost it.
        for status in [status, 200] {
            let (server, hosts) = agency(vec![
                RecordedAnswer::status(status, body).header("content-type", "text/json; charset=utf-8"),
            ])
            .await;
            let settings = json!({"table": "FOLK1A", "select": {"OMRÅDE": ["*"]}});
            let fault = ground
                .open("statbank", settings)
                .plan(&ground.context(hosts, Secrets::default()))
                .await
                .unwrap_err();
            assert_eq!(fault.kind(), kinds[code], "{code} with HTTP {status}: {fault}");
            assert!(
                fault.to_string().contains(message),
                "{code} with HTTP {status}: {fault}"
            );
            assert_eq!(
                (server.requests().len(), server.unanswered()),
                (1, 0),
                "{code} was asked again"
            );
        }
        seen.insert(code.to_owned());
    }
    assert_eq!(seen.len(), kinds.len());
}

struct Answer<'a> {
    settings: Json,
    tableinfo: Json,
    file: &'a str,
    columns: &'a [(&'a str, &'a str, &'a str)],
}

/// Plans, fetches and decodes one recorded answer.
async fn rows_of(real: &Path, answer: Answer<'_>) -> Vec<Row> {
    let ground = Ground::new();
    let data = csv_answer(bytes(&real.join("statbank/recorded").join(answer.file)));
    let (server, hosts) = agency(vec![RecordedAnswer::json(answer.tableinfo.to_string()), data]).await;
    let context = ground.context(hosts, Secrets::default());
    let connector = ground.open("statbank", answer.settings);
    let parts = connector.plan(&context).await.unwrap();
    assert_eq!(parts.len(), 1);
    let pages: Vec<_> = futures::StreamExt::collect(connector.fetch(&parts[0], &context)).await;
    assert_eq!((pages.len(), server.left()), (1, 0));
    let page = pages.into_iter().next().unwrap().unwrap();
    let batches = decoded(connector.as_ref(), &parts[0], &page, &columns_only(answer.columns)).unwrap();
    let rows: Vec<Row> = batches.iter().flat_map(batch_rows).collect();
    assert_eq!(rows.len() as u64, parts[0].promised.unwrap());
    rows
}

#[tokio::test]
async fn answers_in_texts_decode_to_codes_and_keep_what_is_missing() {
    let Some(real) = real_folder() else { return };
    for (table, has_missing) in [("TILSKUD2", true), ("FOND19", false)] {
        let file = format!("data_{table}_csv_da.csv");
        let tableinfo = json(&real.join(format!("statbank/recorded/tableinfo_{table}_da.json")));
        let mut settings = everything(&tableinfo, "none");
        settings["split"] = "all".into();
        settings["value_presentation"] = "default".into();
        let variables = tableinfo["variables"].as_array().unwrap().clone();
        let names: Vec<String> = variables
            .iter()
            .map(|variable| variable["id"].as_str().unwrap().to_uppercase())
            .collect();
        let columns: Vec<_> = names
            .iter()
            .map(String::as_str)
            .chain(["INDHOLD"])
            .map(|name| (name, "text", name))
            .collect();
        let found = rows_of(
            &real,
            Answer {
                settings,
                tableinfo,
                file: &file,
                columns: &columns,
            },
        )
        .await;
        let mut expected = csv_rows(&bytes(&real.join("statbank/recorded").join(&file)));
        for row in &mut expected {
            for (variable, name) in variables.iter().zip(&names) {
                let values = variable["values"].as_array().unwrap();
                let value = values
                    .iter()
                    .find(|value| value["text"].as_str().unwrap().trim() == row[name].trim())
                    .unwrap();
                row.insert(name.clone(), value["id"].as_str().unwrap().to_owned());
            }
        }
        let sorted = |mut rows: Vec<Row>| {
            rows.sort();
            rows
        };
        let (found, expected) = (sorted(found), sorted(expected));
        assert_eq!(found, expected, "{table}");
        // `..` is neither lost nor a zero.
        assert_eq!(found.iter().any(|row| row["INDHOLD"] == ".."), has_missing, "{table}");
    }
}

/// 98 bytes with a BOM, measured 2025-10-30.
#[tokio::test]
async fn the_one_row_of_folk1a_is_the_population_of_2023() {
    let Some(real) = real_folder() else { return };
    let file = "data_FOLK1A_1row_csv_da.csv";
    let body = bytes(&real.join("statbank/recorded").join(file));
    assert_eq!((body.len(), &body[..3]), (98, b"\xef\xbb\xbf".as_slice()));
    let named = [
        ("OMRÅDE", "000"),
        ("KØN", "TOT"),
        ("ALDER", "IALT"),
        ("CIVILSTAND", "TOT"),
        ("TID", "2023K1"),
    ];
    let codes: Vec<Row> = vec![
        named
            .iter()
            .map(|(name, code)| ((*name).to_owned(), (*code).to_owned()))
            .collect(),
    ];
    let tableinfo = trimmed(json(&real.join("statbank/extra/tableinfo_FOLK1A_da.json")), &codes);
    let mut settings = everything(&tableinfo, "Denmark_municipality_07");
    settings["value_presentation"] = "default".into();
    let columns = [
        ("area", "text", "OMRÅDE"),
        ("sex", "text", "KØN"),
        ("age", "text", "ALDER"),
        ("value", "float", "INDHOLD"),
    ];
    let rows = rows_of(
        &real,
        Answer {
            settings,
            tableinfo,
            file,
            columns: &columns,
        },
    )
    .await;
    let cells = |row: &Row| ["area", "sex", "age"].map(|column| row[column].clone());
    assert_eq!(cells(&rows[0]), ["000", "TOT", "IALT"]);
    assert_eq!(number(&rows[0], "value"), Some(5_932_654.0));
}

#[tokio::test]
async fn an_english_answer_decodes_with_the_english_tableinfo() {
    let Some(real) = real_folder() else { return };
    let tableinfo = json(&real.join("statbank/recorded/tableinfo_STRAF42_en.json"));
    let settings = json!({
        "table": "STRAF42", "lang": "en", "value_presentation": "default", "expect_map": "none",
        "select": {"HERKOMST1": ["00"], "Tid": ["2023"]}, "eliminate": ["OVERTRÆD", "AFGØRELSE", "ALDER", "KØN"],
    });
    let columns = [
        ("origin", "text", "HERKOMST1"),
        ("year", "text", "TID"),
        ("value", "float", "INDHOLD"),
    ];
    let rows = rows_of(
        &real,
        Answer {
            settings,
            tableinfo,
            file: "data_STRAF42_csv_en.csv",
            columns: &columns,
        },
    )
    .await;
    let raw = csv_rows(&bytes(&real.join("statbank/recorded/data_STRAF42_csv_en.csv")));
    assert_eq!((rows[0]["origin"].as_str(), rows[0]["year"].as_str()), ("00", "2023"));
    assert_eq!(number(&rows[0], "value"), Some(raw[0]["INDHOLD"].parse().unwrap()));
    assert_eq!(number(&rows[0], "value"), Some(233_454.0));
}
