//! A collection of features: rows read whole and dribbled, counted by a look, listed as columns.
#![no_main]

use arrow::array::{Array, AsArray};
use arrow_schema::DataType;
use klimalade_format::gml::{self, GmlOptions};
use klimalade_fuzz::{Dribble, assert_same, assert_wkb, checked, columns, drained};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let options = GmlOptions {
        batch_rows: 3,
        known: ["navn", "komnr", "geometri", "id"].map(str::to_owned).to_vec(),
        stable_ids: data.len() % 2 == 0,
    };
    let schema = columns(&[
        ("id", gml::ID, DataType::Utf8),
        ("name", "navn", DataType::Utf8),
        ("number", "komnr", DataType::Int64),
        ("shape", "geometri", DataType::Binary),
        ("local", "id.lokalId", DataType::Utf8),
    ]);
    let whole = drained(gml::reader(Box::new(data), &schema, &options), &schema);
    let dribbled = drained(gml::reader(Box::new(Dribble(data, 7)), &schema, &options), &schema);
    assert_same(&whole, &dribbled);
    let look = checked(gml::look(Box::new(data)));
    if let Ok(rows) = &whole {
        let seen = look.map(|look| look.rows);
        assert!(matches!(seen, Ok(seen) if seen == rows.len() as u64), "{seen:?} of {}", rows.len());
    }
    if let Ok(batches) = gml::reader(Box::new(data), &schema, &options) {
        for batch in batches.map_while(Result::ok) {
            batch.column(3).as_binary::<i32>().iter().flatten().for_each(assert_wkb);
            assert_eq!(batch.column(3).len(), batch.num_rows());
        }
    }
    let _ = checked(gml::columns(Box::new(data)));
});
