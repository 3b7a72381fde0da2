//! What municipalities, regions and agencies hand in as workbooks: the files of the demo's drop folder.

mod figures;
mod plans;
mod plants;
mod survey;
mod workbook;

use std::path::Path;

use klimalade_model::{Fault, Result};

use crate::{Script, world::World};

pub(crate) use workbook::{Cell, Sheet, workbook};

/// One file that somebody dropped.
#[derive(Clone, Debug)]
pub(crate) struct Dropped {
    /// Below the drop folder: `puls/2025.xlsx`.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// Writes the files of the drop folder below `folder`. The same script gives the same bytes. Errors: Settings, when it
/// cannot be written.
pub fn write_drops(script: Script, folder: &Path) -> Result<()> {
    let world = World::new(script)?;
    for dropped in files(&world)? {
        let path = folder.join(&dropped.path);
        let parent = path.parent().unwrap_or(folder);
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, &dropped.bytes));
        written.map_err(|source| {
            Fault::settings("the demo's drop folder cannot be written")
                .at(path.display().to_string())
                .because(source)
                .hint("TMPDIR=<a folder with room>")
        })?;
    }
    Ok(())
}

fn files(world: &World) -> Result<Vec<Dropped>> {
    let mut files = plans::files(world)?;
    files.extend(survey::files(world)?);
    files.extend(figures::files(world)?);
    files.extend(plants::files(world)?);
    Ok(files)
}
