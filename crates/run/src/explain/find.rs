use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    util::display::array_value_to_string,
};
use klimalade_engine::{LakeTable, TableRows};
use klimalade_lake::OwnerState;
use klimalade_model::{Fault, Result, Schemas, Table, nearest};

use super::{
    Cells, MOST_ROWS,
    question::{Condition, Question},
};
use crate::{
    house::House,
    inputs::{published_files, with_common},
    provenance::COMMON,
};

/// Column of the query that says which file a row stands in.
const FILE: &str = "__file";
/// Values of one column that are looked through for the nearest.
const MOST_VALUES: usize = 100_000;

/// A published row and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) owner: String,
    pub(crate) file: String,
    pub(crate) row: Cells,
}

/// The rows that are asked for, in the order of their key. Errors: Settings, when there is none or too many.
pub(crate) async fn find(house: &House, states: &[OwnerState], question: &Question) -> Result<Vec<Found>> {
    let table = lake_table(house, states, &question.table).await?;
    if is_empty(&table) {
        return Err(Fault::settings("nothing is published in this table")
            .found(question.table.name.clone())
            .hint("klimalade status"));
    }
    let core = Core { house, table, question };
    let names: Vec<String> = shown(&question.table);
    let order: Vec<String> = question.table.unique_key.iter().map(|name| quoted(name)).collect();
    let list = names
        .iter()
        .map(|name| quoted(name))
        .chain([quoted("pipeline"), quoted(FILE)]);
    let list: Vec<String> = list.collect();
    let select = format!("SELECT {} FROM {}", list.join(", "), core.from());
    let conditions: Vec<&Condition> = question.conditions.iter().collect();
    let sql = format!(
        "{select} WHERE {} ORDER BY {} LIMIT {}",
        all(&conditions),
        order.join(", "),
        MOST_ROWS + 1
    );
    let rows: Vec<Cells> = cells_of(&core.query(&sql).await?);
    if rows.is_empty() {
        return Err(core.none_found().await?);
    }
    if rows.len() > MOST_ROWS {
        return Err(core.too_many().await?);
    }
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let mut take = |name: &str| {
                let at = row.0.iter().position(|(known, _)| known == name);
                at.and_then(|at| row.0.remove(at).1).unwrap_or_default()
            };
            let (owner, file) = (take("pipeline"), take(FILE));
            Found { owner, file, row }
        })
        .collect())
}

/// The table's columns and the common ones.
fn shown(table: &Table) -> Vec<String> {
    let own = table.columns.iter().map(|column| column.field.name.clone());
    own.chain(COMMON.iter().map(|name| (*name).to_owned())).collect()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn all(conditions: &[&Condition]) -> String {
    if conditions.is_empty() {
        return "true".to_owned();
    }
    conditions
        .iter()
        .map(|one| one.sql.as_str())
        .collect::<Vec<_>>()
        .join(" AND ")
}

/// Rows as text.
pub(crate) fn cells_of(batches: &[RecordBatch]) -> Vec<Cells> {
    let mut rows = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let columns = schema.fields().iter().zip(batch.columns());
            rows.push(Cells(
                columns
                    .map(|(field, column)| {
                        let text = column.is_valid(row).then(|| text_of(column, row));
                        (field.name().clone(), text.flatten())
                    })
                    .collect(),
            ));
        }
    }
    rows
}

fn text_of(column: &ArrayRef, row: usize) -> Option<String> {
    if let Some(bytes) = column.as_binary_opt::<i32>() {
        return Some(format!("WKB of {} bytes", bytes.value(row).len()));
    }
    array_value_to_string(column, row).ok()
}

/// Every published file of a table, with the common columns and the key of each row's file.
pub(crate) async fn lake_table(house: &House, states: &[OwnerState], table: &Table) -> Result<LakeTable> {
    let published = published_files(house, states, table, |_| true).await?;
    let files = published.into_iter().map(|one| {
        let mut file = one.file;
        file.values.push((FILE.to_owned(), one.key));
        file
    });
    Ok(LakeTable::of_files(table, with_common(table), files.collect()))
}

/// True when nothing is published in a table.
pub(crate) fn is_empty(table: &LakeTable) -> bool {
    matches!(&table.rows, TableRows::Files(files) if files.is_empty())
}

/// The table that is asked.
struct Core<'a> {
    house: &'a House,
    table: LakeTable,
    question: &'a Question,
}

