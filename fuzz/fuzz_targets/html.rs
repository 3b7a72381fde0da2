//! The links of a page, however broken it is.
#![no_main]

use klimalade_format::html;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let page = String::from_utf8_lossy(data);
    let found = html::links(&page);
    let tags = page.as_bytes().windows(2).filter(|two| two.eq_ignore_ascii_case(b"<a"));
    assert!(found.len() <= tags.count());
    // An entity is never shorter than what it stands for.
    assert!(found.iter().map(|link| link.address.len()).sum::<usize>() <= page.len());
    for link in &found {
        assert!(link.text.len() <= 2_000, "{} bytes of text", link.text.len());
    }
    // Written anew, without a letter that means something to HTML, they are the same links.
    let short: Vec<_> = found.into_iter().filter(|link| link.text.len() < 40).collect();
    let written: String = short
        .iter()
        .map(|link| format!("<p><a\nhref = '{}'>{}</a>", spelled(&link.address), spelled(&link.text)))
        .collect();
    assert_eq!(html::links(&written), short);
});

fn spelled(text: &str) -> String {
    let letter = |letter: char| match letter.is_ascii_alphanumeric() {
        true => letter.to_string(),
        false => format!("&#{};", u32::from(letter)),
    };
    text.chars().map(letter).collect()
}
