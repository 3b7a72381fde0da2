use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, RecordBatch},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    catalog::streaming::StreamingTable,
    common::{
        JoinType, ScalarValue,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::SendableRecordBatchStream,
    logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder},
    prelude::SessionContext,
};
use futures::StreamExt;
use klimalade_model::{CodeList, Fault, Kind, Result};

use crate::{
    RawSender,
    error::{arrow_fault, sql_fault},
    misread::planning_fault,
    raw::Once,
    session::Engine,
};

/// What map.sql gives, known before a row is read: which columns vary, and which are one literal.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Columns that vary, with their types (text always Utf8).
    pub varying: SchemaRef,
    /// Columns that are one literal in every row; taken out of the stream.
    pub constants: BTreeMap<String, ScalarValue>,
}

/// map.sql planned over the declared raw columns.
pub struct Mapping {
    session: SessionContext,
    plan: LogicalPlan,
    sender: Option<RawSender>,
    /// What it gives.
    pub shape: Shape,
    /// What it does with raw.
    pub raw_use: RawUse,
}

/// What map.sql does with raw, as far as the plan tells.
#[derive(Clone, Debug, Default)]
pub struct RawUse {
    /// Raw columns that it reads.
    pub columns: BTreeSet<String>,
    /// The clause that may drop raw rows without a fate: `WHERE`, an inner `JOIN`, `LIMIT`, `DISTINCT`.
    pub may_drop: Option<&'static str>,
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// Rows of map.sql on their way; only the varying columns.
pub struct Mapped {
    /// What it gives.
    pub shape: Shape,
    stream: SendableRecordBatchStream,
}

impl std::fmt::Debug for Mapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapped")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl Mapped {
    /// The next batch. Errors: what decode said; Contract, when the SQL fails over a value.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(batch) = self.stream.next().await else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| sql_fault("map.sql failed over a row", Kind::Contract, error))?;
        let columns = batch
            .columns()
            .iter()
            .zip(self.shape.varying.fields())
            .map(|(column, field)| plain(column, field.data_type()))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.shape.varying.clone(), columns, &options)
            .map(Some)
            .map_err(arrow_fault)
    }
}

/// Text in any of Arrow's encodings is one type here; nothing else is cast.
fn plain(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if column.data_type() == wanted {
        return Ok(column.clone());
    }
    cast(column, wanted).map_err(arrow_fault)
}

fn text_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, value) if matches!(**value, DataType::Utf8 | DataType::Utf8View) => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        other => other.clone(),
    }
}

impl Engine {
    /// Plans map.sql over `raw`. Errors: Settings, when it is no single SELECT, names what is not there, or opens
    /// raw twice.
    pub async fn mapping(&self, sql: &str, raw: &SchemaRef, maps: &BTreeMap<String, CodeList>) -> Result<Mapping> {
        let session = self.session(maps.values().cloned())?;
        let plain_raw = Arc::new(Schema::new(
            raw.fields()
                .iter()
                .map(|field| Field::new(field.name(), field.data_type().clone(), true))
                .collect::<Vec<_>>(),
        ));
        let (sender, once) = Once::channel(plain_raw.clone());
        let table = StreamingTable::try_new(plain_raw, vec![once])
            .map_err(|error| sql_fault("raw is no table", Kind::Bug, error))?;
        session
            .register_table("raw", Arc::new(table))
            .map_err(|error| sql_fault("raw is no table", Kind::Bug, error))?;
        let mut mapping = self.plan(session, sql, "map.sql").await?;
        mapping.sender = Some(sender);
        Ok(mapping)
    }

