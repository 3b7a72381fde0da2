//! The figures of an inventory as the lake has them, and the table as CSV.

use std::{collections::BTreeSet, io::Write};

use arrow::{
    array::{Array, RecordBatch},
    util::display::array_value_to_string,
};
use klimalade_model::{Fault, Result, nearest};
use klimalade_run::{House, tables_of};

use crate::{
    form::{Form, FormCode},
    header::{Header, csv_not_written, not_written},
    inventory::{Inventory, Kind, lines},
};

/// Gases that have a column, in the form's order.
const GASES: [&str; 8] = ["co2", "co2_indirect", "ch4", "n2o", "hfc", "pfc", "sf6", "nf3"];

/// A row of the account: one area and year, all breakdowns that a form knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figure {
    /// Sector.
    pub(crate) sector_code: String,
    /// The agency's own finest code (`crf_1a4bi`), or `_T`.
    pub(crate) category_code: String,
    /// Gas, `co2e` where it is not split.
    pub(crate) gas_code: String,
    /// Scope, `_T` where it is not told apart.
    pub(crate) scope_code: String,
    /// Tonnes of CO2e; none when any row behind it has none.
    pub(crate) tonnes: Option<f64>,
    /// SDMX CL_OBS_STATUS.
    pub(crate) value_status: String,
    /// False when any row behind it is confidential.
    pub(crate) is_free: bool,
}

