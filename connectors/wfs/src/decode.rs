use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use klimalade_connect::{Fault, ID_KEY, Kind, Page, Part, Result, SourceColumn, open_page, source_name};
use klimalade_format::{
    geometry::Crs,
    gml::{self, GmlOptions, Look, is_passing, names_epsg25832},
    json::{self, JsonOptions},
};
use serde_json::Value;

use crate::{
    plan::Detail,
    settings::{Checked, Output},
};

const FEATURES: &str = "features";
/// A GeoJSON feature's id.
const FEATURE_ID: &str = "id";
/// Where GeoServer names the system of its coordinates.
const CRS_NAME: &str = "crs.properties.name";
/// What to type where JSON comes in degrees.
const OTHER_FORM: &str = "output = \"gml\"";

/// As much of a page as the walk needs.
pub(crate) fn look(settings: &Checked, page: &Page) -> Result<Look> {
    let placed = |fault: Fault| fault.at(page.entry.address.clone());
    match settings.output {
        Output::Gml => gml::look(open_page(page)?).map_err(placed),
        Output::Json => {
            let look = json::look(open_page(page)?, FEATURES, &["numberReturned", "numberMatched"]).map_err(placed)?;
            let count = |name: &str| look.scalars.get(name).and_then(Value::as_u64);
            if let Some(said) = count("numberReturned").filter(|said| *said != look.rows) {
                return Err(placed(
                    Fault::source("the page does not hold as many features as it says")
                        .expected(format!("{said} features"))
                        .found(format!("{} features", look.rows))
                        .worth_another_walk(),
                ));
            }
            let is_next = |link: &Value| link.get("rel").and_then(Value::as_str) == Some("next");
            Ok(Look {
                rows: look.rows,
                matched: count("numberMatched"),
                has_next: look.links.iter().any(is_next),
                ids: feature_ids(page)?,
            })
        }
    }
}

pub(crate) fn decode<'a>(
    settings: &Checked,
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    match settings.output {
        Output::Gml => {
            let options = GmlOptions {
                known: Detail::of(part)?
                    .properties
                    .into_iter()
                    .map(|property| property.name)
                    .collect(),
                stable_ids: columns.fields().iter().any(|field| identifies(field, gml::ID)),
                ..GmlOptions::default()
            };
            gml::reader(open_page(page)?, columns, &options)
        }
        Output::Json => {
            if columns
                .fields()
                .iter()
                .any(|field| field.data_type() == &DataType::Binary)
            {
                check_crs(page)?;
            }
            let rows = json::reader(open_page(page)?, columns, &json_options())?;
            let ids = columns.fields().iter().position(|field| identifies(field, FEATURE_ID));
            Ok(Box::new(Features { rows, ids, row: 0 }))
        }
    }
}

pub(crate) fn columns(settings: &Checked, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
    if settings.output == Output::Json {
        return json::columns(open_page(page)?, &json_options());
    }
    let mut found = gml::columns(open_page(page)?)?;
    // A server that leaves nulls out shows a column on some pages only.
    for property in Detail::of(part)?.properties {
        let below = format!("{}.", property.name);
        if found
            .iter()
            .all(|column| column.name != property.name && !column.name.starts_with(&below))
        {
            found.push(property.column()?);
        }
    }
    Ok(found)
}

fn json_options() -> JsonOptions {
    JsonOptions {
        rows: FEATURES.to_owned(),
        crs: Crs::Epsg25832,
        empty_is_null: true,
        ..JsonOptions::default()
    }
}

/// The answer's own `crs`, where it has one, must be the one that was asked for.
fn check_crs(page: &Page) -> Result<()> {
    let look = json::look(open_page(page)?, FEATURES, &[CRS_NAME])?;
    let found = look.scalars.get(CRS_NAME).and_then(Value::as_str);
    match found.filter(|name| !names_epsg25832(name)) {
        None => Ok(()),
        Some(found) => Err(
            Fault::contract("the features are in another coordinate reference system than asked for")
                .at(page.entry.address.clone())
                .expected("EPSG:25832")
                .found(found.to_owned())
                .hint(OTHER_FORM),
        ),
    }
}

/// Whether a column of this name at the source tells rows apart.
fn identifies(field: &Field, name: &str) -> bool {
    source_name(field) == name && field.metadata().get(ID_KEY).is_some_and(|flag| flag == "true")
}

/// Ids of the features of a page of JSON; none where they have none.
fn feature_ids(page: &Page) -> Result<Vec<String>> {
    let column = Field::new(FEATURE_ID, DataType::Utf8, true);
    let schema: SchemaRef = Arc::new(Schema::new(vec![column]));
    let mut ids = Vec::new();
    for batch in json::reader(open_page(page)?, &schema, &json_options())? {
        match batch {
            Ok(batch) => ids.extend(texts(&batch, 0).flatten().map(str::to_owned)),
            // A text takes every value: all that is left to break the contract is that no feature has an id.
            Err(ArrowError::ExternalError(inner)) => match inner.downcast::<Fault>() {
                Ok(fault) if fault.kind() == Kind::Contract => return Ok(Vec::new()),
                Ok(fault) => return Err(fault.at(page.entry.address.clone())),
                Err(other) => return Err(Fault::bug("a page cannot be read").because(other)),
            },
            Err(other) => return Err(Fault::bug("a page cannot be read").because(other)),
        }
    }
    Ok(ids)
}

fn texts(batch: &RecordBatch, at: usize) -> impl Iterator<Item = Option<&str>> {
    batch.column(at).as_string_opt::<i32>().into_iter().flatten()
}

/// Rows of the server's JSON: with our own hint where the geometry is in degrees (there is no `crs` to set here), and
/// without ids that pass where rows are told apart by them.
struct Features<R> {
    rows: R,
    /// The column of ids that tell rows apart.
    ids: Option<usize>,
    row: u64,
}

impl<R> Features<R> {
    fn checked(&mut self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let passing = |id: &&str| is_passing(id);
        if let Some(at) = self.ids
            && let Some(id) = texts(&batch, at).flatten().find(passing)
        {
            let place = format!("rows {} to {}", self.row + 1, self.row + batch.num_rows() as u64);
            let fault = gml::passing_ids(id).at(place);
            return Err(ArrowError::ExternalError(Box::new(fault)));
        }
        self.row += batch.num_rows() as u64;
        Ok(batch)
    }
}

impl<R: RecordBatchReader> Iterator for Features<R> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self.rows.next()? {
            Ok(batch) => self.checked(batch),
            Err(ArrowError::ExternalError(inner)) => Err(match inner.downcast::<Fault>() {
                Ok(fault) if fault.hint_text().is_some_and(|hint| hint.starts_with("crs =")) => {
                    ArrowError::ExternalError(Box::new(fault.hint(OTHER_FORM)))
                }
                Ok(fault) => ArrowError::ExternalError(fault),
                Err(other) => ArrowError::ExternalError(other),
            }),
            Err(other) => Err(other),
        })
    }
}

impl<R: RecordBatchReader> RecordBatchReader for Features<R> {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}
