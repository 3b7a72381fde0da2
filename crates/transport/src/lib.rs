//! The one transport layer: client, retry, rate limits, paging walks, conditional GET, redaction, caps, spool.
//! The only crate that names reqwest, and object_store as a source.

mod clock;
pub use clock::{Clock, Jitter, Random, SystemClock};
mod secret;
pub use secret::{Secret, Secrets, redact_url};
mod request;
pub use request::{Accept, Answer, Classify, Method, Request};
mod client;
pub use client::{Client, Limits, Options};
mod walk;
pub use walk::{PageSeen, Paging, walk};
