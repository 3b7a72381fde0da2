use std::{collections::BTreeMap, path::Path, sync::Arc};

use arrow::{
    array::{Date32Array, RecordBatch},
    datatypes::{Field, Schema, SchemaRef},
};
use klimalade_engine::{LakeFile, LakeTable, TableName, TableRows, tables_read};
use klimalade_lake::{INPUT_SCHEME, OwnerState};
use klimalade_model::{Fault, FieldType, PageEntry, Result, Table, danish_day, sha256_hex};

use crate::{house::House, provenance::COMMON};

/// The tables that SQL reads, as they stand in the lake.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Each under its name in SQL.
    pub tables: Vec<LakeTable>,
    /// What they are made of: a file and its hash, the day, what the pipelines declare. Together they tell whether
    /// anything is another than before.
    pub(crate) entries: Vec<PageEntry>,
}

/// Columns of tables of core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputColumns {
    /// Those that map.sql gives.
    Own,
    /// And the common ones.
    Common,
}

impl Inputs {
    /// The tables that a SELECT reads; of core only the rows of owners that `reads` lets through. Errors: Settings, when
    /// it names a table that there is not; Contract, when a file that a state names is gone.
    pub async fn of(house: &House, sql: &str, columns: InputColumns, reads: impl Fn(&str) -> bool) -> Result<Self> {
        let mut inputs = Self::default();
        let names = tables_read(sql)?;
        let states = house.lake.states().await?;
        for name in &names {
            let table = table_named(house, name)?;
            match table.name.as_str() {
                "run_date" => inputs.run_date(house, table)?,
                "pipelines" => inputs.pipelines(house, table)?,
                "ledger" => inputs.ledger(house, table).await?,
                _ => inputs.published(house, &states, table, columns, &reads).await?,
            }
        }
        Ok(inputs)
    }

    async fn published(
        &mut self,
        house: &House,
        states: &[OwnerState],
        table: &Table,
        columns: InputColumns,
        reads: impl Fn(&str) -> bool,
    ) -> Result<()> {
        // What stands in out says nothing of who it was read from.
        let reads = |owner: &str| table.is_out() || reads(owner);
        let files = published_files(house, states, table, reads).await?;
        self.entries
            .extend(files.iter().map(|one| entry(&one.key, one.bytes, &one.sha256)));
        let schema = match columns {
            InputColumns::Common if !table.is_out() => with_common(table),
            _ => table.schema(),
        };
        let files = files.into_iter().map(|one| one.file).collect();
        self.tables.push(LakeTable::of_files(table, schema, files));
        Ok(())
    }

    fn run_date(&mut self, house: &House, table: &Table) -> Result<()> {
        let date = danish_day(house.clock.now())?;
        let days = date
            .since(jiff::civil::Date::constant(1970, 1, 1))
            .map(|span| span.get_days())
            .map_err(|source| Fault::bug("today is no day").because(source))?;
        self.entries
            .push(entry("run_date", 0, &sha256_hex(date.to_string().as_bytes())));
        let batch = RecordBatch::try_new(table.schema(), vec![Arc::new(Date32Array::from(vec![days]))])
            .map_err(|source| Fault::bug("the day of the night is no table").because(source))?;
        self.tables.push(LakeTable::of_batches(table, vec![batch]));
        Ok(())
    }

    fn pipelines(&mut self, house: &House, table: &Table) -> Result<()> {
        let batch = house.catalogue.described(&house.schemas)?;
        self.entries
            .push(entry("pipelines", 0, &sha256_hex(format!("{batch:?}").as_bytes())));
        self.tables.push(LakeTable::of_batches(table, vec![batch]));
        Ok(())
    }

