use std::io::Write;

use arrow_schema::{DataType, Field, TimeUnit};
use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Compression, Encoding, Type, ZstdLevel},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, RowGroupMetaData},
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

/// Rows of a page, as parquet's own writer cuts them.
const PAGE_ROWS: u64 = 20_000;

/// The one text that a column has in every row of a row group, as the statistics tell it; none where they name several,
/// are cut short (a long text has bounds that are not exact), or are not there.
pub fn constant_text<'a>(group: &'a RowGroupMetaData, column: &str) -> Option<&'a str> {
    let named = |chunk: &&ColumnChunkMetaData| chunk.column_descr().name() == column;
    let Some(Statistics::ByteArray(bounds)) = group.columns().iter().find(named)?.statistics() else {
        return None;
    };
    let is_exact = bounds.min_is_exact() && bounds.max_is_exact() && bounds.null_count_opt() == Some(0);
    let least = bounds
        .min_opt()
        .filter(|least| is_exact && Some(*least) == bounds.max_opt())?;
    least.as_utf8().ok()
}

/// A column with one value in the whole file; never held, nor encoded, as so many copies of it.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Name, type and nullability in the file.
    pub field: Field,
    /// The value; `None` is null in every row.
    pub value: Option<ConstantValue>,
}

/// The value of a [`Constant`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstantValue {
    /// For a text field.
    Text(String),
    /// For an integer field of 16, 32 or 64 bits.
    Int(i64),
    /// Microseconds since 1970 in UTC, for a timestamp field.
    TimestampMicros(i64),
}

/// The value in Parquet's physical type.
enum Plain {
    Null(Type),
    Int32(i32),
    Int64(i64),
    Text(ByteArray),
}

impl Constant {
    /// Whether the value fits the field. Errors: what is wrong.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.value.is_none() && !self.field.is_nullable() {
            return Err("a constant is null in a column that has no nulls");
        }
        self.plain().map(|_| ()).ok_or("a constant does not fit its column")
    }

    fn plain(&self) -> Option<Plain> {
        use {ConstantValue as Value, DataType as Field};
        Some(match (&self.value, self.field.data_type()) {
            (None, Field::Utf8) => Plain::Null(Type::BYTE_ARRAY),
            (None, Field::Int16 | Field::Int32) => Plain::Null(Type::INT32),
            (None, Field::Int64 | Field::Timestamp(TimeUnit::Microsecond, _)) => Plain::Null(Type::INT64),
            (Some(Value::Text(text)), Field::Utf8) => Plain::Text(ByteArray::from(text.as_str())),
            (Some(Value::Int(value)), Field::Int16) => Plain::Int32(i16::try_from(*value).ok()?.into()),
            (Some(Value::Int(value)), Field::Int32) => Plain::Int32(i32::try_from(*value).ok()?),
            (Some(Value::Int(value)), Field::Int64) => Plain::Int64(*value),
            (Some(Value::TimestampMicros(value)), Field::Timestamp(TimeUnit::Microsecond, _)) => Plain::Int64(*value),
            _ => return None,
        })
    }

    /// The column's chunk of a row group of `rows` rows: a dictionary of one value and pages that each say once how
    /// often it stands there. Written row by row, the columns that are one value took a third of the CPU time of a file
    /// (999,999 rows, eleven such columns, 2026-11-25).
    pub(crate) fn chunk(
        &self,
        column: &ColumnDescPtr,
        rows: u64,
        level: ZstdLevel,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let plain = self
            .plain()
            .ok_or_else(|| ParquetError::General(format!("constant {} does not fit", self.field.name())))?;
        let compress = |body: &[u8]| -> Result<Bytes, ParquetError> {
            zstd::bulk::compress(body, level.compression_level())
                .map(Bytes::from)
                .map_err(|error| ParquetError::External(Box::new(error)))
        };
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut sink);
        let dictionary = plain.dictionary();
        let (mut compressed, mut uncompressed) = (0, 0);
        if let Some(body) = &dictionary {
            let page = Page::DictionaryPage {
                buf: compress(body)?,
                num_values: 1,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = pages.write_page(CompressedPage::new(page, body.len()))?;
            compressed += spec.compressed_size;
            uncompressed += spec.uncompressed_size;
        }
        let data_offset = compressed;
        let encoding = match dictionary {
            Some(_) => Encoding::RLE_DICTIONARY,
            None => Encoding::PLAIN,
        };
        let mut index = ColumnIndexBuilder::new(column.physical_type());
        index.set_boundary_order(BoundaryOrder::ASCENDING);
        let mut offsets = OffsetIndexBuilder::new();
        let mut left = rows;
        while left > 0 {
            let count = left.min(PAGE_ROWS);
            left -= count;
            let body = data_page(dictionary.is_some(), column.max_def_level() > 0, count);
            let page = Page::DataPage {
                buf: compress(&body)?,
                num_values: u32::try_from(count).unwrap_or(u32::MAX),
                encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let spec = pages.write_page(CompressedPage::new(page, body.len()))?;
            compressed += spec.compressed_size;
            uncompressed += spec.uncompressed_size;
            let (bytes, nulls) = (plain.index_bytes(), if dictionary.is_some() { 0 } else { count });
            index.append(dictionary.is_none(), bytes.clone(), bytes, signed(nulls));
            offsets.append_row_count(signed(count));
            offsets.append_offset_and_size(
                signed(spec.offset),
                i32::try_from(spec.compressed_size).unwrap_or(i32::MAX),
            );
        }
        pages.close()?;
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(Compression::ZSTD(level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, encoding])
            .set_num_values(signed(rows))
            .set_total_compressed_size(signed(compressed as u64))
            .set_total_uncompressed_size(signed(uncompressed as u64))
            .set_dictionary_page_offset(dictionary.is_some().then_some(0))
            .set_data_page_offset(signed(data_offset as u64))
            .set_statistics(plain.statistics(rows))
            .build()?;
        sink.flush()?;
        let close = ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: Some(index.build()?),
            offset_index: Some(offsets.build()),
        };
        Ok((Bytes::from(sink.into_inner()?), close))
    }
}

