//! The code lists say what is true of areas, indicators and units.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared;

use std::collections::{BTreeMap, BTreeSet};

use klimalade_model::CodeList;
use shared::{assert_each_in, cell, schemas};

/// A factor such as `5/18` or `1000`, in lowest terms.
fn fraction(text: &str) -> (i128, i128) {
    let (above, below) = text.split_once('/').unwrap_or((text, "1"));
    let (above, below): (i128, i128) = (above.parse().expect(text), below.parse().expect(text));
    assert!(above > 0 && below > 0, "{text}");
    let (mut one, mut other) = (above, below);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    (above / one, below / one)
}

#[test]
fn there_are_exactly_98_municipalities_and_christiansoe_stands_outside() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    let mut by_level: BTreeMap<&str, usize> = BTreeMap::new();
    for code in areas.codes() {
        *by_level.entry(cell(areas, code, "area_level")).or_default() += 1;
    }
    let expected = [
        ("country", 1),
        ("landsdel", 11),
        ("municipality", 98),
        ("outside", 3),
        ("price_area", 2),
        ("region", 5),
    ];
    assert_eq!(by_level, BTreeMap::from(expected));
    for code in ["0411", "_U", "_X"] {
        assert_eq!(cell(areas, code, "area_level"), "outside", "{code}");
    }
    assert_eq!(cell(areas, "0751", "name_da"), "Aarhus");
    assert_eq!(cell(areas, "0492", "name_da"), "Ærø");
    assert!(areas.codes().all(|code| code != "99"));
}

#[test]
fn every_area_points_at_regions_landsdele_and_groups_that_exist() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    let members = schemas.code_list("area_members").unwrap();
    assert_each_in(
        areas,
        "municipality_group_code",
        schemas.code_list("municipality_groups").unwrap(),
    );
    assert_each_in(areas, "area_level", schemas.code_list("area_levels").unwrap());
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut statbank: BTreeSet<&str> = BTreeSet::new();
    for code in areas.codes() {
        let price_area = cell(areas, code, "price_area_code");
        assert!(
            price_area.is_empty() || cell(areas, price_area, "area_level") == "price_area",
            "{code}: {price_area}"
        );
        let own = cell(areas, code, "statbank_code");
        assert!(
            own.is_empty() || statbank.insert(own),
            "StatBank code {own} stands twice"
        );
        if cell(areas, code, "area_level") != "municipality" {
            continue;
        }
        assert!(
            code.len() == 4 && code.starts_with('0') && own == &code[1..],
            "{code} {own}"
        );
        for column in ["nuts3", "municipality_group_code", "price_area_code"] {
            assert!(!cell(areas, code, column).is_empty(), "{code}: {column}");
        }
        let within = |level: &str| within_on(members, areas, code, level, "2026-12-31");
        let (regions, landsdele) = (within("region"), within("landsdel"));
        assert_eq!(
            (regions.len(), landsdele.len()),
            (1, 1),
            "{code}: {regions:?} {landsdele:?}"
        );
        let (region, landsdel) = (regions[0], landsdele[0]);
        assert_eq!(landsdel, cell(areas, code, "nuts3"), "{code}");
        assert_eq!(
            within_on(members, areas, landsdel, "region", "2026-12-31"),
            [region],
            "{code}"
        );
        *count.entry(region).or_default() += 1;
    }
    assert_eq!(
        count,
        BTreeMap::from([("1081", 11), ("1082", 19), ("1083", 22), ("1084", 29), ("1085", 17)])
    );
}

/// Areas of a level that hold an area on a day.
fn within_on<'a>(members: &'a CodeList, areas: &CodeList, code: &str, level: &str, day: &str) -> Vec<&'a str> {
    let until = |to: &str| to.is_empty() || day < to;
    members
        .codes()
        .filter(|row| cell(members, row, "area_code") == code)
        .filter(|row| cell(members, row, "valid_from") <= day && until(cell(members, row, "valid_to")))
        .map(|row| cell(members, row, "within_code"))
        .filter(|within| cell(areas, within, "area_level") == level)
        .collect()
}

#[test]
fn a_membership_is_named_by_its_two_areas_and_ends_with_the_area_that_holds() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    let members = schemas.code_list("area_members").unwrap();
    assert_each_in(members, "area_code", areas);
    assert_each_in(members, "within_code", areas);
    for row in members.codes() {
        let (area, within) = (cell(members, row, "area_code"), cell(members, row, "within_code"));
        assert_eq!(row, format!("{area}_{within}"));
        assert_eq!(cell(members, row, "valid_to"), cell(areas, within, "valid_to"), "{row}");
    }
    // The new region of 2027 has no code yet, so its municipalities are in none.
    assert_eq!(within_on(members, areas, "0101", "region", "2026-12-31"), ["1084"]);
    assert!(within_on(members, areas, "0101", "region", "2027-01-01").is_empty());
    assert_eq!(within_on(members, areas, "0751", "region", "2027-01-01"), ["1082"]);
    let kkr = schemas.code_list("kkr").unwrap();
    for code in kkr.codes() {
        let region = cell(kkr, code, "region_code");
        assert_eq!(cell(kkr, code, "valid_to"), cell(areas, region, "valid_to"), "{code}");
    }
}

