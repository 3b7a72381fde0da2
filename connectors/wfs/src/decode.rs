use arrow::array::RecordBatchReader;
use arrow_schema::{DataType, SchemaRef};
use klimalade_connect::{Fault, ID_KEY, Page, Part, Result, SourceColumn, open_page, source_name};
use klimalade_format::{
    geometry::Crs,
    gml::{self, GmlOptions, Look, names_epsg25832},
    json::{self, JsonOptions},
};
use serde_json::Value;

use crate::{
    plan::Detail,
    settings::{Checked, Output},
};

const FEATURES: &str = "features";
/// Where GeoServer names the system of its coordinates.
const CRS_NAME: &str = "crs.properties.name";

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
                ids: Vec::new(),
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
            let is_id = |field: &arrow_schema::FieldRef| {
                source_name(field) == gml::ID && field.metadata().get(ID_KEY).is_some_and(|flag| flag == "true")
            };
            let options = GmlOptions {
                known: Detail::of(part)?
                    .properties
                    .into_iter()
                    .map(|property| property.name)
                    .collect(),
                stable_ids: columns.fields().iter().any(is_id),
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
            json::reader(open_page(page)?, columns, &json_options())
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
                .hint("output = \"gml\""),
        ),
    }
}
