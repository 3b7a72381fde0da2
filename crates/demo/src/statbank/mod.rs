//! Statistics Denmark's StatBank API as it was in version 1.6.5 (2025-04-24), with some of its tables.

mod areas;
mod buildings;
mod data;
mod economy;
mod environment;
mod people;
mod select;
mod table;
mod vehicles;
mod water;

use axum::http::Method;
use jiff::{civil::DateTime, tz::TimeZone};
use serde_json::{Value as Json, json};
use url::form_urlencoded;

use self::{
    data::{Presentation, Style, period_text},
    select::{Refusal, Wanted, select},
    table::{Table, tables},
};
use crate::{
    answer::{Answer, Asked},
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "api.statbank.dk";

/// A request in its own terms, from the body of a POST or from path and query of a GET.
#[derive(Clone, Debug, Default)]
struct Query {
    table: Option<String>,
    format: Option<String>,
    english: bool,
    presentation: Option<String>,
    time_order: Option<String>,
    delimiter: Option<String>,
    variables: Wanted,
}

/// One of the agency's refusals; the body is always `{"errorTypeCode":..,"message":..}`.
struct Refused {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
        }
    }
    /// A message in one of the two languages.
    fn told(code: &'static str, english: bool, da: String, en: String) -> Self {
        Self::new(code, if english { en } else { da })
    }
}

/// Answers one request. Every answer carries the agency's own request id; none an ETag or Last-Modified.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    let answer = respond(world, asked).unwrap_or_else(|refused| {
        let body = json!({"errorTypeCode": refused.code, "message": refused.message});
        Answer::json_as(refused.status, "text/json; charset=utf-8", &body)
    });
    let id = world
        .draw
        .text("request")
        .text(&asked.path)
        .text(&asked.raw_query)
        .text(&String::from_utf8_lossy(&asked.body));
    answer
        .header("statbankapi-request-id", id.uuid())
        .header("access-control-expose-headers", "StatbankAPI-Request-Id")
        .header("cache-control", "no-cache")
        .header("expires", "-1")
}

fn respond(world: &World, asked: &Asked) -> Result<Answer, Refused> {
    let segments = asked.segments();
    if !matches!(segments.first(), Some(&"v1")) {
        return Err(not_found());
    }
    let function = segments.get(1).map(|name| name.to_lowercase());
    let query = read(asked, segments.get(2..).unwrap_or_default(), function.as_deref())?;
    match function.as_deref() {
        Some("tables") => Ok(metadata(&list(world, query.english))),
        Some("tableinfo") => {
            let table = named(world, &query)?;
            Ok(metadata(&info(&table, query.english)))
        }
        Some("data") => extract(world, asked, &query),
        _ => Err(not_found()),
    }
}

fn not_found() -> Refused {
    let message = "Siden kan ikke findes. / Page not found.".to_owned();
    Refused {
        status: 404,
        code: "REQUEST-NOTFOUND",
        message,
    }
}

fn metadata(value: &Json) -> Answer {
    Answer::json_as(200, "text/json; charset=utf-8", value)
}

/// Reads a request. Unknown keys are silently ignored, as is `valuePresentation` inside a variable.
fn read(asked: &Asked, rest: &[&str], function: Option<&str>) -> Result<Query, Refused> {
    let mut query = Query {
        table: rest.first().map(|table| (*table).to_owned()),
        ..Query::default()
    };
    if asked.method == Method::POST {
        if asked.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(query);
        }
        let body: Json = serde_json::from_slice(&asked.body)
            .ok()
            .filter(Json::is_object)
            .ok_or_else(|| {
                let message = "Medsend gyldigt JSON-objekt når der postes. / Supply valid JSON-object when posting.";
                Refused::new("REQUEST-EMPTY", message)
            })?;
        let text = |name: &str| body.get(name).and_then(Json::as_str).map(str::to_owned);
        query.table = text("table").or(query.table);
        query.format = text("format");
        query.english = text("lang").is_some_and(|lang| lang.eq_ignore_ascii_case("en"));
        query.presentation = text("valuePresentation");
        query.time_order = text("timeOrder");
        query.delimiter = text("delimiter");
        for variable in body.get("variables").and_then(Json::as_array).into_iter().flatten() {
            let Some(code) = variable.get("code").and_then(Json::as_str) else {
                continue;
            };
            let values = variable.get("values").and_then(Json::as_array);
            let values = values
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect();
            query.variables.push((code.to_owned(), values));
        }
        return Ok(query);
    }
    query.format = if function == Some("data") {
        rest.get(1).map(|format| (*format).to_owned())
    } else {
        None
    };
    for (name, value) in form_urlencoded::parse(asked.raw_query.as_bytes()) {
        match name.to_lowercase().as_str() {
            "id" | "table" => query.table = Some(value.into_owned()),
            "format" => query.format = Some(value.into_owned()),
            "lang" => query.english = value.eq_ignore_ascii_case("en"),
            "valuepresentation" => query.presentation = Some(value.into_owned()),
            "timeorder" => query.time_order = Some(value.into_owned()),
            "delimiter" => query.delimiter = Some(value.into_owned()),
            _ if function == Some("data") => {
                let values = value
                    .split(',')
                    .filter(|value| !value.is_empty())
                    .map(str::to_owned)
                    .collect();
                query.variables.push((name.into_owned(), values));
            }
            _ => {}
        }
    }
    Ok(query)
}

