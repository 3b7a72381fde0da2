//! CDP's open data portal (data.cdp.net), a Socrata service: one dataset of answers to the cities' questionnaire, a row for
//! each answer. Numbers are text, an answer that is not given has no key, and without `$order` every page is of another order.

use axum::http::Method;
use serde_json::{Map, Value as Json, json};

use crate::{
    answer::{Answer, Asked, Twist},
    draw::Draw,
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "data.cdp.net";

/// `2020 - Full Cities Dataset`.
const DATASET: &str = "eja6-zden";
/// Rows when `$limit` is not given.
const DEFAULT_LIMIT: usize = 1_000;
/// Largest `$limit`.
const LARGEST_LIMIT: usize = 50_000;

const COLUMNS: [&str; 16] = [
    "questionnaire",
    "year_reported_to_cdp",
    "account_number",
    "organization",
    "country",
    "cdp_region",
    "parent_section",
    "section",
    "question_number",
    "question_name",
    "column_number",
    "column_name",
    "row_number",
    "row_name",
    "response_answer",
    "last_update",
];

/// Who answers: account, the organisation as it writes itself, country.
const CITIES: [(&str, &str, &str); 7] = [
    ("31009", "City of Copenhagen", "Denmark"),
    ("50540", "Aarhus Kommune", "Denmark"),
    ("54459", "Odense Kommune", "Denmark"),
    ("60318", "Aalborg Kommune", "Denmark"),
    ("58543", "Egedal Municipality", "Denmark"),
    ("61753", "Gladsaxe Kommune", "Denmark"),
    ("35913", "City of Malmö", "Sweden"),
];

const ACTIONS: [(&str, &str); 6] = [
    (
        "Buildings > Energy efficiency/ retrofit measures",
        "Energirenovering af skoler",
    ),
    (
        "Energy Supply > Low or zero carbon energy supply generation",
        "Geotermi til fjernvarme",
    ),
    (
        "Mass Transit > Improve fuel economy and reduce CO2 from bus and/or light rail",
        "El-busser",
    ),
    (
        "Private Transport > Infrastructure for non-motorized transport",
        "Supercykelstier på tværs",
    ),
    (
        "Waste > Recycling or composting collections and/or facilities",
        "Sortering i flere fraktioner",
    ),
    (
        "Outdoor Lighting > LED / CFL / other luminaire technologies",
        "Gadebelysning med LED",
    ),
];

const STATES: [&str; 4] = [
    "Scoping",
    "Pre-implementation",
    "Implementation",
    "Implementation complete",
];

/// A row as the service writes it; an empty answer has no key.
type Row = Map<String, Json>;

/// Answers one request.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return refuse(405, "method.not-allowed", "only GET");
    }
    match asked.segments().as_slice() {
        ["resource", file] if *file == format!("{DATASET}.json") => select(world, asked),
        _ => refuse(404, "dataset.missing", "Cannot find view with id"),
    }
}

fn refuse(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"code": code, "error": true, "message": message}))
}

fn select(world: &World, asked: &Asked) -> Answer {
    let mut rows = rows(world);
    for condition in asked.parameter("$where").map(conditions).unwrap_or_default() {
        let Some((column, values)) = condition else {
            return refuse(400, "query.compiler.malformed", "Could not parse SoQL query");
        };
        if !COLUMNS.contains(&column.as_str()) {
            return refuse(400, "query.soql.no-such-column", &format!("No such column: {column}"));
        }
        rows.retain(|row| {
            row.get(&column)
                .and_then(Json::as_str)
                .is_some_and(|cell| values.iter().any(|value| value == cell))
        });
    }
    let number = |name: &str, otherwise: usize| match asked.parameter(name) {
        None => Some(otherwise),
        Some(text) => text.parse().ok(),
    };
    let (Some(limit), Some(offset)) = (number("$limit", DEFAULT_LIMIT), number("$offset", 0)) else {
        return refuse(400, "query.compiler.malformed", "$limit and $offset are numbers");
    };
    match asked.parameter("$order") {
        Some(order) => {
            let columns: Vec<&str> = order.split(',').map(str::trim).collect();
            if let Some(column) = columns.iter().find(|column| !COLUMNS.contains(*column)) {
                return refuse(400, "query.soql.no-such-column", &format!("No such column: {column}"));
            }
            rows.sort_by_key(|row| {
                let cells = columns.iter().map(|column| row.get(*column).and_then(Json::as_str));
                cells
                    .map(|cell| cell.unwrap_or_default().to_owned())
                    .collect::<Vec<_>>()
            });
        }
        None => rows.sort_by_key(|row| {
            world
                .draw
                .number(offset as i64)
                .text(&Json::from(row.clone()).to_string())
                .bits()
        }),
    }
    let offset = if asked.twist == Twist::EndlessNext { 0 } else { offset };
    let mut page: Vec<Row> = rows.into_iter().skip(offset).take(limit.min(LARGEST_LIMIT)).collect();
    if asked.twist == Twist::PageShort {
        page.pop();
    }
    Answer::json(200, &json!(page))
}

