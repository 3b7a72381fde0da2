use std::{path::PathBuf, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Builder, Float64Builder, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType},
};
use datafusion::{
    catalog::{MemorySchemaProvider, SchemaProvider},
    datasource::MemTable,
    error::DataFusionError,
    execution::{
        SessionStateBuilder,
        disk_manager::{DiskManager, DiskManagerBuilder, DiskManagerMode},
        memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool},
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    logical_expr::{ColumnarValue, Volatility, create_udf},
    prelude::{SessionConfig, SessionContext},
};
use jiff::{Timestamp, tz::TimeZone};
use klimalade_model::{CodeList, Fault, Kind, Result, Schemas};

use crate::{error::sql_fault, geometry};

/// Owners that a night runs beside each other, unless it is told another number.
const STATEMENTS_BESIDE: usize = 4;

/// Bounds of the engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Bytes that the sorting and grouping of one statement may hold before they spill.
    pub memory_bytes: usize,
    /// Folder for what spills.
    pub scratch: PathBuf,
}

/// DataFusion with the code lists of the common schema: one per run.
#[derive(Clone, Debug)]
pub struct Engine {
    disk: Arc<DiskManager>,
    memory_bytes: usize,
    codes: Arc<MemorySchemaProvider>,
    /// Folder for spools; see [`EngineOptions::scratch`].
    pub(crate) scratch: PathBuf,
}

impl Engine {
    /// Errors: Bug, when the runtime cannot be made; Settings, when a code list is no table.
    pub fn new(options: &EngineOptions, schemas: &Schemas) -> Result<Self> {
        let wrong = |error| sql_fault("the SQL engine cannot start", Kind::Bug, error);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![options.scratch.clone()]))
            .build()
            .map(Arc::new)
            .map_err(wrong)?;
        let codes = Arc::new(MemorySchemaProvider::new());
        for list in schemas.codes.values() {
            codes
                .register_table(list.name.clone(), Arc::new(code_table(list)?))
                .map_err(wrong)?;
        }
        Ok(Self {
            disk,
            memory_bytes: options.memory_bytes,
            codes,
            scratch: options.scratch.clone(),
        })
    }

    /// A pool of its own for each statement: one owner's sort does not starve another's.
    fn runtime(&self, pool: Arc<dyn MemoryPool>) -> Result<RuntimeEnv> {
        let mut runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .build()
            .map_err(|error| sql_fault("the SQL engine cannot start", Kind::Bug, error))?;
        runtime.disk_manager = self.disk.clone();
        Ok(runtime)
    }

    /// A session with `codes.*`, `maps.*` and the functions of the house. One target partition: a partition of the
    /// lake is one sorted file, and the night runs owners beside each other instead.
    pub(crate) fn session(&self, maps: impl IntoIterator<Item = CodeList>) -> Result<SessionContext> {
        self.session_with(maps, Arc::new(FairSpillPool::new(self.memory_bytes)))
    }

    /// A session for SQL over tables of the lake: a view, a question. They run alone, where harvests run beside each
    /// other, and so may hold what those would together: a join cannot spill. Who asks first gets it: a table is as many
    /// streams as it has files, and a fair share for each of ninety would be enough for none.
    pub(crate) fn lake_session(&self) -> Result<SessionContext> {
        let pool = GreedyMemoryPool::new(self.memory_bytes * STATEMENTS_BESIDE);
        let session = self.session_with([], Arc::new(pool))?;
        let state = session.state_ref();
        state.write().config_mut().options_mut().optimizer.repartition_sorts = false;
        Ok(session)
    }

    fn session_with(
        &self,
        maps: impl IntoIterator<Item = CodeList>,
        pool: Arc<dyn MemoryPool>,
    ) -> Result<SessionContext> {
        let wrong = |error| sql_fault("the SQL session cannot start", Kind::Bug, error);
        let mut config = SessionConfig::new().with_target_partitions(1).with_batch_size(8192);
        let options = config.options_mut();
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.enable_ident_normalization = false;
        // Only so does an error know its line.
        options.sql_parser.collect_spans = true;
        options.execution.parquet.schema_force_view_types = false;
        options.execution.sort_spill_reservation_bytes = 2 << 20;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::new(self.runtime(pool)?))
            .with_default_features()
            .build();
        let session = SessionContext::new_with_state(state);
        let catalog = session
            .catalog("datafusion")
            .ok_or_else(|| Fault::bug("the SQL session has no catalog"))?;
        catalog.register_schema("codes", self.codes.clone()).map_err(wrong)?;
        let schema = Arc::new(MemorySchemaProvider::new());
        for map in maps {
            schema
                .register_table(map.name.clone(), Arc::new(code_table(&map)?))
                .map_err(wrong)?;
        }
        catalog.register_schema("maps", schema).map_err(wrong)?;
        for layer in ["core", "out"] {
            let schema = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(layer, schema).map_err(wrong)?;
        }
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        session.register_udf(create_udf(
            "decimal_comma",
            vec![DataType::Utf8],
            DataType::Float64,
            Volatility::Immutable,
            Arc::new(decimal_comma),
        ));
        session.register_udf(create_udf(
            "civil_date",
            vec![utc],
            DataType::Date32,
            Volatility::Immutable,
            Arc::new(civil_date),
        ));
        geometry::register(&session);
        Ok(session)
    }
}

