//! A process of its own: what a bomb costs in memory is read of the whole process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;

use arrow_schema::DataType;
use klimalade_connect::{Kind, Page, Part, Protocol};
use klimalade_file::{Files, Settings};
use klimalade_testkit::{bench, contract::decode_all};
use serde_json::{Value, json};

/// Bytes that each bomb unpacks to.
const UNPACKED: usize = 128 << 20;
/// What refusing all of them may add to the most memory that the process ever had.
const MOST_KIB: u64 = 64 << 10;

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn bomb(name: &str, start: &[u8]) -> Page {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .start_file(
            name,
            zip::write::SimpleFileOptions::default().compression_level(Some(1)),
        )
        .unwrap();
    archive.write_all(start).unwrap();
    let piece = vec![b' '; 1 << 20];
    for _ in 0..UNPACKED >> 20 {
        archive.write_all(&piece).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    assert!(bytes.len() < 8 << 20, "{}", bytes.len());
    Page::from_bytes("/a", &bytes).unwrap()
}

fn refused(page: &Page, settings: Value, what: &str) {
    let connector = Files::open(serde_json::from_value::<Settings>(settings).unwrap()).unwrap();
    let columns = bench::columns(&[("municipality", "kommune", DataType::Utf8)]);
    let Err(fault) = decode_all(&connector, &Part::new("all"), page, &columns) else {
        panic!("read, although {what} was expected");
    };
    assert_eq!(fault.kind(), Kind::Source);
    assert!(fault.what().contains(what), "{fault}, not: {what}");
}

#[test]
fn bombs_as_workbooks_and_archives_are_refused_in_little_memory() {
    let bombs = [
        ("xl/worksheets/sheet1.xml", &b"<worksheet>"[..]),
        ("content.xml", b"<office:document-content>"),
        ("a.csv", b"kommune\n"),
    ]
    .map(|(name, start)| bomb(name, start));
    let before = peak_kib();
    let sheet = json!({"address": "a", "format": {"type": "sheet", "most_bytes": 100_000_000}});
    let large = "the workbook is larger than it may be when unpacked";
    refused(&bombs[0], sheet.clone(), large);
    refused(&bombs[1], sheet.clone(), "a tag or text of more than");
    refused(&bombs[2], sheet, large);
    let packed = |unpack: Value| json!({"address": "a", "unpack": unpack, "format": {"type": "csv"}});
    let by_ratio = packed(json!({"most_ratio": 2}));
    refused(&bombs[2], by_ratio, "the member unpacks to far more than it is packed");
    let by_size = packed(json!({"most_ratio": 100_000, "most_bytes": 10_000_000}));
    refused(&bombs[2], by_size, "the archive is larger than it may be when unpacked");
    refused(&bombs[2], packed(json!({"most_ratio": 100_000})), "a row of more than");
    let grown = peak_kib() - before;
    assert!(grown < MOST_KIB, "{grown} KiB more than before");
}
