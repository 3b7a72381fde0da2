//! `klimalade template`: the workbook that somebody fills in and drops, made from what pipeline.toml says of its columns.

mod plan;
mod workbook;

use std::path::{Path, PathBuf};

use klimalade_model::{Fault, Result};

use crate::{
    arguments::{Arguments, Template},
    output::{data, note},
    setup::Ground,
};

pub(crate) use plan::Form;

/// `klimalade template`.
pub(crate) fn template(arguments: &Arguments, asked: &Template) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let form = Form::of(&ground.catalogue, &ground.schemas, &asked.pipeline)?;
    let path = match &asked.out {
        Some(path) => path.clone(),
        None => PathBuf::from(format!("{}.xlsx", asked.pipeline)),
    };
    if path.exists() && !asked.force {
        return Err(Fault::settings("there is a file of that name")
            .at(path.display().to_string())
            .hint("--force writes over it; --out names another"));
    }
    let mut filled = Vec::new();
    for fill in &asked.fill {
        filled.push(read_rows(&form, fill)?);
    }
    let bytes = workbook::write(&form, &filled)?;
    write(&path, &bytes)?;
    data(format!("wrote {}", path.display()));
    note(format!("filled in, it goes to {}", form.folder));
    note(format!("then: klimalade run {} --dry-run", form.pipelines.join(" ")));
    Ok(0)
}

/// Rows of one sheet, in the order of its headings.
pub(crate) struct Filled {
    pub(crate) sheet: String,
    pub(crate) rows: Vec<Vec<String>>,
}

/// `<sheet>=<file.csv>`, or the file alone where there is one sheet.
fn read_rows(form: &Form, fill: &str) -> Result<Filled> {
    let only = match form.sheets.as_slice() {
        [one] => Some(one.name.as_str()),
        _ => None,
    };
    let (name, path) = match (fill.split_once('='), only) {
        (Some((sheet, path)), _) => (sheet, path),
        (None, Some(sheet)) => (sheet, fill),
        (None, None) => {
            let names: Vec<&str> = form.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
            return Err(Fault::settings("the workbook has several sheets")
                .at("--fill")
                .found(fill.to_owned())
                .expected(names.join(", "))
                .hint(format!("--fill {}={fill}", names.first().unwrap_or(&"sheet"))));
        }
    };
    let sheet = form.sheet(name)?;
    let wrong = |found: String| {
        Fault::settings("the rows cannot be read")
            .at(path.to_owned())
            .found(found)
            .expected(format!("CSV with the headings {}", sheet.titles().join(",")))
            .hint(format!(
                "head -1 {path} shows its headings; spell them as the workbook does"
            ))
    };
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    if let Some(unknown) = header.iter().find(|title| !sheet.titles().contains(title)) {
        return Err(wrong(format!("the heading {unknown}")));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let cell = |title: &&str| {
            header
                .iter()
                .position(|other| other == *title)
                .and_then(|at| record.get(at))
        };
        let titles = sheet.titles();
        rows.push(
            titles
                .iter()
                .map(|title| cell(title).unwrap_or_default().to_owned())
                .collect(),
        );
    }
    Ok(Filled {
        sheet: name.to_owned(),
        rows,
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|source| {
        Fault::settings("the workbook cannot be written")
            .at(path.display().to_string())
            .because(source)
            .hint("--out <file.xlsx>")
    })
}
