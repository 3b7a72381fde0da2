#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use serde_json::json;

use crate::{Catalogue, Origin, Written};

const GOOD: &str = r#"version = 1
title_en = "Something"
title_da = "Noget"
source_id = "dst_are207"
table = "observation"
licence_code = "cc_by_4_0"

[source]
connector = "file"
address = "drop/ål.csv"

[columns]
area = { type = "text", id = true }

[checks]
min_rows = 98
"#;

/// What is said of a file in which each of the texts is replaced: one text for each fault.
fn said(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = GOOD.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let files = [("pipeline.toml", text.as_str()), ("map.sql", "SELECT 1")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let mut catalogue = Catalogue::default();
    catalogue.add("test_file", Origin::Home, BTreeMap::from(files));
    let broken = catalogue.broken.into_values().flat_map(|broken| broken.faults);
    broken.map(|fault| fault.to_string()).collect()
}

#[track_caller]
fn one(changes: &[(&str, &str)], words: &[&str]) {
    let said = said(changes);
    assert_eq!(said.len(), 1, "{said:?}");
    for word in words {
        assert!(said[0].contains(word), "{word}\n{}", said[0]);
    }
}

#[test]
fn a_file_that_fits_has_no_misfit() {
    assert_eq!(said(&[]), Vec::<String>::new());
}

#[test]
fn an_unknown_name_is_told_with_line_column_and_the_nearest_right_one() {
    one(
        &[("licence_code =", "licence =")],
        &[
            "unknown setting licence in pipeline.toml\n",
            "at       pipelines/test_file/pipeline.toml:6:1\n",
            "rows_per_row",
            "hint     did you mean licence_code",
        ],
    );
    one(
        &[("type = \"text\", id", "type = \"text\", idd")],
        &["unknown setting idd in [columns.area]", ":13:25\n", "did you mean id"],
    );
}

#[test]
fn a_value_of_another_type_is_told_with_what_was_expected_and_what_it_means() {
    one(
        &[("min_rows = 98", "min_rows = \"98\"")],
        &[
            "min_rows has the wrong type",
            ":16:12\n",
            "a whole number",
            "\"98\"",
            "Fewest published rows",
        ],
    );
    one(
        &[("min_rows = 98", "min_rows = -1")],
        &["min_rows is less than 0", ":16:12\n"],
    );
    one(
        &[("min_rows = 98", "expected_areas = \"municipality\"")],
        &["expected_areas has the wrong type", "a table { }"],
    );
    one(
        &[("min_rows = 98", "[harvest]\nrhythm = { every_months = 12 }")],
        &["lag_days is missing in [harvest.rhythm]", ":17:10\n"],
    );
}

#[test]
fn an_unknown_word_is_told_with_the_words_there_are() {
    one(
        &[("type = \"text\"", "type = \"txet\"")],
        &[
            "unknown word for type",
            ":13:17\n",
            "text, int, float",
            "did you mean \"text\"",
        ],
    );
    one(
        &[
            ("[columns]", "[limits]\n[columns]"),
            ("licence_code", "rows_per_row = \"agregate\"\nlicence_code"),
        ],
        &[
            "unknown word for rows_per_row",
            "a whole number or \"aggregate\"",
            "found    agregate",
        ],
    );
}

#[test]
fn a_setting_in_the_wrong_section_is_told_where_it_belongs() {
    one(
        &[
            ("licence_code = \"cc_by_4_0\"\n", ""),
            ("min_rows = 98", "min_rows = 98\nlicence_code = \"cc_by_4_0\""),
        ],
        &["unknown setting licence_code in [checks]", "at the top of the file"],
    );
    one(
        &[("licence_code", "every = \"week\"\nlicence_code")],
        &["unknown setting every", "write it under [harvest]"],
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let said = said(&[
        ("licence_code", "licence"),
        ("title_da = \"Noget\"\n", ""),
        ("min_rows", "min_row"),
        ("\"text\"", "\"string\""),
    ]);
    assert_eq!(said.len(), 4, "{said:?}");
}

#[test]
fn what_serde_alone_knows_has_its_line_too() {
    one(
        &[("[checks]", "[publishes]\nareas = \"0751\"\n[checks]")],
        &["write areas = [\"0751\"]", "pipeline.toml:16:9"],
    );
    one(&[("version = 1", "version = 2")], &["another version", ":1:11"]);
    one(&[("\"Something\"", "\"Something")], &["is no TOML", ":2:"]);
}

#[test]
fn a_key_of_an_instance_that_sets_nothing_known_is_told_at_its_own_line() {
    let text = format!(
        "{GOOD}\n[[instance]]\nname = \"aarhus\"\n\"checks.min_row\" = 1\n\n[[instance]]\nname = \"odense\"\n\"source.adress\" = \"x\"\n"
    );
    let written = Written::parse("pipeline.toml", &text).unwrap();
    let faults = written.misfits();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].places(), ["pipeline.toml:20:1"]);
    assert_eq!(faults[0].hint_text(), Some("did you mean min_rows"));
    let schema =
        json!({ "type": "object", "additionalProperties": false, "properties": { "address": { "type": "string" } } });
    let faults = written.source_misfits(&BTreeMap::from([("file", schema)])).unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].places(), ["pipeline.toml:24:1"]);
    assert_eq!(written.place_in("odense", &["source", "adress"]), "pipeline.toml:24:19");
}

#[test]
fn a_wrong_connector_is_told_with_the_nearest_name() {
    let written = Written::parse("pipeline.toml", &GOOD.replace("\"file\"", "\"flie\"")).unwrap();
    let faults = written
        .source_misfits(&BTreeMap::from([("file", json!({})), ("rest", json!({}))]))
        .unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].places(), ["pipeline.toml:9:13"]);
    assert_eq!(
        (faults[0].expected_text(), faults[0].hint_text()),
        (Some("file, rest"), Some("did you mean file"))
    );
}
