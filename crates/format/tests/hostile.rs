//! Pages that want to take the memory: entities that become gigabytes, elements without end in each other, an attribute, a
//! text, a row, a list of arcs of a gibibyte. Each is made while it is read and never stands anywhere, so what the reader asks
//! for is what it holds: an error must come after a few dozen megabytes, and say where and why.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::HashMap,
    io::Read,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use klimalade_format::{
    csv::{self, CsvOptions, Encoding},
    gml::{self, GmlOptions},
    json::{self, JsonOptions},
};
use klimalade_model::{FROM_KEY, Fault, Kind, Result};

const GIB: u64 = 1 << 30;
/// What may be read of a page that should be refused.
const MOST_READ: u64 = 130 << 20;
/// Growth of the process from the start of one of these tests to its peak.
const MOST_MEMORY: u64 = 300 << 20;

/// A head, a piece so many times, a tail; counts what is asked of it.
struct Stream {
    head: Vec<u8>,
    piece: Vec<u8>,
    left: u64,
    tail: &'static [u8],
    at: usize,
    read: Arc<AtomicU64>,
}

impl Stream {
    fn of(head: &str, piece: &'static str, bytes: u64, tail: &'static str) -> (Self, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        // Some kilobytes at once: a copy for every few letters is what such a test would spend its time in.
        let piece = piece.repeat(4096 / piece.len() + 1).into_bytes();
        let stream = Self {
            head: head.as_bytes().to_vec(),
            left: bytes / piece.len() as u64,
            piece,
            tail: tail.as_bytes(),
            at: 0,
            read: Arc::clone(&read),
        };
        (stream, read)
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            if !self.head.is_empty() {
                let length = self.head.len().min(out.len() - written);
                out[written..written + length].copy_from_slice(&self.head[..length]);
                self.head.drain(..length);
                written += length;
                continue;
            }
            if self.left == 0 {
                self.left = u64::from(!self.tail.is_empty());
                self.piece = std::mem::take(&mut self.tail).to_vec();
                if self.piece.is_empty() {
                    break;
                }
            }
            let length = (self.piece.len() - self.at).min(out.len() - written);
            out[written..written + length].copy_from_slice(&self.piece[self.at..self.at + length]);
            (written, self.at) = (written + length, self.at + length);
            if self.at == self.piece.len() {
                (self.at, self.left) = (0, self.left - 1);
            }
        }
        self.read.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }
}

/// Memory is the process's, so these tests go one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that the kernel says of this process. `None` where it is not Linux.
fn said(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn columns() -> SchemaRef {
    let field = |name: &str, from: &str, kind| {
        Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), from.to_owned())]))
    };
    Arc::new(Schema::new(vec![
        field("name", "navn", DataType::Utf8),
        field("shape", "geometri", DataType::Binary),
    ]))
}

/// The fault that reading a page to its end, and looking at it, give.
fn refused(
    name: &str,
    make: impl Fn() -> (Stream, Arc<AtomicU64>),
    read: impl Fn(Box<dyn Read + Send>) -> Result<()>,
) -> Fault {
    let _alone = alone();
    // A new high-water mark, where this kernel lets us.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = said("VmRSS:");
    let (stream, count) = make();
    let fault = read(Box::new(stream)).expect_err(name);
    let count = count.load(Ordering::Relaxed);
    assert!(
        count <= MOST_READ,
        "{name}: {} MiB were read before {fault}",
        count >> 20
    );
    if let (Some(before), Some(peak)) = (before, said("VmHWM:")) {
        let grown = peak.saturating_sub(before);
        assert!(
            grown <= MOST_MEMORY,
            "{name}: {} MiB of memory before {fault}",
            grown >> 20
        );
    }
    assert!(
        fault.to_string().len() < 2_000,
        "{name}: an error of {} bytes",
        fault.to_string().len()
    );
    fault
}

