//! Delimited text: the first byte chooses how it is to be read.
#![no_main]

use arrow_schema::DataType;
use klimalade_format::csv::{self, CsvOptions, Encoding, Header};
use klimalade_fuzz::{Dribble, assert_same, checked, columns, drained, instant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((how, text)) = data.split_first() else { return };
    let options = CsvOptions {
        delimiter: if how & 1 == 0 { b';' } else { b',' },
        encoding: match how >> 1 & 3 {
            0 | 3 => Encoding::Utf8,
            1 => Encoding::Windows1252,
            _ => Encoding::Latin1,
        },
        decimal_comma: how & 8 != 0,
        header: match how & 16 {
            0 => Header::Line,
            _ => Header::None(vec!["kommune".into(), "år".into(), "km".into(), "tid".into(), "ja".into()]),
        },
        skip_lines: usize::from(how >> 5 & 1),
        batch_rows: 3,
        ..CsvOptions::default()
    };
    let schema = columns(&[
        ("area", "Kommune", DataType::Utf8),
        ("year", "År", DataType::Int16),
        ("km", "km", DataType::Float64),
        ("at", "tid", instant()),
        ("day", "tid", DataType::Date32),
        ("yes", "ja", DataType::Boolean),
    ]);
    let whole = drained(csv::reader(Box::new(text), &schema, &options), &schema);
    let few = usize::from(how >> 6) + 1;
    let dribbled = drained(csv::reader(Box::new(Dribble(text, few)), &schema, &options), &schema);
    assert_same(&whole, &dribbled);
    if whole.is_ok() {
        assert!(csv::header(Box::new(text), &options).is_ok());
    }
    let _ = checked(csv::columns(Box::new(text), &options));
    let _ = csv::sniff(text);
});
