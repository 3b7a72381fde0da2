use jiff::civil::Date;
use klimalade_model::{Fault, Result};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

/// One cell.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Number(f64),
    Date(Date),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<Date> for Cell {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// One sheet, as somebody filled it in.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) name: &'static str,
    /// Rows above the headings: titles, notes.
    pub(crate) above: Vec<Vec<Cell>>,
    pub(crate) headings: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// With the headings in the first row.
    pub(crate) fn new(name: &'static str, headings: &[&str]) -> Self {
        Self {
            name,
            above: Vec::new(),
            headings: headings.iter().map(|heading| (*heading).to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

/// A workbook whose bytes follow from its cells alone. Errors: Bug.
pub(crate) fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>> {
    written(sheets).map_err(|error| Fault::bug("a simulated workbook cannot be made").because(error))
}

fn written(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let made = ExcelDateTime::from_ymd(2026, 10, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let date = Format::new().set_num_format("yyyy-mm-dd");
    for sheet in sheets {
        let worksheet = workbook.add_worksheet();
        worksheet.set_name(sheet.name)?;
        let headings: Vec<Cell> = sheet.headings.iter().map(|heading| heading.as_str().into()).collect();
        let rows = sheet.above.iter().chain(std::iter::once(&headings)).chain(&sheet.rows);
        for (row, cells) in (0u32..).zip(rows) {
            for (at, cell) in (0u16..).zip(cells) {
                match cell {
                    Cell::Empty => {}
                    Cell::Text(text) => {
                        worksheet.write_string(row, at, text)?;
                    }
                    Cell::Number(number) => {
                        worksheet.write_number(row, at, *number)?;
                    }
                    Cell::Date(day) => {
                        let day = ExcelDateTime::from_ymd(day.year() as u16, day.month() as u8, day.day() as u8)?;
                        worksheet.write_datetime_with_format(row, at, &day, &date)?;
                    }
                }
            }
        }
    }
    workbook.save_to_buffer()
}
