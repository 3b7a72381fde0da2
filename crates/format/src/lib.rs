//! Bytes to Arrow: CSV and JSON as agencies serve them, GeoJSON geometry to WKB, Danish text.
//! No sockets, no async. An error inside a reader travels as [`klimalade_model::Fault`] in
//! `ArrowError::ExternalError`.

mod column;
pub mod csv;
mod error;
pub mod geometry;
pub mod json;
#[cfg(test)]
mod testing;
pub mod text;
mod value;

pub use error::Error;

/// Field metadata: the column's name at the source, where it differs from the declared one: a CSV header, a JSON key
/// or a dotted path of keys. The same literal as in the connector contract.
pub const FROM_KEY: &str = "klimalade:from";
/// Field metadata of a timestamp: `ms` says that whole numbers are milliseconds since 1970-01-01T00:00:00Z. Without
/// it a number in a timestamp column is a fault.
pub const EPOCH_KEY: &str = "klimalade:epoch";
