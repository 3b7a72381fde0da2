//! Geometry: DAGI's boundaries (2014) laid over themselves, the register of MARS, MiljøGIS' layers, as recorded.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::Path,
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, BinaryArray, Float64Array, RecordBatch, StringArray},
    datatypes::{DataType, Field, Float64Type, Int64Type, Schema},
};
use klimalade_connect::Secrets;
use klimalade_engine::{Engine, EngineOptions, LakeFile, LakeTable, TableName, TableRows};
use klimalade_format::geometry::{Crs, geojson_to_wkb};
use klimalade_model::Schemas;
use klimalade_testkit::{
    bench::{self, Asked, Server},
    serve::RecordedAnswer,
};
use klimalade_tests::real_folder;
use serde_json::{Value as Json, json};

use crate::ground::{Ground, Hosts, Row, agency, bytes, json, number, sums};

/// What SQL says over rows that stand in `core.<name>`.
async fn ask(name: &str, batch: RecordBatch, sql: &str) -> Vec<RecordBatch> {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("rows.parquet");
    let schema = batch.schema();
    let mut writer = parquet::arrow::ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let options = EngineOptions {
        memory_bytes: 256 << 20,
        scratch: scratch.path().to_owned(),
    };
    let engine = Engine::new(&options, &Schemas::embedded().unwrap()).unwrap();
    let table = LakeTable {
        name: TableName {
            layer: "core".to_owned(),
            name: name.to_owned(),
        },
        schema,
        rows: TableRows::Files(vec![LakeFile {
            path,
            values: Vec::new(),
            keep: Arc::new(()),
        }]),
    };
    engine.query(sql, &[table]).await.unwrap()
}

/// Multi-polygons by municipality, longitude and latitude as recorded, in EPSG:25832.
fn boundaries(real: &Path) -> RecordBatch {
    let recorded = json(&real.join("boundaries/kommuner.geojson"));
    let mut polygons: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for feature in recorded["features"].as_array().unwrap() {
        let code = &feature["properties"]["KOMKODE"];
        let code: u64 = code.as_u64().or_else(|| code.as_str()?.parse().ok()).unwrap();
        let rings = feature["geometry"]["coordinates"].clone();
        polygons.entry(format!("{code:04}")).or_default().push(rings);
    }
    let geometry = polygons
        .values()
        .map(|polygons| geojson_to_wkb(&json!({"type": "MultiPolygon", "coordinates": polygons}), Crs::Crs84).unwrap());
    let geometry: Vec<Vec<u8>> = geometry.collect();
    let schema = Schema::new(vec![
        Field::new("area_code", DataType::Utf8, false),
        Field::new("geometry", DataType::Binary, false),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from_iter_values(polygons.keys())),
            Arc::new(geometry.iter().map(|wkb| Some(wkb.as_slice())).collect::<BinaryArray>()),
        ],
    )
    .unwrap()
}

#[tokio::test]
async fn each_of_the_99_areas_lies_wholly_in_itself_and_in_no_other() {
    let Some(real) = real_folder() else { return };
    let sql = "WITH b AS (
        SELECT area_code, geometry, geometry_xmin(geometry) x1, geometry_xmax(geometry) x2, geometry_ymin(geometry) y1,
            geometry_ymax(geometry) y2
        FROM core.area_boundary)
        SELECT a.area_code, count(*) AS met, sum(geometry_share(a.geometry, b.geometry)) AS all_shares,
            max(CASE WHEN a.area_code = b.area_code THEN geometry_share(a.geometry, b.geometry) END) AS own
        FROM b a JOIN b ON a.x1 <= b.x2 AND a.x2 >= b.x1 AND a.y1 <= b.y2 AND a.y2 >= b.y1
        GROUP BY a.area_code";
    let found = ask("area_boundary", boundaries(&real), sql).await;
    let mut areas = 0;
    for batch in &found {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .unwrap()
                .as_primitive::<Float64Type>()
                .clone()
        };
        let (all, own) = (column("all_shares"), column("own"));
        for row in 0..batch.num_rows() {
            areas += 1;
            let code = batch.column(0).as_string::<i32>().value(row);
            assert!((all.value(row) - 1.0).abs() < 1e-6, "{code}: {}", all.value(row));
            assert!((own.value(row) - 1.0).abs() < 1e-8, "{code}: {}", own.value(row));
        }
    }
    assert_eq!(areas, 99);
    // The union has no ground twice and loses none: Denmark as the source draws it.
    let sql = "SELECT geometry_union_area_ha(geometry) AS united, sum(geometry_area_ha(geometry)) AS summed
               FROM core.area_boundary";
    let found = ask("area_boundary", boundaries(&real), sql).await;
    let value = |at: usize| found[0].column(at).as_primitive::<Float64Type>().value(0);
    assert!(
        (value(0) - value(1)).abs() / value(1) < 1e-6,
        "{} {}",
        value(0),
        value(1)
    );
    assert!((value(1) - 4_303_515.0).abs() < 5.0, "{} ha", value(1));
}

