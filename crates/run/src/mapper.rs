use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, AsArray, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType},
    row::{RowConverter, SortField},
};
use klimalade_connect::Connector;
use klimalade_engine::{Engine, Mapping, PartitionSpool, Reject, RowContract, RowRules, ScalarValue, Spooled};
use klimalade_lake::Counts;
use klimalade_model::{Fault, Page, Part, Result, Schemas, Table};
use klimalade_pipeline::{Definition, Owner, RowsPerRow};

/// Values of the path below `pipeline=`: `[("year", "2024"), ("month", "05")]`.
pub(crate) type PathValues = Vec<(String, String)>;

/// What mapping a part gave, on scratch disk.
#[derive(Debug, Default)]
pub(crate) struct PartRows {
    pub(crate) counts: Counts,
    pub(crate) partitions: BTreeMap<PathValues, Arc<Spooled>>,
    pub(crate) controls: Option<Arc<Spooled>>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) constants: Vec<(String, ScalarValue)>,
}

/// The declared rules of an owner's rows.
pub fn row_rules(definition: &Definition) -> RowRules {
    RowRules {
        indicators: definition.publishes.indicators.clone(),
        areas: definition.publishes.areas.codes().map(<[String]>::to_vec),
        ranges: definition
            .checks
            .range
            .iter()
            .map(|(code, range)| (code.clone(), (range.min, range.max)))
            .collect(),
        aggregate: matches!(definition.rows_per_row, RowsPerRow::Aggregate(_)),
        source_id: definition.source_id.clone(),
        ..RowRules::default()
    }
}

/// What mapping needs to know of its owner.
#[derive(Clone, Debug)]
pub(crate) struct Mapper {
    pub(crate) engine: Engine,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) table: Table,
    pub(crate) rules: RowRules,
    pub(crate) rows_per_row: RowsPerRow,
    pub(crate) columns: SchemaRef,
}

impl Mapper {
    pub(crate) fn new(engine: &Engine, schemas: &Arc<Schemas>, owner: &Owner) -> Result<Self> {
        let definition = &owner.definition;
        Ok(Self {
            engine: engine.clone(),
            schemas: schemas.clone(),
            table: schemas.table(&definition.table)?.clone(),
            rules: row_rules(definition),
            rows_per_row: definition.rows_per_row,
            columns: definition.raw_schema(),
        })
    }

    /// Decodes and maps a part. `number` goes with its rows through the sort. Errors: Source, when the counts of the
    /// raw rows disagree (the walk is worth repeating); Contract, when those of the mapped rows do.
    pub(crate) async fn map(
        &self,
        owner: &Owner,
        connector: Arc<dyn Connector>,
        part: &Part,
        pages: Vec<Page>,
        number: i32,
    ) -> Result<PartRows> {
        let mapping = self.engine.mapping(&owner.sql, &self.columns, &owner.maps).await?;
        let contract = RowContract::plan(&self.table, &mapping.shape, &self.schemas, self.rules.clone(), true)?;
        let (part, columns) = (part.clone(), self.columns.clone());
        let (mapped, sender) = mapping.start().await?;
        let sender = sender.ok_or_else(|| Fault::bug("a mapping without raw"))?;
        let part_of_task = part.clone();
        let decoding = tokio::task::spawn_blocking(move || -> Result<RawCounts> {
            let mut counts = RawCounts::new(&columns)?;
            for (at, page) in pages.iter().enumerate() {
                let place = || format!("page {} {}", at + 1, page.entry.address);
                let decoded = connector
                    .decode(&part_of_task, page, &columns)
                    .map_err(|fault| fault.at(place()));
                let reader = match decoded {
                    Ok(reader) => reader,
                    Err(fault) => {
                        sender.send(Err(Fault::bug("decoding ended")));
                        return Err(fault);
                    }
                };
                for batch in reader {
                    let batch = match batch {
                        Ok(batch) => batch,
                        Err(error) => {
                            sender.send(Err(Fault::bug("decoding ended")));
                            return Err(unwrap_fault(error).at(place()));
                        }
                    };
                    counts.add(&batch)?;
                    if !sender.send(Ok(plain(&batch)?)) {
                        return Ok(counts);
                    }
                }
            }
            Ok(counts)
        });
        let outcome = self.collect(mapped, contract, number).await;
        let raw = decoding
            .await
            .map_err(|error| Fault::bug("decoding stopped").found(error.to_string()))?;
        // What decode said is the cause of what the SQL said.
        let raw = raw?;
        let mut rows = outcome?;
        rows.counts.promised = part.promised;
        rows.counts.received = Some(raw.received);
        rows.counts.distinct = raw.distinct();
        self.reconcile(&rows.counts)?;
        Ok(rows)
    }

