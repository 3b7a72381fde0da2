//! XML with an end to what one piece of it may take: GML, record paths and the sheets of an ODS read through it.

use std::io::{BufRead, BufReader, Read};

#[derive(Debug, thiserror::Error)]
#[error("a tag or text of more than {0} bytes")]
pub(crate) struct TooLarge(usize);

/// Reads no further than `largest` bytes at one piece: the parser keeps a tag or text as a whole.
pub(crate) struct Capped<R> {
    input: R,
    largest: usize,
    left: usize,
}

/// The input with an end to what one tag or text may take.
pub(crate) fn capped<R: Read>(input: R, largest: usize) -> Capped<BufReader<R>> {
    Capped {
        input: BufReader::with_capacity(64 << 10, input),
        largest,
        left: largest,
    }
}

impl<R> Capped<R> {
    /// Another tag or text begins.
    pub(crate) fn refill(&mut self) {
        self.left = self.largest;
    }

    /// What follows, without an end to it.
    pub(crate) fn whole(&mut self) -> &mut R {
        &mut self.input
    }
}

impl<R: BufRead> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Capped<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.left == 0 {
            return Err(std::io::Error::other(TooLarge(self.largest)));
        }
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount);
        self.input.consume(amount);
    }
}
