//! Settings that a page shows to be wrong: how a file is written, where the rows of an answer are.

use std::io::Read;

use klimalade_connect::Page;
use klimalade_format::{
    archive::{Archive, UnpackOptions, is_archive},
    csv::{Sniffed, sniff},
    sheet::{self, SeenTable},
    text::Encoding,
};
use klimalade_model::{Fault, Result};
use serde_json::{Value, json};

/// Answers larger than this are not parsed as a whole in search of their rows.
const LARGEST_BYTES: u64 = 64 << 20;
/// Levels of objects that are looked through.
const DEEPEST: usize = 3;

/// A setting of `[source]` that must be another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Correction {
    /// Keys on the way.
    pub(super) path: &'static [&'static str],
    pub(super) value: Value,
}

impl Correction {
    /// Sets it.
    pub(super) fn apply(&self, settings: &mut Value) {
        let mut at = settings;
        for key in self.path {
            let Some(table) = at.as_object_mut() else { return };
            at = table.entry(*key).or_insert_with(|| json!({}));
        }
        *at = self.value.clone();
    }

    /// As somebody would write it.
    pub(super) fn line(&self) -> String {
        format!("{} = {}", self.path.join("."), self.value)
    }
}

/// The settings of a file as which it is asked for as the other form; `None` for other connectors.
pub(super) fn of_other_form(connector: &str, settings: &Value) -> Option<Value> {
    let kind = settings
        .pointer("/format/type")
        .and_then(Value::as_str)
        .filter(|_| connector == "file")?;
    let other = if kind == "csv" { "json" } else { "csv" };
    let mut settings = settings.clone();
    *settings.pointer_mut("/format")? = json!({ "type": other });
    Some(settings)
}

/// What must be another for this page to be read. Errors: where the stored page cannot be read.
pub(super) fn corrections(connector: &str, settings: &Value, page: &Page) -> Result<Vec<Correction>> {
    match connector {
        "file" => file(settings, page),
        "rest" => {
            let Some(rows) = rows_of(page).filter(|rows| !has_rows(page, settings.get("rows")) && !rows.is_empty())
            else {
                return Ok(Vec::new());
            };
            Ok(vec![Correction {
                path: &["rows"],
                value: rows.into(),
            }])
        }
        _ => Ok(Vec::new()),
    }
}

fn file(settings: &Value, page: &Page) -> Result<Vec<Correction>> {
    let format = settings.get("format").cloned().unwrap_or_default();
    let text = |key: &str, default: &str| format.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    // What is unpacked, and where the records of XML are, somebody has said.
    if text("type", "") == "xml" {
        return Ok(Vec::new());
    }
    if begins_as_archive(page)? {
        return packed(settings, &format, page);
    }
    if let Some(rows) = rows_of(page) {
        if text("type", "") == "json" && has_rows(page, format.get("rows")) {
            return Ok(Vec::new());
        }
        let value = match rows.is_empty() {
            true => json!({ "type": "json" }),
            false => json!({ "type": "json", "rows": rows }),
        };
        return Ok(vec![Correction {
            path: &["format"],
            value,
        }]);
    }
    let input = page
        .open()
        .map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
    // Names that somebody wrote down mean that there is no header that could be found.
    let Some(seen) = sniff(input)?.filter(|_| format.get("column_names").is_none()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut differs = |path: &'static [&'static str], is: Value, should: Value| {
        if is != should {
            found.push(Correction { path, value: should });
        }
    };
    differs(&["format", "type"], text("type", "csv").into(), "csv".into());
    differs(
        &["format", "delimiter"],
        text("delimiter", ";").into(),
        (seen.delimiter as char).to_string().into(),
    );
    differs(
        &["format", "encoding"],
        text("encoding", "utf-8").into(),
        encoding(&seen, &text("encoding", "utf-8")).into(),
    );
    let decimal = if seen.decimal_comma { "," } else { "." };
    // A page without a fraction shows no mark, and what is configured may be known better.
    if seen.decimal_comma || text("decimal", ".") == "," && seen.delimiter == b',' {
        differs(&["format", "decimal"], text("decimal", ".").into(), decimal.into());
    }
    let skip_lines = format.get("skip_lines").and_then(Value::as_u64).unwrap_or(0);
    differs(
        &["format", "skip_lines"],
        skip_lines.into(),
        (seen.skip_lines as u64).into(),
    );
    Ok(found)
}

fn begins_as_archive(page: &Page) -> Result<bool> {
    let mut head = Vec::new();
    let read = page.open().and_then(|input| input.take(4).read_to_end(&mut head));
    read.map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
    Ok(is_archive(&head))
}

