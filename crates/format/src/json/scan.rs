//! Cuts a byte stream into JSON values without reading what they mean.

use std::{io::Read, ops::Range};

use klimalade_model::{Fault, Result};

use crate::error::{Error, from_io, shortened};

/// Bytes asked of the input at once.
const CHUNK: usize = 256 * 1024;
/// The largest single value that is held: one row, with its geometry.
const LARGEST_VALUE: usize = 32 << 20;
/// The largest value around the rows that is parsed: a count, the links.
const LARGEST_MEMBER: usize = 1 << 20;
/// Keys kept for the message that says what was found instead of the rows.
const KEYS_NOTED: usize = 30;

/// A buffered byte stream that knows where JSON values end.
pub(super) struct Input<'a> {
    source: Box<dyn Read + Send + 'a>,
    buffer: Vec<u8>,
    /// Next byte to be read.
    start: usize,
    /// End of what was filled.
    end: usize,
    /// The source has no more.
    drained: bool,
    /// Offset in the stream of the buffer's first byte.
    offset: u64,
    /// The byte before the next member or element is the opening bracket: no comma is due.
    fresh: bool,
    keys: Vec<String>,
}

impl<'a> Input<'a> {
    pub(super) fn new(source: Box<dyn Read + Send + 'a>) -> Self {
        Self {
            source,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            drained: false,
            offset: 0,
            fresh: false,
            keys: Vec::new(),
        }
    }

    /// The bytes that [`Input::value`] gave.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// Offset in the stream of the next byte to be read.
    pub(super) fn position(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// What is in the buffer and not read yet, as far as it is whole UTF-8.
    pub(super) fn ahead(&self) -> &str {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(valid).unwrap_or_default()
            }
        }
    }

    /// Steps over so much of [`Input::ahead`].
    pub(super) fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
    }

    /// Moves what is not read yet to the front and reads more behind it. False: there is no more.
    fn fill(&mut self) -> Result<bool> {
        if self.drained {
            return Ok(false);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.offset += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            if self.end >= LARGEST_VALUE {
                let found = format!("one value of more than {LARGEST_VALUE} bytes");
                return Err(self.place(Error::Malformed { found }));
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => {
                    self.drained = true;
                    return Ok(false);
                }
                Ok(more) => {
                    let first = self.offset == 0 && self.end == 0;
                    self.end += more;
                    // A BOM is no JSON, and servers send one.
                    if first && self.buffer.starts_with(b"\xEF\xBB\xBF") && self.end >= 3 {
                        self.start = 3;
                    }
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(from_io(error)),
            }
        }
    }

    fn place(&self, error: Error) -> Fault {
        Fault::from(error).at(format!("byte {}", self.offset + self.start as u64))
    }

    fn cut(&self) -> Fault {
        let read = self.offset + self.end as u64;
        self.place(Error::Malformed {
            found: format!("the body ends after {read} bytes in the middle of JSON"),
        })
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let ahead = self
            .buffer
            .get(self.start..self.end.min(self.start + 40))
            .unwrap_or_default();
        let found = format!("`{}` instead of {expected}", shortened(&String::from_utf8_lossy(ahead)));
        self.place(Error::Malformed { found })
    }

    /// The next byte that is no white space; `None` at the end of the stream.
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            while self.start < self.end {
                match self.buffer.get(self.start) {
                    Some(b' ' | b'\n' | b'\r' | b'\t') => self.start += 1,
                    Some(byte) => return Ok(Some(*byte)),
                    None => break,
                }
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Steps into an object or array.
    pub(super) fn enter(&mut self) -> Result<()> {
        match self.peek()? {
            Some(b'{' | b'[') => {
                self.start += 1;
                self.fresh = true;
                Ok(())
            }
            Some(_) => Err(self.unexpected("`{` or `[`")),
            None => Err(self.cut()),
        }
    }

    /// Steps over a comma where one is due. False: the closing bracket was there, and is read.
    fn has_next(&mut self, closing: u8) -> Result<bool> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        match self.peek()? {
            Some(byte) if byte == closing => {
                self.start += 1;
                Ok(false)
            }
            Some(b',') if !fresh => {
                self.start += 1;
                match self.peek()? {
                    Some(byte) if byte == closing => Err(self.unexpected("a value after the comma")),
                    Some(_) => Ok(true),
                    None => Err(self.cut()),
                }
            }
            Some(_) if fresh => Ok(true),
            Some(_) => Err(self.unexpected("a comma or a closing bracket")),
            None => Err(self.cut()),
        }
    }

    /// The next key of the object that was entered, its colon read too; `None` at the object's end.
    pub(super) fn next_key(&mut self) -> Result<Option<String>> {
        if !self.has_next(b'}')? {
            return Ok(None);
        }
        if self.peek()? != Some(b'"') {
            return Err(self.unexpected("a key"));
        }
        let range = self.value()?;
        let key: String = serde_json::from_slice(self.bytes(range)).map_err(|error| {
            self.place(Error::Malformed {
                found: format!("a key that is no text ({error})"),
            })
        })?;
        match self.peek()? {
            Some(b':') => {
                self.start += 1;
                match self.peek()? {
                    Some(_) => Ok(Some(key)),
                    None => Err(self.cut()),
                }
            }
            Some(_) => Err(self.unexpected("a colon")),
            None => Err(self.cut()),
        }
    }

    /// Whether the array that was entered has another element, which then comes next; the end is read.
    #[inline]
    pub(super) fn has_element(&mut self) -> Result<bool> {
        self.has_next(b']')
    }

    /// One whole value, held in the buffer until the next call; see [`Input::bytes`].
    #[inline]
    pub(super) fn value(&mut self) -> Result<Range<usize>> {
        let mut progress = Progress::default();
        let mut seen = 0;
        loop {
            let ahead = self.buffer.get(self.start + seen..self.end).unwrap_or_default();
            if let Some(length) = progress.advance(ahead) {
                let range = self.start..self.start + seen + length;
                self.start = range.end;
                return Ok(range);
            }
            seen = self.end - self.start;
            if !self.fill()? {
                return self.last_value(&progress, seen);
            }
        }
    }

    /// A bare number or word may end with the stream; nothing else may.
    fn last_value(&mut self, progress: &Progress, length: usize) -> Result<Range<usize>> {
        if !progress.is_scalar() || length == 0 {
            return Err(self.cut());
        }
        let range = self.start..self.end;
        self.start = self.end;
        Ok(range)
    }

    /// Steps over one whole value without holding it.
    pub(super) fn skip_value(&mut self) -> Result<()> {
        let mut progress = Progress::default();
        let mut any = false;
        loop {
            let ahead = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(length) = progress.advance(ahead) {
                self.start += length;
                return Ok(());
            }
            any |= !ahead.is_empty();
            self.start = self.end;
            if !self.fill()? {
                return if any && progress.is_scalar() {
                    Ok(())
                } else {
                    Err(self.cut())
                };
            }
        }
    }

    /// One whole value, parsed.
    pub(super) fn parsed(&mut self) -> Result<serde_json::Value> {
        let range = self.value()?;
        if range.len() > LARGEST_MEMBER {
            let found = format!("a member of more than {LARGEST_MEMBER} bytes beside the rows");
            return Err(self.place(Error::Malformed { found }));
        }
        serde_json::from_slice(self.bytes(range)).map_err(|error| {
            self.place(Error::Malformed {
                found: error.to_string(),
            })
        })
    }

    /// Steps over an array and counts its elements.
    pub(super) fn count_elements(&mut self) -> Result<u64> {
        self.enter()?;
        let mut count = 0;
        while self.has_element()? {
            self.skip_value()?;
            count += 1;
        }
        Ok(count)
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end of the body")),
        }
    }

    /// Remembers a top-level key for the message of [`Input::no_rows`].
    pub(super) fn note_key(&mut self, key: &str) {
        if self.keys.len() < KEYS_NOTED {
            self.keys.push(shortened(key));
        }
    }

    /// The fault that says what is there instead of the rows.
    pub(super) fn no_rows(&mut self, path: &str) -> Result<Fault> {
        let found = if !self.keys.is_empty() {
            format!("the keys {}", self.keys.join(", "))
        } else if self.offset == 0 && self.start == 0 && self.end == 0 {
            "an empty body".to_owned()
        } else {
            match self.peek()? {
                Some(b'{') => "an object".to_owned(),
                Some(b'[') => "an array".to_owned(),
                Some(_) => {
                    let ahead = self
                        .buffer
                        .get(self.start..self.end.min(self.start + 40))
                        .unwrap_or_default();
                    format!("`{}`", String::from_utf8_lossy(ahead))
                }
                None => "nothing more".to_owned(),
            }
        };
        Ok(Error::NoRows {
            path: path.to_owned(),
            found,
        }
        .into())
    }
}

