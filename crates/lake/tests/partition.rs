//! The Parquet file of a partition, read back.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{fs::File, path::Path, sync::Arc};

use arrow::{
    array::{
        Array, AsArray, BinaryArray, DictionaryArray, Float64Array, Int16Array, Int32Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, Float64Type, Int32Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType},
};
use klimalade_lake::{Constant, ConstantValue, PartitionWriter, StagedFile, WriterOptions};
use klimalade_model::Kind;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::{Compression, LogicalType},
    file::metadata::PageIndexPolicy,
};

fn text_codes() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn incoming() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("area_code", DataType::Utf8, false),
        Field::new("licence_code", text_codes(), false),
        Field::new("value", DataType::Float64, true),
        Field::new("year", DataType::Int16, false),
    ]))
}

fn constants() -> Vec<Constant> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        Constant {
            field: Field::new("source_id", DataType::Utf8, false),
            value: Some(ConstantValue::Text("dst_are207_æ".to_owned())),
        },
        Constant {
            field: Field::new("retrieved_at", instant, false),
            value: Some(ConstantValue::TimestampMicros(1_795_000_000_000_000)),
        },
        Constant {
            field: Field::new("source_version", DataType::Utf8, true),
            value: None,
        },
    ]
}

fn order() -> Vec<String> {
    [
        "area_code",
        "year",
        "value",
        "source_id",
        "retrieved_at",
        "source_version",
        "licence_code",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn batch(first: usize, rows: usize) -> RecordBatch {
    let codes: Vec<String> = (first..first + rows).map(|row| format!("{row:07}")).collect();
    let licences = DictionaryArray::<Int32Type>::new(
        Int32Array::from_iter_values((first..first + rows).map(|row| i32::from(row % 2 == 0))),
        Arc::new(StringArray::from(vec!["cc_by_4", "fri_anvendelse"])),
    );
    let values: Float64Array = (first..first + rows)
        .map(|row| (row % 10 != 9).then_some(row as f64 * 0.37))
        .collect();
    RecordBatch::try_new(
        incoming(),
        vec![
            Arc::new(StringArray::from(codes)),
            Arc::new(licences),
            Arc::new(values),
            Arc::new(Int16Array::from(vec![2024; rows])),
        ],
    )
    .unwrap()
}

fn write(path: &Path, options: &WriterOptions, batches: usize, rows: usize) -> (StagedFile, usize) {
    let sort = ["area_code".to_owned(), "year".to_owned()];
    let mut writer = PartitionWriter::create(path, incoming(), constants(), &order(), &sort, options).unwrap();
    let mut most = 0;
    for number in 0..batches {
        writer.write(&batch(number * rows, rows)).unwrap();
        most = most.max(writer.memory_bytes());
    }
    (writer.finish().unwrap(), most)
}

fn builder(path: &Path) -> ParquetRecordBatchReaderBuilder<File> {
    let options =
        parquet::arrow::arrow_reader::ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path).unwrap(), options).unwrap()
}

