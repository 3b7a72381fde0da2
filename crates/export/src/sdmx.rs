//! `core.observation` as SDMX: its rows as SDMX-CSV 2.0, and the structure that they follow as SDMX-ML 3.0.

mod structure;

use std::io::Write;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use klimalade_engine::Answer;
use klimalade_model::{Fault, Result, Table, nearest};
use klimalade_run::{House, tables_of};

use crate::header::{csv_not_written, not_written};

/// Who maintains the structure. No agency of the SDMX registry: whoever passes the data on puts its own name here.
const AGENCY: &str = "KLIMALADE";
const FLOW: &str = "OBSERVATION";
const VERSION: &str = "1.0.0";

/// A component of the structure and the column that it is.
#[derive(Clone, Copy, Debug)]
struct Component {
    id: &'static str,
    column: &'static str,
}

const fn component(id: &'static str, column: &'static str) -> Component {
    Component { id, column }
}

/// In the order of the key; the period stands last.
const DIMENSIONS: [Component; 11] = [
    component("INDICATOR", "indicator_code"),
    component("SCENARIO", "scenario_code"),
    component("FREQ", "frequency_code"),
    component("REF_AREA", "area_code"),
    component("SECTOR", "sector_code"),
    component("CARRIER", "carrier_code"),
    component("CATEGORY", "category_code"),
    component("DETAIL", "detail_code"),
    component("GAS", "gas_code"),
    component("SCOPE", "scope_code"),
    component("METHOD", "method_code"),
];
const TIME: Component = component("TIME_PERIOD", "time_period");
const MEASURE: Component = component("OBS_VALUE", "value");
const ATTRIBUTES: [Component; 10] = [
    component("UNIT_MEASURE", "unit_code"),
    component("OBS_STATUS", "value_status"),
    component("CONF_STATUS", "conf_status"),
    component("AREA_LEVEL", "area_level"),
    component("PERIOD_START", "period_start"),
    component("PERIOD_END", "period_end"),
    component("DATA_SOURCE", "source_id"),
    component("EDITION", "source_version"),
    component("RETRIEVED_AT", "retrieved_at"),
    component("LICENCE", "licence_code"),
];

/// The rows of some or all indicators, and their structure.
#[derive(Debug)]
pub struct SdmxExport<'a> {
    house: &'a House,
    answer: Answer,
}

/// The yearly figures of these indicators; of all where none is named. Errors: Settings, when there is no such indicator.
pub async fn sdmx<'a>(house: &'a House, indicators: &[String]) -> Result<SdmxExport<'a>> {
    let list = house.schemas.code_list("indicators")?;
    if let Some(indicator) = indicators.iter().find(|indicator| !list.contains(indicator)) {
        return Err(Fault::settings("no such indicator")
            .at("--indicator")
            .found(indicator.clone())
            .hint(match nearest(indicator, list.codes()) {
                Some(near) => format!("did you mean {near}; klimalade schema indicators"),
                None => "klimalade schema indicators".to_owned(),
            }));
    }
    let columns: Vec<String> = components()
        .map(|component| format!("{} AS \"{}\"", component.column, component.id))
        .collect();
    let mut sql = format!("SELECT {} FROM core.observation", columns.join(", "));
    if !indicators.is_empty() {
        // They are codes of the list: none holds a quote.
        sql.push_str(&format!(" WHERE indicator_code IN ('{}')", indicators.join("', '")));
    }
    let tables = tables_of(house, &sql).await?;
    let answer = house.engine.ask(&sql, &tables).await?;
    Ok(SdmxExport { house, answer })
}

/// In the order of the columns.
fn components() -> impl Iterator<Item = &'static Component> {
    DIMENSIONS.iter().chain([&TIME, &MEASURE]).chain(&ATTRIBUTES)
}

impl SdmxExport<'_> {
    /// The structure message: code lists, concepts, the data structure and its flow.
    pub fn write_structure(&self, out: impl Write) -> Result<()> {
        let table: &Table = self.house.schemas.table("observation")?;
        let prepared = self.house.now_text();
        structure::write(out, &self.house.schemas, table, &prepared, self.house.lake.simulated())
    }

    /// The rows, batch by batch; their number.
    pub async fn write_data(&mut self, out: impl Write) -> Result<u64> {
        let mut writer = csv::Writer::from_writer(out);
        let names = ["STRUCTURE", "STRUCTURE_ID", "ACTION"];
        let names = names.into_iter().chain(components().map(|component| component.id));
        writer.write_record(names).map_err(csv_not_written)?;
        let id = format!("{AGENCY}:{FLOW}({VERSION})");
        let options = FormatOptions::default();
        let wrong = |source| Fault::bug("a value cannot be written as text").because(source);
        let mut rows = 0;
        while let Some(batch) = self.answer.next().await? {
            let formatters = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
                .collect::<std::result::Result<Vec<_>, _>>()
                .map_err(wrong)?;
            for row in 0..batch.num_rows() {
                for fixed in ["dataflow", &id, "I"] {
                    writer.write_field(fixed).map_err(csv_not_written)?;
                }
                for formatter in &formatters {
                    let text = formatter.value(row).try_to_string().map_err(wrong)?;
                    writer.write_field(text).map_err(csv_not_written)?;
                }
                writer.write_record(None::<&[u8]>).map_err(csv_not_written)?;
            }
            rows += batch.num_rows() as u64;
        }
        writer.flush().map_err(not_written)?;
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use klimalade_model::Schemas;

    use super::*;

    #[test]
    fn every_column_that_tells_rows_apart_is_a_dimension_and_no_column_is_left_out() {
        let schemas = Schemas::embedded().unwrap();
        let table = schemas.table("observation").unwrap();
        let is_there = |column: &str| components().any(|component| component.column == column);
        for column in &table.columns {
            // The year is the period's.
            assert!(
                is_there(&column.field.name) || column.field.name == "year",
                "{}",
                column.field.name
            );
        }
        for key in table.unique_key.iter().filter(|key| *key != "period_start") {
            assert!(DIMENSIONS.iter().any(|dimension| dimension.column == key), "{key}");
        }
    }

    #[test]
    fn codes_of_the_lists_are_ids_that_sdmx_allows() {
        let schemas = Schemas::embedded().unwrap();
        let table = schemas.table("observation").unwrap();
        for component in components() {
            let Some(list) = structure::code_list(&schemas, table, component) else {
                continue;
            };
            for code in list.codes() {
                let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "_@$-".contains(letter);
                assert!(
                    !code.is_empty() && code.chars().all(is_allowed),
                    "{}: {code}",
                    list.name
                );
                let parent = list.get(code, "parent_code").unwrap_or_default();
                assert!(parent.is_empty() || list.contains(parent), "{}: {parent}", list.name);
            }
        }
    }
}