    /// Plans SQL in a session that has its tables already.
    pub(crate) async fn plan(&self, session: SessionContext, sql: &str, place: &str) -> Result<Mapping> {
        let wrong = |error| planning_fault(&session, place, error);
        let state = session.state();
        let plan = state.create_logical_plan(sql).await.map_err(wrong)?;
        if matches!(
            plan,
            LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Statement(_) | LogicalPlan::Copy(_)
        ) {
            return Err(Fault::settings("the SQL is no SELECT")
                .at(place.to_owned())
                .hint("one SELECT, nothing else"));
        }
        let mut raw_scans = 0usize;
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && scan.table_name.table() == "raw"
            {
                raw_scans += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(wrong)?;
        if raw_scans > 1 {
            return Err(Fault::settings("map.sql opens raw more than once")
                .at(place.to_owned())
                .expected("raw in one place")
                .found(format!("raw in {raw_scans} places: each would read and decode the whole part again"))
                .hint("unpivot with unnest(make_array(named_struct('carrier', 'solar_pv', 'v', SolarMWh), ...)) instead of UNION ALL"));
        }
        let mut raw_use = RawUse {
            may_drop: may_drop(&plan).map_err(wrong)?,
            ..RawUse::default()
        };
        let optimized = stream_raw(state.optimize(&plan).map_err(wrong)?).map_err(wrong)?;
        optimized
            .apply_with_subqueries(|node| {
                if let LogicalPlan::TableScan(scan) = node
                    && scan.table_name.table() == "raw"
                {
                    let fields = scan.projected_schema.fields().iter();
                    raw_use.columns.extend(fields.map(|field| field.name().clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .map_err(wrong)?;
        let (plan, shape) = take_literals(optimized).map_err(wrong)?;
        Ok(Mapping {
            session,
            plan,
            sender: None,
            shape,
            raw_use,
        })
    }
}

impl Mapping {
    /// Its optimized plan.
    pub(crate) fn plan(&self) -> &LogicalPlan {
        &self.plan
    }
    /// Starts it. `feed` gets the sender of raw; for views there is none.
    pub async fn start(mut self) -> Result<(Mapped, Option<RawSender>)> {
        let sender = self.sender.take();
        let wrong = |error| sql_fault("map.sql cannot be run", Kind::Settings, error).at("map.sql");
        let physical = self
            .session
            .state()
            .query_planner()
            .create_physical_plan(&self.plan, &self.session.state())
            .await
            .map_err(wrong)?;
        let stream = datafusion::physical_plan::execute_stream(physical, self.session.task_ctx())
            .map_err(|error| sql_fault("map.sql cannot be run", Kind::Settings, error).at("map.sql"))?;
        Ok((
            Mapped {
                shape: self.shape,
                stream,
            },
            sender,
        ))
    }
}

/// Puts raw on the side of every join that streams. A hash join holds its left side in memory, and nothing is known
/// of raw's size that could tell the optimizer to turn `raw LEFT JOIN codes` round.
fn stream_raw(plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let turned = plan.transform_up(|node| {
        let LogicalPlan::Join(join) = node else {
            return Ok(Transformed::no(node));
        };
        let turned_type = match join.join_type {
            JoinType::Left => JoinType::Right,
            JoinType::Inner => JoinType::Inner,
            _ => return Ok(Transformed::no(LogicalPlan::Join(join))),
        };
        if !reads_raw(&join.left)? || reads_raw(&join.right)? {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        let on = join.on.into_iter().map(|(left, right)| (right, left)).collect();
        let join = Join::try_new(
            join.right,
            join.left,
            on,
            join.filter,
            turned_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        Ok(Transformed::yes(LogicalPlan::Join(join)))
    })?;
    // Columns are found by name, so only the schemas above a turned join have to be made anew.
    turned
        .data
        .transform_up(|node| node.recompute_schema().map(Transformed::yes))
        .map(|plan| plan.data)
}

/// The first clause above raw that may leave rows of it out.
fn may_drop(plan: &LogicalPlan) -> datafusion::error::Result<Option<&'static str>> {
    let mut found = None;
    plan.apply(|node| {
        let clause = match node {
            LogicalPlan::Filter(_) => Some("WHERE"),
            LogicalPlan::Limit(_) => Some("LIMIT"),
            LogicalPlan::Distinct(_) => Some("DISTINCT"),
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner && !join.on.is_empty() => Some("JOIN"),
            _ => None,
        };
        if clause.is_some() && reads_raw(node)? {
            found = clause;
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

fn reads_raw(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    plan.exists(|node| Ok(matches!(node, LogicalPlan::TableScan(scan) if scan.table_name.table() == "raw")))
}

/// Takes the literals out of the last projection: a column that is one value in every row is not carried through
/// mapping, contract and sort as so many copies of it.
fn take_literals(plan: LogicalPlan) -> datafusion::error::Result<(LogicalPlan, Shape)> {
    let mut constants = BTreeMap::new();
    let plan = match plan {
        LogicalPlan::Projection(projection) => {
            let mut varying = Vec::new();
            for (expression, field) in projection.expr.iter().zip(projection.schema.fields()) {
                match literal(expression) {
                    Some(value) => {
                        constants.insert(field.name().clone(), plain_scalar(value)?);
                    }
                    None => varying.push(expression.clone().unalias().alias(field.name())),
                }
            }
            LogicalPlanBuilder::from(projection.input.as_ref().clone())
                .project(varying)?
                .build()?
        }
        other => other,
    };
    let fields: Vec<Field> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), text_type(field.data_type()), true))
        .collect();
    Ok((
        plan,
        Shape {
            varying: Arc::new(Schema::new(fields)),
            constants,
        },
    ))
}

fn literal(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

fn plain_scalar(value: &ScalarValue) -> datafusion::error::Result<ScalarValue> {
    let wanted = text_type(&value.data_type());
    if wanted == value.data_type() {
        Ok(value.clone())
    } else {
        value.cast_to(&wanted)
    }
}
