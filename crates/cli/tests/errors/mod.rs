//! What every command says when something is wrong, whole: exit code, stdout, stderr.

use crate::common::{Place, snapshot};

/// Commands and what they said, one after the other.
struct Transcript<'a> {
    place: &'a Place,
    text: String,
}

impl<'a> Transcript<'a> {
    fn new(place: &'a Place) -> Self {
        let text = String::new();
        Self { place, text }
    }
    fn say(&mut self, arguments: &[&str]) -> &mut Self {
        let said = self.place.say(arguments);
        self.text.push_str(&format!(
            "$ klimalade {}\n{}\n",
            arguments.join(" "),
            said.whole(self.place)
        ));
        self
    }
    /// The commands as they said themselves; not one of them ends with 0 or 3.
    #[track_caller]
    fn fail_as(&self, name: &str) {
        assert!(
            !self.text.contains("exit code 0") && !self.text.contains("exit code 3"),
            "{}",
            self.text
        );
        self.is(name);
    }
    #[track_caller]
    fn is(&self, name: &str) {
        snapshot(name, &self.text);
    }
}

pub(crate) const PIPELINE: &str = r#"version = 1
title_en = "Charging points of a municipality"
title_da = "En kommunes ladestandere"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"

[source]
connector = "file"
address = "DROP"
format = { type = "csv", delimiter = ";", encoding = "utf-8", decimal = "," }

[columns]
kommune = { type = "text", id = true }
slags = { type = "text", id = true }
antal = { type = "float" }

[publishes]
indicators = ["charging_points_municipal"]

[checks]
min_rows = 2
"#;

