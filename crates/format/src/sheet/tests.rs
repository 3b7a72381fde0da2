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
    xlsx_of(&["Ark1"], &rows, merged, &[])
}

/// One sheet by all these names, and parts beside it.
fn xlsx_of(names: &[&str], rows: &str, merged: &str, parts: &[(&str, String)]) -> Vec<u8> {
    let kind = format!("{RELATIONS}/worksheet");
    let sheets: String = names
        .iter()
        .map(|name| format!("<sheet name=\"{name}\" sheetId=\"1\" r:id=\"rId1\"/>"))
        .collect();
    let mut members = vec![
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
            format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{sheets}</sheets></workbook>"),
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
    ];
    members.extend(parts.iter().cloned());
    archive(&members)
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
fn a_column_that_a_sheet_may_lack_is_null_there_and_refused_where_it_may_not() {
    let book = xlsx(&[(1, "A", "Kommune"), (2, "A", "Ærø")], "");
    let options = options(layout(&[1], &["Kommune"]));
    let read = |optional: &str| -> Result<Vec<Option<f64>>> {
        let metadata = [(klimalade_model::OPTIONAL_KEY.to_owned(), optional.to_owned())].into();
        let schema = Arc::new(Schema::new(vec![
            Field::new("Kommune", DataType::Utf8, true),
            Field::new("Afmeldt", DataType::Float64, true).with_metadata(metadata),
        ]));
        let batches = reader(Box::new(book.as_slice()), &schema, &options)?;
        Ok(batches
            .flat_map(|batch| {
                batch
                    .unwrap()
                    .column(1)
                    .as_primitive::<Float64Type>()
                    .iter()
                    .collect::<Vec<_>>()
            })
            .collect())
    };
    assert_eq!(read("true").unwrap(), [None]);
    assert_eq!(read("false").unwrap_err().what(), "column `Afmeldt` is missing");
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

fn refused(book: &[u8], options: &SheetOptions) -> Fault {
    let fault = read(book, ("Kommune", "Værdi"), options).unwrap_err();
    assert!(fault.to_string().len() < 6_000, "{} bytes", fault.to_string().len());
    fault
}

#[test]
fn a_number_of_shared_texts_is_not_believed() {
    let options = options(layout(&[1], &["Kommune"]));
    // So much memory is asked for at once, and a process that does not get it ends.
    for (stated, is_whole) in [("1000000000000", false), ("3", true), ("mange", false)] {
        let list = format!(
            "<?xml version=\"1.0\"?><x:sst xmlns:x=\"{MAIN}\" uniqueCount=\"{stated}\"><x:si><x:t>a</x:t></x:si></x:sst>"
        );
        for name in ["xl/sharedStrings.xml", "XL\\SharedStrings.xml"] {
            let cells =
                "<row><c t=\"inlineStr\"><is><t>Kommune</t></is></c><c t=\"inlineStr\"><is><t>Værdi</t></is></c></row>";
            let book = xlsx_of(&["Ark1"], cells, "", &[(name, list.clone())]);
            match read(&book, ("Kommune", "Værdi"), &options) {
                Ok(_) => assert!(is_whole),
                Err(fault) => assert!(!is_whole && fault.kind() == Kind::Source, "{fault}"),
            }
        }
    }
}

#[test]
fn styles_that_each_copy_a_long_name_are_refused() {
    let (name, formats) = ("n".repeat(100_000), "<xf fontId=\"0\"/>".repeat(20_000));
    let styles = format!(
        "<styleSheet xmlns=\"{MAIN}\"><fonts><font><name val=\"{name}\"/></font></fonts><cellXfs>{formats}</cellXfs></styleSheet>"
    );
    let book = xlsx_of(&["Ark1"], "", "", &[("xl/styles.xml", styles)]);
    let fault = refused(&book, &options(layout(&[1], &["Kommune"])));
    assert_eq!(fault.what(), "a workbook whose styles are more than can be read");
}

#[test]
fn merged_headings_have_no_more_columns_than_a_sheet() {
    // Each begins in the last column of the one before.
    let mut merged = String::new();
    let letters = |number: u32| {
        let (mut left, mut text) = (number + 1, String::new());
        while left > 0 {
            left -= 1;
            text.insert(0, char::from(b'A' + (left % 26) as u8));
            left /= 26;
        }
        text
    };
    for at in 0..2_000 {
        let (from, to) = (letters(1 + at * 999), letters(1 + at * 999 + 1_000));
        merged += &format!("<mergeCell ref=\"{from}1:{to}1\"/>");
    }
    let cells = [(1, "A", "Kommune"), (1, "B", "2023"), (2, "A", "Fanø"), (2, "C", "7")];
    let book = xlsx(&cells, &format!("<mergeCells>{merged}</mergeCells>"));
    let found = columns(Box::new(book.as_slice()), &options(layout(&[1], &["Kommune"]))).unwrap();
    assert!((1_000..=16_386).contains(&found.len()), "{}", found.len());
}

#[test]
fn a_cell_outside_of_every_sheet_is_refused() {
    for place in ["A1048577", "XFE2", "A4294967295"] {
        let row = format!("<row><c r=\"{place}\"><v>1</v></c></row>");
        let fault = refused(&xlsx_of(&["Ark1"], &row, "", &[]), &options(layout(&[1], &["Kommune"])));
        assert!(fault.to_string().contains("a cell in row"), "{fault}");
    }
}

#[test]
fn one_sheet_by_many_names_counts_each_time() {
    let names: Vec<String> = (1..100).map(|number| format!("Ark{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let row = format!(
        "<row><c t=\"inlineStr\"><is><t>Kommune</t></is></c><c t=\"inlineStr\"><is><t>{}</t></is></c></row>",
        "x".repeat(20_000)
    );
    let options = SheetOptions {
        most_bytes: 1_000_000,
        ..options(layout(&[1], &["Kommune"]))
    };
    let fault = refused(&xlsx_of(&names, &row, "", &[]), &options);
    assert_eq!(fault.what(), "the workbook has more cells than can be read");
}

#[test]
fn an_error_is_short_however_long_the_names_are() {
    let name = format!("Ark{}", "å".repeat(30_000));
    let row = format!(
        "<row><c t=\"inlineStr\"><is><t>{0}</t></is></c><c t=\"inlineStr\"><is><t>{0}</t></is></c></row>",
        "ø".repeat(30_000)
    );
    for layout in [layout(&[1], &["Kommune"]), layout(&[1], &[])] {
        refused(&xlsx_of(&[&name], &row, "", &[]), &options(layout));
    }
}
