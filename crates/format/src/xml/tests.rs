#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use klimalade_model::{Fault, Kind, SourceType};

use super::*;
use crate::{
    FROM_KEY,
    testing::{Dribble, damaged, drained, printed},
};

const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- invented -->
<i:Indberetning xmlns:i="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" år="2024">
  <i:Opgjort>2025-03-01</i:Opgjort>
  <i:Kommuner>
    <i:Kommune kode="0825"><i:Navn>Læsø</i:Navn><i:Adresse land="DK"><i:Postnr>9940</i:Postnr></i:Adresse><i:Ton>1,5</i:Ton></i:Kommune>
    <i:Kommune kode="0492"><i:Navn><![CDATA[Ærø & omegn]]></i:Navn><i:Ton xsi:nil="true"/><i:Note/></i:Kommune>
    <i:Kommune kode="0563"><i:Navn>Fan&#248; &lt;&amp;&gt;</i:Navn><i:Ton>..</i:Ton></i:Kommune>
  </i:Kommuner>
  <i:Slut>x</i:Slut>
</i:Indberetning>"#;

fn options() -> XmlOptions {
    XmlOptions {
        record: "Indberetning.Kommuner.Kommune".to_owned(),
        decimal_comma: true,
        null_marks: vec!["..".to_owned()],
        batch_rows: 2,
    }
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().enumerate().map(|(at, (from, kind))| {
        let metadata = [(FROM_KEY.to_owned(), (*from).to_owned())].into();
        Field::new(format!("c{at}"), kind.clone(), true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn read(xml: &[u8], columns: &[(&str, DataType)], options: &XmlOptions) -> Result<String> {
    drained(reader(Box::new(xml), &schema(columns), options)).map(|batches| printed(&batches))
}

fn texts(xml: &str, record: &str, columns: &[&str]) -> Result<String> {
    let columns: Vec<_> = columns.iter().map(|from| (*from, DataType::Utf8)).collect();
    let options = XmlOptions {
        record: record.to_owned(),
        ..XmlOptions::default()
    };
    read(xml.as_bytes(), &columns, &options)
}

fn all() -> Vec<(&'static str, DataType)> {
    vec![
        ("@kode", DataType::Utf8),
        ("Navn", DataType::Utf8),
        ("Adresse.Postnr", DataType::Int64),
        ("Adresse.@land", DataType::Utf8),
        ("Ton", DataType::Float64),
        ("/Indberetning.@år", DataType::Int16),
        ("/Indberetning.Opgjort", DataType::Date32),
    ]
}

const ROWS: &str =
    "0825|Læsø|9940|DK|1.5|2024|2025-03-01\n0492|Ærø & omegn||||2024|2025-03-01\n0563|Fanø <&>||||2024|2025-03-01";

#[test]
fn records_are_read_by_paths_attributes_and_what_stands_around_them() {
    assert_eq!(read(REPORT.as_bytes(), &all(), &options()).unwrap(), ROWS);
    let dribbling = Dribble(REPORT.as_bytes(), 3);
    let batches = drained(reader(Box::new(dribbling), &schema(&all()), &options())).unwrap();
    assert_eq!(printed(&batches), ROWS);
}

#[test]
fn every_column_is_found_with_what_it_could_be() {
    let found = columns(Box::new(REPORT.as_bytes()), &options()).unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.kind)).collect();
    assert_eq!(
        found,
        [
            ("@kode", SourceType::Text),
            ("Navn", SourceType::Text),
            ("Adresse.@land", SourceType::Text),
            ("Adresse.Postnr", SourceType::Int),
            ("Ton", SourceType::Float),
            ("/Indberetning.@år", SourceType::Int),
            ("/Indberetning.Opgjort", SourceType::Date),
            ("Note", SourceType::Text),
        ]
    );
}

#[test]
fn the_declared_encoding_is_read_and_a_byte_order_mark_wins() {
    let declared = |name: &str| REPORT.replace("encoding=\"UTF-8\"", &format!("encoding='{name}'"));
    let latin: Vec<u8> = declared("ISO-8859-1")
        .chars()
        .map(|letter| letter as u32 as u8)
        .collect();
    assert_eq!(read(&latin, &all(), &options()).unwrap(), ROWS);
    for is_little in [true, false] {
        let mut bytes = if is_little { vec![0xFF, 0xFE] } else { vec![0xFE, 0xFF] };
        for unit in declared("UTF-16").encode_utf16() {
            bytes.extend(if is_little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            });
        }
        assert_eq!(read(&bytes, &all(), &options()).unwrap(), ROWS);
    }
    let fault = read(declared("EBCDIC-CP-DK").as_bytes(), &all(), &options()).unwrap_err();
    assert_eq!(fault.found_text(), Some("EBCDIC-CP-DK"));
}

#[test]
fn a_group_gives_its_own_values_to_its_records_only() {
    let xml = "<R><G n='1'><T>a</T><P>x</P><P>y</P></G><G><P>z</P></G><G n='2'><T>b</T></G></R>";
    let read = texts(xml, "R.G.P", &[TEXT, "/R.G.@n", "/R.G.T"]).unwrap();
    assert_eq!(read, "x|1|a\ny|1|a\nz||");
    let twice = texts("<R><T>a</T><T>b</T><P>x</P></R>", "R.P", &["/R.T"]).unwrap_err();
    assert_eq!(twice.kind(), Kind::Contract);
}

#[test]
fn an_element_that_stands_twice_in_a_record_is_a_fault() {
    let fault = texts("<R><P><a>1</a><a>2</a></P></R>", "R.P", &["a"]).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
}

#[test]
fn a_column_that_no_record_has_is_a_fault_that_shows_what_one_has() {
    let fault = texts("<R><P k='1'><a>1</a></P></R>", "R.P", &["b"]).unwrap_err();
    assert_eq!(fault.found_text(), Some("a record with @k, a"));
    assert_eq!(
        texts("<R/>", "R.P", &["b"]).unwrap(),
        "",
        "a page without records says nothing of it"
    );
}

#[test]
fn a_path_without_records_is_a_fault_that_shows_the_paths() {
    for (xml, found) in [
        ("<html><body>Siden er flyttet</body></html>", "html, html.body"),
        ("<R><Q/></R>", "R, R.Q"),
    ] {
        let fault = texts(xml, "R.S.P", &["b"]).unwrap_err();
        assert_eq!((fault.kind(), fault.found_text()), (Kind::Source, Some(found)));
    }
    assert_eq!(
        texts("<P><a>1</a></P>", "P", &["a"]).unwrap(),
        "1",
        "the root may be the record"
    );
    assert_eq!(texts("<Q><a>1</a></Q>", "P", &["a"]).unwrap_err().kind(), Kind::Source);
}

#[test]
fn bombs_are_refused_with_a_reason() {
    let lol = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><R><P><a>&lol2;</a></P></R>";
    let entity = "<R><P><a>&lol;</a></P></R>";
    let in_attribute = "<R><P a='&lol;'/></R>";
    let outside = "<!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>";
    let deep = format!("<R><P>{}1{}</P></R>", "<a>".repeat(200), "</a>".repeat(200));
    for (xml, reason) in [
        (lol, "document type"),
        (entity, "entity &lol;"),
        (in_attribute, "lol"),
        (outside, "document type"),
        (deep.as_str(), "more than 64 deep"),
    ] {
        let fault = texts(xml, "R.P", &["a"]).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.to_string().contains(reason), "{fault}");
    }
}

