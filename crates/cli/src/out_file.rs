//! A file that somebody asked for: whole, or not there.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use klimalade_model::{Fault, Result};
use tempfile::NamedTempFile;

/// A file that gets its name when all of it is written.
#[derive(Debug)]
pub(crate) struct OutFile {
    path: PathBuf,
    file: NamedTempFile,
    force: bool,
}

impl OutFile {
    /// Errors: Settings, when there is one of that name and it may not be written over, or no folder for it.
    pub(crate) fn new(path: &Path, force: bool) -> Result<Self> {
        if path.exists() && !force {
            return Err(taken(path));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(Fault::settings("there is no such folder")
                .at(folder.display().to_string())
                .hint(format!("mkdir -p {}", folder.display())));
        }
        let made = tempfile::Builder::new().prefix(".klimalade-").tempfile_in(folder);
        let file = made.map_err(|source| unwritable(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            force,
        })
    }

    /// Where it will stand.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What to write to.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives it its name. Errors: Settings, when somebody else took it meanwhile.
    pub(crate) fn keep(self) -> Result<()> {
        readable_by_others(self.file.as_file()).map_err(|source| unwritable(&self.path, source))?;
        let kept = if self.force {
            self.file.persist(&self.path)
        } else {
            self.file.persist_noclobber(&self.path)
        };
        match kept {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&self.path)),
            Err(error) => Err(unwritable(&self.path, error.error)),
        }
    }
}

/// A temporary file is its owner's alone; one that was asked for is as `umask` would have it, or nearly.
#[cfg(unix)]
fn readable_by_others(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_: &File) -> io::Result<()> {
    Ok(())
}

fn taken(path: &Path) -> Fault {
    Fault::settings("there is a file of that name")
        .at(path.display().to_string())
        .hint("--force writes over it; --out names another")
}

fn unwritable(path: &Path, source: io::Error) -> Fault {
    Fault::settings("the file cannot be written")
        .at(path.display().to_string())
        .found(source.kind().to_string())
}
