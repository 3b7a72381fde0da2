//! What the tests of every crate lean on: a clock that tests own, an HTTP server of recorded answers, an object
//! store with scripted faults, deterministic damage, and the contract suite that every connector runs.

pub mod clock;
pub mod contract;
pub mod mutate;
pub mod serve;
pub mod store;
