//! Simulated agencies over real HTTP on loopback, for `klimalade run --demo` and for tests.
//!
//! Each agency speaks its true protocol with its traps; the figures are invented, deterministic by seed, and belong
//! to nobody. One listener serves them all: the demo redirect of the transport puts the original host in front of
//! the path (`/api.statbank.dk/v1/data`), and the first path segment chooses the agency.

mod accounts;
mod agencies;
mod answer;
mod area;
mod boundaries;
mod cdp;
mod dagi;
mod datafordeler;
mod dmi;
mod dmi_weather;
mod draw;
mod drops;
mod energidata;
mod energidata_counts;
mod energidata_rows;
mod energidata_time;
mod energy_agency;
mod error;
mod files;
mod geoserver;
mod mars;
mod miljoegis;
mod opendata;
mod script;
mod statbank;
mod wire;
mod world;

pub use agencies::{Agencies, Seen};
pub use drops::write_drops;
pub use error::Error;
pub use script::{AccountFigure, FaultKind, Script, ScriptedFault};
