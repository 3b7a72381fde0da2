use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray},
    datatypes::{Field, Schema},
};
use klimalade_engine::Reject;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};
use serde::Serialize;

/// A part's line in the ledger.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PartLedger {
    /// The owner.
    pub pipeline: String,
    /// The part's key; `*` for what concerns the whole owner.
    pub part: String,
    /// Rows that the server promised, where its count is trusted.
    pub promised: Option<u64>,
    /// Raw rows.
    pub received: Option<u64>,
    /// Distinct ids among them.
    pub distinct: Option<u64>,
    /// Rows that map.sql gave.
    pub mapped: u64,
    /// Of them, rows that stand in core after the night.
    pub published: u64,
    /// The agency's own totals.
    pub control: u64,
    /// Skipped with a reason.
    pub skipped: u64,
    /// The same by reason.
    pub skipped_by_reason: BTreeMap<String, u64>,
    /// Rejected.
    pub rejected: u64,
    /// Rows in files that were replaced.
    pub written: u64,
    /// Bytes as served.
    pub bytes: u64,
    /// Its snapshot.
    pub manifest_sha256: Option<String>,
    /// UTC.
    pub started_at: String,
    /// Wall seconds.
    pub seconds: f64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Seconds waited for limits and servers.
    pub waited_seconds: f64,
    /// UTC: when the agency last confirmed the part.
    pub confirmed_at: Option<String>,
    /// `fetched`, `confirmed`, `not_asked`, `resumed`, `failed`, `held`.
    pub status: String,
    /// Kind of the error.
    pub error_kind: Option<String>,
    /// The error.
    pub error_text: Option<String>,
}

/// Writes `ledger/<run_id>/<owner>.parquet`.
pub(crate) async fn write_ledger(lake: &Lake, run_id: &str, owner: &str, rows: &[PartLedger]) -> Result<()> {
    let text = |cell: &dyn Fn(&PartLedger) -> Option<String>| {
        Arc::new(rows.iter().map(cell).collect::<StringArray>()) as ArrayRef
    };
    let count = |cell: &dyn Fn(&PartLedger) -> Option<u64>| {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Arc::new(rows.iter().map(|row| cell(row).map(signed)).collect::<Int64Array>()) as ArrayRef
    };
    let number = |cell: &dyn Fn(&PartLedger) -> f64| {
        Arc::new(rows.iter().map(|row| Some(cell(row))).collect::<Float64Array>()) as ArrayRef
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("run_id", text(&|_| Some(run_id.to_owned()))),
        ("pipeline", text(&|row| Some(row.pipeline.clone()))),
        ("part", text(&|row| Some(row.part.clone()))),
        ("promised", count(&|row| row.promised)),
        ("received", count(&|row| row.received)),
        ("distinct", count(&|row| row.distinct)),
        ("mapped", count(&|row| Some(row.mapped))),
        ("published", count(&|row| Some(row.published))),
        ("control", count(&|row| Some(row.control))),
        ("skipped", count(&|row| Some(row.skipped))),
        ("rejected", count(&|row| Some(row.rejected))),
        ("written", count(&|row| Some(row.written))),
        ("bytes", count(&|row| Some(row.bytes))),
        ("manifest_sha256", text(&|row| row.manifest_sha256.clone())),
        ("started_at", text(&|row| Some(row.started_at.clone()))),
        ("seconds", number(&|row| row.seconds)),
        ("requests", count(&|row| Some(row.requests))),
        ("waited_seconds", number(&|row| row.waited_seconds)),
        ("confirmed_at", text(&|row| row.confirmed_at.clone())),
        ("status", text(&|row| Some(row.status.clone()))),
        ("error_kind", text(&|row| row.error_kind.clone())),
        ("error_text", text(&|row| row.error_text.clone())),
    ];
    lake.put(&format!("ledger/{run_id}/{owner}.parquet"), parquet_bytes(&columns)?)
        .await
}

/// Writes `reject/<run_id>/<owner>.parquet`.
pub(crate) async fn write_rejects(lake: &Lake, run_id: &str, owner: &str, rows: &[(String, Reject)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |cell: &dyn Fn(&(String, Reject)) -> String| {
        Arc::new(rows.iter().map(|row| Some(cell(row))).collect::<StringArray>()) as ArrayRef
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("part", text(&|(part, _)| part.clone())),
        (
            "row_number",
            Arc::new(
                rows.iter()
                    .map(|(_, row)| i64::try_from(row.row_number).ok())
                    .collect::<Int64Array>(),
            ),
        ),
        ("reason_code", text(&|(_, row)| row.reason_code.to_owned())),
        ("column_name", text(&|(_, row)| row.column.clone())),
        ("found", text(&|(_, row)| row.found.clone())),
        ("expected", text(&|(_, row)| row.expected.clone())),
        ("row", text(&|(_, row)| row.row.clone())),
    ];
    lake.put(&format!("reject/{run_id}/{owner}.parquet"), parquet_bytes(&columns)?)
        .await
}

fn parquet_bytes(columns: &[(&str, ArrayRef)]) -> Result<Vec<u8>> {
    let wrong = |error: String| Fault::bug("a ledger cannot be written").found(error);
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(
        schema.clone(),
        columns.iter().map(|(_, column)| column.clone()).collect(),
    )
    .map_err(|error| wrong(error.to_string()))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, schema, Some(properties)).map_err(|error| wrong(error.to_string()))?;
    writer.write(&batch).map_err(|error| wrong(error.to_string()))?;
    writer.close().map_err(|error| wrong(error.to_string()))?;
    Ok(bytes)
}
