//! What the outside tests share: where the real answers lie, and how a test says that it was skipped.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Environment variable that names the folder of real answers. Where it is set the folder must be there.
pub const REAL: &str = "KLIMALADE_REAL";

/// The folder of the agencies' real answers: the one that [`REAL`] names, else `../shared/real` beside the workspace.
/// `None` where there is none and none was asked for; the reason is then said on stderr, past the test harness's
/// capture, so that a skipped test is never taken for one that passed in silence.
///
/// # Panics
/// Where [`REAL`] names a folder that is not there: a stage that promises real answers must not pass without them.
pub fn real_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/real");
    let folder = folder_of(std::env::var_os(REAL).map(PathBuf::from), beside);
    if folder.is_none() {
        say_skipped(&format!("no real answers here; {REAL} names their folder"));
    }
    folder
}

fn folder_of(named: Option<PathBuf>, beside: PathBuf) -> Option<PathBuf> {
    if let Some(folder) = named {
        assert!(folder.is_dir(), "{REAL} names {}, which is no folder", folder.display());
        return Some(folder);
    }
    beside.is_dir().then_some(beside)
}

/// Says on stderr that the running test is skipped, and why.
pub fn say_skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Straight to the file descriptor: the harness captures print macros only. A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "KLIMALADE_REAL names /no/such/folder")]
    fn a_named_folder_that_is_absent_fails_also_where_there_is_another() {
        folder_of(Some("/no/such/folder".into()), std::env::temp_dir());
    }

    #[test]
    fn the_named_folder_comes_before_the_one_beside_and_neither_is_none() {
        let (named, beside) = (std::env::temp_dir(), PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        assert_eq!(folder_of(Some(named.clone()), beside.clone()), Some(named));
        assert_eq!(folder_of(None, beside.clone()), Some(beside));
        assert_eq!(folder_of(None, "/no/such/folder".into()), None);
    }
}

/// The guide's example is compiled and run as it stands.
#[cfg(doctest)]
#[doc = include_str!("../../connectors/README.md")]
mod connectors_guide {}
