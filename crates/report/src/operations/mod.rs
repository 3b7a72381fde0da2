//! The operations page: what the last nights did, what needs somebody, how fresh each dataset is, what is due. It reads states,
//! ledger, rejects and controls of a lake; what time it is, is told. The same lake and time give the same bytes.

mod attention;
mod facts;
mod findings;
mod newest;
mod page;
mod sections;

use std::{fs, path::Path};

use arrow::array::RecordBatch;
use jiff::Timestamp;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result, Schemas};

pub use facts::LakeStatus;

use crate::text::Lang;

/// The report's style, then what this page has besides.
const STYLE: &str = concat!(
    include_str!("../assets/report.css"),
    include_str!("../assets/status.css")
);

/// Languages that the page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusLanguage {
    /// `status.html`.
    Danish,
    /// `status.en.html`.
    English,
}

/// The page, whole. What is read is escaped, and of what failed only the texts of faults are shown, which hold no secrets.
pub fn status_html(status: &LakeStatus, language: StatusLanguage) -> String {
    let lang = match language {
        StatusLanguage::Danish => Lang::Da,
        StatusLanguage::English => Lang::En,
    };
    page::page(status, lang)
}

/// The files of the page: Danish, English, style.
fn files(status: &LakeStatus) -> [(&'static str, String); 3] {
    [
        ("status.html", status_html(status, StatusLanguage::Danish)),
        ("status.en.html", status_html(status, StatusLanguage::English)),
        ("status.css", STYLE.to_owned()),
    ]
}

/// Writes the page into the lake, below `catalog/`. `pipelines` is what `Catalogue::described` gives. Errors: of the store.
pub async fn write_status(
    lake: &Lake,
    schemas: &Schemas,
    pipelines: &RecordBatch,
    now: Timestamp,
) -> Result<LakeStatus> {
    let status = LakeStatus::read(lake, schemas, pipelines, now).await?;
    for (name, text) in files(&status) {
        lake.put(&format!("catalog/{name}"), text).await?;
    }
    Ok(status)
}

/// Writes the page into a folder and nothing into the lake. Errors: of the store; Settings, when the folder cannot be written.
pub async fn write_status_to(
    lake: &Lake,
    schemas: &Schemas,
    pipelines: &RecordBatch,
    now: Timestamp,
    out: &Path,
) -> Result<LakeStatus> {
    let status = LakeStatus::read(lake, schemas, pipelines, now).await?;
    let fault = |why| {
        Fault::settings("the operations page cannot be written")
            .at(out.display().to_string())
            .because(why)
    };
    fs::create_dir_all(out).map_err(fault)?;
    for (name, text) in files(&status) {
        fs::write(out.join(name), text).map_err(fault)?;
    }
    Ok(status)
}
