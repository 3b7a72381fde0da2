//! One declared column while its batch is built.

use std::{borrow::Cow, sync::Arc};

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_schema::{DataType, Field, TimeUnit};
use klimalade_model::{Fault, Result, is_optional};

use crate::{
    EPOCH_KEY,
    error::{Error, shortened},
    geometry::{Crs, geojson_to_wkb},
    value,
};

pub(crate) use klimalade_model::source_name;

enum Cells {
    Text(StringBuilder),
    Int64(Int64Builder),
    Int32(Int32Builder),
    Int16(Int16Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Date(Date32Builder),
    Instant(TimestampMicrosecondBuilder),
    Wkb(BinaryBuilder),
}

/// One declared column while its batch is built.
pub(crate) struct Column {
    /// Declared name.
    pub(crate) name: String,
    cells: Cells,
    nullable: bool,
    /// The page may lack it.
    pub(crate) optional: bool,
    epoch_ms: bool,
}

/// How numbers and coordinates of the page are written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Writing {
    pub(crate) decimal_comma: bool,
    pub(crate) crs: Crs,
    /// JSON's `""` is a null (MapServer writes a null text so).
    pub(crate) empty_is_null: bool,
}

impl Column {
    /// A builder for `field`. Errors: Settings, for a type that cannot be filled; geometry comes from JSON and GML only.
    pub(crate) fn new(field: &Field, geometry: bool) -> Result<Self> {
        let cells = match field.data_type() {
            DataType::Utf8 => Cells::Text(StringBuilder::new()),
            DataType::Int64 => Cells::Int64(Int64Builder::new()),
            DataType::Int32 => Cells::Int32(Int32Builder::new()),
            DataType::Int16 => Cells::Int16(Int16Builder::new()),
            DataType::Float64 => Cells::Float64(Float64Builder::new()),
            DataType::Boolean => Cells::Boolean(BooleanBuilder::new()),
            DataType::Date32 => Cells::Date(Date32Builder::new()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if matches!(zone.as_ref(), "UTC" | "+00:00") => {
                Cells::Instant(TimestampMicrosecondBuilder::new().with_timezone(Arc::clone(zone)))
            }
            DataType::Binary if geometry => Cells::Wkb(BinaryBuilder::new()),
            other => {
                return Err(Error::ColumnType {
                    column: field.name().clone(),
                    found: other.to_string(),
                }
                .into());
            }
        };
        let epoch_ms = field.metadata().get(EPOCH_KEY).is_some_and(|unit| unit == "ms");
        Ok(Self {
            name: field.name().clone(),
            cells,
            nullable: field.is_nullable(),
            optional: is_optional(field),
            epoch_ms,
        })
    }

    /// Whether cells are kept as text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.cells, Cells::Text(_))
    }

    /// No value. Errors: Contract, where the column is declared without nulls.
    pub(crate) fn push_null(&mut self, row: u64) -> Result<()> {
        if !self.nullable {
            return Err(self.unread(row, "a value: the column is declared without nulls", "null"));
        }
        match &mut self.cells {
            Cells::Text(builder) => builder.append_null(),
            Cells::Int64(builder) => builder.append_null(),
            Cells::Int32(builder) => builder.append_null(),
            Cells::Int16(builder) => builder.append_null(),
            Cells::Float64(builder) => builder.append_null(),
            Cells::Boolean(builder) => builder.append_null(),
            Cells::Date(builder) => builder.append_null(),
            Cells::Instant(builder) => builder.append_null(),
            Cells::Wkb(builder) => builder.append_null(),
        }
        Ok(())
    }

