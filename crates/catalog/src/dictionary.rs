use std::collections::BTreeMap;

use klimalade_model::{CodeList, Field, FieldType, Schemas, Table};

use crate::{
    document::{Block, Cell, Document, Heading},
    facts::{COMMON, Facts, Said, is_flat, said},
    licences,
    markdown::{self, Tongue},
};

/// Columns that every code list has; what it has besides is shown where it says something.
const CODE_COLUMNS: [&str; 3] = ["code", "name_da", "name_en"];
/// Kind of the tables that list codes.
pub(crate) const CODES: &str = "codes";

/// schemas/DICTIONARY.md: every table, column and code, in English with the meanings in Danish beside.
pub fn of_schemas(schemas: &Schemas) -> String {
    let mut document = Document::new(
        said("Ordbog over det fælles skema", "Dictionary of the common schema"),
        None,
    );
    document.push(Block::Paragraph(same(
        "Generated from fields.toml, tables/ and codes/ by `cargo dev generate --mode write`; edit those.",
    )));
    tables(&mut document, schemas, None);
    codes(
        &mut document,
        schemas,
        same("Each stands in codes/<list>.csv; a row under `--home` adds or replaces one code."),
    );
    markdown::text(&document, Tongue::Both)
}

/// The dictionary of a lake: the same, with what stands in it.
pub(crate) fn of_lake(facts: &Facts<'_>) -> Document {
    let title = said("Ordbog over datalageret", "Dictionary of the lake");
    let mut document = Document::new(title, facts.warning());
    let (owners, files) = (
        facts.owners.iter().filter(|owner| !owner.is_retired).count(),
        all_files(facts),
    );
    let rows = grouped(
        facts
            .owners
            .iter()
            .flat_map(|owner| &owner.files)
            .map(|file| file.rows)
            .sum(),
    );
    let date = facts.run_date;
    document.push(Block::Paragraph(said(
        format!("Nattens dato er {date}. Der er {owners} pipelines med {files} filer og {rows} rækker."),
        format!("The night's date is {date}. There are {owners} pipelines with {files} files and {rows} rows."),
    )));
    tables(&mut document, facts.schemas, Some(facts));
    indicators(&mut document, facts);
    freshness(&mut document, facts);
    document.push(heading(2, "sources", "Kilder og licenser", "Sources and licences"));
    document.push(licences::table(facts));
    codes(
        &mut document,
        facts.schemas,
        said(
            "Hver af dem er også en tabel: `out/codes/<liste>.parquet`.",
            "Each is a table too: `out/codes/<list>.parquet`.",
        ),
    );
    document
}

fn all_files(facts: &Facts<'_>) -> usize {
    facts.owners.iter().map(|owner| owner.files.len()).sum()
}

fn heading(level: usize, anchor: impl Into<String>, da: &str, en: &str) -> Block {
    Block::Heading(Heading::new(level, anchor, said(da, en)))
}

/// A text that is the same in both languages.
fn same(text: impl Into<String>) -> Said {
    let text = text.into();
    said(text.clone(), text)
}

fn tables(document: &mut Document, schemas: &Schemas, facts: Option<&Facts<'_>>) {
    document.push(Block::Paragraph(said(
        "Tabellerne står under `core/<tabel>/pipeline=<ejer>/`, dybere efter år og måned, hvor tabellen siger det; de af laget out er en \
         fil hver, `out/<tabel>.parquet`; de af laget run er, hvad en nat ved om sig selv. En kolonne har én betydning og én enhed, hvor den end står.",
        "Tables stand under `core/<table>/pipeline=<owner>/` in the lake, deeper by year and month where the table says so; those of \
         layer out are one file each, `out/<table>.parquet`; those of layer run are what a night knows of itself. A column has one meaning and one unit wherever it stands.",
    )));
    document.push(heading(2, "tables", "Tabeller", "Tables"));
    let entry = |table: &Table| {
        let link = Cell::Link {
            to: table.name.clone(),
            text: table.name.clone(),
        };
        vec![
            link,
            Cell::text(": "),
            Cell::Label(said(sentence(&table.description_da), sentence(&table.description_en))),
        ]
    };
    document.push(Block::List(schemas.tables.values().map(entry).collect()));
    common(document, schemas);
    for table in schemas.tables.values() {
        describe(document, table, facts);
    }
}

