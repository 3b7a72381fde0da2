//! What the binary says: exit codes, stdout for data, stderr for all else, hints that can be typed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod errors;
mod exports;
mod home;
mod mistakes;
mod operator;
mod query;
mod reference;
mod secrets;
mod templates;
mod tested;
mod traced;

use common::{Place, snapshot};

/// A thing that must never be shown.
const SECRET: &str = "hemmelig-nøgle-4711";

#[test]
fn help_names_every_command_and_every_setting() {
    let said = Place::new().say(&["--help"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    snapshot("help.txt", &said.out);
    for command in [
        "explain",
        "query",
        "export",
        "run",
        "plan",
        "replay",
        "check",
        "test",
        "verify",
        "retire",
        "vacuum",
        "status",
        "connectors",
        "schema",
    ] {
        assert!(
            said.out.lines().any(|line| line.trim_start().starts_with(command)),
            "{command}"
        );
    }
}

#[test]
fn check_finds_nothing_in_the_pipelines_of_the_binary() {
    let said = Place::new().say(&["check"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    snapshot("check.txt", &said.out);
}

#[test]
fn connectors_are_those_of_the_folder_listing() {
    let said = Place::new().say(&["connectors"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 5, "{names:?}");
    assert_eq!(said.out.lines().collect::<Vec<_>>(), names);
}

#[test]
fn the_schema_of_observation_is_printed_with_meaning_and_key() {
    let said = Place::new().say(&["schema", "observation"]);
    assert_eq!(said.code, Some(0));
    snapshot("schema-observation.txt", &said.out);
}

#[test]
fn an_unknown_table_is_refused_with_what_to_type() {
    let said = Place::new().say(&["schema", "observations"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(
        said.err.contains("observations") && said.err.contains("hint"),
        "{}",
        said.err
    );
}

#[test]
fn an_unknown_pipeline_ends_with_2_before_anything_runs() {
    let place = Place::new();
    let lake = place.lake("lake");
    for command in ["run", "replay"] {
        let said = place.say_on(&lake, &[command, "dst_aera", "--demo"]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
        for word in [
            "no such pipeline",
            "dst_aera",
            "dst_area",
            "hint     did you mean dst_area; klimalade check",
        ] {
            assert!(said.err.contains(word), "{word}: {}", said.err);
        }
        assert!(!lake.exists(), "nothing may be made");
    }
    assert_eq!(place.say(&["check", "dst_aera"]).code, Some(2));
    assert_eq!(place.say(&["plan", "dst_aera"]).code, Some(2));
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let place = Place::new();
    assert_eq!(place.say(&["harvest"]).code, Some(2));
    assert_eq!(
        place.say(&["run", "--demo-seed", "7"]).code,
        Some(2),
        "a seed needs the demo"
    );
}

#[test]
fn a_wrong_klimalade_toml_ends_with_2_names_the_line_and_never_shows_a_secret() {
    let place = Place::new();
    for (text, line, word) in [
        (
            format!("lake = \"./x\"\n[secrets]\nkey = \"{SECRET}\"\n\n[agencies]\na = 1\n"),
            5,
            "agencies",
        ),
        (
            format!("lake = \"./x\"\nklimaregnskabet_api_key = \"{SECRET}\"\n"),
            2,
            "klimaregnskabet_api_key",
        ),
        (format!("lake = \"./x\"\n[secrets]\nkey = {SECRET}\n"), 3, ""),
        (format!("[secrets]\nkey = [\"{SECRET}\"]\n"), 2, "expected a string"),
        (format!("concurrency = \"{SECRET}\"\n"), 1, "expected usize"),
        (format!("\nsecrets = \"{SECRET}\"\n"), 2, "expected a map"),
        (format!("[secrets]\nkey = \"{SECRET}\"\nkey = \"{SECRET}\"\n"), 3, ""),
        (format!("[secrets]\n{SECRET}\n"), 2, ""),
    ] {
        std::fs::write(place.home().join("klimalade.toml"), &text).unwrap();
        for command in ["check", "status", "run"] {
            let said = place.say_on(&place.lake("lake"), &[command]);
            assert_eq!(
                (said.code, said.out.as_str()),
                (Some(2), ""),
                "{command} {text}\n{}",
                said.err
            );
            assert!(
                !said.err.contains("hemmelig"),
                "{command} shows the secret of\n{text}\n{}",
                said.err
            );
            assert!(
                said.err.contains(&format!("klimalade.toml, line {line}\n")),
                "{text}\n{}",
                said.err
            );
            assert!(
                said.err.contains(word) && said.err.contains("hint     "),
                "{text}\n{}",
                said.err
            );
        }
    }
}

#[test]
fn a_lake_of_the_other_kind_ends_with_2_and_changes_nothing() {
    let place = Place::new();
    let lake = place.lake("lake");
    let demo = place.say_on(&lake, &["run", "dst_area", "--demo", "--demo-factor", "0.1", "--json"]);
    assert_eq!(demo.code, Some(0), "{}", demo.err);
    let listing = || {
        let mut files: Vec<_> = walk(&lake)
            .into_iter()
            .map(|file| (std::fs::metadata(&file).unwrap().modified().unwrap(), file))
            .collect();
        files.sort();
        files
    };
    let before = listing();
    let real = place.say_on(&lake, &["run", "dst_area"]);
    assert_eq!((real.code, real.out.as_str()), (Some(2), ""), "{}", real.err);
    assert!(
        real.err.contains("simulated") && real.err.contains("hint     "),
        "{}",
        real.err
    );
    assert_eq!(listing(), before);

    // The night's report, as a script reads it.
    let report: serde_json::Value = serde_json::from_str(&demo.out).unwrap();
    assert_eq!(report["simulated"], true);
    let owner = &report["owners"][0];
    assert_eq!(
        (owner["owner"].as_str(), owner["status"].as_str()),
        (Some("dst_area"), Some("published"))
    );
    assert_eq!(owner["parts"][0]["promised"], owner["parts"][0]["received"]);
    assert!(owner["parts"][0]["published"].as_u64().unwrap() > 0);
    assert!(
        report["run_id"]
            .as_str()
            .is_some_and(|run_id| lake.join("ledger").join(run_id).join("night.json").is_file())
    );

    // And what the lake says of itself afterwards.
    let verified = place.say_on(&lake, &["verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    assert!(verified.out.ends_with(" 0 findings\n"), "{}", verified.out);
    let status: serde_json::Value = serde_json::from_str(&place.say_on(&lake, &["status", "--json"]).out).unwrap();
    let rows = status.as_array().unwrap();
    let of = |name: &str| {
        rows.iter().find(|row| row["pipeline"] == name).unwrap()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (of("dst_area"), of("dst_population")),
        ("published".to_owned(), "never published".to_owned())
    );

    // A file of core that somebody changed is found.
    let file = lake.join("core/observation/pipeline=dst_area/data.parquet");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let verified = place.say_on(&lake, &["verify"]);
    assert_eq!(verified.code, Some(1), "{}", verified.out);
    assert!(
        verified.out.contains("a published file was changed"),
        "{}",
        verified.out
    );
    assert!(
        verified.out.contains("core/observation/pipeline=dst_area/data.parquet"),
        "{}",
        verified.out
    );
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path))
        } else {
            files.push(path)
        }
    }
    files
}

#[test]
fn the_log_of_a_night_is_json_on_stderr_where_it_is_asked_for() {
    let place = Place::new();
    let said = place.say_on(
        &place.lake("lake"),
        &[
            "run",
            "dst_area",
            "--demo",
            "--demo-factor",
            "0.1",
            "--log-format",
            "json",
        ],
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("SIMULATED"), "{}", said.out);
    assert!(said.err.lines().count() > 0, "a night says something");
    for line in said.err.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(object["level"].is_string() && object["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn a_lake_that_is_not_there_is_said_and_not_made_by_reading() {
    let place = Place::new();
    let lake = place.lake("nowhere");
    for command in ["verify", "status"] {
        let said = place.say_on(&lake, &[command]);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{command}");
        assert!(
            said.err.contains("there is no lake here") && said.err.contains("hint     klimalade run"),
            "{}",
            said.err
        );
    }
    assert!(!lake.exists());
}

#[test]
fn retiring_what_the_lake_has_not_is_refused() {
    let place = Place::new();
    let lake = place.lake("lake");
    assert_eq!(
        place
            .say_on(&lake, &["run", "dst_area", "--demo", "--demo-factor", "0.1"])
            .code,
        Some(0)
    );
    let said = place.say_on(&lake, &["retire", "dst_population"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("no such owner"), "{}", said.err);
    let said = place.say_on(&lake, &["retire", "dst_area"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(
        said.out
            .contains("removed core/observation/pipeline=dst_area/data.parquet"),
        "{}",
        said.out
    );
    assert_eq!(place.say_on(&lake, &["verify"]).code, Some(0));
}

/// A pipeline of the home folder over a dropped file that may not be there.
fn add_dropped(place: &Place) {
    let folder = place.home().join("pipelines/test_dropped");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        r#"
version = 1
title_en = "Dropped file"
title_da = "Afleveret fil"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"

[source]
connector = "file"
address = "{}"
format = {{ type = "csv" }}

[columns]
area = {{ type = "text", id = true }}
count = {{ type = "float" }}

[publishes]
indicators = ["charging_points_municipal"]
"#,
        place.home().join("drop.csv").display()
    );
    std::fs::write(folder.join("pipeline.toml"), text).unwrap();
    let sql = "SELECT 'publish' AS fate, 'charging_points_municipal' AS indicator_code, area AS area_code, \
               make_date(2024, 1, 1) AS period_start, 'A' AS frequency_code, 'dst_register' AS method_code, count AS value \
               FROM raw";
    std::fs::write(folder.join("map.sql"), sql).unwrap();
}

#[test]
fn a_named_pipeline_that_is_off_ends_with_2_and_says_what_to_do() {
    let place = Place::new();
    let lake = place.lake("lake");
    let by_secret = place.say_on(&lake, &["run", "ens_climate_account"]);
    assert_eq!(by_secret.code, Some(2), "{}", by_secret.err);
    assert!(
        by_secret.err.contains("KLIMALADE_SECRET_KLIMAREGNSKABET_API_KEY"),
        "{}",
        by_secret.err
    );
    add_dropped(&place);
    let by_file = place.say_on(&lake, &["run", "test_dropped"]);
    assert_eq!(by_file.code, Some(2), "{}", by_file.err);
    assert!(by_file.err.contains("drop.csv"), "{}", by_file.err);
}

#[test]
fn a_failed_night_logs_its_faults_as_json_with_fields() {
    let place = Place::new();
    add_dropped(&place);
    std::fs::write(place.home().join("drop.csv"), "area;count\n0101;8\n9999;1\n").unwrap();
    let said = place.say_on(&place.lake("lake"), &["run", "test_dropped", "--log-format", "json"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let lines: Vec<serde_json::Value> = said
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let fault = lines.iter().find(|line| line["level"] == "ERROR").expect("a fault");
    assert_eq!(fault["fields"]["owner"], "test_dropped");
    for name in ["part", "kind", "expected", "found", "hint", "message"] {
        assert!(fault["fields"][name].is_string(), "{name}: {fault}");
    }
}

#[test]
fn every_pipeline_gives_the_rows_that_are_expected_of_its_recorded_answers() {
    let said = Place::new().say(&["test"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("ok ") && !line.contains("(0 rows)"), "{line}");
    }
}

#[test]
fn a_demo_lake_is_planned_replayed_and_swept_without_harm() {
    let place = Place::new();
    let lake = place.lake("lake");
    let small = |command: &'static str| vec![command, "dst_area", "--demo", "--strict", "--demo-factor", "0.1"];
    assert_eq!(place.say_on(&lake, &small("run")).code, Some(0));
    let plan = place.say_on(&lake, &["plan", "dst_area", "--demo"]);
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    // The second night's agency has restated years, so its mark has moved.
    assert!(
        plan.out.contains("ASKED") && plan.out.trim_end().ends_with("yes"),
        "{}",
        plan.out
    );
    let replay = place.say_on(&lake, &small("replay"));
    assert_eq!(replay.code, Some(0), "{}", replay.err);
    let swept = place.say_on(&lake, &["vacuum", "--older-than-days", "0"]);
    assert_eq!(swept.code, Some(0), "{}", swept.err);
    assert!(swept.out.contains("SNAPSHOTS REMOVED"), "{}", swept.out);
    let verified = place.say_on(&lake, &["verify", "--json"]);
    assert_eq!(
        (verified.code, verified.out.trim()),
        (Some(0), "[]"),
        "{}",
        verified.err
    );
}
