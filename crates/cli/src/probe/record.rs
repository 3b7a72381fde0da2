//! The answers as `klimalade test` replays them.

use std::path::{Path, PathBuf};

use futures::StreamExt;
use klimalade_connect::Page;
use klimalade_format::json;
use klimalade_model::{Fault, Result};
use klimalade_testkit::serve::RecordedAnswer;

use super::{ask::Asked, forms, sample::has_rows};
use crate::{
    connectors::registry,
    recorded::{content_type, loopback},
    recording::Recording,
    setup::Ground,
};

/// Rows that are kept of a large page.
const KEPT_ROWS: usize = 20;
/// A smaller page is kept whole.
const LARGE_BYTES: usize = 64 * 1024;

/// One answer.
pub(super) struct Answer {
    pub(super) ending: &'static str,
    pub(super) body: Vec<u8>,
}

/// The answers, and whether the last was cut.
pub(super) struct Answers {
    pub(super) answers: Vec<Answer>,
    pub(super) recording: Recording,
    pub(super) cut_to_rows: Option<usize>,
}

/// What is to be saved. The last answer is cut to its first rows where it is large and what is left is still read by
/// plan and fetch as a night reads it. Errors: Bug, where a stored page cannot be read.
pub(super) async fn answers(ground: &Ground, asked: &Asked, now: jiff::Timestamp) -> Result<Answers> {
    let mut answers = Vec::new();
    for page in &asked.answers {
        let body = page
            .read()
            .map_err(|source| Fault::bug("a stored page cannot be read").because(source))?;
        answers.push(Answer {
            ending: ending(&body, &asked.settings),
            body,
        });
    }
    let recording = Recording::new(now, &asked.part);
    let mut cut_to_rows = None;
    if let Some(short) = short(asked)?
        && let Some(last) = answers.last_mut()
    {
        let whole = std::mem::replace(&mut last.body, short);
        if replays(ground, asked, &answers, &recording).await.is_ok() {
            cut_to_rows = Some(KEPT_ROWS);
        } else if let Some(last) = answers.last_mut() {
            last.body = whole;
        }
    }
    Ok(Answers {
        answers,
        recording,
        cut_to_rows,
    })
}

fn ending(body: &[u8], settings: &serde_json::Value) -> &'static str {
    let is_sheet = settings.pointer("/format/type").and_then(serde_json::Value::as_str) == Some("sheet");
    match body {
        // The first member of an ODS says what it is, by its name and unpacked.
        [b'P', b'K', ..] if is_sheet && body.get(30..38) == Some(b"mimetype") => return "ods",
        [b'P', b'K', ..] if is_sheet && settings.get("unpack").is_none() => return "xlsx",
        [b'P', b'K', ..] => return "zip",
        [0x1F, 0x8B, ..] => return "gz",
        _ => {}
    }
    let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    match text.first() {
        Some(b'{' | b'[') => "json",
        Some(b'<') => "xml",
        _ => "csv",
    }
}

/// The page with its first rows only: lines of delimited text, elements of an array. Everything else stands as served.
fn short(asked: &Asked) -> Result<Option<Vec<u8>>> {
    let unreadable = |source| Fault::bug("a stored page cannot be read").because(source);
    if asked.page.entry.bytes < LARGE_BYTES as u64 || asked.name == "statbank" {
        return Ok(None);
    }
    let body = asked.page.read().map_err(unreadable)?;
    let ending = ending(&body, &asked.settings);
    if !matches!(ending, "csv" | "json") {
        return Ok(None);
    }
    if ending == "csv" {
        let skipped = asked
            .settings
            .pointer("/format/skip_lines")
            .and_then(serde_json::Value::as_u64);
        let lines = KEPT_ROWS + 1 + usize::try_from(skipped.unwrap_or(0)).unwrap_or(0);
        return Ok(first_lines(&body, lines).map(<[u8]>::to_vec));
    }
    let Some(rows) = forms::rows_of(&asked.page) else {
        return Ok(None);
    };
    let input = asked.page.open().map_err(unreadable)?;
    let Some(beyond) = json::beyond(input, &rows, KEPT_ROWS)? else {
        return Ok(None);
    };
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
    let (head, tail) = (body.get(..at(beyond.start)), body.get(at(beyond.end)..));
    Ok(head.zip(tail).map(|(head, tail)| [head, tail].concat()))
}

/// So many lines; a line end in quotes is none. `None` where there are no more.
fn first_lines(body: &[u8], lines: usize) -> Option<&[u8]> {
    let (mut quoted, mut seen) = (false, 0);
    for (at, byte) in body.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => seen += 1,
            _ => {}
        }
        if seen == lines {
            return body.get(..=at).filter(|short| short.len() < body.len());
        }
    }
    None
}

/// Whether plan and one page of fetch go through over these answers, and the page has rows.
async fn replays(ground: &Ground, asked: &Asked, answers: &[Answer], recording: &Recording) -> Result<()> {
    let served = answers
        .iter()
        .map(|answer| RecordedAnswer::ok(content_type(answer.ending), answer.body.clone()))
        .collect();
    let (_server, context) = loopback(ground, served, recording).await?;
    let mut settings = asked.settings.clone();
    recording.serve_files(&asked.name, &mut settings, 1);
    let connector = registry().open(&asked.name, settings)?;
    let nothing = || Fault::source("the recorded answers are not those of a part");
    let parts = connector.plan(&context).await?;
    let part = parts.iter().find(|part| recording.is_of(part)).ok_or_else(nothing)?;
    let page: Page = connector.fetch(part, &context).next().await.ok_or_else(nothing)??;
    match has_rows(connector.as_ref(), part, &page)? {
        true => Ok(()),
        false => Err(nothing()),
    }
}

/// Whether answers are recorded in the folder.
pub(super) fn are_there(tests: &Path) -> bool {
    names(tests).next().is_some()
}

fn names(tests: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(tests).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("answer-"))
    })
}

/// Writes the answers in the place of those that are there. Gives their files. Errors: Settings.
pub(super) fn save(tests: &Path, answers: &Answers) -> Result<Vec<PathBuf>> {
    let refused = |source: std::io::Error| {
        Fault::settings("the answers cannot be saved")
            .at(tests.display().to_string())
            .because(source)
            .hint("--home names the folder above pipelines/")
    };
    std::fs::create_dir_all(tests).map_err(refused)?;
    for old in names(tests) {
        std::fs::remove_file(old).map_err(refused)?;
    }
    let mut saved = Vec::new();
    for (at, answer) in answers.answers.iter().enumerate() {
        let file = tests.join(format!("answer-{}.{}", at + 1, answer.ending));
        std::fs::write(&file, &answer.body).map_err(refused)?;
        saved.push(file);
    }
    let file = tests.join(Recording::FILE);
    std::fs::write(&file, answers.recording.text()).map_err(refused)?;
    saved.push(file);
    Ok(saved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_in_quotes_ends_no_line() {
        let body = b"a;b\n\"x\ny\";1\nz;2\nw;3\n";
        assert_eq!(first_lines(body, 3), Some(&b"a;b\n\"x\ny\";1\nz;2\n"[..]));
        assert_eq!(first_lines(body, 4), None, "there is nothing behind them");
        assert_eq!(first_lines(body, 9), None);
    }
}
