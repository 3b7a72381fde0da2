//! The workbooks of the Energy Agency, of the ministry above it and of Energinet, each at one address. They are one
//! edition, the same in every night.

mod heat;
mod inventory;
mod turbines;

#[cfg(test)]
mod tests;

use axum::http::Method;
use klimalade_model::{Result, sha256_hex};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    drops::{Sheet, workbook},
    world::World,
};

/// The Energy Agency.
pub(crate) const HOST: &str = "ens.dk";
/// The ministry.
pub(crate) const MINISTRY_HOST: &str = "www.kefm.dk";
/// The operator of the grid.
pub(crate) const GRID_HOST: &str = "energinet.dk";

const SHEET_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Answers one request to any of the three.
pub(crate) fn answer(world: &World, host: &str, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return Answer::text(405, "Method Not Allowed");
    }
    let sheets = match (host, asked.path.as_str()) {
        (HOST, "/media/8748/download") => Ok(turbines::register(world)),
        (HOST, "/media/7199/download") => Ok(heat::census(world)),
        (MINISTRY_HOST, "/media/kf25-crf-tabeller.xlsx") => inventory::by_gas(world),
        (MINISTRY_HOST, "/media/kf25-crf-ets-esr.xlsx") => inventory::by_regime(world),
        (GRID_HOST, "/media/miljoedeklaration-aarsgennemsnit.xlsx") => Ok(heat::declaration(world)),
        // The media of an older edition are gone: a page says so.
        _ => {
            let page = "<!DOCTYPE html><html lang=\"da\"><body><h1>Siden blev ikke fundet</h1></body></html>";
            let page = Content::Whole(page.as_bytes().to_vec());
            return Answer::new(404, "text/html; charset=utf-8", page);
        }
    };
    match sheets.and_then(|sheets| book(sheets, asked.twist == Twist::PageShort)) {
        Ok(bytes) => conditionally(asked, bytes),
        Err(error) => {
            tracing::error!(%error, "a simulated workbook cannot be made");
            Answer::text(500, "the simulated agency broke")
        }
    }
}

fn book(mut sheets: Vec<Sheet>, is_short: bool) -> Result<Vec<u8>> {
    if is_short && let Some(last) = sheets.last_mut() {
        last.rows.pop();
    }
    workbook(&sheets)
}

fn conditionally(asked: &Asked, bytes: Vec<u8>) -> Answer {
    let etag = format!("\"{}\"", &sha256_hex(&bytes)[..16]);
    if asked.header("if-none-match") == Some(etag.as_str()) {
        return Answer::new(304, SHEET_TYPE, Content::Whole(Vec::new())).header("etag", etag);
    }
    Answer::new(200, SHEET_TYPE, Content::Whole(bytes)).header("etag", etag)
}
