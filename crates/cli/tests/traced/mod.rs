//! `explain`, and `run --dry-run`: what the binary prints of a figure and of a night that is not published.

use std::path::Path;

use crate::common::{Place, Said};

const NIGHT: [&str; 5] = ["run", "dst_area", "--demo", "--demo-factor", "0.1"];

fn in_demo(place: &Place, lake: &Path, arguments: &[&str]) -> Said {
    let mut all = arguments.to_vec();
    all.push("--demo");
    place.say_on(lake, &all)
}

/// The line that begins with these words.
#[track_caller]
fn line<'a>(said: &'a Said, words: &str) -> &'a str {
    let found = said
        .out
        .lines()
        .map(str::trim_start)
        .find(|line| line.starts_with(words));
    found.unwrap_or_else(|| panic!("no line {words:?} in\n{}{}", said.out, said.err))
}

#[test]
fn a_figure_is_explained_in_words_and_as_json_with_address_time_hash_raw_row_and_earlier_values() {
    let place = Place::new();
    let lake = place.lake("lake");
    for _ in 0..2 {
        let night = place.say_on(&lake, &NIGHT);
        assert_eq!(night.code, Some(0), "{}", night.err);
    }
    // 0201 is one of the areas that the second night's agency restates.
    let asked = ["explain", "observation", "land_area", "area_code=0201"];
    let many = in_demo(&place, &lake, &asked);
    let newest: serde_json::Value = {
        let said = in_demo(&place, &lake, &[&asked[..], &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    };
    let rows = newest.as_array().unwrap();
    assert!(rows.len() > 1 && many.out.matches("row       core/").count() == rows.len());
    let one = rows
        .iter()
        .find(|row| !row["earlier"].as_array().unwrap().is_empty())
        .expect("a restated year");

    let year = format!("year={}", one["row"]["year"].as_str().unwrap());
    let said = in_demo(
        &place,
        &lake,
        &[
            "explain",
            "observation",
            "indicator_code=land_area",
            "area_code=0201",
            &year,
        ],
    );
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    let page = &one["snapshot"]["pages"][0];
    for (words, value) in [
        ("row  ", &one["file"]),
        ("value ", &one["row"]["value"]),
        ("owner ", &one["owner"]),
        ("hash ", &one["mapping"]["mapping_hash"]),
        ("snapshot ", &one["snapshot"]["sha256"]),
        ("page 1  ", &page["address"]),
        ("fetched ", &page["retrieved_at"]),
        ("sha256 ", &page["sha256"]),
        ("raw/dst_area/all/", &page["key"]),
    ] {
        let value = value.as_str().unwrap_or_else(|| panic!("{words}: {one}"));
        assert!(line(&said, words).contains(value), "{words}: {value}\n{}", said.out);
    }
    let raw = &one["raw"]["rows"][0];
    assert_eq!(
        (one["raw"]["raw_rows"].as_u64(), raw["cells"]["area"].as_str()),
        (Some(1), Some("201"))
    );
    assert_eq!(line(&said, "page 1, row"), format!("page 1, row {}", raw["row"]));
    line(&said, "mapped again they give the row as it is published");
    let earlier = &one["earlier"][0];
    let change = format!(
        "value {} -> {}",
        earlier["old"].as_str().unwrap(),
        earlier["new"].as_str().unwrap()
    );
    assert!(said.out.contains(&change), "{change}\n{}", said.out);
    assert!(
        said.out
            .trim_end()
            .ends_with(&format!("SIMULATED figures: lake {}", lake.display()))
    );
}

#[test]
fn a_question_about_no_row_ends_with_2_and_what_to_type() {
    let place = Place::new();
    let lake = place.lake("lake");
    let none = in_demo(&place, &lake, &["explain", "observation", "area_code=0751"]);
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(none.err.contains("there is no lake here"), "{}", none.err);
    assert_eq!(place.say_on(&lake, &NIGHT).code, Some(0));
    let wrong = in_demo(
        &place,
        &lake,
        &["explain", "observation", "land_area", "area_code=Århus"],
    );
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""));
    let hint = "hint     klimalade explain observation indicator_code=land_area area_code=0751\n";
    assert!(
        wrong.err.contains("no such row is published") && wrong.err.contains(hint),
        "{}",
        wrong.err
    );
    assert_eq!(
        in_demo(&place, &lake, &["explain", "observation"]).code,
        Some(2),
        "no key at all"
    );
}

#[test]
fn a_dry_run_says_what_it_would_publish_and_makes_neither_lake_nor_file() {
    let place = Place::new();
    let lake = place.lake("lake");
    let said = place.say_on(&lake, &[&NIGHT[..], &["--dry-run"]].concat());
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{}", said.out);
    assert!(!lake.exists(), "a dry run made a lake");
    line(&said, "dst_area  would be published");
    assert!(
        line(&said, "requests ")
            .starts_with("requests  2 to plan, 1 for 1 of 1 parts; waiting under the limits about 0.5 s")
    );
    line(&said, "new       core/observation/pipeline=dst_area/data.parquet: ");
    assert_eq!(
        said.out.lines().last(),
        Some(format!("DRY RUN: nothing was written to the lake {}", lake.display()).as_str())
    );

    assert_eq!(place.say_on(&lake, &NIGHT).code, Some(0));
    let said = place.say_on(&lake, &[&NIGHT[..], &["--dry-run", "--json"]].concat());
    let owners: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(owners[0]["files"][0]["what"], "replaced", "{owners}");
    assert!(owners[0]["changes"][0]["old"].is_string(), "{owners}");
    // A lake of the other kind is refused as by a night.
    assert_eq!(place.say_on(&lake, &["run", "dst_area", "--dry-run"]).code, Some(2));
}

#[test]
fn a_dry_run_of_what_would_be_refused_ends_with_1_and_the_reason() {
    let place = Place::new();
    crate::add_dropped(&place);
    std::fs::write(place.home().join("drop.csv"), "area;count\n0101;8\n9999;1\n").unwrap();
    let lake = place.lake("lake");
    let said = place.say_on(&lake, &["run", "test_dropped", "--dry-run"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    line(&said, "test_dropped  would be REFUSED");
    let rejected = line(&said, "rejected  part all, row 2: unknown_code area_code: found 9999");
    assert!(rejected.contains("expected"), "{rejected}");
    assert!(
        said.err
            .contains("error: test_dropped: rows broke the table's contract"),
        "{}",
        said.err
    );
    assert!(!lake.exists());
}
