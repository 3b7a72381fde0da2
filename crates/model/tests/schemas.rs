//! The common schema holds together: every reference between fields, tables, code lists and units has both its ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use klimalade_model::{CodeList, FieldType, Schemas};

const STANDARD_HEADER: [&str; 8] = [
    "code",
    "name_da",
    "name_en",
    "parent_code",
    "is_group",
    "valid_from",
    "valid_to",
    "sort_order",
];
const COMMON_COLUMNS: [&str; 6] = [
    "pipeline",
    "source_id",
    "retrieved_at",
    "snapshot_sha256",
    "source_version",
    "licence_code",
];
const CORE_TABLES: [&str; 16] = [
    "action",
    "area_boundary",
    "control_total",
    "facility",
    "facility_year",
    "observation",
    "observation_hourly",
    "observation_within_year",
    "plan",
    "plan_area",
    "plan_assessment",
    "project",
    "project_area",
    "revision",
    "survey_answer",
    "target",
];

fn schemas() -> Schemas {
    Schemas::embedded().expect("the copies in the binary load")
}

fn cell<'a>(list: &'a CodeList, code: &str, column: &str) -> &'a str {
    assert!(
        list.header.iter().any(|name| name == column),
        "{} has no column {column}",
        list.name
    );
    list.get(code, column).unwrap_or_default()
}

fn column_names(schemas: &Schemas, table: &str) -> Vec<String> {
    schemas
        .table(table)
        .unwrap()
        .columns
        .iter()
        .map(|column| column.field.name.clone())
        .collect()
}

fn assert_each_in(list: &CodeList, column: &str, other: &CodeList) {
    for code in list.codes() {
        for part in cell(list, code, column).split_whitespace() {
            assert!(
                other.contains(part),
                "{} {code}: {column} {part} is not in {}",
                list.name,
                other.name
            );
        }
    }
}

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
fn every_table_of_core_is_defined() {
    let tables = schemas().tables;
    let core: Vec<&str> = tables
        .values()
        .filter(|table| table.layer == "core")
        .map(|table| table.name.as_str())
        .collect();
    assert_eq!(core, CORE_TABLES);
}

#[test]
fn runner_tables_are_not_for_pipelines() {
    let schemas = schemas();
    for table in schemas.tables.values() {
        let by_runner = ["control_total", "revision"].contains(&table.name.as_str());
        assert_eq!(table.by_runner, by_runner, "{}", table.name);
    }
}

#[test]
fn a_column_stands_once_in_its_table() {
    for table in schemas().tables.values() {
        let names: BTreeSet<&str> = table.columns.iter().map(|column| column.field.name.as_str()).collect();
        assert_eq!(names.len(), table.columns.len(), "{}", table.name);
    }
}

#[test]
fn key_columns_are_required_and_no_common_column_is_listed() {
    for table in schemas().tables.values() {
        assert!(!table.unique_key.is_empty(), "{}", table.name);
        for key in &table.unique_key {
            assert!(
                table.column(key).is_some_and(|column| column.required),
                "{}.{key}",
                table.name
            );
        }
        for common in COMMON_COLUMNS {
            assert!(
                table.column(common).is_none(),
                "{}.{common} is attached by the runner",
                table.name
            );
        }
    }
}

#[test]
fn an_optional_column_is_one_that_the_table_has() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/tables");
    let schemas = schemas();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let table = schemas.table(path.file_stem().unwrap().to_str().unwrap()).unwrap();
        let file: toml::Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for name in file
            .get("optional")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let column = table.column(name.as_str().unwrap());
            assert!(column.is_some_and(|column| !column.required), "{}: {name}", table.name);
        }
        for name in file
            .get("without")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            assert!(table.column(name.as_str().unwrap()).is_none(), "{}: {name}", table.name);
        }
    }
}

#[test]
fn partition_columns_stand_in_the_path_only_and_come_from_a_date() {
    for table in schemas().tables.values() {
        assert_eq!(
            table.partition_by.first().map(String::as_str),
            Some("pipeline"),
            "{}",
            table.name
        );
        for part in &table.partition_by {
            assert!(
                table.column(part).is_none(),
                "{}.{part} stands in the file and in the path",
                table.name
            );
        }
        match &table.partition_from {
            None => assert_eq!(table.partition_by.len(), 1, "{}", table.name),
            Some(from) => {
                assert!(table.partition_by.len() > 1, "{}", table.name);
                let column = table.column(from).unwrap_or_else(|| panic!("{}.{from}", table.name));
                assert!(column.required, "{}.{from}", table.name);
                assert!(
                    matches!(column.field.kind, FieldType::Date | FieldType::TimestampUtc),
                    "{}.{from}",
                    table.name
                );
            }
        }
    }
}

