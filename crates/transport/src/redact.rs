//! Keeps keys out of everything that is printed or stored: agencies echo them in links and capabilities, signed
//! download addresses carry them in the query (both seen 2026-11-23).

use std::{collections::BTreeSet, fmt};

use aho_corasick::{AhoCorasick, MatchKind};
use klimalade_model::{Fault, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::{Secret, Secrets, client::SHORTEST_SECRET_BYTES};

const REDACTED: &str = "REDACTED";

/// Everything but RFC 3986's unreserved characters: JavaScript's encodeURIComponent and most servers.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What may stand in a query as it is: servers that encode no more than they must.
const LENIENT: &AsciiSet = &UNRESERVED
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'?');
/// As [`LENIENT`], with the plus sign left alone as the `url` crate does.
const LENIENT_PLUS: &AsciiSet = &LENIENT.remove(b'+');

/// The credential of an `Authorization` header: a server may echo it without the scheme.
fn without_scheme(value: &str) -> &str {
    let rest = ["Basic ", "Bearer "]
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme));
    rest.filter(|rest| rest.len() >= SHORTEST_SECRET_BYTES).unwrap_or(value)
}

/// Finds every configured secret in all the spellings that answers give it.
#[derive(Clone)]
pub(crate) struct Redactor {
    search: Option<AhoCorasick>,
    longest: usize,
    values: Vec<Secret>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("values", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// For these values; empty ones are left out. Errors: Bug, when they are too many for the search.
    pub(crate) fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Result<Self> {
        let values: Vec<Secret> = secrets
            .into_iter()
            .filter(|value| !value.expose().is_empty())
            .cloned()
            .collect();
        let patterns: BTreeSet<String> = values
            .iter()
            .flat_map(|value| [value.expose(), without_scheme(value.expose())])
            .flat_map(spellings)
            .collect();
        let longest = patterns.iter().map(String::len).max().unwrap_or(0);
        if patterns.is_empty() {
            return Ok(Self {
                search: None,
                longest,
                values,
            });
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns)
            .map_err(|_| Fault::bug("the search for secrets cannot be built"))?;
        Ok(Self {
            search: Some(search),
            longest,
            values,
        })
    }

    /// Whether `value` is among the values that are looked for.
    pub(crate) fn knows(&self, value: &Secret) -> bool {
        value.expose().is_empty() || self.values.contains(value)
    }

    /// The values that are looked for.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Secret> {
        self.values.iter()
    }

    /// Whether `text` holds a secret in any spelling, percent-encoded in whatever mixture of cases.
    pub(crate) fn finds_in(&self, text: &str) -> bool {
        let Some(search) = &self.search else { return false };
        if search.is_match(text) {
            return true;
        }
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        search.is_match(decoded.as_ref()) || search.is_match(&decoded.replace('+', " "))
    }

    /// `text` as it may be printed: secrets, user info in addresses and values of telling parameters replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        let text = without_user_info(text);
        let text = without_telling_values(&text, |c| {
            c == '&' || c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | ',' | ';' | '\\' | '#' | '}')
        });
        self.values_replaced(&text)
    }

    /// See [`redact_url`].
    pub(crate) fn url(&self, url: &Url) -> String {
        let mut bare = url.clone();
        // Both fail only for addresses that cannot have user info.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        bare.set_fragment(None);
        self.address(bare.as_str())
    }

    /// Path and query of `url` only, redacted: what the demo stores.
    pub(crate) fn path_and_query(&self, url: &Url) -> String {
        match url.query() {
            Some(query) => self.address(&format!("{}?{query}", url.path())),
            None => self.address(url.path()),
        }
    }

    fn address(&self, address: &str) -> String {
        let text = self.values_replaced(&without_telling_values(address, |c| c == '&' || c == '#'));
        if !self.finds_in(&text) {
            return text;
        }
        // Encoded in a way that no list of spellings foresees: nothing but the host may stay.
        let host = Url::parse(address)
            .ok()
            .and_then(|url| url.host_str().map(|host| format!("{}://{host}", url.scheme())));
        let host = host.filter(|host| !self.finds_in(host)).unwrap_or_default();
        format!("{host}/{REDACTED}")
    }

    fn values_replaced(&self, text: &str) -> String {
        let Some(search) = &self.search else {
            return text.to_owned();
        };
        let mut out = String::with_capacity(text.len());
        search.replace_all_with(text, &mut out, |_, _, out| {
            out.push_str(REDACTED);
            true
        });
        out
    }

    /// A redaction of one stream of bytes.
    pub(crate) fn stream(&self) -> Redaction<'_> {
        Redaction {
            redactor: self,
            tail: Vec::new(),
            count: 0,
        }
    }
}

/// One stream on its way through a [`Redactor`]; holds back so many bytes that a secret over a chunk border is seen.
#[derive(Debug)]
pub(crate) struct Redaction<'r> {
    redactor: &'r Redactor,
    tail: Vec<u8>,
    count: u64,
}

