//! What a walk has seen, so that it is noticed where it is lost.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
};

use klimalade_connect::{Fault, Result};
use klimalade_format::gml::{Look, is_passing};
use klimalade_transport::PageSeen;

use crate::settings::Checked;

#[derive(Debug, Default)]
pub(crate) struct Walked(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    /// Hashes of the features' ids.
    ids: HashSet<u64>,
}

/// Ids by which a feature is known again: some of GeoServer's change with every request, MapServer's begin with a dot
/// where no `gml_featureid` is set.
fn is_lasting(id: &str) -> bool {
    !is_passing(id) && !id.starts_with('.')
}

impl Walked {
    /// Errors: Source, for a feature that came before.
    pub(crate) fn take_in(&self, settings: &Checked, look: &Look) -> Result<PageSeen> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in look.ids.iter().filter(|id| is_lasting(id)) {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            if !seen.ids.insert(hasher.finish()) {
                let fault = Fault::source("a feature came twice in one walk")
                    .found(id.clone())
                    .worth_another_walk();
                return Err(if look.rows > settings.page_limit {
                    fault
                        .expected(format!("at most {} features on a page", settings.page_limit))
                        .hint(format!(
                            "the server ignores the limit: page_limit = {}, or version = \"1.1.0\"",
                            look.rows + 1
                        ))
                } else {
                    fault.hint("sort_by = \"<a unique property of the type>\"")
                });
            }
        }
        seen.rows += look.rows;
        // A link to a next page says that a short page is not the last (a server's own maximum); where it leads does
        // not matter, the walk goes on by startIndex.
        let next = look.has_next.then(|| settings.base_url.clone());
        Ok(PageSeen {
            rows: look.rows,
            next,
            server_count: look.matched.filter(|_| settings.trust_hits),
        })
    }

    /// Compares what came with the server's counts before and after the walk. Errors: Source.
    pub(crate) fn agree(&self, promised: u64, now: u64) -> Result<()> {
        let rows = self.0.lock().unwrap_or_else(PoisonError::into_inner).rows;
        if promised != now {
            return Err(Fault::source("the layer changed during the walk")
                .expected(format!("{promised} features, as before it"))
                .found(format!("{now} features"))
                .worth_another_walk());
        }
        if rows != promised {
            return Err(
                Fault::source("the server promised another number of features than it sent")
                    .expected(format!("{promised} features"))
                    .found(format!("{rows} features"))
                    .hint("a smaller page_limit, or trust_hits = false where the server's own count is wrong"),
            );
        }
        Ok(())
    }
}
