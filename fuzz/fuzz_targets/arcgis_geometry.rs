//! One Esri JSON geometry: rings sorted into shells and holes, as WKB.
#![no_main]

/// What `connect` hands on of `model`, and no more: the connector's own file then needs no HTTP client to be built.
extern crate klimalade_model as klimalade_connect;

#[path = "../../connectors/arcgis/src/geometry.rs"]
mod geometry;

use klimalade_fuzz::{assert_wkb, checked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(Some(wkb)) = checked(geometry::esri_to_wkb(text)) {
        assert_wkb(&wkb);
    }
});
