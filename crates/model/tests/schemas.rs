//! The common schema holds together: every reference between fields, tables, code lists and units has both its ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shared;

use std::collections::BTreeSet;

use klimalade_model::{FieldType, Schemas};
use shared::{assert_each_in, cell, schemas};

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

fn column_names(schemas: &Schemas, table: &str) -> Vec<String> {
    schemas
        .table(table)
        .unwrap()
        .columns
        .iter()
        .map(|column| column.field.name.clone())
        .collect()
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
        let by_runner = ["control_total", "revision"].contains(&table.name.as_str()) || table.layer == "run";
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
        // Those of core get them from the runner; of the others none has them but as columns of their own.
        for common in COMMON_COLUMNS.iter().filter(|_| table.layer == "core") {
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
        if table.layer != "core" {
            assert!(table.partition_by.is_empty(), "{} is one file", table.name);
            continue;
        }
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
            .filter(|table| table.layer == "core" && table.column(column).is_some())
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