/// A municipality's inventory of a year in a form; of Denmark as a whole in CRF only. Errors: Settings, when there is no
/// such area or no account of that year.
pub async fn inventory(house: &House, code: FormCode, area: &str, year: i16) -> Result<Inventory> {
    let name = area_name(house, area)?;
    let level = house
        .schemas
        .code_list("areas")?
        .get(area, "area_level")
        .unwrap_or_default();
    let indicator = match (level, code) {
        ("municipality", _) => "ghg_emissions",
        ("country", FormCode::Crf) => "ghg_inventory",
        _ => {
            return Err(Fault::settings("no account is kept of this area")
                .at("--area")
                .expected(match code {
                    FormCode::Gpc => "a municipality",
                    FormCode::Crf => "a municipality, or DK",
                })
                .found(format!("{area} ({name}, {level})"))
                .hint("klimalade query \"SELECT code, name_da FROM codes.areas WHERE area_level = 'municipality'\""));
        }
    };
    let of_area = format!("indicator_code = '{indicator}' AND area_code = '{area}' AND scenario_code = 'actual'");
    let sql = format!(
        "SELECT sector_code, category_code, gas_code, scope_code, method_code, unit_code, source_id, source_version,
                licence_code, max(retrieved_at) AS retrieved_at, count(*) - count(value) AS missing, sum(value) AS tonnes,
                max(value_status) AS value_status, min(CASE WHEN conf_status = 'F' THEN 1 ELSE 0 END) AS is_free
         FROM core.observation WHERE {of_area} AND year = {year}
         GROUP BY sector_code, category_code, gas_code, scope_code, method_code, unit_code, source_id, source_version,
                licence_code
         ORDER BY sector_code, category_code, gas_code, scope_code"
    );
    let rows = read(house, &sql).await?;
    if rows.is_empty() {
        return Err(no_account(house, code, area, year, &of_area).await?);
    }
    let figures: Vec<Figure> = rows.iter().map(figure).collect();
    let of = |column: &str| {
        let values: BTreeSet<&str> = rows.iter().filter_map(|row| row.get(column)).collect();
        values.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (method, unit) = (of("method_code"), of("unit_code"));
    if unit != "tonne_co2e" || method.contains(',') {
        return Err(Fault::contract("figures of one account differ in method or unit")
            .at(format!("{indicator}, {area}, {year}"))
            .expected("one method, in tonne_co2e")
            .found(format!("{method}; {unit}")));
    }
    let form = Form::new(code, &method)?;
    let header = header(house, code, (area, &name, year), &rows)?;
    Ok(Inventory {
        header,
        source_id: of("source_id"),
        lines: lines(&form, &figures, &house.schemas)?,
    })
}

fn header(house: &House, code: FormCode, (area, name, year): (&str, &str, i16), rows: &[Row]) -> Result<Header> {
    let of = |column: &str| {
        let values: BTreeSet<&str> = rows.iter().filter_map(|row| row.get(column)).collect();
        values.into_iter().collect::<Vec<_>>().join(", ")
    };
    let source = of("source_id");
    let is_simulated = house.lake.simulated();
    let plain = source.strip_prefix("sim_").unwrap_or(&source);
    let lists = &house.schemas;
    let of_list = |list: &str, code: &str, column: &str| -> Result<String> {
        let text = lists.code_list(list)?.get(code, column).unwrap_or_default();
        Ok(text.to_owned())
    };
    let method = of("method_code");
    let mut header = Header::default();
    header.say(
        "form",
        match code {
            FormCode::Gpc => "GPC 1.1 (Global Protocol for Community-Scale Greenhouse Gas Inventories)",
            FormCode::Crf => "CRF (Common Reporting Format of the UNFCCC)",
        },
    );
    header.say("area", format!("{area} {name}"));
    header.say("year", year.to_string());
    header.say("unit", "tonne CO2e");
    header.say(
        "source",
        format!("{source}: {}", of_list("sources", plain, "attribution")?),
    );
    let edition = of("source_version");
    let first_seen = rows
        .iter()
        .filter_map(|row| row.get("retrieved_at"))
        .max()
        .unwrap_or_default();
    header.say(
        "edition",
        if edition.is_empty() {
            format!("not named by the source; these figures were first seen {first_seen}")
        } else {
            format!("{edition}; first seen {first_seen}")
        },
    );
    header.say("licence", of("licence_code"));
    header.say(
        "method",
        format!("{method}: {}", of_list("methods", &method, "name_en")?),
    );
    let gwp = of_list("methods", &method, "gwp_set")?;
    header.say(
        "gwp",
        if gwp.is_empty() || gwp == "_U" {
            "not stated by the source".to_owned()
        } else {
            gwp
        },
    );
    let note = of_list("methods", &method, "note")?;
    if !note.is_empty() {
        header.say("method note", note);
    }
    header.say(
        "notation keys",
        match code {
            FormCode::Gpc => "IE included elsewhere, NE not estimated, NO not occurring, C confidential",
            FormCode::Crf => {
                "IE included elsewhere, NE not estimated, NO not occurring, NA not applicable, C confidential"
            }
        },
    );
    header.say(
        "simulated",
        if is_simulated {
            "yes: every figure is invented"
        } else {
            "no"
        },
    );
    Ok(header)
}

async fn no_account(house: &House, code: FormCode, area: &str, year: i16, of_area: &str) -> Result<Fault> {
    let sql = format!("SELECT DISTINCT year FROM core.observation WHERE {of_area} ORDER BY year");
    let rows = read(house, &sql).await?;
    let years: Vec<&str> = rows.iter().filter_map(|row| row.get("year")).collect();
    let fault = Fault::settings("there is no account of that year")
        .at("--year")
        .found(year.to_string());
    Ok(match years.last() {
        Some(newest) => fault.expected(years.join(", ")).hint(format!(
            "klimalade export {} --area {area} --year {newest}",
            code.name()
        )),
        None => fault
            .expected("figures of that area, of which the lake has none")
            .hint("klimalade run"),
    })
}

/// The Danish name of an area. Errors: Settings, with the code that was most likely meant.
pub(crate) fn area_name(house: &House, area: &str) -> Result<String> {
    let areas = house.schemas.code_list("areas")?;
    if let Some(name) = areas.get(area, "name_da") {
        return Ok(name.to_owned());
    }
    let names: Vec<(&str, &str)> = areas
        .codes()
        .map(|code| (code, areas.get(code, "name_da").unwrap_or_default()))
        .collect();
    let by_name = nearest(area, names.iter().map(|(_, name)| *name));
    let near = by_name
        .and_then(|near| names.iter().find(|(_, name)| *name == near))
        .map(|(code, _)| *code)
        .or_else(|| nearest(area, names.iter().map(|(code, _)| *code)));
    let fault = Fault::settings("no such area").at("--area").found(area.to_owned());
    Err(fault.hint(match near {
        Some(code) => format!(
            "did you mean {code} ({})",
            areas.get(code, "name_da").unwrap_or_default()
        ),
        None => "klimalade schema areas lists them".to_owned(),
    }))
}

fn figure(row: &Row) -> Figure {
    let text = |column: &str| row.get(column).unwrap_or_default().to_owned();
    let is_whole = row.get("missing") == Some("0");
    Figure {
        sector_code: text("sector_code"),
        category_code: text("category_code"),
        gas_code: text("gas_code"),
        scope_code: text("scope_code"),
        tonnes: row
            .get("tonnes")
            .and_then(|tonnes| tonnes.parse().ok())
            .filter(|_| is_whole),
        value_status: text("value_status"),
        is_free: row.get("is_free") == Some("1"),
    }
}

/// A row of a small answer, as text.
pub(crate) struct Row(Vec<(String, Option<String>)>);

impl Row {
    /// None when it is null or not there.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == column)?;
        found.1.as_deref()
    }
}

