use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use futures::stream::BoxStream;
use klimalade_model::{Fault, Page, Result};
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

impl PageSeen {
    /// A page's own link to the next one as an address. It may be relative, and the stored address of `page` may lack
    /// scheme and host: the service's own address `home` and the page's path are laid under it. Errors: Source.
    pub fn link(home: &Url, page: &Page, link: &str) -> Result<Url> {
        let joined = home.join(&page.entry.address).and_then(|own| own.join(link));
        joined.map_err(|source| {
            Fault::source("the link to the next page is no address")
                .at(page.entry.address.clone())
                .found(link.to_owned())
                .because(source)
        })
    }
}

/// What came on the pages of one walk beside what the server says that it has: for servers whose count is trusted.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
struct Counts {
    pages: u64,
    rows: u64,
    /// Rows of the first page.
    first: u64,
    promised: Option<u64>,
    /// Two pages that name different counts.
    other: Option<u64>,
}

impl Tally {
    /// Counts a page: to be called by `look`, once for each.
    pub fn take_in(&self, seen: &PageSeen) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.pages == 0 {
            counts.first = seen.rows;
        }
        counts.pages += 1;
        counts.rows = counts.rows.saturating_add(seen.rows);
        match (counts.promised, seen.server_count) {
            (Some(promised), Some(count)) if promised != count => counts.other = Some(count),
            (None, count) => counts.promised = count,
            _ => {}
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows
    }

    /// To be asked when the walk is at its end. Errors: Source, where the pages name different counts (the source
    /// changed under the walk, which is worth another one) or another one than the rows that came; `size` is the setting
    /// that asks for the rows of a page. A server that named no count promised nothing.
    pub fn agree(&self, size: &str) -> Result<()> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(promised) = counts.promised else { return Ok(()) };
        if let Some(other) = counts.other {
            return Err(Fault::source("the server's count changed during the walk")
                .expected(format!("{promised} rows on every page"))
                .found(format!("{other} rows"))
                .worth_another_walk());
        }
        if promised == counts.rows {
            return Ok(());
        }
        let fault = Fault::source("the server promised another number of rows than it sent")
            .expected(format!("{promised} rows"))
            .found(format!("{} rows on {} pages", counts.rows, counts.pages));
        // A page that was taken for the last, since the server gives fewer rows than asked for.
        let is_clamped = counts.rows < promised && counts.first > 0;
        Err(if is_clamped {
            fault.hint(format!("{size} = {}", counts.first))
        } else {
            fault
        })
    }
}

/// How a server pages: named strategies, shared by every connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// One answer is all.
    Single,
    /// `offset` and `limit` in the query; a page with fewer rows than `limit` is the last, unless it links to a next one:
    /// servers clamp `limit` to a maximum of their own without a word. The offset moves by what came. Whatever the
    /// link, an empty page is the last. `offset=0` is sent too (some GeoServers page only when they see it, 2026-11-23).
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
    /// The page's own link, as long as there is one. It is followed past an empty page once, since services that filter
    /// after paging serve such pages; two empty pages in a row are the end, and so is an empty page that leads back.
    Next {
        /// Rows of a full page, where the service is known to give them: a page with fewer is the last, whatever its
        /// link. 0: rows decide nothing.
        size: u64,
    },
}

/// Walks the pages of one part in order; the last one, short or empty, is a page too. Aborts (Source) at a page with
/// rows that repeats an earlier one to the byte, at a `next` to another host or to an address already asked, and at the caps of
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
            progress.count(&page)?;
            let seen = look(&page)?;
            progress.compare(&page, &seen)?;
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
    /// Whether the page before this one had no rows.
    was_empty: bool,
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
            was_empty: false,
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

    fn count(&mut self, page: &Page) -> Result<()> {
        self.pages += 1;
        self.bytes = self.bytes.saturating_add(page.entry.bytes);
        let cap = self.client.limits.walk_bytes;
        if self.bytes > cap {
            return Err(Fault::from(Error::TooMuch {
                expected: format!("walk_bytes of at most {cap}"),
                found: format!("{} bytes on {} pages", self.bytes, self.pages),
            })
            .at(page.entry.address.clone()));
        }
        Ok(())
    }

    fn compare(&mut self, page: &Page, seen: &PageSeen) -> Result<()> {
        if self.hashes.insert(page.entry.sha256.clone()) || seen.rows == 0 {
            return Ok(());
        }
        Err(Fault::from(Error::LostWalk {
            expected: "another page".to_owned(),
            found: format!("page {} repeats an earlier one to the byte", self.pages),
        })
        .at(page.entry.address.clone()))
    }

    fn next(&mut self, current: &Request, seen: &PageSeen) -> Result<Option<Request>> {
        let is_empty = seen.rows == 0;
        let was_empty = std::mem::replace(&mut self.was_empty, is_empty);
        match &self.paging {
            Paging::Single => return Ok(None),
            Paging::Next { size } => {
                let is_last = if *size == 0 {
                    is_empty && was_empty
                } else {
                    seen.rows < *size
                };
                let Some(next) = seen.next.as_ref().filter(|_| !is_last) else {
                    return Ok(None);
                };
                return self.follow(current, next, is_empty);
            }
            Paging::Offset { .. } | Paging::Number { .. } if is_empty => return Ok(None),
            Paging::Offset { size, .. } if seen.rows < *size && seen.next.is_none() => return Ok(None),
            Paging::Number { size, .. } if seen.rows < *size => return Ok(None),
            Paging::Offset { .. } => self.position = self.position.saturating_add(seen.rows),
            Paging::Number { .. } => self.position = self.position.saturating_add(1),
        }
        let url = positioned(&current.url, &self.paging, self.position);
        Ok(Some(Request { url, ..current.clone() }))
    }

    /// The request for `next`; from an empty page, `None` where it leads back.
    fn follow(&mut self, current: &Request, next: &Url, is_empty: bool) -> Result<Option<Request>> {
        let redactor = Redactor::new(self.client.shared.redactor.values().chain(current.secrets()))?;
        // A key that the server echoes into its link is taken out; the request brings its own.
        let mut url = without_params(next, current.secret_query.iter().map(|(name, _)| name.as_str()));
        if current.url.scheme() == "https" && url.scheme() == "http" && url.port().is_none() {
            // Cannot fail between these two.
            let _ = url.set_scheme("https");
        }
        url.set_fragment(None);
        // The server's own user info is nobody's credential that we would send. Fails only where there can be none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let lost = |expected: &str, found: String| -> Result<Option<Request>> {
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
        if !self.addresses.insert(url.clone()) {
            if is_empty {
                return Ok(None);
            }
            return lost("a next page that was not asked for yet", redactor.url(&url));
        }
        Ok(Some(Request { url, ..current.clone() }))
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