impl Plain {
    /// The value as the page index has it.
    fn index_bytes(&self) -> Vec<u8> {
        match self {
            Self::Null(_) => Vec::new(),
            Self::Int32(value) => value.to_le_bytes().to_vec(),
            Self::Int64(value) => value.to_le_bytes().to_vec(),
            Self::Text(text) => text.data().to_vec(),
        }
    }

    /// A dictionary of the one value, encoded PLAIN; `None` for null.
    fn dictionary(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null(_) => None,
            Self::Int32(_) | Self::Int64(_) => Some(self.index_bytes()),
            Self::Text(text) => {
                let mut body = u32::try_from(text.len()).ok()?.to_le_bytes().to_vec();
                body.extend_from_slice(text.data());
                Some(body)
            }
        }
    }

    fn statistics(&self, rows: u64) -> Statistics {
        match self {
            Self::Null(Type::INT32) => Statistics::int32(None, None, None, Some(rows), false),
            Self::Null(Type::INT64) => Statistics::int64(None, None, None, Some(rows), false),
            Self::Null(_) => Statistics::byte_array(None, None, None, Some(rows), false),
            Self::Int32(value) => Statistics::int32(Some(*value), Some(*value), None, Some(0), false),
            Self::Int64(value) => Statistics::int64(Some(*value), Some(*value), None, Some(0), false),
            Self::Text(text) => Statistics::byte_array(Some(text.clone()), Some(text.clone()), None, Some(0), false),
        }
    }
}

/// The body of a data page (version 1) in which all `count` rows are null or entry 0 of the dictionary.
fn data_page(has_value: bool, is_nullable: bool, count: u64) -> Vec<u8> {
    let mut body = Vec::new();
    if is_nullable {
        let levels = run(count, u8::from(has_value));
        body.extend_from_slice(&u32::try_from(levels.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&levels);
    }
    if has_value {
        // One bit for an index that is always 0: a width of none is legal and not read by everybody.
        body.push(1);
        body.extend_from_slice(&run(count, 0));
    }
    body
}

/// Parquet's RLE of one run: its length, doubled, as a varint, and the value in a byte.
fn run(count: u64, value: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut header = count << 1;
    while header >= 0x80 {
        bytes.push((header & 0x7f) as u8 | 0x80);
        header >>= 7;
    }
    bytes.push(header as u8);
    bytes.push(value);
    bytes
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
