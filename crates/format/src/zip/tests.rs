#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::{
    io::Write,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use klimalade_model::Kind;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

/// A file in the temporary folder that goes with the value.
struct Stored(PathBuf);
impl Drop for Stored {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn stored(bytes: &[u8]) -> Stored {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("klimalade-zip-{}-{number}.zip", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    Stored(path)
}

fn packed(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive
            .start_file(*name, SimpleFileOptions::default().compression_method(method))
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The text of the member whose name ends so, without regard to case.
fn text(stored: &Stored, ending: &str) -> Result<String> {
    let mut text = String::new();
    let mut input = member(&stored.0, |name| name.to_lowercase().ends_with(ending), ending, 1 << 20)?;
    input
        .read_to_string(&mut text)
        .map_err(|error| match error.downcast::<Fault>() {
            Ok(fault) => fault,
            Err(other) => panic!("{other}"),
        })?;
    Ok(text)
}

#[test]
fn the_one_member_that_fits_is_read_whatever_stands_beside_it() {
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
        let file = stored(&packed(
            &[("læsmig.txt", b"x"), ("BBR_Bygning.JSON", "[\"Læsø\"]".as_bytes())],
            method,
        ));
        assert_eq!(text(&file, ".json").unwrap(), "[\"Læsø\"]");
        let fault = text(&file, ".csv").unwrap_err();
        assert_eq!(
            (fault.kind(), fault.found_text()),
            (Kind::Contract, Some("læsmig.txt, BBR_Bygning.JSON"))
        );
        assert_eq!(text(&file, "").unwrap_err().kind(), Kind::Contract, "two fit");
    }
}

#[test]
fn a_bomb_is_stopped_at_the_cap_also_where_the_archive_lies_about_its_size() {
    let zeros = vec![0_u8; 4 << 20];
    let mut bytes = packed(&[("a.json", &zeros)], CompressionMethod::Deflated);
    let fault = text(&stored(&bytes), ".json").unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Source, Some("4194304 bytes announced"))
    );
    // The size in the central directory: four bytes, 24 behind its signature.
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&100_u32.to_le_bytes());
    let fault = text(&stored(&bytes), ".json").unwrap_err();
    assert_eq!(
        (fault.kind(), fault.expected_text()),
        (Kind::Source, Some("at most 1048576 bytes"))
    );
}

#[test]
fn a_cut_or_changed_archive_is_an_error() {
    let bytes = packed(
        &[("a.json", b"[{\"id\":1},{\"id\":2},{\"id\":3}]")],
        CompressionMethod::Stored,
    );
    for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(
            text(&stored(&bytes[..end]), ".json").unwrap_err().kind(),
            Kind::Source,
            "cut at {end}"
        );
    }
    let mut changed = bytes.clone();
    let at = changed.windows(6).position(|window| window == b"\"id\":2").unwrap() + 5;
    changed[at] = b'9';
    let fault = text(&stored(&changed), ".json").unwrap_err();
    assert!(fault.expected_text().unwrap().contains("check sum"), "{fault}");
}
