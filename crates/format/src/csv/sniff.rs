//! What delimited text looks like, for somebody who has a file and no description of it.

use std::io::Read;

use klimalade_model::Result;

use crate::{error::from_io, text::Encoding};

/// So much of the text is looked at for its structure; the encoding is known from all of it.
const HEAD_BYTES: usize = 64 * 1024;
/// Lines looked at.
const LINES: usize = 200;
const DELIMITERS: [u8; 4] = *b";\t,|";

/// How delimited text seems to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// UTF-8 where every byte is, else Windows-1252: it differs from Latin-1 in what no Danish table holds.
    pub encoding: Encoding,
    /// Between cells.
    pub delimiter: u8,
    /// More cells are numbers with a comma than with a point.
    pub decimal_comma: bool,
    /// Lines before the header, which have fewer cells: a title, an empty line.
    pub skip_lines: usize,
}

/// Looks at the whole input for its encoding and at its first lines for the rest. `None` where no delimiter makes
/// columns of it. Errors: Transient, where it cannot be read.
pub fn sniff(mut input: impl Read) -> Result<Option<Sniffed>> {
    let mut head = Vec::new();
    input
        .by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(from_io)?;
    let is_whole = head.len() < HEAD_BYTES;
    let encoding = match is_utf8(&head, input)? {
        true => Encoding::Utf8,
        false => Encoding::Windows1252,
    };
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(&head),
        _ => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&head).0,
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut lines: Vec<&str> = text.lines().take(LINES).collect();
    if !is_whole {
        lines.pop();
    }
    let best = DELIMITERS
        .iter()
        .filter_map(|delimiter| Some((shape(&lines, *delimiter)?, *delimiter)))
        .max_by_key(|((agreeing, cells, _), _)| (*agreeing, *cells));
    let Some(((_, _, skip_lines), delimiter)) = best else {
        return Ok(None);
    };
    let (mut commas, mut points) = (0, 0);
    for line in lines.iter().skip(skip_lines + 1) {
        for cell in cells(line, delimiter) {
            let cell = cell.trim().trim_matches('"');
            commas += usize::from(is_number(cell, ','));
            points += usize::from(is_number(cell, '.'));
        }
    }
    Ok(Some(Sniffed {
        encoding,
        delimiter,
        decimal_comma: delimiter != b',' && commas > points,
        skip_lines,
    }))
}

/// Lines that agree in their number of cells, that number, and the lines before the first of them. `None` where most
/// lines do not agree.
fn shape(lines: &[&str], delimiter: u8) -> Option<(usize, usize, usize)> {
    let counts: Vec<usize> = lines.iter().map(|line| cells(line, delimiter).len()).collect();
    let mut by_count = std::collections::BTreeMap::new();
    for count in counts.iter().filter(|count| **count > 1) {
        *by_count.entry(*count).or_insert(0_usize) += 1;
    }
    let (count, agreeing) = by_count.into_iter().max_by_key(|(count, lines)| (*lines, *count))?;
    let skip_lines = counts.iter().position(|found| *found == count)?;
    let data = lines.iter().skip(skip_lines).filter(|line| !line.is_empty()).count();
    (agreeing * 5 >= data * 4).then_some((agreeing, count, skip_lines))
}

/// The cells of one line; a delimiter in quotes is none.
fn cells(line: &str, delimiter: u8) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut begin, mut quoted) = (0, false);
    for (at, byte) in line.bytes().enumerate() {
        if byte == b'"' {
            quoted = !quoted;
        } else if byte == delimiter && !quoted {
            found.extend(line.get(begin..at));
            begin = at + 1;
        }
    }
    found.extend(line.get(begin..));
    found
}

/// Digits, `mark`, digits; dots before a comma part thousands.
fn is_number(cell: &str, mark: char) -> bool {
    let Some((whole, fraction)) = cell.trim_start_matches(['-', '+']).split_once(mark) else {
        return false;
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = if mark == ',' {
        whole.replace('.', "")
    } else {
        whole.to_owned()
    };
    is_digits(&whole) && is_digits(fraction)
}

/// Whether head and rest are UTF-8, a letter over the border included.
fn is_utf8(head: &[u8], mut rest: impl Read) -> Result<bool> {
    let mut chunk = vec![0; HEAD_BYTES];
    let mut open = head.to_vec();
    loop {
        let valid = match std::str::from_utf8(&open) {
            Ok(_) => open.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Ok(false),
        };
        open.drain(..valid);
        let length = rest.read(&mut chunk).map_err(from_io)?;
        if length == 0 {
            return Ok(open.is_empty());
        }
        open.extend_from_slice(chunk.get(..length).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sniffed(bytes: &[u8]) -> Option<Sniffed> {
        sniff(bytes).unwrap()
    }

    #[test]
    fn what_danish_excel_writes_is_known() {
        let found = sniffed(b"Kommune;\xC5r;Km\n\xC5rhus;2023;412,5\nL\xE6s\xF8;2023;7\n").unwrap();
        assert_eq!(
            found,
            Sniffed {
                encoding: Encoding::Windows1252,
                delimiter: b';',
                decimal_comma: true,
                skip_lines: 0
            }
        );
    }

    #[test]
    fn commas_between_cells_and_points_in_numbers_are_known() {
        let found = sniffed("kommune,km\nÅrhus,412.5\n\"Læsø, øen\",7.25\n".as_bytes()).unwrap();
        assert_eq!(
            (found.encoding, found.delimiter, found.decimal_comma),
            (Encoding::Utf8, b',', false)
        );
    }

    #[test]
    fn a_title_above_the_header_is_skipped() {
        let text = "Cykelstier 2023, opgjort af kommunerne\n\nkommune\tkm\nAarhus\t1.412,5\nOdense\t300\n";
        let found = sniffed(text.as_bytes()).unwrap();
        assert_eq!(
            (found.delimiter, found.skip_lines, found.decimal_comma),
            (b'\t', 2, true)
        );
    }

    #[test]
    fn an_other_byte_far_behind_is_seen() {
        let mut bytes = b"a;b\n".repeat(40_000);
        assert_eq!(sniffed(&bytes).unwrap().encoding, Encoding::Utf8);
        bytes.extend(b"\xC5;1\n");
        assert_eq!(sniffed(&bytes).unwrap().encoding, Encoding::Windows1252);
        let letters = format!("a;b\n{}", "æ;1\n".repeat(40_000));
        assert_eq!(sniffed(letters.as_bytes()).unwrap().encoding, Encoding::Utf8);
        assert_eq!(
            sniffed(format!("x{letters}").as_bytes()).unwrap().encoding,
            Encoding::Utf8
        );
    }

    #[test]
    fn what_makes_no_columns_is_none() {
        for text in [
            "",
            "kommune\nAarhus\n",
            "[{\"a\":1}]",
            "<html>\n<body>\n</body>\n</html>\n",
        ] {
            assert_eq!(sniffed(text.as_bytes()), None, "{text}");
        }
    }
}
