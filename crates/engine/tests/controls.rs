//! An agency's totals of higher areas, compared with the rows of those who belonged to them on the day.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Date32Array, Float64Array, Int16Array, RecordBatch, StringArray, new_null_array},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use klimalade_engine::{
    ControlFile, ControlRules, ControlSummary, Engine, EngineOptions, PartitionSpool, Rule, compare_controls,
};
use klimalade_model::Schemas;
use parquet::arrow::ArrowWriter;

/// 31 December 2026 and 1 January 2027, in days from 1970.
const LAST_OF_2026: i32 = 20_818;
const FIRST_OF_2027: i32 = 20_819;

/// Area, its level, day, value.
type Figure = (&'static str, &'static str, i32, f64);

fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter();
    Arc::new(Schema::new(
        fields
            .map(|field| Field::new(field.name(), field.data_type().clone(), true))
            .collect::<Vec<_>>(),
    ))
}

/// Rows of `observation` that differ in these alone.
fn rows(schemas: &Schemas, figures: &[Figure]) -> RecordBatch {
    let schema = nullable(&schemas.table("observation").unwrap().schema());
    let texts = |text: &dyn Fn(&Figure) -> String| -> ArrayRef {
        Arc::new(figures.iter().map(|figure| Some(text(figure))).collect::<StringArray>())
    };
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "area_code" => texts(&|figure| figure.0.to_owned()),
        "area_level" => texts(&|figure| figure.1.to_owned()),
        "indicator_code" => texts(&|_| "population".to_owned()),
        "category_code" | "detail_code" => texts(&|_| "_T".to_owned()),
        "scenario_code" => texts(&|_| "actual".to_owned()),
        "frequency_code" => texts(&|_| "A".to_owned()),
        "period_start" => Arc::new(Date32Array::from_iter_values(figures.iter().map(|figure| figure.2))) as ArrayRef,
        "value" => Arc::new(figures.iter().map(|figure| figure.3).collect::<Float64Array>()),
        "year" => Arc::new(figures.iter().map(|_| 2026).collect::<Int16Array>()),
        _ if *field.data_type() == DataType::Utf8 => texts(&|_| "_Z".to_owned()),
        _ => new_null_array(field.data_type(), figures.len()),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// The code lists with a region that takes over on 1 January 2027.
fn schemas(home: &Path) -> Schemas {
    let codes = home.join("schemas/codes");
    std::fs::create_dir_all(&codes).unwrap();
    let areas = "code,name_da,name_en,is_group,valid_from,sort_order,area_level\n1099,Ny,New,0,2027-01-01,1,region\n";
    let members = "code,name_da,name_en,is_group,valid_from,sort_order,area_code,within_code\n\
        0101_1099,a,a,0,2027-01-01,1,0101,1099\n0253_1099,a,a,0,2027-01-01,2,0253,1099\n";
    std::fs::write(codes.join("areas.csv"), areas).unwrap();
    std::fs::write(codes.join("area_members.csv"), members).unwrap();
    Schemas::load(home).unwrap()
}

async fn compare(published: &[Figure], controls: &[Figure], tolerance: f64) -> ControlSummary {
    let folder = tempfile::tempdir().unwrap();
    let schemas = schemas(folder.path());
    let options = EngineOptions {
        memory_bytes: 16 << 20,
        scratch: folder.path().to_owned(),
    };
    let engine = Engine::new(&options, &schemas).unwrap();
    let staged = folder.path().join("staged.parquet");
    let batch = rows(&schemas, published);
    let mut writer = ArrowWriter::try_new(File::create(&staged).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let batch = rows(&schemas, controls);
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("what_code", DataType::Utf8, true)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::from(vec!["region"; controls.len()])));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let mut file = ControlFile::create(&engine, schemas.table("observation").unwrap(), &[]).unwrap();
    file.append(&batch, 0).unwrap();

    let target = nullable(&schemas.table("control_total").unwrap().schema());
    let mut verdicts = PartitionSpool::create(&engine, &target).unwrap();
    let rule = Rule {
        tolerance: Some(tolerance),
        ..Rule::default()
    };
    let rules = ControlRules([("region".to_owned(), rule)].into());
    let path = file.finish().unwrap().to_owned();
    compare_controls(&engine, &staged, &path, &rules, &schemas, &mut verdicts)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_region_is_the_sum_of_those_who_belong_to_it_on_the_day() {
    // København and Greve: two regions on the last day of 2026, one on the first of 2027.
    let published = [
        ("0101", "municipality", LAST_OF_2026, 600.0),
        ("0253", "municipality", LAST_OF_2026, 50.0),
        ("0101", "municipality", FIRST_OF_2027, 601.0),
        ("0253", "municipality", FIRST_OF_2027, 51.0),
    ];
    let good = [
        ("1084", "region", LAST_OF_2026, 600.0),
        ("1085", "region", LAST_OF_2026, 50.0),
        ("DK011", "landsdel", LAST_OF_2026, 600.0),
        ("1099", "region", FIRST_OF_2027, 652.0),
        ("DK011", "landsdel", FIRST_OF_2027, 601.0),
    ];
    let summary = compare(&published, &good, 0.0).await;
    assert_eq!((summary.agrees, summary.failed), (5, 0), "{:?}", summary.examples);

    // The old region after its end, and the new one before its beginning, have no members.
    let wrong = [
        ("1084", "region", FIRST_OF_2027, 601.0),
        ("1099", "region", LAST_OF_2026, 650.0),
    ];
    let summary = compare(&published, &wrong, 0.0).await;
    assert_eq!((summary.agrees, summary.failed), (0, 2), "{:?}", summary.examples);
}

#[tokio::test]
async fn a_tolerance_of_zero_lets_not_one_person_through() {
    let published = [("0101", "municipality", LAST_OF_2026, 600.0)];
    let control = [("1084", "region", LAST_OF_2026, 601.0)];
    assert_eq!(compare(&published, &control, 0.0).await.failed, 1);
    assert_eq!(compare(&published, &control, 1.0).await.failed, 0);
}
