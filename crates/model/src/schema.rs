use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::{Fault, Result, nearest};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../schemas");

/// Name under which the fields of `--home` are kept beside the binary's.
const HOME_FIELDS: &str = "fields.home.toml";

/// Columns that the runner attaches to every row of core, in the order in which they end every file; `pipeline` stands in
/// the path.
pub const COMMON_COLUMNS: [&str; 5] = [
    "source_id",
    "retrieved_at",
    "snapshot_sha256",
    "source_version",
    "licence_code",
];

/// The type of a field of the common schema, in Arrow's terms through [`FieldType::arrow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// UTF-8 text.
    Text,
    /// 16-bit integer; years.
    Int16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 64-bit floating point.
    Float64,
    /// True or false.
    Bool,
    /// Civil date.
    Date,
    /// Instant in UTC, microseconds.
    TimestampUtc,
    /// Geometry as WKB in EPSG:25832.
    Wkb,
}

impl FieldType {
    /// The Arrow type in memory and in Parquet.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Wkb => DataType::Binary,
        }
    }
}

/// One name with one meaning and one unit, from `schemas/fields.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Filled from the key of the table in fields.toml.
    #[serde(skip)]
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Unit, where the column has one of its own.
    pub unit: Option<String>,
    /// Code list (`schemas/codes/<codes>.csv`) that every value must be in.
    pub codes: Option<String>,
    /// Meaning, in English.
    pub description_en: String,
    /// Meaning, in Danish.
    pub description_da: String,
}

/// A field in a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field.
    pub field: Field,
    /// No nulls.
    pub required: bool,
}

/// One table of the common schema, from `schemas/tables/<name>.toml`.
#[derive(Clone, Debug)]
pub struct Table {
    /// `observation`, ...
    pub name: String,
    /// `core`, `out` (one flat file, made from core), or `run` (what a night knows of itself: readable, never filled).
    pub layer: String,
    /// Folder levels: `pipeline`, and deeper `year`, `month` where the table says so.
    pub partition_by: Vec<String>,
    /// Date or timestamp column from which `year` and `month` of the path come.
    pub partition_from: Option<String>,
    /// Columns that together name a row within the table. Never null.
    pub unique_key: Vec<String>,
    /// The order of rows in a file: the whole unique key.
    pub sort_by: Vec<String>,
    /// What map.sql must give, in the file's order; the common columns and the path's come besides.
    pub columns: Vec<Column>,
    /// What it is, in English.
    pub description_en: String,
    /// What it is, in Danish.
    pub description_da: String,
    /// Written by the runner only (control_total, revision): no pipeline may target it.
    pub by_runner: bool,
}

impl Table {
    /// True for tables of layer `out`: one flat file of one owner, without common columns and without revisions.
    pub fn is_out(&self) -> bool {
        self.layer == "out"
    }
    /// Name in SQL: `core.observation`, `out.coverage`; tables of layer `run` stand alone: `ledger`.
    pub fn sql_name(&self) -> String {
        match self.layer.as_str() {
            "run" => self.name.clone(),
            layer => format!("{layer}.{}", self.name),
        }
    }
    /// Key in the lake of the file with these values of the path: `core/<table>/pipeline=<owner>/[year=.../]data.parquet`,
    /// `out/<table>.parquet`.
    pub fn file_key(&self, owner: &str, values: &[(String, String)]) -> String {
        if self.is_out() {
            return format!("out/{}.parquet", self.name);
        }
        let mut key = format!("core/{}/pipeline={owner}/", self.name);
        for (name, value) in values {
            key.push_str(&format!("{name}={value}/"));
        }
        key.push_str("data.parquet");
        key
    }
    /// True when a file of this key is the table's, whoever owns it.
    pub fn has_file(&self, key: &str) -> bool {
        if self.is_out() {
            return key == self.file_key("", &[]);
        }
        let rest = key.strip_prefix("core/").and_then(|rest| rest.strip_prefix(&self.name));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
    /// Levels of the path below `pipeline`: `year`, `month`.
    pub fn deeper_levels(&self) -> &[String] {
        self.partition_by.get(1..).unwrap_or_default()
    }
    /// Arrow schema of the columns that map.sql gives.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|column| ArrowField::new(&column.field.name, column.field.kind.arrow(), !column.required))
                .collect::<Vec<_>>(),
        ))
    }
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.name == name)
    }
}

