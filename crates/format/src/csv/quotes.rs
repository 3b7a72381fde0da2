use std::io::{self, Read};

use crate::error::Error;
use klimalade_model::Fault;

/// Bytes of one row at most, in UTF-8: the csv crate holds a row as a whole.
const LARGEST_ROW: usize = 16 << 20;

/// Where the text stands, in the csv crate's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a cell's first byte, the only place where a quote opens one.
    Start,
    /// In a cell without quotes, or behind a closing quote and more text: a quote means itself.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote in a quoted cell: it closes the cell, or a second one makes it a letter.
    Closing,
}

/// Text on its way to the csv reader, watched for quotes that do not close. The reader takes them in silence: what an
/// open quote swallows, line ends included, becomes one cell, and where that is the row's last cell the row has its
/// length and nobody sees the rows that are gone.
///
/// Errors when reading (Source): a quote that is open at the end of the text, a cell that goes on behind its
/// closing quote, which is what an open quote looks like when another quote follows, and a row without end.
pub(super) struct Quotes<R> {
    input: R,
    delimiter: u8,
    state: State,
    /// Of the byte that comes next.
    line: u64,
    /// Where the last quoted cell began.
    opened: u64,
    /// Bytes of the row so far.
    row: usize,
}

impl<R: Read> Quotes<R> {
    /// `line` is the number of the first line of `input`.
    pub(super) fn new(input: R, delimiter: u8, line: u64) -> Self {
        Self {
            input,
            delimiter,
            state: State::Start,
            line,
            opened: line,
            row: 0,
        }
    }

    fn watch(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        // Most pages have no quote at all: two passes that the compiler makes wide.
        if !bytes.contains(&b'"') && self.state != State::Closing {
            if self.state != State::Quoted
                && let Some(last) = bytes.last()
            {
                self.state = self.behind(*last);
            }
            self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            let end = match self.state {
                State::Quoted => None,
                _ => bytes.iter().rposition(|byte| is_line_end(*byte)),
            };
            self.row = match end {
                Some(end) => bytes.len() - end - 1,
                None => self.row + bytes.len(),
            };
            return self.check_row();
        }
        for byte in bytes {
            self.state = match (self.state, *byte) {
                (State::Start, b'"') => {
                    self.opened = self.line;
                    State::Quoted
                }
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, _) | (State::Closing, b'"') => State::Quoted,
                (State::Closing, byte) if self.behind(byte) == State::Plain => {
                    return Err(self.malformed("a cell goes on behind its closing quote"));
                }
                (_, byte) => self.behind(byte),
            };
            self.line += u64::from(*byte == b'\n');
            self.row = match self.state {
                State::Start if is_line_end(*byte) => 0,
                _ => self.row + 1,
            };
        }
        self.check_row()
    }

    fn check_row(&self) -> Result<(), Fault> {
        if self.row <= LARGEST_ROW {
            return Ok(());
        }
        let found = format!("a row of more than {LARGEST_ROW} bytes");
        Err(Fault::from(Error::Malformed { found }).at(format!("line {}", self.line)))
    }

    /// The state behind `byte`, outside quotes.
    fn behind(&self, byte: u8) -> State {
        if byte == self.delimiter || is_line_end(byte) {
            State::Start
        } else {
            State::Plain
        }
    }

    fn malformed(&self, found: &str) -> Fault {
        Fault::from(Error::Malformed {
            found: found.to_owned(),
        })
        .at(format!("line {}", self.line))
        .found(format!("a quote that opens in line {}", self.opened))
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(out)?;
        let watched = if length == 0 && !out.is_empty() && self.state == State::Quoted {
            Err(self.malformed("a quote is never closed"))
        } else {
            self.watch(out.get(..length).unwrap_or_default())
        };
        match watched {
            Ok(()) => Ok(length),
            Err(fault) => Err(io::Error::new(io::ErrorKind::InvalidData, fault)),
        }
    }
}