/// `<R><P a='xxxx...`: one gigabyte that is never held.
struct Endless {
    start: &'static [u8],
    piece: &'static [u8],
    left: u64,
    given: u64,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.start.is_empty() {
            let length = self.start.len().min(out.len());
            out[..length].copy_from_slice(&self.start[..length]);
            self.start = &self.start[length..];
            return Ok(length);
        }
        let length = (out.len() as u64).min(self.left) as usize;
        for (at, byte) in out[..length].iter_mut().enumerate() {
            *byte = self.piece[(self.given as usize + at) % self.piece.len()];
        }
        self.left -= length as u64;
        self.given += length as u64;
        Ok(length)
    }
}

#[test]
fn an_attribute_of_a_gigabyte_is_refused_long_before_its_end() {
    for (start, piece) in [
        (&b"<R><P a='"[..], &b"x"[..]),
        (b"<R><P><a>", b"x"),
        // Pieces that are small, of one text that is not.
        (b"<R><P><a>", b"x&amp;<!---->"),
        (b"<R><P><!--", b"x"),
        (b"<", b"x"),
    ] {
        let mut input = Endless {
            start,
            piece,
            left: 1 << 30,
            given: 0,
        };
        let columns = schema(&[("a", DataType::Utf8)]);
        let options = XmlOptions {
            record: "R.P".to_owned(),
            ..XmlOptions::default()
        };
        let fault = drained(reader(Box::new(&mut input), &columns, &options)).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source, "{fault}");
        assert!(input.given < 64 << 20, "{} bytes were read", input.given);
    }
}

#[test]
fn a_body_that_is_cut_is_a_fault_wherever_it_is() {
    let end = REPORT.len();
    for at in (0..end).filter(|at| REPORT.is_char_boundary(*at)) {
        let fault: Fault = match read(&REPORT.as_bytes()[..at], &all(), &options()) {
            Err(fault) => fault,
            Ok(rows) => panic!("cut at {at}: {rows}"),
        };
        assert_eq!(fault.kind(), Kind::Source, "cut at {at}: {fault}");
    }
}

#[test]
fn damaged_bodies_are_faults_or_rows_and_never_a_panic() {
    for seed in 0..3_000 {
        let bytes = damaged(REPORT.as_bytes(), seed);
        let _ = read(&bytes, &all(), &options());
        let _ = columns(Box::new(bytes.as_slice()), &options());
    }
}
