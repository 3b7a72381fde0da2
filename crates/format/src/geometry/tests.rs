#![allow(clippy::unwrap_used, clippy::expect_used)]
use klimalade_model::Kind;
use serde_json::json;

use super::*;

/// The Krüger series in the third flattening to the fourth order (Karney 2011), with a central meridian of 9 degrees
/// east, scale 0.9996 and false easting 500 km: written from the formula, independent of the library.
fn krueger(longitude: f64, latitude: f64) -> (f64, f64) {
    let flattening = 1.0 / 298.257222101;
    let n: f64 = flattening / (2.0 - flattening);
    let e = (flattening * (2.0 - flattening)).sqrt();
    let radius = 6_378_137.0 / (1.0 + n) * (1.0 + n.powi(2) / 4.0 + n.powi(4) / 64.0 + n.powi(6) / 256.0);
    let alpha = [
        n / 2.0 - 2.0 / 3.0 * n.powi(2) + 5.0 / 16.0 * n.powi(3) + 41.0 / 180.0 * n.powi(4),
        13.0 / 48.0 * n.powi(2) - 3.0 / 5.0 * n.powi(3) + 557.0 / 1440.0 * n.powi(4),
        61.0 / 240.0 * n.powi(3) - 103.0 / 140.0 * n.powi(4),
        49_561.0 / 161_280.0 * n.powi(4),
    ];
    let (sine, lambda) = (latitude.to_radians().sin(), (longitude - 9.0).to_radians());
    let tau = (sine.atanh() - e * (e * sine).atanh()).sinh();
    let xi = tau.atan2(lambda.cos());
    let eta = (lambda.sin() / tau.hypot(lambda.cos())).asinh();
    let (mut east, mut north) = (eta, xi);
    for (at, alpha) in alpha.iter().enumerate() {
        let order = 2.0 * (at as f64 + 1.0);
        north += alpha * (order * xi).sin() * (order * eta).cosh();
        east += alpha * (order * xi).cos() * (order * eta).sinh();
    }
    (500_000.0 + 0.9996 * radius * east, 0.9996 * radius * north)
}

