//! pipeline.toml and its folder: what an operator writes. Values and named strategies only; row logic is SQL,
//! protocols are Rust.

mod areas;
mod definition;
mod described;
mod fit;
mod folder;
mod ownership;
mod written;

pub use areas::AreaScope;
pub use definition::{
    Checks, ColumnDefinition, ControlRule, Definition, Every, ExpectedAreas, Formula, Freshness, Harvest,
    KnownDifference, LargestChange, LimitSettings, MaxRejected, OnFinding, PartsFill, PartsLeave, Publishes, Range,
    Rhythm, RowsPerRow, Task,
};
pub use folder::{Broken, Catalogue, Origin, Owner, Pipeline};
pub use ownership::{Clash, UNFILLED, clashes, owned_by_area, owned_whole};
pub use written::{Position, Written, position_of};
