//! Each way in which a workbook was seen to mislead.

use arrow::array::RecordBatch;
use arrow_schema::DataType;
use klimalade_connect::{Connector, Fault, Kind, Page, Part};
use klimalade_testkit::{
    bench::{self, Answer, Server},
    contract::decode_all,
};
use serde_json::{Value, json};

use super::{NOW, open, workbooks};

fn decoded(format: Value, book: &[u8], columns: &[(&str, &str, DataType)]) -> Result<Vec<RecordBatch>, Fault> {
    let connector = open(json!({"address": "a.xlsx", "format": format}))?;
    let page = Page::from_bytes("/a.xlsx", book).unwrap();
    decode_all(&connector, &Part::new("all"), &page, &bench::columns(columns))
}

fn layout(layout: Value) -> Value {
    json!({"type": "sheet", "decimal": ",", "footnotes": true, "layout": [layout]})
}

fn kommune() -> [(&'static str, &'static str, DataType); 2] {
    [
        ("municipality", "Kommune", DataType::Utf8),
        ("value", "Værdi", DataType::Float64),
    ]
}

fn simple() -> Value {
    layout(json!({"sheet": "Ark1", "header_row": 1, "columns": ["Kommune", "Værdi"]}))
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn footnotes_numbers_as_text_dates_and_null_marks_are_read() {
    let columns = [
        ("plant", "Renseanlæg", DataType::Utf8),
        ("load", "Belastning (PE)", DataType::Float64),
        ("since", "I drift", DataType::Date32),
        ("written", "I drift", DataType::Utf8),
    ];
    let batches = decoded(workbooks::plants_format(), &workbooks::plants(0..3), &columns).unwrap();
    assert_eq!(
        bench::texts(&batches, "plant"),
        some(&["Lynetten", "Ærøskøbing", "Marselisborg"])
    );
    assert_eq!(
        bench::texts(&batches, "load"),
        [Some("750000.5".to_owned()), Some("2100.25".to_owned()), None]
    );
    for column in ["since", "written"] {
        assert_eq!(
            bench::texts(&batches, column),
            some(&["1980-01-02", "1998-05-01", "2024-02-29"])
        );
    }
}

#[test]
fn a_workbook_that_fits_no_layout_shows_its_headings() {
    let book = workbooks::of(&[
        ("Forside", &[&["Titel"]]),
        (
            "Data 2024",
            &[&["Titel"], &[], &["Komm.nr.", "Udledning"], &["Aarhus", "1"]],
        ),
    ]);
    let fault = decoded(simple(), &book, &kommune()).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Contract, "the workbook fits no layout")
    );
    assert_eq!(
        fault.found_text(),
        Some("sheet `Forside` without a table; sheet `Data 2024`, row 3: Komm.nr. | Udledning")
    );
    assert_eq!(
        fault.expected_text(),
        Some("sheet `Ark1` with `Kommune`, `Værdi` in row 1")
    );
    assert_eq!(
        fault.hint_text(),
        Some(
            "[[source.format.layout]] with sheet = \"Data 2024\", header_row = 3, columns = [\"Komm.nr.\", \"Udledning\"]"
        )
    );
}

#[test]
fn each_edition_is_read_by_its_own_layout() {
    let format = json!({"type": "sheet", "layout": [
        {"sheet": "Ark1", "header_row": 1, "columns": ["Kommune", "Værdi"]},
        {"sheet": "Data *", "header_row": 3, "columns": ["Kommune", "Værdi"],
            "rename": {"Komm.nr.": "Kommune", "Udledning": "Værdi"}}]});
    for book in [
        workbooks::of(&[("Ark1", &[&["Kommune", "Værdi"], &["Læsø", "1"]])]),
        workbooks::of(&[(
            "Data 2024",
            &[&["Titel"], &[], &["Komm.nr.", "Udledning"], &["Læsø", "1"]],
        )]),
    ] {
        let batches = decoded(format.clone(), &book, &kommune()).unwrap();
        assert_eq!(bench::texts(&batches, "municipality"), some(&["Læsø"]));
        assert_eq!(bench::texts(&batches, "value"), some(&["1.0"]));
    }
}

