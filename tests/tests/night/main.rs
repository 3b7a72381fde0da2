//! Nights end to end, in process: simulated agencies over real HTTP, a lake in a folder, a clock that the test owns.
//! What is expected is computed from the Parquet files themselves, never asked of the code under test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounted;
mod broken;
mod checked;
mod drifted;
mod emptied;
mod explained;
mod faults;
mod handed_over;
mod lost;
mod out_layer;
mod parquet_rows;
mod refused;
mod rehearsed;
mod rejected;
mod repaired;
mod replayed;
mod restated;
mod retired;
mod town;
