//! The Danish Energy Agency's own workbooks, decoded whole. What is compared with was counted and added up by another
//! reader of the same files (Python's zipfile and ElementTree, 2026-11-26), or stands in another file of the agency.
//!
//! They lie outside the project: `KLIMALADE_REAL` names their folder, else `../shared/real` beside the workspace is
//! taken. Where there is none, each test says on stderr that it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

use arrow::array::AsArray;
use arrow::{array::RecordBatch, compute::concat_batches, datatypes::Float64Type};
use arrow_schema::DataType;
use klimalade_connect::{Connector, Page, Part, Protocol, SourceType};
use klimalade_file::{Files, Settings};
use klimalade_testkit::{bench, contract::decode_all};
use serde_json::{Value, json};

const REAL: &str = "KLIMALADE_REAL";

fn agency() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real");
    let folder = match std::env::var_os(REAL) {
        Some(named) => {
            let named = PathBuf::from(named);
            assert!(named.is_dir(), "{REAL} names {}, which is no folder", named.display());
            named
        }
        None if beside.is_dir() => beside,
        None => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            // Straight to the file descriptor: the harness captures print macros only.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: {test}: no real answers here; {REAL} names their folder"
            );
            return None;
        }
    };
    Some(folder.join("energistyrelsen"))
}

fn files(format: &Value) -> Files {
    let settings = json!({"address": "a.xlsx", "format": format});
    Files::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap()
}

