//! A municipality's rows for CDP-ICLEI Track, in the form of CDP's open dataset: a row for each answer.
//!
//! Known are the questionnaire `Cities 2020` as its answers are published, and of it the questions that our own
//! pipelines read. The numbers of its columns, and the questions of the inventory, are not: those cells are empty.

use std::io::Write;

use klimalade_model::{Fault, Result};
use klimalade_run::House;

use crate::{
    figures::{Row, area_name, inventory, read},
    form::FormCode,
    header::{Header, csv_not_written, not_written},
    inventory::{Inventory, Kind},
};

const QUESTIONNAIRE: &str = "Cities 2020";
/// How ids of rows begin that CDP gave us itself; account and row follow.
const OWN: &str = "cdp_iclei_track:";

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    section: &'static str,
    question_number: &'static str,
    question_name: &'static str,
    column_name: &'static str,
    account: String,
    row_number: String,
    row_name: String,
    response: String,
    /// `questionnaire`: a number, or its own words; `klimalade`: ours, to be chosen from its list by hand.
    wording: &'static str,
    source_id: String,
    note: String,
}

/// Rows for CDP-ICLEI Track.
#[derive(Clone, Debug)]
pub struct CdpExport {
    header: Header,
    area: String,
    answers: Vec<Answer>,
}

/// The inventory (of `year`, else the newest), targets, actions and plans of a municipality. Errors: Settings, when there
/// is no such municipality, or nothing of it.
pub async fn cdp(house: &House, area: &str, year: Option<i16>) -> Result<CdpExport> {
    let name = area_name(house, area)?;
    if house.schemas.code_list("areas")?.get(area, "area_level") != Some("municipality") {
        return Err(Fault::settings("cities answer CDP's questionnaire")
            .at("--area")
            .expected("a municipality")
            .found(format!("{area} ({name})"))
            .hint("klimalade query \"SELECT code, name_da FROM codes.areas WHERE area_level = 'municipality'\""));
    }
    let year = match year {
        Some(year) => Some(year),
        None => newest_year(house, area).await?,
    };
    let account = match year {
        Some(year) => Some((year, inventory(house, FormCode::Gpc, area, year).await?)),
        None => None,
    };
    let targets = read(house, &of_area("core.target", "target_id", area)).await?;
    let actions = read(house, &of_area("core.action", "action_id", area)).await?;
    let plans = read(house, &of_area("core.plan", "plan_id", area)).await?;
    if account.is_none() && targets.is_empty() && actions.is_empty() && plans.is_empty() {
        return Err(Fault::settings("the lake has nothing to report of this area")
            .at("--area")
            .found(format!("{area} ({name})"))
            .hint("klimalade status"));
    }
    let mut answers = Vec::new();
    let mut header = Header::default();
    header.say(
        "form",
        "CDP-ICLEI Track: the columns of the open dataset `2020 - Full Cities Dataset`, a row for each answer",
    );
    header.say("area", format!("{area} {name}"));
    header.say(
        "not known",
        "numbers of columns, number and wording of the inventory's question, and the questionnaires after 2020",
    );
    header.say(
        "wording",
        "questionnaire: a number or its own words; klimalade: ours, to be chosen from its list by hand",
    );
    match &account {
        Some((year, account)) => {
            header.say("inventory year", year.to_string());
            inventory_answers(account, &mut answers);
        }
        None => header.say("inventory year", "none: the lake has no account of this area"),
    }
    let other_targets = target_answers(house, &targets, &mut answers)?;
    let other_actions = action_answers(house, &actions, &mut answers)?;
    plan_answers(&plans, &mut answers);
    header.say(
        "left out",
        format!(
            "{other_targets} targets that are no reduction against a base year (5.0b to 5.0d and others: columns not known), \
             {other_actions} actions of adaptation only (section 2: columns not known)"
        ),
    );
    header.say(
        "simulated",
        if house.lake.simulated() {
            "yes: every figure is invented"
        } else {
            "no"
        },
    );
    Ok(CdpExport {
        header,
        area: format!("{name} Kommune"),
        answers,
    })
}

fn of_area(table: &str, id: &str, area: &str) -> String {
    format!("SELECT * FROM {table} WHERE area_code = '{area}' ORDER BY {id}")
}

async fn newest_year(house: &House, area: &str) -> Result<Option<i16>> {
    let sql = format!(
        "SELECT max(year) AS year FROM core.observation
         WHERE indicator_code = 'ghg_emissions' AND area_code = '{area}' AND scenario_code = 'actual'"
    );
    let rows = read(house, &sql).await?;
    Ok(rows
        .first()
        .and_then(|row| row.get("year"))
        .and_then(|year| year.parse().ok()))
}

