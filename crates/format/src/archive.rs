//! Members of ZIP archives, and gzip: streamed, with an end to what they may unpack to. Nothing is written to disk, so a
//! member's name is a name and no path.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::{
    Crc,
    bufread::{DeflateDecoder, MultiGzDecoder},
};
use klimalade_model::{Fault, Result, fits_wildcard};
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, from_io, shortened};

/// Bytes that any archive may unpack to, whatever its ratio.
const FREE_BYTES: u64 = 1 << 20;

/// Which members are read, and how much they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackOptions {
    /// Name of the member, with `*` for any letters: of the name behind the last slash, or of the whole one where it has a
    /// slash itself. A gzip has one member, whatever its name.
    pub member: String,
    /// All members that fit are read, in the order of their names; else exactly one must fit.
    pub several: bool,
    /// Bytes that all read members together may unpack to.
    pub most_bytes: u64,
    /// Bytes that one packed byte may unpack to, above the first MiB.
    pub most_ratio: u64,
}

impl Default for UnpackOptions {
    fn default() -> Self {
        Self {
            member: "*".to_owned(),
            several: false,
            most_bytes: 2_000_000_000,
            most_ratio: 200,
        }
    }
}

/// Whether a file that begins so is an archive that can be unpacked. A workbook is one too.
pub fn is_archive(head: &[u8]) -> bool {
    is_zip(head) || is_gzip(head)
}

fn is_zip(head: &[u8]) -> bool {
    // The second is an archive of no members.
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1F\x8B")
}

/// An archive and the members of it that are read.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    members: Vec<Member>,
    most_bytes: u64,
    most_ratio: u64,
    /// Bytes that may still come, of all members.
    left: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    packed: u64,
    kind: Packed,
}

#[derive(Clone, Copy, Debug)]
enum Packed {
    Gzip,
    Zip {
        start: u64,
        size: u64,
        crc: u32,
        is_deflated: bool,
    },
}

impl Archive {
    /// Errors: Source, for what is no archive or no whole one; Contract, where no member fits, or more than the one that is
    /// asked for, with the names that are there; Settings, for a member with a password or in a method that is not read.
    pub fn open(path: &Path, options: &UnpackOptions) -> Result<Self> {
        let mut file = File::open(path).map_err(from_io)?;
        let mut head = Vec::new();
        (&mut file).take(4).read_to_end(&mut head).map_err(from_io)?;
        let members = if is_gzip(&head) {
            let packed = file.metadata().map_err(from_io)?.len();
            vec![Member {
                name: String::new(),
                packed,
                kind: Packed::Gzip,
            }]
        } else if is_zip(&head) {
            of_zip(file, options)?
        } else {
            return Err(Fault::source("the answer is no archive")
                .expected("ZIP or gzip")
                .found(format!("`{}`", shortened(&String::from_utf8_lossy(&head))))
                .hint("remove [source.unpack], if the server unpacks it itself")
                .worth_another_walk());
        };
        Ok(Self {
            path: path.to_owned(),
            members,
            most_bytes: options.most_bytes,
            most_ratio: options.most_ratio,
            left: Arc::new(AtomicU64::new(options.most_bytes)),
        })
    }

    /// Names of the members that are read, in order; that of a gzip is empty.
    pub fn names(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.name.as_str()).collect()
    }

    /// The bytes of a member. Errors: Source. Errors, from the reader, as a Fault inside: Source, for more bytes than the
    /// archive may have, for a member that is cut, and for one whose check sum is wrong.
    pub fn read(&self, at: usize) -> Result<Box<dyn Read + Send>> {
        let Some(member) = self.members.get(at) else {
            return Err(Fault::bug("a member that the archive does not have"));
        };
        let mut file = File::open(&self.path).map_err(from_io)?;
        let input: Box<dyn Read + Send> = match member.kind {
            Packed::Gzip => Box::new(MultiGzDecoder::new(BufReader::new(file))),
            Packed::Zip { start, is_deflated, .. } => {
                file.seek(SeekFrom::Start(start)).map_err(from_io)?;
                let packed = BufReader::new(file.take(member.packed));
                match is_deflated {
                    true => Box::new(DeflateDecoder::new(packed)),
                    false => Box::new(packed),
                }
            }
        };
        Ok(Box::new(Unpacked {
            input,
            member: member.clone(),
            by_ratio: member.packed.saturating_mul(self.most_ratio).max(FREE_BYTES),
            most_bytes: self.most_bytes,
            most_ratio: self.most_ratio,
            left: Arc::clone(&self.left),
            crc: Crc::new(),
            read: 0,
        }))
    }
}

