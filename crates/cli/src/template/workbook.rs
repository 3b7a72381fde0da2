use klimalade_model::{Fault, Result, SourceType};
use rust_xlsxwriter::{
    DataValidation, DataValidationErrorStyle, DataValidationRule, DocProperties, ExcelDateTime, Format, FormatAlign,
    Formula, Workbook, Worksheet, XlsxError,
};

use super::{
    Filled,
    plan::{Form, Heading, Sheet},
};

/// The sheet that explains the others.
pub(crate) const GUIDE: &str = "Vejledning";
/// The sheet with what may be chosen.
pub(crate) const CODES: &str = "Koder";
/// Rows that are checked while somebody types.
const CHECKED_ROWS: u32 = 5000;
const DATE: &str = "yyyy-mm-dd";

/// The workbook: how it is filled in, what may be chosen, and the sheets. The same form gives the same bytes.
pub(crate) fn write(form: &Form, filled: &[Filled]) -> Result<Vec<u8>> {
    let bug = |error: XlsxError| Fault::bug("the workbook cannot be made").because(error);
    let mut workbook = Workbook::new();
    let made = ExcelDateTime::from_ymd(2026, 1, 1).map_err(bug)?;
    workbook.set_properties(&DocProperties::new().set_title(&form.title).set_creation_datetime(&made));
    // The sheets that are read come first: whoever opens a filled one sees the figures.
    for sheet in &form.sheets {
        let rows = filled.iter().find(|filled| filled.sheet == sheet.name);
        let worksheet = workbook.add_worksheet();
        fill(worksheet, form, sheet, rows)?;
    }
    guide(workbook.add_worksheet(), form).map_err(bug)?;
    codes(workbook.add_worksheet(), form).map_err(bug)?;
    workbook.save_to_buffer().map_err(bug)
}

fn heading_format() -> Format {
    Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::Top)
        .set_background_color("#E3EEE5")
}

fn fill(worksheet: &mut Worksheet, form: &Form, sheet: &Sheet, filled: Option<&Filled>) -> Result<()> {
    let bug = |error: XlsxError| {
        Fault::bug("a sheet cannot be made")
            .at(sheet.name.clone())
            .because(error)
    };
    worksheet.set_name(&sheet.name).map_err(bug)?;
    let header = sheet.header_row.saturating_sub(1);
    if header > 0 {
        worksheet
            .write_with_format(0, 0, &sheet.title, &Format::new().set_bold())
            .map_err(bug)?;
    }
    worksheet.set_freeze_panes(header + 1, 0).map_err(bug)?;
    for (at, heading) in (0u16..).zip(&sheet.headings) {
        worksheet
            .write_with_format(header, at, &heading.title, &heading_format())
            .map_err(bug)?;
        let width = heading.title.chars().count().clamp(12, 40);
        worksheet.set_column_width(at, width as f64 + 2.0).map_err(bug)?;
        if heading.kind == SourceType::Date {
            worksheet
                .set_column_format(at, &Format::new().set_num_format(DATE))
                .map_err(bug)?;
        }
        if heading.kind == SourceType::Text {
            // As text a municipality's number keeps its first zero.
            worksheet
                .set_column_format(at, &Format::new().set_num_format("@"))
                .map_err(bug)?;
        }
        if let Some(rule) = rule(form, heading).map_err(bug)? {
            let last = header + CHECKED_ROWS;
            worksheet
                .add_data_validation(header + 1, at, last, at, &rule)
                .map_err(bug)?;
        }
    }
    let Some(filled) = filled else { return Ok(()) };
    for (row, cells) in (header + 1..).zip(&filled.rows) {
        for ((at, heading), cell) in (0u16..).zip(&sheet.headings).zip(cells) {
            let place = || format!("sheet {}, row {}, {}", sheet.name, row + 1, heading.title);
            put(worksheet, row, at, heading, cell).map_err(|fault| fault.at(place()))?;
        }
    }
    Ok(())
}

