use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    common::{TableReference, config::Dialect, tree_node::TreeNodeRecursion},
    datasource::{
        MemTable, TableProvider, ViewTable,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, lit},
    prelude::{SessionContext, col},
};
use klimalade_model::{Kind, Result, Table};

use crate::{error::sql_fault, mapping::Mapping, session::Engine};

/// Rows of a batch of a view that reads geometry.
const ROWS_WITH_GEOMETRY: usize = 64;

/// One file of the lake on local disk and the values of its path.
#[derive(Clone, Debug)]
pub struct LakeFile {
    /// Where it can be read.
    pub path: PathBuf,
    /// Path values in order: `("pipeline", "dst_area")`, `("year", "2024")`.
    pub values: Vec<(String, String)>,
    /// Keeps a temporary copy until the view is built.
    pub keep: Arc<dyn std::any::Any + Send + Sync>,
}

/// What the rows of a table stand in.
#[derive(Clone, Debug)]
pub enum TableRows {
    /// Files of one schema.
    Files(Vec<LakeFile>),
    /// Memory.
    Batches(Vec<RecordBatch>),
}

/// A table of the lake under its name in SQL.
#[derive(Clone, Debug)]
pub struct LakeTable {
    /// Where SQL looks for it.
    pub name: TableName,
    /// Columns of the files, for a table without any.
    pub schema: SchemaRef,
    /// Its rows.
    pub rows: TableRows,
}

impl LakeTable {
    /// A table as files with these columns, those of their path besides.
    pub fn of_files(table: &Table, schema: SchemaRef, files: Vec<LakeFile>) -> Self {
        let name = TableName::of(table);
        let rows = TableRows::Files(files);
        Self { name, schema, rows }
    }
    /// A table without a row: what its SQL is planned over.
    pub fn empty(table: &Table) -> Self {
        Self::of_files(table, table.schema(), Vec::new())
    }
    /// A table in memory.
    pub fn of_batches(table: &Table, batches: Vec<RecordBatch>) -> Self {
        Self {
            rows: TableRows::Batches(batches),
            ..Self::empty(table)
        }
    }
}

/// A table as SQL names it: `core.observation`, `out.coverage`, `ledger`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// `core`, `out`, or `run` for the tables that stand alone.
    pub layer: String,
    /// Without the layer.
    pub name: String,
}

impl TableName {
    /// The name of a table of the common schema.
    pub fn of(table: &Table) -> Self {
        Self {
            layer: table.layer.clone(),
            name: table.name.clone(),
        }
    }
    /// The tables that a statement names, in order and once.
    pub(crate) fn all_of(references: &[TableReference]) -> Vec<Self> {
        let named = references.iter().map(|reference| Self {
            layer: match reference.schema() {
                None | Some("public") => "run".to_owned(),
                Some(layer) => layer.to_owned(),
            },
            name: reference.table().to_owned(),
        });
        let names: BTreeSet<Self> = named.collect();
        names.into_iter().collect()
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.layer.as_str() {
            "run" => f.write_str(&self.name),
            layer => write!(f, "{layer}.{}", self.name),
        }
    }
}

/// Tables of core and out that SQL reads, and tables of its own that stand alone (`ledger`, `pipelines`, `run_date`,
/// and whatever else is named without a schema), in order. Errors: Settings, when it is no SQL.
pub fn tables_read(sql: &str) -> Result<Vec<TableName>> {
    let wrong = |error| sql_fault("the SQL cannot be read", Kind::Settings, error).at("map.sql");
    let session = SessionContext::new();
    let state = session.state();
    let statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(wrong)?;
    let references = state.resolve_table_references(&statement).map_err(wrong)?;
    let mut names = TableName::all_of(&references);
    names.retain(|name| ["core", "out", "run"].contains(&name.layer.as_str()));
    Ok(names)
}

/// True when an optimized plan carries geometry.
pub(crate) fn reads_geometry(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let mut fields = scan.projected_schema.fields().iter();
            // Parquet's reader gives it as views, whatever the table's schema says.
            found |= fields.any(|field| matches!(field.data_type(), DataType::Binary | DataType::BinaryView));
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .map_err(|error| sql_fault("a plan cannot be read", Kind::Bug, error))?;
    Ok(found)
}