/// `a = 'x' AND b in('y', 'z')`; `None` for what is none of the two.
fn conditions(text: &str) -> Vec<Option<(String, Vec<String>)>> {
    let parts = text.split(" AND ").flat_map(|part| part.split(" and "));
    let condition = |part: &str| {
        let (column, values) = part.split_once('=').or_else(|| part.split_once(" in"))?;
        let values = values.trim().trim_start_matches('(').trim_end_matches(')');
        let values: Option<Vec<String>> = values
            .split(',')
            .map(|value| Some(value.trim().strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'")))
            .collect();
        Some((column.trim().to_owned(), values?))
    };
    parts.map(condition).collect()
}

/// Every answer of every city.
fn rows(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for city in CITIES {
        let draw = world.draw.text("cdp").text(city.0);
        plan(&mut rows, city, draw);
        targets(&mut rows, city, draw.text("target"));
        actions(&mut rows, city, draw.text("action"));
    }
    rows
}

fn plan(rows: &mut Vec<Row>, city: (&str, &str, &str), draw: Draw) {
    // One of the Danish cities is still at it.
    let has_one = city.0 != "54459";
    let question = Question {
        number: "5.5",
        name: "Does your city have a climate change mitigation or energy access plan for reducing city-wide GHG emissions?",
        section: "Mitigation Planning",
    };
    question.put(rows, city, 0, "", 0, if has_one { "Yes" } else { "In progress" });
    let question = Question {
        number: "5.5a",
        name: "Please attach your city’s climate change mitigation plan below.",
        ..question
    };
    if !has_one {
        question.put(rows, city, 1, "Publication title and attachment", 1, NOT_APPLICABLE);
        return;
    }
    let adopted = 2012 + (draw.unit() * 8.0) as i64;
    question.put(
        rows,
        city,
        1,
        "Publication title and attachment",
        1,
        &format!("Klimaplan {}", adopted + 10),
    );
    question.put(
        rows,
        city,
        2,
        "Year of adoption from local government",
        1,
        &adopted.to_string(),
    );
    if draw.text("link").unit() < 0.7 {
        question.put(
            rows,
            city,
            3,
            "Web link",
            1,
            &format!("https://kommune.example.dk/klimaplan-{}", city.0),
        );
    }
}

fn targets(rows: &mut Vec<Row>, city: (&str, &str, &str), draw: Draw) {
    let question = Question {
        number: "5.0a",
        name: "Please provide details of your total city-wide base year emissions reduction (absolute) target(s).",
        section: "Emissions Reduction Targets",
    };
    let base = 200_000 + (draw.unit() * 2_000_000.0) as i64;
    for (row, (year, percent)) in [("2030", "70"), ("2050", "100")].into_iter().enumerate() {
        let row = row + 1;
        let sector = "All emissions sources included in city inventory";
        question.put(rows, city, 1, "Sector", row, sector);
        let boundary = "Same – covers entire city and nothing else";
        question.put(
            rows,
            city,
            3,
            "Boundary of target relative to city boundary (reported in 0.1)",
            row,
            boundary,
        );
        question.put(rows, city, 4, "Base year", row, "1990");
        question.put(
            rows,
            city,
            6,
            "Base year emissions (metric tonnes CO2e)",
            row,
            &base.to_string(),
        );
        question.put(rows, city, 7, "Percentage reduction target", row, percent);
        question.put(rows, city, 8, "Target year", row, year);
        let left = if percent == "100" {
            NOT_APPLICABLE.to_owned()
        } else {
            (base * 3 / 10).to_string()
        };
        question.put(
            rows,
            city,
            9,
            "Target year absolute emissions (metric tonnes CO2e) [Auto-calculated]",
            row,
            &left,
        );
    }
}

fn actions(rows: &mut Vec<Row>, city: (&str, &str, &str), draw: Draw) {
    let question = Question {
        number: "5.4",
        name: "Describe the anticipated outcomes of the most impactful mitigation actions your city is currently undertaking.",
        section: "Mitigation Actions",
    };
    for (at, (action, title)) in ACTIONS.into_iter().enumerate() {
        let (row, draw) = (at + 1, draw.number(at as i64));
        if draw.unit() < 0.2 {
            continue;
        }
        question.put(rows, city, 1, "Mitigation action", row, action);
        question.put(rows, city, 2, "Action title", row, title);
        question.put(
            rows,
            city,
            4,
            "Implementation status",
            row,
            STATES[(draw.text("state").unit() * 4.0) as usize % 4],
        );
        let start = 2014 + (draw.text("start").unit() * 6.0) as i64;
        question.put(rows, city, 5, "Start year of action", row, &start.to_string());
        if draw.text("end").unit() < 0.6 {
            question.put(rows, city, 6, "End year of action", row, &(start + 8).to_string());
        }
        let tonnes = (draw.text("effect").unit() * 40_000.0) as i64;
        let effect = if draw.text("known").unit() < 0.6 {
            tonnes.to_string()
        } else {
            NOT_APPLICABLE.to_owned()
        };
        question.put(
            rows,
            city,
            7,
            "Estimated emissions reduction (metric tonnes CO2e)",
            row,
            &effect,
        );
    }
}

/// What the service writes where a question was not to be answered.
const NOT_APPLICABLE: &str = "Question not applicable";

/// A question of the questionnaire.
#[derive(Clone, Copy)]
struct Question {
    number: &'static str,
    name: &'static str,
    section: &'static str,
}

impl Question {
    fn put(&self, rows: &mut Vec<Row>, city: (&str, &str, &str), number: u32, column: &str, row: usize, answer: &str) {
        let (account, organization, country) = city;
        let cells = [
            "Cities 2020",
            "2020",
            account,
            organization,
            country,
            "Europe",
            "Emissions Reduction",
            self.section,
            self.number,
            self.name,
            &number.to_string(),
            column,
            &row.to_string(),
            "",
            answer,
            "2020-11-24T05:33:07.000",
        ];
        let told = COLUMNS.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
        rows.push(told.map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect());
    }
}