#[test]
fn several_sheets_are_read_and_named_and_a_listed_one_must_be_there() {
    let rows: &[&[&str]] = &[&["Kode", "1990"], &["1A1a", "0,5"]];
    let book = workbooks::of(&[("Velkommen", &[&["Hej"]]), ("CH4", rows), ("CO2", rows)]);
    let columns = [("gas", "(sheet)", DataType::Utf8), ("value", "1990", DataType::Float64)];
    for sheet in [json!("*"), json!(["CH4", "CO2"])] {
        let format = layout(json!({"sheet": sheet, "header_row": 1, "columns": ["Kode", "1990"]}));
        let batches = decoded(format, &book, &columns).unwrap();
        assert_eq!(bench::texts(&batches, "gas"), some(&["CH4", "CO2"]));
        assert_eq!(bench::texts(&batches, "value"), some(&["0.5", "0.5"]));
    }
    for missing in ["N2O", "Velkommen"] {
        let format = layout(json!({"sheet": ["CH4", missing], "header_row": 1, "columns": ["Kode", "1990"]}));
        assert_eq!(decoded(format, &book, &columns).unwrap_err().kind(), Kind::Contract);
    }
}

#[test]
fn merged_headings_of_two_rows_are_joined_and_a_row_of_units_is_skipped() {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let plain = rust_xlsxwriter::Format::new();
    sheet.set_name("Ark1").unwrap();
    sheet.merge_range(0, 0, 1, 0, "Kommune", &plain).unwrap();
    sheet.merge_range(0, 1, 0, 2, "2023", &plain).unwrap();
    for (column, heading) in [(1, "Affald"), (2, "Genbrug"), (3, "Note")] {
        sheet.write(1, column, heading).unwrap();
        sheet.write(2, column, "ton").unwrap();
        sheet.write(3, column, f64::from(column)).unwrap();
    }
    sheet.write(3, 0, "Fanø").unwrap();
    let format =
        layout(json!({"sheet": "Ark1", "header_row": [1, 2], "skip_rows": 1, "columns": ["Kommune", "2023 | Affald"]}));
    let columns = [
        ("municipality", "Kommune", DataType::Utf8),
        ("reused", "2023 | Genbrug", DataType::Float64),
        ("note", "Note", DataType::Utf8),
    ];
    let batches = decoded(format, &book.save_to_buffer().unwrap(), &columns).unwrap();
    assert_eq!(bench::texts(&batches, "municipality"), some(&["Fanø"]));
    assert_eq!(bench::texts(&batches, "reused"), some(&["2.0"]));
    assert_eq!(bench::texts(&batches, "note"), some(&["3"]));
}

#[test]
fn sum_rows_stay_and_a_table_that_goes_on_behind_a_gap_is_an_error() {
    let head: &[&str] = &["Kommune", "Værdi"];
    let (first, sum, source): (&[&str], &[&str], &[&str]) = (&["Aarhus", "1"], &["I alt", "1"], &["Kilde: opfundet"]);
    let batches = decoded(
        simple(),
        &workbooks::of(&[("Ark1", &[head, first, sum, &[], source])]),
        &kommune(),
    );
    let fault = batches.as_ref().err().map(ToString::to_string);
    assert_eq!(fault, None, "a blank row and a note behind it end the table");
    assert_eq!(
        bench::texts(&batches.unwrap(), "municipality"),
        some(&["Aarhus", "I alt"])
    );

    let broken = workbooks::of(&[("Ark1", &[head, first, &["", "7"], sum])]);
    let fault = decoded(simple(), &broken, &kommune()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.hint_text().unwrap().contains("until = "), "{fault}");
    for (until, expected) in [(json!([""]), 1), (json!(["Kilde"]), 3)] {
        let format = layout(json!({"sheet": "Ark1", "header_row": 1, "columns": ["Kommune"], "until": until}));
        let batches = decoded(format, &broken, &kommune()).unwrap();
        assert_eq!(bench::texts(&batches, "value").len(), expected);
    }
}

#[test]
fn a_cell_that_is_no_number_is_an_error_with_its_row_in_the_sheet() {
    let book = workbooks::of(&[("Ark1", &[&["Kommune", "Værdi"], &["Aarhus", "1.234,5"]])]);
    let fault = decoded(simple(), &book, &kommune()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.to_string().contains("row 2 of it"), "{fault}");
}

