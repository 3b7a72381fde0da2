//! Rule 2 of adding up, on files as they are staged.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};
use klimalade_engine::{AreaRule, Engine, EngineOptions, check_adding_up, indicator_sums, missing_areas};
use klimalade_model::{Kind, Result, Schemas};
use parquet::arrow::ArrowWriter;

/// Days from 1970 of 1 January 2023 and 2024.
const Y2023: i32 = 19_358;
const Y2024: i32 = 19_723;

type Cells = [(&'static str, &'static str)];

/// A row of one municipality in 2023 with these cells; every other column has a value that breaks no rule.
fn row(cells: &Cells) -> BTreeMap<&'static str, String> {
    let mut row: BTreeMap<&str, String> = [
        ("indicator_code", "ghg_emissions"),
        ("scenario_code", "actual"),
        ("frequency_code", "A"),
        ("method_code", "ens_account_v4"),
        ("area_code", "0101"),
        ("period", "2023"),
        ("sector_code", "road"),
        ("carrier_code", "_T"),
        ("category_code", "_T"),
        ("detail_code", "_T"),
        ("gas_code", "co2e"),
        ("scope_code", "_T"),
        ("value", "1"),
    ]
    .map(|(name, cell)| (name, cell.to_owned()))
    .into();
    row.extend(cells.iter().map(|(name, cell)| (*name, (*cell).to_owned())));
    row
}

fn write(path: &Path, rows: &[BTreeMap<&'static str, String>]) {
    let (mut fields, mut columns) = (Vec::new(), Vec::<ArrayRef>::new());
    for name in rows[0].keys() {
        let cells = rows.iter().map(|row| row[name].clone());
        let (name, column): (&str, ArrayRef) = match *name {
            "value" => (
                name,
                Arc::new(cells.map(|cell| cell.parse::<f64>().ok()).collect::<Float64Array>()),
            ),
            "period" => {
                let day = |year: String| if year == "2023" { Y2023 } else { Y2024 };
                (
                    "period_start",
                    Arc::new(cells.map(|cell| Some(day(cell))).collect::<Date32Array>()),
                )
            }
            _ => (name, Arc::new(cells.map(Some).collect::<StringArray>())),
        };
        let kind: DataType = column.data_type().clone();
        fields.push(Field::new(name, kind, true));
        columns.push(column);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

struct Ground {
    folder: tempfile::TempDir,
    schemas: Schemas,
    engine: Engine,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let schemas = Schemas::embedded().unwrap();
        let options = EngineOptions {
            memory_bytes: 48 << 20,
            scratch: folder.path().to_owned(),
        };
        let engine = Engine::new(&options, &schemas).unwrap();
        Self {
            folder,
            schemas,
            engine,
        }
    }
    fn file(&self, rows: &[&Cells]) -> std::path::PathBuf {
        let path = self.folder.path().join("staged.parquet");
        write(&path, &rows.iter().map(|cells| row(cells)).collect::<Vec<_>>());
        path
    }
    async fn check(&self, rows: &[&Cells]) -> Result<()> {
        let table = self.schemas.table("observation").unwrap();
        check_adding_up(&self.engine, &self.file(rows), table, &self.schemas, &BTreeMap::new()).await
    }
    async fn refused(&self, rows: &[&Cells], words: &[&str]) {
        let fault = self.check(rows).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract);
        for word in words {
            assert!(fault.to_string().contains(word), "{word} is not in {fault}");
        }
    }
}

#[tokio::test]
async fn rows_that_add_up_pass() {
    let ground = Ground::new();
    ground.check(&[&[]]).await.unwrap();
    ground
        .check(&[
            &[("sector_code", "road_cars")],
            &[("sector_code", "road_vans"), ("carrier_code", "gasoline")],
            // A total of another year, and one of another area.
            &[("sector_code", "road"), ("period", "2024")],
            &[("sector_code", "_T"), ("area_code", "0147")],
            // A projection of a year that has no figure.
            &[
                ("sector_code", "road"),
                ("area_code", "0151"),
                ("period", "2024"),
                ("scenario_code", "kf25"),
            ],
            // Another indicator has a method of its own.
            &[("indicator_code", "population"), ("method_code", "dst_register")],
        ])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_method_and_a_second_frequency_are_refused() {
    let ground = Ground::new();
    let other: &Cells = &[("method_code", "ens_account_v5"), ("area_code", "0147")];
    ground
        .refused(
            &[&[], other],
            &["two methods", "ghg_emissions", "ens_account_v4 and ens_account_v5"],
        )
        .await;
    let other: &Cells = &[("frequency_code", "A2"), ("area_code", "0147")];
    ground.refused(&[&[], other], &["two frequencies", "A and A2"]).await;
}

#[tokio::test]
async fn a_period_in_two_scenarios_is_refused() {
    let words = ["two scenarios", "actual and kf25", "area_code=0101", "2023-01-01"];
    Ground::new()
        .refused(&[&[], &[("scenario_code", "kf25"), ("sector_code", "rail")]], &words)
        .await;
}

#[tokio::test]
async fn a_total_a_parent_and_co2e_beside_their_parts_are_refused() {
    let ground = Ground::new();
    let total: &Cells = &[("sector_code", "_T")];
    ground
        .refused(
            &[&[], total],
            &["sector_code=_T beside sector_code=road", "area_code=0101", "2023-01-01"],
        )
        .await;
    // Over two steps, and in two columns at once.
    let parent: &Cells = &[("sector_code", "transport"), ("carrier_code", "_T")];
    let part: &Cells = &[("sector_code", "road_cars"), ("carrier_code", "gasoline")];
    ground
        .refused(
            &[parent, part],
            &[
                "sector_code=transport",
                "sector_code=road_cars",
                "carrier_code=gasoline",
            ],
        )
        .await;
    ground
        .refused(&[&[], &[("gas_code", "ch4")]], &["gas_code=co2e beside gas_code=ch4"])
        .await;
    // What is unknown is a part of the total too.
    ground
        .refused(&[total, &[("sector_code", "_U")]], &["sector_code=_U"])
        .await;
}

#[tokio::test]
async fn an_indicator_that_is_absent_in_a_period_is_missed_in_every_area() {
    let ground = Ground::new();
    let other = ("indicator_code", "re_electricity_share");
    let file = ground.file(&[&[], &[("period", "2024")], &[other]]);
    let rule = AreaRule {
        also: vec!["0101".to_owned()],
        per: vec!["period_start".to_owned()],
        indicators: ["ghg_emissions", "re_electricity_share"].map(str::to_owned).into(),
        ..AreaRule::default()
    };
    let table = ground.schemas.table("observation").unwrap();
    let areas = ground.schemas.code_list("areas").unwrap();
    let findings = missing_areas(&ground.engine, &file, table, areas, &rule, &BTreeMap::new())
        .await
        .unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].group, "re_electricity_share, actual, 2024-01-01");
    assert_eq!(findings[0].missing, ["0101"]);
}

