use std::sync::{Arc, Mutex, PoisonError};

use klimalade_model::Page;

/// The answers that a client was given, in the order of requests: what `probe` saves as recorded answers. They are as
/// stored: a configured secret is `REDACTED` in them.
#[derive(Clone, Debug, Default)]
pub struct Tape(Arc<Mutex<Vec<Page>>>);

impl Tape {
    /// So far.
    pub fn pages(&self) -> Vec<Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn push(&self, page: Page) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(page);
    }
}
