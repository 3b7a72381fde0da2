use std::collections::BTreeMap;

use klimalade_model::{Fault, Result, fits_wildcard};

use super::{
    Layout, SHEET_COLUMN, SeenTable, SheetOptions,
    cell::Cell,
    footnote::without_marks,
    place,
    workbook::{Grid, Merged, Workbook},
};
use crate::error::{shortened, shortened_to};

/// Rows that are looked at for headings, where no layout fits.
const LOOK_FOR_HEADER: u32 = 40;

/// Letters that an error shows of a workbook that fits no layout.
const LONGEST_FOUND: usize = 2_500;
/// Columns that the merged headings of a row may stand over together: a sheet has no more, and two merged cells share none.
const MOST_COLUMNS: usize = 16_384;
/// Bytes of a heading that stands over several columns; each has its own copy of it.
const LONGEST_SPREAD: usize = 2_000;

/// The table of one sheet.
pub(super) struct Table {
    pub(super) sheet: String,
    /// Headings; the name of the sheet stands last.
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// A row of the table, in the order of its headings.
pub(super) struct Row {
    /// In the sheet, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<Option<Cell>>,
}

/// The tables that the first fitting layout finds. Errors: Contract, where none fits, and where a table goes on behind
/// its end.
pub(super) fn tables(workbook: &mut Workbook, options: &SheetOptions) -> Result<Vec<Table>> {
    let names = workbook.sheets();
    let mut seen: BTreeMap<String, Sheet> = BTreeMap::new();
    for layout in &options.layouts {
        let wanted: Vec<&String> = names.iter().filter(|name| names_sheet(layout, name)).collect();
        let is_whole = |name: &String| name.contains('*') || wanted.contains(&name);
        if !layout.sheets.iter().all(is_whole) {
            continue;
        }
        let mut fitting = Vec::new();
        let mut is_broken = false;
        for name in wanted {
            if !seen.contains_key(name) {
                seen.insert(name.clone(), Sheet::read(workbook, name)?);
            }
            let Some(sheet) = seen.get(name) else { continue };
            let headings = sheet.headings(layout, options.footnotes);
            let fits = layout
                .columns
                .iter()
                .all(|column| headings.iter().any(|(_, heading)| same(heading, column)));
            match fits {
                true => fitting.push((name.clone(), headings)),
                false => is_broken |= layout.sheets.contains(name),
            }
        }
        if is_broken || fitting.is_empty() {
            continue;
        }
        return fitting
            .into_iter()
            .filter_map(|(name, headings)| seen.remove(&name).map(|sheet| (name, headings, sheet)))
            .map(|(name, headings, sheet)| sheet.table(name, headings, layout, options))
            .collect();
    }
    Err(unrecognised(workbook, &names, options)?)
}

fn names_sheet(layout: &Layout, name: &str) -> bool {
    layout.sheets.iter().any(|pattern| fits_wildcard(pattern, name))
}

fn same(heading: &str, wanted: &str) -> bool {
    heading == wanted || heading.to_lowercase() == wanted.to_lowercase()
}

struct Sheet {
    grid: Grid,
    merged: Option<Vec<Merged>>,
}

impl Sheet {
    fn read(workbook: &mut Workbook, name: &str) -> Result<Self> {
        Ok(Self {
            grid: workbook.grid(name)?,
            merged: workbook.merged(name)?,
        })
    }

    /// Columns with a heading, by position.
    fn headings(&self, layout: &Layout, footnotes: bool) -> Vec<(u32, String)> {
        let mut headings: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let last = layout.header_rows.iter().max().copied().unwrap_or_default();
        for number in &layout.header_rows {
            for (column, text) in self.header_row(number.saturating_sub(1), *number < last) {
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = match footnotes {
                    true => without_marks(&text).to_owned(),
                    false => text,
                };
                let pieces = headings.entry(column).or_default();
                // A heading over several rows is one.
                if pieces.last() != Some(&text) {
                    pieces.push(text);
                }
            }
        }
        headings
            .into_iter()
            .map(|(column, pieces)| (column, renamed(pieces.join(" | "), &layout.rename)))
            .collect()
    }

