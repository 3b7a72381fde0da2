//! The transport against small servers on the loopback, with a clock that only moves when somebody sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod bench;
mod bodies;
mod conditional;
mod demo;
mod objects;
mod redirects;
mod retries;
mod secrets;
mod walks;
