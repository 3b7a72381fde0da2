use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use calamine::{Data, Reader, Xlsx, open_workbook};
use klimalade_demo::{Script, write_drops};

const REGISTER: &str = "klimahandlingsplaner/register.xlsx";

fn dropped(script: Script) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_drops(script, folder.path()).unwrap();
    folder
}

/// Rows below the headings.
fn rows(folder: &Path, file: &str, sheet: &str) -> Vec<Vec<Data>> {
    let mut book: Xlsx<_> = open_workbook(folder.join(file)).unwrap();
    let range = book.worksheet_range(sheet).unwrap();
    range.rows().skip(1).map(<[Data]>::to_vec).collect()
}

fn texts(rows: &[Vec<Data>], column: usize) -> BTreeSet<String> {
    rows.iter().map(|row| row[column].to_string()).collect()
}

#[test]
fn every_municipality_but_those_that_report_to_cdp_has_a_line_in_the_register_also_without_a_plan() {
    let folder = dropped(Script::default());
    let plans = rows(folder.path(), REGISTER, "Planer");
    let codes = texts(&plans, 0);
    assert_eq!(codes.len(), 94);
    assert!(
        ["0101", "0461", "0751", "0851"]
            .iter()
            .all(|code| !codes.contains(*code))
    );
    let without: Vec<_> = plans.iter().filter(|row| row[4] == "Ingen plan").collect();
    assert_eq!(without.len(), 2);
    assert!(without.iter().all(|row| row[2] == Data::Empty && row[5] == Data::Empty));
    assert!(
        plans.iter().any(|row| row[0] == Data::Float(370.0)),
        "a code that Excel took for a number"
    );
    let renewed = plans.iter().filter(|row| row[1] == Data::Float(2.0)).count();
    assert!(renewed > 3, "an expired plan has a successor: {renewed}");
}

#[test]
fn a_plan_has_two_to_eight_targets_and_actions_of_every_status_and_some_figures_are_missing() {
    let folder = dropped(Script::default());
    for sheet in ["Mål", "Indsatser"] {
        let found = rows(folder.path(), REGISTER, sheet);
        let mut each: BTreeMap<String, usize> = BTreeMap::new();
        for row in &found {
            *each.entry(row[0].to_string()).or_default() += 1;
        }
        assert!(each.len() > 70, "{sheet}: {}", each.len());
        assert!(each.values().all(|count| (2..=8).contains(count)), "{sheet}: {each:?}");
    }
    let actions = rows(folder.path(), REGISTER, "Indsatser");
    assert_eq!(
        texts(&actions, 7),
        BTreeSet::from(["Planlagt", "Igangsat", "Gennemført", "På pause", "Opgivet"].map(str::to_owned))
    );
    let missing = actions.iter().filter(|row| row[10] == Data::Empty).count();
    assert!(
        missing > 20 && missing < actions.len() / 2,
        "{missing} of {}",
        actions.len()
    );
    assert!(
        actions.iter().any(|row| row[10] == Data::Float(0.0)),
        "none is not missing"
    );
}

#[test]
fn a_plan_is_held_against_every_criterion_once() {
    let folder = dropped(Script::default());
    let found = rows(folder.path(), REGISTER, "Vurdering");
    let keys: BTreeSet<_> = found
        .iter()
        .map(|row| (row[0].to_string(), row[2].to_string()))
        .collect();
    assert_eq!((keys.len(), found.len() % 10), (found.len(), 0));
    assert!(
        found
            .iter()
            .all(|row| (row[4] == Data::Empty) == (row[3] == "Ikke vurderet"))
    );
}

#[test]
fn each_year_has_a_questionnaire_and_each_region_a_workbook_in_its_own_name() {
    let folder = dropped(Script::default());
    for year in ["2023", "2024", "2025"] {
        let found = rows(folder.path(), &format!("klimastatus/{year}.xlsx"), "Svar");
        assert_eq!(texts(&found, 0), BTreeSet::from([year.to_owned()]));
        let answered = texts(&found, 1).len();
        assert!((90..=98).contains(&answered), "{answered} in {year}");
    }
    let small = dropped(Script::default().factor(0.1));
    assert!(!small.path().join("klimastatus/2023.xlsx").exists());
    let files: BTreeSet<String> = std::fs::read_dir(folder.path().join("regioner"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(files.len() == 5 && files.contains("Region Sjælland.xlsx"), "{files:?}");
    let found = rows(folder.path(), "regioner/Region Sjælland.xlsx", "Indsatser");
    assert_eq!(texts(&found, 0), BTreeSet::from(["1085".to_owned()]));
}

#[test]
fn the_same_script_drops_the_same_bytes_and_on_the_second_night_only_actions_have_come_further() {
    let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(REGISTER)).unwrap();
    let (first, again) = (dropped(Script::default()), dropped(Script::default()));
    assert!(read(&first) == read(&again));
    let second = dropped(Script::default().night(1));
    let on = |folder: &tempfile::TempDir, sheet: &str| rows(folder.path(), REGISTER, sheet);
    for sheet in ["Planer", "Vurdering", "Mål"] {
        assert_eq!(on(&first, sheet), on(&second, sheet), "{sheet}");
    }
    let (before, after) = (on(&first, "Indsatser"), on(&second, "Indsatser"));
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .count();
    assert_eq!(before.len(), after.len());
    assert!(
        changed > 0 && changed < before.len() / 5,
        "{changed} of {}",
        before.len()
    );
}
