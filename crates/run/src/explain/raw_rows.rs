use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use klimalade_connect::Connector;
use klimalade_engine::{RawSender, RowContract};
use klimalade_model::{Fault, Manifest, Page, Part, Result, Table};
use klimalade_pipeline::{Owner, RowsPerRow};
use tokio::sync::mpsc;

use super::{Cells, Differing, RawRow, RawTrace, find::cells_of, trace::said};
use crate::{
    house::House,
    mapper::{Mapper, plain, unwrap_fault},
    provenance::COMMON,
};

/// Raw rows of one figure that are shown.
const MOST_RAW_ROWS: usize = 10;
/// Pieces of a part that are mapped at most, to find them.
const MOST_MAPPINGS: usize = 1000;

/// Looks for the raw rows that a published row was mapped from. The SQL is not read backwards: what is mapped is made
/// ever smaller, from the part to a page, a batch, half of it, until one raw row alone gives the row.
pub(crate) struct RawSearch<'a> {
    house: &'a House,
    owner: &'a Owner,
    mapper: Mapper,
    connector: Arc<dyn Connector>,
    part: Part,
    /// Column and value of the row's key.
    key: Vec<(String, String)>,
    mappings: usize,
}

/// What the mapping gave for the key.
#[derive(Default)]
struct Given {
    row: Option<Cells>,
    raw_rows: u64,
}

/// What is mapped.
enum Piece {
    Pages(Vec<Page>),
    Rows(RecordBatch),
}

impl<'a> RawSearch<'a> {
    /// Never an error: what cannot be looked up is said in the note.
    pub(crate) async fn look(
        house: &'a House,
        owner: &'a Owner,
        table: &Table,
        raw_owner: &str,
        manifest: &Arc<Manifest>,
        row: &Cells,
    ) -> RawTrace {
        let mut trace = RawTrace {
            rows_per_row: match owner.definition.rows_per_row {
                RowsPerRow::Number(number) => number.to_string(),
                RowsPerRow::Aggregate(_) => "aggregate".to_owned(),
            },
            ..RawTrace::default()
        };
        let looked = async {
            let mut search = Self::open(house, owner, table, manifest, row)?;
            let mut pages = Vec::with_capacity(manifest.pages.len());
            for entry in &manifest.pages {
                let page = house
                    .lake
                    .page(raw_owner, &manifest.part.key, entry, &house.scratch)
                    .await?;
                pages.push(page);
            }
            search.search(pages, table, row, &mut trace).await
        };
        if let Err(fault) = looked.await {
            trace.note = Some(said(&fault));
        }
        trace
    }

    fn open(house: &'a House, owner: &'a Owner, table: &Table, manifest: &Manifest, row: &Cells) -> Result<Self> {
        let (name, settings) = house.catalogue.raw_owner(owner)?.definition.connector()?;
        let key = table.unique_key.iter();
        Ok(Self {
            house,
            owner,
            mapper: Mapper::new(&house.engine, &house.schemas, owner)?,
            connector: house.registry.open(&name, settings)?,
            part: manifest.part.clone(),
            key: key
                .map(|name| (name.clone(), row.get(name).unwrap_or_default().to_owned()))
                .collect(),
            mappings: 0,
        })
    }

    async fn search(&mut self, pages: Vec<Page>, table: &Table, row: &Cells, trace: &mut RawTrace) -> Result<()> {
        let whole = self.gives(Piece::Pages(pages.clone())).await?;
        let Some(mapped) = whole.row else {
            trace.note = Some("the pipeline of today does not give this row from these pages".to_owned());
            return Ok(());
        };
        trace.differs = differing(table, row, &mapped);
        let groups = matches!(self.owner.definition.rows_per_row, RowsPerRow::Aggregate(_));
        trace.raw_rows = groups.then_some(whole.raw_rows);
        let one = pages.len() == 1;
        for (at, page) in pages.into_iter().enumerate() {
            if !one && self.gives(Piece::Pages(vec![page.clone()])).await?.row.is_none() {
                continue;
            }
            self.search_page(at + 1, page, groups, trace).await?;
            if trace.rows.len() >= if groups { MOST_RAW_ROWS } else { 1 } {
                break;
            }
        }
        if trace.rows.is_empty() && trace.note.is_none() {
            trace.note = Some("no page alone gives the row: map.sql makes it of several together".to_owned());
        }
        if !groups && !trace.rows.is_empty() {
            trace.raw_rows = Some(trace.rows.len() as u64);
        }
        Ok(())
    }

