//! Danish text: encodings, decimal comma, municipality codes.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult};
use klimalade_model::{Fault, Result};

use crate::{error::Error, value};

/// Character encoding of a text file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// UTF-8; other bytes are a Source fault.
    #[default]
    Utf8,
    /// Windows-1252, what Danish Excel exports. PC-Axis files call it `ansi`.
    Windows1252,
    /// ISO-8859-1 to the letter: 0x80-0x9F are control characters, not `€` and typographic quotes.
    Latin1,
    /// UTF-16, the lower byte first. Excel's "Unicode text" is such; it has a byte order mark.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
}

/// A number with decimal comma (`1234,5`). Errors: Contract, also for a point: whether `1.234` is one and a bit or
/// one thousand two hundred and thirty-four cannot be told, and StatBank's CSV has no thousands separators (2026-11-23).
pub fn decimal_comma(text: &str) -> Result<f64> {
    value::float(text, true).ok_or_else(|| {
        Fault::contract("not a number with decimal comma")
            .expected("digits, at most one comma, no thousands separator")
            .found(crate::error::shortened(text))
    })
}

/// A municipality code in four digits: `101`, `0101` and ` 101 ` are `0101`. Errors: Contract for anything that is not
/// a number from 100 to 999: a region (`1084`), the whole country (`000`), a name.
pub fn municipality_code(text: &str) -> Result<String> {
    let digits = text.trim();
    let is_number = matches!(digits.len(), 3 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(number @ 100..=999) if is_number => Ok(format!("{number:04}")),
        _ => Err(Fault::contract("not a municipality code")
            .expected("three digits, with or without a leading zero")
            .found(crate::error::shortened(text))),
    }
}

/// Bytes as UTF-8, whatever they are encoded in; a BOM is removed and wins over the declared encoding.
pub(crate) struct Decoded<R> {
    input: R,
    declared: Encoding,
    /// `None` until the first bytes were seen, or where the bytes are Latin-1.
    decoder: Option<Decoder>,
    started: bool,
    /// A letter was given.
    begun: bool,
    finished: bool,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    offset: u64,
}

const CHUNK: usize = 64 * 1024;
const BOM: &[u8] = "\u{feff}".as_bytes();

impl<R: Read> Decoded<R> {
    pub(crate) fn new(input: R, declared: Encoding) -> Self {
        Self {
            input,
            declared,
            decoder: None,
            started: false,
            begun: false,
            finished: false,
            raw: vec![0; CHUNK],
            text: Vec::new(),
            given: 0,
            offset: 0,
        }
    }

