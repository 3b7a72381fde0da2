//! The yearly questionnaire on the municipalities' climate status: one workbook of each year.

use jiff::civil::Date;
use klimalade_model::Result;

use super::{Cell, Dropped, Sheet, workbook::workbook};
use crate::{draw::Draw, world::World};

const HEADINGS: [&str; 7] = [
    "År",
    "Kommunekode",
    "Spørgsmål",
    "Valg",
    "Svar i ord",
    "Tal",
    "Besvaret",
];

/// The years before this one; a small demo has two.
pub(super) fn files(world: &World) -> Result<Vec<Dropped>> {
    let last = world.today().year() - 1;
    let years = if world.script.factor < 1.0 { 2 } else { 3 };
    (last + 1 - years..=last).map(|year| file(world, year)).collect()
}

fn file(world: &World, year: i16) -> Result<Dropped> {
    let mut sheet = Sheet::new("Svar", &HEADINGS);
    for area in world.areas.all.iter().filter(|area| area.is_municipality) {
        let draw = world.draw.text("survey").number(i64::from(year)).text(&area.code);
        // Two of a hundred do not answer.
        if draw.unit() < 0.02 {
            continue;
        }
        let day = Date::constant(year, 9, 1 + (draw.text("day").unit() * 30.0) as i8);
        for (question, [choice, words, number]) in answers(draw) {
            let (year, code) = (i64::from(year), area.code.as_str());
            sheet.rows.push(vec![
                year.into(),
                code.into(),
                question.into(),
                choice,
                words,
                number,
                day.into(),
            ]);
        }
    }
    Ok(Dropped {
        path: format!("klimastatus/{year}.xlsx"),
        bytes: workbook(&[sheet])?,
    })
}

/// Question by question: the option, the words, the number. What is not answered has no row.
fn answers(draw: Draw) -> Vec<(&'static str, [Cell; 3])> {
    let progress = match draw.text("1.1").unit() {
        share if share < 0.5 => "som_planlagt",
        share if share < 0.8 => "delvis",
        _ => "forsinket",
    };
    let mut answers = vec![("1.1", [progress.into(), Cell::Empty, Cell::Empty])];
    if progress == "forsinket" {
        let why = "Mangler anlægsmidler og færdige lokalplaner";
        answers.push(("1.2", [Cell::Empty, why.into(), Cell::Empty]));
    }
    if draw.text("2.3").unit() < 0.9 {
        let people = (draw.text("people").between(0.5, 12.0) * 2.0).round() / 2.0;
        answers.push(("2.3", [Cell::Empty, Cell::Empty, people.into()]));
    }
    // A multiple choice: one code for each option that is ticked.
    for option in ["4.2a", "4.2b", "4.2c"] {
        if draw.text(option).unit() < 0.6 {
            answers.push((option, ["x".into(), Cell::Empty, Cell::Empty]));
        }
    }
    answers
}
