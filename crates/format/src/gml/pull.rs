//! One piece of XML after the other, names without prefixes, with an end to what one piece may take.

use std::{
    io::{BufReader, Read},
    sync::Arc,
};

use klimalade_model::{Fault, Result};
use quick_xml::{
    NsReader,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    name::ResolveResult,
};

use crate::capped::{Capped, TooLarge, capped};
use crate::error::{Error, from_io, shortened, shortened_to};

/// Bytes of one tag or text at most: the longest list of coordinates seen is some megabytes.
pub(super) const LARGEST_PIECE: usize = 32 << 20;
/// Bytes of one feature at most, and of all that stands before or after them: text may come in pieces without end, and
/// a geometry is held as a whole.
pub(super) const LARGEST_FEATURE: u64 = 64 << 20;
/// Bytes of the name of an element at most.
const LONGEST_NAME: usize = 1 << 10;
/// Elements within each other at most; a feature with the deepest geometry has some twenty.
pub(super) const DEEPEST: usize = 64;

/// What an element belongs to, as far as anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// GML 3.2.
    Gml32,
    /// GML 3.1.1 and GML 2, which share a namespace.
    Gml3,
    /// WFS of any version.
    Wfs,
    Other,
}

impl Space {
    fn of(resolved: &ResolveResult<'_>) -> Self {
        let ResolveResult::Bound(namespace) = resolved else {
            return Self::Other;
        };
        match namespace.into_inner() {
            b"http://www.opengis.net/gml/3.2" => Self::Gml32,
            b"http://www.opengis.net/gml" => Self::Gml3,
            b"http://www.opengis.net/wfs/2.0" | b"http://www.opengis.net/wfs" => Self::Wfs,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Open,
    Close,
    Text,
    End,
}

/// The attributes that mean something here.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) srs_name: Option<String>,
    pub(crate) dimension: Option<usize>,
    /// Members of the list that follows (`count`, of Datafordeler).
    pub(crate) count: Option<usize>,
    pub(crate) nil: bool,
    pub(crate) id: Option<String>,
    /// `fid`, the id of GML 2.
    pub(crate) fid: bool,
    /// What is meant stands elsewhere.
    pub(crate) href: bool,
}

pub(crate) struct Pull<'a> {
    reader: NsReader<Capped<BufReader<Box<dyn Read + Send + 'a>>>>,
    buffer: Vec<u8>,
    /// Local name of the element that was opened last.
    pub(crate) name: String,
    pub(crate) space: Space,
    pub(crate) attributes: Attributes,
    /// All attributes of the root element, by local name.
    pub(crate) root: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) depth: usize,
    /// Where the feature began that is read, or what is around the features.
    begin: u64,
    /// The first `exceptionCode` or `code` so far.
    pub(crate) code: Option<String>,
    /// Name and type of the `element` of an XML schema that was opened last.
    pub(crate) element: Option<(String, String)>,
    /// Every attribute of the element that was opened last, by local name, where `is_any`.
    pub(crate) every: Vec<(String, String)>,
    /// The elements may be any, and the bytes were decoded already.
    is_any: bool,
}

impl<'a> Pull<'a> {
    pub(crate) fn new(input: Box<dyn Read + Send + 'a>) -> Self {
        Self::capped(input, LARGEST_PIECE)
    }

    /// For XML of any kind: with all attributes, of bytes that are UTF-8 whatever the declaration says.
    pub(crate) fn of_any(input: Box<dyn Read + Send + 'a>, largest: usize) -> Self {
        Self {
            is_any: true,
            ..Self::capped(input, largest)
        }
    }

