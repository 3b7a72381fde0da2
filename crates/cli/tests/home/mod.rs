//! What an operator adds stands under `--home` and is used without a build: a pipeline, its instances, a row of a code
//! list, an alias of a municipality.

use std::path::Path;

use crate::common::Place;

const PIPELINE: &str = "test_chargers";

fn write(place: &Place, file: &str, text: &str) {
    let path = place.home().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A pipeline of two instances over dropped files that name areas as their authors liked.
fn add_pipeline(place: &Place) {
    let drop = |name: &str| place.home().join(format!("{name}.csv")).display().to_string();
    let text = format!(
        r#"
version = 1
title_en = "Charging points"
title_da = "Ladepunkter"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"
source = {{ connector = "file", address = "{}", format = {{ type = "csv" }} }}
publishes = {{ indicators = ["charging_points_municipal"], areas = ["0751"] }}

[columns]
area = {{ type = "text", id = true }}
count = {{ type = "float" }}

[[instance]]
name = "aarhus"

[[instance]]
name = "newtown"
"source.address" = "{}"
"publishes.areas" = ["0999"]
"#,
        drop("aarhus"),
        drop("newtown")
    );
    write(place, &format!("pipelines/{PIPELINE}/pipeline.toml"), &text);
    let sql = "SELECT 'publish' AS fate, 'charging_points_municipal' AS indicator_code, \
               coalesce(a.code, l.area_code, concat('?', r.area)) AS area_code, make_date(2024, 1, 1) AS period_start, \
               'A' AS frequency_code, 'dst_register' AS method_code, r.count AS value \
               FROM raw r LEFT JOIN codes.areas a ON a.code = r.area LEFT JOIN codes.area_aliases l ON l.code = r.area";
    write(place, &format!("pipelines/{PIPELINE}/map.sql"), sql);
    write(place, "aarhus.csv", "area;count\nSmilets By;812\n");
    write(place, "newtown.csv", "area;count\n0999;8\n");
}

fn add_codes(place: &Place) {
    write(
        place,
        "schemas/codes/areas.csv",
        "code,name_da,name_en,parent_code,valid_from,area_level\n0999,Nyby,Newtown,DK,2007-01-01,municipality\n",
    );
    write(
        place,
        "schemas/codes/area_aliases.csv",
        "code,name_da,area_code,kind,evidence\nSmilets By,Aarhus,0751,other_name,a dropped file\n",
    );
}

fn value_of(place: &Place, lake: &Path, area: &str) -> serde_json::Value {
    let said = place.say_on(
        lake,
        &["explain", "observation", &format!("area_code={area}"), "--json"],
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str::<serde_json::Value>(&said.out).unwrap()[0].take()
}

#[test]
fn a_pipeline_its_instances_a_code_and_an_alias_of_the_home_folder_are_used_by_a_night_without_a_build() {
    let place = Place::new();
    let lake = place.lake("lake");
    add_pipeline(&place);
    let without = place.say_on(&lake, &["run", PIPELINE]);
    assert_eq!(without.code, Some(1), "{}", without.err);
    for words in [
        "test_chargers.aarhus",
        "found ?Smilets By",
        "schemas/codes/areas.csv under --home",
        "0999",
    ] {
        assert!(without.err.contains(words), "{words}: {}", without.err);
    }

    add_codes(&place);
    let check = place.say(&["check", PIPELINE]);
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
    let night = place.say_on(&lake, &["run", PIPELINE]);
    assert_eq!(night.code, Some(0), "{}{}", night.out, night.err);
    for (area, owner, value) in [
        ("0751", "test_chargers.aarhus", "812.0"),
        ("0999", "test_chargers.newtown", "8.0"),
    ] {
        let row = value_of(&place, &lake, area);
        assert_eq!(
            (row["owner"].as_str(), row["row"]["value"].as_str()),
            (Some(owner), Some(value)),
            "{row}"
        );
        assert_eq!(row["row"]["area_level"], "municipality");
        assert_eq!(row["mapping"]["origin"], "home");
    }
}

#[test]
fn a_row_of_the_home_folder_takes_the_place_of_the_code_in_the_binary_and_the_others_stay() {
    let place = Place::new();
    let lake = place.lake("lake");
    add_pipeline(&place);
    add_codes(&place);
    // The indicator again, with a range that the dropped figure is outside of.
    let embedded = klimalade_model::Schemas::embedded().unwrap();
    let list = embedded.code_list("indicators").unwrap();
    let row = list
        .rows
        .iter()
        .find(|row| row[0] == "charging_points_municipal")
        .unwrap();
    let mut narrow = row.clone();
    let at = list.header.iter().position(|name| name == "range_max").unwrap();
    narrow[at] = "100".to_owned();
    let quoted = |cells: &[String]| {
        cells
            .iter()
            .map(|cell| format!("\"{cell}\""))
            .collect::<Vec<_>>()
            .join(",")
    };
    write(
        &place,
        "schemas/codes/indicators.csv",
        &format!("{}\n{}\n", list.header.join(","), quoted(&narrow)),
    );
    let night = place.say_on(&lake, &["run", PIPELINE]);
    assert_eq!(night.code, Some(1), "{}", night.err);
    assert!(night.err.contains("range value found 812"), "{}", night.err);
    assert_eq!(
        value_of(&place, &lake, "0999")["row"]["value"],
        "8.0",
        "the other instance is published"
    );
    assert_eq!(
        place.say(&["check", "dst_area"]).code,
        Some(0),
        "the other codes are those of the binary"
    );
}

#[test]
fn a_folder_of_the_home_takes_the_place_of_its_namesake_in_the_binary() {
    let place = Place::new();
    let embedded = klimalade_pipeline::Catalogue::load(Path::new("/nonexistent")).unwrap();
    for (file, bytes) in &embedded.pipelines["dst_area"].files {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let text = text.replace(
            "decimal_comma(r.value) AS value",
            "decimal_comma(r.value) + 0.0 AS value",
        );
        write(&place, &format!("pipelines/dst_area/{file}"), &text);
    }
    let lake = place.lake("lake");
    let night = place.say_on(&lake, &["run", "dst_area", "--demo", "--demo-factor", "0.1"]);
    assert_eq!(night.code, Some(0), "{}", night.err);
    let said = place.say_on(
        &lake,
        &["explain", "observation", "area_code=0751", "year=2025", "--json"],
    );
    let rows: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(rows[0]["mapping"]["origin"], "home", "{rows}");
}
