//! What the targets have in common: declared columns, a reader drained to text, inputs that dribble.
//!
//! A decoder must give rows or a fault that says something; it must give the same however the bytes arrive.

use std::{
    collections::HashMap,
    io::{Read, Write},
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, RecordBatch, RecordBatchReader},
    util::display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use klimalade_model::{FROM_KEY, Fault, Result};

/// Columns by declared name, name at the source and type.
pub fn columns(columns: &[(&str, &str, DataType)]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, from, kind)| {
            let metadata = HashMap::from([(FROM_KEY.to_owned(), (*from).to_owned())]);
            Field::new(*name, kind.clone(), true).with_metadata(metadata)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

/// A column of time in UTC.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The rows as text, or the fault. Panics, which is a finding: another error than a fault, a fault without words, a batch of
/// another schema.
pub fn drained(reader: Result<Box<dyn RecordBatchReader + Send + '_>>, schema: &SchemaRef) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for batch in checked(reader)? {
        match batch {
            Ok(batch) => {
                assert_eq!(&batch.schema(), schema);
                print(&batch, &mut rows);
            }
            Err(ArrowError::ExternalError(error)) => match error.downcast::<Fault>() {
                Ok(fault) => return checked(Err(*fault)),
                Err(error) => panic!("an error that is no fault: {error}"),
            },
            Err(error) => panic!("an error that is no fault: {error}"),
        }
    }
    Ok(rows)
}

/// The same; a fault must say what is wrong, and short enough for a log.
pub fn checked<T>(result: Result<T>) -> Result<T> {
    if let Err(fault) = &result {
        assert!(!fault.what().trim().is_empty());
        let said = fault.to_string().chars().count();
        assert!(said < 4_000, "{said} letters of error");
    }
    result
}

/// Both are rows, and the same ones, or both are faults: of two things that are wrong, the one that is seen first depends on
/// what is read at once.
pub fn assert_same(left: &Result<Vec<String>>, right: &Result<Vec<String>>) {
    match (left, right) {
        (Ok(left), Ok(right)) => assert_eq!(left, right),
        (Err(_), Err(_)) => {}
        (Ok(rows), Err(fault)) | (Err(fault), Ok(rows)) => panic!("{} rows, and also: {fault}", rows.len()),
    }
}

fn print(batch: &RecordBatch, rows: &mut Vec<String>) {
    let options = FormatOptions::default();
    for row in 0..batch.num_rows() {
        let mut line = String::new();
        for column in batch.columns() {
            let text = match column.data_type() {
                _ if column.is_null(row) => "null".to_owned(),
                DataType::Binary => format!("{:?}", column.as_binary::<i32>().value(row)),
                // Arrow prints zones by name only with chrono-tz.
                DataType::Timestamp(..) => {
                    let micros = column.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
                    micros.value(row).to_string()
                }
                _ => match ArrayFormatter::try_new(column, &options) {
                    Ok(formatter) => formatter.value(row).to_string(),
                    Err(error) => panic!("{error}"),
                },
            };
            line.push_str(&text);
            line.push('\u{1f}');
        }
        rows.push(line);
    }
}

/// Gives at most so many bytes at a time: every border between two reads is met.
pub struct Dribble<'a>(pub &'a [u8], pub usize);

impl Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.max(1).min(out.len()).min(self.0.len());
        out[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// Reads little-endian WKB to its last byte. Panics where it is not whole: nobody else could read it then.
pub fn assert_wkb(wkb: &[u8]) {
    let mut rest = wkb;
    geometry(&mut rest, 0);
    assert!(rest.is_empty(), "{} bytes behind the geometry", rest.len());
}

fn geometry(rest: &mut &[u8], depth: usize) {
    assert!(depth < 64, "nested too deep");
    assert_eq!(take::<1>(rest), [1]);
    let kind = u32::from_le_bytes(take(rest));
    match kind {
        1 => place(rest),
        2 => (0..count(rest)).for_each(|_| place(rest)),
        3 => {
            for _ in 0..count(rest) {
                let ring: Vec<[u8; 16]> = (0..count(rest)).map(|_| take(rest)).collect();
                assert!(ring.len() >= 4 && ring.first() == ring.last(), "an open ring");
            }
        }
        4..=7 => (0..count(rest)).for_each(|_| {
            let member = u32::from_le_bytes([rest[1], rest[2], rest[3], rest[4]]);
            assert!(kind == 7 || member == kind - 3, "{member} in {kind}");
            geometry(rest, depth + 1);
        }),
        other => panic!("no geometry is of kind {other}"),
    }
}

fn count(rest: &mut &[u8]) -> u32 {
    u32::from_le_bytes(take(rest))
}

fn place(rest: &mut &[u8]) {
    take::<16>(rest);
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let Some((head, tail)) = rest.split_first_chunk::<N>() else {
        panic!("the geometry is cut")
    };
    *rest = tail;
    *head
}

/// The members of an archive that is written as text: a line `== <name>` begins each, the rest up to the next is in it. Of
/// two with one name the first.
pub fn members(text: &[u8]) -> Vec<(String, &[u8])> {
    let mut found: Vec<(String, &[u8])> = Vec::new();
    let mut rest = text;
    while let Some(start) = position(rest, b"== ") {
        let after = &rest[start + 3..];
        let (name, inner) = match after.iter().position(|letter| *letter == b'\n') {
            Some(end) => (&after[..end], &after[end + 1..]),
            None => (after, &after[after.len()..]),
        };
        let end = match inner.starts_with(b"== ") {
            true => 0,
            false => position(inner, b"\n== ").map_or(inner.len(), |end| end + 1),
        };
        let name = String::from_utf8_lossy(name).into_owned();
        if !found.iter().any(|(other, _)| *other == name) {
            found.push((name, &inner[..end]));
        }
        rest = &inner[end..];
    }
    found
}

fn position(bytes: &[u8], piece: &[u8]) -> Option<usize> {
    bytes.windows(piece.len()).position(|window| window == piece)
}

/// They as a ZIP. A name that no ZIP can have is left out.
pub fn zipped(text: &[u8], is_deflated: bool) -> Vec<u8> {
    let method = match is_deflated {
        true => zip::CompressionMethod::Deflated,
        false => zip::CompressionMethod::Stored,
    };
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members(text) {
        if archive.start_file(name, options).is_ok() {
            assert!(archive.write_all(bytes).is_ok());
        }
    }
    match archive.finish() {
        Ok(file) => file.into_inner(),
        Err(error) => panic!("{error}"),
    }
}

/// A gzip of two pieces.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let (one, other) = bytes.split_at(bytes.len() / 2);
    [one, other]
        .into_iter()
        .flat_map(|bytes| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            assert!(packed.write_all(bytes).is_ok());
            packed.finish().unwrap_or_default()
        })
        .collect()
}
