//! Workbooks with invented figures, written when they are needed.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};

pub(crate) fn plants_format() -> Value {
    json!({"type": "sheet", "decimal": ",", "null_marks": [".."], "footnotes": true,
        "layout": [{"sheet": "Anlæg", "header_row": 3, "columns": ["Kommunenr", "Renseanlæg"]}]})
}

/// A title, a blank row, the header in row 3, the plants `rows` of three, a blank row and notes.
pub(crate) fn plants(rows: std::ops::Range<usize>) -> Vec<u8> {
    let mut book = Workbook::new();
    let front = book.add_worksheet();
    front.set_name("Forside").unwrap();
    front.write(0, 0, "Renseanlæg, udgave 7").unwrap();
    let sheet = book.add_worksheet();
    sheet.set_name("Anlæg").unwrap();
    sheet.write(0, 0, "Renseanlæg og belastning").unwrap();
    for (column, heading) in ["Kommunenr", "Renseanlæg 1)", "Belastning\n(PE)", "I drift"]
        .iter()
        .enumerate()
    {
        sheet.write(2, column as u16, *heading).unwrap();
    }
    let day = Format::new().set_num_format("dd-mm-yyyy");
    let plants = [
        ("0101", "Lynetten¹", "750000,5", (1980, 1, 2)),
        ("0492", "Ærøskøbing 2)", "2100,25", (1998, 5, 1)),
        ("0751", " Marselisborg ", "..", (2024, 2, 29)),
    ];
    for (at, (municipality, plant, load, (year, month, date))) in
        plants.into_iter().take(rows.end).skip(rows.start).enumerate()
    {
        let row = 3 + at as u32;
        sheet.write(row, 0, municipality).unwrap();
        sheet.write(row, 1, plant).unwrap();
        sheet.write(row, 2, load).unwrap();
        sheet
            .write_with_format(row, 3, ExcelDateTime::from_ymd(year, month, date).unwrap(), &day)
            .unwrap();
    }
    sheet.write(8, 1, "1) Navn i registret.").unwrap();
    sheet.write(9, 0, "Kilde: opfundet").unwrap();
    book.save_to_buffer().unwrap()
}

/// A workbook of sheets whose cells are text, or numbers where they look so.
pub(crate) fn of(sheets: &[(&str, &[&[&str]])]) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, rows) in sheets {
        let sheet = book.add_worksheet();
        sheet.set_name(*name).unwrap();
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                match cell.parse::<f64>() {
                    Ok(number) => sheet.write(row as u32, column as u16, number).unwrap(),
                    Err(_) => sheet.write(row as u32, column as u16, *cell).unwrap(),
                };
            }
        }
    }
    book.save_to_buffer().unwrap()
}

/// An archive of members.
pub(crate) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// An ODS of one sheet `Ark1` with these rows of XML.
pub(crate) fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content \
         xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
         xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
         xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"><office:body><office:spreadsheet>\
         <table:table table:name=\"Ark1\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><manifest:manifest \
         xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>";
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("content.xml", content.as_bytes()),
    ])
}
