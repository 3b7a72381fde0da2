//! GML of Datafordeler, of FME and of GDAL.

use arrow::array::{Array, AsArray};
use arrow_schema::DataType;
use klimalade_connect::{Kind, Page, Part};
use klimalade_testkit::{bench, contract::decode_all};

use crate::{
    decoder, folder,
    measure::{Measure, between, enclosed, length, of_wkb, positions},
    page, read,
};

/// The geometry of every row, in the element of this name.
fn measures(page: &Page, element: &str) -> Vec<Option<Measure>> {
    let columns = bench::columns(&[("geometry", element, DataType::Binary)]);
    let mut found = Vec::new();
    for batch in decode_all(&decoder("gml"), &Part::new("all"), page, &columns).unwrap() {
        let shape = batch.column(0).as_binary::<i32>();
        found.extend((0..batch.num_rows()).map(|row| shape.is_valid(row).then(|| of_wkb(shape.value(row)))));
    }
    found
}

#[test]
fn height_curves_of_datafordeler_have_their_lengths_and_nested_ids() {
    let Some(folder) = folder() else { return };
    let file = "gml-samples/datafordeler_dhm_hoejdekurver_gml32.gml";
    let text = String::from_utf8(read(&folder, file)).unwrap();
    let expected: Vec<f64> = between(&text, "<gml:posList", "</gml:posList>")
        .into_iter()
        .map(|list| length(&positions(list.split_once('>').unwrap().1, 3)))
        .collect();
    let ids = between(&text, "<gd:lokalId>", "</gd:lokalId>");
    let heights: Vec<f64> = between(&text, "<hoej:hoejde>", "</hoej:hoejde>")
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let page = page(&folder, file);
    let found = measures(&page, "geometri");
    assert_eq!((found.len(), expected.len()), (ids.len(), ids.len()));
    for (found, expected) in found.iter().zip(&expected) {
        let found = found.unwrap();
        assert_eq!((found.kind, found.lists), (2, 1));
        assert!((found.length - expected).abs() < 1e-6);
    }
    let columns = bench::columns(&[
        ("id", "id.Identifikation.lokalId", DataType::Utf8),
        ("height", "hoejde", DataType::Float64),
        ("made", "registreringFra", DataType::Utf8),
        ("status", "forretningshaendelse", DataType::Utf8),
    ]);
    let batches = decode_all(&decoder("gml"), &Part::new("all"), &page, &columns).unwrap();
    let found: Vec<String> = bench::texts(&batches, "id").into_iter().flatten().collect();
    assert_eq!(found, ids);
    let sum: f64 = bench::texts(&batches, "height")
        .into_iter()
        .map(|height| height.unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(sum, heights.iter().sum::<f64>());
    assert_eq!(
        bench::texts(&batches, "status")[0].as_deref(),
        Some("højdekurveAjourføring")
    );
}

#[test]
fn an_empty_result_has_the_declared_columns_and_no_rows() {
    let Some(folder) = folder() else { return };
    let page = page(&folder, "gml-samples/datafordeler_geodanmark_wfs20_empty_result.xml");
    assert_eq!(measures(&page, "geometri"), []);
}

#[test]
fn surfaces_of_patches_in_three_dimensions_have_their_areas() {
    let Some(folder) = folder() else { return };
    let file = "gml-samples/geodanmark_plads_fme_gml32_surface_patch_3d.gml";
    let text = String::from_utf8(read(&folder, file)).unwrap();
    let expected: Vec<f64> = between(&text, "<gml:posList>", "</gml:posList>")
        .into_iter()
        .map(|list| enclosed(&positions(list, 3)))
        .collect();
    let page = page(&folder, file);
    let found = measures(&page, "surfaceProperty");
    assert_eq!((found.len(), expected.len()), (2, 2));
    for (found, expected) in found.iter().zip(&expected) {
        let found = found.unwrap();
        assert_eq!((found.kind, found.members, found.lists), (3, 1, 1));
        assert!((found.area - expected).abs() < 1e-6 * expected);
    }
    let columns = bench::columns(&[
        ("id", "id_lokalid", DataType::Utf8),
        ("status", "geometristatus", DataType::Utf8),
        ("process", "forretningsproces", DataType::Utf8),
        ("until", "registreringtil", DataType::Utf8),
    ]);
    let rows = bench::rows(&decoder("gml"), &Part::new("all"), &page, &columns).unwrap();
    assert_eq!(rows[0], ["1210650068", "Foreløbig", "Løbende ajourføring", "null"]);
    assert_eq!(rows[1], ["1110789711", "Endelig", "null", "null"]);
}

/// `ogr_gml32_all_types_25832.gml` draws most shapes about the origin, far from Denmark: moved by whole kilometres.
fn moved(text: &str) -> String {
    let mut out = String::new();
    for (place, piece) in text.split("<gml:pos").enumerate() {
        if place == 0 {
            out.push_str(piece);
            continue;
        }
        let (head, rest) = piece.split_once('>').unwrap();
        let (list, tail) = rest.split_once("</").unwrap();
        let dimension = if head.contains("srsDimension=\"3\"") { 3 } else { 2 };
        let numbers = list.split_whitespace().enumerate().map(|(at, word)| {
            let number: f64 = word.parse().unwrap();
            let far = number < 1000.0;
            match at % dimension {
                0 if far => (number + 500_000.0).to_string(),
                1 if far => (number + 6_200_000.0).to_string(),
                _ => word.to_owned(),
            }
        });
        let list = numbers.collect::<Vec<_>>().join(" ");
        out.push_str(&format!("<gml:pos{head}>{list}</{tail}"));
    }
    out
}

#[test]
fn every_kind_of_geometry_of_gdal_is_read_arcs_as_chords() {
    let Some(folder) = folder() else { return };
    let text = String::from_utf8(read(&folder, "gml-samples/ogr_gml32_all_types_25832.gml")).unwrap();
    let found = measures(
        &Page::from_bytes("/moved", moved(&text).as_bytes()).unwrap(),
        "geometryProperty",
    );
    let kinds: Vec<Option<u32>> = found.iter().map(|found| found.map(|found| found.kind)).collect();
    let some = |kinds: &[u32]| kinds.iter().map(|kind| Some(*kind)).collect::<Vec<_>>();
    let mut expected = some(&[1, 4, 2, 5, 3, 6, 3, 2, 2, 3, 6, 7]);
    // EMPTY and NULL have no element.
    expected.extend([None, None]);
    assert_eq!(kinds, expected);
    let all: Vec<Measure> = found.into_iter().flatten().collect();
    let near = |found: f64, expected: f64, by: f64| assert!((found - expected).abs() < by, "{found}, not {expected}");
    near(all[2].length, 100f64.hypot(100.0) + 100f64.hypot(50.0), 1e-6);
    near(all[3].length, 100f64.hypot(100.0) + 100.0, 1e-6);
    near(all[4].area, 10_000.0 - 400.0, 1e-6);
    near(all[5].area, 200.0, 1e-6);
    near(all[6].area, 100.0, 1e-6);
    // Half a circle of radius 1: chords leave at most a millimetre.
    let half = std::f64::consts::PI;
    near(all[7].length, half, 0.005);
    near(all[8].length, half + 1.0, 0.005);
    near(all[9].area, half / 2.0, 0.005);
    // A square of 100, and the circle of radius 2 times the square root of 2 through the corners of a square of 4: two
    // arcs, from (0,0) by (4,0) to (4,4) and back by (0,4).
    near(all[10].area, 100.0 + std::f64::consts::PI * 8.0, 0.02);
    assert_eq!((all[11].positions, all[11].lists), (3, 1));
}

#[test]
fn shapes_about_the_origin_and_latitude_first_are_refused() {
    let Some(folder) = folder() else { return };
    let columns = bench::columns(&[("geometry", "geometryProperty", DataType::Binary)]);
    let (connector, part) = (decoder("gml"), Part::new("all"));
    for (file, words) in [
        ("ogr_gml32_all_types_25832.gml", "outside Denmark"),
        ("ogr_gml32_points_4258_latlon.gml", "EPSG::4258"),
    ] {
        let page = page(&folder, &format!("gml-samples/{file}"));
        let fault = decode_all(&connector, &part, &page, &columns).unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract, "{file}: {fault}");
        assert!(fault.to_string().contains(words), "{file}: {fault}");
    }
}
