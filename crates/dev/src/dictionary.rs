//! schemas/DICTIONARY.md: every table, column and code, in English and Danish.

use std::{collections::BTreeMap, fmt::Write};

use klimalade_model::{CodeList, Field, FieldType, Schemas, Table};

/// Columns that the runner attaches to every row of every table, in the file's order; `pipeline` stands in the path.
const COMMON: [&str; 6] = [
    "pipeline",
    "source_id",
    "retrieved_at",
    "snapshot_sha256",
    "source_version",
    "licence_code",
];
/// Columns that every code list has; what it has besides is printed too.
const CODE_COLUMNS: [&str; 3] = ["code", "name_da", "name_en"];

/// The whole dictionary.
pub(crate) fn text(schemas: &Schemas) -> String {
    let mut out = String::from(
        "# Dictionary of the common schema\n\n\
         Generated from fields.toml, tables/ and codes/ by `cargo dev generate --mode write`; edit those.\n\n\
         Tables stand under `core/<table>/pipeline=<owner>/` in the lake, deeper by year and month where the table says so.\n\
         A column has one meaning and one unit wherever it stands.\n\n## Tables\n\n",
    );
    for table in schemas.tables.values() {
        let anchor = &table.name;
        line(
            &mut out,
            format_args!("- [{anchor}](#{anchor}): {}", sentence(&table.description_en)),
        );
    }
    out.push('\n');
    common(&mut out, schemas);
    for table in schemas.tables.values() {
        describe(&mut out, table);
    }
    codes(&mut out, schemas);
    out
}

fn common(out: &mut String, schemas: &Schemas) {
    out.push_str(
        "### Common columns\n\nAttached to every row of every table by the runner. `pipeline`, and where a table says so \
         `year` and `month`, stand in the path only: readers give them with hive partitioning.\n\n",
    );
    header(out, &["column", "type", "codes", "English", "Danish"]);
    for field in COMMON.iter().filter_map(|name| schemas.fields.get(*name)) {
        row(
            out,
            &[
                &code(&field.name),
                kind(field.kind),
                &codes_of(field),
                &field.description_en,
                &field.description_da,
            ],
        );
    }
    out.push('\n');
}

fn describe(out: &mut String, table: &Table) {
    line(
        out,
        format_args!(
            "### {}\n\n{}\n\n*{}*\n",
            table.name, table.description_en, table.description_da
        ),
    );
    let names = |names: &[String]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
    line(out, format_args!("- layer: {}", table.layer));
    let from = table
        .partition_from
        .as_ref()
        .map(|column| format!(" (of `{column}`)"))
        .unwrap_or_default();
    line(out, format_args!("- partition: {}{from}", names(&table.partition_by)));
    line(out, format_args!("- unique key: {}", names(&table.unique_key)));
    if table.sort_by != table.unique_key {
        line(out, format_args!("- sorted by: {}", names(&table.sort_by)));
    }
    if table.by_runner {
        line(out, format_args!("- written by the runner only"));
    }
    out.push('\n');
    header(out, &["column", "type", "unit", "null", "codes", "English", "Danish"]);
    for column in &table.columns {
        let field = &column.field;
        row(
            out,
            &[
                &code(&field.name),
                kind(field.kind),
                field.unit.as_deref().unwrap_or_default(),
                if column.required { "no" } else { "yes" },
                &codes_of(field),
                &field.description_en,
                &field.description_da,
            ],
        );
    }
    out.push('\n');
}

fn codes(out: &mut String, schemas: &Schemas) {
    out.push_str(
        "## Code lists\n\nEach stands in codes/<list>.csv; a row under `--home` adds or replaces one code.\n\n",
    );
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for field in schemas.fields.values() {
        if let Some(list) = &field.codes {
            used.entry(list).or_default().push(code(&field.name));
        }
    }
    for list in schemas.codes.values() {
        line(out, format_args!("### Codes: {}\n", list.name));
        let columns = used
            .get(list.name.as_str())
            .map_or_else(|| "no column; it serves mappings".to_owned(), |names| names.join(", "));
        line(out, format_args!("{} codes, for {columns}.\n", list.rows.len()));
        // Columns that say nothing in this list are left out; `sort_order` is the order of the rows.
        let shown: Vec<&String> = list
            .header
            .iter()
            .filter(|column| {
                *column != "sort_order" && (CODE_COLUMNS.contains(&column.as_str()) || says_something(list, column))
            })
            .collect();
        header(out, &shown.iter().map(|column| column.as_str()).collect::<Vec<_>>());
        for name in list.codes() {
            let cells: Vec<String> = shown
                .iter()
                .map(|column| {
                    let cell = list.get(name, column).unwrap_or_default();
                    if *column == "code" { code(cell) } else { cell.to_owned() }
                })
                .collect();
            row(out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
}

/// True when a column of the list has a cell that is neither empty nor, for flags, 0.
fn says_something(list: &CodeList, column: &str) -> bool {
    let empty = if column == "is_group" { "0" } else { "" };
    list.codes()
        .any(|code| list.get(code, column).is_some_and(|cell| cell != empty))
}

fn codes_of(field: &Field) -> String {
    field
        .codes
        .as_ref()
        .map(|list| format!("[{list}](#codes-{list})"))
        .unwrap_or_default()
}

fn kind(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Int16 => "int16",
        FieldType::Int32 => "int32",
        FieldType::Int64 => "int64",
        FieldType::Float64 => "float64",
        FieldType::Bool => "bool",
        FieldType::Date => "date",
        FieldType::TimestampUtc => "timestamp, UTC",
        FieldType::Wkb => "WKB, EPSG:25832",
    }
}

/// The first sentence.
fn sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |at| &text[..=at])
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

/// The head of a Markdown table.
pub(crate) fn header(out: &mut String, names: &[&str]) {
    row(out, names);
    line(out, format_args!("|{}", "---|".repeat(names.len())));
}

/// A row of a Markdown table.
pub(crate) fn row(out: &mut String, cells: &[&str]) {
    for cell in cells {
        let _ = write!(out, "| {} ", cell.replace('|', "\\|").replace('\n', " "));
    }
    out.push_str("|\n");
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_and_every_code_stands_in_the_dictionary() {
        let schemas = Schemas::embedded().unwrap();
        let text = text(&schemas);
        for table in schemas.tables.values() {
            assert!(text.contains(&format!("\n### {}\n", table.name)), "{}", table.name);
            for column in &table.columns {
                assert!(
                    text.contains(&format!("\n| `{}` | ", column.field.name)),
                    "{}",
                    column.field.name
                );
            }
        }
        for list in schemas.codes.values() {
            for name in list.codes() {
                let name = name.replace('|', "\\|");
                assert!(text.contains(&format!("\n| `{name}` | ")), "{}: {name}", list.name);
            }
        }
        for name in COMMON {
            assert!(schemas.fields.contains_key(name), "{name}");
        }
    }

    #[test]
    fn danish_letters_stand_in_the_dictionary_as_they_are() {
        let text = text(&Schemas::embedded().unwrap());
        assert!(text.contains("| `0101` | København | "), "København");
        assert!(text.contains("| `0825` | Læsø | "), "Læsø");
    }

    #[test]
    fn a_bar_in_a_cell_does_not_make_another_cell() {
        let mut out = String::new();
        row(&mut out, &["a|b", "c"]);
        assert_eq!(out, "| a\\|b | c |\n");
    }
}