#[test]
fn the_three_observation_tables_differ_only_in_how_they_tell_time() {
    let schemas = schemas();
    let time = [
        "year",
        "period_start",
        "period_end",
        "time_period",
        "hour_start_at",
        "civil_date",
    ];
    let rest = |table: &str| -> Vec<String> {
        column_names(&schemas, table)
            .into_iter()
            .filter(|name| !time.contains(&name.as_str()))
            .collect()
    };
    assert_eq!(rest("observation"), rest("observation_within_year"));
    assert_eq!(rest("observation"), rest("observation_hourly"));
    let within: Vec<String> = column_names(&schemas, "observation")
        .into_iter()
        .filter(|name| name != "year")
        .collect();
    assert_eq!(column_names(&schemas, "observation_within_year"), within);
    let hourly: Vec<String> = schemas.table("observation").unwrap().unique_key.clone();
    let hourly: Vec<String> = hourly
        .into_iter()
        .map(|key| key.replace("period_start", "hour_start_at"))
        .collect();
    assert_eq!(schemas.table("observation_hourly").unwrap().unique_key, hourly);
    assert!(column_names(&schemas, "control_total").starts_with(&column_names(&schemas, "observation")));
}

#[test]
fn every_field_is_used_and_names_a_list_and_a_unit_that_exist() {
    let schemas = schemas();
    let units = schemas.code_list("units").unwrap();
    for field in schemas.fields.values() {
        if let Some(list) = &field.codes {
            assert!(schemas.codes.contains_key(list), "{}: no list {list}", field.name);
        }
        if let Some(unit) = &field.unit {
            assert!(units.contains(unit), "{}: no unit {unit}", field.name);
        }
        assert!(
            field.description_en.ends_with('.') && field.description_da.ends_with('.'),
            "{}",
            field.name
        );
        let used = schemas
            .tables
            .values()
            .any(|table| table.column(&field.name).is_some() || table.partition_by.contains(&field.name));
        assert!(
            used || COMMON_COLUMNS.contains(&field.name.as_str()),
            "{} belongs to no table",
            field.name
        );
    }
    for common in COMMON_COLUMNS {
        assert!(schemas.fields.contains_key(common), "{common}");
    }
}

