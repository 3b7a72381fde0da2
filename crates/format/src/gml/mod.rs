//! GML 3.2 and 3.1.1 simple features as WFS serves them, streamed: no more than one tag or text is held.
//!
//! Names are local names, whatever the prefix. A column is an element of the feature (`komnr`), or a dotted path inside
//! it (`id.Identifikation.lokalId`); elements of GML around a value, as in `<dato><gml:timePosition>`, are no part of the
//! path. `@id` is the feature's `gml:id`. GML 2 shares the namespace of 3.1.1; it is known by its elements, and refused.

mod feature;
mod look;
pub(crate) mod pull;
mod read;
mod schema;
mod shape;

use std::io::Read;

use arrow::array::RecordBatchReader;
use arrow_schema::SchemaRef;
use klimalade_model::{Fault, Result, SourceColumn};

use feature::Collection;
pub use look::{Look, look};
use pull::{Piece, Pull};
pub use schema::{Property, properties};
pub use shape::names_epsg25832;

/// Name of the column that is a feature's `gml:id`.
pub const ID: &str = "@id";

/// Whether a feature's id is another one with the next request: GeoServer's of a layer without a primary key.
pub fn is_passing(id: &str) -> bool {
    id.contains("fid-")
}

/// The fault of rows that are told apart by such ids.
pub fn passing_ids(id: &str) -> Fault {
    Fault::contract("the features have no ids that last")
        .found(crate::error::shortened(id))
        .hint("identify rows by other columns: GeoServer makes fid- ids anew for every request")
}

/// How features are to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GmlOptions {
    /// Rows of one record batch.
    pub batch_rows: usize,
    /// The elements that a feature may have, as the server describes them. One of them that no feature of a page has is
    /// null: servers leave nulls out. Empty: nothing is known, and such a column is a fault.
    pub known: Vec<String>,
    /// `@id` identifies rows, so ids that change with every request (GeoServer's `fid--`) are a fault.
    pub stable_ids: bool,
}

impl Default for GmlOptions {
    fn default() -> Self {
        Self {
            batch_rows: 8192,
            known: Vec::new(),
            stable_ids: false,
        }
    }
}

/// Rows in the declared columns. An element that is not there, is empty or has `xsi:nil` is null, also in a column of
/// text; white space around a value is none of it.
///
/// Errors, here: Settings for a declared type that cannot be filled. Errors, from the reader: Source for a body that is
/// cut, is no XML or no collection of features, and for fewer features than it says; Settings for GML 2; Contract for a
/// cell or geometry that cannot be read as declared, for an element that stands twice in a feature and, at the end, for a
/// missing column.
pub fn reader<'a>(
    input: Box<dyn Read + Send + 'a>,
    columns: &SchemaRef,
    options: &GmlOptions,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    Ok(Box::new(read::Rows::open(input, columns, options)?))
}

/// Every column of the first features (1,000), in the order of its first appearance; the rest is not read. Errors: as
/// [`reader`] for those, but for what a declaration breaks.
pub fn columns(input: Box<dyn Read + Send + '_>) -> Result<Vec<SourceColumn>> {
    read::columns(input)
}

/// The count that an answer without features (`resultType=hits`) is there for: `numberMatched`, or `numberOfFeatures` of
/// WFS 1.1. `None` where the server does not know. Errors: as [`look`] for what is no collection.
pub fn hits(input: Box<dyn Read + Send + '_>) -> Result<Option<u64>> {
    let collection = Collection::open(input)?;
    Ok(collection
        .root_number("numberMatched")
        .or_else(|| collection.root_number("numberOfFeatures")))
}

/// A service's own error report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// `exceptionCode`, or `code` of WFS 1.0.
    pub code: String,
    /// Its words, white space as single spaces.
    pub text: String,
}

/// The error report that a body is: `ExceptionReport` of OWS, `ServiceExceptionReport` of WFS 1.0. It may be cut. `None`
/// for anything else.
pub fn exception(head: &[u8]) -> Option<Exception> {
    let mut pull = Pull::new(Box::new(std::io::Cursor::new(head.to_vec())));
    loop {
        match pull.next().ok()? {
            Piece::Open => break,
            Piece::Text if pull.text.trim().is_empty() => {}
            Piece::Text | Piece::Close | Piece::End => return None,
        }
    }
    if !matches!(pull.name.as_str(), "ExceptionReport" | "ServiceExceptionReport") {
        return None;
    }
    let mut text = String::new();
    while let Ok(piece) = pull.next() {
        match piece {
            Piece::Open | Piece::Close => text.push(' '),
            Piece::Text => text.push_str(&pull.text),
            Piece::End => break,
        }
    }
    Some(Exception {
        code: pull.code.take().unwrap_or_default(),
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
    })
}

/// The fault for an element that only GML 2 has.
fn gml2(name: &str) -> Option<Fault> {
    matches!(
        name,
        "Box" | "coordinates" | "coord" | "outerBoundaryIs" | "innerBoundaryIs"
    )
    .then(|| gml2_fault(name))
}

fn gml2_fault(found: &str) -> Fault {
    Fault::settings("the answer is GML 2, of WFS 1.0, which is not read")
        .expected("GML 3.1.1 or 3.2")
        .found(crate::error::shortened(found))
        .hint("version = \"1.1.0\" in [source]: some servers answer an unknown version with 1.0 (QGIS Server)")
}

/// Errors: Source, where the root element is no collection of features.
fn is_collection(root: &str) -> Result<()> {
    if root == "FeatureCollection" {
        return Ok(());
    }
    Err(Fault::source("the answer is no collection of features")
        .expected("FeatureCollection")
        .found(format!("the element {}", crate::error::shortened(root)))
        .worth_another_walk())
}

fn names_wfs_1_0(schema_location: &str) -> bool {
    schema_location.contains("/wfs/1.0.0/")
}

fn nested() -> Fault {
    Fault::source("the answer holds collections within a collection")
        .expected("features of one type")
        .hint("one name in type_names")
}

fn broken_off(words: &str) -> Fault {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    Fault::source("the server broke off its answer")
        .found(crate::error::shortened(&words))
        .worth_another_walk()
}

fn miscounted(said: u64, found: u64) -> Fault {
    Fault::source("the page does not hold as many features as it says")
        .expected(format!("{said} features"))
        .found(format!("{found} features"))
        .worth_another_walk()
}