#[test]
fn regions_1084_and_1085_end_with_2026() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    let ending: Vec<&str> = areas
        .codes()
        .filter(|code| cell(areas, code, "valid_to") == "2027-01-01")
        .collect();
    assert_eq!(ending, ["1084", "1085"]);
}

#[test]
fn oestjylland_and_vestjylland_are_not_swapped() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    assert_eq!(cell(areas, "DK042", "statbank_code"), "09");
    assert_eq!(cell(areas, "DK041", "statbank_code"), "10");
    let members = schemas.code_list("area_members").unwrap();
    assert_eq!(within_on(members, areas, "0751", "landsdel", "2026-01-01"), ["DK042"]);
    assert_eq!(within_on(members, areas, "0657", "landsdel", "2026-01-01"), ["DK041"]);
}

#[test]
fn an_alias_leads_to_an_area_and_is_no_areas_own_name() {
    let schemas = schemas();
    let areas = schemas.code_list("areas").unwrap();
    let aliases = schemas.code_list("area_aliases").unwrap();
    let names: BTreeSet<&str> = areas.codes().map(|code| cell(areas, code, "name_da")).collect();
    for alias in aliases.codes() {
        assert!(areas.contains(cell(aliases, alias, "area_code")), "{alias}");
        assert!(!names.contains(alias), "{alias}");
        assert!(!cell(aliases, alias, "evidence").is_empty(), "{alias}");
    }
    assert_eq!(cell(aliases, "Århus", "area_code"), "0751");
}

#[test]
fn seven_old_codes_mean_another_place_today() {
    let schemas = schemas();
    let old = schemas.code_list("areas_before_2007").unwrap();
    let moved: Vec<&str> = old
        .codes()
        .filter(|code| cell(old, code, "means_today") == "other_place")
        .collect();
    assert_eq!(moved, ["250", "350", "420", "550", "707", "760", "849"]);
    assert_each_in(old, "same_code_today", schemas.code_list("areas").unwrap());
}

#[test]
fn every_indicator_has_unit_source_concept_and_known_words() {
    let schemas = schemas();
    let list = schemas.code_list("indicators").unwrap();
    let units = schemas.code_list("units").unwrap();
    assert_each_in(list, "source_id", schemas.code_list("sources").unwrap());
    let dimensions = ["sector", "carrier", "category", "detail", "gas", "scope"];
    let mut preferred: BTreeMap<&str, usize> = BTreeMap::new();
    for code in list.codes() {
        assert!(units.contains(cell(list, code, "unit_code")), "{code}");
        assert!(!cell(list, code, "source_id").is_empty(), "{code}");
        assert!(
            ["flow", "stock", "mean", "share"].contains(&cell(list, code, "kind")),
            "{code}"
        );
        assert!(["filled", "planned"].contains(&cell(list, code, "status")), "{code}");
        for dimension in cell(list, code, "dimensions").split_whitespace() {
            assert!(dimensions.contains(&dimension), "{code}: {dimension}");
        }
        for column in ["over_area", "over_time"] {
            let rule = cell(list, code, column);
            match rule.strip_prefix("mean:") {
                Some("hours") => assert_eq!(column, "over_time", "{code}"),
                Some(weight) => assert!(list.contains(weight), "{code}: {rule}"),
                None => assert!(
                    ["sum", "max", "min", "last", "none"].contains(&rule),
                    "{code}: {column} {rule}"
                ),
            }
        }
        for column in ["range_min", "range_max", "resolution"] {
            let number = cell(list, code, column);
            assert!(
                number.is_empty() || number.parse::<f64>().is_ok_and(f64::is_finite),
                "{code}: {column} {number}"
            );
        }
        let count = preferred.entry(cell(list, code, "concept_code")).or_default();
        *count += usize::from(cell(list, code, "is_preferred") == "1");
    }
    for (concept, count) in preferred {
        assert!(
            !concept.is_empty() && count == 1,
            "{concept}: {count} preferred indicators"
        );
    }
    assert_eq!(
        cell(list, "ghg_emissions", "range_min"),
        "",
        "land use is negative in eleven municipalities"
    );
}