fn named(world: &World, query: &Query) -> Result<Table, Refused> {
    let Some(id) = &query.table else {
        let (da, en) = ("Der er ikke angivet nogen tabel-id.", "No table id was given.");
        return Err(Refused::told(
            "REQUEST-MISSING",
            query.english,
            da.to_owned(),
            en.to_owned(),
        ));
    };
    tables(world)
        .into_iter()
        .find(|table| table.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| {
            let (da, en) = (
                format!("Tabel findes ikke: {id}"),
                format!("Table does not exist: {id}"),
            );
            Refused::told("EXTRACT-NOTFOUND", query.english, da, en)
        })
}

fn extract(world: &World, asked: &Asked, query: &Query) -> Result<Answer, Refused> {
    let english = query.english;
    let format = query.format.as_deref().map(str::to_uppercase);
    let format = format
        .filter(|format| ["CSV", "BULK", "JSONSTAT"].contains(&format.as_str()))
        .ok_or_else(|| {
            let (da, en) = (
                "Format ikke angivet, eller ikke gyldigt.",
                "Format is missing or not valid.",
            );
            Refused::told("REQUEST-MISSING", english, da.to_owned(), en.to_owned())
        })?;
    let table = named(world, query)?;
    let streaming = format == "BULK";
    if streaming && query.time_order.is_some() {
        let da = "Der kan ikke vælges sortering af tid for streamede formater.";
        let en = "Time cannot be sorted in streaming formats.";
        return Err(Refused::told(
            "EXTRACT-STREAMINGTIMESORT",
            english,
            da.to_owned(),
            en.to_owned(),
        ));
    }
    let selection = select(&table, &query.variables, streaming).map_err(|refusal| refused(refusal, english))?;
    if !streaming && selection.cells() > world.script.cell_limit {
        return Err(over_limit(selection.cells(), world.script.cell_limit, english));
    }
    let style = Style {
        english,
        presentation: match query.presentation.as_deref().map(str::to_lowercase).as_deref() {
            Some("code") => Presentation::Code,
            Some("codeandvalue") => Presentation::CodeAndText,
            Some("valueandcode") => Presentation::TextAndCode,
            _ => Presentation::Text,
        },
        delimiter: match query.delimiter.as_deref() {
            Some(name) if name.eq_ignore_ascii_case("tab") => '\t',
            _ => ';',
        },
        descending: query
            .time_order
            .as_deref()
            .is_some_and(|order| order.eq_ignore_ascii_case("descending")),
        twist: asked.twist,
    };
    let content = match format.as_str() {
        "CSV" => data::csv(world, &table, &selection, style),
        "BULK" => data::bulk(world, &table, &selection, style),
        _ => {
            let body = data::jsonstat(world, &table, &selection, style, &utc(&table.updated));
            return Ok(Answer::json_as(200, "text/json; charset=utf-8", &body)
                .header("content-disposition", format!("attachment; filename={}.json", table.id)));
        }
    };
    Ok(Answer::new(200, "text/csv; charset=utf-8", content)
        .header("content-disposition", format!("attachment; filename={}.csv", table.id)))
}