fn page(folder: &Path, name: &str) -> Page {
    Page::from_bytes(name, &std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn decoded(page: &Page, format: &Value, columns: &[(&str, &str, DataType)]) -> RecordBatch {
    let schema = bench::columns(columns);
    let batches = decode_all(&files(format), &Part::new("all"), page, &schema).unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    bench::texts(std::slice::from_ref(rows), column)
}

fn numbers(rows: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    let column = rows.column_by_name(column).unwrap();
    column.as_primitive::<Float64Type>().iter().collect()
}

/// Hundredths, so that sums are exact: the workbooks have two decimals.
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// Rows and sum over all years of each sheet of a CRF workbook.
fn by_sheet(name: &str, years: std::ops::RangeInclusive<u16>) -> Option<BTreeMap<String, (usize, i64)>> {
    let folder = agency()?;
    let years: Vec<String> = years.map(|year| year.to_string()).collect();
    let first = years.first().unwrap().as_str();
    let format = json!({"type": "sheet", "layout": [
        {"sheet": "*", "header_row": 4, "columns": ["CRF code", "Description", first]}]});
    let mut columns = vec![
        ("sheet", "(sheet)", DataType::Utf8),
        ("code", "CRF code", DataType::Utf8),
    ];
    columns.extend(
        years
            .iter()
            .map(|year| (year.as_str(), year.as_str(), DataType::Float64)),
    );
    let rows = decoded(&page(&folder, name), &format, &columns);
    assert_eq!(rows.column_by_name("code").unwrap().null_count(), 0);
    let mut found: BTreeMap<String, (usize, i64)> = BTreeMap::new();
    let by_year: Vec<Vec<Option<f64>>> = years.iter().map(|year| numbers(&rows, year)).collect();
    for (at, sheet) in texts(&rows, "sheet").into_iter().enumerate() {
        let counted = found.entry(sheet.unwrap()).or_default();
        counted.0 += 1;
        counted.1 += by_year.iter().map(|year| hundredths(year[at].unwrap())).sum::<i64>();
    }
    Some(found)
}

fn expected(sheets: &[(&str, i64)]) -> BTreeMap<String, (usize, i64)> {
    sheets
        .iter()
        .map(|(sheet, sum)| ((*sheet).to_owned(), (65, *sum)))
        .collect()
}

#[test]
fn the_projection_by_gas_is_read_sheet_by_sheet() {
    let Some(found) = by_sheet("kf25-crf-tabeller.xlsx", 1990..=2050) else {
        return;
    };
    let sheets = [
        ("CH4", 53_034),
        ("CO2", 195_293),
        ("CO2-ækv", 283_947),
        ("HFCs", 1_966),
        ("Indirekte CO2", 3_035),
        ("N2O", 30_122),
        ("PFCs", 28),
        ("SF6", 259),
    ];
    assert_eq!(
        found,
        expected(&sheets),
        "neither the front page nor the distribution key is one of them"
    );
}

#[test]
fn the_projection_by_quota_sector_is_read_sheet_by_sheet() {
    let Some(found) = by_sheet("kf25-crf-ets-esr.xlsx", 2005..=2050) else {
        return;
    };
    let sheets = [
        ("CO2-ækv", 157_199),
        ("ESR", 113_096),
        ("ETS", 50_139),
        ("Øvrig", -6_055),
    ];
    assert_eq!(found, expected(&sheets));
}

#[test]
fn a_layout_of_another_edition_is_told_what_the_projection_has() {
    let Some(folder) = agency() else { return };
    let format = json!({"type": "sheet", "layout": [{"sheet": "*", "header_row": 3, "columns": ["CRF-kode"]}]});
    let page = page(&folder, "kf25-crf-tabeller.xlsx");
    let columns = bench::columns(&[("code", "CRF-kode", DataType::Utf8)]);
    let fault = decode_all(&files(&format), &Part::new("all"), &page, &columns).unwrap_err();
    let found = fault.found_text().unwrap();
    assert!(
        found.contains("sheet `CO2-ækv`, row 4: CRF code | Description | 1990 | 1991"),
        "{found}"
    );
    assert!(fault.hint_text().unwrap().contains("header_row = 4"), "{fault}");
}

fn turbines_format(sheet: &str) -> Value {
    json!({"type": "sheet", "layout": [
        {"sheet": sheet, "header_row": [17, 18], "columns": ["Møllenummer (GSRN)", "Kapacitet (kW)"]}]})
}

/// Columns of the workbook, in the order of the agency's CSV.
const TURBINE: [&str; 16] = [
    "Møllenummer (GSRN)",
    "Dato for oprindelig nettilslutning",
    "Kapacitet (kW)",
    "Rotor-diameter (m)",
    "Navhøjde (m)",
    "Fabrikat",
    "Model",
    "Kommune-nr.",
    "Kommune",
    "Type af placering",
    "Ejerlav",
    "Matrikel-nummer",
    "X (øst) koordinat UTM 32 Euref89",
    "Y (nord) koordinat UTM 32 Euref89",
    "Koordinatoprindelse",
    "Netselskabets installations-nummer",
];

#[test]
fn every_cell_of_the_existing_turbines_equals_the_agencys_csv() {
    let Some(folder) = agency() else { return };
    let columns: Vec<_> = TURBINE.iter().map(|name| (*name, *name, DataType::Utf8)).collect();
    let rows = decoded(
        &page(&folder, "stamdata_vind_2022-01_uddrag.xlsx"),
        &turbines_format("IkkeAfmeldte-Existing turbines"),
        &columns,
    );
    let mut reader = csv::Reader::from_path(folder.join("stamdata_vind_dk_md.csv")).unwrap();
    let register: BTreeMap<String, csv::StringRecord> = reader
        .records()
        .map(|record| record.unwrap())
        .map(|record| (record[0].to_owned(), record))
        .collect();
    assert_eq!(register.len(), 6_296);
    let cells: Vec<Vec<Option<String>>> = TURBINE.iter().map(|name| texts(&rows, name)).collect();
    let mut compared = 0;
    #[allow(clippy::needless_range_loop, reason = "the columns go side by side")]
    for row in 0..rows.num_rows() {
        let identifier = cells[0][row].as_deref().unwrap();
        let Some(record) = register.get(identifier) else {
            assert!(
                identifier.starts_with("Sum af") || identifier == "I alt",
                "{identifier}"
            );
            continue;
        };
        compared += 1;
        for (at, name) in TURBINE.iter().enumerate() {
            let cell = cells[at][row].as_deref().unwrap_or_default();
            let written = &record[at];
            let is_same = match at {
                1 => is_same_day(cell, written),
                2..=4 | 12 | 13 => cell == written || cell.parse::<f64>() == written.parse::<f64>(),
                _ => cell == written,
            };
            assert!(is_same, "{identifier}, {name}: `{cell}` is not `{written}`");
        }
    }
    assert_eq!((compared, rows.num_rows()), (135, 138), "three rows of sums");
}

/// `2014-12-18` and `12/18/14`.
fn is_same_day(day: &str, american: &str) -> bool {
    let pieces: Vec<u32> = american.split('/').map(|piece| piece.parse().unwrap()).collect();
    day.get(2..) == Some(&format!("{:02}-{:02}-{:02}", pieces[2], pieces[0], pieces[1]))
}

#[test]
fn both_sheets_of_turbines_are_read_with_types_years_and_the_rows_of_sums() {
    let Some(folder) = agency() else { return };
    let page = page(&folder, "stamdata_vind_2022-01_uddrag.xlsx");
    let columns = [
        ("turbine", "Møllenummer (GSRN)", DataType::Utf8),
        ("sheet", "(sheet)", DataType::Utf8),
        ("connected", "Dato for oprindelig nettilslutning", DataType::Date32),
        ("kw", "Kapacitet (kW)", DataType::Float64),
        ("municipality", "Kommune-nr.", DataType::Int64),
        ("kwh_2020", "2020", DataType::Float64),
        ("kwh_this_year", "Akkumuleret | 2022", DataType::Float64),
    ];
    let rows = decoded(&page, &turbines_format("*"), &columns);
    let sheets = texts(&rows, "sheet");
    let turbines = texts(&rows, "turbine");
    let (kw, kwh, municipalities) = (
        numbers(&rows, "kw"),
        numbers(&rows, "kwh_2020"),
        texts(&rows, "municipality"),
    );
    for (sheet, count, expected_kw, in_ærø, total_kwh) in [
        ("IkkeAfmeldte-Existing turbines", 135, 116_610.0, 8, 284_789_988.576),
        ("Afmeldte-Decommissioned", 76, 15_764.0, 22, 1_824_309.928),
    ] {
        let own: Vec<usize> = (0..rows.num_rows())
            .filter(|at| sheets[*at].as_deref() == Some(sheet))
            .filter(|at| turbines[*at].as_deref().unwrap().starts_with("57"))
            .collect();
        assert_eq!(own.len(), count, "{sheet}");
        assert_eq!(
            own.iter().map(|at| kw[*at].unwrap()).sum::<f64>(),
            expected_kw,
            "{sheet}"
        );
        let kwh: f64 = own.iter().filter_map(|at| kwh[*at]).sum();
        assert!((kwh - total_kwh).abs() < 0.001, "{sheet}: {kwh}");
        let in_municipality = own.iter().filter(|at| municipalities[**at].as_deref() == Some("492"));
        assert_eq!(in_municipality.count(), in_ærø, "{sheet}");
    }
    let sums: Vec<(String, Option<f64>)> = (0..rows.num_rows())
        .filter(|at| !turbines[*at].as_deref().unwrap().starts_with("57"))
        .map(|at| (turbines[at].clone().unwrap(), kwh[at]))
        .collect();
    assert_eq!(sums.len(), 4, "{sums:?}");
    assert_eq!(sums[2], ("I alt".to_owned(), Some(16_353_116_701.699_98)));

    let found = files(&turbines_format("IkkeAfmeldte*"))
        .columns(&Part::new("all"), &page)
        .unwrap();
    let kinds: BTreeMap<&str, SourceType> = found.iter().map(|one| (one.name.as_str(), one.kind)).collect();
    for (name, kind) in [
        ("Møllenummer (GSRN)", SourceType::Text),
        ("Dato for oprindelig nettilslutning", SourceType::Date),
        ("Rotor-diameter (m)", SourceType::Float),
        ("Kommune-nr.", SourceType::Int),
        ("1977", SourceType::Int),
        ("2020", SourceType::Float),
        ("(sheet)", SourceType::Text),
    ] {
        assert_eq!(kinds.get(name), Some(&kind), "{name}");
    }
}