/// A code list as a table of text columns; an empty cell is null.
fn code_table(list: &CodeList) -> Result<MemTable> {
    let fields: Vec<Field> = list
        .header
        .iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let columns: Vec<ArrayRef> = (0..list.header.len())
        .map(|at| {
            let cells = list
                .rows
                .iter()
                .map(|row| row.get(at).map(String::as_str).filter(|cell| !cell.is_empty()));
            Arc::new(cells.collect::<StringArray>()) as ArrayRef
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let wrong = |error: String| {
        Fault::settings("a code list is no table")
            .at(list.name.clone())
            .found(error)
    };
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|error| wrong(error.to_string()))?;
    MemTable::try_new(schema, vec![vec![batch]]).map_err(|error| wrong(error.to_string()))
}

/// `decimal_comma(text)`: a number as Danish agencies print it (`1.234,5`), null when it is none.
fn decimal_comma(arguments: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let texts = arrays[0].as_string::<i32>();
    let mut numbers = Float64Builder::with_capacity(texts.len());
    for text in texts {
        numbers.append_option(text.and_then(danish_number));
    }
    Ok(ColumnarValue::Array(Arc::new(numbers.finish())))
}

/// Dots part thousands and nothing else: `432.39` is no Danish number, and reading it as 43239 would be a wrong figure.
fn danish_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.len() > first.len();
    if !digits(first) || grouped && first.len() > 3 || groups.any(|group| group.len() != 3 || !digits(group)) {
        return None;
    }
    text.replace('.', "").replace(',', ".").parse().ok()
}

/// `civil_date(instant)`: the Danish calendar day in which an instant lies.
fn civil_date(arguments: &[ColumnarValue]) -> Result<ColumnarValue, DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let instants = arrays[0].as_primitive::<TimestampMicrosecondType>();
    let zone = TimeZone::get("Europe/Copenhagen").map_err(|error| DataFusionError::External(Box::new(error)))?;
    let mut days = Date32Builder::with_capacity(instants.len());
    // Instants come hour after hour with many rows each: the last answer is mostly the next one.
    let mut last: Option<(i64, Option<i32>)> = None;
    for instant in instants {
        let Some(micros) = instant else {
            days.append_null();
            continue;
        };
        let day = match last {
            Some((known, day)) if known == micros => day,
            _ => Timestamp::from_microsecond(micros).ok().map(|instant| {
                let seconds = instant.as_second() + i64::from(zone.to_offset(instant).seconds());
                i32::try_from(seconds.div_euclid(86_400)).unwrap_or_default()
            }),
        };
        last = Some((micros, day));
        days.append_option(day);
    }
    Ok(ColumnarValue::Array(Arc::new(days.finish())))
}

#[cfg(test)]
mod tests {
    use super::danish_number;

    #[test]
    fn dots_part_thousands_and_a_dot_that_does_not_makes_no_number() {
        for (text, number) in [
            ("432,39", 432.39),
            ("1.234,5", 1234.5),
            ("-1.234.567", -1_234_567.0),
            (" 12 ", 12.0),
            ("1234,5", 1234.5),
            ("+0,25", 0.25),
        ] {
            assert_eq!(danish_number(text), Some(number), "{text}");
        }
        for text in [
            "432.39", "1.2345", "1234.567", ".500", "1..234", "1.234.56", "1,234.5", "1,2,3", "1e5", "inf", "-", "",
            "5,", ",5", "..",
        ] {
            assert_eq!(danish_number(text), None, "{text}");
        }
    }
}