fn refused(refusal: Refusal, english: bool) -> Refused {
    match refusal {
        Refusal::Variable(id) => Refused::told(
            "EXTRACT-NOTFOUND",
            english,
            format!("Kan ikke finde variablen: {id}"),
            format!("Cannot find the variable: {id}"),
        ),
        Refusal::Value(value, variable) => Refused::told(
            "EXTRACT-NOTFOUND",
            english,
            format!("Kan ikke finde værdien: {value} ({variable})"),
            format!("Cannot find the value: {value} ({variable})"),
        ),
        Refusal::Missing(variable) => Refused::told(
            "EXTRACT-NOTALLOWED",
            english,
            format!("Der skal vælges værdier for variabel: {variable}"),
            format!("Values must be chosen for the variable: {variable}"),
        ),
    }
}

fn over_limit(cells: u64, limit: u64, english: bool) -> Refused {
    let (da, en) = (|number| grouped(number, '.'), |number| grouped(number, ','));
    Refused::told(
        "REQUEST-LIMIT",
        english,
        format!(
            "Forespørgslen på op mod {} celler er over begrænsningen på {} celler for denne filtype. \
             Anvend BULK eller andet streaming format i stedet.",
            da(cells),
            da(limit)
        ),
        format!(
            "The request of up to {} cells is over the limit of {} cells for this file type. \
             Use BULK or another streaming format instead.",
            en(cells),
            en(limit)
        ),
    )
}

fn grouped(number: u64, mark: char) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

fn info(table: &Table, english: bool) -> Json {
    let variable = |variable: &table::Variable| {
        let values = variable.values.iter();
        let values = values.map(|value| json!({"id": value.id, "text": if english { &value.en } else { &value.da }}));
        let mut shown = json!({
            "id": variable.id,
            "text": if english { variable.en } else { variable.da },
            "elimination": variable.is_optional,
            "time": false,
        });
        if let Some(map) = variable.map {
            shown["map"] = json!(map);
        }
        shown["values"] = values.collect();
        shown
    };
    let periods = table
        .periods
        .iter()
        .map(|code| json!({"id": code, "text": period_text(code, english)}));
    let mut variables: Vec<Json> = table.variables.iter().map(variable).collect();
    variables.push(json!({
        "id": "Tid",
        "text": if english { "time" } else { "tid" },
        "elimination": false,
        "time": true,
        "values": periods.collect::<Vec<_>>(),
    }));
    let names: Vec<&str> = table
        .variables
        .iter()
        .map(|variable| if english { variable.en } else { variable.da })
        .collect();
    let described = match english {
        true => format!("{} by {} and time (simulated)", table.en, names.join(", ")),
        false => format!("{} efter {} og tid (simuleret)", table.da, names.join(", ")),
    };
    json!({
        "id": table.id,
        "text": table.title(english),
        "description": described,
        "unit": if english { table.unit_en } else { table.unit_da },
        "suppressedDataValue": "0",
        "updated": table.updated,
        "active": true,
        "contacts": [],
        "documentation": {"id": "00000000-0000-0000-0000-000000000000", "url": ""},
        "footnote": table.footnote.map(|text| json!({"text": text, "mandatory": false})),
        "variables": variables,
    })
}

fn list(world: &World, english: bool) -> Json {
    let row = |table: Table| {
        let mut names: Vec<&str> = table
            .variables
            .iter()
            .map(|variable| if english { variable.en } else { variable.da })
            .collect();
        names.push(if english { "time" } else { "tid" });
        json!({
            "id": table.id,
            "text": table.title(english),
            "unit": if english { table.unit_en } else { table.unit_da },
            "updated": table.updated,
            "firstPeriod": table.periods.first().map(|code| period_text(code, english)),
            "latestPeriod": table.periods.last().map(|code| period_text(code, english)),
            "active": true,
            "variables": names,
        })
    };
    tables(world).into_iter().map(row).collect()
}

/// The Danish local time of `updated` as JSONSTAT gives it.
fn utc(updated: &str) -> String {
    let zone = TimeZone::get("Europe/Copenhagen");
    let instant = updated.parse::<DateTime>().and_then(|local| local.to_zoned(zone?));
    instant.map_or_else(
        |_| updated.to_owned(),
        |instant| instant.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}
