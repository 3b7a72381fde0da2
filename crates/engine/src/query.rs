use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    common::config::Dialect,
    error::DataFusionError,
    execution::{SendableRecordBatchStream, context::SQLOptions},
    logical_expr::LogicalPlan,
    prelude::{DataFrame, SessionContext},
    sql::{parser::Statement, sqlparser::ast::Statement as SqlStatement},
};
use futures::StreamExt;
use klimalade_model::{Fault, Kind, Result};

use crate::{
    error::{arrow_fault, sql_fault},
    misread::planning_fault,
    session::Engine,
    views::{LakeTable, TableName, make_batches_small, reads_geometry},
};

/// What a question is called where a fault says in what it stands.
const QUERY: &str = "query";

/// The rows of a question on their way: text is Utf8 whatever the files hold.
pub struct Answer {
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Its columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
    /// The next rows, none when there are no more. Errors: Source, when a file cannot be read; Settings, when the SQL
    /// fails over a value or needs more memory than it may have.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        match self.stream.next().await {
            None => Ok(None),
            Some(Ok(batch)) => plain_text(&batch, &self.schema).map(Some),
            Some(Err(error)) => Err(running_fault(error)),
        }
    }
}

/// Every table that a question names, of whatever layer (`run` for one that stands alone), in order and once. Errors:
/// Settings, when it is no single statement, or one that does more than read.
pub fn tables_asked(sql: &str) -> Result<Vec<TableName>> {
    let session = SessionContext::new();
    let wrong = |error| planning_fault(&session, QUERY, error);
    let state = session.state();
    let statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(|error| {
        if error.strip_backtrace().contains("single SQL statement") {
            return Fault::settings("one question at a time").hint("one SELECT, nothing after its semicolon");
        }
        wrong(error)
    })?;
    only_reads_statement(&statement)?;
    let references = state.resolve_table_references(&statement).map_err(wrong)?;
    Ok(TableName::all_of(&references))
}

impl Engine {
    /// The rows of a SELECT over tables of the lake, for small answers: they are all held in memory, text always Utf8.
    /// Errors: Settings, when it cannot be planned; Source, when a file cannot be read.
    pub async fn query(&self, sql: &str, tables: &[LakeTable]) -> Result<Vec<RecordBatch>> {
        let session = self.session([])?;
        self.register_lake(&session, tables).await?;
        let asked = session
            .sql(sql)
            .await
            .map_err(|error| sql_fault("the query cannot be planned", Kind::Settings, error))?;
        let batches = asked
            .collect()
            .await
            .map_err(|error| sql_fault("the query failed", Kind::Source, error))?;
        let plain = |batch: &RecordBatch| plain_text(batch, &plain_schema(&batch.schema()));
        batches.iter().map(plain).collect()
    }

    /// A question over tables of the lake, answered batch by batch: SELECT, EXPLAIN or DESCRIBE. Errors: Settings, when
    /// it is anything else, or names what is not there; Source, when a file cannot be opened.
    pub async fn ask(&self, sql: &str, tables: &[LakeTable]) -> Result<Answer> {
        let session = self.lake_session()?;
        self.register_lake(&session, tables).await?;
        let wrong = |error| planning_fault(&session, QUERY, error);
        let plan = session.state().create_logical_plan(sql).await.map_err(wrong)?;
        only_reads(&plan)?;
        if reads_geometry(&session.state().optimize(&plan).map_err(wrong)?)? {
            make_batches_small(&session).await?;
        }
        let stream = DataFrame::new(session.state(), plan)
            .execute_stream()
            .await
            .map_err(wrong)?;
        let schema = plain_schema(&stream.schema());
        Ok(Answer { schema, stream })
    }
}

/// Before its tables are looked for: of `DROP TABLE x` it matters little that there is no x. Errors: Settings.
fn only_reads_statement(statement: &Statement) -> Result<()> {
    match statement {
        Statement::Explain(explained) => only_reads_statement(&explained.statement),
        Statement::Statement(inner) => match inner.as_ref() {
            SqlStatement::Query(_) | SqlStatement::ExplainTable { .. } => Ok(()),
            other => Err(no_question(&other.to_string())),
        },
        other => Err(no_question(&other.to_string())),
    }
}

fn no_question(found: &str) -> Fault {
    // What follows the verb may be long, and hold anything.
    let words: Vec<&str> = found.split_whitespace().take(2).collect();
    Fault::settings("a query reads and does nothing else")
        .at(QUERY)
        .expected("SELECT, EXPLAIN or DESCRIBE")
        .found(words.join(" "))
        .hint("klimalade query --tables lists what can be read")
}

/// Errors: Settings, when a statement does more than read.
fn only_reads(plan: &LogicalPlan) -> Result<()> {
    let options = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    // It looks below EXPLAIN ANALYZE too, which would do what it explains.
    options.verify_plan(plan).map_err(|error| no_question(&refused(&error)))
}

/// The name of what was refused: `DML not supported: Insert Into` says `Insert Into`.
fn refused(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = text.strip_prefix("Error during planning: ").unwrap_or(&text);
    let name = text.split_once("not supported: ").map_or(text, |(_, name)| name);
    name.lines().next().unwrap_or_default().to_owned()
}

/// While rows are made: what the operator's SQL does to a value is told apart from a file that cannot be read.
fn running_fault(error: DataFusionError) -> Fault {
    let is_memory = matches!(error.find_root(), DataFusionError::ResourcesExhausted(_));
    let kind = match error.find_root() {
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            Kind::Source
        }
        _ => Kind::Settings,
    };
    let fault = sql_fault("the query failed", kind, error);
    // The person who asked can ask for less or allow more.
    if is_memory {
        fault.with_kind(Kind::Settings)
    } else {
        fault
    }
}

/// The same columns, text as Utf8.
fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..) => {
                field.as_ref().clone().with_data_type(DataType::Utf8)
            }
            DataType::BinaryView | DataType::LargeBinary => field.as_ref().clone().with_data_type(DataType::Binary),
            _ => field.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn plain_text(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        cast(column, field.data_type()).map_err(arrow_fault)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(arrow_fault)
}
