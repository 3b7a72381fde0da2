//! What DescribeFeatureType says of a type: the elements of its features.

use std::io::Read;

use klimalade_model::{Fault, Result, SourceColumn, SourceType};
use serde::{Deserialize, Serialize};

use super::pull::{Piece, Pull};
use crate::infer::Candidates;

/// One element of a feature as its XML schema describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// Local name.
    pub name: String,
    /// Type without prefix: `string`, `MultiSurfacePropertyType`; empty where it is another element's own.
    pub kind: String,
}

impl Property {
    /// The column that no feature of a page has filled.
    pub fn column(&self) -> Result<SourceColumn> {
        let mut column = Candidates::new(&self.name, true)?.column();
        column.kind = match self.kind.as_str() {
            "integer" | "int" | "long" | "short" | "nonNegativeInteger" | "positiveInteger" => SourceType::Int,
            "decimal" | "double" | "float" => SourceType::Float,
            "boolean" => SourceType::Bool,
            "date" => SourceType::Date,
            "dateTime" | "TimeInstantType" => SourceType::Timestamp,
            kind if kind.ends_with("PropertyType") => SourceType::Geometry,
            _ => SourceType::Text,
        };
        Ok(column)
    }
}

/// The named elements inside the types of an XML schema, in order. None where it only includes other schemas. Errors:
/// Source, for what is no XML schema.
pub fn properties(input: Box<dyn Read + Send + '_>) -> Result<Vec<Property>> {
    let mut pull = Pull::new(input);
    let mut found: Vec<Property> = Vec::new();
    let mut is_schema = false;
    loop {
        match pull.next()? {
            Piece::Open if pull.depth == 1 => is_schema = pull.name == "schema",
            // At depth two stand the features' own elements.
            Piece::Open if pull.depth > 2 && pull.name == "element" => {
                if let Some((name, kind)) = pull.element.take()
                    && found.iter().all(|property| property.name != name)
                {
                    let kind = kind.rsplit(':').next().unwrap_or_default().to_owned();
                    found.push(Property { name, kind });
                }
            }
            Piece::Open | Piece::Close | Piece::Text => {}
            Piece::End if is_schema => return Ok(found),
            Piece::End => {
                return Err(Fault::source("the description of the type is no XML schema")
                    .found(format!("the element {}", pull.name)));
            }
        }
    }
}
