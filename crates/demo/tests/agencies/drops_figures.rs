//! The drop folder: what people hand in as workbooks.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use klimalade_demo::{Script, write_drops};

/// Files of the drop folder by path.
fn dropped(script: Script) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    write_drops(script, folder.path()).unwrap();
    let mut files = BTreeMap::new();
    collect(folder.path(), folder.path(), &mut files);
    files
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(root, &path, files),
            false => {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
}

#[test]
fn the_same_script_drops_the_same_bytes_and_another_seed_others() {
    let first = dropped(Script::default());
    assert_eq!(first, dropped(Script::default()));
    let other = dropped(Script::default().seed(2));
    assert_eq!(first.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (path, bytes) in &first {
        assert!(bytes.starts_with(b"PK"), "{path} is a workbook");
        assert_ne!(Some(bytes), other.get(path), "{path}");
    }
}

#[test]
fn every_folder_that_a_pipeline_reads_has_a_workbook() {
    let files = dropped(Script::default());
    let folders: BTreeSet<&str> = files.keys().filter_map(|path| path.split('/').next()).collect();
    for folder in [
        "affald",
        "biogas",
        "ccs-ptx",
        "cykelstier",
        "husdyr",
        "ladepunkter",
        "puls",
        "trafikarbejde",
    ] {
        assert!(folders.contains(folder), "{folder}");
    }
}

#[test]
fn a_second_night_restates_the_newest_traffic_and_moves_some_plans_and_nothing_else() {
    let (first, second) = (dropped(Script::default()), dropped(Script::default().night(1)));
    let changed: Vec<&String> = first
        .iter()
        .filter(|(path, bytes)| second.get(*path) != Some(*bytes))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        changed,
        [
            "klimahandlingsplaner/register.xlsx",
            "regioner/Region Sjælland.xlsx",
            "trafikarbejde/2025.xlsx"
        ]
    );
}
