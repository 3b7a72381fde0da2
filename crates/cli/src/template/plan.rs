use klimalade_file::{FileFormat, LayoutForm, Settings};
use klimalade_model::{CodeList, Fault, Result, Schemas, SourceType, nearest};
use klimalade_pipeline::{Catalogue, Definition, Pipeline};

/// A workbook to be filled in: one sheet for each pipeline that reads the same files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    /// What it is for, in Danish.
    pub(crate) title: String,
    /// Where a filled one goes.
    pub(crate) folder: String,
    /// The pipelines that read it.
    pub(crate) pipelines: Vec<String>,
    /// In the order of the pipelines.
    pub(crate) sheets: Vec<Sheet>,
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sheet {
    /// As the layout finds it.
    pub(crate) name: String,
    /// What it is, in Danish.
    pub(crate) title: String,
    /// Row of the headings, from 1.
    pub(crate) header_row: u32,
    /// From left to right.
    pub(crate) headings: Vec<Heading>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Heading {
    /// As the source names it.
    pub(crate) title: String,
    /// What is typed there.
    pub(crate) kind: SourceType,
    /// It tells rows apart, so it cannot be empty.
    pub(crate) is_key: bool,
    /// What it means.
    pub(crate) meaning: String,
    /// What may be chosen: text and meaning, from the code list of that name.
    pub(crate) choices: Option<(String, Vec<(String, String)>)>,
}

impl Sheet {
    /// Headings from left to right.
    pub(crate) fn titles(&self) -> Vec<&str> {
        self.headings.iter().map(|heading| heading.title.as_str()).collect()
    }
}

impl Form {
    /// Of the pipeline and of all that read the same address. Errors: Settings, where it is no pipeline of workbooks.
    pub(crate) fn of(catalogue: &Catalogue, schemas: &Schemas, name: &str) -> Result<Self> {
        let asked = catalogue.pipelines.get(name).ok_or_else(|| {
            let names = catalogue.pipelines.keys().map(String::as_str);
            Fault::settings("there is no such pipeline")
                .found(name.to_owned())
                .hint(match nearest(name, names) {
                    Some(near) => format!("klimalade template {near}"),
                    None => "klimalade status".to_owned(),
                })
        })?;
        let not_filled_in = || {
            Fault::settings("the pipeline reads no workbook that somebody fills in")
                .found(name.to_owned())
                .expected(
                    "connector = \"file\", an address, format = { type = \"sheet\" } with one layout for one sheet",
                )
                .hint("klimalade connectors file")
        };
        let (address, title) = match asked.owners.first() {
            Some(owner) => (
                address(&owner.definition).ok_or_else(not_filled_in)?,
                owner.definition.title_da.clone(),
            ),
            None => return Err(not_filled_in()),
        };
        let mut form = Self {
            title,
            folder: folder(&address).to_owned(),
            pipelines: Vec::new(),
            sheets: Vec::new(),
        };
        for pipeline in catalogue.pipelines.values() {
            if let Some(sheet) = sheet(pipeline, &address, schemas)? {
                form.pipelines.push(pipeline.name.clone());
                if !form.sheets.iter().any(|other| other.name == sheet.name) {
                    form.sheets.push(sheet);
                }
            }
        }
        match form.sheets.is_empty() {
            true => Err(not_filled_in()),
            false => Ok(form),
        }
    }

    /// The sheet of that name. Errors: Settings.
    pub(crate) fn sheet(&self, name: &str) -> Result<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
            Fault::settings("the workbook has no such sheet")
                .found(name.to_owned())
                .expected(names.join(", "))
                .hint(format!("--fill {}=rows.csv", names.first().unwrap_or(&"sheet")))
        })
    }
}

/// Where the pipeline's files lie, if one address says so.
fn address(definition: &Definition) -> Option<String> {
    let source = definition.source.as_ref()?;
    (source.get("connector")?.as_str()? == "file").then_some(())?;
    Some(source.get("address")?.as_str()?.to_owned())
}