/// A code list: the first column is `code`, unique; all else is named by the header.
#[derive(Clone, Debug, Default)]
pub struct CodeList {
    /// File name without `.csv`.
    pub name: String,
    /// Column names; the first is `code`.
    pub header: Vec<String>,
    /// Rows in file order, by code.
    pub rows: Vec<Vec<String>>,
    index: BTreeMap<String, usize>,
}

fn unreadable_row(place: &str, source: csv::Error) -> Fault {
    let fault = Fault::settings("a row of the code list cannot be read");
    let csv::ErrorKind::UnequalLengths { pos, expected_len, len } = source.kind() else {
        return fault.at(place).because(source);
    };
    let line = pos.as_ref().map(|pos| format!("{place}, line {}", pos.line()));
    fault
        .at(line.unwrap_or_else(|| place.to_owned()))
        .expected(format!("{expected_len} cells, as the first line has"))
        .found(format!("{len} cells"))
        .hint("a comma stands before each cell, also before an empty one; a cell with a comma in it stands in quotes")
}

impl CodeList {
    /// Reads a list from CSV text. Errors: no `code` column first, a code twice, a row of another length.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let place = format!("schemas/codes/{name}.csv");
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let header: Vec<String> = reader
            .headers()
            .map_err(|source| {
                Fault::settings("the code list has no header")
                    .at(&place)
                    .because(source)
            })?
            .iter()
            .map(str::to_owned)
            .collect();
        if header.first().map(String::as_str) != Some("code") {
            return Err(Fault::settings("a code list begins with the column `code`")
                .at(&place)
                .found(header.join(","))
                .hint("name the first column code; a comma stands between cells"));
        }
        let mut list = Self {
            name: name.to_owned(),
            header,
            ..Self::default()
        };
        for (number, row) in reader.records().enumerate() {
            let row = row.map_err(|source| unreadable_row(&place, source))?;
            let row: Vec<String> = row.iter().map(str::to_owned).collect();
            if list.index.contains_key(&row[0]) {
                return Err(Fault::settings("a code stands twice")
                    .at(format!("{place}, line {}", number + 2))
                    .found(row[0].clone())
                    .hint("keep one of the two rows"));
            }
            list.index.insert(row[0].clone(), list.rows.len());
            list.rows.push(row);
        }
        Ok(list)
    }
    /// Adds each row of `other`, or puts it in the place of the row with the same code. Columns are matched by name; those
    /// that are left out are empty. Errors: Settings, when `other` has a column that this list has not.
    pub fn overlay(&mut self, other: &Self) -> Result<()> {
        let mine = || self.header.iter().map(String::as_str);
        if let Some(column) = other.header.iter().find(|column| !self.header.contains(column)) {
            let fault = Fault::settings("the code list has no such column")
                .at(format!("schemas/codes/{}.csv, line 1", other.name))
                .expected(mine().collect::<Vec<_>>().join(", "))
                .found(column.clone());
            return Err(match nearest(column, mine()) {
                Some(near) => fault.hint(format!("did you mean {near}")),
                None => fault.hint("leave it out; of the columns only code must be there"),
            });
        }
        for row in &other.rows {
            let merged: Vec<String> = self
                .header
                .iter()
                .map(|column| {
                    let at = other.header.iter().position(|name| name == column);
                    at.and_then(|at| row.get(at).cloned()).unwrap_or_default()
                })
                .collect();
            match self.index.get(&row[0]) {
                Some(&at) => self.rows[at] = merged,
                None => {
                    self.index.insert(row[0].clone(), self.rows.len());
                    self.rows.push(merged);
                }
            }
        }
        Ok(())
    }
    /// The columns that a row of one's own fills: all but those that only order, group and date the list.
    pub fn own_columns(&self) -> impl Iterator<Item = &str> {
        const LEFT_OUT: [&str; 5] = ["parent_code", "is_group", "valid_from", "valid_to", "sort_order"];
        let all = self.header.iter().map(String::as_str);
        all.filter(|column| !LEFT_OUT.contains(column))
    }
    /// The code that a wrong one most likely means, or the one whose name it is near, then with the name: somebody wrote
    /// `Aarhus` for 0751.
    pub fn likely(&self, wrong: &str) -> Option<String> {
        // Digits are near to all others.
        let is_number = wrong.chars().all(|letter| letter.is_ascii_digit());
        if !is_number && let Some(code) = nearest(wrong, self.codes()) {
            return Some(code.to_owned());
        }
        ["name_da", "name_en"].iter().find_map(|column| {
            let named = || self.codes().filter_map(|code| Some((code, self.get(code, column)?)));
            let name = nearest(wrong, named().map(|(_, name)| name))?;
            let (code, _) = named().find(|(_, known)| *known == name)?;
            Some(format!("{code} ({name})"))
        })
    }
    /// True when the list has this code.
    pub fn contains(&self, code: &str) -> bool {
        self.index.contains_key(code)
    }
    /// A cell by code and column name; an empty cell is `None`.
    pub fn get(&self, code: &str, column: &str) -> Option<&str> {
        let at = self.header.iter().position(|name| name == column)?;
        let cell = self.rows.get(*self.index.get(code)?)?.get(at)?;
        (!cell.is_empty()).then_some(cell.as_str())
    }
    /// Whether a code holds on a day (`2026-01-31`): from `valid_from` on and before `valid_to`, where the list has them.
    pub fn is_valid_on(&self, code: &str, day: &str) -> bool {
        self.get(code, "valid_from").is_none_or(|from| from <= day)
            && self.get(code, "valid_to").is_none_or(|to| day < to)
    }
    /// All codes in file order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row[0].as_str())
    }
}

