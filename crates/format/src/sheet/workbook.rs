use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

use calamine::{Data, Ods, Reader, SheetType, Xlsx};
use klimalade_model::{Fault, Result};
use zip::ZipArchive;

use super::{cell::Cell, parts, place, span};
use crate::error::{Error, from_io, shortened};

/// Cells of a workbook that are read. One of this size has other homes.
const MOST_CELLS: u64 = 5_000_000;
/// The same of an ODS, the empty ones between others with them: its reader keeps all of all sheets at once, and of those of
/// the sheet that is read a copy.
const MOST_ODS_CELLS: u64 = 2_000_000;
/// Rows and columns that a sheet can have.
const SHEET_SIZE: (u32, u32) = (1 << 20, 1 << 14);

/// The cells of one sheet that are not empty, by row and column from 0.
pub(super) type Grid = BTreeMap<u32, BTreeMap<u32, Cell>>;

/// A rectangle of cells that is shown as one; its value stands in the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Merged {
    pub(super) rows: (u32, u32),
    pub(super) columns: (u32, u32),
}

type Bytes = Cursor<Vec<u8>>;

/// A workbook whose size is known to be harmless.
pub(super) struct Workbook {
    book: Book,
    most_bytes: u64,
    left: Left,
}

enum Book {
    Xlsx(Box<Xlsx<Bytes>>),
    Ods(Box<Ods<Bytes>>),
}

/// Errors: Source.
pub(super) fn open(input: Box<dyn Read + Send + '_>, most_bytes: u64) -> Result<Workbook> {
    let mut bytes = Vec::new();
    input
        .take(most_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(from_io)?;
    if bytes.len() as u64 > most_bytes {
        return Err(too_large(most_bytes));
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(Fault::source("a workbook of before 2007, or one with a password")
            .expected("XLSX or ODS without a password")
            .hint("open it in the office program and save it as .xlsx without a password"));
    }
    let is_ods = unpacked(&bytes, most_bytes)?;
    let book = guarded(|| match is_ods {
        true => Ods::new(Cursor::new(bytes))
            .map(|book| Book::Ods(Box::new(book)))
            .map_err(malformed),
        false => Xlsx::new(Cursor::new(bytes))
            .map(|book| Book::Xlsx(Box::new(book)))
            .map_err(malformed),
    })?;
    Ok(Workbook {
        book,
        most_bytes,
        left: Left::of(most_bytes),
    })
}

/// Unpacks every member once without keeping it: sizes that the archive states are not to be trusted, and the check
/// sums of all members are checked on the way. Returns whether it is an ODS.
fn unpacked(bytes: &[u8], most_bytes: u64) -> Result<bool> {
    let not_whole = |error: zip::result::ZipError| -> Fault {
        let found = match bytes.get(..2) {
            Some(b"PK") => format!("a ZIP archive that is not whole ({error})"),
            _ => "no ZIP archive, which XLSX and ODS are".to_owned(),
        };
        Error::Malformed { found }.into()
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(not_whole)?;
    let mut left = most_bytes;
    let (mut is_xlsx, mut is_ods) = (false, false);
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).map_err(not_whole)?;
        let name = member.name().map_err(not_whole)?.to_ascii_lowercase();
        is_xlsx |= name == "xl/workbook.xml";
        is_ods |= name == "content.xml";
        let mut counted = (&mut member).take(left.saturating_add(1));
        let shown = format!("`{}`", shortened(&name));
        let checked = match name.as_str() {
            "content.xml" => span::check(&mut counted, MOST_ODS_CELLS, most_bytes),
            name if name.ends_with("sharedstrings.xml") => parts::check_strings(&mut counted),
            name if name.ends_with("styles.xml") => parts::check_styles(&mut counted, most_bytes),
            _ => Ok(()),
        };
        // What a check did not need to see counts too; what it refused is not unpacked to its end.
        let rest = match &checked {
            Ok(_) => std::io::copy(&mut counted, &mut std::io::sink()),
            Err(_) => Ok(0),
        };
        // It was not cut by whoever sent it.
        if counted.limit() == 0 {
            return Err(too_large(most_bytes).at(shown));
        }
        checked.map_err(|fault| fault.at(&shown))?;
        rest.map_err(|error| malformed(format!("{shown}: {error}")))?;
        left = counted.limit() - 1;
    }
    match (is_xlsx, is_ods) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(Fault::source("a ZIP archive that is no workbook")
            .expected("XLSX or ODS")
            .worth_another_walk()),
    }
}

