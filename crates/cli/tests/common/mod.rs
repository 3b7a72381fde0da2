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

/// Compares with tests/snapshots/<name>; KLIMALADE_ACCEPT=1 writes it.
#[track_caller]
pub(crate) fn snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("KLIMALADE_ACCEPT").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} differs; when the new text is right: KLIMALADE_ACCEPT=1 cargo test -p klimalade-cli --test command_line\n--- {}\n{expected}\n--- now\n{text}",
        path.display()
    );
}