fn common(document: &mut Document, schemas: &Schemas) {
    document.push(heading(3, "common-columns", "Fælles kolonner", "Common columns"));
    document.push(Block::Paragraph(said(
        "Sættes på hver række i hver tabel i core ved kørslen. `pipeline`, og hvor en tabel siger det `year` og `month`, står kun i \
         stien: læsere giver dem med hive partitioning.",
        "Attached to every row of every table of core by the runner. `pipeline`, and where a table says so `year` and `month`, stand \
         in the path only: readers give them with hive partitioning.",
    )));
    let rows = ["pipeline"]
        .iter()
        .chain(&COMMON)
        .filter_map(|name| schemas.fields.get(*name))
        .map(|field| {
            vec![
                Cell::code(&field.name),
                kind(field.kind),
                codes_of(field),
                Cell::Meaning(said(&field.description_da, &field.description_en)),
            ]
        });
    let head = vec![
        said("kolonne", "column"),
        said("type", "type"),
        said("kodeliste", "codes"),
        said("betydning", "meaning"),
    ];
    document.push(Block::table("common", head, rows.collect()));
}

fn describe(document: &mut Document, table: &Table, facts: Option<&Facts<'_>>) {
    document.push(heading(3, &table.name, &table.name, &table.name));
    document.push(Block::Paragraph(said(&table.description_da, &table.description_en)));
    let names = |names: &[String]| Cell::Codes(names.to_vec());
    let mut items = vec![vec![Cell::label("lag: ", "layer: "), Cell::text(&table.layer)]];
    if !is_flat(table) {
        let mut partition = vec![Cell::label("partition: ", "partition: "), names(&table.partition_by)];
        if let Some(column) = &table.partition_from {
            partition.extend([Cell::label(" (af ", " (of "), Cell::code(column), Cell::text(")")]);
        }
        items.push(partition);
    }
    items.push(vec![
        Cell::label("entydig nøgle: ", "unique key: "),
        names(&table.unique_key),
    ]);
    if table.sort_by != table.unique_key {
        items.push(vec![
            Cell::label("sorteret efter: ", "sorted by: "),
            names(&table.sort_by),
        ]);
    }
    if table.by_runner {
        items.push(vec![Cell::label(
            "skrives kun ved kørslen",
            "written by the runner only",
        )]);
    }
    if let Some(facts) = facts.filter(|_| table.layer != "run") {
        let (mut files, mut rows) = (0_usize, 0);
        for (_, file) in facts.files_of(&table.name) {
            files += 1;
            rows += file.rows;
        }
        let rows = grouped(rows);
        items.push(vec![match files {
            0 => Cell::label("ingen filer", "no files"),
            _ => Cell::Label(said(
                format!("{rows} rækker i {files} filer"),
                format!("{rows} rows in {files} files"),
            )),
        }]);
    }
    document.push(Block::List(items));
    let rows = table.columns.iter().map(|column| {
        let field = &column.field;
        vec![
            Cell::code(&field.name),
            kind(field.kind),
            Cell::text(field.unit.as_deref().unwrap_or_default()),
            if column.required {
                Cell::label("nej", "no")
            } else {
                Cell::label("ja", "yes")
            },
            codes_of(field),
            Cell::Meaning(said(&field.description_da, &field.description_en)),
        ]
    });
    let head = vec![
        said("kolonne", "column"),
        said("type", "type"),
        said("enhed", "unit"),
        said("tom", "null"),
        said("kodeliste", "codes"),
        said("betydning", "meaning"),
    ];
    document.push(Block::table("columns", head, rows.collect()));
}