#[tokio::test]
async fn a_table_without_indicators_groups_by_what_it_has() {
    let ground = Ground::new();
    let file = ground.file(&[&[], &[("area_code", "0147")]]);
    let rule = AreaRule {
        also: ["0101", "0151"].map(str::to_owned).into(),
        per: vec!["period_start".to_owned()],
        ..AreaRule::default()
    };
    let table = ground.schemas.table("plan").unwrap();
    let areas = ground.schemas.code_list("areas").unwrap();
    let findings = missing_areas(&ground.engine, &file, table, areas, &rule, &BTreeMap::new())
        .await
        .unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (findings[0].missing.join(" "), findings[0].unexpected.join(" ")),
        ("0151".into(), "0147".into())
    );
}

#[tokio::test]
async fn an_area_that_is_excepted_of_its_level_is_not_missed_and_is_unexpected() {
    let ground = Ground::new();
    let all = ground.schemas.code_list("areas").unwrap();
    let except = |kept: &[&str]| -> Vec<String> {
        let municipalities = all
            .codes()
            .filter(|code| all.get(code, "area_level") == Some("municipality"));
        let others = municipalities.filter(|code| !kept.contains(code));
        others.map(str::to_owned).collect()
    };
    let file = ground.file(&[&[("area_code", "0101")], &[("area_code", "0147")]]);
    let table = ground.schemas.table("observation").unwrap();
    let mut verdicts = Vec::new();
    for kept in [&["0101", "0147"][..], &["0101", "0825"]] {
        let rule = AreaRule {
            level: Some("municipality".to_owned()),
            except: except(kept),
            per: vec!["period_start".to_owned()],
            ..AreaRule::default()
        };
        let findings = missing_areas(&ground.engine, &file, table, all, &rule, &BTreeMap::new()).await;
        let findings = findings.unwrap();
        verdicts.push(
            findings
                .first()
                .map(|found| (found.missing.join(" "), found.unexpected.join(" "))),
        );
    }
    assert_eq!(verdicts, [None, Some(("0825".to_owned(), "0147".to_owned()))]);
}

#[tokio::test]
async fn sums_are_by_indicator_and_period() {
    let ground = Ground::new();
    let table = ground.schemas.table("observation").unwrap();
    let file = ground.file(&[&[], &[("area_code", "0147")], &[("period", "2024"), ("value", "none")]]);
    let sums = indicator_sums(&ground.engine, &file, table).await.unwrap();
    let of = |day: &str| sums[&("ghg_emissions".to_owned(), day.to_owned())];
    assert_eq!((sums.len(), of("2023-01-01"), of("2024-01-01")), (2, Some(2.0), None));
}
