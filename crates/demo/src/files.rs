//! A municipality's own file server, for the file connector: two files with validators, one in Windows-1252.

use axum::http::Method;
use jiff::civil::date;
use klimalade_model::sha256_hex;
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    world::World,
};

/// Host.
pub(crate) const HOST: &str = "data.example-kommune.dk";

/// Both files were last changed then; it does not move, so that a second night gets 304.
const LAST_MODIFIED: &str = "Thu, 01 Oct 2026 06:00:00 GMT";

/// Answers one request, conditionally where it asks so: If-None-Match goes before If-Modified-Since (RFC 9110, 13.2.2).
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return Answer::text(405, "Method Not Allowed");
    }
    let short = asked.twist == Twist::PageShort;
    let (content_type, bytes) = match asked.path.as_str() {
        "/ladestandere.csv" => ("text/csv", charging_points(world, short)),
        "/anlaeg.json" => ("application/json; charset=utf-8", plants(world, short)),
        _ => return Answer::text(404, "Filen findes ikke"),
    };
    let etag = format!("\"{}\"", &sha256_hex(&bytes)[..16]);
    let unchanged = match (asked.header("if-none-match"), asked.header("if-modified-since")) {
        (Some(tags), _) => tags
            .split(',')
            .any(|tag| tag.trim().trim_start_matches("W/") == etag || tag.trim() == "*"),
        (None, Some(since)) => since == LAST_MODIFIED,
        (None, None) => false,
    };
    let (status, bytes) = if unchanged { (304, Vec::new()) } else { (200, bytes) };
    Answer::new(status, content_type, Content::Whole(bytes))
        .header("etag", etag)
        .header("last-modified", LAST_MODIFIED)
}

/// Charging points of every municipality by year: `;`, decimal comma, Danish letters in Windows-1252, no BOM, CRLF.
fn charging_points(world: &World, short: bool) -> Vec<u8> {
    let mut lines = vec!["Kommunekode;Kommune;År;Antal ladestandere;Effekt i kW;Bemærkning".to_owned()];
    for area in world.areas.all.iter().filter(|area| area.is_municipality) {
        for year in world.script.first_year(2022)..=2025 {
            let draw = world.draw.text("charging").text(&area.code);
            let base = 5.0 + draw.unit() * 200.0;
            let count = (base * (1.0 + 0.5 * f64::from(year - 2022))).floor() as i64;
            let tenths = count * (110 + (draw.number(i64::from(year)).unit() * 900.0) as i64);
            let note = if draw.text("note").unit() < 0.1 {
                "foreløbig opgørelse; \"på vej\""
            } else {
                ""
            };
            let note = if note.is_empty() {
                String::new()
            } else {
                format!("\"{}\"", note.replace('"', "\"\""))
            };
            lines.push(format!(
                "{};{};{year};{count};{},{};{note}",
                area.short,
                area.name,
                tenths / 10,
                tenths % 10
            ));
        }
    }
    if short {
        lines.pop();
    }
    let text = lines.join("\r\n") + "\r\n";
    encoding_rs::WINDOWS_1252.encode(&text).0.into_owned()
}

/// Biogas plants as a JSON list in UTF-8, with a date in the agency's own form and nulls.
fn plants(world: &World, short: bool) -> Vec<u8> {
    let towns = world.areas.all.iter().filter(|area| area.is_municipality);
    let mut plants: Vec<Json> = Vec::new();
    for area in towns {
        let draw = world.draw.text("plants").text(&area.code);
        if draw.unit() < 0.6 {
            continue;
        }
        let started = date(2008 + (draw.text("year").unit() * 15.0) as i16, 1, 1);
        let draft = draw.text("draft").unit() < 0.1;
        plants.push(json!({
            "id": format!("biogas-{}", area.short),
            "navn": format!("{} Biogas", area.name),
            "kommunekode": area.code,
            "type": "biogasanlæg",
            "effekt_mw": if draft { Json::Null } else { json!((draw.text("mw").unit() * 80.0).round() / 10.0) },
            "idriftsat": if draft { Json::Null } else { json!(started.strftime("%d-%m-%Y").to_string()) },
        }));
    }
    if short {
        plants.pop();
    }
    json!({"anlæg": plants}).to_string().into_bytes()
}