    /// The cells of a header row. Of a heading that is merged over several columns each has it; where the form does
    /// not tell what is merged (ODS), an upper heading goes on to the next one.
    fn header_row(&self, row: u32, is_upper: bool) -> Vec<(u32, String)> {
        let Some(cells) = self.grid.get(&row) else {
            return Vec::new();
        };
        let mut found: BTreeMap<u32, String> = cells
            .iter()
            .map(|(column, cell)| (*column, cell.text(true).to_owned()))
            .collect();
        match &self.merged {
            Some(merged) => {
                let mut left = MOST_COLUMNS;
                for one in merged.iter().filter(|one| one.rows.0 == row) {
                    let text = found.get(&one.columns.0).filter(|text| text.len() <= LONGEST_SPREAD);
                    let Some(text) = text.cloned() else {
                        continue;
                    };
                    // A sheet may merge its whole width.
                    for column in (one.columns.0..=one.columns.1).take(left.min(1_000)) {
                        found.entry(column).or_insert_with(|| text.clone());
                        left -= 1;
                    }
                }
            }
            None if is_upper => {
                let below = self.grid.get(&(row + 1));
                let mut upper: Option<String> = None;
                for column in below.into_iter().flat_map(BTreeMap::keys) {
                    match (found.get(column), &upper) {
                        (Some(text), _) => upper = Some(text.clone()).filter(|text| text.len() <= LONGEST_SPREAD),
                        (None, Some(text)) => {
                            found.insert(*column, text.clone());
                        }
                        (None, None) => {}
                    }
                }
            }
            None => {}
        }
        found.into_iter().collect()
    }