/// How far into a value the scanner is.
#[derive(Default)]
struct Progress {
    state: State,
    depth: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first byte.
    #[default]
    Begin,
    /// Between brackets, outside strings.
    Nested,
    /// Inside a string, at any depth.
    Text,
    /// After a backslash in a string.
    Escape,
    /// In a number or a bare word at the top.
    Scalar,
}

impl Progress {
    fn is_scalar(&self) -> bool {
        self.state == State::Scalar
    }

    /// Goes on over `bytes`; the length up to the value's end, if it ends here.
    #[inline]
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            match self.state {
                State::Nested => {
                    let ahead = bytes.get(at..)?;
                    at += ahead.iter().position(|byte| STRUCTURE[usize::from(*byte)])?;
                    match bytes.get(at)? {
                        b'"' => self.state = State::Text,
                        b'{' | b'[' => self.depth += 1,
                        _ => {
                            self.depth -= 1;
                            if self.depth == 0 {
                                return Some(at + 1);
                            }
                        }
                    }
                    at += 1;
                }
                State::Text => {
                    let ahead = bytes.get(at..)?;
                    at += ahead.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
                    if bytes.get(at) == Some(&b'\\') {
                        self.state = State::Escape;
                    } else if self.depth == 0 {
                        return Some(at + 1);
                    } else {
                        self.state = State::Nested;
                    }
                    at += 1;
                }
                State::Escape => {
                    bytes.get(at)?;
                    self.state = State::Text;
                    at += 1;
                }
                State::Begin => {
                    match bytes.get(at)? {
                        b'"' => self.state = State::Text,
                        b'{' | b'[' => {
                            self.depth = 1;
                            self.state = State::Nested;
                        }
                        _ => self.state = State::Scalar,
                    }
                    at += 1;
                }
                State::Scalar => {
                    let ahead = bytes.get(at..)?;
                    let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b':');
                    return ahead.iter().position(is_end).map(|length| at + length);
                }
            }
        }
    }
}

/// Bytes that matter outside strings.
static STRUCTURE: [bool; 256] = {
    let mut table = [false; 256];
    table[b'"' as usize] = true;
    table[b'{' as usize] = true;
    table[b'}' as usize] = true;
    table[b'[' as usize] = true;
    table[b']' as usize] = true;
    table
};