/// A line of GPC is a row; what it says, a figure or a notation key, is the answer.
fn inventory_answers(account: &Inventory, answers: &mut Vec<Answer>) {
    for line in account.lines.iter().filter(|line| line.kind != Kind::Outside) {
        let name = format!("{} {}", line.place, line.name);
        let answer = |column_name, response: String| Answer {
            section: "City-wide Emissions",
            question_name: "Emissions by sector and scope as GPC has them",
            column_name,
            row_name: name.clone(),
            response,
            wording: "questionnaire",
            source_id: account.source_id.clone(),
            note: line.note.clone(),
            ..Answer::default()
        };
        match line.tonne_co2e() {
            Some(tonnes) => answers.push(answer("Emissions (metric tonnes CO2e)", format!("{tonnes:.3}"))),
            None => answers.push(answer("Notation key", line.key.clone())),
        }
    }
}

/// Question 5.0a; the number of targets that it has no place for.
fn target_answers(house: &House, rows: &[Row], answers: &mut Vec<Answer>) -> Result<usize> {
    let sectors = house.schemas.code_list("sectors")?;
    let mut row_number = 0;
    for row in rows {
        if row.get("target_kind") != Some("reduction") || row.get("base_year").is_none() {
            continue;
        }
        row_number += 1;
        let (account, number) = own_place(row.get("target_id"), row_number);
        let mut put = |column_name, response: Option<String>, wording| {
            answers.push(Answer {
                section: "Emissions Reduction Targets",
                question_number: "5.0a",
                question_name: "Please provide details of your total city-wide base year emissions reduction (absolute) target(s).",
                column_name,
                account: account.clone(),
                row_number: number.clone(),
                response: response.unwrap_or_default(),
                wording,
                source_id: row.get("source_id").unwrap_or_default().to_owned(),
                ..Answer::default()
            });
        };
        let text = |column: &str| row.get(column).map(str::to_owned);
        match row.get("sector_code").unwrap_or_default() {
            "_T" => put(
                "Sector",
                Some("All emissions sources included in city inventory".to_owned()),
                "questionnaire",
            ),
            code => put(
                "Sector",
                Some(sectors.get(code, "name_en").unwrap_or(code).to_owned()),
                "klimalade",
            ),
        }
        let is_whole = row.get("boundary_code") == Some("territorial");
        let boundary = is_whole.then(|| "Same – covers entire city and nothing else".to_owned());
        put(
            "Boundary of target relative to city boundary (reported in 0.1)",
            boundary,
            "questionnaire",
        );
        put("Base year", text("base_year"), "questionnaire");
        put(
            "Base year emissions (metric tonnes CO2e)",
            text("base_value"),
            "questionnaire",
        );
        let ratio = row.get("reduction_ratio").and_then(|ratio| ratio.parse::<f64>().ok());
        put("Percentage reduction target", ratio.map(percent), "questionnaire");
        put("Target year", text("target_year"), "questionnaire");
        put(
            "Target year absolute emissions (metric tonnes CO2e) [Auto-calculated]",
            text("target_value"),
            "questionnaire",
        );
    }
    Ok(rows.len() - row_number)
}

