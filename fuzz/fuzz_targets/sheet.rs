//! A workbook: the bytes of a file, or the text of its members, packed here so that what is in them is reached. The first byte
//! chooses how it is to be read.
#![no_main]

use arrow_schema::DataType;
use klimalade_format::sheet::{self, Layout, SHEET_COLUMN, SheetOptions};
use klimalade_fuzz::{checked, columns, drained, instant, zipped};
use libfuzzer_sys::fuzz_target;

const MOST_BYTES: u64 = 4 << 20;

/// A panic of the reader of workbooks is caught by the decoder and is a fault there; any other is a finding.
fn let_guarded_panics_pass() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_guarded = panic
            .location()
            .is_some_and(|place| place.file().contains("/calamine-"));
        if !is_guarded {
            abort(panic);
        }
    }));
}

fuzz_target!(init: let_guarded_panics_pass(), |data: &[u8]| {
    let Some((how, rest)) = data.split_first() else { return };
    let is_file = rest.starts_with(b"PK") || rest.starts_with(b"\xD0\xCF");
    let book = if is_file { rest.to_vec() } else { zipped(rest, false) };
    let options = SheetOptions {
        layouts: vec![Layout {
            sheets: vec![["Ark*", "Ark1"][usize::from(how & 1)].to_owned()],
            header_rows: if how & 2 == 0 { vec![1] } else { vec![1, 2] },
            columns: vec!["Kommune".to_owned()],
            rename: vec![("Komm.".to_owned(), "Kommune".to_owned())],
            skip_rows: u32::from(how >> 2 & 1),
            until: [None, Some(vec![String::new()]), Some(vec!["Kilde".to_owned()]), None][usize::from(how >> 3 & 3)].clone(),
        }],
        decimal_comma: how & 32 != 0,
        footnotes: how & 64 != 0,
        most_bytes: MOST_BYTES,
        batch_rows: 3,
        ..SheetOptions::default()
    };
    let few = [("area", "Kommune", DataType::Utf8), ("sheet", SHEET_COLUMN, DataType::Utf8)];
    let many = [
        ("area", "Kommune", DataType::Utf8),
        ("value", "Værdi", DataType::Float64),
        ("day", "Dato", DataType::Date32),
        ("at", "Dato", instant()),
    ];
    let schema = if how & 128 == 0 { columns(&few) } else { columns(&many) };
    let rows = drained(sheet::reader(Box::new(book.as_slice()), &schema, &options), &schema);
    let seen = checked(sheet::columns(Box::new(book.as_slice()), &options));
    if let Ok(rows) = &rows {
        assert!(seen.is_ok(), "{} rows, and also: {seen:?}", rows.len());
    }
    let _ = checked(sheet::look(Box::new(book.as_slice()), MOST_BYTES));
});