/// MARS as recorded; its geometries are not.
async fn mars() -> (Server, Hosts) {
    let server = Server::start(|asked: &Asked| {
        if asked.path.ends_with("/api/status/projects") {
            return bench::json(bytes(&real_folder().unwrap().join("mars/projects.json")));
        }
        bench::status(404, r#"{"status":404}"#)
    })
    .await;
    let address = server.base.trim_start_matches("http://").parse().unwrap();
    (server, [("*".to_owned(), address)].into())
}

/// Sum of a column by another.
fn by(rows: &[Row], key: &str, column: &str) -> HashMap<String, f64> {
    let pairs = rows
        .iter()
        .map(|row| (row[key].clone(), number(row, column).unwrap_or(0.0)));
    sums(pairs).into_iter().collect()
}

#[tokio::test]
async fn the_register_of_mars_is_read_whole_and_only_built_projects_count() {
    let Some(real) = real_folder() else { return };
    let recorded = json(&real.join("mars/projects.json"));
    let recorded = recorded.as_array().unwrap();
    let sum = |status: Option<i64>, key: &str| -> f64 {
        let projects = recorded
            .iter()
            .filter(|project| status.is_none_or(|status| project["projectStatus"] == status));
        projects.map(|project| project[key].as_f64().unwrap_or(0.0)).sum()
    };
    assert_eq!(sum(None, "extractionEffortHa").round(), 88_019.0);
    assert_eq!(sum(Some(15), "extractionEffortHa").round(), 604.0);
    let ground = Ground::new();
    let (_server, hosts) = mars().await;
    let night = ground
        .night("mars_projects", hosts.clone(), Secrets::default(), false)
        .await;
    let harvest = ground.harvest(night);
    assert_eq!((harvest.rows.len(), recorded.len()), (1375, 1375));
    let (organic, forest, nitrogen) = (
        by(&harvest.rows, "stage_code", "organic_soil_ha"),
        by(&harvest.rows, "stage_code", "afforestation_ha"),
        by(&harvest.rows, "stage_code", "nitrogen_reduction_tonne"),
    );
    for (stage, status) in [("study", 6), ("granted", 10), ("built", 15)] {
        assert!((organic[stage] - sum(Some(status), "extractionEffortHa")).abs() < 1e-6);
        assert!((forest[stage] - sum(Some(status), "afforestationEffortHa")).abs() < 1e-6);
        assert!((nitrogen[stage] - sum(Some(status), "nitrogenReductionT")).abs() < 1e-6);
    }
    // No geometry is recorded: every project is in a municipality unknown, whole.
    assert!(harvest.rows.iter().all(|row| !row.contains_key("geometry")));
    let night = ground
        .night("mars_project_area", hosts.clone(), Secrets::default(), false)
        .await;
    let areas = ground.harvest(night).rows;
    assert_eq!(areas.len(), 1375);
    assert!(
        areas
            .iter()
            .all(|row| row["area_code"] == "_U" && number(row, "share") == Some(1.0))
    );
    let night = ground.night("mars_effects", hosts, Secrets::default(), false).await;
    let effects = ground.harvest(night).rows;
    let published = by(&effects, "indicator_code", "value");
    let before = |key: &str| -> f64 {
        let built = recorded.iter().filter(|project| {
            project["projectStatus"] == 15 && project["lastStateChanged"].as_str().unwrap() < "2025-12-31T23"
        });
        built.map(|project| project[key].as_f64().unwrap_or(0.0)).sum()
    };
    assert!((published["organic_soil_taken_out"] - before("extractionEffortHa")).abs() < 1e-6);
    assert!((published["afforestation_area"] - before("afforestationEffortHa")).abs() < 1e-6);
    assert!(effects.iter().all(|row| row["period_start"] == "2026-01-01"));
    assert!(!published.contains_key("nitrogen_reduction"), "no year is over");
}

#[tokio::test]
async fn miljoegis_projects_are_read_whole_with_their_areas() {
    let Some(real) = real_folder() else { return };
    let answer = bytes(&real.join("miljoegis/kla_projektomraader.geojson"));
    let (_server, hosts) = agency(vec![RecordedAnswer::ok("application/json;charset=UTF-8", answer)]).await;
    let ground = Ground::new();
    let night = ground
        .night("miljoegis_wetland_projects", hosts, Secrets::default(), false)
        .await;
    let rows = ground.harvest(night).rows;
    assert_eq!(rows.len(), 3);
    let total: f64 = rows.iter().map(|row| number(row, "area_ha").unwrap()).sum();
    assert!((total - (187.48 + 11.67 + 17.26)).abs() < 1e-9);
    assert!(
        rows.iter()
            .all(|row| row["stage_code"] == "granted" && number(row, "bbox_xmin").unwrap() > 450_000.0)
    );
}

#[tokio::test]
async fn areas_that_miljoegis_says_are_those_of_its_polygons() {
    let Some(real) = real_folder() else { return };
    for (file, features) in [("helhedsprojekter_tilsagn2020", 2), ("kla_e23_bioprio_sample", 100)] {
        let recorded = json(&real.join(format!("miljoegis/{file}.geojson")));
        let recorded = recorded["features"].as_array().unwrap();
        let geometry: Vec<Vec<u8>> = recorded
            .iter()
            .map(|feature| geojson_to_wkb(&feature["geometry"], Crs::Epsg25832).unwrap())
            .collect();
        let said = recorded
            .iter()
            .map(|feature| feature["properties"]["shape_area"].as_f64());
        let schema = Schema::new(vec![
            Field::new("said_m2", DataType::Float64, true),
            Field::new("geometry", DataType::Binary, false),
        ]);
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(said.collect::<Float64Array>()),
            Arc::new(geometry.iter().map(|wkb| Some(wkb.as_slice())).collect::<BinaryArray>()),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
        let sql =
            "SELECT count(*) AS n, max(abs(geometry_area_ha(geometry) * 10000 / said_m2 - 1)) AS off FROM core.layer";
        let found = ask("layer", batch, sql).await;
        assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), features);
        let off = found[0].column(1).as_primitive::<Float64Type>().value(0);
        assert!(off < 1e-6, "{file}: {off}");
    }
}
