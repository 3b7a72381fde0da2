//! For the tests of both readers: deterministic damage, a dribbling input, batches as text.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, RecordBatchReader},
    datatypes::TimestampMicrosecondType,
    util::display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::{ArrowError, DataType};
use klimalade_model::{Fault, Result};

/// Marsaglia's xorshift, 64 bits.
pub(crate) struct Xorshift(pub(crate) u64);

impl Xorshift {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// One to four damages: a bit, a byte, a piece gone, a piece twice, the rest cut.
pub(crate) fn damaged(bytes: &[u8], seed: u64) -> Vec<u8> {
    const LETTERS: &[u8] = b"\"\\{}[],:;.-+eE09u \n\r\t\xC3\xFF\x00";
    let mut random = Xorshift(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(24)).min(bytes.len());
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = LETTERS[random.below(LETTERS.len())],
            2 => bytes.insert(at, LETTERS[random.below(LETTERS.len())]),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// All batches, or the fault that came.
pub(crate) fn drained(reader: Result<Box<dyn RecordBatchReader + Send + '_>>) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for batch in reader? {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(ArrowError::ExternalError(error)) => return Err(*error.downcast::<Fault>().expect("a Fault")),
            Err(other) => panic!("an error that is no Fault: {other}"),
        }
    }
    Ok(batches)
}

/// Gives a few bytes at a time, so that every chunk border is met.
pub(crate) struct Dribble<'a>(pub(crate) &'a [u8], pub(crate) usize);

impl std::io::Read for Dribble<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(out.len()).min(self.0.len());
        out[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// A line for each row, cells between `|`, null as nothing.
pub(crate) fn printed(batches: &[RecordBatch]) -> String {
    let options = FormatOptions::default();
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(printable).collect();
        let cells: Vec<_> = columns
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            lines.push(
                cells
                    .iter()
                    .map(|cell| cell.value(row).to_string())
                    .collect::<Vec<_>>()
                    .join("|"),
            );
        }
    }
    lines.join("\n")
}

/// Arrow prints zones by name only with its feature chrono-tz.
fn printable(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(..) => Arc::new(
            column
                .as_primitive::<TimestampMicrosecondType>()
                .clone()
                .with_timezone("+00:00"),
        ),
        _ => Arc::clone(column),
    }
}
