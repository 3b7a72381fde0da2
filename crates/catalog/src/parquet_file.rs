use arrow::array::RecordBatch;
use bytes::Bytes;
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::{
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
    },
};

/// Who wrote the file, as the lake's other files say it: the same rows are the same bytes under every release.
const CREATED_BY: &str = "klimalade version 1.0.0";

/// One batch as a Parquet file. Errors: Bug.
pub(crate) fn bytes(batch: &RecordBatch) -> Result<Vec<u8>> {
    let wrong =
        |error: parquet::errors::ParquetError| Fault::bug("a table of the catalogue cannot be written").because(error);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(CREATED_BY.to_owned())
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).map_err(wrong)?;
    writer.write(batch).map_err(wrong)?;
    writer.close().map_err(wrong)?;
    Ok(bytes)
}

/// The values of a text column, by the statistics of its row groups, where each holds one value only; none otherwise.
/// Errors: Contract, when the file cannot be read.
pub(crate) fn constant_text(key: &str, file: Bytes, column: &str) -> Result<Vec<String>> {
    let reader = SerializedFileReader::new(file).map_err(|source| {
        Fault::contract("a file of the lake cannot be read")
            .at(key.to_owned())
            .hint("klimalade verify")
            .because(source)
    })?;
    let groups = reader.metadata().row_groups().iter();
    let values: Option<Vec<&str>> = groups
        .map(|group| klimalade_lake::constant_text(group, column))
        .collect();
    Ok(values.unwrap_or_default().into_iter().map(str::to_owned).collect())
}
