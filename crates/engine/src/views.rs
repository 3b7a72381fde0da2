use std::{path::PathBuf, sync::Arc};

use datafusion::common::TableReference;
use datafusion::{
    arrow::datatypes::{DataType, Field, Schema},
    datasource::{
        MemTable, TableProvider, ViewTable,
        file_format::parquet::ParquetFormat,
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    logical_expr::{LogicalPlanBuilder, lit},
    prelude::{SessionContext, col},
};
use klimalade_model::{Fault, Kind, Result};

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

/// A table of core as files of one schema.
#[derive(Clone, Debug)]
pub struct LakeTable {
    /// Without `core.`.
    pub name: String,
    /// Columns of the files, for a table without any.
    pub schema: arrow::datatypes::SchemaRef,
    /// Its files.
    pub files: Vec<LakeFile>,
}

impl Engine {
    /// Plans the SQL of a view over tables of the lake. Errors: Settings.
    pub async fn view(&self, sql: &str, tables: &[LakeTable]) -> Result<Mapping> {
        let session = self.session([])?;
        self.make_batches_small(&session, tables).await?;
        self.register_lake(&session, tables).await?;
        self.plan(session, sql, "map.sql").await
    }

    /// Where a table has geometry. A join repeats what it joins: with boundaries of half a megabyte a batch of thousands
    /// would be gigabytes.
    pub(crate) async fn make_batches_small(&self, session: &SessionContext, tables: &[LakeTable]) -> Result<()> {
        let has_geometry = |table: &LakeTable| {
            let mut fields = table.schema.fields().iter();
            fields.any(|field| *field.data_type() == DataType::Binary)
        };
        if tables.iter().any(has_geometry) {
            let small = format!("SET datafusion.execution.batch_size = {ROWS_WITH_GEOMETRY}");
            let set = session.sql(&small).await;
            set.map_err(|error| sql_fault("the SQL session cannot start", Kind::Bug, error))?;
        }
        Ok(())
    }

    pub(crate) async fn register_lake(&self, session: &SessionContext, tables: &[LakeTable]) -> Result<()> {
        let wrong = |error| sql_fault("a table of the lake cannot be opened", Kind::Source, error);
        let core = session
            .catalog("datafusion")
            .and_then(|catalog| catalog.schema("core"))
            .ok_or_else(|| Fault::bug("the SQL session has no schema core"))?;
        for table in tables {
            let provider = self.lake_table(session, table).await.map_err(wrong)?;
            core.register_table(table.name.clone(), provider).map_err(wrong)?;
        }
        Ok(())
    }

    async fn lake_table(
        &self,
        session: &SessionContext,
        table: &LakeTable,
    ) -> datafusion::error::Result<Arc<dyn TableProvider>> {
        if table.files.is_empty() {
            let mut fields: Vec<Field> = table
                .schema
                .fields()
                .iter()
                .map(|field| field.as_ref().clone())
                .collect();
            fields.push(Field::new("pipeline", DataType::Utf8, false));
            let schema = Arc::new(Schema::new(fields));
            return Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?));
        }
        // A file a branch, its path's values as literals: the optimizer prunes branches by them, and nothing is
        // guessed from folder names.
        let mut union: Option<LogicalPlanBuilder> = None;
        for (at, file) in table.files.iter().enumerate() {
            let url = ListingTableUrl::parse(file.path.to_string_lossy())?;
            let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension("");
            let config = ListingTableConfig::new(url)
                .with_listing_options(options)
                .infer_schema(&session.state())
                .await?;
            let listing = Arc::new(ListingTable::try_new(config)?);
            let columns: Vec<_> = table
                .schema
                .fields()
                .iter()
                .map(|field| col(format!("\"{}\"", field.name())))
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
