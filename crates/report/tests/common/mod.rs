//! A small lake: two municipalities, six indicators, a trajectory, a plan, an action, the heating of one municipality.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::RecordBatch, json::ReaderBuilder};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Result, Schemas};
use klimalade_report::{Mapping, Request, Summary};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) async fn simulated() -> Self {
        Self::made(true).await
    }

    pub(crate) async fn real() -> Self {
        Self::made(false).await
    }

    pub(crate) async fn empty() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        world.begin(true);
        world
    }

    fn begin(&self, simulated: bool) {
        fs::create_dir_all(self.folder.path().join("lake")).unwrap();
        fs::write(
            self.folder.path().join("lake/lake.toml"),
            format!("version = 1\nsimulated = {simulated}\n"),
        )
        .unwrap();
    }

    async fn made(simulated: bool) -> Self {
        let world = Self::empty().await;
        world.begin(simulated);
        for (table, rows) in tables() {
            world.put(table, &rows);
        }
        world
    }

    /// Writes rows as a file of the table; what a row leaves out is null.
    pub(crate) fn put(&self, table: &str, rows: &[Value]) {
        let schemas = Schemas::embedded().unwrap();
        let known = schemas.table(table).unwrap();
        let key = match known.is_out() {
            true => format!("out/{table}.parquet"),
            false => format!("core/{table}/pipeline=made/data.parquet"),
        };
        let mut fields: Vec<_> = known
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect();
        for common in ["source_id", "retrieved_at", "snapshot_sha256", "licence_code"] {
            if !known.is_out() && !fields.iter().any(|field| field.name() == common) {
                fields.push(arrow::datatypes::Field::new(
                    common,
                    arrow::datatypes::DataType::Utf8,
                    true,
                ));
            }
        }
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().unwrap();
        decoder.serialize(rows).unwrap();
        let batch = decoder
            .flush()
            .unwrap()
            .unwrap_or_else(|| RecordBatch::new_empty(schema.clone()));
        let file = self.folder.path().join("lake").join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let mut writer = ArrowWriter::try_new(fs::File::create(file).unwrap(), schema, None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    pub(crate) async fn try_report(&self, name: &str) -> Result<Summary> {
        self.try_since(name, None).await
    }

    /// The folder that lake and reports lie in.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the lake.
    pub(crate) fn text(&self, key: &str, text: &str) {
        let file = self.folder.path().join("lake").join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A night that ended.
    pub(crate) fn night(&self, run_id: &str, finished_at: &str) {
        let night = json!({"run_id": run_id, "started_at": finished_at, "finished_at": finished_at, "owners": []});
        self.text(&format!("ledger/{run_id}/night.json"), &night.to_string());
    }

    /// A report that follows another.
    pub(crate) async fn try_since(&self, name: &str, since: Option<String>) -> Result<Summary> {
        let lake = self.folder.path().join("lake");
        let options = OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        };
        let lake = Lake::open(lake.to_str().unwrap(), options).await?;
        let mapping = |owner: &str, table: &str, sql: &str| Mapping {
            owner: owner.to_owned(),
            folder: owner.to_owned(),
            title_da: "Lavet".to_owned(),
            title_en: "Made".to_owned(),
            table: table.to_owned(),
            sql: sql.to_owned(),
            hash: None,
        };
        let request = Request {
            year: 2025,
            since,
            mappings: vec![
                mapping(
                    "made",
                    "observation",
                    "SELECT 'publish' AS fate FROM raw r WHERE r.tal < 7",
                ),
                mapping("out_indicator_year", "indicator_year", "SELECT 1 AS one"),
                mapping("unused", "observation", "SELECT 2 AS two"),
            ],
        };
        klimalade_report::write_report(&lake, &Schemas::embedded()?, &request, &self.folder.path().join(name)).await
    }

    /// Where the report was written.
    pub(crate) async fn report(&self, name: &str) -> PathBuf {
        let summary = self.try_report(name).await.unwrap();
        assert!(summary.pages > 30, "{summary:?}");
        self.folder.path().join(name)
    }

    /// The pages, but for the one that only leads on.
    pub(crate) fn pages(&self, folder: &Path) -> Vec<PathBuf> {
        files(folder)
            .into_iter()
            .filter(|file| file.extension().is_some_and(|ending| ending == "html"))
            .collect()
    }
}

/// All files below a folder, in order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found.sort();
    found
}