    /// The cells move: a sheet is large.
    fn table(
        self,
        sheet: String,
        headings: Vec<(u32, String)>,
        layout: &Layout,
        options: &SheetOptions,
    ) -> Result<Table> {
        let (positions, mut names): (Vec<u32>, Vec<String>) = headings.into_iter().unzip();
        let header_end = layout.header_rows.iter().max().copied().unwrap_or_default();
        let first_row = header_end.saturating_add(layout.skip_rows);
        let mut rows: Vec<Row> = Vec::new();
        let mut ended_at = None;
        for (row, mut cells) in self.grid.into_iter().skip_while(|(row, _)| *row < first_row) {
            let number = row + 1;
            let mut taken: Vec<Option<Cell>> = positions
                .iter()
                .map(|column| cells.remove(column).map(|cell| unmarked(cell, options.footnotes)))
                .collect();
            let filled = taken.iter().flatten().count();
            if filled == 0 {
                continue;
            }
            let first = taken
                .first()
                .and_then(Option::as_ref)
                .map_or("", |cell| cell.text(true));
            // A row of nothing but its first cell has no figures; behind a blank row it is a source or a note.
            let is_note =
                filled == 1 && positions.len() > 1 && rows.last().is_some_and(|last| last.number + 1 < number);
            match &layout.until {
                Some(ends) if ends.iter().any(|end| is_end(first, end)) => break,
                Some(_) => {}
                None if first.is_empty() || is_note || ended_at.is_some() => {
                    ended_at = ended_at.or(Some(number));
                    if filled > 1 {
                        return Err(goes_on(&sheet, number, &taken));
                    }
                    continue;
                }
                None => {}
            }
            taken.push(Some(Cell::Text(sheet.clone())));
            rows.push(Row { number, cells: taken });
        }
        names.push(SHEET_COLUMN.to_owned());
        Ok(Table { sheet, names, rows })
    }
}

fn is_end(first: &str, end: &str) -> bool {
    match end {
        "" => first.is_empty(),
        _ => first.starts_with(end),
    }
}

fn unmarked(cell: Cell, footnotes: bool) -> Cell {
    match cell {
        Cell::Text(text) if footnotes => Cell::Text(without_marks(&text).to_owned()),
        other => other,
    }
}

fn renamed(heading: String, rename: &[(String, String)]) -> String {
    match rename.iter().find(|(from, _)| same(&heading, from)) {
        Some((_, to)) => to.clone(),
        None => heading,
    }
}

fn goes_on(sheet: &str, number: u32, cells: &[Option<Cell>]) -> Fault {
    let texts: Vec<&str> = cells
        .iter()
        .map(|cell| cell.as_ref().map_or("", |cell| cell.text(true)))
        .collect();
    Fault::contract("the table goes on behind what looks like its end")
        .at(format!("{}, row {number} of it", place(sheet)))
        .expected("nothing but notes behind a row whose first cell is empty, or behind a blank row and a note")
        .found(shortened(&texts.join("; ")))
        .hint(
            "until = [\"Kilde\"] (all rows before it stay) or until = [\"\"] (it ends at an empty first cell) in the layout",
        )
}

/// What the workbook has instead of what the layouts want.
fn unrecognised(workbook: &mut Workbook, names: &[String], options: &SheetOptions) -> Result<Fault> {
    let wanted: Vec<String> = options
        .layouts
        .iter()
        .map(|layout| {
            let rows: Vec<String> = layout.header_rows.iter().map(u32::to_string).collect();
            format!(
                "sheet {} with {} in row {}",
                quoted(&layout.sheets, " and "),
                quoted(&layout.columns, ", "),
                rows.join(" and "),
            )
        })
        .collect();
    workbook.read_anew();
    let mut found = Vec::new();
    let mut hint = None;
    for name in names.iter().take(20) {
        let sheet = Sheet::read(workbook, name)?;
        let Some((row, headings)) = likely_header(&sheet.grid) else {
            found.push(format!("{} without a table", place(name)));
            continue;
        };
        let headings: Vec<&str> = headings
            .iter()
            .map(|heading| match options.footnotes {
                true => without_marks(heading),
                false => heading,
            })
            .collect();
        found.push(format!(
            "{}, row {row}: {}",
            place(name),
            shortened(&headings.join(" | "))
        ));
        let is_wanted = options.layouts.iter().any(|layout| names_sheet(layout, name));
        if hint.is_none() || is_wanted {
            let some: Vec<String> = headings
                .iter()
                .take(2)
                .map(|heading| format!("{:?}", shortened(heading)))
                .collect();
            hint = Some(format!(
                "[[source.format.layout]] with sheet = {:?}, header_row = {row}, columns = [{}]",
                shortened(name),
                some.join(", ")
            ));
        }
    }
    let fault = Fault::contract("the workbook fits no layout")
        .expected(match wanted.is_empty() {
            true => "a layout".to_owned(),
            false => wanted.join("; or "),
        })
        .found(shortened_to(&found.join("; "), LONGEST_FOUND));
    Ok(match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    })
}

fn quoted(names: &[String], between: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(between)
}

/// Row and headings of what looks like a header: of the rows with more than one cell the first with the most texts, and
/// of those the one with the most cells.
fn likely_header(grid: &Grid) -> Option<(u32, Vec<String>)> {
    let rank = |cells: &BTreeMap<u32, Cell>| {
        let texts = cells.values().filter(|cell| matches!(cell, Cell::Text(_))).count();
        (texts, cells.len())
    };
    let mut best: Option<(u32, &BTreeMap<u32, Cell>)> = None;
    for (row, cells) in grid.range(..LOOK_FOR_HEADER).filter(|(_, cells)| cells.len() > 1) {
        if best.is_none_or(|(_, other)| rank(cells) > rank(other)) {
            best = Some((row + 1, cells));
        }
    }
    best.map(|(row, cells)| {
        let texts = cells
            .values()
            .map(|cell| cell.text(true).split_whitespace().collect::<Vec<_>>().join(" "));
        (row, texts.collect())
    })
}

/// What looks like a table, of each sheet that has one.
pub(super) fn seen(workbook: &mut Workbook) -> Result<Vec<SeenTable>> {
    let mut found = Vec::new();
    for sheet in workbook.sheets() {
        let grid = workbook.grid(&sheet)?;
        if let Some((header_row, headings)) = likely_header(&grid) {
            let rows = grid.range(header_row..).filter(|(_, cells)| cells.len() > 1).count();
            found.push(SeenTable {
                sheet,
                header_row,
                headings,
                rows,
            });
        }
    }
    Ok(found)
}
