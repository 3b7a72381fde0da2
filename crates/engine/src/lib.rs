//! SQL over named tables: the mapping of raw rows to the common schema, the row contract, sorting, comparison with
//! what is published, controls, and queries over the lake. The only crate that names datafusion.

mod adding_up;
mod checks;
mod compare;
mod complete;
mod contract;
mod controls;
mod error;
mod geometry;
mod mapping;
mod misread;
mod order;
mod partition;
mod query;
mod raw;
mod row_checks;
mod session;
mod views;

pub use adding_up::check_adding_up;
pub use checks::{AreaFinding, AreaRule, indicator_sums, missing_areas};
pub use compare::{Change, Comparison, compare_files};
pub use contract::{Admitted, Reject, RejectRoom, RowContract, RowRules};
pub use controls::{ControlFile, ControlRules, ControlSummary, Known, Rule, compare_controls};
pub use geometry::wkt_to_wkb;
pub use mapping::{Mapped, Mapping, RawUse, Shape};
pub use partition::{PART_COLUMN, PartitionSpool, SortedRows, Spooled};
pub use query::{Answer, tables_asked};
pub use raw::RawSender;
pub use session::{Engine, EngineOptions};
pub use views::{LakeFile, LakeTable, TableName, TableRows, tables_read};

pub use datafusion::common::ScalarValue;
