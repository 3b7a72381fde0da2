//! Rows as they come, written batch by batch: what is in memory is one batch, or one row group of Parquet.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    csv, json,
    util::display::{ArrayFormatter, FormatOptions},
};
use klimalade_engine::Answer;
use klimalade_model::{Fault, Result};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use crate::{
    arguments::Format,
    output::{self, note},
};

/// Rows and bytes of a row group: it is held in memory until it is written.
const GROUP_ROWS: usize = 100_000;
const GROUP_BYTES: usize = 32 << 20;

/// On stdout. A reader that closed the pipe wants no more: that is no error.
pub(crate) async fn print(answer: &mut Answer, format: Format, shown: usize) -> Result<()> {
    if format == Format::Table {
        return print_table(answer, shown).await;
    }
    match write_text(answer, format, io::stdout()).await {
        Err(fault) if is_closed(&fault) => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// As CSV or JSON; the number of rows.
pub(crate) async fn write_text(answer: &mut Answer, format: Format, out: impl Write + Send) -> Result<u64> {
    if let (Format::Csv, Some(nested)) = (format, first_nested(answer)) {
        return Err(Fault::settings("CSV holds no lists and no structures")
            .found(nested)
            .hint("--format json, or name the fields in the SELECT"));
    }
    let mut writer = match format {
        Format::Csv => TextWriter::Csv(Box::new(csv::WriterBuilder::new().build(BufWriter::new(out)))),
        Format::Json => TextWriter::Json(json_writer().build(BufWriter::new(out))),
        _ => TextWriter::Lines(json_writer().build(BufWriter::new(out))),
    };
    let mut rows = 0;
    // The names of the columns stand above no rows too.
    writer.write(&RecordBatch::new_empty(answer.schema()))?;
    while let Some(batch) = answer.next().await? {
        writer.write(&batch)?;
        rows += batch.num_rows() as u64;
    }
    writer.finish()?;
    Ok(rows)
}

/// The name of the first column that is a list or a structure.
fn first_nested(answer: &Answer) -> Option<String> {
    let schema = answer.schema();
    let nested = schema.fields().iter().find(|field| field.data_type().is_nested());
    nested.map(|field| field.name().clone())
}

/// As one Parquet file; the number of rows.
pub(crate) async fn write_parquet(answer: &mut Answer, file: &mut File) -> Result<u64> {
    let wrong = |source: parquet::errors::ParquetError| not_written(source.to_string());
    let level = ZstdLevel::try_new(3).map_err(wrong)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build();
    let mut writer = ArrowWriter::try_new(file, answer.schema(), Some(properties)).map_err(wrong)?;
    let mut rows = 0;
    while let Some(batch) = answer.next().await? {
        writer.write(&batch).map_err(wrong)?;
        rows += batch.num_rows() as u64;
    }
    writer.close().map_err(wrong)?;
    Ok(rows)
}

enum TextWriter<W: Write> {
    Csv(Box<csv::Writer<BufWriter<W>>>),
    Json(json::Writer<BufWriter<W>, json::writer::JsonArray>),
    Lines(json::Writer<BufWriter<W>, json::writer::LineDelimited>),
}

impl<W: Write> TextWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::Csv(writer) => writer.write(batch),
            Self::Json(writer) => writer.write(batch),
            Self::Lines(writer) => writer.write(batch),
        }
        .map_err(text_fault)
    }

    fn finish(self) -> Result<()> {
        let flushed = match self {
            Self::Csv(writer) => writer.into_inner().flush(),
            Self::Json(mut writer) => {
                writer.finish().map_err(text_fault)?;
                let mut out = writer.into_inner();
                writeln!(out).and_then(|()| out.flush())
            }
            Self::Lines(mut writer) => {
                writer.finish().map_err(text_fault)?;
                writer.into_inner().flush()
            }
        };
        flushed.map_err(|source| not_written(source.to_string()))
    }
}

/// Null is written as null: every row has the same keys.
fn json_writer() -> json::WriterBuilder {
    json::WriterBuilder::new().with_explicit_nulls(true)
}

fn text_fault(error: arrow::error::ArrowError) -> Fault {
    use arrow::error::ArrowError;
    match error {
        ArrowError::IoError(said, _) => not_written(said),
        other => not_written(other.to_string()),
    }
}

fn not_written(said: String) -> Fault {
    Fault::transient("the answer cannot be written").found(said)
}

fn is_closed(fault: &Fault) -> bool {
    fault.what() == "the answer cannot be written"
        && fault.found_text().is_some_and(|said| said.contains("Broken pipe"))
}

/// The first rows; the others are counted, so that nobody takes a part for the whole.
async fn print_table(answer: &mut Answer, shown: usize) -> Result<()> {
    let schema = answer.schema();
    let header: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let is_number: Vec<bool> = schema
        .fields()
        .iter()
        .map(|field| field.data_type().is_numeric())
        .collect();
    let (mut rows, mut more) = (Vec::new(), 0u64);
    while let Some(batch) = answer.next().await? {
        let room = shown.saturating_sub(rows.len()).min(batch.num_rows());
        rows.extend(cells(&batch.slice(0, room))?);
        more += (batch.num_rows() - room) as u64;
    }
    output::rows(&header, &is_number, rows);
    if more > 0 {
        note(format!(
            "... {} more rows: --rows {} shows more, --out <file>.csv writes all",
            output::grouped(more),
            shown.saturating_mul(10).max(10)
        ));
    }
    Ok(())
}

fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>> {
    let options = FormatOptions::default().with_null("null");
    let wrong = |source| Fault::bug("a column cannot be shown").because(source);
    let columns = batch.columns().iter();
    let formatters = columns
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(wrong)?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let cells =
            batch
                .columns()
                .iter()
                .zip(&formatters)
                .map(|(column, formatter)| match column.as_binary_opt::<i32>() {
                    Some(bytes) if bytes.is_valid(row) => Ok(format!("WKB of {} bytes", bytes.value(row).len())),
                    _ => formatter.value(row).try_to_string(),
                });
        rows.push(cells.collect::<std::result::Result<Vec<_>, _>>().map_err(wrong)?);
    }
    Ok(rows)
}
