#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{Cursor, Write},
    sync::atomic::AtomicU64 as Counter,
};

use klimalade_model::Kind;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::testing::damaged;

struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn kept(bytes: &[u8]) -> Kept {
    static NUMBER: Counter = Counter::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("klimalade-archive-{}-{number}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    Kept(path)
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn all(bytes: &[u8], options: &UnpackOptions) -> Result<Vec<(String, Vec<u8>)>> {
    let file = kept(bytes);
    let archive = Archive::open(&file.0, options)?;
    let mut found = Vec::new();
    for (at, name) in archive.names().into_iter().enumerate() {
        let mut read = Vec::new();
        archive.read(at)?.read_to_end(&mut read).map_err(from_io)?;
        found.push((name.to_owned(), read));
    }
    Ok(found)
}

fn named(member: &str, several: bool) -> UnpackOptions {
    UnpackOptions {
        member: member.to_owned(),
        several,
        ..UnpackOptions::default()
    }
}

fn three() -> Vec<u8> {
    zip(&[
        ("data/b.csv", b"b;1\n"),
        ("data/a.csv", b"a;1\n"),
        ("__MACOSX/data/._a.csv", b"x"),
        ("læsmig.txt", "Æ".as_bytes()),
    ])
}

#[test]
fn members_that_fit_are_read_in_the_order_of_their_names() {
    let found = all(&three(), &named("*.csv", true)).unwrap();
    assert_eq!(
        found,
        [
            ("data/a.csv".to_owned(), b"a;1\n".to_vec()),
            ("data/b.csv".to_owned(), b"b;1\n".to_vec())
        ]
    );
    for pattern in ["læsmig.txt", "data/b.csv", "a.csv"] {
        assert_eq!(all(&three(), &named(pattern, false)).unwrap().len(), 1, "{pattern}");
    }
}

#[test]
fn none_or_too_many_members_are_a_fault_with_their_names() {
    let fault = all(&three(), &named("*.csv", false)).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Contract, Some("`data/a.csv`, `data/b.csv`"))
    );
    let fault = all(&three(), &named("*.xml", true)).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Contract, Some("`data/b.csv`, `data/a.csv`, `læsmig.txt`"))
    );
    assert_eq!(
        all(&zip(&[]), &named("*", true)).unwrap_err().found_text(),
        Some("no member")
    );
}

#[test]
fn a_gzip_of_several_pieces_is_one_member() {
    let packed = [gzip(b"a;1\n"), gzip(b"b;2\n")].concat();
    let found = all(&packed, &named("*.csv", false)).unwrap();
    assert_eq!(found, [(String::new(), b"a;1\nb;2\n".to_vec())]);
    let fault = all(&packed[..packed.len() - 3], &named("*", false)).unwrap_err();
    assert_eq!(fault.kind(), Kind::Source);
}

#[test]
fn bombs_are_refused_by_size_and_by_ratio() {
    let zeros = vec![0; 8 << 20];
    for packed in [zip(&[("a.csv", &zeros)]), gzip(&zeros)] {
        assert!(packed.len() < 20_000);
        let fault = all(&packed, &UnpackOptions::default()).unwrap_err();
        assert_eq!(fault.what(), "the member unpacks to far more than it is packed");
        let loose = UnpackOptions {
            most_ratio: 2_000,
            most_bytes: 4 << 20,
            ..UnpackOptions::default()
        };
        let fault = all(&packed, &loose).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.what()),
            (Kind::Source, "the archive is larger than it may be when unpacked")
        );
    }
    let two = zip(&[("a.csv", &zeros[..3 << 20]), ("b.csv", &zeros[..3 << 20])]);
    let together = UnpackOptions {
        most_ratio: 2_000,
        most_bytes: 4 << 20,
        several: true,
        ..UnpackOptions::default()
    };
    assert!(all(&two, &together).is_err(), "the members count together");
}

#[test]
fn what_is_no_archive_is_a_fault() {
    for bytes in [&b"a;b\n1;2\n"[..], b"", b"<!DOCTYPE html>", b"PK\x03\x04"] {
        assert_eq!(all(bytes, &UnpackOptions::default()).unwrap_err().kind(), Kind::Source);
    }
}

#[test]
fn an_archive_that_is_cut_or_damaged_is_never_read_as_another() {
    let text: Vec<u8> = (0..2_000)
        .flat_map(|number: u32| format!("{number};Ærø\n").into_bytes())
        .collect();
    let whole = zip(&[("a.csv", &text)]);
    for end in (0..whole.len()).step_by(97) {
        assert_eq!(all(&whole[..end], &named("*", false)).unwrap_err().kind(), Kind::Source);
    }
    for seed in 0..400 {
        if let Ok(found) = all(&damaged(&whole, seed), &named("*", false)) {
            assert!(found.iter().all(|(_, read)| *read == text), "seed {seed}");
        }
    }
}

#[test]
fn an_error_is_short_however_long_the_names_are() {
    let names: Vec<String> = (0..30)
        .map(|number| format!("{number}{}.csv", "å".repeat(20_000)))
        .collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"a"[..])).collect();
    for options in [named("*.csv", false), named("*.xml", true)] {
        let fault = all(&zip(&members), &options).unwrap_err();
        assert!(fault.to_string().len() < 8_000, "{} bytes", fault.to_string().len());
    }
}