    /// Runs the SQL of a view.
    pub(crate) async fn map_view(&self, mapping: Mapping, number: i32) -> Result<PartRows> {
        let contract = RowContract::plan(&self.table, &mapping.shape, &self.schemas, self.rules.clone(), false)?;
        let (mapped, _) = mapping.start().await?;
        self.collect(mapped, contract, number).await
    }

    async fn collect(
        &self,
        mut mapped: klimalade_engine::Mapped,
        mut contract: RowContract,
        number: i32,
    ) -> Result<PartRows> {
        let mut spools: HashMap<PathValues, PartitionSpool> = HashMap::new();
        let mut controls: Option<PartitionSpool> = None;
        while let Some(batch) = mapped.next().await? {
            let admitted = contract.admit(&batch)?;
            if let Some(rows) = admitted.publish {
                for (values, rows) in self.split(&rows, contract.constants())? {
                    let spool = match spools.entry(values) {
                        std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                        std::collections::hash_map::Entry::Vacant(entry) => {
                            let spool = PartitionSpool::create(&self.engine, contract.varying())?;
                            entry.insert(spool.watching(&sort_keys(&self.table, contract.varying()))?)
                        }
                    };
                    spool.append(&rows, number)?;
                }
            }
            if let Some(rows) = admitted.control {
                let spool = match &mut controls {
                    Some(spool) => spool,
                    None => controls.insert(PartitionSpool::create(&self.engine, &contract.control_schema())?),
                };
                spool.append(&rows, number)?;
            }
        }
        let mut partitions = BTreeMap::new();
        for (values, spool) in spools {
            partitions.insert(values, Arc::new(spool.finish()?));
        }
        Ok(PartRows {
            counts: Counts {
                promised: None,
                received: None,
                distinct: None,
                mapped: contract.mapped,
                published: contract.published,
                control: contract.control,
                skipped: contract.skipped.clone(),
                rejected: contract.rejected,
                raw_rows: self.rules.aggregate.then_some(contract.raw_row_sum),
            },
            partitions,
            controls: controls.map(PartitionSpool::finish).transpose()?.map(Arc::new),
            rejects: std::mem::take(&mut contract.rejects),
            constants: contract.constants().to_vec(),
        })
    }

    /// The two sums of every row.
    fn reconcile(&self, counts: &Counts) -> Result<()> {
        let received = counts.received.unwrap_or_default();
        if let Some(promised) = counts.promised.filter(|promised| *promised != received) {
            return Err(Fault::source("the server promised another number of rows than it sent")
                .expected(format!("{promised} rows"))
                .found(format!("{received} rows")));
        }
        if let Some(distinct) = counts.distinct.filter(|distinct| *distinct != received) {
            return Err(Fault::source("rows came more than once")
                .expected(format!("{received} distinct ids for {received} rows"))
                .found(format!("{distinct} distinct ids"))
                .hint("mark with id = true the columns that tell raw rows apart, if these do not"));
        }
        let fated = counts.published + counts.control + counts.rejected + counts.skipped.values().sum::<u64>();
        if fated != counts.mapped {
            return Err(Fault::bug("mapped rows are not accounted for")
                .expected(counts.mapped.to_string())
                .found(fated.to_string()));
        }
        let (expected, found, words) = match (self.rows_per_row, counts.raw_rows) {
            (RowsPerRow::Aggregate(_), Some(raw_rows)) => (received, raw_rows, "raw_rows over all fates"),
            (RowsPerRow::Aggregate(_), None) => return Err(Fault::bug("an aggregate without raw_rows")),
            (RowsPerRow::Number(times), _) => (received * times, counts.mapped, "mapped rows"),
        };
        if expected != found {
            return Err(Fault::contract("map.sql lost or made rows")
                .at("map.sql")
                .expected(format!("{expected} {words} for {received} raw rows"))
                .found(found.to_string())
                .hint("no WHERE and no join that drops or multiplies rows: give such rows the fate 'skip:<reason>', and set rows_per_row"));
        }
        Ok(())
    }