pub(crate) const SQL: &str = "SELECT
    'publish' AS fate,
    'charging_points_municipal' AS indicator_code,
    coalesce(a.code, concat('?', r.kommune)) AS area_code,
    make_date(2024, 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE r.slags WHEN 'Hurtig' THEN 'fast_charging' WHEN 'Almindelig' THEN 'normal_charging'
        ELSE concat('?', r.slags) END AS category_code,
    'municipal_report' AS method_code,
    r.antal AS value
FROM raw r
LEFT JOIN codes.areas a ON a.name_da = r.kommune
";

pub(crate) const DROP: &str =
    "kommune;slags;antal\nAarhus;Hurtig;120,5\nAarhus;Almindelig;300\nRingkøbing-Skjern;Hurtig;7\n";

pub(crate) const EXPECTED: &str = "area_code,period_start,category_code,value
0751,2024-01-01,fast_charging,120.5
0751,2024-01-01,normal_charging,300
0760,2024-01-01,fast_charging,7
";

pub(crate) const NOTES: &str = "# Charging points\n\nverified_live: never\n";

/// Writes a small pipeline that is right, with a change to one of its files: (file, old text, new text).
pub(crate) fn write_pipeline(place: &Place, name: &str, changes: &[(&str, &str, &str)]) {
    let folder = place.home().join("pipelines").join(name);
    std::fs::create_dir_all(folder.join("test")).unwrap();
    let drop = place.home().join("drop.csv").display().to_string();
    let mut files = vec![
        ("pipeline.toml", PIPELINE.to_owned()),
        ("map.sql", SQL.to_owned()),
        ("notes.md", NOTES.to_owned()),
        ("test/answer-1.csv", DROP.to_owned()),
        ("test/expected.csv", EXPECTED.to_owned()),
        ("drop.csv", DROP.to_owned()),
    ];
    for (file, old, new) in changes {
        let (_, text) = files.iter_mut().find(|(name, _)| name == file).expect(file);
        assert!(text.contains(old), "{file}: {old}");
        *text = text.replacen(old, new, 1);
    }
    for (file, text) in files {
        match file {
            "drop.csv" => std::fs::write(place.home().join(file), text).unwrap(),
            _ => std::fs::write(folder.join(file), text.replace("DROP", &drop)).unwrap(),
        }
    }
}

fn with(changes: &[(&str, &str, &str)]) -> Place {
    let place = Place::new();
    write_pipeline(&place, "aarhus_charging", changes);
    place
}

#[test]
fn a_small_pipeline_that_is_right_is_checked_tested_and_run_without_a_word() {
    let place = with(&[]);
    for arguments in [
        &["check", "aarhus_charging", "--deny-warnings"][..],
        &["run", "aarhus_charging", "--strict", "--lake", "lake"],
    ] {
        let said = place.say(arguments);
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    }
}

#[test]
fn a_wrong_command_line() {
    let place = Place::new();
    Transcript::new(&place)
        .say(&["harvest"])
        .say(&["chek"])
        .say(&["check", "--deny-warning"])
        .say(&["run", "--demo-seed", "7"])
        .say(&["completions", "basch"])
        .say(&["retire"])
        .fail_as("errors-command-line.txt");
}

#[test]
fn a_lake_that_is_not_there() {
    let place = Place::new();
    let mut said = Transcript::new(&place);
    for command in [
        &["verify"][..],
        &["status"],
        &["retire", "dst_area"],
        &["vacuum"],
        &["replay", "dst_area"],
    ] {
        let mut arguments = command.to_vec();
        arguments.extend(["--lake", "nowhere"]);
        said.say(&arguments);
    }
    said.say(&["plan", "--demo"]);
    assert!(!place.lake("nowhere").exists());
    said.fail_as("errors-no-lake.txt");
}

#[test]
fn a_name_that_is_not_there() {
    let place = Place::new();
    let mut said = Transcript::new(&place);
    for command in ["run", "plan", "replay", "check", "test"] {
        said.say(&[command, "dst_aera"]);
    }
    said.say(&["schema", "observations"])
        .say(&["schema", "indicator"])
        .say(&["schema", "frimærker"])
        .say(&["connectors", "statbnk"])
        .fail_as("errors-names.txt");
}

#[test]
fn a_lake_of_the_other_kind_an_unknown_owner_and_a_lake_that_cannot_be_written() {
    let place = with(&[]);
    let made = place.say(&["run", "aarhus_charging", "--lake", "real"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    std::fs::write(place.lake("file"), "no folder").unwrap();
    Transcript::new(&place)
        .say(&["run", "dst_area", "--demo", "--lake", "real"])
        .say(&["retire", "aarhus_chargin", "--lake", "real"])
        .say(&["run", "aarhus_charging", "--lake", "file/lake"])
        .fail_as("errors-lakes.txt");
}

#[test]
fn a_last_report_that_is_not_there_or_of_another_time_or_lake() {
    let place = with(&[]);
    for lake in ["one", "two"] {
        let made = place.say(&["run", "aarhus_charging", "--lake", lake]);
        assert_eq!(made.code, Some(0), "{}", made.err);
    }
    std::fs::create_dir(place.lake("empty")).unwrap();
    let night = std::fs::read_dir(place.lake("one/ledger"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let told = |name: &str, run: &str, finished_at: &str| {
        let told = serde_json::json!({"version": 1, "year": 2024, "simulated": false,
            "night": {"run_id": run, "finished_at": finished_at}, "codes_sha256": ""});
        std::fs::write(place.lake(name), told.to_string()).unwrap();
    };
    told(
        "of-one.json",
        &night.file_name().to_string_lossy(),
        "2026-01-01T01:10:00Z",
    );
    told("later.json", "20990101T010000000Z-1", "2099-01-01T01:10:00Z");
    let mut said = Transcript::new(&place);
    for since in ["nowhere", "empty", "2099-01-01", "later.json", "of-one.json"] {
        said.say(&[
            "report", "--year", "2025", "--out", "site", "--lake", "two", "--since", since,
        ]);
    }
    // The named report is this lake's; what lacks are the tables.
    said.say(&[
        "report",
        "--year",
        "2025",
        "--out",
        "site",
        "--lake",
        "one",
        "--since",
        "of-one.json",
    ])
    .fail_as("errors-report.txt");
    assert!(
        !place.lake("site").exists(),
        "nothing is written of a report that is refused"
    );
}

#[test]
fn a_lake_in_which_something_was_changed_is_told_by_verify() {
    let place = with(&[]);
    let made = place.say(&["run", "aarhus_charging", "--lake", "real"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    std::fs::remove_file(place.lake("real/core/observation/pipeline=aarhus_charging/data.parquet")).unwrap();
    Transcript::new(&place)
        .say(&["verify", "--lake", "real"])
        .fail_as("errors-verify.txt");
}

#[test]
fn a_klimalade_toml_that_does_not_fit_shows_no_secret() {
    let place = Place::new();
    let file = place.home().join("klimalade.toml");
    std::fs::write(
        &file,
        "lake = \"./x\"\nklimaregnskabet_api_key = \"hemmelig-nøgle-4711\"\n",
    )
    .unwrap();
    let mut said = Transcript::new(&place);
    said.say(&["check"]);
    assert!(!said.text.contains("hemmelig"), "{}", said.text);
    said.fail_as("errors-klimalade-toml.txt");
}

#[test]
fn what_a_pipeline_lacks_to_be_run_by_name() {
    let place = with(&[]);
    std::fs::remove_file(place.home().join("drop.csv")).unwrap();
    Transcript::new(&place)
        .say(&["run", "ens_climate_account", "--lake", "lake"])
        .say(&["run", "aarhus_charging", "--lake", "lake"])
        .fail_as("errors-off.txt");
}

#[test]
fn everything_that_is_wrong_with_a_pipeline_is_told_at_once() {
    let place = with(&[
        ("pipeline.toml", "licence_code", "licence"),
        ("pipeline.toml", "type = \"float\"", "type = \"flaot\""),
        ("pipeline.toml", "delimiter =", "delimeter ="),
        ("pipeline.toml", "min_rows = 2", "min_rows = \"to\""),
    ]);
    // A folder that cannot be read is every command's, and the others' own.
    Transcript::new(&place)
        .say(&["check", "aarhus_charging"])
        .say(&["run", "aarhus_charging"])
        .say(&["test", "aarhus_charging"])
        .fail_as("errors-pipeline-toml.txt");
}

#[test]
fn codes_that_stand_in_no_list_and_a_table_that_is_none() {
    let place = with(&[
        (
            "pipeline.toml",
            "\"charging_points_municipal\"",
            "\"charging_point_municipal\"",
        ),
        ("pipeline.toml", "\"municipal_open_data\"", "\"municipal_opendata\""),
        ("pipeline.toml", "\"not_stated\"", "\"cc_by\""),
        ("pipeline.toml", "\"observation\"", "\"observations\""),
        (
            "pipeline.toml",
            "min_rows = 2",
            "expected_areas = { level = \"kommune\", may = [\"Århus\"] }",
        ),
    ]);
    Transcript::new(&place)
        .say(&["check", "aarhus_charging"])
        .fail_as("errors-codes.txt");
}

#[test]
fn instances_are_told_by_their_own_lines() {
    let place = with(&[(
        "pipeline.toml",
        "min_rows = 2\n",
        "min_rows = 2\n\n[[instance]]\nname = \"aarhus\"\n\"source.adress\" = \"x\"\n\n[[instance]]\nname = \"Ringkøbing\"\n\"checks.min_row\" = 1\n",
    )]);
    Transcript::new(&place)
        .say(&["check", "aarhus_charging"])
        .fail_as("errors-instances.txt");
}

#[test]
fn sql_that_does_not_fit_is_told_with_line_and_nearest_name() {
    let mut text = String::new();
    for (old, new) in [
        ("r.antal AS value", "r.antl AS value"),
        ("codes.areas", "codes.area"),
        ("codes.areas", "maps.kommuner"),
        ("make_date", "makedate"),
        ("AS category_code", "AS categorycode"),
        ("'publish' AS fate,", ""),
        ("r.antal AS value", "r.slags AS value"),
        ("LEFT JOIN", "LEFT JION"),
        (
            "ON a.name_da = r.kommune\n",
            &format!("ON a.name_da = r.kommune\nUNION ALL\n{SQL}"),
        ),
        ("r.antal AS value", "sum(r.slags) AS value"),
    ] {
        let place = with(&[("map.sql", old, new)]);
        let said = place.say(&["check", "aarhus_charging"]);
        assert_eq!(said.code, Some(1), "{new}");
        let told = said.err.lines().map(|line| format!("{line}\n")).collect::<String>();
        text.push_str(&format!(
            "-- {} => {}\n{told}\n",
            old.trim(),
            new.lines().take(2).collect::<Vec<_>>().join(" ")
        ));
    }
    snapshot("errors-sql.txt", &text);
}

#[test]
fn warnings_are_no_findings_unless_they_are_denied() {
    let place = with(&[
        (
            "pipeline.toml",
            "[checks]\nmin_rows = 2",
            "[checks.control.total]\ntolerance = 1.0",
        ),
        ("pipeline.toml", "antal = {", "note = { type = \"text\" }\nantal = {"),
        (
            "map.sql",
            "ON a.name_da = r.kommune\n",
            "ON a.name_da = r.kommune\nWHERE r.antal > 0\n",
        ),
        ("notes.md", "verified_live: never", ""),
    ]);
    let folder = place.home().join("pipelines/aarhus_charging");
    std::fs::remove_file(folder.join("test/expected.csv")).unwrap();
    std::fs::remove_file(folder.join("test/answer-1.csv")).unwrap();
    let allowed = place.say(&["check", "aarhus_charging"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.out);
    Transcript::new(&place)
        .say(&["check", "aarhus_charging", "--deny-warnings"])
        .fail_as("errors-warnings.txt");
    let said = place.say(&["check", "aarhus_charging", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, said.err.as_str(), &json[0]["verdict"]),
        (Some(0), "", &"warned".into())
    );
    let findings = json[0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 7, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding["severity"] == "warning" && finding["at"][0].is_string())
    );
}

#[test]
fn a_secret_that_was_pasted_into_pipeline_toml_is_refused_and_not_shown() {
    let auth = "decimal = \",\" }\nauth = { strategy = \"bearer\", secret = \"Hemmelig-4711\" }";
    let place = with(&[
        ("pipeline.toml", "decimal = \",\" }", auth),
        ("pipeline.toml", "\"DROP\"", "\"https://data.example.dk/x.csv\""),
    ]);
    let mut said = Transcript::new(&place);
    said.say(&["check", "aarhus_charging"]);
    assert!(!said.text.contains("4711"), "{}", said.text);
    said.fail_as("errors-secret.txt");
}

#[test]
fn a_difference_of_the_test_is_told_row_by_row_and_accepted_with_what_changed() {
    let place = with(&[
        ("test/expected.csv", "120.5", "120"),
        ("test/expected.csv", "0760,2024", "0766,2024"),
    ]);
    let mut said = Transcript::new(&place);
    said.say(&["test", "aarhus_charging"]);
    said.fail_as("errors-test.txt");
    let json = place.say(&["test", "aarhus_charging", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json[0]["difference"]["changed"][0]["columns"][0], "value: 120 -> 120.5");

    let accepted = place.say(&["test", "aarhus_charging", "--accept"]);
    assert_eq!(
        (accepted.code, accepted.out.as_str()),
        (
            Some(0),
            "written aarhus_charging (3 rows): 1 added, 1 changed, 1 gone\n"
        ),
        "{}",
        accepted.err
    );
    let file = place.home().join("pipelines/aarhus_charging/test/expected.csv");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), EXPECTED);
    let again = place.say(&["test", "aarhus_charging", "--accept"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (Some(0), "ok      aarhus_charging (3 rows)\n")
    );
}

#[test]
fn the_first_expected_rows_are_written_by_accept_and_missed_without() {
    let place = with(&[]);
    let file = place.home().join("pipelines/aarhus_charging/test/expected.csv");
    std::fs::remove_file(&file).unwrap();
    let mut said = Transcript::new(&place);
    said.say(&["test", "aarhus_charging"]).fail_as("errors-test-none.txt");
    let accepted = place.say(&["test", "aarhus_charging", "--accept"]);
    assert_eq!(
        (accepted.code, accepted.out.as_str()),
        (
            Some(0),
            "written aarhus_charging (3 rows): 3 added, 0 changed, 0 gone\n"
        ),
        "{}",
        accepted.err
    );
    assert!(std::fs::read_to_string(&file).unwrap().contains("0751"));
    assert_eq!(place.say(&["test", "aarhus_charging"]).code, Some(0));
}

#[test]
fn a_pipeline_of_the_binary_is_not_accepted_into_an_empty_folder() {
    let place = Place::new();
    let same = place.say(&["test", "dst_area", "--accept"]);
    assert_eq!(same.code, Some(0), "nothing has to be written: {}", same.err);
    // A code list of the home changes what the binary's pipeline gives.
    std::fs::create_dir_all(place.home().join("schemas/codes")).unwrap();
    let areas = include_str!("../../../../schemas/codes/areas.csv");
    let changed: String = areas
        .lines()
        .filter(|line| line.starts_with("code,") || line.starts_with("0101,"))
        .map(|line| format!("{}\n", line.replace(",101,", ",1010,")))
        .collect();
    std::fs::write(place.home().join("schemas/codes/areas.csv"), changed).unwrap();
    let said = place.say(&["test", "dst_area", "--accept"]);
    assert_ne!(said.code, Some(0), "{}", said.out);
    assert!(!place.home().join("pipelines").exists());
}

#[test]
fn a_figure_that_is_not_there_is_asked_for_again_with_what_is_there() {
    let place = with(&[]);
    let mut said = Transcript::new(&place);
    said.say(&["explain", "observation", "area_code=0751"]);
    assert_eq!(place.say(&["run", "aarhus_charging"]).code, Some(0));
    said.say(&["explain", "observations", "area_code=0751"])
        .say(&["explain", "observation", "area=0751"])
        .say(&["explain", "observation", "area_code=Århus"])
        .say(&["explain", "observation", "area_code=0751", "year=2019"]);
    said.fail_as("errors-explain.txt");
}

#[test]
fn a_rehearsal_says_what_would_be_refused_and_a_probe_what_it_cannot_ask() {
    let place = with(&[("drop.csv", "Ringkøbing-Skjern", "Ringkøbing")]);
    let mut said = Transcript::new(&place);
    said.say(&["run", "aarhus_charging", "--dry-run"])
        .say(&["run", "aarhus_chargin", "--dry-run"])
        .say(&["replay", "aarhus_charging", "--dry-run"])
        .say(&["probe", "aarhus_chargin"])
        .say(&["probe", "aarhus_charging"]);
    std::fs::remove_file(place.home().join("drop.csv")).unwrap();
    said.say(&["probe", "aarhus_charging", "--force"])
        .say(&["new", "aarhus_ladestandere", "--connector", "fil"]);
    said.fail_as("errors-rehearsal-and-probe.txt");
}

#[test]
fn a_row_of_ones_own_that_does_not_fit_its_list_is_told_with_its_line() {
    let place = with(&[]);
    let codes = place.home().join("schemas/codes");
    std::fs::create_dir_all(&codes).unwrap();
    let mut said = Transcript::new(&place);
    for text in [
        "code,name_da,agency_dk\nby_stier,Åbne stier,Århus\n",
        "code,name_da,name_en\nby_stier,Åbne stier\n",
        "code;name_da\nby_stier;Åbne stier\n",
        "code,name_da\nby_stier,Åbne stier\nby_stier,Stier\n",
    ] {
        std::fs::write(codes.join("sources.csv"), text).unwrap();
        said.say(&["check", "aarhus_charging"]);
    }
    said.fail_as("errors-own-codes.txt");
}
