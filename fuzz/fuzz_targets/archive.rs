//! ZIP and gzip: the bytes of a file, or of one that is packed here from the text of its members, so that check sums fit. The
//! first byte chooses which, and how it is to be read.
#![no_main]

use std::{io::Read, path::PathBuf, sync::LazyLock};

use klimalade_format::archive::{Archive, UnpackOptions};
use klimalade_fuzz::{checked, gzipped, members, zipped};
use klimalade_model::{Fault, Result, fits_wildcard};
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("klimalade-fuzz-archive-{}", std::process::id())));

/// Every member, read so many bytes at a time.
fn all(archive: &Archive, few: usize, most_bytes: u64) -> Result<Vec<Vec<u8>>> {
    let mut read = 0;
    let mut found = Vec::new();
    for at in 0..archive.names().len() {
        let mut member = checked(archive.read(at))?;
        let (mut bytes, mut piece) = (Vec::new(), vec![0; few]);
        loop {
            match member.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) => match error.downcast::<Fault>() {
                    Ok(fault) => return checked(Err(fault)),
                    Err(error) => panic!("an error that is no fault: {error}"),
                },
            }
            assert!(read + bytes.len() as u64 <= most_bytes, "more than {most_bytes} bytes");
        }
        read += bytes.len() as u64;
        found.push(bytes);
    }
    Ok(found)
}

fuzz_target!(|data: &[u8]| {
    let Some((how, rest)) = data.split_first() else { return };
    let options = UnpackOptions {
        several: how & 1 == 0,
        member: ["*", "*.csv", "data/*", "a*"][usize::from(how >> 1 & 3)].to_owned(),
        most_bytes: [1_000, 4 << 20][usize::from(how >> 3 & 1)],
        most_ratio: [1, 200][usize::from(how >> 4 & 1)],
    };
    let file = match how >> 5 & 3 {
        0 => rest.to_vec(),
        1 => zipped(rest, false),
        2 => zipped(rest, true),
        _ => gzipped(rest),
    };
    assert!(std::fs::write(&*FILE, &file).is_ok());
    let Ok(archive) = checked(Archive::open(&FILE, &options)) else {
        return;
    };
    let names = archive.names();
    assert!(names.is_sorted() && (options.several || names.len() == 1));
    let last = |name: &str| {
        name.rsplit('/')
            .next()
            .is_some_and(|last| fits_wildcard(&options.member, last))
    };
    assert!(
        names
            .iter()
            .all(|name| name.is_empty() || last(name) || fits_wildcard(&options.member, name))
    );
    let whole = all(&archive, 8192, options.most_bytes);
    let again = Archive::open(&FILE, &options).and_then(|archive| all(&archive, 7, options.most_bytes));
    match (&whole, again) {
        (Ok(whole), Ok(again)) => assert_eq!(*whole, again),
        (Err(_), Err(_)) => {}
        (whole, again) => panic!("{whole:?} and also {again:?}"),
    }
    // What was packed here is what comes out.
    if let (Ok(whole), 1 | 2) = (&whole, how >> 5 & 3) {
        let packed = members(rest);
        for (name, bytes) in names.iter().zip(whole) {
            assert_eq!(
                packed.iter().find(|(other, _)| other == name).map(|(_, bytes)| *bytes),
                Some(bytes.as_slice())
            );
        }
    }
});
