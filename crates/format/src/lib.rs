//! Bytes to Arrow: CSV, JSON, workbooks, XML and GML as agencies serve them, GeoJSON and GML geometry to WKB, Danish text.
//! No sockets, no async. An error inside a reader travels as [`klimalade_model::Fault`] in
//! `ArrowError::ExternalError`.

pub mod archive;
mod by_path;
mod capped;
mod column;
pub mod csv;
mod error;
pub mod geometry;
pub mod gml;
pub mod html;
mod infer;
pub mod json;
pub mod sheet;
#[cfg(test)]
mod testing;
pub mod text;
mod value;
pub mod xml;

pub use error::Error;
pub use infer::text_column;
pub use klimalade_model::FROM_KEY;

/// Field metadata of a timestamp: `ms` says that whole numbers are milliseconds since 1970-01-01T00:00:00Z. Without
/// it a number in a timestamp column is a fault.
pub const EPOCH_KEY: &str = "klimalade:epoch";

/// A batch ends behind so many bytes of the page, however few its rows are.
const BATCH_BYTES: u64 = 16 << 20;