fn doubles(wkb: &[u8], from: usize) -> Vec<f64> {
    wkb[from..]
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

#[test]
fn reprojection_agrees_with_the_krueger_series_to_a_tenth_of_a_millimetre() {
    for longitude in [8.08, 9.0, 10.0, 10.2039, 12.5683, 14.7, 15.19] {
        for latitude in [54.56, 55.0, 55.6761, 56.0, 56.1629, 57.75] {
            let (east, north) = to_epsg25832(longitude, latitude).unwrap();
            let (expected_east, expected_north) = krueger(longitude, latitude);
            assert!(
                (east - expected_east).abs() < 1e-4,
                "{longitude} {latitude}: {east} {expected_east}"
            );
            assert!(
                (north - expected_north).abs() < 1e-4,
                "{longitude} {latitude}: {north} {expected_north}"
            );
        }
    }
}

#[test]
fn the_central_meridian_stands_at_500_kilometres() {
    let (east, north) = to_epsg25832(9.0, 56.0).unwrap();
    assert!((east - 500_000.0).abs() < 1e-6);
    assert!((6_206_000.0..6_207_000.0).contains(&north), "{north}");
}

#[test]
fn a_point_is_21_bytes_and_its_height_is_dropped() {
    let wkb = geojson_to_wkb(
        &json!({"type": "Point", "coordinates": [574_000.5, 6_223_000.25, 17.0]}),
        Crs::Epsg25832,
    )
    .unwrap();
    assert_eq!(wkb[..5], [1, 1, 0, 0, 0]);
    assert_eq!(doubles(&wkb, 5), [574_000.5, 6_223_000.25]);
}

#[test]
fn degrees_are_reprojected() {
    let wkb = geojson_to_wkb(&json!({"type": "Point", "coordinates": [10.0, 56.0]}), Crs::Crs84).unwrap();
    let (east, north) = krueger(10.0, 56.0);
    let found = doubles(&wkb, 5);
    assert!(
        (found[0] - east).abs() < 1e-4 && (found[1] - north).abs() < 1e-4,
        "{found:?}"
    );
}

#[test]
fn a_polygon_keeps_its_hole() {
    let outer = json!([
        [500_000, 6_100_000],
        [500_100, 6_100_000],
        [500_100, 6_100_100],
        [500_000, 6_100_000]
    ]);
    let hole = json!([
        [500_010, 6_100_010],
        [500_020, 6_100_010],
        [500_020, 6_100_020],
        [500_010, 6_100_010]
    ]);
    let wkb = geojson_to_wkb(
        &json!({"type": "Polygon", "coordinates": [outer, hole]}),
        Crs::Epsg25832,
    )
    .unwrap();
    assert_eq!(wkb.len(), 5 + 4 + 2 * (4 + 4 * 16));
    assert_eq!(wkb[5..9], 2_u32.to_le_bytes());
    assert_eq!(doubles(&wkb[..9 + 4 + 64], 13)[..2], [500_000.0, 6_100_000.0]);
}

#[test]
fn every_geometry_type_and_a_nested_collection_is_written() {
    let at = json!([500_000, 6_100_000]);
    let ring = json!([
        [500_000, 6_100_000],
        [500_100, 6_100_000],
        [500_100, 6_100_100],
        [500_000, 6_100_000]
    ]);
    let members = [
        (1_u8, json!({"type": "Point", "coordinates": at}), 21),
        (2, json!({"type": "LineString", "coordinates": [at, at]}), 9 + 32),
        (3, json!({"type": "Polygon", "coordinates": [ring]}), 9 + 4 + 64),
        (4, json!({"type": "MultiPoint", "coordinates": [at, at]}), 9 + 42),
        (
            5,
            json!({"type": "MultiLineString", "coordinates": [[at, at]]}),
            9 + 9 + 32,
        ),
        (
            6,
            json!({"type": "MultiPolygon", "coordinates": [[ring]]}),
            9 + 9 + 4 + 64,
        ),
    ];
    let mut total = 0;
    for (kind, geometry, length) in &members {
        let wkb = geojson_to_wkb(geometry, Crs::Epsg25832).unwrap();
        assert_eq!((wkb[1], wkb.len()), (*kind, *length), "{geometry}");
        total += length;
    }
    let inner = json!({"type": "GeometryCollection", "geometries": members.map(|(_, geometry, _)| geometry)});
    let wkb = geojson_to_wkb(
        &json!({"type": "GeometryCollection", "geometries": [inner]}),
        Crs::Epsg25832,
    )
    .unwrap();
    assert_eq!((wkb[1], wkb[10], wkb.len()), (7, 7, 9 + 9 + total));
}

#[test]
fn empty_geometries_stay_empty() {
    let point = geojson_to_wkb(&json!({"type": "Point", "coordinates": []}), Crs::Crs84).unwrap();
    assert!(doubles(&point, 5).iter().all(|number| number.is_nan()));
    for kind in ["LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"] {
        let wkb = geojson_to_wkb(&json!({"type": kind, "coordinates": []}), Crs::Crs84).unwrap();
        assert_eq!((wkb.len(), &wkb[5..]), (9, &[0_u8; 4][..]), "{kind}");
    }
    let collection = geojson_to_wkb(&json!({"type": "GeometryCollection", "geometries": []}), Crs::Crs84).unwrap();
    assert_eq!(collection, [1, 7, 0, 0, 0, 0, 0, 0, 0]);
}

/// What MapServer's OGC API makes of an area in two parts, seen 2026-11-26: its area would count twice.
#[test]
fn a_polygon_that_stands_twice_in_a_geometry_is_a_contract_fault() {
    let ring = |east: f64| {
        json!([
            [east, 6.2e6],
            [east + 100.0, 6.2e6],
            [east, 6.2e6 + 100.0],
            [east, 6.2e6]
        ])
    };
    let of = |east: f64| json!({"type": "MultiPolygon", "coordinates": [[ring(560_000.0)], [ring(east)]]});
    assert!(geojson_to_wkb(&of(560_200.0), Crs::Epsg25832).is_ok());
    let fault = geojson_to_wkb(&of(560_000.0), Crs::Epsg25832).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.to_string().contains("polygons that differ"), "{fault}");
}

#[test]
fn swapped_axes_are_a_contract_fault() {
    for (crs, coordinates) in [
        (Crs::Crs84, json!([56.0, 10.0])),
        (Crs::Crs84, json!([574_000.0, 6_223_000.0])),
        (Crs::Epsg25832, json!([6_223_000.0, 574_000.0])),
        (Crs::Epsg25832, json!([10.0, 56.0])),
        (Crs::Crs84, json!([-51.7, 64.2])),
    ] {
        let fault = geojson_to_wkb(&json!({"type": "Point", "coordinates": coordinates}), crs).unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract, "{fault}");
    }
}

#[test]
fn what_is_no_geometry_is_a_contract_fault() {
    let open = json!([
        [500_000, 6_100_000],
        [500_100, 6_100_000],
        [500_100, 6_100_100],
        [500_000, 6_100_001]
    ]);
    for geometry in [
        json!({}),
        json!(null),
        json!({"type": "Circle", "coordinates": [1, 2]}),
        json!({"type": "Point"}),
        json!({"type": "Point", "coordinates": [10.0]}),
        json!({"type": "Point", "coordinates": ["10.0", "56.0"]}),
        json!({"type": "Polygon", "coordinates": [open]}),
        json!({"type": "LineString", "coordinates": [10.0, 56.0]}),
        json!({"type": "GeometryCollection"}),
    ] {
        assert_eq!(
            geojson_to_wkb(&geometry, Crs::Epsg25832).unwrap_err().kind(),
            Kind::Contract,
            "{geometry}"
        );
    }
}

#[test]
fn a_collection_without_end_is_a_contract_fault() {
    let mut geometry = json!({"type": "GeometryCollection", "geometries": []});
    for _ in 0..100 {
        geometry = json!({"type": "GeometryCollection", "geometries": [geometry]});
    }
    assert_eq!(
        geojson_to_wkb(&geometry, Crs::Crs84).unwrap_err().kind(),
        Kind::Contract
    );
}