#[test]
fn every_list_has_the_standard_header_names_and_clean_cells() {
    for list in schemas().codes.values() {
        assert_eq!(list.header[..STANDARD_HEADER.len()], STANDARD_HEADER, "{}", list.name);
        assert!(!list.rows.is_empty(), "{}", list.name);
        for row in &list.rows {
            let place = format!("{} {}", list.name, row[0]);
            assert!(
                !row[0].is_empty() && !row[1].is_empty() && !row[2].is_empty(),
                "{place}"
            );
            assert!(row[4] == "0" || row[4] == "1", "{place}");
            assert!(
                row.iter().all(|cell| cell.trim() == cell && !cell.contains('\u{fffd}')),
                "{place}"
            );
            for day in [&row[5], &row[6]] {
                assert!(
                    day.is_empty() || day.parse::<jiff::civil::Date>().is_ok(),
                    "{place}: {day}"
                );
            }
            assert!(row[5].is_empty() || row[6].is_empty() || row[5] < row[6], "{place}");
            assert!(row[7].parse::<u32>().is_ok(), "{place}");
            assert!(
                row[3].is_empty() || (list.contains(&row[3]) && row[3] != row[0]),
                "{place}: parent {}",
                row[3]
            );
        }
    }
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
    assert_each_in(areas, "kkr_code", schemas.code_list("kkr").unwrap());
    assert_each_in(
        areas,
        "municipality_group_code",
        schemas.code_list("municipality_groups").unwrap(),
    );
    assert_each_in(areas, "area_level", schemas.code_list("area_levels").unwrap());
    let mut members: BTreeMap<&str, usize> = BTreeMap::new();
    let mut statbank: BTreeSet<&str> = BTreeSet::new();
    for code in areas.codes() {
        for (column, level) in [
            ("region_code", "region"),
            ("landsdel_code", "landsdel"),
            ("price_area_code", "price_area"),
        ] {
            let to = cell(areas, code, column);
            assert!(
                to.is_empty() || cell(areas, to, "area_level") == level,
                "{code}: {column} {to}"
            );
        }
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
        for column in [
            "region_code",
            "landsdel_code",
            "kkr_code",
            "nuts3",
            "municipality_group_code",
            "price_area_code",
        ] {
            assert!(!cell(areas, code, column).is_empty(), "{code}: {column}");
        }
        let landsdel = cell(areas, code, "landsdel_code");
        assert_eq!(
            cell(areas, landsdel, "region_code"),
            cell(areas, code, "region_code"),
            "{code}"
        );
        *members.entry(cell(areas, code, "region_code")).or_default() += 1;
    }
    assert_eq!(
        members,
        BTreeMap::from([("1081", 11), ("1082", 19), ("1083", 22), ("1084", 29), ("1085", 17)])
    );
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
    assert_eq!(cell(areas, "0751", "landsdel_code"), "DK042");
    assert_eq!(cell(areas, "0657", "landsdel_code"), "DK041");
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
fn breakdown_lists_name_indicators_that_allow_the_breakdown() {
    let schemas = schemas();
    let indicators = schemas.code_list("indicators").unwrap();
    for (name, dimension) in [("categories", "category"), ("details", "detail")] {
        let list = schemas.code_list(name).unwrap();
        for code in list.codes().filter(|code| !code.starts_with('_')) {
            let named = cell(list, code, "indicator_codes");
            assert!(!named.is_empty(), "{name} {code}");
            for indicator in named.split_whitespace() {
                let allowed = cell(indicators, indicator, "dimensions");
                assert!(
                    allowed.split_whitespace().any(|word| word == dimension),
                    "{name} {code}: {indicator}"
                );
            }
        }
    }
    assert_each_in(
        schemas.code_list("categories").unwrap(),
        "sector_code",
        schemas.code_list("sectors").unwrap(),
    );
}

#[test]
fn special_codes_stand_in_every_breakdown_list() {
    let schemas = schemas();
    for name in ["sectors", "carriers", "categories", "details"] {
        let list = schemas.code_list(name).unwrap();
        for special in ["_T", "_Z", "_U", "_X", "_O"] {
            assert!(list.contains(special), "{name}: {special}");
        }
    }
    for name in ["gases", "scopes", "methods"] {
        assert!(schemas.code_list(name).unwrap().contains("_Z"), "{name}");
    }
}

#[test]
fn shared_lists_say_which_table_a_code_belongs_to() {
    let schemas = schemas();
    for (name, column) in [("statuses", "status_code"), ("kinds", "kind_code")] {
        let list = schemas.code_list(name).unwrap();
        let holders: BTreeSet<&str> = schemas
            .tables
            .values()
            .filter(|table| table.column(column).is_some())
            .map(|table| table.name.as_str())
            .collect();
        let named: BTreeSet<&str> = list
            .codes()
            .flat_map(|code| cell(list, code, "tables").split_whitespace())
            .collect();
        assert_eq!(named, holders, "{name}");
        assert!(
            list.codes().all(|code| !cell(list, code, "tables").is_empty()),
            "{name}"
        );
    }
}

#[test]
fn lists_that_name_each_other_agree() {
    let schemas = schemas();
    let list = |name: &str| schemas.code_list(name).unwrap();
    assert_each_in(list("sources"), "licence_code", list("licences"));
    assert_each_in(list("methods"), "boundary_code", list("boundaries"));
    assert_each_in(list("gwp_sets"), "gas_code", list("gases"));
    assert_each_in(list("area_classes"), "theme_codes", list("themes"));
    assert_each_in(list("criteria"), "framework_code", list("frameworks"));
    assert_each_in(list("kkr"), "region_code", list("areas"));
    let sets: BTreeSet<&str> = list("gwp_sets")
        .codes()
        .map(|code| cell(list("gwp_sets"), code, "set"))
        .collect();
    for method in list("methods").codes() {
        let set = cell(list("methods"), method, "gwp_set");
        assert!(set.is_empty() || set == "_U" || sets.contains(set), "{method}: {set}");
    }
    for code in list("gwp_sets").codes() {
        let row = list("gwp_sets");
        assert_eq!(
            code,
            format!("{}_{}", cell(row, code, "set"), cell(row, code, "species"))
        );
        assert!(
            cell(row, code, "gwp").parse::<f64>().is_ok_and(|gwp| gwp >= 1.0),
            "{code}"
        );
    }
    let ranks: BTreeSet<u8> = list("licences")
        .codes()
        .map(|code| cell(list("licences"), code, "strictness").parse().unwrap())
        .collect();
    assert_eq!(
        ranks.len(),
        list("licences").rows.len(),
        "two licences are equally strict: no strictest input"
    );
    assert!(
        list("sources").codes().all(|code| !code.starts_with("sim_")),
        "the runner makes sim_ codes"
    );
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
