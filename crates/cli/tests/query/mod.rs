//! `query`: SQL over a lake, in every format, and what it refuses.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{Place, Said, snapshot};

const AREAS: &str = "SELECT area_code, year, value, source_version FROM core.observation \
                     WHERE area_code IN ('0101', '0751') AND year = 2024 ORDER BY area_code";

/// A demo lake of one small pipeline.
fn lake(place: &Place) -> PathBuf {
    let lake = place.lake("lake");
    let night = place.say_on(&lake, &["run", "dst_area", "--demo", "--demo-factor", "0.1"]);
    assert_eq!(night.code, Some(0), "{}", night.err);
    lake
}

fn ask(place: &Place, lake: &Path, arguments: &[&str]) -> Said {
    let mut all = vec!["query", "--demo"];
    all.extend(arguments);
    place.say_on(lake, &all)
}

#[track_caller]
fn answer(place: &Place, lake: &Path, arguments: &[&str]) -> String {
    let said = ask(place, lake, arguments);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("SIMULATED figures: lake "), "{}", said.err);
    said.out
}

#[test]
fn one_question_gives_the_same_rows_as_table_csv_json_lines_and_parquet() {
    let place = Place::new();
    let lake = lake(&place);
    let json: serde_json::Value = serde_json::from_str(&answer(&place, &lake, &[AREAS, "--json"])).unwrap();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[1]["area_code"].as_str(), rows[1]["year"].as_i64()),
        (Some("0751"), Some(2024))
    );
    assert!(
        rows[1].as_object().unwrap().contains_key("source_version"),
        "null has its key"
    );
    let value = rows[1]["value"].as_f64().unwrap();

    let csv = answer(&place, &lake, &[AREAS, "--format", "csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "area_code,year,value,source_version");
    assert_eq!(lines[2].split(',').nth(2).unwrap().parse::<f64>().unwrap(), value);

    let lines = answer(&place, &lake, &[AREAS, "--format", "ndjson"]);
    let second: serde_json::Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second, rows[1]);

    let table = answer(&place, &lake, &[AREAS]);
    let mut words = table.lines().nth(2).unwrap().split_whitespace();
    assert_eq!((words.next(), words.next()), (Some("0751"), Some("2024")));
    assert_eq!(words.next().unwrap().parse::<f64>().unwrap(), value);

    let file = place.lake("areas.parquet");
    let name = file.display().to_string();
    assert_eq!(
        answer(&place, &lake, &[AREAS, "--out", &name]),
        "",
        "what goes to a file is not on stdout"
    );
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&file).unwrap()).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch["area_code"].as_string::<i32>().value(1), "0751");
    assert_eq!(
        batch["value"].as_primitive::<arrow::datatypes::Float64Type>().value(1),
        value
    );
    assert_eq!(batch["source_version"].len(), 2);
}

#[test]
fn an_answer_without_rows_still_names_its_columns() {
    let place = Place::new();
    let lake = lake(&place);
    let none = "SELECT area_code, value FROM core.observation WHERE year = 1800";
    assert_eq!(answer(&place, &lake, &[none, "--format", "csv"]), "area_code,value\n");
    assert_eq!(answer(&place, &lake, &[none, "--json"]), "[]\n");
    assert_eq!(answer(&place, &lake, &[none]).trim(), "area_code  value");
}

#[test]
fn a_table_that_is_cut_says_how_many_rows_are_left_and_csv_is_never_cut() {
    let place = Place::new();
    let lake = lake(&place);
    let all = "SELECT * FROM codes.areas";
    let said = ask(&place, &lake, &[all, "--rows", "5"]);
    let csv = answer(&place, &lake, &[all, "--format", "csv", "--rows", "5"]);
    let rows = csv.lines().count() - 1;
    assert_eq!(said.out.lines().count(), 6, "{}", said.out);
    assert!(
        said.err.contains(&format!("... {} more rows", rows - 5)),
        "{}",
        said.err
    );
}

