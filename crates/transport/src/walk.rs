use std::collections::HashSet;

use futures::stream::BoxStream;
use klimalade_model::{Page, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{
    Client, Error, Request,
    redact::Redactor,
    target::{is_same_host, without_params},
};

/// OData's `$top` and GeoServer's `startIndex` go out as they are written.
const PARAMETER_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$');

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
    /// `offset` and `limit` in the query; a page with fewer rows than `limit` is the last. `offset=0` is sent too (some
    /// GeoServers page only when they see it, 2026-11-23). A page with more rows than asked for moves the offset by what
    /// came.
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
        /// Query parameter of the page size; empty, where the server has a fixed one that cannot be asked for.
        limit: String,
        /// Rows of a full page.
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

/// Walks the pages of one part in order; the last one, short or empty, is a page too. Aborts (Source) at a page that
/// repeats an earlier one to the byte, at a `next` to another host or to an address already asked, and at the caps of
/// [`crate::Limits`]. A `next` of http below an https address is asked over https (servers behind a proxy write their
/// links so, seen 2026-11-23). `look` reads no more of a page than finding the next takes; its count goes into the page's
/// entry. The server's counts decide nothing here: Energi Data Service's `total`, DMI's `next` and others lie
/// (2026-11-23), reconciling them is the runner's matter. Errors besides: as [`Client::fetch`]; Settings for a page size
/// of 0 with Offset and Number; what `look` says.
pub fn walk<'a>(
    client: &'a Client,
    first: Request,
    paging: Paging,
    look: impl Fn(&Page) -> Result<PageSeen> + Send + 'a,
) -> BoxStream<'a, Result<Page>> {
    Box::pin(async_stream::try_stream! {
        let mut progress = Progress::begin(client, first, paging)?;
        while let Some(request) = progress.request.take() {
            progress.allow_page()?;
            let mut page = client.fetch(&request).await?;
            progress.take_in(&page)?;
            let seen = look(&page)?;
            page.entry.server_count = seen.server_count;
            progress.request = progress.next(&request, &seen)?;
            yield page;
        }
    })
}

/// How far a walk has come.
struct Progress<'a> {
    client: &'a Client,
    paging: Paging,
    /// The next request, unless the walk is at its end.
    request: Option<Request>,
    /// Offset or page number of the next request.
    position: u64,
    pages: usize,
    bytes: u64,
    hashes: HashSet<String>,
    addresses: HashSet<Url>,
}

impl<'a> Progress<'a> {
    fn begin(client: &'a Client, mut first: Request, paging: Paging) -> Result<Self, Error> {
        let position = match &paging {
            Paging::Single | Paging::Next { .. } | Paging::Offset { .. } => 0,
            Paging::Number { first, .. } => *first,
        };
        if matches!(&paging, Paging::Offset { size: 0, .. } | Paging::Number { size: 0, .. }) {
            return Err(Error::Malformed {
                expected: "a page size above 0; Single for one answer".to_owned(),
                found: "a page size of 0".to_owned(),
            });
        }
        first.url = positioned(&first.url, &paging, position);
        let addresses = HashSet::from([first.url.clone()]);
        Ok(Self {
            client,
            paging,
            request: Some(first),
            position,
            pages: 0,
            bytes: 0,
            hashes: HashSet::new(),
            addresses,
        })
    }

    fn allow_page(&self) -> Result<(), Error> {
        let cap = self.client.limits.walk_pages;
        if self.pages < cap {
            return Ok(());
        }
        Err(Error::TooMuch {
            expected: format!("walk_pages of at most {cap}"),
            found: "one page more".to_owned(),
        })
    }

    fn take_in(&mut self, page: &Page) -> Result<()> {
        self.pages += 1;
        self.bytes = self.bytes.saturating_add(page.entry.bytes);
        let cap = self.client.limits.walk_bytes;
        let at = |error: Error| klimalade_model::Fault::from(error).at(page.entry.address.clone());
        if self.bytes > cap {
            return Err(at(Error::TooMuch {
                expected: format!("walk_bytes of at most {cap}"),
                found: format!("{} bytes on {} pages", self.bytes, self.pages),
            }));
        }
        if !self.hashes.insert(page.entry.sha256.clone()) {
            return Err(at(Error::LostWalk {
                expected: "another page".to_owned(),
                found: format!("page {} repeats an earlier one to the byte", self.pages),
            }));
        }
        Ok(())
    }

    fn next(&mut self, current: &Request, seen: &PageSeen) -> Result<Option<Request>> {
        if seen.rows == 0 {
            return Ok(None);
        }
        match &self.paging {
            Paging::Single => return Ok(None),
            Paging::Next { size } => {
                let Some(next) = seen.next.as_ref().filter(|_| seen.rows >= *size) else {
                    return Ok(None);
                };
                return self.follow(current, next).map(Some);
            }
            Paging::Offset { size, .. } | Paging::Number { size, .. } if seen.rows < *size => return Ok(None),
            Paging::Offset { .. } => self.position = self.position.saturating_add(seen.rows),
            Paging::Number { .. } => self.position = self.position.saturating_add(1),
        }
        let url = positioned(&current.url, &self.paging, self.position);
        Ok(Some(Request { url, ..current.clone() }))
    }

    fn follow(&mut self, current: &Request, next: &Url) -> Result<Request> {
        let redactor = Redactor::new(self.client.shared.redactor.values().chain(current.secrets()))?;
        // A key that the server echoes into its link is taken out; the request brings its own.
        let mut url = without_params(next, current.secret_query.iter().map(|(name, _)| name.as_str()));
        if current.url.scheme() == "https" && url.scheme() == "http" && url.port().is_none() {
            // Cannot fail between these two.
            let _ = url.set_scheme("https");
        }
        url.set_fragment(None);
        let lost = |expected: &str, found: String| -> Result<Request> {
            Err(Error::LostWalk {
                expected: expected.to_owned(),
                found,
            }
            .into())
        };
        if !is_same_host(&current.url, &url) {
            let host = current.url.host_str().unwrap_or_default();
            return lost(&format!("a next page at {host}"), redactor.url(&url));
        }
        let _ = url.set_username(current.url.username());
        let _ = url.set_password(current.url.password());
        if !self.addresses.insert(url.clone()) {
            return lost("a next page that was not asked for yet", redactor.url(&url));
        }
        Ok(Request { url, ..current.clone() })
    }
}

/// `url` with the parameters that ask for the page at `position`, in place of earlier ones of these names.
fn positioned(url: &Url, paging: &Paging, position: u64) -> Url {
    let (position_name, size_name, size) = match paging {
        Paging::Single | Paging::Next { .. } => return url.clone(),
        Paging::Offset { offset, limit, size } => (offset, limit, *size),
        Paging::Number { page, limit, size, .. } => (page, limit, *size),
    };
    let mut url = without_params(url, [position_name.as_str(), size_name.as_str()].into_iter());
    let mut query = url.query().map(str::to_owned).unwrap_or_default();
    for (name, number) in [(position_name, position), (size_name, size)] {
        if name.is_empty() {
            continue;
        }
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&format!("{}={number}", utf8_percent_encode(name, PARAMETER_NAME)));
    }
    url.set_query(Some(&query));
    url
}