fn indicators(document: &mut Document, facts: &Facts<'_>) {
    document.push(heading(2, "indicators", "Indikatorer", "Indicators"));
    document.push(Block::Paragraph(said(
        "Hvordan en indikator lægges sammen over områder og tid: `sum`; `mean:<vægt>` er et gennemsnit med den indikator som vægt; \
         `none` lægges ikke sammen, men står på de niveauer, som myndigheden giver. Hver indikator har én ejer for hvert område og \
         hver tabel.",
        "How an indicator adds over areas and time: `sum`; `mean:<weight>` is a mean with that indicator as its weight; `none` does \
         not add and stands at the levels that the agency gives. Each indicator has one owner per area and table.",
    )));
    let Some(list) = facts.schemas.codes.get("indicators") else {
        return;
    };
    // As a code it may be broken in a narrow column: mean:electricity_consumption.
    let cell = |code: &str, column: &str| Cell::code(list.get(code, column).unwrap_or("-"));
    let rows = list.codes().map(|code| {
        vec![
            Cell::code(code),
            Cell::Label(facts.name("indicators", code)),
            cell(code, "unit_code"),
            cell(code, "kind"),
            cell(code, "over_area"),
            cell(code, "over_time"),
            Cell::Label(publishers(facts, code)),
        ]
    });
    let head = vec![
        said("indikator", "indicator"),
        said("hvad", "what"),
        said("enhed", "unit"),
        said("art", "kind"),
        said("over områder", "over areas"),
        said("over tid", "over time"),
        said("hvem offentliggør", "who publishes"),
    ];
    document.push(Block::table("indicators", head, rows.collect()));
}

/// The owners of an indicator, each with its agency and terms.
fn publishers(facts: &Facts<'_>, indicator: &str) -> Said {
    let mut all = Said::default();
    let is_owner = |owner: &&crate::facts::OwnerFacts| owner.indicators.iter().any(|one| one == indicator);
    for owner in facts.owners.iter().filter(|owner| !owner.is_retired).filter(is_owner) {
        let agency = owner
            .source
            .as_deref()
            .and_then(|source| facts.agency(source))
            .unwrap_or_default();
        for (text, agency, pick) in [(&mut all.da, agency.da, 0), (&mut all.en, agency.en, 1)] {
            let licences = owner.licences.iter().map(|code| {
                let name = facts.name("licences", code);
                if pick == 0 { name.da } else { name.en }
            });
            let licences = licences.collect::<Vec<_>>().join(", ");
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&format!("{} ({}, {}, {licences})", owner.owner, owner.table, agency));
        }
    }
    match all.en.is_empty() {
        true => said("ingen i dette datalager", "nobody in this lake"),
        false => all,
    }
}

fn freshness(document: &mut Document, facts: &Facts<'_>) {
    document.push(heading(2, "freshness", "Friskhed", "Freshness"));
    document.push(Block::Paragraph(said(
        "Hvornår myndigheden sidst bekræftede indholdet, og hvornår det sidst ændrede sig (UTC). Dele af en pipeline kan være bekræftet \
         på forskellige dage: så står den ældste med. Det samme står i `freshness.json`.",
        "When the agency last confirmed the content, and when it last changed (UTC). Parts of a pipeline may be confirmed on different \
         days: then the oldest stands too. The same stands in `freshness.json`.",
    )));
    let rows = facts.owners.iter().filter(|owner| !owner.is_retired).map(|owner| {
        let sum = |count: fn(&crate::facts::FileFacts) -> u64| grouped(owner.own_files().map(count).sum());
        let minute = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
        let confirmed = owner
            .confirmed
            .map(|(newest, oldest)| match (minute(newest), minute(oldest)) {
                (newest, oldest) if newest == oldest => newest,
                (newest, oldest) => format!("{oldest} – {newest}"),
            });
        vec![
            Cell::code(&owner.owner),
            Cell::Label(owner.title.clone().unwrap_or_default()),
            Cell::code(&owner.table),
            Cell::text(sum(|file| file.rows)),
            Cell::text(sum(|file| file.bytes)),
            Cell::text(confirmed.unwrap_or_default()),
            Cell::text(owner.changed_at.map(minute).unwrap_or_default()),
        ]
    });
    let head = vec![
        said("pipeline", "pipeline"),
        said("hvad", "what"),
        said("tabel", "table"),
        said("rækker", "rows"),
        said("bytes", "bytes"),
        said("bekræftet", "confirmed"),
        said("ændret", "changed"),
    ];
    document.push(Block::table("freshness", head, rows.collect()));
}

