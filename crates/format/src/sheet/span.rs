//! How many cells an ODS makes of its repeats: two attributes of a few bytes stand for a full sheet.

use std::io::Read;

use klimalade_model::{Fault, Result};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::{capped::capped, error::Error};

/// Bytes of one tag or text at most: a cell of an office program has at most 32,767 letters.
const LARGEST_PIECE: usize = 4 << 20;

/// Reads `content.xml` to its end and returns the bytes read. Errors: Source, for XML that is not well formed or not
/// whole, and for repeats that make more than `most_cells` of one table or more than `most_bytes` of text.
pub(super) fn check(content: impl Read, most_cells: u64, most_bytes: u64) -> Result<u64> {
    let mut reader = Reader::from_reader(capped(content, LARGEST_PIECE));
    let mut buffer = Vec::new();
    let mut table = Span::default();
    let mut depth = 0_u64;
    loop {
        reader.get_mut().refill();
        let event = reader.read_event_into(&mut buffer).map_err(malformed)?;
        match &event {
            Event::Start(element) => {
                depth += 1;
                table.start(element, true)?;
            }
            Event::Empty(element) => table.start(element, false)?,
            Event::Text(text) => table.text += text.len() as u64,
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                match element.name().as_ref() {
                    b"table:table-cell" | b"table:covered-table-cell" => table.end_cell(),
                    b"table:table-row" => table.end_row(),
                    b"table:table" => table = Span::default(),
                    _ => {}
                }
            }
            Event::Eof if depth > 0 => return Err(malformed("content.xml ends before it is whole")),
            Event::Eof => return Ok(reader.buffer_position()),
            _ => {}
        }
        let cells = table.rows.saturating_mul(table.widest);
        if cells > most_cells || table.bytes > most_bytes {
            return Err(Fault::source("a sheet whose repeated cells are more than can be read")
                .at("`content.xml`")
                .expected(format!("at most {most_cells} cells"))
                .found(format!("{} rows of {} cells", table.rows, table.widest))
                .hint("save the table as CSV"));
        }
        buffer.clear();
    }
}

fn malformed(error: impl std::fmt::Display) -> Fault {
    Error::Malformed {
        found: error.to_string(),
    }
    .into()
}

/// One table so far. Empty cells and rows count once something stands behind them.
#[derive(Default)]
struct Span {
    rows: u64,
    widest: u64,
    bytes: u64,
    empty_rows: u64,
    row_repeats: u64,
    width: u64,
    empty_cells: u64,
    cell_repeats: u64,
    text: u64,
    row_text: u64,
}

impl Span {
    fn start(&mut self, element: &BytesStart<'_>, has_content: bool) -> Result<()> {
        match element.name().as_ref() {
            b"table:table-row" => {
                self.row_repeats = repeats(element, "table:number-rows-repeated")?;
                (self.width, self.empty_cells, self.row_text) = (0, 0, 0);
            }
            b"table:table-cell" | b"table:covered-table-cell" => {
                self.cell_repeats = repeats(element, "table:number-columns-repeated")?;
                self.text = element.len() as u64;
                let has_value = ["office:value-type", "calcext:value-type", "table:formula"]
                    .iter()
                    .any(|name| matches!(element.try_get_attribute(name), Ok(Some(_))));
                if has_content || has_value {
                    self.width = self
                        .width
                        .saturating_add(self.empty_cells)
                        .saturating_add(self.cell_repeats);
                    self.empty_cells = 0;
                    if !has_content {
                        self.end_cell();
                    }
                } else {
                    self.empty_cells = self.empty_cells.saturating_add(self.cell_repeats);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_cell(&mut self) {
        self.row_text = self
            .row_text
            .saturating_add(self.text.saturating_mul(self.cell_repeats));
        self.text = 0;
    }

    fn end_row(&mut self) {
        if self.width == 0 {
            self.empty_rows = self.empty_rows.saturating_add(self.row_repeats);
            return;
        }
        self.rows = self
            .rows
            .saturating_add(self.empty_rows)
            .saturating_add(self.row_repeats);
        self.empty_rows = 0;
        self.widest = self.widest.max(self.width);
        self.bytes = self
            .bytes
            .saturating_add(self.row_text.saturating_mul(self.row_repeats));
    }
}

fn repeats(element: &BytesStart<'_>, name: &str) -> Result<u64> {
    match element.try_get_attribute(name).map_err(malformed)? {
        None => Ok(1),
        Some(attribute) => std::str::from_utf8(&attribute.value)
            .map_err(malformed)?
            .trim()
            .parse()
            .map_err(|_| malformed(format!("{name} is no number"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn checked(rows: &str) -> Result<u64> {
        let xml = format!("<office:document-content><table:table>{rows}</table:table></office:document-content>");
        check(xml.as_bytes(), 1_000, 10_000)
    }

    #[test]
    fn what_an_office_program_writes_behind_the_last_cell_counts_nothing() {
        let row = "<table:table-row><table:table-cell office:value-type=\"float\" office:value=\"1\"/>\
                   <table:table-cell table:number-columns-repeated=\"16383\"/></table:table-row>";
        let rest = "<table:table-row table:number-rows-repeated=\"1048575\">\
                    <table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>";
        checked(&format!("{row}{rest}")).unwrap();
        let fault = checked(&format!("{row}{rest}{row}")).unwrap_err();
        assert_eq!(fault.found_text(), Some("1048577 rows of 1 cells"));
    }

    #[test]
    fn a_full_sheet_of_a_few_bytes_is_refused() {
        for rows in [
            "<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell \
             table:number-columns-repeated=\"16384\" office:value-type=\"float\" office:value=\"1\"/></table:table-row>",
            "<table:table-row><table:table-cell table:number-columns-repeated=\"16384\"><text:p>1</text:p>\
             </table:table-cell></table:table-row>",
            "<table:table-row table:number-rows-repeated=\"900\"><table:table-cell office:value-type=\"string\"><text:p>\
             længere tekst</text:p></table:table-cell></table:table-row>",
        ] {
            assert_eq!(checked(rows).unwrap_err().kind(), klimalade_model::Kind::Source);
        }
    }

    #[test]
    fn content_that_is_cut_is_refused() {
        assert!(check("<office:document-content><table:table>".as_bytes(), 10, 10).is_err());
    }
}