#[test]
fn what_was_written_is_read_back_with_plain_types() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let (staged, _) = write(&path, &WriterOptions::new("observation", "dst_area"), 3, 1000);
    assert_eq!(staged.rows, 3000);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(
        (staged.bytes, staged.sha256),
        (bytes.len() as u64, klimalade_model::sha256_hex(&bytes))
    );

    let builder = builder(&path);
    let types: Vec<(String, DataType, bool)> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), field.data_type().clone(), field.is_nullable()))
        .collect();
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let expected = [
        ("area_code", DataType::Utf8, false),
        ("year", DataType::Int16, false),
        ("value", DataType::Float64, true),
        ("source_id", DataType::Utf8, false),
        ("retrieved_at", instant, false),
        ("source_version", DataType::Utf8, true),
        ("licence_code", DataType::Utf8, false),
    ];
    assert_eq!(
        types,
        expected.map(|(name, kind, nullable)| (name.to_owned(), kind, nullable))
    );

    let rows: Vec<RecordBatch> = builder
        .with_batch_size(5000)
        .build()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows = arrow::compute::concat_batches(&rows[0].schema(), &rows).unwrap();
    let expected =
        arrow::compute::concat_batches(&incoming(), &[batch(0, 1000), batch(1000, 1000), batch(2000, 1000)]).unwrap();
    assert_eq!(rows.column(0).as_string::<i32>(), expected.column(0).as_string::<i32>());
    assert_eq!(
        rows.column(2).as_primitive::<Float64Type>(),
        expected.column(2).as_primitive::<Float64Type>()
    );
    let licences = arrow::compute::cast(expected.column(1), &DataType::Utf8).unwrap();
    assert_eq!(rows.column(6).as_string::<i32>(), licences.as_string::<i32>());
    assert!(
        rows.column(3)
            .as_string::<i32>()
            .iter()
            .all(|text| text == Some("dst_are207_æ"))
    );
    let instants: &TimestampMicrosecondArray = rows.column(4).as_primitive::<TimestampMicrosecondType>();
    assert!(instants.values().iter().all(|micros| *micros == 1_795_000_000_000_000));
    assert_eq!(rows.column(5).null_count(), 3000);
}

#[test]
fn the_file_says_how_it_is_sorted_and_has_statistics_of_every_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let options = WriterOptions {
        row_group_rows: 1000,
        ..WriterOptions::new("observation", "dst_area")
    };
    write(&path, &options, 3, 700);
    let builder = builder(&path);
    let metadata = builder.metadata();
    assert_eq!(metadata.num_row_groups(), 3);
    for group in metadata.row_groups() {
        let sorting: Vec<(i32, bool)> = group
            .sorting_columns()
            .unwrap()
            .iter()
            .map(|column| (column.column_idx, column.descending))
            .collect();
        assert_eq!(sorting, [(0, false), (1, false)]);
        for column in group.columns() {
            assert!(matches!(column.compression(), Compression::ZSTD(_)));
            let statistics = column.statistics().unwrap();
            let all_null = statistics.null_count_opt() == Some(column.num_values() as u64);
            assert!(
                all_null || statistics.min_bytes_opt().is_some(),
                "{}",
                column.column_path()
            );
            assert!(column.column_index_offset().is_some() && column.offset_index_offset().is_some());
        }
    }
    let pairs: Vec<(String, Option<String>)> = metadata
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|pair| (pair.key.clone(), pair.value.clone()))
        .collect();
    let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    assert_eq!(
        pairs,
        [
            pair("klimalade.table", "observation"),
            pair("klimalade.pipeline", "dst_area")
        ]
    );
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriterOptions::new("observation", "dst_area");
    let (one, _) = write(&folder.path().join("a.parquet"), &options, 3, 1000);
    let (two, _) = write(&folder.path().join("b.parquet"), &options, 3, 1000);
    assert_eq!(one.sha256, two.sha256);
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriterOptions {
        row_group_bytes: 1 << 20,
        ..WriterOptions::new("observation", "dst_area")
    };
    let (_, short) = write(&folder.path().join("a.parquet"), &options, 40, 8192);
    let (long, most) = write(&folder.path().join("b.parquet"), &options, 120, 8192);
    assert_eq!(long.rows, 120 * 8192);
    assert!(most < 8 << 20, "the writer held {most} bytes");
    assert!(
        most < short * 2,
        "{short} bytes for a third of the rows, {most} for all"
    );
}

#[test]
fn a_file_without_rows_has_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let (staged, _) = write(&path, &WriterOptions::new("observation", "dst_area"), 0, 0);
    assert_eq!(staged.rows, 0);
    assert_eq!(builder(&path).schema().fields().len(), 7);
}

