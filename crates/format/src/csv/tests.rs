#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::HashMap;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use klimalade_model::Kind;

use super::*;
use crate::{
    FROM_KEY, testing,
    testing::{Dribble, damaged, drained},
};

fn from(name: &str, source: &str, kind: DataType) -> Field {
    Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), source.to_owned())]))
}

fn statbank() -> SchemaRef {
    Arc::new(Schema::new(vec![
        from("area", "OMRÅDE", DataType::Utf8),
        from("year", "TID", DataType::Int16),
        from("value", "INDHOLD", DataType::Float64),
    ]))
}

fn danish() -> CsvOptions {
    CsvOptions {
        decimal_comma: true,
        null_marks: vec![String::new(), "..".to_owned()],
        ..CsvOptions::default()
    }
}

fn read(bytes: &[u8], columns: &SchemaRef, options: &CsvOptions) -> Result<Vec<RecordBatch>> {
    drained(reader(Box::new(bytes), columns, options))
}

fn printed(bytes: &[u8], columns: &SchemaRef, options: &CsvOptions) -> String {
    testing::printed(&read(bytes, columns, options).unwrap())
}

fn fault(bytes: &[u8], columns: &SchemaRef, options: &CsvOptions) -> Fault {
    read(bytes, columns, options).unwrap_err()
}

#[test]
fn a_statbank_answer_with_bom_crlf_and_decimal_comma_is_read() {
    let bytes = "\u{feff}OMRÅDE;TID;INDHOLD\r\n101;2023;86,5\r\n\"751\";2024;..\r\n".as_bytes();
    assert_eq!(printed(bytes, &statbank(), &danish()), "101|2023|86.5\n751|2024|");
}

#[test]
fn danish_letters_and_quoted_delimiters_survive() {
    let columns = Arc::new(Schema::new(vec![Field::new("navn", DataType::Utf8, true)]));
    assert_eq!(
        printed("navn;x\n\"Ærø; \"\"Ø\"\"\";1\nÅrhus;2".as_bytes(), &columns, &danish()),
        "Ærø; \"Ø\"\nÅrhus"
    );
    let windows = CsvOptions {
        encoding: Encoding::Windows1252,
        ..danish()
    };
    assert_eq!(
        printed(b"navn;x\n\xC6r\xF8;1\n\xC5rhus;2\n", &columns, &windows),
        "Ærø\nÅrhus"
    );
}

#[test]
fn columns_are_found_by_name_whatever_their_order() {
    let bytes = "INDHOLD;tid;Område\n1,5;2023;0101\n".as_bytes();
    assert_eq!(printed(bytes, &statbank(), &danish()), "0101|2023|1.5");
}

#[test]
fn one_source_column_may_feed_two_declared_ones() {
    let columns = Arc::new(Schema::new(vec![
        from("a", "x", DataType::Int64),
        from("b", "x", DataType::Utf8),
    ]));
    assert_eq!(printed(b"x\n7\n", &columns, &danish()), "7|7");
}

#[test]
fn a_missing_column_is_a_contract_fault_that_shows_the_header() {
    let fault = fault("OMRÅDE;TID\n101;2023\n".as_bytes(), &statbank(), &danish());
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.found_text().unwrap().contains("OMRÅDE, TID"), "{fault}");
    assert_eq!(fault.expected_text(), Some("`INDHOLD`"));
}

#[test]
fn a_name_that_fits_twice_is_a_contract_fault() {
    let fault = fault("tid;Tid;OMRÅDE;INDHOLD\n1;2;3;4\n".as_bytes(), &statbank(), &danish());
    assert_eq!((fault.kind(), fault.found_text()), (Kind::Contract, Some("tid, Tid")));
}

#[test]
fn a_row_of_another_length_is_a_contract_fault_with_its_number() {
    for row in ["101;2023", "101;2023;1;1"] {
        let text = format!("OMRÅDE;TID;INDHOLD\n101;2022;1\n{row}\n");
        let fault = fault(text.as_bytes(), &statbank(), &danish());
        assert_eq!(fault.kind(), Kind::Contract);
        assert!(fault.what().contains("row 2"), "{fault}");
        assert_eq!(fault.places(), ["line 3"]);
    }
}