    fn capped(input: Box<dyn Read + Send + 'a>, largest: usize) -> Self {
        let mut reader = NsReader::from_reader(capped(input, largest));
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            name: String::new(),
            space: Space::Other,
            attributes: Attributes::default(),
            root: Vec::new(),
            text: String::new(),
            depth: 0,
            begin: 0,
            code: None,
            element: None,
            every: Vec::new(),
            is_any: false,
        }
    }

    pub(crate) fn is_gml(&self) -> bool {
        matches!(self.space, Space::Gml32 | Space::Gml3)
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// What was read before this counts no longer.
    pub(crate) fn begin_feature(&mut self) {
        self.begin = self.position();
    }

    pub(crate) fn malformed(&self, found: impl std::fmt::Display) -> Fault {
        Error::Malformed {
            found: format!("{} (byte {})", shortened_to(&found.to_string(), 240), self.position()),
        }
        .into()
    }

    /// The next piece; comments and processing instructions are none. After the last one `End`, for ever. Errors:
    /// Source, for what is no XML, ends before its last element, nests too deep or is too large at one piece.
    pub(crate) fn next(&mut self) -> Result<Piece> {
        match self.step() {
            Ok(piece) => Ok(piece),
            Err(Wrong::Fault(fault)) => Err(fault),
            Err(Wrong::Found(found)) => Err(self.malformed(found)),
        }
    }

    fn step(&mut self) -> Result<Piece, Wrong> {
        loop {
            self.buffer.clear();
            self.reader.get_mut().refill();
            if self.position() - self.begin > LARGEST_FEATURE {
                return Err(Wrong::Found(format!("a feature of more than {LARGEST_FEATURE} bytes")));
            }
            let (resolved, event) = self
                .reader
                .read_resolved_event_into(&mut self.buffer)
                .map_err(Wrong::xml)?;
            match event {
                Event::Start(tag) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(Wrong::Found(format!("elements more than {DEEPEST} deep")));
                    }
                    self.space = Space::of(&resolved);
                    self.name.clear();
                    self.name.push_str(utf8(tag.local_name().as_ref())?);
                    if self.name.len() > LONGEST_NAME {
                        return Err(Wrong::Found(format!("a name of more than {LONGEST_NAME} bytes")));
                    }
                    if self.depth == 1 {
                        self.root = all_attributes(&tag)?;
                    }
                    self.attributes = attributes(&tag)?;
                    if self.is_any {
                        self.every = all_attributes(&tag)?;
                        return Ok(Piece::Open);
                    }
                    match self.name.as_str() {
                        "element" => self.element = named(&tag)?,
                        "Exception" | "ServiceException" if self.code.is_none() => self.code = code(&tag)?,
                        _ => {}
                    }
                    return Ok(Piece::Open);
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Piece::Close);
                }
                Event::Text(text) => {
                    self.text.clear();
                    self.text.push_str(utf8(&text)?);
                    return Ok(Piece::Text);
                }
                Event::CData(text) => {
                    self.text.clear();
                    self.text.push_str(utf8(&text)?);
                    return Ok(Piece::Text);
                }
                Event::GeneralRef(reference) => {
                    self.text.clear();
                    if let Some(letter) = reference.resolve_char_ref().map_err(Wrong::xml)? {
                        self.text.push(letter);
                    } else {
                        let name = utf8(&reference)?;
                        let known = resolve_predefined_entity(name);
                        let text = known.ok_or_else(|| Wrong::Found(format!("the entity &{};", shortened(name))))?;
                        self.text.push_str(text);
                    }
                    return Ok(Piece::Text);
                }
                Event::Decl(_) if self.is_any => {}
                Event::Decl(declaration) => {
                    let encoding = declaration
                        .encoding()
                        .transpose()
                        .map_err(|error| Wrong::Found(error.to_string()))?;
                    if let Some(other) = encoding.filter(|name| !is_utf8(name)) {
                        let other = String::from_utf8_lossy(&other).into_owned();
                        return Err(Wrong::Found(format!("the encoding {}, not UTF-8", shortened(&other))));
                    }
                }
                // Nothing that is read has one, and it is the way of every XML bomb.
                Event::DocType(_) => return Err(Wrong::Found("a document type declaration".to_owned())),
                Event::Eof if self.depth > 0 => {
                    return Err(Wrong::Found(format!("the end, with {} elements open", self.depth)));
                }
                Event::Eof => return Ok(Piece::End),
                Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            }
        }
    }

    /// Steps over the rest of the element that was opened last.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if self.next()? == Piece::End {
                break;
            }
        }
        Ok(())
    }

    /// All text up to the close of the element that was opened last, in the elements inside it too, appended to `text`.
    pub(crate) fn text_into(&mut self, text: &mut String) -> Result<()> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            match self.next()? {
                Piece::Text => text.push_str(&self.text),
                Piece::Open | Piece::Close => {}
                Piece::End => break,
            }
        }
        Ok(())
    }

    pub(crate) fn root_attribute(&self, name: &str) -> Option<&str> {
        let found = self.root.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) enum Wrong {
    Fault(Fault),
    Found(String),
}

impl Wrong {
    pub(super) fn xml(error: quick_xml::Error) -> Self {
        match error {
            quick_xml::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<TooLarge>()) {
                Some(too_large) => Self::Found(too_large.to_string()),
                None => Self::Fault(match Arc::try_unwrap(error) {
                    Ok(error) => from_io(error),
                    Err(error) => Fault::transient("the page cannot be read").because(error),
                }),
            },
            other => Self::Found(other.to_string()),
        }
    }
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(bytes).map_err(|error| Wrong::Found(format!("bytes that are not UTF-8 ({error})")))
}

fn is_utf8(name: &[u8]) -> bool {
    [&b"utf-8"[..], b"utf8", b"us-ascii"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

pub(super) fn all_attributes(tag: &BytesStart<'_>) -> Result<Vec<(String, String)>, Wrong> {
    let mut found = Vec::new();
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| Wrong::Found(error.to_string()))?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let name = utf8(attribute.key.local_name().into_inner())?.to_owned();
        found.push((name, attribute.unescape_value().map_err(Wrong::xml)?.into_owned()));
    }
    Ok(found)
}

/// Name and type of an `element` of an XML schema.
fn named(tag: &BytesStart<'_>) -> Result<Option<(String, String)>, Wrong> {
    let attributes = all_attributes(tag)?;
    let of = |name: &str| {
        attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    Ok(of("name").map(|name| (name, of("type").unwrap_or_default())))
}

fn code(tag: &BytesStart<'_>) -> Result<Option<String>, Wrong> {
    let found = all_attributes(tag)?.into_iter();
    Ok(found
        .filter(|(key, _)| matches!(key.as_str(), "exceptionCode" | "code"))
        .map(|(_, value)| value)
        .next())
}

fn attributes(tag: &BytesStart<'_>) -> Result<Attributes, Wrong> {
    let mut found = Attributes::default();
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| Wrong::Found(error.to_string()))?;
        let text = || attribute.unescape_value().map_err(Wrong::xml);
        match attribute.key.local_name().as_ref() {
            b"srsName" => found.srs_name = Some(text()?.into_owned()),
            b"srsDimension" | b"dimension" => found.dimension = text()?.trim().parse().ok(),
            b"count" => found.count = text()?.trim().parse().ok(),
            b"nil" => found.nil = matches!(text()?.trim(), "true" | "1"),
            b"id" if attribute.key.prefix().is_some() => found.id = Some(text()?.into_owned()),
            b"fid" => found.fid = true,
            b"href" => found.href = true,
            _ => {}
        }
    }
    Ok(found)
}