impl Redaction<'_> {
    /// Takes a chunk and appends to `out` what is decided.
    pub(crate) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        if self.redactor.search.is_none() {
            out.extend_from_slice(chunk);
            return;
        }
        self.tail.extend_from_slice(chunk);
        // A match that begins before `decided` has all its possible bytes in the tail.
        let decided = self.tail.len().saturating_sub(self.redactor.longest.saturating_sub(1));
        self.release(decided, out);
    }

    /// Appends the rest: the stream has ended.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.release(self.tail.len(), out);
    }

    /// Secrets replaced so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    fn release(&mut self, decided: usize, out: &mut Vec<u8>) {
        let Some(search) = &self.redactor.search else { return };
        let mut copied = 0;
        for found in search.find_iter(&self.tail) {
            if found.start() >= decided {
                break;
            }
            out.extend_from_slice(&self.tail[copied..found.start()]);
            out.extend_from_slice(REDACTED.as_bytes());
            copied = found.end();
            self.count += 1;
        }
        let upto = copied.max(decided);
        out.extend_from_slice(&self.tail[copied..upto]);
        self.tail.drain(..upto);
    }
}

/// The address as it may be printed and stored: without user, password and fragment, and with `REDACTED` for the
/// value of every query parameter whose name speaks of a key, token, signature or password, and for every
/// configured secret in any encoding.
pub fn redact_url(url: &Url, secrets: &Secrets) -> String {
    match Redactor::new(secrets.values()) {
        Ok(redactor) => redactor.url(url),
        Err(_) => REDACTED.to_owned(),
    }
}

/// A text (an error, the start of a body) as it may be printed: every configured secret, user info in addresses, and
/// the values of parameters whose names speak of a secret become `REDACTED`.
pub fn redact_text(text: &str, secrets: &Secrets) -> String {
    match Redactor::new(secrets.values()) {
        Ok(redactor) => redactor.text(text),
        Err(_) => REDACTED.to_owned(),
    }
}

/// All spellings in which an answer may echo `value`.
fn spellings(value: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([value.to_owned()]);
    for set in [NON_ALPHANUMERIC, UNRESERVED, LENIENT, LENIENT_PLUS] {
        let upper = utf8_percent_encode(value, set).to_string();
        all.insert(lower_hex(&upper));
        all.insert(upper);
    }
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    all.insert(lower_hex(&form));
    all.insert(form);
    all.insert(value.replace(' ', "+"));
    if let Ok(json) = serde_json::to_string(value) {
        let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
        all.extend(inner.map(str::to_owned));
    }
    for (upper, ascii_too) in [(true, true), (true, false), (false, true), (false, false)] {
        all.insert(unicode_escaped(value, upper, ascii_too));
    }
    let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    all.insert(xml.replace('"', "&quot;").replace('\'', "&apos;"));
    all.insert(xml.replace('"', "&quot;").replace('\'', "&#39;"));
    all.insert(xml);
    let slashed: Vec<String> = all.iter().map(|text| text.replace('/', "\\/")).collect();
    all.extend(slashed);
    all
}

fn lower_hex(encoded: &str) -> String {
    let mut out = String::with_capacity(encoded.len());
    let mut hex_left = 0;
    for c in encoded.chars() {
        if c == '%' {
            hex_left = 2;
            out.push(c);
        } else if hex_left > 0 {
            hex_left -= 1;
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// `\u00e6` for letters beyond ASCII, as Python writes JSON; with `ascii_too` also for `& ' + < > "` as .NET does.
fn unicode_escaped(value: &str, upper: bool, ascii_too: bool) -> String {
    let mut out = String::new();
    for c in value.chars() {
        let special = !c.is_ascii() || (ascii_too && matches!(c, '&' | '\'' | '+' | '<' | '>' | '"' | '`'));
        match c {
            _ if special => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&if upper {
                        format!("\\u{unit:04X}")
                    } else {
                        format!("\\u{unit:04x}")
                    });
                }
            }
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// Whether a parameter or header of this name carries a credential.
pub(crate) fn is_telling(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("x-amz-") || lower.starts_with("x-goog-") {
        return true;
    }
    let joined: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    const INSIDE: [&str; 10] = [
        "apikey",
        "accesskey",
        "secret",
        "token",
        "password",
        "passwd",
        "signature",
        "credential",
        "username",
        "authorization",
    ];
    if INSIDE.iter().any(|word| joined.contains(word)) {
        return true;
    }
    const WHOLE: [&str; 12] = [
        "key",
        "sig",
        "pwd",
        "user",
        "usr",
        "pass",
        "auth",
        "expires",
        "cookie",
        "session",
        "sessionid",
        "subscriptionkey",
    ];
    words(&name).iter().any(|word| WHOLE.contains(&word.as_str())) || WHOLE.contains(&joined.as_str())
}

/// `X-Api-Key`, `api_key` and `apiKey` in their words, lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if begins {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    words
}

/// Replaces the value of every `name=value` after `?`, `&` or `;` whose name is telling.
fn without_telling_values(text: &str, ends_value: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&', ';']) {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        let name_end = after
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '%' | '[' | ']')))
            .unwrap_or(after.len());
        let (name, value) = after.split_at(name_end);
        let Some(value) = value.strip_prefix('=') else { continue };
        if !is_telling(name) {
            continue;
        }
        let value_end = value.find(&ends_value).unwrap_or(value.len());
        out.push_str(name);
        out.push('=');
        out.push_str(REDACTED);
        rest = &value[value_end..];
    }
    out.push_str(rest);
    out
}

/// Takes `user:password@` out of every address in `text`.
fn without_user_info(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '<' | '>'))
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(user_info) => &after[user_info + 1..],
            None => after,
        };
    }
    out.push_str(rest);
    out
}