/// A join repeats what it joins: with boundaries of half a megabyte a batch of thousands would be gigabytes.
pub(crate) async fn make_batches_small(session: &SessionContext) -> Result<()> {
    let small = format!("SET datafusion.execution.batch_size = {ROWS_WITH_GEOMETRY}");
    let set = session.sql(&small).await;
    set.map_err(|error| sql_fault("the SQL session cannot start", Kind::Bug, error))?;
    Ok(())
}

impl Engine {
    /// Plans the SQL of a view over tables of the lake. Errors: Settings.
    pub async fn view(&self, sql: &str, tables: &[LakeTable]) -> Result<Mapping> {
        let session = self.lake_session()?;
        self.register_lake(&session, tables).await?;
        let mapping = self.plan(session.clone(), sql, "map.sql").await?;
        if reads_geometry(mapping.plan())? {
            make_batches_small(&session).await?;
        }
        Ok(mapping)
    }

    pub(crate) async fn register_lake(&self, session: &SessionContext, tables: &[LakeTable]) -> Result<()> {
        let wrong = |error| sql_fault("a table of the lake cannot be opened", Kind::Source, error);
        for table in tables {
            let provider = self.lake_table(session, table).await.map_err(wrong)?;
            let name = &table.name;
            let reference = match name.layer.as_str() {
                "run" => TableReference::bare(name.name.clone()),
                layer => TableReference::partial(layer.to_owned(), name.name.clone()),
            };
            session.register_table(reference, provider).map_err(wrong)?;
        }
        Ok(())
    }

    async fn lake_table(
        &self,
        session: &SessionContext,
        table: &LakeTable,
    ) -> datafusion::error::Result<Arc<dyn TableProvider>> {
        let files = match &table.rows {
            TableRows::Files(files) => files,
            TableRows::Batches(batches) => {
                return Ok(Arc::new(MemTable::try_new(
                    table.schema.clone(),
                    vec![batches.clone()],
                )?));
            }
        };
        if files.is_empty() {
            let mut fields: Vec<Field> = table
                .schema
                .fields()
                .iter()
                .map(|field| field.as_ref().clone())
                .collect();
            if table.name.layer == "core" {
                fields.push(Field::new("pipeline", DataType::Utf8, false));
            }
            let schema = Arc::new(Schema::new(fields));
            return Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?));
        }
        // A file a branch, its path's values as literals: the optimizer prunes branches by them, and nothing is
        // guessed from folder names.
        let mut union: Option<LogicalPlanBuilder> = None;
        for (at, file) in files.iter().enumerate() {
            let url = ListingTableUrl::parse(file.path.to_string_lossy())?;
            let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension("");
            let config = ListingTableConfig::new(url)
                .with_listing_options(options)
                .infer_schema(&session.state())
                .await?;
            let listing = Arc::new(ListingTable::try_new(config)?);
            let written = listing.schema();
            let columns: Vec<_> = table
                .schema
                .fields()
                .iter()
                .map(|field| {
                    let column = col(format!("\"{}\"", field.name()));
                    // A ledger of before counted without a sign.
                    match written.field_with_name(field.name()) {
                        Ok(known) if *known.data_type() == DataType::UInt64 => {
                            cast(column, field.data_type().clone()).alias(field.name())
                        }
                        _ => column,
                    }
                })
                .collect();
            let values = file
                .values
                .iter()
                .map(|(name, value)| match (name.as_str(), value.parse::<i32>()) {
                    ("year" | "month", Ok(number)) => lit(number).alias(name),
                    _ => lit(value.clone()).alias(name),
                });
            let scan = LogicalPlanBuilder::scan(
                TableReference::bare(format!("file_{at}")),
                datafusion::datasource::provider_as_source(listing),
                None,
            )?
            .project(columns.into_iter().chain(values))?;
            union = Some(match union {
                None => scan,
                Some(union) => union.union(scan.build()?)?,
            });
        }
        let plan = union.map(LogicalPlanBuilder::build).transpose()?;
        let plan =
            plan.ok_or_else(|| datafusion::error::DataFusionError::Internal("a table without files".to_owned()))?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}