    async fn search_page(&mut self, number: usize, page: Page, groups: bool, trace: &mut RawTrace) -> Result<()> {
        let mut batches = self.decoded(page);
        let mut before = 0_u64;
        let most = if groups { MOST_RAW_ROWS } else { 1 };
        while let Some(batch) = batches.recv().await {
            let batch = batch?;
            // Smallest first, in the order of the page.
            let mut open = vec![(0, batch.num_rows())];
            let mut known_to_give = false;
            while let Some((start, length)) = open.pop() {
                if trace.rows.len() >= most || self.mappings >= MOST_MAPPINGS {
                    break;
                }
                let piece = batch.slice(start, length);
                if !known_to_give && self.gives(Piece::Rows(piece.clone())).await?.row.is_none() {
                    continue;
                }
                known_to_give = false;
                if length == 1 {
                    trace.rows.push(raw_row(number, before + start as u64 + 1, &piece));
                    continue;
                }
                let half = length / 2;
                let (first, second) = ((start, half), (start + half, length - half));
                let first_gives = self
                    .gives(Piece::Rows(batch.slice(first.0, first.1)))
                    .await?
                    .row
                    .is_some();
                let second_gives = self
                    .gives(Piece::Rows(batch.slice(second.0, second.1)))
                    .await?
                    .row
                    .is_some();
                match (first_gives, second_gives) {
                    (false, false) => {
                        trace.note = Some(format!(
                            "rows {} to {} of page {number} give the row together and no half of them alone: map.sql looks at other rows too",
                            before + start as u64 + 1,
                            before + (start + length) as u64
                        ));
                        let shown = length.min(MOST_RAW_ROWS);
                        for at in 0..shown {
                            let row = batch.slice(start + at, 1);
                            trace.rows.push(raw_row(number, before + (start + at) as u64 + 1, &row));
                        }
                    }
                    (true, false) => {
                        open.push(first);
                        known_to_give = true;
                    }
                    (false, true) => {
                        open.push(second);
                        known_to_give = true;
                    }
                    (true, true) => {
                        open.push(second);
                        open.push(first);
                        known_to_give = true;
                    }
                }
            }
            before += batch.num_rows() as u64;
            if trace.rows.len() >= most {
                break;
            }
            if self.mappings >= MOST_MAPPINGS {
                trace.note = Some(format!(
                    "looked for in {MOST_MAPPINGS} pieces of the pages and not further"
                ));
                break;
            }
        }
        Ok(())
    }

    /// The batches of a page, decoded on a thread of their own while they are looked at.
    fn decoded(&self, page: Page) -> mpsc::Receiver<Result<RecordBatch>> {
        let (sender, receiver) = mpsc::channel(1);
        let (connector, part, columns) = (self.connector.clone(), self.part.clone(), self.mapper.columns.clone());
        tokio::task::spawn_blocking(move || {
            let sent = decode(connector.as_ref(), &part, &page, &columns, &mut |batch| {
                sender.blocking_send(Ok(batch)).is_ok()
            });
            if let Err(fault) = sent {
                let _ = sender.blocking_send(Err(fault));
            }
        });
        receiver
    }

