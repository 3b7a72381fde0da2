use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use arrow::util::display::array_value_to_string;
use klimalade_model::{CodeList, Fault, Result, Schemas, Table};

use crate::{checks::select, session::Engine};

/// Breakdowns of an indicator, in which a row may be the total of others.
const DIMENSIONS: [&str; 6] = [
    "sector_code",
    "carrier_code",
    "category_code",
    "detail_code",
    "gas_code",
    "scope_code",
];
/// Of these an indicator has one in a file.
const ONE_OF: [(&str, &str); 2] = [
    ("method_code", "an indicator has two methods"),
    ("frequency_code", "an indicator has two frequencies in one table"),
];

/// A breakdown that a file has: codes by column.
type Breakdown = BTreeMap<&'static str, String>;

/// Rule 2 of adding up: per indicator one method and one frequency, no period in two scenarios, no total beside its
/// parts. `constants`: columns that are one value in the whole file. Costs one grouping by the columns that differ;
/// rows are looked at again only where two breakdowns could be a total and its part. Errors: Contract.
pub async fn check_adding_up(
    engine: &Engine,
    file: &Path,
    table: &Table,
    schemas: &Schemas,
    constants: &BTreeMap<String, String>,
) -> Result<()> {
    let key = |name: &str| table.unique_key.iter().any(|column| column == name);
    if !key("indicator_code") || table.column("value").is_none() {
        return Ok(());
    }
    let columns: Vec<&'static str> = ["indicator_code", "scenario_code"]
        .into_iter()
        .chain(ONE_OF.map(|(name, _)| name))
        .chain(DIMENSIONS)
        .filter(|name| key(name))
        .collect();
    let breakdowns = breakdowns(engine, file, &columns, constants).await?;
    let others: Vec<&str> = table
        .unique_key
        .iter()
        .map(String::as_str)
        .filter(|name| !columns.contains(name))
        .collect();
    let rows = Rows { engine, file, others };
    for (column, what) in ONE_OF {
        if let Some((indicator, codes)) = several(&breakdowns, column).into_iter().next() {
            return Err(Fault::contract(what)
                .at(indicator)
                .expected(format!("one {column}"))
                .found(codes.into_iter().collect::<Vec<_>>().join(" and "))
                .hint("a second method or frequency is an indicator of its own with the same concept_code"));
        }
    }
    rows.one_scenario(&breakdowns).await?;
    let lists: BTreeMap<&str, &CodeList> = DIMENSIONS
        .into_iter()
        .filter_map(|name| {
            let list = table.column(name)?.field.codes.as_deref()?;
            Some((name, schemas.codes.get(list)?))
        })
        .collect();
    // Most files have no code that stands over another: then no two breakdowns are held against each other.
    let over = codes_over_others(&breakdowns, &lists);
    for total in breakdowns.iter().filter(|one| {
        one.iter()
            .any(|(column, code)| over.contains(&(*column, code.as_str())))
    }) {
        let parts: Vec<&Breakdown> = breakdowns
            .iter()
            .filter(|part| *part != total && is_total(total, part, &lists))
            .collect();
        if !parts.is_empty() {
            rows.no_part_beside(total, &parts).await?;
        }
    }
    Ok(())
}

/// The breakdowns of a file, few as they are.
async fn breakdowns(
    engine: &Engine,
    file: &Path,
    columns: &[&'static str],
    constants: &BTreeMap<String, String>,
) -> Result<Vec<Breakdown>> {
    let fixed: Breakdown = columns
        .iter()
        .filter_map(|name| Some((*name, constants.get(*name)?.clone())))
        .collect();
    let varying: Vec<&'static str> = columns
        .iter()
        .copied()
        .filter(|name| !fixed.contains_key(name))
        .collect();
    if varying.is_empty() {
        return Ok(vec![fixed]);
    }
    let sql = format!("SELECT DISTINCT {} FROM staged", varying.join(", "));
    let mut found = BTreeSet::new();
    for batch in select(engine, file, &sql).await? {
        for row in 0..batch.num_rows() {
            let mut breakdown = fixed.clone();
            for (name, column) in varying.iter().zip(batch.columns()) {
                breakdown.insert(name, array_value_to_string(column, row).unwrap_or_default());
            }
            found.insert(breakdown);
        }
    }
    Ok(found.into_iter().collect())
}

/// Indicators that have more than one code in a column, with the codes.
fn several<'a>(breakdowns: &'a [Breakdown], column: &str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for breakdown in breakdowns {
        if let Some(code) = breakdown.get(column) {
            codes.entry(&breakdown["indicator_code"]).or_default().insert(code);
        }
    }
    codes.retain(|_, codes| codes.len() > 1);
    codes
}

/// Codes of a column that stand over another code of the same column.
fn codes_over_others<'a>(
    breakdowns: &'a [Breakdown],
    lists: &BTreeMap<&str, &CodeList>,
) -> BTreeSet<(&'static str, &'a str)> {
    let mut over = BTreeSet::new();
    for column in DIMENSIONS {
        let codes: BTreeSet<&str> = breakdowns
            .iter()
            .filter_map(|breakdown| Some(breakdown.get(column)?.as_str()))
            .collect();
        let list = lists.get(column).copied();
        over.extend(
            codes
                .iter()
                .filter(|code| codes.iter().any(|other| other != *code && is_over(code, other, list)))
                .map(|code| (column, *code)),
        );
    }
    over
}

