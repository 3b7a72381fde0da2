//! JSON arrays of objects, with geometry: rows read whole and dribbled, counted by a look, listed as columns.
#![no_main]

use arrow_schema::DataType;
use klimalade_format::{
    geometry::Crs,
    json::{self, JsonOptions},
};
use klimalade_fuzz::{Dribble, assert_same, checked, columns, drained, instant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((how, text)) = data.split_first() else { return };
    let options = JsonOptions {
        rows: ["features", "", "result.records", "features"][usize::from(how & 3)].to_owned(),
        batch_rows: 3,
        crs: if how & 4 == 0 { Crs::Crs84 } else { Crs::Epsg25832 },
    };
    let schema = columns(&[
        ("id", "id", DataType::Utf8),
        ("name", "properties.navn", DataType::Utf8),
        ("number", "properties.komnr", DataType::Int64),
        ("area", "properties.areal", DataType::Float64),
        ("at", "properties.dato", instant()),
        ("all", "properties", DataType::Utf8),
        ("shape", "geometry", DataType::Binary),
    ]);
    let whole = drained(json::reader(Box::new(text), &schema, &options), &schema);
    let few = usize::from(how >> 3) + 1;
    let dribbled = drained(json::reader(Box::new(Dribble(text, few)), &schema, &options), &schema);
    assert_same(&whole, &dribbled);
    let look = checked(json::look(Box::new(text), &options.rows, &["numberMatched", "crs.properties.name"]));
    // Around the rows each reads what it needs, so damage there may stop the one and not the other.
    if let (Ok(rows), Ok(look)) = (&whole, look) {
        assert_eq!(look.rows, rows.len() as u64);
    }
    let _ = checked(json::columns(Box::new(text), &options));
    let _ = checked(json::beyond(Box::new(text), &options.rows, 2));
});