/// One cell of its column's type; an empty text is an empty cell.
fn put(worksheet: &mut Worksheet, row: u32, at: u16, heading: &Heading, cell: &str) -> Result<()> {
    let wrong = |expected: &str| {
        Fault::settings("a cell is not what its column says")
            .found(cell.to_owned())
            .expected(expected.to_owned())
            .hint("mend that row of the CSV of --fill")
    };
    if cell.is_empty() {
        return Ok(());
    }
    let written = match heading.kind {
        SourceType::Int | SourceType::Float => {
            let number: f64 = cell.parse().map_err(|_| wrong("a number with a point: 1.5"))?;
            worksheet.write_number(row, at, number)
        }
        SourceType::Date => {
            let date = ExcelDateTime::parse_from_str(cell).map_err(|_| wrong("a date: 2026-01-31"))?;
            worksheet.write_datetime_with_format(row, at, &date, &Format::new().set_num_format(DATE))
        }
        SourceType::Bool => {
            let value: bool = cell.parse().map_err(|_| wrong("true or false"))?;
            worksheet.write_boolean(row, at, value)
        }
        _ => worksheet.write_string(row, at, cell),
    };
    written
        .map(|_| ())
        .map_err(|error| Fault::bug("a cell cannot be written").because(error))
}

/// What Excel and LibreOffice refuse while somebody types.
fn rule(form: &Form, heading: &Heading) -> Result<Option<DataValidation>, XlsxError> {
    let title = "Klimalade";
    let rule = match (&heading.choices, heading.kind) {
        (Some((list, choices)), _) => {
            let Some((column, count)) = place_of(form, list, choices) else {
                return Ok(None);
            };
            let letter = rust_xlsxwriter::utility::column_number_to_name(column);
            let range = format!("={CODES}!${letter}$3:${letter}${}", count + 2);
            DataValidation::new()
                .allow_list_formula(Formula::new(range))
                .set_error_message("Vælg en værdi fra listen (arket Koder).")?
        }
        (None, SourceType::Int) => DataValidation::new()
            .allow_whole_number(DataValidationRule::Between(-2_000_000_000, 2_000_000_000))
            .set_error_message("Skriv et helt tal.")?,
        (None, SourceType::Float) => DataValidation::new()
            .allow_decimal_number(DataValidationRule::Between(-1e15, 1e15))
            .set_error_message("Skriv et tal.")?,
        (None, SourceType::Date) => DataValidation::new()
            .allow_date(DataValidationRule::Between(
                ExcelDateTime::from_ymd(1990, 1, 1)?,
                ExcelDateTime::from_ymd(2100, 12, 31)?,
            ))
            .set_error_message("Skriv en dato, fx 2026-01-31.")?,
        _ => return Ok(None),
    };
    Ok(Some(
        rule.set_error_title(title)?
            .set_error_style(DataValidationErrorStyle::Stop),
    ))
}

/// Column of a list in the sheet of codes, and how many choices it has.
fn place_of(form: &Form, list: &str, choices: &[(String, String)]) -> Option<(u16, usize)> {
    let lists = lists(form);
    let at = lists
        .iter()
        .position(|(name, others)| name.as_str() == list && others.as_slice() == choices)?;
    Some((u16::try_from(at * 3).ok()?, choices.len()))
}

type Choices<'a> = (&'a String, &'a Vec<(String, String)>);

/// The lists in the order in which the columns first name them. One list may stand there twice: of `statuses` a sheet of
/// plans offers others than a sheet of actions.
fn lists(form: &Form) -> Vec<Choices<'_>> {
    let mut lists: Vec<Choices<'_>> = Vec::new();
    for heading in form.sheets.iter().flat_map(|sheet| &sheet.headings) {
        if let Some((name, choices)) = &heading.choices
            && !lists.iter().any(|(other, known)| *other == name && *known == choices)
        {
            lists.push((name, choices));
        }
    }
    lists
}