#[test]
fn an_ods_is_read_with_its_repeats() {
    let text = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let row = |cells: &str, repeats: u32| {
        format!("<table:table-row table:number-rows-repeated=\"{repeats}\">{cells}</table:table-row>")
    };
    let number =
        "<table:table-cell office:value-type=\"float\" office:value=\"1.5\"><text:p>1,5</text:p></table:table-cell>";
    let rows = row(&(text("Kommune") + &text("Værdi")), 1) + &row(&(text("Samsø 1)") + number), 2);
    let batches = decoded(simple(), &workbooks::ods(&rows), &kommune()).unwrap();
    assert_eq!(bench::texts(&batches, "municipality"), some(&["Samsø", "Samsø"]));
    assert_eq!(bench::texts(&batches, "value"), some(&["1.5", "1.5"]));

    let bomb =
        "<table:table-cell table:number-columns-repeated=\"16384\" office:value-type=\"float\" office:value=\"1\"/>";
    let fault = decoded(simple(), &workbooks::ods(&row(bomb, 1_048_576)), &kommune()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
}

#[test]
fn a_bomb_another_archive_an_old_workbook_and_a_cut_one_are_refused() {
    let zeros = vec![0; 3_000_000];
    let bomb = workbooks::archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/media/a.bin", &zeros)]);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let mut format = simple();
    format["most_bytes"] = json!(1_000_000);
    let fault = decoded(format, &bomb, &kommune()).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.what()),
        (Kind::Source, "the workbook is larger than it may be when unpacked")
    );
    let whole = workbooks::plants(0..3);
    let other = workbooks::archive(&[("a.csv", b"a;b")]);
    let old = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1];
    for bytes in [&whole[..whole.len() / 2], &other, &old, b"a;b\n1;2\n", b""] {
        let fault = decoded(simple(), bytes, &kommune()).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{fault}");
    }
}

#[tokio::test]
async fn html_in_place_of_a_workbook_is_an_error_before_it_is_stored() {
    let book = workbooks::plants(0..3);
    let served = book.clone();
    let server = Server::start(move |asked| Answer {
        status: 200,
        headers: vec![("content-type", "application/octet-stream".to_owned())],
        body: match asked.path.as_str() {
            "/a.xlsx" => served.clone(),
            _ => b"<!DOCTYPE html><html>Siden er flyttet</html>".to_vec(),
        },
    })
    .await;
    let cx = bench::context(NOW, &[]);
    for (path, is_book) in [("a.xlsx", true), ("b.xlsx", false)] {
        let address = format!("{}/{path}", server.base);
        let connector = open(json!({"address": address, "format": workbooks::plants_format()})).unwrap();
        let part = connector.plan(&cx).await.unwrap().remove(0);
        match bench::fetch(&connector, &part, &cx).await {
            Ok(pages) => assert!(is_book && pages[0].read().unwrap() == book),
            Err(fault) => assert!(!is_book && fault.kind() == Kind::Source, "{fault}"),
        }
    }
}

#[test]
fn layouts_say_what_can_be_typed() {
    for (format, hint) in [
        (
            layout(json!({"sheet": [], "header_row": 1, "columns": ["a"]})),
            "sheet = ",
        ),
        (
            layout(json!({"sheet": "*", "header_row": 0, "columns": ["a"]})),
            "header_row = 1",
        ),
        (
            layout(json!({"sheet": "*", "header_row": 1, "columns": []})),
            "columns = ",
        ),
    ] {
        let fault = open(json!({"address": "a.xlsx", "format": format})).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
}

#[test]
fn a_workbook_without_a_layout_is_told_one() {
    let fault = decoded(json!({"type": "sheet"}), &workbooks::plants(0..3), &kommune()).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.expected_text()),
        (Kind::Contract, Some("a layout"))
    );
    assert_eq!(
        fault.hint_text(),
        Some(
            "[[source.format.layout]] with sheet = \"Anlæg\", header_row = 3, columns = [\"Kommunenr\", \"Renseanlæg 1)\"]"
        )
    );
}
