//! What the tests of every crate lean on: a clock that tests own, an HTTP server of recorded answers and one
//! of scripted ones, an object
//! store with scripted faults, deterministic damage, and the contract suite that every connector runs.

pub mod bench;
pub mod clock;
pub mod contract;
pub mod mutate;
pub mod serve;
pub mod store;
