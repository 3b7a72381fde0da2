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

/// Reads `content.xml` to its end. Errors: Source, for XML that is not well formed or not
/// whole, for a table within a cell, and for repeats that make more than `most_cells` of all tables together or more than
/// `most_bytes` of text.
pub(super) fn check(content: impl Read, most_cells: u64, most_bytes: u64) -> Result<()> {
    let mut reader = Reader::from_reader(capped(content, LARGEST_PIECE));
    let mut buffer = Vec::new();
    let mut spans = Spans::default();
    let mut depth = 0_u64;
    loop {
        reader.get_mut().refill();
        let event = reader.read_event_into(&mut buffer).map_err(malformed)?;
        match &event {
            Event::Start(element) => {
                depth += 1;
                spans.start(element)?;
            }
            Event::Empty(element) => {
                spans.start(element)?;
                spans.end(element.name().as_ref());
            }
            // An entity stands for a letter or more, and the reader of workbooks may repeat them all.
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => spans.text(event.len() as u64),
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                spans.end(element.name().as_ref());
            }
            Event::Eof if depth > 0 => return Err(malformed("content.xml ends before it is whole")),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if spans.cells() > most_cells || spans.bytes > most_bytes {
            return Err(
                Fault::source("a workbook whose repeated cells are more than can be read")
                    .expected(format!("at most {most_cells} cells"))
                    .found(format!("{} rows of {} cells", spans.rows, spans.widest))
                    .hint("save the table as CSV"),
            );
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

/// What is open. The reader of workbooks knows no others, and would skip or end what is within them elsewhere than this.
#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
enum Level {
    #[default]
    Outside,
    Table,
    Row,
    Cell,
}

impl Level {
    fn of(name: &[u8]) -> Self {
        match name {
            b"table:table" => Self::Table,
            b"table:table-row" => Self::Row,
            b"table:table-cell" | b"table:covered-table-cell" => Self::Cell,
            _ => Self::Outside,
        }
    }

    fn around(self) -> Self {
        match self {
            Self::Cell => Self::Row,
            Self::Row => Self::Table,
            _ => Self::Outside,
        }
    }
}

/// All tables so far. Empty cells and rows count once something stands behind them. A repeat of nothing counts as one: it
/// was read.
#[derive(Default)]
struct Spans {
    open: Level,
    /// Cells of the tables that are closed, and text of all.
    closed_cells: u64,
    bytes: u64,
    /// The open table.
    rows: u64,
    widest: u64,
    empty_rows: u64,
    row_repeats: u64,
    width: u64,
    empty_cells: u64,
    cell_repeats: u64,
    text: u64,
    row_text: u64,
}

impl Spans {
    fn cells(&self) -> u64 {
        self.closed_cells.saturating_add(self.rows.saturating_mul(self.widest))
    }

    fn text(&mut self, bytes: u64) {
        if self.open == Level::Cell {
            self.text = self.text.saturating_add(bytes);
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<()> {
        let level = Level::of(element.name().as_ref());
        if level == Level::Outside {
            self.text(element.len() as u64);
            if element.name().as_ref() == b"text:s" {
                self.text(repeats(element, "text:c")?);
            }
            return Ok(());
        }
        // Rows of no table are not read.
        if level > Level::Table && self.open == Level::Outside {
            return Ok(());
        }
        if self.open != level.around() {
            return Err(Fault::source("a table, row or cell where none can be read")
                .expected("cells in rows, rows in tables, and nothing of these in a cell")
                .hint("save the table as CSV"));
        }
        self.open = level;
        match level {
            Level::Row => {
                self.row_repeats = repeats(element, "table:number-rows-repeated")?;
                (self.width, self.empty_cells, self.row_text) = (0, 0, 0);
            }
            Level::Cell => {
                self.cell_repeats = repeats(element, "table:number-columns-repeated")?;
                self.text = 0;
                for attribute in element.attributes() {
                    let key = attribute.map_err(malformed)?.key;
                    if [&b"office:"[..], b"calcext:", b"table:formula"]
                        .iter()
                        .any(|start| key.as_ref().starts_with(start))
                    {
                        self.text = element.len() as u64;
                    }
                }
            }
            Level::Table | Level::Outside => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) {
        let level = Level::of(name);
        if level == Level::Outside || level != self.open {
            return;
        }
        self.open = level.around();
        match level {
            Level::Cell => self.end_cell(),
            Level::Row => self.end_row(),
            Level::Table | Level::Outside => {
                self.closed_cells = self.cells();
                (self.rows, self.widest, self.empty_rows) = (0, 0, 0);
            }
        }
    }

    /// A cell without a value, a formula or anything in it is empty.
    fn end_cell(&mut self) {
        if self.text == 0 {
            self.empty_cells = self.empty_cells.saturating_add(self.cell_repeats);
            return;
        }
        self.width = self
            .width
            .saturating_add(self.empty_cells)
            .saturating_add(self.cell_repeats);
        self.empty_cells = 0;
        self.row_text = self
            .row_text
            .saturating_add(self.text.saturating_mul(self.cell_repeats));
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
    let Some(attribute) = element.try_get_attribute(name).map_err(malformed)? else {
        return Ok(1);
    };
    std::str::from_utf8(&attribute.value)
        .map_err(malformed)?
        .trim()
        .parse::<u64>()
        .map(|number| number.max(1))
        .map_err(|_| malformed(format!("{name} is no number")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn checked(rows: &str) -> Result<()> {
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

    /// Each of these was nothing to this check, and cells or letters without end to the reader of workbooks.
    #[test]
    fn whatever_the_reader_repeats_counts() {
        let cell = "<table:table-cell office:value=\"1\"/>";
        let text = |inner: &str| {
            format!(
                "<table:table-row><table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"20\">\
                 <text:p>{inner}</text:p></table:table-cell></table:table-row>"
            )
        };
        for rows in [
            // A value without its type.
            "<table:table-row><table:table-cell office:value=\"1\" table:number-columns-repeated=\"1001\"/></table:table-row>"
                .to_owned(),
            // A row without cells.
            format!("<table:table-row table:number-rows-repeated=\"1001\"/><table:table-row>{cell}</table:table-row>"),
            // Rows that are repeated no times are read all the same.
            format!("<table:table-row table:number-rows-repeated=\"0\">{cell}</table:table-row>").repeat(1_001),
            text(&"&amp;&#65;".repeat(200)),
            text("<text:s text:c=\"2000000000\"/>"),
            text("<text:s text:c=\"&#57;\"/>"),
            // What is within a cell ends neither its repeats nor its row nor its table.
            format!("<table:table-row><table:table-cell>{}</table:table-cell></table:table-row>", text("x")),
            "<table:table-row><table:table-cell><table:table/></table:table-cell></table:table-row>".to_owned(),
            "<table:table-row><table:table-cell><table:table-cell/></table:table-cell></table:table-row>".to_owned(),
            "<table:table-row><table:table-row/></table:table-row>".to_owned(),
            // Tables count together: the reader keeps all.
            format!("<table:table-row table:number-rows-repeated=\"600\">{cell}</table:table-row></table:table><table:table>")
                .repeat(2),
        ] {
            assert!(checked(&rows).is_err(), "{rows}");
        }
        let few = "<table:table-row><table:table-cell><office:annotation><text:p>a</text:p></office:annotation>\
                   <text:p>b<text:s text:c=\"3\"/>&lt;</text:p></table:table-cell></table:table-row>";
        checked(few).unwrap();
    }

    #[test]
    fn content_that_is_cut_is_refused() {
        assert!(check("<office:document-content><table:table>".as_bytes(), 10, 10).is_err());
    }
}
