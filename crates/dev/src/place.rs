//! Where things are, and where words go: data to stdout, complaints to stderr.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// What a command found wrong; empty is good.
pub(crate) type Findings = Vec<String>;

/// The workspace's root: the nearest folder above the working directory that holds crates/dev.
pub(crate) fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context("the working directory is gone")?;
    match here
        .ancestors()
        .find(|folder| folder.join("crates/dev/Cargo.toml").is_file())
    {
        Some(root) => Ok(root.to_owned()),
        None => bail!("cargo dev runs inside the workspace; {} is not in it", here.display()),
    }
}

/// Cargo's target folder for this workspace.
pub(crate) fn target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

/// One line on stdout. A closed pipe is nobody's fault.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", line.as_ref());
}

/// One line on stderr.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
