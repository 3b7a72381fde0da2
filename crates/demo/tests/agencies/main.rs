//! The simulated agencies over real HTTP: every trap that a harvester must survive is really there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod client;
mod dmi;
mod drops;
mod energidata;
mod faults;
mod files;
mod statbank;