    /// Rows by the values of their path.
    fn split(&self, rows: &RecordBatch, constants: &[(String, ScalarValue)]) -> Result<Vec<(PathValues, RecordBatch)>> {
        let levels = self.table.deeper_levels();
        if levels.is_empty() {
            return Ok(vec![(Vec::new(), rows.clone())]);
        }
        let from = self.table.partition_from.as_deref().unwrap_or_default();
        let constant = constants
            .iter()
            .find(|(name, _)| name == from)
            .map(|(_, value)| value.to_array());
        let dates = match (rows.column_by_name(from), constant) {
            (Some(column), _) => column.clone(),
            (None, Some(array)) => {
                let array = array.map_err(|error| Fault::bug(error.to_string()))?;
                return Ok(vec![(path_values(levels, day(&array, 0)), rows.clone())]);
            }
            (None, None) => {
                return Err(Fault::bug("a table's partition_from is none of its columns").found(from.to_owned()));
            }
        };
        let mut months: HashMap<(i16, i8), Vec<usize>> = HashMap::new();
        let mut last: Option<(i32, (i16, i8))> = None;
        for row in 0..rows.num_rows() {
            let days = day(&dates, row);
            let month = match last {
                Some((known, month)) if known == days => month,
                _ => year_month(days),
            };
            last = Some((days, month));
            months
                .entry(if levels.len() > 1 { month } else { (month.0, 0) })
                .or_default()
                .push(row);
        }
        if months.len() == 1 {
            return Ok(vec![(path_values(levels, day(&dates, 0)), rows.clone())]);
        }
        months
            .into_values()
            .map(|members| {
                let mut mask = vec![false; rows.num_rows()];
                members.iter().for_each(|&row| mask[row] = true);
                let taken = filter_record_batch(rows, &BooleanArray::from(mask))
                    .map_err(|error| Fault::bug("rows cannot be split").because(error))?;
                Ok((path_values(levels, day(&dates, members[0])), taken))
            })
            .collect()
    }
}

/// Columns of the table's unique key that vary: what one of its files is sorted by.
pub(crate) fn sort_keys(table: &Table, varying: &SchemaRef) -> Vec<String> {
    let varies = |key: &&String| varying.index_of(key).is_ok();
    table.unique_key.iter().filter(varies).cloned().collect()
}

fn day(column: &arrow::array::ArrayRef, row: usize) -> i32 {
    match column.data_type() {
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row),
        _ => i32::try_from(
            column
                .as_primitive::<TimestampMicrosecondType>()
                .value(row)
                .div_euclid(86_400_000_000),
        )
        .unwrap_or_default(),
    }
}

fn year_month(days: i32) -> (i16, i8) {
    use jiff::ToSpan;
    let date = jiff::civil::Date::constant(1970, 1, 1).saturating_add(days.days());
    (date.year(), date.month())
}

fn path_values(levels: &[String], days: i32) -> PathValues {
    let (year, month) = year_month(days);
    levels
        .iter()
        .map(|level| {
            (
                level.clone(),
                if level == "month" {
                    format!("{month:02}")
                } else {
                    format!("{year:04}")
                },
            )
        })
        .collect()
}

/// Without the fields' metadata, which the SQL does not know.
pub(crate) fn plain(batch: &RecordBatch) -> Result<RecordBatch> {
    let fields: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| arrow_schema::Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), batch.columns().to_vec())
        .map_err(|error| Fault::bug("decoded columns are not the declared ones").because(error))
}

pub(crate) fn unwrap_fault(error: arrow::error::ArrowError) -> Fault {
    match error {
        arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(inner) => Fault::contract("a page cannot be decoded").found(inner.to_string()),
        },
        other => Fault::contract("a page cannot be decoded").found(other.to_string()),
    }
}

/// Rows received and the distinct ids among them.
struct RawCounts {
    received: u64,
    ids: Vec<usize>,
    converter: Option<RowConverter>,
    /// 64-bit hashes: at a million rows two ids share one by chance once in 40 million parts.
    seen: Vec<u64>,
}

impl RawCounts {
    fn new(columns: &SchemaRef) -> Result<Self> {
        let is_id = |at: &usize| {
            columns
                .field(*at)
                .metadata()
                .get(klimalade_connect::ID_KEY)
                .is_some_and(|word| word == "true")
        };
        let ids: Vec<usize> = (0..columns.fields().len()).filter(is_id).collect();
        let fields: Vec<SortField> = ids
            .iter()
            .map(|&at| SortField::new(columns.field(at).data_type().clone()))
            .collect();
        let converter = (!ids.is_empty())
            .then(|| RowConverter::new(fields))
            .transpose()
            .map_err(|error| Fault::settings("an id column has a type that cannot be one").because(error))?;
        Ok(Self {
            received: 0,
            ids,
            converter,
            seen: Vec::new(),
        })
    }
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        self.received += batch.num_rows() as u64;
        if let Some(converter) = &mut self.converter {
            let columns: Vec<_> = self.ids.iter().map(|&at| batch.column(at).clone()).collect();
            let rows = converter
                .convert_columns(&columns)
                .map_err(|error| Fault::bug("ids cannot be counted").because(error))?;
            self.seen.extend(rows.iter().map(|row| {
                let mut hash = DefaultHasher::new();
                hash.write(row.data());
                hash.finish()
            }));
        }
        Ok(())
    }
    fn distinct(&self) -> Option<u64> {
        self.converter.as_ref()?;
        let mut seen = self.seen.clone();
        seen.sort_unstable();
        seen.dedup();
        Some(seen.len() as u64)
    }
}