    /// Maps a piece and gives what comes out under the key.
    async fn gives(&mut self, piece: Piece) -> Result<Given> {
        self.mappings += 1;
        let mapper = &self.mapper;
        let mapping = mapper
            .engine
            .mapping(&self.owner.sql, &mapper.columns, &self.owner.maps)
            .await?;
        let mut contract = RowContract::plan(
            &mapper.table,
            &mapping.shape,
            &self.house.schemas,
            mapper.rules.clone(),
            true,
        )?;
        let (mut mapped, sender) = mapping.start().await?;
        let sender = sender.ok_or_else(|| Fault::bug("a mapping without raw"))?;
        let (connector, part, columns) = (self.connector.clone(), self.part.clone(), mapper.columns.clone());
        let feeding = tokio::task::spawn_blocking(move || feed(piece, sender, connector.as_ref(), &part, &columns));
        let mut given = Given::default();
        let groups = mapper.rules.aggregate;
        let outcome = async {
            while let Some(batch) = mapped.next().await? {
                // Groups are few, and one at a time tells how many raw rows are in it.
                let step = if groups { 1 } else { batch.num_rows().max(1) };
                for start in (0..batch.num_rows()).step_by(step) {
                    let before = contract.raw_row_sum;
                    let piece = batch.slice(start, step.min(batch.num_rows() - start));
                    let Some(rows) = contract.admit(&piece)?.publish else {
                        continue;
                    };
                    if let Some(row) = self.under_key(&rows, &contract) {
                        given.row = Some(row);
                        given.raw_rows += contract.raw_row_sum - before;
                    }
                }
            }
            Ok::<_, Fault>(())
        }
        .await;
        drop(mapped);
        let fed = feeding
            .await
            .map_err(|error| Fault::bug("decoding stopped").found(error.to_string()))?;
        fed?;
        outcome?;
        Ok(given)
    }

    fn under_key(&self, rows: &RecordBatch, contract: &RowContract) -> Option<Cells> {
        let constants: Vec<(String, Option<String>)> = contract
            .constants()
            .iter()
            .map(|(name, value)| {
                let array = value.to_array().ok().filter(|_| !value.is_null());
                let text = array.and_then(|array| arrow::util::display::array_value_to_string(&array, 0).ok());
                (name.clone(), text)
            })
            .collect();
        let fixed = Cells(constants);
        let varies = |name: &str| rows.schema().index_of(name).is_ok();
        let fits = |(name, value): &(String, String)| varies(name) || fixed.get(name).unwrap_or_default() == value;
        if !self.key.iter().all(fits) {
            return None;
        }
        cells_of(std::slice::from_ref(rows)).into_iter().find_map(|mut row| {
            let fits = |(name, value): &(String, String)| !varies(name) || row.get(name).unwrap_or_default() == value;
            if !self.key.iter().all(fits) {
                return None;
            }
            row.0.extend(fixed.0.iter().cloned());
            Some(row)
        })
    }
}

fn decode(
    connector: &dyn Connector,
    part: &Part,
    page: &Page,
    columns: &SchemaRef,
    sink: &mut dyn FnMut(RecordBatch) -> bool,
) -> Result<()> {
    for batch in connector.decode(part, page, columns)? {
        if !sink(plain(&batch.map_err(unwrap_fault)?)?) {
            break;
        }
    }
    Ok(())
}

fn feed(piece: Piece, sender: RawSender, connector: &dyn Connector, part: &Part, columns: &SchemaRef) -> Result<()> {
    match piece {
        Piece::Rows(batch) => {
            sender.send(Ok(batch));
        }
        Piece::Pages(pages) => {
            for page in pages {
                if let Err(fault) = decode(connector, part, &page, columns, &mut |batch| sender.send(Ok(batch))) {
                    sender.send(Err(Fault::bug("decoding ended")));
                    return Err(fault);
                }
            }
        }
    }
    Ok(())
}

fn raw_row(page: usize, row: u64, batch: &RecordBatch) -> RawRow {
    let cells = cells_of(std::slice::from_ref(batch)).into_iter().next();
    RawRow {
        page,
        row,
        cells: cells.unwrap_or_default(),
    }
}

/// The columns of the table in which the two say something else.
fn differing(table: &Table, published: &Cells, mapped: &Cells) -> Vec<Differing> {
    let names = table.columns.iter().map(|column| column.field.name.as_str());
    names
        .filter(|name| !COMMON.contains(name) && published.get(name) != mapped.get(name))
        .map(|name| Differing {
            column: name.to_owned(),
            published: published.get(name).map(str::to_owned),
            mapped: mapped.get(name).map(str::to_owned),
        })
        .collect()
}
