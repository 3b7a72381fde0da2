//! `[source.discover]`: the address of the file stands as a link on a page.

use std::cmp::Ordering;

use klimalade_connect::{Auth, Context, Fault, Page, Result, fits_wildcard, open_page};
use klimalade_format::html::{self, Link};
use klimalade_transport::{PageSeen, Request};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Read;
use url::Url;

use crate::place::Place;

/// Bytes of a page that are read for its links.
const MOST_PAGE_BYTES: u64 = 20_000_000;
/// Links that a fault shows.
const MOST_SHOWN: usize = 20;

/// Where the link to the file stands, and how it is known. The page is asked for at each harvest, so the address may
/// change with every edition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discover {
    /// The page: `https://ens.dk/analyser-og-statistik/...`.
    pub page: String,
    /// Address of the link, as it stands on the page or in full, with `*` for any letters: `*/media/*/download`.
    #[serde(default = "any")]
    pub link: String,
    /// What the page shows of the link, with `*` for any letters: `Stamdataregister for vind*`.
    #[serde(default = "any")]
    pub text: String,
    /// Which link is taken, where several fit.
    #[serde(default)]
    pub pick: Pick,
}

/// Which of the links that fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Exactly one address must fit.
    #[default]
    One,
    /// The last one by the text of the link, else by its address. Numbers count as numbers, from the left: `2026-03` is
    /// newer than `2025-11`, but so is `31-01-2025` than `01-12-2026`.
    Newest,
}

fn any() -> String {
    "*".to_owned()
}

/// The settings after their check.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    page: Url,
    link: String,
    text: String,
    pick: Pick,
}

struct Found {
    url: Url,
    text: String,
}

impl Discover {
    /// Errors: Settings.
    pub(crate) fn check(self) -> Result<Search> {
        let wrong = |what: &str, hint: &str| Fault::settings(what).at("[source.discover]").hint(hint);
        let Place::Http(page) = Place::parse(&self.page)? else {
            return Err(wrong("only a page over HTTP has links", "page = \"https://...\"").found(self.page));
        };
        if self.link.trim_matches('*').is_empty() && self.text.trim_matches('*').is_empty() {
            return Err(wrong(
                "nothing says which link is meant",
                "link = \"*/media/*/download\", or text = \"Stamdata*\"",
            ));
        }
        Ok(Search {
            page,
            link: self.link,
            text: self.text,
            pick: self.pick,
        })
    }
}

impl Search {
    /// Asks for the page and gives the address that its link has now. Errors: those of transport; Contract, where no link
    /// fits, or more than one, with the links that are there; Settings, for a link that a credential must not follow.
    pub(crate) async fn address(&self, auth: &Auth, cx: &Context) -> Result<Url> {
        let request = auth.sign(Request::get(self.page.clone()), &cx.secrets)?;
        let page = cx.client.fetch(&request).await?;
        let url = self.choose(&page)?;
        if auth.secret_name().is_some() && url.origin() != self.page.origin() {
            return Err(
                Fault::settings("the link leads to another host, which must not have the credential")
                    .at("[source.auth]")
                    .expected(self.page.host_str().unwrap_or_default())
                    .found(url.host_str().unwrap_or_default())
                    .hint("remove auth, if the file needs none; or address = \"...\" in place of [source.discover]"),
            );
        }
        Ok(url)
    }

    fn choose(&self, page: &Page) -> Result<Url> {
        let mut bytes = Vec::new();
        open_page(page)?
            .take(MOST_PAGE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
        let links = html::links(&String::from_utf8_lossy(&bytes));
        let (mut fitting, mut others): (Vec<Found>, Vec<String>) = (Vec::new(), Vec::new());
        for link in &links {
            match self.fitting(page, link) {
                Some(found) if fitting.iter().any(|other| other.url == found.url) => {}
                Some(found) => fitting.push(found),
                None => others.push(format!("{} ({})", link.address, link.text)),
            }
        }
        let fault = |what: &str| {
            Fault::contract(what)
                .at(self.page.to_string())
                .expected(format!("link = {:?}, text = {:?}", self.link, self.text))
        };
        let shown = |links: &[String]| links.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join("; ");
        if fitting.is_empty() {
            others.sort_by_key(|link| !looks_like_a_file(link));
            let found = match others.is_empty() {
                true => "no links: the page may make them in the browser".to_owned(),
                false => shown(&others),
            };
            return Err(fault("no link of the page fits")
                .found(found)
                .hint("link = \"...\" or text = \"...\" under [source.discover], as the page has it now"));
        }
        let all: Vec<String> = fitting
            .iter()
            .map(|found| format!("{} ({})", found.url, found.text))
            .collect();
        if let Pick::One = self.pick {
            let [one] = fitting.as_slice() else {
                return Err(fault("more than one link of the page fits")
                    .found(shown(&all))
                    .hint("a longer link or text, or pick = \"newest\", under [source.discover]"));
            };
            return Ok(one.url.clone());
        }
        let by_text = !self.text.trim_matches('*').is_empty();
        let order = |one: &Found, other: &Found| match by_text {
            true => natural(&one.text, &other.text),
            false => natural(one.url.as_str(), other.url.as_str()),
        };
        fitting.sort_by(order);
        match fitting.as_slice() {
            [.., before, last] if order(before, last) == Ordering::Equal => {
                Err(fault("none of the links is the newest").found(shown(&all)))
            }
            [.., last] => Ok(last.url.clone()),
            [] => Err(Fault::bug("a link that was just found is gone")),
        }
    }

    fn fitting(&self, page: &Page, link: &Link) -> Option<Found> {
        let mut url = PageSeen::link(&self.page, page, &link.address).ok()?;
        url.set_fragment(None);
        let is_file = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        let fits_link = fits_wildcard(&self.link, &link.address) || fits_wildcard(&self.link, url.as_str());
        (is_file && fits_link && fits_wildcard(&self.text, &link.text)).then(|| Found {
            url,
            text: link.text.clone(),
        })
    }
}

fn looks_like_a_file(link: &str) -> bool {
    let link = link.to_lowercase();
    ["xls", "ods", "csv", "zip", "xml", "json", "download", "/media/"]
        .iter()
        .any(|piece| link.contains(piece))
}

/// By letters, but runs of digits by the number that they are.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (left, left_rest) = piece(one);
        let (right, right_rest) = piece(other);
        if left.is_empty() || right.is_empty() {
            return left.len().cmp(&right.len());
        }
        let is_number = |piece: &str| piece.starts_with(|letter: char| letter.is_ascii_digit());
        let order = match is_number(left) && is_number(right) {
            true => {
                let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
                left.len().cmp(&right.len()).then_with(|| left.cmp(right))
            }
            false => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (left_rest, right_rest);
    }
}

/// The leading digits, or what stands before the next ones.
fn piece(text: &str) -> (&str, &str) {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let starts = text.starts_with(is_digit);
    let end = text
        .find(|letter: char| is_digit(letter) != starts)
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        for (older, newer) in [
            ("/media/999/download", "/media/8748/download"),
            ("Stamdata 2025-11", "Stamdata 2026-03"),
            ("udgave 9", "udgave 10"),
            ("udgave", "udgave 2"),
            ("a", "b"),
        ] {
            assert_eq!(natural(older, newer), Ordering::Less, "{older}, {newer}");
            assert_eq!(natural(newer, older), Ordering::Greater, "{older}, {newer}");
        }
        assert_eq!(natural("2024-01", "2024-1"), Ordering::Equal);
    }
}