#[test]
fn a_cell_that_cannot_be_read_is_a_contract_fault_never_null_or_zero() {
    for (row, column) in [
        ("101;2023;x", "value"),
        ("101;2023;1.234", "value"),
        ("101;2023;1e999", "value"),
        ("101;2023;NaN", "value"),
        ("101;40000;1", "year"),
        ("101;2023,5;1", "year"),
        ("101; ;1", "year"),
    ] {
        let text = format!("OMRÅDE;TID;INDHOLD\n{row}\n");
        let fault = fault(text.as_bytes(), &statbank(), &danish());
        assert_eq!(fault.kind(), Kind::Contract, "{row}");
        assert!(
            fault.what().contains("row 1") && fault.what().contains(column),
            "{fault}"
        );
    }
}

#[test]
fn every_declared_type_is_read() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let kinds = [
        DataType::Int64,
        DataType::Int32,
        DataType::Boolean,
        DataType::Date32,
        utc,
        DataType::Utf8,
    ];
    let columns = Arc::new(Schema::new(
        kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| Field::new(format!("c{at}"), kind.clone(), true))
            .collect::<Vec<_>>(),
    ));
    let bytes = b"c0;c1;c2;c3;c4;c5\n9007199254740993;12,0;1;20230529;2023-05-29T21:00:00;true\n;;;;;\n";
    assert_eq!(
        printed(bytes, &columns, &danish()),
        "9007199254740993|12|true|2023-05-29|2023-05-29T21:00:00Z|true\n|||||"
    );
}

#[test]
fn a_type_that_text_cannot_fill_is_a_settings_fault() {
    for kind in [
        DataType::Binary,
        DataType::Float32,
        DataType::Timestamp(TimeUnit::Microsecond, None),
    ] {
        let columns = Arc::new(Schema::new(vec![Field::new("x", kind, true)]));
        assert_eq!(fault(b"x\n1\n", &columns, &danish()).kind(), Kind::Settings);
    }
}

#[test]
fn null_in_a_column_without_nulls_is_a_contract_fault() {
    let columns = Arc::new(Schema::new(vec![
        Field::new("x", DataType::Utf8, false),
        Field::new("y", DataType::Utf8, true),
    ]));
    assert_eq!(fault(b"x;y\n;1\n", &columns, &danish()).kind(), Kind::Contract);
}

#[test]
fn a_header_alone_is_an_empty_answer_and_nothing_at_all_a_source_fault() {
    let reader = reader(Box::new("OMRÅDE;TID;INDHOLD\r\n".as_bytes()), &statbank(), &danish()).unwrap();
    assert_eq!(reader.schema(), statbank());
    assert_eq!(reader.count(), 0);
    assert_eq!(fault(b"", &statbank(), &danish()).kind(), Kind::Source);
}

#[test]
fn lines_before_the_header_are_skipped_and_names_may_come_from_the_settings() {
    let skipping = CsvOptions {
        skip_lines: 2,
        ..danish()
    };
    let bytes = "Udtræk \"halv\n\nOMRÅDE;TID;INDHOLD\n101;2023;1\n".as_bytes();
    assert_eq!(printed(bytes, &statbank(), &skipping), "101|2023|1.0");
    let named = CsvOptions {
        header: Header::None(vec!["TID".into(), "OMRÅDE".into(), "INDHOLD".into()]),
        ..danish()
    };
    assert_eq!(printed(b"2023;101;1\n", &statbank(), &named), "101|2023|1.0");
}

#[test]
fn the_header_is_given_as_it_stands() {
    let names = header(Box::new("\u{feff}OMRÅDE; TID;\"a;b\"\r\n".as_bytes()), &danish()).unwrap();
    assert_eq!(names, ["OMRÅDE", "TID", "a;b"]);
}

#[test]
fn bytes_of_another_encoding_are_a_source_fault() {
    let fault = fault(b"OMR\xC5DE;TID;INDHOLD\n101;2023;1\n", &statbank(), &danish());
    assert_eq!(fault.kind(), Kind::Source);
    assert_eq!(fault.hint_text(), Some("encoding = \"windows-1252\""));
}