fn guide(worksheet: &mut Worksheet, form: &Form) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold().set_font_size(14);
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    worksheet.set_name(GUIDE)?;
    worksheet.write_with_format(0, 0, &form.title, &bold)?;
    worksheet.write(1, 0, format!("Den udfyldte fil lægges i {}.", form.folder))?;
    worksheet.write(
        2,
        0,
        "Overskrifterne må ikke ændres, og der må ikke være tomme rækker i tabellen. Læseren ser kun de ark, der er nævnt her.",
    )?;
    worksheet.write(
        3,
        0,
        format!(
            "Afprøv filen uden at offentliggøre: klimalade run {} --dry-run",
            form.pipelines.join(" ")
        ),
    )?;
    let head = ["Ark", "Kolonne", "Skal udfyldes", "Indhold", "Betydning"];
    for (at, text) in (0u16..).zip(head) {
        worksheet.write_with_format(5, at, text, &heading_format())?;
    }
    let mut row = 6;
    for sheet in &form.sheets {
        for heading in &sheet.headings {
            let content = match (&heading.choices, heading.kind) {
                (Some((list, _)), _) => format!("vælg fra listen {list} (arket {CODES})"),
                (None, SourceType::Int) => "helt tal".to_owned(),
                (None, SourceType::Float) => "tal".to_owned(),
                (None, SourceType::Date) => "dato".to_owned(),
                (None, SourceType::Timestamp) => "tidspunkt".to_owned(),
                (None, SourceType::Bool) => "SAND eller FALSK".to_owned(),
                (None, SourceType::Text | SourceType::Geometry) => "tekst".to_owned(),
            };
            let key = if heading.is_key { "ja" } else { "" };
            let cells = [&sheet.name, &heading.title, key, &content, &heading.meaning];
            for (at, text) in (0u16..).zip(cells) {
                worksheet.write_with_format(row, at, text, &wrapped)?;
            }
            row += 1;
        }
    }
    for (at, width) in (0u16..).zip([16.0, 28.0, 14.0, 40.0, 80.0]) {
        worksheet.set_column_width(at, width)?;
    }
    Ok(())
}

fn codes(worksheet: &mut Worksheet, form: &Form) -> Result<(), XlsxError> {
    worksheet.set_name(CODES)?;
    for (at, (name, choices)) in (0u16..).step_by(3).zip(lists(form)) {
        worksheet.write_with_format(0, at, name, &Format::new().set_bold())?;
        worksheet.write_with_format(1, at, "Skrives", &heading_format())?;
        worksheet.write_with_format(1, at + 1, "Betyder", &heading_format())?;
        worksheet.set_column_width(at, 34.0)?;
        worksheet.set_column_width(at + 1, 44.0)?;
        for (row, (text, meaning)) in (2u32..).zip(choices) {
            worksheet.write_string(row, at, text)?;
            worksheet.write_string(row, at + 1, meaning)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use klimalade_model::Schemas;
    use klimalade_pipeline::Catalogue;

    use super::*;

    #[test]
    fn sheets_of_one_workbook_offer_each_their_own_choices_of_a_shared_list() {
        let nowhere = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::load(nowhere.path()).unwrap();
        let form = Form::of(&catalogue, &Schemas::embedded().unwrap(), "klimaalliancen_plans").unwrap();
        let offered = |sheet: &str| {
            let headings = &form.sheet(sheet).unwrap().headings;
            let status = headings.iter().find(|heading| heading.title == "Status").unwrap();
            let (list, choices) = status.choices.clone().unwrap();
            let (column, count) = place_of(&form, &list, &choices).unwrap();
            let (_, listed) = lists(&form)[usize::from(column) / 3];
            assert_eq!((listed, count), (&choices, choices.len()));
            choices.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert!(offered("Planer").contains(&"Ingen plan".to_owned()));
        assert!(!offered("Indsatser").contains(&"Ingen plan".to_owned()));
    }
}
