//! `klimalade test` beyond the published rows of one owner: the agency's totals, further instances, another's pages.

use crate::{
    common::Place,
    errors::{EXPECTED, write_pipeline},
};

const NAME: &str = "aarhus_charging";

fn file(place: &Place, name: &str) -> std::path::PathBuf {
    place.home().join("pipelines").join(NAME).join(name)
}

fn write(place: &Place, name: &str, text: &str) {
    let file = file(place, name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// What `klimalade test` of the pipeline says: exit code, stdout, stderr.
#[track_caller]
fn says(place: &Place, arguments: &[&str], code: i32, out: &str, err: &str) {
    let said = place.say(&[&["test", NAME], arguments].concat());
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (Some(code), out, err)
    );
}

#[test]
fn the_agencys_totals_are_compared_once_expected_rows_name_them() {
    let place = Place::new();
    write_pipeline(
        &place,
        NAME,
        &[
            (
                "map.sql",
                "'publish' AS fate",
                "CASE r.slags WHEN 'I alt' THEN 'control' ELSE 'publish' END AS fate, 'total' AS what_code",
            ),
            (
                "map.sql",
                "CASE r.slags WHEN 'Hurtig'",
                "CASE r.slags WHEN 'I alt' THEN '_T' WHEN 'Hurtig'",
            ),
            (
                "test/answer-1.csv",
                "Aarhus;Almindelig;300\n",
                "Aarhus;I alt;420,5\nAarhus;Almindelig;300\n",
            ),
        ],
    );
    says(
        &place,
        &[],
        0,
        "ok      aarhus_charging (3 rows)\n",
        "note: aarhus_charging: 1 control compared with nothing: klimalade test aarhus_charging --accept adds it to \
         expected.csv, with a column what_code\n",
    );
    let json: serde_json::Value = serde_json::from_str(&place.say(&["test", NAME, "--json"]).out).unwrap();
    assert_eq!(
        (&json[0]["controls"], &json[0]["controls_not_compared"]),
        (&0.into(), &1.into())
    );
    says(
        &place,
        &["--accept"],
        0,
        "written aarhus_charging (3 rows, 1 control): 1 added, 0 changed, 0 gone\n",
        "",
    );
    let accepted = std::fs::read_to_string(file(&place, "test/expected.csv")).unwrap();
    let lines: Vec<&str> = accepted.lines().collect();
    assert_eq!(lines[0], "area_code,period_start,category_code,value,what_code");
    assert_eq!(
        lines[4..],
        ["0751,2024-01-01,_T,420.5,total"],
        "behind the published rows"
    );
    says(&place, &[], 0, "ok      aarhus_charging (3 rows, 1 control)\n", "");

    // The author wrote another total, and one that never comes.
    let other = accepted.replace("420.5", "421") + "0760,2024-01-01,_T,7,total\n";
    write(&place, "test/expected.csv", &other);
    says(
        &place,
        &[],
        1,
        "differs aarhus_charging (3 rows, 1 control): 0 added, 1 changed, 1 gone\n  \
         ~ area_code=0751 category_code=_T what_code=total  value: 421 -> 420.5\n  \
         - area_code=0760 category_code=_T what_code=total\n",
        "hint: when the new rows are right: klimalade test aarhus_charging --accept\n",
    );
}

/// A second instance for Odense, over a file of its own.
fn with_odense() -> Place {
    let place = Place::new();
    let drop = place.home().join("odense.csv");
    let instances = format!(
        "min_rows = 1\n\n[[instance]]\nname = \"aarhus\"\n\n[[instance]]\nname = \"odense\"\n\"source.address\" = \"{}\"\n\
         \"publishes.areas\" = [\"0461\"]\n",
        drop.display()
    );
    write_pipeline(&place, NAME, &[("pipeline.toml", "min_rows = 2\n", &instances)]);
    std::fs::write(drop, "kommune;slags;antal\nOdense;Hurtig;5\n").unwrap();
    place
}

#[test]
fn every_instance_with_answers_of_its_own_is_tested_and_the_others_are_named() {
    let place = with_odense();
    says(
        &place,
        &[],
        0,
        "ok      aarhus_charging (3 rows)\n",
        "note: aarhus_charging: an instance is not tested: pipelines/aarhus_charging/test/odense holds no answer-1.*\n",
    );
    write(
        &place,
        "test/odense/answer-1.csv",
        "kommune;slags;antal\nOdense;Hurtig;5\n",
    );
    says(
        &place,
        &[],
        1,
        "differs aarhus_charging (4 rows): 1 added, 0 changed, 0 gone\n  \
         + instance=odense area_code=0461 category_code=fast_charging\n",
        "hint: when the new rows are right: klimalade test aarhus_charging --accept\n",
    );
    assert_eq!(place.say(&["test", NAME, "--accept"]).code, Some(0));
    let mut expected: Vec<String> = EXPECTED.lines().skip(1).map(|line| format!("aarhus,{line}")).collect();
    expected.insert(0, "instance,area_code,period_start,category_code,value".to_owned());
    expected.push("odense,0461,2024-01-01,fast_charging,5".to_owned());
    let accepted = std::fs::read_to_string(file(&place, "test/expected.csv")).unwrap();
    assert_eq!(accepted.lines().collect::<Vec<_>>(), expected);
    says(&place, &[], 0, "ok      aarhus_charging (4 rows)\n", "");

    // The settings are the instance's: it may publish Odense alone.
    write(
        &place,
        "test/odense/answer-1.csv",
        "kommune;slags;antal\nAarhus;Hurtig;5\n",
    );
    let said = place.say(&["test", NAME]);
    assert_eq!((said.code, said.out.as_str()), (Some(1), "failed  aarhus_charging\n"));
    assert!(
        said.err.contains("[[instance]] odense") && said.err.contains("0751"),
        "{}",
        said.err
    );
}

#[test]
fn what_probe_records_of_an_instance_stands_in_a_folder_of_its_own() {
    let place = with_odense();
    let before = std::fs::read(file(&place, "test/answer-1.csv")).unwrap();
    let probed = place.say(&["probe", "aarhus_charging.odense"]);
    assert_eq!(probed.code, Some(0), "{}", probed.err);
    let recorded = std::fs::read_to_string(file(&place, "test/odense/answer-1.csv")).unwrap();
    assert!(recorded.contains("Odense;Hurtig;5"), "{recorded}");
    assert!(file(&place, "test/odense/recorded.toml").is_file());
    assert_eq!(std::fs::read(file(&place, "test/answer-1.csv")).unwrap(), before);
    let again = place.say(&["probe", "aarhus_charging.odense"]);
    assert!(
        again.err.contains("answers are recorded already") && again.err.contains("test/odense"),
        "{}",
        again.err
    );
    let tested = place.say(&["test", NAME, "--accept"]);
    assert!(tested.out.contains("(4 rows)"), "{}{}", tested.out, tested.err);
}

#[test]
fn a_pipeline_over_anothers_pages_is_tested_over_that_ones_answers() {
    let place = Place::new();
    write_pipeline(&place, NAME, &[]);
    let folder = place.home().join("pipelines/aarhus_charging_fast");
    std::fs::create_dir_all(&folder).unwrap();
    let read = |name: &str| std::fs::read_to_string(file(&place, name)).unwrap();
    let toml = read("pipeline.toml");
    let (head, rest) = (
        &toml[..toml.find("[source]").unwrap()],
        &toml[toml.find("[columns]").unwrap()..],
    );
    std::fs::write(
        folder.join("pipeline.toml"),
        format!("{head}raw_of = \"{NAME}\"\n\n{rest}"),
    )
    .unwrap();
    let fast = "CASE r.slags WHEN 'Almindelig' THEN 'skip:normal_charging' ELSE 'publish' END AS fate";
    std::fs::write(
        folder.join("map.sql"),
        read("map.sql").replace("'publish' AS fate", fast),
    )
    .unwrap();
    std::fs::write(folder.join("notes.md"), read("notes.md")).unwrap();
    let accepted = place.say(&["test", "aarhus_charging_fast", "--accept"]);
    assert_eq!(
        accepted.out, "written aarhus_charging_fast (2 rows): 2 added, 0 changed, 0 gone\n",
        "{}",
        accepted.err
    );
    // Other answers of that one are other rows here.
    write(&place, "test/answer-1.csv", "kommune;slags;antal\nAarhus;Hurtig;9\n");
    let said = place.say(&["test", "aarhus_charging_fast"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("value: 120.5 -> 9"), "{}{}", said.out, said.err);
    let checked = place.say(&["check", "aarhus_charging_fast"]);
    assert!(!checked.err.contains("no answer is recorded"), "{}", checked.err);
}

#[test]
fn a_raw_column_that_tells_rows_apart_may_not_be_missing() {
    let place = Place::new();
    let optional = "slags = { type = \"text\", id = true, optional = true }";
    write_pipeline(
        &place,
        NAME,
        &[("pipeline.toml", "slags = { type = \"text\", id = true }", optional)],
    );
    let said = place.say(&["check", NAME]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(
        said.err
            .contains("the raw column slags tells rows apart and may be missing"),
        "{}",
        said.err
    );
}

#[test]
fn a_column_that_only_some_answers_have_is_null_where_it_is_missing() {
    let place = Place::new();
    let optional = "antal = { type = \"float\", optional = true }";
    let or_zero = "coalesce(r.antal, 0) AS value";
    write_pipeline(
        &place,
        NAME,
        &[
            ("pipeline.toml", "antal = { type = \"float\" }", optional),
            ("map.sql", "r.antal AS value", or_zero),
        ],
    );
    says(&place, &[], 0, "ok      aarhus_charging (3 rows)\n", "");
    write(&place, "test/answer-1.csv", "kommune;slags\nAarhus;Hurtig\n");
    let said = place.say(&["test", NAME]);
    assert!(said.out.contains("value: 120.5 -> 0"), "{}{}", said.out, said.err);
}
