//! What the lake says of itself: a data package, DCAT, a dictionary, SQL that makes its views, licences and freshness. Written
//! after every night from states, schemas and pipeline.toml; a file whose bytes are equal is left as it is.

mod codes;
mod dcat;
mod dictionary;
mod document;
mod facts;
mod freshness;
mod html;
mod licences;
mod markdown;
mod package;
mod parquet_file;
mod sql;
mod write;

pub use dictionary::of_schemas;
pub use facts::CatalogOptions;
pub use markdown::{table_head, table_row};
pub use write::{CatalogReport, write_catalog};