/// A workbook without a layout gets that of its longest table; an archive of several members gets the name of the first.
fn packed(settings: &Value, format: &Value, page: &Page) -> Result<Vec<Correction>> {
    let has_layout = format
        .get("layout")
        .and_then(Value::as_array)
        .is_some_and(|layouts| !layouts.is_empty());
    if has_layout {
        return Ok(Vec::new());
    }
    let input = page
        .open()
        .map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
    let is_sheet = format.get("type").and_then(Value::as_str) == Some("sheet");
    let is_unpacked = settings.get("unpack").is_some();
    match sheet::look(input, LARGEST_BYTES) {
        Ok(tables) if !is_unpacked || is_sheet => {
            let longest = tables.iter().max_by_key(|table| table.rows);
            return Ok(longest.map(layout).into_iter().collect());
        }
        Err(fault) if is_sheet && !is_unpacked => return Err(fault),
        Ok(_) | Err(_) => {}
    }
    let every = UnpackOptions {
        several: true,
        ..UnpackOptions::default()
    };
    let archive = Archive::open(page.path(), &every)?;
    let pattern = settings.pointer("/unpack/member").and_then(Value::as_str);
    let member = match (archive.names().as_slice(), pattern) {
        ([_], Some(_)) => return Ok(Vec::new()),
        ([_], None) => "*".to_owned(),
        ([first, ..], None | Some("*")) => (*first).to_owned(),
        _ => return Ok(Vec::new()),
    };
    Ok(vec![Correction {
        path: &["unpack"],
        value: json!({ "member": member }),
    }])
}

fn layout(table: &SeenTable) -> Correction {
    let columns: Vec<&String> = table.headings.iter().take(2).collect();
    Correction {
        path: &["format"],
        value: json!({ "type": "sheet", "layout": [
            { "sheet": table.sheet, "header_row": table.header_row, "columns": columns },
        ] }),
    }
}

/// Letters of Latin-1 and Windows-1252 are one: what is configured stays where it fits.
fn encoding(seen: &Sniffed, configured: &str) -> String {
    match seen.encoding {
        Encoding::Utf8 => "utf-8",
        _ if configured == "latin1" => "latin1",
        _ => "windows-1252",
    }
    .to_owned()
}

/// The dotted path to the first array of objects of a JSON page; empty where the page is the array. `None` where it is
/// no JSON, or has none.
pub(super) fn rows_of(page: &Page) -> Option<String> {
    let value = parsed(page)?;
    path_to_rows(&value, DEEPEST)
}

fn parsed(page: &Page) -> Option<Value> {
    if page.entry.bytes > LARGEST_BYTES {
        return None;
    }
    let body = page.read().ok()?;
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&body);
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')).then(|| serde_json::from_slice(body).ok())?
}

fn path_to_rows(value: &Value, levels: usize) -> Option<String> {
    match value {
        Value::Array(rows) => rows.first().is_some_and(Value::is_object).then(String::new),
        Value::Object(members) if levels > 0 => {
            let is_rows = |(_, member): &(&String, &Value)| matches!(member, Value::Array(rows) if rows.first().is_some_and(Value::is_object));
            // `links` are a page's own, not its rows.
            let direct = members.iter().filter(|(key, _)| *key != "links").find(is_rows);
            if let Some((key, _)) = direct {
                return Some(key.clone());
            }
            members
                .iter()
                .filter(|(_, member)| member.is_object())
                .find_map(|(key, member)| Some(format!("{key}.{}", path_to_rows(member, levels - 1)?)))
        }
        _ => None,
    }
}

/// Whether the page has an array where the settings say.
fn has_rows(page: &Page, configured: Option<&Value>) -> bool {
    let path = configured.and_then(Value::as_str).unwrap_or_default();
    let Some(value) = parsed(page) else { return false };
    let mut at = Some(&value);
    for key in path.split('.').filter(|key| !key.is_empty()) {
        at = at.and_then(|value| value.get(key));
    }
    at.is_some_and(Value::is_array)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn lines(connector: &str, settings: Value, body: &[u8]) -> Vec<String> {
        let page = Page::from_bytes("/", body).unwrap();
        let found = corrections(connector, &settings, &page).unwrap();
        found.iter().map(Correction::line).collect()
    }

    #[test]
    fn how_a_file_is_written_is_said_where_it_is_configured_otherwise() {
        let body = b"By;\xC5r;Km\nK\xF8ge;2023;1,5\nS\xF8by;2023;2\n";
        let csv = |more: Value| {
            let mut format = json!({ "type": "csv" });
            format
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({ "format": format })
        };
        assert_eq!(
            lines("file", csv(json!({})), body),
            [r#"format.encoding = "windows-1252""#, r#"format.decimal = ",""#]
        );
        let right = csv(json!({ "encoding": "latin1", "decimal": "," }));
        assert_eq!(lines("file", right, body), [""; 0], "Latin-1 reads the same letters");
        assert_eq!(lines("file", csv(json!({ "decimal": "," })), b"a,b\n1.5,2\n").len(), 2);
        let named = csv(json!({ "column_names": ["a", "b"] }));
        assert_eq!(lines("file", named, b"1,2\n3,4\n"), [""; 0]);
    }

    #[test]
    fn where_the_rows_are_is_said_where_it_is_configured_otherwise() {
        let body = br#"{"links":[{"rel":"self"}],"result":{"records":[{"a":1}]}}"#;
        assert_eq!(lines("rest", json!({}), body), [r#"rows = "result.records""#]);
        assert_eq!(lines("rest", json!({ "rows": "result.records" }), body), [""; 0]);
        assert_eq!(
            lines("file", json!({ "format": { "type": "csv" } }), br#"[{"a":1}]"#),
            [r#"format = {"type":"json"}"#]
        );
    }
}
