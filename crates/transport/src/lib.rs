//! The one transport layer: client, retry, rate limits, paging walks, conditional GET, redaction, caps, spool.
//! The only crate that names reqwest, and object_store as a source.

mod clock;
pub use clock::{Clock, Jitter, Random, SystemClock};
mod error;
pub use error::Error;
mod secret;
pub use secret::{Secret, Secrets};
mod redact;
pub use redact::{redact_text, redact_url};
mod request;
pub use request::{Accept, Answer, Classify, Method, Request};
mod classify;
mod client;
mod rate;
mod spool;
mod tape;
mod target;
pub use client::{Client, Limits, Options};
pub use tape::Tape;
mod exchange;
mod object;
pub use object::ObjectEntry;
mod walk;
pub use walk::{PageSeen, Paging, Tally, walk};
