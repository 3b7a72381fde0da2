use arrow::{array::RecordBatch, compute::cast, datatypes::DataType};
use klimalade_model::{Kind, Result};

use crate::{
    error::{arrow_fault, sql_fault},
    session::Engine,
    views::LakeTable,
};

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
        batches.into_iter().map(|batch| plain_text(&batch)).collect()
    }
}

fn plain_text(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(batch.num_columns());
    let mut fields = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let is_text = matches!(
            field.data_type(),
            DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(..)
        );
        let column = if is_text {
            cast(column, &DataType::Utf8).map_err(arrow_fault)?
        } else {
            column.clone()
        };
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(fields));
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(arrow_fault)
}
