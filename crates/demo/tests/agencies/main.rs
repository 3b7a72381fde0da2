//! The simulated agencies over real HTTP: every trap that a harvester must survive is really there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod cdp;
mod client;
mod datafordeler;
mod dmi;
mod drops;
mod drops_figures;
mod energidata;
mod energy_agency;
mod faults;
mod files;
mod geo;
mod opendata;
mod plandata;
mod statbank;
mod statbank_tables;
