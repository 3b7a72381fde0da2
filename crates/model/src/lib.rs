//! The words of Klimalade: fields, tables and code lists of the common schema; parts, pages and snapshots of a
//! harvest; and the one shape in which every crate tells what went wrong. No sockets, no async.

mod breakdown;
mod civil;
mod column;
mod fault;
mod nearest;
mod part;
mod schema;
mod wildcard;

pub use breakdown::BREAKDOWNS;
pub use civil::{civil_day_start_utc, civil_month, danish_day, danish_local_to_utc};
pub use column::{FROM_KEY, OPTIONAL_KEY, SourceColumn, SourceType, is_optional, source_name};
pub use fault::{Fault, Kind, Result};
pub use nearest::nearest;
pub use part::{Manifest, Page, PageEntry, Part, sha256_hex};
pub use schema::{COMMON_COLUMNS, CodeList, Column, Field, FieldType, Schemas, Table};
pub use wildcard::fits_wildcard;