#[test]
fn a_sort_larger_than_its_memory_spills_and_answers() {
    let place = Place::new();
    let lake = lake(&place);
    std::fs::write(place.home().join("klimalade.toml"), "memory_mib = 8\n").unwrap();
    let big = "SELECT a.snapshot_sha256, a.area_code, b.year, c.code FROM core.observation a \
               CROSS JOIN core.observation b CROSS JOIN (SELECT code FROM codes.areas LIMIT 1) c \
               ORDER BY b.area_code, a.year DESC, a.area_code";
    let file = place.lake("sorted.csv");
    let name = file.display().to_string();
    answer(&place, &lake, &[big, "--out", &name]);
    let one = answer(
        &place,
        &lake,
        &["SELECT count(*) AS n FROM core.observation", "--format", "csv"],
    );
    let rows: usize = one.lines().nth(1).unwrap().parse().unwrap();
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), rows * rows + 1);
    assert!(written.len() > 12 << 20, "{} bytes would have fitted", written.len());
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let place = Place::new();
    let lake = lake(&place);
    let mut command = place.command(&[
        "query",
        "SELECT * FROM core.observation, codes.areas",
        "--format",
        "csv",
    ]);
    command.arg("--lake").arg(&lake).arg("--demo");
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let said = crate::common::said(child.wait_with_output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.err.contains("error"), "{}", said.err);
}

#[test]
fn a_file_of_that_name_is_left_alone_unless_it_may_be_written_over() {
    let place = Place::new();
    let lake = lake(&place);
    let file = place.lake("areas.csv");
    std::fs::write(&file, "mine").unwrap();
    let name = file.display().to_string();
    let refused = ask(&place, &lake, &[AREAS, "--out", &name]);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    // What fails midway leaves it too, and nothing beside it.
    let failing = "SELECT 1 / (year - 2024) AS n FROM core.observation ORDER BY n";
    let before = std::fs::read_dir(file.parent().unwrap()).unwrap().count();
    let failed = ask(&place, &lake, &[failing, "--out", &name, "--force"]);
    assert_eq!(failed.code, Some(2), "{}", failed.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), before);
    answer(&place, &lake, &[AREAS, "--out", &name, "--force"]);
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("area_code,"));
}

#[test]
fn what_can_be_read_is_listed_with_its_rows() {
    let place = Place::new();
    let lake = lake(&place);
    let listed: serde_json::Value = serde_json::from_str(&answer(&place, &lake, &["--tables", "--json"])).unwrap();
    let of = |name: &str| {
        listed
            .as_array()
            .unwrap()
            .iter()
            .find(|table| table["table"] == name)
            .unwrap()
    };
    let rows = answer(
        &place,
        &lake,
        &["SELECT count(*) AS n FROM core.observation", "--format", "csv"],
    );
    assert_eq!(of("core.observation")["rows"].to_string(), rows.lines().nth(1).unwrap());
    assert_eq!(of("core.observation")["pipelines"], 1);
    assert_eq!(of("core.plan")["rows"], 0);
    assert!(of("codes.areas")["rows"].as_u64().unwrap() > 100);
    let table = answer(&place, &lake, &["--tables"]);
    assert!(
        table
            .lines()
            .any(|line| line.trim_start().starts_with("core.observation ")),
        "{table}"
    );
}

#[test]
fn a_question_that_is_wrong_or_does_more_than_read_is_refused_with_what_to_type() {
    let place = Place::new();
    let lake = lake(&place);
    let mut text = String::new();
    for arguments in [
        &["SELECT * FROM core.observatoin"][..],
        &["SELECT * FROM observation"],
        &["SELECT * FROM codes.area"],
        &["SELECT o.valu FROM core.observation o"],
        &["SELECT foo(1)"],
        &["SELEC 1"],
        &["SELECT 1; SELECT 2"],
        &["DROP TABLE core.observation"],
        &["INSERT INTO core.observation SELECT * FROM core.observation"],
        &["EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'"],
        &["CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"],
        &["SHOW TABLES"],
        &["SELECT 1 / (year - year) FROM core.observation"],
        &["SELECT make_array(1) AS many", "--format", "csv"],
        &["SELECT 1", "--format", "parquet"],
        &["SELECT 1", "--format", "csv", "--json"],
        &["SELECT 1", "--out", "answer.xlsx"],
        &["SELECT 1", "--out", "answer.csv", "--format", "table"],
        &["SELECT 1", "--out", "no/such/folder/answer.csv"],
        &["SELECT 1", "--tables"],
        &[],
    ] {
        let said = ask(&place, &lake, arguments);
        assert!([Some(1), Some(2)].contains(&said.code), "{arguments:?}: {}", said.err);
        text.push_str(&format!(
            "$ klimalade query {}\n{}\n",
            arguments.join(" "),
            said.whole(&place)
        ));
    }
    snapshot("errors-query.txt", &text);
    let none = ask(&place, &place.lake("none"), &["SELECT 1"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.contains("there is no lake here"), "{}", none.err);
}
