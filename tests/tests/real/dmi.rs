//! One page of DMI's climateData as served on 2023-09-11: 1000 features, the newest hours of 98 municipalities.

use std::collections::{BTreeMap, BTreeSet};

use klimalade_connect::{Page, Secrets};
use klimalade_tests::real_folder;
use serde_json::{Value as Json, json};

use crate::ground::{Ground, Hosts, Row, assert_close, batch_rows, bytes, columns_only, decoded, json, number, sums};

const FILE: &str = "dmi/municipalityValue_mean_temp_hour_2023-09-11.json";

const COLUMNS: [(&str, &str, &str); 6] = [
    ("id", "text", "id"),
    ("municipality", "text", "properties.municipalityId"),
    ("name", "text", "properties.municipalityName"),
    ("starts_at", "timestamp", "properties.from"),
    ("ends_at", "timestamp", "properties.to"),
    ("value", "float", "properties.value"),
];

/// Decodes the page, with more settings and columns than the plain ones; the plan asks nobody for it.
async fn rows(
    body: &[u8],
    more: Json,
    columns: &[(&str, &str, &str)],
) -> (Vec<Row>, Vec<arrow::record_batch::RecordBatch>) {
    let ground = Ground::new();
    let mut settings = json!({
        "base_url": "https://dmigw.govcloud.dk/v2/climateData", "collection": "municipalityValue",
        "query": {"parameterId": "mean_temp"}, "crs": "none",
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let connector = ground.open("ogcapi", settings);
    let parts = connector
        .plan(&ground.context(Hosts::new(), Secrets::default()))
        .await
        .unwrap();
    let page = Page::from_bytes(
        "https://dmigw.govcloud.dk/v2/climateData/collections/municipalityValue/items",
        body,
    )
    .unwrap();
    let part = parts
        .iter()
        .find(|part| part.key == "all" || part.key == "2023-09")
        .unwrap();
    let batches = decoded(connector.as_ref(), part, &page, &columns_only(columns)).unwrap();
    (batches.iter().flat_map(batch_rows).collect(), batches)
}

#[tokio::test]
async fn a_thousand_features_are_a_thousand_hours_of_98_municipalities() {
    let Some(real) = real_folder() else { return };
    let body = bytes(&real.join(FILE));
    let raw = json(&real.join(FILE));
    let features = raw["features"].as_array().unwrap();
    assert_eq!((features.len() as u64, &raw["numberReturned"]), (1000, &json!(1000)));
    let text = |feature: &Json, name: &str| feature["properties"][name].as_str().unwrap().to_owned();
    // `2023-09-11T10:00:00+00:00` is an instant of UTC as it stands.
    let utc = |time: String| time.replace("+00:00", "Z");
    let expected: BTreeMap<(String, String), f64> = features
        .iter()
        .map(|feature| {
            (
                (text(feature, "municipalityId"), utc(text(feature, "from"))),
                feature["properties"]["value"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(expected.len(), 1000);

    let (rows, _) = rows(&body, json!({}), &COLUMNS).await;
    let found: BTreeMap<(String, String), f64> = rows
        .iter()
        .map(|row| {
            (
                (row["municipality"].clone(), row["starts_at"].clone()),
                number(row, "value").unwrap(),
            )
        })
        .collect();
    assert_eq!(rows.len(), 1000);
    assert_eq!(found, expected);
    assert_eq!(
        rows.iter().map(|row| row["id"].as_str()).collect::<BTreeSet<_>>().len(),
        1000
    );
    let towns: BTreeSet<&str> = rows.iter().map(|row| row["municipality"].as_str()).collect();
    assert_eq!((towns.len(), towns.contains("0411")), (98, false));
    let by_hour =
        |cells: &BTreeMap<(String, String), f64>| sums(cells.iter().map(|((_, hour), value)| (hour.clone(), *value)));
    assert_close(&by_hour(&found), &by_hour(&expected), 1e-9);
    // The page ends inside an hour: 10 x 98 + 20.
    let mut hours: Vec<usize> = sums(rows.iter().map(|row| (row["starts_at"].clone(), 1.0)))
        .into_values()
        .map(|count| count as usize)
        .collect();
    hours.sort_unstable();
    assert_eq!(hours, [vec![20], vec![98; 10]].concat());
}

#[tokio::test]
async fn named_values_of_the_page_are_those_of_its_text() {
    let Some(real) = real_folder() else { return };
    let (rows, _) = rows(&bytes(&real.join(FILE)), json!({}), &COLUMNS).await;
    for (id, municipality, name, value) in [
        ("078fc7dd-4ec0-e4ba-61e2-cfc72d2c763c", "0573", "Varde", 22.6),
        ("097c091d-77e1-a1c0-37b2-1cb3d5315b7e", "0265", "Roskilde", 17.3),
        ("0989c2c2-1eb4-4a8f-df1e-5a4a489b40cf", "0175", "Rødovre", 17.1),
        ("0a329d31-ae0c-efc5-aa64-ded1bc46616f", "0187", "Vallensbæk", 17.1),
    ] {
        let row = rows.iter().find(|row| row["id"] == id).unwrap();
        assert_eq!([&row["municipality"], &row["name"]], [municipality, name]);
        assert_eq!(
            (row["starts_at"].as_str(), row["ends_at"].as_str()),
            ("2023-09-11T10:00:00Z", "2023-09-11T11:00:00Z")
        );
        assert_eq!(number(row, "value"), Some(value), "{name}");
    }
}

/// Places as longitude and latitude come out in EPSG:25832; compared with Krüger's series, which is not how the
/// reader computes it.
#[tokio::test]
async fn points_are_reprojected_to_utm_32_within_a_centimetre() {
    let Some(real) = real_folder() else { return };
    let raw = json(&real.join(FILE));
    let columns: Vec<_> = COLUMNS.into_iter().chain([("place", "geometry", "geometry")]).collect();
    let (_, batches) = rows(&bytes(&real.join(FILE)), json!({"crs": "crs84"}), &columns).await;
    let mut at = 0;
    for batch in &batches {
        let places = batch.column_by_name("place").unwrap();
        let places = arrow::array::AsArray::as_binary::<i32>(places);
        for wkb in places {
            let wkb = wkb.unwrap();
            assert_eq!(
                (wkb.len(), &wkb[..5]),
                (21, [1, 1, 0, 0, 0].as_slice()),
                "a little-endian point"
            );
            let coordinate = |from: usize| f64::from_le_bytes(wkb[from..from + 8].try_into().unwrap());
            let lon_lat = &raw["features"][at]["geometry"]["coordinates"];
            let (east, north) = utm32(lon_lat[0].as_f64().unwrap(), lon_lat[1].as_f64().unwrap());
            assert!(
                (coordinate(5) - east).abs() < 0.01 && (coordinate(13) - north).abs() < 0.01,
                "feature {at}: {east} {north}"
            );
            at += 1;
        }
    }
    assert_eq!(at, 1000);
}

/// Krüger's series to the third order on GRS 80 (Karney 2011, eq. 35), central meridian 9 degrees east.
fn utm32(longitude: f64, latitude: f64) -> (f64, f64) {
    let flattening = 1.0 / 298.257_222_101;
    let n: f64 = flattening / (2.0 - flattening);
    let radius = 6_378_137.0 / (1.0 + n) * (1.0 + n.powi(2) / 4.0 + n.powi(4) / 64.0);
    let alpha = [
        n / 2.0 - 2.0 * n.powi(2) / 3.0 + 5.0 * n.powi(3) / 16.0,
        13.0 * n.powi(2) / 48.0 - 3.0 * n.powi(3) / 5.0,
        61.0 * n.powi(3) / 240.0,
    ];
    let (sine, lambda) = (latitude.to_radians().sin(), (longitude - 9.0).to_radians());
    let eccentricity = 2.0 * n.sqrt() / (1.0 + n);
    let t = (sine.atanh() - eccentricity * (eccentricity * sine).atanh()).sinh();
    let (xi, eta) = (t.atan2(lambda.cos()), (lambda.sin() / (1.0 + t * t).sqrt()).atanh());
    let (mut east, mut north) = (eta, xi);
    for (order, factor) in alpha.iter().enumerate() {
        let twice = 2.0 * (order + 1) as f64;
        east += factor * (twice * xi).cos() * (twice * eta).sinh();
        north += factor * (twice * xi).sin() * (twice * eta).cosh();
    }
    (500_000.0 + 0.9996 * radius * east, 0.9996 * radius * north)
}

#[tokio::test]
async fn features_that_begin_before_a_window_belong_to_another_part() {
    let Some(real) = real_folder() else { return };
    let raw = json(&real.join(FILE));
    // Danish 11 September begins at 22:00 UTC on the tenth: a window from the 11th holds every feature. In Chicago the
    // day begins at 05:00 UTC: the features of the first five hours are another part's.
    for (timezone, first_utc) in [
        ("Europe/Copenhagen", "2023-09-10T22"),
        ("America/Chicago", "2023-09-11T05"),
    ] {
        let window = json!({"window": {"start": "2023-09-11", "part": "month", "timezone": timezone, "from_property": "properties.from"}});
        let (rows, _) = rows(&bytes(&real.join(FILE)), window, &COLUMNS).await;
        let expected = raw["features"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|feature| feature["properties"]["from"].as_str().unwrap() >= first_utc)
            .count();
        assert_eq!(rows.len(), expected, "{timezone}");
    }
}