    /// Fills `raw` from `from` on until there are at least `least` bytes or the input ends. Returns the length.
    fn fill(&mut self, least: usize) -> io::Result<usize> {
        let mut length = 0;
        while length < least {
            match self.input.read(self.raw.get_mut(length..).unwrap_or_default()) {
                Ok(0) => {
                    self.finished = true;
                    break;
                }
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn next_text(&mut self) -> io::Result<()> {
        // Three bytes are enough to know any BOM.
        let length = self.fill(if self.started { 1 } else { 3 })?;
        let mut bytes = self.raw.get(..length).unwrap_or_default();
        if !self.started {
            self.started = true;
            let (encoding, mark) = match encoding_rs::Encoding::for_bom(bytes) {
                Some((encoding, mark)) => (Some(encoding), mark),
                None => match self.declared {
                    Encoding::Utf8 => (Some(encoding_rs::UTF_8), 0),
                    Encoding::Windows1252 => (Some(encoding_rs::WINDOWS_1252), 0),
                    Encoding::Latin1 => (None, 0),
                    Encoding::Utf16Le => (Some(encoding_rs::UTF_16LE), 0),
                    Encoding::Utf16Be => (Some(encoding_rs::UTF_16BE), 0),
                },
            };
            self.decoder = encoding.map(|encoding| encoding.new_decoder_without_bom_handling());
            bytes = bytes.get(mark..).unwrap_or_default();
            self.offset += mark as u64;
        }
        self.given = 0;
        let Some(decoder) = &mut self.decoder else {
            self.text.resize(bytes.len() * 2, 0);
            let written = encoding_rs::mem::convert_latin1_to_utf8(bytes, &mut self.text);
            self.text.truncate(written);
            return Ok(());
        };
        let room = decoder
            .max_utf8_buffer_length_without_replacement(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        self.text.resize(room, 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.finished);
        self.text.truncate(written);
        self.offset += read as u64;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            DecoderResult::OutputFull => Err(io::Error::other(Fault::bug(
                "a decoder asked for more room than it said",
            ))),
            DecoderResult::Malformed(..) => {
                let fault = Fault::from(Error::Malformed {
                    found: format!("bytes that are not {:?}", decoder.encoding().name()),
                });
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    fault
                        .at(format!("byte {}", self.offset))
                        .hint("encoding = \"windows-1252\""),
                ))
            }
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.finished {
                return Ok(0);
            }
            self.next_text()?;
            // A second BOM, of exports that were put together: the csv crate takes a piece that is nothing else for the end.
            while !self.begun && self.text.get(self.given..).is_some_and(|text| text.starts_with(BOM)) {
                self.given += BOM.len();
            }
            self.begun |= self.given < self.text.len();
        }
        let ready = self.text.get(self.given..).unwrap_or_default();
        let length = ready.len().min(out.len());
        if let (Some(target), Some(source)) = (out.get_mut(..length), ready.get(..length)) {
            target.copy_from_slice(source);
        }
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use klimalade_model::Kind;

    fn decoded(bytes: &[u8], encoding: Encoding) -> Result<String> {
        let mut text = String::new();
        Decoded::new(bytes, encoding)
            .read_to_string(&mut text)
            .map_err(crate::error::from_io)?;
        Ok(text)
    }

    #[test]
    fn danish_letters_survive_every_encoding() {
        assert_eq!(
            decoded("Århus Ærø ø".as_bytes(), Encoding::Utf8).unwrap(),
            "Århus Ærø ø"
        );
        assert_eq!(
            decoded(b"\xC5rhus \xC6r\xF8 \x80", Encoding::Windows1252).unwrap(),
            "Århus Ærø €"
        );
        assert_eq!(
            decoded(b"\xC5rhus \xC6r\xF8 \x80", Encoding::Latin1).unwrap(),
            "Århus Ærø \u{80}"
        );
    }

    #[test]
    fn a_byte_order_mark_is_removed_and_wins() {
        assert_eq!(decoded(b"\xEF\xBB\xBF\xC3\x86", Encoding::Utf8).unwrap(), "Æ");
        assert_eq!(decoded(b"\xEF\xBB\xBF\xC3\x86", Encoding::Windows1252).unwrap(), "Æ");
        assert_eq!(decoded(b"\xFF\xFE\xC6\x00r\x00", Encoding::Utf8).unwrap(), "Ær");
        assert_eq!(decoded(b"\xEF\xBB\xBF", Encoding::Latin1).unwrap(), "");
    }

    #[test]
    fn utf_16_is_read_in_either_order_with_or_without_a_mark_and_an_odd_byte_is_a_fault() {
        let text = "Ærø 😀 ".repeat(20_000);
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decoded(&little, Encoding::Utf16Le).unwrap(), text);
        assert_eq!(decoded(&big, Encoding::Utf16Be).unwrap(), text);
        assert_eq!(
            decoded(&[b"\xFE\xFF", big.as_slice()].concat(), Encoding::Utf16Le).unwrap(),
            text
        );
        assert_eq!(
            decoded(&little[..3], Encoding::Utf16Le).unwrap_err().kind(),
            Kind::Source
        );
    }

    #[test]
    fn a_byte_order_mark_that_stands_twice_is_removed_twice() {
        assert_eq!(
            decoded("\u{feff}\u{feff}Æ\u{feff}".as_bytes(), Encoding::Utf8).unwrap(),
            "Æ\u{feff}"
        );
        assert_eq!(decoded(b"\xFF\xFE\xFF\xFE\xC6\x00", Encoding::Utf8).unwrap(), "Æ");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_a_source_fault_with_their_place() {
        let fault = decoded(b"abc \xC5rhus", Encoding::Utf8).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.places()[0].starts_with("byte "), "{fault}");
    }

    #[test]
    fn a_letter_cut_in_the_middle_is_a_source_fault() {
        assert_eq!(decoded(b"\xC3", Encoding::Utf8).unwrap_err().kind(), Kind::Source);
    }

    #[test]
    fn letters_that_straddle_a_chunk_survive() {
        let text = "æ".repeat(CHUNK) + "x" + &"å".repeat(CHUNK);
        assert_eq!(decoded(text.as_bytes(), Encoding::Utf8).unwrap(), text);
    }

    #[test]
    fn a_decimal_comma_is_read_and_a_thousands_point_is_refused() {
        assert_eq!(decimal_comma("1234,5").unwrap(), 1234.5);
        assert_eq!(decimal_comma("-0,25").unwrap(), -0.25);
        for text in ["1.234", "1.234,5", "1,2,3", "", "1 234", "..", "1e999", "NaN", "inf"] {
            assert_eq!(decimal_comma(text).unwrap_err().kind(), Kind::Contract, "{text}");
        }
    }

    #[test]
    fn municipality_codes_have_four_digits() {
        for text in ["101", "0101", " 101 "] {
            assert_eq!(municipality_code(text).unwrap(), "0101");
        }
        assert_eq!(municipality_code("411").unwrap(), "0411");
    }

    #[test]
    fn a_region_the_country_or_a_name_is_no_municipality() {
        for text in ["1084", "000", "99", "084", "Århus", "", "00101", "+101", "10 1"] {
            assert_eq!(municipality_code(text).unwrap_err().kind(), Kind::Contract, "{text}");
        }
    }
}