/// The values of an attribute.
pub(crate) fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let name = format!(" {name}=\"");
    html.match_indices(&name)
        .map(|(at, _)| at + name.len())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|from| html[from..].split_once('"').unwrap().0)
}

fn area(code: &str) -> Value {
    let name = if code == "0751" { "Aarhus" } else { "København" };
    let region = if code == "0751" { "1082" } else { "1084" };
    json!({"area_code": code, "area_name_da": name, "area_name_en": name, "region_code": region, "region_name_da": "R", "region_name_en": "R"})
}

fn with(base: &Value, more: Value) -> Value {
    let mut row = base.clone();
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

fn tables() -> Vec<(&'static str, Vec<Value>)> {
    let (aarhus, copenhagen) = (area("0751"), area("0101"));
    let mut years = Vec::new();
    for year in 2018..=2023 {
        let energy = json!({"year": year, "ghg_energy_tonne_co2e": 1000.0, "ghg_transport_tonne_co2e": 500.0, "ghg_waste_tonne_co2e": -20.0});
        years.push(with(&aarhus, energy.clone()));
        years.push(with(&copenhagen, energy));
    }
    let region = |code: &str| json!({"region_code": code, "year": 2023, "region_name_da": "R", "region_name_en": "R", "municipality_count": 1});
    let indicator = |code: &str, area: &str, level: &str, year: i16, unit: &str, value: Option<f64>| {
        json!({"indicator_code": code, "area_code": area, "year": year, "area_level": level, "indicator_name_da": "I", "indicator_name_en": "I",
            "is_preferred": true, "area_name_da": "A", "area_name_en": "A", "value": value, "unit_code": unit, "base_year": 2018,
            "municipality_rank": value.map(|_| 1), "municipality_count": 2, "missing_count": 0})
    };
    let emissions = |area: &str, level: &str| {
        let last = indicator("ghg_emissions", area, level, 2023, "tonne_co2e", Some(1_234_567.5));
        [
            indicator("ghg_emissions", area, level, 2018, "tonne_co2e", Some(1_407_000.0)),
            with(
                &last,
                json!({"change_value": -172_432.5, "change_ratio": -0.1227, "value_per_person": 3.5}),
            ),
        ]
    };
    let mut indicators = Vec::new();
    for (area, level) in [
        ("0751", "municipality"),
        ("0101", "municipality"),
        ("1082", "region"),
        ("1084", "region"),
        ("DK", "country"),
    ] {
        indicators.extend(emissions(area, level));
    }
    indicators.push(indicator(
        "vehicles",
        "0751",
        "municipality",
        2024,
        "number",
        Some(2580.0),
    ));
    indicators.push(indicator("vehicles", "0101", "municipality", 2024, "number", None));
    indicators.push(indicator(
        "precipitation",
        "0751",
        "municipality",
        2024,
        "mm",
        Some(803.4),
    ));
    for (code, unit, before, after) in [
        ("electricity_consumption", "mwh", 1_000_000.0, 1_200_000.0),
        ("electricity_emission_factor", "g_co2e_per_kwh", 200.0, 100.0),
        ("heating_degree_days", "degree_day", 3150.0, 2850.0),
    ] {
        for (year, value) in [(2018, before), (2023, after)] {
            indicators.push(indicator(code, "0751", "municipality", year, unit, Some(value)));
        }
    }
    let step = |area: &str, method: &str, year: i16, more: Value| {
        with(
            &json!({"area_code": area, "method_code": method, "year": year, "area_level": "municipality", "area_name_da": "A", "area_name_en": "A"}),
            more,
        )
    };
    let mut trajectory = Vec::new();
    for year in 2018..=2023 {
        trajectory.push(step("0751", "actual", year, json!({"value_tonne_co2e": 1_250_000.0, "target_value_tonne_co2e": 1_000_000.0, "gap_tonne_co2e": 250_000.0, "is_on_track": false})));
        trajectory.push(step("0101", "actual", year, json!({"value_tonne_co2e": 1_250_000.0})));
    }
    for year in 2024..=2030 {
        trajectory.push(step(
            "0751",
            "lin_ols",
            year,
            json!({"value_tonne_co2e": 1_200_000.0, "gap_tonne_co2e": 1.0, "is_on_track": false}),
        ));
        trajectory.push(step(
            "0751",
            "target_path",
            year,
            json!({"value_tonne_co2e": 900_000.0}),
        ));
        trajectory.push(step("0101", "target_path", year, json!({"reason_code": "no_target"})));
    }
    let source = json!({"source_id": "sim_klimaalliancen_plans", "retrieved_at": "2026-11-26T15:00:00Z", "snapshot_sha256": "ab".repeat(32), "licence_code": "not_stated"});
    let action = with(
        &source,
        json!({"action_id": "a:1", "area_code": "0751", "title": "<script>varme</script>", "kind": "mitigation",
        "sector_code": "energy", "status_code": "done", "expected_effect_tonne_co2e": 10.0}),
    );
    let heat = |year: i16, carrier: &str, category: &str, value: f64| {
        with(
            &source,
            json!({"indicator_code": "final_energy_consumption", "method_code": "ens_account_v4", "source_id": "sim_ens_klimaregnskab",
            "area_code": "0751", "area_level": "municipality", "year": year, "scenario_code": "actual", "sector_code": "energy_residential",
            "carrier_code": carrier, "category_code": category, "value": value}),
        )
    };
    let restated = with(
        &source,
        json!({"table_name": "observation", "column_name": "value", "run_id": "r", "first_seen_at": "2026-11-26T15:00:00Z",
        "row_key": "indicator_code=ghg_emissions|scenario_code=actual|period_start=2023-01-01|area_code=0751",
        "old_value": "1000", "new_value": "13345.675"}),
    );
    let figure = |year: i16, month: u8, retrieved: &str, snapshot: &str| {
        with(
            &source,
            json!({"indicator_code": "ghg_emissions", "scenario_code": "actual", "method_code": "actual", "year": year,
                "period_start": format!("{year}-{month:02}-01"), "source_id": "sim_ens_klimaregnskab", "retrieved_at": retrieved,
                "snapshot_sha256": snapshot.repeat(32)}),
        )
    };
    // Three years of one snapshot, one year of two.
    let mut observations: Vec<Value> = (2018..=2020)
        .map(|year| figure(year, 1, "2026-11-20T15:00:00Z", "aa"))
        .collect();
    observations.push(figure(2021, 1, "2026-11-21T15:00:00Z", "bb"));
    observations.push(figure(2021, 2, "2026-11-26T15:00:00Z", "cc"));
    observations.extend([
        heat(2018, "natural_gas", "_T", 1100.0),
        heat(2023, "natural_gas", "_T", 900.0),
        heat(2018, "electricity", "el_heat_pump", 36.0),
        heat(2023, "electricity", "el_heat_pump", 36.0),
    ]);
    vec![
        ("revision", vec![restated]),
        ("municipality_year", years),
        ("region_year", vec![region("1082"), region("1084")]),
        ("indicator_year", indicators),
        ("emission_trajectory", trajectory),
        (
            "plan_status",
            vec![with(
                &aarhus,
                json!({"has_plan": true, "status_code": "adopted", "is_overdue": true, "days_to_revision": -3, "revision_due_date": "2026-11-23", "as_of_date": "2026-11-26"}),
            )],
        ),
        (
            "action_progress",
            vec![
                json!({"area_code": "0751", "kind": "mitigation", "status_code": "done", "area_level": "municipality", "action_count": 1, "late_count": 0, "expected_effect_tonne_co2e": 10.0, "expected_effect_count": 1, "realised_effect_count": 0}),
            ],
        ),
        (
            "adaptation_year",
            vec![with(&aarhus, json!({"year": 2024, "precipitation_24h_max_mm": 33.5}))],
        ),
        (
            "coverage",
            vec![with(
                &aarhus,
                json!({"owner": "made", "year": 2023, "title_da": "Lavet", "title_en": "Made", "coverage_status_code": "present", "row_count": 1, "missing_count": 0, "revised_count": 0}),
            )],
        ),
        ("action", vec![action]),
        ("observation", observations),
    ]
}
