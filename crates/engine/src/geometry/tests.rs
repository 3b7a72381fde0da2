use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, BinaryArray, RecordBatch, StringArray},
    datatypes::{DataType, Field, Float64Type, Schema as ArrowSchema},
};
use datafusion::{common::ScalarValue, prelude::SessionContext};
use klimalade_model::{Fault, Kind, Schemas};

use super::{register, shape, text::read as from_wkt, wkb};
use crate::{RowContract, RowRules, error::sql_fault};

async fn ask(sql: &str) -> Result<RecordBatch, Fault> {
    let session = SessionContext::new();
    register(&session);
    let wrong = |error| sql_fault("the query failed", Kind::Contract, error);
    let batches = session.sql(sql).await.map_err(wrong)?.collect().await.map_err(wrong)?;
    Ok(batches[0].clone())
}

async fn number(sql: &str) -> Option<f64> {
    let batch = ask(sql).await.unwrap();
    let column = batch.column(0).as_primitive::<Float64Type>();
    column.iter().next().flatten()
}

/// SQL of a square: south-west corner in metres from 500000, 6200000, and its side.
fn square(east: i32, north: i32, side: i32) -> String {
    let (west, south) = (500_000 + east, 6_200_000 + north);
    let (right, top) = (west + side, south + side);
    format!("geometry_from_wkt('POLYGON(({west} {south},{right} {south},{right} {top},{west} {top},{west} {south}))')")
}

fn close(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!((found - wanted).abs() < 1e-6, "{found} and not {wanted}");
}

#[tokio::test]
async fn areas_are_hectares_with_holes_taken_out_and_all_parts_added() {
    close(
        number(&format!("SELECT geometry_area_ha({})", square(0, 0, 1000))).await,
        100.0,
    );
    let hole = "POLYGON((500000 6200000,501000 6200000,501000 6201000,500000 6201000,500000 6200000),\
                (500100 6200100,500200 6200100,500200 6200200,500100 6200200,500100 6200100))";
    close(
        number(&format!("SELECT geometry_area_ha(geometry_from_wkt('{hole}'))")).await,
        99.0,
    );
    let two = "MULTIPOLYGON(((500000 6200000,500100 6200000,500100 6200100,500000 6200000)),\
               ((510000 6200000,510100 6200000,510100 6200100,510000 6200000)))";
    close(
        number(&format!("SELECT geometry_area_ha(geometry_from_wkt('{two}'))")).await,
        1.0,
    );
}

#[tokio::test]
async fn what_has_nothing_to_measure_is_null_and_not_zero() {
    let point = "geometry_from_wkt('POINT(500000 6200000)')";
    for sql in [
        format!("SELECT geometry_area_ha({point})"),
        format!("SELECT geometry_length_m({})", square(0, 0, 10)),
        format!("SELECT geometry_intersection_area_ha({point}, {})", square(0, 0, 10)),
        "SELECT geometry_area_ha(CAST(NULL AS BYTEA))".to_owned(),
        "SELECT geometry_xmin(geometry_from_wkt('POLYGON EMPTY'))".to_owned(),
    ] {
        assert_eq!(number(&sql).await, None, "{sql}");
    }
    let line = "geometry_from_wkt('LINESTRING(500000 6200000,500300 6200400)')";
    close(number(&format!("SELECT geometry_length_m({line})")).await, 500.0);
}

#[tokio::test]
async fn an_overlay_gives_area_share_and_the_piece_itself() {
    let (one, other) = (square(0, 0, 1000), square(500, 500, 1000));
    close(
        number(&format!("SELECT geometry_intersection_area_ha({one}, {other})")).await,
        25.0,
    );
    close(number(&format!("SELECT geometry_share({one}, {other})")).await, 0.25);
    close(
        number(&format!(
            "SELECT geometry_area_ha(geometry_intersection({one}, {other}))"
        ))
        .await,
        25.0,
    );
    let far = square(5000, 0, 10);
    close(number(&format!("SELECT geometry_share({one}, {far})")).await, 0.0);
    let nothing = ask(&format!(
        "SELECT geometry_intersection({one}, {far}), geometry_intersects({one}, {far})"
    ))
    .await
    .unwrap();
    assert_eq!(nothing.column(0).null_count(), 1);
    assert!(!nothing.column(1).as_boolean().value(0));
    // Neighbours share a border and no ground.
    let beside = square(1000, 0, 1000);
    close(number(&format!("SELECT geometry_share({one}, {beside})")).await, 0.0);
    let meets = ask(&format!("SELECT geometry_intersects({one}, {beside})"))
        .await
        .unwrap();
    assert!(meets.column(0).as_boolean().value(0));
    let line = "geometry_from_wkt('LINESTRING(499000 6200500,500500 6200500)')";
    close(
        number(&format!("SELECT geometry_share({line}, {one})")).await,
        1.0 / 3.0,
    );
    let points = "geometry_from_wkt('MULTIPOINT((500500 6200500),(499000 6200500))')";
    close(number(&format!("SELECT geometry_share({points}, {one})")).await, 0.5);
}

