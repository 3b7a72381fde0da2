//! One GeoJSON geometry to WKB.
#![no_main]

use klimalade_format::geometry::{Crs, geojson_to_wkb};
use klimalade_fuzz::{assert_wkb, checked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(geometry) = serde_json::from_slice(data) else { return };
    for crs in [Crs::Crs84, Crs::Epsg25832] {
        if let Ok(wkb) = checked(geojson_to_wkb(&geometry, crs)) {
            assert_wkb(&wkb);
        }
    }
});
