//! The lake in the forms that others ask for.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use klimalade_export::{FormCode, cdp, inventory, sdmx};
use klimalade_model::{Fault, Result};
use klimalade_run::House;

use crate::{
    arguments::{Arguments, Export, ExportForm},
    out_file::OutFile,
    output::{self, note},
    setup::Ground,
};

/// `klimalade export`.
pub(crate) async fn export(arguments: &Arguments, asked: &Export) -> Result<u8> {
    check(asked)?;
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let house = ground.quiet_house(lake)?;
    let area = asked.area.as_deref().unwrap_or_default();
    match asked.form {
        ExportForm::Gpc | ExportForm::Crf => {
            let code = match asked.form {
                ExportForm::Gpc => FormCode::Gpc,
                _ => FormCode::Crf,
            };
            let table = inventory(&house, code, area, asked.year.unwrap_or_default()).await?;
            written(asked, |out| table.write(out))?;
        }
        ExportForm::Cdp => {
            let rows = cdp(&house, area, asked.year).await?;
            written(asked, |out| rows.write(out))?;
        }
        ExportForm::Sdmx => write_sdmx(&house, asked).await?,
    }
    if house.lake.simulated() {
        note(format!("SIMULATED figures: lake {}", house.lake.address()));
    }
    Ok(0)
}

/// What does not belong to the form is refused, not passed over. Errors: Settings.
fn check(asked: &Export) -> Result<()> {
    let is_sdmx = matches!(asked.form, ExportForm::Sdmx);
    let stray = match asked {
        Export { area: Some(_), .. } if is_sdmx => "--area",
        Export { year: Some(_), .. } if is_sdmx => "--year",
        Export { indicator, .. } if !is_sdmx && !indicator.is_empty() => "--indicator",
        _ => return Ok(()),
    };
    Err(Fault::settings("this form has no such choice")
        .at(stray)
        .hint(if is_sdmx {
            "klimalade query \"SELECT ...\" --out figures.csv writes what a question asks for"
        } else {
            "klimalade export sdmx takes --indicator"
        }))
}

/// On stdout, or into the file that is asked for.
fn written(asked: &Export, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let Some(path) = &asked.out else {
        let outcome = write(&mut BufWriter::new(io::stdout().lock()));
        return match outcome {
            // A reader that closed the pipe wants no more; that is no error of ours.
            Err(fault) if fault.found_text().is_some_and(|said| said.contains("Broken pipe")) => Ok(()),
            outcome => outcome,
        };
    };
    let mut out = OutFile::new(path, asked.force)?;
    write_whole(&mut out, write)?;
    out.keep()
}

fn write_whole(out: &mut OutFile, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let path = out.path().display().to_string();
    let mut buffer = BufWriter::new(out.file());
    let wrong = |source: io::Error| Fault::transient("the export cannot be written").found(source.to_string());
    write(&mut buffer)
        .and_then(|()| buffer.flush().map_err(wrong))
        .map_err(|fault| fault.at(path))
}

/// Two files of one folder: the figures and what they mean.
async fn write_sdmx(house: &House, asked: &Export) -> Result<()> {
    let mut export = sdmx(house, &asked.indicator).await?;
    let folder = asked.out.as_deref().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|source| {
        Fault::settings("the folder cannot be made")
            .at(folder.display().to_string())
            .because(source)
    })?;
    let mut structure = OutFile::new(&folder.join("structure.xml"), asked.force)?;
    let mut data = OutFile::new(&folder.join("observation.csv"), asked.force)?;
    write_whole(&mut structure, |out| export.write_structure(out))?;
    let path = data.path().display().to_string();
    let rows = export.write_data(data.file()).await.map_err(|fault| fault.at(path))?;
    structure.keep()?;
    data.keep()?;
    note(format!("{} rows", output::grouped(rows)));
    Ok(())
}