    /// A cell of text. Errors: Contract, where it cannot be read as declared.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str, row: u64, writing: Writing) -> Result<()> {
        if self.append_text(text, writing.decimal_comma).is_none() {
            return Err(self.unread(row, self.expected(), text));
        }
        Ok(())
    }

    #[inline]
    fn append_text(&mut self, text: &str, decimal_comma: bool) -> Option<()> {
        match &mut self.cells {
            Cells::Text(builder) => builder.append_value(text),
            Cells::Int64(builder) => builder.append_value(value::integer(text, decimal_comma)?),
            Cells::Int32(builder) => builder.append_value(i32::try_from(value::integer(text, decimal_comma)?).ok()?),
            Cells::Int16(builder) => builder.append_value(i16::try_from(value::integer(text, decimal_comma)?).ok()?),
            Cells::Float64(builder) => builder.append_value(value::float(text, decimal_comma)?),
            Cells::Boolean(builder) => builder.append_value(value::boolean(text)?),
            Cells::Date(builder) => builder.append_value(value::date(text)?),
            Cells::Instant(builder) => {
                let micros = match self.epoch_ms {
                    true => value::integer(text, false).map_or_else(|| value::instant(text), |ms| ms.checked_mul(1000)),
                    false => value::instant(text),
                };
                builder.append_value(micros?);
            }
            Cells::Wkb(_) => return None,
        }
        Some(())
    }

    /// One JSON value as written, known to be well formed. Errors: Contract, where it cannot be read as declared;
    /// Source, for an escape that is no character.
    #[inline]
    pub(crate) fn push_json(&mut self, raw: &str, row: u64, writing: Writing) -> Result<()> {
        match raw.as_bytes().first() {
            Some(b'"') => {
                let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                let text = if inner.as_bytes().contains(&b'\\') {
                    Cow::Owned(unescaped(raw)?)
                } else {
                    Cow::Borrowed(inner)
                };
                if text.is_empty() && writing.empty_is_null {
                    return self.push_null(row);
                }
                self.push_text(&text, row, writing)
            }
            Some(b'n') => self.push_null(row),
            Some(b't' | b'f') => match &mut self.cells {
                Cells::Text(builder) => {
                    builder.append_value(raw);
                    Ok(())
                }
                Cells::Boolean(builder) => {
                    builder.append_value(raw == "true");
                    Ok(())
                }
                _ => Err(self.unread(row, self.expected(), raw)),
            },
            Some(b'{' | b'[') => match &mut self.cells {
                Cells::Text(builder) => {
                    builder.append_value(raw);
                    Ok(())
                }
                Cells::Wkb(builder) => {
                    let place = || format!("row {row}, column `{}`", self.name);
                    let geometry = serde_json::from_str(raw).map_err(|error| {
                        Fault::from(Error::Malformed {
                            found: error.to_string(),
                        })
                        .at(place())
                    })?;
                    builder.append_value(geojson_to_wkb(&geometry, writing.crs).map_err(|fault| fault.at(place()))?);
                    Ok(())
                }
                _ => Err(self.unread(row, self.expected(), raw)),
            },
            // A number. JSON's grammar was checked, so the float needs no second look at its letters.
            Some(_) => match &mut self.cells {
                Cells::Float64(builder) => match value::finite(raw) {
                    Some(number) => {
                        builder.append_value(number);
                        Ok(())
                    }
                    None => Err(self.unread(row, self.expected(), raw)),
                },
                _ => self.push_text(
                    raw,
                    row,
                    Writing {
                        decimal_comma: false,
                        ..writing
                    },
                ),
            },
            None => Err(self.unread(row, self.expected(), raw)),
        }
    }

    /// A geometry that was written already. Errors: Contract, where the column is none of geometry.
    pub(crate) fn push_wkb(&mut self, wkb: &[u8], row: u64) -> Result<()> {
        match &mut self.cells {
            Cells::Wkb(builder) => {
                builder.append_value(wkb);
                Ok(())
            }
            _ => Err(self.unread(row, self.expected(), "a geometry")),
        }
    }

    /// The batch's array; the builder starts anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.cells {
            Cells::Text(builder) => Arc::new(builder.finish()),
            Cells::Int64(builder) => Arc::new(builder.finish()),
            Cells::Int32(builder) => Arc::new(builder.finish()),
            Cells::Int16(builder) => Arc::new(builder.finish()),
            Cells::Float64(builder) => Arc::new(builder.finish()),
            Cells::Boolean(builder) => Arc::new(builder.finish()),
            Cells::Date(builder) => Arc::new(builder.finish()),
            Cells::Instant(builder) => Arc::new(builder.finish()),
            Cells::Wkb(builder) => Arc::new(builder.finish()),
        }
    }

    fn expected(&self) -> &'static str {
        match &self.cells {
            Cells::Text(_) => "text",
            Cells::Int64(_) => "a whole number of 64 bits",
            Cells::Int32(_) => "a whole number from -2147483648 to 2147483647",
            Cells::Int16(_) => "a whole number from -32768 to 32767",
            Cells::Float64(_) => "a finite number",
            Cells::Boolean(_) => "true, false, 1 or 0",
            Cells::Date(_) => "a date: YYYY-MM-DD, YYYYMMDD or an ISO time",
            Cells::Instant(_) if self.epoch_ms => "an ISO time or milliseconds since 1970",
            Cells::Instant(_) => "an ISO time: YYYY-MM-DDTHH:MM[:SS[.fff]], UTC where it has no offset",
            Cells::Wkb(_) => "a geometry",
        }
    }

    fn unread(&self, row: u64, expected: &str, found: &str) -> Fault {
        let found = if found.is_empty() {
            "an empty cell".to_owned()
        } else {
            format!("`{}`", shortened(found))
        };
        Error::Cell {
            row,
            column: self.name.clone(),
            expected: expected.to_owned(),
            found,
        }
        .into()
    }
}

#[cold]
fn unescaped(raw: &str) -> Result<String> {
    serde_json::from_str(raw).map_err(|error| {
        Error::Malformed {
            found: format!("{} ({error})", shortened(raw)),
        }
        .into()
    })
}