#[test]
fn geometry_has_parquets_own_type_and_geoparquets_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = Arc::new(Schema::new(vec![
        Field::new("feature_id", DataType::Utf8, false),
        Field::new("geometry", DataType::Binary, true),
    ]));
    let order = ["feature_id".to_owned(), "geometry".to_owned()];
    let options = WriterOptions {
        geometry: vec!["geometry".to_owned()],
        ..WriterOptions::new("plan_area", "x")
    };
    let mut writer = PartitionWriter::create(&path, schema.clone(), Vec::new(), &order, &order[..1], &options).unwrap();
    let mut point = vec![1, 1, 0, 0, 0];
    point.extend(574_000.0_f64.to_le_bytes());
    point.extend(6_223_000.0_f64.to_le_bytes());
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(StringArray::from(vec!["a", "b"])),
        Arc::new(BinaryArray::from(vec![Some(point.as_slice()), None])),
    ];
    writer.write(&RecordBatch::try_new(schema, columns).unwrap()).unwrap();
    writer.finish().unwrap();
    let builder = builder(&path);
    let column = builder.parquet_schema().column(1);
    let Some(LogicalType::Geometry(geometry)) = column.logical_type_ref() else {
        panic!("{:?}", column.logical_type_ref())
    };
    let crs: serde_json::Value = serde_json::from_str(geometry.crs.as_deref().unwrap()).unwrap();
    assert_eq!(crs["id"], serde_json::json!({"authority": "EPSG", "code": 25832}));
    let pairs = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let geo = pairs.iter().find(|pair| pair.key == "geo").unwrap();
    let geo: serde_json::Value = serde_json::from_str(geo.value.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&geo["version"], &geo["primary_column"]),
        (&"1.1.0".into(), &"geometry".into())
    );
    let said = &geo["columns"]["geometry"];
    assert_eq!((&said["encoding"], &said["crs"]), (&"WKB".into(), &crs));
    assert_eq!(said["geometry_types"], serde_json::json!(["Point"]));
    assert_eq!(
        said["bbox"],
        serde_json::json!([574_000.0, 6_223_000.0, 574_000.0, 6_223_000.0])
    );
    let rows = builder.build().unwrap().next().unwrap().unwrap();
    assert_eq!(rows.column(1).as_binary::<i32>().value(0), point);
}

#[test]
fn what_does_not_fit_is_a_bug() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let options = WriterOptions::new("observation", "dst_area");
    let create = |constants, order: &[String], sort: &[String]| {
        PartitionWriter::create(&path, incoming(), constants, order, sort, &options)
            .map(|_| ())
            .unwrap_err()
            .kind()
    };
    assert_eq!(create(constants(), &order()[1..], &[]), Kind::Bug, "a column left out");
    assert_eq!(
        create(constants(), &order(), &["month".to_owned()]),
        Kind::Bug,
        "sorted by no column"
    );
    let mut wrong = constants();
    wrong[0].value = None;
    assert_eq!(create(wrong, &order(), &[]), Kind::Bug, "null where there are no nulls");
    let mut wrong = constants();
    wrong[1].value = Some(ConstantValue::Text("2024".to_owned()));
    assert_eq!(create(wrong, &order(), &[]), Kind::Bug, "text for an instant");

    let mut writer = PartitionWriter::create(&path, incoming(), constants(), &order(), &[], &options).unwrap();
    let nulls = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![0]),
        Arc::new(StringArray::from(vec![None::<&str>])),
    );
    let one = batch(0, 1);
    let nullable = Arc::new(Schema::new(
        one.schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect::<Vec<_>>(),
    ));
    let columns = vec![
        one.column(0).clone(),
        Arc::new(nulls),
        one.column(2).clone(),
        one.column(3).clone(),
    ];
    let hidden_null = RecordBatch::try_new(nullable, columns).unwrap();
    assert_eq!(
        writer.write(&hidden_null).unwrap_err().kind(),
        Kind::Bug,
        "a null behind a dictionary"
    );
    assert_eq!(
        writer.write(&one.project(&[0, 1]).unwrap()).unwrap_err().kind(),
        Kind::Bug,
        "columns missing"
    );
}
