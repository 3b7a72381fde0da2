use std::fmt::Write;

use crate::{
    document::{Block, Cell, Document, Table},
    facts::Said,
};

/// Which language a document speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Danish,
    English,
    /// English, with the meanings in Danish beside.
    Both,
}

/// A document as Markdown.
pub(crate) fn text(document: &Document, tongue: Tongue) -> String {
    let mut out = format!("# {}\n\n", of(&document.title, tongue));
    if let Some(warning) = &document.warning {
        let _ = writeln!(out, "> **{}**\n", of(warning, tongue));
    }
    for block in &document.blocks {
        match block {
            Block::Heading(heading) => {
                let marks = "#".repeat(heading.level);
                let _ = writeln!(out, "{marks} {}\n", of(&heading.text, tongue));
            }
            Block::Paragraph(said) => match tongue {
                Tongue::Both if said.da != said.en => {
                    let _ = writeln!(out, "{}\n\n*{}*\n", said.en, said.da);
                }
                _ => {
                    let _ = writeln!(out, "{}\n", of(said, tongue));
                }
            },
            Block::List(items) => {
                for item in items {
                    let cells: Vec<String> = item.iter().map(|cell| of_cell(cell, tongue)).collect();
                    let _ = writeln!(out, "- {}", cells.concat());
                }
                out.push('\n');
            }
            Block::Table(table) => of_table(&mut out, table, tongue),
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn of_table(out: &mut String, table: &Table, tongue: Tongue) {
    let is_meaning = |at: usize| {
        let first = table.rows.first().and_then(|row| row.get(at));
        matches!(first, Some(Cell::Meaning(_))) && tongue == Tongue::Both
    };
    let mut head: Vec<String> = Vec::new();
    for (at, name) in table.head.iter().enumerate() {
        match is_meaning(at) {
            true => head.extend(["English".to_owned(), "Danish".to_owned()]),
            false => head.push(of(name, tongue).to_owned()),
        }
    }
    table_head(out, &texts_of(&head));
    for cells in &table.rows {
        let mut texts = Vec::new();
        for cell in cells {
            match (cell, tongue) {
                (Cell::Meaning(said), Tongue::Both) => texts.extend([said.en.clone(), said.da.clone()]),
                _ => texts.push(of_cell(cell, tongue)),
            }
        }
        table_row(out, &texts_of(&texts));
    }
    out.push('\n');
}

fn texts_of(cells: &[String]) -> Vec<&str> {
    cells.iter().map(String::as_str).collect()
}

fn of(said: &Said, tongue: Tongue) -> &str {
    match tongue {
        Tongue::Danish => &said.da,
        Tongue::English | Tongue::Both => &said.en,
    }
}

fn of_cell(cell: &Cell, tongue: Tongue) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Code(name) => format!("`{name}`"),
        Cell::Codes(names) => names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Cell::Label(said) | Cell::Meaning(said) => of(said, tongue).to_owned(),
        Cell::Link { to, text } => format!("[{text}](#{to})"),
        Cell::Address(address) => format!("<{address}>"),
    }
}

/// The head of a Markdown table.
pub fn table_head(out: &mut String, names: &[&str]) {
    table_row(out, names);
    let _ = writeln!(out, "|{}", "---|".repeat(names.len()));
}

/// A row of a Markdown table.
pub fn table_row(out: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(out, "| {} ", cell.replace('|', "\\|").replace('\n', " "));
    }
    out.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_in_a_cell_does_not_make_another_cell() {
        let mut out = String::new();
        table_row(&mut out, &["a|b", "c"]);
        assert_eq!(out, "| a\\|b | c |\n");
    }
}