/// True when every code of `total` is that of `part` or stands over it, all else being equal.
fn is_total(total: &Breakdown, part: &Breakdown, lists: &BTreeMap<&str, &CodeList>) -> bool {
    total.iter().all(|(column, code)| {
        let Some(other) = part.get(column) else { return false };
        code == other || DIMENSIONS.contains(column) && is_over(code, other, lists.get(column).copied())
    })
}

/// `_T` is over every other code of its dimension, co2e over the gases, a code over those that name it as parent.
fn is_over(code: &str, other: &str, list: Option<&CodeList>) -> bool {
    if code == "_T" {
        return other != "_Z";
    }
    let Some(list) = list else { return false };
    if code == "co2e" && list.name == "gases" {
        return !other.starts_with('_');
    }
    let mut above = list.get(other, "parent_code");
    // A list that names itself as its own parent must not keep the night.
    for _ in 0..list.rows.len() {
        match above {
            Some(parent) if parent == code => return true,
            Some(parent) => above = list.get(parent, "parent_code"),
            None => return false,
        }
    }
    false
}

/// The rows of a file, looked at again where a breakdown is suspicious.
struct Rows<'a> {
    engine: &'a Engine,
    file: &'a Path,
    /// Key columns that are no breakdown: area and period.
    others: Vec<&'a str>,
}

impl Rows<'_> {
    /// No area and period of an indicator in two scenarios.
    async fn one_scenario(&self, breakdowns: &[Breakdown]) -> Result<()> {
        for (indicator, _) in several(breakdowns, "scenario_code") {
            let group = self.others.join(", ");
            let sql = format!(
                "SELECT min(scenario_code), max(scenario_code), {group} FROM staged WHERE indicator_code = {} \
                 GROUP BY {group} HAVING min(scenario_code) <> max(scenario_code) LIMIT 1",
                quoted(indicator)
            );
            if let Some(cells) = self.first(&sql).await? {
                return Err(Fault::contract("a period stands in two scenarios")
                    .at(self.place(indicator, &cells[2..]))
                    .expected("each area and period in one scenario, so that a sum counts it once")
                    .found(format!("{} and {}", cells[0], cells[1]))
                    .hint("let map.sql skip the periods of a projection that have a figure"));
            }
        }
        Ok(())
    }

    /// No area and period that has both a total and one of its parts.
    async fn no_part_beside(&self, total: &Breakdown, parts: &[&Breakdown]) -> Result<()> {
        let whole: Vec<String> = total.iter().map(|(column, code)| equals(column, code)).collect();
        // Codes of the parts by column. A row that has one of these in every column is a part or the total itself.
        let mut codes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for breakdown in parts.iter().copied().chain([total]) {
            for (column, code) in breakdown {
                codes.entry(column).or_default().insert(code);
            }
        }
        let within: Vec<String> = codes
            .iter()
            .map(|(column, codes)| {
                let list: Vec<String> = codes.iter().map(|code| quoted(code)).collect();
                format!("{column} IN ({})", list.join(", "))
            })
            .collect();
        let differing: Vec<&str> = codes
            .iter()
            .filter(|(_, codes)| codes.len() > 1)
            .map(|(column, _)| *column)
            .collect();
        let others = self.others.join(", ");
        let on: Vec<String> = self.others.iter().map(|name| format!("t.{name} = p.{name}")).collect();
        let sql = format!(
            "SELECT {shown}, {places} FROM (SELECT {others} FROM staged WHERE {whole}) t \
             JOIN (SELECT {others}, {differing} FROM staged WHERE {within} AND NOT ({whole})) p ON {on} LIMIT 1",
            shown = differing
                .iter()
                .map(|name| format!("p.{name}"))
                .collect::<Vec<_>>()
                .join(", "),
            places = self
                .others
                .iter()
                .map(|name| format!("t.{name}"))
                .collect::<Vec<_>>()
                .join(", "),
            whole = whole.join(" AND "),
            differing = differing.join(", "),
            within = within.join(" AND "),
            on = on.join(" AND "),
        );
        let Some(cells) = self.first(&sql).await? else {
            return Ok(());
        };
        let (shown, place) = cells.split_at(differing.len());
        let pairs = |of: &dyn Fn(usize, &str) -> String| -> String {
            let words: Vec<String> = differing
                .iter()
                .enumerate()
                .map(|(at, column)| format!("{column}={}", of(at, column)))
                .collect();
            words.join(" ")
        };
        Err(Fault::contract("a total stands beside its parts")
            .at(self.place(&total["indicator_code"], place))
            .expected("rows that add up: no total and no parent code beside its parts")
            .found(format!(
                "{} beside {}",
                pairs(&|_, column| total[column].clone()),
                pairs(&|at, _| shown[at].clone())
            ))
            .hint("the agency's own total gets the fate 'control', with its what_code"))
    }

    async fn first(&self, sql: &str) -> Result<Option<Vec<String>>> {
        let batches = select(self.engine, self.file, sql).await?;
        let batch = batches.into_iter().find(|batch| batch.num_rows() > 0);
        Ok(batch.map(|batch| {
            let cells = batch.columns().iter();
            cells
                .map(|column| array_value_to_string(column, 0).unwrap_or_default())
                .collect()
        }))
    }

    fn place(&self, indicator: &str, cells: &[String]) -> String {
        let words: Vec<String> = self
            .others
            .iter()
            .zip(cells)
            .map(|(name, cell)| format!("{name}={cell}"))
            .collect();
        format!("{indicator} {}", words.join(" "))
    }
}

fn equals(column: &str, code: &str) -> String {
    format!("{column} = {}", quoted(code))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
