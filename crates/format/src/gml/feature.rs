//! The features of a collection, one after the other.

use std::io::Read;

use klimalade_model::{Fault, Result};

use super::{
    ID, gml2, gml2_fault,
    pull::{Piece, Pull, Space},
    shape::{self, Inherited},
};
use crate::error::{Error, shortened};

/// Who takes the values of a feature.
pub(super) trait Sink {
    /// Whether something at this path, or inside it, is asked for.
    fn wants(&self, path: &str) -> bool;
    /// The text at a path, `None` for null.
    fn text(&mut self, path: &str, text: Option<&str>) -> Result<()>;
    /// The geometry at a path.
    fn shape(&mut self, path: &str, wkb: &[u8]) -> Result<()>;
    /// What is known of the place of a fault.
    fn place(&self, path: &str) -> String;
}

pub(super) struct Collection<'a> {
    pub(super) pull: Pull<'a>,
    /// An element that holds members is open.
    in_members: bool,
    /// What the collection's envelope says.
    inherited: Inherited,
    /// The same of the feature that is read, where it has its own.
    own: Option<Inherited>,
    features: u64,
    path: String,
    text: String,
}

impl<'a> Collection<'a> {
    /// Reads up to the root element. Errors: Source, where it is no collection of features; Settings, for GML 2.
    pub(super) fn open(input: Box<dyn Read + Send + 'a>) -> Result<Self> {
        let mut pull = Pull::new(input);
        loop {
            match pull.next()? {
                Piece::Open => break,
                Piece::Text if pull.text.trim().is_empty() => {}
                Piece::Text => return Err(pull.malformed(format!("`{}`, no XML", shortened(&pull.text)))),
                Piece::Close | Piece::End => return Err(pull.malformed("no element")),
            }
        }
        super::is_collection(&pull.name)?;
        if pull.root_attribute("schemaLocation").is_some_and(super::names_wfs_1_0) {
            return Err(gml2_fault("schemaLocation names WFS 1.0.0"));
        }
        Ok(Self {
            pull,
            in_members: false,
            inherited: Inherited::default(),
            own: None,
            features: 0,
            path: String::new(),
            text: String::new(),
        })
    }

    pub(super) fn root_number(&self, name: &str) -> Option<u64> {
        self.pull.root_attribute(name).and_then(|text| text.parse().ok())
    }

    /// Opens the next feature; false after the last one, and after all that follows it was read.
    pub(super) fn enter_feature(&mut self) -> Result<bool> {
        self.pull.begin_feature();
        loop {
            match self.pull.next()? {
                Piece::Open if self.in_members => {
                    if self.pull.space == Space::Wfs && matches!(self.pull.name.as_str(), "FeatureCollection" | "Tuple")
                    {
                        return Err(super::nested());
                    }
                    if self.pull.attributes.fid && self.pull.attributes.id.is_none() {
                        return Err(gml2_fault("a feature with fid"));
                    }
                    self.features += 1;
                    self.own = None;
                    return Ok(true);
                }
                Piece::Open => self.enter_member()?,
                Piece::Close => self.in_members = false,
                Piece::Text => {}
                Piece::End => {
                    self.check_count()?;
                    return Ok(false);
                }
            }
        }
    }

    /// An element of the collection itself.
    fn enter_member(&mut self) -> Result<()> {
        match self.pull.name.as_str() {
            "member" | "featureMember" | "featureMembers" => {
                self.in_members = true;
                Ok(())
            }
            "boundedBy" => {
                self.inherited = self.envelope()?;
                Ok(())
            }
            "truncatedResponse" => {
                let mut text = String::new();
                self.pull.text_into(&mut text)?;
                Err(super::broken_off(&text))
            }
            _ => self.pull.skip(),
        }
    }

