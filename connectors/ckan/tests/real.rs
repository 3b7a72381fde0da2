//! Answers of real portals: a whole table of CKAN 2.11.6 as served on 2026-11-23, its packages and errors, and one answer
//! of admin.opendata.dk (June 2020). They lie outside the project: `KLIMALADE_REAL` names their folder. Every count and
//! sum is computed here from the raw text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::{Path, PathBuf};

use arrow_schema::DataType;
use klimalade_ckan::{Ckan, Settings};
use klimalade_connect::{Connector, Kind, Protocol};
use klimalade_testkit::bench::{self, Answer, Asked, Server};
use klimalade_testkit::contract::decode_all;
use serde_json::{Value, json};

const NOW: &str = "2026-11-23T20:00:00Z";

/// The folder, or `None` where this machine has none; a name that is not there is a failed test.
fn real() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("KLIMALADE_REAL") else {
        eprintln!("skipped: KLIMALADE_REAL names no folder of real answers");
        return None;
    };
    let folder = Path::new(&folder).join("ckan");
    assert!(folder.is_dir(), "KLIMALADE_REAL has no folder {}", folder.display());
    Some(folder)
}

fn open(settings: Value) -> Ckan {
    Ckan::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

/// Plays the recorded portal: `datastore_search` by offset, `package_search` by start, `package_show`, and errors by id.
fn portal(folder: PathBuf) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked: &Asked| {
        let read = |file: String| std::fs::read(folder.join(file)).unwrap();
        let action = asked.path.rsplit('/').next().unwrap();
        let id = asked.query.get("id").map_or("", String::as_str);
        match (action, id) {
            ("package_show", "findes-ikke") => bench::status(404, read("error_404_not_found.json".into())),
            ("package_show", "ukendt-handling") => bench::status(400, read("error_400_unknown_action.json".into())),
            ("package_show", "daarlig-json") => bench::status(400, read("error_400_bad_json.json".into())),
            ("package_show", "ugyldig") => bench::status(409, read("error_409_validation.json".into())),
            ("package_show", _) => bench::json(read("package_show.json".into())),
            ("datastore_search", _) => {
                let offset = asked.number("offset").unwrap() / 10 * 10;
                bench::json(read(format!("datastore_search_limit10_offset{offset}.json")))
            }
            _ => bench::status(404, "{}"),
        }
    }
}

#[tokio::test]
async fn a_whole_table_comes_row_by_row_and_the_endless_link_ends() {
    let Some(real) = real() else { return };
    let folder = real.join("server-ckan");
    let server = Server::start(portal(folder.clone())).await;
    let settings = json!({"base_url": server.base, "package": "energiforbrug-0", "resource": {"name": "Forbrug"},
        "read": {"type": "datastore"}, "page_limit": 10});
    let (connector, cx) = (open(settings), bench::context(NOW, &[]));
    let part = connector.plan(&cx).await.unwrap().remove(0);
    assert_eq!(part.detail["licence_code"], "cc_by", "`cc-by` names no version");
    assert_eq!(part.detail["package"]["organization_title"], "Aarhus Kommune");
    assert_eq!(part.change_mark, None, "a table written to through the API");
    let pages = bench::fetch(&connector, &part, &cx).await.unwrap();
    assert_eq!(pages.len(), 3);
    let columns = bench::columns(&[
        ("row", "_id", DataType::Int64),
        ("building", "bygning", DataType::Utf8),
        ("kwh", "kwh", DataType::Utf8),
        ("is_used", "aktiv", DataType::Boolean),
        ("m2", "m2", DataType::Float64),
    ]);
    let mut rows = Vec::new();
    for page in &pages {
        rows.extend(bench::rows(&connector, &part, page, &columns).unwrap());
    }
    // The portal's own dump of the same table, read by hand.
    let dump = std::fs::read_to_string(folder.join("datastore_dump.csv")).unwrap();
    let dumped: Vec<(String, String, String)> = dump
        .lines()
        .skip(1)
        .map(|line| {
            let (head, tail) = line.split_once('"').unwrap();
            let (kwh, _) = tail.split_once('"').unwrap();
            let head: Vec<&str> = head.split(',').collect();
            (head[0].to_owned(), head[2].to_owned(), kwh.to_owned())
        })
        .collect();
    let walked: Vec<_> = rows
        .iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
        .collect();
    assert_eq!(walked, dumped);
    let metres: f64 = rows.iter().filter_map(|row| row[4].parse::<f64>().ok()).sum();
    let expected: f64 = dump
        .lines()
        .skip(1)
        .filter_map(|line| line.rsplit(',').next().unwrap().parse::<f64>().ok())
        .sum();
    assert_eq!(metres, expected);
}

