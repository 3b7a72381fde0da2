//! The links of a page. HTML is no XML, so this reads tags one by one and expects nothing of their order.

/// A link as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The address, as it stands in `href`.
    pub address: String,
    /// What is shown, white space as single blanks.
    pub text: String,
}

/// Letters of a link's text that are kept.
const LONGEST_TEXT: usize = 400;

/// Every `<a href>`, in order. What stands in comments, scripts and styles is no link.
pub fn links(html: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut open: Option<Link> = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        take_text(&mut open, text);
        if let Some(comment) = tag.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let name = tag_name(tag);
        let (attributes, after) = attributes(tag);
        rest = after;
        match name.as_str() {
            "script" | "style" => rest = behind(rest, &format!("</{name}")),
            "a" | "/a" => {
                finish(&mut open, &mut found);
                let address = attributes.into_iter().find(|(key, _)| key == "href");
                if name == "a" {
                    open = address.map(|(_, address)| Link {
                        address: unescaped(address.trim()),
                        text: String::new(),
                    });
                }
            }
            // Between blocks and pieces of text there is a blank.
            _ => take_text(&mut open, " "),
        }
    }
    finish(&mut open, &mut found);
    found
}

fn take_text(open: &mut Option<Link>, text: &str) {
    if let Some(link) = open.as_mut().filter(|link| link.text.len() < LONGEST_TEXT) {
        link.text.extend(text.chars().take(LONGEST_TEXT));
    }
}

fn finish(open: &mut Option<Link>, found: &mut Vec<Link>) {
    if let Some(mut link) = open.take() {
        let text = unescaped(&link.text);
        link.text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        found.push(link);
    }
}

/// In lower case, with the slash of a closing tag.
fn tag_name(tag: &str) -> String {
    let inner = tag.get(1..).unwrap_or_default();
    let end = inner
        .char_indices()
        .find(|(at, letter)| !(letter.is_ascii_alphanumeric() || (*at == 0 && *letter == '/')))
        .map_or(inner.len(), |(at, _)| at);
    inner.get(..end).unwrap_or_default().to_ascii_lowercase()
}

/// What stands behind the next `mark`, in any case; nothing, where there is none.
fn behind<'h>(text: &'h str, mark: &str) -> &'h str {
    let bytes = text.as_bytes();
    let at = bytes
        .windows(mark.len())
        .position(|window| window.eq_ignore_ascii_case(mark.as_bytes()));
    at.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// The attributes of the tag that `tag` begins with, their names in lower case, and what stands behind it.
fn attributes(tag: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let end_of_name = tag.find(|letter: char| letter.is_whitespace() || letter == '>');
    let mut rest = end_of_name.and_then(|at| tag.get(at..)).unwrap_or_default();
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        if rest.is_empty() {
            return (found, rest);
        }
        let end = rest
            .find(|letter: char| letter.is_whitespace() || matches!(letter, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        // A stray sign is passed over.
        let end = match end {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            end => end,
        };
        let (name, after) = rest.split_at(end);
        rest = after;
        let Some(value) = rest.trim_start().strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|letter| matches!(letter, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => value
                .get(1..)
                .and_then(|inner| inner.split_once(quote))
                .unwrap_or((value, "")),
            None => {
                let end = value.find(|letter: char| letter.is_whitespace() || letter == '>');
                value.split_at(end.unwrap_or(value.len()))
            }
        };
        found.push((name.to_ascii_lowercase(), value.to_owned()));
        rest = after;
    }
}

/// Bytes of the longest entity.
const LONGEST_ENTITY: usize = 16;

/// Entities as the letters that they stand for: those of XML, numbers, and the Danish ones. Another stays.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // Not further, or a page of nothing but `&` is read to its end for each.
        let known = from
            .bytes()
            .take(LONGEST_ENTITY)
            .position(|byte| byte == b';')
            .and_then(|end| Some((letter(from.get(1..end)?)?, from.get(end + 1..)?)));
        match known {
            Some((letter, after)) => {
                out.push(letter);
                rest = after;
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn letter(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "aelig" => 'æ',
        "oslash" => 'ø',
        "aring" => 'å',
        "AElig" => 'Æ',
        "Oslash" => 'Ø',
        "Aring" => 'Å',
        "eacute" => 'é',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::testing::damaged;

    const PAGE: &str = r##"<!DOCTYPE html><html><head><title>a < b</title>
        <script>var x = "<a href='/script'>nej</a>";</script><style>a > b {}</style></head><body>
        <!-- <a href="/kommentar">nej</a> -->
        <a name="top"></a><a href="#top">Op</a>
        <A class=x HREF='/media/8748/download?a=1&amp;b=2' target=_blank>Stamdata&nbsp;for <b>vindm&oslash;ller</b>
          (xlsx)</A>
        <a href=/media/9001/download>Anl&aelig;g&#32;2026<br/>ny<a href="https://b.dk/fil.zip">fil</a>
        <a data-x="a>b" href="rel/ativ.csv" disabled>&lt;CSV&gt; &ukendt; &</a></body></html>"##;

    #[test]
    fn links_are_found_however_they_are_written() {
        let found: Vec<(String, String)> = links(PAGE).into_iter().map(|link| (link.address, link.text)).collect();
        let expected = [
            ("#top", "Op"),
            ("/media/8748/download?a=1&b=2", "Stamdata for vindmøller (xlsx)"),
            ("/media/9001/download", "Anlæg 2026 ny"),
            ("https://b.dk/fil.zip", "fil"),
            ("rel/ativ.csv", "<CSV> &ukendt; &"),
        ];
        let expected: Vec<(String, String)> = expected
            .into_iter()
            .map(|(address, text)| (address.to_owned(), text.to_owned()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_page_that_is_cut_or_damaged_has_fewer_links_and_no_end_of_them() {
        for end in (0..PAGE.len()).filter(|end| PAGE.is_char_boundary(*end)) {
            assert!(links(&PAGE[..end]).len() <= 5);
        }
        for seed in 0..2_000 {
            let _ = links(&String::from_utf8_lossy(&damaged(PAGE.as_bytes(), seed)));
        }
        assert!(links(&"<a href=x>".repeat(20_000)).len() == 20_000);
        assert!(links(&"<".repeat(100_000)).is_empty());
        // Each `&` looks no further than an entity is long: else this takes a minute.
        let address = "&".repeat(1_000_000);
        assert_eq!(links(&format!("<a href='{address}'>x</a>"))[0].address, address);
    }
}
