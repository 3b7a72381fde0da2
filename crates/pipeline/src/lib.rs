//! pipeline.toml and its folder: what an operator writes. Values and named strategies only; row logic is SQL,
//! protocols are Rust.

mod areas;
mod definition;
mod folder;
mod ownership;

pub use areas::AreaScope;
pub use definition::{
    Checks, ColumnDefinition, ColumnType, ControlRule, Definition, Every, ExpectedAreas, Formula, Freshness, Harvest,
    KnownDifference, LargestChange, LimitSettings, MaxRejected, OnFinding, PartsFill, PartsLeave, Publishes, Range,
    Rhythm, RowsPerRow, Task,
};
pub use folder::{Catalogue, Origin, Owner, Pipeline};
pub use ownership::{check_ownership, owned_by_area};
