//! What a walk must know of a page, found without reading the features: namespaces, attributes and texts within them are
//! left alone, for decode reads each of them later and is strict about it.

use std::io::Read;

use klimalade_model::Result;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    gml2, gml2_fault,
    pull::{DEEPEST, LARGEST_FEATURE, LARGEST_PIECE, Wrong, all_attributes, utf8},
};
use crate::{
    capped::capped,
    error::{Error, shortened},
};

/// What a look at a page found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Features.
    pub rows: u64,
    /// `numberMatched`, where it is a number.
    pub matched: Option<u64>,
    /// The page has a link to a next one; where it leads is another matter.
    pub has_next: bool,
    /// `gml:id` of the features in order, as far as they have one.
    pub ids: Vec<String>,
}

/// Counts the features of a page without reading them, but to the end, so that a cut body is noticed. Errors: Source, for
/// what is cut, no collection of features, broken off by the server or fewer features than it says; Settings, for GML 2.
pub fn look(input: Box<dyn Read + Send + '_>) -> Result<Look> {
    let mut reader = Reader::from_reader(capped(input, LARGEST_PIECE));
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    // Decode checks the names; here elements are only counted.
    config.check_end_names = false;
    let mut looking = Looking::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().refill();
        let position = reader.buffer_position();
        let wrong = match reader.read_event_into(&mut buffer) {
            Ok(event) => match looking.take(&event, position) {
                Ok(true) => return Ok(looking.found),
                Ok(false) => continue,
                Err(wrong) => wrong,
            },
            Err(error) => Wrong::xml(error),
        };
        return Err(match wrong {
            Wrong::Fault(fault) => fault,
            Wrong::Found(found) => Error::Malformed {
                found: format!("{found} (byte {})", reader.buffer_position()),
            }
            .into(),
        });
    }
}

/// What the element around is, as far as it means something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Other,
    /// Members, each of them a feature.
    Members,
    /// The collection's envelope.
    Envelope,
    /// The server's word that it broke off.
    BrokenOff,
}

#[derive(Debug, Default)]
struct Looking {
    found: Look,
    depth: usize,
    /// Where the feature began that is passed, or what is around the features.
    begin: u64,
    within: Within,
    /// What the answer itself counts.
    said: Option<u64>,
    /// Words of a server that broke off.
    words: String,
}

impl Looking {
    /// True behind the last event. What decode would refuse for its size is refused here, before it is kept.
    fn take(&mut self, event: &Event<'_>, position: u64) -> Result<bool, Wrong> {
        if position - self.begin > LARGEST_FEATURE {
            return Err(Wrong::Found(format!("a feature of more than {LARGEST_FEATURE} bytes")));
        }
        match event {
            Event::Start(tag) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err(Wrong::Found(format!("elements more than {DEEPEST} deep")));
                }
                match (self.depth, self.within) {
                    (1, _) => self.root(tag)?,
                    (2, _) => self.within = within(tag),
                    (3, Within::Members) => {
                        self.begin = position;
                        self.feature(tag)?;
                    }
                    (_, Within::Envelope) => {
                        if let Some(fault) = gml2(utf8(tag.local_name().as_ref())?) {
                            return Err(Wrong::Fault(fault));
                        }
                    }
                    _ => {}
                }
            }
            Event::End(_) => {
                if self.depth == 2 && self.within == Within::BrokenOff {
                    return Err(Wrong::Fault(super::broken_off(&self.words)));
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Event::Text(text) if self.depth == 0 && !text.trim_ascii().is_empty() => {
                return Err(Wrong::Found(format!("`{}`, no XML", shortened(utf8(text)?))));
            }
            Event::Text(text) if self.depth >= 2 && self.within == Within::BrokenOff => {
                self.words.push_str(utf8(text)?);
                self.words.push(' ');
            }
            Event::DocType(_) => return Err(Wrong::Found("a document type declaration".to_owned())),
            Event::Eof if self.depth > 0 => {
                return Err(Wrong::Found(format!("the end, with {} elements open", self.depth)));
            }
            Event::Eof => return self.end().map(|()| true),
            _ => {}
        }
        Ok(false)
    }

    fn root(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        super::is_collection(utf8(tag.local_name().as_ref())?).map_err(Wrong::Fault)?;
        for (name, value) in all_attributes(tag)? {
            match name.as_str() {
                "numberMatched" => self.found.matched = value.parse().ok(),
                "numberReturned" | "numberOfFeatures" => self.said = value.parse().ok().or(self.said),
                "next" => self.found.has_next = !value.is_empty(),
                "schemaLocation" if super::names_wfs_1_0(&value) => {
                    return Err(Wrong::Fault(gml2_fault("schemaLocation names WFS 1.0.0")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn feature(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        if matches!(tag.local_name().as_ref(), b"FeatureCollection" | b"Tuple") {
            return Err(Wrong::Fault(super::nested()));
        }
        self.found.rows += 1;
        let (mut id, mut has_fid) = (None, false);
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| Wrong::Found(error.to_string()))?;
            match attribute.key.local_name().as_ref() {
                b"id" if attribute.key.prefix().is_some() => {
                    id = Some(attribute.unescape_value().map_err(Wrong::xml)?.into_owned());
                }
                b"fid" => has_fid = true,
                _ => {}
            }
        }
        if has_fid && id.is_none() {
            return Err(Wrong::Fault(gml2_fault("a feature with fid")));
        }
        self.found.ids.extend(id);
        Ok(())
    }

    fn end(&self) -> Result<(), Wrong> {
        match self.said {
            Some(said) if said != self.found.rows => Err(Wrong::Fault(super::miscounted(said, self.found.rows))),
            _ => Ok(()),
        }
    }
}

fn within(tag: &BytesStart<'_>) -> Within {
    match tag.local_name().as_ref() {
        b"member" | b"featureMember" | b"featureMembers" => Within::Members,
        b"boundedBy" => Within::Envelope,
        b"truncatedResponse" => Within::BrokenOff,
        _ => Within::Other,
    }
}
