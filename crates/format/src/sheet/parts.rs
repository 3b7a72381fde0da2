//! Parts of an XLSX that the reader of workbooks believes: a number of shared texts for which it takes the memory at once, and
//! styles of which each cell format gets a copy.

use std::io::{BufRead, Read};

use klimalade_model::{Fault, Result};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::{
    capped::{Capped, capped},
    error::Error,
};

/// Bytes of one tag or text at most.
const LARGEST_PIECE: usize = 4 << 20;
/// Bytes that the shortest shared text takes: `<si/>`.
const SHORTEST_TEXT: u64 = 5;
/// Bytes that a cell format takes without its texts.
const FORMAT: u64 = 400;

fn malformed(error: impl std::fmt::Display) -> Fault {
    Error::Malformed {
        found: error.to_string(),
    }
    .into()
}

/// Errors: Source, for XML that is not well formed up to its first element, and for more texts than it has room for.
pub(super) fn check_strings(mut part: impl Read) -> Result<()> {
    let mut reader = Reader::from_reader(capped(&mut part, LARGEST_PIECE));
    let mut stated = None;
    each(&mut reader, |element| {
        let is_list = element.local_name().as_ref() == b"sst";
        if is_list && let Some(count) = element.try_get_attribute("uniqueCount").map_err(malformed)? {
            let count = std::str::from_utf8(&count.value)
                .ok()
                .and_then(|count| count.parse::<u64>().ok());
            stated = Some(count.ok_or_else(|| malformed("uniqueCount is no number"))?);
        }
        Ok(!is_list)
    })?;
    let Some(stated) = stated else { return Ok(()) };
    let begun = reader.buffer_position();
    let rest = std::io::copy(reader.get_mut().whole(), &mut std::io::sink()).map_err(malformed)?;
    match stated.saturating_mul(SHORTEST_TEXT) <= begun.saturating_add(rest) {
        true => Ok(()),
        false => Err(malformed(format!("{stated} shared texts in {} bytes", begun + rest))),
    }
}

/// Errors: Source, for XML that is not well formed, and for styles that take more than `most_bytes`.
pub(super) fn check_styles(part: impl Read, most_bytes: u64) -> Result<()> {
    let mut reader = Reader::from_reader(capped(part, LARGEST_PIECE));
    let (mut formats, mut longest_name, mut longest_number) = (0_u64, 0, 0);
    each(&mut reader, |element| {
        match element.local_name().as_ref() {
            b"xf" => formats += 1,
            // Of a font, and of how numbers are written.
            b"name" => longest_name = longest_name.max(element.len() as u64),
            b"numFmt" => longest_number = longest_number.max(element.len() as u64),
            _ => {}
        }
        Ok(true)
    })?;
    match formats.saturating_mul(FORMAT + longest_name + longest_number) <= most_bytes {
        true => Ok(()),
        false => Err(Fault::source("a workbook whose styles are more than can be read")
            .found(format!("{formats} cell formats with names of {longest_name} bytes"))
            .expected(format!("at most {most_bytes} bytes"))
            .hint("save the table as CSV")),
    }
}

/// Every tag that opens, as long as `see` wants another.
fn each<R: BufRead>(
    reader: &mut Reader<Capped<R>>,
    mut see: impl FnMut(&BytesStart<'_>) -> Result<bool>,
) -> Result<()> {
    let mut buffer = Vec::new();
    // As the reader of workbooks has it, so that neither sees an element where the other sees none.
    reader.config_mut().check_end_names = false;
    loop {
        reader.get_mut().refill();
        match reader.read_event_into(&mut buffer).map_err(malformed)? {
            Event::Start(element) | Event::Empty(element) if !see(&element)? => return Ok(()),
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}