    /// What the envelope in the element that was opened last says. Where it names no dimension its corners show it:
    /// GDAL writes one of a feature in two dimensions without a word below a collection's that says three.
    fn envelope(&mut self) -> Result<Inherited> {
        let outside = self.pull.depth - 1;
        let mut found = Inherited::default();
        let (mut is_corner, mut by_corner) = (false, None);
        while self.pull.depth > outside {
            match self.pull.next()? {
                Piece::Open => {
                    if self.pull.is_gml()
                        && let Some(fault) = gml2(&self.pull.name)
                    {
                        return Err(fault);
                    }
                    found.srs_name = self.pull.attributes.srs_name.take().or(found.srs_name);
                    found.dimension = self.pull.attributes.dimension.or(found.dimension);
                    is_corner = matches!(self.pull.name.as_str(), "lowerCorner" | "upperCorner" | "pos");
                }
                Piece::Text if is_corner => {
                    let numbers = self.pull.text.split_ascii_whitespace().count();
                    by_corner = Some(numbers).filter(|numbers| (2..=3).contains(numbers)).or(by_corner);
                }
                Piece::Text => {}
                Piece::Close => is_corner = false,
                Piece::End => break,
            }
        }
        found.dimension = found.dimension.or(by_corner);
        Ok(found)
    }

    /// The answer's own count is one of features that it holds; WFS 1.1 has one too, under another name.
    fn check_count(&self) -> Result<()> {
        let names = ["numberReturned", "numberOfFeatures"];
        let said = names.iter().find_map(|name| self.root_number(name));
        match said {
            Some(said) if said != self.features => Err(super::miscounted(said, self.features)),
            _ => Ok(()),
        }
    }

    /// Reads the feature that was opened last into `sink`.
    pub(super) fn read(&mut self, sink: &mut impl Sink) -> Result<()> {
        if let Some(id) = self.pull.attributes.id.take() {
            sink.text(ID, Some(&id))?;
        }
        loop {
            match self.pull.next()? {
                Piece::Open if self.pull.is_gml() && self.pull.name == "boundedBy" => {
                    let own = self.envelope()?;
                    self.own = Some(Inherited {
                        srs_name: own.srs_name.or_else(|| self.inherited.srs_name.clone()),
                        dimension: own.dimension.or(self.inherited.dimension),
                    });
                }
                Piece::Open => {
                    self.path.clear();
                    self.path.push_str(&self.pull.name);
                    self.property(sink)?;
                }
                Piece::Close => return Ok(()),
                Piece::Text => {}
                Piece::End => return Err(self.pull.malformed("the end within a feature")),
            }
        }
    }

    /// Reads the element at `self.path`, which was opened last.
    fn property(&mut self, sink: &mut impl Sink) -> Result<()> {
        if !sink.wants(&self.path) {
            return self.pull.skip();
        }
        let is_nil = self.pull.attributes.nil;
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let mut is_leaf = true;
        loop {
            match self.pull.next()? {
                Piece::Text => text.push_str(&self.pull.text),
                Piece::Open if self.pull.is_gml() && shape::is_geometry(&self.pull.name) => {
                    is_leaf = false;
                    let inherited = self.own.as_ref().unwrap_or(&self.inherited);
                    let wkb =
                        shape::wkb(&mut self.pull, inherited).map_err(|fault| fault.at(sink.place(&self.path)))?;
                    sink.shape(&self.path, &wkb)?;
                }
                Piece::Open if self.pull.is_gml() => {
                    if let Some(fault) = gml2(&self.pull.name) {
                        return Err(fault);
                    }
                    self.pull.text_into(&mut text)?;
                }
                Piece::Open => {
                    is_leaf = false;
                    let length = self.path.len();
                    self.path.push('.');
                    self.path.push_str(&self.pull.name);
                    self.property(sink)?;
                    self.path.truncate(length);
                }
                Piece::Close => break,
                Piece::End => return Err(self.pull.malformed("the end within a feature")),
            }
        }
        if is_leaf {
            let trimmed = text.trim();
            sink.text(&self.path, Some(trimmed).filter(|text| !is_nil && !text.is_empty()))?;
        }
        self.text = text;
        Ok(())
    }
}

/// A column that no feature of a page has, though features are there.
pub(super) fn missing(column: &str, source_name: &str, seen: &[String]) -> Fault {
    Error::MissingColumn {
        column: column.to_owned(),
        source_name: source_name.to_owned(),
        found: shortened(&seen.join(", ")),
    }
    .into()
}
