//! The agencies' real answers, through decode and mapping. Every count, sum and named cell that a test compares with
//! is computed in the test from the raw text, never by the code under test.
//!
//! The answers lie outside the project: `KLIMALADE_REAL` names their folder, else `../shared/real` beside the
//! workspace is taken. Where there is none, each test says on stderr that it was skipped.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod arcgis;
mod area;
mod areas;
mod dmi;
mod energidata;
mod geo;
mod ground;
mod national;
mod population;
mod tables;
mod workbooks;
