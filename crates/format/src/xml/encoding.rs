//! The encoding that an XML declaration names.

use std::io::{Cursor, Read};

use klimalade_model::{Fault, Result};

use crate::{
    error::{from_io, shortened},
    text::{Decoded, Encoding},
};

/// Bytes in which a declaration must end.
const LONGEST_DECLARATION: u64 = 256;

/// `input` as UTF-8: a byte order mark wins over the declaration, as XML has it. Errors: Source, for an encoding that is not
/// known.
pub(super) fn decoded<'a>(mut input: Box<dyn Read + Send + 'a>) -> Result<Box<dyn Read + Send + 'a>> {
    let mut head = Vec::new();
    (&mut input)
        .take(LONGEST_DECLARATION)
        .read_to_end(&mut head)
        .map_err(from_io)?;
    let encoding = match declared(&head) {
        Some(name) => known(&name)?,
        None => Encoding::Utf8,
    };
    Ok(Box::new(Decoded::new(Cursor::new(head).chain(input), encoding)))
}

fn known(name: &str) -> Result<Encoding> {
    match name.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok(Encoding::Utf8),
        "windows-1252" | "cp1252" => Ok(Encoding::Windows1252),
        "iso-8859-1" | "latin1" => Ok(Encoding::Latin1),
        // Of two bytes a letter, so the declaration would not have been read as it was; the bytes are not.
        "utf-16" => Ok(Encoding::Utf8),
        _ => Err(Fault::source("the declaration names an encoding that is not known")
            .expected("UTF-8, UTF-16 with a byte order mark, ISO-8859-1 or Windows-1252")
            .found(shortened(name))),
    }
}

/// `<?xml version="1.0" encoding="ISO-8859-1"?>`: what stands in the quotes.
fn declared(head: &[u8]) -> Option<String> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(head.get(..end)?).ok()?.strip_prefix("<?xml")?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split(quote).next().map(str::to_owned)
}