#[tokio::test]
async fn ground_under_several_designations_counts_once() {
    let rows = [
        square(0, 0, 1000),
        square(500, 0, 1000),
        square(500, 0, 1000),
        square(9000, 0, 100),
    ];
    let values = rows.map(|row| format!("({row})")).join(",");
    let found = number(&format!("SELECT geometry_union_area_ha(g) FROM (VALUES {values}) t(g)")).await;
    close(found, 151.0);
    assert_eq!(number("SELECT geometry_union_area_ha(CAST(NULL AS BYTEA))").await, None);
}

#[test]
fn a_union_keeps_holes_and_does_not_care_which_way_rings_turn() {
    let ring = "POLYGON((500000 6200000,500000 6201000,501000 6201000,501000 6200000,500000 6200000),\
                (500100 6200100,500200 6200100,500200 6200200,500100 6200200,500100 6200100))";
    let other = "POLYGON((500000 6200000,501000 6200000,501000 6200050,500000 6200050,500000 6200000))";
    let mut both = from_wkt(ring).unwrap();
    both.polygons.0.extend(from_wkt(other).unwrap().polygons.0);
    let united = shape::Shape {
        polygons: shape::union(&both.polygons),
        ..Default::default()
    };
    close(united.area_ha(), 99.0);
}

#[tokio::test]
async fn rings_that_cross_are_an_error_with_the_reason_and_can_be_repaired_by_name() {
    let bow =
        "geometry_from_wkt('POLYGON((500000 6200000,500100 6200100,500100 6200000,500000 6200120,500000 6200000))')";
    for function in [
        "geometry_area_ha",
        "geometry_xmin",
        "geometry_centroid_lat",
        "geometry_union_area_ha",
    ] {
        let fault = ask(&format!("SELECT {function}({bow})")).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract);
        assert!(fault.line().contains("rings cross"), "{fault}");
        assert!(fault.places()[0].contains(function), "{fault}");
    }
    close(
        number(&format!("SELECT geometry_area_ha(geometry_repaired({bow}))")).await,
        6.1 / 11.0,
    );
    let said = ask(&format!(
        "SELECT geometry_fault({bow}), geometry_fault({})",
        square(0, 0, 10)
    ))
    .await
    .unwrap();
    assert!(said.column(0).as_string::<i32>().value(0).contains("rings cross"));
    assert_eq!(said.column(1).null_count(), 1);
    // What can be measured is left as it was, to the byte.
    let same = ask(&format!("SELECT geometry_repaired({0}) = {0}", square(0, 0, 10)))
        .await
        .unwrap();
    assert!(same.column(0).as_boolean().value(0));
    // DAGI gives a collection of polygons: readers want a multi-polygon.
    let mut collection = vec![1, 7, 0, 0, 0, 2, 0, 0, 0];
    for west in [500_000, 501_000] {
        let east = west + 100;
        let text = format!("POLYGON(({west} 6200000,{east} 6200000,{east} 6200100,{west} 6200000))");
        collection.extend(wkb::write(&from_wkt(&text).unwrap()));
    }
    let hex: String = collection.iter().map(|byte| format!("{byte:02x}")).collect();
    let repaired = ask(&format!("SELECT geometry_repaired(x'{hex}')")).await.unwrap();
    assert_eq!(repaired.column(0).as_binary::<i32>().value(0)[..5], [1, 6, 0, 0, 0]);
}

#[tokio::test]
async fn parts_that_overlap_and_holes_outside_their_shell_are_no_area() {
    for text in [
        "MULTIPOLYGON(((500000 6200000,501000 6200000,501000 6201000,500000 6200000)),((500000 6200000,501000 6200000,501000 6201000,500000 6200000)))",
        "POLYGON((500000 6200000,500100 6200000,500100 6200100,500000 6200100,500000 6200000),(500500 6200500,500550 6200500,500550 6200550,500500 6200550,500500 6200500))",
        "POLYGON((500000 6200000,500100 6200000,500200 6200000,500000 6200000))",
    ] {
        let fault = ask(&format!("SELECT geometry_area_ha(geometry_from_wkt('{text}'))"))
            .await
            .unwrap_err();
        assert_eq!(fault.what(), "a geometry that cannot be measured", "{text}");
    }
}

