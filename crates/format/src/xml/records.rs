//! The records of a page, one after the other.

use std::io::Read;

use klimalade_model::{Fault, Result};

use super::{TEXT, encoding};
use crate::{
    error::{Error, shortened},
    gml::pull::{Piece, Pull},
};

/// Bytes of one tag, of one text and of one cell at most.
const LARGEST_CELL: usize = 4 << 20;
/// Paths that are shown where no records are.
const MOST_SHOWN: usize = 20;

/// Who takes the values of a record.
pub(super) trait Sink {
    /// Whether something at this path of a record, or inside it, is asked for.
    fn wants(&self, path: &str) -> bool;
    /// The text at a path of the record, `None` for null.
    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()>;
    /// Whether this path from the root is asked for.
    fn wants_outer(&self, path: &str) -> bool;
    /// The text at a path from the root, for the records that follow. Errors: Contract, for a second one within the same
    /// element.
    fn outer(&mut self, path: &str, text: &str) -> Result<()>;
    /// An element at this path from the root opens: what was known of the last one there is no more.
    fn forget(&mut self, path: &str);
}

pub(super) struct Records<'a> {
    pub(super) pull: Pull<'a>,
    record: String,
    /// A record was there, or the element around records.
    has_any: bool,
    /// Of the elements outside records that are open.
    outer: String,
    outer_lengths: Vec<usize>,
    /// Some of the paths that are there.
    shown: Vec<String>,
    path: String,
}

impl<'a> Records<'a> {
    /// Errors: Source, for an encoding that is not known.
    pub(super) fn open(input: Box<dyn Read + Send + 'a>, record: &str) -> Result<Self> {
        Ok(Self {
            pull: Pull::of_any(encoding::decoded(input)?, LARGEST_CELL),
            record: record.to_owned(),
            has_any: false,
            outer: String::new(),
            outer_lengths: Vec::new(),
            shown: Vec::new(),
            path: String::new(),
        })
    }

    /// Opens the next record; false after the last one, and after all that follows it was read. Errors: Source.
    pub(super) fn enter(&mut self, sink: &mut impl Sink) -> Result<bool> {
        let mut text = String::new();
        loop {
            self.pull.begin_feature();
            match self.pull.next()? {
                Piece::Open => {
                    text.clear();
                    if self.opened(sink)? {
                        return Ok(true);
                    }
                }
                Piece::Text if self.outer_lengths.is_empty() => {
                    if !self.pull.text.trim().is_empty() {
                        return Err(self.pull.malformed(format!("`{}`, no XML", shortened(&self.pull.text))));
                    }
                }
                Piece::Text => {
                    if sink.wants_outer(&self.outer) {
                        self.append(&mut text)?;
                    }
                }
                Piece::Close => {
                    if !text.trim().is_empty() {
                        sink.outer(&self.outer, &text)?;
                    }
                    text.clear();
                    self.closed();
                }
                Piece::End => return self.ended().map(|()| false),
            }
        }
    }

    /// Takes in an element outside records; true where it is one.
    fn opened(&mut self, sink: &mut impl Sink) -> Result<bool> {
        self.outer_lengths.push(self.outer.len());
        if !self.outer.is_empty() {
            self.outer.push('.');
        }
        self.outer.push_str(&self.pull.name);
        if self.outer == self.record {
            self.has_any = true;
            return Ok(true);
        }
        sink.forget(&self.outer);
        let inside = self.record.strip_prefix(self.outer.as_str());
        let last_name = inside.and_then(|rest| rest.strip_prefix('.'));
        self.has_any |= last_name.is_some_and(|name| !name.contains('.'));
        if self.shown.len() < MOST_SHOWN && !self.shown.contains(&self.outer) {
            self.shown.push(self.outer.clone());
        }
        for (name, value) in std::mem::take(&mut self.pull.every) {
            let path = format!("{}.@{name}", self.outer);
            if sink.wants_outer(&path) && !value.trim().is_empty() {
                sink.outer(&path, &value)?;
            }
        }
        Ok(false)
    }

    fn closed(&mut self) {
        self.outer.truncate(self.outer_lengths.pop().unwrap_or_default());
    }

    fn append(&self, text: &mut String) -> Result<()> {
        if text.len() + self.pull.text.len() > LARGEST_CELL {
            return Err(self
                .pull
                .malformed(format!("an element with more than {LARGEST_CELL} bytes of text")));
        }
        text.push_str(&self.pull.text);
        Ok(())
    }

    fn ended(&self) -> Result<()> {
        if self.has_any {
            return Ok(());
        }
        if self.shown.is_empty() {
            return Err(self.pull.malformed("no element"));
        }
        Err(Fault::source("the answer has no element that holds records")
            .expected(format!("`{}`", self.record))
            .found(shortened(&self.shown.join(", ")))
            .hint("record = \"<path from the root, names joined by points>\"")
            .worth_another_walk())
    }

    /// Reads the record that was opened last into `sink`.
    pub(super) fn read(&mut self, sink: &mut impl Sink) -> Result<()> {
        self.path.clear();
        self.attributes(sink)?;
        self.element(sink)?;
        self.closed();
        Ok(())
    }

    /// Reads the element at `self.path` of the record, which was opened last; an empty path is the record.
    fn element(&mut self, sink: &mut impl Sink) -> Result<()> {
        let is_nil = self.pull.attributes.nil;
        let mut text = String::new();
        let mut is_leaf = true;
        loop {
            match self.pull.next()? {
                Piece::Text => self.append(&mut text)?,
                Piece::Open => {
                    is_leaf = false;
                    text.clear();
                    let length = self.path.len();
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(&self.pull.name);
                    match sink.wants(&self.path) {
                        true => {
                            self.attributes(sink)?;
                            self.element(sink)?;
                        }
                        false => self.pull.skip()?,
                    }
                    self.path.truncate(length);
                }
                Piece::Close => break,
                Piece::End => return Err(self.pull.malformed("the end within a record")),
            }
        }
        if !is_leaf {
            return Ok(());
        }
        let path = match self.path.as_str() {
            "" => TEXT,
            path => path,
        };
        match sink.wants(path) {
            true => sink.text(path, Some(text.as_str()).filter(|_| !is_nil)),
            false => Ok(()),
        }
    }

    fn attributes(&mut self, sink: &mut impl Sink) -> Result<()> {
        for (name, value) in std::mem::take(&mut self.pull.every) {
            // It says that there is no value, and is none.
            if name == "nil" {
                continue;
            }
            let path = match self.path.as_str() {
                "" => format!("@{name}"),
                inside => format!("{inside}.@{name}"),
            };
            if sink.wants(&path) {
                sink.text(&path, Some(&value))?;
            }
        }
        Ok(())
    }
}

/// A column that no record of a page has, though records are there.
pub(super) fn missing(column: &str, path: &str, seen: &[String]) -> Fault {
    Error::MissingColumn {
        column: column.to_owned(),
        source_name: path.to_owned(),
        found: format!("a record with {}", shortened(&seen.join(", "))),
    }
    .into()
}