fn drained(batches: Result<Box<dyn arrow::array::RecordBatchReader + Send + '_>>) -> Result<()> {
    for batch in batches? {
        match batch {
            Ok(_) => {}
            Err(ArrowError::ExternalError(error)) => return Err(*error.downcast::<Fault>().expect("a fault")),
            Err(other) => panic!("an error that is no fault: {other}"),
        }
    }
    Ok(())
}

fn read_gml(input: Box<dyn Read + Send>) -> Result<()> {
    drained(gml::reader(input, &columns(), &GmlOptions::default()))
}

const ROOT: &str = r#"<?xml version="1.0"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2">"#;
const FEATURE: &str = r#"<wfs:member><omraade gml:id="o.1"><navn>Ærø</navn>"#;

fn says(fault: &Fault, words: &[&str]) {
    assert_eq!(fault.kind(), Kind::Source, "{fault}");
    for word in words {
        assert!(fault.to_string().contains(word), "`{word}` is not in: {fault}");
    }
}

#[test]
fn entities_that_become_gigabytes_are_never_expanded() {
    let mut bomb = r#"<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">"#.to_owned();
    for at in 1..31 {
        bomb.push_str(&format!(r#"<!ENTITY a{at} "&a{};&a{};">"#, at - 1, at - 1));
    }
    bomb.push_str("]><l>&a30;</l>");
    for read in [
        read_gml as fn(Box<dyn Read + Send>) -> Result<()>,
        |input| gml::look(input).map(drop),
        |input| gml::hits(input).map(drop),
        |input| gml::columns(input).map(drop),
        |input| gml::properties(input).map(drop),
    ] {
        let fault = refused("a document type", || Stream::of(&bomb, "x", 0, ""), read);
        says(&fault, &["a document type declaration", "byte "]);
    }
    assert_eq!(gml::exception(bomb.as_bytes()), None);
    // Without a declaration an entity is only a name that nobody knows.
    let undeclared = format!("{ROOT}{FEATURE}<navn2>&lol9;</navn2>");
    let fault = refused("an entity", || Stream::of(&undeclared, "x", 0, ""), read_gml);
    says(&fault, &["the entity &lol9;", "byte "]);
}

#[test]
fn a_document_type_without_end_is_refused_early() {
    let make = || Stream::of("<!DOCTYPE l [", "<!ENTITY a \"aaaaaaaaaaaaaaaaaaaaaa\">", GIB, "]><l/>");
    says(&refused("declarations", make, read_gml), &["more than 33554432 bytes"]);
}

#[test]
fn elements_within_each_other_have_an_end() {
    for (inner, name) in [("<a>", "elements"), ("<gml:MultiGeometry>", "geometries")] {
        let page = format!("{ROOT}{FEATURE}<geometri>{}", inner.repeat(200));
        let fault = refused(name, || Stream::of(&page, "x", 0, ""), read_gml);
        says(&fault, &["elements more than 64 deep", "byte "]);
        let fault = refused(
            name,
            || Stream::of(&page, "x", 0, ""),
            |input| gml::look(input).map(drop),
        );
        says(&fault, &["elements more than 64 deep", "byte "]);
    }
    let options = JsonOptions {
        rows: "features".to_owned(),
        ..JsonOptions::default()
    };
    let (open, close) = ("[".repeat(200), "]".repeat(200));
    let page = format!(r#"{{"features":[{{"navn":null,"geometri":{{"type":"Point","coordinates":{open}{close}}}}}]}}"#);
    let read = |input: Box<dyn Read + Send>| drained(json::reader(input, &columns(), &options));
    let fault = refused("arrays", || Stream::of(&page, "x", 0, ""), read);
    says(&fault, &["recursion limit", "row 1", "column `shape`"]);
    // Deeper than any stack, where nobody reads what it means.
    let deep = || Stream::of(r#"{"other":"#, "[", GIB / 8, "");
    let fault = refused("a skipped array", deep, |input| {
        json::look(input, "features", &[]).map(drop)
    });
    says(&fault, &["ends after"]);
}

#[test]
fn an_attribute_or_a_text_of_a_gibibyte_is_refused_early() {
    let head = |rest: &str| format!("{ROOT}{FEATURE}{rest}");
    for (name, head, piece, words) in [
        (
            "an attribute",
            head("<geometri srsName=\""),
            "EPSG:25832 ",
            "more than 33554432 bytes",
        ),
        ("a name", head("<"), "langt", "more than 33554432 bytes"),
        ("a comment", head("<!-- "), "bla bla ", "more than 33554432 bytes"),
        ("a text", head("<navn2>"), "bla bla ", "more than 33554432 bytes"),
        (
            "a list",
            head("<geometri><gml:LineString><gml:posList>"),
            "560000 6200000 ",
            "more than 33554432 bytes",
        ),
        // Each piece is small; together they are one text, one geometry, one feature.
        (
            "texts",
            head("<navn2>"),
            "Så meget står der sjældent i et felt, men det kan gøre det. <![CDATA[Her gør det det.]]> &amp; ",
            "a feature of more than 67108864 bytes",
        ),
        (
            "elements",
            head(""),
            "<felt>Så meget står der sjældent i et felt, men det kan gøre det, og her gør det det.</felt>",
            "a feature of more than 67108864 bytes",
        ),
        (
            "members",
            head("<geometri><gml:MultiPoint>"),
            "<gml:pointMember><gml:Point><gml:pos>560000 6200000</gml:pos></gml:Point></gml:pointMember>",
            "a feature of more than 67108864 bytes",
        ),
        (
            "what is around",
            format!("{ROOT}<wfs:other>"),
            "<a b='Så meget står der sjældent i en attribut, men det kan gøre det, og her gør det det.'/>",
            "a feature of more than 67108864 bytes",
        ),
    ] {
        let wanted = ["a text", "texts"].contains(&name);
        let head = if wanted {
            head.replace("<navn>Ærø</navn>", "").replace("navn2", "navn")
        } else {
            head
        };
        let fault = refused(name, || Stream::of(&head, piece, GIB, ""), read_gml);
        says(&fault, &[words, "byte "]);
        let fault = refused(
            name,
            || Stream::of(&head, piece, GIB, ""),
            |input| gml::look(input).map(drop),
        );
        says(&fault, &[words, "byte "]);
    }
}

#[test]
fn a_name_of_a_megabyte_is_refused() {
    let head = format!("{ROOT}{FEATURE}<{}>", "n".repeat(1 << 20));
    says(
        &refused(
            "a name",
            || Stream::of(&head, "x", 0, ""),
            |input| gml::columns(input).map(drop),
        ),
        &["a name of more than 1024 bytes"],
    );
}

#[test]
fn arcs_do_not_become_gigabytes() {
    let head = format!("{ROOT}{FEATURE}<geometri><gml:Curve><gml:segments><gml:ArcString><gml:posList>560000 6200000 ");
    let make = || {
        let tail = "</gml:posList></gml:ArcString></gml:segments></gml:Curve></geometri></omraade></wfs:member></wfs:FeatureCollection>";
        Stream::of(
            &head,
            "600000 6240000 640000 6200000 600000 6160000 560000 6200000 ",
            24 << 20,
            tail,
        )
    };
    let fault = refused("arcs", make, read_gml);
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.to_string().contains("arcs that become at most"), "{fault}");
    assert!(fault.places().iter().any(|place| place.contains("row 1")), "{fault}");
}

#[test]
fn many_large_features_are_more_batches_not_a_larger_one() {
    let _alone = alone();
    let text = format!(
        "{ROOT}{}</wfs:FeatureCollection>",
        format!(
            "<wfs:member><o><navn>{}</navn><geometri/></o></wfs:member>",
            "æ".repeat(1 << 20)
        )
        .repeat(40)
    );
    let known = GmlOptions {
        known: vec!["navn".to_owned(), "geometri".to_owned()],
        ..GmlOptions::default()
    };
    let rows: Vec<usize> = gml::reader(Box::new(text.as_bytes()), &columns(), &known)
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .collect();
    assert_eq!(rows.iter().sum::<usize>(), 40);
    assert!(rows.iter().all(|rows| *rows <= 9), "{rows:?}");
    let text = format!(
        "[{}]",
        vec![format!(r#"{{"navn":"{}","geometri":null}}"#, "æ".repeat(1 << 20)); 40].join(",")
    );
    let rows: Vec<usize> = json::reader(Box::new(text.as_bytes()), &columns(), &JsonOptions::default())
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .collect();
    assert_eq!(rows.iter().sum::<usize>(), 40);
    assert!(rows.iter().all(|rows| *rows <= 9), "{rows:?}");
    let text = format!("navn\n{}", format!("{}\n", "æ".repeat(1 << 20)).repeat(40));
    let schema = Arc::new(columns().project(&[0]).unwrap());
    let rows: Vec<usize> = csv::reader(Box::new(text.as_bytes()), &schema, &CsvOptions::default())
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .collect();
    assert_eq!(rows.iter().sum::<usize>(), 40);
    assert!(rows.iter().all(|rows| *rows <= 9), "{rows:?}");
}

#[test]
fn a_json_value_of_a_gibibyte_is_refused_early() {
    let options = JsonOptions {
        rows: "features".to_owned(),
        ..JsonOptions::default()
    };
    for (name, head, piece) in [
        ("a text", r#"{"features":[{"navn":""#, "bla bla "),
        ("a number", r#"{"features":[{"navn":"#, "1234567890"),
        ("a key", r#"{"features":[{""#, "bla"),
        (
            "a geometry",
            r#"{"features":[{"geometri":{"type":"MultiPoint","coordinates":["#,
            "[10.2,56.1],",
        ),
        ("a top key", r#"{""#, "bla"),
    ] {
        let make = || Stream::of(head, piece, GIB, "");
        let fault = refused(name, make, |input| drained(json::reader(input, &columns(), &options)));
        says(&fault, &["one value of more than 33554432 bytes", "byte "]);
        let fault = refused(name, make, |input| json::columns(input, &options).map(drop));
        says(&fault, &["one value of more than 33554432 bytes", "byte "]);
    }
    let links = || Stream::of(r#"{"features":[],"links":["#, "0,", 16 << 20, "0]}");
    says(
        &refused("links", links, |input| json::look(input, "features", &[]).map(drop)),
        &["beside the rows"],
    );
}

#[test]
fn a_csv_row_of_a_gibibyte_is_refused_early() {
    for (name, head, piece, words) in [
        (
            "a cell",
            "navn;geometri\n",
            "bla bla ",
            "a row of more than 16777216 bytes",
        ),
        (
            "a quoted cell",
            "navn;geometri\n\"",
            "bla\nbla ",
            "a row of more than 16777216 bytes",
        ),
        ("cells", "navn;geometri\n", "1;2;", "a row of more than 16777216 bytes"),
        (
            "a header",
            "navn;geometri;",
            "bla;",
            "a row of more than 16777216 bytes",
        ),
    ] {
        let schema = Arc::new(columns().project(&[0]).unwrap());
        for encoding in [Encoding::Utf8, Encoding::Windows1252] {
            let options = CsvOptions {
                encoding,
                ..CsvOptions::default()
            };
            let make = || Stream::of(head, piece, GIB, "");
            let fault = refused(name, make, |input| drained(csv::reader(input, &schema, &options)));
            says(&fault, &[words, "line "]);
            let fault = refused(name, make, |input| csv::columns(input, &options).map(drop));
            says(&fault, &[words, "line "]);
        }
    }
    let make = || Stream::of("navn", ";kolonne", 1 << 20, "\n");
    says(
        &refused("columns", make, |input| {
            csv::header(input, &CsvOptions::default()).map(drop)
        }),
        &["columns, more than 10000"],
    );
}
