#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use arrow::{array::AsArray, datatypes::Float64Type};
use arrow_schema::{DataType, Field, Schema};
use klimalade_model::{Kind, SourceType};

use super::*;

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";

fn archive(members: &[(&str, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook of one sheet; the first letter of a reference is its column.
fn xlsx(cells: &[(u32, &str, &str)], merged: &str) -> Vec<u8> {
    let mut rows = String::new();
    for (row, column, text) in cells {
        let cell = match text.parse::<f64>() {
            Ok(number) => format!("<c r=\"{column}{row}\"><v>{number}</v></c>"),
            Err(_) => format!("<c r=\"{column}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"),
        };
        rows += &format!("<row r=\"{row}\">{cell}</row>");
    }
    let kind = format!("{RELATIONS}/worksheet");
    archive(&[
        (
            "[Content_Types].xml",
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".to_owned(),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets><sheet name=\"Ark1\" sheetId=\"1\" \
                 r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"rId1\" Type=\"{kind}\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData>{merged}</worksheet>"),
        ),
    ])
}

fn options(layout: Layout) -> SheetOptions {
    SheetOptions {
        layouts: vec![layout],
        decimal_comma: true,
        footnotes: true,
        ..SheetOptions::default()
    }
}

fn layout(header_rows: &[u32], columns: &[&str]) -> Layout {
    Layout {
        sheets: vec!["Ark*".to_owned()],
        header_rows: header_rows.to_vec(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        ..Layout::default()
    }
}

fn read(book: &[u8], names: (&str, &str), options: &SheetOptions) -> Result<(Vec<String>, Vec<Option<f64>>)> {
    let schema = Arc::new(Schema::new(vec![
        Field::new(names.0, DataType::Utf8, true),
        Field::new(names.1, DataType::Float64, true),
    ]));
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for batch in reader(Box::new(book), &schema, options)? {
        let batch = batch.map_err(|error| match error {
            ArrowError::ExternalError(fault) => *fault.downcast::<Fault>().unwrap(),
            other => panic!("{other}"),
        })?;
        texts.extend(
            batch
                .column(0)
                .as_string::<i32>()
                .iter()
                .map(|text| text.unwrap().to_owned()),
        );
        numbers.extend(batch.column(1).as_primitive::<Float64Type>().iter());
    }
    Ok((texts, numbers))
}

#[test]
fn a_table_below_a_title_is_read_to_its_notes() {
    let book = xlsx(
        &[
            (1, "A", "Titel"),
            (3, "A", "Kommune 1)"),
            (3, "B", "Værdi"),
            (4, "A", "Ærø¹"),
            (4, "B", "1,5"),
            (5, "A", "I alt"),
            (5, "B", "0.58"),
            (7, "B", "1) En note"),
            (8, "A", "Kilde: opfundet"),
        ],
        "",
    );
    let options = options(layout(&[3], &["Kommune", "Værdi"]));
    let (texts, numbers) = read(&book, ("Kommune", "Værdi"), &options).unwrap();
    assert_eq!(
        (texts, numbers),
        (vec!["Ærø".to_owned(), "I alt".to_owned()], vec![Some(1.5), Some(0.58)])
    );
    let found = columns(Box::new(book.as_slice()), &options).unwrap();
    let names: Vec<(&str, SourceType)> = found.iter().map(|one| (one.name.as_str(), one.kind)).collect();
    assert_eq!(
        names,
        [
            ("Kommune", SourceType::Text),
            ("Værdi", SourceType::Float),
            (SHEET_COLUMN, SourceType::Text)
        ]
    );
    let cut = book.get(..book.len() / 2).unwrap();
    assert_eq!(
        read(cut, ("Kommune", "Værdi"), &options).unwrap_err().kind(),
        Kind::Source
    );
}

#[test]
fn a_merged_heading_stands_over_its_columns_only() {
    let cells = [
        (1, "A", "Kommune"),
        (1, "B", "2023"),
        (2, "B", "Affald"),
        (2, "C", "Genbrug"),
        (2, "D", "Note"),
        (3, "A", "Fanø"),
        (3, "C", "2"),
        (3, "D", "9"),
    ];
    let book = xlsx(
        &cells,
        "<mergeCells count=\"1\"><mergeCell ref=\"B1:C1\"/></mergeCells>",
    );
    let options = options(layout(&[1, 2], &["Kommune", "2023 | Affald"]));
    for (name, number) in [("2023 | Genbrug", 2.0), ("Note", 9.0)] {
        let (_, numbers) = read(&book, ("Kommune", name), &options).unwrap();
        assert_eq!(numbers, [Some(number)], "{name}");
    }
}

#[test]
fn a_workbook_that_fits_no_layout_shows_what_it_has() {
    let book = xlsx(&[(2, "A", "Komm.nr."), (2, "B", "Udledning"), (3, "A", "Fanø")], "");
    let options = options(layout(&[1], &["Kommune"]));
    let fault = read(&book, ("Kommune", "Værdi"), &options).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert_eq!(fault.found_text(), Some("sheet `Ark1`, row 2: Komm.nr. | Udledning"));
    assert!(fault.hint_text().unwrap().contains("header_row = 2"), "{fault}");
}

#[test]
fn a_table_that_goes_on_behind_a_gap_is_a_fault_unless_said() {
    let cells = [
        (1, "A", "Kommune"),
        (1, "B", "Værdi"),
        (2, "A", "Fanø"),
        (3, "B", "7"),
        (4, "A", "Læsø"),
        (4, "B", "1"),
    ];
    let book = xlsx(&cells, "");
    let mut options = options(layout(&[1], &["Kommune"]));
    let fault = read(&book, ("Kommune", "Værdi"), &options).unwrap_err();
    assert!(fault.hint_text().unwrap().starts_with("until = "), "{fault}");
    options.layouts[0].until = Some(vec![String::new()]);
    assert_eq!(read(&book, ("Kommune", "Værdi"), &options).unwrap().0, ["Fanø"]);
}

#[test]
fn a_workbook_that_unpacks_to_more_than_it_may_is_refused() {
    let book = archive(&[("xl/workbook.xml", " ".repeat(3_000_000))]);
    assert!(book.len() < 100_000);
    let options = SheetOptions {
        most_bytes: 1_000_000,
        ..options(layout(&[1], &["Kommune"]))
    };
    let fault = read(&book, ("Kommune", "Værdi"), &options).unwrap_err();
    assert_eq!(fault.what(), "the workbook is larger than it may be when unpacked");
}

#[test]
fn a_look_finds_the_headings_below_a_title_and_above_wide_rows_of_figures() {
    let mut cells = vec![
        (1, "A", "Titel"),
        (2, "A", "Enhed"),
        (2, "B", "2024"),
        (4, "A", "Kommune"),
        (4, "B", "Type\nanlæg"),
    ];
    cells.extend([
        (5, "A", "Fanø"),
        (5, "C", "1"),
        (5, "D", "2"),
        (5, "E", "3"),
        (6, "A", "x"),
        (6, "C", "1"),
    ]);
    let found = look(Box::new(xlsx(&cells, "").as_slice()), 1_000_000).unwrap();
    let expected = SeenTable {
        sheet: "Ark1".to_owned(),
        header_row: 4,
        headings: vec!["Kommune".to_owned(), "Type anlæg".to_owned()],
        rows: 2,
    };
    assert_eq!(found, [expected]);
}
