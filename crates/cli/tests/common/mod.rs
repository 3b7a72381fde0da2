//! The binary in folders of its own, away from the caller's settings.
#![allow(dead_code)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A folder with an empty home; lakes stand beside it.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("klimalade-binary-").unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
    pub(crate) fn lake(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// The binary with these arguments; nothing of the caller's environment reaches it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_klimalade"));
        command
            .args(arguments)
            .arg("--home")
            .arg(self.home())
            .current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KLIMALADE_")) {
            command.env_remove(name);
        }
        // A killed process leaves its scratch folder behind: here it goes with the test.
        command
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("NO_COLOR", "1")
            .env_remove("RUST_BACKTRACE");
        command
    }
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments).output().unwrap())
    }
    /// On a lake.
    pub(crate) fn say_on(&self, lake: &Path, arguments: &[&str]) -> Said {
        said(self.command(arguments).arg("--lake").arg(lake).output().unwrap())
    }
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Said {
    /// Exit code, stdout and stderr as one text, without what is another at each run.
    pub(crate) fn whole(&self, place: &Place) -> String {
        let mut text = format!("exit code {}\n", self.code.unwrap_or(-1));
        for (name, said) in [("stdout", &self.out), ("stderr", &self.err)] {
            for line in plain(said, place).lines() {
                text.push_str(format!("{name} | {line}").trim_end());
                text.push('\n');
            }
        }
        text
    }
}

/// What a command said, without temporary paths, the version, ports, hashes, times and durations.
pub(crate) fn plain(text: &str, place: &Place) -> String {
    let folder = place.folder.path().display().to_string();
    let text = text
        .replace(&folder, "")
        .replace(env!("CARGO_PKG_VERSION"), "<version>");
    let mut lines = Vec::new();
    for line in text.lines() {
        lines.push(plain_line(line));
    }
    let mut out = lines.join("\n");
    if text.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn plain_line(line: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in line.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':' | '.' | '_') {
            word.push(letter);
            continue;
        }
        out.push_str(&plain_word(&word));
        word.clear();
        if letter != '\n' {
            out.push(letter);
        }
    }
    // The night's table ends with seconds.
    match out.rsplit_once("  ") {
        Some((start, last)) if last.contains('.') && last.trim().parse::<f64>().is_ok() => {
            format!("{}  <seconds>", start.trim_end())
        }
        _ => out,
    }
}

fn plain_word(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if word.len() >= 32 && word.chars().all(|letter| letter.is_ascii_hexdigit()) {
        return "<hash>".to_owned();
    }
    if let Some(port) = word.strip_prefix("127.0.0.1:")
        && port.parse::<u16>().is_ok()
    {
        return "127.0.0.1:<port>".to_owned();
    }
    // 20261126T090000Z and what follows it, or 2026-11-26T09:00:00Z.
    if digits >= 14 && word.contains('T') && word.contains('Z') {
        return "<time>".to_owned();
    }
    word.to_owned()
}

/// Compares with tests/snapshots/<name>; KLIMALADE_ACCEPT=1 writes it.
#[track_caller]
pub(crate) fn snapshot(name: &str, text: &str) {
    same_as_file(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name),
        text,
    );
}

/// Compares with a file of the project; KLIMALADE_ACCEPT=1 writes it.
#[track_caller]
pub(crate) fn same_as_file(path: &Path, text: &str) {
    if std::env::var_os("KLIMALADE_ACCEPT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == text,
        "{0} differs; when the new text is right: KLIMALADE_ACCEPT=1 cargo test -p klimalade-cli --test command_line\n--- {0}\n{expected}\n--- now\n{text}",
        path.display()
    );
}