fn of_zip(file: File, options: &UnpackOptions) -> Result<Vec<Member>> {
    let not_whole = |error: zip::result::ZipError| -> Fault {
        Error::Malformed {
            found: format!("a ZIP archive that is not whole ({error})"),
        }
        .into()
    };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(not_whole)?;
    let (mut members, mut others) = (Vec::new(), Vec::new());
    for at in 0..archive.len() {
        let member = archive.by_index_raw(at).map_err(not_whole)?;
        let name = member.name().map_err(not_whole)?.into_owned();
        if member.is_dir() || is_hidden(&name) {
            continue;
        }
        if !fits(&options.member, &name) {
            others.push(name);
            continue;
        }
        if member.encrypted() {
            return Err(Fault::settings("the member has a password")
                .at(shown(&name))
                .hint("put the file there without a password"));
        }
        let is_deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(Fault::settings("the member is packed in a way that is not read")
                    .at(shown(&name))
                    .expected("deflate, or none")
                    .found(other.to_string())
                    .hint("pack it anew as a plain ZIP"));
            }
        };
        let start = member
            .data_start()
            .ok_or_else(|| not_whole(zip::result::ZipError::FileNotFound))?;
        members.push(Member {
            packed: member.compressed_size(),
            kind: Packed::Zip {
                start,
                size: member.size(),
                crc: member.crc32(),
                is_deflated,
            },
            name,
        });
    }
    members.sort_by(|one, other| one.name.cmp(&other.name));
    chosen(&members, &others, options).map(|()| members)
}

/// A name can have 65,535 bytes.
fn shown(name: &str) -> String {
    format!("`{}`", shortened(name))
}

/// What office programs and macOS add, and nobody means.
fn is_hidden(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    name.starts_with("__MACOSX/") || last.starts_with('.')
}

fn fits(pattern: &str, name: &str) -> bool {
    let name = match pattern.contains('/') {
        true => name,
        false => name.rsplit('/').next().unwrap_or(name),
    };
    fits_wildcard(pattern, name)
}

fn chosen(members: &[Member], others: &[String], options: &UnpackOptions) -> Result<()> {
    let fault = |what: &str, found: Vec<&str>, hint: String| {
        let found: Vec<String> = found.iter().take(20).map(|name| shown(name)).collect();
        let found = match found.is_empty() {
            true => "no member".to_owned(),
            false => found.join(", "),
        };
        Err(Fault::contract(what)
            .expected(format!("`{}`", options.member))
            .found(found)
            .hint(hint))
    };
    match members {
        [] => {
            let found: Vec<&str> = others.iter().map(String::as_str).collect();
            let first = found.first().copied().unwrap_or("*.csv").to_owned();
            fault(
                "no member of the archive has that name",
                found,
                format!("member = {:?}", shortened(&first)),
            )
        }
        [first, _, ..] if !options.several => fault(
            "more than one member of the archive has that name",
            members.iter().map(|member| member.name.as_str()).collect(),
            format!("member = {:?}", shortened(&first.name)),
        ),
        _ => Ok(()),
    }
}

struct Unpacked {
    input: Box<dyn Read + Send>,
    member: Member,
    /// Bytes that this member may have by its ratio.
    by_ratio: u64,
    most_bytes: u64,
    most_ratio: u64,
    left: Arc<AtomicU64>,
    crc: Crc,
    read: u64,
}

impl Unpacked {
    fn place(&self) -> String {
        match self.member.name.as_str() {
            "" => "the gzip".to_owned(),
            name => shown(name),
        }
    }

    fn check(&self, length: u64) -> Result<()> {
        if self.read > self.by_ratio {
            return Err(Fault::source("the member unpacks to far more than it is packed")
                .at(self.place())
                .expected(format!("at most {} bytes for each packed one", self.most_ratio))
                .hint("most_ratio = 1000, if the file is known to be so"));
        }
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length));
        if taken.is_err() {
            return Err(Fault::source("the archive is larger than it may be when unpacked")
                .at(self.place())
                .expected(format!("at most {} bytes", self.most_bytes))
                .hint("most_bytes = 5_000_000_000, if the file is known to be so large"));
        }
        Ok(())
    }

    /// What the archive says of the member.
    fn check_end(&self) -> Result<()> {
        let Packed::Zip { size, crc, .. } = self.member.kind else {
            return Ok(());
        };
        if self.read == size && self.crc.sum() == crc {
            return Ok(());
        }
        Err(Fault::from(Error::Malformed {
            found: format!("{} bytes, of {size} with check sum {crc:08x}", self.read),
        })
        .at(self.place()))
    }
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let length = self.input.read(out).map_err(|error| {
            let fault = Fault::from(Error::Malformed {
                found: format!("{}: {error}", self.place()),
            });
            std::io::Error::other(fault)
        })?;
        self.crc.update(out.get(..length).unwrap_or_default());
        self.read += length as u64;
        let checked = match length {
            0 => self.check_end(),
            _ => self.check(length as u64),
        };
        checked.map(|()| length).map_err(std::io::Error::other)
    }
}

#[cfg(test)]
mod tests;