#[test]
fn all_transition_indicators_but_projects_and_modal_split_have_an_indicator() {
    let schemas = schemas();
    let list = schemas.code_list("indicators").unwrap();
    let served: BTreeSet<&str> = list
        .codes()
        .flat_map(|code| cell(list, code, "transition_indicator").split_whitespace())
        .collect();
    for number in (1..=16).filter(|number| ![6, 8].contains(number)) {
        assert!(served.contains(number.to_string().as_str()), "{number}");
    }
    for adaptation in ["A1", "A2", "A3"] {
        assert!(served.contains(adaptation), "{adaptation}");
    }
    assert!(!served.contains("8"), "modal split is not public per municipality");
}

#[test]
fn every_unit_has_an_exact_factor_to_a_base_unit_of_its_dimension() {
    let schemas = schemas();
    let units = schemas.code_list("units").unwrap();
    for code in units.codes() {
        let base = cell(units, code, "base_unit");
        assert!(units.contains(base), "{code}: base unit {base}");
        assert_eq!(cell(units, base, "factor"), "1", "{code}: base unit {base}");
        assert_eq!(cell(units, base, "dimension"), cell(units, code, "dimension"), "{code}");
        fraction(cell(units, code, "factor"));
    }
}

#[test]
fn conversions_follow_from_the_units_exactly() {
    let schemas = schemas();
    let units = schemas.code_list("units").unwrap();
    let file: toml::Table = toml::from_str(include_str!("../../../schemas/units.toml")).unwrap();
    let conversions = file["conversion"].as_array().unwrap();
    assert!(conversions.len() > 30);
    let mut seen = BTreeSet::new();
    for conversion in conversions {
        let word = |key: &str| conversion[key].as_str().unwrap();
        let (from, to) = (word("from"), word("to"));
        assert!(seen.insert((from, to)), "{from} to {to} stands twice");
        assert_eq!(
            cell(units, from, "dimension"),
            cell(units, to, "dimension"),
            "{from} to {to}"
        );
        assert_eq!(
            cell(units, from, "base_unit"),
            cell(units, to, "base_unit"),
            "{from} to {to}"
        );
        let (a, b) = fraction(cell(units, from, "factor"));
        let (c, d) = fraction(cell(units, to, "factor"));
        let (above, below) = fraction(word("factor"));
        assert_eq!(above * b * c, below * a * d, "{from} to {to}");
    }
}

#[test]
fn a_spelling_means_one_unit_and_co2_is_not_co2e() {
    let schemas = schemas();
    let units = schemas.code_list("units").unwrap();
    let file: toml::Table = toml::from_str(include_str!("../../../schemas/units.toml")).unwrap();
    let mut meaning: BTreeMap<&str, &str> = BTreeMap::new();
    for (unit, spellings) in file["spellings"].as_table().unwrap() {
        assert!(units.contains(unit), "{unit}");
        for spelling in spellings.as_array().unwrap() {
            let spelling = spelling.as_str().unwrap();
            assert_eq!(
                spelling,
                spelling.to_lowercase(),
                "a spelling stands as it is after normalising"
            );
            assert_eq!(meaning.insert(spelling, unit), None, "{spelling}");
        }
    }
    assert_eq!(meaning["ton co2"], "tonne_co2");
    assert_eq!(meaning["ton co2e"], "tonne_co2e");
    assert_ne!(
        cell(units, "tonne_co2", "dimension"),
        cell(units, "tonne_co2e", "dimension")
    );
}

/// What a list of the binary becomes with these rows of one's own.
fn with_own(text: &str) -> Result<CodeList, String> {
    let mut list = schemas().code_list("sources").unwrap().clone();
    let own = CodeList::parse("sources", text).map_err(|fault| fault.to_string())?;
    list.overlay(&own).map_err(|fault| fault.to_string())?;
    Ok(list)
}

#[test]
fn a_row_of_ones_own_is_added_or_said_to_be_wrong_with_its_line() {
    let list = with_own("code,name_da,agency_da\nby_stier,Stier i Århus,Århus\n").unwrap();
    assert_eq!(list.get("by_stier", "name_da"), Some("Stier i Århus"));
    assert_eq!(list.get("by_stier", "licence_code"), None);
    let short = with_own("code,name_da,agency_da\nby_stier,Stier\n").unwrap_err();
    for words in ["line 2", "3 cells", "2 cells", "a comma stands before each cell"] {
        assert!(short.contains(words), "{short}");
    }
    let unknown = with_own("code,agency_dk\nby_stier,By\n").unwrap_err();
    assert!(
        unknown.contains("found    agency_dk") && unknown.contains("did you mean agency_da"),
        "{unknown}"
    );
}