/// `drop/puls/` of `drop/puls/*.xlsx`.
fn folder(address: &str) -> &str {
    address.rfind('/').map_or("./", |at| &address[..=at])
}

/// The sheet that a pipeline reads at that address. The first layout is the template's: others are of editions that came
/// before it.
fn sheet(pipeline: &Pipeline, wanted: &str, schemas: &Schemas) -> Result<Option<Sheet>> {
    let Some(definition) = pipeline.owners.first().map(|owner| &owner.definition) else {
        return Ok(None);
    };
    if address(definition).as_deref() != Some(wanted) {
        return Ok(None);
    }
    let (_, settings) = definition.connector()?;
    let settings: Settings = serde_json::from_value(settings).map_err(|error| {
        Fault::settings("[source] cannot be read")
            .at(format!("pipelines/{}/pipeline.toml", pipeline.name))
            .found(error.to_string())
            .hint(format!("klimalade check {}", pipeline.name))
    })?;
    let FileFormat::Sheet(form) = settings.format else {
        return Ok(None);
    };
    let Some(layout) = form.layout.into_iter().next() else {
        return Ok(None);
    };
    let names = layout.sheet.clone().into_list();
    let name = names.first().filter(|name| !name.contains('*')).cloned();
    Ok(Some(Sheet {
        name: name.unwrap_or_else(|| "Data".to_owned()),
        title: definition.title_da.clone(),
        header_row: layout.header_row.clone().into_list().into_iter().max().unwrap_or(1),
        headings: headings(definition, &layout, schemas)?,
    }))
}

/// The layout's headings in its order, then what else is declared.
fn headings(definition: &Definition, layout: &LayoutForm, schemas: &Schemas) -> Result<Vec<Heading>> {
    let mut headings = Vec::new();
    for (name, column) in &definition.columns {
        let title = column.from.clone().unwrap_or_else(|| name.clone());
        if title == klimalade_format::sheet::SHEET_COLUMN {
            continue;
        }
        let choices = match &column.codes {
            None => None,
            Some(list) => Some((list.clone(), choices(schemas.code_list(list)?, definition))),
        };
        headings.push(Heading {
            title,
            kind: column.kind,
            is_key: column.id,
            meaning: column.meaning.clone().unwrap_or_default(),
            choices,
        });
    }
    let place = |heading: &Heading| {
        let at = layout.columns.iter().position(|title| *title == heading.title);
        at.unwrap_or(layout.columns.len())
    };
    headings.sort_by_key(place);
    Ok(headings)
}

/// What may stand in a column of that list: of `areas` the codes of municipalities and regions, of every other list the
/// Danish names, of a list that serves several tables or indicators those of this pipeline.
fn choices(list: &CodeList, definition: &Definition) -> Vec<(String, String)> {
    let is_areas = list.name == "areas";
    let of_table = |code: &&str| match list.get(code, "tables") {
        Some(tables) => tables.split(' ').any(|other| other == definition.table),
        None => true,
    };
    let published = &definition.publishes.indicators;
    let of_indicator = |code: &&str| match list.get(code, "indicator_codes") {
        Some(codes) if !published.is_empty() => codes.split(' ').any(|other| published.iter().any(|one| one == other)),
        _ => true,
    };
    let is_place = |code: &&str| {
        let level = list.get(code, "area_level");
        !is_areas || matches!(level, Some("municipality" | "region"))
    };
    let codes = list
        .codes()
        .filter(of_table)
        .filter(of_indicator)
        .filter(is_place)
        .filter(|code| !code.starts_with('_'));
    codes
        .map(|code| {
            let name = list.get(code, "name_da").unwrap_or(code);
            match is_areas {
                true => (code.to_owned(), name.to_owned()),
                false => (
                    name.to_owned(),
                    list.get(code, "name_en").unwrap_or_default().to_owned(),
                ),
            }
        })
        .collect()
}
