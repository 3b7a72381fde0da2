//! The night: plan, fetch, raw, decode, map, check, stage, commit, ledger. One source's failure is its own; killing
//! the process at any point loses nothing published, and the next start goes on where it stopped.

mod cadence;
mod drift;
mod explain;
mod freshness;
mod harvest;
mod house;
mod inputs;
mod landed;
mod ledger;
mod locked;
mod mapped;
mod mapper;
mod night;
mod partition_checks;
mod provenance;
mod publish;
mod refused;
mod rehearsal;
mod report;
mod retire;
mod revisions;
mod runner_files;
mod runner_table;
mod states;
mod stored;
mod tables;
mod testing;
mod view;
mod work;

pub use cadence::{Ask, decide};
pub use explain::{
    Cells, Differing, Earlier, Explanation, MOST_ROWS, MappingTrace, PageTrace, RawRow, RawTrace, SnapshotTrace,
    explain,
};
pub use freshness::check_freshness_declared;
pub use house::{House, NightOptions, Progress, Quiet, limits};
pub use inputs::{InputColumns, Inputs};
pub use ledger::PartLedger;
pub use mapper::row_rules;
pub use night::{night_number, run_night};
pub use rehearsal::{Changed, File, OwnerRehearsal, Rehearsal, Requests, Rows, rehearse};
pub use report::{NightReport, OwnerReport, Status};
pub use retire::retire;
pub use tables::tables_of;
pub use testing::{MappedRows, map_pages, view_rows};