fn codes(document: &mut Document, schemas: &Schemas, place: Said) {
    document.push(heading(2, "code-lists", "Kodelister", "Code lists"));
    document.push(Block::Paragraph(place));
    let mut used: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for field in schemas.fields.values() {
        if let Some(list) = &field.codes {
            used.entry(list).or_default().push(field.name.clone());
        }
    }
    for list in schemas.codes.values() {
        let (name, count) = (&list.name, list.rows.len());
        document.push(heading(
            3,
            format!("codes-{name}"),
            &format!("Koder: {name}"),
            &format!("Codes: {name}"),
        ));
        let columns = match used.get(name.as_str()) {
            None => said(
                "ingen kolonne; den bruges af mappinger",
                "no column; it serves mappings",
            ),
            Some(names) => same(
                names
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        };
        document.push(Block::List(vec![vec![Cell::Label(said(
            format!("{count} koder, for {}.", columns.da),
            format!("{count} codes, for {}.", columns.en),
        ))]]));
        // Columns that say nothing in this list are left out; `sort_order` is the order of the rows.
        let is_shown = |column: &&String| {
            *column != "sort_order" && (CODE_COLUMNS.contains(&column.as_str()) || says_something(list, column))
        };
        let shown: Vec<&String> = list.header.iter().filter(is_shown).collect();
        let rows = list.codes().map(|code| {
            let cell = |column: &&String| match (column.as_str(), list.get(code, column).unwrap_or_default()) {
                ("code", cell) => Cell::code(cell),
                (_, cell) => Cell::address(cell),
            };
            shown.iter().map(cell).collect()
        });
        document.push(Block::table(
            CODES,
            shown.iter().map(|column| same(*column)).collect(),
            rows.collect(),
        ));
    }
}

/// True when a column of the list has a cell that is neither empty nor, for flags, 0.
fn says_something(list: &CodeList, column: &str) -> bool {
    let empty = if column == "is_group" { "0" } else { "" };
    list.codes()
        .any(|code| list.get(code, column).is_some_and(|cell| cell != empty))
}

fn codes_of(field: &Field) -> Cell {
    match &field.codes {
        None => Cell::text(""),
        Some(list) => Cell::Link {
            to: format!("codes-{list}"),
            text: list.clone(),
        },
    }
}

fn kind(kind: FieldType) -> Cell {
    match kind {
        FieldType::Text => Cell::label("tekst", "text"),
        FieldType::Int16 => Cell::text("int16"),
        FieldType::Int32 => Cell::text("int32"),
        FieldType::Int64 => Cell::text("int64"),
        FieldType::Float64 => Cell::text("float64"),
        FieldType::Bool => Cell::text("bool"),
        FieldType::Date => Cell::label("dato", "date"),
        FieldType::TimestampUtc => Cell::label("tidspunkt, UTC", "timestamp, UTC"),
        FieldType::Wkb => Cell::text("WKB, EPSG:25832"),
    }
}

/// The first sentence; "1. januar" ends none.
fn sentence(text: &str) -> &str {
    let is_end = |at: &usize| !text[..*at].ends_with(|letter: char| letter.is_ascii_digit());
    let end = text.match_indices(". ").map(|(at, _)| at).find(is_end);
    end.map_or(text, |at| &text[..=at])
}

/// A count with a thin space between thousands, as both languages read it.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_and_every_code_stands_in_the_dictionary() {
        let schemas = Schemas::embedded().unwrap();
        let text = of_schemas(&schemas);
        for table in schemas.tables.values() {
            assert!(text.contains(&format!("\n### {}\n", table.name)), "{}", table.name);
            for column in &table.columns {
                let name = &column.field.name;
                assert!(text.contains(&format!("\n| `{name}` | ")), "{name}");
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
        let text = of_schemas(&Schemas::embedded().unwrap());
        assert!(text.contains("| `0101` | København | "), "København");
        assert!(text.contains("| `0825` | Læsø | "), "Læsø");
    }

    #[test]
    fn a_danish_date_ends_no_sentence() {
        assert_eq!(sentence("Beholdninger 1. januar. Mere."), "Beholdninger 1. januar.");
        assert_eq!(sentence("Kun én"), "Kun én");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [grouped(7), grouped(1000), grouped(12_345_678)],
            ["7", "1\u{202f}000", "12\u{202f}345\u{202f}678"]
        );
    }
}