#[tokio::test]
async fn the_portals_errors_are_told_in_its_own_words() {
    let Some(real) = real() else { return };
    let server = Server::start(portal(real.join("server-ckan"))).await;
    for (package, kind, words) in [
        ("findes-ikke", Kind::Source, "HTTP 404: Not found"),
        (
            "ukendt-handling",
            Kind::Settings,
            "HTTP 400: Bad request - Action name not known: nosuch_action",
        ),
        ("daarlig-json", Kind::Settings, "HTTP 400: Bad request - JSON Error"),
        ("ugyldig", Kind::Settings, "HTTP 409: resource_id: [\"Missing value\"]"),
    ] {
        let connector = open(json!({"base_url": server.base, "package": package, "read": {"type": "datastore"}}));
        let fault = connector.plan(&bench::context(NOW, &[])).await.unwrap_err();
        assert_eq!(fault.kind(), kind, "{fault}");
        assert!(fault.found_text().unwrap().starts_with(words), "{fault}");
    }
}

#[tokio::test]
async fn every_package_of_a_search_is_a_part() {
    let Some(real) = real() else { return };
    let folder = real.join("server-ckan");
    let pages: Vec<Value> = ["package_search_rows5_start0.json", "package_search_rows5_start10.json"]
        .map(|file| serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap())
        .into();
    let packages: Vec<Value> = pages
        .iter()
        .flat_map(|page| page["result"]["results"].as_array().unwrap().clone())
        .collect();
    let names: std::collections::BTreeSet<String> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect();
    // Two of the search's three pages are there: the count says what these two hold.
    let count = packages.len();
    let server = Server::start(move |asked: &Asked| {
        let start = asked.number("start").unwrap() as usize;
        let some: Vec<_> = packages.iter().skip(start).take(5).collect();
        bench::json(json!({"success": true, "result": {"count": count, "results": some}}).to_string())
    })
    .await;
    let connector = open(
        json!({"base_url": server.base, "search": {"words": "energi"}, "resource": {"format": "csv"},
        "read": {"type": "datastore"}}),
    );
    let parts = connector.plan(&bench::context(NOW, &[])).await.unwrap();
    assert_eq!(
        parts
            .iter()
            .map(|part| part.key.clone())
            .collect::<std::collections::BTreeSet<_>>(),
        names
    );
}

#[tokio::test]
async fn a_name_with_a_dot_and_json_in_a_text_are_read_from_opendata_dk() {
    let Some(real) = real() else { return };
    let bytes = std::fs::read(real.join("opendata-dk/datastore_search_cityprobe_2020.json")).unwrap();
    let raw: Value = serde_json::from_slice(&bytes).unwrap();
    let connector =
        open(json!({"base_url": "https://admin.opendata.dk", "package": "cityprobe", "read": {"type": "datastore"}}));
    let mut part = klimalade_connect::Part::new("cityprobe");
    part.detail = json!({"licence_code": "cc_by", "package": {"name": "cityprobe", "title": "", "organization": "city-of-aarhus",
        "organization_title": "Aarhus Kommune", "modified": ""}, "resource": {"id": "x", "name": "", "modified": ""}});
    let columns = bench::columns(&[
        ("dust", "PM2.5", DataType::Float64),
        ("rain", "rain", DataType::Utf8),
        ("at", "published_at", DataType::Utf8),
        ("publisher", "package.organization", DataType::Utf8),
    ]);
    let batches = decode_all(&connector, &part, &bench::page(&bytes), &columns).unwrap();
    let record = &raw["result"]["records"][0];
    assert_eq!(
        bench::texts(&batches, "dust"),
        [record["PM2.5"].as_f64().map(|number| format!("{number:.1}"))]
    );
    assert_eq!(
        bench::texts(&batches, "rain"),
        [record["rain"].as_str().map(str::to_owned)]
    );
    assert_eq!(bench::texts(&batches, "publisher"), [Some("city-of-aarhus".to_owned())]);
}