impl Core<'_> {
    fn from(&self) -> String {
        format!("core.{}", quoted(&self.question.table.name))
    }

    async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.house.engine.query(sql, std::slice::from_ref(&self.table)).await
    }

    /// The values of a column where these conditions hold, in order.
    async fn values(&self, column: &str, conditions: &[&Condition]) -> Result<Vec<String>> {
        let sql = format!(
            "SELECT DISTINCT {0} FROM {1} WHERE {2} ORDER BY {0} LIMIT {MOST_VALUES}",
            quoted(column),
            self.from(),
            all(conditions)
        );
        let rows = cells_of(&self.query(&sql).await?);
        Ok(rows.into_iter().filter_map(|row| row.0.into_iter().next()?.1).collect())
    }

    /// Why no row is found: the first value that stands nowhere, or that does not stand beside the others.
    async fn none_found(&self) -> Result<Fault> {
        let conditions: Vec<&Condition> = self.question.conditions.iter().collect();
        let fault = Fault::settings("no such row is published").at(format!("core/{}", self.question.table.name));
        for (at, wrong) in conditions.iter().enumerate() {
            let others: Vec<&Condition> = conditions
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != at)
                .map(|(_, one)| *one)
                .collect();
            let alone = self.values(&wrong.column, &[wrong]).await?;
            let is_unknown = alone.is_empty() && !wrong.value.is_empty();
            // A value that stands nowhere is wrong, whatever stands beside it; else one whose place another would take.
            let beside = if is_unknown {
                let beside = self.values(&wrong.column, &others).await?;
                if beside.is_empty() {
                    self.values(&wrong.column, &[]).await?
                } else {
                    beside
                }
            } else {
                continue;
            };
            return Ok(self.blamed(fault, wrong, &beside));
        }
        for (at, wrong) in conditions.iter().enumerate() {
            let others: Vec<&Condition> = conditions
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != at)
                .map(|(_, one)| *one)
                .collect();
            let beside = self.values(&wrong.column, &others).await?;
            if !beside.is_empty() {
                return Ok(self.blamed(fault, wrong, &beside));
            }
        }
        Ok(fault
            .found("each value stands somewhere, but no row has two of them but one together")
            .hint(format!(
                "klimalade explain {} {}={}",
                self.question.table.name, conditions[0].column, conditions[0].value
            )))
    }

    fn blamed(&self, fault: Fault, wrong: &Condition, values: &[String]) -> Fault {
        let meant = self.meant(wrong, values);
        let fault = fault
            .found(format!("{}={}", wrong.column, wrong.value))
            .expected(format!("{} as one of: {}", wrong.column, around(&wrong.value, values)));
        match meant {
            Some(value) => fault.hint(self.question.typed(&wrong.column, &value)),
            None => fault.hint(format!("klimalade schema {}", self.question.table.name)),
        }
    }

    /// The value that was most likely meant: one that is nearly written so, or whose name in the code list is.
    fn meant(&self, wrong: &Condition, values: &[String]) -> Option<String> {
        let named = by_name(&self.house.schemas, &self.question.table, wrong, values);
        let near = || nearest(&wrong.value, values.iter().map(String::as_str)).map(str::to_owned);
        named.or_else(near).or_else(|| neighbour(&wrong.value, values))
    }

    /// Which columns would narrow it.
    async fn too_many(&self) -> Result<Fault> {
        let conditions: Vec<&Condition> = self.question.conditions.iter().collect();
        let key = &self.question.table.unique_key;
        let open = key.iter().map(String::as_str).chain(["pipeline"]);
        let open: Vec<&str> = open
            .filter(|name| !conditions.iter().any(|one| one.column == **name))
            .collect();
        let counts: Vec<String> = open
            .iter()
            .map(|name| format!("count(DISTINCT {})", quoted(name)))
            .collect();
        let sql = format!(
            "SELECT count(*), {} FROM {} WHERE {}",
            counts.join(", "),
            self.from(),
            all(&conditions)
        );
        let counted = cells_of(&self.query(&sql).await?)
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut numbers = counted.0.into_iter().map(|(_, number)| number.unwrap_or_default());
        let rows = numbers.next().unwrap_or_default();
        let mut narrowing: Vec<(&str, u64)> = open
            .iter()
            .zip(numbers)
            .filter_map(|(name, number)| Some((*name, number.parse().ok()?)))
            .filter(|(_, number)| *number > 1)
            .collect();
        narrowing.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        let words: Vec<String> = narrowing
            .iter()
            .map(|(name, number)| format!("{name} ({number} values)"))
            .collect();
        let mut fault = Fault::settings("more rows are meant than are explained at once")
            .at(format!("core/{}", self.question.table.name))
            .expected(format!(
                "at most {MOST_ROWS} rows; to be narrowed by {}",
                words.join(", ")
            ))
            .found(format!("{rows} rows"));
        if let Some((name, _)) = narrowing.first() {
            let values = self.values(name, &conditions).await?;
            if let Some(value) = values.last() {
                fault = fault.hint(self.question.typed(name, value));
            }
        }
        Ok(fault)
    }
}

/// The code whose name is nearest, where the column has a code list: `area_code=Aarhus` means 0751.
fn by_name(schemas: &Schemas, table: &Table, wrong: &Condition, values: &[String]) -> Option<String> {
    let list = schemas
        .codes
        .get(table.column(&wrong.column)?.field.codes.as_deref()?)?;
    let mut names: Vec<(&str, &str)> = Vec::new();
    for code in values {
        for column in ["name_da", "name_en"] {
            names.extend(
                list.get(code, column)
                    .filter(|name| !name.is_empty())
                    .map(|name| (name, code.as_str())),
            );
        }
    }
    let meant = nearest(&wrong.value, names.iter().map(|(name, _)| *name))?;
    names
        .iter()
        .find(|(name, _)| *name == meant)
        .map(|(_, code)| (*code).to_owned())
}

/// The value that stands next to where the wrong one would, of numbers and days: nothing there is written nearly so.
fn neighbour(wrong: &str, values: &[String]) -> Option<String> {
    let is_number = wrong.starts_with(|letter: char| letter.is_ascii_digit());
    let at = values
        .partition_point(|value| value.as_str() < wrong)
        .min(values.len().checked_sub(1)?);
    is_number.then(|| values[at].clone())
}

/// A handful of values on both sides of where the wrong one would stand.
fn around(wrong: &str, values: &[String]) -> String {
    const SHOWN: usize = 8;
    let at = values.partition_point(|value| value.as_str() < wrong);
    let start = at.saturating_sub(SHOWN / 2).min(values.len().saturating_sub(SHOWN));
    let some = &values[start..values.len().min(start + SHOWN)];
    let mut text = some.join(", ");
    if some.len() < values.len() {
        text.push_str(&format!(" ... ({} in all)", values.len()));
    }
    text
}
