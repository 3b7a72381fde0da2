//! Where a command keeps what it does not keep: pages, spools, rehearsals.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use klimalade_model::{Fault, Result};
use tempfile::TempDir;

/// How the folders begin, in the system's folder for temporary files.
const PREFIX: &str = "klimalade-";
/// The file that is locked as long as the folder is used; the kernel unlocks it when a process is killed.
const LOCK: &str = "in-use";

/// A folder that goes with its process; what a killed one has left is removed by the next.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes it, below the system's folder for temporary files. Errors: Transient.
    pub(crate) fn new() -> Result<Self> {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Result<Self> {
        sweep(parent);
        let make = || -> std::io::Result<Self> {
            let folder = TempDir::with_prefix_in(PREFIX, parent)?;
            // Locked before it has its name, so that nobody meets it unlocked.
            let unnamed = folder.path().join("in-use.new");
            let lock = File::create(&unnamed)?;
            lock.lock()?;
            std::fs::rename(&unnamed, folder.path().join(LOCK))?;
            Ok(Self { folder, _lock: lock })
        };
        make().map_err(|source| {
            Fault::transient("no scratch folder can be made")
                .at(parent.display().to_string())
                .because(source)
                .hint("TMPDIR names the folder for temporary files")
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of processes that are no more. What cannot be looked at or removed is another user's, and stays.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else {
            continue;
        };
        match lock.try_lock() {
            Ok(()) => {
                // Nobody is hurt by one that stays.
                let _ = std::fs::remove_dir_all(entry.path());
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_is_in_use_stays() {
        let parent = TempDir::new().unwrap();
        let (left, foreign) = (
            parent.path().join("klimalade-dead"),
            parent.path().join("klimalade-other"),
        );
        std::fs::create_dir_all(left.join("spool")).unwrap();
        std::fs::create_dir(&foreign).unwrap();
        std::fs::write(left.join(LOCK), "").unwrap();
        std::fs::write(left.join("spool/page"), "x").unwrap();
        let used = Scratch::below(parent.path()).unwrap();
        let next = Scratch::below(parent.path()).unwrap();
        assert!(!left.exists(), "nobody holds its lock");
        assert!(foreign.exists(), "without a lock it is none of ours");
        assert!(used.path().join(LOCK).exists() && next.path().exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
