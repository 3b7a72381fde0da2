//! Python packages of pinned versions, in a virtual environment under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::{
    place::{say, target},
    process::run_quietly,
};

/// A virtual environment that holds what one requirements file names.
#[derive(Debug)]
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// Makes it, or takes the one that an earlier run made from the same file.
    pub(crate) fn of(root: &Path, requirements: &str) -> Result<Self> {
        let path = root.join("tests/outside").join(requirements);
        let text = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let digest = Sha256::digest(&text);
        let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let folder = target(root).join("outside").join(format!("venv-{short}"));
        let venv = Self(folder.clone());
        let complete = folder.join("complete");
        if complete.is_file() {
            return Ok(venv);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).context("a half-made environment cannot be removed")?;
        }
        say(format!("installing {requirements} from PyPI"));
        run_quietly(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("python3 with its venv module is needed")?;
        run_quietly(
            venv.python()
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--requirement",
                ])
                .arg(&path),
        )?;
        fs::write(&complete, text)?;
        Ok(venv)
    }
    /// Its Python.
    pub(crate) fn python(&self) -> Command {
        Command::new(self.0.join("bin/python"))
    }
    /// A program that a package brought.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.0.join("bin").join(name))
    }
}