/// A ratio as the questionnaire asks for it: 0.7 is 70, and 0.07 is not 7.000000000000001.
fn percent(ratio: f64) -> String {
    let text = format!("{:.6}", ratio * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Question 5.4; the number of actions that it has no place for.
fn action_answers(house: &House, rows: &[Row], answers: &mut Vec<Answer>) -> Result<usize> {
    let (sectors, statuses) = (
        house.schemas.code_list("sectors")?,
        house.schemas.code_list("statuses")?,
    );
    let mut row_number = 0;
    for row in rows {
        if row.get("kind") == Some("adaptation") {
            continue;
        }
        row_number += 1;
        let (account, number) = own_place(row.get("action_id"), row_number);
        let mut put = |column_name, response: Option<String>, wording| {
            answers.push(Answer {
                section: "Mitigation Actions",
                question_number: "5.4",
                question_name: "Describe the anticipated outcomes of the most impactful mitigation actions your city is currently undertaking.",
                column_name,
                account: account.clone(),
                row_number: number.clone(),
                response: response.unwrap_or_default(),
                wording,
                source_id: row.get("source_id").unwrap_or_default().to_owned(),
                ..Answer::default()
            });
        };
        let named = |list: &klimalade_model::CodeList, column: &str| {
            let code = row.get(column)?;
            Some(list.get(code, "name_en").unwrap_or(code).to_owned())
        };
        let year = |column: &str| row.get(column).map(|date| date.chars().take(4).collect::<String>());
        put("Mitigation action", named(sectors, "sector_code"), "klimalade");
        put("Action title", row.get("title").map(str::to_owned), "questionnaire");
        // Only the last of the questionnaire's states is one of ours.
        match row.get("status_code") {
            Some("done") => put(
                "Implementation status",
                Some("Implementation complete".to_owned()),
                "questionnaire",
            ),
            _ => put("Implementation status", named(statuses, "status_code"), "klimalade"),
        }
        put("Start year of action", year("start_date"), "questionnaire");
        put("End year of action", year("end_date"), "questionnaire");
        put(
            "Estimated emissions reduction (metric tonnes CO2e)",
            row.get("expected_effect_tonne_co2e").map(str::to_owned),
            "questionnaire",
        );
    }
    Ok(rows.len() - row_number)
}

/// Questions 5.5 and 5.5a.
fn plan_answers(rows: &[Row], answers: &mut Vec<Answer>) {
    for (at, row) in (1..).zip(rows) {
        let (account, number) = own_place(row.get("plan_id"), at);
        let mut put = |question_number, question_name, column_name, number: &str, response: Option<String>| {
            answers.push(Answer {
                section: "Mitigation Planning",
                question_number,
                question_name,
                column_name,
                account: account.clone(),
                row_number: number.to_owned(),
                response: response.unwrap_or_default(),
                wording: "questionnaire",
                source_id: row.get("source_id").unwrap_or_default().to_owned(),
                ..Answer::default()
            });
        };
        let has_one = "Does your city have a climate change mitigation or energy access plan for reducing city-wide GHG emissions?";
        match row.get("status_code") {
            Some("in_progress") => put("5.5", has_one, "", "0", Some("In progress".to_owned())),
            // Whether one is intended is not known.
            Some("none") => put("5.5", has_one, "", "0", None),
            _ => {
                put("5.5", has_one, "", "0", Some("Yes".to_owned()));
                let attach = "Please attach your city’s climate change mitigation plan below.";
                let text = |column: &str| row.get(column).map(str::to_owned);
                let adopted = row.get("adopted_date").or(row.get("valid_from"));
                let adopted = adopted.map(|date| date.chars().take(4).collect());
                put(
                    "5.5a",
                    attach,
                    "Publication title and attachment",
                    &number,
                    text("title"),
                );
                put(
                    "5.5a",
                    attach,
                    "Year of adoption from local government",
                    &number,
                    adopted,
                );
                put("5.5a", attach, "Web link", &number, text("document_url"));
            }
        }
    }
}

/// Account and row where CDP gave them (`cdp_iclei_track:50540:2`), else none and a number of ours.
fn own_place(id: Option<&str>, number: usize) -> (String, String) {
    let own = id
        .and_then(|id| id.strip_prefix(OWN))
        .and_then(|rest| rest.split_once(':'));
    match own {
        Some((account, row)) => (account.to_owned(), row.to_owned()),
        None => (String::new(), number.to_string()),
    }
}

impl CdpExport {
    /// As CSV: lines of `#` say what it is, then a header and a row for each answer.
    pub fn write(&self, mut out: impl Write) -> Result<()> {
        self.header.write(&mut out)?;
        let mut writer = csv::Writer::from_writer(out);
        let names = [
            "questionnaire",
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
            "wording",
            "source_id",
            "note",
        ];
        writer.write_record(names).map_err(csv_not_written)?;
        for answer in &self.answers {
            let cells = [
                QUESTIONNAIRE,
                &answer.account,
                &self.area,
                "Denmark",
                "Europe",
                "Emissions Reduction",
                answer.section,
                answer.question_number,
                answer.question_name,
                "",
                answer.column_name,
                &answer.row_number,
                &answer.row_name,
                &answer.response,
                answer.wording,
                &answer.source_id,
                &answer.note,
            ];
            writer.write_record(cells).map_err(csv_not_written)?;
        }
        writer.flush().map_err(not_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_cdp_gave_keeps_its_account_and_number_and_another_has_no_account() {
        assert_eq!(
            own_place(Some("cdp_iclei_track:50540:2"), 1),
            ("50540".to_owned(), "2".to_owned())
        );
        assert_eq!(
            own_place(Some("klimaalliancen_plans:0269:1:2"), 4),
            (String::new(), "4".to_owned())
        );
        assert_eq!(own_place(None, 4), (String::new(), "4".to_owned()));
    }

    #[test]
    fn a_ratio_becomes_the_percentage_that_was_reported() {
        for (ratio, text) in [(0.7, "70"), (0.07, "7"), (1.0, "100"), (0.555, "55.5"), (0.0, "0")] {
            assert_eq!(percent(ratio), text);
        }
    }
}
