//! Geometry in SQL: functions over WKB in EPSG:25832, and what completes the rows of a table with geometry.
//!
//! A null gives null, and so does what has nothing to measure (the area of a line). A geometry that cannot be measured is
//! a fault with its reason, never 0.

mod functions;
mod kept;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod union;
mod wkb;

use datafusion::prelude::SessionContext;
use klimalade_model::{Fault, Result};

pub(crate) use functions::measure;
pub(crate) use kept::LastColumn;
use shape::Shape;

/// Adds the functions to a session.
pub(crate) fn register(session: &SessionContext) {
    functions::register_functions(session);
    union::register_union(session);
}

/// A geometry that can be measured; else the reason why not.
fn sound(bytes: &[u8]) -> Result<Shape, String> {
    let shape = wkb::read(bytes)?;
    match shape.reason() {
        None => Ok(shape),
        Some(reason) => Err(reason),
    }
}

/// Geometry written as WKT in EPSG:25832, as the inputs of a view's test have it, as WKB. Errors: Settings.
pub fn wkt_to_wkb(text: &str) -> Result<Vec<u8>> {
    let shape = text::read(text).map_err(|reason| Fault::settings("a geometry cannot be read").found(reason))?;
    Ok(wkb::write(&shape))
}
