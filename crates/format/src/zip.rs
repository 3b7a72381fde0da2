//! The one data file of a ZIP archive: streamed, with an end to what it may unpack to. Nothing is written to disk.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::{Crc, bufread::DeflateDecoder};
use klimalade_model::{Fault, Result};
use zip::{CompressionMethod, ZipArchive};

/// The bytes of the only member whose name fits, at most `most_bytes` of them; `wanted` is what is said where none does.
///
/// Errors: Source, for what is no whole archive; Contract, where none or several members fit, with the names that there
/// are; Settings, for a password or a method other than deflate. Errors, from the reader, as a Fault inside: Source, for
/// more bytes than allowed, for a member that is cut, and for a wrong check sum.
pub fn member(path: &Path, fits: impl Fn(&str) -> bool, wanted: &str, most_bytes: u64) -> Result<Box<dyn Read + Send>> {
    let unreadable = |source: std::io::Error| Fault::bug("a stored page cannot be read").because(source);
    let not_whole = |error: zip::result::ZipError| {
        Fault::source("the ZIP archive is not whole")
            .found(error.to_string())
            .worth_another_walk()
    };
    let mut archive = ZipArchive::new(BufReader::new(File::open(path).map_err(unreadable)?)).map_err(not_whole)?;
    let (mut fitting, mut names) = (Vec::new(), Vec::new());
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(not_whole)?;
        if member.is_dir() {
            continue;
        }
        let name = member.name().map_err(not_whole)?.into_owned();
        if fits(&name) {
            fitting.push(at);
        }
        names.push(name);
    }
    let &[at] = fitting.as_slice() else {
        return Err(Fault::contract("the archive has no one member of that name")
            .expected(format!("one `{wanted}`"))
            .found(names.join(", "))
            .hint("member = \"...\" under [source]"));
    };
    let member = archive.by_index_raw(at).map_err(not_whole)?;
    if member.encrypted() {
        return Err(Fault::settings("the member of the archive has a password").found(names.join(", ")));
    }
    let is_deflated = match member.compression() {
        CompressionMethod::Stored => false,
        CompressionMethod::Deflated => true,
        other => {
            return Err(Fault::settings("the member is packed in a way that is not read")
                .expected("deflate, or none")
                .found(other.to_string()));
        }
    };
    let start = member
        .data_start()
        .ok_or_else(|| not_whole(zip::result::ZipError::FileNotFound))?;
    let (packed, size, crc) = (member.compressed_size(), member.size(), member.crc32());
    if size > most_bytes {
        return Err(too_large(most_bytes, &format!("{size} bytes announced")));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let packed = BufReader::new(file.take(packed));
    let input: Box<dyn Read + Send> = match is_deflated {
        true => Box::new(DeflateDecoder::new(packed)),
        false => Box::new(packed),
    };
    Ok(Box::new(Unpacked {
        input,
        most_bytes,
        size,
        crc,
        sum: Crc::new(),
        read: 0,
    }))
}

fn too_large(most_bytes: u64, found: &str) -> Fault {
    Fault::source("the archive unpacks to more than is allowed")
        .expected(format!("at most {most_bytes} bytes"))
        .found(found.to_owned())
        .hint("most_unpacked_bytes under [source], if the file is known to be so large")
}

struct Unpacked {
    input: Box<dyn Read + Send>,
    most_bytes: u64,
    /// As the archive says.
    size: u64,
    crc: u32,
    sum: Crc,
    read: u64,
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let length = self
            .input
            .read(out)
            .map_err(|error| std::io::Error::other(Fault::source("the member of the archive is cut").because(error)))?;
        self.sum.update(out.get(..length).unwrap_or_default());
        self.read += length as u64;
        if self.read > self.most_bytes {
            let found = format!("{} bytes and more to come", self.read);
            return Err(std::io::Error::other(too_large(self.most_bytes, &found)));
        }
        if length == 0 && (self.read != self.size || self.sum.sum() != self.crc) {
            let fault = Fault::source("the member of the archive is another than the archive says")
                .expected(format!("{} bytes, check sum {:08x}", self.size, self.crc))
                .found(format!("{} bytes, check sum {:08x}", self.read, self.sum.sum()));
            return Err(std::io::Error::other(fault));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