/// The rows of a small answer.
pub(crate) async fn read(house: &House, sql: &str) -> Result<Vec<Row>> {
    let tables = tables_of(house, sql).await?;
    let mut answer = house.engine.ask(sql, &tables).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.next().await? {
        for row in 0..batch.num_rows() {
            rows.push(row_of(&batch, row)?);
        }
    }
    Ok(rows)
}

fn row_of(batch: &RecordBatch, row: usize) -> Result<Row> {
    let schema = batch.schema();
    let cells = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        if column.is_null(row) {
            return Ok((field.name().clone(), None));
        }
        let text = array_value_to_string(column, row)
            .map_err(|source| Fault::bug("a value cannot be written as text").because(source))?;
        Ok((field.name().clone(), Some(text)))
    });
    cells.collect::<Result<Vec<_>>>().map(Row)
}

impl Inventory {
    /// As CSV: lines of `#` say what it is, then a header and the rows.
    pub fn write(&self, mut out: impl Write) -> Result<()> {
        self.header.write(&mut out)?;
        let mut writer = csv::Writer::from_writer(out);
        let mut names = vec![
            "ref",
            "name",
            "scope",
            "level",
            "kind",
            "tonne_co2e",
            "notation_key",
            "included_in",
        ];
        let gases: Vec<String> = GASES.iter().map(|gas| format!("{gas}_tonne_co2e")).collect();
        names.extend(gases.iter().map(String::as_str));
        names.extend(["not_split_tonne_co2e", "gas_key", "certainty", "note"]);
        writer.write_record(&names).map_err(csv_not_written)?;
        for line in &self.lines {
            let number = |tonnes: f64| format!("{tonnes:.3}");
            let by_gas = |gas: &str| line.amount.get(gas).copied().map(number).unwrap_or_default();
            let mut cells = vec![
                line.place.clone(),
                line.name.clone(),
                line.scope.clone(),
                line.level.clone(),
                line.kind.word().to_owned(),
                line.tonne_co2e().map(number).unwrap_or_default(),
                line.key.clone(),
                line.included_in.clone(),
            ];
            cells.extend(GASES.iter().map(|gas| by_gas(gas)));
            cells.push(by_gas("co2e"));
            // What is not split is included in the column beside the gases.
            let is_unsplit = line.kind != Kind::Key && line.amount.contains_key("co2e");
            cells.push(if is_unsplit { "IE" } else { "" }.to_owned());
            cells.push(line.certainty.clone());
            cells.push(line.note.clone());
            writer.write_record(&cells).map_err(csv_not_written)?;
        }
        writer.flush().map_err(not_written)
    }
}
