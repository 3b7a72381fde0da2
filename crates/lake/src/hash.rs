use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use klimalade_model::Result;
use sha2::{Digest, Sha256};

use crate::store::disk_fault;

/// Passes bytes on and keeps their hash and number.
pub(crate) struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Hashing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }
    /// The stream underneath, lower-case hexadecimal SHA-256, and number of bytes.
    pub(crate) fn finish(self) -> (W, String, u64) {
        (self.inner, hex(&self.hash.finalize()), self.bytes)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Copies all of `from` into `to`; 256 KiB at a time, since io::copy's 8 KiB cost twice the time in system calls.
pub(crate) fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<u64> {
    let mut buffer = vec![0_u8; 256 << 10];
    let mut total = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&buffer[..read])?;
        total += read as u64;
    }
}

/// Hash and size of a local file.
pub(crate) fn hash_file(path: &Path) -> Result<(String, u64)> {
    hash_open_file(path).map_err(|source| disk_fault("a file cannot be read", path.display(), source))
}

/// As [`hash_file`], with the plain error.
pub(crate) fn hash_open_file(path: &Path) -> io::Result<(String, u64)> {
    let mut hashing = Hashing::new(io::sink());
    copy(&mut File::open(path)?, &mut hashing)?;
    let (_, sha256, bytes) = hashing.finish();
    Ok((sha256, bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
