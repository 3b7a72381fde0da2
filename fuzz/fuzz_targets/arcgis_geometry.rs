//! One Esri JSON geometry, in a page of one feature: rings sorted into shells and holes, as WKB.
#![no_main]

use std::sync::LazyLock;

use arrow::array::AsArray;
use arrow_schema::DataType;
use klimalade_arcgis::ArcGis;
use klimalade_connect::{Connector, Page, Part, Protocol};
use klimalade_fuzz::{assert_wkb, checked, columns};
use libfuzzer_sys::fuzz_target;

static LAYER: LazyLock<ArcGis> = LazyLock::new(|| {
    let settings = serde_json::json!({ "base_url": "http://127.0.0.1/arcgis/rest/services/a/FeatureServer/0", "geometry": true });
    match serde_json::from_value(settings).map(ArcGis::open) {
        Ok(Ok(layer)) => layer,
        other => panic!("{other:?}"),
    }
});

fuzz_target!(|data: &[u8]| {
    let mut body = br#"{"features":[{"geometry":"#.to_vec();
    body.extend_from_slice(data);
    body.extend_from_slice(b"}]}");
    let schema = columns(&[("shape", "geometry", DataType::Binary)]);
    let Ok(page) = Page::from_bytes("/query", &body) else { return };
    let Ok(batches) = checked(LAYER.decode(&Part::new("all"), &page, &schema)) else { return };
    for batch in batches.map_while(Result::ok) {
        batch.column(0).as_binary::<i32>().iter().flatten().for_each(assert_wkb);
    }
});