#[tokio::test]
async fn text_is_read_where_it_lies_in_denmark() {
    for (text, reason) in [
        ("POLYGON((9 55,10 55,10 56,9 55))", "outside Denmark"),
        ("POINT(6200000 500000)", "outside Denmark"),
        ("POLYGON((500000 6200000", "no WKT"),
        ("", "no WKT"),
        (
            "POLYGON((500000 6200000,500100 6200000,500100 6200100,500000 6200100))",
            "not closed",
        ),
        ("POINT(500000 6200000) x", "the end"),
        ("CIRCLE(500000 6200000)", "no type of geometry"),
    ] {
        let fault = ask(&format!("SELECT geometry_from_wkt('{text}')")).await.unwrap_err();
        assert!(fault.line().contains(reason), "{text}: {fault}");
    }
}

#[tokio::test]
async fn a_centroid_is_longitude_and_latitude() {
    // Aarhus cathedral by the agency's address register: 10.2107, 56.1570.
    let near = "geometry_from_wkt('POINT(575200 6224275)')";
    let (lon, lat) = (
        number(&format!("SELECT geometry_centroid_lon({near})")).await.unwrap(),
        number(&format!("SELECT geometry_centroid_lat({near})")).await.unwrap(),
    );
    assert!((lon - 10.21).abs() < 0.01 && (lat - 56.157).abs() < 0.01, "{lon} {lat}");
    // The middle meridian of zone 32 is 9 degrees.
    close(
        number("SELECT geometry_centroid_lon(geometry_from_wkt('POINT(500000 6200000)'))").await,
        9.0,
    );
}

#[test]
fn damaged_wkb_is_a_reason_and_never_a_panic() {
    let whole =
        wkb::write(&from_wkt("MULTIPOLYGON(((500000 6200000,500100 6200000,500100 6200100,500000 6200000)))").unwrap());
    assert!(wkb::read(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(wkb::read(&whole[..length]).is_err(), "{length}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(wkb::read(&longer).unwrap_err().contains("after the end"));
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            let _ = super::sound(&changed);
        }
    }
    // A count of four thousand million rings reserves nothing.
    let mut announced = vec![1, 3, 0, 0, 0];
    announced.extend([255; 4]);
    assert!(wkb::read(&announced).unwrap_err().contains("announced"));
    // Z, and collections without end.
    assert!(wkb::read(&[1, 233, 3, 0, 0]).unwrap_err().contains("two dimensions"));
    let nested: Vec<u8> = [1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(40);
    assert!(wkb::read(&nested).unwrap_err().contains("nested"));
}

/// A square of a hectare, and a bow tie.
fn areas() -> (Vec<u8>, Vec<u8>) {
    let square = "POLYGON((500000 6200000,500100 6200000,500100 6200100,500000 6200100,500000 6200000))";
    let bow = "POLYGON((500000 6200000,500100 6200100,500100 6200000,500000 6200120,500000 6200000))";
    (
        wkb::write(&from_wkt(square).unwrap()),
        wkb::write(&from_wkt(bow).unwrap()),
    )
}

#[test]
fn box_area_and_centre_follow_from_the_geometry_and_one_that_cannot_be_measured_is_a_reject() {
    let schemas = Arc::new(Schemas::embedded().unwrap());
    let table = schemas.table("plan_area").unwrap();
    let fields = vec![
        Field::new("feature_id", DataType::Utf8, true),
        Field::new("geometry", DataType::Binary, true),
    ];
    let varying = Arc::new(ArrowSchema::new(fields));
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    let shape = crate::Shape {
        varying: varying.clone(),
        constants: [
            ("theme_code".to_owned(), text("wind")),
            ("status_code".to_owned(), text("adopted")),
        ]
        .into(),
    };
    let mut contract = RowContract::plan(table, &shape, &schemas, RowRules::default(), false).unwrap();
    let (square, bow) = areas();
    let batch = RecordBatch::try_new(
        varying,
        vec![
            Arc::new(StringArray::from(vec!["a", "b", "c"])),
            Arc::new(BinaryArray::from(vec![
                Some(square.as_slice()),
                Some(bow.as_slice()),
                None,
            ])),
        ],
    )
    .unwrap();
    let published = contract.admit(&batch).unwrap().publish.unwrap();
    assert_eq!(published.num_rows(), 2);
    let first = |name: &str| {
        let column = published.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        assert!(column.is_null(1), "{name} of no geometry");
        Some(column.value(0))
    };
    close(first("area_ha"), 1.0);
    close(first("bbox_xmin"), 500_000.0);
    close(first("bbox_ymax"), 6_200_100.0);
    assert!((first("centroid_lon").unwrap() - 9.0008).abs() < 1e-4);
    assert_eq!((contract.rejected, contract.rejects[0].reason_code), (1, "geometry"));
    assert!(contract.rejects[0].found.contains("rings cross"));
}