/// The common schema: fields, tables, code lists. The copies in the binary, with `--home`'s schemas/ laid over.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    /// By name.
    pub fields: BTreeMap<String, Field>,
    /// By name.
    pub tables: BTreeMap<String, Table>,
    /// By name.
    pub codes: BTreeMap<String, CodeList>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    #[serde(default = "core")]
    layer: String,
    /// Table whose columns come first.
    like: Option<String>,
    /// Columns of `like` that this table has not.
    #[serde(default)]
    without: Vec<String>,
    partition_by: Vec<String>,
    partition_from: Option<String>,
    unique_key: Vec<String>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    by_runner: bool,
    description_en: String,
    description_da: String,
}

fn core() -> String {
    "core".to_owned()
}

impl Schemas {
    /// The copies in the binary.
    pub fn embedded() -> Result<Self> {
        let mut texts = BTreeMap::new();
        collect_embedded(&EMBEDDED, &mut texts);
        Self::from_texts(&texts)
    }
    /// The copies in the binary with the rows, tables and fields under `home/schemas` laid over.
    pub fn load(home: &Path) -> Result<Self> {
        let mut texts = BTreeMap::new();
        collect_embedded(&EMBEDDED, &mut texts);
        let mut schemas = Self::from_texts(&texts)?;
        let folder = home.join("schemas");
        if !folder.is_dir() {
            return Ok(schemas);
        }
        let mut changed = false;
        for (sub, ending) in [("codes", ".csv"), ("tables", ".toml"), ("", ".toml")] {
            let Ok(entries) = std::fs::read_dir(folder.join(sub)) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.ends_with(ending) || !entry.path().is_file() {
                    continue;
                }
                let text = std::fs::read_to_string(entry.path()).map_err(|source| {
                    Fault::settings("a file of the home schemas cannot be read")
                        .at(entry.path().display().to_string())
                        .because(source)
                })?;
                if sub == "codes" {
                    let list = CodeList::parse(name.trim_end_matches(".csv"), &text)?;
                    match schemas.codes.get_mut(&list.name) {
                        Some(known) => known.overlay(&list)?,
                        None => {
                            schemas.codes.insert(list.name.clone(), list);
                        }
                    }
                } else if name == "fields.toml" {
                    texts.insert(HOME_FIELDS.to_owned(), text);
                    changed = true;
                } else {
                    texts.insert(if sub.is_empty() { name } else { format!("{sub}/{name}") }, text);
                    changed = true;
                }
            }
        }
        if changed {
            let codes = std::mem::take(&mut schemas.codes);
            schemas = Self::from_texts(&texts)?;
            schemas.codes = codes;
        }
        Ok(schemas)
    }
    /// A table by name. Errors: Settings, with the nearest names.
    pub fn table(&self, name: &str) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| {
            Fault::settings("no such table in the common schema")
                .found(name.to_owned())
                .expected(self.tables.keys().cloned().collect::<Vec<_>>().join(", "))
                .hint(match crate::nearest(name, self.tables.keys().map(String::as_str)) {
                    Some(table) => format!("did you mean {table}; klimalade schema {table}"),
                    None => "klimalade schema".to_owned(),
                })
        })
    }
    /// A code list by name. Errors: Settings.
    pub fn code_list(&self, name: &str) -> Result<&CodeList> {
        self.codes.get(name).ok_or_else(|| {
            Fault::settings("no such code list")
                .found(name.to_owned())
                .expected(self.codes.keys().cloned().collect::<Vec<_>>().join(", "))
        })
    }

    fn from_texts(texts: &BTreeMap<String, String>) -> Result<Self> {
        let mut schemas = Self::default();
        for (name, text) in texts {
            if let Some(name) = name.strip_prefix("codes/").and_then(|name| name.strip_suffix(".csv")) {
                schemas.codes.insert(name.to_owned(), CodeList::parse(name, text)?);
            }
        }
        for file in ["fields.toml", HOME_FIELDS] {
            let Some(text) = texts.get(file) else { continue };
            let fields: BTreeMap<String, Field> = toml::from_str(text).map_err(|source| {
                Fault::settings("fields.toml cannot be read")
                    .at("schemas/fields.toml")
                    .because(source)
            })?;
            schemas.fields.extend(fields);
        }
        for (name, field) in &mut schemas.fields {
            field.name.clone_from(name);
        }
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            if let Some(name) = name.strip_prefix("tables/").and_then(|name| name.strip_suffix(".toml")) {
                let file: TableFile = toml::from_str(text).map_err(|source| {
                    Fault::settings("a table cannot be read")
                        .at(format!("schemas/tables/{name}.toml"))
                        .because(source)
                })?;
                files.insert(name.to_owned(), file);
            }
        }
        for (name, file) in &files {
            let table = schemas.build_table(name, file, &files)?;
            schemas.tables.insert(name.clone(), table);
        }
        Ok(schemas)
    }

    fn build_table(&self, name: &str, file: &TableFile, files: &BTreeMap<String, TableFile>) -> Result<Table> {
        let place = format!("schemas/tables/{name}.toml");
        let mut names: Vec<(String, bool)> = Vec::new();
        if let Some(like) = &file.like {
            let base = files
                .get(like)
                .ok_or_else(|| Fault::settings("`like` names no table").at(&place).found(like.clone()))?;
            names.extend(
                base.columns
                    .iter()
                    .filter(|column| !file.without.contains(column))
                    .map(|column| (column.clone(), !base.optional.contains(column))),
            );
        }
        names.extend(
            file.columns
                .iter()
                .map(|column| (column.clone(), !file.optional.contains(column))),
        );
        let columns = names
            .into_iter()
            .map(|(column, required)| {
                let field = self.fields.get(&column).cloned().ok_or_else(|| {
                    Fault::settings("a column is no field")
                        .at(&place)
                        .found(column.clone())
                        .hint(format!("define [{column}] in schemas/fields.toml"))
                })?;
                Ok(Column { field, required })
            })
            .collect::<Result<Vec<_>>>()?;
        let is_partitioned = file.partition_by.first().is_some_and(|level| level == "pipeline");
        if is_partitioned != (file.layer == "core") {
            return Err(Fault::settings("a table is not partitioned as its layer is")
                .at(&place)
                .expected("layer core: partition_by = [\"pipeline\", ...]; layers out and run: partition_by = []")
                .found(format!("layer {}: {}", file.layer, file.partition_by.join(", "))));
        }
        for key in &file.unique_key {
            if !columns
                .iter()
                .any(|column| &column.field.name == key && column.required)
            {
                return Err(Fault::settings("a key column must be a required column of the table")
                    .at(&place)
                    .found(key.clone()));
            }
        }
        Ok(Table {
            name: name.to_owned(),
            layer: file.layer.clone(),
            partition_by: file.partition_by.clone(),
            partition_from: file.partition_from.clone(),
            unique_key: file.unique_key.clone(),
            sort_by: file.unique_key.clone(),
            columns,
            description_en: file.description_en.clone(),
            description_da: file.description_da.clone(),
            by_runner: file.by_runner,
        })
    }
}

fn collect_embedded(dir: &Dir<'_>, texts: &mut BTreeMap<String, String>) {
    for file in dir.files() {
        if let Some(text) = file.contents_utf8() {
            texts.insert(file.path().to_string_lossy().replace('\\', "/"), text.to_owned());
        }
    }
    for sub in dir.dirs() {
        collect_embedded(sub, texts);
    }
}
