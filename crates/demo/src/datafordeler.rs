//! The file download of Datafordeler: the listing of BBR's files, and the total of its buildings as a ZIP of JSON.

use std::io::{Cursor, Write};

use axum::http::Method;
use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde_json::{Map, Value as Json, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    area::Area,
    world::World,
};

/// Host.
pub(crate) const HOST: &str = "api.datafordeler.dk";

/// Buildings of a municipality; the true register has some 60,000.
const BUILDINGS: i64 = 60;

/// Answers one request. Without a key every path is 401, none 404.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return Answer::text(405, "Method Not Allowed");
    }
    if asked.parameter("apikey").unwrap_or_default().is_empty() {
        return Answer::json(401, &json!({"message": "Unauthorized"}));
    }
    match asked.path.as_str() {
        "/FileDownloads/v2.0/GetAvailableFileDownloads" => listing(world, asked),
        "/FileDownloads/v1.0/GetFile" => file(world, asked),
        _ => Answer::json(404, &json!({"message": "Not Found"})),
    }
}

/// Saturdays on which the two totals that are kept were made; older ones are gone.
fn generations(world: &World) -> [Date; 2] {
    let today = world.today();
    let back = i64::from(today.weekday().since(Weekday::Saturday));
    let newest = today.saturating_sub(back.days());
    [newest.saturating_sub(7.days()), newest]
}

fn number(day: Date) -> i64 {
    (i64::from(day.year()) - 2024) * 53 + i64::from(day.day_of_year()) / 7
}

fn name(day: Date, data: &str) -> String {
    format!("BBR_V3_Bygning_TotalDownload_json_{data}_{}.zip", number(day))
}

/// Three files on two pages: the older current total, a bitemporal one, and the newest.
fn listing(world: &World, asked: &Asked) -> Answer {
    let [older, newest] = generations(world);
    let row = |day: Date, data: &str, kind: &str| {
        json!({
            "fileName": name(day, data), "register": "BBR", "entityName": "Bygning", "typeOfDownload": kind, "typeOfData": data,
            "version": "3", "generationNumber": number(day), "generationTime": format!("{day}T03:41:12.0000000"),
            "expirationDate": format!("{}T03:41:12.0000000", day.saturating_add(7.days())), "containedFileFormat": "json",
            "outputFileFormat": "zip", "municipalityCode": null, "md5Hash": null, "fileSizeInBytes": 654_321_987,
        })
    };
    let is_ours = asked.parameter("Register") == Some("BBR")
        && asked.parameter("Entity").is_none_or(|entity| entity == "Bygning");
    let pages = [
        vec![
            row(older, "Current", "TotalDownload"),
            row(newest, "Bitemporal", "TotalDownload"),
        ],
        vec![
            row(newest, "Current", "TotalDownload"),
            row(newest, "Current", "DeltaDownload"),
        ],
    ];
    let at: usize = asked
        .parameter("PageNumber")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let shown = pages
        .get(at.wrapping_sub(1))
        .filter(|_| is_ours)
        .cloned()
        .unwrap_or_default();
    Answer::json(
        200,
        &json!({"paginationMetadata": {"currentPage": at, "pageSize": 2, "totalPages": if is_ours { 2 } else { 0 }},
            "availableFileDownloads": shown}),
    )
}

fn file(world: &World, asked: &Asked) -> Answer {
    let wanted = asked.parameter("Filename").unwrap_or_default();
    if !generations(world).iter().any(|day| name(*day, "Current") == wanted) {
        return Answer::json(404, &json!({"message": "File not found"}));
    }
    let mut rows: Vec<Json> = Vec::new();
    for area in &world.areas.all {
        let count = if area.is_municipality { BUILDINGS } else { 6 };
        rows.extend((0..count).map(|at| building(world, area, at)));
    }
    if asked.twist == Twist::PageShort {
        rows.pop();
    }
    let json = Json::from(rows).to_string();
    match archived(&wanted.replace(".zip", ".json"), json.as_bytes()) {
        Ok(bytes) => Answer::new(200, "application/zip", Content::Whole(bytes)),
        Err(error) => Answer::text(500, error.to_string()),
    }
}

fn archived(name: &str, bytes: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, SimpleFileOptions::default())?;
    archive.write_all(bytes)?;
    Ok(archive.finish()?.into_inner())
}

/// A building under the register's own names. District heat has no medium, sheds have no installation; one in thirty is
/// not built yet or gone.
fn building(world: &World, area: &Area, at: i64) -> Json {
    let draw = world.draw.text("bbr").text(&area.code).number(at);
    let status = match draw.text("status").unit() {
        share if share < 0.97 => "6",
        share if share < 0.985 => "3",
        _ => "10",
    };
    let town = world.draw.text("bbr").text(&area.code).unit();
    let (installation, medium) = match draw.text("heat").unit() {
        share if share < 0.30 + town * 0.2 => (Some("1"), None),
        share if share < 0.62 => (
            Some("2"),
            Some(["7", "3", "4", "6", "1", "9"][(draw.text("medium").unit() * 6.0) as usize]),
        ),
        share if share < 0.72 => (Some("5"), Some("1")),
        share if share < 0.80 => (Some("7"), Some("1")),
        share if share < 0.84 => (Some("3"), Some("4")),
        share if share < 0.85 => (Some("99"), None),
        share if share < 0.90 => (Some("9"), None),
        _ => (None, None),
    };
    let mut row = Map::new();
    row.insert("id_lokalId".to_owned(), json!(draw.text("id").uuid()));
    row.insert("kommunekode".to_owned(), json!(area.code));
    row.insert("status".to_owned(), json!(status));
    row.insert("byg007Bygningsnummer".to_owned(), json!(1 + at % 3));
    row.insert(
        "byg021BygningensAnvendelse".to_owned(),
        json!(if installation.is_none() { "910" } else { "120" }),
    );
    row.insert(
        "byg026Opførelsesår".to_owned(),
        json!(1900 + (draw.text("year").unit() * 125.0) as i64),
    );
    row.insert(
        "byg038SamletBygningsareal".to_owned(),
        json!(40 + (draw.text("m2").unit() * 260.0) as i64),
    );
    row.insert("byg056Varmeinstallation".to_owned(), json!(installation));
    row.insert("byg057Opvarmningsmiddel".to_owned(), json!(medium));
    row.insert(
        "byg404Koordinat".to_owned(),
        json!(format!("POINT({} {})", 500_000 + at * 10, 6_200_000 + at * 10)),
    );
    row.insert("husnummer".to_owned(), json!(draw.text("house").uuid()));
    row.insert("virkningFra".to_owned(), json!("2018-01-01T00:00:00.000000+01:00"));
    Json::Object(row)
}