#[test]
fn batches_hold_no_more_rows_than_asked_for_and_chunks_do_not_matter() {
    let mut text = String::from("OMRÅDE;TID;INDHOLD\n");
    for row in 0..1000 {
        text.push_str(&format!("Æ{row};2023;{row},25\n"));
    }
    let options = CsvOptions {
        batch_rows: 300,
        ..danish()
    };
    let whole = read(text.as_bytes(), &statbank(), &options).unwrap();
    assert_eq!(
        whole.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
        [300, 300, 300, 100]
    );
    let dribbled = drained(reader(Box::new(Dribble(text.as_bytes(), 3)), &statbank(), &options)).unwrap();
    assert_eq!(whole, dribbled);
}

#[test]
fn damaged_bytes_give_rows_or_a_fault_and_never_a_panic() {
    let bytes = "\u{feff}OMRÅDE;TID;INDHOLD\r\n101;2023;86,5\r\n\"7;51\";2024;..\r\nÆrø;2022;-1,25\r\n".as_bytes();
    let mut faults = 0;
    for seed in 0..20_000 {
        let options = CsvOptions {
            batch_rows: 2,
            ..danish()
        };
        let damaged = damaged(bytes, seed);
        faults += usize::from(read(&damaged, &statbank(), &options).is_err());
        drop(read(
            &damaged,
            &statbank(),
            &CsvOptions {
                encoding: Encoding::Windows1252,
                ..options
            },
        ));
    }
    assert!((5_000..20_000).contains(&faults), "{faults}");
}

/// What the reader says of `rows` under a header of two text columns, read whole and byte by byte.
fn two_columns(rows: &str) -> Result<String> {
    let columns: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("navn", DataType::Utf8, true),
        Field::new("note", DataType::Utf8, true),
    ]));
    let text = format!("titel med \" i\nnavn;note\n{rows}");
    let options = CsvOptions {
        skip_lines: 1,
        ..danish()
    };
    let whole = read(text.as_bytes(), &columns, &options).map(|batches| testing::printed(&batches));
    let dribbled = drained(reader(Box::new(Dribble(text.as_bytes(), 1)), &columns, &options));
    match (&whole, dribbled) {
        (Ok(whole), Ok(batches)) => assert_eq!(*whole, testing::printed(&batches)),
        (Err(whole), Err(dribbled)) => assert_eq!(whole.line(), dribbled.line()),
        (whole, dribbled) => panic!("{whole:?} is not {dribbled:?}"),
    }
    whole
}

#[test]
fn a_quote_that_never_closes_does_not_swallow_the_rest_of_the_page() {
    for rows in [
        "Ærø;\"skøn\nLæsø;målt\nFanø;målt\n",
        "Ærø;\"",
        "Ærø;\"skøn\"\"\nLæsø;målt",
    ] {
        let fault = two_columns(rows).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.line().contains("a quote is never closed"), "{}", fault.line());
        assert_eq!(fault.found_text(), Some("a quote that opens in line 3"));
    }
}

#[test]
fn an_open_quote_that_another_one_closes_is_found_where_the_text_goes_on() {
    // Two lost quotes make an even number, and the rows between them one cell.
    let fault = two_columns("Ærø;\"skøn\nLæsø;målt\nFanø;\"anslået\nSamsø;målt\n").unwrap_err();
    assert_eq!(
        (fault.kind(), fault.places()),
        (Kind::Source, ["line 5".to_owned()].as_slice())
    );
}

#[test]
fn quotes_that_mean_themselves_are_kept() {
    assert_eq!(
        two_columns("rør 5\";\"a \"\"b\"\"\nc\"\n\"\";6\" rør\n\"x\";\"\"").unwrap(),
        "rør 5\"|a \"b\"\nc\n|6\" rør\nx|"
    );
}

#[test]
fn a_row_without_an_end_is_refused_and_many_short_ones_are_not() {
    let columns = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
    for start in ["a\n", "a\n\"", "a\n\"x\"\"\n"] {
        let mut bytes = start.as_bytes().to_vec();
        bytes.resize(20 << 20, b'x');
        let fault = fault(&bytes, &columns, &danish());
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.what().contains("a row of more than"), "{}", fault.what());
    }
    let wide = "x".repeat(64 << 10);
    for row in [format!("{wide}\n"), format!("\"{wide}\"\n"), format!("{wide}\r")] {
        let bytes = format!("a\n{}", row.repeat(300));
        assert!(bytes.len() > 17 << 20);
        let batches = read(bytes.as_bytes(), &columns, &danish()).unwrap();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 300);
    }
}