    /// Of each owner the file of its newest night.
    async fn ledger(&mut self, house: &House, table: &Table) -> Result<()> {
        let mut newest: BTreeMap<String, (String, u64)> = BTreeMap::new();
        for listed in house.lake.list("ledger").await? {
            let Some((run_id, file)) = listed.key.strip_prefix("ledger/").and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            let Some(owner) = file.strip_suffix(".parquet") else {
                continue;
            };
            let known = newest.entry(owner.to_owned()).or_default();
            if known.0.as_str() < run_id {
                *known = (run_id.to_owned(), listed.bytes);
            }
        }
        let mut files = Vec::new();
        for (owner, (run_id, bytes)) in newest {
            let key = format!("ledger/{run_id}/{owner}.parquet");
            // It is written once: its name is its content.
            self.entries.push(entry(&key, bytes, &sha256_hex(key.as_bytes())));
            files.push(lake_file(house, &key, Vec::new()).await?);
        }
        self.tables.push(LakeTable::of_files(table, table.schema(), files));
        Ok(())
    }

    /// Files of core among the tables.
    pub(crate) fn core_files(&self) -> impl Iterator<Item = &Path> {
        let core = self.tables.iter().filter(|table| table.name.layer == "core");
        core.flat_map(|table| match &table.rows {
            TableRows::Files(files) => files.as_slice(),
            TableRows::Batches(_) => &[],
        })
        .map(|file| file.path.as_path())
    }
}

/// The table of the common schema that SQL means. Errors: Settings, with the nearest.
pub(crate) fn table_named<'a>(house: &'a House, name: &TableName) -> Result<&'a Table> {
    let table = house.schemas.table(&name.name)?;
    if table.layer != name.layer {
        return Err(Fault::settings("the table stands in another layer")
            .found(name.to_string())
            .hint(format!("did you mean {}", table.sql_name())));
    }
    Ok(table)
}

/// The table's columns and the common ones.
pub(crate) fn with_common(table: &Table) -> SchemaRef {
    let own = table.schema();
    let mut fields: Vec<Field> = own.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend(COMMON.iter().map(|name| {
        let kind = if *name == "retrieved_at" {
            FieldType::TimestampUtc
        } else {
            FieldType::Text
        };
        Field::new(*name, kind.arrow(), true)
    }));
    Arc::new(Schema::new(fields))
}

/// A published file and where it stands.
pub(crate) struct PublishedFile {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) file: LakeFile,
}

/// Files of a table that the states name, of the owners that `reads` lets through, with the values of their paths.
/// Errors: Contract, when one is gone.
pub(crate) async fn published_files(
    house: &House,
    states: &[OwnerState],
    table: &Table,
    reads: impl Fn(&str) -> bool,
) -> Result<Vec<PublishedFile>> {
    let mut files = Vec::new();
    for state in states.iter().filter(|state| reads(&state.owner)) {
        for (key, partition) in state.partitions.iter().filter(|(key, _)| table.has_file(key)) {
            let mut values = Vec::new();
            if !table.is_out() {
                values.push(("pipeline".to_owned(), state.owner.clone()));
                values.extend(table.deeper_levels().iter().map(|level| {
                    let value = partition.values.get(level).cloned().unwrap_or_default();
                    (level.clone(), value)
                }));
            }
            files.push(PublishedFile {
                key: key.clone(),
                bytes: partition.bytes,
                sha256: partition.sha256.clone(),
                file: lake_file(house, key, values).await?,
            });
        }
    }
    Ok(files)
}

async fn lake_file(house: &House, key: &str, values: Vec<(String, String)>) -> Result<LakeFile> {
    let copy = house.lake.local_copy(key, &house.scratch).await?;
    let copy = copy.ok_or_else(|| {
        Fault::contract("a file that a state names is gone")
            .at(key.to_owned())
            .hint("klimalade verify")
    })?;
    Ok(LakeFile {
        path: copy.path().to_owned(),
        values,
        keep: Arc::new(copy),
    })
}

fn entry(key: &str, bytes: u64, sha256: &str) -> PageEntry {
    PageEntry {
        address: format!("{INPUT_SCHEME}{key}"),
        retrieved_at: String::new(),
        bytes,
        sha256: sha256.to_owned(),
        server_count: None,
        redactions: 0,
        etag: None,
        last_modified: None,
    }
}
