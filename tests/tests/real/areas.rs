//! The code list `areas` against DAWA (fetched in the spring of 2026), DAGI's boundaries (2014) and StatBank.

use std::collections::{BTreeMap, BTreeSet};

use klimalade_model::Schemas;
use klimalade_tests::real_folder;

use crate::ground::json;

/// Codes of a level in our list.
fn level<'a>(schemas: &'a Schemas, level: &str) -> BTreeSet<&'a str> {
    let list = schemas.code_list("areas").unwrap();
    list.codes()
        .filter(|code| list.get(code, "area_level") == Some(level))
        .collect()
}

/// The region that an area lies in on the day of DAWA's answer.
fn region_of<'a>(schemas: &'a Schemas, code: &str) -> &'a str {
    let members = schemas.code_list("area_members").unwrap();
    let regions = level(schemas, "region");
    let day = "2026-05-01";
    let found: Vec<&str> = members
        .codes()
        .filter(|row| members.get(row, "area_code") == Some(code))
        .filter(|row| members.get(row, "valid_from").is_none_or(|from| from <= day))
        .filter(|row| members.get(row, "valid_to").is_none_or(|to| day < to))
        .filter_map(|row| members.get(row, "within_code"))
        .filter(|within| regions.contains(within))
        .collect();
    assert_eq!(found.len(), 1, "{code}: {found:?}");
    found[0]
}

#[test]
fn the_98_municipalities_and_christiansoe_are_those_of_dawa_by_code_name_and_region() {
    let Some(real) = real_folder() else { return };
    let schemas = Schemas::embedded().unwrap();
    let list = schemas.code_list("areas").unwrap();
    let dawa = json(&real.join("dawa/kommuner.json"));
    let dawa = dawa.as_array().unwrap();
    let (outside, municipalities): (Vec<_>, Vec<_>) =
        dawa.iter().partition(|area| area["udenforkommuneinddeling"] == true);
    let codes: BTreeSet<&str> = municipalities
        .iter()
        .map(|area| area["kode"].as_str().unwrap())
        .collect();
    assert_eq!((codes.len(), municipalities.len()), (98, 98));
    assert_eq!(level(&schemas, "municipality"), codes);
    let outside: Vec<&str> = outside.iter().map(|area| area["kode"].as_str().unwrap()).collect();
    assert_eq!(outside, ["0411"]);
    assert_eq!(level(&schemas, "outside"), BTreeSet::from(["0411", "_U", "_X"]));
    for area in dawa {
        let code = area["kode"].as_str().unwrap();
        assert_eq!(list.get(code, "name_da"), area["navn"].as_str(), "{code}");
        assert_eq!(
            region_of(&schemas, code),
            area["regionskode"].as_str().unwrap(),
            "{code}"
        );
    }
}

#[test]
fn the_regions_are_those_of_dawa_and_their_landsdele_lie_in_their_nuts_2() {
    let Some(real) = real_folder() else { return };
    let schemas = Schemas::embedded().unwrap();
    let list = schemas.code_list("areas").unwrap();
    let dawa = json(&real.join("dawa/regioner.json"));
    let regions: BTreeMap<&str, (&str, &str)> = dawa
        .as_array()
        .unwrap()
        .iter()
        .map(|region| {
            (
                region["kode"].as_str().unwrap(),
                (region["navn"].as_str().unwrap(), region["nuts2"].as_str().unwrap()),
            )
        })
        .collect();
    assert_eq!(regions.len(), 5);
    // Ours has the regions to come as well; those that DAWA has are those that stood on the day of its answer.
    let stood = |code: &&str| list.get(code, "valid_from").is_none_or(|from| from <= "2026-05-01");
    assert_eq!(
        level(&schemas, "region")
            .into_iter()
            .filter(stood)
            .collect::<BTreeSet<_>>(),
        regions.keys().copied().collect()
    );
    for (code, (name, _)) in &regions {
        assert_eq!(list.get(code, "name_da"), Some(*name));
    }
    for code in level(&schemas, "municipality") {
        let (_, nuts2) = regions[region_of(&schemas, code)];
        let nuts3 = list.get(code, "nuts3").unwrap();
        assert!(nuts3.starts_with(nuts2), "{code}: {nuts3} does not lie in {nuts2}");
    }
}

#[test]
fn the_boundaries_hold_the_same_99_codes_and_other_spellings_are_aliases() {
    let Some(real) = real_folder() else { return };
    let schemas = Schemas::embedded().unwrap();
    let (list, aliases) = (
        schemas.code_list("areas").unwrap(),
        schemas.code_list("area_aliases").unwrap(),
    );
    let boundaries = json(&real.join("boundaries/kommuner.geojson"));
    let features = boundaries["features"].as_array().unwrap();
    assert_eq!(features.len(), 311);
    let names: BTreeMap<&str, &str> = features
        .iter()
        .map(|feature| &feature["properties"])
        .map(|named| (named["KOMKODE"].as_str().unwrap(), named["KOMNAVN"].as_str().unwrap()))
        .collect();
    let mut expected = level(&schemas, "municipality");
    expected.insert("0411");
    assert_eq!(names.keys().copied().collect::<BTreeSet<_>>(), expected);
    let mut spelled = Vec::new();
    for (code, name) in names {
        if list.get(code, "name_da") != Some(name) {
            assert_eq!(aliases.get(name, "area_code"), Some(code), "{name} is no alias");
            spelled.push(name);
        }
    }
    assert_eq!(spelled, ["Høje Taastrup"]);
}

#[test]
fn every_area_of_statbank_has_one_code_of_ours_and_its_name() {
    let Some(real) = real_folder() else { return };
    let schemas = Schemas::embedded().unwrap();
    let list = schemas.code_list("areas").unwrap();
    let mut ours: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for code in list.codes() {
        if let Some(statbank) = list.get(code, "statbank_code") {
            ours.entry(statbank).or_default().push(code);
        }
    }
    for file in [
        "recorded/tableinfo_ARE207_da.json",
        "extra/tableinfo_FOLK1A_da.json",
        "recorded/tableinfo_BIL710_da.json",
    ] {
        let info = json(&real.join("statbank").join(file));
        for value in info["variables"][0]["values"].as_array().unwrap() {
            let (statbank, text) = (value["id"].as_str().unwrap(), value["text"].as_str().unwrap());
            let [code] = ours.get(statbank).map_or(&[][..], Vec::as_slice) else {
                panic!("{file}: {statbank} {text} has {:?}", ours.get(statbank))
            };
            let named = list.get(code, "name_da").unwrap();
            let same = named == text
                || text == format!("Landsdel {named}")
                || [("DK", "Hele landet"), ("_U", "Uoplyst")].contains(&(code, text));
            assert!(same, "{file}: {statbank} is {text} there and {code} {named} here");
        }
    }
}
