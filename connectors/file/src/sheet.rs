//! `[source.format]` with `type = "sheet"`.

use std::collections::BTreeMap;

use klimalade_connect::{Fault, Result};
use klimalade_format::sheet::{Layout, SheetOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::Decimal;

/// How a workbook (XLSX, ODS) is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SheetForm {
    /// How its editions look, `[[source.format.layout]]`; the first that fits is taken. A workbook that fits none is an
    /// error that shows its headings, and a layout that can be typed: so the first time it can be left out.
    #[serde(default)]
    pub layout: Vec<LayoutForm>,
    /// The decimal mark of numbers that were typed as text; cells that are numbers need none.
    #[serde(default)]
    pub decimal: Decimal,
    /// Cells that mean null, compared exactly; an empty cell always does.
    #[serde(default)]
    pub null_marks: Vec<String>,
    /// Marks of footnotes are taken off headings and text: `Aarhus 1)`, `Aarhus¹`.
    #[serde(default)]
    pub footnotes: bool,
    /// A workbook that is larger when unpacked is refused.
    #[serde(default = "most_bytes")]
    pub most_bytes: u64,
}

/// How one edition looks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayoutForm {
    /// The sheet, or a list of them. Without `*` a sheet of that name must be there; with `*` every sheet that fits is
    /// read. `from = "(sheet)"` gives a column the name of its sheet.
    pub sheet: OneOrMany<String>,
    /// Row of the headings, from 1; `[3, 4]` where they stand in several, then they are joined: `2023 | Udledning`.
    pub header_row: OneOrMany<u32>,
    /// Headings that must be there for the layout to fit.
    pub columns: Vec<String>,
    /// Headings of this edition, and the names by which `from` knows them: `{ "Komm.nr." = "Kommunenr" }`.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Rows below the headings that are no data.
    #[serde(default)]
    pub skip_rows: u32,
    /// The table ends at a row whose first cell begins so, `""`: at an empty first cell. Left out: at an empty first cell, or
    /// behind a blank row at one of nothing but its first cell (`Kilde: ...`); more than notes behind that is an error.
    #[serde(default)]
    pub until: Option<Vec<String>>,
}

/// One, or a list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a list.
    pub fn into_list(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

fn most_bytes() -> u64 {
    SheetOptions::default().most_bytes
}

impl SheetForm {
    pub(crate) fn options(self) -> Result<SheetOptions> {
        let decimal_comma = self.decimal == Decimal::Comma;
        let layouts = self.layout.into_iter().map(LayoutForm::layout);
        Ok(SheetOptions {
            layouts: layouts.collect::<Result<Vec<_>>>()?,
            decimal_comma,
            null_marks: self.null_marks,
            footnotes: self.footnotes,
            most_bytes: self.most_bytes,
            ..SheetOptions::default()
        })
    }
}

impl LayoutForm {
    fn layout(self) -> Result<Layout> {
        let sheets = self.sheet.into_list();
        let header_rows = self.header_row.into_list();
        let wrong = |what: &str, hint: &str| Err(Fault::settings(what).at("[[source.format.layout]]").hint(hint));
        if sheets.is_empty() {
            return wrong("a layout names no sheet", "sheet = \"*\"");
        }
        if header_rows.is_empty() || header_rows.contains(&0) {
            return wrong("rows of the header are counted from 1", "header_row = 1");
        }
        if self.columns.is_empty() {
            return wrong(
                "a layout without headings would fit any sheet",
                "columns = [\"Kommunenr\", \"År\"]",
            );
        }
        Ok(Layout {
            sheets,
            header_rows,
            columns: self.columns,
            rename: self.rename.into_iter().collect(),
            skip_rows: self.skip_rows,
            until: self.until,
        })
    }
}