fn too_large(most_bytes: u64) -> Fault {
    Fault::source("the workbook is larger than it may be when unpacked")
        .expected(format!("at most {most_bytes} bytes"))
        .hint("most_bytes = 500_000_000 under [source.format], if the file is known to be so large")
}

fn too_many_cells() -> Fault {
    Fault::source("the workbook has more cells than can be read")
        .expected(format!("at most {MOST_CELLS} cells"))
        .hint("save the table as CSV")
}

fn malformed(error: impl std::fmt::Display) -> Fault {
    Error::Malformed {
        found: error.to_string(),
    }
    .into()
}

/// The reader of workbooks panics on some that no office program writes; that is a bad file, not the end of a night.
fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read,
        Err(_) => Err(malformed("a workbook that no office program writes")),
    }
}

impl Workbook {
    /// Names of the sheets with cells, in order.
    pub(super) fn sheets(&self) -> Vec<String> {
        let all = match &self.book {
            Book::Xlsx(book) => book.sheets_metadata(),
            Book::Ods(book) => book.sheets_metadata(),
        };
        all.iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .map(|sheet| sheet.name.clone())
            .collect()
    }

    /// Errors: Source.
    pub(super) fn grid(&mut self, sheet: &str) -> Result<Grid> {
        let left = &mut self.left;
        let read = guarded(|| {
            let mut grid = Grid::new();
            match &mut self.book {
                Book::Xlsx(book) => {
                    let mut cells = book.worksheet_cells_reader(sheet).map_err(malformed)?;
                    while let Some(cell) = cells.next_cell().map_err(malformed)? {
                        let data = Data::from(cell.get_value().clone());
                        left.put(&mut grid, cell.get_position(), &data)?;
                    }
                }
                Book::Ods(book) => {
                    let range = book.worksheet_range(sheet).map_err(malformed)?;
                    let (top, left_most) = range.start().unwrap_or_default();
                    for (row, column, data) in range.used_cells() {
                        left.put(&mut grid, (top + row as u32, left_most + column as u32), data)?;
                    }
                }
            }
            Ok(grid)
        });
        read.map_err(|fault| fault.at(place(sheet)))
    }

    /// What was read of it before is kept no more.
    pub(super) fn read_anew(&mut self) {
        self.left = Left::of(self.most_bytes);
    }

    /// `None` where the form does not tell.
    pub(super) fn merged(&mut self, sheet: &str) -> Result<Option<Vec<Merged>>> {
        let Book::Xlsx(book) = &mut self.book else {
            return Ok(None);
        };
        let found = guarded(|| book.merge_cells_by_sheet_name(sheet).map_err(malformed))?;
        let merged = found.iter().map(|one| Merged {
            rows: (one.start.0, one.end.0),
            columns: (one.start.1, one.end.1),
        });
        Ok(Some(merged.collect()))
    }
}

/// What may still be read of a workbook: one shared text can stand in a million cells, one sheet in a thousand.
struct Left {
    cells: u64,
    bytes: u64,
}

impl Left {
    fn of(most_bytes: u64) -> Self {
        Self {
            cells: MOST_CELLS,
            bytes: most_bytes,
        }
    }

    fn put(&mut self, grid: &mut Grid, (row, column): (u32, u32), data: &Data) -> Result<()> {
        // Of an empty one too: it takes time.
        self.cells = self.cells.checked_sub(1).ok_or_else(too_many_cells)?;
        let Some(cell) = Cell::of(data) else { return Ok(()) };
        if row >= SHEET_SIZE.0 || column >= SHEET_SIZE.1 {
            return Err(malformed(format!("a cell in row {row} and column {column}, from 0")));
        }
        let bytes = cell.text(false).len() as u64;
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(too_many_cells)?;
        grid.entry(row).or_default().insert(column, cell);
        Ok(())
    }
}
